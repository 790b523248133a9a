"""The command line of `vram.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reproof.cli import Command, run
from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.calls import sinkhorn
from reproof.vram.estimate import estimate
from reproof.vram.models import (
    EstimateRequest,
    GpusAnswer,
    GpusRequest,
    PlanAnswer,
    PlanRequest,
    PoolAnswer,
    PoolRequest,
    SinkhornRequest,
)
from reproof.vram.pools import pool_size
from reproof.vram.traced import (
    FitAnswer,
    FitRequest,
    InterpreterRequest,
    LeversAnswer,
    LeversRequest,
    TraceAnswer,
    TraceRequest,
)


def pool(request: PoolRequest) -> PoolAnswer:
    """The size of a trajectory pool."""
    size = pool_size(
        request.batches, request.batch_size, request.steps, request.shape, request.scalars, request.stated, "as given"
    )
    return PoolAnswer(
        ok=True,
        headline=f"{size.host_bytes / 1e9:.1f} GB ({show_bytes(size.host_bytes)}) in host memory, and as much on disk",
        pool=size,
        source=f"{size.rows} rows of {size.row_bytes} bytes, float32",
    )


def plan(request: PlanRequest) -> PlanAnswer:
    """The budget of a plan; imported here, because the document and YAML cost the other commands 50 ms."""
    from reproof.vram.plan import budgets

    return budgets(request)


def trace(request: TraceRequest) -> TraceAnswer:
    """The traced step; imported here, because the process around it costs the other commands time."""
    from reproof.vram.trace import trace as traced

    return traced(request)


def fit(request: FitRequest) -> FitAnswer:
    """The micro-batch that fits, by traces."""
    from reproof.vram.batches import fit_batches

    return fit_batches(request)


def levers(request: LeversRequest) -> LeversAnswer:
    """What saves how much, by traces."""
    from reproof.vram.levers import levers as ranked

    return ranked(request)


def _file(request: InterpreterRequest) -> list[Path]:
    return [request.file] if request.file.is_file() else []


def table(_: GpusRequest) -> GpusAnswer:
    """The GPUs that are known by name."""
    rows = gpus.rows()
    cited = sum(row.usable_how == "cited" for row in rows)
    headline = f"{len(rows)} GPUs; usable memory is cited for {cited} of them and inferred for the others"
    return GpusAnswer(ok=True, headline=headline, gpus=rows, source=gpus.SOURCE)


COMMANDS = {
    "estimate": Command(
        EstimateRequest,
        estimate,
        template="vram_estimate.md.jinja",
        help="one training step, from a parameter count or an architecture",
    ),
    "sinkhorn": Command(
        SinkhornRequest,
        sinkhorn,
        template="vram_sinkhorn.md.jinja",
        help="one geomloss call, or the velocity of a Sinkhorn flow step",
    ),
    "pool": Command(
        PoolRequest, pool, template="vram_pool.md.jinja", help="a trajectory pool, in host memory and on disk"
    ),
    "plan": Command(
        PlanRequest, plan, template="vram_plan.md.jinja", help="every experiment and phase of a plan, on each GPU"
    ),
    "trace": Command(
        TraceRequest,
        trace,
        template="vram_trace.md.jinja",
        help="your own training step, run on fake tensors: peak, where, of what",
        reads=_file,
    ),
    "fit": Command(
        FitRequest,
        fit,
        template="vram_fit.md.jinja",
        help="the largest micro-batch of your own step, accumulation and iterations, by traces",
        reads=_file,
    ),
    "levers": Command(
        LeversRequest,
        levers,
        template="vram_levers.md.jinja",
        help="what saves how much of your own step, each traced, ranked",
        reads=_file,
    ),
    "gpus": Command(
        GpusRequest, table, template="vram_gpus.md.jinja", help="the GPUs known by name", keeps_evidence=False
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Answer from a command line; returns the exit code."""
    return run(COMMANDS, argv, name="vram", doc=doc)
