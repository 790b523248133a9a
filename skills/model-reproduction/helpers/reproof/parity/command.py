# ruff: noqa: E501
"""The command line of `parity.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reproof.cli import Command, run
from reproof.parity.models import (
    BisectRequest,
    CheckRequest,
    CompareRequest,
    ConvertRequest,
    RecordRequest,
    SelftestRequest,
)
from reproof.records import Answer


def _late(name: str) -> Callable[[Any], Any]:
    """The answer, imported when it is asked for: --help stays fast."""

    def ask(request: Any) -> Answer:
        from reproof.parity import check

        found: Answer = getattr(check, name)(request)
        return found

    return ask


def _reads(request: Any) -> list[Path]:
    from reproof.parity import check

    return check.reads(request)


COMMANDS = {
    "check": Command(CheckRequest, _late("check"), "parity_check.md.jinja", "climb the ladder", reads=_reads),
    "bisect": Command(BisectRequest, _late("bisect"), "parity_bisect.md.jinja", "narrow a divergence to one operation", reads=_reads),
    "selftest": Command(SelftestRequest, _late("selftest"), "parity_selftest.md.jinja", "inject faults into the port", reads=_reads),
    "record": Command(RecordRequest, _late("record"), "parity_files.md.jinja", "record the reference for another machine", reads=_reads),
    "convert": Command(ConvertRequest, _late("convert"), "parity_files.md.jinja", "carry weights over with a saved map"),
    "compare": Command(CompareRequest, _late("compare"), "parity_compare.md.jinja", "compare recorded tensors of any framework"),
}  # fmt: skip


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line."""
    return run(COMMANDS, argv, "parity", doc)
