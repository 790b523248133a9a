"""Put a canonical text together piece by piece; every reader writes into one of these."""

from __future__ import annotations

import re

from reproof.text.cells import Grid, cells_of, untangled
from reproof.text.located import Equation, Kind, Located, Node, NodeKind, Table

SPACES = re.compile(r"[ \t\f\v\u00a0\u2000-\u200a\u202f\u3000]+")
MAX_CHARS = 16 * 2**20


class TooMuchText(Exception):
    """The text grew beyond what any paper has."""


class Builder:
    """Canonical text with open and closed nodes. Sections nest; floats and footnotes are closed at once."""

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind
        self.title = ""
        self.parts: list[str] = []
        self.length = 0
        self.nodes: list[Node] = []
        self.open: list[Node] = []
        self.tables: list[Table] = []
        self.equations: list[Equation] = []
        self.pages: list[tuple[int, int]] = []
        self.asides: list[tuple[int, int]] = []
        self.opaque: list[int] = []
        self.lost: dict[str, int] = {}
        self.in_appendix = False

    def add(self, text: str) -> tuple[int, int]:
        """Append text as it is; returns its span."""
        start = self.length
        if text:
            self.parts.append(text)
            self.length += len(text)
        if self.length > MAX_CHARS:
            raise TooMuchText
        return start, self.length

    def line(self, text: str) -> tuple[int, int]:
        """Append text as a line of its own."""
        self.fresh()
        span = self.add(text)
        self.add("\n")
        return span

    def fresh(self) -> None:
        """Begin a new line unless one has begun."""
        if self.parts and not self.parts[-1].endswith("\n"):
            self.add("\n")

    def aside(self, text: str, *, opaque: bool = False) -> None:
        """Append a citation or footnote mark, which quotes may leave out."""
        span = self.add(text)
        if span[1] > span[0]:
            self.asides.append(span)
            if opaque:
                self.opaque.append(span[0])

    def page(self, number: int) -> None:
        """What follows was printed on this page."""
        if not self.pages or self.pages[-1][1] != number:
            self.pages.append((self.length, number))

    def section(
        self, title: str, level: int, *, number: str = "", kind: NodeKind | None = None, source: str = ""
    ) -> None:
        """A heading: closes open sections of its level and below, and opens its own."""
        self.fresh()
        self.close(level)
        self.in_appendix = self.in_appendix or kind == "appendix" or bool(re.match(r"(?i)appendi|supplement", title))
        made: NodeKind = kind or ("appendix" if self.in_appendix else "section")
        page = self.pages[-1][1] if self.pages else None
        node = Node(kind=made, number=number, title=title, level=level, start=self.length, end=self.length,
                    page=page, source=source)  # fmt: skip
        self.open.append(node)
        self.line(f"{number} {title}".strip())

    def close(self, level: int = 0) -> None:
        """End the open sections whose level is at least `level`."""
        while self.open and self.open[-1].level >= level:
            node = self.open.pop()
            self.nodes.append(node.model_copy(update={"end": self.length}))

    def node(self, kind: NodeKind, start: int, *, number: str = "", title: str = "", source: str = "") -> None:
        """A closed node from `start` to here."""
        page = next((p for offset, p in reversed(self.pages) if offset <= start), None)
        self.nodes.append(
            Node(kind=kind, number=number, title=title, start=start, end=self.length, page=page, source=source)
        )

    def equation(self, shown: str, *, number: str = "", tex: str = "") -> None:
        """A display equation; `shown` stands in the canonical text."""
        self.fresh()
        start, end = self.add(shown.strip())
        self.add("\n")
        self.equations.append(Equation(number=number, tex=tex, start=start, end=end))

    def table(self, grid: Grid, *, number: str = "", caption: str = "", start: int | None = None) -> None:
        """A table's rows, one line each, and its cells."""
        self.fresh()
        begin = self.length if start is None else start
        rows = []
        for row in untangled(grid):
            placed = []
            for column, cell in enumerate(row):
                if column:
                    self.add(" | ")
                placed.append((cell, self.add(cell.text)))
            self.add("\n")
            rows.append(placed)
        page = self.pages[-1][1] if self.pages else None
        header_rows, cells = cells_of(rows)
        self.tables.append(
            Table(number=number, caption=caption, start=begin, end=self.length, page=page,
                  header_rows=header_rows, cells=cells)
        )  # fmt: skip

    def lose(self, what: str, count: int = 1) -> None:
        """Something that could not be recovered."""
        self.lost[what] = self.lost.get(what, 0) + count

    def done(self) -> Located:
        """The finished document."""
        self.close()
        lost = [f"{count} {what}" if count else what for what, count in self.lost.items()]
        return Located(
            kind=self.kind,
            title=self.title,
            text="".join(self.parts),
            nodes=sorted(self.nodes, key=lambda node: (node.start, -node.end)),
            tables=self.tables,
            equations=self.equations,
            pages=self.pages,
            asides=sorted(self.asides),
            opaque=self.opaque,
            lost=lost,
        )
