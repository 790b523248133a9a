"""The release archive: everything a stranger needs to check the report and to run it again, byte for byte the same."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from reproof.errors import PackError
from reproof.paths import HELPERS, TEMPLATES, files_below, hash_path, sha256
from reproof.selfcheck.gate import gate
from reproof.selfcheck.gather import Project, gather
from reproof.selfcheck.models import BundleAnswer, BundleRequest, GateRequest
from reproof.selfcheck.runs import environment

KEPT = ("plan.yaml", "run.py", "requirements.txt", "README.md", "LICENSE", "notes.yaml", "report.md", "report.html",
        "report.json", "src", "configs", "tests", "evidence", ".scaffold")  # fmt: skip
OF_RUNS = {".jsonl", ".json", ".csv", ".png", ".npz"}
LARGE_BYTES = 50 * 2**20
WHEN = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip can hold: the archive does not depend on the clock
SUMS, LOCK, RERUN, HASHES = "SHA256SUMS", "environment.lock", "rerun.py", "checkpoints.sha256"
RUNS = "runs.json"  # commands of run.py, which rerun.py makes again


def bundle(request: BundleRequest) -> BundleAnswer:
    """Answer `selfcheck.py bundle`."""
    project = gather(request.project)
    if project.plan is None:
        raise PackError(
            "bad-plan", project.plan_problem, why="the archive is of a plan's reproduction", fix="mend plan.yaml"
        )
    state = gate(GateRequest(project=request.project)).headline
    folder = request.project.resolve()
    out = request.out or folder.with_name(f"{project.plan.name}.zip")
    content, left_out = contents(project, with_checkpoints=request.with_checkpoints)
    data = archive(content, project.plan.name)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.part")
    temporary.write_bytes(data)
    temporary.replace(out)
    return BundleAnswer(
        ok=True,
        headline=f"{out}: {len(content)} files, sha256 {sha256(data)[:12]}. {state}",
        archive=str(out),
        sha256=sha256(data),
        files=len(content),
        size_bytes=len(data),
        left_out=left_out,
        rerun=f"unzip {out.name} && cd {project.plan.name} && python {RERUN}",
    )


def contents(project: Project, *, with_checkpoints: bool) -> tuple[dict[str, bytes], list[str]]:
    """Name in the archive -> bytes; and what was left out, with the reason."""
    root, files, left_out = project.folder.resolve(), {}, []
    for path in _candidates(root, with_checkpoints):
        name = path.relative_to(root).as_posix()
        if path.stat().st_size > LARGE_BYTES:
            left_out.append(f"{name} (over {LARGE_BYTES // 2**20} MiB; its hash is in {HASHES})")
            continue
        files[name] = path.read_bytes()
    for source, name in ((HELPERS, "helpers"), (TEMPLATES, "templates")):
        for path in files_below(source) if source.is_dir() else ():
            files[f"{name}/{path.relative_to(source).as_posix()}"] = path.read_bytes()
    files[HASHES] = _hashes(root).encode()
    files[LOCK] = _lock(project).encode()
    files[RERUN] = (TEMPLATES / "bundle" / RERUN).read_bytes()
    files[RUNS] = (json.dumps(_runs(project), indent=1) + "\n").encode()
    files[SUMS] = "".join(f"{sha256(data)}  {name}\n" for name, data in sorted(files.items())).encode()
    return dict(sorted(files.items())), left_out


def _candidates(root: Path, with_checkpoints: bool) -> Iterator[Path]:
    for name in KEPT:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            yield from (p for p in files_below(path) if not p.name.startswith(".lock"))
        elif path.is_file() and not path.is_symlink():
            yield path
    results = root / "results"
    for path in files_below(results) if results.is_dir() else ():
        parts = path.relative_to(results).parts
        if "replaced" in parts or "pools" in parts or path.name.startswith("."):
            continue
        if path.suffix in OF_RUNS or (with_checkpoints and path.suffix == ".ckpt" and "step-" not in path.name):
            yield path


def _hashes(root: Path) -> str:
    """Digest of every finished checkpoint, whether it is in the archive or not."""
    paths = sorted((root / "results").glob("*/seed*/checkpoints/*.ckpt"))
    return "".join(f"{hash_path(path)}  {path.relative_to(root).as_posix()}\n" for path in paths)


def _lock(project: Project) -> str:
    """What was installed where the runs were made."""
    assert project.plan is not None, "the archive is of a valid plan"
    seen = environment(project, project.plan)
    lines = [f"{name} {version}" for name, version in seen.versions.items()]
    lines += [f"seeds of {name}: {', '.join(map(str, seeds))}" for name, seeds in seen.seeds.items()]
    return "\n".join([*lines, *(f"{name} {value}" for name, value in seen.hashes.items())]) + "\n"


def _runs(project: Project) -> list[list[str]]:
    """Commands of run.py that make every number that the report rests on: what ran, and nothing more."""
    found = []
    for run in project.runs:
        if run.of_kind("result"):
            found += [[word, run.experiment, "--seed", str(run.seed)] for word in ("train", "evaluate")]
        elif run.of_kind("floor"):
            found.append(["evaluate", run.experiment, "--seed", str(run.seed), "--floor"])
    return found


def archive(content: dict[str, bytes], name: str) -> bytes:
    """A zip whose bytes depend on nothing but its content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for path, data in sorted(content.items()):
            entry = zipfile.ZipInfo(f"{name}/{path}", WHEN)
            entry.create_system = 3  # Unix, on every system that packs
            entry.external_attr = (0o755 if path in (RERUN, "run.py") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, data)
    return buffer.getvalue()
