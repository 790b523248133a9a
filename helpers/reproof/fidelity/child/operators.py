"""An exported graph as a list of operators: canonical name, kind, constants, shape, module and line."""

from __future__ import annotations

import os
import re
from typing import Any

# not tensors that the model computes with, or only their place in memory
MOVES = frozenset(
    "view _unsafe_view reshape permute t transpose expand clone alias detach unsqueeze squeeze slice select contiguous "
    "split split_with_sizes unbind cat stack as_strided flatten expand_as lift_fresh_copy copy _to_copy repeat "
    "chunk movedim unflatten index_select _reshape_alias broadcast_in_dim collapse_view convert_element_type".split()
)
MAKES = frozenset("full zeros ones empty arange scalar_tensor full_like zeros_like ones_like eye tril triu".split())
SILENT = frozenset("getitem sym_size sym_numel sym_stride _assert_async _assert_scalar _assert_tensor_metadata".split())
ALIASES = {"bmm": "mm", "_softmax": "softmax", "_log_softmax": "log_softmax", "native_layer_norm": "layer_norm",
           "native_group_norm": "group_norm", "_native_batch_norm_legit_no_training": "batch_norm",
           "_native_batch_norm_legit": "batch_norm", "native_dropout": "dropout", "rsub": "sub",
           "_safe_softmax": "softmax", "_native_batch_norm_legit_functional": "batch_norm"}  # fmt: skip
FUSED = {"addmm": ("mm", "add"), "baddbmm": ("mm", "add"), "addbmm": ("mm", "add"), "addcmul": ("mul", "add")}
# arguments that say how, not what
PLUMBING = frozenset("size shape dtype layout device pin_memory memory_format generator implicit half_to_float "
                     "self_ dtype_layout requires_grad normalized_shape output_size input_size".split())  # fmt: skip


def operators(graph_module: Any) -> list[dict[str, Any]]:
    """Every operator in order: name, kind, constants, shape, module and line."""
    found = []
    for node in graph_module.graph.nodes:
        if node.op != "call_function":
            continue
        name = _name(node)
        if name in SILENT:
            continue
        kind = _kind(node, name)
        parts = FUSED.get(name, (ALIASES.get(name, name),))
        constants = _constants(node, graph_module) if kind != "moves" else {}
        for part in parts:
            part, own = _canonical(part, constants if part == parts[0] else {})
            found.append({"op": part, "kind": kind, "constants": own, **_place(node)})
    return found


def _kind(node: Any, name: str) -> str:
    """Whether it computes, only moves, makes a constant, or works on integers and masks."""
    if _moves(node, name):
        return "moves"
    if name in MAKES:
        return "makes"
    value = node.meta.get("val")
    value = value[0] if isinstance(value, (list, tuple)) and value else value
    dtype = getattr(value, "dtype", None)
    return "computes" if dtype is None or dtype.is_floating_point or dtype.is_complex else "indexes"


def _canonical(op: str, constants: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """One spelling for what differs by rounding or by naming only.

    >>> _canonical("div", {"other": 4.0}), _canonical("sub", {"other": 1}), _canonical("where", {"self": -3.0})
    (('mul', {'other': 0.25}), ('add', {'other': -1}), ('where', {'fill': -3.0}))
    """
    other = constants.get("other")
    is_number = isinstance(other, (int, float)) and not isinstance(other, bool)
    if op == "div" and is_number and other and "rounding_mode" not in constants:
        return "mul", {**constants, "other": 1 / other}
    if op == "sub" and is_number:
        return "add", {**constants, "other": -other}  # type: ignore[operator]
    if op == "where":
        fills = [v for k, v in constants.items() if k in ("self", "other")]
        return op, {"fill": fills[0] if len(fills) == 1 else fills} if fills else {}
    return op, constants


def _name(node: Any) -> str:
    packet = getattr(node.target, "overloadpacket", None)
    name = str(packet or getattr(node.target, "__name__", node.target)).rpartition(".")[2]
    name = name.removesuffix("_") if not name.startswith("__") else name
    return name if name == "_to_copy" else name.removesuffix("_copy")  # view_copy is what becomes of a view


def _moves(node: Any, name: str) -> bool:
    """A cast to another dtype computes; to another device or layout it does not."""
    if name in ("_to_copy", "convert_element_type"):
        value, source = node.meta.get("val"), getattr(node.args[0], "meta", {}).get("val")
        return getattr(value, "dtype", None) == getattr(source, "dtype", None)
    return name in MOVES


def _constants(node: Any, graph_module: Any) -> dict[str, Any]:
    """Numbers handed to the operator, by argument name; dimensions counted from the front."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return {}
    pairs = [(a, value) for a, value in zip(schema.arguments, node.args, strict=False)]
    by_name = {a.name: a for a in schema.arguments}
    pairs += [(by_name[name], value) for name, value in node.kwargs.items() if name in by_name]
    found: dict[str, Any] = {}
    for argument, value in pairs:
        plain = _plain(value, graph_module)
        default = argument.default_value if argument.has_default_value() else ...
        if argument.name in PLUMBING or plain is ... or plain == default:
            continue
        found[argument.name] = _from_front(plain, node) if argument.name.startswith("dim") else plain
    return found


def _plain(value: Any, graph_module: Any) -> Any:
    """A number or word, a list of numbers, or the number that a tensor of one element holds; `...` otherwise."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, (bool, int, float)) for v in value):
        return list(value)
    return _held(value, graph_module) if hasattr(value, "op") else ...


def _held(node: Any, graph_module: Any) -> Any:
    """The number behind `full(..., -inf)`, `scalar_tensor(2)` or a constant of one element."""
    while node.op == "call_function" and _name(node) in MOVES and node.args and hasattr(node.args[0], "op"):
        node = node.args[0]
    if node.op == "call_function" and _name(node) in ("full", "scalar_tensor", "full_like"):
        value = node.args[0 if _name(node) == "scalar_tensor" else 1]
        return value if isinstance(value, (bool, int, float)) else ...
    if node.op == "get_attr":
        tensor = getattr(graph_module, str(node.target), None)
        if tensor is not None and hasattr(tensor, "numel") and tensor.numel() == 1 and not _is_fake(tensor):
            return tensor.item()
    return ...


def _is_fake(tensor: Any) -> bool:
    return type(tensor).__name__ == "FakeTensor"


def _from_front(value: Any, node: Any) -> Any:
    first = next((a for a in node.args if hasattr(a, "meta")), None)
    if node.args and isinstance(node.args[0], (list, tuple)) and node.args[0]:
        first = node.args[0][0]
    rank = len(getattr(getattr(first, "meta", {}).get("val"), "shape", ())) or 1
    return [v % rank for v in value] if isinstance(value, list) else value % rank


def _place(node: Any) -> dict[str, Any]:
    value = node.meta.get("val")
    value = value[0] if isinstance(value, (list, tuple)) and value else value
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return {
        "shape": [int(n) for n in getattr(value, "shape", ())],
        "module": re.sub(r"^L\['self'\]\.?", "", path),
        "line": _line(node.meta.get("stack_trace") or ""),
    }


def _line(trace: str) -> str:
    """The innermost line that is not torch's own."""
    places = re.findall(r'File "([^"]+)", line (\d+)', trace)
    own = [(file, line) for file, line in places if f"{os.sep}torch{os.sep}" not in file and file != __file__]
    return f"{own[-1][0]}:{own[-1][1]}" if own else ""
