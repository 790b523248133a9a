"""What unfinished code looks like, and what only resembles it."""

import pytest

from reproof.selfcheck.pins import imported, pinned
from reproof.selfcheck.scan import defined, in_source, unfinished

UNFINISHED = {
    "raises": "def loss(x):\n    raise NotImplementedError('later')\n",
    "raises a name": "def loss(x):\n    raise NotImplementedError\n",
    "the skeleton's own": "def loss(x):\n    raise Unfinished('loss')\n",
    "pass": "def loss(x):\n    pass\n",
    "dots": "def loss(x):\n    ...\n",
    "docstring only": 'def loss(x):\n    """The loss."""\n',
    "a number": "def loss(x):\n    return 0.0\n",
    "a negative number": "def loss(x):\n    return -1\n",
    "nothing": "def loss(x):\n    return\n",
    "a constant tensor": "def loss(x):\n    return torch.tensor(0.0)\n",
    "zeros like the input": "def velocity(x):\n    return torch.zeros_like(x)\n",
    "a method": "class Net:\n    def forward(self, x):\n        return 0\n",
    "a comment": "x = 1  # TODO: the real loss\n",
    "a placeholder": "x = 1  # placeholder\n",
    "no syntax": "def loss(x:\n",
}
FINISHED = {
    "a formula": "def loss(x):\n    return (x**2).mean()\n",
    "an abstract method": "class A:\n    @abstractmethod\n    def loss(self, x):\n        pass\n",
    "a protocol": "class A(Protocol):\n    def loss(self, x): ...\n",
    "noise": "def source(run, n):\n    return torch.randn(n, 2)\n",
    "a property": "class A:\n    @property\n    def steps(self):\n        return 5\n",
    "the word in a string": "x = 'TODO'\n",
    "todo inside a word": "x = 1  # mastodon\n",
    "two branches": "def f(x):\n    if x:\n        return 1\n    return 0\n",
    "re-raised": "try:\n    f()\nexcept ValueError:\n    raise\n",
}


@pytest.mark.parametrize("source", UNFINISHED.values(), ids=UNFINISHED)
def test_unfinished_code_is_found(source):
    assert in_source(source.encode())


@pytest.mark.parametrize("source", FINISHED.values(), ids=FINISHED)
def test_finished_code_raises_no_alarm(source):
    assert in_source(source.encode()) == []


def test_the_place_is_named(tmp_path):
    (tmp_path / "losses.py").write_text("x = 1\n\ndef loss(x):\n    return 0.0\n")
    assert unfinished(tmp_path) == ["losses.py:3 loss always returns 0.0"]


def test_definitions_are_known_by_module_and_class(tmp_path):
    (tmp_path / "__init__.py").write_text("def load(): return open\n")
    (tmp_path / "nets.py").write_text("class Mlp:\n    def forward(self, x): return x\n")
    assert defined(tmp_path) == {"load", "nets.Mlp", "nets.Mlp.forward"}


def test_imports_are_third_party_top_level_and_not_ones_own(tmp_path):
    (tmp_path / "small").mkdir()
    code = "import os, yaml\nimport torch.nn as nn\nfrom . import data\nfrom small import x\ndef f():\n    import ot\n"
    (tmp_path / "small" / "a.py").write_text(code)
    assert imported(tmp_path) == {"yaml", "torch", "ot"}


@pytest.mark.parametrize("line", ["torch", "torch>=2", "torch~=2.1", "# torch==2", "torch=2", ""])
def test_only_two_equal_signs_pin(line):
    assert pinned(line) == {}
