"""The parts of a project around its code: README, requirements, notebook, ablations, estimates, overrides, a port."""

import datetime
import json
import re

import pytest
import yaml

from reproof import evidence
from reproof.document import Plan
from reproof.errors import PackError
from reproof.scaffold.ablations import ablations_text
from reproof.scaffold.estimates import Estimate, estimate_for, not_estimated, sizes, tiers
from reproof.scaffold.overrides import overrides_from
from reproof.scaffold.packages import requirements
from reproof.scaffold.port import port_core, port_tests, speaks_to_the_engine
from reproof.scaffold.project import PIPELINE, Sources, build
from reproof.scaffold.readme import prose, readme

PORT = {"kind": "port", "port": {"repository": "https://github.com/a/b", "commit": "a" * 40, "licence": "MIT"}}


def gpu(name, verdict, needed, **more):
    return {"gpu": name, "verdict": verdict, "needed_bytes": needed, **more}


ANSWER = {
    "precision": "fp32",
    "experiments": [
        {
            "name": "toy",
            "phases": [
                {
                    "name": "fit",
                    "kind": "train",
                    "params": 1000,
                    "budget": {"allocated_bytes": 2**30},
                    "gpus": [
                        gpu("T4", "no", 20 * 2**30, accumulate=4, micro_batch=4),
                        gpu("A100", "fits", 20 * 2**30, time={"run_low_s": 3600, "run_high_s": 50000}),
                    ],
                }
            ],
        }
    ],
}
ESTIMATE = Estimate(ANSWER, "evidence record 0003")


def test_the_readme_shows_what_was_estimated_and_marks_it(plan_data):
    text = readme(Plan.model_validate(plan_data), ESTIMATE, "given", "2.13.0", {})
    assert "| fit | train | 200 steps | 1.0 GiB | 31.2 KiB |" in text
    assert "| T4 | no | 20.0 GiB | not estimated | `phases.fit.accumulate=4` |" in text
    assert "evidence record 0003" in text
    assert "not\nmeasurements" in text
    assert "| toy | A100 | 1 to 2 |" in text, "50,000 s are more than one session of 11.5 h"


def test_without_an_estimate_the_readme_says_so_and_how_to_get_one(plan_data):
    text = readme(Plan.model_validate(plan_data), Estimate(), "skeleton", "2.13.0", {})
    assert "| fit | train | 200 steps | not estimated | not estimated |" in text
    assert "vram.py plan" in text
    assert "The algorithm is not written yet" in text


def test_every_command_of_the_readme_names_an_experiment_that_exists(plan_data):
    plan_data["experiments"]["toy"]["seeds"] = [3, 4]
    text = readme(Plan.model_validate(plan_data), Estimate(), "given", "2.13.0", {})
    assert "python run.py train toy --seed 3\npython run.py evaluate toy --seed 3\n" in text
    assert "python run.py train toy --seed 4\n" in text


def test_text_of_the_plan_cannot_break_the_readmes_layout(plan_data):
    evil = "x\n# Title\n<script>alert(1)</script> [a](javascript:b) `c` | d"
    plan_data["paper"] |= {"title": evil, "url": "javascript:alert(1)"}
    plan_data["experiments"]["toy"]["summary"] = evil
    text = readme(Plan.model_validate(plan_data), Estimate(), "given", "2.13.0", {})
    assert "<script>" not in text
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    assert "\n# Title" not in text
    assert prose("a\nb") == "a b"


def test_a_phase_without_figures_is_named(plan_data):
    plan = Plan.model_validate(plan_data)
    assert not_estimated(ESTIMATE, plan, "toy") == []
    assert not_estimated(Estimate(), plan, "toy") == ["fit"]
    assert sizes(Estimate(), "toy", "fit") == {"peak_bytes": None, "disk_bytes": None}


def test_the_newest_intact_record_is_taken_and_one_of_another_plan_is_marked(tmp_path):
    record = evidence.Evidence(
        number=1, helper="vram plan", argv=[], created=datetime.datetime.now(datetime.timezone.utc), seconds=0.1,
        ok=True, headline="", inputs={"plan.yaml": "a" * 64}, versions={}, answer=ANSWER, previous=evidence.FIRST,
    )  # fmt: skip
    evidence.append(tmp_path / "evidence", record)
    found = estimate_for(None, tmp_path, "a" * 64, {})
    assert (found.answer, found.source, found.note) == (ANSWER, "evidence record 0001", "")
    assert estimate_for(None, tmp_path, "b" * 64, {}).note.startswith("The plan has changed since")
    path = next((tmp_path / "evidence").glob("*.json"))
    path.write_text(path.read_text().replace("1073741824", "1"))
    assert estimate_for(None, tmp_path, "a" * 64, {}) == Estimate(), "a record that was changed is no estimate"


def test_a_file_that_is_no_estimate_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(PackError) as caught:
        estimate_for(tmp_path / "x.json", tmp_path, "", {})
    assert caught.value.slug == "bad-estimate"


def test_what_fit_found_becomes_flags_and_the_plans_values_stay(plan_data, tmp_path):
    found = {"T4": {"fits": True, "micro_batch": 4, "accumulate": 4, "precision": "fp16", "checkpointing": True}}
    (tmp_path / "fit.json").write_text(json.dumps({"target": "x", "gpus": found | {"K80": {"fits": False}}}))
    plan = Plan.model_validate(plan_data)
    flags = overrides_from([f"toy={tmp_path / 'fit.json'}"], plan)
    assert flags == {"toy": {"T4": "--micro-batch 4 --precision fp16 --checkpointing"}}
    assert tiers(ESTIMATE, plan, "toy", flags["toy"])[0]["flags"] == [
        "--micro-batch 4 --precision fp16 --checkpointing"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("{micro_bach: 4}", "did you mean micro_batch"), ("{micro_batch: 0}", "micro_batch: 0"),
     ("{precision: '; rm -rf /'}", "precision"), ("[1]", "no mapping"), ("{gpus: 3}", "no mapping")],
)  # fmt: skip
def test_overrides_that_the_project_does_not_know_are_refused(plan_data, tmp_path, text, said):
    (tmp_path / "fit.yaml").write_text(text)
    with pytest.raises(PackError, match=said):
        overrides_from([f"toy={tmp_path / 'fit.yaml'}"], Plan.model_validate(plan_data))


def test_the_plans_version_of_a_library_wins_over_the_engines(plan_data):
    plan_data["libraries"] = [
        {"name": "numpy", "distribution": "numpy", "version": {"value": "2.0.0", "inferred": "old"}},
        {"name": "sklearn", "distribution": "scikit-learn", "version": {"value": "1.7.2", "inferred": "new"}},
    ]
    text, unpinned = requirements("torch==2.13.0\nnumpy==2.2.6\n", Plan.model_validate(plan_data), {})
    assert text.splitlines() == ["torch==2.13.0", "numpy==2.0.0", "scikit-learn==1.7.2"]
    assert unpinned == []


def test_a_version_that_is_no_version_never_reaches_pip(plan_data):
    evil = {"value": "1\n--index-url http://x", "inferred": "x"}
    plan_data["libraries"] = [{"name": "a", "distribution": "a", "version": evil}]
    assert "index-url" not in requirements("torch==1\n", Plan.model_validate(plan_data), {})[0]


def test_what_a_core_imports_besides_is_pinned_to_what_is_installed_or_named(plan_data):
    core = {"__init__.py": "import pytest, torch, json\nfrom .own import x\nimport nowhere_to_be_found\n", "own.py": ""}
    text, unpinned = requirements("torch==1\n", Plan.model_validate(plan_data), core)
    assert f"pytest=={pytest.__version__}" in text
    assert unpinned == ["nowhere_to_be_found"]
    assert "# nowhere_to_be_found: no version known" in text


def test_ablations_speak_the_language_of_the_configs(plan_data):
    plan_data["experiments"]["toy"]["phases"]["fit"]["settings"] = {"blur": {"value": 0.5, "inferred": "x"}}
    plan_data["ablations"] = {
        "sharp": {
            "experiment": "toy", "why": "does blur: matter?",
            "overrides": {
                "phases.fit.settings.blur": {"value": 0.1, "inferred": "y"},
                "phases.fit.lr": {"value": 1e-3, "inferred": "z"},
            },
        }
    }  # fmt: skip
    plan = Plan.model_validate(plan_data)
    loaded = yaml.safe_load(ablations_text(plan))
    overrides = {"phases.fit.blur": 0.1, "phases.fit.lr": 1e-3}
    assert loaded == {"sharp": {"experiment": "toy", "why": "does blur: matter?", "overrides": overrides}}
    assert "`phases.fit.blur=0.1 phases.fit.lr=0.001`" in readme(plan, Estimate(), "given", "1", {})
    files = build(Sources(plan, "text")).files
    assert yaml.safe_load(files["configs/ablations.yaml"]) == loaded


def test_a_plan_without_ablations_has_no_file_for_them(plan_data):
    assert "configs/ablations.yaml" not in build(Sources(Plan.model_validate(plan_data), "text")).files


def test_the_notebook_is_a_valid_notebook_with_the_plans_words_as_literals(plan_data):
    plan_data["paper"]["title"] = 'A "title"\nimport os'
    document = json.loads(build(Sources(Plan.model_validate(plan_data), "text")).files["notebook.ipynb"])
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    for cell in document["cells"]:
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), cell["id"], "exec")
    first = next("".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code")
    assert first.startswith("EXPERIMENT = 'toy'  #")
    assert "\nNAME = 'small'  #" in first


def test_files_that_are_sources_for_others_are_not_copied(plan_data):
    files = build(Sources(Plan.model_validate(plan_data), "text")).files
    assert {"Dockerfile", ".dockerignore", ".gitignore", "LICENSE-NOTE.md", "notebook.ipynb"} <= set(files)
    assert "notebook.py" not in files
    assert not [name for name in files if name.endswith(".jinja") or "dot_" in name]


def test_the_dockerfile_installs_what_the_requirements_say_and_is_not_root():
    lines = (PIPELINE / "Dockerfile").read_text().splitlines()
    assert any("pip install -r requirements.txt" in line for line in lines)
    words = [line.split()[0] for line in lines if line[:1].isupper()]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert set(words) <= set("FROM ARG ENV WORKDIR COPY RUN USER VOLUME STOPSIGNAL ENTRYPOINT CMD".split())


def test_a_port_wraps_the_ported_code_with_one_adapter_per_algorithm(plan_data):
    given = {"__init__.py": "", "model.py": "X = 1\n"}
    core = port_core(Plan.model_validate(plan_data | PORT), given)
    assert core["ported/model.py"] == "X = 1\n"
    assert 'ported = ("model.py",)' in core["adapters/fit.py"]
    assert '"fit": fit_adapter' in core["adapters/__init__.py"]
    assert '"fit": Train(ADAPTERS["fit"].build_model, ADAPTERS["fit"].loss)' in core["__init__.py"]
    assert "tests/test_parity.py" in port_tests(core)


def test_a_port_that_speaks_to_the_engine_already_is_taken_as_it_is(plan_data):
    given = {"__init__.py": "from .x import PHASES, METRICS, load_data, draw_truth\ndef sample(): ...\n", "x.py": ""}
    assert port_core(Plan.model_validate(plan_data | PORT), given) == given
    assert port_tests(given) == {}
    assert not speaks_to_the_engine("from .x import PHASES")


def test_a_port_without_phases_or_evaluation_is_generated_too(plan_data):
    plan_data["experiments"]["toy"] = {"summary": "held against the reference only"}
    plan_data["claims"] = []
    files = build(Sources(Plan.model_validate(plan_data | PORT), "text")).files
    assert yaml.safe_load(files["configs/toy.yaml"])["phases"] == {}
    assert "src/small/core/adapters/small.py" in files
    assert "https://github.com/a/b at aaaaaaaaaaaa" in files["README.md"]
    assert "| MIT |" in files["LICENSE-NOTE.md"].replace("those of the reference: ", "")
