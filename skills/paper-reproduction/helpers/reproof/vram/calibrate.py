"""Measure a GPU's constants and keep them in a file that trace, fit, levers, estimate and plan read."""

from __future__ import annotations

import datetime

from reproof.errors import PackError
from reproof.units import show_bytes
from reproof.vram.calibration import named, store
from reproof.vram.hardware import ask
from reproof.vram.observed import CalibrateAnswer, CalibrateRequest, DeviceConstants

HOW = {
    "growth and process": "",
    "process": "",
    "growth": "context: by what the whole device lost meanwhile, since NVML does not list this process here (in a "
    "container it cannot): right on an idle GPU only",
    "": "context: NVML is not there, so that memory of other processes on the GPU counts as context: calibrate on an "
    "idle GPU",
}
UNIFIED = "this GPU shares the host's memory: its total is the host's, and what is free there changes by itself"
USED = (
    "used for this kind of card: its total as usable memory, the context in every verdict, cuBLAS workspaces and the "
    "median workspace of convolutions in traces, the speeds in wall-clock ranges"
)


def calibrate(request: CalibrateRequest) -> CalibrateAnswer:
    """Measure, store, and say what was stored.

    Raises:
        MissingError: no torch or no GPU.
    """
    truth = ask({"kind": "calibrate", "index": request.index}, request.python, request.timeout_s)
    device = truth["device"]
    found = DeviceConstants(
        gpu=device["name"],
        capability=".".join(map(str, device["capability"])),
        torch=truth["torch"],
        driver=device["driver"],
        date=datetime.date.today().isoformat(),
        total_bytes=truth["total_bytes"],
        context_bytes=truth["context_bytes"],
        blas_bytes=truth["blas_bytes"],
        convolutions=truth["convolutions"],
        matmul_flop_per_s=truth["matmul_flop_per_s"],
        copy_bytes_per_s=truth["copy_bytes_per_s"],
    )
    try:
        store(request.out, found)
    except OSError as error:
        raise PackError(
            "cannot-write", f"--out {str(request.out)!r}: {error.strerror}", why="it is kept there", fix="another path"
        ) from error
    return CalibrateAnswer(
        ok=True,
        headline=f"{named(found.gpu, found.total_bytes)}: context {show_bytes(found.context_bytes)}, "
        f"cuBLAS {' + '.join(map(show_bytes, found.blas_bytes))}, {len(found.convolutions)} rules for convolutions",
        device=found,
        written=str(request.out),
        notes=[USED, *filter(None, [HOW[truth["context_how"]], UNIFIED if device["unified"] else ""])],
    )
