"""A balancer of TCP connections, as Kubernetes has it in front of replicas: for measurements and tests."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class Balancer:
    """What stands in front of several controls: connections go round, and past a control that does not listen."""

    def __init__(self, ports: list[int]) -> None:
        """Listen on a free ``port`` of loopback in a thread, in front of ``ports`` there."""
        self.ports = ports
        self._next = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._next += 1
        ports = [self.ports[(self._next + step) % len(self.ports)] for step in range(len(self.ports))]
        for port in ports:
            with contextlib.suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", port)
                break
        else:
            writer.close()
            return
        pumps = [asyncio.create_task(pump) for pump in (self._pump(reader, there[1]), self._pump(there[0], writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for each in (writer, there[1]):
            each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()

    def close(self) -> None:
        """Cut all connections and listen no more."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
