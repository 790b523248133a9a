"""Plans: every phase, what is missing, what does not fit, and the answer as a whole."""

import pytest

from reproof.errors import MissingError, PackError
from reproof.vram.models import PlanRequest
from reproof.vram.plan import budgets


def ask(path, **more):
    return budgets(PlanRequest(plan=path, **more))


def phase_of(answer, name, experiment=0):
    return next(phase for phase in answer.experiments[experiment].phases if phase.name == name)


def test_every_phase_of_every_experiment_is_answered(write_plan):
    answer = ask(write_plan("moons", "cifar10"), gpu=["T4"])
    assert answer.ok
    assert {e.name: [p.name for p in e.phases] for e in answer.experiments} == {
        "moons": ["trajectory_pool", "velocity_matching"],
        "cifar10": ["trajectory_pool", "velocity_matching", "phase_predictor"],
    }
    assert phase_of(answer, "velocity_matching", 1).params == 35_746_307
    assert phase_of(answer, "velocity_matching", 0).params == 133_122


def test_the_peak_of_an_experiment_is_that_of_its_largest_phase(write_plan):
    cifar = ask(write_plan("cifar10")).experiments[0]
    assert cifar.peak_phase == "velocity_matching"
    assert cifar.peak_bytes == max(phase.budget.allocated_bytes for phase in cifar.phases)


def test_the_parts_that_are_not_bounds_sum_to_what_is_allocated(write_plan):
    for experiment in ask(write_plan("moons", "cifar10")).experiments:
        for phase in experiment.phases:
            counted = sum(part.bytes for part in phase.budget.parts if part.calibrated)
            assert counted == phase.budget.allocated_bytes
            assert {part.name for part in phase.budget.parts if not part.calibrated} >= {"CUDA context"}


def test_the_verdict_counts_the_bounds_and_hopper_has_larger_ones(write_plan):
    phase = phase_of(ask(write_plan("cifar10"), gpu=["A100 80GB", "H100"]), "velocity_matching")
    bounds = sum(part.bytes for part in phase.budget.parts if not part.calibrated)
    ampere, hopper = phase.gpus
    assert ampere.needed_bytes == phase.budget.allocated_bytes + bounds
    assert hopper.needed_bytes - ampere.needed_bytes == 2 * (32 * 2**20 - 8_519_680)  # cuBLAS, forward and backward


def test_the_gpus_are_those_of_the_plan_unless_others_are_named(write_plan):
    assert list(ask(write_plan("moons")).experiments[0].gpus) == ["T4", "RTX 3090", "A100 40GB"]
    assert list(ask(write_plan("moons"), gpu=["L4"]).experiments[0].gpus) == ["L4"]


def test_a_gpu_that_is_too_small_is_no_and_the_split_keeps_the_samples(write_plan):
    answer = ask(write_plan("cifar10"), gpu=["4GiB"])
    assert not answer.ok
    found = phase_of(answer, "velocity_matching").gpus[0]
    assert found.verdict == "no"
    assert found.micro_batch <= found.largest_micro_batch < 128
    assert found.micro_batch * found.accumulate * found.steps == 128 * 100_000


def test_one_gpu_that_holds_everything_is_enough_for_yes(write_plan):
    assert ask(write_plan("cifar10"), gpu=["4GiB", "24GiB"]).ok


def test_a_sinkhorn_phase_is_never_split_and_says_why(write_plan):
    path = write_plan("moons", old="batch_size: {value: 256, inferred: for the tests},\n        settings",
                      new="batch_size: {value: 60000, inferred: for the tests},\n        settings")  # fmt: skip
    found = phase_of(ask(path, gpu=["T4"]), "trajectory_pool").gpus[0]
    assert found.verdict == "no"
    assert found.micro_batch is None
    assert found.largest_micro_batch < 60_000
    assert "accumulation does not make up for it" in found.notes[0]


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("      num_res_blocks: {value: 2, inferred: for the tests}\n", "model.num_res_blocks"),
        ("      channel_mult: {value: [1, 2, 2, 2], inferred: for the tests}\n", "model.channel_mult"),
    ],
)
def test_a_missing_size_is_named_and_nothing_is_counted_in_its_place(write_plan, line, missing):
    answer = ask(write_plan("cifar10", old=line))
    phase = phase_of(answer, "velocity_matching")
    assert phase.missing == [missing]
    assert phase.budget is None
    assert phase.gpus == []
    assert phase_of(answer, "phase_predictor").missing == [missing]  # it reads that network, frozen
    assert "2 phases not estimated" in answer.headline


def test_a_pool_without_its_number_of_steps_is_not_estimated(write_plan):
    path = write_plan("moons", old="flow_steps: {value: 5, inferred: for the tests}")
    assert phase_of(ask(path), "trajectory_pool").missing == ["phases.trajectory_pool.settings.flow_steps"]


def test_a_phase_without_a_law_is_not_estimated(write_plan):
    path = write_plan("moons", old="law: mlp, ")
    assert phase_of(ask(path), "velocity_matching").missing == ["phases.velocity_matching.law"]


def test_a_plan_that_says_nothing_is_not_an_answer(write_plan):
    path = write_plan("moons", old="data: {shape: {value: [2], inferred: for the tests}}")
    path.write_text(path.read_text().replace("law: mlp, ", ""))
    with pytest.raises(MissingError, match=r"data\.shape"):
        ask(path)


def test_other_names_for_the_same_size_are_read(write_plan):
    path = write_plan("moons", old="hidden: ", new="hidden_units: ")
    path.write_text(path.read_text().replace("layers: ", "hidden_layers: ").replace("flow_steps", "time_steps"))
    answer = ask(path)
    assert phase_of(answer, "velocity_matching").params == 133_122
    assert phase_of(answer, "trajectory_pool").pool.rows == 100 * 256 * 5


def test_image_sizes_follow_from_the_shape_of_the_data(write_plan):
    phase = phase_of(ask(write_plan("cifar10")), "phase_predictor")
    assert phase.params == sum(9 * i * o + o for i, o in [(3, 32), (32, 64), (64, 128), (128, 256)]) + 256 * 4 + 1


def test_absurd_sizes_are_refused_all_at_once(write_plan):
    path = write_plan("cifar10", old="num_channels: {value: 128", new="num_channels: {value: -128")
    path.write_text(path.read_text().replace("num_res_blocks: {value: 2", "num_res_blocks: {value: 0"))
    with pytest.raises(PackError) as caught:
        ask(path)
    assert caught.value.slug == "bad-sizes"
    assert "num_channels" in caught.value.what
    assert "num_res_blocks" in caught.value.what


def test_the_papers_own_figure_stands_beside_ours(write_plan):
    found = phase_of(ask(write_plan("cifar10")), "trajectory_pool").pool
    assert found.stated_bytes == 45 * 10**9
    assert [layout.of_stated for layout in found.layouts] == [0.874, 0.961, 1.049]


def test_frozen_networks_weigh_but_have_no_state(write_plan):
    parts = {part.name: part.bytes for part in phase_of(ask(write_plan("cifar10")), "phase_predictor").budget.parts}
    assert parts["frozen weights of velocity_matching"] == 4 * 35_746_307
    assert parts["optimizer state"] == 8 * 389_441


def test_an_ema_adds_one_copy_of_the_weights(write_plan):
    plain = phase_of(ask(write_plan("moons")), "velocity_matching").budget.allocated_bytes
    path = write_plan("moons", old="optimizer:", new="ema_decay: {value: 0.999, inferred: for the tests}, optimizer:")
    assert phase_of(ask(path), "velocity_matching").budget.allocated_bytes == plain + 4 * 133_122


def test_an_unknown_experiment_is_refused_with_a_near_miss(write_plan):
    with pytest.raises(PackError, match="did you mean cifar10"):
        ask(write_plan("cifar10"), experiment=["cifar_10"])
