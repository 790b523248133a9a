#!/usr/bin/env python3
"""Every fault and every engineering edit of the catalogue through `fidelity.py compare`, in this process.

python benchmarks/fidelity/run.py            a table in Markdown; exit 1 when a fault is missed or an edit flagged
python benchmarks/fidelity/run.py --list     every fault with what was found
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "helpers")]

import catalogue  # noqa: E402

from reproof.fidelity.answers import compare  # noqa: E402
from reproof.fidelity.models import CompareAnswer, CompareRequest  # noqa: E402

REFERENCE = HERE / "reference"


def edited(file: str, edits: list[tuple[str, str]]) -> tuple[str, int, int]:
    """Text of a reference with the edits; the line that the first edit changed, before and after."""
    text = (REFERENCE / f"{file}.py").read_text(encoding="utf-8")
    assert edits[0][0] in text, f"{file} has no {edits[0][0]!r}"
    new = text
    for old, replacement in edits:
        assert old in new, f"{file} has no {old!r}"
        new = new.replace(old, replacement)
    return new, *changed_line(text, new)


def changed_line(before: str, after: str) -> tuple[int, int]:
    """First line that differs, in either text."""
    left, right = before.split("\n"), after.split("\n")
    first = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)) - 1
    )
    return first + 1, first + 1


def ask(file: str, text: str, folder: Path) -> CompareAnswer:
    port = folder / f"{file}.py"
    port.write_text(text, encoding="utf-8")
    return compare(CompareRequest(reference=REFERENCE / f"{file}.py", port=port))


def once(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def judged(answer: CompareAnswer, word: str, line: int, deleted: bool) -> tuple[bool, bool, bool]:
    """(flagged, operation named, exact line on either side) of one fault."""
    found = [d for unit in answer.units if unit.status in ("changed", "missing") for d in unit.differences]
    named = any(word in f"{d.what} {d.was} {d.became}" for d in found) or any(
        word in hole.reason for hole in answer.placeholders
    )
    sides = ("reference",) if deleted else ("reference", "port")
    lines = {int(getattr(d, side).rpartition(":")[2]) for d in found for side in sides}
    lines |= {hole.line for hole in answer.placeholders}
    return not answer.ok, named, line in lines


def faults(folder: Path) -> list[tuple[tuple[str, ...], bool, bool, bool, float]]:
    rows = []
    for fault in [*catalogue.FAULTS, *catalogue.OUTSIDE, *catalogue.STUBS]:
        file, old, new, word = fault[:4]
        text = (REFERENCE / f"{file}.py").read_text(encoding="utf-8")
        port = once(text, old, new)
        line = changed_line(text, port)[0]
        started = time.perf_counter()
        answer = ask(file, port, folder)
        rows.append((fault, *judged(answer, word, line, deleted=len(new.strip()) == 0), time.perf_counter() - started))
    return rows


def edits(folder: Path) -> list[tuple[str, bool, str]]:
    rows = []
    for name, file, changes in catalogue.ENGINEERING:
        text, *_ = edited(file, changes)
        answer = ask(file, text, folder)
        rows.append((name, answer.ok, answer.headline))
    return rows


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        bad, good = faults(Path(name)), edits(Path(name))
    for fault, flagged, named, exact, _ in bad:
        if "--list" in sys.argv or not (flagged and named and exact):
            print(
                f"{'ok ' if flagged else 'MISSED'} named={named} line={exact} {fault[0]}: {fault[1]!r} -> {fault[2]!r}"[
                    :180
                ],
                file=sys.stderr,
            )
    for name, ok, headline in good:
        if not ok:
            print(f"FALSE ALARM {name}: {headline}", file=sys.stderr)
    slow = max(row[4] for row in bad)
    total = len(bad)
    print(f"| faults flagged | {sum(r[1] for r in bad)}/{total} |")
    print(f"| operation named | {sum(r[2] for r in bad)}/{total} |")
    print(f"| exact line | {sum(r[3] for r in bad)}/{total} |")
    print(f"| engineering edits that pass | {sum(ok for _, ok, _ in good)}/{len(good)} |")
    print(f"| slowest comparison of one file | {slow:.2f} s |")
    return 0 if all(r[1] for r in bad) and all(ok for _, ok, _ in good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
