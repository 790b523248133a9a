"""The budget of a training step: its peak part by part, and bounds for what no GPU has calibrated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reproof.records import validated
from reproof.units import show_bytes
from reproof.vram.fit import NO_BF16, fit
from reproof.vram.gpus import DEFAULT, Gpu, chosen
from reproof.vram.models import Budget, EstimateAnswer, EstimateRequest, GpuFit, Part, StepTime
from reproof.vram.nets import Layer, Net, checkpointed, cnn, mlp
from reproof.vram.resnet import resnet
from reproof.vram.sizes import SIZES, Family
from reproof.vram.states import WIDTHS, Optimizer, Precision, State, Update, base_bytes, state
from reproof.vram.step import Moment, inference_bytes, peak
from reproof.vram.transformer import transformer, vit
from reproof.vram.unet import unet
from reproof.vram.workload import told, training_time

NETS: dict[Family, Callable[[Any], Net]] = {
    "mlp": mlp,
    "unet": unet,
    "cnn": cnn,
    "transformer": transformer,
    "vit": vit,
    "resnet": resnet,
}
COUNTED = "layer by layer; benchmarks/vram_closed_form.py compares with what autograd saves"
ROWS: dict[str, tuple[str, str]] = {
    "weights": ("weights", "parameters x bytes each"),
    "optimizer": ("optimizer state", "parameters x bytes of the moments and of the master copy"),
    "ema": ("EMA of the weights", "one copy"),
    "gradients": ("gradients that exist at that moment", "of the layers already behind in the backward pass"),
    "batch": ("inputs and outputs that no layer saves", "sizes of the tensors"),
    "activations": ("activations saved for backward", COUNTED),
    "cast": ("16-bit copies of the weights", "autocast keeps them until backward; computed, not compared on a GPU"),
    "in_flight": ("gradients of activations in flight", COUNTED),
    "update": (
        "temporaries of the optimizer step",
        "torch/optim, foreach: the root of the second moment, or gradients with decay",
    ),
}
CONTEXT_BYTES = 667 * 10**6
CUBLAS_BYTES, CUBLAS_HOPPER_BYTES = 2 * 8_519_680, 2 * 32 * 2**20  # one for the forward thread, one for backward's

SUM_BYTES = 148 * 2**20
"""Of the largest card in the table: a MiB for each multiprocessor that holds 2048 threads."""


@dataclass(frozen=True)
class Training:
    """A training step that can be asked for any micro-batch."""

    net: Net
    state: State
    precision: Precision
    optimizer: Optimizer = "adam"
    update: Update = "foreach"
    frozen: tuple[tuple[str, Net], ...] = ()
    """Networks that the loss only evaluates, with the phases they come from."""
    base: tuple[Part, ...] = ()
    """A frozen base of which the number of weights is known, and no more."""

    def moment(self, micro_batch: int, accumulates: bool) -> Moment:
        """Where the step peaks."""
        return peak(self.net, self.state, WIDTHS[self.precision], micro_batch, accumulates=accumulates)

    def frozen_parts(self, micro_batch: int) -> list[Part]:
        """Weights of the frozen networks, and the largest of their forward passes."""
        width, parts = WIDTHS[self.precision], list(self.base)
        for name, net in self.frozen:
            size, source = net.params * width.weight, "no gradient, no optimizer state"
            parts.append(Part(name=f"frozen weights of {name}", bytes=size, how="computed", source=source))
        forward = max((inference_bytes(net, width, micro_batch) for _, net in self.frozen), default=0)
        if forward:
            source = "largest layer and waiting skips, no gradient; counted as if it met the peak"
            parts.append(Part(name="forward pass of a frozen network", bytes=forward, how="computed", source=source))
        return parts

    def bounds(self, micro_batch: int, gpu: Gpu | None = None) -> list[Part]:
        """Memory outside the tensors, as upper bounds."""
        maps = self.net.convolution * micro_batch * WIDTHS[self.precision].matmul
        return overhead(gpu) + ([_bound("cuDNN workspace", maps, "inferred", CUDNN)] if maps else [])

    def needed_bytes(self, gpu: Gpu, micro_batch: int, accumulates: bool) -> int:
        """Everything, on one GPU."""
        others = self.frozen_parts(micro_batch) + self.bounds(micro_batch, gpu)
        return self.moment(micro_batch, accumulates).total + sum(part.bytes for part in others)

    def budget(self, micro_batch: int, accumulates: bool) -> Budget:
        """The parts at the peak."""
        moment = self.moment(micro_batch, accumulates)
        parts = [
            Part(name=name, bytes=getattr(moment, key), how="computed", source=source)
            for key, (name, source) in ROWS.items()
            if getattr(moment, key)
        ]
        parts += self.frozen_parts(micro_batch)
        allocated = sum(part.bytes for part in parts)
        return Budget(moment=moment.name, allocated_bytes=allocated, parts=parts + self.bounds(micro_batch))

    def time(self, gpu: Gpu, found: GpuFit) -> StepTime | None:
        """The wall-clock of the split that was found; None where nothing fits or the net has no layers to count."""
        if not found.micro_batch or not found.accumulate or not self.net.flops:
            return None
        others = [net for _, net in self.frozen]
        return training_time(gpu, self.net, self.state, self.precision, found.micro_batch, found.accumulate,
                             self.optimizer, self.update, found.steps, others)  # fmt: skip

    def fits(self, gpus: Iterable[Gpu], batch: int, steps: int | None, accumulate: int = 1) -> list[GpuFit]:
        """The verdict on each GPU for `batch` samples per update."""

        def on(gpu: Gpu) -> GpuFit:
            notes = [NO_BF16] if "bf16" in self.precision and not gpu.bf16 else []
            found = fit(gpu, partial(self.needed_bytes, gpu), batch, steps, planned=accumulate, notes=notes)
            return told(found, self.time(gpu, found))

        return [on(gpu) for gpu in gpus]


CONTEXT = (
    "uncalibrated: github.com/pytorch/pytorch/pull/86509 measured 287 MB with lazy loading of kernels and 667 MB with "
    "eager loading; the larger is taken"
)
CUBLAS = (
    "uncalibrated: PyTorch's CUDA notes, CUBLAS_WORKSPACE_CONFIG :4096:2:16:8, 32 MiB from capability 9.0 on; "
    "one each for forward and backward"
)
SUM = (
    "uncalibrated: what the sum over a batch takes while it runs, as the gradient of every bias is one: "
    "global_memory_size in ATen/native/cuda/Reduce.cuh, with as many blocks as a B200 runs; 20 MiB on a T4"
)
CUDNN = (
    "uncalibrated: one more copy of the largest convolution's input and output, as for a change of layout; "
    "an algorithm that wants more is possible, above all with cudnn.benchmark"
)


def _bound(name: str, size: int, how: Any, source: str) -> Part:
    return Part(name=name, bytes=size, how=how, source=source, calibrated=False)


def overhead(gpu: Gpu | None = None) -> list[Part]:
    """What is taken beside the tensors: upper bounds that nobody has compared with this pack's estimates yet."""
    sums = _bound("partial sums of a bias's gradient", SUM_BYTES, "cited", SUM)
    if gpu is not None and gpu.constants is not None:
        return [
            Part(name="CUDA context", bytes=context_of(gpu), how="measured", source=gpu.source, calibrated=False),
            Part(name="cuBLAS workspaces", bytes=sum(gpu.constants.blas_bytes), how="measured", source=gpu.source,
                 calibrated=False),
            sums,
        ]  # fmt: skip
    hopper = gpu is not None and gpu.capability >= (9, 0)
    cublas = CUBLAS_HOPPER_BYTES if hopper else CUBLAS_BYTES
    return [
        _bound("CUDA context", CONTEXT_BYTES, "cited", CONTEXT),
        _bound("cuBLAS workspaces", cublas, "cited", CUBLAS),
        sums,
    ]


def context_of(gpu: Gpu) -> int:
    """The CUDA context of that card: measured where it was calibrated, else the bound."""
    return CONTEXT_BYTES if gpu.context_bytes is None else gpu.context_bytes


def training(
    net: Net, optimizer: Optimizer, precision: Precision, update: Update, *, ema: bool, weight_decay: bool,
    frozen: Sequence[tuple[str, Net]] = (),
) -> Training:  # fmt: skip
    """The step that trains `net`."""
    kept = state(net.params, optimizer, precision, ema=ema, weight_decay=weight_decay, update=update)
    return Training(net, kept, precision, optimizer, update, tuple(frozen))


def net_of(family: Family, sizes: dict[str, Any], name: str) -> Net:
    """The network of that family.

    Raises:
        PackError: sizes that are missing, unknown, or do not build; all at once.
    """
    checked = validated(
        SIZES[family],
        sizes,
        slug="bad-sizes",
        name=name,
        why=f"these are the sizes a {family} is counted from",
        fix=f"{family} takes {', '.join(SIZES[family].model_fields)}",
    )
    return NETS[family](checked)


def estimate(request: EstimateRequest) -> EstimateAnswer:
    """One training step, from a parameter count or from an architecture."""
    complete = request.family is not None
    if request.family is not None:
        net = net_of(request.family, request.given(), f"--family {request.family}")
        net = checkpointed(net) if request.checkpointing else net
    else:
        net = Net("parameters", (Layer("all layers", params=request.params or 0),), inputs=0)
    decays = request.weight_decay > 0
    step = training(net, request.optimizer, request.precision, request.update, ema=request.ema, weight_decay=decays)
    step = replace(step, base=_base(request))
    gpus = step.fits(chosen(request.gpu or DEFAULT, request.calibration), request.batch, request.steps,
                     request.accumulate)  # fmt: skip
    if not complete:
        gone = dict.fromkeys(("largest_micro_batch", "micro_batch", "accumulate", "steps", "time"))
        gpus = [gpu.model_copy(update=gone) for gpu in gpus]
    budget = step.budget(-(-request.batch // request.accumulate), accumulates=request.accumulate > 1)
    return EstimateAnswer(
        ok=any(gpu.verdict != "no" for gpu in gpus),
        headline=_headline(budget, gpus, complete),
        params=net.params,
        complete=complete,
        budget=budget,
        gpus=gpus,
        notes=_notes(request, complete),
    )


def _base(request: EstimateRequest) -> tuple[Part, ...]:
    if request.base is None:
        return ()
    size, source = base_bytes(request.base, request.base_format), "weights x bytes each, with their scales"
    return (Part(name=f"frozen base in {request.base_format}", bytes=size, how="computed", source=source),)


def _headline(budget: Budget, gpus: list[GpuFit], complete: bool) -> str:
    size = show_bytes(budget.allocated_bytes)
    verdicts = ", ".join(f"{gpu.gpu}: {gpu.verdict}" for gpu in gpus)
    if complete:
        return f"{size} allocated at the peak ({budget.moment}); {verdicts}"
    return f"at least {size}, without activations; as a lower bound, {verdicts}"


def _notes(request: EstimateRequest, complete: bool) -> list[str]:
    notes = []
    if not complete:
        notes.append("activations are not in this total: they need --family with its sizes, and can be most of it")
    if request.base:
        notes.append(
            "of the base its weights only: what it saves for backward, and the 16-bit copy of one layer that a "
            "quantised one makes, are seen by vram.py trace"
        )
    if request.precision.startswith("amp"):
        notes.append("autocast is computed from its lists of operators; it was compared with traces, not with a GPU")
    if request.kv_heads and request.precision == "fp32" and request.attention in (None, "fused"):
        notes.append("before torch 2.14 fp32 attention with grouped keys keeps all scores: --attention math")
    if request.checkpointing:
        notes.append("every block is checkpointed, its input is kept: torch.utils.checkpoint, use_reentrant=False")
    return notes
