"""The command line of `vram.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from reproof.cli import Command, run
from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.calls import flow_budget, sinkhorn
from reproof.vram.estimate import estimate
from reproof.vram.metrics import MetricRequest, metric
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

if TYPE_CHECKING:
    from reproof.vram.observed import (
        CalibrateAnswer,
        CalibrateRequest,
        MeasureAnswer,
        MeasureRequest,
        PostmortemAnswer,
        PostmortemRequest,
        WatchAnswer,
        WatchRequest,
    )
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
    building = flow_budget(request.batch_size, prod(request.shape), request.steps)
    solves = request.batches * request.steps * request.potentials
    return PoolAnswer(
        building=building,
        solves=solves,
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


def measure(request: MeasureRequest) -> MeasureAnswer:
    """Estimate against truth; imported here, as all that needs a GPU."""
    from reproof.vram.measure import measure as measured

    return measured(request)


def calibrate(request: CalibrateRequest) -> CalibrateAnswer:
    """A GPU's constants."""
    from reproof.vram.calibrate import calibrate as calibrated

    return calibrated(request)


def watch(request: WatchRequest) -> WatchAnswer:
    """A running job, followed."""
    from reproof.vram.watch import watch as watched

    return watched(request)


def postmortem(request: PostmortemRequest) -> PostmortemAnswer:
    """An out-of-memory, explained."""
    from reproof.vram.postmortem import postmortem as explained

    return explained(request)


def _file(request: InterpreterRequest) -> list[Path]:
    named = (request.file, request.plan, request.calibration)
    return [path for path in named if path is not None and path.is_file()]


def table(_: GpusRequest) -> GpusAnswer:
    """The GPUs that are known by name."""
    rows = gpus.rows()
    cited = sum(row.usable_how == "cited" for row in rows)
    headline = f"{len(rows)} GPUs; usable memory is cited for {cited} of them and inferred for the others"
    return GpusAnswer(ok=True, headline=headline, gpus=rows, source=gpus.SOURCE, speed_source=gpus.SPEED)


QUICK: dict[str, Command] = {
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
    "metric": Command(
        MetricRequest,
        metric,
        template="vram_metric.md.jinja",
        help="pairwise distances, nearest neighbours, MMD, FID, or a replay buffer",
    ),
    "plan": Command(
        PlanRequest, plan, template="vram_plan.md.jinja", help="every experiment and phase of a plan, on each GPU"
    ),
    "gpus": Command(
        GpusRequest, table, template="vram_gpus.md.jinja", help="the GPUs known by name", keeps_evidence=False
    ),
}
"""Closed form: a question of this kind does not pay for the models of the others."""


def all_commands() -> dict[str, Command]:
    """The closed form, and what runs steps or asks a GPU."""
    from reproof.vram import observed, traced

    slow = {
        "trace": Command(
            traced.TraceRequest,
            trace,
            template="vram_trace.md.jinja",
            help="your own training step, run on fake tensors: peak, where, of what",
            reads=_file,
        ),
        "fit": Command(
            traced.FitRequest,
            fit,
            template="vram_fit.md.jinja",
            help="the largest micro-batch of your own step, accumulation and iterations, by traces",
            reads=_file,
        ),
        "levers": Command(
            traced.LeversRequest,
            levers,
            template="vram_levers.md.jinja",
            help="what saves how much of your own step, each traced, ranked",
            reads=_file,
        ),
        "measure": Command(
            observed.MeasureRequest,
            measure,
            template="vram_measure.md.jinja",
            help="on a GPU: run the step for real and compare with the trace, category by category",
            reads=_file,
        ),
        "calibrate": Command(
            observed.CalibrateRequest,
            calibrate,
            template="vram_calibrate.md.jinja",
            help="on a GPU: measure its context, workspaces and speeds, for all other answers",
        ),
        "watch": Command(
            observed.WatchRequest,
            watch,
            template="vram_watch.md.jinja",
            help="on a GPU: follow a running job and warn before it runs out of memory",
        ),
        "postmortem": Command(
            observed.PostmortemRequest,
            postmortem,
            template="vram_postmortem.md.jinja",
            help="after an out-of-memory: read the log or the memory snapshot, and say what to change",
        ),
    }
    return {**QUICK, **slow}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Answer from a command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    commands = {words[0]: QUICK[words[0]]} if words and words[0] in QUICK else all_commands()
    return run(commands, words, name="vram", doc=doc)
