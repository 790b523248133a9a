"""One comparison: both sides opened as the job says, the ladder climbed, the result as plain data."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .failures import told
from .ladder import claims, climbed
from .pair import Pair
from .serve import opened
from .transport import Local, Recording, Remote, SideError, pack


def side(spec: dict[str, Any], name: str, folder: Path, here: bool) -> Any:
    """A side: recorded, in this process (`here`), or in a process of its own."""

    def live() -> Any:
        if not here:
            return Remote(spec.get("python") or sys.executable, spec, name, folder)
        try:
            return Local(opened(spec), name)
        except Exception as problem:  # whatever the user's file raises when it is imported
            found = told(problem)
            raise SideError(name, found["slug"], found["text"], found["line"]) from problem

    if not spec.get("recording"):
        return live()
    return Recording(Path(spec["recording"]), name, live if spec.get("file") or spec.get("target") else None)


def check(job: dict[str, Any]) -> dict[str, Any]:
    """Climb the ladder. What stops it before the first rung is an `error` with a slug."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        reference = port = None
        try:
            together = job["reference"].get("together", False)  # both in this process, where no names clash
            reference = side(job["reference"], "reference", Path(folder), together)
            port = side(job["port"], "port", Path(folder), True)
            pair = Pair(reference, port, job)
            rungs = climbed(pair, job.get("keep_going", False), job.get("only"))
            found = result(pair, rungs)
            if job.get("save_map") and pair.map is not None:
                save(Path(job["save_map"]), pair)
            found["map"] = {k: v for k, v in found["map"].items() if k != "elements"} if found["map"] else None
            return {**found, "took_s": round(time.perf_counter() - started, 2)}
        except SideError as problem:
            return {"error": dict(zip(("side", "slug", "text", "line"), problem.args, strict=False))}
        finally:
            for each in (reference, port):
                if each is not None:
                    each.close()


def result(pair: Pair, rungs: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer as plain data."""
    found = pair.map
    entries = getattr(pair, "entries", [])
    fresh = None
    if found is not None and found.complete:
        fresh = pair.fresh_error()
    return {
        "rungs": rungs,
        "claims": claims(rungs),
        "reference": {key: pair.left[key] for key in ("framework", "python", "versions", "files", "hooks")},
        "port": {key: pair.right[key] for key in ("framework", "python", "versions", "files", "hooks")},
        "map": None if found is None else {
            "complete": found.complete, "runs": found.runs, "entries": entries, "log": found.log, "fresh_error": fresh,
            "elements": found.elements,
        },
        "executed": [{"file": f, "unit": u, "line": n} for f, u, n in pair.units],
        "weaker": list(pair.said),
    }  # fmt: skip


def save(path: Path, pair: Pair) -> None:
    """The map as a converter: element numbers, and names and shapes of both sides."""
    assert pair.map is not None
    about = {"reference": pair.left["weights"], "port": pair.right["weights"], "complete": pair.map.complete}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path, elements=pair.map.elements, about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    )


def answer(path: str, do: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read the job at `path`, write the answer beside it."""
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    arrays: list[Any] = []
    text = json.dumps(pack(do(job), arrays))
    assert not arrays, "the answer is plain: the asking side may have no NumPy"
    Path(path).with_name("answer.json").write_text(text, encoding="utf-8")


def main(path: str) -> None:
    """Climb the ladder for the job at `path`."""
    answer(path, check)
