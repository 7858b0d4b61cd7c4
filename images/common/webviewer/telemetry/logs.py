"""Structured logs: one event per line, JSON in files and in containers, readable on a terminal."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Sequence
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from webviewer.errors import InvalidRequestError
from webviewer.settings import Settings

# At their lower levels they quote what must not be in a log: headers, messages, rows.
_QUIET = (
    "aiosqlite",
    "alembic.runtime.plugins",
    "asyncio",
    "httpcore2",
    "httpx2",
    "numba",
    "pydicom",
    "pynetdicom",
    "sqlalchemy",
    "uvicorn.access",
    "websockets",
)


class _Buffered(logging.StreamHandler[TextIO]):
    """Writes through the stream's buffer: ``--no-log-flush`` trades safety for speed."""

    def flush(self) -> None:
        """Leave flushing to the stream."""


def configure(settings: Settings) -> None:
    """Route structlog and the standard library's loggers to the console and the log file.

    Raises InvalidRequestError for a log file that cannot be written.
    """
    processors = _shared(high_precision=settings.high_precision_log_time_labels)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *processors,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = list(_handlers(settings, processors))
    root.setLevel(settings.log_level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # Its debug level writes down cookies and grants.
    logging.getLogger("uvicorn.error").setLevel(max(logging.INFO, root.level))


def _shared(*, high_precision: bool) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if high_precision else "%Y-%m-%dT%H:%M:%SZ", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _handlers(settings: Settings, processors: Sequence[Processor]) -> Sequence[logging.Handler]:
    stream = _Buffered if settings.no_log_flush else logging.StreamHandler
    handlers: list[logging.Handler] = []
    if not settings.no_log_to_console:
        console = stream(sys.stderr)
        console.setFormatter(_formatter(processors, readable=sys.stderr.isatty()))
        handlers.append(console)
    if settings.log:
        try:
            settings.log.parent.mkdir(parents=True, exist_ok=True)
            # Watched: logrotate may move the file away under us.
            file = logging.handlers.WatchedFileHandler(settings.log, encoding="utf-8")
        except OSError as error:
            text = f"the log file {settings.log} cannot be written: {error.strerror}; choose another with --log"
            raise InvalidRequestError(text) from error
        file.setFormatter(_formatter(processors, readable=False))
        handlers.append(file)
    return handlers or [logging.NullHandler()]


def _formatter(processors: Sequence[Processor], *, readable: bool) -> logging.Formatter:
    renderer: list[Processor] = (
        # The other formatters show local variables: patients and passwords.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(processors),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _drop_color, *renderer],
    )


def _drop_color(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Uvicorn repeats its messages with escape codes."""
    event.pop("color_message", None)
    return event
