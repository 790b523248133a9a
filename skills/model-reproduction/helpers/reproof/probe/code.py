"""A call as a person would type it."""

from __future__ import annotations

from reproof.apicalls import Call, TensorSpec


def expression(call: Call) -> str:
    """The call in one line.

    >>> call = Call(id="a", target="geomloss.SamplesLoss", init={"p": 2}, inputs={"x": TensorSpec(shape=[4, 2])},
    ...             experiments=["moons"])
    >>> expression(call)
    'geomloss.SamplesLoss(p=2)(x)'
    """
    if call.expect.steps:
        return f"{callee(call)}.step() × {call.expect.steps}"
    given = [*positional(call), *(f"{name}={name}" for name in by_own_name(call))]
    return f"{callee(call)}({', '.join(filter(None, [*given, _keywords(tupled(call, call.kwargs))]))})"


def callee(call: Call) -> str:
    """What is called: the target, an object of it, or its method."""
    text = call.target
    if call.init is not None:
        made = [f"{name}={name}" for name in call.init_inputs]
        text += f"({', '.join(filter(None, [*made, _keywords(tupled(call, call.init))]))})"
    return f"{text}.{call.method}" if call.method else text


def tupled(call: Call, given: dict[str, object]) -> dict[str, object]:
    """Keywords with the tuples that YAML cannot write."""
    return {
        key: tuple(value) if key in call.tuples and isinstance(value, list) else value for key, value in given.items()
    }


def positional(call: Call) -> list[str]:
    """Inputs that go by position."""
    return call.args or [name for name in call.inputs if name not in call.init_inputs]


def by_own_name(call: Call) -> list[str]:
    """Inputs that go by their own name: neither by position nor only to make or check something else."""
    used = {name for spec in call.inputs.values() for name in spec.args} | set(call.expect.equals_args)
    used |= set(call.init_inputs)
    return [name for name in call.inputs if call.args and name not in call.args and name not in used]


def _keywords(values: dict[str, object]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in values.items())


def described(name: str, spec: TensorSpec) -> str:
    """An input in one line.

    >>> described("x", TensorSpec(shape=[256, 2], requires_grad=True))
    'x = float32 (256, 2) normal, requires grad'
    """
    if spec.object is not None:
        return f"{name} = {spec.object}"
    if spec.made_by is not None:
        return f"{name} = {spec.made_by}({', '.join(filter(None, [', '.join(spec.args), _keywords(spec.kwargs)]))})"
    what = f"values {spec.values}" if spec.shape is None else f"({', '.join(map(str, spec.shape))}) {_drawn(spec)}"
    return f"{name} = {spec.dtype} {what}{', requires grad' if spec.requires_grad else ''}"


def _drawn(spec: TensorSpec) -> str:
    text: str = spec.dist
    if spec.dist in ("uniform", "integers", "grid"):
        text += f" {spec.low:g}…{spec.high:g}"
    if spec.scale != 1.0:
        text += f" × {spec.scale:g}"
    return text + (f" + {spec.shift:g}" if spec.shift else "")
