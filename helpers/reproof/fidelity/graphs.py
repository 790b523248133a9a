"""Compare two computation graphs: operators in order, their constants, and how often each is called.

Equal means: the same computing operators with the same numbers and sizes in the same order, after decomposition to
core ATen. It says nothing about wiring: which weight, slice or value an operator reads, values of buffers,
initialisation, gradients cut by detach. Parity sees those; this sees where to look when parity does not hold.
Views, copies and the making of constants are counted and not compared; integer and mask arithmetic is counted apart.
Attention is written out as its formula; `x / c` is `x * (1 / c)`; addmm is mm and add; bmm is mm. Where the sequences
differ, composite operators (layer norm, GELU, ...) are decomposed further and compared again.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from pathlib import Path
from typing import Any

from reproof.childproc import chosen
from reproof.errors import PackError
from reproof.fidelity.exported import MODES, WAYS, exported
from reproof.fidelity.models import (
    GraphChange,
    GraphFile,
    GraphMode,
    GraphsAnswer,
    GraphSide,
    GraphsRequest,
    GraphVerdict,
    Operator,
    OperatorCount,
)
from reproof.fidelity.proofs import Proof, latest
from reproof.paths import sha256

Graph = dict[str, Any]
Op = dict[str, Any]
MOST_ALIGNED = 6000  # aligning takes the square of it
MOST_CHANGES, MOST_SHOWN = 20, 12
ROUNDING = 1e-6  # math.sqrt(2 / pi) and its literal in a file are one constant; eps of 1e-5 and 1e-6 are two


def graphs(request: GraphsRequest) -> GraphsAnswer:
    """Answer `fidelity.py graphs`."""
    for path in (request.reference, request.port):
        if not path.is_file():
            raise PackError(
                "no-such-file", f"no file at {str(path)!r}", why="a side is a Python file with build(config)",
                fix="the contract files of parity.py check; parity.py --help shows the smallest one",
            )  # fmt: skip
    why = "a model is only right in the environment that it is written for"
    pythons = chosen(request.reference_python or request.python, why), chosen(request.python, why)
    sides = _sides(request, pythons)
    proof = latest(request.records)
    proven = _proven(proof, sides[1])
    modes = _modes(sides)
    weaker = [*proof.problems, *_weaker(sides)]
    return GraphsAnswer(
        ok=True, headline=_headline(modes, proven), reference=_side(request.reference, sides[0]),
        port=_side(request.port, sides[1]), modes=modes, proof=proven, weaker=weaker,
    )  # fmt: skip


def _sides(request: GraphsRequest, pythons: tuple[str, str]) -> tuple[Graph, Graph]:
    """Both exports, in the same way: a side that torch.export takes is traced again where the other needs make_fx."""

    def ask(file: Path, python: str, inputs: Any, ways: list[str]) -> Graph:
        return exported(file, python, request.case, inputs, ways, request.timeout_s, request.memory_gib)

    reference = ask(request.reference, pythons[0], None, WAYS)
    if reference["error"]:
        return reference, {
            "torch": "",
            "files": [],
            "ran": [],
            "graphs": [],
            "error": "not asked: the reference gave no inputs",
        }
    port = ask(request.port, pythons[1], reference["inputs"], WAYS)
    ways = [{graph["how"] for graph in side["graphs"] if graph["how"]} for side in (reference, port)]
    if ways[0] and ways[1] and ways[0] != ways[1]:
        reference = ask(request.reference, pythons[0], reference["inputs"], WAYS[1:])
        port = ask(request.port, pythons[1], reference["inputs"], WAYS[1:])
    return reference, port


def _proven(proof: Proof, port: Graph) -> str:
    """The record that proves these files of the port equal in outputs and gradients."""
    digests = {sha256(Path(file).read_bytes()) for file in port["files"]}
    covered = bool(digests) and digests <= proof.digests and "forward and gradients" in proof.levels
    return proof.file if covered else ""


def _weaker(sides: tuple[Graph, Graph]) -> list[str]:
    versions = {side["torch"] for side in sides if side["torch"]}
    found = [f"torch differs: {' and '.join(sorted(versions))} decompose differently"] if len(versions) > 1 else []
    for name, side in zip(("reference", "port"), sides, strict=True):
        for graph in side["graphs"]:
            if graph["how"]:
                found += [f"{name}, {graph['mode']}: {way} failed ({text})" for way, text in graph["said"].items()]
    return found


def _side(path: Path, side: Graph) -> GraphSide:
    files = [GraphFile(path=file, sha256=sha256(Path(file).read_bytes())) for file in side["files"]]
    ran = [f"{file}:{line}" for file, line in side["ran"]]
    return GraphSide(path=str(path), torch=side["torch"], files=files, ran=ran)


def _headline(modes: list[GraphMode], proof: str) -> str:
    tail = f"; outputs and gradients are proven by {proof}" if proof else ""
    return "; ".join(f"{mode.mode}: {mode.says}" for mode in modes) + tail


def _modes(sides: tuple[Graph, Graph]) -> list[GraphMode]:
    found = []
    for index, mode in enumerate(MODES):
        graphs = [side["graphs"][index] if len(side["graphs"]) > index else {"error": side["error"]} for side in sides]
        errors = [f"{n}: {g['error']}" for n, g in zip(("reference", "port"), graphs, strict=True) if g["error"]]
        if errors:
            says = f"could not be exported, because {'; '.join(errors)}"
            found.append(GraphMode(mode=mode, verdict="not exported", says=says))
        else:
            found.append(compared(graphs[0], graphs[1]))
    return found


def compared(reference: Graph, port: Graph) -> GraphMode:
    """Both forms of the graph: core ATen, and where that differs, composite operators decomposed further."""
    left, right = _of_kind(reference["core"], "computes"), _of_kind(port["core"], "computes")
    found = changes(left, right)
    verdict: GraphVerdict = "different" if found else "equal"
    if found and not changes(_of_kind(reference["fine"], "computes"), _of_kind(port["fine"], "computes")):
        verdict = "equal when decomposed further"
    masks = changes(_of_kind(reference["core"], "indexes"), _of_kind(port["core"], "indexes"))
    if verdict != "different" and masks:  # `<` for `<=` in a mask leaves every computing operator as it was
        verdict, found = "different", masks
    return GraphMode(
        mode=reference["mode"],
        verdict=verdict,
        says=_says(verdict, left, right, found),
        how=reference["how"],
        weights="real" if "real" in (reference["weights"], port["weights"]) else "fake",
        operators=[len(left), len(right)],
        changes=found[:MOST_CHANGES],
        more_changes=max(len(found) - MOST_CHANGES, 0),
        counts=_counts(reference["core"], port["core"]),
    )


def _of_kind(operators: list[Op], kind: str) -> list[Op]:
    return [op for op in operators if op["kind"] == kind]


def _says(verdict: str, left: list[Op], right: list[Op], found: list[GraphChange]) -> str:
    if verdict != "different":
        return f"{verdict}, {len(left)} operators"
    if not changes(left, right):
        return f"the {len(left)} computing operators are equal, integers or masks differ in {_places(found)}"
    same = Counter(op["op"] for op in left) == Counter(op["op"] for op in right)
    what = "as many of each operator, but " if same else f"{len(left)} operators and {len(right)}, "
    return f"{what}different in {_places(found)}"


def _places(found: list[GraphChange]) -> str:
    first = found[0]
    at = [side[0].line or side[0].op if side else "nothing" for side in (first.reference, first.port)]
    return f"{len(found)} place{'s' if len(found) > 1 else ''}, first {at[0]} and {at[1]}"


def changes(left: list[Op], right: list[Op]) -> list[GraphChange]:
    """Every stretch where the sequences differ, and every aligned operator whose constants or size do."""
    found = []
    for tag, a, b, c, d in _aligned([op["op"] for op in left], [op["op"] for op in right]):
        if tag != "equal":
            found.append(_change("operators", left[a:b], right[c:d], a, c))
            continue
        for i, (one, other) in enumerate(zip(left[a:b], right[c:d], strict=True)):
            if not _same_constants(one["constants"], other["constants"]):
                found.append(_change("constant", [one], [other], a + i, c + i))
            elif math.prod(one["shape"]) != math.prod(other["shape"]):  # the layout is the port's own, the size is not
                found.append(_change("size", [one], [other], a + i, c + i))
    return found


def _aligned(left: list[str], right: list[str]) -> list[tuple[str, int, int, int, int]]:
    """Longest common stretches; of very long graphs only the common beginning and end."""
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    end = 0
    while end < min(len(left), len(right)) - start and left[-1 - end] == right[-1 - end]:
        end += 1
    a, b = len(left) - end, len(right) - end
    middle = [("replace", start, a, start, b)] if start < a or start < b else []
    if middle and max(a, b) - start <= MOST_ALIGNED:
        matcher = difflib.SequenceMatcher(None, left[start:a], right[start:b], autojunk=False)
        middle = [(t, start + i, start + j, start + k, start + m) for t, i, j, k, m in matcher.get_opcodes()]
    return [("equal", 0, start, 0, start), *middle, ("equal", a, len(left), b, len(right))]


def _same_constants(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(x, y) for x, y in zip(one, other, strict=True))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or math.isclose(one, other, rel_tol=ROUNDING)
    return bool(one == other)


def _change(kind: Any, left: list[Op], right: list[Op], a: int, c: int) -> GraphChange:
    sides = [[_operator(op) for op in side[:MOST_SHOWN]] for side in (left, right)]
    return GraphChange(kind=kind, reference=sides[0], port=sides[1], reference_at=a, port_at=c)


def _operator(op: Op) -> Operator:
    constants = ", ".join(f"{name}={value}" for name, value in op["constants"].items())
    return Operator(op=op["op"], constants=constants, shape=op["shape"], module=op["module"], line=_short(op["line"]))


def _short(line: str) -> str:
    """file:line without the folders of an installation; two levels are enough to find it."""
    return "/".join(line.replace("\\", "/").split("/")[-2:])


def _counts(left: list[Op], right: list[Op]) -> list[OperatorCount]:
    one, other = (Counter((op["kind"], op["op"]) for op in side) for side in (left, right))
    return [
        OperatorCount(op=key[1], kind=key[0], reference=one[key], port=other[key]) for key in sorted({*one, *other})
    ]
