"""Memory of processes."""

from __future__ import annotations

import os
import subprocess
import sys

from webviewer.bench import memory
from webviewer.bench.memory import Memory

ROLLUP = """55d878363000-7fff741be000 ---p 00000000 00:00 0                          [rollup]
Rss:                1780 kB
Pss:                 212 kB
Pss_Anon:            108 kB
Pss_File:            54 kB
Pss_Shmem:            50 kB
"""


def test_own_memory_is_without_shared_memory():
    assert memory.parse(ROLLUP) == Memory(resident=1780 * 1024, own=162 * 1024)


def test_memory_of_several_processes_is_added_up_and_one_that_has_ended_counts_nothing():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    one = memory.of([os.getpid()])
    assert one.resident > one.own > 0
    assert memory.of([os.getpid(), os.getpid(), ended.pid]).resident > 1.9 * one.resident


def test_a_memory_file_counts_once_however_many_hold_it():
    before = memory.memory_files([os.getpid()])
    first = os.memfd_create("pixels")
    second = os.dup(first)
    try:
        os.write(first, bytes(1 << 20))
        assert memory.memory_files([os.getpid(), os.getpid()]) - before == 1 << 20
    finally:
        os.close(first)
        os.close(second)
    assert memory.memory_files([os.getpid()]) == before
