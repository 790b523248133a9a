"""The same call as if its inputs lay on a GPU: which tensors would be left behind on the CPU?

Nothing is moved. Inputs, parameters and buffers are marked, marks follow every operation, and an operation that
takes a marked tensor together with an unmarked one is one that a GPU refuses. What code does only where it sees
`is_cuda` is not seen.
"""

from __future__ import annotations

from typing import Any, Iterator  # noqa: UP035 - Python 3.8 must be able to run this

from .arrays import is_tensor, torch
from .case import kept_grad_mode, seed_all
from .study import Study

MARK = "_probe_is_on_gpu"
ACROSS = {"copy_", "__setitem__", "__getitem__", "to", "type_as", "cpu", "cuda", "__set__", "__get__", "index_put_",
          "set_", "is_set_to", "pin_memory", "as_tensor", "register_hook"}  # fmt: skip
OFF = {"numpy", "__array__"}  # a GPU tensor refuses these
LEAVES = {"cpu", "tolist", "item", "numpy"}


def check_devices(study: Study) -> None:
    """Report the first operation that would mix devices."""
    pytorch = torch()
    if pytorch is None or not any(is_tensor(item) for item in study.ready.values()):
        return
    ready = study.case.complete(study.numbers)
    made = study.case.construct(ready=ready)
    for item in [*ready.values(), *_of_module(getattr(made, "__self__", made))]:
        if is_tensor(item):
            _mark(item)
    args, kwargs = study.case.arguments(ready)
    seed_all(0, 0)
    watch = _watching(pytorch)
    with kept_grad_mode(), watch:
        made(*args, **kwargs)
    if watch.refused:
        is_asked = any(spec["device"] == "cuda" for spec in study.case.inputs.values())
        code = "device_mix" if is_asked else "device_mix_ahead"
        study.report.finding(code, f"on a GPU it would fail: {watch.refused}")
    study.report.fact("gpu", watch.refused or "no tensor would be left on the CPU")


def _of_module(owner: Any) -> Iterator[Any]:
    """What `.to("cuda")` moves: parameters and registered buffers, and no other attribute."""
    if hasattr(owner, "register_forward_hook"):
        yield from owner.parameters()
        yield from owner.buffers()
    elif callable(getattr(owner, "to", None)):  # metrics and schedulers of other kinds move what they hold
        yield from (item for item in vars(owner).values() if is_tensor(item))


def _mark(item: Any) -> None:
    try:
        setattr(item, MARK, True)
    except (AttributeError, RuntimeError):
        return


def _is_marked(item: Any) -> bool:
    return bool(getattr(item, MARK, False))


def _inside(values: Any, depth: int = 2) -> list[Any]:
    """Tensors among arguments or results."""
    found = []
    for value in values:
        if is_tensor(value):
            found.append(value)
        elif isinstance(value, (list, tuple)) and depth:
            found += _inside(value, depth - 1)
    return found


def _watching(pytorch: Any) -> Any:
    """A context that follows the marks; `refused` says what a GPU would not do."""
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):
        refused = ""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = kwargs or {}
            name = getattr(function, "__name__", "")
            tensors = _inside([*args, *given.values()])
            marked = [item for item in tensors if _is_marked(item)]
            left = [item for item in tensors if not _is_marked(item) and item.dim() > 0]
            if marked and name in OFF and not self.refused:
                self.refused = f"{name}() of a tensor on the GPU"
            if marked and left and name not in ACROSS and not self.refused:
                shape = tuple(left[0].shape)
                self.refused = f"{name} takes a tensor {shape} that was made on the CPU, beside one on the GPU"
            result = function(*args, **given)
            if (
                is_tensor(result)
                and any(result is item for item in marked)
                and not _stays_on_gpu(name, marked, args, given, pytorch)
            ):
                return result.view_as(result)  # cpu() of a CPU tensor is the tensor itself
            if _stays_on_gpu(name, marked, args, given, pytorch):
                for item in _inside([result]):
                    _mark(item)
            return result

    return Watch()


def _stays_on_gpu(name: str, marked: list[Any], args: Any, given: Any, pytorch: Any) -> bool:
    """Whether the result of an operation lies on the GPU."""
    device = given.get("device")
    if name == "to":
        device = next((item for item in args[1:] if isinstance(item, (str, pytorch.device))), device)
    if name in ("__set__", "__setitem__"):
        return True
    if name in LEAVES or device == "cpu":
        return False  # a word, not the device of another tensor
    if isinstance(device, pytorch.device):
        return True  # it was read from a tensor, which would be on the GPU
    if name in ("tensor", "from_numpy"):
        return bool(args) and is_tensor(args[0]) and _is_marked(args[0])
    return bool(marked)
