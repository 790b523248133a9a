"""Which inputs receive a gradient, and whether it is the derivative of the value."""

from __future__ import annotations

from typing import Any

from .arrays import is_tensor, leaves, np, numeric, torch
from .case import Case, differentiable
from .report import Report, explained, number

STEP = 1e-4  # of a central difference in float64, relative to the size of the input
COARSE = 1e-2  # where the value has the digits of float32 only
TOLERANCE = 0.05
ENOUGH = 128  # samples that a difference is taken with: a derivative that is wrong is wrong for them, too


def wanted(case: Case) -> list[str]:
    """Inputs that require a gradient, in order."""
    marked = [name for name, spec in case.inputs.items() if spec["requires_grad"]]
    return marked + [name for name in case.expect["grad"] if name not in marked]


def scalar(leaf: Any) -> Any:
    """The leaf under fixed random weights, so that no direction cancels."""
    if leaf.dim() == 0:
        return leaf
    weights = np.random.RandomState(5).standard_normal(tuple(leaf.shape))
    return (leaf * torch().as_tensor(weights).to(leaf.dtype)).sum()


def backward(leaf: Any, sources: dict[str, Any]) -> dict[str, Any]:
    """Gradient of the weighted output for each source; None where none arrives."""
    found = torch().autograd.grad(scalar(leaf), list(sources.values()), allow_unused=True)
    return dict(zip(sources, found))  # noqa: B905 - one gradient per source; strict= is newer than 3.8


def check_gradients(case: Case, ready: dict[str, Any], output: Any) -> list[str]:
    """Report none, zero and NaN gradients; returns the inputs whose gradient is worth comparing."""
    names = wanted(case)
    if not names:
        return []
    case.report.stage("backward")
    leaf = differentiable(leaves(output))
    sources = {name: ready[name] for name in names if is_tensor(ready[name]) and ready[name].requires_grad}
    for name in names:
        if name not in sources:
            case.report.finding("grad_none", f"{name} is no tensor that requires a gradient")
    if leaf is None or not sources:
        case.report.finding("no_grad", "no output carries a gradient, although inputs require one")
        return []
    try:
        found = backward(leaf, sources)
    except Exception as error:
        case.report.finding("grad_error", explained(error))
        return []
    return [name for name, gradient in found.items() if _is_sound(case.report, name, gradient)]


def _is_sound(report: Report, name: str, gradient: Any) -> bool:
    if gradient is None:
        report.finding("grad_none", f"no gradient reaches {name}")
        return False
    array = numeric(gradient)
    bad = int((~np.isfinite(array)).sum())
    if bad:
        report.finding("grad_nan", f"{bad} of {array.size} entries of the gradient of {name} are NaN or infinite")
    elif not array.any():
        report.finding("grad_zero", f"the gradient of {name} is exactly 0")
    return not bad and bool(array.any())


def check_differences(case: Case, names: list[str]) -> None:
    """Autograd against a central difference in float64, along the gradient and along a random direction."""
    numbers = case.numbers()
    for name in names:
        if name not in numbers:
            continue
        case.report.stage(f"finite difference of {name}")
        if (case.batch or 0) > ENOUGH:
            try:
                _compare(case, name, case.numbers(batch=ENOUGH))
                continue
            except Exception:
                case.report.stage(f"finite difference of {name} with the whole batch")  # its length is written in
        try:
            _compare(case, name, numbers)
        except Exception as error:
            case.report.finding("skipped", f"finite difference of {name}: in float64, {explained(error)}")


def _compare(case: Case, name: str, numbers: dict[str, Any]) -> None:
    ready = case.complete(numbers, "float64")
    leaf = differentiable(leaves(case.call(case.construct("float64", ready=ready), ready)))
    if leaf is None:
        return
    gradient = numeric(backward(leaf, {name: ready[name]})[name])
    random = np.random.RandomState(9).standard_normal(gradient.shape)
    step = STEP if "64" in str(leaf.dtype) else COARSE  # some compute in float32 whatever they are given
    noise = float(torch().finfo(leaf.dtype).eps) * abs(float(scalar(leaf.double().detach()))) / step
    for said, direction in (("its own direction", gradient), ("a random direction", random)):
        unit = direction / np.linalg.norm(direction)
        slope = _slope(case, name, numbers, unit, tuple(leaf.shape), step)
        claimed = float((gradient * unit).sum())
        # across a random direction both are small; what counts is the error against the whole gradient
        size = max(abs(slope), abs(claimed), 0.05 * float(np.linalg.norm(gradient)))
        if abs(slope - claimed) > TOLERANCE * size + noise:
            off = f"{abs(slope - claimed) / size:.0%} off"
            case.report.finding(
                "grad_mismatch",
                f"{name}: along {said} autograd says {number(claimed)}, the value changes by {number(slope)} ({off})",
            )
            return


def _slope(case: Case, name: str, numbers: dict[str, Any], unit: Any, shape: tuple[int, ...], step: float) -> float:
    """Change of the weighted output per step along `unit`."""
    step *= max(1.0, float(np.abs(numbers[name]).mean()))

    def value(sign: float) -> float:
        moved = {**numbers, name: numbers[name] + sign * step * unit}
        ready = case.complete(moved, "float64")
        found = leaves(case.call(case.construct("float64", ready=ready), ready))
        leaf = next(leaf for leaf in found if is_tensor(leaf) and tuple(leaf.shape) == shape)
        return float(scalar(leaf.double()).detach())

    return (value(1.0) - value(-1.0)) / (2 * step)
