"""A small tree of an HTML page. The standard library reads what arXiv and ar5iv serve; no parser to install."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "meta", "link", "col", "source", "wbr", "area", "base", "embed", "track", "param"}
UNREAD = {"script", "style", "noscript", "template", "svg", "button", "nav", "head", "iframe", "object", "canvas"}
CLOSES = {
    "p": {"p"}, "li": {"li"}, "tr": {"tr", "td", "th"}, "td": {"td", "th"}, "th": {"td", "th"}, "dt": {"dt", "dd"},
    "dd": {"dt", "dd"}, "thead": {"tr", "td", "th"}, "tbody": {"tr", "td", "th", "thead"}, "option": {"option"},
}  # fmt: skip
SCOPES = {"table", "ul", "ol", "div", "section", "article", "figure", "body"}
BLOCKS = {"p", "div", "section", "article", "ul", "ol", "dl", "table", "figure", "pre", "blockquote",
          "h1", "h2", "h3", "h4", "h5", "h6"}  # fmt: skip
MAX_DEPTH = 150  # a page that nests deeper is flattened: recursion must not be its to exhaust


@dataclass
class Element:
    """A tag with its attributes and what it holds."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        """The words of its class attribute."""
        return set(self.attributes.get("class", "").split())

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def first(self, *tags: str, cls: str = "") -> Element | None:
        """The first element below with one of these tags or this class."""
        return next((e for e in self.walk() if e is not self and (e.tag in tags or (cls and cls in e.classes))), None)

    def words(self) -> str:
        """All text below."""
        return "".join(c if isinstance(c, str) else c.words() for c in self.children)


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("html")
        self.stack = [self.root]
        self.unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNREAD:
            self.unread += 1
        if self.unread:
            return
        self._imply(tag)
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.stack[-1].children.append(element)
        if tag not in VOID and len(self.stack) < MAX_DEPTH:
            self.stack.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.unread and tag not in UNREAD:
            self.stack[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def _imply(self, tag: str) -> None:
        """Close what an opening tag closes without saying so."""
        closed = CLOSES.get(tag, {"p"} if tag in BLOCKS else set())
        for at in range(len(self.stack) - 1, 0, -1):
            if self.stack[at].tag in SCOPES:
                break
            if self.stack[at].tag in closed:
                del self.stack[at:]

    def handle_endtag(self, tag: str) -> None:
        if tag in UNREAD:
            self.unread = max(0, self.unread - 1)
            return
        if self.unread:
            return
        for at in range(len(self.stack) - 1, 0, -1):
            if self.stack[at].tag == tag:
                del self.stack[at:]
                return

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.stack[-1].children.append(data)


def tree_of(source: str) -> Element:
    """The page as a tree; never fails, as browsers never do."""
    parser = _Tree()
    parser.feed(source)
    parser.close()
    return parser.root
