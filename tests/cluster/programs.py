"""The programs of a control plane: built with Go once per machine, outside of the checkout.

``python tests/cluster/programs.py`` builds what is missing (cold about fifteen minutes) and says where it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TOOLS = Path(__file__).with_name("tools")
"""Go module that pins the programs."""
BUILT = ("kube-apiserver", "kube-controller-manager")
DEFINITIONS = "gateway-api.yaml"
"""What the Gateway API adds to an API server."""
_DEFINITION = "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"
_NO_GO = "Go is needed to build kube-apiserver: install it, or set WEBVIEWER_TEST_KUBECONFIG to try an existing cluster"


def folder() -> Path | None:
    """Return where the programs are or would be: another Go or other sources are another folder. Null without Go."""
    given = os.environ.get("WEBVIEWER_KUBERNETES_BIN")
    if given:
        return Path(given)
    return cached(TOOLS / "go.sum", TOOLS / "gateway" / "go.sum")


def cached(*sums: Path) -> Path | None:
    """Return the folder of programs that are built of these sums by this machine's Go. Null without Go."""
    if not shutil.which("go"):
        return None
    go = _output(["go", "version"])
    key = hashlib.sha256(b"".join([*(file.read_bytes() for file in sums), go.encode()])).hexdigest()[:16]
    return Path.home() / ".cache" / "webviewer-kubernetes" / key


def find() -> dict[str, Path] | str:
    """Return the programs by name with etcd, or what is missing."""
    place = folder()
    if place is None:
        return _NO_GO
    etcd = shutil.which("etcd", path=os.pathsep.join([f"{place}", os.environ.get("PATH", ""), "/usr/sbin"]))
    found = {name: place / name for name in (*BUILT, DEFINITIONS)} | ({"etcd": Path(etcd)} if etcd else {})
    missing = [name for name, file in found.items() if not file.exists()] + ([] if etcd else ["etcd"])
    return f"{', '.join(missing)} not there: make kubernetes" if missing else found


def build(place: Path) -> None:
    """Build what is missing."""
    compile_missing(BUILT, TOOLS, place)
    if not (place / DEFINITIONS).exists():
        answer = _output(["go", "mod", "download", "-json", "sigs.k8s.io/gateway-api"], TOOLS / "gateway")
        content = (Path(json.loads(answer)["Dir"]) / _DEFINITION).read_bytes()
        (place / DEFINITIONS).write_bytes(content)


def compile_missing(names: Sequence[str], module: Path, place: Path) -> None:
    """Build programs of Kubernetes that are not there. One package at a time: others work on this machine too."""
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (place / name).exists():
            print(f"building {name} (minutes at first)", flush=True)  # noqa: T201 - a command
            flags = f"-s -w {_version_flags(module)}"
            command = ["go", "build", "-trimpath", "-ldflags", flags, "-o", f"{place / name}.new"]
            subprocess.run(
                [*command, f"k8s.io/kubernetes/cmd/{name}"],
                check=True, cwd=module, env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"},
            )  # fmt: skip
            (place / f"{name}.new").rename(place / name)


def _version_flags(module: Path) -> str:
    """Return what makes the programs say which version they are."""
    text = (module / "go.mod").read_text()
    version = re.search(r"^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)", text, re.MULTILINE)
    assert version, "go.mod requires no k8s.io/kubernetes"
    names = zip(("gitVersion", "gitMajor", "gitMinor"), version.groups(), strict=True)
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in names)


def _output(command: list[str], where: Path = TOOLS) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=where).stdout


def main() -> int:
    """Build; without Go that is an error in CI, where nothing may be left out."""
    place = folder()
    if place is None:
        print(_NO_GO, file=sys.stderr)  # noqa: T201 - a command
        return int(os.environ.get("CI", "").lower() in {"1", "true"})
    build(place)
    print(f"{place}")  # noqa: T201 - a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
