"""Adapters that make a refused call work: what to write instead."""

from __future__ import annotations

import time
from typing import Any, Callable  # noqa: UP035 - Python 3.8 must be able to run this

from .arrays import is_tensor
from .case import Case

BUDGET_S = 5.0

ADAPTERS: list[tuple[str, Callable[[Any], Any]]] = [
    ("{}.flatten(1)", lambda x: x.flatten(1)),
    ("{}.long()", lambda x: x.long()),
    ("{}.float()", lambda x: x.float()),
    ("{}.double()", lambda x: x.double()),
    ("{}.squeeze()", lambda x: x.squeeze()),
    ("{}.unsqueeze(1)", lambda x: x.unsqueeze(1)),
    ("{}[None]", lambda x: x[None]),
    ("{}.repeat(1, 3, 1, 1)", lambda x: x.repeat(1, 3, 1, 1) if x.dim() == 4 and x.shape[1] == 1 else x),
    ("({}.clamp(0, 1) * 255).byte()", lambda x: (x.clamp(0, 1) * 255).byte()),
    ("{}.detach()", lambda x: x.detach() if x.requires_grad else x),
    ("{}.numpy()", lambda x: x.detach().numpy()),
]
ONE_FIRST = ("{}.long()",)  # an index is one input among several; a shape is wrong in all of them


def repairs(case: Case) -> str:
    """The first adapter that makes the call run, as code: "works with x.flatten(1), y.flatten(1)"; or nothing.

    Only the first: what also runs further down the list may mean something else (squeezed images are a batch of
    28 clouds of 28 points to a point-cloud loss).
    """
    tuples = _with_tuples(case)
    if tuples:
        return tuples
    numbers = case.numbers()
    names = [name for name, item in case.complete(numbers).items() if is_tensor(item)]
    alone = [[name] for name in names] if len(names) > 1 else []
    started = time.monotonic()
    for text, adapt in ADAPTERS:
        for subset in [*alone, names] if text in ONE_FIRST else [names, *alone]:
            if time.monotonic() - started > BUDGET_S:
                return ""
            if _works(case, numbers, subset, adapt):
                return "works with " + ", ".join(text.format(name) for name in subset)
    return ""


def _with_tuples(case: Case) -> str:
    """Keywords whose lists, as tuples, make the call run."""
    given = {**case.spec["kwargs"], **(case.spec["init"] or {})}
    lists = [key for key, value in given.items() if isinstance(value, list) and key not in case.spec["tuples"]]
    if not lists:
        return ""
    kept = case.spec["tuples"]
    case.spec["tuples"] = [*kept, *lists]
    try:
        case.call(case.construct(), case.complete(case.numbers()))
    except Exception:
        case.spec["tuples"] = kept
        return ""
    case.spec["tuples"] = kept
    return f"works with tuples: tuples: [{', '.join(lists)}] in the plan"


def _works(case: Case, numbers: dict[str, Any], subset: list[str], adapt: Callable[[Any], Any]) -> bool:
    """Whether the call runs when `adapt` changes the inputs of `subset`, all of which it must change."""
    try:
        ready = case.complete(numbers)
        for name in subset:
            before = ready[name]
            ready[name] = adapt(before)
            if is_tensor(ready[name]) and _alike(ready[name], before):
                return False
        case.call(case.construct(ready=ready), ready)
    except Exception:
        return False
    return True


def _alike(a: Any, b: Any) -> bool:
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.requires_grad == b.requires_grad)
