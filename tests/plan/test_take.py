"""Open fields are filled from the command line; nothing is taken that the paper does not say."""

import pytest
import yaml

from reproof.plan.command import main
from reproof.plan.take import field_named

PAPER = """# Small Flows

## 2 Training

We train for 4,000 steps with Adam and a batch size of 256. The learning rate is constant. We use no weight decay.

## A Details

With the batch size of 512 one step takes longer.
"""


@pytest.fixture
def draft(tmp_path):
    paper, plan = tmp_path / "paper.md", tmp_path / "plan.yaml"
    paper.write_text(PAPER, encoding="utf-8")
    assert main(["init", str(paper), "--out", str(plan), "--group", "toy"]) == 0
    return plan


def filled(draft, *picks):
    return main(["take", str(draft), *picks, "--paper", str(draft.parent / "paper.md")])


def phase(draft):
    return yaml.safe_load(draft.read_text(encoding="utf-8"))["groups"]["toy"]["phases"]["training"]


def test_a_candidate_brings_its_quote_and_place(draft):
    assert filled(draft, "toy.steps=@1", "batch_size=@2", "optimizer=adam@1") == 0
    steps, batch = phase(draft)["steps"], phase(draft)["batch_size"]
    assert steps["value"] == 4000 and "4,000 steps" in steps["quote"] and steps["where"] == "Section 2 Training"
    assert batch["value"] == 512 and "512" in batch["quote"] and batch["where"] == "Appendix A Details"
    assert phase(draft)["optimizer"]["value"] == "adam"


def test_words_of_the_paper_are_looked_up(draft):
    assert filled(draft, "schedule=constant@The learning rate is constant") == 0
    assert phase(draft)["schedule"] == {
        "value": "constant", "quote": "The learning rate is constant", "where": "Section 2 Training"}  # fmt: skip


def test_a_reason_makes_an_open_inference(draft):
    assert filled(draft, "ema_decay=0.999?no decay is printed; is it 0.99?", "grad_clip=null?none is mentioned") == 0
    found = phase(draft)
    assert found["ema_decay"] == {"value": 0.999, "inferred": "no decay is printed; is it 0.99?"}
    assert found["grad_clip"] == {"value": None, "inferred": "none is mentioned"}


def test_words_of_ours_stand_as_they_are_and_what_does_not_apply_goes(draft):
    before = draft.read_text(encoding="utf-8")
    assert filled(draft, "problem=What moves what? Mail a@b.", "budget_hours=3", "heads=-") == 0
    found = yaml.safe_load(draft.read_text(encoding="utf-8"))
    assert found["problem"] == "What moves what? Mail a@b." and found["compute"]["budget_hours"] == 3
    assert "heads" not in found["groups"]["toy"]["model"] and "width" in found["groups"]["toy"]["model"]
    assert draft.read_text(encoding="utf-8").count("#") == before.count("#"), "comments stay"


@pytest.mark.parametrize(
    ("pick", "problem"),
    [
        ("steps=4001@1", "the value is 4001"),
        ("steps=@9", "no number 9"),
        ("steps=@0", "no number 0"),
        ("steps=4000", "has no source"),
        ("steps=4000@We train for 4,001 steps", "does not stand in the paper"),
        ("steps=@We train for 4,000 steps", "needs the value before it"),
        ("steps=-", "is required"),
        ("stepz=@1", "no open field 'stepz' (did you mean"),
        ("train=x?y test=z", ""),
        ("steps", "is not FIELD=CHOICE"),
        ("steps=", "is not FIELD=CHOICE"),
        ("weight_decay=0.1@1", "the value is 0.1"),
    ],
)
def test_what_the_paper_does_not_say_is_not_taken(draft, capsys, pick, problem):
    before = draft.read_bytes()
    code = filled(draft, pick)
    if not problem:
        assert code == 0
        return
    assert code == 2 and draft.read_bytes() == before
    error = capsys.readouterr().err
    assert problem in error and "error[not-taken]" in error


def test_all_wrong_picks_are_named_and_the_right_ones_not_written(draft, capsys):
    before = draft.read_bytes()
    assert filled(draft, "steps=@1", "steps=@1", "lr=3", "nothing=@1") == 2
    error = capsys.readouterr().err
    assert all(words in error for words in ("filled twice", "lr: '3' has no source", "no open field 'nothing'"))
    assert draft.read_bytes() == before


def test_a_quote_of_ones_own_needs_the_paper(draft, capsys):
    assert main(["take", str(draft), "schedule=constant@The learning rate is constant"]) == 2
    assert "pass --paper" in capsys.readouterr().err


def test_a_field_has_one_meaning():
    paths = ["groups.toy.phases.fit.lr", "groups.image.phases.fit.lr", "groups.toy.phases.fit.warmup_steps"]
    assert field_named("toy.lr", paths) == paths[0] and field_named("image.fit.lr", paths) == paths[1]
    assert field_named("lr", paths).startswith("!") and field_named("steps", paths).startswith("!no open field")


def test_groups_are_filled_apart(tmp_path, helper):
    paper, plan = tmp_path / "paper.md", tmp_path / "plan.yaml"
    paper.write_text(PAPER, encoding="utf-8")
    done = helper("plan", "init", paper, "--out", plan, "--group", "toy", "--group", "image")
    assert done.returncode == 0 and "`groups.image.phases.training.steps`" in done.stdout
    assert "@1 256, @2 512" in done.stdout
    done = helper("plan", "take", plan, "toy.batch_size=@1", "image.batch_size=@2")
    assert done.returncode == 0, done.stderr
    groups = yaml.safe_load(plan.read_text(encoding="utf-8"))["groups"]
    assert [groups[g]["phases"]["training"]["batch_size"]["value"] for g in ("toy", "image")] == [256, 512]


def test_an_edit_that_would_take_more_than_the_field_is_refused(tmp_path, capsys):
    plan = tmp_path / "plan.yaml"
    text = 'model: {heads: {open: "attention heads; remove if none"}, width: 3}\nname: small\n'
    plan.write_text(text, encoding="utf-8")
    assert main(["take", str(plan), "heads=-"]) == 2
    assert "without changing something else" in capsys.readouterr().err
    assert plan.read_text(encoding="utf-8") == text
    assert main(["take", str(plan), "heads=null?no attention"]) == 0, "in its place it can be filled"
    assert plan.read_text(encoding="utf-8").splitlines()[0] == (
        'model: {heads: {value: null, inferred: "no attention"}, width: 3}'
    )
