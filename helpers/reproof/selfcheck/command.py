"""`helpers/selfcheck.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from reproof.cli import NO, OK, Command, run
from reproof.selfcheck.gate import gate
from reproof.selfcheck.models import (
    BundleAnswer,
    BundleRequest,
    GateRequest,
    HookAnswer,
    HookRequest,
    ReportRequest,
    SelfcheckAnswer,
    StopRequest,
)
from reproof.selfcheck.stop import BLOCK, stop

TEMPLATE = "selfcheck_gate.md.jinja"


def _report(request: ReportRequest) -> SelfcheckAnswer:
    from reproof.selfcheck.publish import report  # jinja2 only when a report is written

    return report(request)


def _bundle(request: BundleRequest) -> BundleAnswer:
    from reproof.selfcheck.bundle import bundle  # jinja2 only when a report is looked at

    return bundle(request)


def _hook(request: HookRequest) -> HookAnswer:
    from reproof.selfcheck.hook import hook

    return hook(request)


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
    "bundle": Command(
        BundleRequest,
        _bundle,
        template="selfcheck_bundle.md.jinja",
        help="write the release archive: a stranger checks it and runs it again with one command",
        keeps_evidence=False,
    ),
    "hook": Command(
        HookRequest,
        _hook,
        template="selfcheck_hook.md.jinja",
        help="switch the stop gate on or off in an agent's settings",
        keeps_evidence=False,
    ),
    "stop": Command(
        StopRequest,
        stop,
        template="selfcheck_stop.md.jinja",
        help="what the stop gate runs; exit 2 sends the agent back to work",
        keeps_evidence=False,
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the selfcheck helper."""
    words = list(sys.argv[1:] if argv is None else argv)
    code = run(COMMANDS, words, name="selfcheck", doc=doc)
    if words[:1] == ["stop"]:  # the agent's contract, not ours: 2 is "go on", anything else lets it stop
        return BLOCK if code == NO else OK
    return code
