"""What went wrong on a side, as a slug, a sentence and the user's line."""

from __future__ import annotations

import os
import sysconfig
import traceback
from typing import Any

from .contract import BadContract

OURS = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
SIGNS = (
    ("wants-network", ("resolve host", "Connection", "offline mode", "Max retries", "couldn't connect", "outgoing traffic")),  # noqa: E501
    ("needs-cuda", ("CUDA", "cuda", "NVIDIA driver", "nvidia")),
    ("unsafe-pickle", ("weights_only", "WeightsUnpickler", "Unsupported global")),
    ("needs-extension", ("undefined symbol", "Could not load this library", "custom_op", "torch.ops", "cannot open shared object", "ninja is required")),  # noqa: E501
)  # fmt: skip


def told(problem: BaseException) -> dict[str, str]:
    """The problem as plain data."""
    frames = [each for each in traceback.extract_tb(problem.__traceback__) if not each.filename.startswith((OURS, "<"))]
    users = [each for each in frames if not each.filename.startswith(LIBRARIES)] or frames
    line = f"{users[-1].filename}:{users[-1].lineno}" if users else ""
    said = " ".join(str(problem).split())[:400]
    text = str(problem.args[1]) if isinstance(problem, BadContract) else f"{type(problem).__name__}: {said}"
    return {"slug": _slug(problem, text), "text": text, "line": line}


def _slug(problem: BaseException, text: str) -> str:
    cause: Any = problem
    while cause is not None:
        if isinstance(cause, BadContract):
            return str(cause.args[0])
        cause = cause.__cause__ or cause.__context__
    if isinstance(problem, ModuleNotFoundError):
        return "not-installed"
    if isinstance(problem, MemoryError) or "not enough memory" in text or "can't allocate memory" in text:
        return "host-memory"
    return next((slug for slug, signs in SIGNS if any(sign in text for sign in signs)), "side-raised")
