r"""One text from many LaTeX files: the main file found, \input followed, comments taken out, lines remembered."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reproof.errors import PackError
from reproof.text.archives import Sources

COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n[ \t]*(?![ \t\n])|(?=\n)|\Z)")
INPUT = re.compile(r"\\(?:input|include|subfile|subimport\*?\{[^{}]*\}|import\*?\{[^{}]*\})\s*\{([^{}]{1,300})\}"
                   r"|\\input\s+([\w./-]{1,200})")  # fmt: skip
FALSE = re.compile(r"\\iffalse\b.*?\\fi\b", re.DOTALL)
COMMENT_ENV = re.compile(r"\\begin\{comment\}.*?\\end\{comment\}", re.DOTALL)
VERBATIM = re.compile(r"\\begin\{(verbatim|lstlisting|minted)\}.*?\\end\{\1\}", re.DOTALL)
PREFERRED = ("main.tex", "ms.tex", "paper.tex", "article.tex", "arxiv.tex", "root.tex")
MAX_DEPTH, MAX_CHARS, MAX_FILES = 25, 16 * 2**20, 500


@dataclass
class Flat:
    """The whole source as one text."""

    text: str
    lost: list[str]
    begins: list[int] = field(default_factory=list)
    places: list[tuple[str, int]] = field(default_factory=list)

    def place(self, offset: int) -> str:
        """Like sections/method.tex:12."""
        at = bisect_right(self.begins, offset) - 1
        if at < 0:
            return ""
        file, line = self.places[at]
        return f"{file}:{line}"


def flatten(sources: Sources) -> Flat:
    """The paper's text from its main file on.

    Raises:
        PackError: no LaTeX file in it.
    """
    names = [name for name in sources.files if name.lower().endswith((".tex", ".ltx", ".latex"))]
    if not names:
        raise PackError(
            "paper-format",
            "no .tex file in the LaTeX source",
            why="there is nothing to read",
            fix="pass the folder or archive that holds the paper's .tex files, or the PDF",
        )
    flattener = _Flattener(sources)
    flattener.include(_main(sources, names, flattener.lost), 0)
    return Flat("".join(flattener.parts), flattener.lost, flattener.begins, flattener.places)


def from_file(path: Path) -> Sources:
    r"""A .tex file and, from its own folder, the files it reaches by \input."""
    sources, due = Sources(), [path.name]
    while due and len(sources.files) < MAX_FILES:
        name = due.pop()
        found = path.parent / name
        if name in sources.files or not found.is_file() or not found.resolve().is_relative_to(path.parent.resolve()):
            continue
        sources.put(name, found.read_bytes())
        base = posixpath.dirname(name)
        for match in INPUT.finditer(sources.files[name]):
            wanted = (match[1] or match[2]).strip()
            for folder in {"", base}:
                joined = posixpath.normpath(posixpath.join(folder, wanted))
                if not joined.startswith("..") and not joined.startswith("/"):
                    due += [joined, joined + ".tex"]
    return sources


def _main(sources: Sources, names: list[str], lost: list[str]) -> str:
    whole = [name for name in names if re.search(r"\\begin\s*\{document\}", sources.files[name])]
    if not whole:
        lost.append("no file has \\begin{document}; the largest was read")
        return max(names, key=lambda name: len(sources.files[name]))
    rank = {name: index for index, name in enumerate(PREFERRED)}
    best = min(whole, key=lambda n: (n.count("/"), rank.get(n.rpartition("/")[2].lower(), 99), -len(sources.files[n])))
    if len(whole) > 1:
        lost.append(f"{len(whole)} files have \\begin{{document}}; {best} was read")
    return best


class _Flattener:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.parts: list[str] = []
        self.length = 0
        self.begins: list[int] = []
        self.places: list[tuple[str, int]] = []
        self.lost: list[str] = list(sources.lost)
        self.active: list[str] = []

    def include(self, name: str, depth: int) -> None:
        """Append one file, and in their places the files it includes."""
        if depth > MAX_DEPTH or name in self.active:
            self.lost.append(f"{name} includes itself; the inner \\input was not followed")
            return
        self.active.append(name)
        source = self.sources.files[name].replace("\r\n", "\n").replace("\r", "\n")
        text, lines = _without_comments(source)
        at = 0
        for match in INPUT.finditer(text):
            self._put(text, at, match.start(), name, lines)
            wanted = (match[1] or match[2]).strip()
            found = self._find(wanted, name)
            if found:
                self.include(found, depth + 1)
            elif not wanted.lower().endswith((".sty", ".cls", ".bib", ".tikz", ".pgf", ".pdf_tex")):
                self.lost.append(
                    f"\\input{{{wanted}}} is missing ({name}:{lines(match.start())}): its text is not read"
                )
            at = match.end()
        self._put(text, at, len(text), name, lines)
        self.active.pop()

    def _find(self, wanted: str, origin: str) -> str | None:
        for base in (posixpath.dirname(self.active[0]), posixpath.dirname(origin)):
            for suffix in ("", ".tex", ".ltx"):
                name = posixpath.normpath(posixpath.join(base, wanted + suffix))
                if not name.startswith("..") and name in self.sources.files:
                    return name
        return None

    def _put(self, text: str, start: int, end: int, name: str, lines: Callable[[int], int]) -> None:
        at = start
        while at < end:
            stop = text.find("\n", at, end) + 1 or end
            self.begins.append(self.length)
            self.places.append((name, lines(at)))
            self.parts.append(text[at:stop])
            self.length += stop - at
            at = stop
        if self.length > MAX_CHARS:
            raise PackError(
                "paper-too-large",
                f"the LaTeX source has more than {MAX_CHARS} characters",
                why="no paper is that long; an \\input repeated without end is",
                fix="pass the paper's own sources",
            )


def _without_comments(source: str) -> tuple[str, Callable[[int], int]]:
    """The text without comments, and a function from its offsets to line numbers of the source."""
    kept = [match.span() for match in VERBATIM.finditer(source)]
    gone = [m.span() for pattern in (FALSE, COMMENT_ENV) for m in pattern.finditer(source)]
    gone += [(m.start() + len(m[1]), m.end()) for m in COMMENT.finditer(source)
             if not any(a <= m.start() < b for a, b in kept)]  # fmt: skip
    parts, begins, origins, at, length = [], [], [], 0, 0
    for start, end in sorted(gone):
        if start >= at:
            parts.append(source[at:start])
            begins.append(length)
            origins.append(at)
            length += start - at
        at = max(at, end)
    parts.append(source[at:])
    begins.append(length)
    origins.append(at)
    newlines = [match.start() for match in re.finditer("\n", source)]

    def line(offset: int) -> int:
        index = bisect_right(begins, offset) - 1
        return bisect_right(newlines, origins[index] + offset - begins[index] - 1) + 1

    return "".join(parts), line
