"""Record the reference: the ladder is climbed against itself and every answer is kept."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from . import rungs_model
from .judge import answer, side
from .ladder import climbed
from .pair import Pair
from .transport import Recording, SideError


def record(job: dict[str, Any]) -> dict[str, Any]:
    """Every question that a comparison may ask, asked once."""
    out = Path(job["out"])
    opened: list[Any] = []
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        try:
            live = side(job["reference"], "reference", Path(folder), False)
            opened.append(live)
            reference = Recording(out, "reference", live)
            opened.append(side(job["reference"], "port", Path(folder), True))
            pair = Pair(reference, opened[-1], job)
            rungs = climbed(pair, keep_going=True)
            _traces(pair)
            for question in (
                ("places", "initial_lines", "optimizer", "ran")
                if pair.both("optimizer")
                else ("places", "initial_lines", "ran")
            ):
                reference.ask(question)
        except SideError as problem:
            return {"error": dict(zip(("side", "slug", "text", "line"), problem.args, strict=False))}
        finally:
            for each in opened:
                each.close()
    questions = len(list(out.glob("*.json")))
    bad = [each["id"] for each in rungs if each["status"] == "fail"]
    about = {"format": "parity recording 1", "side": pair.left, "rungs": {each["id"]: each["status"] for each in rungs}}
    (out / "manifest.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    notes = [f"the reference does not even agree with itself in: {', '.join(bad)}"] if bad else []
    return {"questions": questions, "notes": notes}


def _traces(pair: Pair) -> None:
    """The runs that are only asked for when something differs."""
    theirs, _ = pair.weights()
    for _, inputs in pair.variations():
        if pair.reference_takes(theirs, inputs) is not None:
            rungs_model.locate(pair, inputs)
    if pair.both("loss"):
        for seed in (3, 4, 5):
            for mode in ("eval", "train"):
                rungs_model.locate(pair, pair.batch(seed), "loss", mode)
        rungs_model.locate(pair, [pair.batch(3)], "step", "train")
        micro = int(pair.left["micro"])
        rungs_model.locate(pair, [pair.batch(100 + k) for k in range(micro)], "step", "train")
    for train in (False, True):
        if pair.both("preprocess") and "raw" in pair.left["hooks"]:
            pair.reference.ask("trace_preprocess", raw=pair.reference.ask("raw"), train=train)


def main(path: str) -> None:
    """Answer the job at `path`."""
    answer(path, record)
