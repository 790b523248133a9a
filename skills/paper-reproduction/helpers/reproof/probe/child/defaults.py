"""Settings that were left at their defaults, and change the result."""

from __future__ import annotations

import inspect
import re
from typing import Any, Iterator  # noqa: UP035 - Python 3.8 must be able to run this

from . import look
from .arrays import distance
from .report import number
from .study import Study

MATTERS = 1e-3
MOST = 8  # settings that are tried
SIDE = re.compile(
    r"^(return|verbose|inplace|out$|check|validate|copy|debug|disp|full_|need_|overwrite|device|dtype|retain|profile|"
    r"antithetic|warn|log$|progress|enable_|keepdim|keep_dim|potentials|static|fast)"
)


def check_defaults(study: Study) -> None:
    """Each switch and each named choice that was not given, the other way round."""
    told: list[str] = []
    for place, key, now, other in list(_choices(study))[:MOST]:
        replaced = {key: other}
        after = study.ask(init=replaced) if place == "init" else study.ask(kwargs=replaced)
        if after is None:
            continue
        gap = distance(study.base, after)
        if (now, other) == ("sum", "mean") and gap > MATTERS:
            what = f"{key} is left at its default, a sum; as a mean the result changes by {number(gap)} of its size"
            study.report.finding("sum_by_default", what, f'{key}="mean" or {key}="sum"')
        elif gap > MATTERS:
            if gap == float("inf") and isinstance(other, str):
                continue  # reduction="none" and its like: nobody takes one for the other
            shown = "another shape" if gap == float("inf") else f"changes by {number(gap)} of its size"
            told.append(f"{key}={now!r} ({other!r}: {shown})")
    if told:
        study.report.finding("defaults", f"left at the default, and it matters: {'; '.join(told)}")


def _choices(study: Study) -> Iterator[tuple[str, str, Any, Any]]:
    """Where, which, its default, and another value of the same kind."""
    owners = [("kwargs", study.callable_, {**study.case.spec["kwargs"], **dict.fromkeys(study.passed)})]
    if study.case.spec["init"] is not None:
        owners.insert(0, ("init", study.case.target, study.case.spec["init"]))
    positional = len(study.case.spec["args"] or study.case.inputs)
    for place, owner, given in owners:
        text = inspect.getdoc(owner) or ""
        for index, (key, item) in enumerate(_parameters(owner).items()):
            is_given = key in given or (place == "kwargs" and index < positional)
            if is_given or item.default is item.empty or key.startswith("_") or SIDE.match(key):
                continue
            if key in ("dim", "axis") and _has_axes(study):
                yield place, key, item.default, -1
            for other in _others(item, text):
                yield place, key, item.default, other


def _has_axes(study: Study) -> bool:
    return any(array.ndim > 1 for array in study.tensors().values())


def _parameters(owner: Any) -> dict[str, inspect.Parameter]:
    """Parameters by name; of the classes above, too, where they are handed on by `**kwargs`."""
    found: dict[str, inspect.Parameter] = {}
    for kind in [owner, *(owner.__mro__[1:-1] if inspect.isclass(owner) else [])]:
        signature = look.signature(kind)
        if signature is None:
            break
        found = {**signature.parameters, **found}
        if not any(item.kind is item.VAR_KEYWORD for item in signature.parameters.values()):
            break
    return found


def _others(item: inspect.Parameter, text: str) -> list[Any]:
    """Other values: the opposite of a switch, or the choices that the documentation lists in quotes."""
    now = item.default
    if re.search(re.escape(item.name) + r"[^\n]{0,80}[Dd]eprecated", text):
        return []
    if isinstance(now, bool):
        return [not now]
    if now is None and "bool" in str(item.annotation):
        return [True]
    if isinstance(now, str) and now:
        if now == "sum" and item.name.startswith("reduc"):
            return ["mean"]
        for said in re.findall(re.escape(item.name) + r"`*\s*[(:].{0,600}", text, re.DOTALL)[:1]:
            listed = re.findall(r"['\"`]([a-z_0-9]{2,20})['\"`]", said)
            return [value for value in dict.fromkeys(listed) if value != now and value != item.name][:1]
    return []
