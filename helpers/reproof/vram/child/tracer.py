"""The dispatch mode on top of FakeTensorMode: sees every operator, notes what it allocates, models what is hidden."""

# mypy: allow-untyped-calls

from __future__ import annotations

import collections
import functools
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.utils.checkpoint
from torch._C._autograd import _get_sequence_nr
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from . import cachekeys, quantised, truths, unknown, workspaces
from .ledger import Ledger, site
from .shadows import Shadows, tensors
from .work import COUPLING, Work
from .world import OtherDevice

if TYPE_CHECKING:
    from .ledger import Place

COMPOSITE = {
    "aten::logsumexp", "aten::binary_cross_entropy_with_logits", "aten::_safe_softmax", "aten::norm.ScalarOpt_dtype",
    "aten::norm.Scalar", "aten::dist", "aten::soft_margin_loss", "aten::soft_margin_loss_backward",
    "aten::_euclidean_dist", "aten::block_diag", "aten::nan_to_num", "aten::celu", "aten::masked_scatter",
    "aten::count_nonzero", "aten::affine_grid_generator",
    "aten::logsumexp.out", "aten::soft_margin_loss.out", "aten::soft_margin_loss_backward.grad_input",
}  # fmt: skip
"""Operators that have no CUDA kernel but a C++ composite: it is run, so that its temporaries are seen.

Derived from native_functions.yaml of torch 2.13. Sinkhorn depends on it: logsumexp holds one more (N, M) matrix, and
makes it in the variant that writes into `out`, which the plain one calls.
"""
COMPOSITE_KEYS = (
    torch._C.DispatchKey.CompositeExplicitAutograd,
    torch._C.DispatchKey.CompositeExplicitAutogradNonFunctional,
)


DEVICE, META = torch.ops.prim.device.default, torch.device("meta")
SAME = {torch.ops.aten._unsafe_view.default: torch.ops.aten.view.default}
"""Operators that are run as another, which does the same to fake tensors and whose results their cache remembers.

In C++ `_unsafe_view` is `view` without autograd's knowledge of it, and here we are below autograd.
"""


class Target(NamedTuple):
    """The GPU that is asked about."""

    name: str
    capability: tuple[int, int]
    usable_bytes: int


class Rule(NamedTuple):
    """What one operator needs beyond being run on fake tensors."""

    name: str
    run: Callable[..., Any]
    handle: Callable[..., Any] | None
    composite: Any
    """The key under which its C++ composite is found; None where it is not run."""
    apart: Callable[..., Any] | None
    """Takes it apart, where it is only a sequence of other operators; see `_apart`."""
    before: Callable[..., Any] | None
    after: Callable[..., Any] | None
    truth: Callable[..., Any] | None
    """What is known of conditions; see `truths`."""


def _checkpoints() -> bool:
    """Whether activation checkpointing runs a forward again."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != torch.utils.checkpoint.__file__:
        frame = frame.f_back
    return frame is not None


def _apart(func: Any) -> Callable[..., Any] | None:
    """What takes it apart, where autograd would: in inference mode, and inside a kernel, nobody has done so before us.

    `kernels` replaces attention and RNNs at autograd's key, so that the replacement has to be called there.
    """
    key, has = torch._C.DispatchKey, func.has_kernel_for_dispatch_key
    if not has(key.CompositeImplicitAutograd) or has(key.CUDA):
        return None  # with a kernel of its own, like silu_backward, it runs whole on a GPU
    if has(key.AutogradCUDA):
        return functools.partial(func._op_dk, key.AutogradCUDA)
    return func.decompose  # type: ignore[no-any-return]


class Tracer(TorchDispatchMode):
    """Notes allocations into a Ledger while it is active."""

    def __init__(self, target: Target, hints: dict[str, Any] | None = None, constants: dict[str, Any] | None = None):
        super().__init__()
        cachekeys.install()
        self.target = target
        self.device = "cuda"
        """Where memory is counted; 'cpu' for the weaker way."""
        self.hints = hints or {}
        self.hints_used: set[str] = set()
        self.constants = constants or {}
        self.work, self.counting = Work(), False
        self.couples: set[str] = set()
        self.torch_version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
        self.ledger, self.shadows = Ledger(), Shadows()
        self.phase, self.ran_backward = "build", False
        self.assumed: Counter[tuple[str, str]] = collections.Counter()
        self.chosen: Counter[str] = collections.Counter()
        self.modules: list[str] = []
        self.names: dict[int, str] = {}
        self.truths: Any = WeakTensorKeyDictionary()
        self.passes: Counter[str] = collections.Counter()
        self.hinted: Any = WeakTensorKeyDictionary()
        self.ops = 0
        self._forward: dict[int, tuple[str, str]] = {}  # sequence number of an autograd node -> module, site
        self._rules: dict[Any, Rule] = {}
        self._main = threading.get_ident()
        self._lifting = {self._main}
        self._workspaces: set[bool] = set()

    # ---- where we are

    def in_backward(self) -> bool:
        """Whether an autograd node is running; on a GPU that is another thread with handles of its own."""
        return torch._C._current_autograd_node() is not None or threading.get_ident() != self._main

    def place(self, op: str) -> Place:
        """Operator, phase, module and line of what is running now."""
        node = torch._C._current_autograd_node()
        if node is None:
            return op, self.phase, self.modules[-1] if self.modules else "", site()
        self.ran_backward = True
        if torch.is_grad_enabled() and _checkpoints():  # with create_graph a gradient is enabled as well
            return op, "recompute", self.modules[-1] if self.modules else "", site()
        module, line = self._forward.get(node._sequence_nr(), ("", ""))
        return op, "backward", module, line

    def assume(self, what: str) -> None:
        """Note that something could not be known, and where."""
        self.assumed[what, site() or self.place("")[3]] += 1

    def hint(self) -> Any:
        """What the user said about a value at this line, or None."""
        here = site()
        for where, value in self.hints.items():
            if here.endswith("/" + where) or here == where:
                self.hints_used.add(where)
                return value
        return None

    # ---- what the workspaces and the handlers use

    def scratch(self, size: int, op: str, kind: str = "workspace") -> int:
        """Allocate bytes that no tensor stands for; returns the id, to be freed."""
        return self.ledger.allocate(int(size), self.place(op), kind)

    def see(self, tensor: Any, op: str) -> None:
        """Note the memory of a fake CUDA tensor."""
        if not isinstance(tensor, FakeTensor) or tensor.device.type != self.device:
            return
        if tensor.device.index:
            raise OtherDevice(f"a tensor was put on {tensor.device}; the traced machine has one GPU, cuda:0")
        try:
            storage = tensor.untyped_storage()
        except (RuntimeError, NotImplementedError):
            self.assume(f"{op} makes a {tensor.layout} tensor, whose memory is not counted")
            return
        if not self.ledger.knows(storage):
            self.ledger.see(storage, self.place(op))

    def blas(self, op: str) -> None:
        """CuBLAS keeps one workspace per thread's handle; from torch 2.15 on it is taken for each call instead.

        Unless TORCH_CUBLAS_WORKSPACE_CACHE=1, a switch that is in the binary of 2.15.0 and not in that of 2.14.1.
        """
        size = workspaces.blas_bytes(self.target.capability, self.torch_version)
        known = self.constants.get("blas_bytes")
        if known:
            size = known[min(int(self.in_backward()), len(known) - 1)]
        if self.torch_version >= (2, 15) and os.environ.get("TORCH_CUBLAS_WORKSPACE_CACHE") != "1":
            self.ledger.free(self.scratch(size, op))
        elif self.in_backward() not in self._workspaces:
            self._workspaces.add(self.in_backward())
            self.scratch(size, op)

    # ---- dispatch

    def _rule(self, func: Any) -> Rule:
        overload = func._overloadname
        name = func._schema.name + ("" if overload == "default" else "." + overload)
        keys = [key for key in COMPOSITE_KEYS if func.has_kernel_for_dispatch_key(key)]
        apart = _apart(func)
        return Rule(
            name,
            SAME.get(func, func),
            unknown.HANDLERS.get(name) or (None if apart else quantised.handler(func)),
            keys[0] if name in COMPOSITE and keys else None,
            apart,
            workspaces.BEFORE.get(name),
            workspaces.AFTER.get(name),
            truths.RULES.get(name),
        )

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is DEVICE and isinstance(args[0], FakeTensor):  # every third call: `.device` of a fake tensor
            return META if args[0].fake_mode.in_kernel_invocation else args[0].fake_device
        if quantised.wrapped(types):
            return NotImplemented  # its class takes it apart first, with this mode still there to see what it does
        kwargs = kwargs or {}
        self.ops += 1
        thread = threading.get_ident()
        if thread not in self._lifting:  # a setting of FakeTensorMode's that autograd's own threads do not inherit
            self._lifting.add(thread)
            torch._C._set_only_lift_cpu_tensors(True)
        rule = self._rules.get(func)
        if rule is None:
            rule = self._rules[func] = self._rule(func)
        if self.phase == "forward" and torch.is_grad_enabled():
            node = _get_sequence_nr() - 1  # an operator without a node of its own finds that of the one before it
            if node not in self._forward:
                self._forward[node] = (self.modules[-1] if self.modules else "", site())
        if rule.handle is not None:
            handled = rule.handle(self, func, args, kwargs)
            if handled is not NotImplemented:
                return handled
        if rule.composite and any(each.device.type == self.device for each in tensors(args)):
            with self:
                return func._op_dk(rule.composite, *args, **kwargs)
        if rule.apart is not None:
            with self:
                return rule.apart(*args, **kwargs)
        return self._run(rule, func, args, kwargs)

    def _run(self, rule: Rule, func: Any, args: Any, kwargs: Any) -> Any:
        hidden = [self.scratch(size, rule.name) for size in rule.before(self, args)] if rule.before else []
        out = rule.run(*args, **kwargs)
        for each in tensors(out):
            self.see(each, rule.name)
        if rule.truth is not None:
            truths.follow(self, rule.truth, args, out)
        if self.counting:
            self.work.add(func, args, kwargs, out, self.device)
        if rule.name in COUPLING:
            self.couples.add(COUPLING[rule.name])
        if rule.name == "aten::_to_copy":
            self._cast(args[0], out)
        self.shadows.follow(func, args, kwargs, out)
        if rule.after:
            hidden += [self.scratch(size, rule.name) for size in rule.after(self, args)]
        for key in hidden:
            self.ledger.free(key)
        return out

    def _cast(self, source: Any, out: Any) -> None:
        """The 16-bit copies of the weights that autocast makes and keeps until its block ends."""
        if self.phase == "build" or not isinstance(source, FakeTensor) or source.dtype == out.dtype:
            return
        # autocast is switched off while it casts, so that it cannot be asked: any narrower copy of a weight counts
        narrower = out.element_size() < source.element_size()
        if narrower and source.device == out.device and self.ledger.kind_of(source) == "parameters":
            self.ledger.name(out, "autocast copies", self.modules[-1] if self.modules else "")
