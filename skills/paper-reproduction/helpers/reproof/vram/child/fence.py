"""A traced step touches nothing outside: no writing, no network, no further processes. Each attempt is named."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "shutil.rmtree")
STARTS = ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen")
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")


UNMADE: list[str] = []
"""Folders that the step asked for and that were not made; whoever writes into one is refused."""


class Fenced(PermissionError):
    """What the step tried is not done while it is traced."""


class TimeUp(BaseException):
    """The trace has taken as long as it may; no `except Exception` of a step stops it."""


def end_in_time() -> None:
    """SIGALRM, which the server sends when time is up, raises where the step is."""

    def raise_it(*_: Any) -> None:
        raise TimeUp("it waits, loops on values that a trace does not have, or is very long")

    signal.signal(signal.SIGALRM, raise_it)


def time_is_up() -> None:
    """It need not be said again."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)


def fence(allowed: str) -> None:
    """From now on refuse what would leave a trace outside the folder `allowed`. It cannot be taken back."""
    inside = (os.path.realpath(allowed) + os.sep, "/dev/", "/proc/self/")

    def may_write(path: Any) -> bool:
        if isinstance(path, int):  # a descriptor that is open already
            return True
        return os.path.realpath(os.fsdecode(path)).startswith(inside)

    make = os.mkdir

    def mkdir(path: Any, *args: Any, **kwargs: Any) -> None:
        if may_write(path):
            return make(path, *args, **kwargs)
        if os.path.exists(path):  # noqa: PTH110 - a path of any kind
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
        return UNMADE.append(os.fsdecode(path))

    os.mkdir = mkdir

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & WRITES and not may_write(path):
                raise Fenced(f"writing {os.fsdecode(path)!r}: a trace leaves the files alone; leave it out of the step")
        elif event in CHANGES:
            if not may_write(args[0]):
                raise Fenced(f"{event} of {args[0]!r}: a trace leaves the files alone; leave it out of the step")
        elif event in STARTS:
            raise Fenced(f"{event}: a trace starts no processes; leave it out of the step")
        elif event in NETWORK:
            raise Fenced(f"{event} {args[:2]!r}: a trace has no network; load from local files")

    sys.addaudithook(watch)


def limit_memory(size: int) -> None:
    """What this process may take beyond what it has; real data of the step counts, fake tensors do not."""
    import resource

    kind, soft = resource.RLIMIT_DATA, size
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
