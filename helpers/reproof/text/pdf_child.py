"""Reads a PDF's characters with their places; runs in a process of its own, because a PDF is untrusted.

One JSON line for the document, then one for each page: its size, how many pictures, and its lines. A line is
[text, left, right, baseline, size, bold, cells]: superscripts and subscripts are found from baseline and size and
written as ^{..} and _{..}; `cells` are offsets in the text where a new cell begins, as [offset, left, bold, right of
the cell before].
"""

from __future__ import annotations

import ctypes
import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any

MEMORY_BYTES = 4 * 2**30
MAX_PAGES = 3000
SMALL, RAISED, LOWERED = 0.88, 0.18, 0.06  # of the line's size
CELL_GAP = 1.0  # of the line's size; spaces of justified text stay below it
# codes of ligatures in TeX's own encodings, where a font does not say what its characters mean
LIGATURES = {11: "ff", 12: "fi", 13: "fl", 14: "ffi", 15: "ffl", 27: "ff", 28: "fi", 29: "fl", 30: "ffi", 31: "ffl"}
# the codes of Greek letters in TeX's fonts of mathematics, which text fonts use for ligatures
GREEK = {11: "α", 12: "β", 13: "γ", 14: "δ", 15: "ε"}
UNKNOWN = "\ufffd"
HIDDEN = 3  # the render mode of text that is only there to be searched
SAMPLES = 40
TOUCHES = 0.4  # of the line's size
TURN = 5.0  # sizes to the left: no accent and no kerning goes back that far
BOLD = ("bold", "cmbx", "black", "heavy", "-medi", "semibold", "-bd", "sfbx", "msbm")


def limit_memory() -> None:
    """Refuse to grow without end, where the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass


def say(record: dict[str, Any]) -> None:
    """One JSON line on stdout."""
    sys.stdout.write(json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n")


class Page:
    """The characters of one page."""

    def __init__(self, raw: Any, page: Any) -> None:
        self.raw = raw
        self.text = page.get_textpage()
        self.handle = self.text.raw
        self.x, self.y = ctypes.c_double(), ctypes.c_double()
        self.refs = ctypes.byref(self.x), ctypes.byref(self.y)
        self.name = ctypes.create_string_buffer(128)
        self.flags = ctypes.c_int()
        self.scaled = self._is_scaled()
        self.by_shape = self.unsaid = 0

    def _scale(self, index: int) -> float:
        matrix = self.raw.FS_MATRIX()
        self.raw.FPDFText_GetMatrix(self.handle, index, matrix)
        return float((matrix.c**2 + matrix.d**2) ** 0.5) or 1.0

    def _is_scaled(self) -> bool:
        """Whether font sizes must be multiplied with a matrix; LaTeX needs none, and asking for each is slow."""
        return any(abs(self._scale(index) - 1) > 1e-3 for index in self._sample())

    def _sample(self) -> range:
        count = self.raw.FPDFText_CountChars(self.handle)
        return range(0, count, max(1, count // SAMPLES))

    def is_hidden(self) -> bool:
        """Whether most of the text is invisible: what an OCR laid under the picture of a page."""
        objects = [self.raw.FPDFText_GetTextObject(self.handle, index) for index in self._sample()]
        modes = [self.raw.FPDFTextObj_GetTextRenderMode(item) for item in objects if item]
        return bool(sum(mode == HIDDEN for mode in modes) * 2 > len(modes))

    def characters(self) -> Iterator[tuple[str, float, float, float, int]]:
        """(character, left, baseline, size, index) of each; a line feed has no place."""
        raw, handle = self.raw, self.handle
        unicode, size, origin = raw.FPDFText_GetUnicode, raw.FPDFText_GetFontSize, raw.FPDFText_GetCharOrigin
        at_x, at_y = self.refs
        high = 0
        for index in range(raw.FPDFText_CountChars(handle)):
            code = unicode(handle, index)
            if code == 13 and unicode(handle, index + 1) == 10:
                continue
            if self._is_odd(code, index):
                if not raw.FPDFText_IsGenerated(handle, index):
                    origin(handle, index, at_x, at_y)
                    points = size(handle, index) * (self._scale(index) if self.scaled else 1.0)
                    yield self._shown(code, index, points), self.x.value, self.y.value, points, index
                continue
            if 0xD800 <= code < 0xDC00:  # mathematical letters come as two halves
                high = code
                continue
            if 0xDC00 <= code < 0xE000:
                code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD
            high = 0
            if code in (0xFFFE, 2):  # a hyphen at a line's end: the rest of the word follows without a line feed
                origin(handle, index, at_x, at_y)
                yield "-", self.x.value, self.y.value, size(handle, index), index
                yield "\n", 0.0, 0.0, 0.0, index
                continue
            if code in (10, 32, 160):
                yield ("\n" if code == 10 else " "), 0.0, 0.0, 0.0, index
                continue
            origin(handle, index, at_x, at_y)
            points = size(handle, index) * (self._scale(index) if self.scaled else 1.0)
            yield LIGATURES.get(code) or chr(code), self.x.value, self.y.value, points, index

    def _is_odd(self, code: int, index: int) -> bool:
        """Whether the font does not say what a code means, where that may change a number."""
        if code == 2:
            return bool(self.raw.FPDFText_IsHyphen(self.handle, index) != 1)
        if code < 2 or code in GREEK or code in (58, 59):
            return code == 0 or bool(self.raw.FPDFText_HasUnicodeMapError(self.handle, index) == 1)
        return False

    def _shown(self, code: int, index: int, points: float) -> str:
        """What a character of TeX's fonts is, by its code and shape; U+FFFD where its shape says nothing.

        In those fonts 0 is a minus, 1 a dot, 2 a cross; 58 and 59 are point and comma of formulas, colon and semicolon
        of text; 11 to 15 are Greek letters of formulas and ligatures of text. Bitmap fonts name none of them.
        """
        left, right, bottom, top = self._box(index)
        wide, high, low = (right - left) / points, (top - bottom) / points, (bottom - self.y.value) / points
        self.by_shape += 1
        if code in (58, 59):
            return (".," if low + high < 0.2 else ":;")[code - 58]
        if code in GREEK and low > -0.1 and high > 0.6 and 0.46 < wide < 1.0:
            return LIGATURES[code]
        if code in GREEK and wide < 0.7:  # wider is the circle of a copyright sign
            return GREEK[code]
        if code == 0 and wide > 0.4 and high < 0.15 and 0.1 < low < 0.5:
            return "−"
        if code == 1 and wide < 0.25 and high < 0.25 and low > 0.1:
            return "·"
        if code == 2 and abs(wide - high) < 0.1 and wide > 0.35:
            return "×"
        self.by_shape, self.unsaid = self.by_shape - 1, self.unsaid + 1
        return UNKNOWN

    def _box(self, index: int) -> tuple[float, float, float, float]:
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        self.raw.FPDFText_GetCharBox(self.handle, index, left, right, bottom, top)
        return left.value, right.value, bottom.value, top.value

    def right(self, index: int) -> float:
        """Where a character ends."""
        return self._box(index)[1]

    def bold(self, index: int) -> int:
        """Whether a character's font is bold, by its name."""
        self.raw.FPDFText_GetFontInfo(self.handle, index, self.name, 128, self.flags)
        font = self.name.value.decode("ascii", "ignore").lower()
        return int(any(word in font for word in BOLD))

    def lines(self) -> list[Any]:
        """The page's lines in reading order."""
        found: list[Any] = []
        line: list[Any] = []
        for character in self.characters():
            ends = character[0] == "\n" or turned_back(line, character)
            if ends:
                found += self.made(line)
                line = []
            if character[0] != "\n":
                line.append(character)
        return found + self.made(line)

    def made(self, line: list[Any]) -> list[Any]:
        """A line's record, in a list, or nothing."""
        inked = [c for c in line if c[0] != " "]
        if not inked:
            return []
        size = main_size(inked)
        level = sorted(c[2] for c in inked if c[3] >= SMALL * size)
        base = level[len(level) // 2]
        text: list[str] = []
        cells: list[Any] = []
        state, before = "", None
        for position, (character, left, y, points, index) in enumerate(line):
            if character == " ":
                following = next((c for c in line[position + 1 :] if c[0] != " "), None)
                if state and following and script(following, size, base) != state:
                    text.append("}")
                    state = ""
                text.append(" ")
                continue
            now = script((character, left, y, points), size, base)
            end = self.right(before) if before is not None else 0.0
            gap = left - end if before is not None and text[-1:] == [" "] else 0.0
            wide = gap > CELL_GAP * size
            if now and now != state and text[-1:] == [" "] and gap < TOUCHES * size:
                text.pop()  # a script touches what it belongs to; the blank is a guess of the reader's
            if now != state:
                text.append("}" if state else "")
                text.append(now + "{" if now else "")
                state = now
            if wide:
                cells.append([len("".join(text)) - (2 if now else 0), round(left, 1), self.bold(index), round(end, 1)])
            text.append(character)
            before = index
        text.append("}" if state else "")
        first = inked[0]
        return [["".join(text).rstrip(), round(first[1], 1), round(self.right(inked[-1][4]), 1), round(base, 1),
                 round(size, 2), self.bold(first[4]), cells]]  # fmt: skip


def turned_back(line: list[Any], character: Any) -> bool:
    """Whether a character begins another row, which the reader took for the same line.

    It stands far to the left and higher or lower; or behind a wide gap half a line higher or lower, as large as before.
    """
    before = next((c for c in reversed(line) if c[0] != " "), None)
    if before is None or character[0] == " ":
        return False
    size, moved = before[3], abs(before[2] - character[2])
    beside = character[1] - before[1] > 2 * CELL_GAP * size and abs(character[3] - size) < 0.1 * size
    return bool((before[1] - character[1] > TURN * size and moved > RAISED * size) or (beside and moved > 0.5 * size))


def main_size(inked: list[Any]) -> float:
    """The size that most of a line is set in; of two that are as common, the larger."""
    counts: dict[float, int] = {}
    for character in inked:
        counts[round(character[3], 1)] = counts.get(round(character[3], 1), 0) + 1
    common = [size for size, count in counts.items() if count * 3 >= max(counts.values())]
    return max(common) or 1.0


def script(character: Any, size: float, base: float) -> str:
    """'^' for a superscript, '_' for a subscript, '' for neither."""
    if character[3] >= SMALL * size:
        return ""
    rise = character[2] - base
    return "^" if rise > RAISED * size else "_" if rise < -LOWERED * size else ""


def pictures(raw: Any, page: Any) -> int:
    """How many images the page shows."""
    handle = page.raw
    objects = (raw.FPDFPage_GetObject(handle, index) for index in range(raw.FPDFPage_CountObjects(handle)))
    return sum(raw.FPDFPageObj_GetType(item) == raw.FPDF_PAGEOBJ_IMAGE for item in objects)


def outline(document: Any) -> list[Any]:
    """[title, page from 1, level from 1] of each bookmark."""
    found = []
    try:
        for mark in document.get_toc(max_depth=5):
            title = mark.get_title() if hasattr(mark, "get_title") else mark.title
            destination = mark.get_dest() if hasattr(mark, "get_dest") else None
            index = destination.get_index() if destination else getattr(mark, "page_index", None)
            found.append([title, (index or 0) + 1, mark.level + 1])
            if len(found) > 2000:
                break
    except Exception:  # a broken outline is no reason to lose the text
        return []
    return found


def main(path: str) -> int:
    """Print the document; returns the exit code."""
    limit_memory()
    try:
        pypdfium2 = importlib.import_module("pypdfium2")
        raw = importlib.import_module("pypdfium2.raw")
    except ImportError:
        say({"error": "not-installed"})
        return 0
    try:
        document = pypdfium2.PdfDocument(path)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        say({"error": "password" if "password" in str(error).lower() else "broken", "says": str(error)})
        return 0
    if count > MAX_PAGES:
        say({"error": "too-many-pages", "says": str(count)})
        return 0
    say({"pages": count, "outline": outline(document), "title": document.get_metadata_dict().get("Title", "")})
    for number in range(count):
        try:
            page = document[number]
            width, height = page.get_size()
            text = Page(raw, page)
            say({"page": number + 1, "width": width, "height": height, "lines": text.lines(),
                 "pictures": pictures(raw, page), "hidden": text.is_hidden(), "by_shape": text.by_shape,
                 "unsaid": text.unsaid})  # fmt: skip
            page.close()
        except pypdfium2.PdfiumError as error:
            say({"page": number + 1, "width": 0, "height": 0, "lines": [], "pictures": 0, "broken": str(error)})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
