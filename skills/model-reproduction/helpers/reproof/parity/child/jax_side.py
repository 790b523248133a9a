# ruff: noqa: ARG002, B004, E501
"""The JAX side: a Flax module (linen or nnx), or {"init": f(key), "apply": f(params, *inputs)}."""

# mypy: allow-untyped-calls, disable-error-code="attr-defined,no-any-return,import-not-found"

from __future__ import annotations

import inspect
import os
import platform
from typing import Any

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np

from .contract import BadContract, Contract, called
from .jax_trace import Interpreter
from .nodes import Array
from .shaking import shaken
from .torch_free import exported
from .trees import arranged, leaves, to_arrays

HOOKS = {"config", "build", "cases", "inputs", "batch", "loss", "call", "raw", "preprocess", "tokenize", "texts", "metric",
         "predictions"}  # fmt: skip


def array(value: Any) -> Any:
    """A JAX or NumPy array as NumPy, floats in float64; None for what is none."""
    if isinstance(value, (jax.Array, np.ndarray)):
        found = np.asarray(value)
        return found.astype(np.float64) if found.dtype.kind == "f" or found.dtype.name == "bfloat16" else found
    return None


class JaxSide:
    """Answers for one contract; what needs PyTorch's training loop is not offered."""

    framework = "jax"

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.model = contract.model()
        self.first = self.inputs(str((contract.cases or ["default"])[0]))
        variables = self._fresh(0)
        flat, self.tree = jax.tree.flatten_with_path(variables)
        self.names = [_name(path) for path, _ in flat]
        self.shapes = [np.shape(each) for _, each in flat]
        self.dtypes = [str(each.dtype) for _, each in flat]
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.starts = np.cumsum([0, *sizes])
        self.weights_meta = [
            {
                "name": name,
                "shape": list(shape),
                "kind": _kind(name),
                "dtype": dtype,
                "trainable": "batch_stats" not in name,
            }
            for name, shape, dtype in zip(self.names, self.shapes, self.dtypes, strict=False)
        ]

    def _fresh(self, seed: int) -> Any:
        """Initial variables from a seed, as a tree."""
        key = jax.random.key(seed)
        args, kwargs, _ = arranged(self.first, getattr(self.model, "__call__", self.model))
        if isinstance(self.model, dict):
            return called(self.model["init"], key=key)
        if hasattr(self.model, "init") and hasattr(self.model, "apply"):
            rngs = {"params": key, "dropout": jax.random.key(seed + 1)}
            if self.contract.call is not None:
                raise BadContract(
                    "other-inputs", "call(model, inputs) is for PyTorch; name the inputs as the module does"
                )
            return self.model.init(rngs, *args, **kwargs)
        return self._nnx(seed)

    def _nnx(self, seed: int) -> Any:
        from flax import nnx

        model = self.contract.model() if not _takes_seed(self.contract.build) else self.contract.build(seed)
        self.graph, state = nnx.split(model)
        return nnx.to_pure_dict(state) if hasattr(nnx, "to_pure_dict") else state.to_pure_dict()

    def _apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self.model, dict):
            return self.model["apply"](variables, *args, **kwargs)
        if hasattr(self.model, "apply") and hasattr(self.model, "init"):
            return self.model.apply(variables, *args, **kwargs)
        from flax import nnx

        state = nnx.state(nnx.eval_shape(lambda: nnx.merge(self.graph, variables)))
        nnx.replace_by_pure_dict(state, variables)
        return nnx.merge(self.graph, state)(*args, **kwargs)

    def _tree(self, flat: list[Any]) -> Any:
        return jax.tree.unflatten(self.tree, flat)

    def _split(self, weights: Array) -> list[Array]:
        return [
            weights[int(a) : int(b)].reshape(shape)
            for a, b, shape in zip(self.starts, self.starts[1:], self.shapes, strict=False)
        ]

    def hello(self) -> dict[str, Any]:
        """What this side is and offers."""
        versions = {"jax": jax.__version__, "numpy": np.__version__}
        try:
            import flax

            versions["flax"] = flax.__version__
        except ModuleNotFoundError:
            pass
        said = [f"{name} of a JAX contract is not compared" for name in self.contract.has() if name not in HOOKS]
        return {
            "framework": self.framework, "python": platform.python_version(), "versions": versions,
            "hooks": [name for name in self.contract.has() if name in HOOKS], "files": self.contract.files,
            "cases": list(self.contract.cases or ["default"]), "steps": 0, "micro": 1, "weights": self.weights_meta,
            "said": said,
        }  # fmt: skip

    def structure(self) -> dict[str, Any]:
        """Counts and shapes."""
        return {
            "total": int(self.starts[-1]), "trainable": int(self.starts[-1]), "statistics": 0, "tied": [], "tied_names": [],
            "shapes": [], "dtypes": sorted(set(self.dtypes)), "layers": [], "modules": [],
        }  # fmt: skip

    def configuration(self) -> dict[str, Any]:
        """Declared configuration and defaults."""
        return {"config": {}, "defaults": {}, "places": {}}

    def inputs(self, case: str) -> Any:
        """The inputs of a case, as arrays."""
        hook = self.contract.inputs
        if hook is None:
            raise BadContract("no-inputs", "a JAX contract needs inputs(case): its weights are made from them")
        np.random.seed(7)
        return to_arrays(called(hook, case=case) if inspect.signature(hook).parameters else hook(), array)

    def batch(self, seed: int) -> Any:
        """A batch for the loss, the reference's."""
        if self.contract.batch is None:
            return self.first
        np.random.seed(seed)
        return to_arrays(called(self.contract.batch, seed=seed), array)

    def shake(self, seed: int) -> Array:
        """Shaken weights of this side."""
        return shaken(self.weights_meta, seed)

    def trace(self, weights: Array, inputs: Any, what: str = "forward", mode: str = "eval", force: Any = None,
              full: bool = True) -> dict[str, Any]:  # fmt: skip
        """A recorded run in evaluation mode."""
        parts = self._split(weights)
        ids = [
            np.arange(int(a), int(b)).reshape(s)
            for a, b, s in zip(self.starts, self.starts[1:], self.shapes, strict=False)
        ]
        count, given = len(parts), inputs[0] if what == "step" else inputs
        flat, tree = jax.tree.flatten(given)

        def run(*values: Any) -> Any:
            variables, rest = self._tree(list(values[:count])), jax.tree.unflatten(tree, values[count:])
            if what == "forward":
                return self._outputs(self._returned(variables, rest))
            return [self._loss(variables, rest)]

        return exported(Interpreter().trace(run, parts, ids, flat), full)

    def _returned(self, variables: Any, inputs: Any) -> Any:
        args, kwargs, _ = arranged(inputs, getattr(self.model, "__call__", self.model))
        return self._apply(variables, *args, **kwargs)

    @staticmethod
    def _outputs(returned: Any) -> list[Any]:
        found = [each for each in jax.tree.leaves(returned) if hasattr(each, "dtype")]
        return [e for e in found if e.dtype.kind == "f"] + [e for e in found if e.dtype.kind != "f"]

    def _loss(self, variables: Any, batch: Any) -> Any:
        return called(self.contract.loss, model=lambda *a, **k: self._apply(variables, *a, **k), batch=batch)

    def outputs(self, weights: Array | None, inputs: Any, dtype: str = "float64", mode: str = "eval", force: Any = None,
                repeats: int = 1) -> dict[str, Any]:  # fmt: skip
        """What the model returns in a dtype."""
        kind = np.dtype("float32" if dtype == "float32" else "float64")
        parts = self._split(weights) if weights is not None else jax.tree.leaves(self._fresh(1))
        variables = self._tree([np.asarray(each).astype(kind) for each in parts])
        given = jax.tree.map(
            lambda each: np.asarray(each).astype(kind) if np.asarray(each).dtype.kind == "f" else each, inputs
        )
        found = [[array(each) for each in self._outputs(self._returned(variables, given))] for _ in range(repeats)]
        return {"outputs": found[0], "repeated": found[1:], "draws": [], "said": []}

    def gradients(
        self, weights: Array, batch: Any, mode: str = "eval", force: Any = None, dtype: str = "float64"
    ) -> dict[str, Any]:
        """Loss and gradients of all weights, evaluation mode."""
        variables = self._tree(self._split(weights))
        value, grads = jax.value_and_grad(lambda v: self._loss(v, batch))(variables)
        flat = np.concatenate([np.asarray(each, np.float64).reshape(-1) for each in jax.tree.leaves(grads)])
        return {
            "loss": float(value),
            "gradients": flat,
            "has": np.ones(flat.size, bool),
            "inputs": [],
            "draws": [],
            "statistics": weights,
        }

    def initial(self, seeds: list[int], elements: Array) -> Array:
        """Initial values of some elements, one row per seed."""
        rows = []
        for seed in seeds:
            flat = [np.asarray(each, np.float64).reshape(-1) for each in jax.tree.leaves(self._fresh(seed))]
            rows.append(np.concatenate(flat)[elements])
        return np.stack(rows)

    def initial_lines(self) -> dict[str, str]:
        """The lines that filled the weights; not known here."""
        return {}

    def twice(self, inputs: Any) -> dict[str, Any]:
        """Whether one seed gives one start."""
        a, b = (np.concatenate([np.asarray(e).reshape(-1) for e in jax.tree.leaves(self._fresh(3))]) for _ in range(2))
        return {"initial": bool(np.array_equal(a, b)), "outputs": True}

    def raw(self) -> Any:
        """Raw samples."""
        return to_arrays(
            called(self.contract.raw, seed=0)
            if inspect.signature(self.contract.raw).parameters
            else self.contract.raw(),
            array,
        )

    def preprocess(self, raw: Any, seed: int, train: bool, times: int = 1) -> list[Any]:
        """Outputs of `preprocess`."""
        return [
            to_arrays(called(self.contract.preprocess, raw=raw, seed=seed + k, train=train), array)
            for k in range(times)
        ]

    def tokenize(self, texts: list[str]) -> Any:
        """Ids of texts."""
        return [to_arrays(self.contract.tokenize(text), array) for text in texts]

    def texts(self) -> list[str]:
        """Texts of the contract."""
        return list(self.contract.texts or [])

    def predictions(self) -> Any:
        """Predictions and targets of the contract."""
        return to_arrays(
            self.contract.predictions() if callable(self.contract.predictions) else self.contract.predictions, array
        )

    def metric(self, predictions: Any) -> Any:
        """The metric of given predictions."""
        return to_arrays(self.contract.metric(*leaves(predictions)), array)

    def places(self) -> dict[str, str]:
        """Where the hooks of the contract begin."""
        found = {}
        for name in self.contract.has():
            code = getattr(getattr(self.contract.module, name), "__code__", None)
            if code is not None:
                found[name] = f"{code.co_filename}:{code.co_firstlineno}"
        return found


def _name(path: Any) -> str:
    return "/".join(str(getattr(each, "key", getattr(each, "name", getattr(each, "idx", each)))) for each in path)


def _kind(name: str) -> str:
    if "batch_stats" not in name:
        return "parameter"
    return "variance" if name.endswith("var") else "mean"


def _takes_seed(build: Any) -> bool:
    return "seed" in inspect.signature(build).parameters
