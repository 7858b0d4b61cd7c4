"""Names of Services, answered from the API server at every question: what CoreDNS does in a cluster."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from tests.cluster.control_plane import Server

DOMAIN = "cluster.local"
PORT = 53
_ADDRESS, _INTERNET = 1, 1
_ANSWER, _UNKNOWN = 0x8580, 3
_NAME = struct.pack(">H", 0xC00C)
"""The name of the question again."""
_MOST = 16


@contextlib.contextmanager
def serving(server: Server, address: str) -> Iterator[None]:
    """Answer at this address (UDP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, PORT))
        listener.settimeout(0.2)
        stop = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, server, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _serve(listener: socket.socket, server: Server, stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(TimeoutError, ConnectionError):
            question, peer = listener.recvfrom(1500)
            with contextlib.suppress(IndexError, struct.error, UnicodeDecodeError):
                listener.sendto(answer(question, server), peer)


def answer(question: bytes, server: Server) -> bytes:
    """Return the answer to one question; IPv4 addresses of Services, and of pods behind those without an address."""
    labels, place = [], 12
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode().lower())
        place += 1 + length
    (kind,) = struct.unpack(">H", question[place + 1 : place + 3])
    found = addresses(labels, server)
    told = (found or [])[:_MOST] if kind == _ADDRESS else []
    flags = _ANSWER | (_UNKNOWN if found is None else 0)
    records = [
        _NAME + struct.pack(">HHIH", _ADDRESS, _INTERNET, 1, 4) + socket.inet_aton(address) for address in told
    ]  # fmt: skip
    head = question[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
    return head + question[12 : place + 5] + b"".join(records)


def addresses(labels: list[str], server: Server) -> list[str] | None:
    """Return the addresses of ``[pod.]service.namespace.svc.cluster.local``; null if there is no such name."""
    *pod, name, namespace = labels[:-3] if len(labels) in {5, 6} else ("", "")
    if labels[-3:] != ["svc", *DOMAIN.split(".")] or not name:
        return None
    service = server.ask("GET", f"/api/v1/namespaces/{namespace}/services/{name}")
    if not service.is_success:
        return None
    spec = service.json()["spec"]
    if spec["clusterIP"] != "None":
        return None if pod else [spec["clusterIP"]]
    selector = f"?labelSelector=kubernetes.io%2Fservice-name%3D{name}"
    slices = server.done("GET", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices{selector}")["items"]
    unready = spec.get("publishNotReadyAddresses", False)
    found = [
        address
        for each in slices
        for endpoint in each.get("endpoints") or ()
        if unready or (endpoint.get("conditions") or {}).get("ready", True)
        if not pod or pod == [endpoint.get("hostname")]
        for address in endpoint["addresses"]
    ]
    return None if pod and not found else found
