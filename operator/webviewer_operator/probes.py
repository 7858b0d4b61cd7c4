"""What Kubernetes and Prometheus ask the operator."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def create_app(stalled: Callable[[], bool]) -> Starlette:
    """Answer ``/healthz``, which fails when rounds hang, and ``/metrics``."""

    async def healthz(_: Request) -> Response:
        if stalled():
            return JSONResponse({"status": "stalled"}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", healthz), Route("/metrics", metrics)])
