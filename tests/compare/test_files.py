"""Files as killed runs, editors and other programs leave them; and the command line."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml

from reproof import evidence
from reproof.compare.command import compare
from reproof.compare.judge import judge
from reproof.compare.models import CompareRequest
from reproof.compare.results import read_files
from reproof.compare.views import context_of
from reproof.document import Plan
from reproof.errors import PackError

GOOD = (1.00, 1.01, 0.99, 1.005, 0.995)


def test_a_last_line_that_was_cut_off_costs_only_itself(project):
    project.results(*GOOD)
    file = project.write() / "results/toy/seed0/records.jsonl"
    text = file.read_text() + project.lines[0][:50]
    file.write_text(text)
    answer = compare(CompareRequest(project=project.folder))
    assert answer.ok
    assert answer.files[0].problems == [
        "line 6: the last line is cut off, as a killed run leaves it; the complete lines count"
    ]
    assert file.read_text() == text


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        "7",
        '{"kind": "medal"}',
        '{"kind": "result"}',
        pytest.param("[" * 100_000, id="deep"),
        "\udcff",
        '{"kind": ["result"]}',
    ],
)
def test_a_bad_line_is_said_and_the_others_count(project, line):
    project.lines.append(line)
    project.results(*GOOD)
    folder = project.folder / "results/toy/seed0"
    folder.mkdir(parents=True)
    (project.folder / "plan.yaml").write_text(yaml.safe_dump(project.plan))
    text = "".join(line + "\n" for line in project.lines)
    (folder / "records.jsonl").write_bytes(text.encode("utf-8", "surrogateescape"))
    answer = compare(CompareRequest(project=project.folder))
    assert answer.claims[0].verdict == "MATCH"
    assert answer.files[0].problem_count == 1
    assert answer.files[0].problems[0].startswith("line 1: ")


def test_thousands_of_bad_lines_are_counted_and_the_first_few_shown(project):
    project.lines += ["oops"] * 3000
    (file,) = project.compare().files
    assert (file.problem_count, len(file.problems)) == (3000, 5)


def test_files_that_cannot_be_read_are_said_and_the_others_count(project):
    project.results(*GOOD)
    folder = project.write() / "results"
    (folder / "a" / "records.jsonl").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "b" / "records.jsonl").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "b" / "pipe.jsonl")
    (folder / "c").mkdir()
    (folder / "c" / "records.jsonl").symlink_to(folder / "b" / "pipe.jsonl")
    answer = compare(CompareRequest(project=project.folder))
    assert answer.claims[0].verdict == "MATCH"
    assert [file.problem_count for file in answer.files] == [1, 1, 1, 0]
    assert all("unreadable" in file.problems[0] for file in answer.files[:3])


def test_the_same_records_in_two_files_are_the_same_seeds(project):
    project.results(*GOOD)
    folder = project.write() / "results"
    (folder / "copy").mkdir()
    (folder / "copy" / "records.jsonl").write_text((folder / "toy/seed0/records.jsonl").read_text())
    (claim,) = compare(CompareRequest(project=project.folder)).claims
    assert (claim.verdict, claim.ours.n, claim.records_total) == ("MATCH", 5, 10)


def test_a_file_named_twice_is_read_once(project):
    project.results(*GOOD)
    folder = project.write()
    file = folder / "results/toy/seed0/records.jsonl"
    request = CompareRequest(plan=folder / "plan.yaml", results=[file, folder, file.parent / "../seed0/records.jsonl"])
    assert len(compare(request).files) == 1


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"project": "p", "plan": "plan.yaml"},
        {"project": "p", "results": ["r"]},
    ],
)
def test_a_project_or_a_plan_but_not_both(words):
    with pytest.raises(ValueError, match="PROJECT"):
        CompareRequest(**words)


def test_named_files_that_are_not_there_stop_it(project, tmp_path):
    plan = project.write() / "plan.yaml"
    for request in (CompareRequest(project=tmp_path / "no"), CompareRequest(plan=plan, results=[tmp_path / "no"])):
        with pytest.raises(PackError, match="nothing at"):
            compare(request)


def test_the_command_line_answers_in_markdown_and_json_with_exit_codes(project, helper, tmp_path):
    project.results(*GOOD)
    folder = project.write()
    good = helper("compare", folder)
    assert good.returncode == 0, good.stderr
    assert "1 claim: 1 MATCH; all reproduced" in good.stdout
    assert "0.9995" not in good.stdout
    data = json.loads(helper("compare", "--plan", folder / "plan.yaml", "--results", folder, "--json").stdout)
    assert (data["ok"], data["claims"][0]["verdict"]) == (True, "MATCH")
    project.results(9.0, reading="as_stated")
    bad = helper("compare", project.write())
    assert bad.returncode == 4
    nothing = helper("compare", tmp_path / "no")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr.startswith("error[no-such-path]")


def test_the_report_shows_floor_readings_hints_and_where_to_look(project, helper):
    project.claim["printed"] = "0.285"
    project.reading("squared", squared=True)
    project.floor()
    project.results(0.534, 0.535, 0.533, 0.534, 0.534)
    shown = helper("compare", project.write()).stdout
    for words in ("UNATTAINABLE", "0.6950 ± 0.0592 (0.6095 … 0.7805)", "If the protocol was meant differently",
                  "which stays UNATTAINABLE as stated", "ours squared is 0.2852", "a bug somewhere",
                  "Where to look, cheapest first"):  # fmt: skip
        assert words in shown
    assert "|  |" not in shown


def test_evidence_hashes_the_plan_and_the_records_and_nothing_else(project, helper, tmp_path):
    project.results(*GOOD)
    folder = project.write()
    (folder / "results/toy/seed0/checkpoints").mkdir()
    (folder / "results/toy/seed0/checkpoints/big.pt").write_bytes(b"x")
    (folder / "results/broken").mkdir()
    (folder / "results/broken/records.jsonl").symlink_to(folder / "nowhere")
    done = helper("compare", folder, "--evidence", tmp_path / "evidence")
    assert done.returncode == 0, done.stderr
    (record,), findings = evidence.audit(tmp_path / "evidence")
    assert findings == []
    assert sorted(record.inputs) == ["project/plan.yaml", "project/results/toy/seed0/records.jsonl"]
    assert record.answer["claims"][0]["verdict"] == "MATCH"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_without_permission_is_said():
    child = """
import os, sys
from pathlib import Path
from reproof.compare.results import read_files
from reproof.compare.sources import is_readable
os.setegid(65534), os.seteuid(65534)
path = Path(sys.argv[1])
print(is_readable(path), read_files([path], {}).files[0].problems)
"""
    helpers = Path(__file__).resolve().parents[2] / "helpers"
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others altogether
        Path(folder).chmod(0o755)
        secret = Path(folder) / "records.jsonl"
        secret.write_text("{}\n")
        secret.chmod(0)
        command = [sys.executable, "-c", child, str(secret)]
        environment = {**os.environ, "PYTHONPATH": str(helpers)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "False ['unreadable: Permission denied; nothing in it counts']\n", done.stderr


def test_five_thousand_claims_are_judged_in_two_seconds(project):
    for index in range(1000):
        for seed in range(5):
            value = 1 + (index % 7) / 100 + seed / 1000
            project.result(value, seed, run_id=f"{index}-{seed}", condition={"sampling_steps": index}, checkpoints=...)
    project.floor()
    project.claim["condition"] = {"sampling_steps": 0}
    plan = Plan.model_validate(project.plan)
    claims = [
        plan.claims[0].model_copy(update={"id": f"c{i}", "condition": {"sampling_steps": i % 1000}})
        for i in range(5000)
    ]
    plan = plan.model_copy(update={"claims": claims})
    file = project.write() / "results/toy/seed0/records.jsonl"
    started = time.process_time()
    context = context_of(plan, read_files([file], {"toy": {"w2"}}))
    found = [judge(claim, context) for claim in claims]
    assert time.process_time() - started < 2
    assert found[0].verdict == "MATCH"
    assert len(found) == 5000
