"""Records of runs: every line of every file counts or is said, and one bad line costs only itself."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from reproof.compare.metrics import Metric, metric_of

AS_STATED = "as_stated"
COMPUTED = "computed"  # core_hash of a floor that the plan asked for, whoever ran
RESULT_KINDS = ("result", "typed")
MAX_PROBLEMS = 5
FLAT = (str, int, float, bool, type(None))

Condition = tuple[tuple[str, Any], ...]
Items = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One result. `value` is NaN where the record holds no finite number: a run that diverged is still a run."""

    value: float
    seed: int | None
    run_id: str
    metric: Metric
    method: str
    n_test: int | None
    n_generated: int | None
    steps_done: Items
    steps_planned: Items
    checkpoints: Items
    config_hash: str
    core_hash: str
    created: str
    file: int
    line: int
    is_typed: bool

    @property
    def age(self) -> tuple[str, int, int]:
        """What "latest" sorts by: the record's own time, then where it stands."""
        return self.created, self.file, self.line


@dataclass(frozen=True, slots=True)
class FloorRow:
    """One floor record: finite draws of the metric between two samples of the truth."""

    values: tuple[float, ...]
    metric: Metric
    n_test: int | None
    n_generated: int | None
    code: tuple[str, str]
    is_typed: bool
    age: tuple[str, int, int]

    @property
    def core_hash(self) -> str:
        """The code that drew."""
        return self.code[0]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One curve of one run: y over x."""

    seed: int | None
    run_id: str
    metric: Metric
    condition: Condition
    points: tuple[tuple[float, float], ...]
    core_hash: str
    is_typed: bool


@dataclass
class FileReport:
    """What one file held."""

    path: Path
    sha256: str = ""
    lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0

    def say(self, problem: str) -> None:
        """Keep the first few problems, count all."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


@dataclass
class Store:
    """All records, by what a claim asks for."""

    results: dict[tuple[str, str, str], dict[Condition, list[Row]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    floors: dict[tuple[str, str, str], list[FloorRow]] = field(default_factory=lambda: defaultdict(list))
    series: dict[tuple[str, str, str], list[SeriesRow]] = field(default_factory=lambda: defaultdict(list))
    leakage: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    files: list[FileReport] = field(default_factory=list)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)


def read_files(paths: Iterable[Path], wanted: Mapping[str, set[str]]) -> Store:
    """Read every file.

    Args:
        paths: JSON Lines files.
        wanted: experiment and the metrics (their base names) that the plan knows there; the rest is only counted.
    """
    store = Store()
    for path in paths:
        report = FileReport(path)
        store.files.append(report)
        try:
            if not path.is_file():
                raise OSError("not a regular file")
            if path.suffix == ".jsonl":
                with path.open("rb") as file:
                    _read(file, report, store, wanted)
            else:
                _read_other(path, report, store, wanted)
        except OSError as error:
            report.say(f"unreadable: {error.strerror or error}; nothing in it counts")
    return store


def _read(file: BinaryIO, report: FileReport, store: Store, wanted: Mapping[str, set[str]]) -> None:
    digest = hashlib.sha256()
    for number, line in enumerate(file, start=1):
        digest.update(line)
        if not line.strip():
            continue
        report.lines = number
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            cut = "the last line is cut off, as a killed run leaves it" if line[-1:] != b"\n" else "is not JSON"
            report.say(f"line {number}: {cut}; the complete lines count")
            continue
        problem = _sort_in(data, store, wanted, (len(store.files) - 1, number), report)
        if problem:
            report.say(f"line {number}: {problem}")
    report.sha256 = digest.hexdigest()


def _read_other(path: Path, report: FileReport, store: Store, wanted: Mapping[str, set[str]]) -> None:
    """A table or a tracker's file; its records count like lines."""
    from reproof.compare.trackers import records_of  # most projects have none

    names = {name for metrics in wanted.values() for name in metrics}
    spelled = names | {f"{name}_{unit}" for name in names for unit in ("percent", "pct", "frac", "squared")}
    experiments = set(wanted)
    for number, data in enumerate(records_of(path, experiments, spelled, report.say), start=1):
        report.lines = number
        problem = _sort_in(data, store, wanted, (len(store.files) - 1, number), report)
        if problem:
            report.say(f"record {number}: {problem}")
    report.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()


def _sort_in(
    data: Any, store: Store, wanted: Mapping[str, set[str]], place: tuple[int, int], report: FileReport
) -> str:
    """Put one record where it belongs; returns what is wrong with it, if anything."""
    if not isinstance(data, dict):
        return f"holds {type(data).__name__}, not a record"
    kind, experiment = data.get("kind"), data.get("ablation") or data.get("experiment")
    report.kinds[str(kind)] += 1
    if kind == "leakage_check":
        if data.get("passed") is True:
            store.leakage[str(experiment)].add(_text(data, "core_hash"))
        return ""
    if kind == "dependence":
        return ""  # the gate's
    if kind not in (*RESULT_KINDS, "floor", "series"):
        return f"kind {kind!r} is not one of result, typed, floor, series, leakage_check, dependence"
    if not isinstance(experiment, str) or not isinstance(data.get("metric"), str):
        return "names no experiment or no metric"
    metric = metric_of(data["metric"], _text(data, "unit"))
    if metric.base not in wanted.get(experiment, ()):
        if kind == "series":
            return ""  # a tracker logs many curves that no claim asks for
        store.unknown[experiment, data["metric"]] += 1
        return ""
    key = (experiment, metric.base, _text(data, "reading") or AS_STATED)
    if kind == "floor":
        floor, problem = floor_row(data, metric, place)
        store.floors[key] += [floor] if floor.values else []
        return problem
    if kind == "series":
        return _series(data, metric, key, store)
    row = result_row(data, metric, place)
    store.results[key][condition_of(data.get("condition"))].append(row)
    return "" if math.isfinite(row.value) else f"value {data.get('value')!r} is not a finite number"


def _series(data: dict[str, Any], metric: Metric, key: tuple[str, str, str], store: Store) -> str:
    """A record of kind series; its points, in the order of x."""
    given, found = data.get("points"), []
    for point in given if isinstance(given, list) else []:
        pair = (
            [number_of(value) for value in point]
            if isinstance(point, (list, tuple)) and len(point) == 2
            else [math.nan]
        )
        if all(map(math.isfinite, pair)):
            found.append((pair[0], pair[1]))
    seed, run_id = data.get("seed"), _text(data, "run_id")
    row = SeriesRow(
        seed=seed if type(seed) is int else None,
        run_id=run_id,
        metric=metric,
        condition=condition_of(data.get("condition")),
        points=tuple(sorted(found)),
        core_hash=_text(data, "core_hash"),
        is_typed=not run_id or not _text(data, "config_hash"),
    )
    store.series[key[0], key[1], _text(data, "series") or "step"] += [row] if found else []
    lost = len(given) - len(found) if isinstance(given, list) else 0
    return f"{lost} points are no pairs of finite numbers" if lost or not found else ""


def result_row(data: dict[str, Any], metric: Metric, place: tuple[int, int]) -> Row:
    """A record of kind result or typed."""
    seed = data.get("seed")
    run_id, config_hash = _text(data, "run_id"), _text(data, "config_hash")
    return Row(
        value=number_of(data.get("value")),
        seed=seed if type(seed) is int else None,
        run_id=run_id,
        metric=metric,
        method=_text(data, "method"),
        n_test=_whole(data, "n_test"),
        n_generated=_whole(data, "n_generated"),
        steps_done=_items(data.get("steps_done")),
        steps_planned=_items(data.get("steps_planned")),
        checkpoints=_items(data.get("checkpoints")),
        config_hash=config_hash,
        core_hash=_text(data, "core_hash"),
        created=_text(data, "created"),
        file=place[0],
        line=place[1],
        is_typed=data.get("kind") == "typed" or not run_id or not config_hash,
    )


def floor_row(data: dict[str, Any], metric: Metric, place: tuple[int, int]) -> tuple[FloorRow, str]:
    """A record of kind floor, and what is wrong with its draws."""
    given = data.get("values")
    draws = [number_of(value) for value in given] if isinstance(given, list) else []
    finite = tuple(value for value in draws if math.isfinite(value))
    code = (_text(data, "core_hash"), _text(data, "data_hash") or _text(data, "config_hash"))
    row = FloorRow(
        values=finite,
        metric=metric,
        n_test=_whole(data, "n_test"),
        n_generated=_whole(data, "n_generated"),
        code=code,
        is_typed=not all(code),
        age=(_text(data, "created"), *place),
    )
    if not draws:
        return row, "a floor without draws"
    lost = len(draws) - len(finite)
    return row, f"{lost} of {len(draws)} floor draws are not finite and are left out" if lost else ""


def number_of(value: object) -> float:
    """A finite JSON number, or NaN."""
    if type(value) not in (int, float):
        return math.nan
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def condition_of(value: object) -> Condition:
    """A condition that can be compared: sorted, and 10 is 10.0.

    >>> condition_of({"sampling_steps": 10}) == condition_of({"sampling_steps": 10.0})
    True
    """
    return _items(value)


def _items(value: object) -> Items:
    if not isinstance(value, dict):
        return ()
    return _shared(tuple(sorted((k, v if isinstance(v, FLAT) else json.dumps(v)) for k, v in value.items())))


@lru_cache(maxsize=4096)
def _shared(items: Items) -> Items:
    """One object for equal items: a million records repeat the same few."""
    return items


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return sys.intern(value) if isinstance(value, str) else ""


def _whole(data: dict[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if type(value) is int else None
