"""Who does something, for the journals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """An account, the session that it acts in and the address that it calls from."""

    login: str
    session: str = ""
    address: str = ""


SYSTEM = Actor("system")
"""The server itself: what it does by its settings, without anybody's call."""
