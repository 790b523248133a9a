"""Whole lines, hashes, progress."""

import io

import pytest


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ('{"a": 1}\n', '{"a": 1}\n'), ('{"a": 1}\n{"b"', '{"a": 1}\n'), ('{"b"', "")]
)
def test_half_a_line_is_dropped_before_appending(project, tmp_path, before, after):
    path = tmp_path / "lines.jsonl"
    path.write_text(before)
    with project.records.open_lines(path) as file:
        file.write('{"c": 3}\n')
        assert path.read_text() == after + '{"c": 3}\n'  # on disk at once, not when the file is closed


def test_half_a_line_is_not_read(project, tmp_path):
    (tmp_path / "lines.jsonl").write_text('{"a": 1}\n{"b": ')
    assert project.records.read_lines(tmp_path / "lines.jsonl") == [{"a": 1}]
    assert project.records.read_lines(tmp_path / "absent.jsonl") == []


def test_the_hash_of_code_sees_names_and_contents(project, tmp_path):
    def tree(files):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return project.records.tree_hash(folder)

    same = tree({"a.py": "1", "b/c.py": "2"})
    assert same == tree({"b/c.py": "2", "a.py": "1", "notes.txt": "not code"})
    changed = [{"a.py": "1", "b/c.py": "3"}, {"a.py": "1", "b/d.py": "2"}, {"a.py": "12", "b/c.py": ""}]
    assert len({same, *map(tree, changed)}) == 4


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_one_line_that_ends_when_the_phase_ends(project, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(project.tool("progress").sys, "stderr", terminal)
    progress = project.tool("progress").Progress("flow", 100, "steps", done=50)
    progress.begin_s -= 10  # as if it had run for ten seconds
    assert not progress.due(60) and progress.due(100)
    progress.words = "loss 1  "
    progress.show(60)
    assert "\r\033[Kflow  60/100 steps  loss 1  1 steps/s  0:00:4" in terminal.getvalue()  # 40 steps at 1 per second
    assert not terminal.getvalue().endswith("\n")
    progress.show(100)
    assert terminal.getvalue().endswith("\n")


def test_a_pipe_gets_plain_lines_ten_seconds_apart(project, monkeypatch):
    pipe = io.StringIO()
    monkeypatch.setattr(project.tool("progress").sys, "stderr", pipe)
    progress = project.tool("progress").Progress("flow", 100, "steps")
    assert not progress.due(100)
    progress.next_s -= 9
    assert not progress.due(1)
    progress.next_s -= 1
    assert progress.due(1)
    progress.show(1)
    assert "\r" not in pipe.getvalue() and pipe.getvalue().endswith("left\n")
