"""The keys of fake tensors' cache tell apart what torch's own keys tell apart, and nothing else."""

import importlib.util
import itertools
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "helpers" / "reproof" / "vram" / "child" / "cachekeys.py"
pytestmark = [pytest.mark.torch, pytest.mark.linux]


@pytest.fixture
def fake_tensor(monkeypatch):
    fake_tensor = pytest.importorskip("torch._subclasses.fake_tensor")
    monkeypatch.setattr(fake_tensor, "extract_tensor_metadata", fake_tensor.extract_tensor_metadata)
    monkeypatch.setattr(fake_tensor.TensorMetadata, "_flatten_into", fake_tensor.TensorMetadata._flatten_into)
    return fake_tensor


@pytest.fixture
def cachekeys():
    spec = importlib.util.spec_from_file_location("cachekeys", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tensors(torch):
    image, complex_ = torch.empty(2, 3, 4, 4), torch.empty(2, 3, dtype=torch.complex64)
    with torch.inference_mode():
        inference = torch.empty(2, 3)
    return [
        torch.empty(2, 3), torch.empty(2, 3), torch.empty(3, 2), torch.empty(3, 2).t(), torch.empty(6),
        torch.empty(2, 3).half(), torch.empty(4, 3)[2:], torch.empty(4, 3)[:2], torch.empty(2, 3, requires_grad=True),
        image, image.to(memory_format=torch.channels_last), torch.empty(3, 4, 4).expand_as(image),
        torch.empty(2, 1, 4, 4), torch.empty(2, 3, 1, 1), torch.empty(2, 3, 4, 4, 4), complex_, complex_.conj(),
        complex_.imag, complex_.conj().imag, inference, torch.empty(0, 3), torch.empty(()),
        torch.empty(2, 3, device="meta"), torch.empty(2, 3).to_sparse(), torch.empty(3, 2).to_sparse(),
    ]  # fmt: skip


def key(fake_tensor, mode, tensor):
    found = []
    state = fake_tensor._CacheKeyState(mode.shape_env)
    fake_tensor.extract_tensor_metadata(tensor)._flatten_into(found, mode, state)
    return found


def test_two_keys_are_equal_exactly_where_torchs_are(fake_tensor, cachekeys):
    import torch

    with fake_tensor.FakeTensorMode() as mode:
        given = tensors(torch)
        theirs = [key(fake_tensor, mode, each) for each in given]
        records = [fake_tensor.extract_tensor_metadata(each) for each in given]
        cachekeys.install()
        ours = [key(fake_tensor, mode, each) for each in given]
        assert [fake_tensor.extract_tensor_metadata(each) for each in given] == records
    for one, other in itertools.combinations(range(len(given)), 2):
        assert (ours[one] == ours[other]) == (theirs[one] == theirs[other]), (given[one], given[other])
    assert ours[0] == ours[1] != ours[2]
    assert {len(each) for each in ours} == {len(cachekeys.FIELDS)}


def test_a_torch_whose_record_of_a_tensor_is_another_keeps_its_own(fake_tensor, cachekeys):
    plain = fake_tensor.extract_tensor_metadata
    cachekeys.FIELDS += ("another",)
    cachekeys.install()
    assert fake_tensor.extract_tensor_metadata is plain
