import json

import pytest


def answer(result):
    return json.loads(result.stdout)


def sign_all(data):
    if isinstance(data, dict):
        if "inferred" in data:
            data["signed"] = {"by": "A Person", "on": "2026-01-01"}
        for value in data.values():
            sign_all(value)
    return data


def test_a_plan_with_open_inferences_is_checked_and_the_answer_is_no(helper, write_plan, plan_data, paper):
    result = helper("plan", "check", write_plan(plan_data), "--paper", paper, "--json")
    assert result.returncode == 4, result.stderr
    assert answer(result)["counts"] == {"VERIFIED": 7, "OPEN": 14}


def test_signed_and_verified_is_yes(helper, write_plan, plan_data, paper):
    result = helper("plan", "check", write_plan(sign_all(plan_data)), "--paper", paper, "--json")
    assert result.returncode == 0, result.stdout
    assert answer(result)["counts"] == {"VERIFIED": 7, "SIGNED": 14}


def test_without_the_text_nothing_is_verified(helper, write_plan, plan_data):
    result = helper("plan", "check", write_plan(sign_all(plan_data)), "--json")
    assert result.returncode == 4
    assert answer(result)["counts"] == {"SIGNED": 14, "UNCHECKED": 7}


def test_an_earlier_record_vouches_with_date_and_hash(helper, write_plan, plan_data, paper, tmp_path):
    plan = write_plan(sign_all(plan_data))
    helper("plan", "check", plan, "--paper", paper, "--evidence", tmp_path / "evidence")
    result = helper("plan", "check", plan, "--json")
    assert result.returncode == 0
    assert answer(result)["counts"] == {"VOUCHED": 7, "SIGNED": 14}
    assert "the text is not here, get it from arXiv 0000.00000" in answer(result)["vouched"]["reading"]


def test_a_record_does_not_vouch_for_a_value_that_changed_since(helper, write_plan, plan_data, paper, tmp_path):
    plan = write_plan(sign_all(plan_data))
    helper("plan", "check", plan, "--paper", paper, "--evidence", tmp_path / "evidence")
    plan_data["experiments"]["toy"]["phases"]["fit"]["steps"]["value"] = 16
    result = helper("plan", "check", write_plan(plan_data), "--json")
    assert answer(result)["counts"]["UNCHECKED"] == 1


def test_an_edited_record_does_not_vouch(helper, write_plan, plan_data, paper, tmp_path):
    plan = write_plan(sign_all(plan_data))
    helper("plan", "check", plan, "--paper", paper, "--evidence", tmp_path / "evidence")
    record = next((tmp_path / "evidence").glob("*.json"))
    record.write_text(record.read_text().replace('"seconds"', '"seconds" '))  # layout is not content
    assert helper("plan", "check", plan).returncode == 0
    record.write_text(record.read_text().replace("plan check", "plan chekc", 1))
    assert helper("plan", "check", plan).returncode == 4


@pytest.mark.parametrize(
    ("change", "status"),
    [({"value": 300}, "VALUE_NOT_IN_QUOTE"), ({"quote": "for 200 epochs of training"}, "NOT_IN_PAPER")],
)
def test_an_altered_value_or_quote_is_found(helper, write_plan, plan_data, paper, change, status):
    plan_data["experiments"]["toy"]["phases"]["fit"]["steps"] |= change
    result = helper("plan", "check", write_plan(plan_data), "--paper", paper, "--json")
    assert result.returncode == 4
    bad = [item for item in answer(result)["items"] if item["status"] == status]
    assert [item["path"] for item in bad] == ["experiments.toy.phases.fit.steps"]


def test_a_paper_in_another_format_is_refused_with_the_way_out(helper, write_plan, plan_data, tmp_path):
    pdf = tmp_path / "paper.pdf"
    pdf.write_bytes(b"%PDF-1.4")
    result = helper("plan", "check", write_plan(plan_data), "--paper", pdf)
    assert result.returncode == 2
    assert result.stderr.startswith("error[paper-format]")
    assert result.stdout == ""


def test_the_rendered_plan_shows_every_inference_and_survives_pipes_in_text(helper, write_plan, plan_data):
    plan_data["experiments"]["toy"]["model"]["hidden"]["inferred"] = "a | b\n# not a heading {{ 7 * 7 }}"
    result = helper("plan", "render", write_plan(plan_data))
    assert result.returncode == 0, result.stderr
    row = next(line for line in result.stdout.splitlines() if "model.hidden" in line)
    assert "a \\| b # not a heading {{ 7 * 7 }}" in row
    assert "\n# not a heading" not in result.stdout
