"""The small computations that everything rests on, against values worked out by hand."""

import ast
from pathlib import Path

import numpy as np
import pytest

from reproof.probe import child
from reproof.probe.child import arrays, growth
from reproof.probe.codes import CODES
from reproof.probe.models import Finding
from reproof.probe.traps import TRAPS, trap_of
from reproof.probe.verdicts import _kind, outcome

DRAWN = {"low": 0.0, "high": 1.0, "scale": 1.0, "shift": 0.0, "dist": "normal"}


@pytest.mark.parametrize(
    ("a", "b", "gap"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0], [1.0, 1.0], 0.5),  # 1 of 2
        ([0.0], [0.0], 0.0),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf], [np.inf], 0.0),
        ([np.nan], [1.0], np.inf),
        ([np.inf], [1.0], np.inf),
        ([1e-30], [-1e-30], 2.0),
    ],
)
def test_the_difference_is_relative_to_the_larger_magnitude(a, b, gap):
    assert arrays.relative(np.array(a), np.array(b)) == gap


def test_other_shapes_are_infinitely_far():
    assert arrays.distance([np.zeros(2)], [np.zeros(3)]) == np.inf
    assert arrays.distance([np.zeros(2)], []) == np.inf


def test_weights_sum_to_one_along_the_last_axis():
    drawn = arrays.draw(DRAWN | {"dist": "weights"}, [3, 5], 0)
    assert drawn.sum(axis=1) == pytest.approx(np.ones(3))
    assert len(np.unique(drawn)) == 15
    assert (arrays.draw(DRAWN | {"dist": "equal_weights"}, [4], 0) == 0.25).all()


def test_a_grid_rises_from_low_to_high():
    assert arrays.draw(DRAWN | {"dist": "grid", "high": 2.0}, [5], 0).tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_integers_reach_from_low_to_below_high():
    drawn = arrays.draw(DRAWN | {"dist": "integers", "low": 3, "high": 5}, [1000], 0)
    assert set(drawn) == {3.0, 4.0}


def test_scale_comes_before_shift():
    assert arrays.draw(DRAWN | {"dist": "ones", "scale": 3.0, "shift": 1.0}, [1], 0).tolist() == [4.0]


def test_a_parabola_is_carried_on_exactly():
    at = [10, 20, 40]
    values = np.array([[5 + 2 * n + 3 * n * n] for n in at])
    assert growth._through(at, values, 320)[0] == pytest.approx(5 + 640 + 3 * 320 * 320)


def test_a_peak_that_moves_to_another_moment_is_found():
    """1000 N bytes, given back, then N squared: the second is the peak only from N = 1000 on."""
    at = [100, 200, 400]
    runs = [np.array([1000.0 * n, -1000.0 * n, n * n]) for n in at]
    assert max(np.cumsum(run).max() for run in runs) == 400_000
    assert growth._ahead(at, runs, 3200) == pytest.approx(3200**2)


def test_a_loop_that_turns_more_often_at_one_size_is_cut_out():
    """Points, then turns of a loop that takes N squared and gives it back, then a result of 8 N."""
    at, turns = [64, 128, 256], [2, 3, 5]
    runs = [np.array([4.0 * n] + [n * n, -n * n] * k + [8.0 * n, -4.0 * n]) for n, k in zip(at, turns, strict=True)]
    assert growth._ahead(at, runs, 2048) == pytest.approx(2048**2 + 4 * 2048)


def test_runs_that_cannot_be_matched_are_fitted_by_their_peaks():
    runs = [np.array([float(n * n), *[1.0, -1.0, 5.0, -5.0][:k]]) for k, n in enumerate((4, 8, 16))]
    runs[1][0], runs[2][1] = -runs[1][0], -1.0
    assert growth._aligned([4, 8, 16], runs) is None
    assert growth._fit([4, 8, 16], [16, 64, 256], 32) == pytest.approx(1024)


def test_time_goes_on_as_between_the_last_two_sizes_at_most_with_the_cube():
    assert growth._later([64, 128, 256], [1.0, 1.0, 4.0], 512) == pytest.approx(16.0)
    assert growth._later([64, 128, 256], [1.0, 1.0, 16.0], 512) == pytest.approx(128.0)
    assert growth._later([64, 128, 256], [1.0, 2.0, 1.0], 512) == pytest.approx(1.0)


@pytest.mark.parametrize(("batch", "at"), [(256, [64, 128, 256]), (16, [4, 8, 16]), (15, [15, 30, 60]), (1, [1, 2, 4])])
def test_three_sizes_include_the_batch(batch, at):
    assert growth.sizes(batch) == at


@pytest.mark.parametrize(
    ("category", "message", "code"),
    [
        ("UserWarning", "Using a target size (torch.Size([8])) different to the input size", "broadcast_warning"),
        ("UserWarning", "Sinkhorn did not converge. Increase numItermax", "not_converged"),
        ("UserWarning", "numItermax reached before optimality", "not_converged"),
        ("FutureWarning", "anything", "deprecated"),
        ("UserWarning", "RK4: Unexpected arguments {'stepsize': 0.1}", "ignored_argument"),
        ("UserWarning", "the weather is fine", "warning"),
    ],
)  # fmt: skip
def test_a_warning_is_the_finding_that_its_words_say(category, message, code):
    assert _kind(category, message) == code


def test_the_gravest_finding_decides():
    def made(severity):
        return Finding(code="x", severity=severity, what="x")

    assert outcome([]) == outcome([made("note")]) == "pass"
    assert outcome([made("note"), made("warn")]) == "warn"
    assert outcome([made("warn"), made("fail"), made("note")]) == "fail"


def test_every_trap_names_codes_that_exist_and_a_slug_of_its_own():
    assert {code for trap in TRAPS for code in trap.codes.split()} <= set(CODES)
    assert len({trap.slug for trap in TRAPS}) == len(TRAPS)


@pytest.mark.parametrize(
    ("target", "code", "what", "slug"),
    [
        ("geomloss.SamplesLoss", "differs", "says 17.46, this call 8.728, ratio 0.4998; relative", "geomloss-half-w2"),
        ("geomloss.SamplesLoss", "differs", "says 17.46, this call 9, ratio 0.7; relative", None),
        ("ot.emd", "no_grad", "", "pot-emd-plan-no-grad"),
        ("ot.emd2", "no_grad", "", None),
        ("robot.emd", "no_grad", "", None),
    ],
)  # fmt: skip
def test_a_trap_is_known_by_target_code_and_words(target, code, what, slug):
    found = trap_of(target, code, what)
    assert (found.slug if found else None) == slug


@pytest.mark.parametrize("path", sorted(Path(child.__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_the_child_can_be_read_by_python_3_8_and_uses_nothing_of_ours(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    used = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    assert not [name for name in used if name.startswith("reproof")]


def test_every_code_the_child_reports_has_a_severity():
    reported = set()
    for path in Path(child.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_report = isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "finding", "stop", "NotFound")  # fmt: skip
            if is_report and node.args and isinstance(node.args[0], ast.Constant):
                reported.add(node.args[0].value)
    assert len(reported) > 30
    assert reported | {"init_error"} <= set(CODES)
