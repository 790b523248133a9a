"""A JAX function recorded operation by operation, in the form that a PyTorch run has: the jaxpr is interpreted."""

# mypy: allow-untyped-calls, disable-error-code="attr-defined,no-any-return,import-not-found"

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax._src import source_info_util
from jax.extend import core

from .nodes import Array, Node, Operand, Traced, fingerprint, root

MOVES = {"reshape", "transpose", "broadcast_in_dim", "squeeze", "expand_dims", "slice", "dynamic_slice", "copy", "copy_p",  # noqa: E501
         "convert_element_type", "rev", "split", "stop_gradient", "optimization_barrier", "sharding_constraint",
         "reduce_precision", "mesh_cast", "pvary", "concatenate"}  # fmt: skip
NAMES = {"dot_general": "mm", "conv_general_dilated": "convolution", "add_any": "add", "concatenate": "cat",
         "integer_pow": "pow", "select_n": "where", "erf": "gelu", "logistic": "sigmoid", "max": "clamp_min"}  # fmt: skip  # noqa: E501
INNER = ("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint", "custom_jvp_call", "custom_vjp_call",  # noqa: E501
         "custom_vjp_call_jaxpr")  # fmt: skip


@dataclass
class Value:
    """A value of the run: what it is, which memory it stands for, and which weights' elements it is made of."""

    data: Any
    key: int
    ids: Array | None = None

    @property
    def array(self) -> Array:
        """The value as NumPy."""
        return np.asarray(self.data)


class Interpreter:
    """Runs a jaxpr and writes down every operation."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.alias: dict[int, int] = {}
        self.made_by: dict[int, int] = {}
        self.units: dict[tuple[str, str, int], None] = {}
        self.keys = itertools.count(1)
        self.flat: dict[tuple[Any, ...], Value] = {}

    def trace(self, function: Any, weights: list[Array], ids: list[Array], args: list[Any]) -> Traced:
        """A run of function(*weights, *args)."""
        closed = jax.make_jaxpr(function)(*weights, *args)
        values = [Value(w, next(self.keys), i) for w, i in zip(weights, ids, strict=False)]
        values += [Value(each, next(self.keys)) for each in jax.tree.leaves(args)]
        outs = self.run(closed.jaxpr, closed.consts, values)
        outputs = [np.asarray(each.data) for each in outs]
        units = [list(each) for each in self.units]
        return Traced(self.nodes, self.alias, outputs, [], units, [])

    def run(self, jaxpr: Any, consts: Any, values: list[Value]) -> list[Value]:
        """Run a jaxpr."""
        held: dict[Any, Value] = {}

        def read(var: Any) -> Value:
            return Value(np.asarray(var.val), next(self.keys)) if isinstance(var, core.Literal) else held[var]

        for var, const in zip(jaxpr.constvars, consts, strict=False):
            held[var] = Value(const, next(self.keys))
        held.update(zip(jaxpr.invars, values, strict=False))
        for eqn in jaxpr.eqns:
            ins = [read(var) for var in eqn.invars]
            held.update(zip(eqn.outvars, self.step(eqn, ins), strict=False))
        return [read(var) for var in jaxpr.outvars]

    def step(self, eqn: Any, ins: list[Value]) -> list[Value]:
        """Run one equation."""
        name = eqn.primitive.name
        inner = eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr") or eqn.params.get("fun_jaxpr")
        if inner is not None and name in INNER:
            closed = inner if hasattr(inner, "jaxpr") else core.ClosedJaxpr(inner, ())
            count = len(closed.jaxpr.invars)
            return self.run(closed.jaxpr, closed.consts, ins[-count:] if count else [])
        found = self.bound(eqn, [each.data for each in ins])
        outs = [Value(each, next(self.keys)) for each in found]
        if name in MOVES:
            self.move(eqn, ins, outs)
            if name != "concatenate" or outs[0].ids is not None:
                for each in outs:
                    self.alias[each.key] = ins[0].key
                return outs
        self.write(eqn, name, ins, outs)
        return outs

    @staticmethod
    def bound(eqn: Any, data: list[Any]) -> list[Any]:
        """The outputs of one equation."""
        made = eqn.primitive.bind(*[jax.numpy.asarray(each) for each in data], **eqn.params)
        return list(made) if eqn.primitive.multiple_results else [made]

    def move(self, eqn: Any, ins: list[Value], outs: list[Value]) -> None:
        """Weights that are only moved: move their element numbers the same way."""
        if not ins or any(each.ids is None for each in ins if each.array.size > 1 or each is ins[0]):
            return
        if eqn.primitive.name in ("convert_element_type", "reduce_precision", "stop_gradient"):
            outs[0].ids = ins[0].ids
            return
        moved = self.bound(eqn, [each.ids if each.ids is not None else each.data for each in ins])
        for out, ids in zip(outs, moved, strict=False):
            out.ids = np.asarray(ids)

    def write(self, eqn: Any, name: str, ins: list[Value], outs: list[Value]) -> None:
        """Write down one operation."""
        reads = ins
        if name == "dot_general":
            reads = self.matrices(eqn, ins)
        elif name == "conv_general_dilated":
            numbers = eqn.params["dimension_numbers"]
            reads = [self.moved(ins[0], numbers.lhs_spec), self.moved(ins[1], numbers.rhs_spec)]
        elif name == "gather" and ins[0].ids is not None:
            name = "embedding"
        line = self.place(eqn)
        operands = [
            Operand(each.key, tuple(each.array.shape), each.ids, self.plain(each), each.array.dtype.kind == "f")
            for each in reads
        ]
        preds = {self.made_by[k] for each in reads if (k := root(self.alias, each.key, self.made_by)) in self.made_by}
        scalars = [float(each.array) for each in ins if each.array.size == 1 and each.array.dtype.kind == "f"]
        node = Node(
            i=len(self.nodes), op=NAMES.get(name, name), ins=operands, outs=[each.key for each in outs],
            out_shape=tuple(outs[0].array.shape) if outs else (), attrs=scalars, source=line,
            module=str(eqn.source_info.name_stack), print=fingerprint(self.plain(outs[0])) if outs else None, preds=preds,  # noqa: E501
            from_weights=any(each.ids is not None for each in reads) or any(self.nodes[p].from_weights for p in preds),
        )  # fmt: skip
        self.nodes.append(node)
        for each in outs:
            self.made_by[each.key] = node.i

    @staticmethod
    def plain(value: Value) -> Array:
        """As NumPy, floats in float64; keys of random generators as their bits."""
        data = value.data
        if jax.dtypes.issubdtype(getattr(data, "dtype", np.float64), jax.dtypes.prng_key):
            data = jax.random.key_data(data)
        found = np.asarray(data)
        return found.astype(np.float64) if found.dtype.kind == "f" or found.dtype.name == "bfloat16" else found

    def place(self, eqn: Any) -> str:
        """The user's line of an equation."""
        frames = list(source_info_util.user_frames(eqn.source_info.traceback))
        users = [
            each for each in frames if "site-packages" not in each.file_name and "_parity" not in each.function_name
        ]
        for frame in users:
            self.units[(frame.file_name, frame.function_name, frame.start_line)] = None
        frame = users[0] if users else frames[0] if frames else None
        return f"{frame.file_name}:{frame.start_line}" if frame else ""

    def moved(self, value: Value, order: Any) -> Value:
        """Axes in our order: batch, channel, space; out, in, kernel."""
        ids = None if value.ids is None else np.transpose(value.ids, order)
        out = Value(np.transpose(value.array, order), next(self.keys), ids)
        self.alias[out.key] = value.key
        return out

    def matrices(self, eqn: Any, ins: list[Value]) -> list[Value]:
        """A general product with weights as [rows, in] @ [in, out]."""
        (left, right), (batch, _) = eqn.params["dimension_numbers"]
        if batch or (ins[0].ids is None) == (ins[1].ids is None):
            return ins
        if ins[1].ids is not None:
            return [self.matrix(ins[0], left, True), self.matrix(ins[1], right, False)]
        return [self.matrix(ins[1], right, True), self.matrix(ins[0], left, False)]

    def matrix(self, value: Value, inner: Any, rows_first: bool) -> Value:
        """One operand of a product as a matrix."""
        source = root(self.alias, value.key, ())
        name = (source, value.array.shape, tuple(inner), rows_first)
        held = self.flat.get(name)
        if held is not None and np.array_equal(np.sort(held.array.reshape(-1)), np.sort(value.array.reshape(-1))):
            return held
        rest = [axis for axis in range(value.array.ndim) if axis not in inner]
        order = [*rest, *inner] if rows_first else [*inner, *rest]
        size = int(np.prod([value.array.shape[axis] for axis in inner]))
        shape = (-1, size) if rows_first else (size, -1)
        ids = None if value.ids is None else np.transpose(value.ids, order).reshape(shape)
        out = Value(np.transpose(value.array, order).reshape(shape), next(self.keys), ids)
        self.alias[out.key] = value.key
        self.flat[name] = out
        return out
