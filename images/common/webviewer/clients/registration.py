"""A storage or render node tells control that it is there, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from urllib.parse import urlsplit

import httpx2
import structlog

from webviewer import __version__, tls
from webviewer.settings import Settings

_BEAT_SECONDS = 10.0
_KEY_FILE = "node-id"
_log = structlog.get_logger(__name__)


def node_key(role: str, settings: Settings) -> str:
    """Return the identity of a node: storage keeps it on its volume, a render node has a new one in every process."""
    if role != "storage":
        return secrets.token_hex(16)
    path = settings.data / _KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        if key := path.read_text(encoding="ascii").strip():
            return key
    # Whole or not at all: a process that is killed here, or a full disk, must not leave a node without a name.
    key = secrets.token_hex(16)
    started = path.with_suffix(".new")
    started.write_text(key, encoding="ascii")
    started.replace(path)
    return key


def node_address(settings: Settings, port: int) -> str:
    """Return where control reaches this node: as configured, else the address of this machine towards control."""
    if settings.node_url:
        return settings.node_url.rstrip("/")
    control = urlsplit(settings.control_url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((control.hostname or "127.0.0.1", control.port or 80))  # chooses a route and sends nothing
        scheme = "http" if settings.tls_certificate is None else "https"
        return f"{scheme}://{probe.getsockname()[0]}:{port}"


async def keep_registered(role: str, settings: Settings, port: int) -> None:
    """Tell control every few seconds, until cancelled; that it does not listen is no reason to stop working."""
    secret = settings.node_secret.get_secret_value() if settings.node_secret else ""
    key = ""
    url = f"{settings.control_url.rstrip('/')}/v2/nodes"
    silent = False
    trusted = tls.client_context(settings.tls_authority)
    async with httpx2.AsyncClient(timeout=5.0, trust_env=False, verify=trusted) as client:
        while True:
            try:
                key = key or await asyncio.to_thread(node_key, role, settings)
                body = {
                    "key": key,
                    "role": role,
                    "address": await asyncio.to_thread(node_address, settings, port),
                    "version": __version__,
                    "ae_title": settings.ae_title if role == "storage" else "",
                }
                answer = await client.put(url, json=body, headers={"Authorization": f"Bearer {secret}"})
                heard = answer.is_success
                cause = "" if heard else f"HTTP {answer.status_code}"
            except (httpx2.TransportError, OSError) as error:
                heard, cause = False, type(error).__name__
            if not heard and not silent:
                _log.warning("control does not hear this node", cause=cause)
            silent = not heard
            await asyncio.sleep(_BEAT_SECONDS)
