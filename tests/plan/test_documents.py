"""What a complete plan says, which contradictions a person has decided, and the documents for people."""

import json

import pytest
import yaml

from reproof.plan.quotes import text_of, value_in, wrong_where

PARTS = [
    ("protocol", "protocol.splits"),
    ("parameters", "parameters"),
]


def answer(result):
    assert result.returncode in (0, 4), result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(("key", "named"), PARTS)
def test_what_a_complete_plan_says_and_this_one_does_not_is_named(helper, write_plan, plan_data, paper, key, named):
    del plan_data["experiments"]["toy"][key]
    found = answer(helper("plan", "check", write_plan(plan_data), "--paper", paper, "--json"))
    assert f"experiments.toy.{named}" in [item["path"] for item in found["incomplete"]]
    assert "not said" in found["headline"]


def test_a_distance_that_may_be_squared_is_not_defined(helper, write_plan, plan_data):
    del plan_data["experiments"]["toy"]["evaluation"]["definition"]["squared"]
    found = answer(helper("plan", "check", write_plan(plan_data), "--json"))
    assert [item["path"] for item in found["incomplete"]] == ["experiments.toy.evaluation.definition.squared"]


def test_a_phase_without_its_loss_is_not_complete(helper, write_plan, plan_data):
    del plan_data["experiments"]["toy"]["phases"]["fit"]["objective"]
    found = answer(helper("plan", "check", write_plan(plan_data), "--json"))
    assert [item["path"] for item in found["incomplete"]] == ["experiments.toy.phases.fit.objective"]


def test_what_a_group_says_holds_for_its_experiments(helper, write_plan, plan_data):
    toy = plan_data["experiments"]["toy"]
    plan_data["groups"] = {"shared": {"protocol": toy.pop("protocol"), "parameters": toy.pop("parameters")}}
    toy["group"] = "shared"
    toy["protocol"] = {"splits": {"test": {"value": 64, "inferred": "not stated"}}}
    found = answer(helper("plan", "check", write_plan(plan_data), "--json"))
    assert found["incomplete"] == []


TWO_PLACES = """# A Small Paper

## 3 Training

We train the network for 200 steps with batch size 16 and no weight decay.
We used the Adam optimizer with β 1 = 0.9, β 2 = 0.999 and a learning rate of 10 −4 .

## 4 Details

We train the network with a batch size of 32.

## Table 1

Ours 0.285 0.144
"""


def signed(data):
    if isinstance(data, dict):
        if "inferred" in data:
            data["signed"] = {"by": "A Person", "on": "2026-01-01"}
        for value in data.values():
            signed(value)
    return data


def test_a_contradiction_waits_for_a_person_and_stays_decided(helper, write_plan, plan_data, tmp_path):
    paper = tmp_path / "two.md"
    paper.write_text(TWO_PLACES, "utf-8")
    plan = write_plan(signed(plan_data))
    path = "experiments.toy.phases.fit.batch_size"
    found = answer(helper("plan", "check", plan, "--paper", paper, "--json"))
    assert [(c["path"], c["other"]) for c in found["contradictions"]] == [(path, 32)]
    assert not found["ok"]
    before = plan.read_text("utf-8")
    helper("plan", "signoff", plan, path, "--over", 64, "--by", "Ada Lovelace")
    assert answer(helper("plan", "check", plan, "--paper", paper, "--json"))["settled"] == []
    result = helper("plan", "signoff", plan, path, "--over", 32, "--by", "Ada Lovelace", "--note", "asked the authors")
    assert result.returncode == 0, result.stderr
    assert plan.read_text("utf-8").startswith(before.rstrip())
    found = answer(helper("plan", "check", plan, "--paper", paper, "--json"))
    assert found["ok"] and found["contradictions"] == []
    assert [c["path"] for c in found["settled"]] == [path]
    assert [s["over"] for s in yaml.safe_load(plan.read_text("utf-8"))["settled"]] == [64.0, 32.0]


def test_a_decision_is_about_a_quoted_value(helper, write_plan, plan_data):
    plan = write_plan(plan_data)
    result = helper("plan", "signoff", plan, "experiments.toy.parameters", "--over", 3, "--by", "Ada Lovelace")
    assert result.returncode == 2
    assert "error[not-quoted]" in result.stderr


def test_a_quote_that_stands_elsewhere_keeps_the_answer_at_no(helper, write_plan, plan_data, tmp_path):
    paper = tmp_path / "two.md"
    paper.write_text(TWO_PLACES.replace("a batch size of 32", "care"), "utf-8")
    plan_data["experiments"]["toy"]["phases"]["fit"]["steps"]["where"] = "4"
    found = answer(helper("plan", "check", write_plan(signed(plan_data)), "--paper", paper, "--json"))
    assert not found["ok"] and "stand elsewhere" in found["headline"]
    assert [finding["path"] for finding in found["misplaced"]] == ["experiments.toy.phases.fit.steps"]


def test_adam_is_not_adamw():
    assert value_in("adam", "We use AdamW throughout.")
    assert value_in("mlp", "We use two MLPs throughout.") == ""
    assert value_in("unet", "the U-Net of the paper") == ""


def test_all_three_documents_are_written_and_nothing_of_a_persons_is_replaced(
    helper, write_plan, plan_data, paper, tmp_path
):
    plan_data["orders"] = [
        {"id": "order/1", "metric": "w2", "direction": "lower", "quote": "Ours 0.285 0.144", "where": "Table 1",
         "ranking": [{"method": "Ours", "experiment": "toy"}, {"method": "Theirs"}]}
    ]  # fmt: skip
    plan_data["notes"] = [{"reading": 2, "says": "The network is small.", "where": "3"}]
    plan, out = write_plan(plan_data), tmp_path / "docs"
    assert helper("plan", "render", plan, "--paper", paper, "--out", out).returncode == 0
    texts = {path.name: path.read_text("utf-8") for path in out.iterdir()}
    assert sorted(texts) == ["CLAIMS.md", "NOTES.md", "PLAN.md"]
    assert "table1/toy/10" in texts["CLAIMS.md"] and "Ours (toy) > Theirs" in texts["CLAIMS.md"]
    assert "## 2. How it works" in texts["NOTES.md"] and "The network is small." in texts["NOTES.md"]
    assert "Section 3 Training" in texts["NOTES.md"]
    assert "|v - u|^2".replace("|", "\\|") in texts["PLAN.md"]
    assert helper("plan", "render", plan, "--out", out).returncode == 0
    (out / "NOTES.md").write_text("mine", "utf-8")
    result = helper("plan", "render", plan, "--out", out)
    assert result.returncode == 2 and "error[file-exists]" in result.stderr
    assert (out / "NOTES.md").read_text("utf-8") == "mine"


def test_one_document_at_a_time_goes_to_stdout(helper, write_plan, plan_data):
    result = helper("plan", "render", write_plan(plan_data), "--document", "claims")
    assert result.stdout.startswith("# Claims: A Small Paper")


def order(**changes):
    side = {"method": "Ours", "experiment": "toy"}
    return {"id": "order/1", "metric": "w2", "direction": "lower", "ranking": [side, {"method": "Theirs"}],
            "quote": "Ours 0.285 0.144", "where": "Table 1", **changes}  # fmt: skip


def curve(**changes):
    return {"id": "curve/1", "figure": "Figure 1", "experiment": "toy", "metric": "w2", "series": "step",
            "points": [[1, 2.0], [10, 1.0]], "reading_error_y": 0.1, "quote": "Ours 0.285 0.144",
            "where": "Table 1", **changes}  # fmt: skip


def ablation(**changes):
    return {"experiment": "toy", "overrides": {"phases.fit.lr": {"value": 1e-3, "inferred": "ten times"}},
            "why": "is the rate critical?", "claims": ["order/1"], **changes}  # fmt: skip


def test_orders_curves_and_ablations_are_checked_like_the_rest(helper, write_plan, plan_data, paper):
    plan_data |= {"orders": [order(quote="Ours 0.258 0.144")], "curves": [curve()], "ablations": {"fast": ablation()}}
    found = answer(helper("plan", "check", write_plan(plan_data), "--paper", paper, "--json"))
    status = {item["path"]: item["status"] for item in found["items"]}
    assert status["orders.order/1"] == "NOT_IN_PAPER"
    assert status["curves.curve/1"] == "VERIFIED"
    assert status["ablations.fast.overrides.phases.fit.lr"] == "OPEN"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"orders": [order(ranking=[{"method": "A", "experiment": "tyo"}, {"method": "B"}])]}, "did you mean toy"),
        ({"orders": [order()], "curves": [curve(id="order/1")]}, "id used twice: order/1"),
        ({"curves": [curve(points=[[2, 1.0], [2, 2.0]])]}, "x must rise"),
        ({"curves": [curve(points=[[0, 1.0], [2, 2.0]], x_log=True)]}, "x_log, and x is 0"),
        ({"curves": [curve(reading_error_y=0)]}, "greater than 0"),
        ({"curves": [curve(ablation="fast")]}, "no ablation 'fast'"),
        ({"ablations": {"fast": ablation()}}, "no claim 'order/1'"),
        ({"ablations": {"fast": ablation(claims=[], overrides={"phases.fit.rl": {"value": 1, "inferred": "x"}})}},
         "did you mean phases.fit.lr"),
    ],
)  # fmt: skip
def test_what_points_at_nothing_is_refused(helper, write_plan, plan_data, changed, said):
    result = helper("plan", "check", write_plan(plan_data | changed))
    assert result.returncode == 2
    assert said in result.stderr


def test_a_new_key_of_settings_may_be_overridden(helper, write_plan, plan_data):
    overrides = {"phases.fit.settings.noise": {"value": 0.1, "inferred": "some"}}
    plan_data["ablations"] = {"noisy": ablation(claims=[], overrides=overrides)}
    assert helper("plan", "check", write_plan(plan_data)).returncode == 4


def test_a_wrong_section_is_noticed_only_where_sections_are_known():
    text = text_of("# T\n\n## 1 One\n\nWe train with batch size 16 here.\n\n## 2 Two\n\nNothing else.\n")
    from reproof.plan.quotes import find

    match = find("We train with batch size 16 here", text)
    assert (
        wrong_where("2", match, text) and not wrong_where("1", match, text) and not wrong_where("App. Z", match, text)
    )


def test_a_diff_names_orders_curves_ablations_and_decisions(helper, write_plan, plan_data, tmp_path):
    before = write_plan(plan_data).rename(tmp_path / "before.yaml")
    plan_data |= {"orders": [order()], "curves": [curve()], "ablations": {"fast": ablation()}}
    plan_data["settled"] = [{"path": "a", "over": 1, "signed": {"by": "A Person", "on": "2026-01-01"}}]
    found = answer(helper("plan", "diff", before, write_plan(plan_data), "--json"))
    assert {d["path"]: d["kind"] for d in found["differences"]} == {
        "orders.order/1": "added",
        "curves.curve/1": "added",
        "ablations.fast": "added",
        "ablations.fast.overrides.phases.fit.lr": "added",
        "settled.a": "added",
    }
    assert not answer(helper("plan", "diff", tmp_path / "plan.yaml", tmp_path / "plan.yaml", "--json"))["differences"]
