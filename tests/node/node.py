"""A Kubernetes node on this machine: control plane, scheduler, kubelet, kube-proxy and containerd as processes.

``python -m tests.node.node`` runs one until it is interrupted and says where its kubeconfig is.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.cluster import certificates
from tests.cluster import control_plane as plane
from tests.cluster.control_plane import Server, wait_for
from tests.cluster.processes import process

from . import dns, machine, programs
from .machine import HOST_ADDRESS, IN_NAMESPACE, NODE_ADDRESS, POD_NETWORK, SERVICE_NETWORK

NAME = "webviewer"
PAUSE = "localhost/webviewer-test-pause:1"
"""As podman calls what `make test-node` builds."""
START_SECONDS = 120
_API = "10.96.0.1"
_HOSTS = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
_USERS = {
    "admin": ("admin", "system:masters"),
    "manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    "kubelet": (f"system:node:{NAME}", "system:nodes"),
}
_VOLUMES = 4
_STORE = "http://127.0.0.1:2379"


@dataclass(frozen=True)
class Node:
    """A node that is ready, and its API server."""

    server: Server
    programs: dict[str, Path]
    folder: Path

    def load(self, archive: Path) -> None:
        """Bring images of an archive (``docker save``) to the node."""
        socket = self.folder / "containerd" / "containerd.sock"
        command = [self.programs["ctr"], "--address", socket, "--namespace", "k8s.io", "images", "import", archive]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr

    def kill(self, pod: str) -> int:
        """Send SIGKILL to the main process of a pod (a UID) from outside, as the kernel does when memory ends."""
        found = [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _is_first_of(folder, pod)]
        (pid,) = found
        os.kill(pid, signal.SIGKILL)
        return pid


def _is_first_of(process: Path, pod: str) -> bool:
    """Return whether it is the main process of the container of a pod; the other one of it is the pause container."""
    with contextlib.suppress(OSError):
        if f"pod{pod}" not in (process / "cgroup").read_text():
            return False
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        return status["NSpid"].split()[-1] == "1" and status["Name"].strip() != "sleep"
    return False


@contextlib.contextmanager
def running(found: dict[str, Path], archive: Path, pause: str = PAUSE) -> Iterator[Node]:
    """Start a node and take everything back again at the end; ``pause`` is the image that pods start by, in the archive.

    Raises machine.TakenError.
    """
    with machine.lent() as folder, contextlib.ExitStack() as stack:
        logs = folder / "log"
        logs.mkdir()
        configs = _write_access(folder)
        accounts = folder / "accounts.key"
        certificates.write_service_account_key(accounts)

        def start(command: Sequence[Path | str]) -> None:
            stack.enter_context(process(command, logs, IN_NAMESPACE))

        start(_etcd(found, folder))
        start(_api_server(found, folder, accounts))
        server = plane.open_server(configs["admin"])
        stack.callback(server.http.close)
        wait_for(lambda: plane.ready(server), START_SECONDS, say=lambda: _end(logs / "kube-apiserver.log"))
        stack.enter_context(dns.serving(server, HOST_ADDRESS))
        start(_manager(found, folder, configs["manager"], accounts))
        start(
            [found["kube-scheduler"], f"--kubeconfig={configs['scheduler']}", "--leader-elect=false", *_bound(folder)]
        )
        start([found["containerd"], "--config", _containerd(folder, pause)])
        node = Node(server, found, folder)
        wait_for((folder / "containerd" / "containerd.sock").exists)
        node.load(archive)
        start([found["kubelet"], *_kubelet(folder, configs["kubelet"])])
        start([found["kube-proxy"], f"--config={_proxy(folder, configs['proxy'])}"])
        wait_for(lambda: _is_ready(server), START_SECONDS, say=lambda: _end(logs / "kubelet.log"))
        _offer_volumes(server, folder)
        yield node


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


def _is_ready(server: Server) -> bool:
    answer = server.ask("GET", f"/api/v1/nodes/{NAME}")
    conditions = answer.json()["status"].get("conditions", ()) if answer.is_success else ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _write_access(folder: Path) -> dict[str, Path]:
    """Make certificates, tokens and a kubeconfig per user; return the latter."""
    authority = certificates.Authority(folder)
    authority.issue("apiserver", "kube-apiserver", addresses=[NODE_ADDRESS, _API, "127.0.0.1"], hosts=_HOSTS)
    authority.issue("kubelet", f"system:node:{NAME}", addresses=[NODE_ADDRESS], hosts=[NAME])
    authority.issue("apiserver-client", "kube-apiserver", "system:masters")
    tokens = {name: secrets.token_hex(16) for name in _USERS}
    lines = [
        f'{token},{_USERS[name][0]},{name},"{_USERS[name][1]}"' for name, token in tokens.items()
    ]  # fmt: skip
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    url = f"https://{NODE_ADDRESS}:6443"
    return {
        name: plane.write_kubeconfig(folder / f"{name}.kubeconfig", url, token, authority.file)
        for name, token in tokens.items()
    }


def _bound(folder: Path) -> list[str]:
    return ["--bind-address=127.0.0.1", f"--cert-dir={folder / 'certificates'}"]


def _etcd(found: dict[str, Path], folder: Path) -> list[Path | str]:
    return [
        found["etcd"], "--data-dir", folder / "etcd", "--listen-client-urls", _STORE, "--advertise-client-urls", _STORE,
        "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync",
    ]  # fmt: skip


def _api_server(found: dict[str, Path], folder: Path, accounts: Path) -> list[Path | str]:
    client, issuer = folder / "apiserver-client", "https://kubernetes.default.svc.cluster.local"
    return [
        found["kube-apiserver"], f"--etcd-servers={_STORE}", "--bind-address=0.0.0.0", "--secure-port=6443",
        f"--advertise-address={NODE_ADDRESS}", f"--service-cluster-ip-range={SERVICE_NETWORK}",
        f"--tls-cert-file={folder / 'apiserver.crt'}", f"--tls-private-key-file={folder / 'apiserver.key'}",
        f"--client-ca-file={folder / 'ca.crt'}", f"--token-auth-file={folder / 'tokens.csv'}",
        f"--kubelet-certificate-authority={folder / 'ca.crt'}", f"--kubelet-client-certificate={client}.crt",
        f"--kubelet-client-key={client}.key", "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={accounts}", f"--service-account-signing-key-file={accounts}",
        f"--service-account-issuer={issuer}", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
        f"--cert-dir={folder / 'certificates'}",
    ]  # fmt: skip


def _manager(found: dict[str, Path], folder: Path, config: Path, accounts: Path) -> list[Path | str]:
    return [
        found["kube-controller-manager"], f"--kubeconfig={config}", f"--service-account-private-key-file={accounts}",
        f"--root-ca-file={folder / 'ca.crt'}", "--use-service-account-credentials=true", "--leader-elect=false",
        *_bound(folder),
    ]  # fmt: skip


def _containerd(folder: Path, pause: str) -> Path:
    """Write the settings of containerd and of the pods' network; return the former. 1.x and 2.x read version 2."""
    place, networks = folder / "containerd", folder / "networks"
    place.mkdir()
    networks.mkdir()
    plugins = [
        {
            "type": "bridge", "bridge": "pods0", "isGateway": True, "isDefaultGateway": True, "ipMasq": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "dataDir": f"{folder / 'addresses'}", "ranges": [[{"subnet": POD_NETWORK}]]},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]  # fmt: skip
    (networks / "10-pods.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}))
    file = folder / "containerd.toml"
    file.write_text(f"""
version = 2
root = "{place / "root"}"
state = "{place / "state"}"
[grpc]
  address = "{place / "containerd.sock"}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_tcp_service = true
  netns_mounts_under_state_dir = true
  # A machine without CAP_SYS_RESOURCE may raise scores only.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{programs.PLUGINS}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
""")
    return file


def _kubelet(folder: Path, kubeconfig: Path) -> list[str]:
    """Write the settings of the kubelet; return its arguments."""
    (folder / "resolv.conf").touch()
    found = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "containerRuntimeEndpoint": f"unix://{folder / 'containerd' / 'containerd.sock'}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{folder / 'ca.crt'}"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{folder / 'kubelet.crt'}",
        "tlsPrivateKeyFile": f"{folder / 'kubelet.key'}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": dns.DOMAIN,
        "clusterDNS": [HOST_ADDRESS],
        "resolvConf": f"{folder / 'resolv.conf'}",
        "podLogsDir": f"{folder / 'pods'}",
        "volumePluginDir": f"{folder / 'plugins'}",
        "maxPods": 60,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "nodeStatusUpdateFrequency": "5s",
    }
    return [
        f"--config={_write(folder / 'kubelet.yaml', found)}", f"--kubeconfig={kubeconfig}",
        f"--root-dir={folder / 'kubelet'}", f"--cert-dir={folder / 'certificates'}", f"--hostname-override={NAME}",
        f"--node-ip={NODE_ADDRESS}",
    ]  # fmt: skip


def _proxy(folder: Path, kubeconfig: Path) -> Path:
    found = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{kubeconfig}"},
        "mode": "iptables",
        "clusterCIDR": POD_NETWORK,
        "hostnameOverride": NAME,
        "bindAddress": NODE_ADDRESS,
        # Limits of the kernel are the machine's.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    return _write(folder / "kube-proxy.yaml", found)


def _write(file: Path, content: dict[str, Any]) -> Path:
    file.write_text(yaml.safe_dump(content))
    return file


def _offer_volumes(server: Server, folder: Path) -> None:
    """Make volumes of folders of root: the kubelet has to hand them to the group of the pod, as with real disks."""
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    server.done("POST", "/apis/storage.k8s.io/v1/storageclasses", storage)
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
    for number in range(_VOLUMES):
        place = folder / "volumes" / f"{number}"
        place.mkdir(parents=True)
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"local-{number}"},
            "spec": {
                "capacity": {"storage": "1Ti"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local",
                "local": {"path": f"{place}"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            },
        }
        server.done("POST", "/api/v1/persistentvolumes", volume)


def main() -> int:
    """Run a node until Ctrl-C or SIGTERM; the argument is the archive of the pause image."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    found = programs.find()
    if isinstance(found, str):
        print(found, file=sys.stderr)  # noqa: T201 - a command
        return 1
    began = time.monotonic()
    with running(found, Path(sys.argv[1])) as node:
        print(f"ready after {time.monotonic() - began:.1f} s: {node.folder / 'admin.kubeconfig'}", flush=True)  # noqa: T201
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
