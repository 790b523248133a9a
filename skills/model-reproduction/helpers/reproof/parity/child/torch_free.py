"""A recorded run as plain data, whatever framework it was recorded from."""

from __future__ import annotations

import dataclasses
from typing import Any

from .events import events
from .nodes import Node, Traced


def exported(traced: Traced, full: bool, made: dict[str, str] | None = None) -> dict[str, Any]:
    """A recorded run as plain data."""
    return {
        "events": [dataclasses.asdict(each) for each in events(traced)],
        "heads": heads(traced.nodes),
        "joins": joins(traced.nodes),
        "outputs": traced.outputs,
        "nodes": [_brief(each, (made or {}).get(each.module, "")) for each in traced.nodes] if full else [],
        "draws": traced.draws,
        "units": traced.units,
        "casts": traced.casts,
    }


def heads(nodes: list[Node]) -> list[list[int]]:
    """Batched products without weights: which operation, and the last dimension, often the width per head."""
    return [
        [each.i, each.activations[0].shape[-1]]
        for each in nodes
        if each.op in ("bmm", "baddbmm") and not each.weights and len(each.activations) >= 2
    ]


def joins(nodes: list[Node]) -> list[list[int]]:
    """Widths of the parts of every concatenation, along whichever axis they differ or the second."""
    found = set()
    for each in nodes:
        if (
            each.op == "cat"
            and len(each.ins) > 1
            and len({len(o.shape) for o in each.ins}) == 1
            and len(each.out_shape) > 1
        ):
            for axis in range(1, len(each.out_shape)):
                widths = tuple(o.shape[axis] for o in each.ins)
                if sum(widths) == each.out_shape[axis]:
                    found.add(widths)
    return sorted(list(each) for each in found)


def _brief(node: Node, made: str) -> dict[str, Any]:
    return {
        "i": node.i,
        "op": node.op,
        "print": node.print,
        "preds": sorted(node.preds),
        "from_weights": node.from_weights,
        "source": node.source,
        "module": node.module,
        "calls": node.calls,
        "backward": node.backward,
        "made": made,
        "shape": list(node.out_shape),
        "attrs": [each for each in node.attrs if isinstance(each, (float, str)) and not isinstance(each, bool)],
        "first": [int(o.ids.flat[0]) for o in node.ins if o.ids is not None and o.ids.size],
    }
