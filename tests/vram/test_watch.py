"""Following a GPU: limits on both sides, growth, the end of the process; NVML is a stand-in that plays levels."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram.child import driver
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


def test_a_model_that_was_loaded_does_not_warn_and_a_leak_does():
    loaded = [100 * i for i in range(11)] + [1000] * 5  # a third of the looks are past the loading
    assert slugs(seen(loaded, ahead_s=10**7)) == ["growth"]  # at the tenth look nobody can know
    watcher = seen([0, 300, 600] + [900] * 8, ahead_s=10**7)
    assert watcher.growth() > 0
    assert slugs(watcher) == []
    assert "growth" in slugs(seen([1000 + 100 * (i // 4) for i in range(40)], ahead_s=10**7))  # in steps, but on


def test_growth_warns_when_the_device_would_be_full_in_time():
    steady = [1000 + 10 * i for i in range(20)]  # 8,810 free at the end, 881 seconds
    assert slugs(seen(steady, ahead_s=880)) == []
    assert slugs(seen(steady, ahead_s=1000)) == ["growth"]
    assert slugs(seen([5000 + i % 2 for i in range(100)], ahead_s=10**7)) == []  # noise


def test_growth_on_its_limits_warns_and_below_them_does_not():
    line = [1000 + 10 * i for i in range(11)]  # 8,900 free at the end, 890 seconds
    assert slugs(seen(line, ahead_s=890)) == ["growth"]
    assert slugs(seen(line, ahead_s=889)) == []
    assert slugs(seen(line[:10], ahead_s=891)) == ["growth"]  # the tenth look is the first that tells
    small = [5000 + 5 * i for i in range(11)]  # 50 of 10,000 is noise still
    assert slugs(seen(small, ahead_s=10**7)) == []
    assert slugs(seen([*small[:10], 5051], ahead_s=10**7)) == ["growth"]


def test_growth_goes_on_where_the_last_third_brings_a_quarter_of_what_came_before():
    def goes_on(last):  # of twelve looks; 400 came in the first two thirds
        watcher = Watcher(WatchRequest(), TOTAL)
        watcher.looks.extend(Look(i, level, None) for i, level in enumerate([0] * 8 + [400] * 3 + [last]))
        return watcher._grown()

    assert goes_on(500)
    assert not goes_on(499)


def test_looks_at_one_moment_have_no_slope_and_old_looks_are_forgotten():
    assert seen([100, 200] * 6, every_s=0).growth() == 0
    assert seen([0] * 30 + [10 * i for i in range(120)]).growth() == pytest.approx(10)
    assert seen([0] * 60 + [10 * i for i in range(60)]).growth() < 9  # 120 looks count


def test_a_warning_says_how_much_how_fast_and_whose():
    watcher = Watcher(WatchRequest(ahead_s=10**7), 100 * 2**20)
    for second in range(12):
        watcher.see(Look(second, second * 2**20, None, 3 * 2**20))
    (warned,) = watcher.warnings
    assert warned.what == "grows by 60.0 MiB a minute: full in 1 min 31 s if it goes on; 3.0 MiB are other processes'"


def test_on_another_card_nothing_of_the_one_before_counts():
    watcher = seen([9300, 9400, 9500])
    watcher.moved(50_000)
    assert (watcher.total, watcher.count, watcher.most, watcher.most_process) == (50_000, 0, 0, None)
    assert (watcher.warnings, len(watcher.looks)) == ([], 0)
    watcher.see(Look(3.0, 47_000, 5))
    assert slugs(watcher) == ["level"]
    watcher.see(Look(4.0, 1000, 3))
    assert (watcher.most, watcher.most_process) == (47_000, 5)


class Nvml(types.ModuleType):
    """Plays levels on one GPU; the process's share is told for its own pid."""

    class NVMLError(Exception):
        pass

    def nvmlDeviceGetMigMode(self, _):
        raise self.NVMLError("Not Supported")

    def __init__(self, levels, shares=()):
        super().__init__("pynvml")
        self.levels, self.shares = iter(levels), shares
        self.nvmlInit = lambda: None
        self.nvmlDeviceGetHandleByIndex = self._handle
        self.nvmlDeviceGetName = lambda _: b"Test GPU"
        self.nvmlDeviceGetCount = lambda: 1
        self.nvmlDeviceGetUUID = lambda _: "GPU-1"
        self.nvmlDeviceGetMemoryInfo = lambda _: self._memory(next(self.levels))
        self.nvmlDeviceGetComputeRunningProcesses = lambda _: [
            types.SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in self.shares
        ]

    def _handle(self, _):
        return object()

    def _memory(self, used):
        return types.SimpleNamespace(total=TOTAL, used=used, free=TOTAL - used)


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
    assert "does not tell this process's share" in found.notes[0]


def test_a_process_or_a_gpu_that_is_not_there_is_refused(play):
    with pytest.raises(PackError, match="--pid") as caught:
        play([500], pid=2**22 + 1)
    assert caught.value.exit_code == 2
    with pytest.raises(PackError, match="no GPU 3") as caught:
        play([500], index=3)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("pid", [2**31, 2**70])
def test_a_number_that_no_process_can_have_is_refused(play, pid):
    with pytest.raises(PackError, match="no-such-process"):
        play([500], pid=pid)


def test_a_process_that_ended_and_whose_number_is_anothers_now_is_over(play, monkeypatch):
    born = iter(["11", "11", "12"])
    monkeypatch.setattr("reproof.vram.watch._life", lambda _: next(born))
    assert play([100] * 9, pid=os.getpid(), every_s=1).ended == f"process {os.getpid()} ended"


def test_a_process_that_ends_before_the_first_look_is_over_then(play, monkeypatch):
    born = iter(["11", ""])
    monkeypatch.setattr("reproof.vram.watch._life", lambda _: next(born))
    found = play([100] * 9, pid=os.getpid(), every_s=1)
    assert (found.looks, found.ended) == (1, f"process {os.getpid()} ended")


def test_the_summary_counts_warnings_and_tells_growth(play):
    found = play([9900, 1, 9900], every_s=1, for_s=2)
    assert found.headline == "Test GPU: at most 99.0% of 9.8 KiB used, 2 warnings"
    assert play([9900], every_s=1, for_s=0.5).headline.endswith("used, 1 warning")
    steady = play([1000 + 10 * i for i in range(11)], every_s=2, for_s=20, ahead_s=1)
    assert (steady.growth_bytes_per_s, steady.looks, steady.seconds) == (5.0, 11, 20.0)


def test_a_container_is_told_where_a_share_is_found(play, monkeypatch):
    words = {"shares": [(os.getpid(), 5)], "pid": os.getpid(), "every_s": 1, "for_s": 0.5}
    for inside in (True, False):
        monkeypatch.setattr("reproof.vram.watch._contained", lambda inside=inside: inside)
        assert any("another process's" in note for note in play([500], **words).notes) is inside


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


# ---- the whole command against a shared library that answers as NVML does, through nvidia-ml-py

HERE = Path(__file__).parent
VRAM = HERE.parents[1] / "helpers" / "vram.py"
H100 = "gpu GPU-aaaa-1 NVIDIA_H100_80GB_HBM3 85520809984 600000000 1000000000 {rise} 0\n"
T4 = "gpu GPU-bbbb-2 Tesla_T4 16106127360 400000000 5000000000 0 -1\n"
A100 = "gpu GPU-cccc-3 NVIDIA_A100 42949672960 600000000 1000000000 0 1\nmig 0 MIG-11 5100273664 100000000\n"
LOST = "fail nvmlDeviceGetMemoryInfo {code} {after}\nfail nvmlDeviceGetMemoryInfo_v2 {code} {after}\n"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """Folders with a libnvidia-ml.so.1, of today's drivers and of those before R510."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: the stand-in for NVML's library is compiled")
    if not sys.platform.startswith("linux"):
        pytest.skip("the stand-in is a shared library of Linux")
    pytest.importorskip("pynvml", reason="nvidia-ml-py asks it")
    found = {}
    for name, words in (("new", []), ("old", ["-DOLD"])):
        folder = found[name] = tmp_path_factory.mktemp(name)
        library = str(folder / "libnvidia-ml.so.1")
        subprocess.run(["gcc", *words, "-shared", "-fPIC", "-o", library, str(HERE / "nvml_stub.c")], check=True)
    return found


@pytest.fixture
def started(libraries, tmp_path):
    """Starts `vram.py watch` on a machine that a script describes."""

    def start(script, *words, driver="new", **environment):
        path = tmp_path / "nvml.txt"
        path.write_text(script, encoding="utf-8")
        env = {**os.environ, "LD_LIBRARY_PATH": str(libraries[driver]), "NVML_STUB": str(path), **environment}
        command = [sys.executable, str(VRAM), "watch", "--every-s", "0.02", "--json", *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)

    return start


def told(process):
    out, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    return (json.loads(out) if out else said), process.returncode


def test_memory_that_rises_is_warned_of_long_before_it_is_full(started):
    found, code = told(started(H100.format(rise=10**9), "--for-s", "0.5"))
    assert code == 4
    first = found["warnings"][0]
    assert first["slug"] == "growth"
    assert found["gpu"] == "NVIDIA H100 80GB HBM3"
    assert first["at_s"] < 0.5  # at a gigabyte a look it is full after 84 looks


def test_the_card_is_the_one_that_the_process_is_on_and_killing_the_process_ends_it(started):
    job = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    shares = f"proc GPU-bbbb-2 {job.pid} 4000000000\nproc GPU-bbbb-2 77 900000000\n"
    process = started(H100.format(rise=0) + T4 + shares, "--pid", str(job.pid), "--keep-free", "15GiB")
    assert "free, less than" in process.stderr.readline()  # it looks, and its first look warns
    job.kill()  # it stays a zombie, for nobody asks for it
    found, code = told(process)
    job.communicate()
    assert (found["ended"], found["uuid"], code) == (f"process {job.pid} ended", "GPU-bbbb-2", 4)
    assert found["most_process_bytes"] == 4_000_000_000
    assert found["most_bytes"] == 5_400_000_000  # what the driver reserves is not free either
    assert "858.3 MiB are other processes'" in found["warnings"][0]["what"]


def test_of_two_cards_the_one_where_the_process_holds_more_is_told(started):
    me = os.getpid()
    shares = f"proc GPU-aaaa-1 {me} 1000\nproc GPU-bbbb-2 {me} 4000\n"
    found, _ = told(started(H100.format(rise=0) + T4 + shares, "--pid", str(me), "--for-s", "0.05"))
    assert (found["uuid"], found["most_process_bytes"], found["total_bytes"]) == ("GPU-bbbb-2", 4000, 16106127360)
    assert any("the process is on GPU 0 too" in note for note in found["notes"])
    assert not any("on no GPU" in note for note in found["notes"])
    found, _ = told(started(H100.format(rise=0) + T4 + shares, "--pid", str(me), "--index", "0", "--for-s", "0.01"))
    assert (found["uuid"], found["most_process_bytes"]) == ("GPU-aaaa-1", 1000)  # a card that is named is the one
    found, _ = told(started(H100.format(rise=0) + T4, "--pid", str(me), "--for-s", "0.01"))
    assert any("lists the process on no GPU: GPU 0 is told" in note for note in found["notes"])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_report(started, how):
    process = started(T4, "--keep-free", "15GiB")
    process.stderr.readline()
    process.send_signal(how)
    found, code = told(process)
    assert (found["ended"], code) == ("you stopped it", 4)


def test_a_gpu_that_is_lost_is_a_warning_and_the_report_comes(started):
    found, code = told(started(T4 + LOST.format(code=15, after=3), "--for-s", "5"))
    assert (found["ended"], code) == ("the driver stopped answering", 4)
    assert "GPU is lost" in found["warnings"][0]["what"]


@pytest.mark.parametrize(("size", "driver", "most"), [(-1, "new", None), (123, "new", 123), (123, "old", 123)])
def test_the_share_of_a_process_as_wsl_and_old_drivers_tell_it(started, size, driver, most):
    shares = f"proc GPU-bbbb-2 {os.getpid()} {size}\n"
    found, code = told(started(T4 + shares, "--pid", str(os.getpid()), "--for-s", "0.05", driver=driver))
    assert (found["most_process_bytes"], code) == (most, 0)


@pytest.mark.parametrize(
    ("words", "shown", "uuid"),
    [
        ([], {"CUDA_VISIBLE_DEVICES": "1"}, "GPU-bbbb-2"),
        (["--index", "0"], {"CUDA_VISIBLE_DEVICES": "1"}, "GPU-aaaa-1"),
        (["--uuid", "GPU-bb"], {}, "GPU-bbbb-2"),
    ],
)
def test_the_card_that_is_meant_is_watched(started, words, shown, uuid):
    found, _ = told(started(H100.format(rise=0) + T4, "--for-s", "0.01", *words, **shown))
    assert found["uuid"] == uuid


def test_a_slice_is_watched_where_it_is_named_and_a_sliced_card_says_so(started):
    found, _ = told(started(A100, "--for-s", "0.01", CUDA_VISIBLE_DEVICES="MIG-11"))
    assert (found["uuid"], found["total_bytes"]) == ("MIG-11", 5100273664)
    found, _ = told(started(A100, "--for-s", "0.01", "--index", "0"))
    assert any("MIG is on" in note for note in found["notes"])


def test_a_gpu_without_memory_of_its_own_is_told_by_the_hosts(started):
    found, code = told(started(T4 + LOST.format(code=3, after=0), "--for-s", "0.01"))
    assert code == 0
    assert ["shares the host's memory" in note for note in found["notes"]].count(True) == 1
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert (found["total_bytes"], found["most_bytes"] < total) == (total, True)


@pytest.mark.parametrize(
    ("script", "words", "says"),
    [
        (T4, ["--index", "5"], "there are 0: Tesla T4"),
        (T4 + LOST.format(code=4, after=0), [], "Insufficient Permissions"),
        ("fail nvmlInitWithFlags 9 0\n", [], "Driver Not Loaded"),
    ],
)
def test_a_card_or_a_driver_that_does_not_answer_ends_with_3(started, script, words, says):
    said, code = told(started(script, *words))
    assert code == 3
    assert says in said


def test_what_this_process_takes_is_found_by_number_by_elimination_and_by_growth():
    class Played:
        shown, used = {77: 5}, 10

        def cards(self):
            return [driver.Card(0, "GPU-1", "T4", None)]

        def shares(self, _):
            return self.shown

        def usage(self, _):
            return driver.Usage(2000, self.used, 1990 - self.used)

    def gauge(shown, used):
        played = Played()
        made = driver.Gauge.__new__(driver.Gauge)
        made.driver, made.cards = played, played.cards()
        made.usages, made.pids = {"GPU-1": played.usage(None)}, {"GPU-1": {77}}
        made.at("1", 2000)
        played.shown, played.used = shown, used
        return made.taken(100)

    me = os.getpid()
    assert gauge({77: 5, me: 300}, 310) == (300, "growth and process")
    assert gauge({77: 5, me: 300}, 330) == (320, "growth and process")  # 20 more than the list says
    assert gauge({77: 5, me: 300}, 290) == (300, "process")  # somebody else gave memory back
    assert gauge({77: 5, me: 300}, 310 + 2**29 + 1) == (300, "process")  # somebody else came
    assert gauge({77: 5, 99: 300}, 310) == (300, "growth and process")  # a container: the only one that came
    assert gauge({77: 5, 98: 200, 99: 300}, 510) == (500, "growth")  # two came: by the device
    assert gauge({77: 5, me: None}, 310) == (300, "growth")
    assert gauge({77: 5}, 109) == (None, "")  # less than PyTorch has
