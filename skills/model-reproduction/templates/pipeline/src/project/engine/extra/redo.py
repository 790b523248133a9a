"""--resume-phase: what was made before is kept, but out of the way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..run import Run


def set_aside(run: Run, first: str) -> None:
    """Move what a phase and the following ones have made to replaced/, so that it is made again."""
    names = list(run.cfg.phases)
    aside = run.folder / "replaced" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for name in names[names.index(first) :]:
        for path in [*run.folder.glob(f"checkpoints/{name}.*"), *run.folder.glob(f"pools/{name}")]:
            (aside / path.parent.name).mkdir(parents=True, exist_ok=True)
            path.replace(aside / path.parent.name / path.name)
