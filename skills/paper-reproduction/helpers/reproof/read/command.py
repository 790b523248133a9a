"""`helpers/read.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.read.answers import find_candidates, find_claims, text
from reproof.read.models import CandidatesRequest, ClaimsRequest, TextRequest

PACKAGES = ("pypdfium2",)
COMMANDS = {
    "text": Command(
        TextRequest,
        text,
        template="read_text.md.jinja",
        help="the paper as located text: sections, tables as cells, equations, footnotes, and what was lost",
        packages=PACKAGES,
        keeps_evidence=False,
    ),
    "candidates": Command(
        CandidatesRequest,
        find_candidates,
        template="read_candidates.md.jinja",
        help="everything that looks like a hyperparameter, with its place and sentence",
        packages=PACKAGES,
        keeps_evidence=False,
    ),
    "claims": Command(
        ClaimsRequest,
        find_claims,
        template="read_claims.md.jinja",
        help="every number of every results table as a claim",
        packages=PACKAGES,
        keeps_evidence=False,
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the read helper."""
    return run(COMMANDS, argv, name="read", doc=doc)
