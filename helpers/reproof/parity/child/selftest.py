"""Would a fault in this port be noticed? Faults are put into it one by one and the ladder is climbed for each."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .faults import Edit, edits
from .judge import answer, check
from .transport import say


def selftest(job: dict[str, Any]) -> dict[str, Any]:
    """The faults and which rung noticed each; the unchanged port must climb the ladder first."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="parity-") as place:
        folder = Path(place)
        recordings = job["reference"].get("recording") or str(folder / "recorded")
        job = {**job, "reference": {**job["reference"], "recording": recordings}}
        first = forked({**job}, folder, "first")
        if "error" in first:
            return first
        failed = [each["id"] for each in first["rungs"] if each["status"] == "fail"]
        if failed:
            text = f"the port fails at {', '.join(failed)} before any fault is put in"
            return {"error": {"side": "port", "slug": "not-faithful", "text": text, "line": ""}}
        source = Path(job["port"]["file"])
        found = [
            _one(job, edit, source, folder)
            for edit in edits(source.read_text(encoding="utf-8"), None, job["faults"], job["seed"])
        ]
    ran = [each for each in found if each["caught_by"] != "does not run"]
    return {"faults": ran, "not_run": len(found) - len(ran), "took_s": round(time.perf_counter() - started, 1)}


def _one(job: dict[str, Any], edit: Edit, source: Path, folder: Path) -> dict[str, Any]:
    """One fault; the changed file lies elsewhere, its neighbours are still importable."""
    port = folder / source.name
    port.write_text(edit.text, encoding="utf-8")
    path = [*job["port"].get("path", []), str(source.parent)]
    result = forked({**job, "port": {**job["port"], "file": str(port), "path": path}}, folder, "answer")
    caught, says = "", ""
    if "error" in result:
        caught, says = "does not run", result["error"]["text"]
    else:
        rung = next((each for each in result["rungs"] if each["status"] == "fail"), None)
        if rung is not None:
            caught, says = rung["id"], rung["says"]
            caught = "does not run" if "the port raises" in says and rung["id"] in ("structure", "map") else caught
    say(f"{caught or 'NOT NOTICED':>14}  {source.name}:{edit.line}: {edit.was} -> {edit.became}")
    return {
        "line": f"{source.name}:{edit.line}",
        "was": edit.was,
        "became": edit.became,
        "caught_by": caught,
        "says": says[:300],
    }


def forked(job: dict[str, Any], folder: Path, name: str) -> dict[str, Any]:
    """The ladder in a process of its own, so that no run sees another's imports."""
    path = folder / f"{name}.json"
    path.unlink(missing_ok=True)
    if not hasattr(os, "fork"):
        return _shortened(check(job))
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            path.write_text(json.dumps(_shortened(check(job)), default=str), encoding="utf-8")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    if not path.exists():
        return {"error": {"side": "port", "slug": "side-ended", "text": "the process ended without a word", "line": ""}}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _shortened(found: dict[str, Any]) -> dict[str, Any]:
    if "error" in found:
        return {"error": found["error"]}
    return {"rungs": [{key: each[key] for key in ("id", "status", "says")} for each in found["rungs"]]}


def main(path: str) -> None:
    """Answer the job at `path`."""
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    if (job["port"].get("framework") or "torch") == "torch":
        import torch  # once, for all forks

        torch.set_num_threads(1)
    answer(path, selftest)
