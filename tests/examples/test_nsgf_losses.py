from types import SimpleNamespace

import pytest
import torch

pytestmark = pytest.mark.torch

IMAGES = {"name": "mnist", "source": "gaussian", "shape": [1, 28, 28], "stand_in": True}


def test_the_squared_error_is_summed_over_a_sample_and_averaged_over_the_batch(nsgf):
    error = nsgf.losses.squared_error(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.zeros(2, 2))
    assert error.item() == 2.5  # (1 + 4 + 0 + 0) / 2 samples


def test_predictions_of_another_shape_are_refused_and_not_broadcast(nsgf):
    with pytest.raises(AssertionError, match="broadcast"):
        nsgf.losses.squared_error(torch.zeros(4, 1), torch.zeros(4))


def test_velocity_matching_regresses_the_pool_rows_at_their_times(nsgf, make_run):
    rows = {"x": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "v": torch.tensor([[9.0, 9.0], [7.0, 7.0]]),
            "t": torch.tensor([0.1, 0.6])}  # fmt: skip
    run = make_run()
    run.pools["trajectory_pool"] = SimpleNamespace(sample=lambda _n: rows)

    def off_by_x_and_t(x, t):
        return rows["v"] + x - rows["x"] + t[:, None]

    loss = nsgf.losses.velocity_matching_loss(off_by_x_and_t, run, None, 2)
    assert loss.item() == pytest.approx((2 * 0.1**2 + 2 * 0.6**2) / 2)


@pytest.mark.parametrize("data", [{"name": "moons", "source": "gaussian"}, IMAGES])
def test_the_straight_flow_target_is_the_derivative_of_its_line(nsgf, make_run, data):
    x0, y, t, xt = nsgf.losses.straight_line(make_run(data=data), 16)
    at = t.view(16, *[1] * (x0.dim() - 1))
    torch.testing.assert_close(xt + (1 - at) * (y - x0), y)  # following Y - X_0 for the rest of the time ends at Y
    torch.testing.assert_close(xt - at * (y - x0), x0)
    assert t.min() >= 0 and t.max() <= 1 and len(t.unique()) == 16


def test_the_straight_flow_loss_of_the_true_field_is_zero_and_of_the_printed_one_is_not(nsgf, make_run):
    run = make_run(data={"name": "moons", "source": "gaussian"})

    def loss(field):
        torch.manual_seed(1)
        x0, y, _, _ = nsgf.losses.straight_line(run, 16)
        torch.manual_seed(1)
        return nsgf.losses.straight_flow_loss(lambda _x, _t: field(x0, y), run, None, 16).item()

    assert loss(lambda x0, y: y - x0) == 0
    assert loss(lambda x0, y: y + x0) > 1


def test_the_predictor_is_asked_for_the_time_of_the_line_it_sees(nsgf, make_run):
    run = make_run(data=IMAGES)
    torch.manual_seed(1)
    t = nsgf.losses.straight_line(run, 8)[2]
    torch.manual_seed(1)
    loss = nsgf.losses.phase_predictor_loss(lambda _x: t + 0.5, run, None, 8)
    assert loss.item() == pytest.approx(0.25)
