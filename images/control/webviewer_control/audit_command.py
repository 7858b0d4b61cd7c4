"""``webviewer audit verify``: checks the chain of the viewing audit without a server."""

from __future__ import annotations

import asyncio

from webviewer.errors import InvalidRequestError
from webviewer.settings import Settings
from webviewer.wire.keyring import FILE_NAME, KeyRing
from webviewer_control.services.audit import Audit, AuditProblem, AuditReport
from webviewer_control.services.control import utc_now
from webviewer_control.services.journal import Journal
from webviewer_control.services.records import Records
from webviewer_control.store.database import Database

_TEXTS = {
    "changed": "was changed",
    "missing": "has lost entries, or is gone",
    "forged": "was not made by this installation",
    "chain": "does not follow from the one before it",
    "late": "is not covered by any seal although it is old",
}


def seal_of(text: str) -> tuple[int, str]:
    """Read ``NUMBER:MAC``. Raises InvalidRequestError."""
    number, _, mac = text.partition(":")
    if not number.isdecimal() or len(mac) != 64:  # noqa: PLR2004 - hexadecimal SHA-256
        message = "--expect: write it as NUMBER:MAC, as the log and the page say it"
        raise InvalidRequestError(message)
    return int(number), mac


def run(settings: Settings, expected: str | None, *, as_json: bool) -> int:
    """Check the chain and say what was found; 0 if it is sound, else 1. Raises InvalidRequestError without a key."""
    report = asyncio.run(_verify(settings, seal_of(expected) if expected else None))
    print(report.model_dump_json(indent=2) if as_json else text_of(report))  # noqa: T201
    return 0 if report.sound else 1


def text_of(report: AuditReport) -> str:
    """Return the report in words."""
    lines = [
        f"entries checked: {report.entries}, not sealed yet: {report.waiting}, deleted by retention: {report.deleted}",
        f"newest seal: {report.head.seal}:{report.head.mac} of {report.head.time.isoformat()}",
    ]
    lines += [_line(problem) for problem in report.problems]
    lines.append("the viewing audit is sound" if report.sound else "THE VIEWING AUDIT WAS TAMPERED WITH")
    return "\n".join(lines)


def _line(problem: AuditProblem) -> str:
    where = [f"seal {problem.seal}"] if problem.seal is not None else []
    where += [f"entry {problem.entry}"] if problem.entry is not None else []
    return f"{', '.join(where) or 'the chain'} {_TEXTS[problem.kind]}"


async def _verify(settings: Settings, expected: tuple[int, str] | None) -> AuditReport:
    if not (settings.data / FILE_NAME).is_file():
        text = f"{settings.data / FILE_NAME} is missing: only the key that made the seals can check them, see --data"
        raise InvalidRequestError(text)
    keyring = KeyRing.load(settings.data)
    records = Records(Database(settings), Journal(utc_now), utc_now)
    try:
        await records.database.check()
        audit = Audit(records, keyring.secret, names=settings.audit_names)
        return await audit.verify(expected)
    finally:
        await records.database.close()
