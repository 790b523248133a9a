"""The example ports climb the ladder against the libraries they are ported from."""

import importlib.util
import json
from pathlib import Path

import pytest

PORTS = Path(__file__).resolve().parents[2] / "examples" / "ports"
CASES = {
    "gpt2": ("gpt2_reference.py", "gpt2.py", ("torch", "transformers"), "training dynamics"),
    "vit": ("vit_reference.py", "vit.py", ("torch", "timm", "torchvision"), "forward and gradients"),
    "flax": ("flax_reference.py", "flax_port.py", ("torch", "jax", "flax"), "forward and gradients"),
}


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("name", CASES)
def test_the_port_is_faithful_to_its_library(name, helper):
    reference, port, packages, level = CASES[name]
    missing = [each for each in packages if not importlib.util.find_spec(each)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    result = helper("parity", "check", "--reference", PORTS / reference, "--port", PORTS / port, "--json")
    assert result.returncode == 0, result.stdout[:3000] + result.stderr
    answer = json.loads(result.stdout)
    assert answer["map"]["complete"]
    assert level in {each["level"] for each in answer["claims"] if each["status"] == "proven"}


def test_the_ports_are_written_without_the_library_they_are_ported_from():
    for name in ("gpt2.py", "vit.py", "flax_port.py"):
        text = (PORTS / name).read_text(encoding="utf-8")
        assert not {"import transformers", "import timm", "import flax", "import jax"} & set(text.split("\n"))
