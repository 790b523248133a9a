"""What a trace notes of single operators and tells the step of its own memory: sizes worked out by hand."""

import dataclasses
from pathlib import Path

import pytest

from reproof.vram import gpus
from reproof.vram.allocator import MIB
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.trace import INFERENCE, trace
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("ledger_steps.py")
pytestmark = [pytest.mark.torch, pytest.mark.linux]


@pytest.fixture(scope="module")
def timeline():
    """Traces a function of ledger_steps.py once; gives every allocation."""
    with Interpreter(TraceRequest(target=f"{STEPS}:composite", steps=1)) as interpreter:

        def run(function, **given):
            interpreter.request = TraceRequest(target=f"{STEPS}:{function}", steps=1)
            return Timeline.read(interpreter.trace(gpus.find("T4"), given))

        yield run


def tensors_only(line):
    """The same without workspaces, which have tests of their own."""
    events = [each for each in line.events if not line.kinds[each[1]].startswith("workspace")]
    return dataclasses.replace(line, events=events)


ROW = 512 * 4
"""One number for each row of a matrix."""


@pytest.mark.parametrize(
    ("call", "beside"),
    [
        ("logsumexp", MIB + 2 * ROW),  # exp(x - maximum), the maxima and the sums
        ("dist", MIB + 512),  # the difference, and the norm
        ("bce", 2 * MIB + 512),  # (1 - y) x in place, log_sigmoid(x), and the mean
        ("soft margin", MIB + 512),  # log(1 + exp(-y x)) in place, and the mean
        # softmax; x == -inf and what of it is whole rows, a byte each; zero
        ("safe softmax", MIB + 512 * 512 + 512 + 512),
        ("cdist", 2 * 512 * 514 * 4 + MIB),  # (-2 x, |x|^2, 1) and (y, 1, |y|^2), 514 columns each, and their product
        ("logcumsumexp", MIB),  # has a kernel of its own
    ],
)
def test_what_an_operator_without_a_kernel_of_its_own_holds_is_counted(timeline, call, beside):
    line = timeline("composite", call=call)
    assert (line.most("workspace") > 8 * MIB) == (call == "cdist")  # its product is one of cuBLAS
    tensors = sum(size for what, key, size in line.events if what == "alloc" and line.moments[key].phase == "build")
    assert tensors == 2 * MIB
    assert max(tensors_only(line).levels()) - tensors == beside


@pytest.mark.parametrize("call", ["product of batches", "attention", "recurrent"])
def test_inference_mode_hides_nothing_that_no_grad_shows(timeline, call):
    plain, inference = (timeline("without_gradients", call=call, mode=mode) for mode in ("no_grad", "inference_mode"))
    assert [plain.at(i).op for i in range(len(plain.events)) if plain.events[i][0] == "alloc"] == [
        inference.at(i).op for i in range(len(inference.events)) if inference.events[i][0] == "alloc"
    ]
    assert max(inference.levels()) == max(plain.levels())


def test_a_step_is_told_its_memory_in_whole_blocks_as_on_a_gpu(timeline):
    line = timeline("asks_what_is_allocated")
    noted = [size for what, key, size in line.events if what == "alloc" and line.moments[key].phase == "forward"]
    # 100 and 513 bytes take 512 and 1024; the first note takes 1536 beside them; then the 1024 go
    assert noted == [1536, 1, 3072, 512, 512, 512]


def test_what_is_freed_when_the_step_itself_goes_is_no_part_of_the_record(timeline):
    line = timeline("asks_what_is_allocated")
    assert line.marks[-1] == ("end", len(line.events))
    assert line.levels()[-1] == 512  # what build() made is still there


def test_one_gpu_that_holds_it_is_a_yes_and_the_work_of_one_step_is_summed():
    answer = trace(TraceRequest(target=f"{STEPS}:evaluates_twice", steps=2, gpu=["512MiB", "T4"]))
    assert [gpu.verdict for gpu in answer.gpus] == ["no", "fits"]  # the context alone is larger than 512 MiB
    assert answer.ok
    assert answer.traced.flops == 2 * (2 * 8 * 1024 * 1024)  # two products in the last of two steps
    assert answer.traced.moved_bytes == 2 * 4 * (8 * 1024 + 1024 * 1024 + 8 * 1024)
    assert INFERENCE in answer.notes
