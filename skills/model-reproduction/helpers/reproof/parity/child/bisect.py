"""The operations of both sides around the first divergence."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from . import rungs_model
from .judge import answer, side
from .locating import explained
from .pair import Pair
from .sizes import FORWARD
from .transport import SideError


def bisect(job: dict[str, Any]) -> dict[str, Any]:
    """Map the weights, trace the run on both sides, and cut out the operations where they part."""
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        opened: list[Any] = []
        try:
            opened.append(side(job["reference"], "reference", Path(folder), False))
            opened.append(side(job["port"], "port", Path(folder), True))
            return _cut(Pair(opened[0], opened[1], job), job)
        except SideError as problem:
            return {"error": dict(zip(("side", "slug", "text", "line"), problem.args, strict=False))}
        finally:
            for each in opened:
                each.close()


def _cut(pair: Pair, job: dict[str, Any]) -> dict[str, Any]:
    pair.make_map()
    what = job["what"]
    case = job.get("case") or pair.cases()[0]
    inputs: Any = pair.inputs(case) if what == "forward" else pair.batch(3) if what == "loss" else [pair.batch(3)]
    found = rungs_model.locate(
        pair, inputs, what, "train" if what == "step" else "eval", 1e-7 if what == "step" else FORWARD
    )
    traces = getattr(pair, "last_traces", None)
    if traces is None:
        raise SideError("port", "side-raised", f"the {what} does not run on both sides", "")
    theirs, ours = traces[0]["nodes"], traces[1]["nodes"]
    return {
        "divergence": found,
        "reference": _around(theirs, ours, (found or {}).get("reference"), job["around"]),
        "port": _around(ours, theirs, (found or {}).get("port"), job["around"]),
    }


def _around(here: list[dict[str, Any]], there: list[dict[str, Any]], at: Any, width: int) -> list[dict[str, Any]]:
    known = explained(here, there, FORWARD)
    centre = next(
        (n["i"] for n in here if at and n["source"] == at["line"] and n["op"] == at["op"] and not known[n["i"]]), None
    )
    if centre is None:
        centre = next((n["i"] for n in here if not known[n["i"]]), None)
    if centre is None:
        return []
    return [
        {
            "i": n["i"],
            "op": n["op"],
            "line": n["source"],
            "module": n["module"],
            "same": known[n["i"]],
            "here": n["i"] == centre,
        }
        for n in here[max(centre - width, 0) : centre + width + 1]
    ]


def main(path: str) -> None:
    """Answer the job at `path`."""
    answer(path, bisect)
