"""What attention kernels allocate inside, by hand from the sources' formulas, and which kernel is chosen."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="the rules read torch's tensors")
pytestmark = pytest.mark.torch
HALF = torch.float16
H200, A100, RTX, T4 = (9, 0), (8, 0), (8, 6), (7, 5)


@pytest.fixture(scope="module")
def inner():
    from reproof.vram.child import inner

    return inner


def tracer(capability, version=(2, 13)):
    return SimpleNamespace(target=SimpleNamespace(capability=capability, name=""), torch_version=version)


def heads(batch, count, length, width, dtype=HALF):
    """As models make them: the heads side by side in memory."""
    return torch.empty(batch, length, count, width, dtype=dtype, device="meta").transpose(1, 2)


def backward(rule, query, key=None, value=None, capability=A100, gradient=None, dropout=0.0, version=(2, 13), out=None):
    key = query if key is None else key
    value = key if value is None else value
    gradient = query if gradient is None else gradient
    out = query if out is None else out
    place = 9 if rule.__name__ == "efficient_backward" else 10
    args = [gradient, query, key, value, *[out] * (place - 4), dropout]
    return list(rule(tracer(capability, version), args))


def test_flash_backward_keeps_sums_and_a_wide_gradient_of_the_query(inner):
    query, rows = heads(2, 8, 100, 40), 2 * 8 * 128  # length in steps of 128, width in steps of 32
    assert backward(inner.flash_backward, query) == [rows * 4, rows * 64 * 4]
    grouped = backward(inner.flash_backward, query, heads(2, 2, 100, 40))
    assert grouped[2:] == 2 * [2 * 100 * 8 * 40 * 2]


@pytest.mark.parametrize(
    ("width", "version", "padded"),
    [
        (72, (2, 13), 96),
        (128, (2, 13), 128),
        (136, (2, 13), 192),
        (136, (2, 7), 160),
        (200, (2, 7), 256),
        (200, (2, 13), 256),
    ],
)
def test_flash_pads_a_head_in_steps_of_32_up_to_128_and_of_64_above(inner, width, version, padded):
    found = backward(inner.flash_backward, heads(1, 1, 128, width), version=version)
    assert found == [128 * 4, 128 * padded * 4]


def test_a_gradient_whose_heads_are_not_side_by_side_is_copied(inner):
    query = heads(2, 8, 128, 64)
    for rule in (inner.flash_backward, inner.efficient_backward):
        plain = backward(rule, query)
        assert backward(rule, query, gradient=query.contiguous()) == [2 * 8 * 128 * 64 * 2, *plain]
    size, plain = 2 * 8 * 128 * 64 * 2, backward(inner.flash_backward, query)
    assert backward(inner.flash_backward, query, out=query.contiguous()) == [
        size,
        *plain,
    ]  # flash's own is as the query


def test_deterministic_flash_keeps_as_many_gradients_as_fill_the_gpu(inner):
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        found = backward(inner.flash_backward, heads(2, 8, 128, 64))
    finally:
        torch.use_deterministic_algorithms(before)
    assert found[1] == 7 * 2 * 8 * 128 * 64 * 4  # 108 multiprocessors over 16 heads


def test_flash_cuts_the_keys_where_the_queries_leave_the_gpu_empty(inner):
    def forward(batch, dropout=0.0):
        query = heads(batch, 12, 1024, 64)
        return list(inner.flash_forward(tracer(A100), (query, query, query, dropout)))

    assert forward(1) == []  # 12 heads x 16 blocks of queries = 192, over 0.8 * 216
    query = heads(1, 12, 512, 64)  # 96 blocks, 2 blocks of 256 keys: 96 and 192 of 216
    assert list(inner.flash_forward(tracer(A100), (query, query, query, 0.0))) == [
        2 * 12 * 512 * 4, 2 * 12 * 512 * 64 * 4,
    ]  # fmt: skip
    assert list(inner.flash_forward(tracer(A100), (query, query, query, 0.1))) == []


def test_the_number_of_parts_fills_the_gpu_and_is_the_smallest_that_does(inner):
    assert inner.splits(173, 216, 8) == 1  # 0.8 * 216 = 172.8
    assert inner.splits(172, 216, 8) == 1  # 2 parts: 344 of 432 = 0.7963, as 172 of 216
    assert inner.splits(48, 108, 4) == 2  # the source's own example: 0.89 against 0.67 for 3
    assert inner.splits(180, 216, 6) == 1  # 6 parts would fill it wholly: not tried above 0.8
    assert inner.splits(1, 216, 1) == 1
    assert inner.splits(8, 10, 5) == 1  # 0.8 * 10; below it 5 parts would fill it wholly
    assert inner.splits(1, 4000, 4000) == 109  # of 128 at most: 0.85 of them are 108.8


@pytest.mark.parametrize(
    ("length", "width", "parts"),
    [(256, 64, 1), (257, 64, 2), (256, 65, 2), (128, 128, 1), (129, 128, 2), (128, 129, 2)],
)
def test_a_block_of_keys_is_256_wide_for_small_heads_128_and_64_for_large(inner, length, width, parts):
    query = heads(1, 2, length, width)
    found = list(inner.flash_forward(tracer(A100), (query, query, query, 0.0)))
    assert (found[0] if found else 0) == (parts * 2 * length * 4 if parts > 1 else 0)


def test_memory_efficient_backward_keeps_the_querys_gradient_in_fp32_in_tiles(inner):
    tile = 16 + 64 * 64 * 4  # with its lock
    sums = 2 * 8 * 100 * 4
    assert backward(inner.efficient_backward, heads(2, 8, 100, 40)) == [sums, 2 * 8 * 2 * tile]
    assert backward(inner.efficient_backward, heads(2, 8, 128, 64)) == [2 * 8 * 128 * 4, 2 * 8 * 2 * tile]
    assert backward(inner.efficient_backward, heads(2, 8, 129, 64))[1] == 2 * 8 * 3 * tile
    assert backward(inner.efficient_backward, heads(2, 8, 100, 40), capability=T4) == [sums, 2 * 8 * 2 * tile]
    pascal = backward(inner.efficient_backward, heads(2, 8, 100, 40), capability=(6, 0))
    assert pascal == [sums, 0]  # keys are not split before capability 7.0


def test_memory_efficient_backward_in_fp32_makes_the_whole_product_for_its_row_sums(inner):
    found = backward(inner.efficient_backward, heads(8, 12, 1024, 64, torch.float32))
    sums = 8 * 12 * 1024 * 4
    assert found == [sums, sums * 64 + sums]  # a tile's lock is 16 bytes, a row sum for its 64 rows 256
    short = backward(inner.efficient_backward, heads(1, 1, 1, 64, torch.float32))
    assert short == [4, 16 + 64 * 64 * 4]


@pytest.mark.parametrize(
    ("width", "half", "dropout", "capability", "tiles"),
    [
        (64, True, False, A100, (64, 64, True)),
        (96, True, False, RTX, (128, 64, True)),
        (96, True, True, RTX, (64, 64, False)),
        (97, True, False, A100, (128, 128, True)),
        (129, True, False, A100, (128, 64, False)),
        (128, True, False, RTX, (64, 64, False)),
        (128, True, False, T4, (64, 64, False)),
        (64, False, False, A100, (64, 64, False)),
        (65, False, False, H200, (128, 64, False)),
        (65, False, False, T4, (64, 64, False)),
        (128, True, False, A100, (128, 128, True)),
        (97, True, False, (7, 0), (128, 64, True)),
        (65, False, False, (10, 0), (128, 64, False)),
    ],
)
def test_the_tiles_are_those_of_the_first_kernel_that_fits(inner, width, half, dropout, capability, tiles):
    assert inner.tiles(width, half, dropout, capability) == tiles


def test_gradients_of_keys_that_do_not_stay_in_registers_are_kept_in_fp32_for_every_part(inner):
    query = heads(2, 8, 256, 128)
    _, found = backward(inner.efficient_backward, query, capability=RTX)
    tiles = 4 * 2 * (16 + 64 * 64 * 4)
    assert found == 16 * (tiles + 4 * 64 * (128 + 128) * 4)  # 4 parts of 64 keys; 200 // 16 = 12 would do
    many = heads(101, 2, 256, 128)
    _, found = backward(inner.efficient_backward, many, capability=RTX)
    assert found == 202 * (tiles + 64 * (128 + 128) * 4)  # 200 // 202: one part


def test_memory_efficient_forward_keeps_an_output_in_fp32_above_128(inner):
    for width, dtype, taken in ((128, HALF, []), (136, HALF, [2 * 8 * 10 * 136 * 4]), (136, torch.float32, [])):
        query = heads(2, 8, 10, width, dtype)
        assert list(inner.efficient_forward(tracer(A100), (query, query, query))) == taken


def test_cudnn_backward_takes_one_workspace_of_row_sums_and_the_querys_gradient(inner):
    query = heads(2, 8, 100, 40)
    plain = 2 * 8 * 100 * 4 + 2 * 8 * 100 * 40 * 4
    assert backward(inner.cudnn_backward, query) == [plain]
    assert backward(inner.cudnn_backward, query, heads(2, 2, 100, 40)) == [plain + 2 * 2 * 8 * 100 * 40 * 2]


def kernel(query, key=None, *, capability=H200, dropout=0.0, grouped=False, version=(2, 13)):
    from reproof.vram.child import attention

    key = query if key is None else key
    asked = tracer(capability, version)
    return attention.choose(asked, attention._Call(asked, query, key, key, None, dropout, False), grouped)


def test_hopper_takes_cudnn_first_and_others_flash(monkeypatch):
    monkeypatch.delenv("TORCH_CUDNN_SDPA_DEPRIORITIZED", raising=False)
    query = heads(2, 8, 128, 64)
    assert kernel(query) == "cudnn"
    assert kernel(query, version=(2, 9)) == "flash"
    assert kernel(query, capability=A100) == "flash"
    assert kernel(query, capability=T4) == "efficient"
    monkeypatch.setenv("TORCH_CUDNN_SDPA_DEPRIORITIZED", "1")
    assert kernel(query) == "flash"


def test_cudnn_is_passed_over_where_it_cannot(monkeypatch):
    monkeypatch.delenv("TORCH_CUDNN_SDPA_DEPRIORITIZED", raising=False)
    assert kernel(heads(2, 8, 128, 136)) == "flash"
    assert kernel(heads(65535, 1, 2, 8)) == "cudnn"
    assert kernel(heads(65536, 1, 2, 8)) == "flash"
    assert kernel(heads(2, 8, 128, 64), dropout=0.1) == "flash"
    assert kernel(heads(2, 8, 128, 64), dropout=0.1, version=(2, 11)) == "cudnn"
    assert kernel(heads(2, 8, 1, 64), heads(2, 8, 128, 64), dropout=0.125) == "flash"
    assert kernel(heads(2, 8, 1, 64), heads(2, 8, 128, 64)) == "cudnn"


def test_an_older_cudnn_leaves_flash_first(monkeypatch):
    monkeypatch.delenv("TORCH_CUDNN_SDPA_DEPRIORITIZED", raising=False)
    query = heads(2, 8, 128, 64)
    for version, chosen in (((9, 10, 2), "flash"), ((9, 15, 0), "flash"), ((9, 15, 1), "cudnn")):
        built = SimpleNamespace(getCompileVersion=lambda version=version: version)
        monkeypatch.setattr(torch._C, "_cudnn", built, raising=False)
        assert kernel(query) == chosen


def test_deterministic_algorithms_leave_cudnn_out(monkeypatch):
    monkeypatch.delenv("TORCH_CUDNN_SDPA_DEPRIORITIZED", raising=False)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        assert kernel(heads(2, 8, 128, 64)) == "flash"
    finally:
        torch.use_deterministic_algorithms(before)


INDEXING = """
import torch


def build():
    x = torch.zeros(4096, 64, device="cuda", requires_grad=True)
    index = torch.zeros(8192, dtype=torch.int64, device="cuda")

    def step():
        x.grad = None
        x[index].sum().backward()

    return step
"""


def test_the_gradient_of_indexing_is_added_in_place(tmp_path):
    from reproof.vram import gpus
    from reproof.vram.allocator import MIB
    from reproof.vram.interpreter import Interpreter
    from reproof.vram.timeline import Timeline
    from reproof.vram.traced import TraceRequest

    (tmp_path / "step.py").write_text(INDEXING)
    with Interpreter(TraceRequest(target=f"{tmp_path / 'step.py'}:build", steps=1)) as interpreter:
        line = Timeline.read(interpreter.trace(gpus.find("A100 40GB"), {}))
    made = [size for what, _, size in line.events if what == "alloc"]
    assert made.count(MIB) == 2  # x and its gradient: no second gradient
    assert made.count(8192 * 8) == 5 and made.count(2 * 8192 * 8) == 1  # the indices, what sorting them takes


def test_keys_are_split_into_as_many_parts_as_make_200_with_batch_and_heads(inner):
    query = heads(2, 5, 3200, 136)  # 50 blocks of 64 keys, of which 200 / 10 = 20 parts are made
    gradient = 25 * 3 * (16 + 128 * 64 * 4) // 4  # tiles of 128 x 64 with their locks, in numbers
    parts = 20 * 64 * 2 * 256  # of keys and values, 136 wide in steps of 128
    assert backward(inner.efficient_backward, query)[1] == 10 * (gradient + parts) * 4
