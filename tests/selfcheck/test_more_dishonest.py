"""More dishonest projects: clocks, signatures, dropped claims, stubs in disguise, leaks, logs and contradictions."""

import datetime
import json

import pytest
import yaml

from reproof import evidence

CORE = "src/small/core/__init__.py"


def again(project):
    """What a cheat does after an edit: everything cheap once more, so that nothing is stale."""
    project.check()
    project.probe()
    project.vram()
    project.smoke()
    for seed in (0, 1, 2):
        project.run(seed)
    project.compare()
    project.report()


def add_code(project, code):
    path = project.folder / CORE
    path.write_text(path.read_text() + "\n\n" + code)


LEAKS = {
    "cat": "def data(x_train, x_test):\n    return torch.cat([x_train, x_test])\n",
    "concat of attributes": "def data(d):\n    return ConcatDataset([d.train, d.test])\n",
    "plus": "def data(train_set, test_set):\n    return train_set + test_set\n",
    "renamed": "def data(x_test):\n    x_train = x_test\n    return x_train\n",
    "test split only": "def load_data(cfg, device):\n    return load_digits(split='test')\n",
    "train is false": "def load_data(cfg, device):\n    return MNIST(cfg.root, train=False)\n",
}


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
def test_training_on_test_data_shows(project, code):
    add_code(project, code)
    assert project.red()["test-data-apart"] == "FAIL"


def test_the_papers_number_as_a_constant_shows(project):
    add_code(project, "def w2(x, y):\n    return 0.285 + 0.001 * torch.rand(()) * x.mean() * y.mean()\n")
    assert project.red()["papers-numbers-apart"] == "FAIL"


STUBS = {
    "random": "def w2(x, y):\n    value = torch.rand(())\n    return value\n",
    "constant in two lines": "def nsf_loss(model, run):\n    value = 0.1\n    return value\n",
    "times zero": "def nsf_loss(model, x):\n    return (model(x) * 0).sum() + 1e-3\n",
    "swallowed": "def w2(x, y):\n    try:\n        return (x - y)\n    except RuntimeError:\n        return 0.1\n",
}


@pytest.mark.parametrize("code", STUBS.values(), ids=STUBS)
def test_a_result_that_depends_on_nothing_shows(project, code):
    add_code(project, code)
    assert project.red()["results-depend"] == "FAIL"


def record_at(project, when):
    last = evidence.audit(project.folder / "evidence")[0][-1]
    evidence.append(project.folder / "evidence", last.model_copy(update={"created": when}))


def test_a_record_older_than_the_one_before_it_shows(project):
    last = evidence.audit(project.folder / "evidence")[0][-1].created
    record_at(project, last - datetime.timedelta(minutes=9))
    assert "timestamps" not in project.red()
    record_at(project, last - datetime.timedelta(minutes=20))
    assert project.red()["timestamps"] == "FAIL"


def test_a_record_from_the_future_shows(project):
    record_at(project, datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2))
    assert project.red()["timestamps"] == "FAIL"


@pytest.mark.parametrize("created", ["2199-01-01T00:00:00+00:00", "after"])
def test_a_result_made_after_it_was_compared_or_in_the_future_shows(project, created):
    now = datetime.datetime.now(datetime.timezone.utc)
    created = (now + datetime.timedelta(minutes=30)).isoformat() if created == "after" else created
    for seed in (0, 1, 2):
        project.run(seed, created=created)
    project.compare()
    assert project.red()["timestamps"] == "FAIL"


def test_training_faster_than_a_computer_shows(project):
    path = project.folder / "results/toy/seed1/run.json"
    about = json.loads(path.read_text())
    about["phases"]["fit"]["time_s"] = 200 / 1.01e5
    path.write_text(json.dumps(about))
    assert project.red()["timestamps"] == "FAIL"


@pytest.mark.parametrize("name", ["Claude", "GPT-5", "the agent", "AI assistant", "TODO", "script", "someone"])
def test_a_signature_that_is_nobodys_shows(project, name):
    project.change("plan.yaml", "by: Ada Lovelace", f"by: {name}")
    assert project.red()["signatures-human"] == "FAIL"


def test_a_signature_of_a_day_to_come_shows(project):
    project.change("plan.yaml", "'2026-01-05'", "'2199-01-05'")
    assert project.red()["signatures-human"] == "FAIL"


def second_claim(project, value):
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    claim = data["claims"][0] | {"id": "table1/other", "condition": {"sampling_steps": 100}, "printed": "0.144"}
    data["claims"].append(claim)
    project.plan(data)
    for seed in (0, 1, 2):
        project.run(seed)
        rows = project.rows(f"results/toy/seed{seed}/records.jsonl")
        extra = rows[-1] | {"condition": {"sampling_steps": 100}, "value": value + seed / 1000}
        project.lines(f"results/toy/seed{seed}/records.jsonl", [*rows, extra])
    project.check()
    project.probe()
    project.vram()
    project.smoke()
    project.compare()
    return data


def test_a_claim_that_was_missed_and_then_dropped_shows(project):
    data = second_claim(project, 0.5)
    project.plan(data | {"claims": data["claims"][:1]})
    again(project)
    assert project.red()["claims-kept"] == "FAIL"


def test_a_dropped_claim_that_the_plan_explains_is_no_secret(project):
    data = second_claim(project, 0.5)
    why = {"what": "table1/other is left out", "why": "its protocol is not stated", "impact": "one cell fewer"}
    project.plan(data | {"claims": data["claims"][:1], "deviations": [why]})
    again(project)
    assert "claims-kept" not in project.red()


def test_a_seed_that_was_judged_and_then_dropped_shows(project):
    import shutil

    shutil.rmtree(project.folder / "results/toy/seed2")
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    data["experiments"]["toy"]["seeds"] = [0, 1]
    project.plan(data)
    project.code()
    for step in (project.check, project.probe, project.vram, project.smoke):
        step()
    for seed in (0, 1):
        project.run(seed)
    project.compare()
    assert project.red()["claims-kept"] == "FAIL"


def test_a_finished_seed_outside_the_plan_is_a_selection(project):
    project.run(3, value=0.9)
    project.compare()
    assert project.red()["results/toy/all-seeds"] == "FAIL"


LOGS = {
    "constant": [{"phase": "fit", "step": s, "loss": 0.5} for s in (50, 100, 150, 200)],
    "not finite": [{"phase": "fit", "step": s, "loss": float("nan")} for s in (50, 100, 150, 200)],
    "a hole": [{"phase": "fit", "step": s, "loss": 1 / s} for s in (*range(1, 21), 200)],
}


@pytest.mark.parametrize("rows", LOGS.values(), ids=LOGS)
def test_a_log_that_is_not_of_training_shows(project, rows):
    project.lines("results/toy/seed0/metrics.jsonl", rows)
    assert project.red()["results/toy/log"] == "FAIL"


def test_one_log_with_a_little_noise_on_it_shows(project):
    rows = project.rows("results/toy/seed0/metrics.jsonl")
    noisy = [row | {"loss": row["loss"] * 1.0009} for row in rows]
    project.lines("results/toy/seed1/metrics.jsonl", noisy)
    assert project.red()["results/toy/log"] == "FAIL"
    different = [row | {"loss": row["loss"] * 1.002} for row in rows]
    project.lines("results/toy/seed1/metrics.jsonl", different)
    assert "results/toy/log" not in project.red()


def about(project, change):
    path = project.folder / "results/toy/seed1/run.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


CONTRADICTIONS = {
    "another seed": lambda d: d["config"].update(seed=0),
    "no phase": lambda d: d["phases"].clear(),
    "other weights": lambda d: d["phases"]["fit"].update(digest="sha256:0"),
}


@pytest.mark.parametrize("change", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_run_that_contradicts_its_records_shows(project, change):
    about(project, change)
    assert project.red()["results/toy/facts"] == "FAIL"


@pytest.mark.parametrize(
    "extra", [{"values": [0.9, 0.8], "test_draws": 2}, {"values": [0.2861], "test_draws": 5}, {"values": ["a"]}],
    ids=["another mean", "draws left out", "no numbers"],
)  # fmt: skip
def test_a_value_that_its_own_draws_do_not_give_shows(project, extra):
    project.run(1, **extra)
    project.compare()
    assert project.red()["results/toy/facts"] == "FAIL"


def test_a_floor_with_draws_picked_out_shows(project):
    rows = project.rows("results/toy/seed0/records.jsonl")
    rows[0] |= {"floor_draws": 20, "values": rows[0]["values"][:15]}
    project.lines("results/toy/seed0/records.jsonl", rows)
    project.compare()
    assert project.red()["results/toy/facts"] == "FAIL"


@pytest.mark.parametrize("verdict", ["MATCH", "CLOSE", "BETTER"])
def test_a_verdict_forged_within_what_a_rule_might_say_is_found_by_asking_again(project, verdict):
    for seed in (0, 1, 2):
        project.run(seed, value=0.33 + seed / 10_000)  # 16 % off: DEVIATES
    project.compare()
    path = sorted((project.folder / "evidence").glob("*-compare.json"))[-1]
    record = evidence.read(path)
    record.answer["claims"][0]["verdict"] = verdict
    path.write_text(record.sealed().model_dump_json(indent=1))
    red = project.red()
    assert red["compare-again"] == "FAIL"
    assert "evidence-chain" not in red


def test_a_claim_slipped_into_the_record_is_found_by_asking_again(project):
    path = sorted((project.folder / "evidence").glob("*-compare.json"))[-1]
    record = evidence.read(path)
    record.answer["claims"].append(record.answer["claims"][0] | {"id": "table9/all"})
    for later in (project.folder / "evidence").glob("*-selfcheck-report.json"):
        later.unlink()
    path.write_text(record.sealed().model_dump_json(indent=1))
    assert project.red()["compare-again"] == "FAIL"


def test_flags_that_do_not_reach_a_phase_show(project):
    project.write("run.py", "print('results')\nprint('  fit: 0 of 200 steps')\n")
    item = project.items()["preflight/flags-reach-phases"]
    assert (item.state, item.blocks) == ("FAIL", True)
    project.write("run.py", "print('results')\nprint('  fit: 0 of 7 steps')\n")
    assert project.items()["preflight/flags-reach-phases"].state == "PASS"


def test_state_shared_by_globals_shows(project):
    add_code(project, "CACHE = []\n\n\ndef remember(x):\n    CACHE.append(x)\n    return x\n")
    assert project.items()["preflight/shared-state"].state == "FAIL"


def test_steps_that_get_slower_and_slower_show(project):
    rows = [{"phase": "fit", "step": s, "loss": 1 / s, "steps_per_s": 100 / (1 + s / 100)} for s in range(10, 201, 10)]
    project.lines("results/toy/seed0/metrics.jsonl", rows)
    assert project.items()["preflight/no-growth"].state == "FAIL"


@pytest.mark.parametrize("helper", ["fidelity compare", "parity check"])
def test_a_port_without_fidelity_and_parity_is_not_vouched_for(project, helper):
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    source = {"repository": "https://example.org/r", "commit": "0" * 40, "licence": "MIT"}
    project.plan(data | {"kind": "port", "port": source})
    names = {"fidelity compare": "core-fidelity", "parity check": "parity"}
    assert project.red()[names[helper]] == "MISSING"
    bad = {"claims": [{"level": "static", "status": "failed", "says": "one layer fewer"}],
           "units": [{"unit": "loss", "status": "changed"}]}  # fmt: skip
    project.record(helper, ("src",), bad)  # ok is true, its rows say otherwise
    assert project.red()[names[helper]] == "FAIL"
    project.record(helper, ("src",), {})
    assert project.red()[names[helper]] == "FAIL"
