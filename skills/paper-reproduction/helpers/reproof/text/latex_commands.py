r"""What LaTeX commands print: sections, citations, references, footnotes, captions, quantities."""

from __future__ import annotations

import re

from reproof.text import latex_words as words
from reproof.text.latex_reader import Handler, Reader
from reproof.text.latex_scan import argument, optional, skip_space


def section(reader: Reader, text: str, end: int) -> int:
    """A heading of any level; its title is read, its number is counted."""
    name, starred = reader.command
    _, end = optional(text, end)
    content, _, end = argument(text, end)
    level = words.SECTIONS[name]
    title = " ".join(reader.inline(content).split())
    if level >= 4:
        reader.out.section(title, level, source=reader.flat.place(reader.place))
        return end
    reader.flush()
    number = "" if starred else reader.next_number(level)
    reader.current = ("appendix" if reader.out.in_appendix else "section", number)
    reader.out.section(title, level, number=number, source=reader.flat.place(reader.place))
    return end


def appendix(reader: Reader, _: str, end: int) -> int:
    """From here on sections are appendices, numbered by letters."""
    reader.flush()
    reader.out.close(1)
    reader.out.in_appendix = True
    reader.counts = [0] * 6
    return end


def cite(reader: Reader, text: str, end: int) -> int:
    """A citation: what is printed there is not known, so quotes may say it or leave it out."""
    for _ in range(2):
        end = optional(text, end)[1]
    keys, _, end = argument(text, end)
    reader.out.aside("[" + ", ".join(key.strip() for key in keys.split(",")) + "]", opaque=True)
    return end


def ref(reader: Reader, text: str, end: int) -> int:
    """The number that the label was given."""
    eqref = reader.command[0] == "eqref"
    content, _, end = argument(text, end)
    printed = []
    for label in content.split(","):
        kind, number = reader.known.get(label.strip(), ("", ""))
        word = words.REF_WORDS.get(kind, "") + " " if reader.command[0] in ("cref", "Cref", "autoref") else ""
        printed.append(word + number if number else "")
    if all(printed):
        reader.out.add(f"({printed[0]})" if eqref else ", ".join(printed))
    else:
        reader.out.aside("??", opaque=True)
    return end


def label(reader: Reader, text: str, end: int) -> int:
    """Remember what the number of the current section or float is known by."""
    content, _, end = argument(text, end)
    reader.labels[content.strip()] = reader.current
    return end


def footnote(reader: Reader, text: str, end: int) -> int:
    """A mark here; the note itself at the end of the paragraph, so that the sentence stays whole."""
    _, end = optional(text, end)
    content, _, end = argument(text, end)
    number = str(reader.count("footnote"))
    reader.out.aside("^{" + number + "}")
    place = reader.flat.place(reader.place)

    def write() -> None:
        reader.out.fresh()
        start = reader.out.length
        reader.walk(content)
        reader.out.fresh()
        reader.out.node("footnote", start, number=number, source=place)

    reader.later.append(write)
    return end


def caption(reader: Reader, text: str, end: int) -> int:
    """The caption of the float around it."""
    _, end = optional(text, end)
    content, _, end = argument(text, end)
    start = reader.out.length
    reader.walk(content)
    reader.caption = " ".join("".join(reader.out.parts)[start - reader.out.length :].split()) or reader.caption
    reader.out.add("\n")
    return end


def item(reader: Reader, text: str, end: int) -> int:
    """A list item."""
    label, end = optional(text, end)
    reader.out.fresh()
    reader.out.add("• " if label is None else reader.inline(label) + " ")
    return skip_space(text, end)


def fraction(reader: Reader, text: str, end: int) -> int:
    """Above / below."""
    above, _, end = argument(text, end)
    below, _, end = argument(text, end)
    reader.walk(above)
    reader.out.add("/")
    reader.walk(below)
    return end


def verbatim(reader: Reader, text: str, end: int) -> int:
    """An argument that is printed as it is."""
    content, _, end = argument(text, end)
    reader.out.add(content)
    return end


def verb(reader: Reader, text: str, end: int) -> int:
    """Text between two equal characters."""
    close = text.find(text[end : end + 1], end + 1)
    if not 0 <= close < end + 300:
        return end
    reader.out.add(text[end + 1 : close])
    return close + 1


def first(reader: Reader, text: str, end: int) -> int:
    """The first of two versions, the one that is printed."""
    content, _, end = argument(text, end)
    reader.walk(content)
    return argument(text, end)[2]


def text_in_math(reader: Reader, text: str, end: int) -> int:
    """Words inside mathematics."""
    content, _, end = argument(text, end)
    before, reader.math = reader.math, False
    reader.walk(content)
    reader.math = before
    return end


def raise_(reader: Reader, text: str, end: int) -> int:
    """A superscript outside mathematics."""
    content, _, end = argument(text, end)
    reader.out.add("^{" + reader.inline(content) + "}")
    return end


def ensure(reader: Reader, text: str, end: int) -> int:
    """Mathematics, wherever it stands."""
    content, _, end = argument(text, end)
    reader.mathematics(content)
    return end


def quantity(reader: Reader, text: str, end: int) -> int:
    """A number with its unit, as siunitx prints it."""
    name = reader.command[0]
    _, end = optional(text, end)
    number, _, end = argument(text, end)
    reader.out.add(reader.inline(number, math=True))
    if name != "num":
        unit, _, end = argument(text, end)
        short = re.sub(r"\\([A-Za-z]+)\s*", lambda m: words.UNITS.get(m[1], m[1]), unit)
        reader.out.add(" " + short)
    return end


def definition(reader: Reader, text: str, end: int) -> int:
    """A macro's definition prints nothing."""
    return reader.definition(text, end)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(words.SECTIONS, section),
    **dict.fromkeys(words.REFS, ref),
    **dict.fromkeys(("frac", "dfrac", "tfrac", "nicefrac"), fraction),
    **dict.fromkeys(("text", "mbox", "textnormal", "textrm"), text_in_math),
    **dict.fromkeys(("SI", "qty", "num"), quantity),
    **dict.fromkeys(("footnote", "thanks"), footnote),
    **dict.fromkeys(("url", "nolinkurl"), verbatim),
    **dict.fromkeys(
        ("newcommand", "renewcommand", "def", "providecommand", "DeclareMathOperator", "DeclareRobustCommand"),
        definition,
    ),
    "cite": cite,
    "caption": caption,
    "label": label,
    "item": item,
    "appendix": appendix,
    "verb": verb,
    "texorpdfstring": first,
    "textsuperscript": raise_,
    "ensuremath": ensure,
}
