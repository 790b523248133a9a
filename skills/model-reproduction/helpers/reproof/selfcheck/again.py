"""Compare asked again, in a process of its own, on what lies here now: its record must have said the same."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reproof.evidence import pack_version
from reproof.paths import HELPERS, hash_path
from reproof.selfcheck.chain import stale
from reproof.selfcheck.gather import Project, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.verdicts import COMPARE, unseen
from reproof.selfcheck.words import listed, many

LIMIT_S = 300
SAME = ("id", "verdict", "printed", "ours", "floor", "gap", "tolerance", "more_seeds")
KINDS = ("claims", "orders", "curves")
_ANSWERS: dict[object, tuple[dict[str, Any] | None, str]] = {}  # the same files give the same answer


def items(project: Project) -> Iterator[Item]:
    """One item, once there is a current record of compare."""
    record = project.latest("compare")
    if record is None or stale(project, record) or unseen(project, record):
        return
    item = Item(id="compare-again", what="compare, asked again, says what its record says", state="PASS")
    launcher = HELPERS / "compare.py"
    if not launcher.is_file():
        yield item.judged("MISSING", "compare.py is not installed beside the gate", "install the whole skill")
        return
    answer, trouble = asked(project)
    if answer is None:
        yield item.judged("FAIL", f"compare does not answer: {trouble}", COMPARE)
        return
    other = [text for kind in KINDS for text in differences(rows_in(record.answer, kind), rows_in(answer, kind))]
    if not other:
        count = sum(len(rows_in(answer, kind)) for kind in KINDS)
        yield item.judged("PASS", f"{many(count, 'verdict')} the same")
    elif record.versions.get("reproof") != pack_version():
        yield item.judged("STALE", f"another version of the pack said otherwise: {listed(other)}", COMPARE)
    else:
        yield item.judged("FAIL", f"the record says otherwise: {listed(other)}", COMPARE)


def differences(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[str]:
    """Claims on which two answers differ in what counts."""
    before, after = ({str(row.get("id")): row for row in rows} for rows in (then, now))
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            yield f"{name} is only {'in the record' if name in before else 'there now'}"
        elif any(before[name].get(key) != after[name].get(key) for key in SAME if key in after[name]):
            yield f"{name}: {before[name].get('verdict')} in the record, {after[name].get('verdict')} now"


def asked(project: Project) -> tuple[dict[str, Any] | None, str]:
    """Compare's answer now, or why there is none."""
    files = sorted(path for path in (project.folder / "results").rglob("*") if path.is_file() and _is_read(path))
    digests = tuple((path.relative_to(project.folder).as_posix(), hash_path(path)) for path in files)
    key = (project.plan_sha256, digests, pack_version())
    if key not in _ANSWERS:
        _ANSWERS.clear()
        _ANSWERS[key] = _asked(project.folder)
    return _ANSWERS[key]


def _is_read(path: Path) -> bool:
    return path.suffix in (".jsonl", ".csv", ".json") or "tfevents" in path.name or path.suffix == ".wandb"


def _asked(folder: Path) -> tuple[dict[str, Any] | None, str]:
    with tempfile.TemporaryDirectory(prefix="again-") as away:
        command = [sys.executable, str(HELPERS / "compare.py"), str(folder), "--json", "--evidence", away]
        try:
            done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None, f"no answer in {LIMIT_S} s"
    if done.returncode not in (0, 4):
        return None, (done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"])[0]
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return None, "its answer is no JSON"
    return (answer, "") if isinstance(answer, dict) else (None, "its answer is no object")
