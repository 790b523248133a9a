"""Parameters and saved activations against torch modules that were written for this test."""

import pytest
from pydantic import ValidationError

from reproof.vram.estimate import NETS
from reproof.vram.nets import Layer, Net, mlp
from reproof.vram.sizes import CnnSizes, MlpSizes, TransformerSizes, UnetSizes
from reproof.vram.states import WIDTHS, state
from reproof.vram.step import inference_bytes, moments, peak

MNIST = {"image_size": 28, "in_channels": 1, "num_channels": 32, "num_res_blocks": 1, "channel_mult": [1, 2, 2],
         "num_heads": 1, "attention_resolutions": [16]}  # fmt: skip
CIFAR = {"image_size": 32, "in_channels": 3, "num_channels": 128, "num_res_blocks": 2, "channel_mult": [1, 2, 2, 2],
         "num_heads": 4, "num_head_channels": 64, "attention_resolutions": [16]}  # fmt: skip
DIGITS = {"image_size": 8, "in_channels": 1, "num_channels": 32, "num_res_blocks": 1, "channel_mult": [1, 2],
          "attention_resolutions": [4]}  # fmt: skip
GPT = {"vocab": 1000, "layers": 3, "width": 128, "num_heads": 4, "seq": 128}
CASES = [
    ("mlp", MlpSizes(dim=2, hidden=256, layers=3), 256),
    ("mlp", MlpSizes(dim=784, hidden=256, layers=4, activation="relu"), 64),
    ("cnn", CnnSizes(image_size=28, in_channels=1, predictor_channels=[32, 64, 128, 256]), 16),
    ("cnn", CnnSizes(image_size=32, in_channels=3, predictor_channels=[16, 32]), 16),
    ("unet", UnetSizes(**MNIST), 4),
    ("unet", UnetSizes(**MNIST, attention="fused"), 4),
    ("unet", UnetSizes(**(CIFAR | {"num_channels": 64})), 1),
    ("unet", UnetSizes(**DIGITS), 32),
    ("transformer", TransformerSizes(**GPT), 2),
    ("transformer", TransformerSizes(**GPT, attention="matmul"), 2),
]
NAMES = [f"{family}-{i}" for i, (family, *_) in enumerate(CASES)]


@pytest.mark.torch
@pytest.mark.parametrize(("family", "sizes", "batch"), CASES, ids=NAMES)
def test_parameters_are_exact_and_saved_activations_within_five_percent(reference, family, sizes, batch):
    net = NETS[family](sizes)
    module, forward, _ = reference.step_of(family, sizes, batch)
    assert net.params == sum(p.numel() for p in module.parameters())
    assert 4 * batch * net.saved == pytest.approx(reference.saved_bytes(module, forward), rel=0.05)


@pytest.mark.torch
@pytest.mark.parametrize(("family", "sizes", "batch"), CASES, ids=NAMES)
def test_the_peak_of_a_whole_step_is_within_five_percent(reference, family, sizes, batch):
    import torch

    net = NETS[family](sizes)
    module, forward, inputs = reference.step_of(family, sizes, batch)
    optimizer = torch.optim.Adam(module.parameters(), foreach=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        result = forward()
        (result[1] if isinstance(result, tuple) else result).backward()
        optimizer.step()

    step()
    optimizer.zero_grad(set_to_none=True)
    kept = state(net.params)
    measured = reference.peak_bytes(step) + kept.resident_bytes + inputs
    assert peak(net, kept, WIDTHS["fp32"], batch).total == pytest.approx(measured, rel=0.05)


@pytest.mark.torch
def test_the_cifar_network_has_the_parameters_of_a_module_of_that_size(reference):
    module = reference.Unet(UnetSizes(**CIFAR))
    assert NETS["unet"](UnetSizes(**CIFAR)).params == sum(p.numel() for p in module.parameters()) == 35_746_307


def test_resolution_16_means_full_size_attention_for_28_pixels():
    # 28 // 16 = 1: the original code compares downsampling factors, so MNIST attends over 784 tokens, not 196
    assert UnetSizes(**MNIST).attention_factors == {1}
    assert UnetSizes(**CIFAR).attention_factors == {2}


def test_a_linear_network_by_hand():
    net = mlp(MlpSizes(dim=2, hidden=5, layers=1, activation="relu"))
    assert net.params == (3 * 5 + 5) + (5 * 2 + 2)
    assert net.saved == 3 + 5 + 2 * 2  # inputs of both linear layers; prediction and target of the loss


def test_backward_frees_activations_and_makes_gradients_by_hand():
    net = Net("two", (Layer("a", params=10, matmul=100), Layer("b", params=20, matmul=50, working=7)), inputs=3)
    last, first, update = moments(net, state(30), WIDTHS["fp32"], micro_batch=2, accumulates=False)
    assert (last.activations, last.gradients, last.in_flight) == (2 * 4 * 150, 4 * 20, 2 * 4 * 7)
    assert (first.activations, first.gradients) == (2 * 4 * 100, 4 * 30)
    assert (update.activations, update.gradients, update.update) == (0, 4 * 30, 4 * 30)
    assert last.batch == 2 * 4 * 3


def test_with_accumulation_all_gradients_are_there_from_the_start():
    net = Net("two", (Layer("a", params=10, matmul=100), Layer("b", params=20, matmul=50)), inputs=3)
    last, *_ = moments(net, state(30), WIDTHS["fp32"], micro_batch=2, accumulates=True)
    assert last.gradients == 4 * 30


def test_the_gradient_of_a_skip_lives_until_the_layer_that_made_it():
    layers = (Layer("before"), Layer("makes", skip=9), Layer("between"), Layer("consumes", skip=-9))
    found = moments(Net("skip", layers, inputs=0), state(1), WIDTHS["fp32"], 1, accumulates=False)
    assert [moment.in_flight for moment in found] == [36, 36, 36, 0, 0]  # the last is the optimizer step
    assert inference_bytes(Net("skip", layers, inputs=0), WIDTHS["fp32"], batch=2) == 2 * 4 * 9


def test_autocast_halves_only_what_matrix_products_save():
    net = Net("one", (Layer("a", params=1, matmul=100, other=10),), inputs=0)
    found = moments(net, state(1, precision="amp-bf16"), WIDTHS["amp-bf16"], 1, accumulates=False)
    assert found[0].activations == 2 * 100 + 4 * 10


@pytest.mark.parametrize("batch", [1, 3, 17, 64, 500])
def test_a_bigger_batch_never_needs_less(batch):
    net = NETS["unet"](UnetSizes(**DIGITS))
    kept = state(net.params)
    assert peak(net, kept, WIDTHS["fp32"], batch).total <= peak(net, kept, WIDTHS["fp32"], batch + 1).total


def test_sizes_that_cannot_be_built_are_all_named_at_once():
    with pytest.raises(ValidationError) as caught:
        UnetSizes(**(MNIST | {"image_size": 30, "num_channels": 20, "num_head_channels": 7}))
    said = str(caught.value)
    assert "image_size 30 must divide by 4" in said
    assert "num_channels 20" in said
    assert "num_head_channels 7" in said


def test_a_predictor_that_pools_to_nothing_is_refused():
    with pytest.raises(ValidationError, match="pools to nothing after 4 halvings"):
        CnnSizes(image_size=8, in_channels=1, predictor_channels=[32, 64, 128, 256])
