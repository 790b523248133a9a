"""Flags from fields, three-line errors, exit codes."""

import io
import json
from pathlib import Path

import pytest
from pydantic import Field

from reproof import cli
from reproof.errors import MissingError, PackError
from reproof.records import Answer, Record


class Ask(Record):
    paper: Path | None = Field(None, description="a file", json_schema_extra={"positional": True, "input": True})
    batch_size: int = Field(1, gt=0, description="samples per update")
    gpu: list[str] = Field(default_factory=list, description="names")
    strict: bool = Field(False, description="no mercy")
    how: str = Field("yes", description="what the answer does: 100 % of it")


class Said(Answer):
    batch_size: int
    gpu: list[str]


def answer(ask: Ask) -> Said:
    if ask.how == "missing":
        raise MissingError("not-installed", "no torch", why="it is needed", fix="install it")
    if ask.how == "bug":
        raise RuntimeError("a bug")
    if ask.how == "interrupt":
        raise KeyboardInterrupt
    return Said(ok=ask.how == "yes", headline="so", batch_size=ask.batch_size, gpu=ask.gpu)


COMMANDS = {"": cli.Command(Ask, answer, template="none.md.jinja", help="ask")}


def run(*words, commands=COMMANDS):
    return cli.run(commands, [*map(str, words)], name="ask", doc="The manual.")


def test_yes_is_zero_and_json_is_one_document(capsys):
    assert run("--json", "--batch-size", 3, "--gpu", "T4", "--gpu", "A100") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["batch_size"], said["gpu"]) == (3, ["T4", "A100"])


def test_no_is_four_and_missing_is_three_and_a_bug_stays_a_bug(capsys):
    assert run("--json", "--how", "no") == 4
    assert run("--json", "--how", "missing") == 3
    with pytest.raises(RuntimeError, match="a bug"):
        run("--json", "--how", "bug")
    assert run("--json", "--how", "interrupt") == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(("size", "code"), [(1, 0), (0, 2), (-3, 2), ("many", 2)])
def test_the_limit_of_a_flag_is_exact(size, code, capsys):
    assert run("--json", "--batch-size", size) == code
    captured = capsys.readouterr()
    if code:
        assert captured.out == ""
        first, why, fix = captured.err.splitlines()
        assert first.startswith(f"error[bad-input]: --batch-size '{size}'")
        assert why.startswith("  why: --batch-size is samples per update")
        assert fix.startswith("  try: ")


def test_an_unknown_flag_is_an_error_with_a_near_miss(capsys):
    assert run("--batchsize", 3) == 2
    assert "did you mean --batch-size?" in capsys.readouterr().err


def test_flags_are_not_abbreviated(capsys):
    assert run("--batch", 3) == 2
    assert "unrecognized" in capsys.readouterr().err


def test_help_is_the_manual_with_every_flag(capsys):
    with pytest.raises(SystemExit) as stop:
        run("--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert text.count("The manual.") == 1
    for flag in ("PAPER", "--batch-size", "--gpu", "--strict", "--how", "--json", "--evidence"):
        assert flag in text
    assert "(default 1)" in text


def test_evidence_goes_where_it_is_sent_and_hashes_what_was_read(tmp_path, capsys):
    paper = tmp_path / "paper.md"
    paper.write_text("text")
    assert run(paper, "--json", "--evidence", tmp_path / "e") == 0
    record = json.loads((tmp_path / "e" / "0001-ask.json").read_text())
    assert list(record["inputs"]) == ["paper.md"]
    assert record["argv"][0] == str(paper)
    assert record["answer"]["batch_size"] == 1
    assert "evidence:" in capsys.readouterr().err


def test_inside_a_project_evidence_is_kept_without_being_asked(tmp_path):
    (tmp_path / ".scaffold").mkdir()
    (tmp_path / ".scaffold" / "manifest.json").write_text("{}")
    paper = tmp_path / "deep" / "paper.md"
    paper.parent.mkdir()
    paper.write_text("text")
    assert run(paper, "--json") == 0
    assert [p.name for p in (tmp_path / "evidence").glob("*.json")] == ["0001-ask.json"]


def test_outside_a_project_nothing_is_written(tmp_path):
    paper = tmp_path / "paper.md"
    paper.write_text("text")
    assert run(paper, "--json") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["paper.md"]


def test_a_no_is_evidence_too(tmp_path):
    assert run("--json", "--how", "no", "--evidence", tmp_path) == 4
    assert json.loads((tmp_path / "0001-ask.json").read_text())["ok"] is False


def test_an_error_leaves_no_evidence(tmp_path):
    assert run("--json", "--how", "missing", "--evidence", tmp_path) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_missing_command_is_bad_usage(capsys):
    assert run(commands={"one": COMMANDS[""], "two": COMMANDS[""]}) == 2
    assert "error[bad-usage]" in capsys.readouterr().err


def test_a_stream_that_cannot_be_reconfigured_is_left_alone(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    assert run("--json") == 0
    assert json.loads(out.getvalue())["ok"] is True


def test_an_error_is_three_lines():
    lines = str(PackError("slug", "what", why="why", fix="fix")).splitlines()
    assert lines == ["error[slug]: what", "  why: why", "  try: fix"]


def test_an_answer_whose_record_cannot_be_written_is_told_all_the_same(capsys, tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert run("--json", "--evidence", tmp_path / "file") == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["ok"] is True
    assert said.err.startswith("error[cannot-write]")


def test_a_required_flag_that_is_missing_is_named_without_what_else_was_given(capsys):
    class Needs(Ask):
        count: int = Field(description="how many")

    assert (
        run("--batch-size", "3", commands={"": cli.Command(Needs, answer, template="none.md.jinja", help="ask")}) == 2
    )
    assert "error[bad-input]: --count: Field required\n" in capsys.readouterr().err
