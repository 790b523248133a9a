"""The command line of learn: every command prints its answer."""

from reproof.learn.command import main

ENTRY = """\
slug: one-thing
title: One thing that went wrong
what: It went wrong in this way.
symptom: the zebra counter stays at zero
impact: a day
cause: nobody looked at it
prevention: look at the counter
shown_by: a test of it
caught_by: nothing yet
preflight: ["false"]
"""


def test_a_lesson_from_draft_to_check(tmp_path, capsys):
    (tmp_path / "entry.yaml").write_text(ENTRY, encoding="utf-8")
    project = ["--project", str(tmp_path)]
    assert main(["add", str(tmp_path / "entry.yaml"), *project]) == 0
    assert "one-thing is in" in capsys.readouterr().out
    assert main(["find", "zebra", "counter", "zero", *project]) == 0
    assert "`one-thing`" in capsys.readouterr().out
    assert main(["show", "one-thing", *project]) == 0
    assert "**Root cause** nobody looked at it" in capsys.readouterr().out
    assert main(["validate", str(tmp_path / "LEARNING.md")]) == 0
    assert capsys.readouterr().out.startswith("# 1 entries in the form, 0 problems")
    assert main(["preflight", *project]) == 4
    assert "## one-thing: failed" in capsys.readouterr().out


def test_nothing_found_is_a_no_and_says_what_to_do(capsys):
    assert main(["find", "xylophone"]) == 4
    assert "helpers/learn.py add" in capsys.readouterr().out


def test_bad_input_is_said(tmp_path, capsys):
    assert main(["find"]) == 2
    assert "give the symptom in words" in capsys.readouterr().err
    assert main(["find", "--error", str(tmp_path / "absent.log")]) == 2
    assert main(["show", "absent-slug"]) == 3
