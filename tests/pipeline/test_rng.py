"""Counter-based randomness."""

import random

import numpy as np
import torch


def draw():
    return torch.rand(1).item(), np.random.rand(), random.random()


def test_the_same_key_gives_the_same_numbers_everywhere(project):
    project.rng.seed_all(0, "flow", 7, 0)
    first = draw()
    draw()
    project.rng.seed_all(0, "flow", 7, 0)
    assert draw() == first


def test_every_part_of_the_key_matters_to_every_generator(project):
    drawn = []
    for key in [(0, "flow", 7, 0), (1, "flow", 7, 0), (0, "map", 7, 0), (0, "flow", 8, 0), (0, "flow", 7, 1)]:
        project.rng.seed_all(*key)
        drawn.append(draw())
    assert all(len(set(numbers)) == 5 for numbers in zip(*drawn, strict=True))


def test_preserved_leaves_every_generator_as_it_was(project):
    project.rng.seed_all("here")
    expected = [draw(), draw()]
    project.rng.seed_all("here")
    drawn = [draw()]
    with project.rng.preserved():
        project.rng.seed_all("elsewhere")
        draw()
    assert [*drawn, draw()] == expected


def test_deterministic_mode_is_on_without_filling_memory(project):
    project.rng.make_deterministic(torch.device("cpu"), threads=1)
    assert torch.are_deterministic_algorithms_enabled() and torch.get_num_threads() == 1
    assert not torch.utils.deterministic.fill_uninitialized_memory
