"""How exact and how fast reading and quoting are: true and altered quotes, candidates against answer keys, time.

    python benchmarks/reading.py                       the hand-made papers of tests/read and benchmarks/reading_papers
    python benchmarks/reading.py --paper nsgf.md       another paper for the quotes (Markdown, LaTeX, HTML, PDF)
    python benchmarks/reading.py --paper a.tex --against a.pdf     quotes from one format, looked up in another

Prints rows for benchmarks/RESULTS.md. Altered quotes that happen to stand in the paper are not counted. Times are the
best of three on one core; memory is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "helpers"))

from reproof.text.candidates import Candidate, candidates  # noqa: E402
from reproof.text.load import load  # noqa: E402
from reproof.text.located import FLOATS, Located  # noqa: E402
from reproof.text.quotes import Text, find, text_from  # noqa: E402
from reproof.text.sentences import sentences  # noqa: E402

from alterations import SUPERSCRIPT, altered  # noqa: E402  # isort: skip

HAND_MADE = ROOT / "benchmarks" / "reading_papers"
FOLDERS = (ROOT / "tests" / "read" / "papers", HAND_MADE, HAND_MADE / "unseen")
KEYS = {name: key for folder in FOLDERS for name, key in json.loads((folder / "keys.json").read_text("utf-8")).items()}


def windows(located: Located, count: int, rng: random.Random) -> list[str]:
    """Runs of 6 to 30 words of the running text, from the middle of sentences too."""
    skipped = [(n.start, n.end) for n in located.nodes if n.kind in (*FLOATS, "references", "footnote")]
    skipped += [(n.start, n.start + len(n.name)) for n in located.nodes if n.level]
    found = []
    for start, end in sentences(located.text):
        if any(a < end and start < b for a, b in skipped) or end - start < 40:
            continue
        words = located.text[start:end].split()
        for _ in range(12 if re.search(r"\d", located.text[start:end]) else 4):
            length = min(len(words), rng.randint(6, 30))
            at = rng.randint(0, len(words) - length)
            found.append(" ".join(words[at : at + length]))
    rng.shuffle(found)
    return [quote for quote in dict.fromkeys(found) if is_quotable(quote)][:count]


def is_quotable(quote: str) -> bool:
    """Long enough, and not cut behind a negation or a sign, which is refused on purpose."""
    return len(re.sub(r"\W", "", quote)) >= 20 and not re.match(r"\W", quote) and not quote.endswith("×")


def respelled(quote: str, rng: random.Random) -> str:
    """The same words as another program would spell them."""
    styles: list[Callable[[str], str]] = [
        lambda q: q,
        lambda q: re.sub(r"\^\{([-−]?\d+)\}", lambda m: m[1].replace("−", "-").translate(SUPERSCRIPT), q),
        lambda q: re.sub(r"\^\{[-−]?(\d+)\}", lambda m: m[0].replace("{", "").replace("}", "").replace("−", "-"), q),
        lambda q: q.replace("fi", "ﬁ").replace("fl", "ﬂ"),
        lambda q: q.replace("-", "‐") if not re.search(r"-\d", q) else q,
        lambda q: q.replace("β", r"$\beta$").replace("ε", r"$\epsilon$").replace("%", r"\%"),
        lambda q: q.replace(" ", "  ", 3).replace(" ", "\n", 1),
    ]
    return rng.choice(styles)(quote)


def plain(text: str) -> str:
    """For deciding whether an altered quote stands in the paper after all; independent of the key under test."""
    return re.sub(r"[\s\u00ad\ufffe]+|-(?!\s?\d)", "", text.replace("−", "-")).lower()


def quotes(source: Located, against: Text, count: int, seed: int) -> dict[str, object]:
    """Share of true quotes accepted, and altered quotes accepted by kind."""
    rng = random.Random(seed)
    true = [respelled(quote, rng) for quote in windows(source, count, rng)]
    refused = [(quote, find(quote, against).reason) for quote in true if not find(quote, against).found]
    on_purpose = [q for q, reason in refused if "leaves out" in reason]
    there = plain(against.located.text)
    tried: Counter[str] = Counter()
    accepted = []
    for quote in windows(source, count, rng):
        for kind, wrong in altered(quote, rng):
            if plain(wrong) in there:
                continue
            tried[kind] += 1
            if find(wrong, against).found:
                accepted.append((kind, wrong, quote))
    return {
        "true": len(true),
        "refused": refused,
        "on purpose": len(on_purpose),
        "altered": tried,
        "accepted": accepted,
    }


def recall(located: Located, key: list[dict[str, object]]) -> tuple[list[str], int, int, int]:
    """(items of the key that no candidate covers, candidates, of rank A, those that cover an item)."""
    found = candidates(located)
    useful: set[int] = set()
    missed = []
    for item in key:
        near, values = str(item["near"]), item["values"]
        assert isinstance(values, list)
        if item.get("exact"):
            hits = _at_place(located, found, near, str(values[0]))
            useful |= hits or set()
            missed += [] if hits is not None else [f"{item['item']}: {values[0]}"]
            continue
        at = [m.start() for m in re.finditer(re.escape(near), re.sub(r"\s", " ", located.text))]
        for value in values:
            good = [i for i, c in enumerate(found) if _same(c.value, c.raw, value) and any(
                abs(c.start - a) < 400 for a in at)]  # fmt: skip
            useful |= set(good)
            if not good:
                missed.append(f"{item['item']}: {value}")
    return missed, len(found), sum(c.rank == "A" for c in found), len(useful)


def _at_place(located: Located, found: list[Candidate], near: str, value: str) -> set[int] | None:
    """Candidates upon a value that `near` ends with: on each of its numbers, else on any of its words; None if missed.

    A word counts as found where a section has it once already, for repeated words are left out on purpose.
    """
    end = re.sub(r"\s", " ", located.text).index(near) + len(near)
    start = end - len(value)
    upon = {i for i, c in enumerate(found) if c.start < end and start < c.end}
    numbers = [m.span() for m in re.finditer(r"(?<![_^{\w.])\d+(?:[.,]\d+)*", value)]
    if numbers:
        parts = [(start + a, start + b) for a, b in numbers]
        return upon if all(any(found[i].start < b and a < found[i].end for i in upon) for a, b in parts) else None
    said = {c.raw.lower() for c in found if isinstance(c.value, str) and len(c.raw) > 3}
    return upon if upon or any(word in value.lower() for word in said) else None


def _same(value: object, raw: str, wanted: object) -> bool:
    if isinstance(wanted, str):
        close, far = (re.sub(r"[\s{}\[\]()]", "", text).lower().replace("×", "x") for text in (wanted, raw))
        return close in far
    if isinstance(wanted, list):
        return raw.strip("[]()").replace(" ", "") == ",".join(map(str, wanted))
    if raw[:1] in "([{":
        return wanted in [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", raw)]
    share = re.fullmatch(r"([\d.]+)\s?%", raw)
    return value == wanted or bool(share and abs(float(share[1]) / 100 - float(str(wanted))) < 1e-12)


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest of several runs, in seconds."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def report_quotes(name: str, source: Located, against: Located, count: int, *, verbose: bool) -> None:
    """Rows on quotes."""
    text = text_from(against)
    found = quotes(source, text, count, seed=0)
    refused, tried, accepted = found["refused"], found["altered"], found["accepted"]
    assert isinstance(refused, list) and isinstance(tried, Counter) and isinstance(accepted, list)
    total, by_kind = int(str(found["true"])), Counter(kind for kind, _, _ in accepted)
    counted = total - int(str(found["on purpose"]))
    wrong = len(refused) - int(str(found["on purpose"]))
    share = 100 * (counted - wrong) / max(1, counted)
    kept = counted - wrong
    print(f"| {name}: true quotes accepted | {kept} of {counted} ({share:.2f} %), {found['on purpose']} more "
          "refused on purpose (cut behind a negation or sign) |")  # fmt: skip
    print(f"| {name}: altered quotes accepted | {len(accepted)} of {sum(tried.values())} "
          f"({', '.join(f'{kind} {by_kind[kind]}/{n}' for kind, n in sorted(tried.items()))}) |")  # fmt: skip
    if verbose:
        for quote, reason in refused:
            print("   refused:", repr(quote), "--", reason)
        for kind, wrong_quote, quote in accepted:
            print("   accepted:", kind, repr(wrong_quote), "<-", repr(quote))


def report_speed(located: Located) -> None:
    """Rows on time, on this paper's text repeated to 50 pages of 4,000 characters."""
    body = located.text
    long = Located(kind="text", text=(body + "\n") * (200_000 // len(body) + 1))
    long = long.model_copy(update={"text": long.text[:200_000]})
    rng = random.Random(1)
    some = windows(located, 50, rng)
    mixed = some + [next(altered(quote, rng), ("", quote + " never"))[1] for quote in some]
    text = text_from(long)
    print(f"| canonical key of 50 pages | {best_of(3, lambda: text_from(long)):.2f} s |")
    print(
        f"| {len(mixed)} true and false quotes, 50 pages | {best_of(3, lambda: [find(q, text) for q in mixed]):.3f} s |"
    )
    print(f"| candidates of 50 pages | {best_of(3, lambda: candidates(long)):.2f} s |")


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paper", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--key", help="name of an answer key in one of the keys.json for --paper")
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--speed", action="store_true", help="also time keys, quotes and candidates on 50 pages")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    print("| what | measured |\n|---|---|")
    papers = (
        [(args.paper, args.key)]
        if args.paper
        else [(folder / name, name) for folder in FOLDERS for name in KEYS if (folder / name).exists()]
    )
    sums: Counter[str] = Counter()
    for path, key in papers:
        start = time.perf_counter()
        located = load(path)
        took = time.perf_counter() - start
        pages = len({page for _, page in located.pages})
        print(
            f"| {path.name} read | {took:.2f} s, {len(located.text)} characters{f', {pages} pages' if pages else ''} |"
        )
        against = load(args.against) if args.against else located
        report_quotes(path.name, located, against, args.count, verbose=args.verbose)
        if key:
            missed, total, rank_a, useful = recall(located, KEYS[key])
            items = sum(len(item["values"]) for item in KEYS[key])
            lacks = f"; missed: {', '.join(missed)}" if missed else ""
            hits = items - len(missed)
            sums.update(items=items, hits=hits)
            print(f"| {path.name}: candidates recall | {hits} of {items}; {total} candidates, {rank_a} of "
                  f"rank A, {useful} cover an item of the key{lacks} |")  # fmt: skip
        if args.speed:
            report_speed(located)
    if not args.paper:
        share = 100 * sums["hits"] / sums["items"]
        print(f"| all keys: candidates recall | {sums['hits']} of {sums['items']} ({share:.1f} %) |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| peak memory of this process | {peak:.0f} MiB |")


if __name__ == "__main__":
    main()
