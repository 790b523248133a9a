"""One comparison: both sides opened as the job says, the ladder climbed, the result as plain data."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import mapfile
from .failures import told
from .ladder import SMALL, claims, climbed, together
from .pair import Pair
from .serve import opened
from .streamed import StreamPair
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
        sides: list[Any] = []
        try:
            pair = paired(job, Path(folder), sides)
            if pair.streamed and pair.both("small"):
                found = _small_first(pair, job, Path(folder))
            else:
                found = _climbed(pair, job)
            return {**found, "took_s": round(time.perf_counter() - started, 2)}
        except SideError as problem:
            return {"error": dict(zip(("side", "slug", "text", "line"), problem.args, strict=False))}
        finally:
            for each in sides:
                each.close()


def paired(job: dict[str, Any], folder: Path, sides: list[Any]) -> Pair:
    """Both sides opened and put into `sides`, to be closed; both streamed where one is too large to be held."""
    here = job["reference"].get("together", False)  # both in this process, where no names clash
    places = (("reference", here), ("port", True))
    for name, here in places:
        sides.append(side(job[name], name, folder, here))
    streams = [_streams(each) for each in sides]
    if any(streams) and not all(streams):
        name, here = places[streams.index(False)]
        other = side({**job[name], "streamed": True}, name, folder, here)
        sides[streams.index(False)].close()
        sides[streams.index(False)] = other
    kind = StreamPair if all(_streams(each) for each in sides) else Pair
    return kind(sides[0], sides[1], job)


def _streams(opened: Any) -> bool:
    return bool(opened.ask("hello").get("streamed"))


def _climbed(pair: Pair, job: dict[str, Any]) -> dict[str, Any]:
    """One pair up the ladder."""
    found = result(pair, climbed(pair, job.get("keep_going", False), job.get("only")))
    if job.get("save_map") and pair.map is not None:
        save(Path(job["save_map"]), pair)
    found["map"] = {k: v for k, v in found["map"].items() if k != "elements"} if found["map"] else None
    return found


def _small_first(pair: Pair, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The whole ladder on the small configuration; what holds there is then looked at in full size."""
    sides: list[Any] = []
    less = {
        **job,
        **{name: {**job[name], "small": True, "streamed": False} for name in ("reference", "port")},
        "save_map": None,
    }
    try:
        small = _climbed(paired(less, folder, sides), less)
    finally:
        for each in sides:
            each.close()
    if any(each["status"] == "fail" for each in small["rungs"]) and not job.get("keep_going"):
        rungs = [{**each, "at": SMALL} for each in small["rungs"]]
        return {
            **small,
            "rungs": rungs,
            "weaker": [*small["weaker"], "the full size was not looked at: the small configuration fails"],
        }
    found = _climbed(pair, job)
    rungs = together(found["rungs"], small["rungs"])
    units = {
        name: list({tuple(each.items()): each for each in [*found[name], *small[name]]}.values())
        for name in ("executed", "reference_executed")
    }
    weaker = list(dict.fromkeys([*found["weaker"], *(f"{SMALL}: {each}" for each in small["weaker"])]))
    return {**found, "rungs": rungs, "claims": claims(rungs), **units, "weaker": weaker}


def result(pair: Pair, rungs: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer as plain data."""
    found = pair.map
    entries = pair.entries() if found is not None else []
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
        "executed": _units(pair.units, pair.port),
        "reference_executed": _units(pair.ran_there, pair.reference),
        "weaker": list(pair.said),
    }  # fmt: skip


def _units(traced: dict[tuple[Any, ...], None], asked: Any) -> list[dict[str, Any]]:
    """Functions of a side that ran, in the model and for training, data and metric; not every framework tells these."""
    try:
        ran = [tuple(each) for each in asked.ask("ran")]
    except SideError:  # an older recording, or a framework that is not watched
        ran = []
    return [{"file": file, "unit": unit, "line": line} for file, unit, line in dict.fromkeys([*traced, *ran])]


def save(path: Path, pair: Pair) -> None:
    """The map as a converter: element numbers or pieces, and names and shapes of both sides."""
    assert pair.map is not None
    about = {"reference": pair.left["weights"], "port": pair.right["weights"], "complete": pair.map.complete}
    mapfile.write(path, about, pair.map.elements)


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
