"""Which element of the reference's weights every element of the port's is, found by running both: no names, no hints.

Events are aligned and elements copied as used; then the input of every event is compared. At the first that differs the
layouts of the projections just before it are tried, and what helps there is used for all of the same shape. A map counts
only after fresh draws of the weights give equal outputs: one that was fitted may hold for its own draw alone.
"""  # noqa: E501

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .alignment import Pair, align
from .events import Event
from .grids import Grid
from .layouts import channel_order, layouts
from .nodes import Array

TOLERANCE = 1e-9
MOST_RUNS = 100
WIDEST = 20_000  # columns beyond which no layout is searched: a vocabulary has no heads

Run = Callable[[Array], dict[str, Any]]
"""Weights of the port in, {"events", "outputs", "heads"} out."""


@dataclass
class Tensors:
    """The weights of one side, laid one after the other."""

    tensors: list[dict[str, Any]]

    def __post_init__(self) -> None:
        sizes = [int(np.prod(each["shape"])) if each["shape"] else 1 for each in self.tensors]
        self.starts = np.cumsum([0, *sizes])
        self.total = int(self.starts[-1])
        self.names = [each["name"] for each in self.tensors]

    def owner(self, element: int) -> int:
        """Number of the tensor that an element belongs to."""
        return int(np.searchsorted(self.starts, element, side="right")) - 1

    def name(self, element: int) -> str:
        """The tensor that an element belongs to."""
        return str(self.names[self.owner(element)])

    def span(self, number: int) -> slice:
        """Where a tensor's elements lie."""
        return slice(int(self.starts[number]), int(self.starts[number + 1]))

    def named(self, event: Event) -> list[str]:
        """The tensors an event reads, in the order of their first element."""
        owners: dict[int, None] = {}
        for ids in event.operands.values():
            if ids is not None and ids.size:
                numbers = ids.edges() if isinstance(ids, Grid) else np.unique(ids)
                found = np.searchsorted(self.starts, numbers[numbers >= 0], side="right") - 1
                owners.update(dict.fromkeys(int(each) for each in np.unique(found)))
        return [str(self.names[each]) for each in owners]


@dataclass
class Found:
    """A map and how it was found. `elements[k]` is the reference's element for element k of the port, or -1."""

    elements: Array
    complete: bool
    runs: int
    log: list[str] = field(default_factory=list)
    between: tuple[Pair | None, Pair | None] | None = None
    unmatched: tuple[list[Event], list[Event]] = field(default_factory=lambda: ([], []))
    transforms: dict[str, str] = field(default_factory=dict)
    ambiguous: list[str] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)


def _known(theirs: Array, ours: Array) -> tuple[Array, Array]:
    """Both where both have one: a projection without a bias has -1 there."""
    keep = (theirs >= 0) & (ours >= 0)
    return theirs[keep], ours[keep]


def equal(x: Array | None, y: Array | None, tolerance: float) -> bool | None:
    """Whether two inputs hold the same rows, in whatever order; None when that cannot be asked."""
    if x is None or y is None or x.size != y.size:
        return None
    scale = float(np.abs(x).max()) + 1e-300 if x.size else 1.0
    if x.shape == y.shape and (not x.size or float(np.abs(x - y).max()) / scale < tolerance):
        return True
    if x.ndim == 2 and x.shape == y.shape:
        probe = np.random.Generator(np.random.Philox(key=[1, 1])).standard_normal(x.shape[1])
        a, b = np.sort(x @ probe), np.sort(y @ probe)
        return bool(np.abs(a - b).max() / (np.abs(a).max() + 1e-300) < tolerance)
    if x.shape != y.shape and x.ndim != y.ndim:
        return bool(np.abs(np.sort(x.reshape(-1)) - np.sort(y.reshape(-1))).max() / scale < tolerance)
    return False


def same_outputs(left: list[Array], right: list[Array], tolerance: float) -> bool:
    """Whether the main outputs agree; the others are compared by the forward rung."""
    if not left or not right:
        return False
    a: Array = left[0].reshape(-1)
    b: Array = right[0].reshape(-1)
    if a.size != b.size:
        b = next((each.reshape(-1) for each in right if each.size == a.size), b)
    if a.size != b.size or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return False
    a, b = np.nan_to_num(a, posinf=0, neginf=0), np.nan_to_num(b, posinf=0, neginf=0)
    return bool(np.abs(a - b).max() <= tolerance * (np.abs(a).max() + 1e-300))


class Mapper:
    """Finds the map between a recorded run of the reference and a port that can be run again and again."""

    def __init__(
        self, reference: dict[str, Any], weights: Array, left: Tensors, right: Tensors, run: Run, start: Array
    ):
        self.reference, self.weights, self.left, self.right, self.run = reference, weights, left, right, run
        first = run(start)
        self.start, self.runs = start, 1
        self.theirs: list[Event] = reference["events"]
        self.ours: list[Event] = first["events"]
        self.place = {id(event): number for number, event in enumerate(self.ours)}
        heads = Counter(width for _, width in [*reference["heads"], *first["heads"]])
        self.heads = [head for head, _ in heads.most_common()]
        self.pairs, *self.alone = align(self.theirs, self.ours)
        self.chosen: dict[int, tuple[str, Array]] = {}
        self.inputs: dict[int, Array] = {}
        self.products = [at for at, _ in first["heads"]]
        self.equal_at: set[int] = set()
        self.swapped: set[tuple[int, int]] = set()
        self.joins = [list(each) for each in {tuple(e) for e in [*reference["joins"], *first["joins"]]}]
        self.log: list[str] = []

    def elements(self, chosen: dict[int, tuple[str, Array]]) -> Array:
        """The map that follows from the pairs and the layouts chosen so far."""
        found: Array = np.full(self.right.total, -1, dtype=np.int64)
        for number, (a, b) in enumerate(self.pairs):
            for theirs, ours in self._operands(number, a, b, chosen):
                found[ours.reshape(-1)] = theirs.reshape(-1)
        self._extend(found)
        return found

    def _operands(
        self, number: int, a: Event, b: Event, chosen: dict[int, tuple[str, Array]]
    ) -> list[tuple[Array, Array]]:
        left = {key: value for key, value in a.operands.items() if value is not None}
        right = {key: value for key, value in b.operands.items() if value is not None}
        if not (a.role in "LC" and b.role in "LC"):
            index = self.inputs.get(number)
            if index is not None:
                left = {key: each[index] if each.size == index.size else each for key, each in left.items()}
            return self._by_size(a, b, left, right)
        found = []
        for key in [key for key in left if key in right]:
            theirs, ours = left[key], right[key]
            if theirs.size != ours.size:
                continue
            if number in self.inputs and key == "W":
                theirs = theirs[self.inputs[number]] if a.role == "L" else theirs[:, self.inputs[number]]
            if number in chosen:
                index = chosen[number][1]
                theirs = theirs[:, index] if key == "W" and a.role == "L" else theirs[index]
            if key == "W" and a.role != b.role:  # a convolution used as a matrix, [in * kernel, out]
                theirs = theirs.reshape(theirs.shape[0], -1).T if a.role == "C" else theirs
                ours = ours.reshape(ours.shape[0], -1).T if b.role == "C" else ours
            found.append(_known(theirs, ours) if key == "b" else (theirs, ours))
        return found

    @staticmethod
    def _by_size(a: Event, b: Event, left: dict[str, Array], right: dict[str, Array]) -> list[tuple[Array, Array]]:
        found, taken = [], set()
        for ours in right.values():
            for key, theirs in left.items():
                if key not in taken and theirs.size == ours.size:
                    found.append((theirs, ours))
                    taken.add(key)
                    break
        if not found and (a.used is not None or b.used is not None):
            theirs = a.used if a.used is not None else next(iter(left.values()))
            ours = b.used if b.used is not None else next(iter(right.values()))
            if theirs.size == ours.size:
                found.append((theirs, ours))
        return found

    def _extend(self, found: Array) -> None:
        """A table of which only some rows were read goes on as it began."""
        for number in range(len(self.right.tensors)):
            part = found[self.right.span(number)]
            known = np.flatnonzero(part >= 0)
            if not known.size or known.size == part.size:
                continue
            owner = self.left.owner(int(part[known[0]]))
            span = self.left.span(owner)
            shift = int(part[known[0]]) - int(known[0])
            if span.stop - span.start == part.size and shift == span.start:
                found[self.right.span(number)] = np.arange(span.start, span.stop)

    def loaded(self, elements: Array, weights: Array | None = None) -> Array:
        """The port's weights under a map; what is not mapped keeps the port's own."""
        values = self.start.copy()
        known = elements >= 0
        values[known] = (self.weights if weights is None else weights)[elements[known]]
        return values

    def first_difference(self, chosen: dict[int, tuple[str, Array]]) -> tuple[int | None, Array | None, Array | None]:
        """Number of the first pair whose inputs differ (as many as pairs: the output; None: nothing differs)."""
        found = self.run(self.loaded(self.elements(chosen)))
        self.runs += 1
        self.equal_at = set()
        again: list[Event] = found["events"]
        for number, (a, b) in enumerate(self.pairs):
            place = self.place[id(b)]
            if place >= len(again) or a.role != b.role:
                continue
            x, y = a.x, again[place].x
            if number in self.inputs and x is not None:
                x = x[:, self.inputs[number]]
            same = equal(x, y, TOLERANCE)
            if same is False:
                return number, x, y
            if same:
                self.equal_at.add(number)
        if same_outputs(self.reference["outputs"], found["outputs"], TOLERANCE):
            return None, None, None
        return len(self.pairs), None, None

    def find(self) -> Found:
        """Search until nothing differs or nothing helps."""
        number, x, y = self.first_difference(self.chosen)
        while number is not None and self.runs < MOST_RUNS:
            if (
                self._other_partner(number, y)
                or self._permuted_input(number, x, y)
                or self._blocks_swapped(number)
                or self._other_layout(number)
            ):
                number, x, y = self.first_difference(self.chosen)
                continue
            break
        before = self.pairs[number - 1] if number else None
        after = self.pairs[number] if number is not None and number < len(self.pairs) else None
        found = Found(self.elements(self.chosen), number is None, self.runs, self.log, pairs=self.pairs)
        found.between = None if number is None else (before, after)
        found.unmatched = (self.alone[0], self.alone[1])
        found.transforms = self._transforms()
        return found

    def _other_partner(self, number: int, y: Array | None) -> bool:
        """Two events of one shape may have been paired crosswise: the values that they read tell."""
        if number >= len(self.pairs) or y is None:
            return False
        a, b = self.pairs[number]
        for other, (c, d) in enumerate(self.pairs):
            if (
                other == number
                or (number, other) in self.swapped
                or c.signature != a.signature
                or d.signature != b.signature
            ):
                continue
            if equal(c.x, y, TOLERANCE):
                self.swapped |= {(number, other), (other, number)}
                self.pairs[number], self.pairs[other] = (c, b), (a, d)
                self.log.append(f"{self.right.named(b)}: computed in another order")
                return True
        return False

    def _blocks_swapped(self, number: int) -> bool:
        """Channels joined in another order before a norm: its weights and this event's own are permuted alike."""
        if number >= len(self.pairs) or number in self.inputs or self.pairs[number][0].role not in "LC":
            return False
        a = self.pairs[number][0]
        weight = a.operands["W"]
        assert weight is not None, "linear maps and convolutions have one"
        width = weight.shape[0 if a.role == "L" else 1]
        between = []
        for k in range(number - 1, -1, -1):
            sizes = {each.size for each in self.pairs[k][0].operands.values() if each is not None}
            if self.pairs[k][0].role not in "*+N" or sizes != {width}:
                break
            between.append(k)
        for split in [each for each in self.joins if sum(each) == width and 1 < len(each) <= 3]:
            starts = np.cumsum([0, *split])
            for order in itertools.permutations(range(len(split))):
                index = np.concatenate([np.arange(starts[k], starts[k + 1]) for k in order])
                if np.array_equal(index, np.arange(width)):
                    continue
                before = dict(self.inputs)
                self.inputs.update(dict.fromkeys([number, *between], index))
                further, *_ = self.first_difference(self.chosen)
                if further is None or further > number:
                    self.log.append(f"{self.right.named(self.pairs[number][1])}: parts {split} joined in order {order}")
                    return True
                self.inputs = before
        return False

    def _permuted_input(self, number: int, x: Array | None, y: Array | None) -> bool:
        """Channels that arrive in another order are a permutation of this event's own weights."""
        if number >= len(self.pairs) or number in self.inputs or x is None or y is None:
            return False
        a, b = self.pairs[number]
        index = channel_order(x, y, a.joined or b.joined, TOLERANCE) if a.role in "LCN" else None
        if index is None:
            return False
        self.inputs[number] = index
        self.log.append(f"{self.right.named(b)}: input channels in another order")
        return True

    def _other_layout(self, number: int) -> bool:
        """Try other layouts on the last three projections before the difference; keep what moves it on."""
        behind = [k for k in range(number - 1, -1, -1) if self._may_permute(k) and self._unsettled(k, number)][:3]
        for k in behind:
            a, b = self.pairs[k]
            width = a.operands["W"].shape[1 if a.role == "L" else 0]  # type: ignore[union-attr]
            for what, index in layouts(width, a.widths, b.widths, self.heads):
                if self.runs >= MOST_RUNS:
                    return False
                further, *_ = self.first_difference({**self.chosen, k: (what, index)})
                if further is None or further > number:
                    self.log.append(f"{self.left.named(a)} -> {self.right.named(b)}: {what}")
                    self._keep(k, what, index, further)
                    return True
        return False

    def _unsettled(self, k: int, number: int) -> bool:
        """Whether heads or parts made of the output of `k` have not yet been seen to be right at an event between."""
        start = self.pairs[k][1].node
        end = self.pairs[number][1].node if number < len(self.pairs) else 1 << 60
        products = [each for each in self.products if start < each < end]
        seen = [self.pairs[j][1].node for j in self.equal_at if j != k and start < self.pairs[j][1].node < end]
        if products and not any(each > products[0] for each in seen):
            return True
        parts = len(self.pairs[k][0].widths) > 1 or len(self.pairs[k][1].widths) > 1 or not products
        return parts and not seen

    def _may_permute(self, k: int) -> bool:
        a, b = self.pairs[k]
        if a.role not in "LC" or a.role != b.role or k in self.chosen:
            return False
        weight = a.operands["W"]
        return weight is not None and max(weight.shape) <= WIDEST

    def _keep(self, k: int, what: str, index: Array, reached: int | None) -> None:
        """Use the layout here and, if that is no worse, on every later projection of the same shape."""
        a, b = self.pairs[k]
        alike = {
            other: (what, index)
            for other, (c, d) in enumerate(self.pairs)
            if other >= k and other not in self.chosen and c.signature == a.signature and d.signature == b.signature
            and c.widths == a.widths and d.widths == b.widths
        }  # fmt: skip
        further, *_ = self.first_difference({**self.chosen, **alike})
        good = further is None or (reached is not None and further >= reached)
        self.chosen.update(alike if good else {k: (what, index)})

    def _transforms(self) -> dict[str, str]:
        """What was done to the weights of every tensor of the port, in words."""
        found = {}
        for number, (a, b) in enumerate(self.pairs):
            words = []
            if number in self.inputs:
                words.append("input channels permuted")
            if number in self.chosen:
                words.append(self.chosen[number][0])
            if a.role != b.role:
                words.append(f"used as {a.role} there and as {b.role} here")
            for name in self.right.named(b):
                found[name] = ", ".join(words)
        return found


def unresolved(found: Found, right: Tensors) -> list[str]:
    """Tensors of the port that have elements without a counterpart."""
    return [
        str(right.names[number])
        for number in range(len(right.tensors))
        if (found.elements[right.span(number)] < 0).any()
    ]


def entries(found: Found, left: Tensors, right: Tensors) -> list[dict[str, Any]]:
    """One line per tensor of the port: which tensors of the reference it is made of, and how."""
    lines = []
    for number, tensor in enumerate(right.tensors):
        part = found.elements[right.span(number)]
        known = part[part >= 0]
        owners = np.unique(np.searchsorted(left.starts, known, side="right") - 1)
        how = found.transforms.get(tensor["name"], "")
        lines.append({
            "port": tensor["name"],
            "reference": [str(left.names[int(each)]) for each in owners],
            "transform": ", ".join(filter(None, [_shape_words(part, left, owners), how])),
            "missing": int(part.size - known.size),
        })  # fmt: skip
    return lines


def _shape_words(part: Array, left: Tensors, owners: Array) -> str:
    """Copied, transposed, joined from several, a part of one, or reordered: seen from the element numbers."""
    if owners.size != 1 or (part < 0).any():
        return "joined" if owners.size > 1 else "incomplete"
    owner = int(owners[0])
    span = left.span(owner)
    if np.array_equal(part, np.arange(part[0], part[0] + part.size)):
        return "copied" if part.size == span.stop - span.start else "a part"
    shape = tuple(left.tensors[owner]["shape"])
    if part.size == span.stop - span.start and len(shape) >= 2:
        whole = np.arange(span.start, span.stop).reshape(shape)
        matrix = whole.reshape(shape[0], -1)
        if np.array_equal(matrix.T.reshape(-1), part) or np.array_equal(whole.T.reshape(-1), part):
            return "transposed"
    return "reordered" if part.size == span.stop - span.start else "a part, reordered"
