"""Questions and answers between processes: JSON for the structure, one npz for the arrays, never a pickle."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
PLACE = "$array"


def pack(value: Any, arrays: list[Any]) -> Any:
    """Plain data with every array put aside into `arrays`."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {PLACE: len(arrays) - 1}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): pack(each, arrays) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(each, arrays) for each in value]
    return value


def unpack(value: Any, arrays: Any) -> Any:
    """What `pack` made plain, with its arrays."""
    if isinstance(value, dict):
        if set(value) == {PLACE}:
            return arrays[f"a{value[PLACE]}"]
        return {key: unpack(each, arrays) for key, each in value.items()}
    return [unpack(each, arrays) for each in value] if isinstance(value, list) else value


def write(path: Path, value: Any) -> None:
    """`value` as path.json and path.npz."""
    arrays: list[Any] = []
    plain = pack(value, arrays)
    np.savez(path.with_suffix(".npz"), **{f"a{k}": each for k, each in enumerate(arrays)})
    path.with_suffix(".json").write_text(json.dumps(plain), encoding="utf-8")


def read(path: Path) -> Any:
    """What `write` wrote; arrays are loaded without pickles."""
    plain = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as held:
        return unpack(plain, held)


def key(do: str, args: dict[str, Any]) -> str:
    """A name for a question that is the same wherever it is asked."""
    arrays: list[Any] = []
    plain = pack(args, arrays)
    digest = hashlib.sha256(json.dumps([do, plain], sort_keys=True).encode())
    for each in arrays:
        digest.update(f"{each.dtype.str}{each.shape}".encode())
        digest.update(np.ascontiguousarray(each).tobytes())
    return f"{do}-{digest.hexdigest()[:24]}"


class SideError(Exception):
    """A side could not answer. args: which side, slug, text, line."""


class Local:
    """A side in this process."""

    def __init__(self, side: Any, name: str) -> None:
        self.side, self.name = side, name

    def ask(self, do: str, **args: Any) -> Any:
        """One question and its answer."""
        from .failures import told

        try:
            return getattr(self.side, do)(**args)
        except Exception as problem:  # whatever user code raises becomes part of the report
            found = told(problem)
            raise SideError(self.name, found["slug"], found["text"], found["line"]) from problem

    def close(self) -> None:
        """Nothing to end."""


class Remote:
    """A side in a process of its own, in any interpreter that has its framework."""

    def __init__(self, python: str, spec: dict[str, Any], name: str, folder: Path) -> None:
        self.name, self.count = name, 0
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
        write(self.folder / "spec", spec)
        self.errors = (self.folder / "stderr").open("wb")
        self.process = subprocess.Popen(
            [python, str(HERE.parents[1] / "childstart.py"), str(HERE), "_parity", "serve", str(self.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env={**os.environ, "PYTHONUTF8": "1"},
        )  # fmt: skip

    def ask(self, do: str, **args: Any) -> Any:
        """One question and its answer."""
        self.count += 1
        path = self.folder / f"q{self.count}"
        write(path, {"do": do, "args": args})
        assert self.process.stdin and self.process.stdout, "started with pipes"
        try:
            self.process.stdin.write(f"{path.name}\n".encode())
            self.process.stdin.flush()
        except OSError:
            pass
        line = self.process.stdout.readline()
        if not line:
            said = (self.folder / "stderr").read_text(encoding="utf-8", errors="replace").strip()[-400:]
            raise SideError(self.name, "side-ended", said or "the process ended without a word", "")
        answer = read(self.folder / f"a{self.count}")
        for old in (f"q{self.count}", f"a{self.count}"):
            for suffix in (".json", ".npz"):
                (self.folder / (old + suffix)).unlink()
        if "error" in answer:
            raise SideError(self.name, answer["error"]["slug"], answer["error"]["text"], answer["error"]["line"])
        return answer["value"]

    def close(self) -> None:
        """End and close."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream:
                try:
                    stream.close()
                except OSError:
                    continue


class Recording:
    """A side that was recorded, here or on another machine; what is not in it is asked of `live`, if there is one."""

    def __init__(self, folder: Path, name: str, live: Any = None) -> None:
        self.folder, self.name, self.live = folder, name, live
        folder.mkdir(parents=True, exist_ok=True)

    def ask(self, do: str, **args: Any) -> Any:
        """One question and its answer."""
        path = self.folder / key(do, args)
        if path.with_suffix(".json").exists():
            found = read(path)
            if "error" in found:
                raise SideError(self.name, *found["error"])
            return found["value"]
        if self.live is None:
            raise SideError(self.name, "not-recorded", f"{do} is not in the recording {self.folder}", "")
        if callable(self.live):
            self.live = self.live()
        try:
            value = self.live.ask(do, **args)
        except SideError as error:
            write(path, {"error": list(error.args[1:])})
            raise
        write(path, {"value": value})
        return value

    def close(self) -> None:
        """End and close."""
        if self.live is not None and not callable(self.live):
            self.live.close()


def say(text: str) -> None:
    """Progress, for a person."""
    print(text, file=sys.stderr, flush=True)
