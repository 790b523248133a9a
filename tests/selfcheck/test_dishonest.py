"""Dishonest projects: each trick must turn the right item red."""

import json
import shutil

import pytest
import yaml

from reproof import evidence


def reseal(path):
    """Give an edited record a digest that fits it again."""
    record = evidence.Evidence.model_validate_json(path.read_bytes())
    path.write_text(record.sealed().model_dump_json(indent=1))


def edit(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_an_edited_record_breaks_the_chain_and_is_not_used(project):
    edit(project.found("compare"), lambda record: record["answer"]["claims"][0].update(verdict="BETTER"))
    red = project.red()
    assert red["evidence-chain"] == "FAIL"
    assert red["compare-current"] == "MISSING"


def test_an_edited_record_that_is_sealed_again_breaks_the_link_to_the_next(project):
    path = project.found("probe-run")
    edit(path, lambda record: record.update(headline="all is well"))
    reseal(path)
    assert project.red()["evidence-chain"] == "FAIL"


def test_a_removed_record_leaves_a_gap(project):
    project.found("vram-plan").unlink()
    assert {"evidence-chain": "FAIL", "vram-known": "MISSING"}.items() <= project.red().items()


def test_the_last_record_removed_leaves_its_item_missing(project):
    for path in [project.found("selfcheck-report"), project.found("compare")]:
        path.unlink()
    assert project.red()["compare-current"] == "MISSING"


@pytest.mark.parametrize(
    ("helper", "item"),
    [("check", "quotes-verified"), ("probe", "libraries-probed"), ("vram", "vram-known"), ("smoke", "smoke-green"),
     ("smoke", "resume-tested"), ("compare", "compare-current")],
)  # fmt: skip
def test_a_helper_that_never_ran_leaves_its_item_missing(project, helper, item):
    shutil.rmtree(project.folder / "evidence")
    for name in ("check", "probe", "vram", "smoke", "compare"):
        if name != helper:
            getattr(project, name)()
    red = project.red()
    assert red[item] == "MISSING"
    assert "evidence-chain" not in red


def test_a_project_without_any_evidence_is_not_vouched_for(project):
    shutil.rmtree(project.folder / "evidence")
    assert {"evidence-chain": "MISSING", "plan-unchanged": "MISSING"}.items() <= project.red().items()


def test_a_plan_that_cannot_be_read_is_said_and_nothing_else_is_judged(project):
    project.change("plan.yaml", "schema_version: 1", "schema_version: 1\nlearning_rate: 3")
    items = project.items()
    assert items["plan-valid"].state == "FAIL"
    assert "unknown key 'learning_rate'" in items["plan-valid"].why
    assert set(items) == {"evidence-chain", "plan-valid", "report-unedited"}
    assert items["report-unedited"].state == "STALE"


def test_a_forged_verdict_in_a_sealed_record_contradicts_the_results(project):
    for seed in (0, 1, 2):
        project.run(seed, value=0.9 + seed / 1000)
    project.compare()
    path = sorted((project.folder / "evidence").glob("*-compare.json"))[-1]
    edit(path, lambda record: record["answer"]["claims"][0].update(verdict="MATCH"))
    reseal(path)
    assert project.red()["compare-agrees"] == "FAIL"


def test_a_forged_mean_in_a_sealed_record_contradicts_the_results(project):
    path = project.found("compare")
    edit(path, lambda record: record["answer"]["claims"][0]["ours"].update(mean=0.285))
    reseal(path)
    assert project.red()["compare-agrees"] == "FAIL"


def test_a_mean_over_the_better_seeds_only_shows(project):
    path = project.found("compare")
    ours = {"mean": 0.2851, "n": 1, "seeds": [0]}
    edit(path, lambda record: record["answer"]["claims"][0]["ours"].update(ours))
    reseal(path)
    item = project.items()["compare-agrees"]
    assert (item.state, item.why) == ("FAIL", "table1/toy: our mean leaves out seed 1, 2")


def test_a_forged_floor_does_not_make_a_missed_number_unattainable(project):
    path = project.found("compare")

    def forge(record):
        record["answer"]["claims"][0].update(verdict="UNATTAINABLE")
        record["answer"]["claims"][0]["floor"].update(mean=0.6)

    edit(path, forge)
    reseal(path)
    assert project.red()["compare-agrees"] == "FAIL"


def test_the_papers_number_rewritten_in_the_comparison_shows(project):
    path = project.found("compare")
    edit(path, lambda record: record["answer"]["claims"][0].update(paper=0.2861))
    reseal(path)
    assert project.red()["compare-agrees"] == "FAIL"


@pytest.mark.parametrize("name", ["report.md", "report.html", "report.json"])
def test_a_report_edited_by_hand_shows(project, name):
    project.change(name, "1 MATCH", "9 MATCH") if name != "report.json" else project.change(name, '"MATCH"', '"BETTER"')
    assert project.red() == {"report-unedited": "FAIL"}


def test_a_report_edited_together_with_its_digests_is_not_what_the_records_give(project):
    from reproof.paths import hash_path

    project.change("report.md", "1 MATCH", "9 MATCH")
    edit(
        project.folder / "report.json",
        lambda data: data["files"].update({"report.md": hash_path(project.folder / "report.md")}),
    )
    assert project.red() == {"report-unedited": "STALE"}


def test_a_removed_half_of_the_report_shows(project):
    (project.folder / "report.html").unlink()
    assert project.red() == {"report-unedited": "FAIL"}


def test_a_shortened_run_shows(project):
    project.run(1, steps_done={"fit": 100})
    project.compare()
    assert project.red()["results/toy/complete"] == "FAIL"


def test_a_run_one_step_short_is_short(project):
    project.run(1, steps_done={"fit": 199})
    assert project.red()["results/toy/complete"] == "FAIL"


def test_a_run_shortened_in_the_config_does_not_look_complete(project):
    project.change("configs/toy.yaml", "steps: 200", "steps: 100")
    for seed in (0, 1, 2):
        project.run(seed, steps_done={"fit": 100}, steps_planned={"fit": 100})
    project.compare()
    assert {"configs-match-plan": "FAIL", "results/toy/complete": "FAIL"}.items() <= project.red().items()


def test_a_run_whose_log_ends_early_was_not_run_to_the_end(project):
    rows = project.rows("results/toy/seed1/metrics.jsonl")
    project.lines("results/toy/seed1/metrics.jsonl", rows[:2])
    assert project.red()["results/toy/own"] == "FAIL"


def test_one_seed_sold_as_three_shows_by_its_weights(project):
    for seed in (1, 2):
        shutil.copytree(
            project.folder / "results/toy/seed0", project.folder / f"results/toy/seed{seed}", dirs_exist_ok=True
        )
        rows = [row | {"seed": seed} for row in project.rows(f"results/toy/seed{seed}/records.jsonl")]
        project.lines(f"results/toy/seed{seed}/records.jsonl", rows)
    assert project.red()["results/toy/seeds"] == "FAIL"


def test_one_seed_with_other_values_and_digests_shows_by_its_log(project):
    log = project.rows("results/toy/seed0/metrics.jsonl")
    project.lines("results/toy/seed1/metrics.jsonl", log)
    assert project.red()["results/toy/seeds"] == "FAIL"


def test_a_copied_folder_with_the_old_seed_in_its_records_shows(project):
    shutil.copy(project.folder / "results/toy/seed0/records.jsonl", project.folder / "results/toy/seed1/records.jsonl")
    assert {"results/toy/own": "FAIL", "results/toy/seeds": "FAIL"}.items() <= project.red().items()


def test_a_missing_seed_shows(project):
    shutil.rmtree(project.folder / "results/toy/seed2")
    red = project.red()
    assert {"results/toy": "MISSING", "compare-current": "STALE"}.items() <= red.items()


def test_a_typed_result_is_not_a_result(project):
    typed = {"kind": "result", "experiment": "toy", "seed": 0, "metric": "w2", "reading": "as_stated", "value": 0.285}
    project.lines("results/toy/seed0/records.jsonl", [typed | {"condition": {"sampling_steps": 10}}])
    assert project.red()["results/toy/own"] == "FAIL"


def test_a_typed_result_with_all_the_right_keys_has_no_run_behind_it(project):
    for name in ("metrics.jsonl", "run.json"):
        (project.folder / "results/toy/seed0" / name).unlink()
    assert project.red()["results/toy/own"] == "FAIL"


@pytest.mark.parametrize("value", ["0.285", None, True, float("nan")])
def test_a_value_that_is_no_number_is_no_result(project, value):
    project.run(0, value=value)
    assert project.red()["results/toy/own"] == "FAIL"


def test_an_unfinished_core_shows(project):
    project.change("src/small/core/__init__.py", "return torch.mean((model(batch) - batch) ** 2)", "return 0.0")
    assert {
        "core-finished": "FAIL",
        "smoke-green": "STALE",
        "results/toy/config": "STALE",
    }.items() <= project.red().items()


def test_results_of_another_algorithm_show(project):
    project.change("src/small/core/__init__.py", "** 2", "** 4")
    red = project.red()
    assert red["resume-tested"] == "STALE"
    assert {"results/toy/config": "STALE", "results/toy/floor": "STALE", "smoke-green": "STALE"}.items() <= red.items()


def test_results_of_another_config_show(project):
    project.run(1, config_hash="f" * 16)
    assert project.red()["results/toy/config"] == "STALE"


def test_a_setting_changed_after_the_run_shows(project):
    project.change("configs/toy.yaml", "lr: 0.001", "lr: 0.01")
    assert {"configs-match-plan": "FAIL", "results/toy/config": "STALE"}.items() <= project.red().items()


def test_a_plan_changed_after_the_run_makes_every_record_stale(project):
    project.change("plan.yaml", "value: 0.001", "value: 0.002")
    red = project.red()
    assert red["plan-unchanged"] == "STALE"
    stale = {"quotes-verified", "libraries-probed", "vram-known", "smoke-green", "compare-current"}
    assert {name for name in stale if red[name] == "STALE"} == stale


def test_the_papers_number_changed_in_the_plan_shows(project):
    project.change("plan.yaml", "printed: '0.285'", "printed: '0.286'")
    red = project.red()
    assert {"plan-unchanged": "STALE", "compare-agrees": "FAIL"}.items() <= red.items()


def test_a_quote_that_is_not_in_the_paper_shows(project):
    project.change("plan.yaml", "We train the network for 200 steps", "We train the network for 200 long steps")
    project.check()
    assert project.red()["quotes-verified"] == "FAIL"


def test_an_open_inference_waits_for_a_person(project):
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    del data["experiments"]["toy"]["data"]["name"]["signed"]
    project.plan(data)
    assert project.red()["inferences-signed"] == "FAIL"


def test_a_failed_probe_shows(project):
    project.probe(ok=False)
    assert project.red()["libraries-probed"] == "FAIL"


def test_a_probe_of_another_version_shows(project):
    library = {"name": "torch", "distribution": "torch", "wanted": "2.13.0", "installed": "2.12.0"}
    case = {"id": "mean_toy", "experiments": ["toy"], "outcome": "pass", "findings": []}
    project.record("probe run", ("plan.yaml",), {"cases": [case], "libraries": [library]})
    assert project.red()["library-versions"] == "FAIL"


def test_a_call_that_was_never_probed_shows(project):
    library = {"name": "torch", "distribution": "torch", "wanted": "2.13.0", "installed": "2.13.0"}
    project.record("probe run", ("plan.yaml",), {"cases": [], "libraries": [library]})
    assert project.red()["libraries-probed"] == "MISSING"


def test_a_record_with_nothing_in_it_is_never_taken_for_good(project):
    for helper in ("plan check", "probe run", "vram plan", "scaffold smoke", "compare"):
        project.record(helper, ("plan.yaml",), {})
    red = project.red()
    empty = {"quotes-verified", "libraries-probed", "vram-known", "smoke-green", "resume-tested", "claims-decided"}
    assert empty <= set(red)


def test_a_phase_whose_memory_is_not_known_shows(project):
    phase = {"name": "fit", "budget": None, "missing": ["hidden"]}
    project.record("vram plan", ("plan.yaml",), {"experiments": [{"name": "toy", "phases": [phase]}]})
    assert project.red()["vram-known"] == "FAIL"


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_smoke_test_that_did_not_pass_shows(project, outcome):
    project.smoke(test_all_phases=outcome)
    assert project.red()["smoke-green"] == "FAIL"


def test_a_project_whose_resume_was_never_tested_shows(project):
    project.smoke(test_resume_gives_the_same_numbers="skipped")
    assert project.red()["resume-tested"] == "MISSING"


def test_a_deleted_failing_test_shows(project):
    (project.folder / "tests/test_smoke.py").unlink()
    project.write("tests/test_easy.py", "def test_one():\n    assert 1 == 1\n")
    project.smoke()
    assert project.red() == {"tests-kept": "FAIL"} | {"report-unedited": "STALE"}


def test_a_weakened_test_shows(project):
    project.change("tests/test_smoke.py", "assert True", "return")
    project.smoke()
    assert project.red()["tests-kept"] == "FAIL"


def test_a_damaged_checkpoint_shows(project):
    path = project.checkpoint(0, b"weights")
    path.write_bytes(path.read_bytes()[:-1] + b"S")
    assert project.red()["results/toy/checkpoints"] == "FAIL"


def test_a_whole_file_with_other_content_than_weights_is_no_checkpoint(project):
    project.checkpoint(0, b"weights")
    assert project.red()["results/toy/checkpoints"] == "FAIL"


def test_a_checkpoint_of_another_run_shows(project):
    import io

    import torch

    buffer = io.BytesIO()
    torch.save({"model": {"w": torch.ones(2)}}, buffer)
    project.checkpoint(0, buffer.getvalue())
    assert project.red()["results/toy/checkpoints"] == "FAIL"


def test_an_unpinned_requirement_shows(project):
    project.write("requirements.txt", "torch>=2\n")
    assert project.red()["requirements-pinned"] == "FAIL"


def test_a_requirement_of_another_version_than_the_plans_shows(project):
    project.write("requirements.txt", "torch==2.12.0\n")
    assert project.red()["requirements-pinned"] == "FAIL"


def test_a_library_that_the_core_imports_behind_the_plans_back_shows(project):
    project.change("src/small/core/__init__.py", "import torch", "import geomloss\nimport torch")
    assert project.red()["libraries-in-plan"] == "FAIL"


def test_a_floor_of_one_draw_is_no_floor(project):
    for seed in (0, 1, 2):
        rows = project.rows(f"results/toy/seed{seed}/records.jsonl")
        project.lines(f"results/toy/seed{seed}/records.jsonl", rows[1:])
    assert project.red()["results/toy/floor"] == "MISSING"


def test_results_added_after_the_comparison_show(project):
    project.run(3)
    assert project.red()["compare-current"] == "STALE"


def test_a_project_without_its_parts_says_which_are_missing(project):
    for name in ("src/small/core", "configs", ".scaffold"):
        shutil.rmtree(project.folder / name)
    (project.folder / "requirements.txt").unlink()
    parts = ("core-finished", "configs-match-plan", "tests-kept", "requirements-pinned")
    assert {project.red()[name] for name in parts} == {"MISSING"}


def test_an_equation_whose_function_is_not_there_shows(project):
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    there, absent = {"id": "Eq. 1", "states": "mse", "implemented_by": "loss"}, {"id": "Eq. 2", "states": "x"}
    for equations, state in [
        ([there], None),
        ([there, absent], "MISSING"),
        ([absent | {"implemented_by": "f"}], "FAIL"),
    ]:
        project.plan(data | {"equations": equations})
        assert project.red().get("equations-implemented") == state


def test_a_claim_in_a_metric_that_the_project_does_not_measure_is_said(project):
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    data["claims"][0]["metric"] = "fid"
    project.plan(data)
    items = project.items()
    assert items["results/toy"].why == "not run; the project measures w2, not fid"
    floor = items["results/toy/floor"]
    assert (floor.state, floor.why) == ("MISSING", "the project measures w2 here")


def test_a_smoke_run_is_never_a_result(project):
    project.run(0, smoke=True)
    assert project.red()["results/toy/complete"] == "FAIL"


def test_a_report_on_what_does_not_hold_begins_with_that(project):
    project.run(1, steps_done={"fit": 100})
    project.report()
    line = (project.folder / "report.md").read_text().split("\n\n")[2]
    assert line.startswith("**Not established:")
    assert "results/toy/complete" in line


def test_a_number_of_a_shortened_run_carries_that_beside_it(project):
    project.run(1, steps_done={"fit": 100})
    project.compare()
    project.report()
    row = json.loads((project.folder / "report.json").read_text())["report"]["claims"][0]
    assert any("fit 100 of 200 steps" in note for note in row["notes"])


def depends(project, **changes):
    """Change what the runs recorded about initial weights; an empty record where `changes` says so."""
    for seed in (0, 1, 2):
        name = f"results/toy/seed{seed}/records.jsonl"
        rows = [row | changes if row["kind"] == "dependence" else row for row in project.rows(name)]
        project.lines(name, rows)


def test_samples_that_no_weight_changes_are_not_the_models(project):
    depends(project, differs=False, rms_difference=0.0)
    item = project.items()["results/toy/learned"]
    assert item.state == "FAIL" and "initial weights give the same" in item.why


@pytest.mark.parametrize("changes", [{"kind": "note"}, {"core_hash": "older"}, {"checkpoints": {"fit": "sha256:0"}}])
def test_a_look_at_other_code_or_other_weights_does_not_count(project, changes):
    depends(project, **changes)
    assert project.items()["results/toy/learned"].state == "MISSING"
