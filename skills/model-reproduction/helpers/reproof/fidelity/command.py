"""`helpers/fidelity.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.fidelity.answers import compare, placeholders
from reproof.fidelity.frozen import check, freeze, optimise
from reproof.fidelity.graphs import graphs
from reproof.fidelity.models import (
    CheckRequest,
    CompareRequest,
    FreezeRequest,
    GraphsRequest,
    OptimiseRequest,
    PlaceholdersRequest,
)

COMMANDS = {
    "compare": Command(
        CompareRequest, compare, template="fidelity_compare.md.jinja", help="the port's algorithm against the "
                                                            "reference's, unit by unit",
    ),
    "graphs": Command(
        GraphsRequest, graphs, template="fidelity_graphs.md.jinja", help="operators of reference and port, exported, "
                                                            "in order: a place to look, no verdict",
    ),
    "placeholders": Command(
        PlaceholdersRequest, placeholders, template="fidelity_placeholders.md.jinja", help="code that only "
                                                            "looks finished",
    ),
    "freeze": Command(
        FreezeRequest, freeze, template="fidelity_freeze.md.jinja", help="write down the accepted core: a "
                                                            "digest of every unit",
    ),
    "check": Command(
        CheckRequest, check, template="fidelity_check.md.jinja", help="is the core still what was frozen",
    ),
    "optimise": Command(
        OptimiseRequest, optimise, template="fidelity_optimise.md.jinja", help="log an optimisation with parity "
                                                            "before and after",
    ),
}  # fmt: skip


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the fidelity helper."""
    return run(COMMANDS, argv, name="fidelity", doc=doc)
