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


def online(n: int, m: int, d: int) -> int:
    """Numbers that the online backend holds: points, their gradients, and vectors; KeOps keeps no N x M matrix.

    From the design of KeOps (Charlier et al., arXiv:2004.11127); not measured, pykeops needs a GPU to be of use.
    """
    return 2 * (n + m) * d + 2 * VECTORS * (n + m)


def savings(request: SinkhornRequest) -> list[Way]:
    """What each other setting takes alone, least first, with what it changes."""
    n, m, d, p = request.n, request.m or request.n, request.d, int(request.p)
    width, debias = int(request.float_bits) // 8 * request.clouds, not request.no_debias

    def peak(n: int, m: int, p: int, mode: Mode, debias: bool) -> int:
        return max(alive for _, alive in ways(n, m, d, p, mode, debias=debias).values())

    other = "a different method: the potentials depend on all points together"
    found = [
        Way(name="backend='online' (pykeops)", bytes=online(n, m, d) * width,
            moment="same value up to rounding; not measured, needs a GPU with pykeops"),
        Way(name=f"half the points: {max(1, n // 2)} and {max(1, m // 2)}",
            bytes=peak(max(1, n // 2), max(1, m // 2), p, request.mode, debias) * width, moment=other),
        Way(name="no gradient, then a closed form of it", bytes=peak(n, m, p, "value", debias) * width,
            moment="the gradient from the potentials by hand, where it is known"),
    ]  # fmt: skip
    if width > 2 * request.clouds:
        found.append(Way(name="half the bits", bytes=peak(n, m, p, request.mode, debias) * width // 2,
                         moment="other rounding: small blurs need fp32"))  # fmt: skip
    if p == 1:
        found.append(Way(name="p=2", bytes=peak(n, m, 2, request.mode, debias) * width, moment="another distance"))
    if debias and request.mode != "velocity":
        found.append(
            Way(name="debias=False", bytes=peak(n, m, p, request.mode, False) * width, moment="a biased value")
        )
    return sorted(found, key=lambda way: way.bytes)


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

    if request.backend != "tensorized":
        return _without_matrix(request, number_bytes)
    found = at(request.n)
    moment, alive = max(found.values(), key=lambda way: way[1])
    budget = call_budget(request.n, request.m or request.n, request.d, alive, moment, number_bytes)
    fits = sinkhorn_fits(chosen(request.gpu or DEFAULT, request.calibration), needed, request.n)
    verdicts = ", ".join(f"{gpu.gpu}: {gpu.verdict}" for gpu in fits)
    return SinkhornAnswer(
        ok=any(gpu.verdict != "no" for gpu in fits),
        headline=f"{show_bytes(budget.allocated_bytes)} allocated at the peak ({moment}); {verdicts}",
        budget=budget,
        ways=[Way(name=name, bytes=size * number_bytes, moment=when) for name, (when, size) in found.items()],
        savings=savings(request),
        gpus=fits,
        notes=LIMITS if request.mode != "velocity" or not request.no_debias else [*LIMITS, IGNORED],
    )


MULTISCALE = (
    "multiscale clusters the points and prunes pairs of clusters: between the online size and, when nothing is pruned, "
    "little more; how many clusters there are depends on the data (blur, cluster_scale)"
)


def _without_matrix(request: SinkhornRequest, number_bytes: int) -> SinkhornAnswer:
    """The backends that keep no N x M matrix; a computed size that nobody has measured."""
    m = request.m or request.n

    def parts(n: int) -> list[Part]:
        other = request.m or n
        found = [
            ("points, and gradients of their size", 2 * (n + other) * request.d, "2 (N + M) x D numbers"),
            ("weights, potentials, reductions", 2 * VECTORS * (n + other), f"{2 * VECTORS} (N + M) numbers"),
        ]
        if request.backend == "multiscale":
            found.append(("the same for the clusters, at most", online(n, other, request.d), "as many as points"))
        return [Part(name=name, bytes=size * number_bytes, how="computed", source=source, calibrated=True)
                for name, size, source in found]  # fmt: skip

    def needed(gpu: Gpu, n: int) -> int:
        return sum(part.bytes for part in parts(n) + overhead(gpu))

    mine = parts(request.n)
    allocated = sum(part.bytes for part in mine)
    fits = sinkhorn_fits(chosen(request.gpu or DEFAULT, request.calibration), needed, request.n)
    verdicts = ", ".join(f"{gpu.gpu}: {gpu.verdict}" for gpu in fits)
    what = f"{request.backend}, {request.n} and {m} points"
    return SinkhornAnswer(
        ok=any(gpu.verdict != "no" for gpu in fits),
        headline=f"{show_bytes(allocated)} allocated at the peak ({what}); {verdicts}",
        budget=Budget(moment=what, allocated_bytes=allocated, parts=mine + overhead()),
        ways=[Way(name=request.backend, bytes=allocated, moment="whole call")],
        savings=[],
        gpus=fits,
        notes=[
            "not measured: computed from what KeOps keeps",
            *([MULTISCALE] if request.backend == "multiscale" else []),
        ],
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
