"""From operations to events: each use of weights in one form, however the code spells it.

The operand *as used* is known element by element, so transposes, slices and concatenations need no search. Linear maps
that read the same activation become one event, so fused and split projections are equal; a bias that is added later
goes back to its linear map; weights of norms become a `*` and a `+`, so norms written by hand are equal to the library's.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .nodes import Array, Node, Operand, Traced, root

LINEAR = {"addmm", "mm", "linear", "bmm", "baddbmm", "matmul", "mv", "addmv"}
CONVOLUTION = {"convolution", "conv2d", "conv1d", "_convolution", "mkldnn_convolution", "convolution_overrideable"}


@dataclass
class Event:
    """One use of weights.

    role: L linear, C convolution, N batch norm, E embedding, * scaled by, + added, c joined, ? anything else.
    operands: element numbers: W as [in, out] (L), [out, in, *kernel] (C), [rows, width] (E); b; p0, p1 for the others.
    x: the activation it reads, rows last for L, as it is for C and N; None where it is not needed.
    """

    role: str
    node: int
    source: str
    module: str
    op: str
    operands: dict[str, Array | None] = field(default_factory=dict)
    x: Array | None = None
    widths: list[int] = field(default_factory=list)
    joined: list[int] | None = None
    used: Array | None = None
    stride: tuple[Any, ...] = ()

    @property
    def signature(self) -> tuple[Any, ...]:
        """Role and shapes: what must agree for two events to be alike at once."""
        shapes = {key: tuple(value.shape) for key, value in self.operands.items() if value is not None}
        if self.role == "L":
            return ("L", shapes["W"], "b" in shapes)
        return (self.role, *sorted(shapes.items()))


@dataclass
class _Group:
    """Linear maps that read one activation."""

    event: Event
    weights: list[Array]
    biases: list[Array | None]


class _Builder:
    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        self.events: list[Event] = []
        self.groups: dict[tuple[int, int, int], _Group] = {}
        self.of_event: dict[int, _Group] = {}
        self.made: dict[int, tuple[_Group, int]] = {}
        self.cats = {out: node for node in traced.nodes if node.op == "cat" for out in node.outs}

    def build(self) -> list[Event]:
        for node in self.traced.nodes:
            if node.weights:
                self._add(node)
        found: list[Event] = []
        for event in self.events:
            if event.role == "L":
                self._close(event)
            found.append(event)
        return found

    def _new(self, role: str, node: Node) -> Event:
        event = Event(role, node.i, node.source, node.module, node.op)
        self.events.append(event)
        return event

    def _add(self, node: Node) -> None:
        if node.op in LINEAR and node.activations and any(len(each.shape) >= 2 for _, each in node.weights):
            self._linear(node)
        elif node.op in CONVOLUTION and node.activations:
            self._convolution(node)
        elif "batch_norm" in node.op and node.activations:
            event = self._new("N", node)
            for at, (_, operand) in enumerate(node.weights):
                event.operands[f"p{at}"] = _ids(operand).reshape(-1)
            event.x = node.activations[0].value
        elif "norm" in node.op and node.activations:
            for at, (_, operand) in enumerate(node.weights):
                self._new("*" if at == 0 else "+", node).operands["p0"] = _distinct(_ids(operand))
        elif node.op == "embedding":
            self._embedding(node)
        else:
            self._plain(node)

    def _linear(self, node: Node) -> None:
        matrices = [(at, each) for at, each in node.weights if len(each.shape) >= 2]
        at, operand = matrices[-1]
        weight = _ids(operand)
        while weight.ndim > 2 and np.array_equal(weight[0], weight[-1]):
            weight = weight[0]
        x = node.activations[-1]
        if weight.ndim != 2 or x.value is None:
            self._plain(node)
            return
        x_at = next(place for place, each in enumerate(node.ins) if each is x)
        value = x.value
        if x_at > at:  # the weight stands on the left: W x instead of x W
            weight, value = weight.T, np.swapaxes(value, -1, -2) if value.ndim > 1 else value
        rows = value.reshape(-1, weight.shape[0]) if value.size % max(weight.shape[0], 1) == 0 else None
        vectors = [_ids(each).reshape(-1) for _, each in node.weights if len(each.shape) == 1]
        bias = vectors[0] if vectors and vectors[0].size == weight.shape[1] else None
        key = (root(self.traced.alias, x.key, ()), x.size, weight.shape[0])
        group = self.groups.get(key)
        if group is None:
            event = self._new("L", node)
            event.x = rows
            group = self.groups[key] = _Group(event, [], [])
            self.of_event[id(event)] = group
        group.weights.append(weight)
        group.biases.append(bias)
        group.event.widths.append(weight.shape[1])
        for out in node.outs:
            self.made[out] = (group, len(group.weights) - 1)

    def _convolution(self, node: Node) -> None:
        event = self._new("C", node)
        weights = [_ids(each) for _, each in node.weights]
        event.operands = {"W": weights[0], "b": weights[1].reshape(-1) if len(weights) > 1 else None}
        x = node.activations[0]
        event.x, event.widths = x.value, [weights[0].shape[0]]
        if x.key in self.cats:
            event.joined = [each.shape[1] for each in self.cats[x.key].ins if len(each.shape) > 1]

    def _embedding(self, node: Node) -> None:
        event = self._new("E", node)
        table = _ids(node.weights[0][1])
        event.operands = {"W": table}
        rows = next((each.value for each in node.ins if not each.floating and each.value is not None), None)
        if rows is not None and 1 < rows.size <= table.shape[0]:  # positions: the other side may add a slice instead
            flat: Array = rows.reshape(-1)
            flat = flat if np.unique(flat).size == flat.size else np.unique(flat)
            if np.array_equal(flat, np.arange(flat[0], flat[0] + flat.size)):
                event.used = table[flat]

    def _plain(self, node: Node) -> None:
        role = {"mul": "*", "div": "*", "add": "+", "sub": "+", "cat": "c"}.get(node.op, "?")
        operands = [_ids(each) for _, each in node.weights]
        if role == "+" and len(operands) == 1 and node.activations and self._as_bias(node, operands[0]):
            return
        for ids in operands:
            self._new(role, node).operands["p0"] = _distinct(ids)

    def _as_bias(self, node: Node, ids: Array) -> bool:
        """Give a vector that is added to the output of a linear map back to that map."""
        if not isinstance(ids, np.ndarray) or (ids >= 0).sum() != _distinct(ids).size:
            return False
        for each in node.activations:
            key = root(self.traced.alias, each.key, self.made)
            if key in self.made:
                group, member = self.made[key]
                if group.biases[member] is None and ids.size == group.weights[member].shape[1]:
                    group.biases[member] = ids.reshape(-1)
                    return True
        return False

    def _close(self, event: Event) -> None:
        """All weights and biases that read one activation, side by side."""
        group = self.of_event[id(event)]
        has = [each is not None for each in group.biases]
        widths = [each.shape[1] for each in group.weights]
        event.operands = {"W": np.concatenate(group.weights, axis=1), "b": None}
        if any(has):  # -1 where one has none, like a key projection; the other side may join zeros there
            biases = [b if b is not None else np.full(n, -1) for b, n in zip(group.biases, widths, strict=True)]
            event.operands["b"] = np.concatenate(biases)


def _ids(operand: Operand) -> Array:
    assert operand.ids is not None, "only operands made of weights are asked for their elements"
    return operand.ids


def _distinct(ids: Any) -> Array:
    """The elements, each once; -1 is none."""
    found: Array = np.unique(ids)
    return found[found >= 0]


def events(traced: Traced) -> list[Event]:
    """The events of a run, in execution order."""
    return _Builder(traced).build()
