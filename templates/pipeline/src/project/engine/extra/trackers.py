"""Other places for the lines of metrics.jsonl. That file is always written, and is what everything here reads.

A tracker has `log(record)` and `close()`. After a resume, steps since the last checkpoint are logged again.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from ..errors import MISSING, ProjectError

if TYPE_CHECKING:
    from ..run import Run


def need(module: str, package: str) -> Any:
    """A library that only a tracker needs."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        why = f"{error}; metrics.jsonl is written without it"
        raise ProjectError(
            "no-library", f"the tracker needs {package}", why, f"pip install {package}", MISSING
        ) from error


def numbers(record: dict[str, Any]) -> dict[str, float]:
    """The record's numbers as `phase/name`; one that is not known is left out."""
    flat = {**record, **{f"loss_{part}": value for part, value in record.get("losses", {}).items()}}
    return {f"{record['phase']}/{key}": value for key, value in flat.items()
            if isinstance(value, (int, float)) and key != "step"}  # fmt: skip


class TensorBoard:
    """Event files in results/.../tensorboard; `tensorboard --logdir results`."""

    def __init__(self, run: Run) -> None:
        need("tensorboard", "tensorboard>=2.21")
        self.writer = need("torch.utils.tensorboard", "tensorboard>=2.21").SummaryWriter(
            str(run.folder / "tensorboard")
        )

    def log(self, record: dict[str, Any]) -> None:
        """One line."""
        for name, value in numbers(record).items():
            self.writer.add_scalar(name, value, record["step"])

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


class Wandb:
    """Weights & Biases, offline unless WANDB_MODE says otherwise; `wandb sync` sends it."""

    def __init__(self, run: Run) -> None:
        wandb = need("wandb", "wandb")
        self.run = wandb.init(project=run.cfg.experiment, id=f"{run.cfg.experiment}-seed{run.seed}", resume="allow",
                              dir=str(run.folder), config=run.cfg.to_dict(),
                              mode=os.environ.get("WANDB_MODE", "offline"))  # fmt: skip

    def log(self, record: dict[str, Any]) -> None:
        """One line; W&B's own step must never fall, so ours is a number among the others."""
        step = {f"{record['phase']}/step": record["step"]}
        self.run.log(numbers(record) | step)

    def close(self) -> None:
        """Write what is left."""
        self.run.finish()


class MLflow:
    """A local MLflow store in results/.../mlflow.db, unless MLFLOW_TRACKING_URI names another."""

    def __init__(self, run: Run) -> None:
        self.mlflow = need("mlflow", "mlflow")
        self.mlflow.set_tracking_uri(
            os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{run.folder.resolve()}/mlflow.db")
        )
        self.mlflow.set_experiment(run.cfg.experiment)
        self.run = self.mlflow.start_run(run_name=f"seed{run.seed}")

    def log(self, record: dict[str, Any]) -> None:
        """One line."""
        self.mlflow.log_metrics(numbers(record), step=record["step"])

    def close(self) -> None:
        """Write what is left."""
        self.mlflow.end_run()


class Trackio:
    """Trackio's local database; `trackio show`."""

    def __init__(self, run: Run) -> None:
        self.trackio = need("trackio", "trackio")
        self.run = self.trackio.init(project=run.cfg.experiment, name=f"seed{run.seed}", config=run.cfg.to_dict(),
                                     resume="allow")  # fmt: skip

    def log(self, record: dict[str, Any]) -> None:
        """One line."""
        self.trackio.log(numbers(record), step=record["step"])

    def close(self) -> None:
        """Write what is left."""
        self.trackio.finish()


TRACKERS = {"tensorboard": TensorBoard, "wandb": Wandb, "mlflow": MLflow, "trackio": Trackio}
