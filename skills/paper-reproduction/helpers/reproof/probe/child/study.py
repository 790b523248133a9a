"""A call that went through, asked again with one thing changed: what raises nothing and is wrong all the same."""

from __future__ import annotations

import os
import time
import warnings
from typing import Any, Callable  # noqa: UP035 - Python 3.8 must be able to run this

from .arrays import arrays, is_tensor, leaves, np, torch
from .case import Case, kept_grad_mode, seed_all

LONG_S = 0.05
NOTHING: dict[str, Any] = {}


class Study:
    """The first call of a case, its numbers, and a way to ask again with one change."""

    def __init__(self, case: Case) -> None:
        self.case, self.report = case, case.report
        self.numbers = case.numbers()
        self.edges: dict[str, str] = {}  # what goes wrong without a sample, or with another order of memory
        self.ready = case.complete(self.numbers)
        self.passed = case.passed()
        self.callable_, self.output, self.call_s = self._timed()
        if self.call_s > LONG_S:  # the first call may have imported or compiled something
            self.call_s = min(self.call_s, self._timed()[2])
        self.leaves = leaves(self.output)
        self.base = arrays(self.output)

    def _timed(self) -> tuple[Any, Any, float]:
        """What is called, what it returns, and the CPU seconds that both took."""
        started = time.process_time()
        ready = self.case.complete(self.numbers)
        callable_ = self.case.construct(ready=ready)
        output = self.case.call(callable_, ready)
        return callable_, output, time.process_time() - started

    def value(self, name: str) -> Any:
        """The numbers of an input as an array, or None where it has none."""
        item = self.ready[name]
        if is_tensor(item):
            return arrays(item)[0]
        return item if isinstance(item, np.ndarray) else None

    def tensors(self) -> dict[str, Any]:
        """Every input of the call that is made of numbers, as an array."""
        found = {name: self.value(name) for name in self.passed}
        return {name: array for name, array in found.items() if array is not None and array.size}

    def built(self) -> dict[str, Any]:
        """Every input of the constructor that is made of numbers, as an array."""
        found = {name: self.value(name) for name in self.case.spec["init_inputs"]}
        return {name: array for name, array in found.items() if array is not None and array.size}

    def ask(
        self,
        change: dict[str, Any] = NOTHING,
        init: dict[str, Any] = NOTHING,
        kwargs: dict[str, Any] = NOTHING,
        convert: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Arrays of the same call with some inputs, settings or types replaced; None when it fails."""
        try:
            ready = self.case.complete(self.numbers)
            for name, value in change.items():
                ready[name] = like(value, ready[name])
            if convert is not None:
                ready = {name: convert(item) for name, item in ready.items()}
            callable_ = self.case.construct(more=init, ready=ready)
            args, given = self.case.arguments(ready)
            seed_all(0, 0)
            with kept_grad_mode():
                return arrays(callable_(*args, **{**given, **kwargs}))
        except Exception:
            return None

    def ask_with(self, place: str, settings: dict[str, Any]) -> Any:
        """Arrays of the same call with all its constructor arguments ("init") or keywords ("kwargs") replaced."""
        kept = self.case.spec[place]
        self.case.spec[place] = settings
        try:
            return self.ask()
        finally:
            self.case.spec[place] = kept


def like(array: Any, item: Any) -> Any:
    """An array as the kind and type that `item` has; anything else as it is."""
    if not isinstance(array, np.ndarray):
        return array
    if is_tensor(item):
        made = torch().as_tensor(np.ascontiguousarray(array)).to(item.dtype)
        return made.requires_grad_() if item.requires_grad else made
    return array.astype(item.dtype) if isinstance(item, np.ndarray) else array


def is_floating(array: Any) -> bool:
    """Whether an array holds real numbers."""
    return bool(array.dtype.kind == "f")


def same_shapes(ours: Any, theirs: Any) -> bool:
    """Whether two outputs have the same arrays, by shape."""
    return [a.shape for a in ours] == [b.shape for b in theirs]


class quiet:
    """Warnings and both streams go nowhere: what is asked here is not what the plan does."""

    def __enter__(self) -> None:
        self.catcher = warnings.catch_warnings()
        self.catcher.__enter__()
        warnings.simplefilter("ignore")
        self.kept = [os.dup(1), os.dup(2)]
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def __exit__(self, *error: Any) -> None:
        for stream, kept in zip((1, 2), self.kept):  # noqa: B905 - two and two; strict= is newer than 3.8
            os.dup2(kept, stream)
            os.close(kept)
        self.catcher.__exit__(*error)
