"""Claims summed up: by table, and for the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from reproof.compare.floors import quantile
from reproof.compare.models import ClaimResult, CurveResult, OrderResult, Standing, TableResult
from reproof.compare.resample import again, interval, iqm, share_interval
from reproof.records import Verdict

ORDER: tuple[Verdict, ...] = (
    "MATCH", "CLOSE", "BETTER", "DEVIATES", "FAIL", "INCONCLUSIVE", "UNATTAINABLE", "SHORTENED", "NOT_RUN"
)  # fmt: skip
assert set(ORDER) == set(get_args(Verdict)), "a verdict without a place in the order would vanish from every summary"


def counts_of(claims: Iterable[ClaimResult]) -> dict[str, int]:
    """How many claims got which verdict, best first."""
    found = Counter(claim.verdict for claim in claims)
    return {verdict: found[verdict] for verdict in ORDER if found[verdict]}


def headline(claims: Sequence[ClaimResult], others: Sequence[OrderResult | CurveResult] = ()) -> str:
    """One sentence, like "20 claims: 4 UNATTAINABLE as stated, 16 NOT_RUN; none reproduced"."""
    more = Counter(other.verdict for other in others)
    said = ", ".join(f"{more[verdict]} {verdict}" for verdict in ORDER if more[verdict])
    tail = f"; {len(others)} about order or shape: {said}" if others else ""
    if not claims:
        return tail.removeprefix("; ") or "the plan has no claims: nothing to compare"
    suffix = {"UNATTAINABLE": " as stated"}
    parts = [f"{count} {verdict}{suffix.get(verdict, '')}" for verdict, count in counts_of(claims).items()]
    good = sum(claim.is_reproduced for claim in claims)
    reproduced = {0: "none", len(claims): "all"}.get(good, f"{good} of {len(claims)}")
    return f"{len(claims)} claim{'' if len(claims) == 1 else 's'}: {', '.join(parts)}; {reproduced} reproduced{tail}"


def tables_of(claims: Sequence[ClaimResult]) -> list[TableResult]:
    """One summary per table, in the plan's order."""
    by_table: dict[str, list[ClaimResult]] = {}
    for claim in claims:
        by_table.setdefault(claim.table, []).append(claim)
    return [_summed(table, group) for table, group in by_table.items()]


def paper_of(claims: Sequence[ClaimResult], tables: Sequence[TableResult]) -> list[TableResult]:
    """The whole paper in one summary; none without claims."""
    if len(tables) == 1:
        return [tables[0].model_copy(update={"table": "all claims"})]
    return [_summed("all claims", list(claims))] if claims else []


def standing(claims: Sequence[ClaimResult]) -> Standing:
    """The verdict on a table or on the paper: undecided while some cell could still change it."""
    good = sum(claim.is_reproduced for claim in claims)
    waiting = any(claim.verdict in ("INCONCLUSIVE", "SHORTENED", "NOT_RUN") for claim in claims)
    if good == len(claims):
        return "all reproduced"
    if waiting and not any(claim.verdict in ("FAIL", "DEVIATES", "UNATTAINABLE") for claim in claims):
        return "undecided"
    return "some reproduced" if good else "undecided" if waiting and not good else "none reproduced"


def _bootstrap(claims: list[ClaimResult], gaps: list[float]) -> dict[str, list[float] | float | None]:
    """Intervals over the claims of a table: of the share that is reproduced, and of the middle of the gaps."""
    good = sum(claim.is_reproduced for claim in claims)
    share = share_interval(good, len(claims)) if len(claims) > 1 else None
    middle = interval(lambda g: iqm(again(g, gaps)), len(gaps)) if len(gaps) > 1 else None
    return {
        "share_interval": list(share) if share else None,
        "iqm_gap_frac": iqm(gaps) if gaps else None,
        "interval_frac": list(middle) if middle else None,
    }


def _summed(table: str, claims: list[ClaimResult]) -> TableResult:
    gaps = [abs(claim.gap_frac) for claim in claims if claim.gap_frac is not None]
    return TableResult(
        **_bootstrap(claims, gaps),
        standing=standing(claims),
        table=table,
        claims=len(claims),
        counts=counts_of(claims),
        reproduced=sum(claim.is_reproduced for claim in claims),
        median_gap_frac=quantile(gaps, 0.5) if gaps else None,
        headline=headline(claims),
    )
