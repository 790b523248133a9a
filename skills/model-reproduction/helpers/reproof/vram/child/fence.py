"""A traced step touches nothing outside: no writing, no network, no further processes. Each attempt is named."""

from __future__ import annotations

import os
import sys
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "shutil.rmtree")
STARTS = ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen")
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")


class Fenced(PermissionError):
    """What the step tried is not done while it is traced."""


def fence(allowed: str) -> None:
    """From now on refuse what would leave a trace outside the folder `allowed`. It cannot be taken back."""
    inside = (os.path.realpath(allowed) + os.sep, "/dev/", "/proc/self/")

    def may_write(path: Any) -> bool:
        if isinstance(path, int):  # a descriptor that is open already
            return True
        return os.path.realpath(os.fsdecode(path)).startswith(inside)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & WRITES and not may_write(path):
                raise Fenced(f"writing {os.fsdecode(path)!r}: a trace leaves the files alone; leave it out of the step")
        elif event in CHANGES:
            if not may_write(args[0]):
                raise Fenced(f"{event} of {args[0]!r}: a trace leaves the files alone; leave it out of the step")
        elif event in STARTS:
            raise Fenced(f"{event}: a trace starts no processes; DataLoader needs num_workers=0")
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
