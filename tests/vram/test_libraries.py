"""Operators of cuFFT and cuSOLVER, CTC losses and samplers: sizes by hand from PyTorch's sources."""

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
def libraries():
    from reproof.vram.child import libraries

    return libraries


class OnGpu:
    """What a rule asks of a tensor, answered as if it were on a GPU."""

    def __init__(self, *shape, dtype=torch.float32):
        self.tensor = torch.empty(shape, dtype=dtype, device="meta")
        self.device = SimpleNamespace(type="cuda")

    def __getattr__(self, name):
        return getattr(self.tensor, name)


def taken(libraries, operator, *args):
    """What the rule yields, what it takes under a name of its own, and what it says."""
    events, said = [], []
    ledger = SimpleNamespace(free=lambda key: events.append(("free", key)))
    tracer = SimpleNamespace(
        ledger=ledger, assume=said.append, scratch=lambda size, op: events.append((op, size)) or size
    )
    for size in libraries.AFTER[f"aten::{operator}"](tracer, args):
        events.append(("", size))
    return events, said


def test_a_transform_in_two_dimensions_works_in_one_more_spectrum_and_one_in_one_dimension_in_none(libraries):
    x = OnGpu(3, 100, 1500, dtype=torch.complex64)
    assert taken(libraries, "_fft_c2c", x, [1, 2], 0, True) == ([("", 3 * 100 * 1500 * 8)], [])
    assert taken(libraries, "_fft_c2c", x, [2], 0, True) == ([], [])
    real = OnGpu(3, 100, 1500)
    assert taken(libraries, "_fft_r2c", real, [1, 2], 0, True) == ([("", 3 * 100 * 751 * 8)], [])


def test_what_becomes_real_is_cloned_first(libraries):
    x = OnGpu(3, 100, 751, dtype=torch.complex64)
    size = 3 * 100 * 751 * 8
    clone, end = ("aten::clone", size), ("free", size)
    assert taken(libraries, "_fft_c2r", x, [2], 0, 1500) == ([clone, end], [])
    assert taken(libraries, "_fft_c2r", x, [1, 2], 0, 1500) == ([clone, ("", size), end], [])


def test_lengths_that_cufft_has_no_kernel_for_are_named(libraries):
    assert taken(libraries, "_fft_r2c", OnGpu(8, 4 * 127), [1], 0, True)[1] == []
    assert taken(libraries, "_fft_r2c", OnGpu(8, 4 * 131), [1], 0, True)[1] == [libraries.BLUESTEIN]
    assert taken(libraries, "_fft_c2r", OnGpu(8, 66, dtype=torch.complex64), [1], 0, 131)[1] == [libraries.BLUESTEIN]


class Meta(str):
    """Where tensors without memory lie, told as a GPU."""

    type = "cuda"


def test_where_fake_tensors_would_run_a_transform_it_is_made_here(libraries, monkeypatch):
    made = []

    def transformed(name, x, *args):
        x.device = Meta("meta")
        func = SimpleNamespace(_schema=SimpleNamespace(name=name))
        ledger = SimpleNamespace(free=lambda *_: None)
        tracer = SimpleNamespace(
            scratch=lambda size, _: made.append(size) or size, see=lambda *_: None, ledger=ledger, assume=made.append
        )
        return libraries.HANDLERS[name](tracer, func, (x, *args), {})

    name = "aten::_fft_r2c"
    assert transformed(name, OnGpu(4, 6), [1], 0, True) is NotImplemented  # newer torch knows the strides
    monkeypatch.setattr(libraries.fake_impls, "stride_incorrect_op", lambda _: True)
    for onesided, width in ((True, 4), (False, 6)):
        half = transformed(name, OnGpu(4, 6), [1], 0, onesided)
        assert (tuple(half.shape), half.dtype) == ((4, width), torch.complex64)
    real = transformed("aten::_fft_c2r", OnGpu(4, 5, dtype=torch.complex128), [0, 1], 0, 9)
    assert (tuple(real.shape), real.dtype) == ((4, 9), torch.float64)
    assert made == [4 * 5 * 16, 4 * 5 * 16]  # its clone and its work area


def test_a_factorisation_works_in_copies_of_its_matrix(libraries):
    x = OnGpu(5, 30, 20)
    assert taken(libraries, "_linalg_eigh", OnGpu(5, 20, 20))[0] == [("", 2 * 20 * 20 * 4)]
    assert taken(libraries, "_linalg_svd", x)[0] == [("", 5 * 30 * 20 * 4), ("", 30 * 20 * 4)]
    assert taken(libraries, "linalg_inv_ex", OnGpu(5, 20, 20))[0] == [("", 5 * 20 * 20 * 4)]
    assert taken(libraries, "linalg_matrix_exp", OnGpu(20, 20)) == ([("", 12 * 1600)], [libraries.EXPONENTIAL])
    assert taken(libraries, "_linalg_eigh", torch.empty(2, 2)) == ([], [])  # on the CPU


def test_a_draw_makes_a_number_for_each_probability_and_three_where_it_puts_back(libraries):
    x = OnGpu(8, 1000)
    assert taken(libraries, "multinomial", x, 1)[0] == [("", 32000)]
    assert taken(libraries, "multinomial", x, 1, True)[0] == [("", 32000)]
    assert taken(libraries, "multinomial", x, 2, True)[0] == 3 * [("", 32000)]
    assert taken(libraries, "multinomial", x, 2, False)[0] == [("", 32000)]


def test_the_gradient_of_bags_is_summed_in_parts_as_that_of_an_embedding(libraries):
    def bags(mode, sparse=False):
        index = torch.empty(100, dtype=torch.int64, device="meta")
        args = (OnGpu(10, 96), index, None, None, None, None, 1000, False, mode, sparse, None)
        return [size for _, size in taken(libraries, "_embedding_bag_backward", *args)[0]]

    parts = 10 + 100
    assert bags(0) == bags(1) == [800, 800, 800, 800, 800, parts * 8, parts * 96 * 4]
    assert bags(2) == bags(0, sparse=True) == []


STEP = """
import torch
from torch.nn import functional as F


def build(how):
    def leaf(*shape):
        return torch.randn(*shape, device="cuda", requires_grad=True)

    if how in ("ctc", "unknown", "cudnn", "long"):
        x, targets = leaf(400, 32, 1000), torch.ones(32, 60, dtype=torch.int64, device="cuda")
        wanted = torch.full((32,), 50)
        if how == "unknown":
            wanted = torch.randn(32, 99999).argmax(1)
        if how in ("cudnn", "long"):
            wanted = torch.full((32,), 255 if how == "cudnn" else 256, dtype=torch.int32)
            targets = torch.ones(32 * 256, dtype=torch.int32)

        def run():
            given = torch.full((32,), 400, dtype=wanted.dtype)
            return F.ctc_loss(x, targets, given, wanted, zero_infinity=True)

    elif how == "istft":
        x = leaf(8, 513, 256)

        def run():
            window = torch.hann_window(1024, device="cuda")
            out = torch.istft(torch.complex(x, x), 1024, 256, window=window)
            assert out.shape == (8, 255 * 256)
            return out.sum()

    elif how in ("repeated", "hidden"):
        x = leaf(100, 64)
        times = torch.full((100,), 3, device="cuda") if how == "repeated" else leaf(100, 99999).argmax(1)

        def run():
            return x.repeat_interleave(times, 0).sum()

    elif how == "beta":
        x = leaf(1000, 64)

        def run():
            return torch.distributions.Beta(x.exp(), x.exp(), validate_args=False).rsample().sum()

    elif how == "lstsq":
        a, b = leaf(1024, 512), leaf(1024, 64)

        def run():
            found = torch.linalg.lstsq(a, b)
            assert found.solution.shape == (512, 64) and found.residuals.shape == (64,)
            return found.solution.sum()

    else:
        x, grid = leaf(8, 64, 128, 128), leaf(8, 100, 90, 2)

        def run():
            out = F.grid_sample(x, grid, align_corners=True)
            assert out.shape == (8, 64, 100, 90)
            return out.sum()

    return lambda: run().backward()
"""
ALPHA = 32 * 400 * 4


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """Traces a step; gives how often each size was allocated by each operator, and what was assumed."""
    path = tmp_path_factory.mktemp("libraries") / "step.py"
    path.write_text(STEP)
    with Interpreter(TraceRequest(target=f"{path}:build", steps=1)) as interpreter:

        def run(how):
            result = interpreter.trace(gpus.find("A100 40GB"), {"how": how})
            line = Timeline.read(result)
            made = [(line.moments[key].op, size) for what, key, size in line.events if what == "alloc"]
            return made, [what for what, _, _ in result["assumed"]]

        yield run


def test_a_ctc_loss_keeps_two_states_for_each_label_of_the_longest_target_and_one(trace):
    made, said = trace("ctc")
    assert made.count(("aten::_ctc_loss", ALPHA * 101)) == 1
    assert made.count(("aten::_ctc_loss_backward", ALPHA * 101)) == 1  # beta, while it runs
    assert made.count(("aten::_ctc_loss_backward", 400 * 32 * 1000 * 4)) == 1
    assert said == []


def test_lengths_that_are_not_known_are_the_longest_that_the_targets_hold(trace):
    from reproof.vram.child import speech

    made, said = trace("unknown")
    assert ("aten::_ctc_loss", ALPHA * 121) in made
    assert speech.LENGTHS in said


def test_cudnn_takes_a_ctc_loss_of_one_row_of_short_targets_and_makes_the_gradient_at_once(trace):
    made, _ = trace("cudnn")
    assert ("aten::_cudnn_ctc_loss", 400 * 32 * 1000 * 4) in made
    assert ("aten::_ctc_loss", ALPHA * 513) in trace("long")[0]


def test_the_inverse_of_a_short_time_transform_runs(trace):
    made, _ = trace("istft")
    assert ("aten::_fft_c2r", 8 * 256 * 1024 * 4) in made
    assert ("aten::clone", 8 * 256 * 513 * 8) in made
    assert ("aten::unfold_backward", 8 * (1024 + 256 * 255) * 4) in made


def test_least_squares_copy_both_sides(trace):
    made, _ = trace("lstsq")
    assert ("aten::linalg_lstsq", 1024 * 512 * 4) in made and ("aten::linalg_lstsq", 1024 * 64 * 4) in made


def test_sampling_with_aligned_corners_is_cudnns(trace):
    made, _ = trace("grid")
    assert ("aten::cudnn_grid_sampler", 8 * 64 * 100 * 90 * 4) in made
    assert ("aten::cudnn_grid_sampler_backward", 8 * 64 * 128 * 128 * 4) in made
    assert ("aten::cudnn_grid_sampler_backward", 8 * 100 * 90 * 2 * 4) in made


def test_what_is_repeated_as_often_as_a_tensor_says_is_as_long_as_its_sum(trace):
    made, said = trace("repeated")
    assert ("aten::index_select", 300 * 64 * 4) in made and said == []
    with pytest.raises(PackError, match="repeat_interleave"):
        trace("hidden")


def test_a_beta_distribution_draws_in_one_more_copy_of_its_parameters(trace):
    made, _ = trace("beta")
    assert made.count(("aten::_sample_dirichlet", 2 * 1000 * 64 * 4)) == 2
    assert made.count(("aten::_dirichlet_grad", 2 * 1000 * 64 * 4)) == 1
