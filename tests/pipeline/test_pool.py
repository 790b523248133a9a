"""Pools: resumable, verified, drawn from uniformly."""

import pytest
import torch


def test_draws_are_rows_of_the_pool_and_all_rows_are_drawn(project):
    pool = project.pool.Pool(batches=2, device=torch.device("cpu"))
    for first in (0, 5):
        rows = torch.arange(first, first + 5)
        pool.add({"x": rows.float(), "square": rows.float()[:, None] ** 2})
    torch.manual_seed(0)
    drawn = pool.sample(400)
    assert len(pool) == 10
    assert torch.equal(drawn["square"][:, 0], drawn["x"] ** 2)  # rows stay together
    counts = torch.bincount(drawn["x"].long(), minlength=10)
    assert counts.min() > 15 and counts.max() < 70  # 40 expected, standard deviation 6


@pytest.mark.parametrize("batch", [{"x": torch.zeros(4)}, {"y": torch.zeros(5)}, {"x": torch.zeros(5, 2)},
                                   {"x": torch.zeros(5), "y": torch.zeros(5)}])  # fmt: skip
def test_batches_of_different_shape_are_refused(project, batch):
    pool = project.pool.Pool(batches=2, device=torch.device("cpu"))
    pool.add({"x": torch.zeros(5)})
    with pytest.raises(ValueError, match="same names and shapes"):
        pool.add(batch)


def build(project, run):
    return project.pool.build_pool(run, "pairs", project.core.PHASES["pairs"])


def test_a_half_built_pool_is_completed_with_the_same_rows(project, open_toy):
    run = open_toy("--pool-batches", "4")
    whole = build(project, run)
    for index in (1, 3):
        project.pool.part_path(run, "pairs", index).unlink()
    assert not project.pool.is_built(run, "pairs")
    assert torch.equal(build(project, run).rows["data"], whole.rows["data"])
    assert len(whole.rows["data"].unique(dim=0)) == len(whole) == 4 * 32  # every batch is another one
    assert project.pool.is_built(run, "pairs")


def test_a_damaged_batch_is_made_again_and_the_others_are_not(project, open_toy, capsys):
    run = open_toy("--pool-batches", "4")
    whole = build(project, run)
    path = project.pool.part_path(run, "pairs", 2)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    made, phase = [], project.core.PHASES["pairs"]
    counting = project.phases.BuildPool(lambda r, c, index: (made.append(index), phase.make_batch(r, c, index))[1])
    again = project.pool.build_pool(run, "pairs", counting)
    assert made == [2] and "damaged" in capsys.readouterr().err
    assert torch.equal(again.rows["noise"], whole.rows["noise"])


def test_a_pool_of_another_configuration_is_refused_with_the_difference(project, open_toy):
    build(project, open_toy())
    with pytest.raises(project.errors.ProjectError, match=r"data\.std: 0\.5 here, 0\.2 there"):
        build(project, open_toy("data.std=0.5"))


def test_building_stops_between_batches_when_asked_to(project, open_toy):
    run, phase = open_toy("--pool-batches", "4"), project.core.PHASES["pairs"]

    def make_batch(r, cfg, index):
        if index == 1:
            run.stop.after_hours(0)
        return phase.make_batch(r, cfg, index)

    with pytest.raises(project.errors.Stopped, match="--max-hours at phase 'pairs', batch 2 of 4"):
        project.pool.build_pool(run, "pairs", project.phases.BuildPool(make_batch))
    assert len(list(run.folder.glob("pools/pairs/*.ckpt"))) == 2


def test_building_a_pool_in_the_middle_of_a_step_does_not_disturb_its_randomness(project, open_toy):
    run = open_toy()
    project.rng.seed_all("step")
    expected = torch.rand(3)
    project.rng.seed_all("step")
    len(run.pools["pairs"])
    assert torch.equal(torch.rand(3), expected)
