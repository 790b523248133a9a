"""Results out of files that others write: JSON, CSV, TensorBoard, MLflow, W&B and trackio, without their libraries.

Each reader gives records with the same keys as a line of records.jsonl, as far as the file knows them. What lies
beside the file (run.json, config.yaml, hparams.yaml, params.json) says which experiment, seed, code and settings it
is of; failing that the path does: .../EXPERIMENT/seed3/...
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reproof import yamlio
from reproof.compare.wire import LevelLog, events, wandb_items
from reproof.errors import PackError

Say = Callable[[str], None]
Record = dict[str, Any]
SIDECARS = ("run.json", "config.yaml", "hparams.yaml", "params.json", "config.json", "wandb-metadata.json")
KNOWN = (
    "experiment",
    "seed",
    "method",
    "run_id",
    "config_hash",
    "core_hash",
    "commit",
    "n_test",
    "n_generated",
    "steps_done",
    "steps_planned",
    "checkpoints",
    "reading",
    "created",
    "condition",
    "unit",
    "ablation",
)
NOT_SETTINGS = {"seed", "experiment", "run_id", "device"}
NESTED = ("condition", "steps_done", "steps_planned", "checkpoints")
MOST_BYTES = 2**30
SEED = re.compile(r"seed[_-]?(\d+)")
TABLES = ("records.csv", "results.csv", "records.json", "results.json")


def is_tracker(path: Path) -> bool:
    """Whether a file below results/ is read although it is not called records.jsonl."""
    name = path.name
    if name in TABLES or ".tfevents." in name or name.endswith(".wandb"):
        return True
    if path.parent.name == "metrics" and (path.parent.parent / "meta.yaml").is_file():
        return True  # an MLflow run: one file per metric
    return name == "mlflow.db" or (path.suffix == ".db" and "trackio" in path.as_posix())


def records_of(path: Path, experiments: set[str], metrics: set[str], say: Say) -> Iterator[Record]:
    """The records in one file; what cannot be used is said, and the rest still counts."""
    if path.stat().st_size > MOST_BYTES:
        say(f"larger than {MOST_BYTES // 2**30} GiB; not read")
        return
    readers: list[tuple[bool, Callable[[Path, set[str], Say], Iterator[Record]]]] = [
        (".tfevents." in path.name, _tensorboard),
        (path.suffix == ".wandb", _wandb),
        (path.suffix == ".db", _database),
        (path.suffix.lower() == ".csv", _csv),
        (path.suffix.lower() == ".json", _json),
        (path.parent.name == "metrics", _mlflow),
    ]
    reader = next((read for fits, read in readers if fits), None)
    if reader is None:
        say("no kind of results file that is known here")
        return
    try:
        for record in reader(path, metrics, say):
            yield placed(record, path, experiments)
    except (OSError, ValueError, KeyError, TypeError, sqlite3.Error, PackError) as error:
        say(f"cannot be read to its end: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def placed(record: Record, path: Path, experiments: set[str]) -> Record:
    """A record with what the files beside it and its path say; what it says itself comes first."""
    known = beside(path) | {key: value for key, value in record.items() if value is not None}
    parts = path.parts
    known.setdefault("experiment", next((part for part in reversed(parts) if part in experiments), None))
    seed = next((found for part in reversed(parts) if (found := SEED.search(part))), None)
    if seed and known.get("seed") is None:
        known["seed"] = int(seed[1])
    known.setdefault("kind", "result")
    return known


def beside(path: Path) -> Record:
    """What the settings files beside (or one folder above) a results file say of its run."""
    found: Record = {}
    settings: dict[str, Any] = {}
    for folder in (path.parent.parent, path.parent, path.parent / "files"):
        for name in SIDECARS:
            data = _settings(folder / name)
            inner = data.pop("config", None)
            settings |= inner if isinstance(inner, dict) else {}
            settings |= data
    settings = {
        key: value["value"] if isinstance(value, dict) and set(value) <= {"value", "desc"} else value
        for key, value in settings.items()
    }
    found |= {key: settings[key] for key in KNOWN if key in settings}
    git = settings.get("git")
    if "commit" not in found and isinstance(git, dict):
        found["commit"] = git.get("commit")
    kept = _rest(settings)
    if kept and not found.get("config_hash"):
        found["config_hash"] = _digest(kept)
    if found and not found.get("run_id"):
        found["run_id"] = path.parent.name if path.parent.name not in ("files", "metrics") else path.parent.parent.name
    return found


def _digest(settings: dict[str, Any]) -> str:
    """A hash of settings without seed and place, so that seeds of one configuration share it."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _rest(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in settings.items() if k not in NOT_SETTINGS | {*KNOWN} and not k.startswith("_")}


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        if path.suffix == ".yaml":
            data = yamlio.load(path, "settings")
        else:
            data = json.loads(path.read_text(encoding="utf-8"))
    except (PackError, OSError, ValueError):
        return {}
    return dict(data) if isinstance(data, dict) else {}


def _json(path: Path, metrics: set[str], say: Say) -> Iterator[Record]:
    data = json.loads(path.read_text(encoding="utf-8"))
    rows = data.get("records", [data]) if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise ValueError("holds neither a list nor an object")
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            yield from _wide(row, metrics)
        else:
            say(f"record {number}: holds {type(row).__name__}, not a record")


def _csv(path: Path, metrics: set[str], say: Say) -> Iterator[Record]:
    """One record per line; `condition.sampling_steps` is a key of a key; columns named like a metric are results."""
    text = path.read_text(encoding="utf-8-sig")
    dialect = "excel-tab" if "\t" in text.split("\n", 1)[0] else "excel"
    reader = csv.DictReader(io.StringIO(text), dialect=dialect)
    for number, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            say(f"line {number}: has another number of cells than the header; left out")
            continue
        record: Record = {}
        for key, cell in row.items():
            head, _, tail = key.strip().partition(".")
            value = _value(cell)
            if tail and head in NESTED:
                record.setdefault(head, {})[tail] = value
            elif value is not None:
                record[key.strip()] = value
        yield from _wide(record, metrics)


def _wide(record: Record, metrics: set[str]) -> Iterator[Record]:
    """A record with `metric` and `value` as it is; else one record for each key that names a metric."""
    if "metric" in record:
        yield record
        return
    named = [key for key in record if _metric_name(key, metrics)]
    rest = {key: value for key, value in record.items() if key not in named}
    for key in named:
        yield rest | {"metric": _metric_name(key, metrics), "value": record[key]}


def _metric_name(key: str, metrics: set[str]) -> str:
    """The last word of `eval/accuracy` where that is a metric of the plan; else an empty string."""
    for text in (key, key.rpartition("/")[2], key.rpartition(".")[2]):
        if text in metrics:
            return text
    return ""


def _value(cell: str) -> Any:
    text = cell.strip()
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _last_values(points: Iterator[tuple[str, int, float, float]], metrics: set[str]) -> Iterator[Record]:
    """From (tag, step, value, wall time) the last value of every metric, and its curve."""
    series: dict[str, dict[int, tuple[float, float]]] = {}
    for tag, step, value, wall in points:
        series.setdefault(tag, {})[step] = (value, wall)
    for tag, by_step in series.items():
        name = _metric_name(tag, metrics)
        steps = sorted(by_step)
        if name:
            last = by_step[steps[-1]]
            yield {"metric": name, "value": last[0], "last_step": steps[-1]}
        curve = [[step, by_step[step][0]] for step in steps]
        yield {"kind": "series", "metric": name or tag.rpartition("/")[2], "series": "step", "points": curve}


def _tensorboard(path: Path, metrics: set[str], say: Say) -> Iterator[Record]:
    yield from _last_values(events(path, say), metrics)


def _wandb(path: Path, metrics: set[str], say: Say) -> Iterator[Record]:
    """An offline run: history, summary and configuration stand in one log."""
    config, history, about = wandb_items(LevelLog(path, say))
    said = {key: value for key, value in config.items() if key in KNOWN}
    kept = _rest(config)
    said |= about
    if kept and not said.get("config_hash"):
        said["config_hash"] = _digest(kept)
    points = (
        (key, int(row.get("_step", at)), float(value), 0.0)
        for at, row in enumerate(history)
        for key, value in row.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not key.startswith("_")
    )
    for record in _last_values(points, metrics):
        yield said | record


def _mlflow(path: Path, metrics: set[str], say: Say) -> Iterator[Record]:
    """mlruns/EXPERIMENT/RUN/metrics/NAME: lines of time, value and step; params/ and tags/ lie beside."""
    run = path.parent.parent
    points = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split()
        try:
            points.append((path.name, int(words[2]) if len(words) > 2 else 0, float(words[1]), float(words[0])))
        except (IndexError, ValueError):
            say(f"line {number}: is not time, value and step")
    said = _of_params({p.name: _value(p.read_text(encoding="utf-8")) for p in sorted(run.glob("params/*"))}, run.name)
    commit = run / "tags" / "mlflow.source.git.commit"
    if commit.is_file():
        said["commit"] = commit.read_text(encoding="utf-8").strip()
    for record in _last_values(iter(points), metrics):
        yield said | record


def _database(path: Path, metrics: set[str], say: Say) -> Iterator[Record]:
    """Trackio's or MLflow's SQLite file, opened read-only; told apart by its tables."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type='table'")}
        if {"runs", "params", "metrics"} <= tables:
            yield from _mlflow_database(connection, metrics)
        elif "metrics" in tables:
            yield from _trackio(connection, tables, metrics)
        else:
            say("a database without a table of metrics")
    finally:
        connection.close()


def _mlflow_database(connection: sqlite3.Connection, metrics: set[str]) -> Iterator[Record]:
    """Tables metrics (key, value, timestamp, run_uuid, step), params and tags (key, value, run_uuid)."""
    runs: dict[str, list[tuple[str, int, float, float]]] = {}
    for key, value, when, run, step in connection.execute("select key, value, timestamp, run_uuid, step from metrics"):
        runs.setdefault(str(run), []).append((str(key), int(step or 0), float(value), float(when or 0)))
    for run, points in sorted(runs.items()):
        rows = connection.execute("select key, value from params where run_uuid = ?", (run,))
        said = _of_params({str(key): _value(str(value)) for key, value in rows}, run)
        if "tags" in {row[0] for row in connection.execute("select name from sqlite_master")}:
            tag = "select value from tags where run_uuid = ? and key = 'mlflow.source.git.commit'"
            commits = [str(row[0]) for row in connection.execute(tag, (run,))]
            said |= {"commit": commits[0]} if commits else {}
        for record in _last_values(iter(points), metrics):
            yield said | record


def _of_params(params: Record, run: str) -> Record:
    """MLflow's flat parameters as the keys of a record; `condition.sampling_steps` is a key of a key."""
    said: Record = {"run_id": run}
    for key, value in params.items():
        head, _, tail = key.partition(".")
        if tail and head in NESTED:
            said.setdefault(head, {})[tail] = value
        elif key in KNOWN:
            said[key] = value
    kept = {key: value for key, value in _rest(params).items() if key.partition(".")[0] not in NESTED}
    return said if not kept or "config_hash" in said else said | {"config_hash": _digest(kept)}


def _trackio(connection: sqlite3.Connection, tables: set[str], metrics: set[str]) -> Iterator[Record]:
    """One row of JSON per step and run, and one of configuration per run."""
    configs: dict[str, Record] = {}
    if "configs" in tables:
        for name, text in connection.execute("select run_name, config from configs"):
            configs[str(name)] = json.loads(text)
    runs: dict[str, list[tuple[str, int, float, float]]] = {}
    for name, step, text in connection.execute("select run_name, step, metrics from metrics order by step"):
        row = json.loads(text)
        runs.setdefault(str(name), []).extend(
            (key, int(step or 0), float(value), 0.0)
            for key, value in row.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        )
    for name, points in runs.items():
        config = configs.get(name, {})
        said = {key: value for key, value in config.items() if key in KNOWN} | {"run_id": name}
        kept = _rest(config)
        if kept and "config_hash" not in said:
            said["config_hash"] = hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[
                :16
            ]
        for record in _last_values(iter(points), metrics):
            yield said | record
