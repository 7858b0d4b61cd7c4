"""Worker processes and their ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from webviewer.domain.view import ImageView, Quality
from webviewer.errors import NotFoundError, PeerUnavailableError
from webviewer_render.pool.process import WorkerProcess
from webviewer_render.pool.workers import Job, JobCancelledError, WorkerPool
from webviewer_render.worker.environment import worker_environment
from webviewer_render.worker.protocol import Render

NODE = """
import asyncio, logging, structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
from webviewer_render.pool.workers import WorkerPool

async def main():
    pool = WorkerPool(2, 2)
    await pool.start()
    while len(pool.pids) < 2 or not pool.spare_pid:
        await asyncio.sleep(0.01)
    print(*pool.pids, pool.spare_pid, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def until(condition, deadline=60.0):
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def pool():
    pool = WorkerPool(1, 2)
    await pool.start()
    yield pool
    await pool.stop()


def nothing(job):
    return Render(job=job, arena=77, slot=0, view=ImageView(), size=(16, 16), quality=Quality.PREVIEW, jpeg_quality=80)


def test_workers_die_with_a_parent_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", NODE], stdout=subprocess.PIPE, text=True) as parent:
        try:
            pids = [int(part) for part in parent.stdout.readline().split()]
        finally:
            parent.kill()
    assert len(pids) == 3
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(is_running(pid) for pid in pids)


async def test_the_pool_is_not_ready_before_its_workers_are(pool):
    with pytest.raises(PeerUnavailableError):
        pool.check_ready()
    await pool.lanes[0].wait()
    pool.check_ready()


async def test_workers_ignore_signals_meant_for_the_group(pool):
    worker = await pool.lanes[0].wait()
    os.kill(worker.pid, signal.SIGINT)
    os.kill(worker.pid, signal.SIGTERM)
    with pytest.raises(NotFoundError):
        await pool.ask(pool.lanes[0], Job("a"), nothing)
    assert pool.pids == [worker.pid]


async def test_errors_of_a_job_come_back_as_what_they_are(pool):
    with pytest.raises(NotFoundError):
        await pool.ask(pool.lanes[0], Job("a"), nothing)
    assert pool.pending == 0


async def test_a_cancelled_job_ends_as_cancelled_or_done(pool):
    await pool.lanes[0].wait()
    job = Job("a")
    task = asyncio.create_task(pool.ask(pool.lanes[0], job, nothing))
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises((JobCancelledError, NotFoundError)):
        await task


async def test_the_spare_takes_over_and_a_new_one_follows(pool):
    await until(lambda: pool.spare_pid)
    first, spare = pool.pids[0], pool.spare_pid
    os.kill(first, signal.SIGSEGV)
    await until(lambda: pool.pids == [spare])
    await until(lambda: pool.spare_pid)
    assert not is_running(first)
    assert pool.spare_pid not in {first, spare}


async def test_a_spare_that_dies_is_replaced(pool):
    await until(lambda: pool.spare_pid)
    first = pool.spare_pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: pool.spare_pid not in {None, first})


async def test_a_worker_that_is_told_nonsense_ends_and_is_reaped():
    worker = await WorkerProcess.start(1)
    await worker.ready.wait()
    worker.send(Render.model_construct(op="render", job=1))
    await asyncio.wait_for(worker.lost.wait(), 10)
    assert not is_running(worker.pid)


def test_the_target_of_compiled_kernels_is_pinned():
    environment = worker_environment()
    assert environment["NUMBA_CPU_NAME"] == "x86-64-v3"
    assert "avx512" not in environment["NUMBA_CPU_FEATURES"]
    assert environment["OMP_NUM_THREADS"] == "1"
