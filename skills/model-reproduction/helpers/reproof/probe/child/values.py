"""Checks of what one call returned: shape, type, finite, zero, known value, reference, invariants."""

from __future__ import annotations

from typing import Any

from .arrays import arrays, distance, dtype_of, leaves, np, numeric, relative
from .case import Case, refused
from .explain import related
from .report import explained, number, short

SIZE_FREE = 0.25  # what a quarter of the samples may change


def shown(output_leaves: list[Any]) -> list[str]:
    """Each output as text, like float32 (256, 2)."""
    return [f"{dtype_of(leaf)} {tuple(leaf.shape)}" for leaf in output_leaves]


def check_outputs(case: Case, output: Any) -> None:
    """Everything that one output can be asked."""
    found = leaves(output)
    case.report.fact("outputs", shown(found))
    if not found:
        case.report.finding("no_numbers", f"returned {short(type(output).__name__)}, which holds no tensor or number")
        return
    _check_form(case, found)
    numbers = [numeric(leaf) for leaf in found]
    case.report.fact("means", [summed(array) if array.size else None for array in numbers])
    if case.expect["finite"]:
        _check_finite(case, numbers)
    _check_zero(case, numbers)
    _check_known(case, numbers[0])


def _check_form(case: Case, found: list[Any]) -> None:
    wanted = case.expect["shapes"]
    got = [list(leaf.shape) for leaf in found]
    if wanted is not None and got != wanted:
        case.report.finding("shape", f"expected {wanted}, got {got}")
    dtype = case.expect["dtype"]
    if dtype is not None and dtype_of(found[0]) != dtype:
        case.report.finding("dtype", f"expected {dtype}, got {dtype_of(found[0])}")


def _check_finite(case: Case, numbers: list[Any]) -> None:
    for place, array in enumerate(numbers):
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            case.report.finding("non_finite", f"output {place}: {bad} of {array.size} numbers are NaN or infinite")


def _check_zero(case: Case, numbers: list[Any]) -> None:
    floating = [array for array in numbers if array.dtype.kind in "fc" and array.size]
    if floating and not any(array.any() for array in floating):
        case.report.finding("all_zero", "every number of the output is exactly 0")


def _check_known(case: Case, array: Any) -> None:
    known = case.expect["value"]
    if known is None:
        return
    gap = relative(array, np.full(array.shape, known))
    if gap > case.expect["rtol"]:
        flat = array.ravel()
        got = number(float(flat[int(np.abs(flat - known).argmax())].real)) if flat.size else "nothing"
        case.report.finding("wrong_value", f"expected {number(known)}, got {got} (relative difference {number(gap)})")


def check_parameters(case: Case, callable_: Any) -> None:
    """How many numbers a module trains, against the paper's count."""
    owner = getattr(callable_, "__self__", callable_)
    if not hasattr(owner, "register_forward_hook"):
        return
    count = sum(item.numel() for item in owner.parameters() if item.requires_grad)
    case.report.fact("parameters", count)
    wanted = case.expect["parameters"]
    if wanted is not None and abs(count - wanted) > max(0.01, case.expect["rtol"]) * wanted:
        case.report.finding("parameters", f"{count:,} parameters, expected {wanted:,.0f}")


def check_reference(case: Case, output: Any) -> None:
    """The `equals` oracle: ours = scale * theirs, on the same inputs."""
    if not case.expect["equals"]:
        return
    case.report.stage("reference")
    ready = case.complete(case.numbers())
    names = case.expect["equals_args"] or case.spec["args"] or list(ready)
    try:
        theirs = _their_answer(case, [ready[name] for name in names])
    except Exception as error:
        case.report.finding("reference_error", refused(error, case.expect["equals"]))
        return
    ours, reference = arrays(output)[:1], [a * case.expect["equals_scale"] for a in arrays(theirs)[:1]]
    if not ours or not reference:
        case.report.finding("reference_error", f"{case.expect['equals']} or the call returned no number to compare")
        return
    gap = distance([a.squeeze() for a in ours], [a.squeeze() for a in reference])
    case.report.fact("reference", {"ours": summed(ours[0]), "theirs": summed(reference[0]), "gap": gap})
    if gap > case.expect["rtol"]:
        case.report.finding("differs", _disagreement(case, ours[0], reference[0], gap))


def _their_answer(case: Case, given: list[Any]) -> Any:
    """The reference's result; a library of arrays gets arrays where it cannot take tensors."""
    theirs, more = case.makers["equals"], case.expect["equals_kwargs"]
    root = case.expect["equals"].partition(".")[0]
    try:
        return theirs(*given, **more)
    except TypeError:
        if root not in ("numpy", "scipy", "sklearn", "skimage", "math"):
            raise
        return theirs(*[numeric(item) if hasattr(item, "dtype") else item for item in given], **more)


def _sizes(case: Case) -> dict[str, int]:
    """Lengths that a factor between two results may be made of."""
    shape: list[int] = next((spec["shape"] for spec in case.inputs.values() if spec["shape"]), [])
    named = {f"axis {place} of the input": size for place, size in enumerate(shape)}
    return {**named, "all numbers of the input": int(np.prod(shape))} if len(shape) > 1 else named


def summed(array: Any) -> float:
    """One number for an array: itself, or its mean."""
    return float(np.mean(array).real)


def _disagreement(case: Case, ours: Any, theirs: Any, gap: float) -> str:
    what = f"{case.expect['equals']} says {number(summed(theirs))}"
    if case.expect["equals_scale"] != 1.0:
        what += f" (with the factor {number(case.expect['equals_scale'])})"
    what += f", this call {number(summed(ours))}"
    relation = related(ours.squeeze(), theirs.squeeze(), _sizes(case))
    what += f": {relation}" if relation else ""
    if ours.squeeze().shape != theirs.squeeze().shape:
        return f"{what}; shapes {ours.shape} and {theirs.shape}"
    ratio = f", ratio {number(summed(ours) / summed(theirs))}" if summed(theirs) else ""
    return f"{what}{ratio}; relative difference {number(gap)}, allowed {number(case.expect['rtol'])}"


def check_invariants(case: Case, output: Any) -> None:
    """zero_on_equal, symmetric and size_free, on the first two drawn inputs."""
    if case.expect["size_free"] and case.batch:
        _check_size(case, case.batch, output)
    if not (case.expect["zero_on_equal"] or case.expect["symmetric"]):
        return
    case.report.stage("invariants")
    numbers = case.numbers()
    pair = [name for name in _by_position(case) if name in numbers][:2]
    if len(pair) < 2:
        case.report.finding("no_pair", "zero_on_equal and symmetric need two drawn inputs")
        return
    first, second = pair
    size = max(float(np.abs(a).max(initial=0.0)) for a in arrays(output))
    try:
        if case.expect["zero_on_equal"]:
            _check_equal(case, {**numbers, second: numbers[first]}, size)
        if case.expect["symmetric"]:
            _check_swapped(case, {**numbers, first: numbers[second], second: numbers[first]}, output)
    except Exception as error:
        case.report.finding("invariant_error", explained(error))


def _by_position(case: Case) -> list[str]:
    """Points before weights: `zero_on_equal` speaks of the things compared, not of their weights."""
    order = case.spec["args"] or list(case.inputs)
    return sorted(order, key=lambda name: case.inputs[name]["dist"] in ("weights", "equal_weights"))


def _check_equal(case: Case, numbers: dict[str, Any], size: float) -> None:
    at_equal = max(float(np.abs(a).max(initial=0.0)) for a in arrays(case.again(numbers)))
    if at_equal > 1e-3 * size:
        case.report.finding("not_zero_on_equal", f"f(x, x) = {number(at_equal)} where f(x, y) = {number(size)}")


def _check_size(case: Case, batch: int, output: Any) -> None:
    """An estimate from a quarter of the samples is noisier; it must not be another number."""
    case.report.stage("a quarter of the batch")
    fewer = max(1, batch // 4)
    whole, quarter = summed(arrays(output)[0]), summed(arrays(case.again(batch=fewer))[0])
    if abs(whole - quarter) > SIZE_FREE * abs(whole):
        case.report.finding("size_dependent", f"{number(whole)} from {batch} samples, {number(quarter)} from {fewer}")


def _check_swapped(case: Case, numbers: dict[str, Any], output: Any) -> None:
    gap = distance(arrays(output), arrays(case.again(numbers)))
    if gap > max(case.expect["rtol"], 1e-5):
        case.report.finding("not_symmetric", f"f(x, y) and f(y, x) differ by {number(gap)} of their size")
