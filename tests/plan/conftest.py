"""A small plan that lacks nothing, and a clone to port from."""

import subprocess

import pytest

INFERRED = {"inferred": "not stated"}


@pytest.fixture
def plan_data(plan_data):
    """The shared small plan with everything that a complete plan says; eight more inferred values."""
    toy = plan_data["experiments"]["toy"]
    toy["protocol"] = {
        "splits": {"train": {"value": "fresh draws", **INFERRED}},
        "preprocessing": {"value": ["as drawn"], **INFERRED},
        "shapes": {"point": {"value": [2], **INFERRED}},
    }
    toy["parameters"] = {"value": 130, **INFERRED}
    toy["phases"]["fit"]["objective"] = {"formula": {"value": "|v - u|^2", **INFERRED}}
    toy["evaluation"]["definition"] = {
        "squared": {"value": False, **INFERRED},
        "package": {"value": "POT ot.emd2", **INFERRED},
        "averaging": {"value": "none", **INFERRED},
    }
    return plan_data


@pytest.fixture
def clone(tmp_path):
    """(folder, commit): the first commit is ported; the second changed the dropout and lost a file."""
    folder = tmp_path / "clone"
    (folder / "src").mkdir(parents=True)
    model = folder / "src" / "model.py"

    def git(*words):
        ours = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", "-C", str(folder), *words]
        return subprocess.run(ours, check=True, capture_output=True, text=True).stdout.strip()

    (folder / "src" / "gone.py").write_text("HEADS = 8\n", "utf-8")
    git("init", "-q")
    model.write_text("DIM = 1_024\ndropout: float = 0.1\nnorm = nn.LayerNorm(DIM, eps=1e-6)\nbias = False\n", "utf-8")
    git("add", ".")
    git("commit", "-qm", "one")
    first = git("rev-parse", "HEAD")
    model.write_text("DIM = 1_024\ndropout: float = 0.2\n", "utf-8")
    (folder / "src" / "gone.py").unlink()
    git("commit", "-qam", "two")
    return folder, first
