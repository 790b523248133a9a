"""Counter-based randomness."""

import random

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def all_generators(project, monkeypatch):
    """The toy's core imports nothing that draws from numpy or python, so a run of it leaves them alone."""
    monkeypatch.setattr(project.rng, "others_too", True)


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


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("import math\nfrom torch import nn\nfrom ..engine.phases import Train\n", False),
        ("import geomloss, itertools\n", False),
        ("import random\n", True),
        ("def f():\n    from numpy import random\n", True),
        ("from sklearn.datasets import load_digits\n", True),
        ("m = __import__('random')\n", True),
    ],
)
def test_numpy_and_python_are_seeded_unless_nothing_that_draws_from_them_is_imported(project, tmp_path, text, may):
    (tmp_path / "__init__.py").write_text("import math\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "nets.py").write_text(text)

    class Core:
        __file__ = str(tmp_path / "__init__.py")

    assert project.tool("provenance").draws_from_others(Core) is may


def test_an_opened_run_seeds_what_its_core_may_draw_from(project, open_toy, monkeypatch):
    open_toy()
    assert project.rng.others_too is False  # the toy imports math and torch only
    monkeypatch.setattr(project.tool("provenance"), "draws_from_others", lambda _core: True)
    open_toy()
    assert project.rng.others_too is True
