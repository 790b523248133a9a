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


def taken(rules, operator, *args, capability=(8, 0), constants=None):
    tracer = SimpleNamespace(target=SimpleNamespace(capability=capability), constants=constants or {})
    rule = {**rules.BEFORE, **rules.AFTER}[f"aten::{operator}"]
    return list(rule(tracer, args))


def meta(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device="meta")


def test_a_sort_of_more_than_4096_numbers_takes_keys_and_indices_twice(rules):
    assert taken(rules, "sort", OnGpu(4096)) == []
    assert taken(rules, "sort", OnGpu(4097)) == [2 * 4097 * 4 + 2 * 4097 * 8]


def test_the_gradient_of_an_embedding_sorts_more_than_3072_indices(rules):
    gradient = meta(1)
    assert taken(rules, "embedding_dense_backward", gradient, meta(3072, dtype=torch.int64)) == []
    index = meta(3073, dtype=torch.int64)
    assert taken(rules, "embedding_dense_backward", gradient, index) == 4 * [3073 * 8]


def test_the_gradient_of_a_layer_norm_keeps_64_partial_sums_of_weight_and_bias(rules):
    assert taken(rules, "native_layer_norm_backward", meta(512, 96), meta(512, 96), [96]) == []
    assert taken(rules, "native_layer_norm_backward", meta(513, 96), meta(513, 96), [96]) == [2 * 64 * 96 * 4]


def test_the_gradient_of_a_group_norm_keeps_sums_per_channel_and_group(rules):
    args = (meta(1), meta(2, 32, 8, 8), None, None, None, 2, 32, 64, 4)
    assert taken(rules, "native_group_norm_backward", *args) == [2 * 32 * 4] * 3 + [2 * 4 * 4] * 2
    wide = (meta(1), meta(2, 32, 8, 8, dtype=torch.float64), *args[2:])
    assert taken(rules, "native_group_norm_backward", *wide)[0] == 2 * 32 * 8


def test_the_gradient_of_a_distance_has_a_buffer_of_pairs_and_dimensions(rules):
    x, y = meta(3, 20, 5), meta(3, 30, 5)
    assert taken(rules, "_cdist_backward", meta(1), x, y) == [3 * 20 * 30 * 5 * 4]
    assert taken(rules, "_pdist_backward", meta(1), meta(20, 5)) == [19 * 20 * 5 * 4]


def test_flash_attention_backward_keeps_sums_and_a_wide_gradient_of_the_query(rules):
    query, key = (meta(2, heads, 100, 40, dtype=torch.float16) for heads in (8, 8))
    rows = 2 * 8 * 128  # length in steps of 128, width in steps of 32
    assert taken(rules, "_scaled_dot_product_flash_attention_backward", meta(1), query, key) == [
        rows * 4, rows * 64 * 4,
    ]  # fmt: skip
    grouped = meta(2, 2, 100, 40, dtype=torch.float16)
    assert taken(rules, "_scaled_dot_product_flash_attention_backward", meta(1), query, grouped)[2:] == [
        2 * 2 * 100 * 8 * 40 * 2
    ]


def test_the_other_attentions_keep_what_their_kernels_do(rules):
    query = meta(2, 8, 100, 40, dtype=torch.float16)
    assert taken(rules, "_scaled_dot_product_efficient_attention_backward", meta(1), query) == [2 * 8 * 100 * 4]
    assert taken(rules, "_scaled_dot_product_cudnn_attention_backward", meta(1), query) == [
        2 * 8 * 100 * 4, 2 * 8 * 100 * 40 * 4,
    ]  # fmt: skip


def convolution(x, weight, *, transposed=False, groups=1, stride=(2, 2), padding=(1, 1)):
    return x, weight, None, list(stride), list(padding), [1, 1], transposed, [0, 0], groups


@pytest.mark.parametrize(
    ("x", "capability", "guesses"),
    [
        (OnGpu(2, 4, 9, 9, dtype=torch.float16), (7, 0), True),
        (OnGpu(2, 4, 9, 9, dtype=torch.float16, last=True), (7, 0), False),  # tensor cores take it as it is
        (OnGpu(2, 4, 9, 9), (8, 0), True),  # TF32
        (OnGpu(2, 4, 9, 9), (7, 5), False),  # none before Ampere
    ],
)
def test_a_convolution_is_transposed_where_tensor_cores_want_another_layout(rules, x, capability, guesses):
    weight = meta(8, 4, 3, 3, dtype=x.dtype)
    found = taken(rules, "convolution", *convolution(x, weight), capability=capability)
    size = x.element_size()
    assert found == ([(2 * 4 * 81 + 2 * 8 * 25 + 8 * 4 * 9) * size] if guesses else [])  # 9 -> (9 + 2 - 3) // 2 + 1


def test_a_transposed_convolution_makes_more_and_a_depthwise_one_is_not_transposed(rules):
    x, weight = OnGpu(2, 8, 5, 5, dtype=torch.float16), meta(8, 4, 3, 3, dtype=torch.float16)
    (found,) = taken(rules, "convolution", *convolution(x, weight, transposed=True))
    assert found == (2 * 8 * 25 + 2 * 4 * 100 + 8 * 4 * 9) * 2
    depthwise = convolution(x, meta(8, 1, 3, 3, dtype=torch.float16), groups=8)
    assert taken(rules, "convolution", *depthwise) == []


def test_the_gradient_of_a_convolution_transposes_both_sides_and_keeps_two_weights(rules):
    x, weight, gradient = OnGpu(2, 4, 9, 9), meta(8, 4, 3, 3), meta(2, 8, 5, 5)
    args = (gradient, x, weight, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1)
    assert taken(rules, "convolution_backward", *args) == [(2 * 8 * 25 + 2 * 4 * 81 + 2 * 8 * 4 * 9) * 4]


def test_a_measured_share_replaces_the_guess(rules):
    rule = {"dtype": "half", "layout": "channels_last", "direction": "forward", "median_frac": 0.5}
    x, weight = OnGpu(2, 4, 9, 9, dtype=torch.float16, last=True), meta(8, 4, 3, 3, dtype=torch.float16)
    found = taken(rules, "convolution", *convolution(x, weight), constants={"convolutions": [rule]})
    assert found == [(2 * 4 * 81 + 2 * 8 * 25 + 8 * 4 * 9) * 2 // 2]


@pytest.mark.parametrize(
    ("capability", "version", "mib"),
    [((9, 0), (2, 4), 32), ((8, 9), (2, 13), 8.125), ((10, 0), (2, 7), 8.125), ((10, 0), (2, 8), 32)],
)
def test_cublas_takes_what_its_source_says(rules, capability, version, mib):
    assert rules.blas_bytes(capability, version) == mib * 2**20


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
