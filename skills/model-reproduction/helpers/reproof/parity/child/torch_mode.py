"""One look at every ATen operation: float32 promoted to float64, random draws forced, and the run recorded."""

# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from .nodes import Array, Node, Operand, root

HERE = str(Path(__file__).parent)
TORCH = str(Path(torch.__file__).parent)
VIEWS = {
    "view", "_unsafe_view", "reshape", "t", "transpose", "permute", "expand", "unsqueeze", "squeeze", "slice", "select",
    "split", "split_with_sizes", "chunk", "detach", "alias", "clone", "contiguous", "_to_copy", "as_strided", "unbind",
    "narrow", "movedim", "_reshape_alias", "lift_fresh", "flatten", "unflatten", "copy", "diagonal", "lift_fresh_copy",
    "unfold", "view_as", "expand_as", "squeeze_", "unsqueeze_",
}  # fmt: skip
JOINS = {"cat", "stack"}
KEEPS_ELEMENTS = VIEWS | JOINS | {"index_select", "flip", "roll", "repeat", "index", "tril", "triu"}
UNIFORM = {"rand", "rand_like", "uniform", "uniform_"}
NORMAL = {"randn", "randn_like", "normal", "normal_", "normal_functional"}
INTEGER = {"randint", "randint_like", "random_", "random", "randperm"}
MASK = {"bernoulli", "bernoulli_", "native_dropout"}
DRAWS = UNIFORM | NORMAL | INTEGER | MASK
PARTS = {"slice", "split", "split_with_sizes", "unsafe_split", "chunk", "select", "unbind", "narrow"}
UNWRITTEN = {"empty", "empty_like", "new_empty", "new_empty_strided", "empty_strided", "resize"}


def storage(tensor: torch.Tensor) -> int:
    """The memory a tensor lies in."""
    return tensor.untyped_storage().data_ptr()


def where() -> tuple[str, list[tuple[str, str, int]]]:
    """The user's innermost line, and all functions outside torch that are running."""
    frame, line, units = sys._getframe(2), "", []
    while frame:
        code = frame.f_code
        name = code.co_filename
        if not name.startswith((TORCH, HERE, "<")):
            if not line:
                line = f"{name}:{frame.f_lineno}"
            units.append((name, getattr(code, "co_qualname", code.co_name), code.co_firstlineno))
        frame = frame.f_back  # type: ignore[assignment]
    return line, units


def calls(modules: dict[int, str]) -> list[list[str]]:
    """The user's lines that are running, innermost first, each with the module whose code it is."""
    frame, found = sys._getframe(2), []
    while frame:
        name = frame.f_code.co_filename
        if not name.startswith((TORCH, HERE, "<")):
            found.append([f"{name}:{frame.f_lineno}", modules.get(id(frame.f_locals.get("self")), "")])
        frame = frame.f_back  # type: ignore[assignment]
    return found


def to_numpy(tensor: torch.Tensor) -> Array:
    """Values as float64, or as they are when they are no floats; a copy."""
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.double()
    elif tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj()).double()
    found: Array = tensor.cpu().contiguous().numpy().copy()
    return found


def prints(tensor: torch.Tensor) -> list[float]:
    """`nodes.fingerprint` of a tensor, computed by torch."""
    flat = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
    flat = flat.detach().reshape(-1).double()
    finite = flat[torch.isfinite(flat)]
    if not finite.numel():
        return [float(flat.numel()), 0.0, 0.0, 0.0, 0.0, 0.0]
    size = finite.abs()
    sums = torch.stack([finite.sum(), size.sum(), (finite * finite).sum(), finite.max(), finite.min()])
    return [float(flat.numel()), *sums.tolist()]


def _differentiating() -> bool:
    """Whether autograd runs, not the user's code; said by a private function that a later torch may not have."""
    current = getattr(torch._C, "_current_autograd_node", None)
    return current is not None and current() is not None


def _seen_as(tensor: torch.Tensor) -> tuple[Any, ...]:
    """A view, told from other views of the same memory."""
    return (storage(tensor), tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()))


def _no_bias(tensor: torch.Tensor) -> bool:
    """A vector of zeros, as it is put where a key projection has no bias."""
    return tensor.dim() == 1 and not bool(tensor.any())


class Stopped(BaseException):
    """Enough of a run was recorded; no user code catches it."""


class Look(TorchDispatchMode):
    """Promotes, forces and records, as asked.

    Args:
        promote: float32 that the code asks for becomes float64.
        force: {"mask": 0 or 1, "u": value of uniform draws, "sizes": only masks of these sizes are dropped}; None leaves
            the generator alone.
        record: keep every operation as a Node.
        weights: (tensor, first element's number) of the weights.
        light: record no lines and no fingerprints, for the runs of the map's search.
    """  # noqa: E501

    def __init__(
        self,
        *,
        promote: bool = False,
        force: dict[str, Any] | None = None,
        record: bool = False,
        weights: list[tuple[torch.Tensor, int]] | None = None,
        light: bool = False,
    ) -> None:
        super().__init__()
        self.promote, self.force, self.record, self.light = promote, force, record, light
        self.nodes: list[Node] = []
        self.alias: dict[int, int] = {}
        self.draws: list[list[Any]] = []
        self.units: dict[tuple[str, str, int], None] = {}
        self.casts: dict[str, None] = {}
        self.keep: list[Any] = []
        self.made_by: dict[int, int] = {}
        self.stack: list[str] = []
        self.ids: dict[int, torch.Tensor] = {}
        self.padded: set[int] = set()
        self.part_of: dict[tuple[Any, ...], int] = {}
        self.modules: dict[int, str] = {}
        self.counts: dict[int, int] = {}
        self.until: int | None = None
        for tensor, first in weights or []:
            if tensor.numel():
                self._name(tensor, self._first(tensor, first))

    def _first(self, tensor: torch.Tensor, first: int) -> torch.Tensor:
        """Numbers of a whole weight."""
        return torch.arange(first, first + tensor.numel()).reshape(tensor.shape)

    def _name(self, tensor: torch.Tensor, ids: torch.Tensor) -> None:
        """Remember which weight elements the memory of `tensor` holds."""
        size = tensor.untyped_storage().nbytes() // max(tensor.element_size(), 1)
        held = torch.full((max(size, 1),), -1, dtype=torch.long)
        held.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).copy_(ids)
        self.ids.setdefault(storage(tensor), held)
        if bool((ids < 0).any()):
            self.padded.add(storage(tensor))

    def elements(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """Numbers of the weight elements a tensor is made of, -1 where a vector was joined with zeros; or None."""
        held = self.ids.get(storage(tensor))
        if held is None or not tensor.numel():
            return None
        try:
            found = held.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
        except RuntimeError:  # the same memory seen as another, wider type
            return None
        known = found >= 0
        return found if bool(known.any() if storage(tensor) in self.padded else known.all()) else None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        if self.promote:
            args, kwargs = self._promoted(name, args, kwargs)
        if name in DRAWS:
            out = self._draw(name, func, args, kwargs)
        else:
            out = func(*args, **kwargs)
        if self.record:
            self._record(name, func, args, kwargs, out)
            if self.until is not None and len(self.nodes) > self.until:
                raise Stopped
        return out

    def _promoted(self, name: str, args: Any, kwargs: Any) -> Any:
        if kwargs.get("dtype") is torch.float32:
            if name == "_to_copy":
                self.casts.setdefault(where()[0])
            kwargs = {**kwargs, "dtype": torch.float64}
        elif kwargs.get("dtype") is torch.complex64:
            kwargs = {**kwargs, "dtype": torch.complex128}
        if any(each is torch.float32 for each in args):
            args = tuple(torch.float64 if each is torch.float32 else each for each in args)
        return args, kwargs

    def _draw(self, name: str, func: Any, args: Any, kwargs: Any) -> Any:
        """One random draw, written down; its value decided by us when it is forced."""
        kind = "mask" if name in MASK else "uniform" if name in UNIFORM else "normal" if name in NORMAL else "integer"
        keep = self._keep_probability(name, args, kwargs) if kind == "mask" else None
        line = where()[0]
        if name == "native_dropout":
            if len(args) > 2 and args[2] is False:
                return func(*args, **kwargs)
            self.draws.append([kind, args[0].numel(), keep, line])
            if self.force is None:
                return func(*args, **kwargs)
            on = self._mask(args[0].numel())
            scale = on / (1 - args[1]) if args[1] < 1 else 0.0
            return args[0] * scale, torch.full_like(args[0], bool(on), dtype=torch.bool)
        if self.force is None:
            out = func(*args, **kwargs)
            self.draws.append([kind, out.numel(), keep, line])
            return out
        out = func(*args, **kwargs)
        self.draws.append([kind, out.numel(), keep, line])
        if kind == "mask":
            return out.fill_(self._mask(out.numel()))
        if kind == "uniform":
            low, high = self._span(name, args, kwargs)
            return out.fill_(low + (high - low) * self._uniform(out.numel()))
        if kind == "normal":
            mean, std = self._moments(name, args)
            return out.copy_(self._noise(out) * std + mean)
        return out if name == "randperm" and self._repeatable(out) else self._integers(out)

    def _keep_probability(self, name: str, args: Any, kwargs: Any) -> float | None:
        if name == "native_dropout":
            return round(1 - float(args[1]), 6)
        p = kwargs.get("p", next((each for each in args[1:] if not isinstance(each, torch.Generator)), None))
        if p is None:
            p = args[0] if name == "bernoulli" else 0.5
        return round(float(p.double().mean()) if isinstance(p, torch.Tensor) else float(p), 6)

    def _mask(self, size: int) -> float:
        assert self.force is not None
        sizes = self.force.get("sizes")
        return float(self.force["mask"]) if sizes is None or size in sizes else 1.0

    def _uniform(self, size: int) -> float:
        assert self.force is not None
        sizes = self.force.get("sizes")
        return float(self.force["u"] if sizes is None or size in sizes else self.force.get("keep_u", self.force["u"]))

    @staticmethod
    def _span(name: str, args: Any, kwargs: Any) -> tuple[float, float]:
        numbers = [each for each in args[1:] if isinstance(each, (int, float))] if name.startswith("uniform") else []
        low = numbers[0] if numbers else kwargs.get("from", 0.0) if name.startswith("uniform") else 0.0
        high = numbers[1] if len(numbers) > 1 else kwargs.get("to", 1.0) if name.startswith("uniform") else 1.0
        return float(low), float(high)

    @staticmethod
    def _moments(name: str, args: Any) -> tuple[float, float]:
        if name not in ("normal_", "normal"):
            return 0.0, 1.0
        numbers = [each for each in args if isinstance(each, (int, float))]
        return float(numbers[0] if numbers else 0.0), float(numbers[1] if len(numbers) > 1 else 1.0)

    def _noise(self, out: torch.Tensor) -> torch.Tensor:
        """The same noise for the n-th draw of one size, on both sides, in whatever order sizes are drawn."""
        turn = self.counts[out.numel()] = self.counts.get(out.numel(), 0) + 1
        rng = np.random.Generator(np.random.Philox(key=[out.numel(), turn]))
        return torch.from_numpy(rng.standard_normal(out.numel())).reshape(out.shape).to(out.dtype)

    @staticmethod
    def _repeatable(out: torch.Tensor) -> bool:
        out.copy_(torch.arange(out.numel()).flip(0).reshape(out.shape))
        return True

    def _integers(self, out: torch.Tensor) -> torch.Tensor:
        low, high = int(out.min()), int(out.max())
        turn = self.counts[out.numel()] = self.counts.get(out.numel(), 0) + 1
        rng = np.random.Generator(np.random.Philox(key=[out.numel(), turn]))
        span = max(high - low, 0) + 1
        return out.copy_(torch.from_numpy(rng.integers(0, span, out.numel())).reshape(out.shape) + low)

    def _record(self, name: str, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        flat = tree_flatten((args, kwargs))[0]
        reads = [each for each in flat if isinstance(each, torch.Tensor)]
        outs = [each for each in tree_flatten(out)[0] if isinstance(each, torch.Tensor)]
        self.keep += reads + outs
        base = name.rstrip("_")
        ids = [self.elements(each) for each in reads]
        if base in KEEPS_ELEMENTS and base == name and self._followed(base, func, args, kwargs, reads, outs, ids):
            return
        if base in VIEWS and reads:
            origin = reads[-1] if base == "copy" else reads[0]
            for each in outs:
                if storage(each) != storage(origin):
                    self.alias.setdefault(storage(each), storage(origin))
        if base in VIEWS and reads and not self.light:
            part = self.part_of.get(_seen_as(reads[0]))
            self.part_of.update({_seen_as(each): part for each in outs} if part is not None else {})
        if base in PARTS and reads and not self.light:
            self._parts(base, reads[0], outs)
        if base in VIEWS or base in UNWRITTEN or (not reads and name not in DRAWS):
            return
        line, units = ("", []) if self.light else where()
        self.units.update(dict.fromkeys(units))
        used = base not in ("ones_like", "zeros_like", "empty_like", "full_like", "new_zeros", "new_ones")
        ins = [
            Operand(
                storage(each),
                tuple(each.shape),
                (found.numpy().copy() if isinstance(found, torch.Tensor) else found) if used else None,
                to_numpy(each) if any(known is not None for known in ids) and found is None else None,
                each.is_floating_point(),
            )
            for each, found in zip(reads, ids, strict=False)
        ]
        preds = {self.made_by[key] for each in ins if (key := root(self.alias, each.key, self.made_by)) in self.made_by}
        preds |= {part for each in reads if (part := self.part_of.get(_seen_as(each))) is not None}
        self.nodes.append(
            Node(
                i=len(self.nodes),
                op=base,
                ins=ins,
                outs=[storage(each) for each in outs],
                out_shape=tuple(outs[0].shape) if outs else (),
                attrs=[each for each in flat if isinstance(each, (int, float, bool, str)) or each is None],
                source=line,
                module=self.stack[-1] if self.stack else "",
                print=prints(outs[0]) if outs and not self.light else None,
                preds=preds,
                from_weights=any(each.ids is not None for each in ins)
                or any(self.nodes[p].from_weights for p in preds),
                backward=not self.light and _differentiating(),
                calls=[] if self.light else calls(self.modules),
            )
        )
        for each in outs:
            self.made_by[storage(each)] = len(self.nodes) - 1

    def _parts(self, base: str, whole: torch.Tensor, outs: list[torch.Tensor]) -> None:
        """The parts of a fused projection are values that the other side may compute one by one."""
        maker = self.made_by.get(root(self.alias, storage(whole), self.made_by))
        if maker is None or not self.nodes[maker].from_weights:
            return
        line, _ = where()
        for each in outs:
            if 0 < each.numel() < whole.numel():
                module = self.stack[-1] if self.stack else ""
                self.nodes.append(
                    Node(
                        len(self.nodes), base, [], [], tuple(each.shape), [], line, module, prints(each), {maker}, True
                    )
                )
                self.part_of[_seen_as(each)] = len(self.nodes) - 1

    def _followed(self, base: str, func: Any, args: Any, kwargs: Any, reads: Any, outs: Any, ids: Any) -> bool:
        """Whether an operation only moves weights, whose numbers are moved the same way, and computes nothing."""
        floats = [(each, found) for each, found in zip(reads, ids, strict=False) if each.is_floating_point()]
        known = [found is not None for _, found in floats]
        blank = base in JOINS and any(known) and all(ok or _no_bias(each) for ok, (each, _) in zip(known, floats))  # noqa: B905
        if not floats or not (all(known) or blank):
            return False
        self._follow(func, args, kwargs, outs)
        return base in VIEWS or base in JOINS

    def _follow(self, func: Any, args: Any, kwargs: Any, outs: list[torch.Tensor]) -> None:
        """An operation that only moves weights: move their numbers the same way, so no value needs to be searched."""
        fresh = [each for each in outs if storage(each) not in self.ids]
        if not fresh:
            return

        def numbers(each: Any) -> Any:
            if isinstance(each, torch.Tensor):
                found = self.elements(each)
                if found is None and each.is_floating_point():
                    return torch.full(each.shape, -1)
                return found if each.is_floating_point() else each
            if isinstance(each, (list, tuple)):
                return type(each)(numbers(one) for one in each)
            return each

        kwargs = {key: value for key, value in kwargs.items() if key not in ("dtype", "layout", "device", "pin_memory")}
        moved = tree_flatten(func(*numbers(args), **{key: numbers(value) for key, value in kwargs.items()}))[0]
        for each, ids in zip(outs, moved, strict=False):
            if storage(each) not in self.ids and ids.shape == each.shape:
                self._name(each, ids)
