"""What `fit` found as words and as a file: only what changes, in the generated project's own names."""

import json
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram.overrides import overrides, refuse_unknown_ending, words, write
from reproof.vram.traced import FitRequest, FittedGpu


def request(**more):
    return FitRequest(target="x.py:build", batch=128, iterations=1000, **more)


def test_only_what_changes_is_overridden():
    assert overrides(request(), 128, 1, 1000, 128) == {}
    assert overrides(request(), 32, 4, 1000, 50) == {"micro_batch": 32, "accumulate": 4}
    assert overrides(request(), 43, 3, 993, 50) == {"micro_batch": 43, "accumulate": 3, "train_iters": 993}
    assert overrides(request(), 128, 1, None, 128) == {}  # no number of updates was asked for


def test_a_coupled_batch_has_a_key_of_its_own_where_it_is_smaller():
    coupled = request(coupled=True, coupled_arg="sinkhorn_batch")
    assert overrides(coupled, 128, 1, 1000, 50) == {"sinkhorn_batch": 50}
    assert overrides(coupled, 128, 1, 1000, 128) == {}
    assert overrides(request(coupled=True), 128, 1, 1000, 50) == {}


def test_words_are_flags_of_the_generated_project():
    found = {"micro_batch": 32, "precision": "bf16", "checkpointing": True, "train_iters": 5, "sinkhorn_batch": 1}
    assert words(found) == "--micro-batch 32 --precision bf16 --checkpointing --train-iters 5 --sinkhorn-batch 1"
    assert words({}) == ""


@pytest.mark.parametrize("name", ["o.yaml", "o.yml", "o.json", None])
def test_yaml_and_json_are_written(name):
    refuse_unknown_ending(Path(name) if name else None)


def test_another_ending_is_refused():
    with pytest.raises(PackError, match="bad-overrides"):
        refuse_unknown_ending(Path("o.toml"))


def test_the_file_holds_every_gpu_and_whether_it_fits(tmp_path):
    def of(gpu, **more):
        return FittedGpu(gpu=gpu, usable_bytes=1, wanted_verdict="no", largest_micro_batch=None, notes=[], **more)

    rows = [
        of("T4", micro_batch=32, overrides={"micro_batch": 32}),
        of("L4", overrides={"sinkhorn_batch": 5}),
        of("P100"),
    ]
    path = tmp_path / "o.json"
    assert write(path, request(), rows) == str(path)
    assert path.read_text().endswith("}\n")
    assert json.loads(path.read_text()) == {
        "target": "x.py:build",
        "samples_per_update": 128,
        "gpus": {
            "T4": {"fits": True, "micro_batch": 32},
            "L4": {"fits": True, "sinkhorn_batch": 5},
            "P100": {"fits": False},
        },
    }
