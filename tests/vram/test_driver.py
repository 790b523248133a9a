"""Asking NVML through a stand-in for nvidia-ml-py: cards, slices, shares, and which card is meant."""

import os
import sys
import types

import pytest

from reproof.vram.child.driver import Card, Driver, Gauge, Silent, Usage, file, matching, named, visible

GIB = 2**30


class Nvml(types.ModuleType):
    """Two cards: the first is lost, the second in slices of 10 and 20 GiB, numbers 0 and 2."""

    class NVMLError(Exception):
        pass

    class NVMLLibraryMismatchError(Exception):
        pass

    nvmlMemory_v2 = 2
    started = False

    def nvmlInit(self):
        self.started = True

    def nvmlDeviceGetCount(self):
        assert self.started
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        if index == 0:
            raise self.NVMLError("GPU is lost")
        return "card"

    def nvmlDeviceGetUUID(self, handle):
        return {"card": "GPU-aa", 0: "MIG-a", 2: "MIG-b"}[handle].encode()

    def nvmlDeviceGetName(self, handle):
        return "A100" if handle == "card" else f"A100 MIG {handle}g"

    def nvmlDeviceGetMigMode(self, _):
        return [1, 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, _):
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, _, number):
        if number not in (0, 2):
            raise self.NVMLError("Not Found")
        return number

    def nvmlDeviceGetMemoryInfo(self, handle, version=1):
        total = {"card": 40, 0: 10, 2: 20}[handle] * GIB
        return types.SimpleNamespace(total=total, used=version * GIB, free=total - 3 * GIB)

    def nvmlDeviceGetComputeRunningProcesses(self, _):
        rows = ((1, 5), (1, 7), (2, None), (3, 4), (3, None))
        return [types.SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in rows]


@pytest.fixture
def nvml(monkeypatch):
    module = Nvml("pynvml")
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module


@pytest.mark.usefixtures("nvml")
def test_a_lost_card_is_left_out_and_slices_follow_theirs():
    cards = Driver().cards()
    assert [(card.number, card.uuid, card.name, card.parent, card.sliced) for card in cards] == [
        (1, "GPU-aa", "A100", "", True),
        (1, "MIG-a", "A100 MIG 0g", "GPU-aa", False),
        (1, "MIG-b", "A100 MIG 2g", "GPU-aa", False),
    ]


@pytest.mark.parametrize("mode", [[0, 1], None])
def test_a_card_without_slices_has_none(nvml, mode):
    def ask(_):
        if mode is None:
            raise nvml.NVMLError("Not Supported")
        return mode

    nvml.nvmlDeviceGetMigMode = ask
    assert [(card.uuid, card.sliced) for card in Driver().cards()] == [("GPU-aa", False)]


@pytest.mark.parametrize(("said", "name"), [("A100 MIG 1g.5gb", "A100 MIG 1g.5gb"), ("slice", "A100 slice")])
def test_a_slice_has_its_cards_name_and_its_own(nvml, said, name):
    nvml.nvmlDeviceGetName = lambda handle: "A100" if handle == "card" else said
    assert {card.name for card in Driver().cards() if card.parent} == {name}


def test_used_is_asked_as_nvidia_smi_does_and_of_old_drivers_as_they_can(nvml):
    asked = Driver()
    card = asked.cards()[0]
    assert asked.usage(card) == Usage(40 * GIB, 2 * GIB, 37 * GIB)

    def old(handle, version=None):
        if version is not None:
            raise nvml.NVMLLibraryMismatchError("Function Not Found")
        return Nvml.nvmlDeviceGetMemoryInfo(nvml, handle)

    nvml.nvmlDeviceGetMemoryInfo = old
    assert asked.usage(card).used == GIB


@pytest.mark.usefixtures("nvml")
def test_shares_of_one_process_are_added_and_what_is_not_told_is_none():
    asked = Driver()
    assert asked.shares(asked.cards()[0]) == {1: 12, 2: None, 3: 4}


def test_an_older_list_of_processes_will_do_and_none_is_empty(nvml):
    asked = Driver()
    card, rows = asked.cards()[0], nvml.nvmlDeviceGetComputeRunningProcesses(None)[:1]

    def no(_):
        raise nvml.NVMLError("Function Not Found")

    nvml.nvmlDeviceGetComputeRunningProcesses = no
    assert asked.shares(card) == {}
    nvml.nvmlDeviceGetComputeRunningProcesses_v2 = lambda _: rows
    assert asked.shares(card) == {1: 5}


@pytest.mark.usefixtures("nvml")
def test_what_an_old_package_cannot_ask_is_silence():
    with pytest.raises(Silent, match="too old"):
        Driver()._ask("nvmlOfTomorrow")


def test_the_file_of_the_package_is_where_the_interpreter_has_it(nvml, monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "pynvml")
    pytest.importorskip("pynvml", reason="nvidia-ml-py")
    monkeypatch.delitem(sys.modules, "pynvml")
    assert file().endswith("pynvml.py")
    other = tmp_path / "elsewhere.py"
    other.write_text("class NVMLError(Exception): pass\nnvmlInit = lambda: None\nmine = True\n")
    assert Driver(str(other)).nvml.mine
    package = tmp_path / "pynvml"  # as it once was
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import *\n")
    (package / "inner.py").write_text(other.read_text().replace("mine", "inside"))
    assert Driver(str(package / "__init__.py")).nvml.inside
    monkeypatch.delitem(sys.modules, "reproof_pynvml")
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert Driver(str(other)).nvml is nvml  # what is loaded already is used


@pytest.mark.parametrize(
    ("said", "names"),
    [(None, None), ("", []), ("2, 0", ["2", "0"]), ("MIG-1,x,3", ["MIG-1"]), ("-1,0", []), ("GPU-a", ["GPU-a"])],
)
def test_the_first_name_that_is_none_ends_what_cuda_shows(said, names):
    assert visible({} if said is None else {"CUDA_VISIBLE_DEVICES": said}) == names


CARDS = [
    Card(0, "GPU-aa", "T4", 16),
    Card(1, "GPU-ab", "A100", 40, sliced=True),
    Card(1, "MIG-1", "A100 MIG", 10, parent="GPU-ab"),
    Card(1, "MIG-2", "A100 MIG", 20, parent="GPU-ab"),
    Card(1, "MIG-3", "A100 MIG", 20, parent="GPU-ab"),
]


class Sizes:
    """A driver that says a card's handle is its GiB; one of them shares the host's memory."""

    def usage(self, card):
        if card.handle == "host":
            raise Silent("Not Supported")
        return Usage(card.handle * GIB, 0, 0)


@pytest.mark.parametrize(
    ("name", "uuid"),
    [("1", "GPU-ab"), ("GPU-aa", "GPU-aa"), ("MIG-2", "MIG-2"), ("GPU-a", None), ("", None), ("7", None)],
)
def test_a_card_is_named_by_number_or_by_the_beginning_of_one_uuid(name, uuid):
    found = named(CARDS, name)
    assert (found.uuid if found else None) == uuid
    assert named(CARDS[:1], "") is None


@pytest.mark.parametrize(
    ("names", "gib", "uuid"),
    [
        (["0"], 16, "GPU-aa"),
        (["0"], 16 / 1.11, "GPU-aa"),  # what the driver reserves is in NVML's total and not in CUDA's
        (["0"], 16 / 1.13, None),
        (["1"], 10, "MIG-1"),  # CUDA shows the first slice of a sliced card
        (["1"], 20, None),  # which of the two?
        (["GPU-x", "0"], 16, "GPU-aa"),
        (["1", "0"], 16, "GPU-aa"),
    ],
)
def test_the_card_is_the_one_of_that_name_and_of_cudas_size(names, gib, uuid):
    found = matching(CARDS, Sizes(), names, gib * GIB)
    assert (found.uuid if found else None) == uuid


def test_a_card_that_shares_the_hosts_memory_is_known_by_its_name():
    assert matching([Card(0, "GPU-aa", "GB10", "host")], Sizes(), ["0"], 1).uuid == "GPU-aa"


@pytest.mark.parametrize(("shown", "number"), [(None, 0), ("1,0", 1), ("GPU-b", 1)])
def test_a_gauge_looks_at_the_first_card_that_cuda_shows(monkeypatch, shown, number):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    made = Gauge.__new__(Gauge)
    made.driver, made.cards = Sizes(), [Card(0, "GPU-a", "T4", 16), Card(1, "GPU-b", "T4", 16)]
    made.at("", 16 * GIB)
    assert made.card.number == number
    made.at("b", 16 * GIB)  # what torch tells goes before a number, and not before a name
    assert made.card.number == 1


def test_a_gauge_without_a_driver_knows_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)  # import fails
    gauge = Gauge()
    gauge.at("x", 1)
    assert (gauge.taken(0), gauge.others(), gauge.version()) == ((None, ""), None, "")


def gauge(nvml, before, after, used):
    """Made while `before` runs on the card and 10 bytes are used; then `after` runs, and `used` are."""
    nvml.nvmlDeviceGetMigMode = lambda _: [0, 0]
    level = [10]
    rows = [before]
    nvml.nvmlDeviceGetMemoryInfo = lambda *_: types.SimpleNamespace(total=4 * GIB, used=level[0], free=0)
    nvml.nvmlDeviceGetComputeRunningProcesses = lambda _: [
        types.SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in rows[0].items()
    ]
    made = Gauge()
    made.at("aa", 4 * GIB)
    level[0], rows[0] = used, after
    return made


def test_what_a_process_takes_is_told_from_what_was_there_before(nvml):
    me = os.getpid()
    found = gauge(nvml, {77: 5}, {77: 5, 99: 300, me: 200}, 10 + 200)
    assert found.others() == 10
    assert found.taken(100) == (200, "growth and process")  # one's own number, though another came too
    assert gauge(nvml, {}, {me: 200}, 10 + 200 + 2**29).taken(100)[1] == "growth and process"
    assert gauge(nvml, {}, {me: 200}, 10 + 201 + 2**29).taken(100)[1] == "process"
    assert gauge(nvml, {77: 5}, {77: 5, 99: 200}, 10 + 200).taken(100)[1] == "growth and process"  # in a container
    assert gauge(nvml, {}, {me: 99}, 10 + 100).taken(100) == (100, "growth")  # the list says less than PyTorch has
    assert gauge(nvml, {77: 5}, {77: 5}, 10 + 99).taken(100) == (None, "")
