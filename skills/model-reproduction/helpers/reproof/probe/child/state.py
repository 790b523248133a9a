"""What a call leaves behind: changed inputs, settings, state; and which seed it listens to."""

from __future__ import annotations

import random
from typing import Any

from .arrays import arrays, distance, is_tensor, leaves, np, numeric, torch
from .case import Case, Numbers, seed_all
from .report import explained

SAME = 1e-6  # two runs of one computation


def check_inputs(case: Case, ready: dict[str, Any], before: dict[str, Any]) -> None:
    """Inputs that the call changed in place."""
    for name, array in before.items():
        if distance([numeric(ready[name])], [array]) > 0:
            case.report.finding("input_changed", f"the call writes into its input {name}")


def copied(ready: dict[str, Any]) -> dict[str, Any]:
    """Numbers of every tensor and array, to compare with afterwards."""
    return {name: numeric(item) for name, item in ready.items() if is_tensor(item) or isinstance(item, np.ndarray)}


def settings() -> dict[str, Any]:
    """Process-wide settings of torch that a call has no business to change."""
    pytorch = torch()
    if pytorch is None:
        return {}
    return {
        "the default dtype": str(pytorch.get_default_dtype()),
        "the number of threads": pytorch.get_num_threads(),
        "deterministic algorithms": pytorch.are_deterministic_algorithms_enabled(),
        "the precision of float32 products": pytorch.get_float32_matmul_precision(),
        "cudnn.benchmark": pytorch.backends.cudnn.benchmark,
        "numpy's reaction to errors": str(sorted(np.geterr().items())),
    }


def check_settings(case: Case, before: dict[str, Any]) -> None:
    """Process-wide settings that differ after the call."""
    for name, value in settings().items():
        if before.get(name) != value:
            case.report.finding("setting_changed", f"{name} is {value} after the call, was {before.get(name)}")


def kept(callable_: Any) -> dict[str, Any]:
    """Numbers that an object with a `reset` keeps: it expects to be called again and again."""
    owner = getattr(callable_, "__self__", callable_)
    if not callable(getattr(owner, "reset", None)):
        return {}
    return copied({k: np.asarray(v) if isinstance(v, (int, float)) else v for k, v in vars(owner).items()})


def check_kept(case: Case, callable_: Any, before: dict[str, Any]) -> None:
    """What the object gathered during one call."""
    after = kept(callable_)
    gathered = [name for name in before if name in after and distance([before[name]], [after[name]]) > 0]
    if gathered:
        case.report.finding("keeps_state", f"gathers {', '.join(gathered[:4])} from call to call until reset()")


def check_grad_mode(case: Case) -> None:
    """Gradients that are on after a call inside `no_grad`, or off after a call outside of it."""
    pytorch = torch()
    if pytorch is None:
        return
    case.report.stage("gradient mode")
    if case.mode_left is False:
        case.report.finding("grad_mode", "called with gradients on, it leaves them disabled")
    args, kwargs = case.arguments(case.complete(case.numbers()))
    callable_ = case.construct()
    seed_all(0, 0)
    try:
        with pytorch.no_grad():
            callable_(*args, **kwargs)
            left = pytorch.is_grad_enabled()
    except Exception as error:
        case.report.finding("no_grad_error", explained(error))
        return
    if left:
        case.report.finding("grad_mode", "called inside torch.no_grad(), it leaves gradients enabled")


def check_seeds(case: Case, numbers: Numbers, first: list[Any]) -> str:
    """Which seed the call listens to: "none" where nothing repeats it, "some", or "fixed" where it is not random."""
    case.report.stage("seeds")

    after: dict[tuple[int, int], dict[str, float]] = {}

    def outcome(torch_seed: int, other_seed: int) -> list[Any]:
        found = arrays(case.again(numbers, torch_seed=torch_seed, other_seed=other_seed))
        after[torch_seed, other_seed] = _next_numbers()
        return found

    if distance(first, outcome(0, 2)) > SAME:
        if distance(outcome(0, 1), outcome(0, 1)) > SAME:
            case.report.finding(
                "seed_ignored",
                "no global seed repeats it: not torch, not numpy, not random",
                "give it its own seed, generator or random_state argument",
            )
            return "none"
        if distance(outcome(0, 1), outcome(0, 2)) > SAME:  # else only the very first call was different
            case.report.finding(
                "seed_ignored",
                "torch.manual_seed alone does not repeat it",
                "np.random.seed(...) and random.seed(...) do: seed all three",
            )
            return "some"
    last = outcome(3, 0)
    _check_reseeded(case, after)
    if distance(first, last) > SAME:
        case.report.fact("random", "repeats under torch.manual_seed")
        return "some"
    return "fixed"


def _next_numbers() -> dict[str, float]:
    """What each generator draws next."""
    pytorch = torch()
    found = {"numpy": float(np.random.rand()), "random": random.random()}
    return found if pytorch is None else {"torch": float(pytorch.rand(())), **found}


def _check_reseeded(case: Case, after: dict[tuple[int, int], dict[str, float]]) -> None:
    """Generators that draw the same after the call, whatever their seed was before it."""
    one, other = after[0, 2], after[3, 0]
    same = [name for name in one if one[name] == other[name]]
    if same:
        what = f"it seeds {' and '.join(same)} anew: after it the same random numbers come, whatever seed was set"
        case.report.finding("reseeds", what)


def check_twice(case: Case, numbers: Numbers, first: Any, got: list[Any]) -> None:
    """The object of the first call, called again on the same inputs, then on others; `got` is what came out first."""
    case.report.stage("second call")
    try:
        second = arrays(case.call(first.callable_, case.complete(numbers)))
    except Exception as error:
        case.report.finding("second_call_error", explained(error))
        return
    if distance(got, second) > SAME:
        case.report.finding("second_call_differs", "the same call on the same inputs gives other numbers when repeated")
    try:
        case.call(first.callable_, case.complete(case.numbers(seed=1)))
    except Exception:
        return  # other numbers may be refused
    held = arrays(first.output)
    if distance(got, held) > 0:
        case.report.finding("output_reused", "the result of the first call changes when it is called again")


def check_shared(case: Case, ready: dict[str, Any], output: Any) -> None:
    """Outputs in the memory of an input: writing into one changes the other."""
    for place, leaf in enumerate(leaves(output)):
        for name in case.passed():
            if _shares(leaf, ready[name]):
                case.report.finding("shares_memory", f"output {place} lies in the memory of {name}")
                return


def _shares(leaf: Any, item: Any) -> bool:
    if is_tensor(leaf) and is_tensor(item):
        kinds = {leaf.layout, item.layout}
        if kinds != {torch().strided} or not leaf.numel():
            return False
        return bool(leaf.untyped_storage().data_ptr() == item.untyped_storage().data_ptr())
    both = isinstance(leaf, np.ndarray) and isinstance(item, np.ndarray)
    return both and bool(np.may_share_memory(leaf, item))
