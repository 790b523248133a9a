"""One side's model as a graph of operators; started by path in the project's interpreter, answers in JSON.

Needs torch 2.4 or newer and nothing of ours. The model is built on fake tensors where its code allows it (no memory,
no arithmetic), with real weights otherwise. torch.export is asked first; make_fx sees what the Python code does when it
runs, so it also takes models that export refuses.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# core operators that a port may write out: decomposed in the finer form
FINER = ("native_layer_norm native_group_norm _softmax _log_softmax gelu silu addmm baddbmm hardswish leaky_relu elu "
         "mean var std rsub addcmul softplus log_sigmoid_forward hardsigmoid mish "
         "_native_batch_norm_legit_no_training").split()  # fmt: skip


def _beside(name: str) -> Any:
    """A module of this folder, under a name that hides none of the user's."""
    spec = importlib.util.spec_from_file_location("_reproof_" + name, Path(__file__).with_name(name + ".py"))
    assert spec is not None and spec.loader is not None, "it travels with this file"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


operators = _beside("operators").operators


class Refused(Exception):
    """The user's file does not hold what an export needs. args: what."""


def main(job: dict[str, Any]) -> dict[str, Any]:
    """The answer to one job: {"file", "case", "inputs": description or null, "how": [...], "modes": [...]}."""
    import torch

    answer: dict[str, Any] = {
        "torch": torch.__version__,
        "graphs": [],
        "files": [],
        "ran": [],
        "inputs": None,
        "error": None,
    }
    try:
        before = set(sys.modules)
        module = _file(job["file"])
        answer["files"] = _own_files(set(sys.modules) - before, module)
        given = described(_inputs(module, job["case"])) if job["inputs"] is None else job["inputs"]
        answer["inputs"] = given
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about itself
            for mode in job["modes"]:
                answer["graphs"].append({"mode": mode, **_graph(module, given, mode, job["how"])})
            if job["ran"]:
                answer["ran"] = _called(module, given, answer["graphs"])
    except BaseException as error:  # a user's file may raise anything; SystemExit too
        answer["error"] = _said(error)
    return answer


def _called(module: Any, given: Any, graphs: list[dict[str, Any]]) -> list[list[Any]]:
    """[file, first line] of each function that building and running the model calls, torch's and ours left out.

    One plain run on the weights that the export took: following the export itself takes twice as long.
    """
    import torch

    seen: set[tuple[str, int]] = set()

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    before = sys.getprofile()
    with _weights(fake="fake" in {graph["weights"] for graph in graphs}), torch.no_grad():
        sys.setprofile(look)
        try:
            model, args, kwargs = _wrapped(module, _model(module), _inputs_of(module, given))
            model(*args, **kwargs)
        except Exception:  # an export may take what a fake run does not: what was called until then is what is known
            pass
        finally:
            sys.setprofile(before)
    alien = (f"{os.sep}torch{os.sep}", f"{os.sep}sympy{os.sep}", "<", str(Path(__file__).parent), sys.base_prefix)
    return sorted([file, line] for file, line in seen if not any(part in file for part in alien))


def _file(path: str) -> Any:
    sys.path.insert(0, str(Path(path).resolve().parent))
    name = "graph_" + Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "the parent checked that it is a Python file"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "build", None)):
        raise Refused(f"{Path(path).name} has no function build(config)")
    return module


def _own_files(names: set[str], module: Any) -> list[str]:
    found = {getattr(sys.modules.get(name), "__file__", None) for name in names} | {module.__file__}
    # by the base prefix: a project may keep its virtual environment inside its folder
    return sorted(
        os.path.abspath(each)  # noqa: PTH100
        for each in found
        if each and each.endswith(".py") and "site-packages" not in each and not each.startswith(sys.base_prefix)
    )


def _inputs(module: Any, case: str) -> Any:
    hook = getattr(module, "inputs", None)
    if hook is None:
        raise Refused("the reference has no inputs(case)")
    cases = getattr(module, "cases", None) or ["default"]
    return hook(case or cases[0]) if inspect.signature(hook).parameters else hook()


def described(value: Any) -> Any:
    """Tensors by shape, dtype and largest integer; containers and literals as they are."""
    import torch

    if isinstance(value, torch.Tensor):
        return {"tensor": list(value.shape), "dtype": str(value.dtype).rpartition(".")[2]}
    if isinstance(value, dict):
        return {"dict": {key: described(each) for key, each in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"tuple": [described(each) for each in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"literal": value}
    raise Refused(f"an input of type {type(value).__name__} cannot be described to the other side")


def rebuilt(given: Any) -> Any:
    """The tensors of a description, of zeros: only shapes and dtypes matter to a graph."""
    import torch

    if "tensor" in given:
        return torch.zeros(given["tensor"], dtype=getattr(torch, given["dtype"]))
    if "dict" in given:
        return {key: rebuilt(each) for key, each in given["dict"].items()}
    if "tuple" in given:
        return tuple(rebuilt(each) for each in given["tuple"])
    return given["literal"]


def _model(module: Any) -> Any:
    import torch

    takes = [p for p in inspect.signature(module.build).parameters.values() if p.kind is not p.VAR_KEYWORD]
    model = module.build(dict(getattr(module, "config", {}))) if takes else module.build()
    if not isinstance(model, torch.nn.Module):
        raise Refused(f"build() returned {type(model).__name__}, not a torch.nn.Module")
    return model


def _graph(module: Any, given: Any, mode: str, how: list[str]) -> dict[str, Any]:
    """The first way that works; what the others said is kept."""
    said: dict[str, str] = {}
    for weights in ("fake", "real"):
        for way in how:
            try:
                core, fine = _traced(module, given, mode, way, fake=weights == "fake")
                return {"how": way, "weights": weights, "core": core, "fine": fine, "said": said, "error": ""}
            except Exception as error:
                said[f"{way}, {weights} weights"] = _said(error)
    return {"how": "", "weights": "", "core": [], "fine": [], "said": said, "error": said[f"{how[-1]}, real weights"]}


def _traced(module: Any, given: Any, mode: str, way: str, *, fake: bool) -> tuple[list[Any], list[Any]]:
    import torch

    torch.manual_seed(0)
    with _weights(fake=fake):
        model = _model(module).train(mode == "train")
        inputs = _inputs_of(module, given)
    wrapped, args, kwargs = _wrapped(module, model, inputs)
    trace = {"torch.export": _exported, "make_fx": _made}[way]
    with _plain_attention():
        return trace(wrapped, args, kwargs)


def _weights(*, fake: bool) -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode

    return FakeTensorMode(allow_non_fake_inputs=True) if fake else contextlib.nullcontext()


def _inputs_of(module: Any, given: Any) -> Any:
    inputs = rebuilt(given)
    return inputs if getattr(module, "adapt", None) is None else module.adapt(inputs)


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention as its formula, wherever it was imported to: its kernels are engineering, and no core ATen."""
    import torch

    builtin = torch.nn.functional.scaled_dot_product_attention
    name = "scaled_dot_product_attention"
    holders = [m for m in list(sys.modules.values()) if getattr(m, "__dict__", {}).get(name) is builtin]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    for holder in holders:
        setattr(holder, name, _attention)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for holder in holders:
            setattr(holder, name, builtin)


def _attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """softmax(Q K^T scale + mask) V: the code in the documentation of torch's function."""
    import torch

    if enable_gqa:
        key, value = (each.repeat_interleave(query.size(-3) // each.size(-3), -3) for each in (key, value))
    scores = query @ key.transpose(-2, -1) * (query.size(-1) ** -0.5 if scale is None else scale)
    if is_causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=query.device).triu(1)
        scores = scores.masked_fill(future, float("-inf"))
    if attn_mask is not None:
        is_bool = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, float("-inf")) if is_bool else scores + attn_mask
    weights = torch.softmax(scores, -1)
    weights = torch.nn.functional.dropout(weights, dropout_p) if dropout_p else weights
    return weights @ value


def _wrapped(module: Any, model: Any, inputs: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Something to call, and with what; `call(model, inputs)` of the file decides where there is one."""
    import torch

    call: Any = getattr(module, "call", None)
    if call is not None:

        class Called(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, inputs: Any) -> Any:
                return call(self.model, inputs)

        return Called().train(model.training), (inputs,), {}
    if isinstance(inputs, dict):
        names = inspect.signature(model.forward).parameters
        if all(key in names for key in inputs):
            return model, (), inputs
        return model, tuple(inputs.values()), {}
    return model, tuple(inputs) if isinstance(inputs, tuple) else (inputs,), {}


def _exported(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    import torch
    from torch._decomp import core_aten_decompositions

    program = torch.export.export(model, args, kwargs, strict=False)
    core = program.run_decompositions(dict(core_aten_decompositions()))
    fine = program.run_decompositions({**core_aten_decompositions(), **_finer()})
    return operators(core.graph_module), operators(fine.graph_module)


def _made(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    from torch._decomp import core_aten_decompositions
    from torch.func import functionalize
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.utils import _pytree

    flat, spec = _pytree.tree_flatten((args, kwargs))

    def run(*leaves: Any) -> Any:
        its, named = _pytree.tree_unflatten(list(leaves), spec)
        returned = model(*its, **named)
        return [each for each in _pytree.tree_flatten(returned)[0] if hasattr(each, "dtype")]

    told = {"record_stack_traces": True} if "record_stack_traces" in inspect.signature(make_fx).parameters else {}
    found = []
    for table in (core_aten_decompositions(), {**core_aten_decompositions(), **_finer()}):
        trace = make_fx(functionalize(run, remove="mutations_and_views"), decomposition_table=dict(table),
                        tracing_mode="fake", _allow_non_fake_inputs=True, **told)  # fmt: skip
        found.append(operators(trace(*flat)))
    return found[0], found[1]


def _finer() -> dict[Any, Callable[..., Any]]:
    import torch
    from torch._decomp import get_decompositions

    packets = [getattr(torch.ops.aten, name) for name in FINER if hasattr(torch.ops.aten, name)]
    found: dict[Any, Callable[..., Any]] = get_decompositions(packets)
    return found


def _said(error: BaseException) -> str:
    """Kind, first line and the user's line, as one text."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f"{os.sep}torch{os.sep}" not in f.filename and f.filename != __file__]
    text = (str(error).strip().splitlines() or [""])[0][:200]
    at = f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
    return f"{type(error).__name__}: {text}{at}" if not isinstance(error, Refused) else text


def _fence() -> None:
    """No network from now on."""

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
            raise Refused(f"it wants the network: {args[:2]!r}")

    sys.addaudithook(watch)


if __name__ == "__main__":
    sys.path.pop(0)  # our folder would hide a user's `graph`
    place = Path(sys.argv[1])
    _fence()
    result = main(json.loads(place.read_text(encoding="utf-8")))
    place.with_name("answer.json").write_text(json.dumps(result), encoding="utf-8")
