"""What differs between two plans: values, their origin, claims."""

from __future__ import annotations

from typing import Any, Literal

from reproof.document import Claim, Plan, load_plan, sourced
from reproof.plan.models import DiffAnswer, Difference, DiffRequest
from reproof.records import Sourced


def diff(request: DiffRequest) -> DiffAnswer:
    """Answer `plan.py diff`."""
    before, after = load_plan(request.before), load_plan(request.after)
    differences = [*_values(before, after), *_claims(before, after), *_others(before, after)]
    count = len(differences)
    kinds = [f"{n} {kind}" for kind in ("added", "removed", "value", "origin") if (n := sum(
        d.kind == kind for d in differences))]  # fmt: skip
    return DiffAnswer(
        ok=not differences,
        headline=f"{count} differences: {', '.join(kinds)}" if count else "the same values, origins and claims",
        differences=differences,
    )


def _values(before: Plan, after: Plan) -> list[Difference]:
    old, new = dict(sourced(before)), dict(sourced(after))
    found = []
    for path in [*old, *(p for p in new if p not in old)]:
        one, other = old.get(path), new.get(path)
        kind = _kind(one, other)
        if kind:
            found.append(
                Difference(path=path, kind=kind, before=one.value if one else None,
                           after=other.value if other else None,
                           origin_before=one.origin if one else "", origin_after=other.origin if other else "")
            )  # fmt: skip
    return found


def _kind(one: Sourced[Any] | None, other: Sourced[Any] | None) -> Literal["added", "removed", "value", "origin", None]:
    if one is None or other is None:
        return "added" if one is None else "removed"
    if one.value != other.value:
        return "value"
    return "origin" if one.origin != other.origin else None


def _claims(before: Plan, after: Plan) -> list[Difference]:
    old, new = {c.id: c for c in before.claims}, {c.id: c for c in after.claims}
    found = []
    for name in [*old, *(n for n in new if n not in old)]:
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        kind: Literal["added", "removed", "value"] = "added" if one is None else "removed" if other is None else "value"
        found.append(Difference(path=f"claims.{name}", kind=kind, before=_shown(one), after=_shown(other)))
    return found


def _others(before: Plan, after: Plan) -> list[Difference]:
    """Orders, curves, and which ablations and decisions there are; an ablation's values are compared as values."""
    found = []
    for key in ("orders", "curves"):
        old, new = ({item.id: item for item in getattr(plan, key)} for plan in (before, after))
        found += [_changed(f"{key}.{name}", old.get(name), new.get(name)) for name in {**old, **new}]
    found += [_changed(f"ablations.{name}", _bare(before, name), _bare(after, name))
              for name in {**before.ablations, **after.ablations}]  # fmt: skip
    old_said, new_said = ({(s.path, s.over): s for s in plan.settled} for plan in (before, after))
    found += [_changed(f"settled.{at[0]}", old_said.get(at), new_said.get(at)) for at in {**old_said, **new_said}]
    return [difference for difference in found if difference]


def _bare(plan: Plan, name: str) -> dict[str, Any] | None:
    return plan.ablations[name].model_dump(exclude={"overrides"}) if name in plan.ablations else None


def _changed(path: str, one: Any, other: Any) -> Difference | None:
    if one == other:
        return None
    kind: Literal["added", "removed", "value"] = "added" if one is None else "removed" if other is None else "value"
    shown = [item.model_dump(mode="json") if hasattr(item, "model_dump") else item for item in (one, other)]
    return Difference(path=path, kind=kind, before=shown[0], after=shown[1])


def _shown(claim: Claim | None) -> str | None:
    return None if claim is None else f"{claim.metric} {claim.printed} ({claim.method}, {claim.experiment})"
