"""Recall of `read candidates` on papers whose facts are marked in the text, by tier; with what is missed, and the time.

    python benchmarks/candidates.py                     the papers of benchmarks/candidates_papers, and the misses
    python benchmarks/candidates.py --papers DIR        other papers whose facts stand between « and »
    python benchmarks/candidates.py --speed             CPU time on 50 pages, and where a pass spends it

A fact counts as found when a candidate covers every number in it, or, for words, any of its words. A word the same
section named before counts too: repeated words are listed once. Tier one are the candidates, tier two also what nothing
announces. "With the remainder" also counts a fact that mostly stands in a part of a sentence which is listed because no
candidate covers it. "Read" is what a person sees who reads the answer: the fact is a candidate, or its sentence stands
beside one or among the sentences listed at the end. Prints rows for benchmarks/RESULTS.md. Mark a paper before the
helper has read it: only then is it blind.
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

from reproof.text.candidates import Candidate, Tiers, all_tiers, both_tiers  # noqa: E402
from reproof.text.load import load  # noqa: E402
from reproof.text.located import Located  # noqa: E402

PAPERS = ROOT / "benchmarks" / "candidates_papers"
BEGIN, END = "qqopen", "qqshut"  # survive every reader, LaTeX formulas included
NUMBER = re.compile(r"(?<![\w.^{_])\d+(?:[.,]\d+)*")
SUBSCRIPT = re.compile(r"_ ?\{[^}]*\}")
SPEED_CHARS, PAGE_CHARS = 200_000, 4_000  # 50 pages
HEADS = (
    "paper",
    "facts",
    "tier one",
    "both tiers",
    "with the remainder",
    "read",
    "tier one on the key",
    "rank A on the key",
    "tier two on the key",
    "sentences listed alone, with a fact that was missed",
)
MOSTLY = 0.6  # of a fact's characters, in parts of sentences


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


def is_stated(found: Tiers, start: int, end: int) -> bool:
    """Whether the remainder has the fact, or most of it."""
    return sum(max(0, min(end, s.end) - max(start, s.start)) for s in found.remainder) >= MOSTLY * (end - start)


def is_read(found: Tiers, start: int, end: int) -> bool:
    """Whether the fact stands in a sentence that the answer shows, beside a candidate or alone."""
    shown = {c.span for c in found.announced} | {s.span for s in found.remainder}
    return any(first <= start and end <= last for first, last in shown)


def report(path: Path) -> tuple[int, ...]:
    """One row, and the misses; returns the counts of facts, of what is listed, and of characters."""
    paper, facts = marked(path)
    found = all_tiers(paper)
    one, more = found.announced, found.others
    hits = [is_found(paper, one, *fact) for fact in facts]
    both = [is_found(paper, [*one, *more], *fact) for fact in facts]
    stated = [hit or is_stated(found, *fact) for hit, fact in zip(both, facts, strict=True)]
    read = [hit or is_read(found, *fact) for hit, fact in zip(both, facts, strict=True)]
    first = [c for c in one if c.rank == "A"]
    on = {name: sum(any(c.start < e and s < c.end for s, e in facts) for c in group)
          for name, group in (("one", one), ("A", first), ("two", more))}  # fmt: skip
    shown = {c.span for c in one}
    alone = [s for s in found.remainder if s.span not in shown]
    new = [fact for fact, hit in zip(facts, both, strict=True) if not hit]
    useful = sum(any(s.start < end and start < s.end for start, end in new) for s in alone)
    row = [len(facts), sum(hits), sum(both), sum(stated), sum(read)]
    print("|", path.name, *_shares(row), "|", f"{on['one']} of {len(one)} | {on['A']} of {len(first)} "
          f"| {on['two']} of {len(more)} | {useful} of {len(alone)} |")  # fmt: skip
    for (start, end), hit, late, at_all in zip(facts, both, stated, read, strict=True):
        if not hit and not late:
            before = " ".join(paper.text[max(0, start - 50) : start].split())
            print(
                f"    {'in a sentence that is shown' if at_all else 'overlooked'}: {before} [{paper.text[start:end]}]"
            )
    return *row, len(one), on["one"], len(alone), len(paper.text)


def _shares(row: list[int]) -> list[str]:
    """A count of facts, then counts with their shares, as cells."""
    return [f"| {row[0]}", *(f"| {count} ({100 * count / row[0]:.1f} %)" for count in row[1:])]


def speed(papers: list[Path]) -> None:
    """CPU seconds for 50 pages."""
    body = "\n".join(marked(path)[0].text for path in papers) + "\n"
    long = Located(kind="text", text=(body * (SPEED_CHARS // len(body) + 1))[:SPEED_CHARS])
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        found = both_tiers(long)[0]
        best = min(best, time.process_time() - start)
    start = time.process_time()
    more = all_tiers(long).remainder
    whole = time.process_time() - start
    print(f"| candidates of {SPEED_CHARS} characters | {best:.2f} s CPU, {len(found)} candidates; with the remainder "
          f"({len(more)} parts) {whole:.2f} s |")  # fmt: skip


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=Path, default=PAPERS)
    parser.add_argument("--speed", action="store_true")
    args = parser.parse_args()
    papers = sorted(path for path in args.papers.iterdir() if path.suffix in (".md", ".tex", ".html", ".txt"))
    if args.speed:
        return speed(papers)
    print(f"| {' | '.join(HEADS)} |")
    print("|---|" + "---:|" * (len(HEADS) - 1))
    total = [sum(column) for column in zip(*(report(path) for path in papers), strict=True)]
    listed, on, alone, chars = total[5:]
    print("| all", *_shares(total[:5]), f"| {on} of {listed} ({100 * on / listed:.1f} %) | | | "
          f"{alone}, {PAGE_CHARS * alone / chars:.1f} a page of {PAGE_CHARS} characters |")  # fmt: skip
    return None


if __name__ == "__main__":
    main()
