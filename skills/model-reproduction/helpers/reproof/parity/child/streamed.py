"""Reference and port too large to be held: one weight in memory at a time, the map in pieces, gradients as sketches.

The rungs are the same; initial values are those of a sample that is initialised as the whole weight would be. What needs
whole models (forced draws, updates, averages) is not run at this size; with
`small = {...}` in both contracts the whole ladder is climbed there first, and the answer says so.
"""  # noqa: E501

from __future__ import annotations

from typing import Any

import numpy as np

from .automap import Found, Mapper
from .events import Event
from .grids import Grid, Lifted, Side
from .nodes import Array
from .pair import DRAW, FRESH, KEEP, Pair, one_sided
from .sizes import error

THOROUGH = 1_000_000_000  # up to here all cases, two fresh draws, noise of gradients; beyond, a pass takes a minute
FURTHER = 12  # events to run beyond the first difference, about one block, when a layout is tried
ROUNDING = 1e-13  # of the largest gradient: a gradient that is zero by symmetry carries rounding only


def event_of(data: dict[str, Any]) -> Event:
    """An event as it was, from plain data."""
    operands = {k: Grid(v["rows"], v["cols"], tuple(v["shape"])) if isinstance(v, dict) else v
                for k, v in data["operands"].items()}  # fmt: skip
    used = data["used"]
    used = Grid(used["rows"], used["cols"], tuple(used["shape"])) if isinstance(used, dict) else used
    return Event(**{**data, "operands": operands, "used": used, "stride": tuple(data.get("stride", ()))})


class StreamMapper(Mapper):
    """The same search; weights are told by seed and pieces instead of values, and a trial ends soon after its place."""

    until: int | None = None

    def _other_layout(self, number: int) -> bool:
        beyond = self.pairs[min(number + FURTHER, len(self.pairs)) - 1][1].node
        self.until = beyond if number + FURTHER < len(self.pairs) else None
        try:
            return super()._other_layout(number)
        finally:
            self.until = None

    def elements(self, chosen: dict[int, tuple[str, Array]]) -> Any:
        """The map that follows from the pairs and the layouts chosen so far, in pieces."""
        found = Lifted(Side(self.left.tensors, self.left.starts), Side(self.right.tensors, self.right.starts))
        for number, (a, b) in enumerate(self.pairs):
            for theirs, ours in self._operands(number, a, b, chosen):
                found.add(theirs, ours)
        found.extend()
        return found

    def loaded(self, elements: Any, weights: Any = None) -> Any:  # noqa: ARG002  (values are never held)
        """What the port reads under a map."""
        return carried(elements, self.left.tensors, DRAW)


def carried(lifted: Lifted, tensors: list[dict[str, Any]], seed: int, moved: bool = False) -> dict[str, Any]:
    """What the port reads: the reference's draw through the map."""
    return {"seed": seed, "moved": moved, "lifted": lifted, "tensors": tensors}


class Remembered:
    """A side that is not asked for the same outputs twice: a pass over seven billion weights takes a minute."""

    def __init__(self, side: Any) -> None:
        self.side = side
        self.known: dict[Any, Any] = {}

    def ask(self, do: str, **args: Any) -> Any:
        """One question and its answer."""
        if do != "outputs":
            return self.side.ask(do, **args)
        weights = args["weights"]
        how = [str(args.get(name)) for name in ("dtype", "mode", "force", "repeats")]
        which = [weights["seed"], weights.get("moved", False), id(weights.get("lifted")), id(args["inputs"])]
        key = (*how, *which)
        if key not in self.known:  # the inputs are kept, so that their id stays theirs
            self.known[key] = (self.side.ask(do, **args), args["inputs"], weights)
        return self.known[key][0]

    def close(self) -> None:
        """End and close."""
        self.side.close()


class StreamPair(Pair):
    """Both sides, streamed."""

    streamed = True

    def __init__(self, reference: Any, port: Any, settings: dict[str, Any]) -> None:
        super().__init__(Remembered(reference), Remembered(port), settings)
        self.thorough = max(self.theirs.total, self.ours.total) <= THOROUGH
        self.said[f"{max(self.theirs.total, self.ours.total):,} weights: streamed, one in memory at a time"] = None
        self.batches = self.batches[:1]
        self.said["gradients: one batch instead of two, compared by two random projections of every weight's"] = None
        if not self.thorough:
            self.fresh = FRESH[:1]
            self.said["beyond 1,000,000,000 weights: the first case only, on one fresh draw; float32 is not run"] = None

    def _fits(self) -> None:
        """Any size fits."""

    def weights(self, seed: int | None = None) -> tuple[Any, Any]:
        """(reference's, port's) draw; beyond `THOROUGH` the usual one is a fresh one: no pass is spent twice."""
        chosen = seed if seed is not None else DRAW if self.thorough else self.fresh[0]
        assert self.map is not None, "the map is made before weights are carried"
        if ("weights", chosen) not in self._cache:
            ours = carried(self.map.elements, self.theirs.tensors, chosen)  # type: ignore[arg-type]
            self._cache["weights", chosen] = ({"seed": chosen}, ours)
        found: tuple[Any, Any] = self._cache["weights", chosen]
        return found

    def moved(self, weights: Any) -> Any:
        """The same draw, every value moved by one unit in the last place; asked for once."""
        return self._cache.setdefault(("moved", id(weights)), {**weights, "moved": True})

    def make_map(self) -> Found:
        """Find the map by streaming both sides, and hold it against fresh draws."""
        inputs = self.inputs(self.cases()[0])
        recorded = self.reference.ask("trace", weights={"seed": DRAW}, inputs=inputs, force=KEEP)
        recorded = {**recorded, "events": [event_of(each) for each in recorded["events"]]}
        last: list[Any] = []

        def run(weights: Any) -> Any:
            until = mapper.until if mapper else None
            last[:] = [self.port.ask("trace", weights=weights, inputs=inputs, force=KEEP, until=until)]
            return {**last[0], "events": [event_of(each) for each in last[0]["events"]]}

        start: Any = {"seed": 2}
        mapper: Any = None
        mapper = StreamMapper(recorded, start, self.theirs, self.ours, run, start)
        self.map = mapper.find()
        self._lines(mapper)
        self.last_traces = (recorded, last[0])
        self.ran_there.update(dict.fromkeys(tuple(each) for each in recorded["units"]))
        self.units.update(dict.fromkeys(tuple(each) for each in last[0]["units"]))
        self.said.update(dict.fromkeys(f"map: {each}" for each in self._lifted().failed))
        if self.map.complete:
            self.map.complete = self.fresh_error() <= 1e-9
        return self.map

    def _lifted(self) -> Lifted:
        assert self.map is not None
        found: Lifted = self.map.elements  # type: ignore[assignment]
        return found

    def variations(self) -> list[tuple[str, Any]]:
        """The cases and what follows from them; the first case alone where every pass takes minutes."""
        return super().variations() if self.thorough else [(self.cases()[0], self.inputs(self.cases()[0]))]

    def unresolved(self) -> list[str]:
        """Tensors of the port that have elements without a counterpart."""
        lifted = self._lifted()
        return [str(each["name"]) for number, each in enumerate(self.ours.tensors) if lifted.missing(number)]

    def entries(self) -> list[dict[str, Any]]:
        """One line per tensor of the port: what it is made of."""
        lifted, found = self._lifted(), []
        assert self.map is not None
        for number, tensor in enumerate(self.ours.tensors):
            owners = dict.fromkeys(each.reference for each in lifted.of(number))
            how = [lifted.words(number), self.map.transforms.get(tensor["name"], "")]
            found.append({
                "port": tensor["name"], "reference": [str(self.theirs.names[each]) for each in owners],
                "transform": ", ".join(filter(None, how)), "missing": lifted.missing(number),
            })  # fmt: skip
        return found

    def used_frac(self) -> float:
        """The share of the reference's elements that the port holds."""
        return self._lifted().used_frac()

    def name_in_reference(self, name: str) -> str:
        """The tensor of the reference that a tensor of the port begins with."""
        pieces = self._lifted().of(self.ours.names.index(name))
        return str(self.theirs.names[pieces[0].reference]) if pieces else ""

    def without(self, theirs: Any, ours: Any) -> str:
        """A weight that has a gradient on one side only."""
        for number, tensor in enumerate(self.ours.tensors):
            pieces = self._lifted().of(number)
            if pieces and (pieces[0].reference in theirs) != (number in ours):
                return one_sided(tensor["name"], number in ours)
        return ""

    def per_tensor(self, theirs: Any, ours: Any, limit: float) -> tuple[float, str]:
        """(worst error of a sketch, the tensor of the port nearest to its cause)."""
        scale = max((float(np.abs(each["rows"]).max(initial=0.0)) for each in theirs.values()), default=0.0) + 1e-300
        wrong: dict[int, float] = {}
        worst = 0.0
        for key in theirs.keys() | ours.keys():
            if key not in theirs or key not in ours:
                wrong[int(key)] = np.inf
                continue
            size = max(self._apart(theirs[key][k], ours[key][k], scale) for k in ("rows", "cols"))
            worst = max(worst, size)
            if size > limit:
                wrong[int(key)] = size
        order = {name: place for place, name in enumerate(self.lines)}
        held = [str(self.ours.names[e.port]) for e in self._lifted().pieces if e.reference in wrong]
        return max([worst, *wrong.values()]), max(held, key=lambda name: order.get(name, -1)) if held else ""

    @staticmethod
    def _apart(a: Array, b: Array, scale: float) -> float:
        size = error(a, b)
        finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
        overall = float(np.abs(a - b).max(initial=0.0)) / scale if finite else np.inf
        return min(size, overall) if overall < ROUNDING else size
