"""Argon2id: costly for who guesses, bounded for us."""

from __future__ import annotations

import asyncio
import os
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from webviewer.errors import ThrottledError

_MEMORY_KIB = 19 * 1024
_PASSES = 2
_MAX_WAITING = 256


class Passwords:
    """Hashes and checks passwords in threads, at most one per core: each takes 19 MiB and a core."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._cores = asyncio.Semaphore(os.cpu_count() or 1)
        self._waiting = 0
        # Checked where there is no account, so that an unknown name takes as long as a wrong password.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Return the hash to store. Raises ThrottledError while too many others wait."""
        await self._enter()
        try:
            return await asyncio.to_thread(self._hasher.hash, password)
        finally:
            self._leave()

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether ``password`` belongs to ``stored``; the work is the same where there is none."""
        await self._enter()
        try:
            matches = await asyncio.to_thread(self._check, stored or self._nobody, password)
        finally:
            self._leave()
        return matches and stored is not None

    def outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _check(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _enter(self) -> None:
        if self._waiting >= _MAX_WAITING:
            text = "too many log-ins at this moment, try again"
            raise ThrottledError(text, 2)
        self._waiting += 1
        try:
            await self._cores.acquire()
        except BaseException:
            self._waiting -= 1
            raise

    def _leave(self) -> None:
        self._waiting -= 1
        self._cores.release()
