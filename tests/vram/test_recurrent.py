"""Recurrent networks: what cuDNN's operators allocate and keep, by hand from their source, and whole steps of them."""

from types import SimpleNamespace

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.traced import TraceRequest

torch = pytest.importorskip("torch", reason="the rules read torch's tensors")
pytestmark = [pytest.mark.torch, pytest.mark.linux]


@pytest.fixture(scope="module")
def kernels():
    from reproof.vram.child import rnnkernels

    return rnnkernels


def meta(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device="meta")


def lstm(units, width, *, layers=1, sides=1, bias=True, projected=0):
    """The weights of an LSTM in the order of nn.LSTM."""
    found = []
    for layer in range(layers):
        for _ in range(sides):
            into = width if layer == 0 else (projected or units) * sides
            found += [meta(4 * units, into), meta(4 * units, projected or units)]
            found += [meta(4 * units), meta(4 * units)] if bias else []
            found += [meta(projected, units)] if projected else []
    return found


def test_the_flat_buffer_has_all_matrices_and_then_all_biases(kernels):
    # 8 rows: 3 and 2 columns, then 2 and 2 of the second layer
    starts = [0, 24, 72, 80, 40, 56, 88, 96]
    assert kernels.layout(lstm(2, 3, layers=2), 4) == (starts, 104)


def test_a_module_without_biases_has_their_room_in_the_buffer_all_the_same(kernels):
    assert kernels.layout(lstm(2, 3, bias=False), 2) == ([0, 24], 24 + 16 + 2 * 8)


def test_what_is_projected_lies_with_the_matrices(kernels):
    # 8 x 3 and 8 x 1, the projection of 1 x 2, two biases of 8
    assert kernels.layout(lstm(2, 3, projected=1), 5) == ([0, 24, 34, 42, 32], 50)


def test_an_rnn_keeps_what_was_measured_of_four_layers(kernels):
    assert kernels.reserved("lstm", 4) * 320 * 25_000 * 4 == 736_000_000
    assert kernels.reserved("gru", 4) * 320 * 25_000 * 4 == 864_000_000
    assert kernels.reserved("rnn", 1) == 1


def test_dropout_has_a_state_for_every_thread_of_the_gpu(kernels):
    assert kernels.dropout_state_bytes(SimpleNamespace(name="T4", capability=(7, 5))) == 40 * 1024 * 48
    assert kernels.dropout_state_bytes(SimpleNamespace(name="H200", capability=(9, 0))) == 132 * 2048 * 48


def test_everything_that_is_guessed_is_said_to_be():
    from reproof.vram.child import workspaces

    assert {"aten::_cudnn_rnn", "aten::_cudnn_rnn_backward", "aten::_cudnn_init_dropout_state"} <= set(
        workspaces.UNCALIBRATED
    )


@pytest.mark.parametrize(
    ("dtype", "capability", "version", "runs"),
    [
        (torch.float64, (6, 0), (2, 6), True),
        (torch.float16, (7, 0), (2, 6), True),
        (torch.bfloat16, (8, 0), (2, 9), True),
        (torch.bfloat16, (8, 0), (2, 8), False),
        (torch.bfloat16, (7, 5), (2, 9), False),
    ],
)
def test_cudnn_runs_bf16_only_from_ampere_and_torch_2_9_on(dtype, capability, version, runs):
    from reproof.vram.child import recurrent

    tracer = SimpleNamespace(target=SimpleNamespace(capability=capability), torch_version=version)
    assert recurrent.by_cudnn(tracer, meta(2, 3, 4, dtype=dtype)) is runs
    assert not recurrent.by_cudnn(tracer, meta(0, 3, 4, dtype=dtype))


class Told:
    """A tracer, as far as the operators ask for one: what is taken, what stays, what is given back, in order."""

    def __init__(self):
        self.events, self.said, self.named, self.counting = [], [], [], False
        self.assume = self.said.append
        self.ledger = SimpleNamespace(
            free=lambda key: self.events.append(("free", key)),
            name=lambda tensor, kind: self.named.append((tensor.numel(), kind)),
        )

    def scratch(self, size, op):
        self.events.append((op.partition("::")[2], size))
        return size

    def see(self, tensor, _op):
        self.events.append(("stays", tensor.numel() * tensor.element_size()))


STEPS, BATCH, UNITS, WIDTH = 5, 3, 16, 8
ALL = (64 * 8 + 64 * 16 + 2 * 64) * 4
X, OUT, STATE = STEPS * BATCH * WIDTH * 4, STEPS * BATCH * UNITS * 4, BATCH * UNITS * 4
RESERVE = STEPS * BATCH * UNITS * 5 * 4


def forward(kernels, *, first=False, buffer=None, train=True):
    x = meta(BATCH, STEPS, WIDTH) if first else meta(STEPS, BATCH, WIDTH)
    state, tracer = meta(1, BATCH, UNITS), Told()
    args = (x, lstm(UNITS, WIDTH), 4, buffer, state, state, 2, UNITS, 0, 1, first, 0.0, train, False, [], None)
    return tracer, kernels._forward(tracer, None, args, {})


def test_the_forward_keeps_its_output_and_the_reserve_and_gives_the_rest_back(kernels):
    tracer, found = forward(kernels, buffer=meta(ALL // 4))
    assert tracer.events == [
        ("stays", OUT), ("stays", STATE), ("stays", STATE), ("_cudnn_rnn", ALL), ("stays", RESERVE), ("free", ALL),
    ]  # fmt: skip
    assert [tuple(each.shape) for each in found[:3]] == [(STEPS, BATCH, UNITS), *2 * [(1, BATCH, UNITS)]]
    assert tracer.named == [(RESERVE, "workspace")]
    assert "a guess of 5 numbers" in tracer.said[0]


def test_a_batch_that_comes_first_is_copied_while_the_operator_runs(kernels):
    tracer, found = forward(kernels, first=True, buffer=meta(ALL // 4))
    assert tracer.events[0] == ("contiguous", X) and tracer.events[-2] == ("free", X)
    assert found[0].shape == (BATCH, STEPS, UNITS) and not found[0].is_contiguous()


def test_weights_that_are_no_one_chunk_are_copied_into_one_that_stays(kernels):
    tracer, found = forward(kernels)
    assert tracer.events[3] == ("stays", ALL)
    assert found[4].numel() * 4 == ALL


def test_without_training_there_is_no_reserve_and_no_backward(kernels):
    tracer, _ = forward(kernels, buffer=meta(ALL // 4), train=False)
    assert ("stays", 0) in tracer.events and tracer.said == []
    with pytest.raises(RuntimeError, match="only be called in training mode"):
        backward(kernels, train=False)


def backward(kernels, *, bias=True, train=True, wanted=True, given=(True, False, False)):
    x, out, state, tracer = meta(STEPS, BATCH, WIDTH), meta(STEPS, BATCH, UNITS), meta(1, BATCH, UNITS), Told()
    weights, stride = lstm(UNITS, WIDTH, bias=bias), 4 if bias else 2
    gradients = [like if there else None for like, there in zip((out, state, state), given, strict=True)]
    args = (x, weights, stride, meta(1), state, state, out, *gradients, 2, UNITS, 0, 1, False, 0.0, train, False, [],
            None, meta(1), [True, False, False, wanted])  # fmt: skip
    return tracer, kernels._backward(tracer, None, args, {})


def test_the_gradients_of_the_weights_are_parts_of_one_buffer(kernels):
    tracer, found = backward(kernels)
    assert tracer.events == [
        ("zeros", STATE), ("zeros", STATE), ("stays", X), ("stays", STATE), ("stays", STATE),
        ("_cudnn_rnn_backward", ALL), ("free", ALL), ("stays", ALL), ("_cudnn_rnn_backward", ALL),
        ("free", STATE), ("free", STATE), ("free", ALL),
    ]  # fmt: skip
    parts = found[3]
    assert [tuple(each.shape) for each in parts] == [(64, 8), (64, 16), (64,), (64,)]
    assert len({each.untyped_storage()._cdata for each in parts}) == 1


def test_without_biases_the_gradients_are_copied_out_of_the_buffer(kernels):
    tracer, found = backward(kernels, bias=False)
    assert ("zeros", ALL) in tracer.events
    assert tracer.events[-5:] == [
        ("stays", 64 * 8 * 4), ("stays", 64 * 16 * 4), ("free", STATE), ("free", STATE), ("free", ALL),
    ]  # fmt: skip
    assert len({each.untyped_storage()._cdata for each in found[3]}) == 2


def test_frozen_weights_have_no_gradient_and_no_gradient_makes_none(kernels):
    assert ("stays", ALL) not in backward(kernels, wanted=False)[0].events
    tracer, found = backward(kernels, given=(False, False, False))
    assert tracer.events == [] and found == (None, None, None, [])


def test_time_steps_of_equally_many_samples_are_one_block():
    from reproof.vram.child.packed import blocks

    assert blocks([5, 3, 3, 1, 1]) == [(0, 1, 5), (1, 3, 3), (3, 5, 1)]
    assert blocks([2]) == [(0, 1, 2)]


STEP = """
import copy

import torch
from torch import nn


def build(how="plain"):
    net = (nn.GRUCell if how == "cell" else nn.LSTM)(512, 1024).to("cuda")
    if how == "copied":
        net = copy.deepcopy(net)
    if how == "evaluated":
        net.eval()
    if how == "frozen":
        net.requires_grad_(False)
    torch.backends.cudnn.enabled = how != "disabled"
    x = torch.zeros(8, 64, 512, device="cuda")
    lengths = [8, 8, 3, 3, 3, *59 * [1]]

    def run():
        if how == "cell":
            return net(x[0])
        if how == "packed":
            packed = nn.utils.rnn.pack_padded_sequence(x.requires_grad_(), lengths)
            return nn.utils.rnn.pad_packed_sequence(net(packed)[0])[0]
        with torch.autocast("cuda", enabled=how == "autocast"):
            out = net(x.requires_grad_(how in ("frozen", "twice")))[0].float()
        return torch.autograd.grad(out.sum(), x, create_graph=True)[0] if how == "twice" else out

    def step():
        net.zero_grad()
        run().sum().backward()

    return step
"""
WEIGHTS = (4096 * 512 + 4096 * 1024 + 2 * 4096) * 4


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """Traces a step of an LSTM; gives its timeline and what was assumed."""
    path = tmp_path_factory.mktemp("recurrent") / "step.py"
    path.write_text(STEP)
    with Interpreter(TraceRequest(target=f"{path}:build", steps=1)) as interpreter:

        def run(how):
            result = interpreter.trace(gpus.find("A100 40GB"), {"how": how})
            return Timeline.read(result), " ".join(what for what, _, _ in result["assumed"])

        yield run


def kinds(line, size):
    return [line.kinds[key] for what, key, each in line.events if what == "alloc" and each == size]


def test_weights_and_gradients_are_one_buffer_each(trace):
    line, said = trace("plain")
    assert kinds(line, WEIGHTS) == [
        "parameters",
        "workspace, a guess",
        "workspace, a guess",
        "gradients",
        "workspace, a guess",
    ]
    assert "workspace, a guess" in kinds(line, 8 * 64 * 1024 * 5 * 4)
    assert "no single chunk" not in said


def test_a_deep_copy_is_flattened_anew_at_every_call_and_the_copy_waits_for_the_backward(trace):
    line, said = trace("copied")
    assert kinds(line, 4096 * 1024 * 4).count("parameters") == 1  # each weight is a tensor of its own
    assert "activations" in kinds(line, WEIGHTS)
    assert "no single chunk" in said


def test_autocast_flattens_16_bit_weights_and_gives_every_gradient_apart(trace):
    line, said = trace("autocast")
    assert kinds(line, WEIGHTS // 2)[0] == "activations"
    assert kinds(line, 4096 * 1024 * 4)[-1] == "gradients" and kinds(line, WEIGHTS) == ["parameters"]
    assert "no single chunk" not in said


def test_packed_sequences_take_what_their_lengths_say(trace):
    line, _ = trace("packed")
    rows = 8 + 8 + 3 + 3 + 3 + 59
    assert "workspace, a guess" in kinds(line, rows * 1024 * 5 * 4)
    assert kinds(line, rows * 512 * 4) and kinds(line, 8 * 64 * 1024 * 4)  # packed; and padded again


def test_without_cudnn_torchs_own_cells_run(trace):
    line, said = trace("disabled")
    assert "cuDNN" not in said
    assert kinds(line, 64 * 4096 * 4).count("activations") >= 8  # the gates of each of eight steps


def test_a_gru_cell_keeps_five_numbers_a_unit(trace):
    line, _ = trace("cell")
    assert kinds(line, 64 * 1024 * 5 * 4) == ["activations"]


def test_a_backward_in_evaluation_is_refused_as_cudnn_does(trace):
    with pytest.raises(PackError, match="training mode"):
        trace("evaluated")


def test_frozen_weights_have_no_gradient_and_the_input_has(trace):
    line, _ = trace("frozen")
    assert "gradients" not in line.kinds
    assert kinds(line, 8 * 64 * 512 * 4).count("temporaries") >= 1


def test_a_second_gradient_through_cudnn_is_refused_as_torch_does(trace):
    with pytest.raises(PackError, match="Double backwards is not supported for CuDNN RNNs"):
        trace("twice")
