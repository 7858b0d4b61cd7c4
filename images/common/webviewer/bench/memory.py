"""Memory of processes, from ``/proc/PID/smaps_rollup``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_KILO = 1024
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. ``own`` is all that is no shared memory (pages of files are divided among those who map them)."""

    resident: int = 0
    own: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.resident + other.resident, self.own + other.own)


def of(pids: Iterable[int]) -> Memory:
    """Return the sum over processes; one that has ended counts nothing."""
    total = Memory()
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += parse(text)
    return total


def parse(text: str) -> Memory:
    """Read a ``smaps_rollup``."""
    fields = {}
    for line in text.splitlines()[1:]:
        name, _, rest = line.partition(":")
        fields[name] = int(rest.split()[0]) * _KILO
    return Memory(fields.get("Rss", 0), fields.get("Pss", 0) - fields.get("Pss_Shmem", 0))


def memory_files(pids: Iterable[int]) -> int:
    """Return the bytes of all memory files (``memfd_create``) that processes hold: decoded pixels, mapped or not."""
    sizes: dict[int, int] = {}
    for pid in pids:
        try:
            for link in Path(f"/proc/{pid}/fd").iterdir():
                if str(link.readlink()).startswith("/memfd:"):
                    status = link.stat()
                    sizes[status.st_ino] = status.st_blocks * _BLOCK
        except OSError:  # it has ended, or closed a file meanwhile
            continue
    return sum(sizes.values())
