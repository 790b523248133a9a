# ruff: noqa: ARG001, ARG005, E501
"""The PyTorch side: one method per question of the judge, plain data and NumPy arrays in and out."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import inspect
import platform
from collections import Counter
from typing import Any

import numpy as np
import torch

from . import torch_train
from .contract import BadContract, Contract, called
from .nodes import Array, Traced
from .ran import Ran, named_line, place
from .shaking import shaken
from .torch_free import exported
from .torch_mode import NORMAL, UNIFORM, Look, Stopped, storage, where
from .torch_model import Builder, Weights, array, default_dtype, noted_modules, plain_kernels, tensors
from .trees import leaves, to_arrays

ATTRIBUTES = ("eps", "momentum", "p", "drop_prob", "affine", "elementwise_affine", "num_groups", "negative_slope", "alpha",
              "approximate", "stride", "padding", "padding_mode", "dilation", "groups", "kernel_size", "num_heads", "ceil_mode",
              "align_corners", "mode", "scale_factor", "ignore_index", "label_smoothing", "reduction", "track_running_stats",
              "batch_first", "norm_first", "padding_idx", "max_norm", "upscale_factor", "lower", "upper", "beta",
              "threshold", "inplace_", "bidirectional", "num_layers", "dropout", "count_include_pad")  # fmt: skip


class TorchSide:
    """Answers for one contract."""

    framework = "torch"
    streamed = False
    look: type[Look] = Look

    def __init__(self, contract: Contract, builder: Builder | None = None) -> None:
        torch.set_num_threads(1)
        self.contract = contract
        self.builder = builder or Builder(contract)
        self.ran_here = Ran([*contract.files, str(contract.spec.get("file"))])
        model = self.builder.model()
        self.weights_meta = Weights(model, self.builder.learned).meta()
        if self.contract.inputs is not None and not self.streamed:
            self._settled(model)

    def _settled(self, model: Any) -> None:
        """Refuse a model that makes layers while it runs: they have no weights to map before."""
        before = {name for name, _ in model.named_parameters()}
        with contextlib.suppress(Exception), torch.no_grad(), default_dtype("float64"):  # what it raises, forward tells
            self.builder.run(model.eval(), self.inputs(str((self.contract.cases or ["default"])[0])))
        made = [name for name, _ in model.named_parameters() if name not in before]
        if made:
            raise BadContract("lazy-layer", f"{made[0]} is made while the model runs: run it once in build()")

    def hello(self) -> dict[str, Any]:
        """What this side is and offers."""
        return {
            "framework": self.framework,
            "python": platform.python_version(),
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "hooks": self.contract.has(),
            "files": self.contract.files,
            "cases": list(self.contract.cases or ["default"]),
            "steps": int(self.contract.steps or 0),
            "micro": int(self.contract.micro or 1),
            "weights": self.weights_meta,
            "said": list(self.builder.said),
            "streamed": self.streamed,
        }

    def structure(self) -> dict[str, Any]:
        """Counts, shapes, tied groups, dtypes and the modules' attributes, from a model as the user builds it."""
        model = self.builder.model(dtype="float32")
        unique, every = dict(model.named_parameters()), dict(model.named_parameters(remove_duplicate=False))
        groups: dict[int, list[str]] = {}
        for name, each in every.items():
            groups.setdefault(id(each), []).append(name)
        shapes = Counter(tuple(sorted(each.shape)) for each in unique.values())
        statistics = [each for each in Weights(model, self.builder.learned).meta() if each["kind"] != "parameter"]
        return {
            "total": sum(each.numel() for each in unique.values()),
            "trainable": sum(each.numel() for each in unique.values() if each.requires_grad),
            "statistics": sum(int(np.prod(each["shape"])) for each in statistics),
            "tied": sorted(len(names) for names in groups.values() if len(names) > 1),
            "tied_names": [names for names in groups.values() if len(names) > 1],
            "shapes": sorted([list(shape), count] for shape, count in shapes.items()),
            "dtypes": self._dtypes(model),
            "layers": [
                [name, type(each).__name__, sum(p.numel() for p in each.parameters(recurse=False))]
                for name, each in model.named_modules()
                if any(True for _ in each.parameters(recurse=False))
            ],
            "modules": [
                [
                    name,
                    type(each).__name__,
                    {key: _plain(getattr(each, key)) for key in ATTRIBUTES if hasattr(each, key)},
                ]
                for name, each in model.named_modules()
                if type(each).__module__.startswith("torch.nn")
            ],
        }

    def _dtypes(self, model: Any) -> list[str]:  # noqa: ARG002  (a streamed side looks at it)
        """Types of the parameters as the user builds them."""
        return sorted({str(each.dtype).removeprefix("torch.") for each in self.contract.model().parameters()})

    def configuration(self) -> dict[str, Any]:
        """Declared configuration, and defaults of the user's own functions and classes."""
        defaults: dict[str, dict[str, str]] = {}
        places: dict[str, str] = {}
        for name, each in vars(self.contract.module).items():
            if getattr(each, "__module__", None) != self.contract.module.__name__:
                continue
            members = {name: each} if inspect.isfunction(each) else {}
            if inspect.isclass(each):
                members = {f"{name}.{key}": f for key, f in vars(each).items() if inspect.isfunction(f)}
            for key, function in members.items():
                signature = inspect.signature(function).parameters.values()
                found = {p.name: repr(p.default) for p in signature if p.default is not p.empty}
                if found:
                    defaults[key] = found
                    places[key] = f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
        config = {key: _plain(value) for key, value in self.contract.configuration.items()}
        return {"config": config, "defaults": defaults, "places": places}

    def inputs(self, case: str) -> Any:
        """The inputs of a case, as arrays."""
        torch.manual_seed(7)
        with default_dtype("float32"):
            return to_arrays(
                called(self.contract.inputs, case=case) if _takes(self.contract.inputs) else self.contract.inputs(),
                array,
            )

    def batch(self, seed: int) -> Any:
        """A batch for the loss; the inputs of the first case where there is no `batch`."""
        torch.manual_seed(seed)
        if self.contract.batch is None:
            return self.inputs(str((self.contract.cases or ["default"])[0]))
        with default_dtype("float32"):
            return to_arrays(called(self.contract.batch, seed=seed), array)

    def shake(self, seed: int) -> Array:
        """Shaken weights of this side."""
        return shaken(self.weights_meta, seed)

    def trace(self, weights: Array, inputs: Any, what: str = "forward", mode: str = "eval", force: Any = None,
              full: bool = True, until: int | None = None) -> dict[str, Any]:  # fmt: skip
        """A recorded run, or its first `until` operations: events with their inputs, and with `full` every operation."""
        lines: dict[int, str] = {}
        with noted_modules(lines):
            model, held = self.builder.loaded(weights, mode)
        made = {name: lines[id(each)] for name, each in model.named_modules() if id(each) in lines}
        named = [(each, int(start)) for each, start in zip(held.tensors, held.starts, strict=False)]
        look = self.look(promote=True, force=force or {"mask": 1, "u": 0.5}, record=True, weights=named, light=not full)
        look.until = until
        look.modules = {id(each): name for name, each in model.named_modules()}
        hooks = _follow_modules(model, look)
        returned: Any = None
        with default_dtype("float64"), plain_kernels(), contextlib.suppress(Stopped):
            if what == "step":
                with look:
                    self._step(model, inputs)
            else:
                with torch.no_grad(), look:
                    if what == "loss":
                        given = tensors(inputs, torch.float64)
                        returned = self._loss(model, given)
                    else:
                        returned, _ = self.builder.run(model, inputs)
        for hook in hooks:
            hook.remove()
        traced = Traced(look.nodes, look.alias, self.builder.outputs(returned) if what == "forward" else [], look.draws,
                        [list(each) for each in look.units], list(look.casts))  # fmt: skip
        if what == "loss":
            traced.outputs = leaves(to_arrays(returned, array))[:1]
        return exported(traced, full, made)

    def _step(self, model: Any, batches: list[Any]) -> None:
        """A single update, for the recorder."""
        torch_train.one_step(self, model, batches)

    def _loss(self, model: Any, batch: Any) -> Any:
        found = called(
            self.contract.loss, model=model, batch=self.contract.adapt(batch) if self.contract.adapt else batch
        )
        return found[0] if isinstance(found, tuple) else found["loss"] if isinstance(found, dict) else found

    def outputs(self, weights: Array | None, inputs: Any, dtype: str = "float64", mode: str = "eval", force: Any = None,
                repeats: int = 1) -> dict[str, Any]:  # fmt: skip
        """What the model returns; `weights` None leaves the initial values."""
        model, _ = self.builder.loaded(weights, mode, dtype)
        found, draws = [], []
        for _ in range(repeats):
            look = Look(promote=dtype == "float64", force=force)
            with torch.no_grad(), default_dtype(dtype), plain_kernels(), look:
                returned, _ = self.builder.run(model, inputs, dtype)
            found.append(self.builder.outputs(returned))
            draws = look.draws
        return {"outputs": found[0], "repeated": found[1:], "draws": draws, "said": list(self.builder.said)}

    def gradients(
        self, weights: Array, batch: Any, mode: str = "train", force: Any = None, dtype: str = "float64"
    ) -> dict[str, Any]:
        """Loss, gradients of all weights and of the float inputs, and the draws of the forward pass."""
        model, held = self.builder.loaded(weights, mode, dtype)
        look = Look(promote=dtype == "float64", force=force)
        given = tensors(batch, torch.float64 if dtype == "float64" else torch.float32, grad=True)
        with default_dtype(dtype), plain_kernels(), look:
            loss = self._loss(model, given)
            draws = list(look.draws)
            loss.backward()
        grads, has = held.gradients()
        inputs = [each for each in _tensors(given) if each.requires_grad]
        return {
            "loss": float(loss),
            "gradients": grads,
            "has": has,
            "inputs": [_numpy(each.grad) for each in inputs],
            "draws": draws,
            "statistics": held.gather(),
        }

    def initial(self, seeds: list[int], elements: Array) -> Array:
        """Initial values of some elements, one row per seed."""
        rows = []
        for seed in seeds:
            torch.manual_seed(seed)
            np.random.seed(seed)
            rows.append(Weights(self.contract.model().double(), self.builder.learned).gather()[elements])
        return np.stack(rows)

    def initial_lines(self) -> dict[str, str]:
        """For each weight, the user's line that filled it last while the model was built."""
        look = _Writes()
        torch.manual_seed(1)
        with look:
            model = self.contract.model()
        held = Weights(model, self.builder.learned)
        return {name: look.lines.get(storage(each), "") for name, each in zip(held.names, held.tensors, strict=False)}

    def optimizer(self) -> dict[str, Any]:
        """Settings of the optimizer for every weight."""
        return torch_train.described(self)

    def learning_rates(self, steps: int) -> dict[str, Any]:
        """Learning rates of the horizon, run dry."""
        with self.ran_here:
            return torch_train.dry_run(self, steps)

    def train(self, weights: Array, batches: list[Any], scale: float, force: Any, snaps: list[int]) -> dict[str, Any]:
        """Updates on given batches."""
        with self.ran_here:
            return torch_train.train(self, weights, batches, scale, force, snaps)

    def raw(self) -> Any:
        """Raw samples for preprocessing, made by the side that has them."""
        torch.manual_seed(11)
        return to_arrays(called(self.contract.raw, seed=0) if _takes(self.contract.raw) else self.contract.raw(), array)

    def preprocess(self, raw: Any, seed: int, train: bool, times: int = 1) -> list[Any]:
        """Outputs of `preprocess`, `times` draws."""
        found = []
        for turn in range(times):
            given = tensors(raw, torch.float32)
            torch.manual_seed(seed + turn)
            np.random.seed((seed + turn) % 2**31)
            with self.ran_here:
                out = called(self.contract.preprocess, raw=given, seed=seed + turn, train=train)
            found.append(to_arrays(out, array))
        return found

    def trace_preprocess(self, raw: Any, train: bool) -> dict[str, Any]:
        """A recorded run of `preprocess`."""
        look = Look(record=True, force={"mask": 1, "u": 0.5} if train else None)
        torch.manual_seed(0)
        given = tensors(raw, torch.float32)
        with look:
            out = called(self.contract.preprocess, raw=given, seed=0, train=train)
        units = [list(each) for each in look.units]
        return exported(Traced(look.nodes, look.alias, leaves(to_arrays(out, array)), look.draws, units, []), True)

    def tokenize(self, texts: list[str]) -> Any:
        """Ids of texts."""
        with self.ran_here:
            return [to_arrays(self.contract.tokenize(text), array) for text in texts]

    def texts(self) -> list[str]:
        """Texts of the contract."""
        return list(self.contract.texts or [])

    def predictions(self) -> Any:
        """Predictions and targets of the contract."""
        torch.manual_seed(13)
        found = self.contract.predictions
        return to_arrays(found() if callable(found) else found, array)

    def metric(self, predictions: Any) -> Any:
        """The metric of given predictions."""
        given = tensors(predictions, torch.float64)
        args = given if isinstance(given, list) else list(given.values())
        with default_dtype("float64"), self.ran_here:
            return to_arrays(self.contract.metric(*args), array)

    def twice(self, inputs: Any) -> dict[str, Any]:
        """Whether one seed gives one initialisation and one training-mode output."""
        starts = [
            self.initial([3], np.arange(int(sum(np.prod(e["shape"]) for e in self.weights_meta)))) for _ in range(2)
        ]
        runs = []
        for _ in range(2):
            torch.manual_seed(5)
            np.random.seed(5)
            model, _ = self.builder.loaded(None, "train")
            torch.manual_seed(5)
            with torch.no_grad(), default_dtype("float64"):
                runs.append(self.builder.outputs(self.builder.run(model, inputs)[0]))
        same = all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(*runs, strict=False))
        return {"initial": bool(np.array_equal(starts[0], starts[1])), "outputs": bool(same)}

    def places(self) -> dict[str, str]:
        """Where the hooks of the contract are."""
        found = {name: place(getattr(self.contract.module, name)) for name in self.contract.has()}
        return {name: line for name, line in found.items() if line}

    def named_line(self, hook: str, word: str) -> str:
        """The line of a hook where an argument or key of this name is given."""
        return named_line(getattr(self.contract, hook), word)

    def ran(self) -> list[list[Any]]:
        """The user's functions that ran for training, data and metric."""
        return [list(each) for each in self.ran_here.units]


class _Writes(Look):
    """Remembers which line wrote into which memory last."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[int, str] = {}
        self.held: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if isinstance(out, torch.Tensor) and (
            name.endswith("_") or name in NORMAL | UNIFORM | {"zeros", "ones", "full"}
        ):
            if name not in ("detach_", "requires_grad_"):
                self.lines[storage(out)] = where()[0]
                self.held.append(out)
        elif isinstance(out, torch.Tensor) and args and isinstance(args[0], torch.Tensor):
            self.held.append(out)
            self.lines.setdefault(storage(out), where()[0])
        return out


def _follow_modules(model: Any, look: Look) -> list[Any]:
    def leave(module: Any, given: Any, returned: Any) -> None:  # a hook that returns something replaces the output
        if look.stack:
            look.stack.pop()

    hooks = []
    for name, module in model.named_modules():
        hooks.append(module.register_forward_pre_hook(lambda m, a, name=name: look.stack.append(name)))
        hooks.append(module.register_forward_hook(leave))
    return hooks


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else str(value)


def _tensors(tree: Any) -> list[torch.Tensor]:
    if isinstance(tree, dict):
        return [leaf for each in tree.values() for leaf in _tensors(each)]
    if isinstance(tree, (list, tuple)):
        return [leaf for each in tree for leaf in _tensors(each)]
    return [tree] if isinstance(tree, torch.Tensor) else []


def _numpy(tensor: torch.Tensor | None) -> Array:
    return np.zeros(0) if tensor is None else tensor.detach().double().numpy().copy()


def _takes(hook: Any) -> bool:
    return bool(inspect.signature(hook).parameters)
