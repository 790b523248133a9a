"""What a counted network computes and moves: rows worked out by hand, and the range they become."""

import pytest

from reproof.vram.clock import GAP_S, LEAST_S, step_time
from reproof.vram.gpus import find
from reproof.vram.models import GpuFit
from reproof.vram.nets import Layer, Net, checkpointed
from reproof.vram.states import WIDTHS, state
from reproof.vram.step import kept_bytes, moments
from reproof.vram.workload import between, epsilon_steps, flow_time, flow_work, told, training_time, training_work

LINEAR = Net("one", (Layer("linear", params=1000, matmul=10, flops=2000, ops=1),), inputs=0)
BLOCK = Net("block", (Layer("b", params=1000, matmul=60, flops=2000, scores=400, ops=4, enters=10),), inputs=0)
CARD = find("T4")


def work(net, precision="fp32", micro_batch=8, accumulate=1, passes=6.0, optimizer="adam", update="foreach", **more):
    kept = state(net.params, optimizer, precision, ema=more.get("ema", False))
    frozen = more.get("frozen", ())
    return training_work(net, kept, precision, micro_batch, accumulate, passes, optimizer, update, frozen)


def flops(rows):
    return sum(flops * count for _, flops, _, count in rows)


def moved(rows):
    return sum(moved * count for _, _, moved, count in rows)


def test_a_step_computes_its_products_three_times():
    assert flops(work(LINEAR)) == 3 * 8 * 2000  # forward, gradient of the input, gradient of the weight


def test_fused_attention_computes_half_of_its_scores_once_more():
    assert flops(work(BLOCK)) == 8 * (3 * 2000 + 0.5 * 400)


def test_checkpointing_computes_the_forward_twice_and_moves_a_third_more():
    plain, again = work(BLOCK), work(checkpointed(BLOCK))
    assert flops(again) - flops(plain) == 8 * 2000
    fixed = moved(work(BLOCK, passes=0.0))  # weights and the update
    assert moved(again) - fixed == pytest.approx(4 / 3 * (moved(plain) - fixed))


def test_bytes_are_passes_over_what_is_saved_the_weights_and_the_update():
    # saved: 8 samples x 10 numbers x 4 bytes; weights read twice and their gradient written; Adam's 19 tensors
    assert moved(work(LINEAR)) == pytest.approx(6 * 320 + 3 * 4000 + 19 * 4000)
    assert moved(work(LINEAR, update="fused")) == pytest.approx(6 * 320 + 3 * 4000 + 7 * 4000)
    assert moved(work(LINEAR, optimizer="sgd")) == pytest.approx(6 * 320 + 3 * 4000 + 3 * 4000)


@pytest.mark.parametrize(
    ("optimizer", "update", "tensors", "kernels"),
    [
        ("momentum", "foreach", 8, 8),  # v *= m; v += g; p -= lr v: two, three and three
        ("adamw", "foreach", 21, 21),  # Adam's 19, and the decay reads and writes the weights
        ("momentum", "fused", 5, 1),  # reads weight, gradient, moment; writes two of them
        ("adamw", "fused", 7, 1),
        ("adam8bit", "foreach", 4, 4),  # weight and gradient, the weight again; the two moments are a byte each
    ],
)
def test_an_update_reads_and_writes_so_many_tensors(optimizer, update, tensors, kernels):
    form, flops, size, count = work(LINEAR, optimizer=optimizer, update=update)[-1]
    assert (form, flops, size * count, count) == ("fp32", 0, tensors * 4000, kernels)


def test_master_weights_are_what_an_update_of_16_bit_weights_reads():
    assert work(LINEAR, "bf16-master", update="fused")[-1][2] == 7 * 4000


def test_kernels_of_a_layer_run_forward_and_twice_backward():
    def kernels(net):
        return sum(count for _, _, _, count in work(net, update="fused")) - 1

    assert kernels(BLOCK) == 3 * 4  # with its product
    assert kernels(checkpointed(BLOCK)) == 4 * 4


def test_a_layer_without_products_moves_what_it_moves_in_so_many_kernels():
    norm = Net("norm", (Layer("norm", params=1000, matmul=10, ops=4),), inputs=0)
    *_, (_, flops, size, count), _ = work(norm)
    assert (flops, count) == (0, 12)
    assert size * count == pytest.approx(6 * 320 + 3 * 4000)


def test_a_frozen_network_moves_a_third_of_a_trained_ones_bytes_and_its_weights_once():
    saved = 8 * kept_bytes(LINEAR.layers[0], WIDTHS["fp32"])
    assert moved(work(BLOCK, frozen=[LINEAR])) - moved(work(BLOCK)) == pytest.approx(6 / 3 * saved + 4000)


def test_an_average_of_the_weights_is_read_twice_and_written():
    assert moved(work(LINEAR, ema=True)) - moved(work(LINEAR)) == pytest.approx(3 * 4000)


def test_accumulation_repeats_everything_but_the_update():
    once, thrice = work(LINEAR), work(LINEAR, accumulate=3)
    assert flops(thrice) == 3 * flops(once)
    assert moved(thrice) - moved(once) == pytest.approx(2 * (6 * 320 + 3 * 4000))


def test_a_frozen_network_computes_its_forward_only():
    assert flops(work(LINEAR, frozen=[BLOCK])) - flops(work(LINEAR)) == 8 * 2000


@pytest.mark.parametrize(
    ("precision", "convolution", "form"),
    [("fp32", 0, "fp32"), ("fp32", 5, "tf32"), ("amp-bf16", 5, "half"), ("bf16", 0, "half")],
)
def test_products_run_in_the_format_that_torch_takes_by_default(precision, convolution, form):
    net = Net("one", (Layer("l", params=10, matmul=10, flops=100, convolution=convolution),), inputs=0)
    assert {row[0] for row in work(net, precision) if row[1]} == {form}


def test_a_range_runs_from_the_least_work_to_the_most():
    least, most = [["fp32", 8.1e12, 0, 1]], [["fp32", 2 * 8.1e12, 0, 1]]
    time = between(CARD, least, most, 10, "x")
    assert (time.low_s, time.run_low_s) == (pytest.approx(1), pytest.approx(10))
    assert (time.high_s, time.run_high_s) == (pytest.approx(2 / 0.3, rel=1e-4), pytest.approx(20 / 0.3, rel=1e-4))
    assert between(find("24GiB"), least, most, 10, "x") is None


def test_both_ends_are_multiplied_by_what_an_update_repeats():
    once, thrice = (step_time(CARD, [["fp32", 8.1e12, 0, 1]], steps=2, per_step=n) for n in (1, 3))
    assert (thrice.low_s, thrice.high_s) == (pytest.approx(3 * once.low_s), pytest.approx(3 * once.high_s))
    assert thrice.run_low_s == pytest.approx(6 * once.low_s)


def test_a_kernel_with_nothing_to_do_still_takes_its_time():
    time = step_time(CARD, [["fp32", 0, 0, 100]])
    assert (time.low_s, time.high_s) == (pytest.approx(100 * LEAST_S), pytest.approx(100 * GAP_S))


def test_the_words_come_with_the_time_and_not_without():
    bare = GpuFit(gpu="T4", usable_bytes=1, needed_bytes=1, used_frac=1, verdict="tight")
    assert told(bare, None) == bare
    kept = state(1000)
    time = training_time(CARD, LINEAR, kept, "fp32", 8, 1, "adam", "foreach", 5)
    (note,) = told(bare, time).notes
    assert "one update takes" in note
    assert time.run_high_s == pytest.approx(5 * time.high_s)


@pytest.mark.parametrize(
    ("diameter", "blur", "scaling", "steps"),
    [(0.05, 0.05, 0.5, 2), (0.1, 0.05, 0.5, 3), (0.2, 0.05, 0.5, 4), (1.0, 0.05, 0.5, 7), (1.0, 0.05, 0.9, 31)],
)
def test_the_epsilon_steps_are_geomlosses(diameter, blur, scaling, steps):
    assert epsilon_steps(diameter, blur, scaling) == steps


def test_a_flow_step_makes_four_softmins_per_epsilon_step():
    rows = flow_work(n=100, d=3, steps=2, iterations=7, passes=5.0)
    products, softmins = rows
    assert products[1] * products[3] == 2 * 6 * 2 * 100 * 100 * 3  # four cost matrices and two gradients, twice
    assert softmins[2] * softmins[3] == pytest.approx(2 * 4 * (7 + 3) * 5.0 * 4 * 100 * 100)
    assert softmins[3] == 2 * 4 * (7 + 3) * 10
    assert products[2] == 4 * (100 * 100 + 2 * 100 * 3)  # the matrix, and both clouds


def test_the_range_of_a_flow_is_from_clouds_of_diameter_one_to_the_corners_of_the_cube():
    n, d = 20_000, 25  # 10 = 2 sqrt(25) across; 1.6 GB a matrix, so that nothing fits the cache
    time = flow_time(CARD, n, d, steps=1, batches=3)
    low, high = (step_time(CARD, flow_work(n, d, 1, *each), 3) for each in ((7, 5), (10, 8)))
    assert epsilon_steps(10, 0.05, 0.5) == 10
    assert (time.low_s, time.run_low_s, time.high_s) == (low.low_s, low.run_low_s, high.high_s)
    assert "7 to 10 epsilon steps" in time.source


# ---- moments of a step that only torch checked before


def test_with_accumulation_all_gradients_are_there_from_the_start():
    net = Net("two", (Layer("a", params=5), Layer("b", params=7)), inputs=0)
    gradients = {flag: [each.gradients for each in moments(net, state(12), WIDTHS["fp32"], 1, accumulates=flag)]
                 for flag in (False, True)}  # fmt: skip
    assert gradients == {False: [28, 48, 48], True: [48, 48, 48]}


def test_a_skips_gradient_lives_from_its_use_back_to_its_source():
    net = Net("u", (Layer("down", skip=10), Layer("middle"), Layer("up", skip=-10)), inputs=0)
    up, middle, down, _ = moments(net, state(1), WIDTHS["fp32"], 2, accumulates=False)
    assert (up.in_flight, middle.in_flight, down.in_flight) == (80, 80, 80)
    before = Net("u", (Layer("first"), *net.layers), inputs=0)
    assert moments(before, state(1), WIDTHS["fp32"], 2, accumulates=False)[3].in_flight == 0
