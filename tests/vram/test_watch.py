"""Following a GPU: limits on both sides, growth, the end of the process; NVML is a stand-in that plays levels."""

import itertools
import json
import os
import subprocess
import sys
import types

import pytest

from reproof.errors import PackError
from reproof.vram.command import main
from reproof.vram.observed import WatchRequest
from reproof.vram.watch import Look, Watcher, watch

TOTAL = 10_000


def seen(levels, every_s=1.0, **flags):
    watcher = Watcher(WatchRequest(**flags), TOTAL)
    for index, level in enumerate(levels):
        watcher.see(Look(index * every_s, level, None))
    return watcher


def slugs(watcher):
    return [each.slug for each in watcher.warnings]


def test_the_level_warns_just_past_its_limit_and_not_on_it():
    assert slugs(seen([9200])) == []
    assert slugs(seen([9201])) == ["level"]


def test_free_memory_warns_just_below_what_is_to_stay():
    assert slugs(seen([9000], keep_free=1000)) == []
    assert slugs(seen([9001], keep_free=1000)) == ["free"]


def test_a_crossing_warns_once_until_it_is_over():
    assert slugs(seen([9300, 9400, 9300, 5000, 9300])) == ["level", "level"]


def test_growth_is_the_slope_of_the_looks():
    assert seen([1000 + 10 * i for i in range(20)]).growth() == pytest.approx(10)
    assert seen([1000 + 10 * i for i in range(20)], every_s=2.0).growth() == pytest.approx(5)
    assert seen([1000 + 10 * i for i in range(9)]).growth() == 0  # too few looks


def test_growth_warns_when_the_device_would_be_full_in_time():
    steady = [1000 + 10 * i for i in range(20)]  # 8,810 free at the end, 881 seconds
    assert slugs(seen(steady, ahead_s=880)) == []
    assert slugs(seen(steady, ahead_s=1000)) == ["growth"]
    assert slugs(seen([5000 + i % 2 for i in range(100)], ahead_s=10**7)) == []  # noise


class Nvml(types.ModuleType):
    """Plays levels; the process's share is told for its own pid."""

    class NVMLError(Exception):
        pass

    def __init__(self, levels, shares=()):
        super().__init__("pynvml")
        self.levels, self.shares = iter(levels), shares
        self.nvmlInit = lambda: None
        self.nvmlDeviceGetHandleByIndex = self._handle
        self.nvmlDeviceGetName = lambda _: b"Test GPU"
        self.nvmlDeviceGetMemoryInfo = lambda _: types.SimpleNamespace(total=TOTAL, used=next(self.levels))
        self.nvmlDeviceGetComputeRunningProcesses = lambda _: [
            types.SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in self.shares
        ]

    def _handle(self, index):
        if index:
            raise self.NVMLError("Invalid Argument")
        return object()


class Clock:
    """Time that passes by waiting only."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


@pytest.fixture
def play(monkeypatch):
    def run(levels, shares=(), **flags):
        monkeypatch.setitem(
            sys.modules, "pynvml", Nvml(itertools.chain([0], levels), shares)
        )  # the first look is for the total
        clock = Clock()
        return watch(WatchRequest(**flags), clock, clock.wait)

    return run


def test_it_ends_when_the_time_is_over(play):
    found = play([100] * 4, every_s=2, for_s=6)
    assert (found.looks, found.seconds, found.ok) == (4, 6.0, True)
    assert found.ended == "6.0 s are over"


def test_warnings_are_told_at_once_and_decide_the_answer(play, capsys):
    found = play([100, 9500], every_s=1, for_s=1)
    assert not found.ok
    assert found.most_bytes == 9500
    assert capsys.readouterr().err.startswith("warning[level]: 1.0 s: 95.0% used")


def test_it_ends_with_the_process_and_tells_its_share(play):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    levels = iter([500, 700, 600])

    def level():
        for each in levels:
            if each == 600:
                child.communicate(b"\n")  # it ends between two looks
            yield each

    found = play(level(), shares=[(child.pid, 400), (1, 50)], pid=child.pid, every_s=1)
    assert found.ended == f"process {child.pid} ended"
    assert (found.looks, found.most_bytes, found.most_process_bytes) == (3, 700, 400)


def test_a_process_whose_share_nvml_does_not_tell_is_said(play):
    found = play([500], pid=os.getpid(), every_s=1, for_s=0.5)
    assert found.most_process_bytes is None
    assert "whole device" in found.notes[0]


def test_a_process_or_a_gpu_that_is_not_there_is_refused(play):
    with pytest.raises(PackError, match="--pid") as caught:
        play([500], pid=2**22 + 1)
    assert caught.value.exit_code == 2
    with pytest.raises(PackError, match="no GPU 3") as caught:
        play([500], index=3)
    assert caught.value.exit_code == 3


def test_stopping_it_by_hand_still_gives_the_report(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml([0, 100]))

    def interrupted(_):
        raise KeyboardInterrupt

    assert watch(WatchRequest(), lambda: 1.0, interrupted).ended == "you stopped it"


def test_without_a_driver_it_ends_with_3_and_with_a_warning_with_4(monkeypatch, capsys):
    class NoDriver(Nvml):
        def __init__(self):
            super().__init__([])
            self.nvmlInit = self._fails

        def _fails(self):
            raise self.NVMLError("NVML Shared Library Not Found")

    monkeypatch.setitem(sys.modules, "pynvml", NoDriver())
    assert main(["watch"]) == 3
    assert "error[no-gpu]" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "pynvml", Nvml([0, 9999]))
    assert main(["watch", "--for-s", "0.1", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["warnings"][0]["slug"] == "level"
