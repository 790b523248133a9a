#!/usr/bin/env python3
"""The verdict rule of `compare` against fixed percentages, on simulated claims whose true gap is known.

  python benchmarks/verdict_rules.py                      Markdown rows on stdout, benchmarks/verdict_rules.png
  python benchmarks/verdict_rules.py --draws 2000 --plot /tmp/rules.png

One simulated claim: the paper printed one run of N(1, CV); we have n = 5 runs of N(1 + gap, CV * (1 + gap)). Lower is
better, four printed digits, the paper prints no spread. A fixed rule accepts when our mean is within its percentage.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "helpers"))

from reproof.compare.printed import printed
from reproof.compare.rules import decide, sample_of

SEEDS = 5
GAPS = [g / 100 for g in (0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20, 25, 30, 35, 40)]
CVS = [0.005, 0.01, 0.02, 0.03, 0.05]
FIXED = [0.02, 0.05, 0.10]  # shown as curves
EVERY = [p / 100 for p in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20)]  # held against ours over the whole range
WORDS = ("MATCH", "CLOSE", "DEVIATES", "FAIL", "INCONCLUSIVE")

Rates = dict[str, float]


def rates(gap: float, cv: float, draws: int, seed: int) -> Rates:
    """Share of each verdict of ours, and of acceptance by each fixed rule."""
    generator, found = random.Random(seed), Counter[str]()
    for _ in range(draws):
        paper = printed(f"{generator.gauss(1, cv):.4f}", "lower")
        assert paper is not None, "a Gaussian draw is finite"
        ours = sample_of([(1 + gap) * generator.gauss(1, cv) for _ in range(SEEDS)])
        found[decide(paper, ours).verdict] += 1
        for limit in EVERY:
            found[f"within {limit:.0%}"] += abs(ours.mean - paper.value) <= limit * paper.value
    return {word: count / draws for word, count in found.items()}


def rows_ours(table: dict[tuple[float, float], Rates]) -> list[str]:
    """Every verdict of our rule."""
    lines = ["| CV | true gap | " + " | ".join(WORDS) + " |", "|---:|---:|" + "---:|" * len(WORDS)]
    for (cv, gap), found in table.items():
        if gap in (0, 0.05, 0.10, 0.20, 0.30, 0.40):
            lines.append(f"| {cv:.1%} | {gap:.0%} | " + " | ".join(f"{found.get(w, 0):.3f}" for w in WORDS) + " |")
    return lines


def rows_rules(table: dict[tuple[float, float], Rates]) -> list[str]:
    """Our MATCH against the acceptance of fixed rules."""
    names = ["MATCH", *(f"within {limit:.0%}" for limit in FIXED)]
    lines = ["| true gap | CV | " + " | ".join(names) + " |", "|---:|---:|" + "---:|" * len(names)]
    for gap in (0, 0.05, 0.10, 0.20, 0.30):
        for cv in CVS:
            found = table[cv, gap]
            lines.append(f"| {gap:.0%} | {cv:.1%} | " + " | ".join(f"{found.get(n, 0):.3f}" for n in names) + " |")
    return lines


def wrong(found: dict[float, Rates], word: str) -> float:
    """How often a rule is wrong at one CV: correct runs that it refuses, and gaps that it accepts, averaged.

    Half the weight lies on a true gap of 0, half on all gaps from 5 % up, alike. A gap of 2.5 % is nobody's error.
    """
    gaps = [gap for gap in found if gap >= 0.05]
    return 0.5 * (1 - found[0.0].get(word, 0)) + 0.5 * sum(found[gap].get(word, 0) for gap in gaps) / len(gaps)


def errors(table: dict[tuple[float, float], Rates]) -> dict[str, list[float]]:
    """Share of wrong answers by rule, one number per CV."""
    by_cv = {cv: {gap: table[cv, gap] for gap in GAPS} for cv in CVS}
    names = {"ours: MATCH": "MATCH"} | {f"within {p:.0%}": f"within {p:.0%}" for p in EVERY}
    found = {name: [wrong(by_cv[cv], word) for cv in CVS] for name, word in names.items()}
    asked = [0.5 * by_cv[cv][0.0].get("INCONCLUSIVE", 0) for cv in CVS]  # "run more seeds" refuses nothing
    kept = [error - share for error, share in zip(found["ours: MATCH"], asked, strict=True)]
    return {"ours: MATCH": found["ours: MATCH"], "ours, where asking for seeds is no error": kept} | found


def rows_errors(table: dict[tuple[float, float], Rates]) -> list[str]:
    """Wrong answers of our rule and of every fixed one, by CV, with the worst and the mean over all CVs."""
    head = " | ".join(f"CV {cv:.1%}" for cv in CVS)
    lines = [f"| rule | {head} | worst | mean |", "|---|" + "---:|" * (len(CVS) + 2)]
    for name, shares in errors(table).items():
        cells = " | ".join(f"{share:.3f}" for share in [*shares, max(shares), sum(shares) / len(shares)])
        lines.append(f"| {name} | {cells} |")
    return lines


def rows_targets(table: dict[tuple[float, float], Rates]) -> list[str]:
    """The figures that the rule was built for, at a CV up to 3 %, and how it fares at 5 %."""
    usual = [cv for cv in CVS if cv <= 0.03]
    targets = [
        ("MATCH at no gap", ">= 0.92", min, "MATCH", 0.0),
        ("MATCH at a 20 % gap", "<= 0.02", max, "MATCH", 0.20),
        ("FAIL at a 30 % gap", ">= 0.93", min, "FAIL", 0.30),
        ("FAIL at no gap", "< 0.01", max, "FAIL", 0.0),
    ]
    lines = ["| worst case | target | CV up to 3 % | CV 5 % |", "|---|---:|---:|---:|"]
    for name, target, worst, word, gap in targets:
        at_usual = worst(table[cv, gap].get(word, 0) for cv in usual)
        lines.append(f"| {name} | {target} | {at_usual:.3f} | {table[0.05, gap].get(word, 0):.3f} |")
    return lines


def plot(table: dict[tuple[float, float], Rates], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(3.1 * len(CVS), 6.2), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    axes = upper.subplots(1, len(CVS), sharey=True)
    series = {"MATCH": ("ours: MATCH", "C0", "-"), "FAIL": ("ours: FAIL", "C3", "-")}
    series["INCONCLUSIVE"] = ("ours: INCONCLUSIVE", "0.6", "-")
    series |= {f"within {x:.0%}": (f"fixed {x:.0%}", c, "--") for x, c in zip(FIXED, ("C1", "C2", "C4"), strict=True)}
    for axis, cv in zip(axes, CVS, strict=True):
        for word, (label, colour, style) in series.items():
            shares = [table[cv, gap].get(word, 0) for gap in GAPS]
            axis.plot([100 * gap for gap in GAPS], shares, style, color=colour, label=label)
        axis.set(title=f"run-to-run CV {cv:.1%}", xlabel="true gap, %", ylim=(-0.02, 1.02))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"share of claims, n = {SEEDS} seeds")
    upper.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(series), frameon=False)
    found = errors(table)
    for axis, at in zip(lower.subplots(1, len(CVS), sharey=True), range(len(CVS)), strict=True):
        fixed = [found[f"within {p:.0%}"][at] for p in EVERY]
        axis.plot([100 * p for p in EVERY], fixed, "o--", color="C1", ms=3, label="a fixed percentage")
        axis.axhline(found["ours: MATCH"][at], color="C0", label="ours")
        axis.axhline(
            found["ours, where asking for seeds is no error"][at], color="C0", ls=":", label="ours, asking is no error"
        )
        axis.set(xlabel="fixed percentage", ylim=(0, 0.55))
        axis.grid(alpha=0.3)
        axis.set_ylabel("wrong: refused at gap 0,\naccepted from 5 % up" if at == 0 else "")
        if at == 0:
            axis.legend(frameon=False)
    figure.savefig(path, dpi=100)


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=4000, help="simulated claims per cell (default 4000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=here / "verdict_rules.png")
    given = parser.parse_args()
    table = {(cv, gap): rates(gap, cv, given.draws, given.seed) for cv in CVS for gap in GAPS}
    print(f"{given.draws} simulated claims per cell, n = {SEEDS} seeds, generator seed {given.seed}.\n")
    print("\n".join([*rows_targets(table), "", *rows_errors(table), "", *rows_rules(table), "", *rows_ours(table)]))
    plot(table, given.plot)
    print(f"\nplot: {given.plot}", file=sys.stderr)


if __name__ == "__main__":
    main()
