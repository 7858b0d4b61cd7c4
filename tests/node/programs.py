"""The programs of a whole node: those of the control plane, what Go builds beside them, and Debian's.

``python -m tests.node.programs`` builds what is missing (cold about half an hour with the control plane's).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.cluster import programs as control_plane

TOOLS = Path(__file__).with_name("tools")
"""Go module of its own: another kubelet must not make CI build the control plane again."""
BUILT = ("kube-scheduler", "kubelet", "kube-proxy", "kubectl")
PACKAGED = ("containerd", "ctr", "runc", "containerd-shim-runc-v2", "iptables", "conntrack", "ip", "nsenter", "setpriv")
PLUGINS = Path("/usr/lib/cni")
"""Where Debian has the plugins of the container network."""
_NEEDED_PLUGINS = ("bridge", "host-local", "loopback", "portmap")
_PLACES = os.pathsep.join(("/usr/local/sbin", "/usr/sbin", "/sbin", os.environ.get("PATH", "")))


def folder() -> Path | None:
    """Return where the built programs are or would be. Null without Go."""
    given = os.environ.get("WEBVIEWER_KUBERNETES_BIN")
    return Path(given) if given else control_plane.cached(TOOLS / "go.sum")


def find_kubectl() -> Path | None:
    """Return ours, or that of this machine."""
    place = folder()
    if place and (place / "kubectl").exists():
        return place / "kubectl"
    found = shutil.which("kubectl")
    return Path(found) if found else None


def find() -> dict[str, Path] | str:
    """Return all programs by name, or what is missing."""
    planes, place = control_plane.find(), folder()
    if isinstance(planes, str) or place is None:
        return f"{planes}"
    missing = [name for name in BUILT if not (place / name).exists()]
    found = {name: shutil.which(name, path=_PLACES) for name in PACKAGED}
    missing += [name for name, file in found.items() if not file]
    missing += [name for name in _NEEDED_PLUGINS if not (PLUGINS / name).exists()]
    if missing:
        return f"{', '.join(missing)} not there: make node"
    packaged = {name: Path(file) for name, file in found.items() if file}
    return planes | {name: place / name for name in BUILT} | packaged


def main() -> int:
    """Build what is missing, the control plane's too."""
    place = folder()
    if control_plane.main() or place is None:
        return 1
    control_plane.compile_missing(BUILT, TOOLS, place)
    print(f"{place}")  # noqa: T201 - a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
