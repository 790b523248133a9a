"""Bytes per parameter, by hand and against torch's own optimizers."""

import pytest

from reproof.vram.states import state

M = 1_000_000


def test_fp32_adam_holds_sixteen_bytes_per_parameter():
    held = state(M, "adam", "fp32")
    assert held.resident_bytes + held.gradients_bytes == 16 * M  # 4 weights, 4 gradients, 4 + 4 moments


def test_autocast_does_not_make_the_state_smaller():
    full, amp = state(M, "adam", "fp32"), state(M, "adam", "amp-bf16")
    assert amp.resident_bytes == full.resident_bytes
    assert amp.cast_bytes == 2 * M


def test_bf16_with_a_master_copy_is_sixteen_bytes_too_and_pure_bf16_eight():
    assert state(M, "adam", "bf16-master").resident_bytes == (2 + 4 + 8) * M
    assert state(M, "adam", "bf16").resident_bytes == (2 + 4) * M
    assert state(M, "adam", "bf16-master").gradients_bytes == state(M, "adam", "bf16").gradients_bytes == 2 * M


@pytest.mark.parametrize(("optimizer", "moments"), [("sgd", 0), ("momentum", 1), ("adam", 2), ("adamw", 2)])
def test_each_optimizer_has_its_number_of_moments(optimizer, moments):
    assert state(M, optimizer).optimizer_bytes == 4 * moments * M


def test_ema_is_one_more_copy_and_fused_needs_no_temporaries():
    assert state(M, ema=True).ema_bytes == 4 * M
    assert state(M, ema=True, precision="bf16-master").ema_bytes == 4 * M
    assert state(M).update_bytes == 4 * M
    assert state(M, update="fused").update_bytes == 0


@pytest.mark.torch
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("update", ["foreach", "fused"])
def test_the_state_and_the_temporaries_are_those_of_torch(reference, optimizer, weight_decay, update):
    import torch

    kinds = {
        "sgd": lambda p, **k: torch.optim.SGD(p, lr=0.1, **k),
        "momentum": lambda p, **k: torch.optim.SGD(p, lr=0.1, momentum=0.9, **k),
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    weights = [torch.nn.Parameter(torch.randn(300, 400)) for _ in range(8)]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    made = kinds[optimizer](weights, weight_decay=weight_decay, **{update: True})
    made.step()
    held = sum(v.nbytes for s in made.state.values() for v in s.values() if torch.is_tensor(v))
    said = state(8 * 300 * 400, optimizer, weight_decay=weight_decay > 0, update=update)
    assert held == pytest.approx(said.optimizer_bytes, rel=1e-3, abs=0)
    assert reference.peak_bytes(made.step) == pytest.approx(said.update_bytes, rel=1e-2, abs=4096)
