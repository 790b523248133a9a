"""Changes to modules of other libraries, right after each has run and before another module takes names from it."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch


class Change(NamedTuple):
    """What is done to a module, and whether its own errors at import matter no more."""

    apply: Callable[[Any], None]
    may_fail: bool = False


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, changes: dict[str, Change]) -> None:
        self.changes = changes

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """The module as it is found otherwise, with what is to be done after it."""
        change = self.changes.get(name)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                try:
                    with _uncompiled():
                        run(module)
                except Exception:
                    if not change.may_fail:
                        raise
                change.apply(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def _uncompiled() -> Iterator[None]:
    """What a library compiles at import is no assumption about the user's step."""
    ours = torch.compile

    def as_it_is(function: Any = None, *_: Any, **__: Any) -> Any:
        return function if function is not None else lambda inner: inner

    torch.compile = as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compile = ours


def install(changes: dict[str, Change]) -> None:
    """Make these changes to modules that are not imported yet; a module that is stays as it is."""
    sys.meta_path.insert(0, _Finder({**ALWAYS, **changes}))


def _reads_values(module: Any) -> None:
    """On a GPU attention masks are read, and left out where nothing is masked; of fake tensors they are not."""
    module.is_fake_tensor = lambda _: False


def _one_nms(module: Any) -> None:
    """Many boxes are gone through class by class, of which a trace may know only that each box could be one."""
    module._batched_nms_vanilla = module._batched_nms_coordinate_trick


ALWAYS = {
    "transformers.utils.import_utils": Change(_reads_values),
    "torchvision.ops.boxes": Change(_one_nms),
}
