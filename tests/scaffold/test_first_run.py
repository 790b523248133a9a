"""Plans of different kinds give projects that train, stop and go on at their first try, by hand and by notebook."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = ["--device", "cpu", "--train-iters", "3", "--seed", "0"]


@pytest.fixture(scope="module")
def cases():
    """benchmarks/scaffold_plans.py, which holds many more of them."""
    spec = importlib.util.spec_from_file_location("scaffold_plans", ROOT / "benchmarks" / "scaffold_plans.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated(cases, tmp_path_factory):
    made = {}

    def generate(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            plan, core = cases.write(folder, name)
            command = [sys.executable, ROOT / "helpers" / "scaffold.py", "new", plan, "--core", core, "--out"]
            subprocess.run([*command, folder / "project"], check=True, capture_output=True)
            made[name] = folder / "project"
        return made[name]

    return generate


def run(project, *words):
    """A command of the project, in the way of a user."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, project / "run.py", *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.torch
@pytest.mark.parametrize("name", ["gan", "flow_pool"])
def test_a_project_trains_at_its_first_try(generated, name):
    done = run(generated(name), "train", "toy", *TINY)
    assert done.returncode == 0, done.stderr
    facts = json.loads((generated(name) / "results" / "toy" / "seed0" / "run.json").read_text())["phases"]
    assert all(fact["steps"] == 3 for fact in facts.values())


@pytest.mark.torch
def test_the_notebook_trains_on_an_imitated_kaggle_and_goes_on_in_a_second_session(generated, tmp_path):
    project, kaggle = generated("gan"), tmp_path / "kaggle"
    (kaggle / "working").mkdir(parents=True)
    shutil.copytree(project, kaggle / "input" / "mine", ignore=shutil.ignore_patterns("results"))
    document = json.loads((project / "notebook.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]
    flags = ["--device", "cpu", "--train-iters", "3", "evaluation.n_samples=8", "evaluation.n_test=8"]
    flags += ["evaluation.floor_draws=2", "evaluation.sampling_steps=[2]"]
    script = "\n".join(cells).replace("INSTALL = True", "INSTALL = False").replace('"/kaggle"', repr(str(kaggle)))
    script = script.replace("FLAGS: list[str] = []", f"FLAGS: list[str] = {flags!r}")
    assert script.count(str(kaggle)) == 1
    first = script.replace("MAX_HOURS = 11.5", "MAX_HOURS = 0.0")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", first], env=environment, capture_output=True, text=True, check=False)
    assert "stopped in time and saved" in done.stdout, done.stdout + done.stderr
    (kaggle / "working" / "results").rename(kaggle / "input" / "results")  # what Kaggle does between two sessions
    shutil.rmtree(kaggle / "working" / "code")
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "\nfinished" in done.stdout, done.stdout + done.stderr
    assert "restored" in done.stdout
    assert (kaggle / "working" / "results" / "toy" / "seed0" / "figures" / "learning_curves.png").is_file()


PORT = {"kind": "port", "port": {"repository": "https://github.com/a/b", "commit": "a" * 40, "licence": "MIT"}}


@pytest.mark.torch
def test_the_parity_test_of_a_port_wants_a_green_record_for_the_files_that_lie_there(plan_data, write_plan, tmp_path):
    ported, project = tmp_path / "ported", tmp_path / "project"
    ported.mkdir()
    (ported / "__init__.py").write_text("")
    (ported / "net.py").write_text("WIDTH = 8\n")
    command = [sys.executable, ROOT / "helpers" / "scaffold.py", "new", write_plan(plan_data | PORT), "--core", ported]
    subprocess.run([*command, "--out", project], check=True, capture_output=True)

    def outcome(status, source):
        files = [{"path": "/elsewhere/net.py", "sha256": hashlib.sha256(source.encode()).hexdigest()}]
        claims = [{"level": "forward and gradients", "status": status}]
        answer = {"ok": True, "headline": "said", "port": {"files": files}, "claims": claims}
        (project / "evidence").mkdir(exist_ok=True)
        record = {"helper": "parity check", "answer": answer}
        (project / "evidence" / "0001-parity-check.json").write_text(json.dumps(record))
        return tested()

    def tested():
        pytest_words = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests/test_parity.py"]
        done = subprocess.run(pytest_words, cwd=project, capture_output=True, text=True, check=False)
        return done.stdout

    assert "no parity record for fit: python HELPERS/parity.py check parity/fit_reference.py" in tested()
    assert "3 passed" in outcome("proven", "WIDTH = 8\n")
    assert "was made for other versions of ['net.py']" in outcome("proven", "WIDTH = 9\n")
    assert "forward and gradients is not compared" in outcome("not compared", "WIDTH = 8\n")
