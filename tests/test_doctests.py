"""Every example in a docstring of the library is run.

pytest's own collection of doctests is not used: with it, a test module that cannot be imported is skipped in silence.
"""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

HELPERS = Path(__file__).resolve().parent.parent / "helpers"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
WITH_EXAMPLES = [
    ".".join(path.relative_to(HELPERS).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((HELPERS / "reproof").rglob("*.py"))
    if re.search(r"^ *>>> ", path.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "reproof").partition(".")[0] == "reproof":
            raise
        pytest.skip(f"{error.name} is not installed")
    failed, ran = doctest.testmod(module, optionflags=FLAGS)
    assert ran and not failed
