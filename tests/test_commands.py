"""Launchers as a stranger meets them: from anywhere, copied, read-only, without packages."""

import ast
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HELPERS = ROOT / "helpers"
NAMES = sorted(path.stem for path in HELPERS.glob("*.py"))


def run(command, cwd, **env):
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 120, "check": False}
    return subprocess.run([*map(str, command)], cwd=cwd, env={**clean, **env}, **options)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """A Python with nothing installed."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


@pytest.mark.parametrize("name", NAMES)
def test_help_is_the_manual_and_names_the_exit_codes(name, tmp_path):
    result = run([sys.executable, HELPERS / f"{name}.py", "--help"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert "exit 0" in result.stdout
    assert f"helpers/{name}.py" in result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_launcher_is_a_manual_with_ten_lines_under_it(name):
    text = (HELPERS / f"{name}.py").read_text(encoding="utf-8")
    body = ast.parse(text).body
    assert ast.get_docstring(ast.parse(text))
    assert len(body) == 6, "docstring, import, import, path, launch, main: nothing else"
    assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("name", NAMES)
def test_a_launcher_name_is_no_module_of_the_standard_library(name):
    assert name not in sys.stdlib_module_names


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("heavy", ["torch", "numpy", "matplotlib", "jinja2"])
def test_help_imports_nothing_heavy(name, heavy, tmp_path):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{name}.py', '--help']\n"
        "try: runpy.run_path(sys.argv0, run_name='__main__')\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        f"print('LOADED' if {heavy!r} in sys.modules else 'clean', file=sys.stderr)\n"
    ).replace("sys.argv0", repr(str(HELPERS / f"{name}.py")))
    result = run([sys.executable, "-c", code], tmp_path)
    assert result.stderr.strip().endswith("clean"), result.stderr


@pytest.mark.parametrize("flags", [[], ["-I"], ["-P"]] if sys.version_info >= (3, 11) else [[], ["-I"]])
@pytest.mark.parametrize("place", ["clone", "copy with spaces", "linked folder", "linked file", "read-only"])
def test_it_runs_from_any_folder(place, flags, tmp_path):
    launcher = installed(place, tmp_path)
    result = run([sys.executable, *flags, launcher, "check", "absent.yaml"], "/")
    assert result.returncode == 2
    assert result.stderr.startswith("error[unreadable]: plan 'absent.yaml'")


def installed(place, tmp_path):
    if place == "clone":
        return HELPERS / "plan.py"
    folder = tmp_path / place
    if place == "linked folder":
        folder.symlink_to(HELPERS, target_is_directory=True)
        return folder / "plan.py"
    if place == "linked file":
        link = tmp_path / "other.py"
        link.symlink_to(HELPERS / "plan.py")
        return link
    shutil.copytree(HELPERS, folder / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "templates", folder / "templates", ignore=shutil.ignore_patterns("pipeline"))
    if place == "read-only":
        for path in [*folder.rglob("*"), folder]:
            path.chmod(0o555 if path.is_dir() else 0o444)
    return folder / "helpers" / "plan.py"


@pytest.mark.parametrize("name", NAMES)
def test_without_its_packages_it_says_what_to_install_and_ends_with_three(name, bare_python, tmp_path):
    result = run([bare_python, HELPERS / f"{name}.py", "--help"], tmp_path)
    assert result.returncode == 3
    assert result.stderr.startswith("error[not-installed]: no module ")
    assert "-m pip install" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_launch_module_is_parsed_by_old_interpreters_which_are_refused_politely(monkeypatch, capsys):
    source = (HELPERS / "reproof" / "launch.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    from reproof import launch

    monkeypatch.setattr(launch, "NEEDS", (99, 0))
    assert launch.launch("plan", "") == 3
    assert "error[old-python]" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_output_is_utf8_whatever_the_locale_says(encoding, tmp_path):
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    command = [sys.executable, HELPERS / "plan.py", "render", ROOT / "examples" / "nsgf" / "plan.yaml"]
    result = run(command, tmp_path, **environment)
    assert result.returncode == 0, result.stderr
    assert "–" in result.stdout or "β" in result.stdout


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    command = f"{sys.executable} {HELPERS / 'plan.py'} render {ROOT / 'examples/nsgf/plan.yaml'} | head -1"
    result = run(["bash", "-o", "pipefail", "-c", command], tmp_path)
    assert result.returncode == 0
    assert result.stderr == ""
