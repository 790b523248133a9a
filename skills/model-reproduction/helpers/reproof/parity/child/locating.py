"""The first divergent operation, by values and not by names.

An operation is explained when the other side computed the same values somewhere. The earliest that is not, and from which
no explained value descends, is where the sides part: detours of an implementation heal, faults do not.
"""  # noqa: E501

from __future__ import annotations

from collections import defaultdict
from typing import Any

Nodes = list[dict[str, Any]]
FORGOTTEN = ("add", "mul", "div", "native_dropout", "relu", "gelu", "silu", "tanh", "sigmoid",
             "_foreach_norm", "linalg_vector_norm")  # fmt: skip
PARTS = ("slice", "split", "split_with_sizes", "unsafe_split", "chunk", "select", "unbind", "narrow")


def close(a: list[float], b: list[float], tolerance: float) -> bool:
    """Whether two fingerprints are of the same values."""
    if a[0] != b[0]:
        return False
    size, square = max(a[2], 1e-12), max(a[3], 1e-24)
    if max(abs(a[1] - b[1]), abs(a[2] - b[2])) > tolerance * size or abs(a[3] - b[3]) > tolerance * square:
        return False
    largest = max(abs(a[4]), abs(a[5]), 1e-12)
    return abs(a[4] - b[4]) <= tolerance * largest and abs(a[5] - b[5]) <= tolerance * largest


def explained(here: Nodes, there: Nodes, tolerance: float) -> list[bool]:
    """For every operation here, whether there has its values."""
    by_size: dict[float, list[list[float]]] = defaultdict(list)
    for node in there:
        if node["print"]:
            by_size[node["print"][0]].append(node["print"])
    return [
        node["print"] is None
        or any(close(each, node["print"], tolerance) for each in by_size.get(node["print"][0], ()))
        for node in here
    ]


def healed(here: Nodes, known: list[bool]) -> list[bool]:
    """For every operation, whether an explained value descends from it or is it."""
    heals = [False] * len(here)
    for node in reversed(here):
        i = node["i"]
        heals[i] = heals[i] or (known[i] and node["print"] is not None and node["print"][0] > 4)
        for parent in node["preds"]:
            heals[parent] = heals[parent] or heals[i]
    return heals


def frontier(here: Nodes, there: Nodes, tolerance: float = 1e-9, gradients: bool = False) -> Nodes:
    """Unexplained operations here without explained descendants, the cause first.

    Where the `gradients` are known to agree, what autograd did on the way is none: it follows how weights are fused.
    """
    known = explained(here, there, tolerance)
    heals = healed(here, known)
    found = [node for node in here if not known[node["i"]] and not heals[node["i"]]]
    if gradients:
        found = [node for node in found if not node.get("backward")] or found
    with_data = [node for node in found if node["from_weights"]]
    if not with_data:
        return found
    return _constant_cause(found, with_data[0], here) + with_data


def _constant_cause(found: Nodes, first: dict[str, Any], here: Nodes) -> Nodes:
    """A constant (mask, rotary table, positions) that feeds the first divergent value is the cause."""
    above: set[int] = set()
    todo = list(first["preds"])
    while todo:
        each = todo.pop()
        if each not in above and not here[each]["from_weights"]:
            above.add(each)
            todo += here[each]["preds"]
    return [node for node in found if node["i"] in above][:1]


def shown(node: dict[str, Any] | None, here: Nodes) -> dict[str, Any] | None:
    """What a report says of an operation: `reads` are the lines that its operands come from."""
    if node is None:
        return None
    reads = dict.fromkeys(here[each]["source"] for each in node["preds"])
    return {"op": node["op"], "line": node["source"], "module": node["module"],
        "made": node.get("made", ""), "attrs": node["attrs"], "shape": node["shape"],
            "reads": [each for each in reads if each and each != node["source"]],
            "calls": node.get("calls", [])}  # fmt: skip


def left_out(left: dict[str, Any] | None, right: dict[str, Any] | None, theirs: Nodes, ours: Nodes, port: Nodes) -> Any:
    """The port's place of an operation of the reference that it leaves out: [after, where its module is made, before].

    None where none is: both go on with the same operation, or what is left out is one that is easily forgotten.
    """
    if left is None or right is None or left["op"] == right["op"]:
        return None
    goes_on = any(node["op"] == right["op"] for node in theirs[1:])
    forgotten = left["op"] in FORGOTTEN and left["op"] not in [node["op"] for node in ours[:4]]
    makers = [each for each in right["preds"] if port[each]["from_weights"]]
    if not (goes_on or forgotten):
        return None
    if not makers:
        return ["", "", right["source"]]
    return [port[max(makers)]["source"], port[max(makers)].get("made", ""), ""]


def beside(left: dict[str, Any] | None, reference: Nodes, port: Nodes, tolerance: float) -> list[str]:
    """Lines of the port that do with the reference's operands what the reference does with them once more."""
    if left is not None and left["op"] in PARTS and left["preds"]:
        left = reference[left["preds"][0]]  # a part of a fused projection: the projection
    if left is None:
        return []
    read = [reference[each]["print"] for each in left["preds"] if reference[each]["print"]]
    same = {n["i"] for n in port if n["print"] and any(close(each, n["print"], tolerance) for each in read)}
    return list(dict.fromkeys(n["source"] for n in port if n["op"] == left["op"] and same & set(n["preds"])))


def first_divergence(
    reference: Nodes, port: Nodes, tolerance: float = 1e-9, gradients: bool = False
) -> dict[str, Any] | None:
    """The first divergent operation on either side, or None when every value has its counterpart."""
    theirs, ours = (frontier(*each, tolerance, gradients) for each in ((reference, port), (port, reference)))
    if not theirs and not ours:
        return None
    left, right = theirs[0] if theirs else None, ours[0] if ours else None
    return {"reference": shown(left, reference), "port": shown(right, port), "others": [shown(n, port) for n in ours[1:4]],  # noqa: E501
            "only_reference": not ours, "only_port": not theirs, "left_out": left_out(left, right, theirs, ours, port),
            "beside": beside(left, reference, port, tolerance)}  # fmt: skip


def modules(reference: Nodes, port: Nodes, tolerance: float = 1e-9) -> list[dict[str, Any]]:
    """For every module of the reference in execution order: is the value it ends with found in the port?"""
    known = explained(reference, port, tolerance)
    heals = healed(reference, known)
    last: dict[str, int] = {}
    for node in reference:
        if node["module"] and node["from_weights"]:
            last[node["module"]] = node["i"]
    ordered = sorted(last.items(), key=lambda each: each[1])
    return [{"module": name, "same": known[i] or heals[i], "line": reference[i]["source"]} for name, i in ordered]
