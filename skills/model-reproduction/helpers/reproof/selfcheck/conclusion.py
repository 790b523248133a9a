"""The first thing a reader needs: what was reproduced, what cannot be, what was not run. Composed from records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reproof.selfcheck.models import Item
from reproof.selfcheck.report_models import ClaimRow
from reproof.selfcheck.words import many

MISSED = ("DEVIATES", "FAIL")
# what a verdict rests on; the other items make a report unfinished, not untrue
GROUND = ("evidence-chain", "plan-valid", "plan-unchanged", "quotes-verified", "core-finished", "configs-match-plan",
          "tests-kept", "smoke-green", "results", "compare-current", "compare-agrees")  # fmt: skip


def tainted(items: Iterable[Item]) -> list[str]:
    """Ids of checks that make the verdicts untrustworthy, not merely incomplete."""
    shut = [item for item in items if item.blocks and item.state in ("FAIL", "STALE")]
    return [item.id for item in shut if item.id.partition("/")[0] in GROUND]


def conclusion(claims: list[ClaimRow], items: list[Item]) -> list[str]:
    """Sentences; the first is the verdict line."""
    doubts = tainted(items)
    lines = []
    if doubts:
        names = ", ".join(doubts[:4]) + (f" and {len(doubts) - 4} more" if len(doubts) > 4 else "")
        lines.append(
            f"Not established: what the verdicts rest on does not hold ({names}). The verdicts below are compare's "
            "own words, and no evidence backs them until the gate passes."
        )
    if not claims:
        return [*lines, "The plan makes no claim, so nothing is compared with the paper."]
    if all(claim.verdict == "NOT_JUDGED" for claim in claims):
        return [*lines, f"No claim has been compared with the paper yet; the plan makes {len(claims)}."]
    lines += [_reproduced(claims), *_unattainable(claims), *_missed(claims), *_undecided(claims), *_not_run(claims)]
    return lines


def _reproduced(claims: list[ClaimRow]) -> str:
    good = [claim for claim in claims if claim.verdict in ("MATCH", "CLOSE")]
    better = sum(claim.verdict == "BETTER" for claim in claims)
    other = f" {better} BETTER than printed, which is not the paper's number." if better else ""
    if not good:
        none = f"None of the {len(claims)} claims is" if len(claims) > 1 else "The claim is not"
        return f"{none} reproduced as printed.{other}"
    words = ", ".join(f"{count} {verdict}" for verdict, count in Counter(c.verdict for c in good).items())
    return f"{len(good)} of {many(len(claims), 'claim')} reproduced ({words}).{other}"


def _unattainable(claims: list[ClaimRow]) -> list[str]:
    """Why in two sentences: the floor, and the readings under which the number could hold."""
    found = [claim for claim in claims if claim.verdict == "UNATTAINABLE"]
    if not found:
        return []
    nearest = {c.experiment: c for c in reversed(found) if c.floor_mean is not None}  # the first claim of each
    cases = "; ".join(
        f"{name}: {c.floor_mean:.3f} ± {c.floor_sd or 0:.3f} against {c.printed}"
        for name, c in reversed(nearest.items())
    )
    subject = "1 cannot" if len(found) == 1 else f"{len(found)} cannot"
    why = (
        f"{subject} be attained as stated: two independent draws of the truth itself are further apart than the "
        f"printed number, so that even a perfect model would miss it nearly every time ({cases})."
    )
    holds: dict[str, list[str]] = {}
    for claim in found:
        for reading in claim.readings:
            if reading.attainable and claim.experiment not in holds.setdefault(reading.name, []):
                holds[reading.name].append(claim.experiment)
    named = "; ".join(f"{name.replace('_', ' ')} ({', '.join(where)})" for name, where in holds.items())
    tried = any(claim.readings for claim in found)
    other = f"It would be within reach under another reading of the protocol: {named}." if holds else ""
    none = "No other reading of the protocol that was tried brings it within reach." if tried else ""
    return [why, *([other or none] if other or none else [])]


def _missed(claims: list[ClaimRow]) -> list[str]:
    found = [claim for claim in claims if claim.verdict in MISSED]
    cases = ", ".join(f"{c.id}: {c.printed} printed, {c.ours_mean:.3g} ours" for c in found if c.ours_mean is not None)
    return [f"{len(found)} missed: {cases}."] if found else []


def _undecided(claims: list[ClaimRow]) -> list[str]:
    short = [claim.id for claim in claims if claim.verdict == "SHORTENED"]
    open_ = [claim.id for claim in claims if claim.verdict == "INCONCLUSIVE"]
    lines = [f"{len(short)} from shortened runs, which never count: {', '.join(short)}."] if short else []
    return lines + ([f"{len(open_)} undecided for want of seeds or spread: {', '.join(open_)}."] if open_ else [])


def _not_run(claims: list[ClaimRow]) -> list[str]:
    idle = [claim for claim in claims if claim.verdict in ("NOT_RUN", "NOT_JUDGED")]
    untrained = [c for c in claims if c.verdict == "UNATTAINABLE" and c.ours_mean is None]
    lines = [f"Not run: {many(len(idle), 'claim')} ({_experiments(idle)})."] if idle else []
    alone = [f"Decided by the floor alone, without a run of ours: {_experiments(untrained)}."]
    return lines + (alone if untrained else [])


def _experiments(claims: list[ClaimRow]) -> str:
    return ", ".join(dict.fromkeys(claim.experiment for claim in claims))
