"""The closed form against the trace on the families it claims, and each family against numbers known elsewhere."""

import importlib.util
from pathlib import Path

import pytest
from pydantic import ValidationError

from reproof.errors import PackError
from reproof.vram.command import main
from reproof.vram.estimate import NETS, net_of
from reproof.vram.interpreter import Interpreter
from reproof.vram.nets import Layer, Net, checkpointed, mlp
from reproof.vram.sizes import SIZES, MlpSizes, ResnetSizes, TransformerSizes, VitSizes
from reproof.vram.states import WIDTHS, state
from reproof.vram.step import moments
from reproof.vram.traced import TraceRequest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "vram_families.py"
GPT = {"vocab": 2000, "layers": 3, "width": 128, "num_heads": 4, "seq": 128}
LLAMA = {**GPT, "gated": True, "untied": True, "feed_forward": 344}
VIT = {"image_size": 64, "patch": 8, "layers": 3, "width": 128, "num_heads": 4, "outputs": 10}
RESNET = {"image_size": 64, "outputs": 10}
CASES = [
    ("mlp", {"dim": 64, "hidden": 256, "layers": 3}, 1024, {"precision": "amp-bf16"}),
    ("cnn", {"image_size": 32, "in_channels": 3, "predictor_channels": [32, 64]}, 64, {}),
    ("resnet", {**RESNET, "depth": 18}, 32, {"optimizer": "momentum"}),
    ("resnet", {**RESNET, "depth": 50}, 32, {"optimizer": "momentum", "precision": "amp-bf16"}),
    ("vit", {**VIT, "dropout": 0.1}, 32, {"optimizer": "adamw"}),
    ("vit", VIT, 64, {"optimizer": "adamw", "checkpointing": True}),
    ("transformer", {**GPT, "dropout": 0.1}, 16, {"ema": True}),
    ("transformer", {**GPT, "attention": "matmul"}, 16, {"precision": "amp-bf16"}),
    ("transformer", LLAMA, 16, {"precision": "bf16", "optimizer": "adamw"}),
    ("transformer", {**LLAMA, "kv_heads": 2}, 16, {"precision": "amp-bf16"}),
    ("transformer", LLAMA, 16, {"checkpointing": True, "update": "fused"}),
]
linux_torch = [
    pytest.mark.torch,
    pytest.mark.linux,
]


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("vram_families", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with Interpreter(TraceRequest(target=f"{module.FAMILIES}:build")) as module.interpreter:
        yield module


@pytest.mark.parametrize(("family", "sizes", "batch", "given"), CASES, ids=lambda x: x if isinstance(x, str) else "")
@pytest.mark.torch
@pytest.mark.linux
def test_the_closed_form_is_within_twelve_percent_of_the_trace(benchmark, family, sizes, batch, given):
    params, moment = benchmark.closed(family, sizes, batch, given)
    really, peak, _, work = benchmark.traced(benchmark.interpreter, family, sizes, batch, given)
    assert params == really
    assert moment.total == pytest.approx(peak, rel=0.12)
    flops, low, high = benchmark.timed(family, sizes, batch, given, work)
    # the first layer's input needs no gradient, and the last operators of a block are not always run again
    assert 0.99 < flops < 1.15
    assert low < 1.3 and high > 0.8, (low, high)


@pytest.mark.parametrize(
    ("family", "sizes", "params"),
    [
        # as the models' own documentation counts them: torchvision, and Hugging Face's GPT-2 and LLaMA
        ("resnet", {"depth": 18, "image_size": 224}, 11_689_512),
        ("resnet", {"depth": 34, "image_size": 224}, 21_797_672),
        ("resnet", {"depth": 50, "image_size": 224}, 25_557_032),
        ("resnet", {"depth": 101, "image_size": 224}, 44_549_160),
        ("resnet", {"depth": 152, "image_size": 224}, 60_192_808),
        ("vit", {"image_size": 224, "patch": 16, "layers": 12, "width": 768, "num_heads": 12}, 86_567_656),
        ("vit", {"image_size": 224, "patch": 16, "layers": 24, "width": 1024, "num_heads": 16}, 304_326_632),
        ("transformer", {"vocab": 50257, "layers": 24, "width": 1024, "num_heads": 16, "seq": 1024}, 354_823_168),
        ("transformer", {"vocab": 32000, "layers": 32, "width": 4096, "num_heads": 32, "seq": 64, "gated": True,
                         "untied": True, "feed_forward": 11008}, 6_738_415_616),
        ("transformer", {"vocab": 32000, "layers": 80, "width": 8192, "num_heads": 64, "seq": 64, "gated": True,
                         "untied": True, "feed_forward": 28672, "kv_heads": 8}, 68_976_648_192),
    ],
)  # fmt: skip
def test_known_models_have_their_known_parameters(family, sizes, params):
    assert net_of(family, sizes, family).params == params


def test_a_checkpointed_block_keeps_its_input_and_saves_the_rest_while_it_runs_again():
    block = Layer("block", params=5, matmul=100, other=40, masks=3, working=7, enters=10)
    net = checkpointed(Net("two", (block, block), inputs=0))
    last, first, _ = moments(net, state(10), WIDTHS["fp32"], micro_batch=2, accumulates=False)
    assert last.activations == 2 * 2 * 4 * 10  # two blocks' inputs
    assert first.activations == 2 * 4 * 10
    assert last.in_flight == first.in_flight == 2 * (4 * 7 + 4 * 140 + 3)


def test_checkpointing_never_needs_more_and_refuses_what_has_no_blocks():
    sizes = TransformerSizes(**GPT)
    plain, less = NETS["transformer"](sizes), checkpointed(NETS["transformer"](sizes))
    assert less.params == plain.params
    assert less.saved < plain.saved / 3
    with pytest.raises(PackError, match="mlp"):
        checkpointed(mlp(MlpSizes(dim=2, hidden=4, layers=2)))


def test_autocast_copies_and_fp32_copies_are_counted_only_under_autocast():
    net = Net("one", (Layer("a", cast=10, up=100, single=1000),), inputs=0, named=7)

    def kept(precision):
        moment = moments(net, state(1, precision=precision), WIDTHS[precision], 1, accumulates=False)[0]
        return moment.activations, moment.batch

    assert kept("fp32") == (4000, 28)
    assert kept("amp-bf16") == (4000 + 20 + 400, 14)
    assert kept("bf16") == (4000, 14)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TransformerSizes(**GPT, kv_heads=3, gated=True), "kv_heads 3 must divide"),
        (lambda: TransformerSizes(**GPT, kv_heads=2), "gated"),
        (lambda: TransformerSizes(**LLAMA, dropout=0.1), "dropout"),
        (lambda: VitSizes(**{**VIT, "patch": 7}), "patch 7 must divide"),
        (lambda: ResnetSizes(depth=50, image_size=31), "32 is the least"),
        (lambda: ResnetSizes(depth=51, image_size=64), "depth"),
    ],
)
def test_sizes_that_do_not_build_are_refused(make, words):
    with pytest.raises(ValidationError, match=words):
        make()


def test_resnets_from_32_pixels_on_are_counted():
    assert net_of("resnet", {"depth": 18, "image_size": 32}, "resnet").saved > 0


def test_the_words_of_every_family_are_flags(capsys):
    known = {name for sizes in SIZES.values() for name in sizes.model_fields}
    with pytest.raises(SystemExit):
        main(["estimate", "--help"])
    said = capsys.readouterr().out
    for name in known:
        assert "--" + name.replace("_", "-") in said, name


def test_checkpointing_and_families_on_the_command_line(capsys):
    words = ["estimate", "--family", "resnet", "--depth", "50", "--image-size", "224", "--batch", "64", "--gpu", "T4"]
    assert main(words) == 0
    whole = capsys.readouterr().out
    assert main([*words, "--checkpointing"]) == 0
    assert "checkpointed" in capsys.readouterr().out
    assert "25557032 parameters" in whole
    assert main(["estimate", "--params", "1M", "--checkpointing"]) == 2
    assert "--checkpointing" in capsys.readouterr().err
