"""notebook.ipynb from templates/pipeline/notebook.py, a script whose cells are divided by `# %%`."""

from __future__ import annotations

import json
import re
from typing import Any

from reproof.paths import sha256

MARKER = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(script: str, name: str, title: str, experiments: list[str], seed: int) -> str:
    """The notebook (nbformat 4.5) of one project. Text of the plan gets into code as literals only."""
    values = {"EXPERIMENT": experiments[0], "SEED": seed, "NAME": name}
    for key, value in values.items():
        line = re.search(rf"^{key} = [^#\n]*", script, re.MULTILINE)
        assert line, f"the script sets {key}"
        script = script.replace(line[0], f"{key} = {value!r}  " if line[0].endswith(" ") else f"{key} = {value!r}", 1)
    parts = MARKER.split(script)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    cells = [_cell(number, kind is not None, text) for number, (kind, text) in enumerate(pairs)]
    about = f"Experiments of {title}: " + ", ".join(f"`{each}`" for each in experiments) + "."
    cells.insert(1, _cell(len(cells), True, about))
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "accelerator": "GPU"}
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, is_markdown: bool, text: str) -> dict[str, Any]:
    text = re.sub(r"^# ?", "", text.strip("\n"), flags=re.MULTILINE) if is_markdown else text.strip("\n")
    cell: dict[str, Any] = {
        "cell_type": "markdown" if is_markdown else "code",
        "id": sha256(f"{number}")[:8],
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell if is_markdown else cell | {"execution_count": None, "outputs": []}
