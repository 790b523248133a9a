"""The verdict rule: one printed number against one sample of seeds. Pure; no files, no clock, no model.

With ours = mean over n seeds, s = their standard deviation, sp = the paper's (as printed, else s) over m runs:

    gap        = ours - paper
    prediction = t(97.5 %, n-1) * sqrt(s²/n + sp²/m)      how far apart two honest results may lie
    bound      = t(95 %, n-1)   * sqrt(s²/n + sp²/m)      the same, on one side only
    tolerance  = max(half a printed unit, 2 % of |paper|, min(prediction, 8 % of |paper|))

    fewer than 3 seeds                                   INCONCLUSIVE
    |gap| <= tolerance                                   MATCH   } INCONCLUSIVE while prediction > 20 % of |paper|
    |gap| <= 5 % of |paper|                              CLOSE   }
    |gap| <= bound                                       INCONCLUSIVE: seeds alone do that
    on the better side                                   BETTER with a leakage check, else INCONCLUSIVE
    |gap| <= 20 % of |paper|, order of methods kept      DEVIATES
    else                                                 FAIL

A fixed percentage cannot do this: with a run-to-run variation of 2 %, "within 2 %" rejects every third correct
reproduction. `benchmarks/verdict_rules.py` measures this rule against fixed ones. True gaps of 5 % cannot be told
from none at a variation of 2 % or more when the paper ran one seed; no rule changes that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reproof.compare.printed import Printed
from reproof.compare.student import t_quantile
from reproof.records import Verdict

MIN_SEEDS = 3
MATCH_FRAC = 0.02
MATCH_CAP_FRAC = 0.08
CLOSE_FRAC = 0.05
DEVIATES_FRAC = 0.20
NOISE_FRAC = 0.20
TWO_SIDED, ONE_SIDED = 0.975, 0.95
MOST_SEEDS = 10_000
SLACK_FRAC = 1e-9  # 0.2855 - 0.285 is 0.00050000000000000044: a gap of exactly the tolerance counts as within
GOOD_FRAC, BUG_FRAC = 0.02, 0.05

POSITIVE: tuple[Verdict, ...] = ("MATCH", "CLOSE", "BETTER")
RULE = (
    "MATCH within max(half a printed unit, 2 %, the 95 % prediction interval up to 8 %); CLOSE within 5 %; DEVIATES "
    "within 20 % with the order of methods kept; FAIL beyond; INCONCLUSIVE below 3 seeds, where the seeds alone "
    "explain the gap, or where the prediction interval is wider than 20 %"
)


@dataclass(frozen=True)
class Sample:
    """n seeds: mean, and standard deviation with n - 1 in the denominator (0 for one seed)."""

    n: int
    mean: float
    sd: float


@dataclass(frozen=True)
class Decision:
    """A verdict, why, and the numbers it was reached with."""

    verdict: Verdict
    reason: str
    tolerance: float | None = None
    prediction: float | None = None
    more_seeds: int | None = None


def sample_of(values: Sequence[float]) -> Sample:
    """Mean and standard deviation.

    >>> sample_of([1.0, 2.0, 3.0])
    Sample(n=3, mean=2.0, sd=1.0)
    """
    n = len(values)
    mean = math.fsum(values) / n
    sd = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else 0.0
    return Sample(n, mean, sd)


def half_width(paper: Printed, ours: Sample, level: float, n: int | None = None) -> float:
    """How far ours and the paper's number lie apart by seeds alone; `n` asks for another number of seeds."""
    n = n or ours.n
    paper_sd = ours.sd if paper.sd is None else paper.sd
    return t_quantile(level, n - 1) * math.sqrt(ours.sd**2 / n + paper_sd**2 / paper.runs)


def confidence(ours: Sample) -> tuple[float, float] | None:
    """The 95 % confidence interval of our mean; None for one seed."""
    if ours.n < 2:
        return None
    half = t_quantile(TWO_SIDED, ours.n - 1) * ours.sd / math.sqrt(ours.n)
    return ours.mean - half, ours.mean + half


def tolerance(paper: Printed, prediction: float) -> float:
    """The largest gap that is a MATCH."""
    return max(paper.half_unit, MATCH_FRAC * paper.scale, min(prediction, MATCH_CAP_FRAC * paper.scale))


def is_better(paper: Printed, gap: float) -> bool:
    """Whether a gap lies on the side that the metric calls better."""
    return gap < 0 if paper.direction == "lower" else gap > 0


def more_seeds(ours: Sample, enough: Callable[[int], bool]) -> int | None:
    """How many more seeds until `enough(n)`, at the spread seen so far; None when no number will do."""
    low, high = max(ours.n, MIN_SEEDS - 1), MOST_SEEDS
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high - ours.n


def overtaken(paper: Printed, ours: Sample, margin: float, rivals: Mapping[str, float]) -> list[str]:
    """Rivals whose order against this method is the other way round in our runs.

    Only an order counts that the paper's numbers show by more than `margin`, and only when our whole confidence
    interval lies on the rival's other side: near ties change order by chance.
    """
    interval = confidence(ours)
    assert interval is not None, "the rule asks for an order only with three seeds or more"
    lost = []
    for name, value in rivals.items():
        above = value > paper.value + margin and interval[0] > value
        below = value < paper.value - margin and interval[1] < value
        if above or below:
            lost.append(name)
    return lost


def decide(
    paper: Printed, ours: Sample, *, rivals: Mapping[str, float] | None = None, leakage_checked: bool = False
) -> Decision:
    """The verdict for one claim whose runs are complete; see the module's table.

    Args:
        paper: the printed number.
        ours: one value per seed, summed up.
        rivals: numbers of the other methods in the same cell of the paper, by name.
        leakage_checked: a passed leakage check of the same code is on record; without one BETTER is not said.
    """
    gap = ours.mean - paper.value
    if ours.n < MIN_SEEDS:
        more = MIN_SEEDS - ours.n
        return Decision("INCONCLUSIVE", f"{_seeds(ours.n)}, {_gap(paper, gap)}; {_run(more)}", more_seeds=more)
    prediction = half_width(paper, ours, TWO_SIDED)
    within = tolerance(paper, prediction)
    distance = abs(gap) - SLACK_FRAC * paper.scale
    if distance <= max(within, CLOSE_FRAC * paper.scale):
        verdict, reason, more_or_none = _near(paper, ours, distance <= within)
    elif distance <= half_width(paper, ours, ONE_SIDED):
        verdict, reason, more_or_none = _lost_in_noise(paper, ours, abs(gap))
    elif is_better(paper, gap):
        verdict, reason, more_or_none = _better(leakage_checked, distance > DEVIATES_FRAC * paper.scale)
    else:
        is_far = distance > max(DEVIATES_FRAC * paper.scale, within)
        verdict, reason, more_or_none = _worse(is_far, overtaken(paper, ours, within, rivals or {}))
    said = f"{_gap(paper, gap)}, tolerance ±{within:.3g}, {_seeds(ours.n)}: {reason}"
    return Decision(verdict, said, within, prediction, more_or_none)


_Branch = tuple[Verdict, str, "int | None"]


def _near(paper: Printed, ours: Sample, is_match: bool) -> _Branch:
    """Within the tolerance or 5 %; believed only where the seeds do not scatter too widely to tell."""
    widest = max(NOISE_FRAC * paper.scale, paper.half_unit)
    slack = SLACK_FRAC * paper.scale
    prediction = half_width(paper, ours, TWO_SIDED)
    if prediction > widest + slack:
        more = more_seeds(ours, lambda n: half_width(paper, ours, TWO_SIDED, n) <= widest)
        return "INCONCLUSIVE", f"seeds alone make ±{prediction:.3g}; {_run(more)}", more
    return ("MATCH", "within the tolerance", None) if is_match else ("CLOSE", "within 5 %", None)


def _lost_in_noise(paper: Printed, ours: Sample, distance: float) -> _Branch:
    more = more_seeds(ours, lambda n: half_width(paper, ours, ONE_SIDED, n) < distance)
    bound = half_width(paper, ours, ONE_SIDED)
    return "INCONCLUSIVE", f"seeds alone may do that (±{bound:.3g}); {_run(more)}", more


def _better(leakage_checked: bool, is_far: bool) -> _Branch:
    if leakage_checked:
        doubt = (
            "; by more than 20 %: another protocol, scale or metric is as likely as a better model" if is_far else ""
        )
        return "BETTER", f"on the better side, and a leakage check of this code passed{doubt}", None
    return "INCONCLUSIVE", "on the better side, and no passed leakage check of this code is on record", None


def _worse(is_far: bool, lost: list[str]) -> _Branch:
    if is_far:
        return "FAIL", "more than 20 % off, and more than seeds alone do", None
    if lost:
        return "FAIL", f"the order against {', '.join(lost)} is reversed", None
    return "DEVIATES", "more than seeds alone do, within 20 %", None


def rule_of_thumb(paper: Printed, gap: float) -> str:
    """What the common rule says: under 2 % is good, over 5 % is a bug somewhere."""
    frac = abs(gap) / paper.scale
    if frac < GOOD_FRAC - SLACK_FRAC:
        return "good"
    return "a bug somewhere" if frac > BUG_FRAC + SLACK_FRAC else "in between"


def _gap(paper: Printed, gap: float) -> str:
    return f"{abs(gap):.3g} {'above' if gap > 0 else 'below'} the paper ({100 * gap / paper.scale:+.1f} %)"


def _seeds(n: int) -> str:
    return f"{n} seed{'' if n == 1 else 's'}"


def _run(more: int | None) -> str:
    if more is None:
        return "no number of further seeds decides it: the paper's own number is that uncertain"
    return f"run {more} more seed{'' if more == 1 else 's'}"
