"""Settings: overrides, typos, types, and which of them make another experiment."""

import pytest


def test_a_wildcard_reaches_every_phase_that_has_the_key_and_no_other(settings):
    cfg = settings("phases.*.lr=1e-3")
    assert (cfg.phases.flow.lr, cfg.phases.one_step.lr) == (0.001, 0.001)
    assert "lr" not in cfg.phases.pairs


def test_a_wildcard_may_stand_anywhere(settings):
    assert settings("*.hidden=16").model.hidden == 16


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [("phases.*.setps=5", "steps"), ("phases.flwo.lr=1", "flow"), ("sede=1", "seed"), ("model.hiden=3", "hidden")],
)
def test_a_typo_is_refused_with_the_word_that_was_meant(settings, project, text, suggestion):
    with pytest.raises(project.errors.ProjectError, match="matches nothing") as error:
        settings(text)
    assert f"did you mean '{suggestion}'" in str(error.value)
    assert error.value.code == 2 and len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize("text", ["seed=abc", "phases.flow.lr=fast", "phases.flow.steps=1.5", "phases=3",
                                  "threads=true", "evaluation.sampling_steps=10",
                                  "phases.flow.betas=[0.9, x]"])  # fmt: skip
def test_a_value_of_another_type_is_refused(settings, project, text):
    with pytest.raises(project.errors.ProjectError, match="wrong-type"):
        settings(text)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("phases.flow.steps=1e4", "steps", 10_000),
        ("phases.flow.lr=1e-3", "lr", 0.001),
        ("phases.flow.lr=1", "lr", 1.0),
        ("phases.flow.grad_clip=null", "grad_clip", None),
        ("phases.flow.betas=[0.5, 0.9]", "betas", (0.5, 0.9)),
    ],
)
def test_numbers_are_read_as_people_write_them(settings, text, path, value):
    result = settings(text).phases.flow[path]
    assert result == value and type(result) is type(value)


def test_an_optional_setting_can_be_switched_on(settings):
    assert settings("phases.one_step.ema_decay=0.5").phases.one_step.ema_decay == 0.5


def test_yaml_reads_1e_minus_3_as_a_number(project, tmp_path):
    (tmp_path / "a.yaml").write_text("phases: {flow: {kind: train, steps: 1, batch_size: 1, lr: 1e-3}}")
    assert project.config.read(tmp_path / "a.yaml")["phases"]["flow"]["lr"] == 0.001


def test_all_mistakes_are_named_at_once(settings, project):
    with pytest.raises(project.errors.ProjectError) as error:
        settings("phases.flow.lr=-1.0", "precision=fp8", "phases.pairs.batches=0", "phases.one_step.accumulate=3")
    for word in ("phases.flow.lr", "precision", "phases.pairs.batches", "no multiple of accumulate = 3"):
        assert word in str(error.value)


@pytest.mark.parametrize(("text", "holds"), [("ema_decay=0.999", True), ("ema_decay=1.0", False),
                                             ("warmup_steps=0", True), ("warmup_steps=-1", False),
                                             ("batch_size=2", True), ("batch_size=0", False),
                                             ("lr=1e-9", True), ("lr=0.0", False),
                                             ("weight_decay=0.0", True), ("weight_decay=-1e-9", False),
                                             ("betas=[0.0, 0.999]", True), ("betas=[0.0, 1.0]", False),
                                             ("betas=[0.9]", False)])  # fmt: skip
def test_bounds_hold_at_the_bound_and_not_past_it(settings, project, text, holds):
    if holds:
        settings(f"phases.flow.{text}")
    else:
        with pytest.raises(project.errors.ProjectError, match="config"):
            settings(f"phases.flow.{text}")


@pytest.mark.parametrize("text", ["phases:\n  flow: 3\n", "phases: {}\ndata:\n", "- 1\n", "seed: 1\n"])
def test_a_file_without_its_groups_is_refused(project, tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(project.errors.ProjectError, match="no settings below"):
        project.config.read(tmp_path / "a.yaml")


def test_a_file_that_is_not_yaml_is_refused(project, tmp_path):
    (tmp_path / "a.yaml").write_text("phases: [")
    with pytest.raises(project.errors.ProjectError, match="not YAML"):
        project.config.read(tmp_path / "a.yaml")


def test_named_flags_touch_every_phase_of_their_kind_only(settings):
    cfg = settings("--train-iters", "5", "--pool-batches", "2", "--micro-batch", "64")
    assert (cfg.phases.flow.steps, cfg.phases.one_step.steps, cfg.phases.pairs.batches) == (5, 5, 2)
    assert (cfg.phases.flow.accumulate, cfg.phases.one_step.accumulate) == (4, 4)  # 256 / 64
    assert "accumulate" not in cfg.phases.pairs


def test_a_micro_batch_larger_than_the_batch_is_the_batch(settings):
    assert settings("--micro-batch", "1000").phases.flow.accumulate == 1


def test_settings_are_read_only_and_misspelt_ones_are_explained(settings):
    cfg = settings()
    with pytest.raises(AttributeError, match="read-only"):
        cfg.phases.flow.lr = 1.0
    with pytest.raises(AttributeError, match=r"no setting 'phases.flow.stepps' \(did you mean 'steps'\?\)"):
        _ = cfg.phases.flow.stepps
    assert cfg.phases.flow.get("stepps", 7) == 7


@pytest.mark.parametrize("text", ["evaluation.n_test=5", "log_every_steps=1", "checkpoint_every_steps=1", "device=cuda",
                                  "phases.one_step.lr=0.5"])  # fmt: skip
def test_what_cannot_change_a_phase_does_not_make_it_another_one(settings, project, text):
    assert project.config.settings_of(settings(text), "flow") == project.config.settings_of(settings(), "flow")


@pytest.mark.parametrize("text", ["seed=1", "precision=bf16", "threads=2", "data.std=0.1", "model.hidden=8",
                                  "phases.pairs.batches=2", "phases.flow.lr=0.5"])  # fmt: skip
def test_what_can_change_a_phase_makes_it_another_one(settings, project, text):
    assert project.config.settings_of(settings(text), "flow") != project.config.settings_of(settings(), "flow")


def test_differences_name_each_setting_with_both_values(project):
    here, there = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 5}, "e": 4}
    assert project.config.differences(here, there) == ["a.c: 2 here, 5 there", "d: 3 here, nothing there",
                                                       "e: nothing here, 4 there"]  # fmt: skip


def test_a_smoke_run_is_tiny_everywhere(settings):
    cfg = settings("--smoke")
    assert (cfg.phases.flow.steps, cfg.phases.flow.batch_size, cfg.phases.pairs.batches) == (2, 4, 1)
    assert cfg.data.stand_in is True
    assert (cfg.evaluation.n_samples, cfg.evaluation.readings[4].n_generated) == (4, 4)


@pytest.mark.parametrize(
    ("optimizer", "text", "holds"),
    [("sgd", "momentum=0.0", True), ("sgd", "momentum=1.0", False), ("adagrad", "eps=1e-9", True),
     ("adam", "eps=0.0", False), ("rmsprop", "alpha=0.0", True), ("rmsprop", "alpha=1.0", False),
     ("rmsprop", "centered=true", True), ("nadam", "momentum_decay=-1e-9", False)],
)  # fmt: skip
def test_hyperparameters_of_an_optimizer_have_bounds(settings, project, optimizer, text, holds):
    words = [f"phases.flow.{text}", f"phases.flow.optimizer={optimizer}"]  # the optimizer counts, wherever it stands
    if holds:
        assert text.partition("=")[0] in settings(*words).phases.flow
    else:
        with pytest.raises(project.errors.ProjectError, match=f"config(.|\n)*{text.partition('=')[0]}"):
            settings(*words)


def test_a_hyperparameter_that_no_optimizer_of_the_phases_has_is_refused(settings, project):
    with pytest.raises(project.errors.ProjectError, match=r"phases\.\*\.momentum=0\.9' matches nothing"):
        settings("phases.*.momentum=0.9")
    cfg = settings("phases.*.momentum=0.9", "phases.flow.optimizer=sgd")
    assert cfg.phases.flow.momentum == 0.9 and "momentum" not in cfg.phases.one_step


@pytest.mark.parametrize(("words", "missing"), [(["optimizer=sgd", "nesterov=true"], "nesterov needs momentum"),
                                                (["schedule=step"], "step_every is missing")])  # fmt: skip
def test_settings_that_need_another_one_say_so(settings, project, words, missing):
    with pytest.raises(project.errors.ProjectError, match=missing):
        settings(*(f"phases.flow.{word}" for word in words))


def test_a_smoke_run_takes_the_sizes_of_its_file(project, settings, tmp_path):
    smaller = tmp_path / "toy.yaml"
    smaller.write_text("model.hidden: 8\nphases.flow.lr: 0.5\n")
    values = settings().to_dict()
    project.tool("overrides").shrink(values, smaller)
    assert (values["model"]["hidden"], values["phases"]["flow"]["lr"], values["phases"]["flow"]["steps"]) == (8, 0.5, 2)
    smaller.write_text("model.hiden: 8\n")
    with pytest.raises(project.errors.ProjectError, match="did you mean 'hidden'"):
        project.tool("overrides").shrink(values, smaller)
