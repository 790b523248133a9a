from types import SimpleNamespace

import pytest
import torch

pytestmark = pytest.mark.torch


def pool_cfg(**changes):
    settings = {"batch_size": 64, "time_steps": 5, "blur": 0.2, "scaling": 0.9, "step_schedule": "incremental"}
    return SimpleNamespace(**settings | changes)


def test_incremental_steps_are_a_fifth_a_quarter_a_third_a_half_and_one(nsgf):
    etas = [nsgf.flow.step_size(pool_cfg(), k / 5, 1 / 5) for k in range(5)]
    assert etas == pytest.approx([1 / 5, 1 / 4, 1 / 3, 1 / 2, 1])


def test_constant_steps_add_up_to_the_flow_time(nsgf):
    cfg = pool_cfg(step_schedule="constant", flow_time=3.0)
    etas = [nsgf.flow.step_size(cfg, k / 8, 1 / 8) for k in range(8)]
    assert len(set(etas)) == 1 and sum(etas) == pytest.approx(3.0)


def test_an_unknown_schedule_is_refused(nsgf):
    with pytest.raises(ValueError, match="incremental"):
        nsgf.flow.step_size(pool_cfg(step_schedule="increasing"), 0.0, 0.1)


def test_a_batch_holds_every_particle_at_every_time_and_follows_its_own_velocity(nsgf, make_run):
    run, cfg = make_run(data={"name": "8gaussians", "source": "gaussian"}), pool_cfg()
    rows = nsgf.flow.make_batch(run, cfg, 0)
    x, v, t = (rows[name].unflatten(0, (5, 64)) for name in ("x", "v", "t"))
    assert x.shape == v.shape == (5, 64, 2)
    assert t[:, 0].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8]) and (t == t[:, :1]).all()
    for k in range(4):
        torch.testing.assert_close(x[k + 1], x[k] + nsgf.flow.step_size(cfg, k / 5, 1 / 5) * v[k])


def test_the_stored_velocity_is_the_sinkhorn_velocity_of_the_whole_batch(nsgf, make_run):
    run, cfg = make_run(data={"name": "moons", "source": "gaussian"}), pool_cfg()
    rows = nsgf.flow.make_batch(run, cfg, 0)
    torch.manual_seed(0)  # what the fixture did: the same source and target points again
    x, y = run.data.draw_source(64), run.data.draw_train(64)
    torch.testing.assert_close(rows["x"][:64], x)
    for k in range(5):
        now = slice(64 * k, 64 * (k + 1))
        torch.testing.assert_close(rows["v"][now], nsgf.sinkhorn.sinkhorn_velocity(rows["x"][now], y, 0.2, 0.9))


@pytest.mark.parametrize("changes", [{}, {"step_schedule": "constant", "flow_time": 6.0, "time_steps": 12}])
def test_the_particles_arrive_at_the_data(nsgf, make_run, changes):
    run, cfg = make_run(data={"name": "moons", "source": "gaussian"}), pool_cfg(scaling=0.95, **changes)
    rows = nsgf.flow.make_batch(run, cfg, 0)
    x, v = rows["x"][-64:], rows["v"][-64:]
    end = x + nsgf.flow.step_size(cfg, 1 - 1 / cfg.time_steps, 1 / cfg.time_steps) * v
    torch.manual_seed(0)
    run.data.draw_source(64)
    y = run.data.draw_train(64)
    assert nsgf.metrics.w2(y, rows["x"][:64]) > 2
    assert nsgf.metrics.w2(y, end) < 0.3


def test_four_images_make_a_batch_too(nsgf, make_run):
    run = make_run(data={"name": "mnist", "source": "gaussian", "shape": [1, 28, 28], "stand_in": True})
    rows = nsgf.flow.make_batch(run, pool_cfg(batch_size=4, blur=0.5), 0)
    assert rows["x"].shape == rows["v"].shape == (20, 1, 28, 28)
    assert all(values.isfinite().all() for values in rows.values())
