"""The probed calls as a test file that needs nothing of ours: one short test per call."""

from __future__ import annotations

import builtins
import keyword
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from reproof.apicalls import Call, TensorSpec
from reproof.errors import PackError
from reproof.paths import write_atomically
from reproof.probe.code import by_own_name, positional, tupled
from reproof.probe.models import CaseReport, LibraryReport
from reproof.probe.spec import Wanted

NAME = "test_library_api.py"
MARK = '"""What this project expects of its libraries, call by call, with the shapes it uses.'
WIDTH = 110

TAKEN = {*"call caught close equal first gradients np output parts pytest reference rng swapped torch version".split()}

HEAD = (
    MARK
    + '''

Written by `probe.py run --write-tests`, which replaces this file; it runs with pytest alone. The probe asks more.
"""
'''
)
TOOLS = '''

def parts(output):
    """Tensors, arrays and numbers of an output, as tensors, in order."""
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        return [part for item in output for part in parts(item)]
    is_number = isinstance(output, (torch.Tensor, np.ndarray, np.generic, int, float))
    return [torch.as_tensor(output)] if is_number else []


def close(ours, theirs, rtol):
    """Equal within rtol of the larger magnitude."""
    ours, theirs = ours.detach().double().squeeze(), theirs.detach().double().squeeze()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=rtol * float(max(ours.abs().max(), theirs.abs().max())))
'''


def write_tests(folder: Path, wanted: list[Wanted], libraries: list[LibraryReport], cases: list[CaseReport]) -> Path:
    """Write the file and return its path.

    Raises:
        PackError: another file of that name lies there; it is not touched.
    """
    path = folder / NAME
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(MARK):
        raise PackError(
            "not-ours",
            f"{path} was not written by probe",
            why="it would be overwritten",
            fix="name another folder, or move that file",
        )
    write_atomically(path, text(wanted, libraries, cases))
    return path


def text(wanted: list[Wanted], libraries: list[LibraryReport], cases: list[CaseReport]) -> str:
    """The whole file."""
    known = {(case.library, case.id): case for case in cases}
    modules = {"numpy as np", "torch"}
    tests = [_versions(libraries)]
    for want in wanted:
        case = known[want.library.name, want.id]
        problem = "it was not found" if want.call is None or not case.modules else unwritable(want.call)
        if want.call is None or problem:
            tests.append(f"# {one_line(want.id)} is not here: {one_line(problem)}\n")
            continue
        modules |= {module for module in case.modules.values() if module != "torch"}
        tests.append("\n".join(_test(want.call)) + "\n")
    if any("pytest." in test for test in tests):
        modules.add("pytest")
    imports = "\n".join(f"import {module}" for module in sorted(modules))
    return f"{HEAD}\nfrom importlib.metadata import version\n\n{imports}\n{TOOLS}\n\n" + "\n\n".join(tests)


def one_line(value: object) -> str:
    """Text that stays on its line of a comment."""
    return " ".join(str(value).split())


def unwritable(call: Call) -> str:
    """Why a call cannot be written as code: a name in it is no name."""
    names = [call.id, *call.inputs, *call.kwargs, *(call.init or {}), call.method or "call", call.target]
    names += [spec.made_by or spec.object or "input" for spec in call.inputs.values()]
    names += [key for spec in call.inputs.values() for key in spec.kwargs] + [call.expect.equals or "equals"]
    names += list(call.expect.equals_kwargs)
    taken = sorted(TAKEN & set(call.inputs))
    if taken:
        return f"an input is called {taken[0]!r}, which the test needs for itself"
    wrong = [n for n in names if not all(part.isidentifier() and not keyword.iskeyword(part) for part in n.split("."))]
    return f"{wrong[0]!r} is no Python name" if wrong else ""


def _versions(libraries: Iterable[LibraryReport]) -> str:
    lines = ["def test_the_versions_are_the_plans():"]
    lines += [f"    assert version({item.distribution!r}).split('+')[0] == {item.wanted!r}" for item in libraries]
    return "\n".join(lines).replace("'", '"') + "\n"


def _test(call: Call) -> Iterator[str]:
    """The lines of one test."""
    yield f"def test_{call.id}():"
    about = one_line(", ".join(call.experiments) + (": " + call.because if call.because else ""))
    yield from (f"    # {line}" for line in textwrap.wrap(about, WIDTH - 6))
    yield "    torch.manual_seed(0)"
    if any(spec.kind == "numpy" for spec in call.inputs.values()):
        yield "    rng = np.random.default_rng(0)"
    for name, spec in call.inputs.items():
        yield f"    {name} = {made(spec)}"
    yield from (f"    {line}" for line in _asked(call))


def _asked(call: Call) -> Iterator[str]:
    """The call and what must hold, without the indentation of the test."""
    if call.expect.raises is not None:
        yield from _raising(call, call.expect.raises)
        return
    callee = call.target
    if call.init is not None:
        yield from _wrapped(
            "call = ", call.target, keywords(tupled(call, call.init)), f".{call.method}" if call.method else ""
        )
        callee = "call"
    yield from _wrapped("output = ", callee, arguments(call))
    expect = call.expect
    if expect.shapes is not None:
        yield f"assert [list(part.shape) for part in parts(output)] == {expect.shapes}"
    if expect.dtype is not None:
        yield f"assert parts(output)[0].dtype == torch.{expect.dtype}"
    if expect.finite:
        yield "assert all(part.isfinite().all() for part in parts(output))"
    if expect.value is not None:
        yield f"close(parts(output)[0], torch.full_like(parts(output)[0], {expect.value!r}), rtol={expect.rtol!r})"
    yield from _reference(call)
    yield from _gradients(call)
    yield from _invariants(call, callee)


def _raising(call: Call, raises: str) -> Iterator[str]:
    name = raises.rpartition(".")[2]
    is_built_in = isinstance(getattr(builtins, name, None), type)
    yield f"with pytest.raises({name if is_built_in else 'Exception'}){'' if is_built_in else ' as caught'}:"
    callee = call.target if call.init is None else f"{call.target}({', '.join(keywords(tupled(call, call.init)))})"
    callee += f".{call.method}" if call.method else ""
    yield from (f"    {line}" for line in _wrapped("", callee, arguments(call)))
    if not is_built_in:
        yield f"assert {name!r} in [kind.__name__ for kind in type(caught.value).__mro__]"


def _reference(call: Call) -> Iterator[str]:
    expect = call.expect
    if expect.equals is None:
        return
    yield from _wrapped(
        "reference = ", expect.equals, [*(expect.equals_args or positional(call)), *keywords(expect.equals_kwargs)]
    )
    scale = "" if expect.equals_scale == 1.0 else f"{expect.equals_scale!r} * "
    yield f"close(parts(output)[0], {scale}parts(reference)[0], rtol={expect.rtol!r})"


def _gradients(call: Call) -> Iterator[str]:
    if not call.expect.grad:
        return
    names = ", ".join(call.expect.grad)
    yield "first = next(part for part in parts(output) if part.requires_grad)"
    yield f"gradients = torch.autograd.grad((first * torch.randn_like(first)).sum(), [{names}])"
    yield "assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients)"


def _invariants(call: Call, callee: str) -> Iterator[str]:
    """On the first two drawn inputs that are no weights, as the probe does."""
    if not (call.expect.zero_on_equal or call.expect.symmetric):
        return
    drawn = [n for n in positional(call) if call.inputs[n].shape is not None or call.inputs[n].values is not None]
    first, second = sorted(drawn, key=lambda n: call.inputs[n].dist in ("weights", "equal_weights"))[:2]
    if call.expect.zero_on_equal:
        yield from _wrapped("equal = ", callee, arguments(call, {second: first}))
        yield "assert parts(equal)[0].abs().max() <= 1e-3 * parts(output)[0].abs().max()"
    if call.expect.symmetric:
        yield from _wrapped("swapped = ", callee, arguments(call, {first: second, second: first}))
        yield f"close(parts(swapped)[0], parts(output)[0], rtol={max(call.expect.rtol, 1e-5)!r})"


def arguments(call: Call, other: dict[str, str] | None = None) -> list[str]:
    """Arguments of the call as code; `other` puts one input in another's place."""
    place = other or {}
    by_name = [f"{name}={place.get(name, name)}" for name in by_own_name(call)]
    return [place.get(name, name) for name in positional(call)] + by_name + keywords(tupled(call, call.kwargs))


def keywords(values: dict[str, Any]) -> list[str]:
    """Keyword arguments as code."""
    return [f"{key}={literal(value)}" for key, value in values.items()]


def literal(value: object) -> str:
    """A value as code, with double quotes where a text allows them."""
    shown = repr(value)
    return f'"{value}"' if isinstance(value, str) and shown == f"'{value}'" and '"' not in value else shown


def _wrapped(start: str, callee: str, given: list[str], end: str = "") -> Iterator[str]:
    """A call on one line, or one argument per line."""
    line = f"{start}{callee}({', '.join(given)}){end}"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{start}{callee}("
    yield from (f"    {part}" for part in textwrap.wrap(", ".join(given), WIDTH - 4, break_long_words=False))
    yield f"){end}"


def made(spec: TensorSpec) -> str:
    """The expression that makes an input."""
    if spec.object is not None:
        return spec.object
    if spec.made_by is not None:
        return f"{spec.made_by}({', '.join([*spec.args, *keywords(spec.kwargs)])})"
    return _numpy(spec) if spec.kind == "numpy" else _torch(spec)


def _torch(spec: TensorSpec) -> str:
    is_float = "float" in spec.dtype and spec.dtype not in ("float16", "bfloat16")
    option = f", dtype=torch.{spec.dtype}" if is_float and spec.dtype != "float32" else ""
    if spec.values is not None:
        code = f"torch.tensor({spec.values!r}, dtype=torch.{spec.dtype})"
    else:
        code = _moved(_drawn_by_torch(spec, ", ".join(map(str, spec.shape or [])), option), spec)
        if not is_float and (spec.dist != "integers" or _is_moved(spec)):
            code = f"({code}).to(torch.{spec.dtype})"
    if not spec.requires_grad:
        return code
    return f"({code}).requires_grad_()" if _is_moved(spec) else f"{code}.requires_grad_()"


def _drawn_by_torch(spec: TensorSpec, shape: str, option: str) -> str:
    sizes = f"({shape},)" if spec.shape and len(spec.shape) == 1 else f"({shape})"
    if spec.dist == "integers":
        high = max(int(spec.high), int(spec.low) + 1)
        return f"torch.randint({int(spec.low)}, {high}, {sizes}, dtype=torch.{spec.dtype})"
    if spec.dist == "equal_weights":
        return f"torch.full({sizes}, {1 / (spec.shape or [1])[-1]!r}{option})"
    if spec.dist == "grid":
        rest = "".join(", 1" for _ in (spec.shape or [1])[1:])
        code = f"torch.linspace({spec.low!r}, {spec.high!r}, {(spec.shape or [1])[0]}{option})"
        return f"{code}.view(-1{rest}).expand({shape}).clone()" if rest else code
    return {
        "normal": f"torch.randn({sizes}{option})",
        "uniform": f"torch.empty({sizes}{option}).uniform_({spec.low!r}, {spec.high!r})",
        "zeros": f"torch.zeros({sizes}{option})",
        "ones": f"torch.ones({sizes}{option})",
        "weights": f"torch.randn({sizes}{option}).softmax(-1)",
    }[spec.dist]


def _numpy(spec: TensorSpec) -> str:
    if spec.values is not None:
        return f'np.array({spec.values!r}, dtype="{spec.dtype}")'
    sizes = repr(tuple(spec.shape or []))
    code = {
        "normal": f"rng.standard_normal({sizes})",
        "uniform": f"rng.uniform({spec.low!r}, {spec.high!r}, {sizes})",
        "integers": f"rng.integers({int(spec.low)}, {max(int(spec.high), int(spec.low) + 1)}, {sizes})",
        "zeros": f"np.zeros({sizes})",
        "ones": f"np.ones({sizes})",
        "weights": f"rng.dirichlet(np.ones({sizes}[-1]), {sizes}[:-1])",
        "equal_weights": f"np.full({sizes}, {1 / (spec.shape or [1])[-1]!r})",
        "grid": f"np.linspace(np.full({sizes}[1:], {spec.low!r}), {spec.high!r}, {sizes}[0])",
    }[spec.dist]
    code = _moved(code, spec)
    return code if spec.dtype == "float64" else f'({code}).astype("{spec.dtype}")'


def _is_moved(spec: TensorSpec) -> bool:
    return spec.values is None and (spec.scale != 1.0 or spec.shift != 0.0)


def _moved(code: str, spec: TensorSpec) -> str:
    """Scale, then shift."""
    if spec.scale != 1.0:
        code = f"{spec.scale!r} * {code}"
    return f"{code} + {spec.shift!r}" if spec.shift else code
