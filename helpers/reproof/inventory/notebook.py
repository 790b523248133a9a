"""Code cells of a notebook as one Python text, and the line of the .ipynb file that each line stands in."""

from __future__ import annotations

import json
from typing import Any


def code_of(text: str) -> tuple[str, str, list[int]]:
    """(Python, shell lines, file line of every line of both).

    Magics and shell lines become comments in the Python; the shell text holds only them, so that both texts have the
    same lines.

    Raises:
        ValueError: not a notebook.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("a notebook is a JSON object")
    cells = data.get("cells")
    if cells is None:  # version 3
        sheets = data.get("worksheets") or []
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    lines = [line for cell in cells if isinstance(cell, dict) for line in _lines(cell)]
    python, shell = [], []
    for line in lines:
        magic = line.lstrip().startswith(("%", "!", "?"))
        python.append("" if magic else line)
        shell.append(line.lstrip().lstrip("!%") if magic else "")
    return "\n".join(python), "\n".join(shell), _places(lines, text)


def _lines(cell: dict[str, Any]) -> list[str]:
    if cell.get("cell_type") != "code":
        return []
    source = cell.get("source", cell.get("input", ""))
    whole = "".join(str(part) for part in source) if isinstance(source, list) else str(source)
    lines = whole.split("\n")
    # a cell magic like %%bash makes the rest of the cell another language
    if lines and lines[0].lstrip().startswith("%%") and not lines[0].lstrip().startswith(("%%time", "%%capture")):
        return ["!" + line for line in lines]
    return lines


def _places(lines: list[str], text: str) -> list[int]:
    """File line of each code line: searched forward, so equal lines keep their order."""
    file_lines, at = text.split("\n"), 0
    places = []
    for line in lines:
        needles = {json.dumps(line, ensure_ascii=flag)[1:-1] for flag in (True, False)} if line.strip() else set()
        for index in range(at, len(file_lines)) if needles else ():
            if any(needle in file_lines[index] for needle in needles):
                at = index
                break
        places.append(at + 1)
    return places
