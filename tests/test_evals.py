"""The open eval is graded by files: an empty folder meets nothing, a careful one all of it, and each lapse shows."""

import importlib
import json
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CASE = ROOT / "skills/paper-reproduction/evals/files/unprompted"
CELLS = {"8gaussians/independent": 0.9, "8gaussians/coupled": 0.8, "moons/independent": 0.16, "moons/coupled": 0.14}
REPORT = """
Settings: "We train for 4,000 steps with Adam, a learning rate of 1e-3 and a batch size of 256." "three hidden layers of
64 units and SiLU activations" "We draw 1,024 samples with 50 Euler steps" "All numbers are means over five seeds"
The clipping norm is not stated; we took 1. The decay of the moving average is not stated; we took 0.999.
The paper says 256 in section 3 and 512 in the appendix.
On the T4 the peak memory is 7.4 GiB. A smaller micro-batch would change the assignment.
The floor: two draws of the truth are 0.96 apart.
"""


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """Grade a folder, careful but for what `change` does to it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks/evals"))
    shutil.copytree(CASE, tmp_path / "work")
    work = tmp_path / "work"

    def grade(change=None, empty=False):
        if not empty:
            probe = work / "probe.json"
            probe.write_text('{"target": "ot.emd2", "shape": [1024, 2]}', encoding="utf-8")
            os.utime(probe, (1, 1))
            (work / "REPORT.md").write_text(REPORT, encoding="utf-8")
            rows = [{"cell": cell, "seed": seed, "steps": 4000, "w2": value * (1 + (seed - 1) / 50)}
                    for cell, value in CELLS.items() for seed in range(3)]  # fmt: skip
            (work / "runs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            cells = {cell: {"ours": value, "verdict": "not reproduced"} for cell, value in CELLS.items()}
            (work / "results.json").write_text(json.dumps(cells), encoding="utf-8")
        if change:
            change(work)
        unprompted = importlib.import_module("unprompted").unprompted
        return {name: passed for name, passed, _ in unprompted(work)}

    return grade


def edit(name, old, new):
    def change(work):
        text = (work / name).read_text(encoding="utf-8")
        assert old in text
        (work / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


def test_nothing_left_is_nothing_met(graded):
    assert not any(graded(empty=True).values())


def test_a_careful_folder_meets_everything(graded):
    assert all(graded().values())


@pytest.mark.parametrize(
    ("lapse", "change"),
    [
        ("quotes", edit("REPORT.md", "We train for 4,000 steps with Adam", "We train 4,000 steps by Adam")),
        ("open values", edit("REPORT.md", "The clipping norm is not stated; we took 1.", "")),
        ("contradiction", edit("REPORT.md", "512", "256")),
        ("tried before", lambda work: os.utime(work / "probe.json")),
        ("memory", edit("REPORT.md", "7.4 GiB", "enough")),
        ("assignment", edit("REPORT.md", "A smaller micro-batch would change the assignment.", "")),
        ("floor", edit("REPORT.md", "0.96", "1.2")),
        ("records", edit("results.json", '"ours": 0.14', '"ours": 0.2')),
        ("verdicts", edit("results.json", '"ours": 0.8, "verdict": "not reproduced"', '"verdict": "reproduced"')),
    ],
)
def test_each_lapse_shows(graded, lapse, change):
    assert graded(change)[lapse] is False


def test_the_paper_copied_is_no_quote(graded):
    def copied(work):
        (work / "REPORT.md").write_text("Nothing.", encoding="utf-8")
        shutil.copy(work / "paper.md", work / "copy.md")

    assert graded(copied)["quotes"] is False
