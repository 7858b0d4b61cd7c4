"""The threads of a worker."""

import subprocess
import sys
import threading
import time

import pytest

from webviewer_render.worker.threads import Threads

HANG = """
import time
from webviewer_render.worker.threads import Threads
threads = Threads(1, lambda: None, 0.2)
threads.submit(lambda: time.sleep(1000))
time.sleep(60)
"""


class Crowd:
    """Counts how many tasks run at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = self.most = self.done = 0

    def task(self):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.02)
        with self.lock:
            self.running -= 1
            self.done += 1

    def wait(self, number):
        deadline = time.monotonic() + 20
        while self.done < number and time.monotonic() < deadline:
            time.sleep(0.005)
        assert self.done == number


@pytest.mark.contract("D11")
def test_no_more_tasks_run_at_once_than_there_are_threads():
    crowd = Crowd()
    threads = Threads(3, lambda: None, 60)
    for _ in range(20):
        threads.submit(crowd.task)
    crowd.wait(20)
    assert crowd.most == 3


def test_loading_ahead_leaves_a_thread_to_pictures():
    crowd, left = Crowd(), [None] * 30
    threads = Threads(3, lambda: left.pop() or crowd.task if left else None, 60)
    threads.wake()
    started = time.monotonic()
    done = threading.Event()
    threads.submit(done.set)
    assert done.wait(5)
    assert time.monotonic() - started < 0.1
    crowd.wait(30)
    assert crowd.most == 2


def test_a_task_that_hangs_ends_the_process():
    finished = subprocess.run([sys.executable, "-c", HANG], timeout=30, check=False)
    assert finished.returncode == -9
