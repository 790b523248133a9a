"""Does it work here? Where the skill lies, which packages are missing, which GPU there is, and what to type.

A missing pydantic, jinja2 or pyyaml never gets this far: `reproof.launch` answers for them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reproof import __version__, childproc
from reproof.errors import MissingError
from reproof.install.models import DoctorAnswer, DoctorRequest, HelperState, Interpreter, Package
from reproof.install.skills import ROOT, damaged, sources
from reproof.paths import HELPERS

CHILD = Path(__file__).with_name("child") / "packages.py"
LOOK_S = 60


@dataclass(frozen=True)
class Need:
    """A distribution, the versions we accept, and which helpers want it, for what."""

    name: str
    lowest: tuple[int, ...]
    below: int | None
    role: Literal["helpers", "project"]
    helpers: tuple[str, ...]
    purpose: str

    @property
    def spec(self) -> str:
        """As pip takes it."""
        low = f"{self.name}>={'.'.join(map(str, self.lowest))}" if self.lowest else self.name
        return f"{low},<{self.below}" if self.below else low


NEEDS = (
    Need("pydantic", (2, 7), 3, "helpers", (), "every helper"),
    Need("jinja2", (3, 1), 4, "helpers", (), "every helper"),
    Need("pyyaml", (6,), 7, "helpers", (), "every helper"),
    Need("pypdfium2", (5,), None, "helpers", ("read", "plan"), "reading PDFs"),
    Need("matplotlib", (), None, "helpers", ("vram",), "the timeline as PNG"),
    Need("nvidia-ml-py", (), None, "project", ("vram",), "seeing the GPU"),
    Need(
        "torch",
        (2, 4),
        None,
        "project",
        ("probe", "vram", "scaffold", "parity", "debug"),
        "everything that runs a model",
    ),
    Need("numpy", (), None, "project", ("scaffold",), "the generated project"),
    Need("pytest", (), None, "project", ("scaffold",), "the generated project's tests"),
)


def doctor(request: DoctorRequest) -> DoctorAnswer:
    """Answer `install.py doctor`."""
    ours = _look("helpers", sys.executable)
    looked = [ours]
    if request.python is not None:
        looked.append(_look("project", _found(request.python)))
    broken = _damage()
    states = list(_helpers(looked, broken))
    works = sum(state.works for state in states)
    return DoctorAnswer(
        ok=works == len(states) and not broken,
        headline=f"{works} of {len(states)} helpers work here completely"
        + (f"; {len(broken)} bundled files are missing or changed" if broken else ""),
        place=str(ROOT),
        kind=_kind(),
        version=__version__,
        damaged=broken,
        interpreters=looked,
        helpers=states,
        commands=list(_commands(looked, broken)),
    )


def _kind() -> Literal["clone", "skill", "helpers only"]:
    if (ROOT / "SKILL.md").is_file():
        return "skill"
    return "clone" if (ROOT / "skills").is_dir() else "helpers only"


def _damage() -> list[str]:
    if _kind() == "helpers only":
        return ["SKILL.md: missing", "templates/: missing"] if not (ROOT / "templates").is_dir() else []
    if _kind() == "clone":
        return [f"{name}/{wrong}" for name, folder in sources().items() for wrong in damaged(folder)]
    return damaged(ROOT)


def _found(python: Path) -> str:
    """The interpreter to ask, as a path that can be started; see `childproc.chosen`."""
    return childproc.chosen(python, "what the project can run depends on its own interpreter")


def _look(role: Literal["helpers", "project"], python: str) -> Interpreter:
    wanted = [need for need in NEEDS if need.role == role or role == "helpers"]
    command = [python, "-I", str(CHILD), *(need.name for need in wanted)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=LOOK_S, check=True)
        said = json.loads(ran.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise MissingError(
            "no-python",
            f"{python} does not answer ({error.__class__.__name__})",
            why="what is installed is asked of the interpreter itself",
            fix="check that it is a Python and starts",
        ) from error
    packages = []
    for need in wanted:
        version = said["packages"][need.name]
        packages.append(Package(name=need.name, version=version, needed_for=need.purpose, fits=fits(version, need)))
    return Interpreter(role=role, **{**said, "packages": packages})


def fits(version: str | None, need: Need) -> bool:
    """Whether an installed version is one that we accept.

    >>> torch = next(need for need in NEEDS if need.name == "torch")
    >>> fits("2.4.0+cpu", torch), fits("2.3.1", torch), fits(None, torch)
    (True, False, False)
    """
    if version is None:
        return False
    numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:3] if part.isdigit())
    return numbers >= need.lowest and (need.below is None or numbers[:1] < (need.below,))


def _helpers(looked: list[Interpreter], broken: list[str]) -> Iterator[HelperState]:
    for path in sorted(HELPERS.glob("*.py")):
        lacks = [
            f"{need.name} ({need.purpose})" for need in NEEDS if _concerns(need, path.stem) and not _has(looked, need)
        ]
        note = "without " + ", ".join(lacks) if lacks else ""
        if any(f"helpers/reproof/{path.stem}/" in wrong for wrong in broken):
            note = "; ".join(filter(None, [note, "its files are damaged"]))
        yield HelperState(name=path.stem, works=not note, note=note)


def _concerns(need: Need, helper: str) -> bool:
    return not need.helpers or helper in need.helpers


def _has(looked: list[Interpreter], need: Need) -> bool:
    """A project's need counts in the project's interpreter, where one was named."""
    seat = looked[-1] if need.role == "project" else looked[0]
    return any(package.name == need.name and package.fits for package in seat.packages)


def _commands(looked: list[Interpreter], broken: list[str]) -> Iterator[str]:
    for role in ("helpers", "project"):
        seat = looked[0] if role == "helpers" else looked[-1]
        lacks = [f'"{need.spec}"' for need in NEEDS if need.role == role and not _has(looked, need)]
        if lacks:
            yield f"{seat.path} -m pip install {' '.join(lacks)}"
    if broken and _kind() == "clone":
        yield f"{sys.executable} {HELPERS / 'install.py'} sync"
    elif broken:
        yield "install the skill again, from a clone: helpers/install.py install AGENT --replace"
