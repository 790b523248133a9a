"""`fit` where the whole batch does not fit: what it chooses, the ranked levers, and the samples that stay the same."""

from pathlib import Path

import pytest

from reproof.vram import gpus
from reproof.vram.allocator import MIB, Settings, replay
from reproof.vram.batches import fit_batches
from reproof.vram.estimate import context_of
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.traced import FitRequest, TraceRequest

STEPS = Path(__file__).with_name("steps.py")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.linux,
]
SIZES = {"batch": 8, "iterations": 1000, "steps": 1, "arg": ["layers=3"]}


@pytest.fixture(scope="module")
def plain():
    """Bytes on the device for the whole batch, and with its blocks checkpointed."""
    card, sizes = gpus.find("2GiB"), []
    with Interpreter(TraceRequest(target=f"{STEPS}:gpt", steps=1)) as interpreter:
        for lever in ("", "checkpoint"):
            line = Timeline.read(interpreter.trace(card, {"batch": 8, "layers": 3}, lever))
            sizes.append(replay(line.events, Settings()).reserved_bytes + context_of(card))
    return sizes


@pytest.fixture(scope="module")
def fitted(plain):
    """The answers for a card that holds all, one that holds the checkpointed step only, and one that holds nothing."""
    middle = f"{int(sum(plain) / 2 / 0.92 / MIB)}MiB"
    found = {}
    for coupled in (False, True):
        request = FitRequest(target=f"{STEPS}:gpt", gpu=["24GiB", middle, "700MiB"], coupled=coupled, **SIZES)
        found[coupled] = fit_batches(request)
    return found


def test_a_batch_that_fits_is_chosen_whole_and_no_lever_is_pulled(fitted):
    gpu = fitted[False].gpus[0]
    assert (gpu.chosen, gpu.levers, gpu.words, gpu.micro_batch) == ("whole batch", [], "", 8)


def test_accumulation_is_chosen_first_and_every_lever_keeps_the_samples(fitted, plain):
    gpu = fitted[False].gpus[1]
    assert gpu.chosen == "accumulation"
    assert gpu.micro_batch * gpu.accumulate * gpu.iterations == 8 * 1000
    saved = [lever.saved_bytes for lever in gpu.levers if lever.device_bytes]
    assert saved == sorted(saved, reverse=True)
    by_name = {lever.name: lever for lever in gpu.levers}
    assert set(by_name) == {
        "fused optimizer", "activation checkpointing", "activations to host memory", "bf16 autocast",
    }  # fmt: skip
    for lever in gpu.levers:
        assert lever.micro_batch * lever.accumulate * lever.iterations == 8 * 1000
        assert lever.time is None  # of a bare size no speed is known
    checkpointing = by_name["activation checkpointing"]
    assert (checkpointing.micro_batch, checkpointing.accumulate) == (8, 1)
    assert checkpointing.device_bytes == plain[1]
    assert checkpointing.saved_bytes == plain[0] - plain[1]
    assert checkpointing.overrides == {"checkpointing": True}
    assert by_name["bf16 autocast"].overrides["precision"] == "bf16"


def test_a_loss_that_couples_the_samples_takes_the_lever_that_keeps_the_numbers(fitted):
    gpu = fitted[True].gpus[1]
    assert (gpu.chosen, gpu.words) == ("activation checkpointing", "--checkpointing")
    assert (gpu.micro_batch, gpu.accumulate, gpu.iterations) == (8, 1, 1000)
    assert "only with activation checkpointing" in gpu.notes[0]
    assert any("different method" in note for note in gpu.notes)
    assert all(lever.accumulate in (1, None) for lever in gpu.levers)  # never cut, with whatever lever


def test_where_nothing_fits_with_any_lever_that_is_said(fitted):
    for answer in fitted.values():
        gpu = answer.gpus[2]
        assert (gpu.chosen, gpu.micro_batch, gpu.words) == ("", None, "")
        assert any("nothing fits" in note for note in gpu.notes)


def test_the_levers_are_told_in_words_from_the_one_that_saves_most(fitted):
    lines = [note for note in fitted[False].gpus[1].notes if note.startswith("lever ")]
    assert [line.split(",")[0] for line in lines] == [f"lever {place}" for place in (1, 2, 3, 4)]
    assert any("--checkpointing" in line and "same numbers" in line for line in lines)
    assert any("--precision bf16" in line and "a deviation to record" in line for line in lines)


def test_gradients_that_wait_are_added_where_the_function_does_not_accumulate(fitted):
    gpu = fitted[False].gpus[1]
    with Interpreter(TraceRequest(target=f"{STEPS}:gpt", steps=1)) as interpreter:
        line = Timeline.read(interpreter.trace(gpus.find("2GiB"), {"batch": gpu.micro_batch, "layers": 3}))
    block = 2 * 2 * 256 + (256 + 1) * 768 + (256 + 1) * 256 + (256 + 1) * 1024 + (1024 + 1) * 256
    weights = 4 * (1000 * 256 + 3 * block + 2 * 256)  # the table is tied; a norm has two vectors
    assert line.most("gradients") == weights
    assert gpu.device_bytes == replay(line.events, Settings()).reserved_bytes + context_of(gpus.find("2GiB")) + weights
