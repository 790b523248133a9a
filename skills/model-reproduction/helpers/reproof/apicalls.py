"""Library calls to probe, as data: a part of the plan, and a spec of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from reproof.errors import near
from reproof.records import Record, Sourced

DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()


Invariance = Literal["shift", "scale", "order"]
Precision = Literal["float16", "bfloat16", "autocast"]


class TensorSpec(Record):
    """One input of a probed call: drawn to a shape, given as values, an object by name, or made by another call."""

    shape: list[int] | None = None
    values: list[Any] | None = Field(None, description="the numbers themselves, like [0.0, 1.0]")
    object: str | None = Field(None, description="dotted name of what is passed as it is, like torch.float64")
    made_by: str | None = Field(None, description="dotted name of the call that returns it, like ot.dist")
    args: list[str] = Field(default_factory=list, description="earlier inputs that made_by gets, in order")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="other arguments of made_by")
    dtype: str = "float32"
    dist: Literal["normal", "uniform", "zeros", "ones", "weights", "equal_weights", "integers", "grid", "valid"] = (
        Field(
            "normal",
            description="weights sum to one along the last axis; grid rises evenly from low to high along the first; "
            "valid is a mask, true where a token is real, of sequences of several lengths",
        )
    )
    low: float = 0.0
    high: float = 1.0
    scale: float = Field(1.0, description="the drawn numbers are multiplied by this,")
    shift: float = Field(0.0, description="and then moved by this")
    kind: Literal["torch", "numpy"] = "torch"
    requires_grad: bool = False
    device: Literal["cpu", "cuda"] = Field("cpu", description="cuda: also called on a GPU that is only pretended")
    batch_axes: list[int] | None = Field(
        None, description="axes that grow with the batch; by default axis 0 where it is as long as the first input's"
    )

    @model_validator(mode="after")
    def _can_be_made(self) -> TensorSpec:
        said = [key for key in ("shape", "values", "object", "made_by") if getattr(self, key) is not None]
        if len(said) != 1:
            found = " and ".join(said) or "none"
            raise ValueError(f"needs exactly one of shape, values, object, made_by; found {found}")
        if any(size <= 0 for size in self.shape or []):
            raise ValueError(f"every size must be positive, got {self.shape}")
        if self.dtype not in DTYPES:
            raise ValueError(f"no dtype {self.dtype!r}{near(self.dtype, DTYPES)}")
        if any(axis not in range(len(self.shape or [])) for axis in self.batch_axes or []):
            raise ValueError(f"batch_axes {self.batch_axes} are not axes of shape {self.shape}")
        return self


class Expect(Record):
    """What a probed call must do."""

    shapes: list[list[int]] | None = Field(None, description="of the outputs, in order")
    dtype: str | None = None
    finite: bool = True
    value: float | None = Field(None, description="every number of the first output must be this, within rtol")
    grad: list[str] = Field(default_factory=list, description="inputs that must receive a non-zero gradient")
    zero_on_equal: bool | None = Field(None, description="the value is 0 when the first two inputs are equal")
    symmetric: bool | None = Field(None, description="swapping the first two inputs keeps the value")
    size_free: bool | None = Field(None, description="a quarter of the batch gives about the same value")
    equals: str | None = Field(None, description="another target, called on the same inputs, that must agree")
    equals_args: list[str] = Field(default_factory=list, description="input names it gets, if not the call's own")
    equals_kwargs: dict[str, Any] = Field(default_factory=dict)
    equals_scale: float = Field(1.0, description="ours = scale * theirs")
    rtol: float = Field(1e-3, gt=0)
    invariant: list[Invariance] = Field(
        default_factory=list,
        description="what leaves the value as it is: shift or scale of the floating inputs, order of the batch",
    )
    degree: float | None = Field(None, description="inputs times c give c to this power: 1 a distance, 2 its square")
    mixes: list[int] | None = Field(
        None, description="axes of the first input with three or more along which positions see each other, no others"
    )
    deterministic: bool | None = Field(None, description="another seed gives the same: no dropout, no sampling")
    precisions: list[Precision] = Field(
        default_factory=list, description="the value must hold in these, within 5 %, without NaN"
    )
    steps: int | None = Field(
        None, gt=0, le=1_000_000, description="a schedule is constructed and stepped so often instead of called"
    )
    parameters: float | None = Field(None, gt=0, description="numbers to train in the module, within 1 %")
    within_s: float | None = Field(None, gt=0, description="one call must not take longer, on one CPU thread")
    raises: str | None = Field(None, description="the call must fail with this exception: a trap kept on record")
    accepts: list[str] = Field(
        default_factory=list, description="finding codes that are known here and accepted; `because` says why"
    )


class Call(Record):
    """One library call with the exact shapes of an experiment.

    Inputs go by position in the order of `args` (all of them when `args` is empty; those of `init_inputs` go to the
    constructor); an input that is neither in
    `args` nor used by another input or by `equals_args` goes by its own name.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    target: str = Field(description="dotted name, like geomloss.SamplesLoss")
    init: dict[str, Any] | None = Field(None, description="constructor arguments when the target is a class")
    init_inputs: list[str] = Field(default_factory=list, description="inputs that the constructor gets, by name")
    method: str | None = Field(None, description="called on the constructed object instead of the object itself")
    args: list[str] = Field(default_factory=list, description="input names passed by position, in order")
    kwargs: dict[str, Any] = Field(default_factory=dict)
    tuples: list[str] = Field(default_factory=list, description="keywords of init or kwargs whose list is a tuple")
    inputs: dict[str, TensorSpec]
    at_batch: int | None = Field(None, gt=0, description="the batch of the paper: time and memory are told for it")
    at_width: int | None = Field(None, gt=0, description="the last axis in the paper, told likewise")
    experiments: list[str] = Field(min_length=1)
    expect: Expect = Expect()
    because: str = ""

    @model_validator(mode="after")
    def _names_are_inputs(self) -> Call:
        wrong = list(_unknown_inputs(self))
        if self.method is not None and self.init is None:
            wrong.append("method needs init (an empty mapping will do): it is called on a constructed object")
        if self.init is None and (self.init_inputs or self.expect.steps):
            wrong.append("init_inputs and steps need init (an empty mapping will do): they are about an object")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _unknown_inputs(call: Call) -> Iterator[str]:
    """Places that name an input which is not there, or not there yet."""
    earlier: list[str] = []
    for name, spec in call.inputs.items():
        for used in spec.args:
            if used not in earlier:
                yield f"inputs.{name}.args: no earlier input {used!r}{near(used, earlier)}"
        earlier.append(name)
    for key, names in (
        ("args", call.args),
        ("init_inputs", call.init_inputs),
        ("grad", call.expect.grad),
        ("equals_args", call.expect.equals_args),
    ):
        for used in names:
            if used not in call.inputs:
                yield f"{key}: no input {used!r}{near(used, call.inputs)}"


class Library(Record):
    """A third-party package and the calls that the reproduction makes to it."""

    name: str = Field(description="as it is imported")
    distribution: str = Field(description="as it is installed")
    version: Sourced[str]
    calls: list[Call] = Field(default_factory=list)
