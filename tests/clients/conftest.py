"""A clone that can be moved away, and clients with an empty home and no network."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS = Path(os.environ.get("REPROOF_CLIENTS", ROOT / ".clients"))
BINARIES = [CLIENTS / "node_modules" / ".bin", CLIENTS / "venv" / "bin"]
NOT_CLONED = (".venv", ".git", "runs", ".clients", "__pycache__", "dist", ".mypy_cache", ".ruff_cache")


def pytest_collection_modifyitems(items):
    if not (CLIENTS / "node_modules").is_dir():
        skip = pytest.mark.skip(reason="real clients are not installed: make clients")
        for item in items:
            if Path(__file__).parent in Path(item.path).parents:
                item.add_marker(skip)


@pytest.fixture
def pack(tmp_path):
    """A clone of the pack, as files; a test may move it away."""
    folder = tmp_path / "the clone"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_CLONED))
    return folder


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@pytest.fixture
def client(tmp_path, project):
    """Runs a client in the project: own home, no network where the system lets us take it away, no telemetry."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, BINARIES), os.environ["PATH"]]),
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CI": "1",
    }
    alone = ["unshare", "-rn"] if can_be_alone() else []

    def run(*command, answer="", cwd=None, check=True, **extra):
        options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 180, "input": answer}
        words = [*alone, *map(str, command)]
        ran = subprocess.run(words, cwd=cwd or project, env={**environment, **extra}, check=False, **options)
        assert ran.returncode == 0 or not check, f"{words}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def first_line(*command, **extra):
        """What a client says first; it is not waited for, because without a network it would try for minutes."""
        words = [*alone, *map(str, command)]
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        child = subprocess.Popen(words, cwd=project, env={**environment, **extra}, stdout=subprocess.PIPE, **quiet)
        try:
            return child.stdout.readline().decode("utf-8")
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()

    run.home, run.folder, run.first_line = home, CLIENTS, first_line
    return run


def can_be_alone():
    """Whether a process without a network can be made here."""
    try:
        return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
