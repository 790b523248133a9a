"""Names of the plan that become packages, modules, functions and files; refused where that would not work."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator

from reproof.document import Plan
from reproof.errors import PackError
from reproof.scaffold.configs import PHASE_KEYS

# device names of Windows: no file may be called so there, whatever its ending
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
# src/ comes first on sys.path, so a package of this name would hide the library
ENGINE_NEEDS = {"torch", "numpy", "yaml", "matplotlib", "pytest", "run", "tests", "conftest"}
NOT_EXPERIMENTS = {"ablations", "base"}
DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){1,2}")


def refuse_bad_names(plan: Plan) -> None:
    """Every name that cannot become what it has to, at once.

    Raises:
        PackError: with all of them.
    """
    wrong = list(_wrong(plan))
    if wrong:
        raise PackError(
            "bad-name",
            "; ".join(wrong),
            why="these names become folders, modules and files, on every system that people use",
            fix="rename them in the plan",
        )


def _wrong(plan: Plan) -> Iterator[str]:
    hidden = ENGINE_NEEDS | {library.name.partition(".")[0].lower() for library in plan.libraries}
    if plan.name in sys.stdlib_module_names or plan.name in hidden:
        yield f"name {plan.name!r} would hide the module of that name"
    yield from _unusable("name", plan.name)
    kinds: dict[str, tuple[str, str]] = {}
    for name in plan.experiments:
        if name in NOT_EXPERIMENTS:
            yield f"experiments.{name}: configs/{name}.yaml is kept for something else"
        if name in RESERVED:
            yield f"experiments.{name}: Windows has no file of that name"
        for phase_name, phase in plan.settings_of(name).phases.items():
            first, kind = kinds.setdefault(phase_name, (name, phase.kind))
            if kind != phase.kind:
                yield f"phases.{phase_name}: {kind} in {first}, {phase.kind} in {name}; one core has one kind for it"
            elif first == name:
                yield from _unusable(f"phases.{phase_name}", phase_name)
                twice = [key for key in phase.settings if key in (*PHASE_KEYS, "kind")]
                yield from (f"phases.{phase_name}.settings.{key} is a key of the phase itself" for key in twice)


def _unusable(where: str, name: str) -> Iterator[str]:
    if keyword.iskeyword(name):
        yield f"{where} {name!r} is a word of Python's own"
    if not name.isascii():
        yield f"{where} {name!r} has letters that file systems and Python spell in several ways"
    if name in RESERVED:
        yield f"{where} {name!r} is a device on Windows"


def place_of(implemented_by: str) -> tuple[str, str] | None:
    """(module, name) that an equation's `implemented_by` asks for; None where it is not `module.name`.

    >>> place_of("losses.flow_loss"), place_of("../../etc/passwd"), place_of("nets.Unet.forward")
    (('losses', 'flow_loss'), None, None)
    """
    if not DOTTED.fullmatch(implemented_by):
        return None
    module, _, name = implemented_by.rpartition(".")
    kept = RESERVED | {"__init__", "unfinished"}
    usable = "." not in module and module.lower() not in kept and not keyword.iskeyword(module)
    return (module, name) if usable and not keyword.iskeyword(name) else None
