#!/usr/bin/env python3
"""How many of the hyperparameters that stand in hand-made keys does the inventory find?

  python benchmarks/inventory/run.py FOLDER     FOLDER holds the unpacked packages of PyPI, like cleanrl-0.4.8/

Get them with: pip download --no-deps --no-binary :all: cleanrl==0.4.8 open_clip_torch==2.29.0 ... ; then unpack
(wheels of effdet, imagen_pytorch, rsl_rl_lib, sentence_transformers, skrl, neuralforecast, vocos, peft, speechbrain).
A key's entry counts as found when an entry of the same file covers its line, has its value, and its name is the key's
name or the call or operator that the key names. The keys were written by hand, before the tool was run on them.
Also scores core and engineering tags against keys/*.tags: unit tag, one per line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "helpers")]

from reproof.inventory.answers import read  # noqa: E402
from reproof.inventory.models import Hyperparameter, ReadAnswer, ReadRequest  # noqa: E402

OPERATORS = set("+ - * / % ** < <= > >= ==".split())


def key_of(path: Path) -> list[tuple[str, int, str, str]]:
    """(file, line, name, value as text) of each entry."""
    file, found = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            file = line[2:]
        elif line and not line.startswith("#"):
            number, name, value = line.split(" ", 2)
            found.append((file, int(number), name, value))
    return found


def fits(item: Hyperparameter, line: int, name: str, value: str) -> bool:
    if not item.line <= line <= max(item.line, item.last_line):
        return False
    words = set(item.name.replace("(", ".").replace(")", ".").replace("[", ".").replace("/", ".").split("."))
    known = (
        item.key == name.lower()
        or name in words
        or any(w.split("@")[-1].split()[-1:] == [name] for w in words if w.strip())
    )
    if name in OPERATORS:
        known = item.kind == "inline constant"
    if value.startswith("="):
        return known and value[1:] in (item.text, item.written)
    return known and not item.text and item.value == json.loads(value)


def tags(answer: ReadAnswer, path: Path) -> tuple[int, int, list[str]]:
    """(agreeing, all, disagreements) for one file of tags. Core taken for engineering is the dangerous way."""
    ours = {unit.id: unit for unit in answer.units}
    agree, total, wrong = 0, 0, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        unit, tag = line.split()
        total += 1
        if unit in ours and ours[unit].tag == tag:
            agree += 1
        else:
            wrong.append(
                f"{unit}: key {tag}, ours {ours[unit].tag + ': ' + ours[unit].reason if unit in ours else 'not found'}"
            )
    return agree, total, wrong


def main() -> int:
    folder = Path(sys.argv[1])
    found = everything = agree = tagged = lost = 0
    print("| package | hyperparameters in the key | found | tags in the key | agree | core taken for engineering |")
    print("|---|---|---|---|---|---|")
    for name in sorted({path.stem if path.suffix == ".txt" else path.name[:-5] for path in (HERE / "keys").iterdir()}):
        if not (folder / name).is_dir():
            print(f"not there: {folder / name}", file=sys.stderr)
            continue
        answer = read(ReadRequest(source=folder / name))
        entries, hits = settings(answer, name)
        key = HERE / "keys" / f"{name}.tags"
        a, t, wrong = tags(answer, key) if key.is_file() else (0, 0, [])
        for text in wrong:
            print("tag", name, text, file=sys.stderr)
        dangerous = sum("key core" in text for text in wrong)
        found, everything, agree, tagged, lost = (
            found + hits,
            everything + entries,
            agree + a,
            tagged + t,
            lost + dangerous,
        )
        print(f"| {name} | {entries} | {hits} | {t} | {a} | {dangerous} |")
    shares = [f"{part} ({100 * part / max(whole, 1):.1f} %)" for part, whole in ((found, everything), (agree, tagged))]
    print(f"| all | {everything} | {shares[0]} | {tagged} | {shares[1]} | {lost} |")
    return 0


def settings(answer: ReadAnswer, name: str) -> tuple[int, int]:
    """(entries in the key, found) of hyperparameters."""
    key = HERE / "keys" / f"{name}.txt"
    by_file: dict[str, list[Hyperparameter]] = {}
    for item in answer.hyperparameters:
        by_file.setdefault(item.file, []).append(item)
    entries = key_of(key) if key.is_file() else []
    missed = [e for e in entries if not any(fits(item, *e[1:]) for item in by_file.get(e[0], []))]
    for entry in missed:
        print("missed", name, *entry, file=sys.stderr)
    return len(entries), len(entries) - len(missed)


if __name__ == "__main__":
    raise SystemExit(main())
