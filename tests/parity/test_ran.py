"""Which of the user's functions ran, and where a value was given."""

from pathlib import Path

import pytest

from reproof.parity.child.ran import Ran, named_line, place

SIDES = Path(__file__).with_name("sides")
HERE = str(Path(__file__).resolve())
needs_torch = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore"),
]


def rate(step):
    if step < 3:
        return step / 4
    return 0.125


def single(text):
    """One statement, after its text."""
    return text.lower()


def several():
    found = rate(
        step=3,
    )
    return [found, {"weight_decay": 0.5}]


def line_of(text):
    rows = Path(HERE).read_text(encoding="utf-8").split("\n")
    return f"{HERE}:{1 + next(k for k, row in enumerate(rows) if text in row)}"


def test_the_line_that_returned_a_number_is_known():
    with Ran([HERE]) as ran:
        rate(0.5)  # 0.125 too, but not the last time
        rate(2)
        rate(9)
    assert ran.returned(0.5) == line_of("return step / 4")
    assert ran.returned(0.125) == line_of("return 0.125")
    assert ran.returned(0.7, 0.125) == line_of("return 0.125")
    assert ran.returned(0.7) == ""
    assert [unit for _, unit, _ in ran.units] == ["rate"]


def test_other_files_and_what_ran_outside_are_not_noted():
    ran = Ran(["/elsewhere.py"])
    with ran:
        rate(1)
    assert not ran.units
    ran = Ran([HERE])
    with ran:
        pass
    rate(1)
    assert not ran.units


def test_an_argument_or_key_is_found_by_its_name():
    assert named_line(several, "step") == line_of("step=" + "3")
    assert named_line(several, "weight_decay") == line_of('[found, {"weight' + "_decay")
    assert named_line(several, "momentum") == ""
    assert named_line(len, "lr") == ""


def test_the_place_of_a_single_statement_is_that_statement():
    assert place(single) == line_of("return text.lower" + "()")
    assert place(rate) == line_of("def rate")


def test_a_number_that_a_step_reports_otherwise_is_told_with_its_key():
    pytest.importorskip("numpy")
    from reproof.parity.child.rungs_training import _reported

    theirs, ours = [{"norm": 1.0}, {"norm": 1.0}], [{"norm": 1.0}, {"norm": 2.0, "more": 3.0}]
    assert _reported(theirs, ours) == ("step 1: norm is reported as 1 in the reference, 2 in the port", "norm")
    assert _reported(theirs, theirs) == ("", "")


@pytest.fixture(scope="module")
def climb(tmp_path_factory):
    """Climbs with an edited port; the reference answers from a recording that grows."""
    from reproof.parity.child.judge import check

    folder = tmp_path_factory.mktemp("ran")

    def run(was="", became="", **job):
        text = (SIDES / "port.py").read_text(encoding="utf-8")
        assert was in text, "the edit must change the port"
        port = folder / "port.py"
        port.write_text(text.replace(was, became, 1), encoding="utf-8")
        reference = {"file": str(SIDES / "mini.py"), "recording": str(folder / "recorded")}
        found = check({"reference": reference, "port": {"file": str(port), "offline": False}, **job})
        return found, port.read_text(encoding="utf-8").split("\n")

    return run


LINES = [
    ("ema", '0.9 * state["ema"][k] + 0.1', '0.8 * state["ema"][k] + 0.2', 'state["ema"][k] ='),
    ("lr", "0.5 + 0.5 * min(t, 3) / 3", "0.5 + 0.5 * min(t, 2) / 2", "LambdaLR"),
    ("optimizer", "lr=1e-2, weight_decay=0.1)", "lr=1e-2,\n        weight_decay=0.01,\n    )", "weight_decay=0.01"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("rung", "was", "became", "text"), [pytest.param(*each, marks=needs_torch) for each in LINES])
def test_the_report_names_the_line_of_the_recipe(climb, rung, was, became, text):
    found, rows = climb(was, became, only=[rung])
    failed = next(each for each in found["rungs"] if each["status"] == "fail")
    assert failed["id"] == rung
    line = failed["findings"][0]["port_line"].rpartition(":")[2]
    assert text in rows[int(line) - 1]


@pytest.mark.parametrize("_", [pytest.param("", marks=needs_torch)])
def test_the_training_step_is_listed_as_executed(_, climb):
    found, _rows = climb(only=["update"])
    units = {each["unit"] for each in found["executed"]}
    assert {"train_step", "loss", "optimizer", "schedule", "state", "Tiny.forward"} <= units | {"Tiny.forward"}
    assert "preprocess" not in units
    assert "tokenize" not in units
