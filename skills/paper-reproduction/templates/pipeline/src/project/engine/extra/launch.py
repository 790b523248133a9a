"""Where commands run: several processes of one training (torchrun), and many trainings (here, or Slurm by submitit)."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..errors import MISSING, STOPPED, ProjectError

Job = list[list[str]]  # commands of run.py, one after the other
SHARED = ("device", "precision", "deterministic", "checkpointing", "compile", "workers", "track", "train_iters",
          "pool_batches", "micro_batch", "accumulate", "sinkhorn_batch", "overfit_one_batch", "smoke")  # fmt: skip


def torchrun(processes: int, restarts: int, root: Path) -> None:
    """Become torchrun on this machine. Over several machines call torchrun itself, with this variable set."""
    environment = os.environ | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # a restart must not meet old addresses
    words = [word for word in sys.argv[1:] if not word.startswith("--processes=")]
    if "--processes" in words:
        del words[words.index("--processes") : words.index("--processes") + 2]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}",
               f"--max-restarts={restarts}", str(root / "run.py"), *words]  # fmt: skip
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)


def both(words: list[str]) -> Job:
    """Train, then evaluate."""
    return [["train", *words], ["evaluate", *words]]


def flags_of(args: Any) -> list[str]:
    """The flags of this command that every training gets too."""
    words: list[str] = []
    for flag in SHARED:
        value = getattr(args, flag)
        for item in value if isinstance(value, list) else [value]:
            if item is not None and item is not False:
                words += [f"--{flag.replace('_', '-')}", *([] if item is True else [str(item)])]
    return words


def run_job(root: str, job: Job) -> int:
    """The commands of one job on a cluster's machine, until one fails; gives the exit code."""
    codes = (
        subprocess.run([sys.executable, str(Path(root) / "run.py"), *words], check=False).returncode for words in job
    )
    return next((code for code in codes if code), 0)


def run_here(root: Path, job: Job) -> int:
    """The same in this process, which has torch already."""
    main = importlib.import_module("..cli", __package__).main
    return next((code for words in job if (code := main(words, root))), 0)


def run_all(jobs: dict[str, Job], root: Path, launcher: str, folder: Path) -> None:
    """All jobs; those that are done already end at once, so the same command goes on after an interruption."""
    codes: dict[str, int] = {}
    if launcher == "local":
        for name, job in jobs.items():
            print(f"== {name}", flush=True)
            codes[name] = run_here(root, job)
            if codes[name] == STOPPED:
                raise ProjectError("stopped", f"{name} was stopped", "asked to", "the same command goes on", STOPPED)
    else:
        submitted = submit(jobs, root, launcher, folder)
        codes = {name: job.result() for name, job in submitted.items()}
    if failed := [f"{name} ({code})" for name, code in codes.items() if code]:
        raise ProjectError("failed", f"{len(failed)} of {len(jobs)} jobs: {', '.join(failed)}",
                           "exit codes in brackets", f"their own messages are above, or in {folder}")  # fmt: skip


def submit(jobs: dict[str, Job], root: Path, cluster: str, folder: Path) -> dict[str, Any]:
    """One array of jobs. Partition, hours and GPUs: SBATCH_PARTITION and others, as sbatch reads them."""
    try:
        submitit = importlib.import_module("submitit")
    except ImportError as error:
        raise ProjectError(
            "no-library", "the launcher needs submitit", str(error), "pip install submitit", MISSING
        ) from error
    executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
    executor.update_parameters(timeout_min=int(os.environ.get("JOB_MINUTES", "1440")))
    with executor.batch():
        return {name: executor.submit(run_job, str(root), job) for name, job in jobs.items()}
