"""A real control plane: etcd, kube-apiserver and kube-controller-manager as processes, or somebody's cluster."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import yaml
from kubernetes import client, config

from . import certificates
from .processes import process

START_SECONDS = 120
T = TypeVar("T")
_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata, userGroups: ["system:serviceaccounts"]}, {level: None}]
"""


@dataclass(frozen=True)
class Server:
    """An API server and its administrator. ``audit``: what service accounts asked for; null = it keeps no such log."""

    url: str
    kubeconfig: Path
    http: httpx2.Client
    context: ssl.SSLContext
    audit: Path | None = None

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> httpx2.Response:
        """Send a request as the administrator."""
        content = None if body is None else json.dumps(body).encode()
        return self.http.request(method, path, content=content, headers={"Content-Type": kind})

    def done(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """Send a request that has to be met; return the answer."""
        answer = self.ask(method, path, body, kind)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json()


def open_server(kubeconfig: Path, audit: Path | None = None) -> Server:
    """Return the API server of a kubeconfig's current context, with what its user is let in by."""
    settings = client.Configuration()
    config.load_kube_config(config_file=f"{kubeconfig}", client_configuration=settings)
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if not settings.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    token = settings.get_api_key_with_prefix("BearerToken")
    headers = {"Authorization": token} if token else {}
    http = httpx2.Client(base_url=settings.host, headers=headers, verify=context, timeout=60, trust_env=False)
    return Server(settings.host, kubeconfig, http, context, audit)


def write_kubeconfig(file: Path, url: str, token: str, authority: Path | None = None) -> Path:
    """Write a kubeconfig with a token."""
    cluster = {"server": url} | ({"certificate-authority": f"{authority}"} if authority else {})
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    file.write_text(yaml.safe_dump(content))
    return file


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((certificates.ADDRESS, 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], T], seconds: float = 60, every: float = 0.1, say: Callable[[], str] = str) -> T:
    """Ask until the answer is truthy, and return it; ``say`` tells what to look at when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not reached in {seconds} s: {say()}"
        time.sleep(every)
    return found


@contextlib.contextmanager
def running(programs: dict[str, Path], folder: Path) -> Iterator[Server]:
    """Start a control plane of our own and stop it again."""
    token, store = secrets.token_hex(16), f"http://127.0.0.1:{free_port()}"
    port = free_port()
    (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    (folder / "policy.yaml").write_text(_POLICY)
    authority, certificate, key = certificates.write_server(folder)
    certificates.write_service_account_key(folder / "accounts.key")
    kubeconfig = write_kubeconfig(folder / "kubeconfig", f"https://127.0.0.1:{port}", token, authority)
    with contextlib.ExitStack() as stack:
        for command in (
            [
                programs["etcd"], "--data-dir", folder / "etcd", "--listen-client-urls", store,
                "--advertise-client-urls", store, "--listen-peer-urls", f"http://127.0.0.1:{free_port()}",
                "--unsafe-no-fsync",
            ],
            [
                programs["kube-apiserver"], f"--etcd-servers={store}", "--bind-address=127.0.0.1",
                f"--secure-port={port}", f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                f"--cert-dir={folder / 'certificates'}", f"--token-auth-file={folder / 'tokens.csv'}",
                "--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={folder / 'accounts.key'}",
                f"--service-account-signing-key-file={folder / 'accounts.key'}",
                "--service-cluster-ip-range=10.96.0.0/16", "--endpoint-reconciler-type=none",
                # As OpenShift has it: who names an owner that waits must be allowed to let it wait.
                "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
                f"--audit-policy-file={folder / 'policy.yaml'}", f"--audit-log-path={folder / 'audit.log'}",
                "--audit-log-maxsize=0",
            ],
        ):  # fmt: skip
            stack.enter_context(process(command, folder))
        server = stack.enter_context(contextlib.closing(_Closing(open_server(kubeconfig, folder / "audit.log")))).server
        log = folder / "kube-apiserver.log"
        wait_for(lambda: ready(server), START_SECONDS, say=lambda: log.read_text(errors="replace")[-3000:])
        manager = [
            programs["kube-controller-manager"], f"--kubeconfig={kubeconfig}", "--leader-elect=false",
            f"--service-account-private-key-file={folder / 'accounts.key'}", f"--root-ca-file={authority}",
            "--use-service-account-credentials=true", "--bind-address=127.0.0.1", f"--secure-port={free_port()}",
            f"--cert-dir={folder / 'certificates'}", "--horizontal-pod-autoscaler-sync-period=2s",
            "--kube-api-qps=500", "--kube-api-burst=1000", "--pvclaimbinder-sync-period=1s",
        ]  # fmt: skip
        stack.enter_context(process(manager, folder))
        account = "/api/v1/namespaces/kube-system/serviceaccounts/default"
        wait_for(lambda: server.ask("GET", account).is_success, START_SECONDS)
        yield server


@dataclass
class _Closing:
    server: Server

    def close(self) -> None:
        self.server.http.close()


def ready(server: Server) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return server.ask("GET", "/readyz").is_success
    return False
