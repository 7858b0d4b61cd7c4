"""A growing delay after wrong passwords, per account and address: nobody can lock anybody else out."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from webviewer.errors import ThrottledError

_FREE_ATTEMPTS = 3
_LONGEST_SECONDS = 300.0
_FORGET_SECONDS = 3600.0
_MAX_ENTRIES = 20_000


@dataclass(slots=True)
class _Entry:
    failures: int = 0
    last: float = 0.0

    def wait(self, free: int) -> float:
        """Seconds that have to pass after the last attempt."""
        over = self.failures - free
        return 0.0 if over < 0 else min(2.0 ** min(over, 30), _LONGEST_SECONDS)


class Throttle:
    """Counts failed attempts in memory, of the accounts and addresses that were seen last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()

    def attempt(self, account: str, address: str, free: int = _FREE_ATTEMPTS) -> None:
        """Count an attempt before its password is looked at, so that parallel guesses gain nothing.

        The first ``free`` ones need no wait. Raises ThrottledError with the seconds to wait.
        """
        key, now = _key(account, address), self._clock()
        entry = self._entries.get(key)
        if entry is None or now - entry.last > _FORGET_SECONDS:
            entry = self._entries[key] = _Entry()
        left = entry.last + entry.wait(free) - now
        if left > 0:
            text = f"too many attempts, wait {max(1, round(left))} s"
            raise ThrottledError(text, left)
        entry.failures += 1
        entry.last = now
        self._entries.move_to_end(key)
        if len(self._entries) > _MAX_ENTRIES:
            self._entries.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the attempts: the password was right."""
        self._entries.pop(_key(account, address), None)


def _key(account: str, address: str) -> tuple[str, str]:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return account.lower(), address
    if isinstance(parsed, ipaddress.IPv6Address):
        # Whoever has one IPv6 address has its whole /64.
        return account.lower(), str(ipaddress.ip_network((parsed, 64), strict=False))
    return account.lower(), address
