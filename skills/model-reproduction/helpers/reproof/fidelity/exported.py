"""Start an export in a side's own interpreter, and read its answer."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from reproof.childproc import run_to_end
from reproof.units import GIB

CHILD = Path(__file__).parent / "child" / "graph.py"
WAYS = ["torch.export", "make_fx"]
MODES = ["eval", "train"]


def exported(
    file: Path, python: str, case: str, inputs: Any, ways: list[str], timeout_s: float, memory_gib: float
) -> dict[str, Any]:
    """Graphs of the model that `file` builds, in evaluation and training mode.

    `inputs` are shapes and dtypes as the other side described them; None takes them from `inputs(case)` of the file. Of
    `ways`, the first that works is taken.

    Returns:
        {"torch", "files", "ran", "inputs", "error", "graphs": [{"mode", "how", "weights", "core", "fine", "said",
        "error"}]}; an export that ends early is an `error` in words, never an exception: that is an answer too.
    """
    with tempfile.TemporaryDirectory(prefix="graph-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        job = {"file": str(file.resolve()), "case": case, "inputs": inputs, "how": ways, "modes": MODES, "ran": True}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [python, str(CHILD), str(folder / "job.json")]
        ended, said = run_to_end(command, folder, timeout_s, int(memory_gib * GIB), _quiet, TMPDIR=place)
        answer = folder / "answer.json"
        if ended == "done" and answer.is_file():
            found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            return found
    return {
        "torch": "",
        "files": [],
        "ran": [],
        "inputs": None,
        "graphs": [],
        "error": _ended(ended, said, timeout_s, memory_gib),
    }


def _quiet(text: str) -> None:
    """Warnings of libraries are not the answer."""


def _ended(ended: str, said: str, timeout_s: float, memory_gib: float) -> str:
    if ended == "timeout":
        return f"it did not end within {timeout_s:g} s"
    if "MemoryError" in said or "allocate" in said:
        return f"the memory limit of {memory_gib:g} GiB was reached"
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return f"the export ended with {ended}: {last[0][:200]}"
