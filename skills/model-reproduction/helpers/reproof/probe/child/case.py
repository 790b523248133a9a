"""One call as the specification says it: its inputs, its object, and the calling itself."""

from __future__ import annotations

import random
import re
import sys
import warnings
from pathlib import Path
from typing import Any, Dict  # noqa: UP035

from . import modes
from .arrays import as_input, drawn, is_tensor, named, np, torch
from .look import NotFound, misfit, module_of, resolve, signature, unchecked
from .report import Report, explained

Numbers = Dict[str, Any]  # noqa: UP006 - input name -> float64 array; Python 3.8 evaluates this


def seed_all(torch_seed: int, other_seed: int) -> None:
    """Seed torch with one number, numpy and random with another."""
    pytorch = torch()
    if pytorch is not None:
        pytorch.manual_seed(torch_seed)
    np.random.seed(other_seed)
    random.seed(other_seed)


class Case:
    """A call that can be made again and again, with other inputs, sizes, types and seeds."""

    def __init__(self, spec: dict[str, Any], report: Report) -> None:
        self.spec, self.report = spec, report
        self.inputs: dict[str, dict[str, Any]] = spec["inputs"]
        self.expect: dict[str, Any] = spec["expect"]
        self.axes = self._batch_axes()
        self.target: Any = None
        self.makers: dict[str, Any] = {}
        self.is_shaken = False  # parameters that are zero at the start are made random: see `modes`
        self.modules: dict[str, str] = {}  # dotted name -> the module to import for it
        self.warned: list[tuple[str, str, bool]] = []
        self.mode_left: bool | None = None  # torch's gradient mode after a call that began with gradients on

    # sizes and numbers

    @property
    def batch(self) -> int | None:
        """Length of axis 0 of the first input that has a batch."""
        for name, axes in self.axes.items():
            if axes:
                return int(self.inputs[name]["shape"][axes[0]])
        return None

    def _batch_axes(self) -> dict[str, list[int]]:
        """Axes of each drawn input that grow with the batch."""
        found: dict[str, list[int]] = {}
        built = self.spec["init_inputs"]  # the batch is the call's before it is the constructor's
        specs = [self.inputs[name] for name in sorted(self.inputs, key=lambda name: name in built)]
        batch = next((spec["shape"][0] for spec in specs if spec["shape"] and spec["dist"] != "grid"), None)
        lists = [name for name in self.spec["args"] or self.inputs if self.inputs[name]["shape"] == [batch]]
        for name, spec in self.inputs.items():
            shape = spec["shape"] or []
            if spec["batch_axes"] is not None:
                found[name] = spec["batch_axes"]
            elif not shape or shape[0] != batch or spec["dist"] == "grid":
                found[name] = []
            else:
                # a cost matrix between two lists of weights grows on both sides; beside one list of, say, times it is
                # samples whose width happens to be the batch
                found[name] = [0, 1] if shape == [batch, batch] and len(lists) > 1 else [0]
        return found

    @property
    def width(self) -> int | None:
        """Length of the last axis of the first input that has a batch and more."""
        for name, axes in self.axes.items():
            shape = self.inputs[name]["shape"] or []
            if len(shape) > 1 and axes == [0] and self.inputs[name]["dist"] not in ("weights", "valid"):
                return int(shape[-1])
        return None

    def shape(self, name: str, batch: int | None, width: int | None = None) -> list[int] | None:
        """The shape of an input, at another batch or with another last axis where they are given."""
        shape: list[int] | None = self.inputs[name]["shape"]
        if shape is None:
            return shape
        sizes = [batch if batch and axis in self.axes[name] else size for axis, size in enumerate(shape)]
        if width and len(shape) > 1 and shape[-1] == self.width and len(shape) - 1 not in self.axes[name]:
            sizes[-1] = width
        return sizes

    def numbers(self, batch: int | None = None, seed: int = 0, width: int | None = None) -> Numbers:
        """The numbers of every input that is drawn or given."""
        named_or_made = ("object", "made_by")
        return {
            name: drawn(spec, self.shape(name, batch, width), seed * 1000 + place)
            for place, (name, spec) in enumerate(self.inputs.items())
            if not any(spec[key] is not None for key in named_or_made)
        }

    # the call

    def look(self) -> None:
        """Resolve every name the case uses, and hold the signature against the keywords."""
        self.target = self._found(self.spec["target"], "")
        for name, spec in self.inputs.items():
            if spec["made_by"]:
                self.makers[name] = self._found(spec["made_by"], f"input {name}: ")
            if spec["object"]:
                self._found(spec["object"], f"input {name}: ")
        if self.expect["equals"]:
            self.makers["equals"] = self._found(self.expect["equals"], "expect.equals: ")
        self.report.fact("modules", self.modules)
        self.report.fact("signature", str(signature(self.target) or ""))
        if self.spec["init"] is not None:
            self.fits(self.target, [], {**self.spec["init"], **dict.fromkeys(self.spec["init_inputs"])})

    def _found(self, target: str, role: str) -> Any:
        try:
            found = resolve(target)
            self.modules[target] = module_of(target)
            return found
        except NotFound as error:
            is_recorded = error.code == "no_attribute" and self.expect["raises"] in ("AttributeError", "ImportError")
            code = "raises_as_recorded" if is_recorded else error.code
            raise self.report.stop(code, role + error.what, near(error)) from error

    def fits(self, callable_: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Stop when the signature already refuses these arguments."""
        if self.expect["raises"]:
            return  # what the signature refuses is then an exception like any other
        wrong = misfit(callable_, args, kwargs)
        if wrong is not None:
            raise self.report.stop(wrong.code, wrong.what, near(wrong))
        loose = unchecked(callable_, kwargs)
        if loose:
            self.report.finding("unchecked_keyword", f"{', '.join(loose)}: swallowed by **kwargs, no name is checked")

    def complete(self, numbers: Numbers, dtype: str | None = None) -> dict[str, Any]:
        """The arguments of the call: numbers as tensors, then what other calls make of them."""
        ready: dict[str, Any] = {}
        if self.makers:
            seed_all(0, 0)  # what makes an input may draw: the same every time
        for name, spec in self.inputs.items():
            if spec["object"] is not None:
                ready[name] = named(spec)
            elif spec["made_by"] is not None:
                ready[name] = self.makers[name](*[ready[used] for used in spec["args"]], **spec["kwargs"])
            else:
                ready[name] = as_input(numbers[name], spec, dtype)
        return ready

    def construct(self, dtype: str | None = None, more: Any = None, ready: dict[str, Any] | None = None) -> Any:
        """What is called: the target, an object of it, or a method of that object; always from the same seed.

        `more` are constructor arguments instead of the plan's or beside them, `ready` the inputs of this call where
        they are not the plan's own.
        """
        if self.spec["init"] is None:
            return self.target
        names = self.spec["init_inputs"]
        ready = self.complete(self.numbers(), dtype) if names and ready is None else ready or {}
        seed_all(0, 0)
        given = {name: ready[name] for name in names}
        made = self.target(**self._tupled({**self.spec["init"], **given, **(more or {})}))
        if self.is_shaken:
            modes.shake(made)
        if dtype == "float64" and hasattr(made, "register_forward_hook"):
            made = made.double()
        return getattr(made, self.spec["method"]) if self.spec["method"] else made

    def arguments(self, ready: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments, by the rule in the plan's `Call`."""
        order = self.positional()
        used = {name for spec in self.inputs.values() for name in spec["args"]} | set(self.expect["equals_args"])
        used |= set(self.spec["init_inputs"])
        if self.spec["args"]:
            by_name = {name: value for name, value in ready.items() if name not in order and name not in used}
        else:
            by_name = {}
        return [ready[name] for name in order], {**by_name, **self._tupled(self.spec["kwargs"])}

    def _tupled(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keywords as the plan says: YAML has lists only."""
        tuples = self.spec["tuples"]
        return {
            key: tuple(value) if key in tuples and isinstance(value, list) else value for key, value in given.items()
        }

    def positional(self) -> list[str]:
        """Inputs that go by position."""
        return self.spec["args"] or [name for name in self.inputs if name not in self.spec["init_inputs"]]

    def passed(self) -> list[str]:
        """Every input that the call itself gets."""
        args, kwargs = self.arguments({name: name for name in self.inputs})
        return args + [name for name in self.inputs if kwargs.get(name) == name and name not in args]

    def call(self, callable_: Any, ready: dict[str, Any], torch_seed: int = 0, other_seed: int = 0) -> Any:
        """Call once, seeded."""
        args, kwargs = self.arguments(ready)
        seed_all(torch_seed, other_seed)
        with kept_grad_mode() as kept:
            output = callable_(*args, **kwargs)
            self.mode_left = kept.now()
        return output

    def again(self, numbers: Numbers | None = None, batch: int | None = None, **how: Any) -> Any:
        """Construct, fill in and call anew."""
        dtype = how.pop("dtype", None)
        ready = self.complete(self.numbers(batch) if numbers is None else numbers, dtype)
        return self.call(self.construct(dtype, ready=ready), ready, **how)


def near(error: NotFound) -> str:
    """The nearest names as a hint."""
    return f"did you mean {' or '.join(error.near)}?" if error.near else ""


class kept_grad_mode:
    """Put torch's gradient mode back after the block: some libraries leave it changed."""

    def __enter__(self) -> kept_grad_mode:
        self.before = self.now()
        return self

    @staticmethod
    def now() -> bool | None:
        """The mode, or None without torch."""
        pytorch = torch()
        return None if pytorch is None else bool(pytorch.is_grad_enabled())

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            sys.modules["torch"].set_grad_enabled(self.before)


class heard:
    """Every warning of the block, once each: category, message, and whether it points at the call itself."""

    def __init__(self, into: list[tuple[str, str, bool]]) -> None:
        self.into = into

    def __enter__(self) -> None:
        self.catcher = warnings.catch_warnings(record=True)
        self.caught: Any = self.catcher.__enter__()
        warnings.simplefilter("always")

    def __exit__(self, *error: Any) -> None:
        self.catcher.__exit__(*error)
        for item in self.caught:
            message = " ".join(str(item.message).split())
            if without_numbers(message) not in [without_numbers(other) for _, other, _ in self.into]:
                is_ours = Path(item.filename).parent == Path(__file__).parent
                self.into.append((item.category.__name__, message, is_ours))


def without_numbers(message: str) -> str:
    """A warning at another batch is the same warning."""
    return re.sub(r"\d+", "", message)


def refused(error: BaseException, what: str) -> str:
    """How an exception during `what` reads in a finding."""
    return f"{what}: {explained(error)}"


def differentiable(output_leaves: list[Any]) -> Any:
    """The first output that carries a graph, or None."""
    return next((leaf for leaf in output_leaves if is_tensor(leaf) and leaf.requires_grad), None)
