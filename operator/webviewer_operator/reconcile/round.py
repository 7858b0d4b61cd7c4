"""One round for a cluster that lives: decide everything, then write what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from webviewer_operator.api.status import ClusterStatus
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.kube import port
from webviewer_operator.kube.port import KubePort, NotServedError, RefusedError, key_of, kind_of
from webviewer_operator.manifests import control, database, desired, naming, quantity, secret_names
from webviewer_operator.manifests.plan import RENDER, Plan, overrides, render_key, wanted_images
from webviewer_operator.manifests.pod import SECRETS_SUM
from webviewer_operator.manifests.render import deployment_name
from webviewer_operator.reconcile import rollout, secrets, tls_secrets
from webviewer_operator.reconcile.difference import needs_apply
from webviewer_operator.reconcile.events import Event
from webviewer_operator.reconcile.observed import OWNED, Observed
from webviewer_operator.reconcile.rollout import MigrationState, Rollout
from webviewer_operator.scaling.pools import Scaling, draining

KEPT_JOBS = 5
"""So many migration Jobs stay: one that has succeeded says that its release needs no migration."""
_WORKLOADS = frozenset({"Deployment", "StatefulSet"})


@dataclass(slots=True)
class Round:
    """What is known and decided in this round."""

    kube: KubePort
    cluster: Cluster
    observed: Observed
    own_version: str
    live: dict[str, Manifest | None] = field(init=False)
    wanted: dict[str, str] = field(init=False)
    going: dict[str, int] = field(init=False)
    """Pods that are drained, by workload."""
    problems: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wanted = wanted_images(self.cluster, self.own_version)
        self.live = {key: self._workload(key) for key in self.wanted}
        pools = self.cluster.spec.render.pools
        self.going = {render_key(name): draining(self.observed.pods_of(RENDER, name)) for name in pools}

    # ------------------------------------------------------------ what is so

    @property
    def job_name(self) -> str:
        """Name of the Job that brings the schemas to the wanted release."""
        return database.migration_name(self.cluster, (self.wanted["control"], self.wanted["storage"]))

    @property
    def migration(self) -> MigrationState:
        """How far that Job is."""
        return rollout.migration_state(self.observed.find(port.JOB, self.job_name))

    @property
    def database_ready(self) -> bool:
        """Whether PostgreSQL answers, or is somebody else's whose address is known."""
        if self.cluster.spec.database.embedded:
            return not self.cluster.spec.suspend and rollout.rolled_out(self.live["database"])
        return bool(secrets.value(self.observed.database, secret_names.database_reference(self.cluster)[1]))

    def plan(self, scaling: Scaling) -> tuple[Plan, Rollout]:
        """Decide images, digests and replicas."""
        found = rollout.plan_rollout(self.wanted, self.live, self.migration, self.going)
        return Plan(found.images, self._sums(), scaling.replicas, self._storage_nodes()), found

    def done(self, key: str) -> bool:
        """Return whether the workload is as the spec says."""
        live = self.live[key]
        return rollout.image_of(live) == self.wanted[key] and rollout.rolled_out(live, self.going.get(key, 0))

    def _storage_nodes(self) -> int | None:
        """Return how many storage nodes may run; null = all. A new one would find no schema and fail again and again."""
        now = (self.live["storage"] or {}).get("spec", {}).get("replicas", 0)
        held = self.migration != "succeeded" and 0 < now < self.cluster.spec.storage.replicas
        return now if held else None

    def _workload(self, key: str) -> Manifest | None:
        if key in {"storage", "database"}:
            return self.observed.find(port.STATEFUL_SET, naming.object_name(self.cluster, key))
        if key == "control":
            return self.observed.find(port.DEPLOYMENT, naming.object_name(self.cluster, key))
        return self.observed.find(port.DEPLOYMENT, deployment_name(self.cluster, key.partition("/")[2]))

    def _sums(self) -> dict[str, str]:
        """Return the digests of the secrets. Nodes fetch control's keys when they start, so they restart after it."""
        contents = [self._data(name) for name in (secret_names.KEYS, secret_names.NODES)]
        node_secret = secrets.value(self.observed.secrets.get("nodes"), secret_names.NODE_SECRET)
        address = {"uri": secrets.value(self.observed.database, secret_names.database_reference(self.cluster)[1])}

        def of(key: str) -> str:
            component = key.partition("/")[0]
            addresses = [] if component == RENDER else [address]
            tls = self._data(secret_names.TLS[component])
            referred = self._referred(key)
            if None in referred.values() and _sum_of(self.live[key]):
                return _sum_of(self.live[key])  # new pods would not start without it
            return secrets.digest(node_secret, *contents, *addresses, tls, *([referred] if referred else []))

        now = self.live["control"]
        found = {"control": of("control")}
        settled = _sum_of(now) == found["control"] and rollout.rolled_out(now)
        for key in self.wanted:
            if key not in {"control", "database"}:
                new = of(key)
                found[key] = new if settled else _sum_of(self.live[key]) or new
        return found

    def _referred(self, key: str) -> dict[str, str | None]:
        """Return the values that a workload's variables are taken from; null where there is none."""
        found = {name: (self.observed.referred.get(name) or {}).get("data") or {} for name in self.observed.referred}
        wanted = secret_names.referred(overrides(self.cluster)[key])
        return {f"{name}/{of}": found[name].get(of) for name, of in wanted}

    def _data(self, purpose: str) -> Manifest:
        return (self.observed.secrets.get(purpose) or {}).get("data") or {}

    # ------------------------------------------------------------ what is done

    async def make_secrets(self, now: float) -> bool:
        """Make Secrets that are missing or to be renewed; return whether there were any."""
        existing = self.observed.secrets
        made = [*secrets.wanted(self.cluster, existing), *tls_secrets.wanted(self.cluster, existing, now)]
        for each in made:
            await self.kube.apply(each)
            changing = secret_names.NEXT_PASSWORD in each["data"]
            if secrets.ROTATION in each["metadata"]["annotations"] and not changing:
                self.events.append(Event("SecretRotated", f"Secret {each['metadata']['name']} is new"))
        return bool(made)

    async def apply_all(self, plan: Plan) -> None:
        """Apply what differs, delete what is not wanted any more."""
        objects = [*desired.surroundings(self.cluster), *desired.workloads(self.cluster, plan)]
        for each in objects:
            if not self._held_back(each):
                await self._apply(each)
        await self._migrate()
        await self._change_password()
        await self._prune({key_of(each) for each in objects})

    async def _apply(self, manifest: Manifest) -> None:
        kind = kind_of(manifest)
        live = self.observed.objects.get(key_of(manifest))
        if live is not None and "deletionTimestamp" in live["metadata"]:
            return  # the next round makes it again
        try:
            if kind == port.STATEFUL_SET and live is not None:
                await self._grow_volumes(manifest, live)
                if not all(map(quantity.same, _claims(manifest), _claims(live))):
                    # The template cannot be changed: pods and volumes stay, the next round adopts them.
                    metadata = live["metadata"]
                    await self.kube.delete(kind, metadata["namespace"], metadata["name"], metadata["uid"], "Orphan")
                    return
            if needs_apply(manifest, live):
                self._learn(await self.kube.apply(manifest))
        except (RefusedError, NotServedError) as error:
            self.problems.append(f"{kind.name} {manifest['metadata']['name']}: {error.message}")

    def _learn(self, made: Manifest) -> None:
        """Take what has become of an object, or the status would call ready what has only just been asked for."""
        self.observed.objects[key_of(made)] = made
        self.live = {key: self._workload(key) for key in self.wanted}

    async def _grow_volumes(self, manifest: Manifest, live: Manifest) -> None:
        """Ask for more room on the volumes that are there."""
        size = _claims(manifest)[0]
        component = live["metadata"]["labels"][naming.COMPONENT]
        for claim in self.observed.claims:
            metadata = claim["metadata"]
            if metadata["labels"].get(naming.COMPONENT) != component or quantity.same(_size(claim), size):
                continue
            identity = {name: metadata[name] for name in ("name", "namespace", "uid")}
            wish = {"resources": {"requests": {"storage": size}}}
            claims = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": identity, "spec": wish}
            await self.kube.apply(claims)
            self.events.append(Event("VolumeExpanded", f"volume {metadata['name']}: {_size(claim)} -> {size}"))

    def _held_back(self, manifest: Manifest) -> bool:
        """Return whether a workload must not be made yet: it would find no schema and fail again and again."""
        if manifest["kind"] not in _WORKLOADS or self.migration == "succeeded":
            return False
        embedded = naming.object_name(self.cluster, database.COMPONENT)
        return manifest["metadata"]["name"] != embedded and key_of(manifest) not in self.observed.objects

    async def _migrate(self) -> None:
        if self.migration != "missing" or not self.database_ready or self.cluster.spec.suspend:
            return
        images = (self.wanted["control"], self.wanted["storage"])
        try:
            await self.kube.apply(desired.finished(self.cluster, database.migration(self.cluster, images)))
        except RefusedError as error:
            self.problems.append(f"Job {self.job_name}: {error.message}")

    async def _change_password(self) -> None:
        """Have PostgreSQL take the next password, then write it where control and storage read it."""
        secret = self.observed.secrets.get(secret_names.DATABASE)
        password = secrets.value(secret, secret_names.NEXT_PASSWORD)
        if secret is None or not password or not self.database_ready:
            return
        job = database.password_job(self.cluster, password, self.wanted["database"])
        name = job["metadata"]["name"]
        state = rollout.migration_state(self.observed.find(port.JOB, name))
        if state == "missing":
            await self.kube.apply(desired.finished(self.cluster, job))
        elif state == "succeeded":
            await self.kube.apply(secrets.changed_password(self.cluster, secret))
            self.events.append(Event("SecretRotated", f"Secret {secret['metadata']['name']} is new"))
        elif state == "failed":
            self.problems.append(f"Job {name}: the password could not be changed; delete it to try again")

    async def _prune(self, wanted: set[tuple[str, str]]) -> None:
        wanted |= {("Job", name) for name in self._kept_jobs()}
        for kind in reversed(OWNED):
            for key, each in sorted(self.observed.objects.items()):
                metadata = each["metadata"]
                if key[0] != kind.name or key in wanted or "deletionTimestamp" in metadata or not self._own(metadata):
                    continue
                await self.kube.delete(kind, metadata["namespace"], metadata["name"], metadata["uid"])

    def _kept_jobs(self) -> Sequence[str]:
        jobs = [each for key, each in self.observed.objects.items() if key[0] == "Job"]
        order = sorted(jobs, key=lambda each: str(each["metadata"].get("creationTimestamp", "")), reverse=True)
        password = secrets.value(self.observed.secrets.get(secret_names.DATABASE), secret_names.NEXT_PASSWORD)
        wanted = [self.job_name, database.password_job_name(self.cluster, password)]
        return [*wanted, *(each["metadata"]["name"] for each in order[:KEPT_JOBS])]

    def _own(self, metadata: Manifest) -> bool:
        return any(each["uid"] == self.cluster.uid for each in metadata.get("ownerReferences", ()))


def base_status(cluster: Cluster) -> ClusterStatus:
    """Return what the status says whatever is running."""
    return ClusterStatus(observed_generation=cluster.generation, url=control.public_url(cluster))


def _sum_of(workload: Manifest | None) -> str:
    annotations = (workload or {}).get("spec", {}).get("template", {}).get("metadata", {}).get("annotations") or {}
    found: str = annotations.get(SECRETS_SUM, "")
    return found


def _claims(workload: Manifest) -> list[str]:
    return [_size(each) for each in workload["spec"].get("volumeClaimTemplates", ())]


def _size(claim: Manifest) -> str:
    size: str = claim["spec"]["resources"]["requests"]["storage"]
    return size
