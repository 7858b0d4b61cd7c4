"""What a node changes on this machine, and how all of it is put back, also after tests that were killed.

Everything lies in :data:`STATE` or is named by it: what is found there at the start is left from before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

STATE = Path("/var/tmp/webviewer-node")
NAMESPACE = "webviewer-node"
NODE_ADDRESS, HOST_ADDRESS = "10.66.0.1", "10.66.0.254"
POD_NETWORK, SERVICE_NETWORK = "10.244.0.0/24", "10.96.0.0/16"
IN_NAMESPACE = ("nsenter", f"--net=/run/netns/{NAMESPACE}", "--")
"""Only the network: `ip netns exec` would hide the control groups."""
_OURS, _THEIRS = "webviewer-host", "webviewer-node"
_SETTINGS = (
    "vm.overcommit_memory", "vm.panic_on_oom", "kernel.panic", "kernel.panic_on_oops", "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)  # fmt: skip
"""What the kubelet sets for the whole machine."""
_SAVED = "settings"
_PLACES = ("/run/containerd", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods")
"""What the programs make outside of :data:`STATE`; it goes again where it was not there before."""
_MADE = "made"
_SHIM = b"containerd-shim-runc-v2"


class TakenError(Exception):
    """Somebody else runs a node here."""


@contextlib.contextmanager
def lent() -> Iterator[Path]:
    """Lend the machine to one node: its network is there, and at the end nothing of the node is. Raises TakenError."""
    file = STATE.with_suffix(".lock")
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another node runs on this machine ({lock.name})"
            raise TakenError(message) from error
        restore()
        STATE.mkdir(mode=0o755)
        try:
            _note_state()
            _connect()
            yield STATE
        finally:
            restore()
            file.unlink(missing_ok=True)


def restore() -> None:
    """Put everything back. May be called at any time, also when there is nothing."""
    if not STATE.exists():
        return
    # Containers and their shims go on when everything else has been killed.
    for _ in range(50):
        if not (left := _processes()):
            break
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    _unmount()
    _run("ip", "netns", "del", NAMESPACE)
    _run("ip", "link", "del", _OURS)
    _remove_groups()
    _load_settings()
    made = STATE / _MADE
    for place in made.read_text().splitlines() if made.exists() else ():
        shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(STATE, ignore_errors=True)


def settings() -> dict[str, str]:
    """Return what the kubelet changes."""
    return {name: _setting(name).read_text().strip() for name in _SETTINGS if _setting(name).exists()}


def _connect() -> None:
    """Make the node's network. Tests stand outside of the node, and have routes to its pods and Services."""
    _must("ip", "netns", "add", NAMESPACE)
    _must("ip", "link", "add", _OURS, "type", "veth", "peer", "name", _THEIRS, "netns", NAMESPACE)
    _must("ip", "address", "add", f"{HOST_ADDRESS}/24", "dev", _OURS)
    _must("ip", "link", "set", _OURS, "up")
    for network in (POD_NETWORK, SERVICE_NETWORK):
        _must("ip", "route", "add", network, "via", NODE_ADDRESS, "dev", _OURS)
    inside = ("ip", "-n", NAMESPACE)
    _must(*inside, "link", "set", "lo", "up")
    _must(*inside, "address", "add", f"{NODE_ADDRESS}/24", "dev", _THEIRS)
    _must(*inside, "link", "set", _THEIRS, "up")
    _must(*inside, "route", "add", "default", "via", HOST_ADDRESS)
    _must(*IN_NAMESPACE, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    # Where bridged packets pass iptables at all, they must do so here.
    _run(*IN_NAMESPACE, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")


def _processes() -> list[int]:
    """Return the shims of our containerd and all that runs in its containers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if _is_shim(folder) or _is_contained(folder):
                found.append(int(folder.name))
    return found


def _is_shim(process: Path) -> bool:
    words = (process / "cmdline").read_bytes().split(b"\0")
    return _SHIM in words[0] and any(f"{STATE}".encode() in each for each in words)


def _is_contained(process: Path) -> bool:
    """Return whether a process has a root of ours: the layers of containers lie in our folder."""
    lines = (process / "mountinfo").read_text().splitlines()
    return any(f"{STATE}/" in line for line in lines if line.split()[4] == "/")


def _unmount() -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in sorted((each for each in mounts if each.startswith(f"{STATE}/")), reverse=True):
        _run("umount", "-l", place)


def _remove_groups() -> None:
    for top in Path("/sys/fs/cgroup").glob("**/kubepods"):
        for folder in sorted((each for each in top.rglob("*") if each.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            top.rmdir()


def _setting(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")


def _note_state() -> None:
    (STATE / _MADE).write_text("".join(f"{place}\n" for place in _PLACES if not Path(place).exists()))
    (STATE / _SAVED).write_text("".join(f"{name} {value}\n" for name, value in settings().items()))


def _load_settings() -> None:
    saved = STATE / _SAVED
    for line in saved.read_text().splitlines() if saved.exists() else ():
        name, value = line.split()
        if _setting(name).read_text().strip() != value:
            _setting(name).write_text(value)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def _must(*command: str) -> None:
    done = _run(*command)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
