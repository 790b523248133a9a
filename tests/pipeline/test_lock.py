"""Two processes never work in one folder of results; a killed one blocks nobody."""

import signal
import subprocess
import sys
import threading

import pytest

HOLDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from project.engine.extra.lock import only_one
from project.engine.preempt import Stop
with only_one(Path(sys.argv[2]), Stop()):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(project, tmp_path):
    started = []

    def start():
        command = [sys.executable, "-c", HOLDER, str(project.root / "src"), str(tmp_path / "seed0")]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


def test_the_second_waits_and_says_so_until_the_first_has_left(hold):
    first = hold()
    assert first.stdout.readline() == "held\n"
    second = hold()
    assert "another process works in" in second.stderr.readline()
    first.stdin.close()
    assert second.stdout.readline() == "held\n"


def test_a_killed_holder_blocks_nobody(hold):
    first = hold()
    assert first.stdout.readline() == "held\n"
    first.send_signal(signal.SIGKILL)
    first.wait()
    watchdog = threading.Timer(30, (second := hold()).kill)
    watchdog.start()
    assert second.stdout.readline() == "held\n"
    watchdog.cancel()
