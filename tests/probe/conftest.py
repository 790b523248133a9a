"""A spec from a few words, run once for the whole file where starting an interpreter is the dear part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reproof.probe.command import probe
from reproof.probe.models import RunRequest

LIBRARY = Path(__file__).parent / "library"


def call(target: str, inputs: dict | None = None, **more) -> dict:
    """One call of the toy library; by default on x (8, 2)."""
    name = target.lower() if "id" not in more else more.pop("id")
    return {
        "id": name.replace(".", "_"),
        "target": target if "." in target else f"toylib.{target}",
        "inputs": {"x": {"shape": [8, 2]}} if inputs is None else inputs,
        "experiments": ["toy"],
        **more,
    }


def library(calls: list, name: str = "toylib", distribution: str = "numpy", version: str | None = None) -> dict:
    import numpy

    planned = {"value": version or numpy.__version__, "inferred": "a distribution that is there"}
    return {"name": name, "distribution": distribution, "version": planned, "calls": calls}


def run(folder: Path, calls: list, **how):
    """The answer for these calls."""
    path = folder / "calls.yaml"
    path.write_text(json.dumps({"libraries": [library(calls)]}))
    return probe(RunRequest(plan=path, path=[LIBRARY], **{"timeout_s": 20.0, **how}))


def asked(request, names) -> list[str]:
    """The names that the chosen tests of the module need: all, or those of `-k`."""
    # doctests have no module
    mine = [item for item in request.session.items if getattr(item, "module", None) is request.module]
    if not all(hasattr(item, "callspec") for item in mine):
        return list(names)
    chosen = {value for item in mine for value in item.callspec.params.values() if isinstance(value, str)}
    return [name for name in names if name in chosen]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("probe")


def codes(case) -> dict[str, str]:
    """Finding code -> severity."""
    return {finding.code: finding.severity for finding in case.findings}


def by_id(answer) -> dict:
    return {case.id: case for case in answer.cases}
