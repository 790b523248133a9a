"""vram-calibration.json: constants that `calibrate` measured, put into the cards they belong to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from reproof.errors import PackError
from reproof.paths import read_text, write_atomically
from reproof.records import validated
from reproof.vram import gpus
from reproof.vram.gpus import Gpu
from reproof.vram.observed import Calibration, DeviceConstants

MEASURED = "measured by vram.py calibrate on this kind of card, {date}, torch {torch}, driver {driver}"


def read(path: Path | None) -> Calibration:
    """The calibration at `path`; without a path the one of the current folder, or none.

    Raises:
        PackError: a path was given and is no calibration.
    """
    if path is None and not gpus.CALIBRATION.is_file():
        return Calibration()
    where = path or gpus.CALIBRATION
    try:
        data = json.loads(read_text(where, "calibration"))
    except ValueError as error:
        raise PackError(
            "bad-calibration",
            f"{where}: not JSON: {error}",
            why="its constants go into every verdict",
            fix="vram.py calibrate on a machine with the GPU writes it; leave --calibration out otherwise",
        ) from error
    return validated(
        Calibration,
        data,
        slug="bad-calibration",
        name=str(where),
        why="its constants go into every verdict",
        fix="vram.py calibrate on a machine with the GPU writes it",
    )


def applied(card: Gpu, known: Calibration) -> Gpu:
    """The card with the constants that were measured on its kind, if any were."""
    found = known.devices.get(card.name)
    if found is None:
        return card
    return replace(
        card,
        usable_bytes=found.total_bytes,
        how="measured",
        source=MEASURED.format(date=found.date, torch=found.torch, driver=found.driver or "unknown"),
        context_bytes=found.context_bytes,
        constants=found,
    )


def named(name: str, total_bytes: int | None = None) -> str:
    """The table's name for what the driver calls a card, or the driver's own where the table has no such card.

    >>> [named(each) for each in ("NVIDIA H100 80GB HBM3", "Tesla P100-PCIE-16GB", "NVIDIA H100 NVL")]
    ['H100', 'P100', 'NVIDIA H100 NVL']
    """
    try:
        card = gpus.find(name)
    except PackError:
        return name
    same = total_bytes is None or abs(total_bytes / card.usable_bytes - 1) <= gpus.SIZE_FRAC
    return card.name if same else name


def store(path: Path, device: DeviceConstants) -> None:
    """Add the device to the file, or replace it there; other devices are kept."""
    known = read(path) if path.is_file() else Calibration()
    devices = {**known.devices, named(device.gpu, device.total_bytes): device}
    write_atomically(path, known.model_copy(update={"devices": devices}).model_dump_json(indent=1) + "\n")
