"""`helm test`: what its pod runs, against what the operator serves."""

import asyncio
import sys

from webviewer import server
from webviewer_operator import metrics, probes


async def run_test_pod(rendered, only, *, stalled: bool) -> tuple[int, str]:
    container = only(rendered(), "Pod")["spec"]["containers"][0]
    script, address = container["args"]
    assert container["command"] == ["python3", "-c"]
    service = only(rendered(), "Service")
    assert address == f"http://{service['metadata']['name']}.imaging.svc:{service['spec']['ports'][0]['port']}"
    listener = server.listen("127.0.0.1", 0)
    async with server.serving(probes.create_app(lambda: stalled), listener):
        # Its proxies are not ours.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, server.address(listener), env={"no_proxy": "*"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
    return process.returncode or 0, (out + error).decode()


async def test_helm_test_passes_while_the_operator_works(rendered, only):
    metrics.CLUSTERS.set(3)
    status, text = await run_test_pod(rendered, only, stalled=False)
    assert (status, text) == (0, 'readyz: {"status":"ok"}\nwebviewer_operator_clusters 3.0\n')


async def test_helm_test_fails_while_it_hangs(rendered, only):
    status, text = await run_test_pod(rendered, only, stalled=True)
    assert status == 1
    assert "503" in text
