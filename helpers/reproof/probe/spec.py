"""Which calls to probe: from a plan, or from a YAML that holds only `libraries`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reproof import yamlio
from reproof.apicalls import Call, Library
from reproof.document import load_plan
from reproof.errors import PackError, near
from reproof.records import explain, validated


@dataclass(frozen=True)
class Wanted:
    """A call to probe, or the reason why it cannot be read."""

    library: Library
    id: str
    call: Call | None
    problem: str = ""


@dataclass(frozen=True)
class Spec:
    """Everything that a file asks for."""

    libraries: list[Library]
    wanted: list[Wanted]
    experiments: list[str]


def load_spec(path: Path) -> Spec:
    """The calls of the plan, or of the bare YAML, at `path`.

    A plan is one document and is refused as a whole. In a bare YAML a call that cannot be read is a finding of its
    own, and the others are still probed.

    Raises:
        PackError: not a plan, nor a mapping with only `libraries`.
    """
    data = yamlio.load(path, "plan or list of libraries")
    if isinstance(data, dict) and set(data) == {"libraries"}:
        return _bare(data["libraries"], path)
    plan = load_plan(path)
    wanted = [Wanted(library, call.id, call) for library in plan.libraries for call in library.calls]
    return Spec(plan.libraries, list(_no_id_twice(wanted)), list(plan.experiments))


def _bare(items: object, path: Path) -> Spec:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise PackError(
            "bad-spec",
            f"{path}: libraries is not a list of mappings",
            why="each library has a name, a distribution, a version and calls",
            fix="write it as in the `libraries` section of examples/nsgf/plan.yaml",
        )
    libraries, wanted = [], []
    for item in items:
        bare = {key: value for key, value in item.items() if key != "calls"}
        library = validated(
            Library,
            bare,
            slug="bad-spec",
            name=f"{path}: library {item.get('name', '?')}",
            why="without its name and version nothing can be looked up",
            fix="mend the fields above; `probe.py run --help` shows one",
        )
        libraries.append(library)
        wanted += [_read(library, place, call) for place, call in enumerate(_calls(item))]
    experiments = dict.fromkeys(name for want in wanted if want.call for name in want.call.experiments)
    return Spec(libraries, list(_no_id_twice(wanted)), list(experiments))


def _calls(item: dict[str, Any]) -> list[Any]:
    calls = item.get("calls") or []
    return calls if isinstance(calls, list) else [calls]


def _read(library: Library, place: int, item: object) -> Wanted:
    said = str(item.get("id", "")) if isinstance(item, dict) else ""
    name = " ".join(said.split()) or f"call_{place}"
    try:
        return Wanted(library, name, Call.model_validate(item))
    except ValidationError as error:
        return Wanted(library, name, None, "; ".join(explain(error, Call)))


def _no_id_twice(wanted: list[Wanted]) -> Iterator[Wanted]:
    """A second call with the same id cannot be told from the first."""
    seen: set[str] = set()
    for want in wanted:
        if want.id in seen:
            yield Wanted(want.library, want.id, None, f"the id {want.id!r} is used twice")
        else:
            yield want
        seen.add(want.id)


def selected(spec: Spec, experiment: str | None, only: list[str]) -> list[Wanted]:
    """The calls of one experiment, or with the given ids.

    Raises:
        PackError: no such experiment or call, or nothing is left.
    """
    if experiment is not None and experiment not in spec.experiments:
        raise _unknown("experiment", experiment, spec.experiments)
    ids = [want.id for want in spec.wanted]
    for name in only:
        if name not in ids:
            raise _unknown("call", name, ids)
    found = [
        want
        for want in spec.wanted
        if (not only or want.id in only)
        and (experiment is None or want.call is None or experiment in want.call.experiments)
    ]
    if not found:
        raise PackError(
            "nothing-to-probe",
            f"no call is left{f' for experiment {experiment}' if experiment else ''}",
            why="a plan without calls says nothing about its libraries, and an empty answer would read as a yes",
            fix="write the calls under libraries: in the plan, one per experiment and library",
        )
    return found


def _unknown(what: str, name: str, known: list[str]) -> PackError:
    return PackError(
        f"unknown-{what}",
        f"no {what} {name!r}{near(name, known)}",
        why=f"the {what}s are {', '.join(known) or 'none'}",
        fix=f"name one of these {what}s",
    )
