"""From a paper to a plan and back: init, drafts, coverage, contradictions, places, diff, sign-off."""

import json
from pathlib import Path

import pytest
import yaml

PAPERS = Path(__file__).resolve().parent.parent / "read" / "papers"


def answer(result):
    assert result.returncode in (0, 4), result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def draft(helper, tmp_path):
    path = tmp_path / "plan.yaml"
    result = helper("plan", "init", PAPERS / "translation.tex", "--out", path)
    assert result.returncode == 0, result.stderr
    return path


def test_init_puts_claims_in_place_and_leaves_every_field_open(draft):
    data = yaml.safe_load(draft.read_text(encoding="utf-8"))
    assert [c["printed"] for c in data["claims"]] == ["27.3", "38.1", "65", "28.4", "41.8", "213"]
    assert data["claims"][0]["quote"] == "Ours (base) 27.3 ± 0.1 38.1 ± 0.2 65"
    fit = data["groups"]["shared"]["phases"]["training"]
    assert {c["value"] for c in fit["steps"]["candidates"]} >= {100_000}
    assert all("open" in fit[key] for key in ("steps", "batch_size", "optimizer", "lr", "weight_decay"))
    assert "missing-part" in data["missing"][0]["what"]


def test_a_draft_is_checked_as_far_as_it_goes(helper, draft):
    found = answer(helper("plan", "check", draft, "--paper", PAPERS / "translation.tex", "--json"))
    assert not found["ok"]
    assert found["counts"] == {"VERIFIED": 6}
    assert "groups.shared.phases.training.lr" in [field["path"] for field in found["open_fields"]]


def test_every_candidate_that_init_offers_would_be_verified(helper, draft, tmp_path):
    data = yaml.safe_load(draft.read_text(encoding="utf-8"))
    offered = [c for field in _open(data) for c in field.get("candidates", [])]
    assert len(offered) > 30
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump({"problem": {"open": "x"}, "all": offered}, allow_unicode=True), encoding="utf-8")
    found = answer(helper("plan", "check", path, "--paper", PAPERS / "translation.tex", "--json"))
    assert found["counts"] == {"VERIFIED": len(offered)}


def _open(data):
    if isinstance(data, dict):
        if "open" in data:
            yield data
        for value in data.values():
            yield from _open(value)
    elif isinstance(data, list):
        for value in data:
            yield from _open(value)


def test_init_never_writes_over_a_file(helper, draft):
    before = draft.read_bytes()
    result = helper("plan", "init", PAPERS / "translation.tex", "--out", draft)
    assert result.returncode == 2
    assert result.stderr.startswith("error[file-exists]")
    assert draft.read_bytes() == before


def test_other_helpers_refuse_a_draft(helper, draft):
    assert helper("plan", "render", draft).returncode == 2


def test_quotes_are_checked_against_latex_and_html(helper, write_plan, plan_data):
    fit = plan_data["experiments"]["toy"]["phases"]["fit"]
    quote = "We use AdamW with a constant learning rate of 2×10⁻⁴, weight decay 0.01, batch size 128"
    fit["lr"] = {"value": 2e-4, "quote": quote, "where": "2.1"}
    fit["batch_size"] = {"value": 128, "quote": quote, "where": "Table 1"}
    found = answer(helper("plan", "check", write_plan(plan_data), "--paper", PAPERS / "diffusion.html", "--json"))
    status = {item["path"]: item["status"] for item in found["items"]}
    assert status["experiments.toy.phases.fit.lr"] == "VERIFIED"
    assert status["experiments.toy.phases.fit.steps"] == "NOT_IN_PAPER"
    assert [(f["path"], f["what"]) for f in found["misplaced"]] == [
        ("experiments.toy.phases.fit.batch_size", "the plan says 'Table 1'; the quote stands in Section 2.1 Setup")
    ]


def test_what_nobody_cited_is_named(helper, write_plan, plan_data, tmp_path):
    paper = tmp_path / "paper.md"
    text = (
        "# A Small Paper\n\n## 3 Training\n\nWe train the network for 200 steps with batch size 16 and no weight "
        "decay.\n\n## A More settings\n\nDropout is 0.1 and gradients are clipped to norm 1.\n"
    )
    paper.write_text(text)
    result = helper("plan", "coverage", write_plan(plan_data), "--paper", paper, "--json")
    assert result.returncode == 4
    places = {place["name"]: place for place in json.loads(result.stdout)["places"]}
    assert places["Section 3 Training"]["cited"] == 1
    assert places["Section 3 Training"]["unused"] == 0
    assert places["Appendix A More settings"]["cited"] == 0
    assert places["Appendix A More settings"]["candidates"] == 2


def test_a_paper_that_contradicts_itself_is_caught(helper, write_plan, plan_data, paper):
    paper.write_text(paper.read_text() + "\n## 4 Details\n\nAgain, the batch size is 32 in this section.\n")
    found = answer(helper("plan", "check", write_plan(plan_data), "--paper", paper, "--json"))
    assert [(c["path"], c["other"]) for c in found["contradictions"]] == [
        ("experiments.toy.phases.fit.batch_size", 32.0)
    ]


def test_fields_that_do_not_fit_keep_the_answer_at_no(helper, write_plan, plan_data, paper):
    model = plan_data["experiments"]["toy"]["model"]
    for value in _inferred(plan_data):
        value["signed"] = {"by": "A Person", "on": "2026-01-01"}
    assert helper("plan", "check", write_plan(plan_data), "--paper", paper).returncode == 0
    for name, value in (("d_model", 10), ("num_heads", 3)):
        model[name] = {"value": value, "inferred": "ours", "signed": {"by": "A Person", "on": "2026-01-01"}}
    result = helper("plan", "check", write_plan(plan_data), "--paper", paper)
    assert result.returncode == 4
    assert "num_heads 3 does not divide d_model 10" in result.stdout


def _inferred(data):
    if isinstance(data, dict):
        if "inferred" in data:
            yield data
        for value in data.values():
            yield from _inferred(value)


LAYOUT = """\
# my plan, with a comment that must stay
schema_version: 1
name: small
paper: {title: A Small Paper}
problem: Is the small number small?
contribution: It shows a number that is small.
experiments:
  toy:
    summary: a toy
    model: {hidden: {value: 8, inferred: "not stated: it's a guess, {really}"}}   # flow style
    phases:
      fit:
        kind: train
        steps: {value: 200, inferred: ours}
        batch_size:          # block style

          value: 16
          inferred: ours     # why not
        optimizer: {value: adam, inferred: ours}
        lr: {value: 1e-3, inferred: ours, alternatives: [1e-4]}
    evaluation:
      metric: {value: w2, inferred: ours}
      n_test: {value: 64, inferred: ours}
      n_samples: {value: 64, inferred: ours}
      sampling_steps: {value: [10], inferred: ours}
"""
FIT = "experiments.toy.phases.fit"


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(LAYOUT, encoding="utf-8")
    return path


def test_a_signature_is_added_and_every_comment_stays(helper, plan):
    paths = ["experiments.toy.model.hidden", f"{FIT}.batch_size", f"{FIT}.optimizer", f"{FIT}.lr"]
    result = helper("plan", "signoff", plan, *paths, "--by", "Ada Lovelace", "--on", "2026-01-02", "--note", 'a "b"')
    assert result.returncode == 0, result.stderr
    text = plan.read_text(encoding="utf-8")
    signature = '{by: "Ada Lovelace", "on": "2026-01-02", note: "a \\"b\\""}'
    assert text.count(signature) == 4
    bare = [line for line in text.splitlines() if line.strip() != f"signed: {signature}"]
    assert "\n".join(bare).replace(f", signed: {signature}", "").replace(f" signed: {signature}", "") + "\n" == LAYOUT
    assert "          inferred: ours     # why not\n          signed: {by" in text
    assert "2 still open" not in result.stdout
    found = answer(helper("plan", "check", plan, "--json"))
    assert found["counts"] == {"SIGNED": 4, "OPEN": 5}


def test_a_signature_by_hand_with_a_bare_on_is_read(helper, plan):
    plan.write_text(LAYOUT.replace("{value: 200, inferred: ours}", "{value: 200, inferred: ours, signed: {by: Ada L, "
                                   "on: 2026-01-02}}"))  # fmt: skip
    assert answer(helper("plan", "check", plan, "--json"))["counts"] == {"SIGNED": 1, "OPEN": 8}


@pytest.mark.parametrize("name", ["Claude", "the agent", "AI", "GPT-5", "me", "root", "A.I. assistant", "x", "  "])
def test_only_a_person_signs(helper, plan, name):
    result = helper("plan", "signoff", plan, f"{FIT}.lr", "--by", name)
    assert result.returncode == 2
    assert plan.read_text(encoding="utf-8") == LAYOUT


def test_signing_needs_a_name(helper, plan):
    assert helper("plan", "signoff", plan, f"{FIT}.lr").returncode == 2


def test_what_is_not_open_cannot_be_signed(helper, plan):
    result = helper("plan", "signoff", plan, f"{FIT}.learning", "--by", "Ada Lovelace")
    assert result.returncode == 2
    assert result.stderr.startswith("error[not-open]")
    helper("plan", "signoff", plan, f"{FIT}.lr", "--by", "Ada Lovelace")
    again = helper("plan", "signoff", plan, f"{FIT}.lr", "--by", "Charles Babbage")
    assert "signed already by Ada Lovelace" in again.stderr


def test_diff_says_what_changed_and_nothing_else(helper, plan, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(LAYOUT.replace("value: 16", "value: 32").replace("[1e-4]", "[1e-5]"), encoding="utf-8")
    result = helper("plan", "diff", plan, other, "--json")
    assert result.returncode == 4
    assert [(d["path"], d["kind"], d["before"], d["after"]) for d in json.loads(result.stdout)["differences"]] == [
        (f"{FIT}.batch_size", "value", 16, 32)
    ]
    assert helper("plan", "diff", plan, plan).returncode == 0


def test_a_plan_of_ten_thousand_lines_is_no_trouble(helper, plan):
    more = "".join(f"      key{i}: {{value: {i}, inferred: ours}}\n" for i in range(10_000))
    plan.write_text(LAYOUT.replace("    phases:\n", f"    data:\n{more}    phases:\n"), encoding="utf-8")
    found = answer(helper("plan", "check", plan, "--json"))
    assert found["counts"]["OPEN"] == 10_009


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "name: small\nname: other\n",
        "name:\tsmall\n\tkind: paper\n",
        "[" * 5000,
    ],
)
def test_yaml_that_explodes_or_misleads_is_refused(helper, plan, text):
    plan.write_text(text)
    for command in (("check",), ("coverage", "--paper", PAPERS / "diffusion.html")):
        result = helper("plan", command[0], plan, *command[1:])
        assert result.returncode == 2
        assert result.stderr.startswith("error[not-yaml]")
