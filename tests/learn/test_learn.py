"""The catalogue: found by symptom or error, written in one form, checked, promoted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reproof.errors import MissingError, PackError
from reproof.learn import files
from reproof.learn.answers import find, show
from reproof.learn.entries import Entry, sections, written
from reproof.learn.files import add, checked, promote, validate
from reproof.learn.models import AddRequest, FindRequest, PreflightRequest, PromoteRequest, ShowRequest, ValidateRequest
from reproof.learn.preflight import preflight
from reproof.learn.search import ranked, tail_of, words

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOGUES = sorted((ROOT / "skills").glob("*/LEARNING.md"))

ENTRY = """\
slug: time-broadcast
title: The time vector spreads over the image width
what: A time of shape (B,) is added to images (B, C, H, W) with B equal to W.
symptom: the loss falls, samples are stripes
impact: days of training
cause: broadcasting aligns from the right
prevention: reshape the time to (B, 1, 1, 1)
shown_by: python -c 'import torch'
caught_by: nothing yet
"""


BASE = {
    "slug": "a-b",
    "title": "Title of it",
    "what": "What happens here",
    "symptom": "A symptom",
    "impact": "Some",
    "cause": "A root cause",
    "prevention": "Do that instead",
    "shown_by": "a test",
    "caught_by": "nothing yet",
}


def entry(**changes):
    return Entry(**{**BASE, **changes})


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def draft(tmp_path):
    path = tmp_path / "entry.yaml"
    path.write_text(ENTRY, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: p.parent.name)
def test_the_packs_own_catalogues_are_in_the_form(path):
    answer = validate(ValidateRequest(file=path))
    assert answer.problems == []


def test_slugs_are_unique_over_both_catalogues():
    slugs = [entry.slug for path in CATALOGUES for _, entry in checked(path.read_text(encoding="utf-8"))[0]]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("tuning never reaches the paper's number, a perfect model fails too", "metric-floor"),
        ("distance is half of what ot.emd2 gives", "geomloss-half-w2"),
        ("samples drift to the sum of source and target", "straight-flow-sign"),
        ("one loss per image instead of one number", "geomloss-3d-batch"),
        ("learning rate 10 -4 in the PDF text", "flattened-exponent"),
        ("first loss equal but second loss different after porting", "rng-order"),
    ],
)
def test_a_trap_is_found_by_its_symptom(query, slug):
    answer = find(FindRequest(words=query.split()))
    assert answer.ok
    assert answer.hits[0].entry.slug == slug, [(hit.entry.slug, hit.score) for hit in answer.hits]


def test_a_query_about_something_else_finds_nothing():
    answer = find(FindRequest(words=["docker", "compose", "kubernetes", "ingress"]))
    assert not answer.ok
    assert answer.hits == []


def test_an_error_log_is_searched_by_its_last_error(tmp_path):
    log = tmp_path / "run.log"
    log.write_text(
        "epoch 1 kubernetes\nTraceback (most recent call last):\n  File 'train.py', line 3, in f\n    loss(x, y)\n"
        "ValueError: input samples 'x' and 'y' should be GeomLoss clouds (N,D) or (B,N,D), pixels (N,C,H,W) raises\n"
    )
    assert find(FindRequest(error=log)).hits[0].entry.slug == "geomloss-4d"


def test_the_tail_of_a_log_is_its_last_traceback_without_the_frames():
    first = "Traceback (most recent call last):\n  File 'a'\nKeyError: 1\n\n"
    log = first + "Traceback (most recent call last):\n  File 'b'\nValueError: two\n"
    assert tail_of(log) == "ValueError: two"
    assert tail_of("\n".join(map(str, range(30)))).splitlines() == [str(n) for n in range(18, 30)]


def test_words_are_stems_and_names_are_taken_apart():
    assert words("SamplesLoss overflows at log_sum_exp") == ["sample", "loss", "overfl", "log", "sum", "exp"]


def test_a_rare_word_counts_more_than_a_common_one():
    common = [entry(slug=f"x{n}", symptom="the gradient is wrong") for n in range(8)]
    rare = entry(slug="rare", symptom="the checkerboard is wrong")
    best = ranked("gradient checkerboard", [*common, rare], most=1)
    assert best[0][1].slug == "rare"


def test_project_entries_are_found_too_and_come_before_the_packs(project, draft):
    add(AddRequest(entry=draft, project=project))
    answer = find(FindRequest(words=["stripes", "time", "broadcast"], project=project))
    assert answer.hits[0].entry.slug == "time-broadcast"
    assert answer.hits[0].file == str(project / "LEARNING.md")


def test_what_is_added_reads_back_as_it_was(project, draft):
    add(AddRequest(entry=draft, project=project))
    text = (project / "LEARNING.md").read_text(encoding="utf-8")
    good, wrong = checked(text)
    assert wrong == []
    assert good[0][1].prevention == "reshape the time to (B, 1, 1, 1)"
    assert good[0][1].slug == "time-broadcast"


def test_adding_keeps_what_is_there_and_refuses_a_taken_slug(project, draft):
    (project / "LEARNING.md").write_text("# Mine\n\nSome words.\n", encoding="utf-8")
    add(AddRequest(entry=draft, project=project))
    before = (project / "LEARNING.md").read_text(encoding="utf-8")
    assert before.startswith("# Mine\n\nSome words.\n\n## The time vector")
    with pytest.raises(PackError) as caught:
        add(AddRequest(entry=draft, project=project))
    assert caught.value.slug == "slug-taken"
    assert (project / "LEARNING.md").read_text(encoding="utf-8") == before


def test_an_entry_cannot_smuggle_in_a_second_heading(project, tmp_path):
    evil = tmp_path / "evil.yaml"
    evil.write_text(ENTRY.replace("impact: days of training", 'impact: "days\\n## Other  `other`\\n**What** x"'))
    add(AddRequest(entry=evil, project=project))
    assert [raw.slug for raw in sections((project / "LEARNING.md").read_text())] == ["time-broadcast"]


def test_all_wrong_fields_are_named_at_once(project, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("slug: Not A Slug\ntitle: short\nsymptoms: typo\n")
    with pytest.raises(PackError) as caught:
        add(AddRequest(entry=bad, project=project))
    for field in ("slug", "title", "what", "symptoms", "cause", "shown_by"):
        assert field in caught.value.what, field
    assert not (project / "LEARNING.md").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("## No slug here\n", "line 1: '## No slug here' has no `slug`"),
        (written(entry()) + "\n" + written(entry()), "line 11: slug a-b was used in line 1"),
        (written(entry()).replace("**Impact** Some\n", ""), "a-b: impact: Field required"),
        (written(entry()) + "**What** again and again\n", "**What** stands twice"),
        ("just words\n", "no entry"),
    ],
)
def test_validate_names_the_line_and_the_fault(text, says, tmp_path):
    path = tmp_path / "LEARNING.md"
    path.write_text(text, encoding="utf-8")
    answer = validate(ValidateRequest(file=path))
    assert not answer.ok
    assert any(says in problem for problem in answer.problems), answer.problems


def test_a_heading_inside_a_code_fence_is_no_entry():
    assert [raw.slug for raw in sections("```\n## X  `x`\n```\n" + written(entry()))] == ["a-b"]


def test_promote_writes_into_a_clone_only(project, draft, tmp_path):
    add(AddRequest(entry=draft, project=project))
    clone = tmp_path / "clone"
    target = clone / "skills" / "paper-reproduction" / "LEARNING.md"
    target.parent.mkdir(parents=True)
    target.write_text("# Learned\n", encoding="utf-8")
    request = PromoteRequest(slug="time-broadcast", project=project, clone=clone, skill="paper-reproduction")
    promote(request)
    assert "`time-broadcast`" in target.read_text(encoding="utf-8")
    with pytest.raises(PackError, match="has an entry"):
        promote(request)
    with pytest.raises(PackError) as caught:
        promote(request.model_copy(update={"clone": tmp_path}))
    assert caught.value.slug == "no-such-skill"
    with pytest.raises(MissingError, match="did you mean time-broadcast"):
        promote(request.model_copy(update={"slug": "time-brodcast"}))


def test_show_gives_one_entry_whole():
    assert show(ShowRequest(slug="metric-floor")).hits[0].entry.title == "A perfect model fails the paper's protocol"


def test_a_check_that_a_lesson_left_behind_runs_and_fails_the_preflight(project, tmp_path):
    path = tmp_path / "entry.yaml"
    path.write_text(ENTRY + f"preflight: [{json.dumps(sys.executable)}, -c, 'raise SystemExit(1)']\n", encoding="utf-8")
    add(AddRequest(entry=path, project=project))
    answer = preflight(PreflightRequest(project=project))
    assert not answer.ok
    assert answer.checks[0].status == "failed"
    assert answer.checks[0].slug == "time-broadcast"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ([sys.executable, "-c", "print('fine')"], "passed"),
        ([sys.executable, "-c", "import sys; sys.exit(3)"], "failed"),
        (["/absent/program"], "could not start"),
        ([sys.executable, "-c", "import threading; threading.Event().wait()"], "too slow"),
    ],
)
def test_every_way_a_check_can_end_is_told_apart(command, status, project):
    checks = [{"slug": "c", "says": "a check of it", "command": command}]
    (project / files.PREFLIGHT).write_text(json.dumps(checks), encoding="utf-8")
    limit_s = 1.0 if status == "too slow" else 60.0
    answer = preflight(PreflightRequest(project=project, timeout_s=limit_s))
    assert [check.status for check in answer.checks] == [status]
    assert answer.ok is (status == "passed")


def test_a_shell_is_never_asked(project):
    checks = [{"slug": "c", "says": "a check of it", "command": ["echo", "$(touch pwned)", ";", "touch", "pwned"]}]
    (project / files.PREFLIGHT).write_text(json.dumps(checks), encoding="utf-8")
    assert preflight(PreflightRequest(project=project)).checks[0].tail == "$(touch pwned) ; touch pwned"
    assert not (project / "pwned").exists()


def test_a_broken_list_of_checks_is_said(project):
    (project / files.PREFLIGHT).write_text('[{"slug": "c"}]', encoding="utf-8")
    with pytest.raises(PackError) as caught:
        preflight(PreflightRequest(project=project))
    assert caught.value.slug == "bad-preflight"
    with pytest.raises(MissingError):
        preflight(PreflightRequest(project=project.parent))


def test_preflight_leaves_a_record_as_evidence(project):
    checks = [{"slug": "c", "says": "a check of it", "command": [sys.executable, "-c", ""]}]
    (project / files.PREFLIGHT).write_text(json.dumps(checks), encoding="utf-8")
    command = [
        sys.executable,
        ROOT / "helpers" / "learn.py",
        "preflight",
        "--project",
        project,
        "--evidence",
        project / "evidence",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert run.returncode == 0, run.stderr
    record = json.loads(next((project / "evidence").glob("0001-learn-preflight.json")).read_text())
    assert record["ok"]
    assert "preflight.json" in record["inputs"]


def test_every_trap_that_probe_names_has_an_entry():
    from reproof.probe.traps import GENERIC, TRAPS

    known = {entry.slug for path in CATALOGUES for _, entry in checked(path.read_text(encoding="utf-8"))[0]}
    assert sorted(({trap.slug for trap in TRAPS} | set(GENERIC.values())) - known) == []
