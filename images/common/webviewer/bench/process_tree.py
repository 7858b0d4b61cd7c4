"""CPU time and memory of a process with all its descendants, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def members(root: int) -> list[int]:
    """Return the pids of ``root`` and everything below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, pending = [], [root]
    while pending:
        pid = pending.pop()
        found.append(pid)
        pending.extend(parents.get(pid, []))
    return found


def cpu_seconds(root: int) -> float:
    """Return user and system seconds spent so far by the living members of the tree."""
    return sum(own_cpu_seconds(pid) for pid in members(root))


def own_cpu_seconds(pid: int) -> float:
    """Return user and system seconds spent so far by one process, 0 if it has ended."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def resident_bytes(root: int) -> int:
    """Return the resident memory of the tree; shared pages count once per process."""
    return sum(int(fields[21]) * _PAGE for pid in members(root) if (fields := _fields(pid)))


def _fields(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the command name, empty if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
