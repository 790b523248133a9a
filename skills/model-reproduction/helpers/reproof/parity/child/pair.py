"""Reference and port, side by side: what each offers, the map between their weights, inputs both can take."""

from __future__ import annotations

from typing import Any

import numpy as np

from .automap import Found, Mapper, Tensors, entries, unresolved
from .events import Event
from .nodes import Array
from .sizes import MOST_WEIGHTS, error, one_ulp
from .transport import SideError
from .trees import leaves, mapped

DRAW, FRESH = 1, (11, 12)
KEEP = {"mask": 1, "u": 0.5}


def _event(data: dict[str, Any]) -> Event:
    return Event(**{**data, "stride": tuple(data.get("stride", ()))})


class Pair:
    """Both sides, asked by name; everything here is NumPy."""

    streamed = False
    thorough = True
    fresh: tuple[int, ...] = FRESH
    batches: tuple[int, ...] = (3, 4)  # seeds of the batches whose gradients are compared

    def __init__(self, reference: Any, port: Any, settings: dict[str, Any]) -> None:
        self.reference, self.port, self.settings = reference, port, settings
        self.left, self.right = reference.ask("hello"), port.ask("hello")
        self.theirs, self.ours = Tensors(self.left["weights"]), Tensors(self.right["weights"])
        self._fits()
        self.map: Found | None = None
        self.keep_u = {"reference": 0.5, "port": 0.5}
        self.units: dict[tuple[Any, ...], None] = {}
        self.ran_there: dict[tuple[Any, ...], None] = {}  # the reference's
        self.said: dict[str, None] = dict.fromkeys([*self.left["said"], *self.right["said"]])
        self._cache: dict[Any, Any] = {}
        self.lines: dict[str, tuple[str, str]] = {}

    def _fits(self) -> None:
        """Refuse models whose elements are too many to be numbered."""
        if max(self.theirs.total, self.ours.total) > MOST_WEIGHTS:
            text = f"{max(self.theirs.total, self.ours.total):,} weights; at most {MOST_WEIGHTS:,} are mapped element by element"  # noqa: E501
            raise SideError("reference", "too-large", text, "")

    def both(self, hook: str) -> bool:
        """Whether both contracts have a hook."""
        return hook in self.left["hooks"] and hook in self.right["hooks"]

    def either(self, hook: str) -> bool:
        """Whether one of the contracts has a hook."""
        return hook in self.left["hooks"] or hook in self.right["hooks"]

    def inputs(self, case: str) -> Any:
        """Inputs of a case: the reference's, or drawn as the settings say."""
        if case not in self._cache:
            drawn = self.settings.get("inputs")
            self._cache[case] = draw(drawn[case]) if drawn else self.reference.ask("inputs", case=case)
        return self._cache[case]

    def cases(self) -> list[str]:
        """Names of the sets of inputs."""
        drawn = self.settings.get("inputs")
        return list(drawn) if drawn else [str(each) for each in self.left["cases"]]

    def batch(self, seed: int) -> Any:
        """A batch for the loss, the reference's."""
        if ("batch", seed) not in self._cache:
            known = "batch" in self.left["hooks"] or "inputs" in self.left["hooks"]
            self._cache["batch", seed] = (
                self.reference.ask("batch", seed=seed) if known else self.inputs(self.cases()[0])
            )
        return self._cache["batch", seed]

    def weights(self, seed: int = DRAW) -> tuple[Array, Array]:
        """(reference's, port's) shaken weights, equal under the map."""
        if ("weights", seed) not in self._cache:
            theirs = self.reference.ask("shake", seed=seed)
            self._cache["weights", seed] = (theirs, self.carried(theirs, seed))
        found: tuple[Array, Array] = self._cache["weights", seed]
        return found

    def carried(self, theirs: Array, seed: int = DRAW) -> Array:
        """Weights of the reference in the port's order; what is not mapped gets values of the port's own."""
        assert self.map is not None, "the map is made before weights are carried"
        ours: Array = self.port.ask("shake", seed=seed + 1000)
        known = self.map.elements >= 0
        ours[known] = theirs[self.map.elements[known]]
        return ours

    def moved(self, weights: Any) -> Any:
        """The same weights, each moved by one unit in the last place."""
        return one_ulp(weights)

    def make_map(self) -> Found:
        """Find the map, or take the saved one, and hold it against fresh draws."""
        inputs = self.inputs(self.cases()[0])
        theirs = self.reference.ask("shake", seed=DRAW)
        recorded = self.reference.ask("trace", weights=theirs, inputs=inputs, force=KEEP)
        self.ran_there.update(dict.fromkeys(tuple(each) for each in recorded["units"]))
        recorded = {**recorded, "events": [_event(each) for each in recorded["events"]]}
        start = self.port.ask("shake", seed=2)
        calls = iter([True])  # the first run gives lines, the others only values

        def run(values: Array) -> dict[str, Any]:
            found = self.port.ask("trace", weights=values, inputs=inputs, force=KEEP, full=next(calls, False))
            return {**found, "events": [_event(each) for each in found["events"]]}

        mapper = Mapper(recorded, theirs, self.theirs, self.ours, run, start)
        self.map = mapper.find()
        self._lines(mapper)
        if self.map.complete:
            self.map.complete = self.fresh_error() <= 1e-9
        return self.map

    def _lines(self, mapper: Mapper) -> None:
        """Where each weight of the port is used first, on both sides."""
        for a, b in mapper.pairs:
            for name in self.ours.named(b):
                self.lines.setdefault(name, (a.source, b.source))

    def fresh_error(self) -> float:
        """The largest error over draws that the map was not fitted on."""
        worst = 0.0
        inputs = self.inputs(self.cases()[0])
        for seed in self.fresh:
            theirs, ours = self.weights(seed)
            a = self.reference.ask("outputs", weights=theirs, inputs=inputs, force=KEEP)["outputs"]
            b = self.port.ask("outputs", weights=ours, inputs=inputs, force=KEEP)["outputs"]
            sized = next((each for each in b if a and each.size == a[0].size), None)
            worst = max(worst, error(a[0], sized) if sized is not None else np.inf)
        return float(worst)

    def per_tensor(self, theirs: Array, ours: Array, limit: float) -> tuple[float, str]:
        """(worst error, the tensor nearest to its cause): each against its own scale, exact zeros against the largest.

        A wrong gradient spreads towards the input, so its cause is nearest to the wrong tensor that is used last.
        """
        assert self.map is not None
        scale = float(np.abs(theirs).max()) + 1e-300 if theirs.size else 1.0
        order = {name: place for place, name in enumerate(self.lines)}
        found: list[tuple[float, int, str]] = []
        for number, tensor in enumerate(self.ours.tensors):
            span = self.ours.span(number)
            elements = self.map.elements[span]
            known = elements >= 0
            if not known.any():
                continue
            a, b = theirs[elements[known]], ours[span][known]
            size = error(a, b)
            overall = float(np.abs(a - b).max()) / scale if np.isfinite(b).all() and np.isfinite(a).all() else np.inf
            if overall < 1e-13:  # a gradient that is zero by symmetry, like a key bias, carries rounding only
                size = min(size, overall)
            found.append((size, order.get(tensor["name"], -1), tensor["name"]))
        worst = max((each[0] for each in found), default=0.0)
        wrong = [each for each in found if each[0] > limit]
        return worst, max(wrong, key=lambda each: each[1])[2] if wrong else ""

    def unresolved(self) -> list[str]:
        """Tensors of the port that have elements without a counterpart."""
        assert self.map is not None
        return unresolved(self.map, self.ours)

    def entries(self) -> list[dict[str, Any]]:
        """One line per tensor of the port: what it is made of."""
        assert self.map is not None
        return entries(self.map, self.theirs, self.ours)

    def used_frac(self) -> float:
        """The share of the reference's elements that the port holds."""
        assert self.map is not None
        elements = self.map.elements
        return float(np.unique(elements[elements >= 0]).size / max(self.theirs.total, 1))

    def without(self, theirs: Any, ours: Any) -> str:
        """A weight that has a gradient on one side only, in words."""
        assert self.map is not None
        known = self.map.elements >= 0
        differ = np.flatnonzero(known)[theirs[self.map.elements[known]] != ours[known]]
        return one_sided(self.ours.name(int(differ[0])), bool(ours[differ[0]])) if differ.size else ""

    def name_in_reference(self, name: str) -> str:
        """The tensor of the reference that holds the first mapped element of a tensor of the port."""
        assert self.map is not None
        part = self.map.elements[self.ours.span(self.ours.names.index(name))]
        known = part[part >= 0]
        return self.theirs.name(int(known[0])) if known.size else ""

    def variations(self) -> list[tuple[str, Any]]:
        """The cases, and from the first: a single sample, an odd length, large values."""
        found = [(case, self.inputs(case)) for case in self.cases()]
        first = found[0][1]
        arrays = [each for each in leaves(first) if each.ndim]
        if not arrays:
            return found
        size = arrays[0].shape[0]
        if size > 1 and all(each.shape[0] == size for each in arrays):
            found.append(("one sample", mapped(first, lambda each: each[:1] if each.ndim else each)))
        texts = [each for each in arrays if each.ndim >= 2 and each.dtype.kind in "iub"]
        if texts and len(texts) == len(arrays) and all(each.shape[1] == texts[0].shape[1] for each in texts):
            for length in (texts[0].shape[1] // 2 | 1, 1):
                if 0 < length < texts[0].shape[1]:
                    found.append((f"length {length}", mapped(first, lambda each, n=length: each[:, :n])))  # type: ignore[misc]
        if any(each.dtype.kind == "f" for each in arrays):
            found.append(("values times 30", mapped(first, lambda each: each * 30 if each.dtype.kind == "f" else each)))
        return found

    def reference_takes(self, weights: Array, inputs: Any, mode: str = "eval") -> dict[str, Any] | None:
        """The reference's outputs, or None where it refuses the inputs itself."""
        try:
            found: dict[str, Any] = self.reference.ask("outputs", weights=weights, inputs=inputs, mode=mode, force=KEEP)
        except SideError:
            return None
        return found

    def force(self, side: str, mask: int = 1, sizes: list[int] | None = None) -> dict[str, Any]:
        """Draws that keep everything, or drop everything (of some sizes), as this side's uniform draws mean it."""
        keep = self.keep_u[side]
        other = 1 - keep if keep != 0.5 else 0.5
        return {"mask": mask, "u": keep if mask else other, "keep_u": keep, "sizes": sizes}


def one_sided(name: str, in_port: bool) -> str:
    """A weight that has a gradient on one side only."""
    return f"{name} has {'a' if in_port else 'no'} gradient in the port and {'none' if in_port else 'one'} in the reference"  # noqa: E501


def draw(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs by declaration: {shape, below} whole numbers, {shape} normal values, {values}."""
    found: dict[str, Any] = {}
    for number, (name, how) in enumerate(inputs.items()):
        rng = np.random.Generator(np.random.Philox(key=[17, number]))
        if "values" in how:
            found[name] = np.asarray(how["values"])
        elif "below" in how:
            found[name] = rng.integers(0, how["below"], size=tuple(how["shape"]))
        elif how.get("ones"):
            found[name] = np.ones(tuple(how["shape"]), dtype=np.int64)
        else:
            found[name] = rng.standard_normal(tuple(how["shape"])) * how.get("scale", 1.0)
    return found
