"""Questions and answers of `vram.py trace`, `fit`, `levers`: one field is one flag, each size says how it is known."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, model_validator

from reproof.records import Answer, How, Record
from reproof.units import Bytes, Count
from reproof.vram.models import CALIBRATION_HELP, GPUS_HELP, Grade, Part, StepTime
from reproof.vram.sizes import HUGE

HINT = re.compile(r"\S.*:\d+=(true|false|-?\d+(\.\d+)?)", re.IGNORECASE)


def _value(text: str) -> int | float | bool:
    known = {"true": True, "false": False}
    return known[text.lower()] if text.lower() in known else float(text) if "." in text else int(text)


class InterpreterRequest(Record):
    """The project's interpreter and what a trace may take."""

    target: str = Field(
        description="FILE.py:function or package.module:function, which builds everything on 'cuda' and returns step; "
        "or plan.yaml:ID, one of the plan's library calls",
        json_schema_extra={"positional": True},
    )
    arg: list[str] = Field(default_factory=list, description="an argument of the function, like batch=32; repeatable")
    steps: int = Field(
        3, ge=1, le=50, description="optimizer steps to trace; the optimizer's state appears in the first"
    )
    python: Path | None = Field(
        None, description="the project's interpreter, like .venv/bin/python (default: this one)"
    )
    timeout_s: float = Field(300.0, gt=0, le=86400, description="time limit of one trace")
    memory: Bytes = Field(4 * 2**30, ge=2**29, description="host memory that the step may take for real data")
    alloc_conf: str = Field("", description="as in PYTORCH_CUDA_ALLOC_CONF, like expandable_segments:True")
    hint: list[str] = Field(
        default_factory=list, description="a value the trace cannot know, like train.py:42=64; repeatable"
    )
    plan: Path | None = Field(
        None, description="plan.yaml: its values fill arguments of the same name", json_schema_extra={"input": True}
    )
    experiment: str = Field("", description="of the plan (default: its first)")
    phase: str = Field("", description="of the experiment (default: its last that trains)")
    calibration: Path | None = Field(None, description=CALIBRATION_HELP, json_schema_extra={"input": True})
    weaker: bool = Field(
        False, description="on fake CPU tensors, for a torch that cannot fake CUDA: no workspaces, the CPU's kernels"
    )

    @property
    def where(self) -> str:
        """The user's file, or the dotted name of the module."""
        return self.target.rpartition(":")[0]

    @property
    def is_call(self) -> bool:
        """Whether the target is a library call of a plan."""
        return self.where.endswith((".yaml", ".yml"))

    @property
    def is_module(self) -> bool:
        """Whether the target is a module's dotted name."""
        named = all(part.isidentifier() for part in self.where.split("."))
        return named and not self.is_call and not self.where.endswith(".py")

    @property
    def source(self) -> dict[str, str | bool]:
        """Where the child finds the function: a file or a module, and the name in it."""
        if self.is_call:
            return {"path": "reproof_vram_child.libcall", "module": True, "function": "build"}
        path = self.where if self.is_module else str(self.file.resolve())
        return {"path": path, "module": self.is_module, "function": self.target.rpartition(":")[2]}

    @property
    def file(self) -> Path:
        """The user's file."""
        return Path(self.where)

    @property
    def hints(self) -> dict[str, int | float | bool]:
        """Values by FILE:LINE."""
        pairs = (each.partition("=") for each in self.hint)
        return {where: _value(text) for where, _, text in pairs}

    @model_validator(mode="after")
    def _named(self) -> InterpreterRequest:
        path, _, function = self.target.rpartition(":")
        if not path or not (function.isidentifier() or (self.is_call and function.replace("_", "a").isalnum())):
            raise ValueError(f"{self.target!r} is not FILE.py:function, like train_step.py:build")
        wrong = [each for each in self.arg if not each.partition("=")[0].isidentifier() or "=" not in each]
        if wrong:
            raise ValueError(f"--arg {wrong[0]!r} is not name=value, like batch=32")
        wrong = [each for each in self.hint if not HINT.fullmatch(each)]
        if wrong:
            raise ValueError(f"--hint {wrong[0]!r} is not FILE:LINE=VALUE, like train.py:42=64 or train.py:50=false")
        if (self.experiment or self.phase) and self.plan is None:
            raise ValueError("--experiment and --phase choose from --plan, which is missing")
        return self


class TraceRequest(InterpreterRequest):
    """One field is one flag of `vram.py trace`."""

    gpu: list[str] = Field(default_factory=list, description=GPUS_HELP + " (default T4, RTX 3090, A100 40GB)")
    plot: Path | None = Field(None, description="write the timeline there: .html (zoom, no other file needed) or .png")
    iterations: Count | None = Field(None, gt=0, le=10**12, description="optimizer updates of the run, for its time")


class FitRequest(InterpreterRequest):
    """One field is one flag of `vram.py fit`."""

    gpu: list[str] = Field(default_factory=list, description=GPUS_HELP + " (default T4, RTX 3090, A100 40GB)")
    batch: Count = Field(gt=0, le=HUGE, description="samples per optimizer update that the plan wants")
    batch_arg: str = Field("batch", description="the function's argument that is the micro-batch")
    iterations: Count | None = Field(None, gt=0, le=10**12, description="planned optimizer updates, to re-derive")
    accumulate_arg: str = Field(
        "", description="the function's argument that is the number of micro-batches per step, if it has one"
    )
    coupled: bool = Field(False, description="the loss couples the samples (contrastive, Sinkhorn): never split")
    coupled_arg: str = Field("", description="with --coupled: the argument that is the Sinkhorn batch, to be written")
    write: Path | None = Field(
        None, description="write the overrides there (.yaml or .json), for the generated project"
    )

    @model_validator(mode="after")
    def _together(self) -> FitRequest:
        if self.coupled_arg and not self.coupled:
            raise ValueError(f"--coupled-arg {self.coupled_arg!r} goes with --coupled, which is missing")
        return self


class LeversRequest(InterpreterRequest):
    """One field is one flag of `vram.py levers`."""

    gpu: str = Field("T4", description="a name like T4 or 'RTX 3090', or bytes like 24GiB")


class Moment(Record):
    """Where in the step something happens."""

    phase: str = Field(description="build, forward, backward, recompute or optimizer")
    op: str = Field(description="the operator that allocates")
    module: str
    line: str = Field(description="file:line of the forward code that it belongs to")


class Share(Record):
    """What one part of the model holds at the peak."""

    name: str
    bytes: int


class Held(Record):
    """Allocations at the peak that were made by the same operator on the same line."""

    kind: str
    op: str
    module: str
    line: str
    count: int
    bytes: int


class StepPeak(Record):
    """One traced step."""

    name: str
    peak_bytes: int = Field(description="most allocated during it")
    after_bytes: int = Field(description="allocated when it is over")


class TracedGpu(Record):
    """What the traced step needs on one GPU."""

    gpu: str
    usable_bytes: int
    allocated_bytes: int = Field(description="peak of torch.cuda.memory_allocated()")
    calibrated_bytes: int = Field(description="the same without the workspaces that are a guess")
    reserved_bytes: int = Field(description="peak of torch.cuda.memory_reserved() on a device without limit")
    context_bytes: int = Field(description="CUDA context, an upper bound that is not calibrated")
    device_bytes: int = Field(description="reserved and context: what nvidia-smi would show, at most")
    used_frac: float
    verdict: Grade
    moment: Moment
    parts: list[Part]
    modules: list[Share]
    largest: list[Held]
    steps: list[StepPeak]
    leak_bytes: int = Field(description="growth from the last step but one to the last")
    oom: Moment | None = Field(None, description="where it runs out of memory, when it does")
    kernels: dict[str, int] = Field(description="attention kernels chosen for this GPU, and how often")
    time: StepTime | None = Field(None, description="one step by FLOPs and bytes; null where the speed is not known")
    notes: list[str]


class Assumption(Record):
    """Something the trace could not know."""

    what: str
    where: str
    count: int


class Traced(Record):
    """How the trace was made."""

    torch: str
    python: str
    executable: str
    trained: int
    params: int
    ops: int
    took_s: float
    host_bytes: int
    flops: int = Field(0, description="of the last step, by torch's formulas")
    moved_bytes: int = Field(0, description="read and written by the operators of the last step")
    from_plan: dict[str, str] = Field(default_factory=dict, description="arguments that the plan filled, with origin")


class TraceAnswer(Answer):
    """`vram.py trace`."""

    target: str
    how: How = "traced"
    traced: Traced
    gpus: list[TracedGpu]
    assumptions: list[Assumption]
    notes: list[str]
    plot: str | None = None


class Lever(Record):
    """One change to the step, traced, and what it saves."""

    name: str
    how: str = Field(description="what to write")
    price: str = Field(description="what it costs, and whether the numbers stay the same")
    device_bytes: int | None = Field(None, description="with it; null when it does not apply")
    saved_bytes: int = 0
    verdict: Grade | None = None
    largest_micro_batch: int | None = Field(None, description="by fit: of those traced, with the lever pulled")
    accumulate: int | None = Field(None, description="by fit: micro-batches per update, so that the samples stay")
    micro_batch: int | None = None
    iterations: int | None = None
    overrides: dict[str, bool | int | str] = Field(default_factory=dict, description="for the generated project")
    time: StepTime | None = Field(None, description="by fit: one update and the run, with the lever pulled")
    why_not: str = ""


class FittedGpu(Record):
    """The largest micro-batch that fits one GPU, and the split that keeps the samples seen constant."""

    gpu: str
    usable_bytes: int
    wanted_verdict: Grade = Field(description="for the whole batch at once")
    largest_micro_batch: int | None
    micro_batch: int | None = None
    accumulate: int | None = None
    iterations: int | None = None
    device_bytes: int | None = Field(None, description="at that micro-batch, context included")
    used_frac: float | None = None
    overrides: dict[str, bool | int | str] = Field(default_factory=dict, description="for the generated project")
    words: str = Field("", description="the same on its command line")
    time: StepTime | None = Field(None, description="one optimizer update, and the run")
    chosen: str = Field("", description="whole batch, accumulation, or the lever that is needed; empty: nothing fits")
    levers: list[Lever] = Field(default_factory=list, description="where the whole batch does not fit: what saves most")
    notes: list[str]


class FitAnswer(Answer):
    """`vram.py fit`."""

    target: str
    how: How = "traced"
    torch: str
    gpus: list[FittedGpu]
    tried: dict[str, list[int]] = Field(description="per GPU: the micro-batches that were traced")
    written: str | None = None
    notes: list[str]


class LeversAnswer(Answer):
    """`vram.py levers`."""

    target: str
    how: How = "traced"
    torch: str
    gpu: str
    usable_bytes: int
    device_bytes: int = Field(description="of the step as it is")
    verdict: Grade
    levers: list[Lever]
    notes: list[str]
