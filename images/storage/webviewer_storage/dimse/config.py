"""What a receiver process is told at its start."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel


class ReceiverConfig(BaseModel):
    """Passed as JSON on the command line. Descriptors are inherited."""

    name: str
    """Owner of its files in ``incoming``."""
    parent: int
    listener: int
    link: int
    data: Path
    ae_title: str
    min_free_bytes: int
    max_object_bytes: int
    max_pdu_bytes: int
    max_connections: int


ASSOCIATE_SECONDS = 20.0
"""For a request after the connection, and for answers to our own requests."""
IDLE_SECONDS = 60.0
"""Without a byte, or for one PDU."""
