"""Is anything lost in an update? Random edits by a user and random changes of the template, merged, many times over.

    python benchmarks/scaffold_update.py --rounds 200

Every line that the user wrote must be in the file, in the copy of it in .scaffold/before/, or in a file that was left
alone; every line that the template brought must be in the file, beside it as .new, or in a file the user deleted.
stdout is one Markdown row; exit code 4 if a line was lost.
"""

from __future__ import annotations

import argparse
import collections
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reproof.paths import sha256
from reproof.scaffold import update as updating
from reproof.scaffold import write
from reproof.scaffold.models import UpdateRequest
from reproof.scaffold.project import Built
from reproof.scaffold.store import store_files

FILES = [f"src/p/engine/file{k}.txt" for k in range(8)]


def edited(lines: list[str], who: str, chance: random.Random) -> list[str]:
    """Some lines removed, some new ones, some replaced; each new line is unique."""
    result = list(lines)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
        at, new = chance.randrange(len(result) + 1), f"{who} {chance.getrandbits(64):x}"
        what = chance.choice(["insert", "replace", "remove"])
        if what == "insert" or at == len(result):
            result.insert(at, new)
        elif what == "replace":
            result[at] = new
        else:
            del result[at]
    return result


def text(lines: list[str]) -> str:
    """Lines as a file."""
    return "".join(f"{line}\n" for line in lines)


def one_round(folder: Path, plan: str, chance: random.Random, fates: collections.Counter[str]) -> list[str]:
    """Generate, edit, update twice; what was lost."""
    base = {name: [f"line {k} of {name}" for k in range(30)] for name in FILES[:-1]}
    out = folder / "p"
    pristine = {name: text(lines) for name, lines in base.items()} | {"plan.yaml": plan}
    write.create(out, pristine | store_files("p", pristine, {"core": "given"}, {}))
    lost: list[str] = []
    current = base
    for version in ("template1", "template2"):
        mine, gone = {}, set()
        for name in base:
            path = out / name
            if not path.exists() or (there := path.read_text().splitlines()) is None:
                continue
            if chance.random() < 0.05:
                path.unlink()
                gone.add(name)
                continue
            wrote = edited(there, f"user-{version}", chance)
            path.write_text(text(wrote))
            mine[name] = [line for line in wrote if line.startswith("user-")]
        current = {name: edited(lines, version, chance) for name, lines in current.items() if chance.random() > 0.03}
        if version == "template2":
            current[FILES[-1]] = ["template2 a new file"]
        now = {name: text(lines) for name, lines in current.items()} | {"plan.yaml": plan}
        updating.build = lambda _, now=now: Built(now)  # type: ignore[assignment]
        answer = updating.update(UpdateRequest(project=out))
        fates.update(change.fate for change in answer.changes)
        kept = collections.defaultdict(str)
        for path in out.rglob("*"):
            if path.is_file() and path.suffix != ".json":
                relative = path.relative_to(out).as_posix()
                kept[relative.partition("src/")[2].removesuffix(".new")] += path.read_text()
        for name, lines in mine.items():
            lost += [f"{name}: {line}" for line in lines if line not in kept[name.removeprefix("src/")]]
        for name, lines in current.items():
            if name not in gone and (out / name).exists():
                new = [line for line in lines if line.startswith(version)]
                lost += [f"{name}: {line}" for line in new if line not in kept[name.removeprefix("src/")]]
    shutil.rmtree(out)
    return lost


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    from tests.conftest import small_plan

    plan = yaml.safe_dump(small_plan() | {"name": "p"}, sort_keys=False)
    chance, fates, lost = random.Random(asked.seed), collections.Counter[str](), []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for _ in range(asked.rounds):
            lost += one_round(Path(place), plan, chance, fates)
    print("| updates | files decided | merged | conflicts marked | beside | lost lines | seconds |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    counts = " | ".join(str(fates[fate]) for fate in ("merged", "conflict", "beside"))
    seconds = time.monotonic() - began
    print(f"| {2 * asked.rounds} | {sum(fates.values())} | {counts} | {len(lost)} | {seconds:.0f} |")
    print(f"fates: {dict(fates)}; plan {sha256(plan)[:8]}, seed {asked.seed}", file=sys.stderr)
    for line in lost[:10]:
        print("lost:", line, file=sys.stderr)
    return 4 * bool(lost)


if __name__ == "__main__":
    raise SystemExit(main())
