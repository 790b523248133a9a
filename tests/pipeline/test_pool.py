"""Pools: resumable, verified, drawn from uniformly."""

from pathlib import Path

import pytest
import torch

CPU = torch.device("cpu")


def test_draws_are_rows_of_the_pool_and_all_rows_are_drawn(project):
    rows = torch.arange(10)
    pool = project.pool.Rows({"x": rows.float(), "square": rows.float()[:, None] ** 2}, CPU)
    torch.manual_seed(0)
    drawn = pool.sample(400)
    assert len(pool) == 10
    assert torch.equal(drawn["square"][:, 0], drawn["x"] ** 2)  # rows stay together
    counts = torch.bincount(drawn["x"].long(), minlength=10)
    assert counts.min() > 15 and counts.max() < 70  # 40 expected, standard deviation 6


@pytest.mark.parametrize("batch", [{"x": torch.zeros(4)}, {"y": torch.zeros(5)}, {"x": torch.zeros(5, 2)},
                                   {"x": torch.zeros(5), "y": torch.zeros(5)}, {"x": torch.ones(5).int()}])  # fmt: skip
def test_batches_of_different_shape_are_refused(project, batch, tmp_path):
    store = project.pool.Store(tmp_path, {})
    store.describe({"x": torch.zeros(5)}, save=True)
    with pytest.raises(ValueError, match="same names and shapes"):
        store.describe(batch, save=True)


def build(project, run):
    return project.pool.build_pool(run, "pairs", project.core.PHASES["pairs"])


def test_a_half_built_pool_is_completed_with_the_same_rows(project, open_toy):
    run = open_toy("--pool-batches", "4")
    whole = build(project, run)
    ledger = project.pool.pool_folder(run, "pairs") / "done-0.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text(lines[0] + lines[2])  # one and three are missing
    for path in ledger.parent.glob("rows-*.bin"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 8])  # and the last one was cut
    assert not project.pool.is_built(run, "pairs")
    assert torch.equal(build(project, run).rows["data"], whole.rows["data"])
    assert len(whole.rows["data"].unique(dim=0)) == len(whole) == 4 * 32  # every batch is another one
    assert project.pool.is_built(run, "pairs")


def test_a_damaged_batch_is_made_again_and_the_others_are_not(project, open_toy, capsys):
    run = open_toy("--pool-batches", "4")
    whole = build(project, run)
    path = project.pool.pool_folder(run, "pairs") / "rows-1.bin"
    data = bytearray(path.read_bytes())
    data[len(data) * 5 // 8] ^= 1  # one bit in the third of four batches
    path.write_bytes(data)
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
    assert (run.folder / "pools/pairs/done-0.jsonl").read_text().count("\n") == 2


def test_building_a_pool_in_the_middle_of_a_step_does_not_disturb_its_randomness(project, open_toy):
    run = open_toy()
    project.rng.seed_all("step")
    expected = torch.rand(3)
    project.rng.seed_all("step")
    len(run.pools["pairs"])
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_a_pool_beyond_the_limit_stays_on_disk_and_holds_the_same_rows(project, open_toy, tmp_path, dtype):
    phase = project.phases.BuildPool(
        lambda _r, c, i: {"x": (torch.randn(c.batch_size, 3) * 3).to(dtype), "i": torch.full((c.batch_size,), i)}
    )
    pools = []
    for name, limit in (("memory", "4.0"), ("disk", "1e-9")):
        run = open_toy("--pool-batches", "3", f"pools_in_memory_gib={limit}")
        run.folder = tmp_path / name
        pools.append(project.pool.build_pool(run, "pairs", phase))
    project.rng.seed_all("draw")
    first = pools[0].sample(50)
    project.rng.seed_all("draw")
    second = pools[1].sample(50)
    assert first["x"].dtype is dtype and all(torch.equal(first[key], second[key]) for key in ("x", "i"))
    maps = Path("/proc/self/maps").read_text()
    assert f"{tmp_path}/disk/pools/pairs/rows-0.bin" in maps and f"{tmp_path}/memory/" not in maps


def test_an_empty_pool_folder_of_a_killed_build_is_started_again(project, open_toy):
    run = open_toy()
    whole = build(project, run)
    (project.pool.pool_folder(run, "pairs") / "pool.ckpt").unlink()  # the ledger alone is worth nothing
    assert torch.equal(build(project, run).rows["data"], whole.rows["data"])


def test_rows_for_the_next_step_are_sent_ahead_and_only_used_if_they_are_the_right_ones(project, monkeypatch):
    """On a GPU; here the device is a stand-in, and sending is copying."""
    sent = []

    def send(self, index):
        sent.append(index.tolist())
        return {name: rows[index] for name, rows in self.rows.items()}

    monkeypatch.setattr(project.pool.Rows, "send", send)
    pool = project.pool.Rows({"x": torch.arange(1000)}, torch.device("meta"), next_seed=lambda: 7)
    torch.manual_seed(3)
    pool.sample(5)
    torch.manual_seed(7)  # the step that was foreseen
    drawn, count = pool.sample(5)["x"], len(sent)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.randint(1000, (5,))) and count == 3  # two of the three for the step after
    torch.manual_seed(8)  # another step
    drawn = pool.sample(5)["x"]
    torch.manual_seed(8)
    assert torch.equal(drawn, torch.randint(1000, (5,))) and len(sent) == 5


def test_a_buffer_keeps_the_last_rows_and_comes_back_exactly(project):
    buffer = project.tool("buffer").Buffer(5, CPU)
    for first in (0, 3, 6):
        buffer.add({"x": torch.arange(first, first + 3)})
    assert sorted(buffer.rows["x"].tolist()) == [4, 5, 6, 7, 8] and len(buffer) == 5
    other = project.tool("buffer").Buffer(5, CPU)
    other.load_dict(buffer.to_dict())
    for one in (buffer, other):
        one.add({"x": torch.tensor([100])})
    assert torch.equal(buffer.rows["x"], other.rows["x"])


@pytest.mark.parametrize(("size", "kept"), [(4, [0, 1, 2, 3]), (5, [0, 1, 2, 3, 4]), (6, [1, 2, 3, 4, 5])])
def test_more_rows_than_a_buffer_holds(project, size, kept):
    buffer = project.tool("buffer").Buffer(5, CPU)
    buffer.add({"x": torch.arange(size)})
    assert sorted(buffer.rows["x"][: len(buffer)].tolist()) == kept
