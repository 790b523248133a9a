"""What a user can get wrong is said in three lines, with the user's own line."""

import sys
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.parity.check import check
from reproof.parity.models import CheckRequest

SIDES = Path(__file__).with_name("sides")
pytestmark = [
    pytest.mark.torch,
]

BAD = {
    "no-build": "model = 3\n",
    "not-installed": "import a_package_that_is_not_there\n",
    "side-raised": "def build():\n    return 1 / 0\n",
    "wants-network": "import socket\nsocket.create_connection(('example.org', 80))\n",
    "no-module": "def build():\n    return 3\n",
    "lazy-layer": """
import torch
class M(torch.nn.Module):
    def forward(self, x):
        self.a = torch.nn.Linear(2, 2)
        return self.a(x)
def build():
    return M()
def inputs(case):
    return torch.zeros(1, 2)
""",
    "needs-cuda": "import torch\ndef build():\n    return torch.nn.Linear(2, 2).to('cuda')\n",
}


@pytest.mark.parametrize("slug", BAD)
def test_a_side_that_cannot_be_opened_says_why(slug, tmp_path):
    port = tmp_path / "port.py"
    port.write_text(BAD[slug], encoding="utf-8")
    if slug in ("no-build", "side-raised", "wants-network", "lazy-layer"):
        sides = {"reference": str(port), "port": str(SIDES / "port.py")}
    else:
        sides = {"reference": str(SIDES / "mini.py"), "port": str(port)}
    with pytest.raises(PackError) as raised:
        check(CheckRequest(**sides, timeout_s=120))
    assert raised.value.slug == slug
    assert "fidelity.py compare" in raised.value.fix, "the weaker check that is possible"
    assert ("parity.py record" in raised.value.fix) is (slug == "needs-cuda")


def test_a_file_that_is_not_there_is_said_before_anything_starts():
    with pytest.raises(PackError, match="no file at .absent\\.py."):  # noqa: RUF043
        check(CheckRequest(reference="absent.py", port=str(SIDES / "port.py")))


def test_an_interpreter_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PackError, match="no interpreter"):
        check(CheckRequest(reference=str(SIDES / "mini.py"), port=str(SIDES / "port.py"), python=tmp_path / "python"))


def test_both_sides_are_asked_for():
    with pytest.raises(ValueError, match="--reference and --port"):
        CheckRequest(reference="ref.py")


def test_a_rung_that_does_not_exist_is_refused_with_the_near_one():
    with pytest.raises(ValueError, match="did you mean forward"):
        CheckRequest(reference="a.py", port="b.py", only=["forwards"])


def test_a_comparison_in_yaml_names_every_wrong_field(tmp_path):
    path = tmp_path / "parity.yaml"
    path.write_text("reference: {fle: ref.py}\nport: {file: port.py, framework: keras}\n", encoding="utf-8")
    with pytest.raises(PackError) as raised:
        check(CheckRequest(spec=path))
    assert "fle" in str(raised.value) and "framework" in str(raised.value)


def test_a_hang_ends_at_the_time_limit(tmp_path):
    port = tmp_path / "port.py"
    port.write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    with pytest.raises(PackError) as raised:
        check(CheckRequest(reference=str(SIDES / "mini.py"), port=str(port), timeout_s=2))
    assert raised.value.slug == "timeout"


def test_this_interpreter_is_the_default():
    from reproof.childproc import chosen

    assert chosen(None, "") == sys.executable
