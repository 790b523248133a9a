"""Claims that A beats B: how often a run of one beats a run of the other, with a bootstrap interval over seeds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

from reproof.compare.models import OrderResult, PairResult
from reproof.compare.resample import again, interval, kendall
from reproof.compare.results import AS_STATED
from reproof.compare.rules import MIN_SEEDS
from reproof.compare.views import Context, View, view_of
from reproof.document import Claim
from reproof.otherclaims import Contender, OrderClaim
from reproof.records import Verdict

HELD = 0.75
"""P(A beats B) from which an order holds, if its interval excludes 0.5 as well (Bouthillier et al., MLSys 2021)."""

EVEN = 0.5
MOST_MORE = 50


def judge_order(order: OrderClaim, context: Context) -> OrderResult:
    """The verdict on one claimed ranking."""
    says = f"{order.metric}: " + " > ".join(_name(side) for side in order.ranking) + f" ({order.direction} is better)"
    ours, troubles = {}, []
    for side in order.runs:
        view = _view(side, order, context)
        if view.trouble or view.selection.shortened or view.lost_seeds or not view.selection.by_seed:
            why = (
                view.trouble
                or view.selection.shortened
                or ("a seed has no finite number" if view.lost_seeds else "not run")
            )
            troubles.append(f"{_name(side)}: {why}")
        else:
            ours[_name(side)] = view.values
    pairs = [_pair(order, ours, a, b) for a, b in combinations([_name(side) for side in order.runs], 2)]
    verdict, reason = _verdict(order, ours, pairs, troubles)
    ranked = [name for side in order.runs if (name := _name(side)) in ours]
    tau, low, high = _agreement(order, [ours[name] for name in ranked])
    return OrderResult(
        id=order.id,
        says=says,
        verdict=verdict,
        reason=reason,
        tau=tau,
        tau_low=low,
        tau_high=high,
        pairs=pairs,
        means={name: sum(values) / len(values) for name, values in ours.items()},
        more_seeds=_more(ours, pairs) if verdict == "INCONCLUSIVE" and not troubles else None,
    )


def _name(side: Contender) -> str:
    condition = ", ".join(f"{key} {value}" for key, value in side.condition.items())
    return f"{side.method}{f' ({condition})' if condition else ''}"


def _view(side: Contender, order: OrderClaim, context: Context) -> View:
    """The judged runs of one side, by the same rules as for a printed number."""
    where = side.ablation or side.experiment
    claim = Claim(
        id="order/side", table=order.id, method=side.method, experiment=where, metric=order.metric,
        condition=side.condition, printed="0", direction=order.direction, quote="-", where="-",
    )  # fmt: skip
    return view_of(claim, context, context.protocol(where), AS_STATED)


def beats(better: Sequence[float], worse: Sequence[float], direction: str) -> float:
    """How often a value of `better` is better than one of `worse`; ties count half.

    >>> beats([1, 2], [2, 3], "lower")
    0.875
    """
    sign = -1 if direction == "lower" else 1
    wins = sum((sign * (a - b) > 0) + 0.5 * (a == b) for a in better for b in worse)
    return wins / (len(better) * len(worse))


def _pair(order: OrderClaim, ours: dict[str, list[float]], a: str, b: str) -> PairResult:
    if a not in ours or b not in ours:
        return PairResult(better=a, worse=b, probability=None, low=None, high=None, state="not run")
    better, worse = ours[a], ours[b]

    def draw(generator: random.Random) -> float:
        return beats(again(generator, better), again(generator, worse), order.direction)

    probability = beats(better, worse, order.direction)
    low, high = interval(draw, len(better) * len(worse))
    held = probability >= HELD and low > EVEN
    reversed_ = probability <= 1 - HELD and high < EVEN
    enough = min(len(better), len(worse)) >= MIN_SEEDS
    state = "held" if held and enough else "reversed" if reversed_ and enough else "open"
    return PairResult(better=a, worse=b, probability=probability, low=low, high=high, state=state)


def _verdict(
    order: OrderClaim, ours: dict[str, list[float]], pairs: list[PairResult], troubles: list[str]
) -> tuple[Verdict, str]:
    lost = [f"{p.worse} beats {p.better} (P = {1 - (p.probability or 0):.2f})" for p in pairs if p.state == "reversed"]
    if lost:
        return "FAIL", f"reversed in our runs: {'; '.join(lost)}"
    if any("did" in text and "planned" in text for text in troubles):
        return "SHORTENED", f"{'; '.join(troubles)}; a shortened run never counts"
    if troubles or len(ours) < 2:
        alone = "; ".join(troubles) or "fewer than two sides of the order are run here"
        return "NOT_RUN", alone
    few = [f"{name} has {len(values)}" for name, values in ours.items() if len(values) < MIN_SEEDS]
    if few:
        return "INCONCLUSIVE", f"fewer than {MIN_SEEDS} seeds: {'; '.join(few)}"
    neighbours = {(a, b) for a, b in zip(list(ours), list(ours)[1:])}  # noqa: B905 - pairs of neighbours
    open_ = [p for p in pairs if p.state == "open" and not (order.ties and (p.better, p.worse) in neighbours)]
    if open_:
        cases = "; ".join(
            f"{p.better} against {p.worse}: P = {p.probability:.2f}, {p.low:.2f} to {p.high:.2f}" for p in open_
        )
        return "INCONCLUSIVE", f"seeds do not tell them apart: {cases}"
    return "MATCH", f"{len(pairs)} pairs in the claimed order"


def _agreement(order: OrderClaim, sides: list[list[float]]) -> tuple[float | None, float | None, float | None]:
    """Kendall's tau of our means with the claimed order, and its bootstrap interval over seeds."""
    if len(sides) < 2:
        return None, None, None
    claimed = list(range(len(sides)))
    sign = 1 if order.direction == "lower" else -1

    def tau(values: list[list[float]]) -> float:
        return kendall(claimed, [sign * sum(v) / len(v) for v in values])

    low, high = interval(lambda generator: tau([again(generator, v) for v in sides]), sum(map(len, sides)) * len(sides))
    return tau(sides), low, high


def _more(ours: dict[str, list[float]], pairs: list[PairResult]) -> int | None:
    """Seeds more per side until the nearest open pair would be decided, if its means and spreads stay as they are."""
    need = 0
    for pair in pairs:
        if pair.state == "open" and pair.better in ours and pair.worse in ours:
            a, b = ours[pair.better], ours[pair.worse]
            count = min(len(a), len(b))
            spread = (_variance(a) + _variance(b)) ** 0.5
            gap = abs(sum(a) / len(a) - sum(b) / len(b))
            wanted = MIN_SEEDS if gap > 2 * spread else int((2 * spread / gap) ** 2) + 1 if gap else MOST_MORE + count
            need = max(need, max(wanted, MIN_SEEDS) - count)
    return min(max(need, 1), MOST_MORE)


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
