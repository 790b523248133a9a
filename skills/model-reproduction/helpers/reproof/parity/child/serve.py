"""A side as a process: reads the names of questions from stdin, writes answers as files."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

from . import transport
from .contract import Contract, fence, safe_torch_load
from .failures import told


def opened(spec: dict[str, Any]) -> Any:
    """The side that `spec` describes, in this process."""
    warnings.simplefilter("ignore")
    weaker: list[str] = []
    offline = spec.get("offline", True)
    if offline:
        fence()
    framework = spec.get("framework") or "torch"
    if framework == "torch":
        if offline:
            safe_torch_load(weaker)
        return _torch_side(spec)
    if framework == "jax":
        from .jax_side import JaxSide

        return JaxSide(Contract(spec))
    raise ValueError(f"framework {framework!r} is not one of torch, jax")


def _torch_side(spec: dict[str, Any]) -> Any:
    """Held whole, or streamed where the weights are too many."""
    from .torch_model import TooLarge
    from .torch_side import TorchSide
    from .torch_stream import StreamSide

    if not spec.get("streamed"):
        try:
            return TorchSide(Contract(spec))
        except TooLarge:
            pass
    return StreamSide(Contract(spec))


def main(folder: str) -> None:
    """Answer until stdin ends. What user code prints goes to stderr."""
    place = Path(folder)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    side: Any = None
    for line in sys.stdin:
        name = line.strip()
        question = transport.read(place / name)
        try:
            side = side or opened(transport.read(place / "spec"))
            value: dict[str, Any] = {"value": getattr(side, question["do"])(**question["args"])}
        except BaseException as problem:  # whatever user code does, also SystemExit, is told and not passed on
            value = {"error": told(problem)}
        transport.write(place / f"a{name[1:]}", value)
        replies.write(b"done\n")
        replies.flush()
