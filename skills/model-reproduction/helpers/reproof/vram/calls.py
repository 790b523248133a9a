"""Budgets of the Sinkhorn calls: one call as the user gives it, and the flow step that fills a trajectory pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reproof.units import show_bytes
from reproof.vram.estimate import overhead
from reproof.vram.fit import NOT_EQUIVALENT, fit
from reproof.vram.gpus import DEFAULT, Gpu, chosen
from reproof.vram.models import Budget, GpuFit, Mode, Part, SinkhornAnswer, SinkhornRequest, Way
from reproof.vram.pools import FLOAT
from reproof.vram.sinkhorn import VECTORS, Clouds, backward, value, velocity_ways, worst

LAW = (
    "law of geomloss 0.3.1, tensorized; against 110 measured calls 0.1 % off at the median, 4.8 % at most "
    "(torch 2.13.0 on a CPU, benchmarks/vram_closed_form.py)"
)
LIMITS = [
    "backend tensorized; above 5000 x 5000 points backend='auto' is online, which needs pykeops and stores no matrix",
    "no N x M x D term: a custom cost that broadcasts, or the backward of torch.cdist with p other than 2, has one",
    "geomloss leaves gradients switched on after a call inside no_grad(); wrap the call, or later memory grows",
]

IGNORED = "--no-debias changes nothing here: velocity shows every way to compute it"


def ways(n: int, m: int, d: int, p: int, mode: Mode, *, debias: bool) -> dict[str, tuple[str, int]]:
    """Moment and numbers alive at the peak, for each way to compute `mode`."""
    if mode == "velocity":
        return velocity_ways(n, m, d, p)
    clouds = Clouds(n, m, d, p, debias)
    return {f"one call, debias={debias}": worst(value(clouds) if mode == "value" else backward(clouds))}


def call_budget(n: int, m: int, d: int, alive: int, moment: str, number_bytes: int) -> Budget:
    """A call's peak as parts: the points, the vectors, and everything of size N x M."""
    points, vectors = (n + m) * d * number_bytes, (n + m) * VECTORS * number_bytes
    parts = [
        Part(name="points x and y", bytes=points, how="computed", source="(N + M) x D numbers"),
        Part(
            name="weights, logarithms, potentials", bytes=vectors, how="computed", source=f"{VECTORS} (N + M) numbers"
        ),
        Part(
            name="cost matrices, softmin, gradients",
            bytes=alive * number_bytes - points - vectors,
            how="computed",
            source=LAW,
        ),
    ]
    allocated = sum(part.bytes for part in parts)
    return Budget(moment=moment, allocated_bytes=allocated, parts=parts + overhead())


def sinkhorn(request: SinkhornRequest) -> SinkhornAnswer:
    """The memory of one call, or of one flow step, and the largest cloud that fits."""
    number_bytes = int(request.float_bits) // 8 * request.clouds
    p, debias = int(request.p), not request.no_debias

    def at(n: int) -> dict[str, tuple[str, int]]:
        return ways(n, request.m or n, request.d, p, request.mode, debias=debias)

    def needed(gpu: Gpu, n: int) -> int:
        return max(alive for _, alive in at(n).values()) * number_bytes + sum(part.bytes for part in overhead(gpu))

    found = at(request.n)
    moment, alive = max(found.values(), key=lambda way: way[1])
    budget = call_budget(request.n, request.m or request.n, request.d, alive, moment, number_bytes)
    fits = sinkhorn_fits(chosen(request.gpu or DEFAULT), needed, request.n)
    verdicts = ", ".join(f"{gpu.gpu}: {gpu.verdict}" for gpu in fits)
    return SinkhornAnswer(
        ok=any(gpu.verdict != "no" for gpu in fits),
        headline=f"{show_bytes(budget.allocated_bytes)} allocated at the peak ({moment}); {verdicts}",
        budget=budget,
        ways=[Way(name=name, bytes=size * number_bytes, moment=when) for name, (when, size) in found.items()],
        gpus=fits,
        notes=LIMITS if request.mode != "velocity" or not request.no_debias else [*LIMITS, IGNORED],
    )


def sinkhorn_fits(gpus: Iterable[Gpu], needed: Callable[[Gpu, int], int], batch: int) -> list[GpuFit]:
    """The verdict on each GPU; where it does not fit, why cutting the batch is no way out."""

    def on(gpu: Gpu) -> GpuFit:
        one = fit(gpu, lambda n, _: needed(gpu, n), batch, splits=False)
        return one if one.verdict == "fits" else one.model_copy(update={"notes": [NOT_EQUIVALENT]})

    return [on(gpu) for gpu in gpus]


def flow_budget(n: int, d: int, steps: int) -> Budget:
    """The peak while one batch of a trajectory pool is built: the hungriest way to compute the velocity is assumed.

    The particles stay beside the copy that receives the gradient. Every stored X_t, v_t and t waits on the device until
    the batch is done, and joining them into one tensor per name holds them twice.
    """
    moment, alive = max(velocity_ways(n, n, d, p=2).values(), key=lambda way: way[1])
    particles = _part("particles, beside the copy with a gradient", n * d, "N x D numbers")
    rows = steps * n * (2 * d + 1)
    waiting = _part("rows of this batch that wait to be stored", rows, "steps x N x (2 D + 1) numbers")
    call = call_budget(n, n, d, alive, f"{moment}, in the last flow step", FLOAT)
    calling = [part for part in call.parts if part.calibrated] + [particles, waiting]
    points = _part("points x and y", 2 * n * d, "2 N x D numbers")
    twice = _part("the same rows, joined", rows, "one tensor per name")
    joining = [points, waiting, twice]
    parts = max(calling, joining, key=lambda each: sum(part.bytes for part in each))
    when = call.moment if parts is calling else "joining the rows of the batch"
    return Budget(moment=when, allocated_bytes=sum(part.bytes for part in parts), parts=parts + overhead())


def _part(name: str, numbers: int, source: str) -> Part:
    return Part(name=name, bytes=numbers * FLOAT, how="computed", source=source)
