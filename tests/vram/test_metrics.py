"""Evaluation, buffers and pools, by hand and against a trace; Sinkhorn without matrices, and what else it could be."""

import json
from pathlib import Path

import pytest

from reproof.vram import gpus
from reproof.vram.command import main
from reproof.vram.interpreter import Interpreter
from reproof.vram.metrics import MetricRequest, distances, metric
from reproof.vram.timeline import Timeline
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("steps.py")
MIB = 2**20


def total(parts):
    return sum(part.bytes for part in parts)


def asked(kind, **given):
    return metric(MetricRequest(kind=kind, **given))


@pytest.fixture(scope="module")
def interpreter():
    with Interpreter(TraceRequest(target=f"{STEPS}:pairwise", steps=2)) as started:
        yield started


@pytest.mark.torch
@pytest.mark.linux
@pytest.mark.parametrize(("n", "m", "d"), [(4096, 2048, 16), (2000, 3000, 784), (512, 8192, 2)])
def test_distances_are_within_two_percent_of_the_trace(interpreter, n, m, d):
    line = Timeline.read(interpreter.trace(gpus.find("T4"), {"n": n, "m": m, "d": d}))
    workspaces = line.most("workspace")
    assert total(distances(n, m, d, width=4)) == pytest.approx(max(line.levels()) - workspaces, rel=0.02)


def test_a_chunk_bounds_the_matrix_and_nothing_else():
    whole, half = asked("nearest", n=1000, m=500, shape=[8]), asked("nearest", n=1000, m=500, shape=[8], chunk=10)
    assert whole.device_bytes - half.device_bytes == (1000 - 10) * (500 + 8 + 2) * 4
    assert asked("nearest", n=1000, m=500, shape=[8], chunk=5000).device_bytes == whole.device_bytes


def test_half_the_bits_are_half_of_the_distances():
    one, two = (asked("pairwise", n=100, shape=[3], float_bits=bits).device_bytes for bits in ("32", "64"))
    assert two == 2 * one


def test_mmd_holds_a_kernel_beside_its_distances():
    assert asked("mmd", n=1000, shape=[1]).parts[-1].bytes == 2 * 1000 * 1000 * 4


def test_fid_is_inception_on_the_gpu_and_covariances_on_the_host():
    found = asked("fid", n=50_000, shape=[3, 32, 32])
    assert found.device_bytes == pytest.approx(795.8 * MIB, rel=0.01)  # traced, torchvision 0.29, batch 50
    assert found.host_bytes == 50_000 * 2048 * 8 + 6 * 2048 * 2048 * 8
    assert found.disk_bytes == 50_000 * 2048 * 4


def test_a_replay_buffer_of_frames_by_hand():
    # a million transitions of four 84 x 84 frames in bytes, twice, an action, a reward and an end
    found = asked("replay", n=10**6, shape=[4, 84, 84], float_bits="8")
    assert found.host_bytes == 10**6 * (2 * 4 * 84 * 84 + 4 + 4 + 1)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["metric", "fid", "--n", "5", "--shape", "3x32x32", "--chunk", "5"], "chunk"),
        (["metric", "lpips", "--n", "5", "--shape", "2"], "pairwise"),
        (["metric", "pairwise", "--n", "-5", "--shape", "0x3"], "--shape"),
    ],
)
def test_what_cannot_be_counted_is_refused(words, named, capsys):
    assert main(words) == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pairwise", "nearest", "mmd", "fid", "replay"])
def test_every_kind_has_a_report(kind, capsys):
    assert main(["metric", kind, "--n", "1000", "--shape", "3x8x8"]) == 0
    assert capsys.readouterr().out.startswith(f"# Memory of {kind}")


def test_online_keeps_no_matrix_and_multiscale_at_most_as_much_again(capsys):
    sizes = {}
    for backend in ("tensorized", "online", "multiscale"):
        assert main(["sinkhorn", "--n", "10000", "--d", "2", "--backend", backend, "--json"]) == 0
        sizes[backend] = json.loads(capsys.readouterr().out)["budget"]["allocated_bytes"]
    assert sizes["online"] == (2 * 20_000 * 2 + 16 * 20_000) * 4
    assert sizes["multiscale"] == 2 * sizes["online"]
    assert sizes["tensorized"] > 100 * sizes["online"]


def test_what_else_a_sinkhorn_call_could_be_is_ranked(capsys):
    words = ["sinkhorn", "--n", "4096", "--d", "2", "--p", "1", "--mode", "backward", "--json"]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    sizes = [way["bytes"] for way in answer["savings"]]
    assert sizes == sorted(sizes)
    assert answer["savings"][0]["name"].startswith("backend='online'")
    assert all(size < answer["budget"]["allocated_bytes"] for size in sizes)
    names = " ".join(way["name"] for way in answer["savings"])
    assert "p=2" in names and "debias=False" in names and "2048 and 2048" in names


def test_building_a_pool_tells_its_solves_and_what_the_gpu_holds(capsys):
    words = ["pool", "--batches", "10", "--batch-size", "128", "--steps", "5", "--shape", "2", "--potentials", "2"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["solves"] == 10 * 5 * 2
    assert answer["building"]["allocated_bytes"] > 128 * 128 * 4
    assert main(words) == 0
    assert "10 Sinkhorn solves a batch, 100 in all" in capsys.readouterr().out
