"""Real libraries: every known trap is reported under its own name, and right calls are left in peace."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from reproof.probe.command import probe
from reproof.probe.models import RunRequest

from .conftest import LIBRARY

pytestmark = [pytest.mark.torch, pytest.mark.slow]
SPECS = Path(__file__).parent / "specs"
TRAPS = sorted(path for path in SPECS.glob("*.yaml") if not path.stem.startswith("right"))
RIGHT = sorted(SPECS.glob("right*.yaml"))


def answer(path):
    modules = [library["name"] for library in yaml.safe_load(path.read_text())["libraries"]]
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; benchmarks/probe_traps.py tells how to run this")
    return probe(RunRequest(plan=path, path=[LIBRARY], timeout_s=60.0))


@pytest.mark.parametrize("path", TRAPS, ids=lambda path: path.stem)
def test_every_trap_is_reported_with_its_slug(path):
    cases = answer(path).cases
    missed = {case.id: case.because for case in cases if case.because not in [f.trap for f in case.findings]}
    assert missed == {}
    assert len(cases) == len(yaml.safe_load(path.read_text())["libraries"][0]["calls"])


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_no_right_call_is_complained_about(path):
    wrong = {c.id: [f.what for f in c.findings] for c in answer(path).cases if c.outcome != "pass"}
    assert wrong == {}
