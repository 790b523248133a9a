# ruff: noqa: E501
"""Run the judge in the port's interpreter and read its answer."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from reproof.childproc import command, run_to_end
from reproof.errors import MissingError, PackError
from reproof.units import GIB

CHILD = Path(__file__).parent / "child"
FIX = {
    "wants-network": ("a comparison runs offline", "build the model from its configuration; load no weights, or from local files"),
    "needs-cuda": ("parity is proven on the CPU in float64", "build on the CPU: leave out .cuda() and device='cuda' in the contract"),
    "unsafe-pickle": ("a pickle can run code", "save the weights as safetensors, or with torch.save(state_dict)"),
    "not-installed": ("a side runs in the interpreter it is written for", "--python or --reference-python of that environment"),
    "no-build": ("a side is a Python file with build(config)", "def build(config): return Model(**config)"),
    "no-module": ("weights are read from a torch.nn.Module", "return the module; for Flax set framework = 'jax'"),
    "needs-extension": ("custom kernels need their own build", "let the contract use the plain implementation, and compare the kernel with it on its device"),
    "other-inputs": ("inputs are not guessed", "def call(model, inputs): return model(tokens=inputs['idx'])"),
    "host-memory": ("the models are held in float64", "a smaller configuration, or a larger --memory-gib"),
    "side-ended": ("a side that dies cannot be compared", "run its file alone to see why"),
    "lazy-layer": ("weights are mapped before the first run", "run the model once inside build()"),
    "not-recorded": ("a recording answers only what was asked when it was made", "record again with this version, or give the side as a file"),
    "no-optimizer": ("updates are compared", "def optimizer(model): return torch.optim.AdamW(model.parameters())"),
    "not-faithful": ("a fault is only noticed against a port that is right", "parity.py check, and mend the port first"),
    "too-large": (
        "here every element is followed in float64; check streams larger PyTorch models",
        "a smaller configuration of the same code: fewer layers, smaller widths, a small vocabulary",
    ),
    "needs-weights": (
        "the weights of a large model are drawn when an operation reads them",
        "let build() only fill weights, not read them; or compare a smaller configuration",
    ),
    "no-inputs": ("a model is run", "def inputs(case): return ..."),
    "no-such-file": ("a side is a file", "check the path"),
    "no-such-name": ("the class is looked up by its name", "package.module:Class"),
}  # fmt: skip


SOURCES = "the sources can still be compared without running them: fidelity.py compare REFERENCE PORT"
ELSEWHERE = "record it where it runs (parity.py record), or write tensors there and use parity.py compare"
WEAKER = {
    **dict.fromkeys(("not-installed", "wants-network", "unsafe-pickle", "lazy-layer", "no-build"), SOURCES),
    **dict.fromkeys(("side-raised", "no-module", "host-memory", "timeout", "needs-weights", "no-such-name"), SOURCES),
    **dict.fromkeys(("needs-cuda", "needs-extension", "side-ended"), f"{ELSEWHERE}; {SOURCES}"),
}
"""What can be shown without the side running here, by slug."""


def judged(job: dict[str, Any], timeout_s: float, memory_gib: float | None, do: str = "judge") -> dict[str, Any]:
    """The answer of `child/<do>.py` to a job.

    Raises:
        PackError: a side does not import, build or run; with the user's line.
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as place:
        folder = Path(place)
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        memory = None if memory_gib is None else int(memory_gib * GIB)
        python = job.get("python") or job["port"]["python"]
        words = command(python, CHILD, "_parity", do, str(folder / "job.json"))
        ended, said = run_to_end(words, folder, timeout_s, memory, _say, TMPDIR=place)
        if ended != "done":
            raise _ended(ended, said, timeout_s, python)
        answer: dict[str, Any] = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    if "error" in answer:
        raise _told(answer["error"])
    return answer


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def _ended(ended: str, said: str, timeout_s: float, python: str) -> PackError:
    if ended == "timeout":
        return PackError(
            "timeout",
            f"no answer within {timeout_s:g} s",
            why="the models are large or one of them hangs",
            fix="a smaller configuration in the contract, or --timeout-s",
        )
    if "No module named 'numpy'" in said:
        return MissingError(
            "not-installed",
            f"no NumPy in {python}",
            why="the comparison is made there",
            fix="--python of the project's environment",
        )
    if "MemoryError" in said or "Cannot allocate" in said or "can't allocate" in said:
        return PackError(
            "host-memory", "the memory limit was reached", why=FIX["host-memory"][0], fix=FIX["host-memory"][1]
        )
    last = " ".join(said.strip().splitlines()[-3:])[-400:]
    return MissingError(
        "judge-ended",
        f"the comparison ended with {ended}: {last}",
        why="the process did not finish",
        fix="run both contract files alone first",
    )


def _told(error: dict[str, str]) -> PackError:
    why, fix = FIX.get(
        error["slug"],
        ("a side that does not run cannot be compared", "mend that line; build(config) must return the model"),
    )
    fix = f"{fix}; {WEAKER[error['slug']]}" if error["slug"] in WEAKER else fix
    at = f" at {error['line']}" if error["line"] else ""
    kind = (
        MissingError
        if error["slug"] in ("not-installed", "needs-cuda", "needs-extension", "side-ended", "not-recorded")
        else PackError
    )
    return kind(error["slug"], f"{error['side']}: {error['text']}{at}", why=why, fix=fix)
