"""Which files a request means, so that just these are read and hashed: the plan and every records.jsonl."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reproof.compare.models import CompareRequest
from reproof.compare.trackers import is_tracker
from reproof.errors import PackError

RECORDS = "records.jsonl"


def plan_path(request: CompareRequest) -> Path:
    """The plan, named or the project's own.

    Raises:
        PackError: the project is not a folder.
    """
    if request.plan is not None:
        return request.plan
    assert request.project is not None, "the request names a plan or a project"
    if not request.project.is_dir():
        raise _nothing_at(request.project, "a project is a folder with plan.yaml and results/")
    return request.project / "plan.yaml"


def records_paths(request: CompareRequest) -> list[Path]:
    """Every file of records, readable or not, in order; none twice.

    Raises:
        PackError: a path that was named is not there.
    """
    if request.project is not None:
        return sorted(_below(request.project / "results"))
    return sorted(_expanded(request.results))


def inputs(request: CompareRequest) -> list[Path]:
    """What the answer rests on, as far as it can be read, and hashed."""
    return [plan_path(request), *filter(is_readable, records_paths(request))]


def is_readable(path: Path) -> bool:
    """Whether `path` is a regular file that opens."""
    if not path.is_file():
        return False
    try:
        path.open("rb").close()
    except OSError:
        return False
    return True


def _expanded(paths: Iterable[Path]) -> Iterable[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise _nothing_at(path, "results are read from records.jsonl, tables and tracker files")
        for file in _below(path) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    return found.values()


def _below(folder: Path) -> Iterable[Path]:
    # rglob of the bare name would pass over a broken link, which is to be reported
    skipped = {"checkpoints", "pools", "samples", "figures", "replaced"}
    seen: set[Path] = set()
    for path in sorted(folder.rglob("*"), key=lambda path: (path.is_symlink(), path)):
        if not skipped & set(path.relative_to(folder).parts) and (path.name == RECORDS or is_tracker(path)):
            if path.resolve() not in seen:  # trackers link to their latest run
                seen.add(path.resolve())
                yield path


def _nothing_at(path: Path, why: str) -> PackError:
    return PackError("no-such-path", f"there is nothing at {str(path)!r}", why=why, fix="check the path")
