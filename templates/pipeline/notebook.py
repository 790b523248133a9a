"""notebook.ipynb as a script: what lies before the first cell is not in it."""
# ruff: noqa: E402

# %% [markdown]
# # Train on a hosted GPU, session by session
#
# Run all cells; when the session has ended, run all cells again in the next one: it goes on where the last one
# stopped. On Kaggle, first add this project as a dataset, and from the second session on the last version's output
# as an input too. On Colab, first put this project on Google Drive. README.md says more.

# %%
EXPERIMENT = "toy"  # a file of configs/, without .yaml
SEED = 0
MAX_HOURS = 11.5  # Kaggle ended a session after 12 hours when this was written; Colab does not say
FLAGS: list[str] = []  # for example ["--precision", "fp16", "--micro-batch", "32"]
NAME = "project"  # the folder on Google Drive
KEEP_TORCH = True  # the machine's own torch, which fits its driver; False installs the pinned one
INSTALL = True

# %%
import importlib.util
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

KAGGLE, COLAB = Path("/kaggle"), Path("/content")


def projects(below: Path) -> list[Path]:
    """Folders with a run.py and configs/, which is what this project looks like."""
    return sorted(path.parent for path in below.rglob("run.py") if (path.parent / "configs").is_dir())


if (KAGGLE / "working").is_dir():
    found = projects(KAGGLE / "input")
    assert found, "add this project as a dataset: there is no run.py below /kaggle/input"
    SOURCE, WORK, RESULTS = found[0], KAGGLE / "working" / "code", KAGGLE / "working" / "results"
    KEPT = next((path for path in sorted((KAGGLE / "input").rglob("results")) if path.is_dir()), None)
    SAVE = None  # what lies in /kaggle/working is kept by Kaggle itself
elif importlib.util.find_spec("google") and importlib.util.find_spec("google.colab"):
    from google.colab import drive

    drive.mount(str(COLAB / "drive"))
    SOURCE, WORK = COLAB / "drive" / "MyDrive" / NAME, COLAB / NAME
    RESULTS, KEPT, SAVE = WORK / "results", SOURCE / "results", SOURCE / "results"
else:
    SOURCE = WORK = Path.cwd()
    RESULTS, KEPT, SAVE = WORK / "results", None, None

if WORK != SOURCE:
    shutil.copytree(SOURCE, WORK, dirs_exist_ok=True, ignore=shutil.ignore_patterns("results*", ".venv", "__pycache__"))
print("code:", WORK, "| results:", RESULTS, "| from the last session:", KEPT or "nothing")


# %%
def stamp(path: Path) -> tuple[int, int]:
    """Size and time: equal for a file that was copied as it is."""
    return path.stat().st_size, int(path.stat().st_mtime)


def mirror(source: Path, target: Path) -> None:
    """Copy what is new, whole files only; drop step checkpoints that the run itself has dropped."""
    for path in sorted(source.rglob("*")):
        to = target / path.relative_to(source)
        if not path.is_file() or path.suffix == ".tmp":
            continue
        if not to.exists() or stamp(path) != stamp(to):
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, to.with_name(to.name + ".part"))
            to.with_name(to.name + ".part").replace(to)
    for old in target.rglob("*.step-*.ckpt"):
        if not (source / old.relative_to(target)).exists():
            old.unlink()


if KEPT is not None and KEPT.is_dir() and not RESULTS.is_dir():
    mirror(KEPT, RESULTS)
    print("restored", sum(path.is_file() for path in RESULTS.rglob("*")), "files")

# %%
if INSTALL:
    wanted = (WORK / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if KEEP_TORCH and importlib.util.find_spec("torch"):
        wanted = [line for line in wanted if not re.match(r"torch==", line)]
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder) / "requirements.txt"
        chosen.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-r", str(chosen)], check=True)
facts = "import torch as t; print(t.__version__, t.cuda.get_device_name() if t.cuda.is_available() else 'no GPU')"
subprocess.run([sys.executable, "-c", facts], check=True)


# %%
def run(*words: str) -> int:
    """A command of the project; results are saved every ten minutes and when it has ended."""
    command = [sys.executable, "run.py", *words, "--seed", str(SEED), "--results", str(RESULTS), *FLAGS]
    process = subprocess.Popen(command, cwd=WORK)
    while True:
        try:
            code = process.wait(timeout=600)
        except subprocess.TimeoutExpired:
            code = None
        except KeyboardInterrupt:  # the stop button: let it save
            process.send_signal(signal.SIGINT)
            code = process.wait()
        if SAVE is not None and RESULTS.is_dir():
            mirror(RESULTS, SAVE)
        if code is not None:
            return code


trained = run("train", EXPERIMENT, "--max-hours", str(MAX_HOURS))
words = {0: "finished", 75: "stopped in time and saved: run all cells again in the next session"}
print(words.get(trained, f"exit code {trained}: see above"))

# %%
if trained == 0:
    for word in ("evaluate", "sample", "plot"):
        assert run(word, EXPERIMENT) == 0, f"{word} failed, see above"

# %%
pictures = sorted(RESULTS.glob(f"{EXPERIMENT}/seed{SEED}/figures/*.png"))
print(*pictures or ["no figures yet"], sep="\n")
if importlib.util.find_spec("IPython"):
    from IPython.display import Image, display

    for picture in pictures:
        display(Image(filename=str(picture)))
