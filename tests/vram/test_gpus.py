"""The table of GPUs: found by any spelling, refused with a near miss, and true to itself."""

import pytest

from reproof.errors import PackError
from reproof.vram.gpus import GPUS, chosen, find


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("T4", "T4"),
        ("tesla t4", "T4"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("rtx3090", "RTX 3090"),
        ("A100", "A100 40GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("A100 40GB", "A100 40GB"),
        ("a100-80gb", "A100 80GB"),
        ("Kaggle T4 x2", "Kaggle T4 x2"),
        ("H100", "H100"),
    ],
)
def test_a_gpu_is_found_however_it_is_written(written, name):
    assert find(written).name == name


@pytest.mark.parametrize(("written", "meant"), [("RTX 3091", "RTX 3090"), ("A101", "A10"), ("H201", "H200")])
def test_an_unknown_gpu_is_refused_with_a_near_miss(written, meant):
    with pytest.raises(PackError) as caught:
        find(written)
    assert meant in caught.value.what
    assert "--gpu 24GiB" in caught.value.fix


@pytest.mark.parametrize("written", ["", "24", "-8GB", "0GB", "100MB", "banana"])
def test_what_is_neither_a_name_nor_a_size_is_refused(written):
    with pytest.raises(PackError) as caught:
        find(written)
    assert caught.value.slug == "unknown-gpu"


def test_bytes_are_a_gpu_of_that_size():
    assert find("24GiB").usable_bytes == 24 * 2**30
    assert find("24GB").usable_bytes == 24 * 10**9
    assert find("256MiB").usable_bytes == 2**28  # the smallest that is believed


def test_the_same_card_twice_is_one_column():
    assert [gpu.name for gpu in chosen(["T4", "tesla t4", "L4"])] == ["T4", "L4"]


def test_every_card_gives_less_than_its_box_says_and_names_its_source():
    for gpu in GPUS:
        assert 10 * 2**30 < gpu.usable_bytes < 180 * 2**30
        assert gpu.source
        assert gpu.how == ("cited" if "github.com" in gpu.source else "inferred")
        assert gpu.bandwidth_gb_per_s > 0


def test_most_sizes_are_cited_and_the_others_say_that_they_are_not():
    assert sorted(gpu.name for gpu in GPUS if gpu.how != "cited") == ["H200", "Kaggle P100", "L4", "P100"]


def test_speeds_rise_from_fp32_over_tf32_to_16_bits_and_tf32_begins_with_ampere():
    for gpu in GPUS:
        fp32, tf32, half = gpu.tflops
        assert 0 < fp32 < half
        assert (tf32 > 0) == gpu.bf16
        assert tf32 == 0 or fp32 <= tf32 < half


def test_bf16_begins_with_ampere():
    assert [gpu.name for gpu in GPUS if not gpu.bf16] == [
        "T4", "P100", "V100 16GB", "V100 32GB", "RTX 2080 Ti", "Kaggle T4 x2", "Kaggle P100", "Colab T4",
    ]  # fmt: skip
