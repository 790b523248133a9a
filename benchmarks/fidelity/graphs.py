#!/usr/bin/env python3
"""What computation graphs see of the catalogue's faults and engineering edits: evaluation mode, in this process.

python benchmarks/fidelity/graphs.py            a table in Markdown
python benchmarks/fidelity/graphs.py --list     every fault with what the graphs say
python benchmarks/fidelity/graphs.py --out FILE --minutes 8     in parts: call it again until all are there

Needs torch. Only models have a graph here: recipes, losses outside of forward and initialisation have none, so a
fault there is no miss. A graph that is equal says nothing about them, which is why no graph is ever a verdict.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HELPERS = HERE.parent.parent / "helpers"
sys.path[:0] = [str(HERE), str(HELPERS)]

import catalogue  # noqa: E402
from run import REFERENCE, changed_line, edited, once  # noqa: E402

from reproof.fidelity.graphs import compared  # noqa: E402

TAILS = {
    "gpt": ("GPT(GPTConfig())", "(torch.zeros(2, 8, dtype=torch.long),)"),
    "llama": ("Llama()", "(torch.zeros(2, 8, dtype=torch.long),)"),
    "vit": ("ViT()", "(torch.zeros(2, 3, 32, 32),)"),
    "unet": ("UNet()", "(torch.zeros(2, 3, 8, 8), torch.zeros(2, dtype=torch.long))"),
    "convnet": ("Net()", "(torch.zeros(2, 3, 32, 32),)"),
}


def child() -> Any:
    spec = importlib.util.spec_from_file_location("_graph", HELPERS / "reproof" / "fidelity" / "child" / "graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def graph(exporter: Any, file: str, text: str, folder: Path) -> dict[str, Any]:
    """The graph of one version of a reference."""
    build, inputs = TAILS[file]
    tail = f"\n\ndef build():\n    return {build}\n\n\ndef inputs(case):\n    return {inputs}\n"
    path = folder / f"{file}{len(list(folder.iterdir()))}.py"
    path.write_text(text + tail, encoding="utf-8")
    job = {
        "file": str(path),
        "case": "",
        "inputs": None,
        "how": ["torch.export", "make_fx"],
        "modes": ["eval"],
        "ran": False,
    }
    answer: dict[str, Any] = exporter.main(job)
    found = answer["graphs"][0] if answer["graphs"] else {"error": answer["error"]}
    return {**found, "mode": "eval"}


def tasks(texts: dict[str, str]) -> list[tuple[str, str, str, str, int, str]]:
    """(kind, file, its changed text, name, changed line, key) of every fault and engineering edit in a model."""
    found = []
    for fault in [*catalogue.FAULTS, *catalogue.STUBS]:
        file, old, new = fault[:3]
        if file in TAILS:
            text = once(texts[file], old, new)
            found.append(("fault", file, text, f"{file}: {old!r} -> {new!r}"[:120], changed_line(texts[file], text)[0]))
    for name, file, changes in catalogue.ENGINEERING:
        if file in TAILS:
            found.append(("edit", file, edited(file, changes)[0], f"{file}: {name}", 0))
    return [(*each, hashlib.sha256(f"{each[0]}{each[2]}".encode()).hexdigest()[:16]) for each in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--minutes", type=float, default=600.0)
    given = parser.parse_args()
    lines = given.out.read_text(encoding="utf-8").splitlines() if given.out and given.out.exists() else []
    known = {row["key"]: row for row in map(json.loads, lines)}
    exporter, ends = child(), time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = {file: (REFERENCE / f"{file}.py").read_text(encoding="utf-8") for file in TAILS}
        todo = tasks(texts)
        own = {file: graph(exporter, file, text, folder) for file, text in texts.items()}
        for kind, file, text, what, line, key in todo:
            if key in known or time.monotonic() > ends:
                continue
            started = time.perf_counter()
            said = seen(own[file], graph(exporter, file, text, folder), line)
            took = round(time.perf_counter() - started, 2)
            known[key] = {"key": key, "kind": kind, "what": what, "says": said, "took_s": took}
            if given.list:
                print(f"{said:28} {what}", file=sys.stderr)
            if given.out:
                with given.out.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(known[key]) + "\n")
    rows = [known[each[-1]] for each in todo if each[-1] in known]
    if len(rows) < len(todo):
        print(f"{len(rows)} of {len(todo)} so far; call again with the same --out")
    counts, edits = (Counter(row["says"] for row in rows if row["kind"] == kind) for kind in ("fault", "edit"))
    print(f"| | of {sum(counts.values())} faults | of {sum(edits.values())} engineering edits |\n|---|---|---|")
    for said in sorted({*counts, *edits}):
        print(f"| {said} | {counts[said]} | {edits[said]} |")
    times = sorted(row["took_s"] for row in rows)
    print(f"| seconds for one export, median | {times[len(times) // 2]:.2f} | |")
    return 0


def seen(reference: dict[str, Any], port: dict[str, Any], line: int) -> str:
    """Equal, not exported, or different with the first line at the edit, near it or elsewhere."""
    if port["error"]:
        return "not exported"
    found = compared(reference, port)
    if found.verdict != "different":
        return "graphs are equal"
    places = [op.line for change in found.changes[:1] for op in (*change.reference[:1], *change.port[:1])]
    lines = [int(place.rpartition(":")[2]) for place in places if place]
    if line in lines:
        return "different, first at the line"
    return "different, first elsewhere"


if __name__ == "__main__":
    raise SystemExit(main())
