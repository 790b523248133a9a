"""HTML as arXiv and ar5iv serve it (LaTeXML), and simpler pages, to located text."""

from __future__ import annotations

import re
from collections.abc import Callable

from reproof.text.builder import Builder
from reproof.text.cells import Grid, Raw, spread
from reproof.text.dom import BLOCKS, Element, tree_of
from reproof.text.headings import Numbering, caption, heading
from reproof.text.latex import printed_math
from reproof.text.located import Located, NodeKind
from reproof.text.markdown import span_of
from reproof.text.symbols import raised

HEADINGS = {"h1": 1, "h2": 1, "h3": 2, "h4": 3, "h5": 4, "h6": 4}
HIDDEN = {"ltx_page_header", "ltx_page_footer", "ltx_page_navbar", "ltx_ERROR", "package-alerts",
          "ltx_role_affiliationtext", "html-header-logo", "ar5iv-footer", "ltx_note_type"}  # fmt: skip
EQUATIONS = {"ltx_equation", "ltx_equationgroup", "ltx_eqn_table"}
SPACES = re.compile(r"\s+")


def read_html(source: str) -> Located:
    """The paper on the page `source`."""
    return _Reader(tree_of(source)).read()


class _Reader:
    def __init__(self, root: Element) -> None:
        self.root = root
        self.out = Builder("html")
        self.numbering = Numbering()
        self.later: list[Callable[[], None]] = []
        self.notes = 0

    def read(self) -> Located:
        title = self.root.first(cls="ltx_title_document") or self.root.first("h1")
        if title:
            self.out.title = self.inline(title)
        start = self.root.first("article") or self.root.first("body") or self.root
        self.children(start)
        self.flush()
        return self.out.done()

    def children(self, element: Element) -> None:
        """Write what an element holds."""
        for child in element.children:
            if isinstance(child, str):
                self._words(child)
            else:
                self.element(child)

    def _words(self, words: str) -> None:
        text = SPACES.sub(" ", words)
        if text == " " and (not self.out.parts or self.out.parts[-1].endswith(("\n", " "))):
            return
        self.out.add(raised(text))

    def inline(self, element: Element) -> str:
        """What an element prints, as a string."""
        outer, later = self.out, self.later
        self.out, self.later = Builder("html"), []
        self.children(element)
        printed = " ".join("".join(self.out.parts).split())
        self.out, self.later = outer, later
        return printed

    def flush(self) -> None:
        """Write the footnotes that wait for the end of the paragraph."""
        waiting, self.later = self.later, []
        for write in waiting:
            write()

    def element(self, element: Element) -> None:
        """Write one element."""
        tag, classes = element.tag, element.classes
        if classes & HIDDEN or element.attributes.get("aria-hidden") == "true":
            return
        if tag == "math":
            self._math(element)
        elif tag == "cite" or "ltx_cite" in classes:
            self.out.aside(self.inline(element))
        elif "ltx_note" in classes and "ltx_role_footnote" in classes:
            self._footnote(element)
        elif tag in ("sup", "sub"):
            self._script(element)
        elif tag in HEADINGS:
            self._heading(element)
        elif tag == "figure" or classes & {"ltx_table", "ltx_figure", "ltx_algorithm"}:
            self._figure(element)
        elif classes & EQUATIONS:
            self._equation(element)
        elif tag == "table" and element.first("caption"):
            self._figure(element)
        elif tag == "table" or "ltx_tabular" in classes:
            self.flush()
            self.out.table(self.grid(element))
        elif "ltx_bibliography" in classes:
            self.out.section("References", 1, kind="references")
            self.children(element)
        elif tag == "br":
            self.out.add("\n")
        else:
            self._plain(element)

    def _plain(self, element: Element) -> None:
        block = element.tag in BLOCKS or element.tag in ("li", "dt", "dd", "tr")
        if block:
            self.out.fresh()
        self.children(element)
        if block:
            self.out.fresh()
            if element.tag == "p" or "ltx_para" in element.classes:
                self.flush()

    def _math(self, element: Element) -> None:
        tex = element.attributes.get("alttext", "")
        annotation = element.first("annotation")
        if not tex and annotation:
            tex = annotation.words()
        if tex:
            self.out.add(printed_math(tex))
        else:
            self.out.lose("formulas without TeX source, read as bare symbols")
            self.out.add(raised(SPACES.sub("", element.words())))

    def _script(self, element: Element) -> None:
        text = self.inline(element)
        mark = "^" if element.tag == "sup" else "_"
        if "ltx_note_mark" in element.classes or element.first("a") or element.first("cite"):
            self.out.aside(mark + "{" + text + "}")
        else:
            self.out.add(mark + "{" + text + "}")

    def _footnote(self, element: Element) -> None:
        mark = element.first(cls="ltx_note_mark")
        content = element.first(cls="ltx_note_content") or element
        self.notes += 1
        number = mark.words().strip() if mark else str(self.notes)
        self.out.aside("^{" + number + "}")
        if mark in content.children:
            content.children.remove(mark)

        def write() -> None:
            self.out.fresh()
            start = self.out.length
            self.children(content)
            self.out.fresh()
            self.out.node("footnote", start, number=number)

        self.later.append(write)

    def _heading(self, element: Element) -> None:
        self.flush()
        text = self.inline(element)
        if "ltx_title_document" in element.classes or (element.tag == "h1" and text == self.out.title):
            self.out.line(text)
            return
        if not text:
            return
        found = heading(text, self.numbering, level=HEADINGS[element.tag])
        assert found, "a marked heading is a heading"
        if found.kind == "references" and self.out.open and self.out.open[-1].kind == "references":
            return
        top = element.classes & {"ltx_title_abstract", "ltx_title_acknowledgements", "ltx_title_bibliography"}
        depth = found.number.count(".") + 1 if found.number else 1 if top else found.level
        self.out.section(found.title, depth, number=found.number, kind=found.kind if found.kind != "section" else None)

    def _figure(self, element: Element) -> None:
        self.flush()
        self.out.fresh()
        label = element.first("figcaption", "caption")
        text = self.inline(label) if label else ""
        known = caption(text)
        kind: NodeKind = "figure"
        if known:
            kind = known[0]
        elif element.tag == "table" or "ltx_table" in element.classes or element.first("table", cls="ltx_tabular"):
            kind = "table"
        start, tables = self.out.length, len(self.out.tables)
        if element.tag == "table":
            self.out.line(text)
            self.out.table(self.grid(element), start=start)
        else:
            self.children(element)
        self.out.fresh()
        number, title = (known[1], known[2]) if known else ("", text)
        self.out.node(kind, start, number=number, title=title[:300])
        for index in range(tables, len(self.out.tables)):
            if not self.out.tables[index].caption:
                update = {"number": number, "caption": title}
                self.out.tables[index] = self.out.tables[index].model_copy(update=update)

    def _equation(self, element: Element) -> None:
        tag = element.first(cls="ltx_tag_equation")
        maths = [e for e in element.walk() if e.tag == "math"]
        tex = " ".join(math.attributes.get("alttext", "") for math in maths).strip()
        if not tex:
            self._plain(Element("div", {}, element.children))
            return
        shown = "  ".join(printed_math(math.attributes.get("alttext", "")) for math in maths)
        self.out.equation(shown, number=tag.words().strip("() \n") if tag else "", tex=tex)

    def grid(self, element: Element) -> Grid:
        """The cells of a table, whether of table tags or of LaTeXML's spans."""
        rows: Grid = []
        for row in element.walk():
            if row.tag == "tr" or "ltx_tr" in row.classes:
                cells = [c for c in row.children if isinstance(c, Element) and self._is_cell(c)]
                made = [self._cell(cell) for cell in cells]
                if made:
                    rows.append(made)
        return spread(rows, covered=False)

    @staticmethod
    def _is_cell(element: Element) -> bool:
        return element.tag in ("td", "th") or bool(element.classes & {"ltx_td", "ltx_th"})

    def _cell(self, cell: Element) -> Raw:
        width, down = (span_of(cell.attributes.get(key)) for key in ("colspan", "rowspan"))
        bold = any(e.tag in ("b", "strong") or "ltx_font_bold" in e.classes
                   or "\\mathbf" in e.attributes.get("alttext", "") for e in cell.walk())  # fmt: skip
        header = cell.tag == "th" or "ltx_th" in cell.classes
        column_header = "ltx_th_column" in cell.classes or (header and "ltx_th_row" not in cell.classes)
        return Raw(self.inline(cell), bold, width, True if column_header else None, down)
