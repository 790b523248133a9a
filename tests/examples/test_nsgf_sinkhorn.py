import math

import numpy as np
import ot
import pytest
import torch

pytestmark = pytest.mark.torch


def entropic_cost(x, y, eps, iterations=3000):
    """OT_eps of uniform clouds with cost |x - y|^2 / 2, by plain log-domain Sinkhorn: the dual value at convergence."""
    cost = torch.cdist(x, y).square() / 2
    f, g = torch.zeros(len(x), dtype=x.dtype), torch.zeros(len(y), dtype=x.dtype)
    for _ in range(iterations):
        f = -eps * torch.logsumexp((g[None] - cost) / eps - math.log(len(y)), dim=1)
        g = -eps * torch.logsumexp((f[:, None] - cost) / eps - math.log(len(x)), dim=0)
    return (f.mean() + g.mean()).item()


def divergence(x, y, eps):
    return entropic_cost(x, y, eps) - entropic_cost(x, x, eps) / 2 - entropic_cost(y, y, eps) / 2


def test_the_velocity_is_the_steepest_descent_of_the_divergence_by_finite_differences(nsgf):
    x, y, blur, h = torch.randn(6, 2).double(), torch.randn(7, 2).double() + 1, 0.7, 1e-4
    v = nsgf.sinkhorn.sinkhorn_velocity(x, y, blur, scaling=0.999)
    for i in (0, 3):
        for d in (0, 1):
            up, down = x.clone(), x.clone()
            up[i, d] += h
            down[i, d] -= h
            slope = (divergence(up, y, blur**2) - divergence(down, y, blur**2)) / (2 * h)
            assert v[i, d].item() == pytest.approx(-len(x) * slope, abs=4e-3)  # each particle weighs 1/6


def test_without_blur_the_velocity_is_the_way_to_the_exact_optimal_partner(nsgf):
    x, y = torch.randn(12, 3).double(), 2 * torch.randn(12, 3).double() + 1
    plan = ot.emd([], [], ot.dist(x.numpy(), y.numpy()))
    partner = y[torch.from_numpy(plan.argmax(1))]
    assert np.count_nonzero(plan) == 12
    v = nsgf.sinkhorn.sinkhorn_velocity(x, y, blur=0.02, scaling=0.995)
    torch.testing.assert_close(v, partner - x, atol=2e-2, rtol=0)


@pytest.mark.parametrize("blur", [0.2, 1.0, 3.0])
def test_a_shifted_copy_pulls_every_particle_by_the_shift_whatever_the_blur(nsgf, blur):
    # |x - x' - c|^2 / 2 is |x - x'|^2 / 2 plus terms in x and in x' alone: f_cross = f_self - <x, c> + constant.
    x, shift = torch.randn(40, 2).double(), torch.tensor([2.0, -1.0]).double()
    v = nsgf.sinkhorn.sinkhorn_velocity(x, x + shift, blur, 0.995)
    torch.testing.assert_close(v, shift.expand(40, 2), atol=0.02, rtol=0)


def test_particles_on_the_targets_stay(nsgf):
    x = torch.randn(32, 2)
    assert nsgf.sinkhorn.sinkhorn_velocity(x, x[torch.randperm(32)], 0.5, 0.9).abs().max() < 0.02


def test_the_order_of_particles_and_targets_does_not_matter(nsgf):
    x, y, order = torch.randn(20, 2), torch.randn(15, 2), torch.randperm(20)
    v = nsgf.sinkhorn.sinkhorn_velocity(x, y, 0.5, 0.9)
    shuffled = nsgf.sinkhorn.sinkhorn_velocity(x[order], y[torch.randperm(15)], 0.5, 0.9)
    torch.testing.assert_close(shuffled, v[order], atol=1e-4, rtol=1e-4)


def test_images_are_points_not_clouds(nsgf):
    x, y = torch.randn(5, 1, 4, 4), torch.randn(6, 1, 4, 4)
    v = nsgf.sinkhorn.sinkhorn_velocity(x, y, 0.5, 0.9)
    flat = nsgf.sinkhorn.sinkhorn_velocity(x.flatten(1), y.flatten(1), 0.5, 0.9)
    assert v.shape == x.shape
    torch.testing.assert_close(v.flatten(1), flat)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_gradient_mode_is_what_it_was(nsgf, mode):
    with mode():
        x = torch.randn(4, 2)
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        v = nsgf.sinkhorn.sinkhorn_velocity(x, torch.randn(4, 2), 0.5, 0.8)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    assert not v.requires_grad and not x.requires_grad


def test_slower_annealing_is_nearer_to_the_converged_velocity(nsgf):
    x, y = torch.randn(64, 2).double(), nsgf.toy.moons(64).double()
    exact = nsgf.sinkhorn.sinkhorn_velocity(x, y, 0.5, 0.995)
    errors = [(nsgf.sinkhorn.sinkhorn_velocity(x, y, 0.5, s) - exact).norm().item() for s in (0.8, 0.9, 0.95, 0.98)]
    assert errors == sorted(errors, reverse=True) and errors[0] > 3 * errors[2]
