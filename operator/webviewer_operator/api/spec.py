"""What a person asks for: the spec of a ``WebViewerCluster``."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from webviewer_operator.api.schema_types import (
    Affinity,
    ImageReference,
    Items,
    Key,
    Labels,
    Name,
    Network,
    ObjectName,
    Port,
    Quantity,
    Resource,
    Tag,
    Text,
    Toleration,
)

DEFAULT_POOL = "default"
"""The pool that the scale subresource drives."""
MAX_STORAGE_NODES = 16
MAX_POOLS = 16
MAX_POOL_NAME = 20
_SAME_CLASS = (
    "has(self.storageClassName) == has(oldSelf.storageClassName) && "
    "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)"
)
_POOL_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_POOL_NAMES = f"a pool's name has at most {MAX_POOL_NAME} small letters, digits and hyphens"


class KeyReference(Resource):
    """A key of a Secret or ConfigMap in the cluster's namespace. Pods do not start until it is there."""

    name: ObjectName
    key: Key


class ValueSource(Resource):
    """Where a value is kept. Exactly one of the two."""

    rules: ClassVar = (
        ("has(self.secretKeyRef) != has(self.configMapKeyRef)", "give secretKeyRef or configMapKeyRef, one of them"),
    )

    secret_key_ref: KeyReference | None = None
    """Pods of control, storage and render restart when the value changes."""
    config_map_key_ref: KeyReference | None = None
    """Another value counts from the pods' next start: the operator does not read ConfigMaps."""


class EnvironmentVariable(Resource):
    """A variable that is added to the container."""

    rules: ClassVar = (
        (
            "!has(self.valueFrom) || !has(self.value) || self.value == ''",
            "give value or valueFrom, not both",
        ),
    )

    name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    value: Text = ""
    value_from: ValueSource | None = None


class ResourceAmounts(Resource):
    """What the container asks for and may use, as in a pod."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] = {}
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] = {}


class PodOverrides(Resource):
    """What a component's pods get beside what the operator decides."""

    labels: Labels = {}
    annotations: Labels = {}
    node_selector: Labels = {}
    tolerations: Annotated[tuple[Toleration, ...], Items] = ()
    affinity: Affinity | None = None
    priority_class_name: ObjectName | None = None
    service_account_name: ObjectName | None = None
    resources: ResourceAmounts | None = None
    """In place of the component's own requests and limits."""
    extra_env: Annotated[tuple[EnvironmentVariable, ...], Items] = ()
    """Added last: a variable of the operator of the same name is replaced."""


class Images(Resource):
    """Which images run."""

    repository: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-z0-9][a-z0-9._:/-]*$")] = "webviewer"
    """Start of the names: ``<repository>-control:<version>`` and so on."""
    control: ImageReference | None = None
    """Whole reference, in place of the one made of repository and version; the same for the next ones."""
    storage: ImageReference | None = None
    render: ImageReference | None = None
    """Of pools without GPU."""
    render_nvidia: ImageReference | None = None
    """Of pools with a GPU; null = the tag of render with ``-nvidia`` at its end."""
    postgres: ImageReference = "postgres:18"
    """Of the embedded database; its user must have the number 999."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    pull_secrets: Annotated[tuple[ObjectName, ...], Field(max_length=8)] = ()


class Volume(Resource):
    """A volume per pod. It grows; it is never made smaller."""

    rules: ClassVar = (
        (
            "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
            "size must not be smaller than it was: volumes grow only",
        ),
        (_SAME_CLASS, "storageClassName cannot be changed: volumes keep their class"),
    )

    size: Quantity = "100Gi"
    storage_class_name: ObjectName | None = None
    """Null = the default class."""


class SecretReference(Resource):
    """A key of a Secret in the cluster's namespace."""

    secret_name: ObjectName
    key: Key = "uri"


class CloudNativePG(Resource):
    """A database made by CloudNativePG: its ``<clusterName>-app`` Secret is read."""

    cluster_name: ObjectName


class EmbeddedDatabase(Resource):
    """One PostgreSQL pod with a volume, for small sites: no replica, no backup of its own."""

    volume: Volume = Volume(size="20Gi")
    pod: PodOverrides = PodOverrides()


class DatabaseSpec(Resource):
    """Where PostgreSQL is. Exactly one of the three."""

    rules: ClassVar = (
        (
            "[has(self.external), has(self.cloudNativePG), has(self.embedded)].exists_one(given, given)",
            "give exactly one of external, cloudNativePG and embedded",
        ),
        (
            "has(self.embedded) == has(oldSelf.embedded)",
            "an embedded database cannot be replaced by another one, nor the other way round: move the data first",
        ),
    )

    external: SecretReference | None = None
    """The key holds postgresql://user:password@host:port/database."""
    cloud_native_pg: Annotated[CloudNativePG | None, Field(alias="cloudNativePG")] = None
    embedded: EmbeddedDatabase | None = None


class Ingress(Resource):
    """An Ingress in front of control."""

    host: ObjectName
    path: Annotated[str, Field(max_length=256, pattern=r"^/[-A-Za-z0-9._~/]*$")] = "/"
    class_name: ObjectName | None = None
    tls_secret_name: ObjectName | None = None
    annotations: Labels = {}


class ParentReference(Resource):
    """A Gateway that the route is attached to."""

    name: ObjectName
    namespace: Name | None = None
    section_name: ObjectName | None = None


class HttpRoute(Resource):
    """A Gateway API route in front of control."""

    hostnames: Annotated[tuple[ObjectName, ...], Field(max_length=16)] = ()
    parent_refs: Annotated[tuple[ParentReference, ...], Field(min_length=1, max_length=8)]
    path: Annotated[str, Field(max_length=256, pattern=r"^/[-A-Za-z0-9._~/]*$")] = "/"
    annotations: Labels = {}


class ControlSpec(Resource):
    """Pages, log-in, rights, relay."""

    rules: ClassVar = (
        ("!(has(self.ingress) && has(self.httpRoute))", "give ingress or httpRoute, not both"),
        (
            "!has(self.serverUrl) || self.serverUrl == '' || self.serverUrl.matches('^https?://')",
            "serverUrl must begin with http:// or https://",
        ),
    )

    replicas: Annotated[int, Field(ge=1, le=16)] = 1
    server_url: Text = ""
    """Public address of the start page; empty = that of ingress (https with a TLS secret) or httpRoute (https)."""
    base_path: Annotated[str, Field(max_length=256, pattern=r"^(/[-A-Za-z0-9._~]+)*/?$")] = ""
    allowed_origins: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    trusted_proxies: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=16)] = ()
    """Addresses or networks whose X-Forwarded-* headers count, such as that of the ingress controller."""
    frame_ancestors: Text = "'self'"
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    service_annotations: Labels = {}
    ingress: Ingress | None = None
    http_route: HttpRoute | None = None
    pod: PodOverrides = PodOverrides()


class Dicom(Resource):
    """The DICOM listener."""

    rules: ClassVar = (
        (
            "!has(self.nodePort) || self.serviceType != 'ClusterIP'",
            "nodePort is for serviceType NodePort or LoadBalancer",
        ),
    )

    enabled: bool = True
    port: Port = 11112
    """Port of the Service; the pods listen on 11112."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    service_annotations: Labels = {}
    node_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Of the first storage node; those of others are given by Kubernetes."""
    allowed_networks: Annotated[tuple[Network, ...], Items] = ()
    """Who may connect; empty = everybody who reaches the Service."""
    ae_title: Annotated[str, Field(pattern=r"^[ -\[\]-~]{1,16}$", min_length=1, max_length=16)] = "WEBVIEWER"
    processes: Annotated[int, Field(ge=1, le=64)] = 1


class StorageSpec(Resource):
    """Studies: files, index, DICOM listener."""

    rules: ClassVar = (
        ("self.replicas >= oldSelf.replicas", "replicas must not fall: the studies of the last node would be gone"),
    )

    replicas: Annotated[int, Field(ge=1, le=MAX_STORAGE_NODES)] = 1
    """Nodes, each with a volume, a schema of the database and a DICOM Service of its own; users are spread over them."""
    volume: Volume = Volume()
    dicom: Dicom = Dicom()
    pod: PodOverrides = PodOverrides()


class Gpu(Resource):
    """Whether and how the pool's pods get a GPU."""

    rules: ClassVar = (
        ("self.mode != 'DRA' || has(self.deviceClassName)", "deviceClassName is needed where mode is DRA"),
        ("self.mode == 'DRA' || !has(self.deviceClassName)", "deviceClassName is for mode DRA only"),
    )

    mode: Literal["None", "DevicePlugin", "DRA"] = "None"
    resource_name: Annotated[str, Field(max_length=253, pattern=r"^[-a-z0-9.]+/[-A-Za-z0-9_.]+$")] = "nvidia.com/gpu"
    device_class_name: ObjectName | None = None
    count: Annotated[int, Field(ge=1, le=16)] = 1


class Autoscaling(Resource):
    """Replicas follow the sessions: (used + queued + buffer) / slots, rounded up."""

    rules: ClassVar = (("self.minReplicas <= self.maxReplicas", "minReplicas must not be greater than maxReplicas"),)

    min_replicas: Annotated[int, Field(ge=1, le=256)] = 1
    max_replicas: Annotated[int, Field(ge=1, le=256)] = 4
    buffer_slots: Annotated[int, Field(ge=0, le=10000)] = 4
    """Free places that are kept ready."""
    stabilization_seconds: Annotated[int, Field(ge=0, le=86400)] = 300
    """So long must fewer pods be enough before one is drained."""


class Pool(Resource):
    """Render pods of one kind."""

    rules: ClassVar = (
        (
            "!(has(self.autoscaling) && self.externalScaling)",
            "give autoscaling or externalScaling, not both",
        ),
    )

    replicas: Annotated[int, Field(ge=0, le=256)] = 1
    """Without autoscaling. An HPA that targets this resource sets it for the pool ``default``."""
    autoscaling: Autoscaling | None = None
    external_scaling: bool = False
    """Somebody else scales the Deployment: the operator leaves its replicas alone."""
    drain_seconds: Annotated[int, Field(ge=0, le=86400)] = 1800
    """So long may sessions stay on a pod that is to go before they are moved to others."""
    slots: Annotated[int, Field(ge=1, le=10000)] = 32
    """Sessions per pod."""
    volume_budget: Quantity = "4Gi"
    """Memory for decoded series. The pod asks for 1 GiB more."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    threads: Annotated[int, Field(ge=1, le=256)] = 4
    bandwidth: Annotated[int, Field(ge=0, le=10_000_000_000)] = 0
    """Bytes per second and rendering context; 0 = unlimited."""
    image: ImageReference | None = None
    """Whole reference, in place of the one for pools with or without GPU: say, Mesa for GPUs of another make."""
    gpu: Gpu = Gpu()
    pod: PodOverrides = PodOverrides()


class RenderSpec(Resource):
    """Pools of render pods."""

    rules: ClassVar = (
        (f"'{DEFAULT_POOL}' in self.pools", f"the pool {DEFAULT_POOL} is needed: the scale subresource drives it"),
        (f"self.pools.all(name, size(name) <= {MAX_POOL_NAME} && name.matches('^{_POOL_NAME}$'))", _POOL_NAMES),
    )

    pools: Annotated[dict[str, Pool], Field(min_length=1, max_length=MAX_POOLS)] = {DEFAULT_POOL: Pool()}

    @field_validator("pools")
    @classmethod
    def _check_names(cls, pools: dict[str, Pool]) -> dict[str, Pool]:
        """Refuse names of which no objects can be made."""
        for name in pools:
            if not re.fullmatch(_POOL_NAME, name) or len(name) > MAX_POOL_NAME:
                raise ValueError(_POOL_NAMES)
        return pools


class SessionPolicy(Resource):
    """How long sessions live, in seconds, and which render node they get."""

    idle_seconds: Annotated[int, Field(ge=60, le=86400)] = 1800
    lifetime_seconds: Annotated[int, Field(ge=60, le=31_622_400)] = 43200
    slot_idle_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """A session keeps its place at a render node so long after its last viewport has closed."""
    placement: Literal["FewestSessions", "VolumeAffinity"] = "FewestSessions"
    """VolumeAffinity prefers a node that has the series in memory, if it has at most one session more than the emptiest."""


class LicenceSpec(Resource):
    """People get in as a signed licence says; without this nobody is counted."""

    public_keys: Annotated[
        tuple[Annotated[str, Field(min_length=43, max_length=43, pattern=r"^[A-Za-z0-9_-]{43}$")], ...],
        Field(min_length=1, max_length=8),
    ]
    """Of ``webviewer license keygen``: a licence must be signed by one of them."""
    secret_name: ObjectName | None = None
    """Secret with the licence. It may come later: the product code that it is made for is shown by the panel."""
    key: Key = "licence"
    """Of the Secret."""


class NetworkPolicySpec(Resource):
    """Who may talk to whom."""

    enabled: bool = True
    metrics_namespaces: Annotated[tuple[Name, ...], Field(max_length=16)] = ()
    """Namespaces that may scrape metrics; empty = every one."""


class Tls(Resource):
    """Encryption between pods, with an authority of the cluster's own. TLS for browsers is ingress's or the gateway's."""

    enabled: bool = True


class ClusterSpec(Resource):
    """A WebViewer installation."""

    version: Tag | None = None
    """Tag of the images; null = the operator's own version."""
    suspend: bool = False
    """Stop all pods and keep all data."""
    data_policy: Literal["Retain", "Delete"] = "Retain"
    """What becomes of volumes, keys and passwords when this resource is deleted."""
    images: Images = Images()
    control: ControlSpec = ControlSpec()
    storage: StorageSpec = StorageSpec()
    render: RenderSpec = RenderSpec()
    database: DatabaseSpec = DatabaseSpec(embedded=EmbeddedDatabase())
    sessions: SessionPolicy = SessionPolicy()
    licence: LicenceSpec | None = None
    tls: Tls = Tls()
    network_policy: NetworkPolicySpec = NetworkPolicySpec()
    log_level: Literal["error", "warning", "info", "debug"] = "info"
