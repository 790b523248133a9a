"""`fit` and `levers` on a step whose sizes are a formula: the search, the split, the tenth, the time, the levers."""

import pytest

from reproof.errors import PackError
from reproof.vram import batches, gpus, levers
from reproof.vram.batches import ADDED, BATCH_NORM, _Search, fit_batches
from reproof.vram.clock import step_time
from reproof.vram.estimate import CONTEXT_BYTES
from reproof.vram.fit import grade
from reproof.vram.trace import WEAKER, settings
from reproof.vram.traced import FitRequest, LeversRequest

MIB = 2**20
T4 = gpus.find("T4")
ROOM = int(0.92 * T4.usable_bytes) - CONTEXT_BYTES
WEIGHTS = 2000 * MIB
EXTRA, RESERVED = [21 * MIB, 3 * MIB], (22 + 20) * MIB
"""Tensors that are no multiples of 2 MiB, and what is reserved for them."""
SAVES = {"fused": -2, "checkpoint": 94, "offload": 62, "bf16": 78, "fp16": 78}
"""MiB of each sample's activations, by lever; one of them costs."""


class Played:
    """An interpreter that says of each trace: weights, gradients of their size, and `per_sample` for each sample."""

    def __init__(self, per_sample=200, broken=(), couples=(), saves=SAVES):
        self.per_sample, self.broken, self.couples, self.saves, self.asked = per_sample, broken, couples, saves, []
        self.hello = {"torch": "2.13.0"}

    def __call__(self, request, _offered):
        self.request = request
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def trace(self, card, more=None, lever=""):
        more = more or {"batch": 64}
        self.asked.append((card.name, more, lever))
        if lever in self.broken:
            raise PackError("step-raised", "it does not work", why="x", fix="y")
        sizes = [WEIGHTS, WEIGHTS, more["batch"] * (self.per_sample - self.saves.get(lever, 0)) * MIB, *EXTRA]
        return {
            "events": [part for key, size in enumerate(sizes) for part in (key, size)],
            "marks": [["build", 0], ["end", 5]],
            "places": [["aten::mm", "forward", "", ""]],
            "place_of": [0, 0, 0, 0, 0],
            "kinds": {"0": "parameters", "1": "gradients"},
            "owners": {},
            "uncalibrated": [],
            "work": [["fp32", 8.1e12 * more["batch"] / 64 * more.get("times", 1), 0, 1]],
            "couples": list(self.couples),
        }


@pytest.fixture
def play(monkeypatch):
    def run(played, batch=64, gpu=("T4",), **more):
        monkeypatch.setattr(batches, "Interpreter", played)
        return fit_batches(FitRequest(target="x.py:build", batch=batch, gpu=list(gpu), iterations=1000, **more))

    return run


def device(batch, waiting=True, lever="", per_sample=200):
    """Bytes by hand; what is even in MiB is reserved as it is."""
    return WEIGHTS * (3 if waiting else 2) + batch * (per_sample - SAVES.get(lever, 0)) * MIB + RESERVED + CONTEXT_BYTES


def test_the_largest_micro_batch_is_the_last_below_the_edge_with_the_gradients_that_wait(play):
    (gpu,) = play(Played()).gpus
    most = (ROOM - 3 * WEIGHTS - RESERVED) // (200 * MIB)
    assert (gpu.largest_micro_batch, most) == (most, 35)
    assert (gpu.micro_batch, gpu.accumulate, gpu.iterations) == (32, 2, 1000)
    assert gpu.device_bytes == device(32)
    assert gpu.used_frac == round(device(32) / T4.usable_bytes, 4)
    assert (gpu.wanted_verdict, gpu.chosen) == (grade(device(64, waiting=False), T4.usable_bytes), "accumulation")
    assert (ADDED in gpu.notes, gpu.words) == (True, "--micro-batch 32 --accumulate 2")


@pytest.mark.parametrize("per_sample", range(130, 700, 10))
def test_the_edge_is_found_wherever_it_is(play, per_sample):
    # what is coupled does not accumulate: no gradients wait
    (gpu,) = play(Played(per_sample, broken=SAVES), coupled=True).gpus
    most = max((n for n in range(1, 65) if device(n, False, "", per_sample) <= 0.92 * T4.usable_bytes), default=0)
    assert (gpu.largest_micro_batch or 0) == most


def test_the_edge_is_found_where_sizes_jump():
    class Jumps(Played):
        def trace(self, card, more=None, lever=""):
            return super().trace(card, {"batch": 64 if more["batch"] >= self.edge else 1}, lever)

    for edge in range(2, 65):
        played = Jumps()
        played.edge = edge
        search = _Search(played, FitRequest(target="x.py:build", batch=64), settings(""))
        assert search.largest(T4, 64, accumulates=False) == (edge - 1, edge)


def test_a_function_that_accumulates_by_itself_is_traced_with_two_and_nothing_is_added(play):
    played = Played()
    (gpu,) = play(played, accumulate_arg="times").gpus
    assert gpu.device_bytes == device(gpu.micro_batch, waiting=False)
    assert ADDED not in gpu.notes
    counts = {(more["batch"], more["times"]) for _, more, lever in played.asked if not lever}
    assert (64, 1) in counts
    assert (gpu.micro_batch, 2) in counts


@pytest.mark.parametrize(
    ("batch", "argument", "micro", "accumulate"),
    [(64, "", 32, 2), (129, "", 33, 4), (64, "times", 32, 2), (129, "times", 43, 3)],
)
def test_an_update_takes_as_long_as_its_micro_batches(play, batch, argument, micro, accumulate):
    one = step_time(T4, [["fp32", 8.1e12 * micro / 64, 0, 1]])
    (gpu,) = play(Played(), batch, accumulate_arg=argument).gpus
    assert (gpu.micro_batch, gpu.accumulate) == (micro, accumulate)
    assert gpu.time.low_s == pytest.approx(accumulate * one.low_s)
    assert gpu.time.run_low_s == pytest.approx(gpu.iterations * gpu.time.low_s)


def test_the_weaker_way_adds_a_tenth_and_says_so(play):
    batch = 40
    plain, weaker = (play(Played(), batch, weaker=flag) for flag in (False, True))
    assert plain.gpus[0].wanted_verdict == "fits"
    assert plain.gpus[0].device_bytes == device(batch, waiting=False)
    assert weaker.gpus[0].wanted_verdict == "tight"
    assert weaker.gpus[0].device_bytes == int(1.1 * device(weaker.gpus[0].micro_batch))
    assert (WEAKER in weaker.notes, WEAKER in plain.notes) == (True, False)


def test_cards_of_one_capability_are_traced_each_and_bare_sizes_together(play):
    played = Played()
    answer = play(played, 4, ["L4", "RTX 4090", "24GiB", "32GiB"])
    assert {name for name, _, _ in played.asked} == {"L4", "RTX 4090", "24.0 GiB"}  # multiprocessors of their own
    assert answer.tried == {"L4": [4], "RTX 4090": [4], "24.0 GiB": [4], "32.0 GiB": [4]}


def test_what_couples_the_samples_is_named_and_else_what_might(play):
    assert BATCH_NORM in play(Played(), 4).notes
    notes = play(Played(couples=["batch norm"]), 4).notes
    assert notes[-1].endswith("not equal: batch norm")
    assert BATCH_NORM not in notes


def test_levers_are_ranked_and_what_breaks_the_step_is_last_and_told(play):
    (gpu,) = play(Played(broken=("offload",))).gpus
    assert [(lever.name, lever.saved_bytes) for lever in gpu.levers] == [
        ("activation checkpointing", device(64, False) - device(64, False, "checkpoint")),
        ("fp16 autocast", device(64, False) - device(64, False, "fp16")),
        ("fused optimizer", -64 * 2 * MIB),
        ("activations to host memory", 0),
    ]
    assert gpu.levers[-1].why_not == "it does not work"
    assert any(note == "lever activations to host memory: does not apply; it does not work" for note in gpu.notes)
    first = gpu.levers[0]
    assert (first.verdict, first.micro_batch, first.accumulate) == ("fits", 64, 1)
    assert first.time.low_s == pytest.approx(1, rel=1e-3)  # 64 samples are 8.1 TFLOP
    assert next(note for note in gpu.notes if note.startswith("lever 1, ")).startswith(
        "lever 1, activation checkpointing: saves 5.9 GiB of the whole batch, then 64 × 1, on the command line"
    )


def test_of_levers_that_hold_the_whole_batch_the_first_that_keeps_the_numbers_is_taken(play):
    (gpu,) = play(Played(), coupled=True, coupled_arg="sinkhorn_batch").gpus
    assert (gpu.chosen, gpu.micro_batch, gpu.accumulate) == ("activation checkpointing", 64, 1)
    assert gpu.device_bytes == device(64, False, "checkpoint")
    assert gpu.overrides == {"checkpointing": True}
    assert gpu.used_frac == round(device(64, False, "checkpoint") / T4.usable_bytes, 4)
    assert gpu.time.low_s == pytest.approx(1, rel=1e-3)
    assert gpu.notes[0].startswith("only with activation checkpointing: torch.utils.checkpoint")
    assert gpu.notes[1].endswith("45 is the largest batch that fits")
    (none,) = play(Played(broken=("checkpoint", "offload", "fp16")), coupled=True, coupled_arg="sinkhorn_batch").gpus
    assert (none.chosen, none.micro_batch, none.largest_micro_batch) == ("", None, 45)
    assert none.overrides == {"sinkhorn_batch": 45}


def test_a_lever_that_holds_the_whole_batch_goes_before_one_that_has_to_cut_it(play):
    played = Played(9000, saves={"checkpoint": 4000, "offload": 7000})
    (gpu,) = play(played, 2).gpus  # not even one sample fits as it is
    by_name = {lever.name: (lever.micro_batch, lever.accumulate) for lever in gpu.levers}
    assert by_name["activation checkpointing"] == (1, 2)
    assert (gpu.chosen, gpu.micro_batch, gpu.accumulate) == ("activations to host memory", 2, 1)
    assert gpu.largest_micro_batch == 2


def test_a_lever_with_which_the_batch_is_tight_cuts_it(play):
    (gpu,) = play(Played(saves={"checkpoint": 50})).gpus
    (whole,) = play(Played(saves={"checkpoint": 50}), coupled=True).gpus  # what may not be cut is not chosen when tight
    assert (whole.levers[0].verdict, whole.levers[0].micro_batch, whole.chosen) == ("tight", None, "")
    first = gpu.levers[0]
    assert (first.name, first.verdict, first.micro_batch, first.accumulate) == (
        "activation checkpointing",
        "tight",
        32,
        2,
    )


def test_where_not_even_one_sample_fits_nothing_is_chosen(play):
    answer = play(Played(), 64, ["4GiB"])
    (gpu,) = answer.gpus
    assert (answer.ok, gpu.chosen, gpu.largest_micro_batch, gpu.words) == (False, "", None, "")
    assert answer.headline == "micro-batch × accumulation for 64 samples per update: 4.0 GiB: no"
    assert play(Played(20_000), 1).gpus[0].micro_batch is None  # one sample is never cut


def test_an_uneven_split_says_how_many_samples_it_sees(play):
    (gpu,) = play(Played(), 127).gpus
    assert (gpu.micro_batch, gpu.accumulate, gpu.iterations) == (32, 4, 993)  # 127,000 of 128 each
    assert "128 samples per update instead of 127" in gpu.notes
    assert gpu.overrides == {"micro_batch": 32, "accumulate": 4, "train_iters": 993}


def test_the_search_stops_after_so_many_traces_and_says_between_what(play):
    class Chaotic(Played):
        """No sizes to interpolate: nothing between but the ends."""

        def trace(self, card, more=None, lever=""):
            found = super().trace(card, {"batch": 1} if more["batch"] < 2**18 else {"batch": 64}, lever)
            self.asked[-1] = (card.name, more, lever)
            return found

    played = Chaotic()
    search = _Search(played, FitRequest(target="x.py:build", batch=2**20), settings(""))
    for lever, most in (("", 14), ("fused", 5)):
        played.asked.clear()
        low, high = search.largest(T4, 2**60, accumulates=False, lever=lever)
        assert low < 2**18 <= high
        assert len(played.asked) == 2 + most
    (gpu,) = play(Chaotic(broken=SAVES), 10**9, coupled=True).gpus
    assert any(note.startswith("between ") and note.endswith(" nothing was tried") for note in gpu.notes)


# ---- vram.py levers


def pulled(monkeypatch, played, gpu="T4", **more):
    monkeypatch.setattr(levers, "Interpreter", played)
    return levers.levers(LeversRequest(target="x.py:build", gpu=gpu, **more))


def test_levers_rank_what_each_saves_on_the_whole_device(monkeypatch):
    found = pulled(monkeypatch, Played(broken=("offload",)))
    assert (found.device_bytes, found.verdict, found.ok) == (device(64, False), "no", True)
    assert found.headline == "T4: no as it is with 17.1 GiB; activation checkpointing saves most, 5.9 GiB"
    assert [(each.name, each.verdict) for each in found.levers] == [
        ("activation checkpointing", "fits"),
        ("fp16 autocast", "fits"),
        ("expandable segments", "no"),  # one segment in pieces of 20 MiB
        ("fused optimizer", "no"),
        ("activations to host memory", None),
    ]
    assert [each.saved_bytes // MIB for each in found.levers] == [64 * 94, 64 * 78, 2, -128, 0]
    assert found.levers[-1].why_not == "it does not work"
    assert found.levers[0].device_bytes == device(64, False, "checkpoint")
    assert found.levers[1].saved_bytes == device(64, False) - device(64, False, "fp16")
    none = pulled(monkeypatch, Played(broken=SAVES), alloc_conf="expandable_segments:True")
    assert none.headline.endswith("no lever saves anything")


def test_levers_offer_bf16_where_the_card_has_it_and_expandable_segments_once(monkeypatch):
    def names(gpu, **more):
        return {each.name for each in pulled(monkeypatch, Played(), gpu, **more).levers}

    assert "bf16 autocast" in names("L4")
    assert "fp16 autocast" in names("T4")
    assert "expandable segments" not in names("T4", alloc_conf="expandable_segments:True")


def test_no_lever_that_helps_is_a_no(monkeypatch):
    found = pulled(monkeypatch, Played(), "8GiB")
    assert (found.ok, found.verdict) == (False, "no")
    assert pulled(monkeypatch, Played(), "24GiB").ok
    assert pulled(monkeypatch, Played(broken=SAVES), "24GiB", alloc_conf="expandable_segments:True").ok


def test_levers_the_weaker_way_add_a_tenth_to_every_size(monkeypatch):
    found = pulled(monkeypatch, Played(), weaker=True)
    assert found.device_bytes == int(1.1 * device(64, False))
    by_name = {each.name: each.device_bytes for each in found.levers}
    assert by_name["activation checkpointing"] == int(1.1 * device(64, False, "checkpoint"))
    assert by_name["expandable segments"] == int(1.1 * (device(64, False) - 2 * MIB))
    assert found.notes[0] == WEAKER
