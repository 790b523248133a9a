"""record, bisect, selftest, convert and compare, as a user calls them."""

import json
from pathlib import Path

import pytest

SIDES = Path(__file__).with_name("sides")
np = pytest.importorskip("numpy")
needs_torch = [
    pytest.mark.torch,
]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """What `record` writes, of a reference that is not there afterwards."""
    from reproof.parity.check import record
    from reproof.parity.models import RecordRequest

    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("there")
    (folder / "ref.py").write_text((SIDES / "mini.py").read_text(encoding="utf-8"), encoding="utf-8")
    answer = record(RecordRequest(reference=str(folder / "ref.py"), out=folder / "recorded"))
    assert answer.ok and not answer.notes
    (folder / "ref.py").unlink()
    return folder / "recorded"


@pytest.mark.slow
@pytest.mark.parametrize("_", [pytest.param("", marks=needs_torch)])
def test_a_recording_stands_for_the_reference_on_another_machine(_, recording, helper, tmp_path):
    result = helper(
        "parity",
        "check",
        "--reference",
        recording,
        "--port",
        SIDES / "port.py",
        "--json",
        "--save-map",
        tmp_path / "map.npz",
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
    answer = json.loads(result.stdout)
    assert answer["headline"].startswith("faithful in static, forward and gradients, training dynamics, data, metric")
    assert answer["reference"]["framework"] == "recording"
    assert {"file", "unit", "line"} <= set(answer["executed"][0])
    converted(tmp_path, helper)


def converted(tmp_path, helper):
    """The saved map turns the reference's weights into the port's: the same function."""
    import sys

    import torch

    from reproof.parity.child.safetensors import File, Writer

    sys.path.insert(0, str(SIDES))
    try:
        import mini
        import port
    finally:
        sys.path.remove(str(SIDES))
    torch.manual_seed(0)
    theirs, ours = mini.build(mini.config).eval(), port.build().eval()
    torch.nn.init.normal_(theirs.head.weight)
    weights = theirs.state_dict()
    writer = Writer(tmp_path / "a.safetensors", {name: ("F32", tuple(each.shape)) for name, each in weights.items()})
    for each in weights.values():
        writer.add(each.numpy())
    writer.close()
    result = helper("parity", "convert", "--map", tmp_path / "map.npz", "--weights", tmp_path / "a.safetensors",
                    "--out", tmp_path / "b.safetensors")  # fmt: skip
    assert result.returncode == 0, result.stderr
    file = File(tmp_path / "b.safetensors")
    ours.load_state_dict({name: torch.from_numpy(np.array(file.read(name))) for name in file.tensors})
    ids = torch.randint(0, 17, (2, 7))
    assert torch.allclose(theirs(ids), ours(ids)["scores"], atol=1e-5)
    lacking = {name: each.numpy() for name, each in weights.items() if name != "qkv.weight"}
    np.savez(tmp_path / "less.npz", **lacking)
    result = helper(
        "parity",
        "convert",
        "--map",
        tmp_path / "map.npz",
        "--weights",
        tmp_path / "less.npz",
        "--out",
        tmp_path / "c.npz",
    )
    assert result.returncode == 2
    assert result.stderr.startswith("error[missing-weights]")
    assert "qkv.weight" in result.stderr
    assert not (tmp_path / "c.npz").exists()


@pytest.mark.parametrize("_", [pytest.param("", marks=needs_torch)])
def test_bisect_shows_the_operation_between_its_neighbours(_, recording, helper, tmp_path):
    text = (SIDES / "port.py").read_text(encoding="utf-8")
    (tmp_path / "port.py").write_text(text.replace("is_causal=True", "is_causal=True, scale=0.4"), encoding="utf-8")
    result = helper("parity", "bisect", "--reference", recording, "--port", tmp_path / "port.py", "--json")
    assert result.returncode == 4, result.stderr
    answer = json.loads(result.stdout)
    line = 1 + text.split("\n").index("        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)")
    assert answer["divergence"]["port"]["line"].endswith(f"port.py:{line}")
    here = [each for each in answer["port"] if each["here"]]
    assert len(here) == 1 and not here[0]["same"]
    assert any(each["same"] for each in answer["port"])


@pytest.mark.slow
@pytest.mark.parametrize("_", [pytest.param("", marks=needs_torch)])
def test_selftest_puts_faults_into_the_port_and_leaves_its_file_alone(_, recording, helper):
    before = (SIDES / "port.py").read_bytes()
    result = helper(
        "parity", "selftest", "--reference", recording, "--port", SIDES / "port.py", "--faults", "3", "--json"
    )
    answer = json.loads(result.stdout)
    assert answer["injected"] + answer["not_run"] == 3
    assert answer["caught"] == answer["injected"]
    assert result.returncode == 0
    assert (SIDES / "port.py").read_bytes() == before


def test_recorded_tensors_are_compared_by_value_whatever_they_are_called(helper, tmp_path):
    from reproof.parity.child.recorders import Recorder

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((4,))
    for name, names, second in (("left", ("x", "y"), b), ("right", ("p", "q"), b + 0.5)):
        recorder = Recorder(str(tmp_path / name))
        recorder.add(names[0], a if name == "left" else a.T)
        recorder.add(names[1], second)
        recorder.close()
    result = helper("parity", "compare", "--reference", tmp_path / "left", "--port", tmp_path / "right", "--json")
    assert result.returncode == 4, result.stderr
    answer = json.loads(result.stdout)
    rows = {each["name"]: each for each in answer["rows"]}
    assert rows["x"]["same"]
    assert rows["x"]["other"] == "p"
    assert not rows["y"]["same"]
    assert answer["first"]["name"] == "y"


def test_a_recorder_refuses_what_is_no_array(tmp_path):
    from reproof.parity.child.recorders import Recorder

    with pytest.raises(TypeError, match="is no array"):
        Recorder(str(tmp_path / "r")).add("x", object())


@pytest.mark.parametrize("_", [pytest.param("", marks=needs_torch)])
def test_the_torch_recorder_writes_every_modules_output(_, tmp_path):
    import torch

    from reproof.parity.child.recorders import Recorder

    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    recorder = Recorder(str(tmp_path / "r"))
    recorder.watch_torch(model)
    model(torch.ones(1, 2))
    recorder.close()
    rows = json.loads((tmp_path / "r" / "manifest.json").read_text(encoding="utf-8"))["tensors"]
    assert [each["name"] for each in rows if each["kind"] == "output"] == ["0", "1", "model"]
    assert [each["name"] for each in rows if each["kind"] == "weight"] == ["0.weight", "0.bias"]


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    from reproof.parity.child.safetensors import File

    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(ValueError, match="no safetensors"):
        File(tmp_path / "x.safetensors")


def test_faults_are_single_valid_and_repeatable():
    import ast

    from reproof.parity.child.faults import edits

    text = (SIDES / "port.py").read_text(encoding="utf-8")
    found = edits(text, None, 10, 0)
    assert len(found) == 10
    assert found == edits(text, None, 10, 0)
    assert found != edits(text, None, 10, 1)
    for each in found:
        ast.parse(each.text)
        assert each.text != text
        assert each.was != each.became
