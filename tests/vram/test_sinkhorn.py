"""The geomloss law: by hand for small cases, and against the allocator for real calls."""

import pytest

from reproof.vram.calls import flow_budget
from reproof.vram.sinkhorn import VECTORS, Clouds, backward, value, velocity_ways, worst


def matrices(moments, n, m, d):
    """Peak in units of n * m, without the points and vectors."""
    return (worst(moments)[1] - (n + m) * (d + VECTORS)) / (n * m)


@pytest.mark.parametrize(
    ("kind", "p", "debias", "units"),
    [
        (value, 1, True, 6),
        (value, 2, True, 6),
        (value, 2, False, 4),
        (backward, 2, True, 8),
        (backward, 2, False, 5),
        (backward, 1, True, 10),
        (backward, 1, False, 6),
    ],
)
def test_equal_clouds_take_so_many_cost_matrices(kind, p, debias, units):
    assert matrices(kind(Clouds(4096, 4096, 2, p, debias)), 4096, 4096, 2) == units


def test_large_dimensions_are_ruled_by_copies_of_the_points_not_by_the_matrices():
    moment, alive = worst(backward(Clouds(128, 128, 3072)))
    assert moment == "gradient of the squared norms"
    assert alive == 2 * 128 * (3072 + VECTORS) + 128 * 128 + 4 * 128 * 3072


def test_without_gradients_the_squares_of_the_larger_cloud_come_last_by_hand():
    # four cost matrices and the squares of y, 200 x 2000, while C_yy is made
    moment, alive = worst(value(Clouds(64, 200, 2000)))
    assert moment == "squared norms of the points"
    assert alive == (64 + 200) * (2000 + VECTORS) + 2 * 64 * 200 + 64**2 + 200**2 + 200 * 2000


def test_one_call_and_two_calls_give_the_velocity_at_different_prices():
    found = {way: alive for way, (_, alive) in velocity_ways(2048, 2048, 2, p=2).items()}
    one, apart, together = found.values()
    nm = 2048 * 2048
    assert (round(one / nm), round(apart / nm), round(together / nm)) == (8, 5, 6)


def test_building_a_pool_batch_is_at_least_its_velocity_and_its_rows():
    # CIFAR: the rows are 5 steps x 128 x (2 * 3072 + 1) floats, held twice while they are joined
    budget = flow_budget(128, 3072, 5)
    assert budget.moment == "joining the rows of the batch"
    assert budget.allocated_bytes == 4 * (2 * 128 * 3072 + 2 * 5 * 128 * (2 * 3072 + 1))


GRID = [
    (256, 256, 2),
    (256, 256, 784),
    (128, 128, 3072),
    (512, 300, 10),
    (300, 200, 500),
    (200, 64, 2000),
    (64, 200, 2000),
]


@pytest.mark.torch
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("n", "m", "d"), GRID)
def test_the_law_holds_for_real_calls(reference, n, m, d, p):
    allowed = 0.01 if d <= 10 else 0.10
    for name, said, step in calls(n, m, d, p):
        step()
        measured = reference.peak_bytes(step) / 4
        assert said == pytest.approx(measured, rel=allowed), name


def calls(n, m, d, p):
    """What can be asked of geomloss: name, numbers by the law, and the call."""
    import torch

    geomloss = pytest.importorskip("geomloss")
    torch.manual_seed(0)
    clouds = torch.randn(n, d), torch.randn(m, d)

    def loss(debias, potentials):
        return geomloss.SamplesLoss(
            "sinkhorn", p=p, blur=0.5, scaling=0.5, debias=debias, potentials=potentials, backend="tensorized"
        )

    def plain(debias, potentials):
        x, y = (cloud.clone() for cloud in clouds)
        with torch.no_grad():
            return loss(debias, potentials)(x, y)

    def differentiated(debias, potentials):
        x, y = (cloud.clone() for cloud in clouds)
        found = loss(debias, potentials)(x.requires_grad_(), y)
        return torch.autograd.grad(found[0].sum() if potentials else found, x)

    def two_calls(together):
        x, y = (cloud.clone() for cloud in clouds)
        x.requires_grad_()
        f_self, _ = loss(False, True)(x, x.detach())
        if together:
            f_cross, _ = loss(False, True)(x, y)
            return torch.autograd.grad((f_self - f_cross).sum(), x)
        (own,) = torch.autograd.grad(f_self.sum(), x)
        f_cross, _ = loss(False, True)(x, y)
        return own - torch.autograd.grad(f_cross.sum(), x)[0]

    for debias in (True, False):
        asked = Clouds(n, m, d, p, debias)
        for potentials in (True, False):
            said = f"debias={debias} potentials={potentials}"
            yield f"value {said}", worst(value(asked))[1], lambda d=debias, o=potentials: plain(d, o)
            yield f"backward {said}", worst(backward(asked))[1], lambda d=debias, o=potentials: differentiated(d, o)
    _, (_, apart), (_, joint) = velocity_ways(n, m, d, p).values()
    yield "two calls apart", apart, lambda: two_calls(False)
    yield "two calls together", joint, lambda: two_calls(True)
