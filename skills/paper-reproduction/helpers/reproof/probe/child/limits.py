"""The fence around one case: memory, files, network, its own process group."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

FILE_BYTES = 256 * 2**20
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class NoNetwork(OSError):
    """The call wants the network; a probe has none."""


def data_bytes() -> int:
    """Private writable memory of this process, which is what RLIMIT_DATA counts; 0 where that is not told."""
    try:
        found = re.search(r"VmData:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def fence(memory_bytes: int) -> None:
    """Limit what this process may still take: memory, file size, no core file, no network."""
    import resource

    for kind, limit in (
        (resource.RLIMIT_DATA, data_bytes() + memory_bytes),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))
    no_network()


def no_network() -> None:
    """Refuse every connection and every look-up of a host; sockets of this machine's own kind stay."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NoNetwork(f"a probe has no network (asked for {args[0] if args else kwargs})")

    class Offline(socket.socket):
        def connect(self, address: Any) -> None:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                refuse(address)
            super().connect(address)

        def connect_ex(self, address: Any) -> int:
            self.connect(address)
            return 0

    socket.socket = Offline  # type: ignore[misc]
    socket.getaddrinfo = refuse
    socket.gethostbyname = refuse


def adopt_orphans() -> None:
    """Become the parent of what a case leaves running, so that it can be found and ended (Linux)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """End when the process that forked this one ends (Linux)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    try:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (AttributeError, OSError):
        return  # no Linux: strays of a case that tries hard may stay


def children() -> list[int]:
    """Processes whose parent is this one."""
    me, found = os.getpid(), []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == me:
            found.append(int(stat.parent.name))
    return found


def end_strays() -> int:
    """End every process that a case left behind; returns how many there were."""
    count = 0
    for _ in range(20):  # ending one may hand us its own children
        left = children()
        if not left:
            break
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                count += 1
            except (ProcessLookupError, ChildProcessError):
                continue
    return count


def end_group(pid: int) -> None:
    """End every process in the group that `pid` leads or led."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
