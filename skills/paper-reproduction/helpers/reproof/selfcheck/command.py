"""`helpers/selfcheck.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reproof.cli import Command, run
from reproof.selfcheck.gate import gate
from reproof.selfcheck.models import GateRequest, ReportRequest, SelfcheckAnswer

TEMPLATE = "selfcheck_gate.md.jinja"


def _report(request: ReportRequest) -> SelfcheckAnswer:
    from reproof.selfcheck.publish import report  # jinja2 only when a report is written

    return report(request)


READ = ("plan.yaml", "requirements.txt", "src", "configs")


def _reads(request: GateRequest | ReportRequest) -> list[Path]:
    """What is hashed into the gate's own record; the other records hold their own hashes."""
    results = sorted((request.project / "results").glob("*/seed*/records.jsonl"))
    return [path for path in (*(request.project / name for name in READ), *results) if path.exists()]


COMMANDS = {
    "gate": Command(
        GateRequest,
        gate,
        template=TEMPLATE,
        help="look at everything again; what passes, what does not, and the command for each gap",
        reads=_reads,
    ),
    "report": Command(
        ReportRequest,
        _report,
        template=TEMPLATE,
        help="write report.md, report.html and report.json from the records",
        reads=_reads,
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the selfcheck helper."""
    return run(COMMANDS, argv, name="selfcheck", doc=doc)
