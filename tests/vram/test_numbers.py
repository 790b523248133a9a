"""Single numbers of the closed form and of the allocator's model that a verdict turns on, each by hand."""

import dataclasses

import pytest

from reproof.vram import gpus
from reproof.vram.allocator import MIB, Settings, replay
from reproof.vram.calls import flow_budget
from reproof.vram.estimate import CONTEXT_BYTES, context_of, estimate, training
from reproof.vram.metrics import MetricRequest, metric
from reproof.vram.models import EstimateRequest, PlanRequest
from reproof.vram.nets import Again, Layer, Net
from reproof.vram.plan import budgets
from reproof.vram.sinkhorn import velocity_ways
from reproof.vram.states import WIDTHS
from reproof.vram.step import working_bytes
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import Moment


def test_the_most_reserved_is_told_also_after_the_cache_was_given_back():
    events = [("alloc", 1, 60 * MIB), ("free", 1, 0), ("empty", 0, 0), ("alloc", 2, 1)]
    assert replay(events).reserved_bytes == 60 * MIB


def test_a_step_that_only_frees_peaks_where_it_begins_and_ends_where_it_ends():
    events = [("alloc", 0, 1000), ("alloc", 1, 2000), ("free", 0, 0), ("free", 1, 0)]
    line = Timeline(events, [], [], [], [("build", 0), ("step 1", 2), ("end", 4)])
    assert [(step.peak_bytes, step.after_bytes) for step in line.steps()] == [(3072, 3072), (3072, 0)]


def test_an_experiment_that_fits_nowhere_is_a_no_beside_one_that_fits(write_plan):
    both = budgets(PlanRequest(plan=write_plan("moons", "cifar10"), gpu=["1GiB"]))
    assert [set(each.gpus.values()) for each in both.experiments] == [{"fits"}, {"no"}]
    assert not both.ok


def test_the_peak_of_a_phase_that_accumulates_counts_all_gradients(write_plan):
    path = write_plan("cifar10", old="optimizer:", new="accumulate: {value: 2, inferred: for the tests}, optimizer:")
    phase = next(p for p in budgets(PlanRequest(plan=path)).experiments[0].phases if p.name == "velocity_matching")
    assert phase.budget.moment.startswith("backward")
    sizes = {part.name: part.bytes for part in phase.budget.parts}
    assert sizes["gradients that exist at that moment"] == 4 * phase.params


def test_the_bound_on_cudnn_is_the_largest_convolutions_maps_for_the_whole_batch():
    request = EstimateRequest(family="cnn", image_size=32, in_channels=3, predictor_channels="32,64", batch=8)
    sizes = {part.name: part.bytes for part in estimate(request).budget.parts}
    assert sizes["cuDNN workspace"] == 8 * 4 * (3 + 32) * 32 * 32


def test_of_several_frozen_networks_the_largest_forward_counts():
    small, large = (
        Net(name, (Layer("all", params=10, working=size),), inputs=1) for name, size in (("a", 5), ("b", 7))
    )
    step = training(small, "adam", "fp32", "foreach", ema=False, weight_decay=False,
                    frozen=[("a", small), ("b", large)])  # fmt: skip
    assert [part.bytes for part in step.frozen_parts(3)] == [40, 40, 3 * 4 * (7 + large.inputs + large.named)]


def test_a_checkpointed_block_has_the_gradients_in_flight_with_which_it_starts():
    again = Again(matmul=1, other=1, cast=0, masks=0, single=0, up=0)
    plain = Layer("block", working=9, starts=5, half=True)
    assert working_bytes(plain, WIDTHS["fp32"]) == 9 * 4
    assert working_bytes(dataclasses.replace(plain, again=again), WIDTHS["fp32"]) == 5 * 4
    assert working_bytes(dataclasses.replace(plain, again=again), WIDTHS["amp-bf16"]) == 5 * 2
    assert working_bytes(dataclasses.replace(plain, again=again, starts=0), WIDTHS["fp32"]) == 9 * 4


@pytest.mark.parametrize(("measured", "context"), [(None, CONTEXT_BYTES), (0, 0), (5 * MIB, 5 * MIB)])
def test_a_context_that_was_measured_replaces_the_bound_also_as_nothing(measured, context):
    assert context_of(dataclasses.replace(gpus.find("T4"), context_bytes=measured)) == context


def made(*sizes):
    """Forward allocations of these sizes in MiB, each freed before the next, as a timeline."""
    events, moment = [], Moment(phase="forward", op="aten::mm", module="", line="a.py:1")
    for key, size in enumerate(sizes):
        events += [("alloc", key, size * MIB), ("free", key, 0)]
    count = len(sizes)
    marks = [("build", 0), ("step 1", 0), ("end", len(events))]
    return Timeline(events, [moment] * count, ["temporaries"] * count, [""] * count, marks)


@pytest.mark.parametrize(
    ("usable", "verdict", "gives_back"),
    [
        (261, "fits", False),  # 60 and 80 MiB are reserved, 100 are the context: 240 of 261 are 0.92
        (260, "tight", False),
        (240, "tight", False),
        (239, "tight", True),  # the 60 go back for the 80
        (180, "tight", True),
        (179, "no", False),  # beside the context there are not even 80
    ],
)
def test_the_allocator_is_run_again_on_what_the_context_leaves(usable, verdict, gives_back):
    card = dataclasses.replace(gpus.find("T4"), usable_bytes=usable * MIB, context_bytes=100 * MIB)
    told = judged(card, {"chosen": {}, "work": []}, made(60, 80), Settings())
    assert (told.device_bytes, told.verdict) == (240 * MIB, verdict)
    assert any("gives its cache back 1 times" in note for note in told.notes) == gives_back


def test_what_takes_most_stands_first_and_one_line_is_one_row():
    one, other = (Moment(phase="forward", op=op, module="", line="a.py:1") for op in ("aten::mm", "aten::add"))
    line = Timeline([], [one, other, one], ["activations"] * 3, [""] * 3, [])
    rows = line.largest({0: 100, 1: 200, 2: 150})
    assert [(row.op, row.count, row.bytes) for row in rows] == [("aten::mm", 2, 250), ("aten::add", 1, 200)]


def test_neighbours_kernels_and_a_replay_buffer_by_hand():
    nearest = metric(MetricRequest(kind="nearest", n=10, m=20, shape="4")).parts[-1]
    assert nearest.bytes == 10 * (4 + 8)  # a distance and an int64
    kernels = metric(MetricRequest(kind="mmd", n=10, m=20, shape="4")).parts[-1]
    assert kernels.bytes == 2 * 20 * 20 * 4  # of the larger set with itself
    replay_notes = metric(MetricRequest(kind="replay", n=1024, shape="4", action=1)).notes
    assert any("25.0 KiB" in note for note in replay_notes)  # 16 of the observation, 4 of the action, 5: 25 a row


def test_a_flow_of_many_steps_peaks_where_its_rows_are_joined():
    told = flow_budget(2, 1000, 50)
    assert told.moment == "joining the rows of the batch"
    assert told.allocated_bytes == 4 * (2 * 2 * 1000 + 2 * 50 * 2 * (2 * 1000 + 1))


def test_a_call_of_x_with_itself_has_the_other_cloud_waiting():
    # x alone: 200 rows of 2 + 8 numbers, two cost matrices, three more at the last softmin; y in place of a copy of x
    _, alive = velocity_ways(100, 1, 2, 2)["two calls, differentiated apart"]
    assert alive == 200 * 10 + 5 * 100 * 100 + (1 - 100) * 10
