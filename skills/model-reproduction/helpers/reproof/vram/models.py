"""Questions and answers of `vram.py`: one field is one flag, and every size says how it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from reproof.records import Answer, How, Record
from reproof.units import Bytes, Count
from reproof.vram.sizes import HUGE, SIZES, Family, Numbers
from reproof.vram.states import BaseFormat, Optimizer, Precision, Update

Grade = Literal["fits", "tight", "no"]
Mode = Literal["value", "backward", "velocity"]
Backend = Literal["tensorized", "online", "multiscale"]

CALIBRATION_HELP = "constants from vram.py calibrate (default: vram-calibration.json of this folder, if there)"
GPUS_HELP = "a name like T4 or 'RTX 3090', or bytes like 24GiB; give it again for several"


class EstimateRequest(Record):
    """One field is one flag of `vram.py estimate`."""

    params: Count | None = Field(None, gt=0, le=10**14, description="trained parameters, like 124M; no activations")
    family: Family | None = Field(None, description="mlp, unet, cnn, resnet, transformer or vit, with its sizes below")
    batch: Count = Field(1, gt=0, le=HUGE, description="samples per optimizer update")
    accumulate: Count = Field(1, gt=0, le=HUGE, description="micro-batches that the batch is cut into already")
    steps: Count | None = Field(
        None, gt=0, le=10**12, description="optimizer updates, to re-derive when the batch is cut"
    )
    precision: Precision = Field("fp32", description="fp32, amp-bf16, amp-fp16 (autocast), bf16 (pure), bf16-master")
    optimizer: Optimizer = Field("adam", description="sgd, momentum, adam, adamw, adam8bit or adamw8bit")
    update: Update = Field("foreach", description="foreach (torch's default on a GPU) or fused")
    weight_decay: float = Field(0.0, ge=0, le=1000, description="only whether it is 0 matters here")
    base: Count | None = Field(
        None, gt=0, le=10**14, description="weights of a frozen base besides, like 7B (LoRA); no activations of it"
    )
    base_format: BaseFormat = Field("bf16", description="of the base: fp32, bf16, int8, nf4, nf4-dq (double quantised)")
    ema: bool = Field(False, description="keep an exponential moving average of the weights")
    checkpointing: bool = Field(False, description="run every block again in backward instead of keeping it")
    gpu: list[str] = Field(default_factory=list, description=GPUS_HELP + " (default T4, RTX 3090, A100 40GB)")
    calibration: Path | None = Field(None, description=CALIBRATION_HELP, json_schema_extra={"input": True})
    dim: int | None = Field(None, description="mlp: dimension of the data")
    hidden: int | None = Field(None, description="mlp: units per hidden layer")
    layers: int | None = Field(None, description="mlp: hidden layers; transformer, vit: blocks")
    time_channels: int | None = Field(None, description="mlp: further inputs for the time (default 1)")
    activation: str | None = Field(None, description="mlp: relu, tanh, sigmoid, silu, selu, elu or gelu (default silu)")
    image_size: int | None = Field(None, description="unet, cnn, vit, resnet: pixels along one side")
    in_channels: int | None = Field(None, description="unet, cnn, vit, resnet: channels of the image")
    out_channels: int | None = Field(None, description="unet: channels that come out (default: as many as go in)")
    num_channels: int | None = Field(None, description="unet: base width")
    num_res_blocks: int | None = Field(None, description="unet: residual blocks per level")
    channel_mult: Numbers | None = Field(None, description="unet: width of each level over the base, like 1,2,2,2")
    num_heads: int | None = Field(None, description="unet, transformer, vit: attention heads")
    num_head_channels: int | None = Field(None, description="unet: channels per head, wins over --num-heads")
    attention_resolutions: Numbers | None = Field(None, description="unet: resolutions with attention, like 16 or 16,8")
    attention: str | None = Field(None, description="matmul and math keep all scores, fused none")
    predictor_channels: Numbers | None = Field(None, description="cnn: width of each convolution, like 32,64,128,256")
    vocab: int | None = Field(None, description="transformer: size of the vocabulary")
    width: int | None = Field(None, description="transformer, vit: model width; resnet: of its stem (default 64)")
    seq: int | None = Field(None, description="transformer: tokens per sequence")
    feed_forward: int | None = Field(None, description="transformer: width inside a block (default 4 x width)")
    gated: bool = Field(False, description="transformer: LLaMA-like: SwiGLU, RMS norms, rotated positions")
    kv_heads: int | None = Field(None, description="transformer: heads of keys and values, with --gated")
    untied: bool = Field(False, description="transformer: the output has weights of its own")
    dropout: float | None = Field(None, description="transformer, vit: only whether it is 0 matters")
    patch: int | None = Field(None, description="vit: pixels along one side of a patch")
    depth: int | None = Field(None, description="resnet: 18, 34, 50, 101 or 152")
    outputs: int | None = Field(None, description="cnn, vit, resnet: numbers or classes that come out")

    @model_validator(mode="after")
    def _one_of(self) -> EstimateRequest:
        if (self.params is None) == (self.family is None):
            raise ValueError("give either --params, or --family with its sizes")
        if self.params is not None and self.checkpointing:
            raise ValueError("--params knows no activations, so --checkpointing would change nothing; use --family")
        if self.accumulate > self.batch:
            raise ValueError(f"--accumulate {self.accumulate} micro-batches of a --batch of {self.batch}")
        if self.params is not None and self.accumulate > 1:
            raise ValueError("--params knows no activations, so --accumulate would change nothing; use --family")
        if self.base is None and "base_format" in self.model_fields_set:
            raise ValueError(f"--base-format {self.base_format} goes with --base, which is missing")
        if self.params is not None and self.given():
            ignored = ", ".join(self.given())
            raise ValueError(f"--params knows no activations, so {ignored} would be ignored; use --family")
        return self

    def given(self) -> dict[str, Any]:
        """The sizes that were given, by name."""
        names = {name for sizes in SIZES.values() for name in sizes.model_fields}
        values = {n: getattr(self, n) for n in type(self).model_fields if n in names}
        return {n: value for n, value in values.items() if value is not None and value is not False}


class SinkhornRequest(Record):
    """One field is one flag of `vram.py sinkhorn`."""

    n: Count = Field(gt=0, le=10**8, description="points of the first cloud (the batch)")
    d: Count = Field(gt=0, le=10**8, description="dimension of a point: 3072 for a 3x32x32 image")
    m: Count | None = Field(None, gt=0, le=10**8, description="points of the second cloud (default: n)")
    p: Literal["1", "2"] = Field("2", description="exponent of the cost, as in SamplesLoss(p=...)")
    mode: Mode = Field("velocity", description="value (no grad), backward, or velocity (of a flow step)")
    no_debias: bool = Field(False, description="SamplesLoss(debias=False)")
    backend: Backend = Field(
        "tensorized", description="tensorized, online or multiscale, as in SamplesLoss(backend=...)"
    )
    clouds: Count = Field(1, gt=0, le=10**6, description="clouds solved at once, the B of a (B, N, D) input")
    float_bits: Literal["16", "32", "64"] = Field("32", description="bits of one number")
    gpu: list[str] = Field(default_factory=list, description=GPUS_HELP + " (default T4, RTX 3090, A100 40GB)")
    calibration: Path | None = Field(None, description=CALIBRATION_HELP, json_schema_extra={"input": True})


class PoolRequest(Record):
    """One field is one flag of `vram.py pool`."""

    batches: Count = Field(gt=0, le=HUGE, description="batches in the pool")
    batch_size: Count = Field(gt=0, le=HUGE, description="trajectories per batch")
    steps: Count = Field(gt=0, le=10**6, description="flow steps stored per trajectory")
    shape: Numbers = Field(description="of one sample, like 3x32x32 or 2")
    scalars: int = Field(1, ge=0, le=100, description="further float32 per stored row, like its time")
    potentials: int = Field(2, ge=1, le=10, description="Sinkhorn solves per flow step: self and cross are two")
    stated: Bytes | None = Field(None, gt=0, description="what the paper says it takes, like 45GB, to compare with")


class PlanRequest(Record):
    """One field is one flag of `vram.py plan`."""

    plan: Path = Field(description="plan.yaml", json_schema_extra={"positional": True, "input": True})
    experiment: list[str] = Field(default_factory=list, description="only this one; may be given again (default: all)")
    gpu: list[str] = Field(default_factory=list, description=GPUS_HELP + " (default: compute.tiers of the plan)")
    precision: Precision | None = Field(
        None, description="fp32, amp-bf16, amp-fp16, bf16, bf16-master (default: the plan's, or fp32)"
    )
    update: Update = Field("foreach", description="foreach (torch's default on a GPU) or fused")
    calibration: Path | None = Field(None, description=CALIBRATION_HELP, json_schema_extra={"input": True})


class GpusRequest(Record):
    """`vram.py gpus` takes no flags."""


class StepTime(Record):
    """A range for the wall-clock, from FLOPs and bytes. No GPU has calibrated it, unless it says so."""

    low_s: float = Field(ge=0, description="one step when every operator runs near the card's peak")
    high_s: float = Field(ge=0, description="one step at a third of the peak, half the bandwidth, and launch gaps")
    run_low_s: float | None = Field(None, description="the whole run")
    run_high_s: float | None = None
    bound_by: str = Field(description="what the operators wait for most: arithmetic, memory or launches")
    source: str


class Part(Record):
    """One row of a budget."""

    name: str
    bytes: int = Field(ge=0)
    how: How
    source: str = Field(min_length=1, description="formula, paper, document, or what was measured")
    calibrated: bool = Field(True, description="false: a bound that no GPU was used to check")


class GpuFit(Record):
    """One GPU, the verdict on it, and the split that fits."""

    gpu: str
    usable_bytes: int
    needed_bytes: int = Field(description="allocated, and the uncalibrated bounds")
    used_frac: float
    verdict: Grade
    largest_micro_batch: int | None = Field(None, description="most samples per forward that fit; null: none")
    micro_batch: int | None = None
    accumulate: int | None = None
    steps: int | None = None
    time: StepTime | None = Field(None, description="one update and the run; null where the card's speed is not known")
    notes: list[str] = Field(default_factory=list)


class Budget(Record):
    """What one step needs at its peak."""

    moment: str = Field(description="when the peak is reached")
    allocated_bytes: int = Field(description="tensors at the peak: the sum of the parts that are not bounds")
    parts: list[Part]


class EstimateAnswer(Answer):
    """`vram.py estimate`."""

    params: int
    complete: bool = Field(description="false: activations are not in it, so it is a lower bound")
    budget: Budget
    gpus: list[GpuFit]
    notes: list[str]


class Way(Record):
    """One way to compute the same Sinkhorn quantity, and what it takes."""

    name: str
    bytes: int
    moment: str


class SinkhornAnswer(Answer):
    """`vram.py sinkhorn`."""

    budget: Budget
    ways: list[Way]
    savings: list[Way] = Field(description="what other settings would take, ranked; `moment` says what they change")
    gpus: list[GpuFit]
    notes: list[str]


class Layout(Record):
    """One way to store a trajectory."""

    name: str
    tensors: int = Field(description="stored per trajectory")
    bytes: int
    of_stated: float | None = Field(None, description="ours over the paper's")


class PoolSize(Record):
    """A trajectory pool in host memory and on disk."""

    rows: int
    row_bytes: int
    host_bytes: int
    disk_bytes: int
    stated_bytes: int | None = None
    stated_source: str = ""
    layouts: list[Layout]


class PoolAnswer(Answer):
    """`vram.py pool`."""

    pool: PoolSize
    building: Budget = Field(description="on the GPU while one batch of the pool is built")
    solves: int = Field(description="Sinkhorn solves for the whole pool: batches x flow steps x potentials")
    how: How = "computed"
    source: str


class PhaseBudget(Record):
    """One phase of one experiment."""

    name: str
    kind: str
    law: str | None
    batch: int | None = None
    params: int = 0
    precision: Precision | None = Field(None, description="of a training phase that is estimated")
    missing: list[str] = Field(default_factory=list, description="not in the plan: nothing is estimated")
    budget: Budget | None = None
    gpus: list[GpuFit] = Field(default_factory=list)
    pool: PoolSize | None = None
    notes: list[str] = Field(default_factory=list)


class RunTime(Record):
    """A range for the wall-clock of several phases, one after the other."""

    low_s: float = Field(ge=0)
    high_s: float = Field(ge=0)
    without: list[str] = Field(default_factory=list, description="phases whose time is not known")


class ExperimentBudget(Record):
    """All phases of one experiment."""

    name: str
    phases: list[PhaseBudget]
    peak_phase: str | None
    peak_bytes: int | None = Field(description="allocated, the largest over the phases")
    pool_bytes: int
    gpus: dict[str, Grade] = Field(description="worst verdict over the phases")
    time: dict[str, RunTime] = Field(default_factory=dict, description="by GPU: all phases that are estimated, in turn")


class PlanAnswer(Answer):
    """`vram.py plan`."""

    experiments: list[ExperimentBudget]
    precision: str = Field(description="of all training phases, or each that occurs; the phases say where it is from")
    bounds: dict[str, str] = Field(description="what no GPU has calibrated, and where its bound is from")


class GpuRow(Record):
    """One row of the table of GPUs."""

    name: str
    usable_bytes: int
    usable_how: How
    usable_source: str
    bandwidth_bytes_per_s: int
    compute_capability: str
    bf16: bool
    fp32_tflops: float | None = None
    tf32_tflops: float | None = None
    half_tflops: float | None = None
    note: str


class GpusAnswer(Answer):
    """`vram.py gpus`."""

    gpus: list[GpuRow]
    source: str
    speed_source: str
