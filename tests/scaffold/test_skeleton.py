"""A core to be written cites the plan, is known as unfinished, and no text of the plan becomes code in it."""

import ast
import subprocess
import sys

import pytest

from reproof.document import Plan
from reproof.errors import PackError
from reproof.scaffold.names import refuse_bad_names
from reproof.scaffold.skeleton import cites, literal, one_line, skeleton, wrapped
from reproof.selfcheck.scan import defined, unfinished

EVIL = 'x"""\nimport os; os.system("no")\r#\x0c\u2028\u202e{{ 7 * 7 }}{% raw %}\\\'\'\'"""\t`rm`'


@pytest.fixture
def plan(plan_data):
    plan_data["equations"] = [
        {"id": "Eq. 1", "states": "the loss is small", "implemented_by": "losses.small_loss"},
        {"id": "Eq. 12", "states": "the step is large", "implemented_by": "steps.large_step"},
        {"id": "Net", "states": "three layers", "implemented_by": "nets.Net"},
    ]
    plan_data["pseudocode"] = {"Eq. 1": "for x in data:\n    descend", "Algorithm 9": "never named"}
    return plan_data


def written(plan_data, tmp_path):
    files = skeleton(Plan.model_validate(plan_data))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return files


def test_each_function_stands_where_the_plan_wants_it_and_cites_it(plan, tmp_path):
    files = written(plan, tmp_path)
    assert {"losses.small_loss", "steps.large_step", "nets.Net", "nets.fit_model", "data.draw_truth"} <= defined(
        tmp_path
    )
    assert "from .losses import small_loss" in files["__init__.py"]
    assert '"fit": Train(fit_model, small_loss)' in files["__init__.py"]
    loss = files["losses.py"]
    assert "# Eq. 1: the loss is small\n" in loss
    assert "    #     for x in data:\n    #         descend\n" in loss
    assert "Eq. 12" not in loss, "Eq. 1 is not a part of Eq. 12"
    assert "#     never named" in files["unfinished.py"]


def test_every_function_of_it_is_known_as_unfinished_by_the_gate(plan, tmp_path):
    files = written(plan, tmp_path)
    functions = sum(isinstance(node, ast.FunctionDef) for text in files.values() for node in ast.walk(ast.parse(text)))
    assert len(unfinished(tmp_path)) == functions > 6


def test_it_is_clean_for_the_linter_and_the_formatter(plan, tmp_path):
    written(plan, tmp_path)
    ruff = [sys.executable, "-m", "ruff"]
    lint = [*ruff, "check", "--no-cache", "--isolated", "--select", "E,F,W,I,B", "--line-length", "120", str(tmp_path)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    form = [*ruff, "format", "--no-cache", "--isolated", "--check", "--line-length", "120", str(tmp_path)]
    done = subprocess.run(form, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_hostile_text_in_every_field_changes_nothing_but_literals_and_comments(plan, tmp_path):
    def shape(files):
        dumped = {}
        for name, text in files.items():
            tree = ast.parse(text)
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    node.value = ""
            dumped[name] = ast.dump(tree)
        return dumped

    tame = shape(written(plan, tmp_path))
    for equation in plan["equations"]:
        equation["states"] = equation["note"] = EVIL
    plan["paper"]["title"] = plan["problem"] = plan["contribution"] = EVIL
    phase = plan["experiments"]["toy"]["phases"]["fit"]
    phase["loss"] = f"Eq. 1 {EVIL}"
    phase["settings"] = {EVIL: {"value": EVIL, "inferred": EVIL}}
    phase["objective"] = {
        "formula": {"value": EVIL, "inferred": EVIL},
        "weights": {EVIL: {"value": 1, "inferred": EVIL}},
    }
    plan["experiments"]["toy"]["model"][EVIL] = {"value": EVIL, "inferred": EVIL}
    plan["pseudocode"] = {"Eq. 1": EVIL, EVIL: EVIL}
    assert shape(written(plan, tmp_path)) == tame


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a.b.c.d", "os.path.join", "__init__.x", "con.x", "class.x", "x.class", "x y.z", "", "ä.b"],
)
def test_what_is_no_place_in_the_core_becomes_no_file(plan, name, tmp_path):
    plan["equations"] = [{"id": "Eq. 3", "states": "nowhere", "implemented_by": name}]
    assert set(written(plan, tmp_path)) == {
        "__init__.py", "data.py", "losses.py", "metrics.py", "nets.py", "sampling.py", "unfinished.py"
    }  # fmt: skip


def test_a_citation_is_a_whole_name():
    assert cites("Eq. 1; Algorithm 2", "Eq. 1")
    assert not cites("Eq. 12", "Eq. 1")
    assert not cites("anything", "")


def test_text_for_comments_is_printable_and_bounded():
    assert one_line("a\rb\x0c\u2028c") == "a b  c"
    assert len(one_line("x" * 112)) == 112
    assert one_line("x" * 113).endswith("…")
    assert all(len(line) <= 112 for line in wrapped("word " * 100))
    assert ast.literal_eval(literal(EVIL)) == " ".join(EVIL.split())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "torch"}, "hide"),
        ({"name": "json"}, "hide"),
        ({"name": "class"}, "Python's own"),
        ({"name": "con"}, "Windows"),
        ({"name": "größe"}, "letters"),
    ],
    ids=["library", "standard library", "keyword", "device", "letters"],
)
def test_a_name_that_cannot_become_a_package_is_refused(plan_data, change, said):
    with pytest.raises(PackError, match=said) as caught:
        refuse_bad_names(Plan.model_validate(plan_data | change))
    assert caught.value.slug == "bad-name"


def test_all_bad_names_of_experiments_and_phases_are_told_at_once(plan_data):
    toy = plan_data["experiments"].pop("toy")
    plan_data["experiments"] = {"ablations": toy, "nul": toy, "toy": toy | {"phases": {"aux": toy["phases"]["fit"]}}}
    plan_data["claims"] = []
    with pytest.raises(PackError) as caught:
        refuse_bad_names(Plan.model_validate(plan_data))
    for words in ("experiments.ablations", "experiments.nul", "phases.aux"):
        assert words in caught.value.what


def test_one_phase_of_two_kinds_is_refused(plan_data):
    toy = plan_data["experiments"]["toy"]
    pool = {"kind": "pool", "batches": toy["phases"]["fit"]["steps"], "batch_size": toy["phases"]["fit"]["batch_size"]}
    plan_data["experiments"]["other"] = toy | {"phases": {"fit": pool}}
    with pytest.raises(PackError, match="train in toy, pool in other"):
        refuse_bad_names(Plan.model_validate(plan_data))


def test_a_setting_that_would_stand_twice_in_the_config_is_refused(plan_data):
    plan_data["experiments"]["toy"]["phases"]["fit"]["settings"] = {"lr": {"value": 1, "inferred": "x"}}
    with pytest.raises(PackError, match=r"phases\.fit\.settings\.lr is a key of the phase itself"):
        refuse_bad_names(Plan.model_validate(plan_data))


def test_ordinary_names_are_fine(plan_data):
    refuse_bad_names(Plan.model_validate(plan_data))
