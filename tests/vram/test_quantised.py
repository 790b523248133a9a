"""Quantised weights and states in a trace: sizes by hand, from the formats. bitsandbytes is asked where it is there.

REPROOF_QUANTISED_PYTHON names an interpreter that has it, if this one has not.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reproof.errors import MissingError
from reproof.vram import gpus
from reproof.vram.allocator import MIB, Settings
from reproof.vram.estimate import estimate
from reproof.vram.interpreter import Interpreter
from reproof.vram.models import EstimateRequest
from reproof.vram.states import base_bytes, state
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("steps_quantised.py")
PYTHON = Path(os.environ.get("REPROOF_QUANTISED_PYTHON") or sys.executable)
pytestmark = [
    pytest.mark.torch,
    pytest.mark.linux,
]


class Told:
    """What a trace says, by the names that the tests ask for."""

    def __init__(self, result):
        line = Timeline.read(result)
        answer = judged(gpus.find("A100 40GB"), result, line, Settings())
        self.parts = {part.name: part.bytes for part in answer.parts}
        self.peak, self.line, self.params = answer.allocated_bytes, line, result["params"]
        self.tensors = self.peak - self.parts.get("workspace", 0)  # cuBLAS keeps its own up to torch 2.14
        self.moved = sum(moved * count for _, _, moved, count in result["work"])
        self.assumed = [what for what, _, _ in result["assumed"]]
        self.after = [step.after_bytes for step in answer.steps]
        self.steps = [step.peak_bytes for step in answer.steps]


@pytest.fixture(scope="module")
def interpreter():
    with Interpreter(TraceRequest(target=f"{STEPS}:toy", python=PYTHON)) as started:
        yield started


@pytest.fixture
def trace(interpreter):
    """Traces a function of steps_quantised.py."""

    def run(function, steps=2, **given):
        interpreter.request = TraceRequest(target=f"{STEPS}:{function}", python=PYTHON, steps=steps)
        return Told(interpreter.trace(gpus.find("A100 40GB"), given))

    return run


@pytest.fixture(scope="module")
def bnb():
    """Skips where there is no bitsandbytes; gives its version."""
    ask = "import importlib.metadata as m; print(m.version('bitsandbytes'))"
    found = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, timeout=60, check=False)
    if found.returncode:
        pytest.skip("bitsandbytes is not installed in this interpreter")
    return tuple(int(part) for part in found.stdout.strip().split(".")[:2])


# ---- without the library


def test_a_weight_of_a_class_of_its_own_keeps_its_class_and_its_ties_when_it_moves(trace):
    told = trace("packed")
    assert told.after[0] == 512 * 1024 + 4096  # half of 1024 x 1024 bytes, and a scale for each row
    assert told.parts["frozen parameters"] == 512 * 1024 + 4096


def test_the_librarys_cuda_kernel_is_run_so_that_its_temporaries_are_seen(trace):
    told = trace("toy_kernel")
    assert told.peak == (4 + 8 + 4) * MIB + 512  # the four known numbers take a block


def test_paged_states_are_not_on_the_gpu_and_are_told(trace):
    told = trace("toy_paged")
    assert told.peak == 1024  # ones and their sum
    (only,) = told.assumed  # of both states together, and nothing about what the library compiles for other devices
    assert "managed memory" in only
    assert "the host needs 2.0 MiB" in only


def test_what_the_user_compiles_after_the_import_is_still_said(trace):
    (only,) = trace("compiled_after").assumed
    assert only.startswith("torch.compile is left out")


def test_an_operator_of_an_extension_is_named_with_what_is_not_known(trace):
    told = trace("extension")
    assert told.peak == 2 * MIB
    assert told.assumed == [
        "somebody::doubled is not torch's own: its results are counted, what its kernel takes inside is not known"
    ]


def test_an_operator_without_a_fake_kernel_is_refused_by_name(trace):
    with pytest.raises(MissingError, match="somebody") as refused:
        trace("extension", fake=False)
    assert refused.value.slug == "cannot-trace"


def test_a_library_that_asks_for_fake_tensors_reads_masks_as_on_a_gpu(trace):
    assert trace("masks").assumed == []


def test_a_tensor_that_holds_others_is_seen_through(trace):
    told = trace("held")
    assert told.parts["frozen parameters"] == 2 * MIB
    assert told.peak == (2 + 4 + 4) * MIB


def test_a_compiled_update_has_no_temporaries_and_its_state_has_its_name(trace):
    told = trace("low")
    assert told.peak == (4 + 2 + 8) * MIB  # not in the update: 4 + 4 + 2 there, and 8 more if it were not compiled
    assert told.parts["optimizer state"] == 2 * MIB
    assert [each for each in told.assumed if each.startswith("torchao's update of a parameter is compiled")]


def test_a_library_that_cannot_be_traced_is_named_with_a_bound(trace):
    said = "awq did not let itself be traced. An upper bound: the same step with plain 16-bit layers"
    with pytest.raises(MissingError, match=re.escape(said)):
        trace("other")


# ---- with bitsandbytes


@pytest.mark.usefixtures("bnb")
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_a_four_bit_layer_is_exact_to_the_byte(trace, kind):
    told = trace("linear4", kind=kind)
    assert told.parts["frozen parameters"] == 8 * MIB + 4096 * 4096 // 64 * 4 + 16 * 4  # codes, fp32 scales, the code
    assert told.params == 4096 * 4096


@pytest.mark.usefixtures("bnb")
def test_double_quantisation_quantises_the_scales(trace):
    told = trace("linear4", nested=True)
    scales = 4096 * 4096 // 64
    # 8-bit scales, their own fp32 scales per 256, their code of 256 values, the mean that was taken off, the code
    assert told.parts["frozen parameters"] == 8 * MIB + scales + scales // 256 * 4 + 256 * 4 + 4 + 16 * 4


@pytest.mark.usefixtures("bnb")
def test_backward_holds_one_dequantised_copy_of_the_weight(trace):
    told = trace("linear4")
    # input, output, its gradient, the input's gradient and the copy: 32 MiB each
    assert told.tensors == pytest.approx(5 * 32 * MIB + 9 * MIB, abs=4096)


def test_without_a_gradient_many_tokens_take_a_copy_and_few_none(trace, bnb):
    if bnb < (0, 50):
        pytest.skip("the fused kernel for few tokens is of 0.50")
    many, few = (trace("linear4", tokens=tokens, gradient=False) for tokens in (2048, 4))
    assert many.tensors == pytest.approx((16 + 16 + 32 + 9) * MIB, abs=4096)
    assert few.steps[-1] == pytest.approx(9 * MIB + 2 * 4 * 4096 * 2, abs=4096)


@pytest.mark.usefixtures("bnb")
def test_an_eight_bit_layer_is_exact_and_says_what_outliers_would_add(trace):
    told = trace("linear8")
    assert told.after[0] == 16 * MIB + 4096 * 4  # a byte a weight, an fp32 scale for each row
    assert [each for each in told.assumed if each.startswith("LLM.int8: no column")]


@pytest.mark.usefixtures("bnb")
def test_qlora_saves_the_weights_and_nothing_else_of_a_lora(trace):
    four, sixteen = (trace("qlora", bits=bits) for bits in (4, 16))
    weights = 4 * 4096 * 4096
    assert sixteen.after[-1] - four.after[-1] == pytest.approx(weights * (2 - 0.5 - 1 / 64 - 4 / 64 / 256), rel=0.001)
    assert set(four.parts) >= {"parameters", "frozen parameters", "optimizer state"}
    assert four.parts["parameters"] == 4 * 2 * 16 * 4096 * 2


@pytest.mark.usefixtures("bnb")
def test_an_update_moves_weight_gradient_states_and_scales(trace):
    n = 2**22
    known = 4 * n + 4 * n + 2 * (n + n // 256 * 4 + 1024)  # its schema says that it changes all of them
    told = trace("update", count=n)
    assert told.moved == pytest.approx(2 * known + 2 * 4 * n, rel=0.001)  # ones_like: of the weight, to the gradient


def gained(told):
    return told.after[-1] - told.after[0]


@pytest.mark.usefixtures("bnb")
def test_eight_bit_states_are_bytes_with_a_scale_for_each_256(trace):
    n = 2**22
    code = 1024  # 256 values, for each moment
    assert gained(trace("update")) == 2 * (n + n // 256 * 4 + code)
    assert gained(trace("update", name="Lion8bit")) == n + n // 256 * 4 + code


@pytest.mark.usefixtures("bnb")
@pytest.mark.parametrize(("count", "size"), [(4095, 2 * 4096 * 4), (4096, 2 * (4096 + 512 + 1024))])
def test_small_tensors_keep_their_states_in_32_bit(trace, count, size):
    assert gained(trace("update", count=count)) == size  # in blocks of 512


@pytest.mark.usefixtures("bnb")
@pytest.mark.parametrize(("count", "on_gpu"), [(99_999, True), (100_000, False)])
def test_paged_states_leave_the_gpu_from_a_hundred_thousand_numbers_on(trace, count, on_gpu):
    told = trace("update", name="PagedAdamW32bit", count=count)
    block = -(-count * 4 // 512) * 512
    assert gained(told) == (2 * block if on_gpu else 0)
    assert bool([each for each in told.assumed if "managed memory" in each]) is not on_gpu


# ---- the closed form


@pytest.mark.parametrize(
    ("form", "size"),
    [("bf16", 32 * MIB), ("int8", 16 * MIB + 16384), ("nf4", 9 * MIB), ("nf4-dq", 8 * MIB + 2**18 + 4096)],
)
def test_a_frozen_base_in_closed_form_is_what_the_layers_hold(form, size):
    assert base_bytes(4096 * 4096, form) == size


def test_eight_bit_moments_in_closed_form():
    assert state(2**20, "adamw8bit").optimizer_bytes == 2 * (2**20 + 2**12 * 4)
    assert state(2**20, "adam8bit").update_bytes == 0


def test_estimate_adds_the_frozen_base_and_says_what_it_leaves_out():
    request = EstimateRequest(params=2**20, base=2**30, base_format="nf4", optimizer="adamw8bit")
    plain = estimate(request.model_copy(update={"base": None}))
    told = estimate(request)
    assert told.budget.allocated_bytes - plain.budget.allocated_bytes == 2**30 * 9 // 16
    assert [note for note in told.notes if note.startswith("of the base its weights only")]
    assert [gpu.verdict for gpu in estimate(request.model_copy(update={"base": 2**35, "gpu": ["T4"]})).gpus] == ["no"]
