"""The same call in 16 bits, under autocast, and at scales far from the plan's."""

from __future__ import annotations

from typing import Any, Callable  # noqa: UP035 - Python 3.8 must be able to run this

from .arrays import arrays, distance, dtype_of, is_tensor, np, numeric, torch
from .case import differentiable
from .gradients import backward, wanted
from .report import explained, number
from .study import Study, is_floating

OFF_FRAC = 0.05  # bfloat16 carries 2 to 3 digits; what sums them wrongly is further off
SCALES = (1e-4, 1e4)
ENOUGH = 64  # samples to be asked at extreme scales


def check_precision(study: Study) -> None:
    """float16 and bfloat16 inputs, and autocast to bfloat16; told as facts, failing only where the plan asks for it."""
    pytorch = torch()
    is_torch = any(is_tensor(item) for item in study.ready.values())
    if pytorch is None or not is_torch or not all(np.isfinite(a).all() for a in study.base if a.dtype.kind in "fc"):
        return
    wanted_types = study.case.expect["precisions"]
    facts = {}
    for name, ask in _ways(study, pytorch).items():
        try:
            facts[name] = _compared(study, ask())
        except Exception as error:
            facts[name] = f"raises {explained(error)}"
        if name in wanted_types and facts[name] != "agrees":
            study.report.finding("half_precision", f"{name}: {facts[name]}", "keep it in float32, outside of autocast")
    study.report.fact("precision", facts)


def _ways(study: Study, pytorch: Any) -> dict[str, Callable[[], Any]]:
    def cast(kind: Any) -> Any:
        def of(item: Any) -> Any:
            return (
                item.detach().to(kind) if is_tensor(item) and item.dtype in (pytorch.float32, pytorch.float64) else item
            )

        ready = {name: of(item) for name, item in study.case.complete(study.numbers).items()}
        made = study.case.construct(ready=ready)
        owner = getattr(made, "__self__", made)
        if hasattr(owner, "register_forward_hook"):
            owner.to(kind)
        return study.case.call(made, ready)

    def autocast() -> Any:
        with pytorch.autocast("cpu", dtype=pytorch.bfloat16):
            return study.case.again(study.numbers)

    return {
        "float16": lambda: cast(pytorch.float16),
        "bfloat16": lambda: cast(pytorch.bfloat16),
        "autocast": autocast,
    }


def _compared(study: Study, output: Any) -> str:
    found = arrays(output)
    if any(a.dtype.kind in "fc" and not np.isfinite(a).all() for a in found):
        return "gives NaN or Inf"
    gap = distance(study.base, found)
    return "agrees" if gap < OFF_FRAC else f"is off by {number(gap)} of its size"


def check_scales(study: Study) -> None:
    """NaN and Inf when the floating inputs are very large, very small, or equal; in the value and its gradient."""
    names = [name for name, array in study.tensors().items() if name in study.numbers and is_floating(array)]
    names = [name for name in names if study.case.inputs[name]["dist"] not in ("weights", "equal_weights", "grid")]
    facts = {}
    numbers = _fewer(study)
    for scale in SCALES:
        facts[f"inputs × {scale:g}"] = _at(study, {**numbers, **{name: scale * numbers[name] for name in names}})
    pair = [name for name in names if numbers[name].shape == numbers[names[0]].shape][:2]
    if len(pair) == 2:
        facts[f"{pair[0]} = {pair[1]}"] = _at(study, {**numbers, pair[0]: numbers[pair[1]]})
    for where, what in facts.items():
        if "=" in where and what == "gradient is NaN or Inf":
            study.report.finding("grad_nan_at_equal", f"{where}: the {what}, and one such pair spoils every parameter")
    study.report.fact("scales", {where: what for where, what in facts.items() if what})


def _fewer(study: Study) -> Any:
    """Numbers of a smaller batch, where the call takes one: whether a number overflows is no matter of how many."""
    if (study.case.batch or 0) <= ENOUGH:
        return study.numbers
    numbers = study.case.numbers(batch=ENOUGH)
    return study.numbers if _at(study, numbers) else numbers


def _at(study: Study, numbers: dict[str, Any]) -> str:
    """What goes wrong with these numbers, or nothing."""
    case = study.case
    try:
        ready = case.complete(numbers)
        output = case.call(case.construct(ready=ready), ready)
    except Exception as error:
        return f"raises {explained(error)}"
    if any(a.dtype.kind in "fc" and not np.isfinite(a).all() for a in arrays(output)):
        return "value is NaN or Inf"
    from .arrays import leaves

    leaf = differentiable(leaves(output))
    sources = {name: ready[name] for name in wanted(case) if getattr(ready[name], "requires_grad", False)}
    if leaf is None or not sources:
        return ""
    try:
        found = backward(leaf, sources)
    except Exception as error:
        return f"backward raises {explained(error)}"
    bad = any(item is not None and not np.isfinite(numeric(item)).all() for item in found.values())
    return "gradient is NaN or Inf" if bad else ""


def check_types(study: Study) -> None:
    """float32 in and float64 out, or the other way round."""
    given = {dtype_of(item) for item in study.ready.values() if hasattr(item, "dtype") and "float" in str(item.dtype)}
    got = {dtype_of(leaf) for leaf in study.leaves if hasattr(leaf, "dtype") and "float" in str(leaf.dtype)}
    if given == {"float64"} and got and "float64" not in got:
        study.report.finding("loses_digits", f"float64 goes in and {', '.join(sorted(got))} comes out")
    elif given and "float64" not in given and got == {"float64"} and any(is_tensor(leaf) for leaf in study.leaves):
        study.report.finding("widens", f"{', '.join(sorted(given))} goes in and float64 comes out: twice the memory")
