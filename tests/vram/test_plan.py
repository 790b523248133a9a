"""Plans: every phase, what is missing, what does not fit, and the answer as a whole."""

import pytest

from reproof.errors import MissingError, PackError
from reproof.vram.command import main
from reproof.vram.estimate import estimate
from reproof.vram.models import EstimateRequest, PlanRequest
from reproof.vram.plan import arguments, budgets


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


# ---- resnet, vit and transformer, from the plan to the verdict

RESNET = {"family": "resnet", "depth": 50, "image_size": 224, "in_channels": 3, "outputs": 1000, "batch": 64}
VIT = {"family": "vit", "image_size": 224, "in_channels": 3, "patch": 16, "layers": 12, "width": 768, "num_heads": 12,
       "outputs": 1000, "batch": 64}  # fmt: skip
GPT2 = {"family": "transformer", "vocab": 50257, "layers": 12, "width": 768, "num_heads": 12, "seq": 1024, "batch": 8}


@pytest.mark.parametrize(
    ("experiment", "phase", "same", "params", "steps"),
    [
        ("images", "teacher", RESNET, 25_557_032, 1000),
        ("images", "student", VIT, 86_567_656, 500),
        ("words", "pretraining", GPT2, 124_439_808, 100),
    ],
)
def test_a_plan_says_of_a_known_network_what_estimate_says(write_plan, experiment, phase, same, params, steps):
    found = phase_of(ask(write_plan(experiment), gpu=["T4", "A100 40GB"]), phase)
    told = estimate(EstimateRequest(**same, steps=steps, gpu=["T4", "A100 40GB"]))
    assert (found.params, found.missing) == (params, [])
    assert found.budget == told.budget
    assert found.gpus == told.gpus


def test_the_peak_over_phases_of_different_laws_is_the_largest(write_plan):
    images = ask(write_plan("images")).experiments[0]
    sizes = {phase.name: phase.budget.allocated_bytes for phase in images.phases}
    assert (images.peak_phase, images.peak_bytes) == ("student", sizes["student"])
    assert sizes["student"] > sizes["teacher"]


def test_a_law_without_one_of_its_sizes_names_it(write_plan):
    path = write_plan("words", old="block_size: ", new="chunk: ")
    with pytest.raises(MissingError, match=r"model\.seq"):
        ask(path)


def test_checkpointing_in_the_plan_is_counted(write_plan):
    plain = phase_of(ask(write_plan("words")), "pretraining").budget.allocated_bytes
    path = write_plan("words", old="block_size:", new="checkpointing: {value: true, inferred: x y z}, block_size:")
    assert phase_of(ask(path), "pretraining").budget.allocated_bytes < 0.7 * plain


def test_a_frozen_network_without_a_law_is_missing_and_not_left_out(write_plan):
    path = write_plan(
        "cifar10", old="velocity_matching: {kind: train, law: unet", new="velocity_matching: {kind: train"
    )
    phase = phase_of(ask(path), "phase_predictor")
    assert (phase.missing, phase.budget) == (["phases.velocity_matching.law"], None)


def test_the_headline_tells_the_cards_also_where_the_first_experiment_is_not_estimated(write_plan):
    path = write_plan("moons", "cifar10", old="data: {shape: {value: [2], inferred: for the tests}}")
    path.write_text(path.read_text().replace("law: mlp, ", ""))
    headline = ask(path, gpu=["4GiB", "24GiB"]).headline
    assert headline == (
        "largest peak 7.1 GiB (cifar10, velocity_matching); 4.0 GiB: no for cifar10; 24.0 GiB: all fit; "
        "2 phases not estimated"
    )
    one = ask(write_plan("moons", old="law: mlp, "), gpu=["T4"]).headline
    assert one.startswith("largest peak 2.0 MiB (moons, trajectory_pool); T4: all fit; 1 phase not")


def test_the_answer_as_a_whole_is_that_of_its_worst_experiment_and_largest_peak(write_plan):
    both = ask(write_plan("moons", "cifar10"), gpu=["4GiB"])
    assert (both.ok, both.headline) == (
        False,
        "largest peak 7.1 GiB (cifar10, velocity_matching); 4.0 GiB: no for cifar10",
    )
    assert set(both.bounds) == {
        "wall-clock", "CUDA context", "cuBLAS workspaces", "partial sums of a bias's gradient", "cuDNN workspace",
    }  # fmt: skip
    pool = both.experiments[1]
    assert pool.pool_bytes == pool.phases[0].pool.host_bytes == 39_328_000_000
    assert pool.phases[0].pool.stated_source == "[INFERRED] for the tests"


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("n_layer", ["layers", "num_layers", "n_layers", "num_hidden_layers", "depth", "hidden_layers"]),
        ("vocab", ["vocab_size"]),
        ("n_embd", ["width", "d_model", "embed_dim", "hidden_size"]),
        ("n_head", ["num_heads", "n_heads", "heads", "num_attention_heads"]),
        ("block_size", ["seq", "seq_len", "sequence_length", "context_length", "n_ctx"]),
        ("feed_forward", ["d_ff", "ff_dim", "intermediate_size", "mlp_dim"]),
        ("kv_heads", ["num_key_value_heads"]),
    ],
)
def test_every_name_of_a_transformers_size_is_read(write_plan, name, others):
    def params(word):
        new = f"{inferred(3000)}, gated: {inferred('true')}, kv_heads: {inferred(4)}, n_layer:"
        path = write_plan("words", old="n_layer:", new=f"feed_forward: {new}")
        path.write_text(path.read_text().replace("vocab_size:", "vocab:").replace(f"{name}:", f"{word}:"))
        return phase_of(ask(path, gpu=["T4"]), "pretraining").params

    assert {params(word) for word in others} == {params(name)}


def test_the_side_of_an_image_and_its_classes_have_other_names(write_plan):
    path = write_plan("images", old="data: {shape: {value: [3, 224, 224]", new="data: {shape: {value: [3, 224, 225]")
    text = path.read_text().replace("depth:", f"img_size: {inferred(224)}, depth:").replace("[3, 224, 225]", "[150528]")
    path.write_text(text.replace("num_classes: ", f"in_channels: {inferred(3)}, classes: "))
    assert phase_of(ask(path, gpu=["T4"]), "teacher").params == 25_557_032


def test_checkpointing_that_is_no_true_is_none(write_plan):
    plain = phase_of(ask(write_plan("words")), "pretraining").budget
    path = write_plan("words", old="block_size:", new="checkpointing: {value: none, inferred: x y z}, block_size:")
    assert phase_of(ask(path), "pretraining").budget == plain


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("blur: {value: 0, inferred: x y z}", "blur is 0"),
        ("blur: {value: true, inferred: x y z}", "blur is True"),
        ("scaling: {value: 1, inferred: x y z}", "scaling is 1"),
        ("scaling: {value: -0.5, inferred: x y z}, blur: {value: a, inferred: x y z}", "blur is 'a'; scaling is -0.5"),
        ("time_steps: {value: 0, inferred: x y z}", "flow_steps must be a whole number above 0, got 0"),
    ],
)
def test_a_flow_that_has_no_schedule_is_refused(write_plan, more, wrong):
    old = "flow_steps: {value: 5, inferred: for the tests}"
    path = write_plan("moons", old=old, new=more if "steps" in more else f"{old}, {more}")
    with pytest.raises(PackError, match="bad-sizes") as caught:
        ask(path)
    assert wrong in caught.value.what


def test_a_plan_without_phases_offers_no_arguments(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(
        "{schema_version: 1, name: small, kind: port, problem: Another framework., contribution: The same outputs.,\n"
        " paper: {title: A Small Model}, experiments: {base: {summary: the base model}},\n"
        f" port: {{repository: 'https://example.org/a.git', commit: {'a' * 40}, licence: MIT}}}}\n"
    )
    with pytest.raises(PackError, match="the plan has none") as caught:
        arguments(path)
    assert caught.value.slug == "unknown-phase"


def test_what_is_counted_otherwise_than_the_model_says_is_noted(write_plan):
    path = write_plan(
        "moons", old="family: {value: mlp", new="dropout: {value: 0.1, inferred: x}, family: {value: unet"
    )
    notes = phase_of(ask(path), "velocity_matching").notes
    assert "the phase's law is mlp, the model's family is unet: counted as mlp" in notes
    assert "not counted: the masks that dropout saves" in notes
    cnn = phase_of(ask(write_plan("cifar10")), "phase_predictor")  # a cnn beside a unet is meant
    assert not any("the phase's law" in note for note in cnn.notes)
    old = "optimizer: {value: adam"
    path = write_plan("moons", old=old, new=f"accumulate: {{value: 2, inferred: for the tests}}, {old}")
    assert "as planned in 2 micro-batches per update" in phase_of(ask(path), "velocity_matching").notes


def test_an_uneven_batch_is_budgeted_by_its_larger_micro_batch_with_all_gradients(write_plan):
    def parts(accumulate):
        more = f"accumulate: {{value: {accumulate}, inferred: for the tests}}, optimizer:"
        phase = phase_of(ask(write_plan("cifar10", old="optimizer:", new=more), gpu=["T4"]), "velocity_matching")
        return {part.name: part.bytes for part in phase.budget.parts}, phase.gpus[0]

    (three, gpu), (two, _), (once, _) = parts(3), parts(2), parts(1)
    saved = "activations saved for backward"
    assert three[saved] == once[saved] * 43 // 128  # 128 in threes are 43, 43 and 42
    assert two["gradients that exist at that moment"] == two["weights"] > once["gradients that exist at that moment"]
    assert gpu.micro_batch * gpu.accumulate >= 128 and gpu.micro_batch <= 43


def test_where_a_batch_does_not_fit_no_time_is_told(write_plan):
    path = write_plan("moons", old="batch_size: {value: 256, inferred: for the tests},\n        settings",
                      new="batch_size: {value: 60000, inferred: for the tests},\n        settings")  # fmt: skip
    assert phase_of(ask(path, gpu=["T4"]), "trajectory_pool").gpus[0].time is None


def test_a_phase_is_chosen_by_name_or_is_the_last_that_trains(write_plan):
    path = write_plan("cifar10")
    assert arguments(path)[0]["steps"] == 40_000
    assert arguments(path, phase="velocity_matching")[0]["steps"] == 100_000
    values, origins = arguments(path, phase="trajectory_pool")
    assert (values["batches"], values["dim"], values["image_size"]) == (2500, 3072, 32)
    assert origins["dim"] == "cifar10.trajectory_pool: from data.shape"


def test_arguments_are_a_phases_own_first_and_what_has_no_value_is_not_offered(write_plan):
    old = "lr: {value: 0.001"
    path = write_plan("moons", old=old, new=f"settings: {{hidden: {inferred(4)}, seed: {inferred('null')}}}, {old}")
    text = path.read_text()
    pool = text[text.index("      trajectory_pool:") : text.index("      velocity_matching:")]
    path.write_text(text.replace(pool, "").replace("\n\n    evaluation:", "\n" + pool + "\n    evaluation:"))
    values, origins = arguments(path)
    assert (values["hidden"], values["steps"]) == (4, 20_000)  # the last that trains, though a pool comes after it
    assert "seed" not in values
    assert origins["hidden"].startswith("moons.velocity_matching")


def test_what_a_plan_says_itself_is_not_replaced_by_what_follows(write_plan):
    old = "family: {value: unet"
    new = f"image_size: {{value: 64, inferred: x y z}}\n      micro_batch: {{value: 5, inferred: x y z}}\n      {old}"
    values, _ = arguments(write_plan("cifar10", old=old, new=new))
    assert (values["image_size"], values["micro_batch"], values["batch"]) == (64, 5, 128)


def test_a_stated_pool_that_is_no_size_is_refused(write_plan):
    path = write_plan("cifar10", old="45GB", new="45 apples")
    with pytest.raises(PackError, match="'45 apples' is no size"):
        ask(path)


# ---- wall-clock


def test_the_range_of_a_phase_lies_around_its_products_at_the_cards_speed(write_plan):
    found = phase_of(ask(write_plan("words"), gpu=["T4"]), "pretraining").gpus[0]
    # for each of 8 x 1024 tokens 6 FLOPs per weight, and the scores of 12 blocks, 3.5 times; a T4 does 8.1 TFLOP/s
    seconds = 8 * 1024 * (6 * 124_439_808 + 3.5 * 12 * 4 * 1024 * 768) / 8.1e12
    assert seconds < found.time.low_s < 1.15 * seconds
    assert seconds / 0.3 < found.time.high_s < 1.3 * seconds / 0.3
    assert found.time.bound_by == "arithmetic"
    assert found.time.run_high_s == pytest.approx(found.steps * found.time.high_s)


def test_a_faster_card_and_16_bits_take_less_time_and_accumulation_takes_no_less(write_plan):
    def low(gpu, precision="fp32", path=None):
        return phase_of(ask(path or write_plan("words"), gpu=[gpu], precision=precision), "pretraining").gpus[0].time

    assert low("T4").low_s > low("RTX 3090").low_s > low("H100").low_s
    assert low("H100", "amp-bf16").high_s < low("H100").low_s
    cut = write_plan("words", old="optimizer:", new="accumulate: {value: 8, inferred: for the tests}, optimizer:")
    assert low("H100", path=cut).high_s > low("H100").high_s


def test_the_time_of_an_experiment_is_that_of_its_phases_in_turn(write_plan):
    moons = ask(write_plan("moons"), gpu=["T4", "24GiB"]).experiments[0]
    runs = [phase.gpus[0].time for phase in moons.phases]
    assert moons.time["T4"].low_s == pytest.approx(sum(time.run_low_s for time in runs))
    assert moons.time["T4"].high_s == pytest.approx(sum(time.run_high_s for time in runs))
    assert moons.time["T4"].without == []
    assert list(moons.time) == ["T4"]  # of 24 GiB no speed is known
    assert moons.phases[0].gpus[1].time is None


def test_a_phase_whose_time_is_not_known_is_named(write_plan):
    path = write_plan("moons", old="law: mlp, ")
    moons = ask(path, gpu=["T4"]).experiments[0]
    assert moons.time["T4"].without == ["velocity_matching"]
    assert moons.phases[-1].notes[-1].endswith("without velocity_matching")


def test_a_frozen_network_takes_time_too(write_plan):
    alone = write_plan("cifar10", old=", frozen: [velocity_matching]")
    without = phase_of(ask(alone, gpu=["T4"]), "phase_predictor").gpus[0].time
    both = phase_of(ask(write_plan("cifar10"), gpu=["T4"]), "phase_predictor").gpus[0].time
    assert both.low_s > 3 * without.low_s


def test_smaller_steps_of_epsilon_take_longer(write_plan):
    plain = phase_of(ask(write_plan("moons"), gpu=["T4"]), "trajectory_pool").gpus[0].time
    path = write_plan("moons", old="flow_steps:", new="scaling: {value: 0.9, inferred: for the tests}, flow_steps:")
    slow = phase_of(ask(path, gpu=["T4"]), "trajectory_pool").gpus[0].time
    assert slow.low_s > 3 * plain.low_s
    assert "scaling 0.9" in slow.source


def test_the_report_of_a_plan_tells_the_wall_clock(write_plan, capsys):
    assert main(["plan", str(write_plan("words")), "--gpu", "RTX 3090"]) in (0, 4)
    said = capsys.readouterr().out
    assert "RTX 3090: one update takes " in said
    assert "wall-clock of all phases of words, one after the other: RTX 3090 " in said
    assert "wall-clock: FLOPs counted layer by layer" in said


def test_a_phases_own_settings_win_over_the_models(write_plan):
    path = write_plan("moons", old="lr: {value: 0.001", new="settings: {hidden: {value: 4, inferred: for the tests}}, "
                      "lr: {value: 0.001")  # fmt: skip
    phase = phase_of(ask(path), "velocity_matching")
    assert phase.params == (3 * 4 + 4) + 2 * (4 * 4 + 4) + (4 * 2 + 2)


def test_weight_decay_costs_sgd_a_copy_of_the_gradients(write_plan):
    path = write_plan("moons", old="optimizer: {value: adam", new="optimizer: {value: sgd")
    one = path.read_text().replace("batch_size: {value: 256", "batch_size: {value: 1")
    path.write_text(one)
    plain = phase_of(ask(path), "velocity_matching").budget.allocated_bytes
    path.write_text(path.read_text().replace("lr: {", "weight_decay: {value: 0.1, inferred: for the tests}, lr: {"))
    assert phase_of(ask(path), "velocity_matching").budget.allocated_bytes > plain + 3.9 * 133_122


def test_a_phase_that_accumulates_holds_the_activations_of_one_micro_batch(write_plan):
    def activations(path):
        parts = phase_of(ask(path), "velocity_matching").budget.parts
        return {part.name: part.bytes for part in parts}["activations saved for backward"]

    cut = write_plan("cifar10", old="optimizer:", new="accumulate: {value: 8, inferred: for the tests}, optimizer:")
    assert activations(cut) * 8 == activations(write_plan("cifar10"))


def test_a_shape_that_is_none_is_missing(write_plan):
    path = write_plan("moons", old="data: {shape: {value: [2]", new="data: {shape: {value: [-2]")
    assert "data.shape" in phase_of(ask(path), "trajectory_pool").missing


def test_a_traced_function_is_offered_the_micro_batch(write_plan):
    path = write_plan("moons", old="optimizer:", new="accumulate: {value: 3, inferred: for the tests}, optimizer:")
    values, origins = arguments(path, "moons", "velocity_matching")
    assert (values["batch_size"], values["micro_batch"], values["batch"]) == (256, 86, 86)
    assert "batch_size over accumulate" in origins["micro_batch"]


def test_a_bare_count_of_parameters_has_no_time(capsys):
    assert main(["estimate", "--params", "124M", "--gpu", "A100"]) == 0
    assert "one update takes" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("optimizer", "settings", "states"),
    [
        ("sgd", "", 0),
        ("sgd", "momentum: 0.9", 1),
        ("adagrad", "", 1),
        ("rmsprop", "", 1),
        ("rmsprop", "momentum: 0.9", 2),
        ("rmsprop", "centered: true", 2),
        ("nadam", "", 2),
        ("radam", "", 2),
        ("adamw", "", 2),
    ],
)
def test_an_optimizer_keeps_as_many_states_as_torch_keeps(write_plan, optimizer, settings, states):
    """133,122 parameters of 4 bytes; torch's state_dict has so many tensors of that size, step counters aside."""
    name, _, value = settings.partition(": ")
    more = f"settings: {{{name}: {{value: {value}, inferred: for the tests}}}}, " if settings else ""
    path = write_plan("moons", old="optimizer: {value: adam", new=f"{more}optimizer: {{value: {optimizer}")
    parts = {part.name: part.bytes for part in phase_of(ask(path), "velocity_matching").budget.parts}
    assert parts.get("optimizer state", 0) == pytest.approx(states * 4 * 133_122, rel=1e-3)


def inferred(value):
    return f"{{value: {value}, inferred: for the tests}}"


def with_precision(word):
    """Edits of the plan of words: its phase says a precision."""
    old = f"batch_size: {inferred(8)},"
    return {"old": old, "new": f"{old} settings: {{mixed_precision: {inferred(word)}}},"}


@pytest.mark.parametrize(
    ("word", "precision"),
    [("bf16", "amp-bf16"), ("'16-mixed'", "amp-fp16"), ("bf16-true", "bf16"), ("BF16_master", "bf16-master"),
     ("no", "fp32"), ("true", "amp-fp16"), ("32", "fp32")],
)  # fmt: skip
def test_the_precision_is_the_plans_and_its_origin_is_told(write_plan, word, precision):
    answer = ask(write_plan("words", **with_precision(word)))
    phase = phase_of(answer, "pretraining")
    assert phase.precision == answer.precision == precision
    assert any(note.startswith(f"precision {precision}, from ") and "for the tests" in note for note in phase.notes)
    asked = phase_of(ask(write_plan("words"), precision=precision), "pretraining")
    assert phase.budget == asked.budget


def test_the_flag_wins_over_the_plans_precision_and_says_so(write_plan):
    phase = phase_of(ask(write_plan("words", **with_precision("bf16")), precision="fp32"), "pretraining")
    assert phase.precision == "fp32"
    assert "precision fp32, from --precision, in place of 'bf16' in the plan" in phase.notes


def test_phases_of_unlike_precision_are_all_named_and_without_one_it_is_fp32(write_plan):
    first = f"steps: {inferred(1000)},"
    path = write_plan("images", old=first, new=f"{first} settings: {{precision: {inferred('fp16')}}},")
    answer = ask(path)
    assert answer.precision == "amp-fp16, fp32"
    assert not any("precision" in note for note in phase_of(answer, "student").notes)


def test_a_phases_precision_wins_over_the_models(write_plan):
    path = write_plan("words", **with_precision("bf16"))
    path.write_text(path.read_text().replace("vocab_size:", f"precision: {inferred('no')}, vocab_size:"))
    assert phase_of(ask(path), "pretraining").precision == "amp-bf16"


def test_a_precision_that_is_not_known_is_refused_unless_the_flag_replaces_it(write_plan):
    path = write_plan("words", **with_precision("int4"))
    with pytest.raises(PackError, match="precision 'int4'") as caught:
        ask(path)
    assert caught.value.slug == "bad-precision"
    assert "--precision" in caught.value.fix
    assert phase_of(ask(path, precision="bf16"), "pretraining").precision == "bf16"
