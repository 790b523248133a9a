"""One pair of units: verbatim, renamed, allowed or changed, with every difference."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping

from reproof.fidelity.codebase import MODULE, Code, CodeUnit
from reproof.fidelity.differences import Sides, differences
from reproof.fidelity.matching import Matched
from reproof.fidelity.models import Difference, UnitReport
from reproof.fidelity.normal import core, own_attributes, raw, renamed, same
from reproof.rolewords import ENGINEERING_CALLS, ENGINEERING_NAMES
from reproof.syntax import dotted, shown

# methods that take effect without anyone calling them by name
HOOKS = frozenset(
    "__init__ __call__ forward backward call train eval reset_parameters init_weights _init_weights parameters "
    "named_parameters step "
    "zero_grad setup setup_context __getattr__ __setattr__ __getattribute__ __new__ __torch_function__ "
    "__post_init__ apply _apply".split()
)


def reports(reference: Code, port: Code, found: Matched) -> Iterator[UnitReport]:
    """A report for each core unit of the reference, and for what the port adds to them."""
    for key, unit in reference.units.items():
        if unit.tag != "core" or unit.name == MODULE:
            continue
        partner = found.pairs.get(key)
        if partner is None:
            yield _missing(unit, port, found)
        else:
            yield _pair(unit, port.units[partner], reference, port, found)
    yield from _added(reference, port, found)
    yield from _module(reference, port, found)


def _missing(unit: CodeUnit, port: Code, found: Matched) -> UnitReport:
    """Not in the port. A constant that the port writes as an import or into another file is found by name only."""
    above = unit.id.rpartition(".")[0]
    twin = found.pairs.get(above)
    where = port.units[twin].place if twin and twin in port.units else ""
    return UnitReport(
        unit=unit.id,
        status="missing",
        reference=unit.place,
        port=where,
        note=f"no {unit.unit.kind} answers it in the port",
    )


def _pair(unit: CodeUnit, other: CodeUnit, reference: Code, port: Code, found: Matched) -> UnitReport:
    context = dataclasses.replace(other.context, renames=found.renames, own=other.context.own | set(found.renames))
    name = getattr(unit.unit.node, "name", "")
    mine, theirs = unit.unit.node, _called(other.unit.node, name)
    base = UnitReport(unit=unit.id, status="verbatim", reference=unit.place, port=other.place)
    methods = _method_names(other, port, found)
    if unit.context == context and not methods and ast.dump(mine) == ast.dump(other.unit.node):
        return base  # most units of most ports: nothing to normalise
    left, right = core(mine, unit.context), core(theirs, context, methods)
    if not same(left, right):
        if _renamed_attributes(unit, other, reference, port, context, methods):
            return base.model_copy(
                update={"status": "renamed", "note": "attributes of self renamed, all of them alike"}
            )
        sides = Sides(unit.file, other.file)
        by_order = differences(left, right, sides)
        written = (
            core(mine, unit.context, locals_as_written=True),
            core(theirs, context, methods, locals_as_written=True),
        )
        by_name = differences(*written, sides)
        # one swapped name moves the numbers of all that follow: the shorter account is the better one
        found_here = by_name if by_name and len(by_name) <= len(by_order) else by_order
        imported = list(_imports(unit, other, reference, port))
        return base.model_copy(update={"status": "changed", "differences": [*imported, *found_here]})
    if same(raw(mine), raw(other.unit.node)):
        return base
    if same(renamed(mine, unit.context), renamed(theirs, context)):
        note = "" if unit.name == other.name else f"{other.name} in the port"
        return base.model_copy(update={"status": "renamed", "note": note})
    engineering = differences(raw(mine), raw(theirs), Sides(unit.file, other.file), allowed=True)
    return base.model_copy(update={"status": "allowed", "differences": engineering})


def _imports(unit: CodeUnit, other: CodeUnit, reference: Code, port: Code) -> Iterator[Difference]:
    """Names that both units use and that the two files import from different places: the change is in the import."""
    used = {n.id for n in ast.walk(unit.unit.node) if isinstance(n, ast.Name)}
    used &= {n.id for n in ast.walk(other.unit.node) if isinstance(n, ast.Name)}
    for name in sorted(used & set(unit.context.imports) & set(other.context.imports)):
        was, became = unit.context.resolved(name), other.context.resolved(name)
        if was != became:
            places = [
                f"{u.file}:{_import_line(c.sources[u.file].tree, name)}" for u, c in ((unit, reference), (other, port))
            ]
            yield Difference(kind="import", what=name, was=was, became=became, reference=places[0], port=places[1])


def _import_line(tree: ast.Module | None, name: str) -> int:
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, (ast.Import, ast.ImportFrom)) and any((a.asname or a.name) == name for a in node.names):
            return node.lineno
    return 1


def _called(node: ast.stmt, name: str) -> ast.stmt:
    """`node` under the reference's name."""
    if not name or getattr(node, "name", name) == name:
        return node
    return type(node)(
        **{**{f: getattr(node, f) for f in node._fields if hasattr(node, f)}, "name": name}, **_position(node)
    )


def _position(node: ast.stmt) -> dict[str, int]:
    return {a: getattr(node, a) for a in ("lineno", "col_offset", "end_lineno", "end_col_offset") if hasattr(node, a)}


def _class_of(unit: CodeUnit, code: Code) -> CodeUnit | None:
    above = unit.id if isinstance(unit.unit.node, ast.ClassDef) else unit.id.rpartition(".")[0]
    found = code.units.get(above)
    return found if found and isinstance(found.unit.node, ast.ClassDef) else None


def _method_names(other: CodeUnit, port: Code, found: Matched) -> Mapping[str, str]:
    owner = _class_of(other, port)
    return found.methods.get(owner.id, {}) if owner else {}


def _renamed_attributes(
    unit: CodeUnit, other: CodeUnit, reference: Code, port: Code, context: object, methods: Mapping[str, str]
) -> bool:
    """Whether the two are equal once each class's own attributes are numbered in the order of their assignment."""
    mine, theirs = _class_of(unit, reference), _class_of(other, port)
    if mine is None or theirs is None:
        return False
    numbers, others = own_attributes(mine.unit.node), own_attributes(theirs.unit.node)  # type: ignore[arg-type]
    if set(numbers) == set(others) or len(numbers) != len(others):
        return False
    left = core(unit.unit.node, unit.context, numbers)
    right = core(_called(other.unit.node, getattr(unit.unit.node, "name", "")), context, {**methods, **others})  # type: ignore[arg-type]
    return same(left, right)


def _added(reference: Code, port: Code, found: Matched) -> Iterator[UnitReport]:
    """Methods that the port adds to a core class: harmless unless something calls them that the reference has too."""
    taken = set(found.pairs.values())
    partners = {there: here for here, there in found.pairs.items()}
    used = {
        n.attr for unit in reference.units.values() for n in ast.walk(unit.unit.node) if isinstance(n, ast.Attribute)
    }
    for key, unit in port.units.items():
        owner = _class_of(unit, port)
        if key in taken or owner is None or owner.id == key or owner.id not in partners:
            continue
        mine = reference.units[partners[owner.id]]
        name = unit.name.rpartition(".")[2]
        if mine.tag != "core" or (ENGINEERING_NAMES.match(name) and name not in used):
            continue
        takes_effect = name in HOOKS or name in used
        report = UnitReport(unit=key, status="added", reference=mine.place, port=unit.place, note="only in the port")
        if takes_effect:
            what = Difference(
                kind="method",
                what=f"{unit.name}: added",
                was="nothing",
                became=shown(unit.unit.node),
                reference=mine.place,
                port=unit.place,
            )
            report = report.model_copy(update={"status": "changed", "differences": [what]})
        yield report


def _module(reference: Code, port: Code, found: Matched) -> Iterator[UnitReport]:
    """Statements that run at import, on either side only; in whichever file they stand."""
    mine, theirs = _statements(reference, found), _statements(port, found)
    lone = [("removed", place, text) for text, place in mine.items() if text not in theirs]
    lone += [("added", place, text) for text, place in theirs.items() if text not in mine]
    if not lone:
        return
    here = next(iter(reference.sources))
    there = next(iter(port.sources))
    found_here = [
        Difference(
            kind="statement",
            what=f"at import: {word}",
            was=source if word == "removed" else "nothing",
            became=source if word == "added" else "nothing",
            reference=place if word == "removed" else f"{here}:1",
            port=place if word == "added" else f"{there}:1",
        )
        for word, (place, source), _ in lone
    ]
    first = found_here[0]
    yield UnitReport(
        unit=f"{here}::{MODULE}", status="changed", reference=first.reference, port=first.port, differences=found_here
    )


def _statements(code: Code, found: Matched) -> dict[str, tuple[str, str]]:
    result = {}
    for unit in code.units.values():
        if unit.name != MODULE:
            continue
        whole = core(unit.unit.node, dataclasses.replace(unit.context, renames=found.renames))
        for statement in getattr(whole, "body", []):
            value = getattr(statement, "value", None)
            if isinstance(value, ast.Call) and (ENGINEERING_CALLS.match(dotted(value)) or "register" in dotted(value)):
                continue
            result[ast.dump(statement)] = (f"{unit.file}:{statement.lineno}", shown(statement))
    return result
