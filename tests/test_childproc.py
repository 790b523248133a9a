"""A warm process answers line by line; when it dies, goes silent or talks nonsense there is no answer, and no wait."""

import os
import queue
import subprocess
import sys
import threading

import pytest

from reproof import childproc

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


@pytest.fixture
def started(tmp_path):
    """Start Python code as a warm process; all of them are ended after the test."""
    running = []

    def start(code):
        env = {**os.environ, "PYTHONUTF8": "1"}
        running.append(childproc.Warm([sys.executable, "-c", code], env, tmp_path / "errors", cwd=tmp_path))
        return running[-1]

    yield start
    for process in running:
        process.end()


def test_one_line_is_answered_with_one_line(started):
    process = started(ECHO)
    assert process.ask({"n": 1, "text": "a\nb"}, 30) == {"n": 1, "text": "a\nb"}
    assert process.ask({"n": 2}, 30) == {"n": 2}


def test_what_it_says_unasked_is_received(started):
    assert started("print('{\"ready\": true}')").receive(30) == {"ready": True}


def test_a_process_that_goes_silent_gives_no_answer_and_is_told_as_such(started):
    process = started("import sys\nsys.stdin.read()")
    assert process.ask({}, 0.2) is None
    assert process.ending() == "timeout"


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import sys\nsys.stdin.readline(); sys.exit(3)", "exit 3"),
        ("import os, sys\nsys.stdin.readline(); os.kill(os.getpid(), 9)", "signal 9"),
    ],
)
def test_a_process_that_dies_gives_no_answer_and_says_how_it_went(started, code, ending):
    process = started(code)
    assert process.ask({}, 30) is None
    assert process.ending() == ending
    assert process.ask({}, 30) is None  # the pipe is closed now: still no answer, and no error


def test_nobody_waits_for_a_process_that_has_ended(started):
    process, answers = started("pass"), queue.Queue()
    threading.Thread(target=lambda: answers.put(process.receive(600)), daemon=True).start()
    assert answers.get(timeout=30) is None


@pytest.mark.parametrize("said", ["nonsense", "[1, 2]", "3"])
def test_only_an_object_is_an_answer(started, said):
    assert started(f"print('{said}', flush=True)\ninput()").receive(30) is None


def test_what_it_complained_about_is_kept(started):
    process = started("import sys\nprint('wörds', file=sys.stderr)")
    assert process.receive(30) is None
    assert process.said() == "wörds\n"


def test_its_children_end_with_it(started, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    outlives = "import time; pipe = open('pipe', 'w'); time.sleep(20); print('still here', file=pipe)"
    start_it = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {outlives!r}])\ninput()"
    process = started(start_it)
    with (tmp_path / "pipe").open(encoding="utf-8") as pipe:  # waits for the child of the child
        process.end()
        assert pipe.read() == ""


def test_a_command_that_cannot_be_started_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        childproc.Warm([str(tmp_path / "python")], {}, tmp_path / "errors")


def test_our_folder_is_loaded_under_its_name_and_hides_nothing_of_the_users(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir(), theirs.mkdir()
    (theirs / "records.py").write_text("WHOSE = 'theirs'\n")  # there is a records.py beside childstart.py
    (ours / "__init__.py").write_text("")
    (ours / "records.py").write_text("WHOSE = 'ours'\n")
    (ours / "job.py").write_text(
        "import sys\nimport records\nfrom .records import WHOSE\n"
        "def main(*arguments): print(records.WHOSE, WHOSE, __name__, arguments)\n"
    )
    command = childproc.command(sys.executable, ours, "of_ours", "job", "a", "b c")
    environment = {**os.environ, "PYTHONPATH": str(theirs)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split("\n")[0] == "theirs ours of_ours.job ('a', 'b c')"
    (theirs / "records.py").unlink()
    gone = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "No module named 'records'" in gone.stderr
