"""What an honest project gets: a green gate, a report that can be rendered again, and its negative results."""

import json
import subprocess
import sys

from reproof.paths import HELPERS


def test_an_honest_project_passes_every_required_item(project):
    assert project.red() == {}
    assert project.gate() == 0


def test_a_signed_inference_is_shown_with_name_and_date(project):
    item = project.items()["inferences-signed"]
    assert (item.state, item.why) == ("SIGNED", "9 by Ada Lovelace on 2026-01-05")


def test_the_gate_gives_the_same_answer_twice_although_it_records_itself(project):
    before = project.items()
    assert project.gate() == 0
    assert project.items() == before


def test_a_report_that_is_not_written_yet_is_named_and_keeps_nothing_shut(project):
    for name in ("report.md", "report.html", "report.json"):
        (project.folder / name).unlink()
    item = project.items()["report-unedited"]
    assert (item.state, item.blocks) == ("MISSING", False)
    assert project.red() == {}


def test_a_bad_but_complete_result_is_evidence_too(project):
    for seed in (0, 1, 2):
        project.run(seed, value=0.9 + seed / 1000)
    project.compare()
    project.report()
    assert project.red() == {}
    assert "1 missed: table1/toy: 0.285 printed, 0.901 ours." in (project.folder / "report.md").read_text()


def test_a_number_below_the_floor_is_unattainable_and_the_gate_stays_green(project):
    for seed in (0, 1, 2):
        rows = project.rows(f"results/toy/seed{seed}/records.jsonl")
        rows[0]["values"] = [value + 0.1 for value in rows[0]["values"]]
        project.lines(f"results/toy/seed{seed}/records.jsonl", rows)
    project.compare()
    project.report()
    assert project.red() == {}
    text = (project.folder / "report.md").read_text()
    assert "The claim is not reproduced as printed." in text
    assert "1 cannot be attained as stated" in text
    assert "0.385 ± 0.029 against 0.285" in text


def test_checkpoints_that_are_the_evaluated_ones_pass(project):
    import io

    import torch

    from reproof.selfcheck.digests import weights_digest

    for seed in (0, 1, 2):
        buffer = io.BytesIO()
        torch.save({"model": {"w": torch.full((2,), float(seed))}}, buffer)
        path = project.checkpoint(seed, buffer.getvalue())
        project.run(seed, checkpoints={"fit": weights_digest(path)})
    project.compare()
    project.report()
    assert project.red() == {}
    assert project.items()["results/toy/checkpoints"].why == "3 checkpoints, weights compared"


def test_a_cut_off_last_line_of_a_log_that_was_written_again_costs_nothing(project):
    name = "results/toy/seed0/metrics.jsonl"
    path = project.folder / name
    path.write_text(path.read_text() + path.read_text())
    assert project.red() == {}


def test_exit_code_and_json_as_a_user_gets_them(project):
    command = [sys.executable, str(HELPERS / "selfcheck.py"), "gate", str(project.folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True
    project.change("src/small/core/__init__.py", "** 2)", "** 2)  # TODO")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 4
    assert {"id": "core-finished", "state": "FAIL"}.items() <= next(
        item for item in json.loads(done.stdout)["items"] if item["id"] == "core-finished"
    ).items()


def test_a_folder_that_is_not_there_is_bad_input(tmp_path, capsys):
    from reproof.selfcheck.command import main

    assert main(["gate", str(tmp_path / "absent")]) == 2
    assert "error[no-project]" in capsys.readouterr().err


def test_an_empty_folder_is_red_and_says_what_to_run_first(tmp_path, capsys):
    from reproof.selfcheck.command import main

    assert main(["gate", str(tmp_path)]) == 4
    assert "plan.py check" in capsys.readouterr().out


def test_a_score_of_zero_before_and_after_training_is_a_result(project):
    for seed in (0, 1, 2):
        name = f"results/toy/seed{seed}/records.jsonl"
        rows = [row | {"differs": False, "all_zero": True} if row["kind"] == "dependence" else row
                for row in project.rows(name)]  # fmt: skip
        project.lines(name, rows)
    assert project.items()["results/toy/learned"].state == "PASS"
