"""The evals: well formed, and graders that tell a good answer from each bad one."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SKILLS = ["paper-reproduction", "model-reproduction"]


def load(name):
    folder = ROOT / "benchmarks" / "evals"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


graders, runner = load("graders"), load("run")


def grades(skill, name, tmp_path, answer, files=None):
    """Pass or fail of each expectation for an answer in a copy of the case's folder."""
    work = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
    shutil.copytree(ROOT / "skills" / skill / "evals" / "files" / name, work)
    target = "settings.json" if name == "settings" else "answer.json"
    if answer is not None:
        (work / target).write_text(json.dumps(answer), encoding="utf-8")
    for file, text in (files or {}).items():
        (work / file).write_text(text, encoding="utf-8")
    return [passed for _, passed, _ in graders.GRADERS[(skill, name)](work)]


@pytest.mark.parametrize("skill", SKILLS)
def test_every_case_has_its_files_its_grader_and_its_expectations(skill, tmp_path):
    data = json.loads((ROOT / "skills" / skill / "evals" / "evals.json").read_text(encoding="utf-8"))
    assert data["skill_name"] == skill
    assert {(skill, case["name"]) for case in data["evals"]} == {key for key in graders.GRADERS if key[0] == skill}
    for case in data["evals"]:
        assert all((ROOT / "skills" / skill / file).is_file() for file in case["files"])
        nothing = grades(skill, case["name"], tmp_path, None)
        assert len(nothing) == len(case["expectations"])
        assert not any(nothing), f"{case['name']}: an empty folder must meet nothing"


@pytest.mark.parametrize("skill", SKILLS)
def test_trigger_sets_hold_twenty_queries_with_near_misses(skill):
    items = json.loads((ROOT / "skills" / skill / "evals" / "trigger_evals.json").read_text(encoding="utf-8"))
    yes = [item["query"] for item in items if item["should_trigger"]]
    no = [item["query"] for item in items if not item["should_trigger"]]
    assert len(yes) >= 10
    assert len(no) >= 10
    assert len(set(yes + no)) == len(items) >= 20


GOOD = [
    {"name": "optimizer", "value": "adam", "stated": True, "quote": "The image models are optimized with Adam with"},
    {"name": "learning_rate", "value": "2e-4", "stated": True, "quote": "a learning rate of 2 × 10^-4"},
    {"name": "beta2", "value": 0.99, "stated": True, "quote": "β1 = 0.9 and β2 = 0.99"},
    {"name": "batch_size", "value": 256, "stated": True, "quote": "We set the batch size to 256", "note": "4.2 says 128"
     " and C says 256"},
    {"name": "weight_decay", "value": 0, "stated": False, "quote": ""},
    {"name": "warmup_steps", "value": 5000, "stated": True, "quote": "5,000 steps of linear warm-up"},
    {"name": "training_steps", "value": 400000, "stated": True, "quote": "train for 400K iterations"},
    {"name": "ema_decay", "value": 0.9999, "stated": False, "quote": ""},
    {"name": "dropout", "value": 0.1, "stated": True, "quote": "Dropout is set to 0.1 on CIFAR-10"},
    {"name": "grad_clip", "value": 1, "stated": True, "quote": "clipped to a global norm of 1"},
]  # fmt: skip


def changed(name, **fields):
    return [{**row, **fields} if row["name"] == name else row for row in GOOD]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (GOOD, [True] * 4),
        (changed("beta2", quote="β1 = 0.9 and β2 = 0.999"), [False, True, True, True]),
        (changed("ema_decay", stated=True, quote="We keep an exponential moving average"), [True, False, True, True]),
        (changed("learning_rate", value=1e-3), [True, True, False, True]),
        (changed("batch_size", note=""), [True, True, True, False]),
        (GOOD[:-1], [False, False, True, True]),
    ],
)
def test_settings(answer, expected, tmp_path):
    assert grades("paper-reproduction", "settings", tmp_path, answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"attainable": False, "floor": 1.19}, [True, True]),
        ({"attainable": False, "floor": 1.08}, [True, True]),
        ({"attainable": False, "floor": 1.07}, [True, False]),
        ({"attainable": None, "floor": 1.31}, [False, False]),
    ],
)
def test_floor(answer, expected, tmp_path):
    assert grades("paper-reproduction", "floor", tmp_path, answer) == expected


RIGHT_LOSS = """
import ot
def image_loss(generated, real):
    cost = ((generated.flatten(1)[:, None] - real.flatten(1)[None]) ** 2).sum(-1)
    plan = ot.emd([], [], cost.detach().double().numpy())
    import torch
    return (torch.as_tensor(plan, dtype=cost.dtype) * cost).sum()
"""


@pytest.mark.torch
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (RIGHT_LOSS, [True, True, True]),
        (RIGHT_LOSS.replace("return (", "return 0.5 * ("), [False, True, True]),
        (RIGHT_LOSS.replace("* cost)", "* cost.detach())") + "\n", [False, False, False]),
        ("def image_loss(a, b):\n    return ((a - b) ** 2).mean()\n", [False, True, True]),
        ("import absent\n", [False, False, False]),
    ],
)
def test_loss(code, expected, tmp_path):
    assert grades("paper-reproduction", "loss", tmp_path, None, {"loss.py": code}) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"fits": True, "micro_batch": 4, "accumulate": 64, "peak_gib": 12.8}, [True, True, True]),
        ({"fits": True, "micro_batch": 4, "accumulate": 16, "peak_gib": 12.1}, [False, True, True]),
        ({"fits": True, "micro_batch": 8, "accumulate": 32, "peak_gib": 14}, [True, False, False]),
        ({"fits": True, "micro_batch": 2, "accumulate": 128, "peak_gib": 10.0}, [True, False, True]),
        ({"fits": False, "micro_batch": 0, "accumulate": 0, "peak_gib": 20}, [False, False, False]),
    ],
)
def test_memory(answer, expected, tmp_path):
    assert grades("paper-reproduction", "memory", tmp_path, answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"small": "shortened", "base": "reproduced", "large": "not run", "headline": "Only base is reproduced"},
         [True] * 4),
        ({"small": "reproduced", "base": "reproduced", "large": "not run", "headline": "Reproduced!"},
         [False, True, True, False]),
        ({"small": "shortened", "base": "not reproduced", "large": "inconclusive", "headline": "2 of 3"},
         [True, False, False, True]),
    ],
)  # fmt: skip
def test_shortened(answer, expected, tmp_path):
    assert grades("paper-reproduction", "shortened", tmp_path, answer) == expected


TRUE = [{"what": "LayerNorm eps", "port_line": 32}, {"what": "tanh GELU", "port_line": 39},
        {"what": "positions get weight decay", "port_line": 62}]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"faithful": False, "differences": TRUE}, [True, True, True]),
        ({"faithful": False, "differences": TRUE[:2]}, [True, False, True]),
        ({"faithful": False, "differences": [*TRUE, *[{"what": "x", "port_line": 1}] * 2]}, [True, True, False]),
        ({"faithful": False, "differences": [{**TRUE[0], "port_line": 36}, *TRUE[1:]]}, [True, False, True]),
        ({"faithful": True, "differences": []}, [False, False, False]),
    ],
)
def test_differs(answer, expected, tmp_path):
    assert grades("model-reproduction", "differs", tmp_path, answer) == expected


def test_the_lines_of_the_differences_are_where_the_grader_looks():
    lines = (ROOT / "skills/model-reproduction/evals/files/differs/port.py").read_text(encoding="utf-8").splitlines()
    assert lines[32 - 1].strip() == "self.ln_mlp = nn.LayerNorm(width)"
    assert "tanh" in lines[39 - 1]
    assert lines[62 - 1].strip() == "decayed = [p for p in model.parameters() if p.dim() > 1]"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"faithful": True, "differences": [], "largest_difference": 4e-16}, [True, True, True]),
        ({"faithful": True, "differences": [], "largest_difference": None}, [True, True, False]),
        ({"faithful": False, "differences": TRUE, "largest_difference": 1e-9}, [False, False, False]),
    ],
)
def test_same(answer, expected, tmp_path):
    assert grades("model-reproduction", "same", tmp_path, answer) == expected


USED = {
    "lr": 6e-4,
    "batch_size": 512,
    "warmup": 500,
    "dropout": 0.0,
    "steps": 1e5,
    "weight_decay": 0.2,
    "grad_clip": None,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [True, True, True, True]),
        ({"lr": 3e-4}, [False, True, True, True]),
        ({"warmup": 2000}, [True, False, True, True]),
        ({"weight_decay": 0.1}, [True, True, False, True]),
        ({"grad_clip": 1.0}, [True, True, True, False]),
    ],
)
def test_values(change, expected, tmp_path):
    assert grades("model-reproduction", "values", tmp_path, {**USED, **change}) == expected


PORT = """
import torch
class Layer(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
    def forward(self, x):
        return x
"""
SAID = {"inferred": [{"what": "gated_norm", "alternatives": ["eps 1e-6", "eps 1e-5"]}]}


@pytest.mark.torch
@pytest.mark.parametrize(
    ("answer", "code", "expected"),
    [
        (SAID, PORT, [True, True, True]),
        ({"inferred": []}, PORT, [True, False, False]),
        ({"inferred": [{"what": "gated_norm", "alternatives": []}]}, PORT, [True, False, False]),
        (SAID, "from fast_ops import gated_norm\n", [False, True, True]),
    ],
)
def test_missing(answer, code, expected, tmp_path):
    assert grades("model-reproduction", "missing", tmp_path, answer, {"port.py": code}) == expected


STATED = [
    {"name": "batch_size", "stated": True, "quote": "a batch size of 256", "note": "3 says 256, A says 512"},
    {"name": "clip_norm", "stated": False},
    {"name": "ema_decay", "stated": False},
]
RUNS = [
    {"dataset": dataset, "method": method, "seed": seed, "steps": 4000, "value": value + 0.01 * seed}
    for dataset, method, value in (("8gaussians", "independent", 1.0), ("8gaussians", "coupled", 0.9),
                                   ("moons", "independent", 0.17), ("moons", "coupled", 0.14))
    for seed in (0, 1, 2)
]  # fmt: skip
ANSWER = {"cells": {
    "8gaussians/independent": {"ours": 1.01, "seeds": 3, "verdict": "reproduced"},
    "8gaussians/coupled": {"ours": 0.91, "seeds": 3, "verdict": "cannot be judged", "note": "two draws score 1.02"},
    "moons/independent": {"ours": 0.18, "seeds": 3, "verdict": "Reproduced"},
    "moons/coupled": {"ours": 0.15, "seeds": 3, "verdict": "not reproduced"},
}}  # fmt: skip
AGAIN = "import sys; print({'0': 0.17, '1': 0.18}[sys.argv[sys.argv.index('--seed') + 1]])\n"


def cell(name, **fields):
    return {"cells": {**ANSWER["cells"], name: {**ANSWER["cells"][name], **fields}}}


@pytest.mark.parametrize(
    ("given", "fails"),
    [
        ({}, []),
        ({"settings": [{**STATED[0], "quote": "a batch size of 512"}, *STATED[1:]]}, [0]),
        ({"settings": [{**STATED[0], "quote": "3, Training: 'a batch size of 256'"}, *STATED[1:]]}, []),
        ({"settings": [{**STATED[0], "quote": "3, Training: 'a batch size of 257'"}, *STATED[1:]]}, [0]),
        (
            {
                "settings": [
                    *STATED[:2],
                    {"name": "ema_decay", "stated": True, "quote": "an exponential moving average"},
                ]
            },
            [1],
        ),
        ({"settings": [{**STATED[0], "note": "256"}, *STATED[1:]]}, [2]),
        ({"answer": cell("moons/independent", seeds=5)}, [3]),
        ({"answer": cell("moons/independent", ours=0.182)}, [3]),
        ({"runs": RUNS[:9] + [{**run, "steps": 2000} for run in RUNS[9:]]}, [3]),
        ({"again": "print(0.1702)\n"}, [4]),
        ({"again": "raise SystemExit(1)\n"}, [4]),
        ({"answer": cell("8gaussians/coupled", note="two draws score 1.13")}, [5]),
        ({"answer": cell("8gaussians/coupled", note="a floor of 0.82")}, [5]),
        ({"answer": cell("8gaussians/coupled", note="ours is 0.91")}, [5]),
        ({"answer": cell("8gaussians/coupled", note="by seed 0.9, 0.95 and 1.0")}, [5]),
        ({"answer": cell("8gaussians/coupled", verdict="reproduced")}, [5]),
        ({"answer": cell("moons/coupled", verdict="reproduced (better)")}, [6]),
        ({"answer": cell("8gaussians/independent", verdict="not reproduced")}, [7]),
        ({"answer": cell("8gaussians/independent", verdict="Inconclusive: five seeds")}, []),
    ],
)
def test_endtoend(given, fails, tmp_path):
    files = {
        "settings.json": json.dumps(given.get("settings", STATED)),
        "runs.jsonl": "".join(json.dumps(run) + "\n" for run in given.get("runs", RUNS)),
        "rerun.py": given.get("again", AGAIN),
    }
    found = grades("paper-reproduction", "endtoend", tmp_path, given.get("answer", ANSWER), files)
    assert [index for index, passed in enumerate(found) if not passed] == fails


def test_a_run_from_folder_to_table(tmp_path):
    out = tmp_path / "out"
    made = runner.prepare(out, ["paper-reproduction"], ["with", "without"], 1, ["floor"])
    assert (made[0] / "work" / ".claude" / "skills" / "paper-reproduction" / "SKILL.md").is_file()
    assert not (made[1] / "work" / ".claude").exists()
    answer = "import json; json.dump({'attainable': False, 'floor': 1.2}, open('answer.json', 'w'))"
    runner.go(out, f'{sys.executable} -c "{answer}" {{prompt}}', jobs=1)
    found = runner.grade(out)
    assert found["run_summary"]["with"]["pass_rate"] == 1.0
    assert "| paper-reproduction/floor | 2/2 | 2/2 |" in runner.table(found)
    assert "W2 on 8gaussians" not in (made[0] / "transcript.txt").read_text()


def test_a_loaded_skill_is_seen_in_the_stream(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text(
        '{"type":"assistant","content":[{"type":"tool_use","name":"Skill","input":{"skill":"reproof:paper-reproduction"}}]}\n'
    )
    assert runner.loaded(path, "paper-reproduction")
    assert not runner.loaded(path, "model-reproduction")
    path.write_text('{"type":"system","skills":["reproof:paper-reproduction"]}\n')
    assert not runner.loaded(path, "paper-reproduction")
