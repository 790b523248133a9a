"""Temporaries inside CUDA kernels: each by hand from the sizes of the operator, on tensors without memory."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="the rules read torch's tensors")
pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def rules():
    from reproof.vram.child import workspaces

    return workspaces


class OnGpu:
    """What a rule asks of a tensor, answered as if it were on a GPU."""

    def __init__(self, *shape, dtype=torch.float32, last=False):
        shape_of = torch.channels_last if last else torch.contiguous_format
        self.tensor = torch.empty(shape, dtype=dtype, device="meta").to(memory_format=shape_of)
        self.device = SimpleNamespace(type="cuda")

    def __getattr__(self, name):
        return getattr(self.tensor, name)


class Asked:
    """A tracer, as far as a rule asks for one: what is taken with a name of its own, in order, and given back."""

    def __init__(self, capability=(8, 0), constants=None, version=(2, 13)):
        self.target = SimpleNamespace(capability=capability, name="")
        self.constants, self.torch_version = constants or {}, version
        self.said, self.events = [], []
        self.assume = self.said.append
        self.ledger = SimpleNamespace(free=lambda key: self.events.append(("free", key)))

    def scratch(self, size, op):
        self.events.append((op, size))
        return size


def taken(rules, operator, *args, tracer=None, **more):
    tracer = tracer or Asked(**more)
    found = [where[f"aten::{operator}"] for where in (rules.BEFORE, rules.AFTER) if f"aten::{operator}" in where]
    yielded = [size for rule in found for size in rule(tracer, args)]
    return yielded + [size for op, size in tracer.events if op not in ("free", rules.LAYOUT)]


H200, A100, T4 = (9, 0), (8, 0), (7, 5)


@pytest.mark.parametrize(
    ("rows", "columns", "capability", "blocks"),
    [
        (8192, 4096, H200, 66),  # 132 multiprocessors, 16 blocks of 128 threads each, over 4,096 / (32 * 4) = 32 blocks
        (8192, 4096, A100, 54),
        (8192, 4096, T4, 10),  # 1,024 threads on each of 40
        (8192, 768, H200, 128),  # 2,048 values of each thread, 16 of them at least
        (1020, 4096, H200, 0),  # 255 values
        (1021, 4096, H200, 16),
    ],
)
def test_the_gradient_of_a_bias_is_summed_in_a_buffer(rules, rows, columns, capability, blocks):
    x, threads = OnGpu(rows, columns, dtype=torch.bfloat16), 32 * 4
    found = taken(rules, "sum.dim_IntList", x, [0], capability=capability)
    assert found == ([4 * columns * blocks * threads, 4 * columns // threads] if blocks else [])


def test_a_sum_along_memory_keeps_one_number_for_each_block(rules):
    blocks = 512  # 8,192 * 8,192 numbers over 512 threads and at most 256 numbers for each thread
    assert taken(rules, "sum", OnGpu(8192, 8192)) == [4 * blocks, 4]
    assert taken(rules, "mean", OnGpu(8192, 8192, dtype=torch.float64)) == [8 * blocks, 4]
    assert taken(rules, "var_mean.correction", OnGpu(2, 10**7), [1]) == [16 * 2 * 216, 8]
    assert taken(rules, "sum.dim_IntList", OnGpu(8192, 1024), [1]) == []  # one block is enough for a row
    assert taken(rules, "linalg_vector_norm", OnGpu(8192, 8192), 2) == [4 * blocks, 4]


def test_outputs_that_are_no_multiple_of_four_are_made_one_or_two_at_a_time(rules):
    # 10 columns, two at once: blocks of 4 x 64, 65,536 rows, so 1,024 values and 64 blocks
    assert taken(rules, "sum.dim_IntList", OnGpu(65536, 10), [0]) == [4 * 10 * 64 * 4 * 2, 4 * 2]


def test_a_card_is_known_by_its_name_before_its_capability():
    from reproof.vram.child import reductions

    def of(name, capability):
        return reductions.gpu(SimpleNamespace(name=name, capability=capability))

    assert of("L4", (8, 9)) == (58, 1536)
    assert of("L40S", (8, 9)) == (142, 1536)
    assert of("A100 40GB", (8, 0)) == (108, 2048)
    assert of("24GiB", (7, 5)) == (40, 1024)


def meta(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device="meta")


def test_a_sort_of_rows_of_up_to_4096_is_made_in_place_and_needs_one_row_of_indices(rules):
    assert taken(rules, "sort", OnGpu(500, 4096)) == [4096 * 8]
    assert taken(rules, "sort", OnGpu(4096, 500), 0) == [4096 * 8]


def test_a_sort_of_longer_rows_takes_what_the_radix_sort_of_so_many_rows_does(rules):
    row = 4097
    assert taken(rules, "sort", OnGpu(row)) == [row * 8, row * (4 + 8)]
    few = 127 * row  # pairs of row and index twice, keys that are not wanted, then CUB's second set of both
    assert taken(rules, "sort", OnGpu(127, row)) == [few * 8, few * 8, few * 4, few * (4 + 8)]
    assert taken(rules, "sort", OnGpu(128, row)) == [128 * row * 8, 128 * row * (4 + 8)]
    assert taken(rules, "sort", OnGpu(2, 10**6)) == [10**6 * 8, 10**6 * (4 + 8)]  # one after the other
    few = 2 * (10**6 - 1)
    assert taken(rules, "sort", OnGpu(2, 10**6 - 1)) == [few * 8, few * 8, few * 4, few * (4 + 8)]


def test_a_sort_down_the_columns_is_made_in_a_copy(rules):
    all_of = 4097 * 3
    assert taken(rules, "sort", OnGpu(4097, 3), 0)[:3] == [all_of * 4, all_of * 4, all_of * 8]


def test_the_gradient_of_an_embedding_sorts_more_than_3072_indices_and_adds_up_in_parts(rules):
    few, index = meta(3072, dtype=torch.int64), meta(3073, dtype=torch.int64)
    half = torch.bfloat16
    assert taken(rules, "embedding_dense_backward", meta(3072, 96, dtype=half), few, 10**6, -1, False) == []
    parts = 307 + 3073  # a part for every ten of one index, and one for every index
    assert taken(rules, "embedding_dense_backward", meta(3073, 96, dtype=half), index, 10**6, -1, False) == [
        *5 * [3073 * 8], parts * 8, parts * 96 * 4,
    ]  # fmt: skip
    parts = 307 + 2  # a table of two rows, as BERT's token types
    assert taken(rules, "embedding_dense_backward", meta(3073, 96, dtype=half), index, 2, -1, False) == [
        *3 * [3073 * 8], 2 * 8, 2 * 8, parts * 8, parts * 96 * 4,
    ]  # fmt: skip
    scaled = taken(rules, "embedding_dense_backward", meta(5, 96), meta(5, dtype=torch.int64), 10, -1, True)
    assert scaled == [*4 * [40], 40, 40, 5 * 8, 5 * 96 * 4]  # min(5, 10) indices, 5 // 10 + 5 parts


def test_the_gradient_of_an_indexing_sorts_the_indices_and_putting_without_adding_does_not(rules):
    index, values = meta(20, 1, dtype=torch.int64), meta(20, 30)
    args = (OnGpu(100, 100), [index, meta(30, dtype=torch.int64)], values)
    assert taken(rules, "_index_put_impl_", *args, True) == [*4 * [600 * 8], 2 * 600 * 8]
    assert taken(rules, "_index_put_impl_", *args, False) == []


def layer_norm(rules, rows, width, wanted=(True, True, True), **more):
    args = (OnGpu(rows, width), OnGpu(rows, width), [width], meta(rows), meta(rows), meta(width), meta(width), wanted)
    return taken(rules, "native_layer_norm_backward", *args, **more)


def test_the_gradient_of_a_layer_norm_keeps_partial_sums_of_more_than_65536_rows_that_are_not_wide(rules):
    assert layer_norm(rules, 65536, 96) == []
    assert layer_norm(rules, 65537, 96) == 2 * [2049 * 96 * 4]  # 32 rows to a block
    assert layer_norm(rules, 400_000, 96) == 2 * [10922 * 96 * 4]  # 32,768 blocks, of which 3 side by side
    assert layer_norm(rules, 65537, 96, (True, True, False)) == [2049 * 96 * 4]
    assert layer_norm(rules, 65537, 96, version=(2, 7)) == []
    assert layer_norm(rules, 65537, 53 * 32) != []  # an A100 has 108 multiprocessors
    assert layer_norm(rules, 65537, 54 * 32) == []


def test_layer_norm_and_softmax_copy_what_is_not_contiguous(rules):
    x = OnGpu(6, 4)
    x.tensor = x.tensor.t()
    assert taken(rules, "native_layer_norm", x, [6], None, None, 1e-5) == [96]
    assert taken(rules, "_softmax", x, -1, False) == [96]
    assert taken(rules, "_log_softmax_backward_data", x, x, -1, torch.float32) == [96, 96]
    assert taken(rules, "_softmax", OnGpu(6, 4), -1, False) == []


def test_the_norms_of_many_tensors_keep_one_number_for_each_chunk_of_the_largest(rules):
    few = [OnGpu(65536), OnGpu(10)]
    assert taken(rules, "_foreach_norm.Scalar", few) == [2 * 4]
    assert taken(rules, "_foreach_norm.Scalar", [OnGpu(65537), OnGpu(10)]) == [2 * 2 * 4]


def test_the_gradient_of_a_group_norm_keeps_sums_per_channel_and_group(rules):
    args = (meta(1), meta(2, 32, 8, 8), None, None, None, 2, 32, 64, 4)
    assert taken(rules, "native_group_norm_backward", *args) == [2 * 32 * 4] * 3 + [2 * 4 * 4] * 2
    wide = (meta(1), meta(2, 32, 8, 8, dtype=torch.float64), *args[2:])
    assert taken(rules, "native_group_norm_backward", *wide)[0] == 2 * 32 * 8


def test_the_gradient_of_a_distance_has_a_buffer_of_pairs_and_dimensions(rules):
    x, y = meta(3, 20, 5), meta(3, 30, 5)
    assert taken(rules, "_cdist_backward", meta(1), x, y) == [3 * 20 * 30 * 5 * 4]
    assert taken(rules, "_pdist_backward", meta(1), meta(20, 5)) == [19 * 20 * 5 * 4]


def convolution(x, weight, *, transposed=False, groups=1, stride=(2, 2), padding=(1, 1)):
    return x, weight, None, list(stride), list(padding), [1, 1], transposed, [0, 0], groups


@pytest.mark.parametrize(
    ("x", "capability", "guesses"),
    [
        (OnGpu(2, 4, 9, 9, dtype=torch.float16), (7, 0), True),
        (OnGpu(2, 4, 9, 9, dtype=torch.float16, last=True), (7, 0), False),  # tensor cores take it as it is
        (OnGpu(2, 4, 9, 9), (8, 0), True),  # TF32
        (OnGpu(2, 4, 9, 9), (7, 5), False),  # none before Ampere
        (OnGpu(2, 4, 9, 9, dtype=torch.float16), (6, 0), False),  # no tensor cores at all
    ],
)
def test_a_convolution_is_transposed_where_tensor_cores_want_another_layout(rules, x, capability, guesses):
    weight = meta(8, 4, 3, 3, dtype=x.dtype)
    found = taken(rules, "convolution", *convolution(x, weight), capability=capability)
    size = x.element_size()
    assert found == ([(2 * 4 * 81 + 2 * 8 * 25 + 8 * 4 * 9) * size] if guesses else [])  # 9 -> (9 + 2 - 3) // 2 + 1


def test_full_precision_asked_for_in_the_new_way_is_no_tf32(rules):
    if not hasattr(torch.backends, "fp32_precision"):
        pytest.skip("torch 2.9 brought the new switches")
    args, before = convolution(OnGpu(2, 4, 9, 9), meta(8, 4, 3, 3)), torch.backends.cudnn.conv.fp32_precision
    try:
        torch.backends.cudnn.conv.fp32_precision = "ieee"
        assert taken(rules, "convolution", *args) == []
        torch.backends.cudnn.conv.fp32_precision = "tf32"
        assert len(taken(rules, "convolution", *args)) == 1
    finally:
        torch.backends.cudnn.conv.fp32_precision = before


def test_a_transposed_convolution_makes_more_and_a_depthwise_one_is_not_transposed(rules):
    x, weight = OnGpu(2, 8, 5, 5, dtype=torch.float16), meta(8, 4, 3, 3, dtype=torch.float16)
    (found,) = taken(rules, "convolution", *convolution(x, weight, transposed=True))
    assert found == (2 * 8 * 25 + 2 * 4 * 100 + 8 * 4 * 9) * 2
    depthwise = convolution(x, meta(8, 1, 3, 3, dtype=torch.float16), groups=8)
    assert taken(rules, "convolution", *depthwise) == []


def test_the_gradient_of_a_convolution_transposes_both_sides_for_one_result_at_a_time(rules):
    x, weight, gradient = OnGpu(2, 4, 9, 9), meta(8, 4, 3, 3), OnGpu(2, 8, 5, 5)
    args = (gradient, x, weight, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, [True, True, True])
    assert taken(rules, "convolution_backward", *args) == [(2 * 8 * 25 + 2 * 4 * 81 + 8 * 4 * 9) * 4]


@pytest.mark.parametrize(
    ("shape", "stride", "groups", "said"),
    [
        ((32768, 64, 32, 32), 1, 64, True),  # 2^31
        ((32767, 64, 32, 32), 1, 64, False),
        ((32768, 64, 32, 32), 2, 64, True),  # its input is as large
        ((32768, 64, 32, 32), 1, 32, False),  # groups of two run elsewhere
    ],
)
def test_a_depthwise_convolution_that_torch_refuses_is_named(rules, shape, stride, groups, said):
    weight = OnGpu(64, 64 // groups, 3, 3)
    tracer = Asked(capability=T4)
    args = (OnGpu(*shape), weight, None, [stride] * 2, [1, 1], [1, 1], False, [0, 0], groups)
    assert not list(rules.AFTER["aten::convolution"](tracer, args))
    assert tracer.said == ([rules.DEPTHWISE] if said else [])


def test_a_convolution_of_two_thousand_million_numbers_is_cut_along_the_batch(rules):
    weight, half = meta(8, 8, 1, 1, dtype=torch.float16), torch.float16

    def forward(samples):
        x = OnGpu(samples, 8, 512, 512, dtype=half)  # 2^21 numbers each, in and out
        args = convolution(x, weight, stride=(1, 1), padding=(0, 0))
        gradients = (x, x, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, False])
        (found,) = taken(rules, "convolution", *args)
        assert taken(rules, "convolution_backward", *gradients) == [found]
        return found

    assert forward(1023) == 2 * 1023 * 2**21 * 2 + 8 * 8 * 2
    assert forward(1024) == 2 * 128 * 2**21 * 2 + 8 * 8 * 2


def test_the_search_for_the_fastest_convolution_is_named(rules, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    tracer, args = Asked(), convolution(OnGpu(2, 4, 9, 9), OnGpu(8, 4, 3, 3))
    list(rules.AFTER["aten::convolution"](tracer, args))
    assert "cudnn.benchmark" in tracer.said[0]


def test_a_convolution_copies_what_is_laid_out_otherwise(rules):
    last, first = OnGpu(2, 4, 9, 9, last=True), OnGpu(2, 4, 9, 9)
    weight, weight_last = OnGpu(8, 4, 3, 3), OnGpu(8, 4, 3, 3, last=True)

    def copied(operator, *args):
        tracer = Asked()
        assert taken(rules, operator, *args, tracer=tracer) == []
        copy, end = tracer.events
        assert end == ("free", copy[1])
        return copy

    assert copied("convolution", *convolution(last, weight)) == ("aten::contiguous", 8 * 4 * 9 * 4)
    assert copied("convolution", *convolution(first, weight_last)) == ("aten::contiguous", 2 * 4 * 81 * 4)
    gradient = OnGpu(2, 8, 5, 5)
    args = (gradient, last, weight_last, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False])
    assert copied("convolution_backward", *args) == ("aten::contiguous", 2 * 8 * 25 * 4)


def test_copies_are_gone_when_the_bias_is_summed(rules):
    x, weight, gradient = OnGpu(16, 4, 32, 32, last=True), OnGpu(128, 4, 3, 3), OnGpu(16, 128, 32, 32, last=True)
    args = (gradient, x, weight, [128], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, True])
    tracer = Asked()
    list(rules.AFTER["aten::convolution_backward"](tracer, args))
    of_weight, summed = 128 * 4 * 9 * 4, 4 * 128 * 256 * 32 * 4 + 4
    assert tracer.events == [
        ("aten::contiguous", of_weight), ("free", of_weight), ("aten::sum", summed), ("free", summed),
    ]  # fmt: skip


def test_only_what_is_told_as_the_convolutions_own_can_be_left_out(rules):
    """A copy of another layout is none of the memory that cuDNN can do without."""
    from reproof.vram.timeline import Timeline

    places = [["aten::convolution", "forward", "", ""], [rules.LAYOUT, "forward", "", ""]]
    told = {"events": [0, 10, 1, 20, 0, -1, 1, -1], "places": places, "place_of": [0, 1], "owners": {},
            "kinds": {"0": "workspace", "1": "workspace"}, "uncalibrated": list(rules.UNCALIBRATED),
            "marks": [["step 1", 0], ["end", 4]]}  # fmt: skip
    line = Timeline.read(told)
    assert line.other_algorithms() == {0}
    assert line.kinds == ["workspace, a guess", "workspace"]


def test_the_bias_of_a_convolution_in_nhwc_is_summed_in_a_buffer_that_counts_where_it_is_larger(rules):
    x, weight, gradient = (OnGpu(*s, last=True) for s in ((16, 4, 32, 32), (128, 4, 1, 1), (16, 128, 32, 32)))
    args = (gradient, x, weight, [128], [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    # 16,384 inputs over blocks of 32 x 4 with 4 outputs each: 4,096 values, so 256 blocks (108 * 16 = 1,728 fit)
    assert taken(rules, "convolution_backward", *args, [True, True, True]) == [4 * 128 * 256 * 32 * 4 + 4]
    assert taken(rules, "convolution_backward", *args, [True, True, False]) == []


def test_a_measured_share_replaces_the_guess(rules):
    rule = {"dtype": "half", "layout": "channels_last", "direction": "forward", "median_frac": 0.5}
    x, weight = OnGpu(2, 4, 9, 9, dtype=torch.float16, last=True), meta(8, 4, 3, 3, dtype=torch.float16)
    found = taken(rules, "convolution", *convolution(x, weight), constants={"convolutions": [rule]})
    assert found == [(2 * 4 * 81 + 2 * 8 * 25 + 8 * 4 * 9) * 2 // 2]


@pytest.mark.parametrize(
    ("capability", "version", "mib"),
    [((9, 0), (2, 4), 32), ((8, 9), (2, 13), 8.125), ((10, 0), (2, 10), 8.125), ((10, 0), (2, 11), 32)],
)
def test_cublas_takes_what_its_source_says(rules, capability, version, mib, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    assert rules.blas_bytes(capability, version) == mib * 2**20


def test_cublas_takes_what_the_environment_asks_for(rules, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:2:16:8")
    assert rules.blas_bytes((9, 0), (2, 13)) == 2 * 4096 * 1024 + 8 * 16 * 1024


def test_a_question_about_a_tensor_moves_nothing_and_an_operator_does():
    from reproof.vram.child.work import Work

    x, work = meta(100, 10), Work()
    for question, args in ((torch.ops.aten.is_same_size.default, (x, x)), (torch.ops.prim.device.default, (x,))):
        work.add(question, args, {}, True, "meta")
    assert work.rows() == []
    work.add(torch.ops.aten.add.Tensor, (x, x), {}, x, "meta")
    assert work.rows() == [["fp32", 0, 3 * 4000, 1]]


def flops_of_a_gradient(groups, wanted=(True, True, False), transposed=False):
    from reproof.vram.child.work import Work

    work, x, gradient = Work(), meta(2, 8, 5, 5), meta(2, 8, 5, 5)
    weight = meta(8, 8 // groups, 3, 3)
    args = (gradient, x, weight, None, [1, 1], [1, 1], [1, 1], transposed, [0, 0], groups, list(wanted))
    out = tuple(each if keep else None for each, keep in zip((x, weight, None), wanted, strict=True))
    work.add(torch.ops.aten.convolution_backward.default, args, {}, out, "meta")
    ((_, flops, _, _),) = work.rows()
    return flops


def test_the_gradients_of_a_convolution_cost_what_its_forward_did_groups_or_not():
    forward = 2 * 2 * 25 * (8 * 8 * 9)  # a product and a sum, for each place of each image and each weight
    assert flops_of_a_gradient(1) == 2 * forward
    assert flops_of_a_gradient(8) == 2 * forward // 8
    assert flops_of_a_gradient(1, (False, True, False)) == forward
    assert flops_of_a_gradient(8, transposed=True) == 2 * forward // 8


def test_without_groups_torchs_own_formula_says_the_same():
    from torch.utils.flop_counter import conv_backward_flop

    torchs = conv_backward_flop.__wrapped__ if hasattr(conv_backward_flop, "__wrapped__") else conv_backward_flop
    shapes = ((2, 8, 5, 5), (2, 8, 5, 5), (8, 8, 3, 3))
    out = (shapes[1], shapes[2], None)
    flops = torchs(*shapes, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False], out_shape=out)
    assert flops == flops_of_a_gradient(1)
