"""Which lines are headings and captions, and whether their numbers make sense in order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reproof.text.located import NodeKind

NUMBERED = re.compile(r"^(?:(?P<word>Appendix|Section|APPENDIX)\s+)?(?P<number>(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){0,3})"
                      r"(?:\.|:)?(?:\s+(?P<title>\S.*))?$")  # fmt: skip
NAMED = re.compile(
    r"^(?:abstract|introduction|related works?|background|preliminaries|methods?|experiments?|results|discussion|"
    r"limitations?|conclusions?|acknowledge?ments?|references|bibliography|(?:supplementary|appendi|reproducib|ethics|"
    r"broader|author contributions).{0,60})$",
    re.IGNORECASE,
)
CAPTION = re.compile(
    r"^\s*(?:\*\*|__)?(?P<kind>Table|Tab\.|Figure|Fig\.|Algorithm|Listing|TABLE|FIGURE|ALGORITHM)\s?"
    r"(?P<number>[A-Z]?\.?\d{1,3}(?:\.\d{1,2})?)(?:\*\*|__)?\s*(?:[:.|]|(?=\s[A-Z]))\s*(?:\*\*|__)?(?P<title>.*)$",
    re.DOTALL,
)
REFERENCES = re.compile(r"^(?:references|bibliography|literature cited)$", re.IGNORECASE)
FLOAT_KINDS: dict[str, NodeKind] = {"t": "table", "f": "figure", "a": "algorithm", "l": "algorithm"}


@dataclass(frozen=True)
class Heading:
    """A heading line, understood."""

    number: str
    title: str
    level: int
    kind: NodeKind


@dataclass
class Numbering:
    """Accepts numbered headings only in an order that sections can have."""

    last: list[int] = field(default_factory=list)
    letters: bool = False
    count: int = 0

    def follows(self, number: str, *, loose: bool = False) -> bool:
        """Whether a heading with this number may come next.

        >>> n = Numbering(); [n.follows(x) for x in ("1", "2", "2.1", "7", "2.2", "A", "A.1", "3")]
        [True, True, True, False, True, True, True, False]
        """
        parts = number.split(".")
        is_letter = parts[0].isalpha()
        if self.letters and not is_letter:
            return False
        steps = [ord(parts[0]) - 64 if is_letter else int(parts[0]), *map(int, parts[1:])]
        before = [] if is_letter and not self.letters else self.last
        in_order = (loose and (not is_letter or self.letters or parts[0] == "A")) or self._next(before, steps)
        good = in_order and (not is_letter or bool(self.count) or len(steps) > 1)
        if good:
            self.last, self.letters, self.count = steps, is_letter, self.count + 1
        return good

    @staticmethod
    def _next(before: list[int], steps: list[int]) -> bool:
        depth = len(steps)
        if depth > len(before) + 1:
            return False
        if depth == len(before) + 1:
            return steps[:-1] == before and steps[-1] <= 1
        same = before[: depth - 1] == steps[:-1]
        step = steps[-1] - before[depth - 1]
        return same and step == 1


def heading(text: str, numbering: Numbering, *, level: int = 0) -> Heading | None:
    """`text` as a heading, or None. A level says that the format marks it as one already."""
    line = " ".join(text.split()).strip("*_ ")
    if not line or len(line) > 200:
        return None
    match = NUMBERED.match(line)
    if match and (match["title"] or match["word"] or level):
        number, title = match["number"], match["title"] or ""
        appendix = number[0].isalpha()
        if _is_title(title, level) and numbering.follows(number, loose=bool(level)):
            depth = level or number.count(".") + 1
            return Heading(number, title, depth, "appendix" if appendix else "section")
    if NAMED.match(line) or level:
        kind: NodeKind = "references" if REFERENCES.match(line) else "section"
        return Heading("", line, level or 1, kind)
    return None


def _is_title(title: str, level: int) -> bool:
    if level:
        return True
    letters = sum(c.isalpha() for c in title)
    return title[:1].isupper() and letters >= 3 and letters > 0.6 * len(title.replace(" ", "")) and len(title) < 100 \
        and not title.endswith((".", ",", ";"))  # fmt: skip


def caption(text: str) -> tuple[NodeKind, str, str] | None:
    """(kind, number, title) of a float's caption, or None.

    >>> caption("Table 2: FID on CIFAR-10")
    ('table', '2', 'FID on CIFAR-10')
    """
    match = CAPTION.match(text)
    if not match:
        return None
    return FLOAT_KINDS[match["kind"][0].lower()], match["number"], " ".join(match["title"].split())
