"""Every fault of the catalogue is flagged by its name and line; every engineering edit passes."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "fidelity"


def load(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARK / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


catalogue = load("catalogue")
run = load("run")
ALL = [*catalogue.FAULTS, *catalogue.OUTSIDE, *catalogue.STUBS]


def test_the_catalogue_is_large_enough():
    assert len(ALL) >= 160
    assert len(catalogue.ENGINEERING) >= 27


@pytest.mark.parametrize("fault", ALL, ids=lambda f: f"{f[0]} {f[1].strip()[:30]} - {f[2].strip()[:30]}")
def test_a_fault_is_flagged_with_its_operation_and_line(fault, tmp_path):
    file, old, new, word = fault
    text = (run.REFERENCE / f"{file}.py").read_text(encoding="utf-8")
    port = run.once(text, old, new)
    answer = run.ask(file, port, tmp_path)
    assert run.judged(answer, word, run.changed_line(text, port)[0], deleted=not new.strip()) == (True, True, True)


@pytest.mark.parametrize(
    ("name", "file", "changes"), catalogue.ENGINEERING, ids=lambda v: v if isinstance(v, str) else ""
)
def test_an_engineering_edit_passes(name, file, changes, tmp_path):  # noqa: ARG001
    answer = run.ask(file, run.edited(file, changes)[0], tmp_path)
    assert answer.ok, [d for u in answer.units if u.status == "changed" for d in u.differences]
