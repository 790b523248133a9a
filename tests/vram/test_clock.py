"""The roofline: speeds of a card, the range of a step worked out by hand, and what it waits for most."""

from dataclasses import replace

import pytest

from reproof.vram.clock import MEASURED, peaks, said, step_time
from reproof.vram.gpus import find
from reproof.vram.models import StepTime
from reproof.vram.observed import DeviceConstants

T4 = find("T4")  # 8.1 TFLOP/s in fp32, 65 in 16 bits, 320 GB/s
CONSTANTS = DeviceConstants(
    gpu="T4", capability="7.5", torch="2.13.0", driver="580.1", date="2026-11-22", total_bytes=1, context_bytes=1,
    blas_bytes=[], convolutions=[], matmul_flop_per_s={"float32": 9e12, "half": 3e13}, copy_bytes_per_s=1.6e11,
)  # fmt: skip


@pytest.mark.parametrize(
    ("card", "tf32", "half", "fp64"),
    [
        ("T4", 8.1, 65, 8.1 / 32),  # no TF32
        ("P100", 9.3, 18.7, 9.3 / 2),
        ("A100 40GB", 156, 312, 19.5),  # its tensor cores do fp64 as fast as the others fp32
        ("RTX 3090", 35.6, 71, 35.6 / 64),
    ],
)
def test_the_speeds_of_a_card_are_those_of_its_data_sheet(card, tf32, half, fp64):
    found = peaks(find(card))
    assert {name: found[name] / 1e12 for name in ("tf32", "half", "fp64")} == pytest.approx(
        {"tf32": tf32, "half": half, "fp64": fp64}
    )


def test_without_arithmetic_or_bandwidth_no_speed_is_known():
    assert peaks(replace(T4, tflops=None)) is None
    assert peaks(replace(T4, bandwidth_gb_per_s=0)) is None


def test_measured_speeds_are_used_and_named():
    card = replace(T4, constants=CONSTANTS)
    half = step_time(card, [["half", 3e13, 0, 1]])
    assert (half.low_s, half.source) == (pytest.approx(1), MEASURED)
    assert step_time(card, [["fp32", 9e12, 0, 1]]).low_s == pytest.approx(1)
    assert step_time(card, [["fp32", 0, 1.6e11, 1]]).low_s == pytest.approx(1 / 0.95)
    assert step_time(T4, [["half", 1, 0, 1]]).source != MEASURED


def test_an_operator_takes_a_microsecond_at_least_and_at_most_a_launch_more_than_its_work():
    time = step_time(T4, [["fp32", 0, 0, 100]])
    assert (time.low_s, time.high_s) == (pytest.approx(100e-6), pytest.approx(1200e-6))
    time = step_time(T4, [["fp32", 8.1e6, 0, 1]])  # a microsecond of arithmetic
    assert time.high_s == pytest.approx(1e-6 / 0.3 + 12e-6)


def test_what_fits_the_cache_may_be_read_for_nothing():
    most = 4 * 2**20
    assert step_time(T4, [["fp32", 0, most, 1]]).low_s == pytest.approx(1e-6)
    assert step_time(T4, [["fp32", 0, most + 1, 1]]).low_s == pytest.approx(most / 320e9 / 0.95, rel=1e-5)


def test_a_step_waits_most_for_what_takes_most_of_its_upper_end():
    # 1 s of memory, beside 0.9 s of arithmetic that hides behind it: 2 s at half the bandwidth
    assert step_time(T4, [["fp32", 0.9 * 8.1e12, 320e9, 1]]).bound_by == "memory"
    # a millisecond of memory in 1,000 launches, 12 ms
    assert step_time(T4, [["fp32", 0, 320e3, 1000]]).bound_by == "launches"


def test_the_range_in_words():
    time = StepTime(low_s=0.0123, high_s=0.5, run_low_s=90, run_high_s=3600, bound_by="memory", source="x")
    assert said(time) == (
        "one update takes 12.3 to 500.0 ms, all of them 1 min 30 s to 1 h 0 min, waiting most for memory "
        "(a range that no GPU checked)"
    )
    bare = time.model_copy(update={"run_low_s": None, "run_high_s": None, "source": MEASURED})
    assert said(bare) == "one update takes 12.3 to 500.0 ms, waiting most for memory"
