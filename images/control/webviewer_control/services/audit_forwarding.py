"""Forwards the sealed entries of the viewing audit to a syslog server, in their order and each at least once."""

from __future__ import annotations

import datetime as dt
import uuid

from webviewer.db.engine import lock_until_commit
from webviewer_control.services.audit import Audit
from webviewer_control.services.audit_message import WRITERS, AuditFormat
from webviewer_control.services.records import Records
from webviewer_control.services.rounds import repeat
from webviewer_control.services.syslog import SyslogSender, framed
from webviewer_control.store.models import AuditSealRow, ServerSettingRow

KEY = "audit.forwarding"
_LOCK = 7_201_155
_ROUND_SECONDS = 5.0
_LEASE = dt.timedelta(minutes=1)
_BEHIND = dt.timedelta(minutes=10)
_IDENTITY = {"dicom": "DICOM+RFC3881", "json": "audit"}
"""MSGID: of DICOM messages as PS3.15 A.6 says."""


class AuditForwarding:
    """One replica forwards at a time: it renews its lease with every seal that it has handed over.

    What is forwarded are sealed entries, so one that was committed late is not passed over, and the server gets the chain.
    It begins with the oldest entry that is kept.
    """

    def __init__(self, records: Records, audit: Audit, sender: SyslogSender, form: AuditFormat, source: str) -> None:
        """``source`` is what this installation is called at the server."""
        self._database = records.database
        self._clock = records.clock
        self._audit = audit
        self._sender = sender
        self._form: AuditFormat = form
        self._source = source
        self._holder = uuid.uuid4().hex

    async def forward_for_ever(self) -> None:
        """Forward what was sealed, every few seconds."""
        try:
            await repeat(self.forward, _ROUND_SECONDS, "viewing audit not forwarded")
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connection to the server."""
        await self._sender.aclose()

    async def forward(self) -> None:
        """Do one round. Raises PeerUnavailableError while the server or the database does not answer."""
        if await self._next() is None:
            return  # nothing is written as long as nothing has to go
        last = await self._claim()
        while last is not None and (seal := await self._audit.seal_after(last)):
            write, identity = WRITERS[self._form], _IDENTITY[self._form]
            rows = await self._audit.sealed_by(seal)
            await self._sender.send([framed(write(row, seal, self._source), row.time, identity) for row in rows])
            last = await self._claim(seal.id)

    async def behind(self) -> bool:
        """Tell whether something sealed waits longer than it should."""
        seal = await self._next()
        return seal is not None and seal.time < self._clock() - _BEHIND

    async def _next(self) -> AuditSealRow | None:
        """Return the first seal that was not forwarded."""
        async with self._database.reading() as transaction:
            row = await transaction.get(ServerSettingRow, KEY)
        return await self._audit.seal_after(row.value["seal"] if row else 0)

    async def _claim(self, forwarded: int | None = None) -> int | None:
        """Take or keep the lease and note the seal that was ``forwarded``; returns it, null if another replica is at it."""
        now = self._clock()
        async with self._database.writing() as transaction:
            await lock_until_commit(transaction, _LOCK)
            row = await transaction.get(ServerSettingRow, KEY)
            if row is None:
                row = ServerSettingRow(key=KEY, value={"seal": 0, "holder": "", "until": now.isoformat()})
                transaction.add(row)
            held = row.value
            if held["holder"] != self._holder and dt.datetime.fromisoformat(held["until"]) > now:
                return None
            seal: int = held["seal"] if forwarded is None else forwarded
            row.value = {"seal": seal, "holder": self._holder, "until": (now + _LEASE).isoformat()}
        return seal
