"""What `fit` found, as the generated project takes it: words for its command line, or a file of the same keys."""

from __future__ import annotations

import json
from pathlib import Path

from reproof.errors import PackError
from reproof.paths import write_atomically
from reproof.vram.traced import FitRequest, FittedGpu


def overrides(
    request: FitRequest, micro: int, accumulate: int, iterations: int | None, most: int
) -> dict[str, bool | int | str]:
    """The keys that have to change; empty when the plan fits as it is."""
    if request.coupled and request.coupled_arg:
        return {request.coupled_arg: most} if most < request.batch else {}
    found: dict[str, bool | int | str] = {}
    if micro != request.batch:
        found |= {"micro_batch": micro, "accumulate": accumulate}
    if iterations is not None and iterations != request.iterations:
        found["train_iters"] = iterations
    return found


def words(found: dict[str, bool | int | str]) -> str:
    """The same as flags of the generated project.

    >>> words({"micro_batch": 32, "accumulate": 4, "checkpointing": True})
    '--micro-batch 32 --accumulate 4 --checkpointing'
    """
    pairs = (("--" + key.replace("_", "-"), value) for key, value in found.items())
    return " ".join(flag if value is True else f"{flag} {value}" for flag, value in pairs)


def refuse_unknown_ending(path: Path | None) -> None:
    """Before minutes are spent on traces.

    Raises:
        PackError: overrides are written as YAML or JSON only.
    """
    if path is not None and path.suffix not in (".yaml", ".yml", ".json"):
        raise PackError(
            "bad-overrides",
            f"--write {str(path)!r}",
            why="the overrides are written as YAML or JSON",
            fix="a name that ends in .yaml or .json",
        )


def write(path: Path, request: FitRequest, gpus: list[FittedGpu]) -> str:
    """Write the overrides per GPU; JSON, which is YAML too.

    Raises:
        PackError: it cannot be written.
    """
    rows = {each.gpu: {"fits": bool(each.micro_batch or each.overrides), **each.overrides} for each in gpus}
    text = json.dumps({"target": request.target, "samples_per_update": request.batch, "gpus": rows}, indent=1)
    try:
        write_atomically(path, text + "\n")
    except OSError as error:
        raise PackError(
            "cannot-write", f"--write {str(path)!r}: {error.strerror}", why="it is written there", fix="another folder"
        ) from error
    return str(path)
