"""Claims summed up: by table, and for the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from reproof.compare.floors import quantile
from reproof.compare.models import ClaimResult, TableResult
from reproof.records import Verdict

ORDER: tuple[Verdict, ...] = (
    "MATCH", "CLOSE", "BETTER", "DEVIATES", "FAIL", "INCONCLUSIVE", "UNATTAINABLE", "SHORTENED", "NOT_RUN"
)  # fmt: skip
assert set(ORDER) == set(get_args(Verdict)), "a verdict without a place in the order would vanish from every summary"


def counts_of(claims: Iterable[ClaimResult]) -> dict[str, int]:
    """How many claims got which verdict, best first."""
    found = Counter(claim.verdict for claim in claims)
    return {verdict: found[verdict] for verdict in ORDER if found[verdict]}


def headline(claims: Sequence[ClaimResult]) -> str:
    """One sentence, like "20 claims: 4 UNATTAINABLE as stated, 16 NOT_RUN; none reproduced"."""
    if not claims:
        return "the plan has no claims: nothing to compare"
    suffix = {"UNATTAINABLE": " as stated"}
    parts = [f"{count} {verdict}{suffix.get(verdict, '')}" for verdict, count in counts_of(claims).items()]
    good = sum(claim.is_positive for claim in claims)
    reproduced = {0: "none", len(claims): "all"}.get(good, f"{good} of {len(claims)}")
    return f"{len(claims)} claim{'' if len(claims) == 1 else 's'}: {', '.join(parts)}; {reproduced} reproduced"


def tables_of(claims: Sequence[ClaimResult]) -> list[TableResult]:
    """One summary per table, in the plan's order."""
    by_table: dict[str, list[ClaimResult]] = {}
    for claim in claims:
        by_table.setdefault(claim.table, []).append(claim)
    return [_summed(table, group) for table, group in by_table.items()]


def _summed(table: str, claims: list[ClaimResult]) -> TableResult:
    gaps = [abs(claim.gap_frac) for claim in claims if claim.gap_frac is not None]
    return TableResult(
        table=table,
        claims=len(claims),
        counts=counts_of(claims),
        reproduced=sum(claim.is_positive for claim in claims),
        median_gap_frac=quantile(gaps, 0.5) if gaps else None,
        headline=headline(claims),
    )
