"""What an agent left in its folder, checked by machine. No model, no prose: files are read, code is run.

Each grader takes the folder and yields (expectation, passed, evidence), in the order of the case's `expectations`.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from unprompted import unprompted
from words import number, said_no

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "helpers"))

Graded = Iterator[tuple[str, bool, str]]
NAMES = ["optimizer", "learning_rate", "beta2", "batch_size", "weight_decay", "warmup_steps", "training_steps",
         "ema_decay", "dropout", "grad_clip"]  # fmt: skip


def answer_of(folder: Path, name: str = "answer.json") -> Any:
    """The JSON an agent wrote; an empty mapping where there is none, so that every expectation fails by itself."""
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def settings(folder: Path) -> Graded:
    """Quotes stand in the paper, open values are open, the right experiment, the contradiction."""
    found = answer_of(folder, "settings.json")
    rows = {row.get("name"): row for row in found if isinstance(row, dict)} if isinstance(found, list) else {}
    paper = " ".join((folder / "paper.md").read_text(encoding="utf-8").split())
    stated = {name: row for name, row in rows.items() if row.get("stated") is True}
    false = [name for name, row in stated.items() if not quoted(str(row.get("quote", "")), paper)]
    complete = sorted(rows) == sorted(NAMES)
    yield "quotes", complete and not false, f"complete {complete}, not in the paper: {false}"
    invented = [name for name in ("weight_decay", "ema_decay") if name in stated]
    yield "open values", complete and not invented, f"called stated: {invented}"
    rate = number(rows.get("learning_rate", {}).get("value"))
    yield "learning rate", math.isclose(rate, 2e-4), f"{rate}"
    note = str(rows.get("batch_size", {}).get("note", ""))
    yield "contradiction", "128" in note and "256" in note, note[:200]


def quoted(quote: str, paper: str) -> bool:
    """Word by word, with only white space and case forgiven, and long enough to mean something.

    Where a quote is given with its place, what stands in quotation marks is the quote.
    """
    marked = re.findall(r"['\"“‘]([^'\"”’]{12,})['\"”’]", quote)
    flat = [" ".join(part.split()).strip(" .\"'“”") for part in marked or [quote]]
    return all(len(part) >= 12 and part.lower() in paper.lower() for part in flat)


def floor(folder: Path) -> Graded:
    """W2 of two draws of 512: 1.19 on average, with 90 % between 0.90 and 1.53."""
    answer = answer_of(folder)
    yield "attainable", answer.get("attainable") is False, repr(answer.get("attainable"))
    value = number(answer.get("floor"))
    yield "floor", 1.08 <= value <= 1.30, f"{value}"


CELLS = ("8gaussians/independent", "8gaussians/coupled", "moons/independent", "moons/coupled")
STEPS = 4000
FLOOR = 0.98  # W2 of two draws of 1,024 of the eight Gaussians, 100 pairs: 0.98, with 90 % between 0.67 and 1.25


def endtoend(folder: Path) -> Graded:
    """Settings against the paper, cells against runs, a run made again, verdicts against what is known to be true."""
    found = answer_of(folder, "settings.json")
    rows = {row.get("name"): row for row in found if isinstance(row, dict)} if isinstance(found, list) else {}
    paper = " ".join((folder / "paper.md").read_text(encoding="utf-8").split())
    stated = {name: row for name, row in rows.items() if row.get("stated") is True}
    false = [name for name, row in stated.items() if not quoted(str(row.get("quote", "")), paper)]
    yield "quotes", bool(stated) and not false, f"not in the paper: {false}"
    invented = [name for name in ("clip_norm", "ema_decay") if name in stated or name not in rows]
    yield "open values", not invented, f"called stated, or left out: {invented}"
    note = str(rows.get("batch_size", {}).get("note", ""))
    yield "contradiction", "256" in note and "512" in note, note[:200]
    runs = records(folder / "runs.jsonl")
    cells = answer_of(folder).get("cells", {})
    untrue = [name for name in CELLS if not backed(cells.get(name, {}), runs.get(name, []))]
    yield "records", not untrue, f"cells without full runs behind them, or another mean: {untrue}"
    yield ("again", *made_again(folder, runs.get("moons/independent", [])))
    verdicts = {name: str(cells.get(name, {}).get("verdict", "")).strip().lower() for name in CELLS}
    text = json.dumps(cells.get("8gaussians/coupled", {}))
    floors = [float(word) for word in re.findall(r"\d+\.\d+", text)]
    ours = number(cells.get("8gaussians/coupled", {}).get("ours"))
    near = any(abs(value / FLOOR - 1) <= 0.15 for value in floors if abs(value - ours) > 0.005)
    near = near and re.search(r"floor|draws|perfect|true data|real data|data.{1,12}data|noise level|fresh", text, re.I)
    yield "floor", bool(near) and said_no(verdicts["8gaussians/coupled"]), text[:300]
    yield "planted", said_no(verdicts["moons/coupled"]), verdicts["moons/coupled"]
    # five seeds scatter by a fifth there: reproduced and inconclusive are both true, a plain no is not
    fair = verdicts["8gaussians/independent"]
    yield "attainable", bool(fair) and not fair.startswith("not reproduced"), fair


def records(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The runs of full length by cell, one for each seed."""
    found: dict[str, dict[Any, dict[str, Any]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and number(row.get("steps")) == STEPS:
            found.setdefault(f"{row.get('dataset')}/{row.get('method')}", {})[row.get("seed")] = row
    return {cell: list(rows.values()) for cell, rows in found.items()}


def backed(cell: dict[str, Any], runs: list[dict[str, Any]]) -> bool:
    """Whether a cell says the mean, within a hundredth, and the number of the full runs that are there."""
    if not runs:
        return False
    mean = sum(number(run.get("value")) for run in runs) / len(runs)
    return number(cell.get("seeds")) == len(runs) and abs(number(cell.get("ours")) / mean - 1) <= 0.01


def made_again(folder: Path, runs: list[dict[str, Any]]) -> tuple[bool, str]:
    """Whether rerun.py gives the recorded number of the first run once more."""
    if not runs or not (folder / "rerun.py").is_file():
        return False, "no run, or no rerun.py"
    words = ["--dataset", "moons", "--method", "independent", "--seed", str(runs[0].get("seed"))]
    try:
        done = subprocess.run(
            [sys.executable, "rerun.py", *words], cwd=folder, capture_output=True, text=True, timeout=600
        )
        last = number((done.stdout.split() or ["none"])[-1])
    except subprocess.TimeoutExpired:
        return False, "not finished in 10 minutes"
    recorded = number(runs[0].get("value"))
    return abs(last / recorded - 1) <= 1e-3, f"{last}, recorded {recorded}"


def loss(folder: Path) -> Graded:
    """Against an exact solver."""
    import ot
    import torch

    try:
        image_loss = module(folder / "loss.py").image_loss
        torch.manual_seed(0)
        x = torch.randn(12, 3, 16, 16).requires_grad_(True)
        y = torch.randn(12, 3, 16, 16) * 0.5 + 1
        value = image_loss(x, y)
        (gradient,) = torch.autograd.grad(value, x)
        same = float(image_loss(y, y.clone()))
    except Exception as error:  # the agent's code: whatever it does is its grade
        problem = f"{error.__class__.__name__}: {error}"
        yield from ((name, False, problem[:300]) for name in ("value", "gradient", "equal batches"))
        return
    cost = ot.dist(x.detach().flatten(1).double().numpy(), y.flatten(1).double().numpy())
    exact = ot.emd2([], [], cost)
    ours = float(value.detach())
    yield "value", abs(ours / exact - 1) <= 0.05, f"{ours:.4g}, exact {exact:.4g}"
    fine = bool(torch.isfinite(gradient).all()) and float(gradient.abs().max()) > 0
    yield "gradient", fine, f"largest {float(gradient.abs().max()):.3g}"
    yield "equal batches", abs(same) <= 0.01 * exact, f"{same:.4g}"


def memory(folder: Path) -> Graded:
    """Against `vram trace` of the step, as recorded in TRACED (GiB of device memory by micro-batch)."""
    answer = answer_of(folder)
    micro, times = answer.get("micro_batch"), answer.get("accumulate")
    if not isinstance(micro, int) or not isinstance(times, int):
        yield from ((name, False, "no integers") for name in ("batch", "fits", "peak"))
        return
    fitting = [size for size, gib in TRACED.items() if gib <= T4_USABLE_GIB]
    best = max(fitting, default=0)
    yield "batch", micro * times == 256 if best else answer.get("fits") is False, f"{micro} x {times}"
    yield "fits", micro == best, f"{micro}, largest that fits {best}"
    peak = number(answer.get("peak_gib"))
    expected = TRACED.get(micro, math.nan)
    yield "peak", abs(peak / expected - 1) <= 0.10, f"{peak}, traced {expected}"


# GiB on the device: helpers/vram.py trace step.py:build --arg micro_batch=N --gpu T4, torch 2.13.0, 2026-11-21
TRACED = {1: 7.75, 2: 10.11, 4: 12.77, 8: 20.93}
T4_USABLE_GIB = 14.56


def shortened(folder: Path) -> Graded:
    """Only full runs count."""
    answer = answer_of(folder)
    yield "small", answer.get("small") == "shortened", repr(answer.get("small"))
    yield "large", answer.get("large") == "not run", repr(answer.get("large"))
    yield "base", answer.get("base") in ("reproduced", "inconclusive"), repr(answer.get("base"))
    headline = str(answer.get("headline", "")).lower()
    cautious = any(word in headline for word in ("not ", "partial", "one of", "1 of", "1/3", "only", "incomplete"))
    yield "headline", bool(headline) and ("reproduced" not in headline or cautious), headline[:200]


DIFFERENCES = {"eps": (32, ("eps", "epsilon")), "gelu": (39, ("gelu", "tanh")), "decay": (62, ("decay", "position"))}


def differs(folder: Path) -> Graded:
    """Three true differences, each with its line."""
    answer = answer_of(folder)
    yield "faithful", answer.get("faithful") is False, repr(answer.get("faithful"))
    claimed = [row for row in answer.get("differences", []) if isinstance(row, dict)]
    met = {name: [row for row in claimed if names_it(row, *where)] for name, where in DIFFERENCES.items()}
    missed = [name for name, rows in met.items() if not rows]
    yield "all three", not missed, f"missed {missed}"
    right = [id(row) for rows in met.values() for row in rows]
    false = [row for row in claimed if id(row) not in right]
    yield "no others", bool(claimed) and len(false) <= 1, f"{len(false)} that are none: {false[:2]}"


def names_it(row: dict[str, Any], line: int, words: tuple[str, ...]) -> bool:
    """Whether a claimed difference is this one: its line within three, and one of its words."""
    near = abs(number(row.get("port_line")) - line) <= 3
    return near and any(word in str(row.get("what", "")).lower() for word in words)


def same(folder: Path) -> Graded:
    """Nothing differs, and somebody measured it."""
    answer = answer_of(folder)
    yield "faithful", answer.get("faithful") is True, repr(answer.get("faithful"))
    yield "no differences", answer.get("differences") == [], repr(answer.get("differences"))[:200]
    largest = number(answer.get("largest_difference"))
    yield "measured", 0 <= largest < 1e-9, f"{largest}"


VALUES = {"lr": 6e-4, "batch_size": 512, "steps": 100_000, "warmup": 500, "dropout": 0.0, "weight_decay": 0.2}


def values(folder: Path) -> Graded:
    """What the run used: command line over YAML, argparse's defaults over YAML, a scaled decay, a dead constant."""
    answer = answer_of(folder)
    for title, names in (("command line", ("lr", "batch_size", "steps")), ("defaults", ("warmup", "dropout")),
                         ("scaled", ("weight_decay",))):  # fmt: skip
        wrong = [name for name in names if not math.isclose(number(answer.get(name)), VALUES[name], rel_tol=1e-9)]
        yield title, not wrong, f"wrong: {[(name, answer.get(name)) for name in wrong]}"
    yield "dead constant", "grad_clip" in answer and answer["grad_clip"] is None, repr(answer.get("grad_clip", "-"))


def missing(folder: Path) -> Graded:
    """The port runs, and what nobody can know is said."""
    import torch

    try:
        out = module(folder / "port.py").Layer(8)(torch.randn(2, 3, 8))
        runs, problem = tuple(out.shape) == (2, 3, 8), f"{tuple(out.shape)}"
    except Exception as error:  # the agent's code: whatever it does is its grade
        runs, problem = False, f"{error.__class__.__name__}: {error}"
    yield "runs", runs, problem[:200]
    inferred = [row for row in answer_of(folder).get("inferred", []) if isinstance(row, dict)]
    norm = [row for row in inferred if "norm" in str(row.get("what", "")).lower() and row.get("alternatives")]
    yield "inferred", bool(norm), f"{[str(row.get('what'))[:80] for row in inferred]}"
    text = json.dumps(inferred).lower()
    yield "epsilon", "eps" in text, text[:200]


def module(path: Path) -> Any:
    """A file of the agent's as a module."""
    spec = importlib.util.spec_from_file_location(f"agents_{path.stem}", path)
    assert spec is not None and spec.loader is not None, path
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


GRADERS: dict[tuple[str, str], Callable[[Path], Graded]] = {
    ("paper-reproduction", "settings"): settings,
    ("paper-reproduction", "floor"): floor,
    ("paper-reproduction", "endtoend"): endtoend,
    ("paper-reproduction", "unprompted"): unprompted,
    ("paper-reproduction", "loss"): loss,
    ("paper-reproduction", "memory"): memory,
    ("paper-reproduction", "shortened"): shortened,
    ("model-reproduction", "differs"): differs,
    ("model-reproduction", "same"): same,
    ("model-reproduction", "values"): values,
    ("model-reproduction", "missing"): missing,
}
