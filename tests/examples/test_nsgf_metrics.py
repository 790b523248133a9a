import math

import pytest
import torch
from scipy.optimize import linear_sum_assignment

pytestmark = pytest.mark.torch


def test_w2_is_the_root_of_the_best_assignment(nsgf):
    x, y = torch.randn(60, 3), torch.randn(60, 3) + 1
    cost = torch.cdist(x.double(), y.double()).square().numpy()
    rows, columns = linear_sum_assignment(cost)
    assert nsgf.metrics.w2(x, y) == pytest.approx(math.sqrt(cost[rows, columns].mean()), rel=1e-9)


def test_w2_of_two_points_is_their_distance_not_its_square(nsgf):
    assert nsgf.metrics.w2(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])) == pytest.approx(5.0)


def test_sets_of_different_size_are_compared_as_distributions(nsgf):
    x = torch.tensor([[0.0], [1.0]])
    assert nsgf.metrics.w2(x, x.repeat(3, 1)) == pytest.approx(0, abs=1e-9)
    assert nsgf.metrics.w2(x, torch.zeros(1, 1)) == pytest.approx(math.sqrt(0.5))


def test_images_are_compared_pixel_by_pixel(nsgf):
    assert nsgf.metrics.w2(torch.zeros(2, 1, 4, 4), torch.ones(3, 1, 4, 4)) == pytest.approx(4.0)  # sqrt(16 pixels)


def test_near_points_far_from_zero_keep_their_distance(nsgf):
    x = torch.tensor([[1000.0, 1000.0]])
    assert nsgf.metrics.w2(x, x + 0.125) == pytest.approx(0.125 * math.sqrt(2), rel=1e-9)
