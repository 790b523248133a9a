"""Questions and answers about real GPUs: measure, calibrate, watch, postmortem. One field is one flag."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from reproof.records import Answer, How, Record
from reproof.units import Bytes
from reproof.vram.models import GPUS_HELP, Grade
from reproof.vram.traced import InterpreterRequest


class PostmortemRequest(Record):
    """One field is one flag of `vram.py postmortem`."""

    file: Path = Field(
        description="a log with the error message, or a snapshot from torch.cuda.memory._dump_snapshot()",
        json_schema_extra={"positional": True, "input": True},
    )
    device: int = Field(0, ge=0, le=1023, description="whose memory, where a snapshot holds several GPUs")


class Cause(Record):
    """One thing that the record shows."""

    slug: str
    what: str


class Advice(Record):
    """One change, best first."""

    do: str
    why: str
    saves_bytes: int | None = Field(None, description="at most, as far as the record says it")


class Holder(Record):
    """What was allocated by the same line."""

    line: str
    kind: str
    count: int
    bytes: int


class PostmortemAnswer(Answer):
    """`vram.py postmortem`."""

    how: How = "measured"
    source: str = Field(description="what was read: which wording, or a snapshot")
    messages: int = Field(description="out-of-memory messages found; the last one is explained")
    wanted_bytes: int | None = None
    capacity_bytes: int | None = None
    free_bytes: int | None = None
    allocated_bytes: int | None = Field(None, description="by tensors")
    cached_bytes: int | None = Field(None, description="reserved by PyTorch and in no tensor")
    private_bytes: int | None = Field(None, description="in pools of CUDA graphs")
    process_bytes: int | None = Field(None, description="all that this process holds, its context included")
    outside_bytes: int | None = Field(None, description="on the device and not this process's, or not PyTorch's")
    limit_bytes: int | None = Field(None, description="what the process may take, where it was limited")
    line: str = Field("", description="the user's line that asked for it")
    causes: list[Cause]
    advice: list[Advice]
    holders: list[Holder] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class MeasureRequest(InterpreterRequest):
    """One field is one flag of `vram.py measure`."""

    gpu: str = Field("", description="the card the estimate is for (default: the one that is found)")
    index: int = Field(0, ge=0, le=63, description="which GPU, of those that CUDA_VISIBLE_DEVICES shows")
    no_trace: bool = Field(False, description="only measure; do not estimate beside it")


class Compared(Record):
    """One quantity, estimated and measured."""

    name: str
    estimate_bytes: int | None
    truth_bytes: int | None
    error_frac: float | None = Field(None, description="estimate over truth, minus 1; above 0: too much")


class MeasureAnswer(Answer):
    """`vram.py measure`."""

    target: str
    how: How = "measured"
    gpu: str
    torch: str
    driver: str
    rows: list[Compared]
    step_s: list[float] = Field(description="wall-clock of every step; the first ones warm up")
    estimate_s: tuple[float, float] | None = Field(None, description="range of one step, from FLOPs and bytes")
    verdict: Grade | None = Field(None, description="of the estimate")
    ran_out: bool = Field(description="the real step ran out of memory")
    notes: list[str]


class CalibrateRequest(Record):
    """One field is one flag of `vram.py calibrate`."""

    python: Path | None = Field(None, description="the project's interpreter (default: this one)")
    index: int = Field(0, ge=0, le=63, description="which GPU, of those that CUDA_VISIBLE_DEVICES shows")
    out: Path = Field(Path("vram-calibration.json"), description="the file that gets the constants of this GPU")
    timeout_s: float = Field(300.0, gt=0, le=86400, description="time limit")


class WorkspaceRule(Record):
    """Workspace of a convolution over the bytes of its input, output and weight together."""

    dtype: str
    layout: str
    direction: str
    median_frac: float = Field(ge=0, le=100)
    largest_frac: float = Field(ge=0, le=100)
    cases: int


class DeviceConstants(Record):
    """What `calibrate` measured on one GPU."""

    gpu: str
    capability: str
    torch: str
    driver: str
    date: str
    total_bytes: int = Field(gt=0, description="what CUDA reports as the device's total")
    context_bytes: int = Field(ge=0, description="used by the process and not reserved by PyTorch, kernels loaded")
    blas_bytes: list[int] = Field(description="cuBLAS workspaces kept after a forward, and after a backward")
    convolutions: list[WorkspaceRule]
    matmul_flop_per_s: dict[str, float] = Field(description="best of a few products, by number format")
    copy_bytes_per_s: float = Field(ge=0)


class Calibration(Record):
    """vram-calibration.json."""

    schema_version: int = 1
    devices: dict[str, DeviceConstants] = Field(default_factory=dict)


class CalibrateAnswer(Answer):
    """`vram.py calibrate`."""

    how: How = "measured"
    device: DeviceConstants
    written: str
    notes: list[str]


class WatchRequest(Record):
    """One field is one flag of `vram.py watch`."""

    pid: int | None = Field(None, gt=0, description="the process to follow (default: the whole device)")
    index: int | None = Field(
        None, ge=0, le=63, description="which GPU, as nvidia-smi counts (default: the one with --pid on it, else the "
        "first of CUDA_VISIBLE_DEVICES, else 0)"
    )  # fmt: skip
    uuid: str = Field("", description="which GPU or MIG slice, by its UUID or the beginning of it (nvidia-smi -L)")
    every_s: float = Field(2.0, gt=0, le=3600, description="time between two looks")
    for_s: float = Field(86400.0, gt=0, le=10**8, description="end after this time; it also ends with the process")
    warn_frac: float = Field(0.92, gt=0, le=1, description="warn when this share of the device is used")
    ahead_s: float = Field(600.0, ge=0, le=10**7, description="warn when the growth so far would fill it in this time")
    keep_free: Bytes = Field(0, ge=0, description="warn when less than this is free, like 1GiB")


class Warned(Record):
    """One warning."""

    at_s: float
    slug: str
    what: str


class WatchAnswer(Answer):
    """`vram.py watch`."""

    how: How = "measured"
    gpu: str
    uuid: str
    total_bytes: int
    looks: int
    seconds: float
    most_bytes: int = Field(description="most used on the device")
    most_process_bytes: int | None = Field(None, description="most used by the process, where the driver tells")
    growth_bytes_per_s: float = Field(description="least squares over the last looks")
    ended: str
    warnings: list[Warned]
    notes: list[str]


GPU_CHOICE = GPUS_HELP
