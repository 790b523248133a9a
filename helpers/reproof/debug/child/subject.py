"""What is looked at: a model, a step that gives a loss, a batch; from a function of the user's or a project's phase."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

MOST_LAYERS = 2000
LABELS = ("labels", "label", "y", "target", "targets")
INPUTS = ("inputs", "input", "x", "image", "images", "pixel_values", "input_ids", "data", "features")
KEYS = {"model", "step", "loss", "batch", "labels", "inputs", "classes", "expected_loss", "loss_floor", "optimizer",
        "lr", "train", "test", "expect"}  # fmt: skip


class BadSubject(Exception):
    """What the user's function gave cannot be looked at."""

    def __init__(self, slug: str, what: str) -> None:
        super().__init__(what)
        self.slug = slug


class Subject:
    """A model and how its loss is computed. Every call is made with the same random numbers."""

    def __init__(self, given: dict[str, Any], job: dict[str, Any], name: str) -> None:
        self.given, self.job, self.name = given, job, name
        self.seed = int(job.get("seed") or 0)
        self.device = torch.device(job.get("device") or "cpu")
        self.model = given["model"].to(self.device)
        self.batch = moved(given.get("batch"), self.device)
        self._step: Callable[[Any, Any], Any] = given.get("step") or given["loss"]
        self._kept = copy.deepcopy(self.model.state_dict())
        self._training = self.model.training

    def restore(self) -> None:
        """The model as it was given."""
        self.model.load_state_dict(self._kept)
        self.model.train(self._training)
        self.model.zero_grad(set_to_none=True)

    def loss(self, batch: Any = None) -> torch.Tensor:
        """The loss on the one batch, or on another; the random numbers are those of the last call."""
        torch.manual_seed(self.seed)
        return scalar(self._step(self.model, self.batch if batch is None else batch))

    def named(self) -> list[tuple[str, torch.nn.Module]]:
        """Modules by name; the model itself goes by its class."""
        return [(name or type(self.model).__name__, module) for name, module in self.model.named_modules()]

    def trainable(self) -> list[torch.nn.Parameter]:
        """Parameters that a step may change."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def optimizer(self, own: bool, lr: float | None = None) -> torch.optim.Optimizer:
        """The user's optimizer, or Adam."""
        make = self.given.get("optimizer")
        if own and callable(make):
            return make(self.trainable())  # type: ignore[no-any-return]
        return torch.optim.Adam(self.trainable(), lr=lr or float(self.given.get("lr") or 1e-3))

    def labels(self) -> torch.Tensor | None:
        """The labels of the batch, where they can be told."""
        found = _at(self.batch, self.given.get("labels"), LABELS, 1)
        return found if isinstance(found, torch.Tensor) and found.dim() else None

    def inputs(self) -> torch.Tensor | None:
        """The inputs of the batch, where they can be told."""
        found = _at(self.batch, self.given.get("inputs"), INPUTS, 0)
        return found if isinstance(found, torch.Tensor) else None

    def with_labels(self, labels: torch.Tensor) -> Any:
        """The batch with other labels."""
        return _put(self.batch, _key(self.batch, self.given.get("labels"), LABELS, 1), labels)

    def with_inputs(self, inputs: torch.Tensor) -> Any:
        """The batch with other inputs."""
        return _put(self.batch, _key(self.batch, self.given.get("inputs"), INPUTS, 0), inputs)

    def layers(self) -> list[dict[str, Any]]:
        """Every module that owns parameters: its name, kind, shapes and how many numbers they hold."""
        found = []
        for name, module in self.named():
            own = list(module.named_parameters(recurse=False))
            if own:
                shapes = ", ".join(f"{key} {list(p.shape)}" for key, p in own)
                found.append({"name": name, "kind": type(module).__name__, "shapes": shapes,
                              "parameters": sum(p.numel() for _, p in own)})  # fmt: skip
        return found

    def about(self) -> dict[str, Any]:
        """What it is."""
        return {
            "name": self.name,
            "model": type(self.model).__name__,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "trainable": sum(p.numel() for p in self.trainable()),
            "modules": len(self.named()),
            "layer_count": len(self.layers()),
            "layers": self.layers()[:MOST_LAYERS],
            "device": str(self.device),
            "torch": torch.__version__,
            "python": sys.version.split()[0],
        }


def load(job: dict[str, Any]) -> Subject:
    """The subject that a job names.

    Raises:
        BadSubject: it is not what a subject must be.
    """
    torch.manual_seed(int(job.get("seed") or 0))
    torch.use_deterministic_algorithms(True, warn_only=True)
    for entry in reversed(job.get("path") or []):
        sys.path.insert(0, entry)
    if job.get("project"):
        from .project import given_by

        return Subject(given_by(job), job, "{}, phase {}".format(job["experiment"], job["phase"]))
    file, _, function = job["target"].rpartition(":")
    return Subject(checked(_call(Path(file), function)), job, function)


def _call(file: Path, function: str) -> Any:
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, str(file))
    if spec is None or spec.loader is None:
        raise BadSubject("no-subject", f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    spec.loader.exec_module(module)
    if not callable(getattr(module, function, None)):
        there = [name for name, item in vars(module).items() if callable(item) and not name.startswith("_")]
        raise BadSubject("no-subject", f"{file.name} has no function {function!r}; it has {there[:8]}")
    return getattr(module, function)()


def checked(given: Any) -> dict[str, Any]:
    """What the user's function returned, as a mapping with a model and a step."""
    if isinstance(given, (tuple, list)) and len(given) == 3:
        given = dict(zip(("model", "step", "batch"), given))  # noqa: B905 - Python 3.9 has no strict=
    if not isinstance(given, dict):
        raise BadSubject("bad-subject", f"it returned {type(given).__name__}, not a dict or (model, step, batch)")
    unknown = sorted(set(given) - KEYS)
    lacks = [] if isinstance(given.get("model"), torch.nn.Module) else ["model: a torch.nn.Module"]
    lacks += [] if callable(given.get("step") or given.get("loss")) else ["step: a function of (model, batch)"]
    if lacks or unknown:
        parts = ["missing " + ", ".join(lacks)] * bool(lacks) + ["unknown keys " + ", ".join(unknown)] * bool(unknown)
        raise BadSubject("bad-subject", "; ".join(parts) + "; known: " + ", ".join(sorted(KEYS)))
    return given


def scalar(found: Any) -> torch.Tensor:
    """The loss in what a step returned: a tensor, the field or key `loss`, or the first of several."""
    if isinstance(found, dict) and "loss" in found:
        found = found["loss"]
    elif hasattr(found, "loss") and not isinstance(found, torch.Tensor):
        found = found.loss
    elif isinstance(found, (tuple, list)) and found:
        found = found[0]
    if not isinstance(found, torch.Tensor) or found.numel() != 1:
        raise BadSubject("bad-subject", f"step returned {type(found).__name__}, not one number")
    return found.reshape(())


def moved(batch: Any, device: torch.device) -> Any:
    """A batch on a device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: moved(item, device) for key, item in batch.items()}
    if isinstance(batch, (tuple, list)):
        return type(batch)([moved(item, device) for item in batch])
    return batch


def _key(batch: Any, said: Any, names: tuple[str, ...], place: int) -> Any:
    if said is not None:
        return said
    if isinstance(batch, dict):
        return next((name for name in names if name in batch), None)
    return place if isinstance(batch, (tuple, list)) and len(batch) > place else None


def _at(batch: Any, said: Any, names: tuple[str, ...], place: int) -> Any:
    key = _key(batch, said, names, place)
    if key is None:
        return batch if place == 0 and isinstance(batch, torch.Tensor) else None
    try:
        return batch[key]
    except (KeyError, IndexError, TypeError):
        return None


def _put(batch: Any, key: Any, value: Any) -> Any:
    if key is None:
        return value
    if isinstance(batch, dict):
        return {**batch, key: value}
    items = list(batch)
    items[key] = value
    return type(batch)(items)
