"""A paper as located text: one canonical text, and what stands where in it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal

from pydantic import Field

from reproof.records import Record

Kind = Literal["pdf", "latex", "html", "markdown", "text", "s2orc"]
NodeKind = Literal["front", "section", "appendix", "table", "figure", "algorithm", "equation", "footnote", "references"]
FLOATS = ("table", "figure", "algorithm")
SHOWN_CHARS = 60


class Node(Record):
    """A section, appendix, float, equation or footnote, as a span of the canonical text."""

    kind: NodeKind
    number: str = Field("", description="as printed, like 3.1, E.2 or 4")
    title: str = Field("", description="heading or caption")
    level: int = Field(0, description="1 for a section, 2 for a subsection; 0 for what is not a heading")
    start: int
    end: int
    page: int | None = None
    source: str = Field("", description="file:line of a LaTeX source")

    @property
    def name(self) -> str:
        """How a person would cite it.

        >>> Node(kind="appendix", number="E.2", title="Images", start=0, end=1).name
        'Appendix E.2 Images'
        """
        if self.kind in ("section", "appendix"):
            word = "Appendix" if self.kind == "appendix" else "Section" if self.number else ""
            return " ".join(part for part in (word, self.number, self.title) if part)
        word = f"{self.kind.capitalize()} {self.number}".strip()
        short = self.title if len(self.title) <= SHOWN_CHARS else self.title[:SHOWN_CHARS].rstrip() + "…"
        return f"{word}: {short}" if short and not self.number and self.kind in FLOATS else word


class Cell(Record):
    """One cell of a table."""

    row: int
    column: int
    text: str
    header: list[str] = Field(default_factory=list, description="texts of the header cells above, from the top")
    row_header: str = Field("", description="text of the first cell of the row")
    value: float | None = None
    unit: str = ""
    spread: str = Field("", description="what stands behind ±")
    bold: bool = False
    start: int = 0
    end: int = 0


class Table(Record):
    """A table as cells; its node says where it stands."""

    number: str = ""
    caption: str = ""
    start: int
    end: int
    page: int | None = None
    header_rows: int = 0
    cells: list[Cell] = Field(default_factory=list)

    @property
    def name(self) -> str:
        """Like Table 2."""
        return f"Table {self.number}".strip()


class Equation(Record):
    """A display equation."""

    number: str = ""
    tex: str = Field("", description="its source, where the format has one")
    start: int
    end: int


class Located(Record):
    """What a reader makes of a paper."""

    kind: Kind
    title: str = ""
    text: str
    nodes: list[Node] = Field(default_factory=list)
    tables: list[Table] = Field(default_factory=list)
    equations: list[Equation] = Field(default_factory=list)
    pages: list[tuple[int, int]] = Field(default_factory=list, description="(offset, page) where a page's text begins")
    asides: list[tuple[int, int]] = Field(default_factory=list, description="spans of citations and footnote marks")
    opaque: list[int] = Field(default_factory=list, description="starts of asides whose printed form is unknown")
    lost: list[str] = Field(default_factory=list, description="what could not be recovered")

    def page(self, offset: int) -> int | None:
        """The page that `offset` was printed on, where the format has pages."""
        at = bisect_right(self.pages, (offset, 10**9)) - 1
        return self.pages[at][1] if at >= 0 else None

    def at(self, offset: int) -> Node | None:
        """The narrowest node around `offset`; a float before the section that it floats in."""
        around = [node for node in self.nodes if node.start <= offset < node.end]
        return min(around, key=lambda node: (node.kind not in FLOATS, node.end - node.start), default=None)

    def where(self, offset: int) -> str:
        """Page and node of `offset` in words."""
        node, page = self.at(offset), self.page(offset)
        return ", ".join(part for part in (node.name if node else "", f"page {page}" if page else "") if part)
