# ruff: noqa: E402, E501, F401
"""How many single faults in a port does parity notice, does it name them, and does it leave faithful ports alone?

  python benchmarks/parity_mutants.py [FAMILY ...] [--out FILE.jsonl] [--minutes N]

Every fault and every harmless edit of benchmarks/parity/mutants.py is applied alone to the port of its family and the
ladder is climbed against the reference, whose answers are recorded once. A fault is named when the report gives a port
line in the function that was edited or a line that uses it, or the word of the fault; its line is exact when a reported
port line (of the divergent operation, where its module was made, of the first three findings, of a hint) is the edited
one; how many lines are reported as the place is told as well. Numbers go to stdout; one JSON line per edit to --out. With --minutes the sweep ends after
that time, and goes on where it ended when it is called again with the same --out: only rows of this very code count.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "helpers"), str(HERE / "parity")]

from mutants import FAULTS, HARMLESS


def edited(family: str, was: str, became: str) -> tuple[str, set[int]]:
    text = (HERE / "parity" / family / "port.py").read_text(encoding="utf-8")
    assert text.count(was) >= 1, f"{family}: not found: {was!r}"
    at = text.index(was)
    first = text[:at].count("\n") + 1
    changed = [
        k for k, (a, b) in enumerate(zip(was.split("\n"), became.split("\n") + [""] * 9, strict=False)) if a != b
    ] or [0]
    return text[:at] + became + text[at + len(was) :], {first + k for k in changed}


def functions(text: str) -> list[tuple[int, int]]:
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    return [(n.lineno, n.end_lineno) for n in nodes]


def lines_of(found: dict, path: str) -> tuple[list[int], list[int]]:
    """(lines named as the place, lines named as its neighbours) in the port."""
    place, near = [], []
    for rung in found["rungs"]:
        if rung["status"] != "fail":
            continue
        divergence = rung.get("first_divergence") or {}
        first = divergence.get("port")
        place += [first["line"], first.get("made", "")] if first else []
        place += [each["port_line"] for each in [*rung.get("findings", [])[:3], *rung.get("hints", [])]]
        near += first.get("reads", []) if first else []
        near += [each["line"] for each in divergence.get("others", [])]
    number = [[int(each.rpartition(":")[2]) for each in lines if each.startswith(path)] for lines in (place, near)]
    return number[0], number[1]


def uses(text: str, where: set[int], lines: list[int]) -> bool:
    """Whether a reported line uses an attribute that an edited line makes."""
    rows = text.split("\n")
    made = {name for k in where for name in re.findall(r"self\.(\w+)", rows[k - 1].split(" = ")[0])}
    return any(re.search(rf"\b{name}\b", rows[k - 1]) for name in made for k in lines)


def words_of(found: dict) -> str:
    from reproof.parity.catalogue import diagnosis

    words = []
    for rung in found["rungs"]:
        if rung["status"] == "fail":
            words += [
                rung["title"],
                rung["says"],
                *diagnosis(rung["id"], rung.get("first_divergence"), rung.get("observed")),
            ]
            words += [each["what"] for each in rung.get("findings", [])]
            words += [str(each) for each in (rung.get("first_divergence") or {}).values()]
    return " ".join(words).lower()


def one(family: str, was: str, became: str, word: str, recordings: Path) -> dict:
    from reproof.parity.child.judge import check

    text, where = edited(family, was, became)
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port.py"
        port.write_text(text, encoding="utf-8")
        started = time.perf_counter()
        reference = {"file": str(HERE / "parity" / family / "ref.py"), "recording": str(recordings / family)}
        found = check({"reference": reference, "port": {"file": str(port)}, "keep_going": False})
        took = time.perf_counter() - started
        if "error" in found:
            return {"rung": "error", "says": found["error"]["text"], "took_s": took, "exact": False, "named": False}
        failed = [each for each in found["rungs"] if each["status"] == "fail"]
        place, beside = lines_of(found, str(port))
        lines = place + beside
        inside = [span for span in functions(text) if any(span[0] <= k <= span[1] for k in where)]
        smallest = min(inside, key=lambda span: span[1] - span[0]) if inside else None
        near = any(abs(k - w) <= 2 for k in lines for w in where) or uses(text, where, lines)
        near = near or (smallest is not None and any(smallest[0] <= k <= smallest[1] for k in lines))
        exact = bool(set(place) & where)
        named = exact or near or bool(word and word.lower() in words_of(found))
        return {
            "rung": failed[0]["id"] if failed else "",
            "says": failed[0]["says"][:200] if failed else "",
            "exact": exact,
            "named": named,
            "lines": lines[:6],
            "place": sorted(set(place)),
            "edited": sorted(where),
            "took_s": round(took, 1),
        }


def in_a_fork(task: tuple) -> dict:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            answer = one(*task)
        except BaseException as problem:  # a broken edit must not end the sweep
            answer = {"rung": "broken", "says": repr(problem)[:200], "exact": False, "named": False, "took_s": 0}
        with os.fdopen(write, "w") as out:
            json.dump(answer, out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as back:
        answer = json.loads(back.read() or '{"rung": "crash", "says": "", "exact": false, "named": false, "took_s": 0}')
    os.waitpid(pid, 0)
    return answer


def digest() -> str:
    """The code that a row was made with: parity, the families and the list of edits."""
    files = [*(HERE.parent / "helpers" / "reproof" / "parity").rglob("*.py"), *(HERE / "parity").rglob("*.py")]
    found = hashlib.sha256()
    for each in sorted(files):
        found.update(each.relative_to(HERE.parent).as_posix().encode() + each.read_bytes())
    return found.hexdigest()[:12]


def known(out: Path | None, code: str) -> dict[tuple, dict]:
    """Rows of this code that an earlier call wrote."""
    lines = out.read_text(encoding="utf-8").splitlines() if out and out.exists() else []
    rows = [row for row in map(json.loads, lines) if row.get("code") == code]
    return {(row["kind"], row["family"], row["was"], row["became"]): row for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", nargs="*")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", choices=["faults", "harmless"])
    parser.add_argument("--minutes", type=float, default=600.0)
    given = parser.parse_args()
    import torch

    import reproof.parity.child.judge
    import reproof.parity.child.torch_side

    tasks = [("fault", *each) for each in FAULTS] if given.only != "harmless" else []
    tasks += [("harmless", *each, "") for each in HARMLESS] if given.only != "faults" else []
    tasks = [each for each in tasks if not given.family or each[1] in given.family]
    code, ends = digest(), time.monotonic() + 60 * given.minutes
    held = known(given.out, code)
    rows = [held[each[:4]] for each in tasks if each[:4] in held]
    todo = [each for each in tasks if each[:4] not in held]
    with tempfile.TemporaryDirectory() as recordings:
        for kind, family, was, became, word in todo:
            if time.monotonic() > ends:
                break
            row = {
                "code": code,
                "kind": kind,
                "family": family,
                "was": was,
                "became": became,
                **in_a_fork((family, was, became, word, Path(recordings))),
            }
            rows.append(row)
            print(f"{kind:8} {family:8} {row['rung'] or '-':10} {'exact' if row['exact'] else 'named' if row['named'] else '':6} "
                  f"{row['took_s']:5} s  {became[:60]!r}", file=sys.stderr, flush=True)  # fmt: skip
            if given.out:
                with given.out.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
    if len(rows) < len(tasks):
        print(f"{len(rows)} of {len(tasks)} edits so far (code {code}); call again with the same --out")
    faults = [each for each in rows if each["kind"] == "fault"]
    caught = [each for each in faults if each["rung"]]
    harmless = [each for each in rows if each["kind"] == "harmless"]
    alarms = [each for each in harmless if each["rung"]]
    print(
        f"faults {len(faults)}, caught {len(caught)}, named {sum(e['named'] for e in caught)}, exact {sum(e['exact'] for e in caught)}"
    )
    several = [len(each["place"]) for each in caught if "place" in each]
    print(
        f"lines named as the place: {sum(several) / max(len(several), 1):.1f} on average, {max(several, default=0)} at most"
    )
    print(f"harmless {len(harmless)}, alarms {len(alarms)}")
    for each in [*[e for e in faults if not e["rung"]], *[e for e in caught if not e["named"]], *alarms]:
        print("look at:", each["kind"], each["family"], repr(each["became"][:90]), each["rung"], each["says"][:120])


if __name__ == "__main__":
    main()
