r"""Walking LaTeX: text, groups, mathematics, the author's macros. Light on purpose: it reads what is printed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TypeAlias

from reproof.text import latex_words as words
from reproof.text.builder import Builder
from reproof.text.latex_scan import (
    MAX_EXPANDED,
    MAX_EXPANSIONS,
    NAME,
    Macro,
    argument,
    closing,
    expanded,
    macros,
    optional,
    skip_space,
)
from reproof.text.latex_source import Flat
from reproof.text.located import Located
from reproof.text.symbols import LATEX_WORDS, raised

Handler: TypeAlias = "Callable[[Reader, str, int], int]"
"""Writes what a command prints; gets the text and the position behind its name, returns where to go on."""
SPECIAL = re.compile(r"[\\{}$~&^_#\n`'-]")
MAX_DEPTH = 60


class Reader:
    """Walks the source and writes what it prints into a builder."""

    def __init__(self, flat: Flat, known: dict[str, tuple[str, str]], handlers: dict[str, Handler]) -> None:
        self.flat, self.known, self.handlers = flat, known, handlers
        self.labels: dict[str, tuple[str, str]] = {}
        self.out = Builder("latex")
        self.macros, self.definitions = macros(flat.text)
        self.place = 0
        self.counts = [0] * 6
        self.counters: dict[str, int] = {}
        self.current = ("section", "")
        self.later: list[Callable[[], None]] = []
        self.expansions = 0
        self.depth = 0
        self.math = False
        self.caption = ""
        self.command = ("", False)

    def read(self) -> Located:
        """The whole paper."""
        text = self.flat.text
        begin = re.search(r"\\begin\s*\{document\}", text)
        title = re.search(r"\\(?:icml)?title\s*(?:\[[^\]]*\]\s*)?\{", text)
        if title:
            end = closing(text, title.end() - 1)
            self.out.title = " ".join(self.inline(text[title.end() : end]).split())
            self.out.line(self.out.title)
        end = text.find("\\end{document}", begin.end() if begin else 0)
        self.walk(text, begin.end() if begin else 0, end if end >= 0 else len(text), top=True)
        self.flush()
        for message in dict.fromkeys(self.flat.lost):
            self.out.lose(message, 0)
        return self.out.done()

    # walking ---------------------------------------------------------------------------------------------------

    def walk(self, text: str, at: int = 0, stop: int | None = None, *, top: bool = False) -> None:
        """Write what `text[at:stop]` prints."""
        stop = len(text) if stop is None else stop
        self.depth += 1
        while at < stop and self.depth < MAX_DEPTH:
            match = SPECIAL.search(text, at, stop)
            end = match.start() if match else stop
            if end > at:
                self.out.add(raised(text[at:end]))
            if not match:
                break
            if top:
                self.place = end
            at = self._special(text, end, stop)
        self.depth -= 1

    def _special(self, text: str, at: int, stop: int) -> int:
        character = text[at]
        if character == "\\":
            return self._command(text, at, stop)
        if character == "$":
            return self._dollar(text, at, stop)
        if character in "^_" and self.math:
            return self._script(text, at)
        if character == "\n":
            blank = re.compile(r"\n[ \t]*\n\s*").match(text, at, stop)
            self.out.add("\n")
            if blank:
                self.flush()
                self.out.add("\n")
            return blank.end() if blank else at + 1
        run = re.compile(r"-{2,3}|`{1,2}|'{1,2}").match(text, at, stop)
        if run:
            self.out.add({"--": "–", "---": "—", "``": "“", "''": "”", "`": "‘", "'": "’"}[run[0]])
            return run.end()
        self.out.add({"~": " ", "&": " ", "-": "-", "_": "_", "^": "^"}.get(character, ""))
        return at + 1

    def _dollar(self, text: str, at: int, stop: int) -> int:
        mark = "$$" if text.startswith("$$", at) else "$"
        end = at + len(mark)
        while True:
            end = text.find(mark, end, stop)
            if end < 0:
                return at + 1  # a lone dollar
            if text[end - 1] != "\\":
                break
            end += 1
        if mark == "$$":
            self.display(text[at + 2 : end], 0)
        else:
            self.mathematics(text[at + 1 : end])
        return end + len(mark)

    def mathematics(self, text: str) -> None:
        """Write inline mathematics."""
        before, self.math = self.math, True
        self.walk(text)
        self.math = before

    def _script(self, text: str, at: int) -> int:
        content, _, end = argument(text, at + 1)
        self.out.add(text[at] + "{")
        self.walk(content)
        self.out.add("}")
        return end

    def inline(self, text: str, *, math: bool = False) -> str:
        """What `text` prints, as a string."""
        outer, later, was = self.out, self.later, self.math
        self.out, self.later, self.math = Builder("latex"), [], math
        self.walk(text)
        printed = "".join(self.out.parts)
        self.out, self.later, self.math = outer, later, was
        return printed

    def flush(self) -> None:
        """Write the floats and footnotes that wait for the end of the paragraph."""
        waiting, self.later = self.later, []
        for write in waiting:
            write()

    # commands --------------------------------------------------------------------------------------------------

    def _command(self, text: str, at: int, stop: int) -> int:
        match = NAME.match(text, at, stop)
        if not match:
            return at + 1
        name, end = match[1], match.end()
        if name is None:
            return self._symbol(match[2], text, end)
        handler = self._handler(name)
        if handler:
            self.command = (name, match[0].endswith("*"))
            return handler(self, text, end)
        if name in self.macros:
            return self._macro(self.macros[name], text, end)
        if name in LATEX_WORDS:
            self.out.add(LATEX_WORDS[name] + (" " if LATEX_WORDS[name].isalpha() and len(name) < 4 else ""))
            return end
        if name in words.ACCENTS and len(name) == 1:
            return self._accent(name, text, end)
        if name in words.SPACES:
            self.out.add(words.SPACES[name])
            return skip_space(text, end) if not words.SPACES[name] else end
        for _ in range(words.DROPPED.get(name, 0) or words.FIRST_DROPPED.get(name, 0)):
            end = optional(text, end)[1]
            end = argument(text, end)[2]
        following = optional(text, end)
        end = following[1] if name in words.DROPPED or name in words.FIRST_DROPPED else end
        return end if name in words.DROPPED else self._gap(text, end)

    @staticmethod
    def _gap(text: str, at: int) -> int:
        """TeX swallows the blank behind a command name."""
        return at + 1 if text[at : at + 1] == " " else at

    def _handler(self, name: str) -> Handler | None:
        if words.CITES.match(name):
            name = "cite"
        return self.handlers.get(name)

    def _symbol(self, symbol: str, text: str, end: int) -> int:
        if symbol in words.ACCENTS and not self.math:
            return self._accent(symbol, text, end)
        if symbol in "([":
            close = text.find("\\)" if symbol == "(" else "\\]", end)
            if close < 0:
                return end
            content = text[end:close]
            if symbol == "(":
                self.mathematics(content)
            else:
                self.display(content, 0)
            return close + 2
        if symbol == "\\":
            self.out.add("\n")
            return optional(text, end + (text[end : end + 1] == "*"))[1]
        self.out.add({" ": " ", "\n": " ", ",": " ", ";": " ", ":": " ", "!": "", "-": "", "/": "", "@": "",
                      "|": "∥", ">": " "}.get(symbol, symbol if symbol in "%&#_${}" else ""))  # fmt: skip
        return end

    def _accent(self, mark: str, text: str, end: int) -> int:
        content, _, end = argument(text, end)
        letter = self.inline(content).strip() or {"\\i": "i", "\\j": "j"}.get(content.strip(), "")
        self.out.add(unicodedata.normalize("NFC", letter[:1] + words.ACCENTS[mark] + letter[1:]) if letter else "")
        return end

    def _macro(self, macro: Macro, text: str, end: int) -> int:
        body, behind = expanded(macro, text, end)
        self.expansions += 1
        if self.expansions > MAX_EXPANSIONS or len(body) > MAX_EXPANDED:
            if self.expansions == MAX_EXPANSIONS + 1:
                self.out.lose("macros expand without end; the rest of them is left out", 0)
            return behind
        self.walk(body)
        return self._gap(text, behind) if macro.count == 0 and behind == end else behind

    def definition(self, text: str, end: int) -> int:
        """Skip the definition of a macro; it was read before."""
        start = text.rfind("\\", 0, end)
        if text is self.flat.text:
            return next((b for a, b in self.definitions if a == start), end)
        return argument(text, argument(text, end)[2])[2]

    def next_number(self, level: int) -> str:
        """The number of the next section of this level."""
        self.counts[level] += 1
        self.counts[level + 1 :] = [0] * len(self.counts[level + 1 :])
        parts = [str(count) for count in self.counts[1 : level + 1]]
        if self.out.in_appendix and self.counts[1]:
            parts[0] = chr(64 + min(self.counts[1], 26))
        return ".".join(parts)

    def count(self, what: str) -> int:
        """The next number of a counter."""
        self.counters[what] = self.counters.get(what, 0) + 1
        return self.counters[what]

    def display(self, body: str, numbering: int) -> None:
        """Write a display equation; with one number a row where LaTeX does that."""
        rows = re.split(r"\\\\(?:\[[^\]]*\])?", body) if numbering == 2 else [body]
        for row in rows:
            if not row.strip():
                continue
            silent = numbering == 0 or re.search(r"\\(?:nonumber|notag)\b", row)
            number = "" if silent else str(self.count("equation"))
            for label in re.findall(r"\\label\s*\{([^{}]{1,200})\}", row):
                self.labels[label.strip()] = ("equation", number)
            bare = re.sub(r"\\(?:label\s*\{[^{}]*\}|nonumber|notag)", "", row).replace("&", "")
            self.out.equation(" ".join(self.inline(bare, math=True).split()), number=number, tex=row.strip())
