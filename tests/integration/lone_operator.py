"""An operator with an API server in memory, one cluster and Kubernetes' own controllers: ``python lone_operator.py``."""

from __future__ import annotations

import asyncio
import time

from webviewer import server
from webviewer_operator import probes
from webviewer_operator.controller import Controller
from webviewer_operator.kube import port
from webviewer_operator.reconcile.reconciler import Reconciler
from webviewer_operator.testing.controllers import Controllers
from webviewer_operator.testing.memory import MemoryKube

NAMESPACE, NAME = "imaging", "viewer"


async def main() -> None:
    """Serve probes and metrics; the address is printed."""
    kube = MemoryKube()
    controllers = Controllers(kube)
    controller = Controller(Reconciler(kube, controllers, time.time, "1.0.0").reconcile)
    cluster = {"apiVersion": port.CLUSTER.api_version, "kind": port.CLUSTER.name, "spec": {}}
    kube.apply_as("person", cluster | {"metadata": {"name": NAME, "namespace": NAMESPACE}})
    listener = server.listen("127.0.0.1", 0)
    async with server.serving(probes.create_app(controller.stalled), listener), asyncio.TaskGroup() as group:
        group.create_task(controller.run())
        print(f"listening on {server.address(listener)}", flush=True)  # noqa: T201 - what the test waits for
        while True:
            controller.wake(NAMESPACE, NAME)
            controllers.step()
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
