"""How memory and time of a call grow with its batch and its last axis, measured at up to three sizes each.

torch's allocator is followed step by step. The same program takes the same blocks at every size, and each block's
size is a polynomial in N; so every step is fitted, and the peak at another N is the largest sum of the fitted steps.
That stays right where the peak moves to another moment, which a curve through peaks does not see.
Memory from elsewhere (numpy, a solver in C++) is seen as the growth of the process, to the page.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from pathlib import Path
from typing import Any, Callable  # noqa: UP035 - Python 3.8 must be able to run this

from .arrays import leaves, np, torch
from .case import Case, Numbers, differentiable
from .gradients import backward, wanted

TORCH = "torch's allocator"
CHEAP_S = 0.01  # a call that takes longer is measured against its last axis only where the plan names at_width
FACTOR = 8  # the answer at eight times the batch
OWN_MAPPING = 16 * 1024  # blocks from this size on get a mapping of their own, and so leave with `free`
MALLOPT_MMAP_THRESHOLD = -3
LONG_S, DOUBLINGS = 0.5, 4  # larger batches are tried as long as a run is short, for memory that only they show
MEASURABLE = 4 * 2**20  # the kernel counts pages in lots, and Python keeps some: less than this means nothing


def sizes(batch: int) -> list[int]:
    """Three batches to measure at: a quarter, a half and the whole; or multiples of a small one."""
    return [batch // 4, batch // 2, batch] if batch >= 16 else [batch, 2 * batch, 4 * batch]


def once(case: Case, numbers: Numbers) -> float:
    """Inputs, call and backward; returns the seconds of call and backward."""
    ready = case.complete(numbers)
    callable_ = case.construct(ready=ready)
    started = time.perf_counter()
    output = case.call(callable_, ready)
    leaf = differentiable(leaves(output))
    sources = {name: ready[name] for name in wanted(case) if getattr(ready[name], "requires_grad", False)}
    if leaf is not None and sources:
        backward(leaf, sources)
    return time.perf_counter() - started


def steps(case: Case, numbers: Numbers) -> Any:
    """What each step of torch's CPU allocator takes (+) or gives back (-), in bytes and in order."""
    pytorch = torch()
    if pytorch is None:
        return np.zeros(1)
    with pytorch.autograd.profiler.profile(profile_memory=True) as profile:
        once(case, numbers)
    found = [event for event in profile.kineto_results.events() if event.name() == "[memory]"]
    found.sort(key=lambda event: event.start_ns())
    return np.array([0.0] + [event.nbytes() for event in found])


def resident(what: str) -> int:
    """Bytes of this process in memory: now (VmRSS) or at most since `forget_peak` (VmHWM)."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition(what + ":")[2].split()[0]) * 1024
    import resource  # not on Windows, where growth is then not measured

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Let the peak start again from now (Linux); elsewhere a peak is an upper bound."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def give_back_freed() -> None:
    """Make glibc return freed blocks at once, so that the process's size is what it uses."""
    try:
        ctypes.CDLL(None).mallopt(MALLOPT_MMAP_THRESHOLD, OWN_MAPPING)
    except (AttributeError, OSError):
        return  # another C library: the process's size is then an upper bound


def measure(case: Case) -> None:
    """Report time and memory at each batch and each width, and what to expect further on."""
    give_back_freed()
    found: dict[str, Any] = {}
    if case.batch is not None:
        case.report.stage("growth with the batch")
        ahead = case.spec["at_batch"] or FACTOR * case.batch
        found = _along(case, case.batch, ahead, lambda size: case.numbers(batch=size))
        case.report.fact("growth", found)
    if case.width is not None and (case.spec["at_width"] or _own_s(case, found) < CHEAP_S):
        case.report.stage("growth with the last axis")
        ahead = case.spec["at_width"] or FACTOR * case.width
        try:
            found = _along(case, case.width, ahead, lambda size: case.numbers(width=size))
        except Exception:
            return  # the width is written into the object, as in a layer
        case.report.fact("width_growth", found)


def _own_s(case: Case, found: dict[str, Any]) -> float:
    """Seconds of a run at the plan's own size, which growth with the batch has measured already."""
    return float(found["seconds"][found["batches"].index(found["own"])]) if found else once(case, case.numbers())


def _along(case: Case, own: int, ahead_size: int, draw: Callable[[int], Numbers]) -> dict[str, Any]:
    """Measurements at three sizes, and what they mean for `ahead_size`."""
    chosen = sizes(own)
    once(case, draw(chosen[0]))
    seconds: list[float] = []
    process: list[int] = []
    for size in chosen:
        _at(case, draw(size), seconds, process)
    taken = [steps(case, draw(size)) for size in chosen]
    peaks = [int(np.cumsum(run).max()) for run in taken]
    other = process[-1] - peaks[-1]
    if peaks[-1] and other <= max(MEASURABLE, peaks[-1] // 4):
        counted, ahead = TORCH, _ahead(chosen, taken, ahead_size)
    else:
        while process[-1] < 4 * MEASURABLE and seconds[-1] < LONG_S and len(chosen) < 3 + DOUBLINGS:
            chosen.append(2 * chosen[-1])
            _at(case, draw(chosen[-1]), seconds, process)
        counted, peaks, ahead = "growth of the process", process, _fit(chosen[-3:], process[-3:], ahead_size)
    return {
        "own": own,
        "batches": chosen,
        "seconds": seconds,
        "peaks_bytes": peaks,
        "counted": counted,
        "batch_ahead": ahead_size,
        "peak_ahead_bytes": None if counted != TORCH and process[-1] < MEASURABLE else int(ahead),
        "seconds_ahead": _later(chosen, seconds, ahead_size),
    }


def _at(case: Case, numbers: Numbers, seconds: list[float], process: list[int]) -> None:
    """Time one run, and see how far the process grows in it."""
    gc.collect()
    forget_peak()
    before = resident("VmRSS")
    seconds.append(once(case, numbers))
    process.append(max(0, resident("VmHWM") - before))


def _ahead(chosen: list[int], taken: list[Any], batch: int) -> float:
    """The peak of torch's allocator at `batch`, from the steps of the smaller runs."""
    aligned = _aligned(chosen, taken)
    if aligned is None:  # another program at each size: only the peaks can be compared
        return _fit(chosen, [int(np.cumsum(run).max()) for run in taken], batch)
    return float(np.cumsum(_through(chosen, aligned, batch)).max())


def _aligned(chosen: list[int], taken: list[Any]) -> Any:
    """The same steps of every run, one row each; None when they cannot be told.

    A loop that turns more often at one size (a solver on another spread of points) adds whole turns, which leave the
    live bytes as they were. So the start of each run is matched with the starts, the rest with the ends, and the cut
    lies where every step grows like a polynomial with positive coefficients.
    """
    length = min(len(run) for run in taken)
    front = np.stack([run[:length] for run in taken])
    back = np.stack([run[len(run) - length :] for run in taken])
    fits_front, fits_back = _grows_soundly(chosen, front), _grows_soundly(chosen, back)
    sound = np.concatenate([[0], np.cumsum(fits_front)]) + np.concatenate([np.cumsum(fits_back[::-1])[::-1], [0]])
    cut = int(np.argmax(sound))
    return np.concatenate([front[:, :cut], back[:, cut:]], axis=1) if sound[cut] == length else None


def _grows_soundly(chosen: list[int], values: Any) -> Any:
    """Per column: one sign, and a polynomial in N without negative coefficients."""
    signs = np.sign(values)
    coefficients = _coefficients(chosen, np.abs(values))
    size = 1e-6 * np.abs(values).max(axis=0) + 1e-9
    terms = coefficients * np.array([[1.0], [chosen[-1]], [float(chosen[-1]) ** 2]])
    return (signs == signs[0]).all(axis=0) & (terms >= -size).all(axis=0)


def _coefficients(chosen: list[int], values: Any) -> Any:
    """Of 1, N and N * N, of the parabola through three sizes, for each column of `values`."""
    powers = np.array([[1.0, n, float(n) * n] for n in chosen])
    return np.linalg.solve(powers, values.astype(float))


def _through(chosen: list[int], values: Any, batch: int) -> Any:
    """The parabola through three sizes, at `batch`, for each column of `values`."""
    return np.array([1.0, batch, float(batch) * batch]) @ _coefficients(chosen, values)


def _fit(chosen: list[int], peaks: list[int], batch: int) -> float:
    """A parabola through three peaks, never below growth in proportion."""
    least = peaks[-1] * batch / chosen[-1] if peaks[-1] > peaks[0] else peaks[-1]
    return max(float(_through(chosen, np.array(peaks)[:, None], batch)[0]), least)


def _later(chosen: list[int], seconds: list[float], batch: int) -> float:
    """Seconds at `batch` if time goes on growing as between the last two sizes; at most with the cube."""
    power = np.log(max(seconds[-1] / seconds[-2], 1.0)) / np.log(chosen[-1] / chosen[-2])
    return float(seconds[-1] * (batch / chosen[-1]) ** min(power, 3.0))
