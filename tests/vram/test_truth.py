"""The script that compares with a GPU: its halves, its fit and its figures, on rows made up by hand."""

import importlib.util
import json
import sys
import types
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "vram_truth.py"
GIB, MIB = 2**30, 2**20


@pytest.fixture(scope="module")
def truth():
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        spec = importlib.util.spec_from_file_location("vram_truth", SCRIPT)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPT.parent))
    return module


def row(name, sure, guess, taken, context=300 * MIB):
    """A case whose estimate is right but for the share of the guess that is really taken."""
    real = sure + int(taken * guess)
    return {
        "name": name,
        "why": "",
        "estimate": {"allocated": sure + guess, "sure": sure, "reserved": sure + guess, "reserved_sure": sure},
        "truth": {"allocated": real, "reserved": real, "context": context, "device": real + context, "step_s": 0.1},
    }


def test_both_halves_have_cases_and_a_name_stays_in_its_half(truth):
    names = [name for name, *_ in truth.cases()]
    assert len(names) == len(set(names)) >= 40
    first = [name for name in names if truth.first_half(name)]
    assert 0.3 < len(first) / len(names) < 0.7
    assert first == [name for name in names if truth.first_half(name)]


def test_every_case_can_be_asked_of_a_gpu_as_json(truth):
    for _, path, function, given in truth.cases():
        assert json.loads(json.dumps(given)) == given
        assert f"def {function}(" in path.read_text()


def test_the_fit_finds_what_is_really_taken_and_a_small_guess_says_nothing(truth):
    rows = [row(str(i), GIB, 100 * MIB, 0.25, context=(300 + i) * MIB) for i in range(5)]
    rows.append(row("tiny", GIB, 1 * MIB, 9.0, context=302 * MIB))
    assert truth.fitted(rows) == {"context": 302 * MIB, "share": pytest.approx(0.25)}
    assert truth.fitted([row("none", GIB, 0, 1)])["share"] == 1.0


def test_figures_by_hand(truth):
    rows = [row(str(i), GIB, 100 * MIB, 0.0) for i in range(20)]
    found = truth.summary(rows, truth.UNFITTED)
    assert found["allocated, median"] == pytest.approx(100 * MIB / GIB)
    assert found["underestimates over 5 %"] == 0
    exact = truth.summary(rows, {"context": 300 * MIB, "share": 0.0})
    assert exact["allocated, 95th percentile"] == 0
    assert exact["verdicts right"] == 1.0
    assert exact["'fits' that run out"] == 0
    low = truth.summary([row("low", GIB, 200 * MIB, 1.0)], {"context": 0, "share": 0.0})
    assert low["underestimates over 5 %"] == 1.0
    assert low["'fits' that run out"] > 0


@pytest.mark.parametrize(("share", "value"), [(50, 10), (95, 19), (100, 20)])
def test_percentiles_of_one_to_twenty(truth, share, value):
    assert truth.percentile(list(range(1, 21)), share) == value


def test_the_table_tells_the_other_half_and_what_was_not_measured(truth):
    rows = [row(name, GIB, 100 * MIB, 0.5) for name, *_ in truth.cases()]
    rows.append({"name": "broken", "why": "no package", "estimate": None, "truth": None})
    record = {"date": "2026-01-01", "device": "H200", "torch": "2", "driver": "1", "rows": rows}
    text = "\n".join(truth.table(record))
    assert "0.50 of" in text
    assert "| allocated, median | ≤ 1.5 % | 4.66% | 0.00% |" in text
    assert "Not measured: broken: no package" in text
    few = "\n".join(truth.table({**record, "rows": rows[:1]}))
    assert "too few for two halves" in few


DEVICE = {"name": "NVIDIA H100 80GB HBM3", "capability": [9, 0], "total_bytes": 79 * GIB, "driver": "580.1",
          "others_bytes": 0}  # fmt: skip
FOUND = {
    "device": DEVICE, "torch": "2.13.0+cu130", "cuda": "13.0", "cudnn": 91900, "error": None, "ran_out": "",
    "step_s": [0.3, 0.1], "allocated_peak_bytes": GIB, "reserved_peak_bytes": 2 * GIB, "reserved_bytes": GIB,
    "taken_bytes": GIB + 300 * MIB, "taken_how": "process", "device_bytes": 9 * GIB, "left_bytes": 0,
    "peaks": [[0, 0], [GIB, 2 * GIB], [0, 0]], "workspace_bytes": 0,
    "categories": dict.fromkeys(("parameters", "gradients", "optimizer state", "buffers"), 0),
}  # fmt: skip


def words(tmp_path, **more):
    given = {"out": tmp_path / "t.json", "resume": False, "only": "geomloss", "dry_run": False, "no_gpu": False,
             "no_trace": True, "gpu": "T4", "index": 0, "budget_s": 100.0}  # fmt: skip
    return types.SimpleNamespace(**{**given, **more})


def test_every_case_is_written_as_soon_as_it_is_measured_and_resuming_does_the_rest(truth, tmp_path, monkeypatch):
    asked = []

    def ask(job, _python, _timeout_s):
        asked.append(job["arguments"])
        if len(asked) == 2:
            raise KeyboardInterrupt  # the machine goes
        return FOUND

    monkeypatch.setattr(truth, "ask", ask)
    with pytest.raises(KeyboardInterrupt):
        truth.collect(words(tmp_path))
    first, *others = json.loads((tmp_path / "t.json").read_text())["rows"]
    assert (first["truth"]["device"], first["truth"]["context"]) == (2 * GIB + 300 * MIB, 300 * MIB)
    assert [row["why"] for row in others] == ["not run", "not run"]
    record = truth.collect(words(tmp_path, resume=True))
    assert len(asked) == 4  # three cases, one of them tried twice
    assert all(row["truth"] for row in record["rows"])
    assert "2.13.0+cu130, cuda 13.0, cudnn 91900, driver 580.1" in "\n".join(truth.table(record))


def test_no_time_an_error_and_no_memory_are_kept_with_their_reasons(truth, tmp_path, monkeypatch):
    answers = iter([{**FOUND, "ran_out": "CUDA out of memory"}, {**FOUND, "error": {"text": "no package"}}])
    monkeypatch.setattr(truth, "ask", lambda *_: next(answers))
    clock = iter([0.0, 1.0, 2.0, 200.0])
    monkeypatch.setattr(truth.time, "monotonic", lambda: next(clock))
    rows = truth.collect(words(tmp_path))["rows"]
    assert [row.get("ran_out", False) for row in rows] == [True, False, False]
    assert rows[0]["usable"] == 79 * GIB
    assert "no package" in rows[1]["why"]
    assert rows[2]["why"] == "no time was left"


def test_a_case_that_ran_out_counts_for_the_verdicts(truth):
    fits = {"estimate": row("x", GIB, 0, 0)["estimate"], "usable": 40 * GIB}
    full = {"estimate": row("x", 80 * GIB, 0, 0)["estimate"], "usable": 40 * GIB}
    rows, exact = [row("a", GIB, 0, 0)], {"context": 300 * MIB, "share": 0.0}
    assert truth.summary(rows, exact)["verdicts right"] == 1.0
    assert truth.summary(rows, exact, [full])["verdicts right"] == 1.0
    wrong = truth.summary(rows, exact, [fits])
    assert wrong["verdicts right"] == pytest.approx(6 / 7)
    assert wrong["'fits' that run out"] == 1


def test_a_case_that_was_measured_and_not_traced_is_named(truth):
    rows = [row(name, GIB, 100 * MIB, 0.5) for name, *_ in truth.cases()]
    rows[0].update(estimate=None, why="an operator without a fake kernel")
    record = {"date": "2026-01-01", "device": "H200", "torch": "2", "driver": "1", "rows": rows}
    assert f"Not traced: {rows[0]['name']}: an operator" in "\n".join(truth.table(record))
