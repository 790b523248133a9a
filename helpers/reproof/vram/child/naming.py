"""What the memory is: parameters, buffers, gradients, optimizer state; and which module it belongs to."""

# mypy: allow-untyped-calls

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import optimizer as optim

from . import quantised
from .shadows import tensors


def roots() -> Iterator[nn.Module]:
    """Modules that are in no other module."""
    found = [each for each in gc.get_objects() if issubclass(type(each), nn.Module) and "_modules" in each.__dict__]
    inner = {id(child) for module in found for child in module._modules.values() if child is not None}
    return (module for module in found if id(module) not in inner)


class Naming:
    """Names memory in a tracer's ledger, and follows which module runs."""

    def __init__(self, tracer: Any) -> None:
        self.tracer, self.ledger = tracer, tracer.ledger
        self.owner_of: dict[int, str] = {}
        self.parameters: dict[int, Any] = {}
        self._phase = "forward"
        self._handles: list[Any] = []

    def modules(self) -> None:
        """Learn the names of all modules, and name their parameters and buffers."""
        found = list(roots())
        for module in found:
            prefix = type(module).__name__ if len(found) > 1 else ""
            for path, child in module.named_modules(prefix=prefix):
                self.tracer.names[id(child)] = path or type(module).__name__
                self._own(child, path or type(module).__name__)

    def _own(self, module: nn.Module, path: str) -> None:
        for parameter in module._parameters.values():
            if parameter is not None:
                kind = "parameters" if parameter.requires_grad else "frozen parameters"
                self.ledger.name(parameter, kind, path)
                for each in quantised.parts(parameter):
                    self.ledger.name(each, kind, path)
                self.owner_of.setdefault(id(parameter), path)
                self.parameters[id(parameter)] = parameter
        for buffer in module._buffers.values():
            if buffer is not None:
                self.ledger.name(buffer, "buffers", path)

    def gradients(self) -> None:
        """Name the gradients that are there now."""
        for key, parameter in self.parameters.items():
            if parameter.grad is not None:
                self.ledger.name(parameter.grad, "gradients", self.owner_of.get(key, ""))

    def _before_update(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if id(parameter) not in self.parameters:
                    self.ledger.name(parameter, "parameters")
                    self.parameters[id(parameter)] = parameter
        self.gradients()
        self._phase, self.tracer.phase = self.tracer.phase, "optimizer"
        named = {name: self._outside(each) for name, each in kwargs.items()}
        return (*args[:1], *map(self._outside, args[1:])), named

    def _outside(self, closure: Any) -> Any:
        """The closure of optimizer.step(closure), Lightning's way: it is forward and backward and not the update."""
        if not callable(closure):
            return closure

        def run() -> Any:
            self.tracer.phase = self._phase
            loss = closure()
            self.gradients()
            self.tracer.phase = "optimizer"
            return loss

        return run

    def _after_update(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        for parameter, state in optimizer.state.items():
            owner = self.owner_of.get(id(parameter), "")
            for each in tensors(state):
                for part in (each, *quantised.parts(each)):
                    self.ledger.name(part, "optimizer state", owner)
        self.tracer.phase = self._phase

    def _enter(self, module: nn.Module, _args: Any) -> None:
        self.tracer.modules.append(self.tracer.names.get(id(module)) or type(module).__name__)

    def _leave(self, _module: nn.Module, _args: Any, _out: Any) -> None:
        if self.tracer.modules:
            self.tracer.modules.pop()

    def __enter__(self) -> Naming:
        hooks = torch.nn.modules.module
        self._handles = [
            optim.register_optimizer_step_pre_hook(self._before_update),
            optim.register_optimizer_step_post_hook(self._after_update),
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        ]
        return self

    def __exit__(self, *_: Any) -> None:
        for handle in self._handles:
            handle.remove()

    def count(self) -> tuple[int, int]:
        """Trained and all parameters."""
        trained = sum(each.numel() for each in self.parameters.values() if each.requires_grad)
        return trained, sum(quantised.numel(each) for each in self.parameters.values())
