"""Recall of `read candidates` on papers whose facts are marked in the text, by tier; with the misses, and the time.

    python benchmarks/candidates.py                     the papers of benchmarks/candidates_papers, and the misses
    python benchmarks/candidates.py --papers DIR        other papers whose facts stand between « and »
    python benchmarks/candidates.py --speed             CPU time on 50 pages, and where a pass spends it

A fact counts as found when a candidate covers every number in it, or, for words, any of its words. A word the same
section named before counts too: repeated words are listed once. Tier one are the candidates, tier two also what nothing
announces. Prints rows for benchmarks/RESULTS.md. Mark a paper before the helper has read it: only then is it blind.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "helpers"))

from reproof.text.candidates import Candidate, both_tiers  # noqa: E402
from reproof.text.load import load  # noqa: E402
from reproof.text.located import Located  # noqa: E402

PAPERS = ROOT / "benchmarks" / "candidates_papers"
BEGIN, END = "qqopen", "qqshut"  # survive every reader, LaTeX formulas included
NUMBER = re.compile(r"(?<![\w.^{_])\d+(?:[.,]\d+)*")
SUBSCRIPT = re.compile(r"_ ?\{[^}]*\}")
SPEED_CHARS = 200_000  # 50 pages


def marked(path: Path) -> tuple[Located, list[tuple[int, int]]]:
    """(the paper without its marks, the spans of its facts)."""
    raw = path.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        clean, with_marks = Path(folder) / path.name, Path(folder) / f"marked_{path.name}"
        clean.write_text(re.sub("[«»]", "", raw), "utf-8")
        with_marks.write_text(raw.replace("«", f"{BEGIN} ").replace("»", f" {END}"), "utf-8")
        paper, key = load(clean), load(with_marks)
    return paper, list(_spans(paper.text, key.text, path.name))


def _spans(text: str, key: str, name: str) -> Iterator[tuple[int, int]]:
    """Both texts are walked at once, white space aside."""
    at = begin = 0
    for piece in re.split(f"({BEGIN}|{END})", key):
        if piece == BEGIN:
            begin = at
        elif piece == END:
            yield begin + len(text[begin:at]) - len(text[begin:at].lstrip()), at
        else:
            for character in "".join(piece.split()):
                while text[at].isspace():
                    at += 1
                assert text[at] == character, f"{name}: the marks changed the text near {text[at - 40 : at + 20]!r}"
                at += 1


def is_found(paper: Located, found: list[Candidate], start: int, end: int) -> bool:
    """Whether candidates cover the fact."""
    value = paper.text[start:end]
    upon = [c for c in found if c.start < end and start < c.end]
    numbers = [m.span() for m in NUMBER.finditer(SUBSCRIPT.sub(lambda m: "x" * len(m[0]), value))]
    if numbers:
        return all(any(c.start < start + b and start + a < c.end for c in upon) for a, b in numbers)
    named = (c for c in found if isinstance(c.value, str) and c.start <= start)
    return bool(upon) or any(c.raw.lower() == value.lower() for c in named)


def report(path: Path) -> tuple[int, int, int]:
    """One row, and the misses; returns (facts, found by tier one, by both)."""
    paper, facts = marked(path)
    one, more = both_tiers(paper)
    hits = [is_found(paper, one, *fact) for fact in facts]
    both = [is_found(paper, [*one, *more], *fact) for fact in facts]
    first = [c for c in one if c.rank == "A"]
    on = {name: sum(any(c.start < e and s < c.end for s, e in facts) for c in group)
          for name, group in (("one", one), ("A", first), ("two", more))}  # fmt: skip
    print(f"| {path.name} | {len(facts)} | {sum(hits)} ({100 * sum(hits) / len(facts):.1f} %) | {sum(both)} "
          f"({100 * sum(both) / len(facts):.1f} %) | {on['one']} of {len(one)} | {on['A']} of {len(first)} "
          f"| {on['two']} of {len(more)} |")  # fmt: skip
    for (start, end), hit, late in zip(facts, hits, both, strict=True):
        if not hit:
            before = " ".join(paper.text[max(0, start - 50) : start].split())
            print(f"    missed{' by tier one' if late else ''}: {before} [{paper.text[start:end]}]")
    return len(facts), sum(hits), sum(both)


def speed(papers: list[Path]) -> None:
    """CPU seconds for 50 pages."""
    body = "\n".join(marked(path)[0].text for path in papers) + "\n"
    long = Located(kind="text", text=(body * (SPEED_CHARS // len(body) + 1))[:SPEED_CHARS])
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        found = both_tiers(long)[0]
        best = min(best, time.process_time() - start)
    print(f"| candidates of {SPEED_CHARS} characters | {best:.2f} s CPU, {len(found)} candidates |")


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=Path, default=PAPERS)
    parser.add_argument("--speed", action="store_true")
    args = parser.parse_args()
    papers = sorted(path for path in args.papers.iterdir() if path.suffix in (".md", ".tex", ".html", ".txt"))
    if args.speed:
        return speed(papers)
    print("| paper | facts | tier one | both tiers | tier one on the key | rank A on the key | tier two on the key |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    facts, one, both = (sum(column) for column in zip(*(report(path) for path in papers), strict=True))
    print(f"| all | {facts} | {one} ({100 * one / facts:.1f} %) | {both} ({100 * both / facts:.1f} %) | | | |")
    return None


if __name__ == "__main__":
    main()
