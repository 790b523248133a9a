"""`helpers/inventory.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reproof.cli import Command, run
from reproof.inventory.answers import decide, read
from reproof.inventory.compared import compare
from reproof.inventory.models import CompareRequest, ReadRequest, TagRequest
from reproof.inventory.overrides import DEFAULT
from reproof.inventory.walk import LARGEST_BYTES


def _read_by(request: ReadRequest) -> list[Path]:
    """The source, and the overrides. A checkout with data of gigabytes is hashed by the files that were read."""
    tags = request.tags or DEFAULT
    sources = [request.source] if request.source.exists() and _is_small(request.source) else []
    return sources + ([tags] if tags.is_file() else [])


def _is_small(source: Path) -> bool:
    return source.is_file() or all(
        p.stat().st_size <= 8 * LARGEST_BYTES for p in source.rglob("*") if p.is_file() and not p.is_symlink()
    )


COMMANDS = {
    "read": Command(
        ReadRequest, read, template="inventory_read.md.jinja", help="what a repository or package holds, with "
                                                            "file:line",
        reads=_read_by,
    ),
    "tag": Command(
        TagRequest, decide, template="inventory_tag.md.jinja", help="record that a unit is core or engineering, "
                                                            "with the reason",
        keeps_evidence=False,
    ),
    "compare": Command(
        CompareRequest, compare, template="inventory_compare.md.jinja", help="hyperparameters of a reference "
                                                            "against a port",
    ),
}  # fmt: skip


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the inventory helper."""
    return run(COMMANDS, argv, name="inventory", doc=doc)
