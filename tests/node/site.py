"""WebViewer on a cluster with nodes: installed, applied, looked at."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

import yaml
from tests.cluster.helm import CHART, Helm
from tests.cluster.person import Object, Person, example, path_of

from webviewer_operator.kube import port

from .place import Place

ORIGIN = "http://viewer.example.org"
"""What the address bar of the users would show."""
READY_SECONDS = 300


@dataclass
class Site:
    """A namespace with the operator and a cluster, and people who use it."""

    place: Place
    helm: Helm
    person: Person
    definition: bool
    """Whether the chart is to bring the definition: on somebody's cluster it may be another release's."""
    spec: Object = field(default_factory=dict)
    """What the cluster is asked to be; :meth:`apply` fills it at first."""
    url: str = ""
    """Of the Service of the pages."""
    dicom: tuple[str, int] = ("", 0)

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self.person.namespace

    def install(self) -> None:
        """Install the operator by Helm, and return when its pod is ready."""
        repository, _, tag = self.place.images["operator"].rpartition(":")
        values = {"image": {"repository": repository, "tag": tag}, "crds": {"create": self.definition}}
        settings = [part for name, each in values.items() for part in ("--set-json", f"{name}={json.dumps(each)}")]
        self.helm.done("install", "webviewer", f"{CHART}", "--namespace", self.namespace, "--wait", *settings)

    def apply(self) -> None:
        """Apply the cluster as ``spec`` says, and return when it is so."""
        self.spec = self.spec or self._spec()
        resource = example("small") | {"spec": self.spec}
        self.place.kubectl("apply", "--namespace", self.namespace, "--filename=-", content=yaml.safe_dump(resource))
        self.person.wait_until_ready(READY_SECONDS)

    def _spec(self) -> Object:
        """Return the small site's spec with our images, as small as a machine for tests needs it."""
        spec: Object = example("small")["spec"]
        references = self.place.images
        spec["images"] = {name: references[name] for name in ("control", "storage", "render", "postgres")}
        # Who tests stands where the ingress controller would.
        spec["control"] |= {"serverUrl": ORIGIN}
        spec["storage"]["volume"] = spec["database"]["embedded"]["volume"] = {"size": "1Gi"}
        spec["storage"]["dicom"] = {"serviceType": "ClusterIP"}
        resources = {"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"memory": "6Gi"}}
        pool = {"replicas": 2, "pod": {"resources": resources}, "volumeBudget": "1Gi", "threads": 2}
        spec["render"]["pools"]["default"] |= pool
        return spec

    def pods(self, component: str) -> list[Object]:
        """Return the pods of a component that are not on their way out."""
        listed = self.place.server.done("GET", path_of(port.POD, self.namespace))["items"]
        return [
            each
            for each in listed
            if each["metadata"]["labels"].get("app.kubernetes.io/component") == component
            and "deletionTimestamp" not in each["metadata"]
        ]

    def usage(self) -> str:
        """Say what the pods use now, by the kubelet."""
        pods = self.place.server.done("GET", path_of(port.POD, self.namespace))["items"]
        (node, *_) = {each["spec"]["nodeName"] for each in pods}
        found = self.place.server.done("GET", f"/api/v1/nodes/{node}/proxy/stats/summary")["pods"]
        used = {
            each["podRef"]["name"]: (
                each.get("cpu", {}).get("usageNanoCores", 0) / 1e9, each.get("memory", {}).get("workingSetBytes", 0) / 2**20,
            )
            for each in found if each["podRef"]["namespace"] == self.namespace
        }  # fmt: skip
        lines = [f"{name} {cores:.3f} cores {mib:.0f} MiB" for name, (cores, mib) in sorted(used.items()) if mib]
        return f"{', '.join(lines)}; {sum(cores for cores, _ in used.values()):.2f} cores in all"

    def secret(self, name: str, key: str) -> str:
        """Return what a Secret holds."""
        data = self.place.server.done("GET", path_of(port.SECRET, self.namespace, name))["data"]
        return base64.b64decode(data[key]).decode()
