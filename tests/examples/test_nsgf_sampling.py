import pytest
import torch

pytestmark = pytest.mark.torch

TOY = {"name": "moons", "source": "gaussian"}
IMAGES = {"name": "mnist", "source": "gaussian", "shape": [1, 28, 28], "stand_in": True}


def flow(schedule, **more):
    return {"trajectory_pool": {"time_steps": 5, "step_schedule": schedule, **more}}


@pytest.mark.parametrize("steps", [1, 10, 100])
def test_incremental_steps_along_the_displacement_arrive_exactly_and_evenly(nsgf, make_run, steps):
    run, goal = make_run(data=TOY, phases=flow("incremental")), torch.tensor([3.0, -1.0])
    run.models["velocity_matching"] = lambda x, _t: goal - x
    path = nsgf.core.sample(run, 8, steps)
    assert path.shape == (steps + 1, 8, 2)
    torch.testing.assert_close(path[-1], goal.expand(8, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(path[steps // 2], path[0] + (goal - path[0]) * (steps // 2) / steps, atol=1e-5, rtol=0)


def test_constant_steps_leave_the_share_that_euler_leaves(nsgf, make_run):
    run, goal = make_run(data=TOY, phases=flow("constant", flow_time=4.0)), torch.tensor([3.0, -1.0])
    run.models["velocity_matching"] = lambda x, _t: goal - x
    path = nsgf.core.sample(run, 8, 10)
    torch.testing.assert_close(path[-1] - goal, (path[0] - goal) * (1 - 0.4) ** 10)


def test_the_net_is_told_the_time_of_every_step(nsgf, make_run):
    run, seen = make_run(data=TOY, phases=flow("incremental")), []
    run.models["velocity_matching"] = lambda x, t: seen.append(t.tolist()) or x
    nsgf.core.sample(run, 2, 4)
    assert seen == [[0.0, 0.0], [0.25, 0.25], [0.5, 0.5], [0.75, 0.75]]


def test_the_path_starts_at_the_source_and_carries_no_gradient(nsgf, make_run):
    run = make_run(data=TOY | {"source": "8gaussians"}, phases=flow("incremental"))
    run.models["velocity_matching"] = torch.nn.Bilinear(2, 1, 2)
    net = run.models["velocity_matching"]
    run.models["velocity_matching"] = lambda x, t: net(x, t[:, None])
    path = nsgf.core.sample(run, 500, 3)
    assert not path.requires_grad
    assert 4 < path[0].norm(dim=1).mean() < 6  # the ring of radius 5


def test_two_phases_spend_five_steps_in_the_flow_and_the_rest_from_the_predicted_time_to_one(nsgf, make_run):
    run, times = make_run(data=IMAGES, phases=flow("incremental")), []
    run.models["velocity_matching"] = lambda x, _t: -x  # all to 0
    run.models["phase_predictor"] = lambda _x: torch.tensor([0.2, 0.5, 1.0])
    run.models["straight_flow"] = lambda x, t: times.append(t) or torch.ones_like(x)
    path = nsgf.core.sample(run, 3, 59)
    assert path.shape == (60, 3, 1, 28, 28) and len(times) == 54
    torch.testing.assert_close(path[5], torch.zeros(3, 1, 28, 28), atol=1e-5, rtol=0)
    torch.testing.assert_close(path[-1].mean(dim=(1, 2, 3)), torch.tensor([0.8, 0.5, 0.0]))  # 1 - t at speed 1
    torch.testing.assert_close(times[0], torch.tensor([0.2, 0.5, 1.0]))
    torch.testing.assert_close(times[27], torch.tensor([0.6, 0.75, 1.0]))  # half way to 1


@pytest.mark.parametrize("steps", [2, 5, 6])
def test_few_steps_give_a_path_of_the_promised_length(nsgf, make_run, steps):
    run = make_run(data=IMAGES, phases=flow("incremental"))
    run.models |= {"velocity_matching": lambda x, _t: x, "straight_flow": lambda x, _t: x,
                   "phase_predictor": lambda x: torch.full((len(x),), 0.5)}  # fmt: skip
    assert nsgf.core.sample(run, 2, steps).shape == (steps + 1, 2, 1, 28, 28)
