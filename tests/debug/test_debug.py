"""Each planted defect is named; healthy models of several families raise no alarm."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from reproof.debug.command import main
from reproof.debug.verdicts import FADING_FRAC, GONE_FRAC, checks

FILE = Path(__file__).with_name("subjects.py")
spec = importlib.util.spec_from_file_location("debug_subjects", FILE)
subjects = importlib.util.module_from_spec(spec)
spec.loader.exec_module(subjects)


def looked_at(make, fit_s=600):
    """Checks by id, measured in this process; the time limit for learning a batch is one that no machine meets."""
    import torch

    from reproof.debug.child import job
    from reproof.debug.child.subject import Subject, checked

    torch.manual_seed(0)
    subject, found = Subject(checked(make()), {"steps": 40, "fit_s": fit_s}, make.__name__), {}
    before = {name: tensor.clone() for name, tensor in subject.model.state_dict().items()}
    for name, measure in job._measurements({}):
        job._measured(name, measure, subject, lambda name, values, _: found.update({name: job._plain(values)}))
    after = subject.model.state_dict()
    assert all(torch.equal(tensor.nan_to_num(), after[name].nan_to_num()) for name, tensor in before.items())
    return {check.id: check for check in checks(json.loads(json.dumps(found)))}


@pytest.mark.parametrize("make", subjects.HEALTHY, ids=lambda m: m.__name__)
def test_a_healthy_model_raises_no_alarm(make):
    found = looked_at(make)
    assert {name: check.why for name, check in found.items() if check.state == "FAIL"} == {}
    assert found["overfit"].state == "PASS", found["overfit"].why


@pytest.mark.parametrize("make", subjects.PLANTED, ids=lambda m: m.__name__)
def test_a_planted_defect_is_named(make):
    found = looked_at(make)
    assert found[subjects.PLANTED[make]].state == "FAIL", {name: check.state for name, check in found.items()}
    assert found[subjects.PLANTED[make]].look_at


def test_the_first_module_and_step_are_named():
    why = looked_at(subjects.log_of_negative)["finite"].why
    assert why == "step 0, forward: first in 2 (Apply); its inputs were finite"
    assert "SqrtBackward0" in looked_at(subjects.root_at_zero)["finite"].why or "PowBackward0" in (
        looked_at(subjects.root_at_zero)["finite"].why
    )


def test_two_losses_that_are_not_a_number_are_the_same_loss():
    assert "repeatable" not in looked_at(subjects.log_of_negative)


def test_samples_that_see_each_other_are_worth_a_look():
    assert looked_at(subjects.batch_mean_taken)["samples-apart"].state == "WARN"
    assert looked_at(subjects.mlp)["samples-apart"].state == "PASS"


def test_causal_attention_is_seen_as_such():
    assert "causal: nothing lies in the future" in looked_at(subjects.language_model)["attention"].why
    assert "causal" not in looked_at(subjects.attention)["attention"].why


def gradients(least):
    rows = [{"module": name, "kind": "Linear", "order": i, "norms": [norm], "parameters": 1, "called": True,
             "weight_norm": 1.0} for i, (name, norm) in enumerate({"first": least, "last": 1.0}.items())]  # fmt: skip
    watch = {"first_bad": None, "steps": 1, "moved": True, "gradients": rows, "activations": []}
    return {check.id: check.state for check in checks({"watch": watch})}["gradients-vanish"]


def test_gradients_vanish_at_the_thresholds_that_are_named():
    assert [gradients(FADING_FRAC), gradients(0.99 * FADING_FRAC)] == ["PASS", "WARN"]
    assert [gradients(GONE_FRAC), gradients(0.99 * GONE_FRAC)] == ["WARN", "FAIL"]


def fit(last, floor=0.0, hurried=False):
    values = {"losses": [1.0, last], "floor": floor, "steps": 1, "lr": 1e-3, "hurried": hurried}
    return {check.id: check.state for check in checks({"fit": values})}["overfit"]


def test_by_heart_is_a_tenth_of_the_first_loss_above_its_floor():
    assert [fit(0.1), fit(0.11), fit(0.9), fit(0.91)] == ["PASS", "WARN", "WARN", "FAIL"]
    assert fit(0.54, floor=0.5) == "PASS"
    assert fit("nan") == "FAIL"


def test_a_curve_that_time_cut_short_is_not_called_stuck():
    assert fit(0.91, hurried=True) == "WARN"
    assert [fit(0.1, hurried=True), fit("nan", hurried=True)] == ["PASS", "FAIL"]
    found = looked_at(subjects.mlp, fit_s=1e-9)["overfit"]  # time for no step at all
    assert found.state == "WARN"
    assert "time ran out first" in found.why
    assert "in 0 steps of" in found.why


def test_a_process_that_dies_is_said_and_what_it_had_measured_stays(capsys):
    assert main([f"{FILE}:ends_the_process", "--json"]) == 4
    (looked,) = json.loads(capsys.readouterr().out)["looked"]
    assert (looked["ended"], looked["subject"]["model"]) == ("exit code 9", "Sequential")
    assert looked["checks"][0]["why"] == "exit code 9 while it was measured"


def test_the_page_holds_its_pictures_and_fetches_nothing(tmp_path, capsys):
    assert main([f"{FILE}:attention", "--steps", "20", "--out", str(tmp_path), "--python", sys.executable]) == 0
    assert "nothing broken was found" in capsys.readouterr().out
    page = (tmp_path / "debug.html").read_text()
    assert page.count("<svg") == 5  # curve, gradients, outputs, two heads
    assert "<script" not in page and "src=" not in page and "href=" not in page
    assert json.loads((tmp_path / "debug.json").read_text())["ok"] is True


@pytest.mark.parametrize(
    ("code", "slug"),
    [("def f():\n    return 3\n", "bad-subject"), ("def g():\n    return 3\n", "no-subject"),
     ("def f():\n    raise KeyError('x')\n", "subject-fails"), ("def f(:\n", "subject-fails"),
     ("import torch\ndef f():\n    return {'model': torch.nn.Linear(1, 1), 'stepp': 1}\n", "bad-subject")],
)  # fmt: skip
def test_what_is_no_subject_is_refused_in_three_lines(code, slug, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(code)
    assert main([f"{tmp_path / 'mine.py'}:f"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error[{slug}]")
    assert len(error.strip().splitlines()) == 3


def test_what_is_not_there_is_said(tmp_path, capsys):
    assert main([str(tmp_path / "absent.py:f")]) == 2
    assert "error[no-subject]" in capsys.readouterr().err
    assert main([f"{FILE}:mlp", "--python", str(tmp_path / "python")]) == 3
    assert "error[no-python]" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "error[no-project]" in capsys.readouterr().err
