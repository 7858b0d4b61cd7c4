"""All services of control, put together."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from webviewer import tls
from webviewer.clients.node_probe import NodeProbe
from webviewer.db.channel import Channel
from webviewer.db.engine import lock_until_commit
from webviewer.domain.load import NodeRole
from webviewer.errors import InvalidRequestError
from webviewer.ports.storage import StorageDirectory, StoragePort
from webviewer.roles import Mode, Peers
from webviewer.settings import Settings
from webviewer.web.forwarded import is_loopback
from webviewer.wire.keyring import KeyRing
from webviewer.wire.licences import LicenceReader
from webviewer_control.services.administrator import Administrator
from webviewer_control.services.api_keys import ApiKeys
from webviewer_control.services.audit import Audit
from webviewer_control.services.audit_forwarding import AuditForwarding
from webviewer_control.services.capacity import Capacity
from webviewer_control.services.downloads import Downloads
from webviewer_control.services.journal import Clock, Journal, JournalReader
from webviewer_control.services.licence_file import LicenceFile
from webviewer_control.services.licences import Licences
from webviewer_control.services.link_openings import LinkOpenings
from webviewer_control.services.link_requests import LinkRequests
from webviewer_control.services.link_secrets import LinkSecrets
from webviewer_control.services.links import Links
from webviewer_control.services.logins import Logins
from webviewer_control.services.nodes import Nodes
from webviewer_control.services.passwords import Passwords
from webviewer_control.services.placement import LocalNode, Placements
from webviewer_control.services.preferences import Preferences
from webviewer_control.services.records import Records
from webviewer_control.services.renders import LocalDirectory, RegisteredNodes, Renders
from webviewer_control.services.retention import Retention
from webviewer_control.services.seats import Seats
from webviewer_control.services.session_bus import CHANNEL, PostgresBus
from webviewer_control.services.sessions import SessionLimits, Sessions
from webviewer_control.services.sign_on import SignOn
from webviewer_control.services.sign_on_sessions import SignOnSessions
from webviewer_control.services.storages import OneStorage, RegisteredStorages, StorageNode, StorageNodes
from webviewer_control.services.stores import Stores, operate_grant
from webviewer_control.services.syslog import SyslogAddress, SyslogSender
from webviewer_control.services.throttle import Throttle
from webviewer_control.services.typed_links import TypedLinks
from webviewer_control.services.upload_audit import UploadAudit
from webviewer_control.services.users import Users
from webviewer_control.services.viewports import ViewportStore
from webviewer_control.services.watch import MemoryBus, SessionBus
from webviewer_control.store.database import Database
from webviewer_control.store.models import UserRow

_START_LOCK = 7_201_152
"""Names the lock of starting controls among those of the database."""
DEMO_USER = "demo"
DEMO_PASSWORD = "demo"  # noqa: S105 - known to everybody on purpose, on loopback only


@dataclass(frozen=True, slots=True)
class Gateway:
    """The other roles as control reaches them."""

    storages: StorageNodes
    renders: Renders
    stores: Stores
    capacity: Capacity
    uploads: UploadAudit
    slot_idle: float
    """Seconds that a session without viewports keeps its render node."""


@dataclass(slots=True)
class Control:
    """The services; :meth:`attach` starts what needs the other roles."""

    settings: Settings
    mode: Mode
    keyring: KeyRing
    records: Records
    bus: SessionBus
    sessions: Sessions
    users: Users
    administrator: Administrator
    logins: Logins
    preferences: Preferences
    viewports: ViewportStore
    downloads: Downloads
    journal: JournalReader
    retention: Retention
    audit: Audit
    audit_forwarding: AuditForwarding | None
    nodes: Nodes
    licences: Licences
    links: Links
    link_openings: LinkOpenings
    link_requests: LinkRequests
    api_keys: ApiKeys
    sign_on: SignOn
    sign_on_sessions: SignOnSessions
    started: dt.datetime
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        """The present moment."""
        return self.records.clock

    @property
    def database(self) -> Database:
        """The database of all services."""
        return self.records.database

    def attach(self, peers: Peers) -> Gateway:
        """Meet the other roles. Raises InvalidRequestError if one is missing."""
        directory = peers.renders or (LocalDirectory(peers.render) if peers.render else None)
        if peers.storage is None or directory is None:
            text = "control needs storage and render"
            raise InvalidRequestError(text)
        # One process has one name; in a cluster each kind of node is addressed by its role.
        name = self.settings.node_name if self.mode.unified else ""
        signer = self.keyring.signer
        storages = self._storages(peers.storage, peers.storages)
        stores = Stores(storages, signer, name or "storage", name or "render")
        placements = self._placements(local=peers.renders is None)
        token = partial(operate_grant, signer, name or "render")
        renders = Renders(placements, directory, stores, token, self.settings.slot_idle)
        capacity = Capacity(peers.render_nodes or RegisteredNodes(placements, directory), token)
        uploads = UploadAudit(self.audit, stores)
        works = (stores.put_all(self._all_users), renders.look_for_ever(), uploads.watch_for_ever())
        self.tasks += [asyncio.create_task(work) for work in works]
        return Gateway(storages, renders, stores, capacity, uploads, self.settings.slot_idle)

    def _storages(self, storage: StoragePort, directory: StorageDirectory | None) -> StorageNodes:
        if directory is None:
            return OneStorage(storage, None if self.mode.unified else self.settings.storage_url)
        return RegisteredStorages(self.database, StorageNode(None, storage, self.settings.storage_url), directory)

    def _placements(self, *, local: bool) -> Placements:
        registry = LocalNode() if local else self.nodes
        return Placements(self.records, registry, self.settings.placement, self.settings.slot_idle)

    async def _all_users(self) -> list[UserRow]:
        return list(await self.users.all())


def utc_now() -> dt.datetime:
    """Return the present moment."""
    return dt.datetime.now(dt.UTC)


@asynccontextmanager
async def open_control(settings: Settings, mode: Mode, clock: Clock = utc_now) -> AsyncIterator[Control]:
    """Open the database, make what the first start needs and keep sessions swept.

    Raises SchemaOutdatedError in a cluster whose schema is old (unified upgrades it itself), and
    InvalidRequestError for a demonstration that others could reach.
    """
    if settings.demo and not is_loopback(settings.host):
        text = f"--demo has well-known passwords and serves this machine only: it cannot listen on {settings.host}"
        raise InvalidRequestError(text)
    keyring = KeyRing.load(settings.data)
    database = Database(settings)
    # One process needs no more than its memory; on SQLite there is only one.
    several = not mode.unified and settings.database_url is not None
    bus = PostgresBus(Channel(database.engine, CHANNEL)) if several else MemoryBus()
    control = _compose(settings, mode, keyring, Records(database, Journal(clock), clock), bus)
    try:
        await (control.database.upgrade() if mode.unified else control.database.check())
        async with control.database.reading() as turn:
            # Replicas may start together on an empty database: one makes what the others then find.
            await lock_until_commit(turn, _START_LOCK)
            await _first_accounts(control)
            await control.licences.ensure()
        works = [control.sessions.sweep_for_ever, control.retention.prune_for_ever, control.audit.seal_for_ever]
        if control.audit_forwarding:
            works.append(control.audit_forwarding.forward_for_ever)
        if not mode.unified:
            works.append(control.nodes.watch_for_ever)
        if isinstance(bus, PostgresBus):
            works += [bus.send_for_ever, bus.listen_for_ever]
        if settings.licensing == "enforced":
            works.append(control.licences.watch_for_ever)
            if settings.licence_file:
                file = LicenceFile(control.licences, settings.licence_file)
                await file.look()
                works.append(file.look_for_ever)
        control.tasks += [asyncio.create_task(work()) for work in works]
        yield control
    finally:
        for task in control.tasks:
            task.cancel()
        for task in control.tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await control.nodes.aclose()
        await control.database.close()


def _forwarding(settings: Settings, records: Records, audit: Audit) -> AuditForwarding | None:
    if not settings.audit_syslog:
        return None
    address = SyslogAddress.of(settings.audit_syslog)
    authority = settings.audit_syslog_authority
    context = tls.client_context(authority, "audit_syslog_authority") if address.transport == "tls" else None
    source = settings.node_name or socket.gethostname()
    return AuditForwarding(records, audit, SyslogSender(address, context), settings.audit_syslog_format, source)


def _compose(settings: Settings, mode: Mode, keyring: KeyRing, records: Records, bus: SessionBus) -> Control:
    passwords = Passwords()
    seats = Seats(enforced=settings.licensing == "enforced")
    limits = SessionLimits(settings.session_idle, settings.session_lifetime)
    sessions = Sessions(records, bus, keyring.secret, seats, limits)
    licences = Licences(
        records,
        seats,
        sessions,
        LicenceReader(settings.licence_keys),
        trial_supported=mode.unified and settings.database_url is None,
    )
    users = Users(records, passwords, sessions, settings.ae_title)
    administrator = Administrator(records, passwords, sessions, settings.data)
    throttle = Throttle(time.monotonic)
    journal = JournalReader(records.database)
    audit = Audit(records, keyring.secret, names=settings.audit_names)
    logins = Logins(records, passwords, throttle, users, administrator, sessions)
    secrets = LinkSecrets(keyring.secret)
    links = Links(records, secrets, passwords, licences, sessions, audit)
    typed = TypedLinks(users, settings.link_by_params_policy)
    # A throttle of its own: whoever guesses links must not displace what is known of log-ins.
    openings = LinkOpenings(records, secrets, passwords, Throttle(time.monotonic), links, sessions, typed)
    return Control(
        settings=settings,
        mode=mode,
        keyring=keyring,
        records=records,
        started=records.clock(),
        bus=bus,
        sessions=sessions,
        users=users,
        administrator=administrator,
        logins=logins,
        preferences=Preferences(records.database),
        viewports=ViewportStore(records.database, records.clock),
        downloads=Downloads(records),
        journal=journal,
        retention=Retention(records, {"journal": journal.prune, "audit": audit.prune}),
        audit=audit,
        audit_forwarding=_forwarding(settings, records, audit),
        sign_on=SignOn(settings, keyring.secret, records.clock),
        sign_on_sessions=SignOnSessions(records, users, sessions),
        nodes=Nodes(records, keyring.signer, _probe(settings), affinity=settings.placement == "volume-affinity"),
        licences=licences,
        links=links,
        link_openings=openings,
        link_requests=LinkRequests(users, links),
        api_keys=ApiKeys(records, keyring.secret),
    )


def _probe(settings: Settings) -> NodeProbe:
    services: dict[NodeRole, str] = {
        "storage": settings.storage_url,
        "render": settings.render_nodes_url or settings.render_url,
    }
    return NodeProbe(tls.client_context(settings.tls_authority), services)


async def _first_accounts(control: Control) -> None:
    demo = control.settings.demo
    await control.administrator.ensure(demo=demo)
    if not demo:
        await control.users.switch_off_demo()
        return
    row = await control.users.find_login(DEMO_USER)
    if row is None:
        await control.users.insert({"login": DEMO_USER, "password": DEMO_PASSWORD}, demo=True)
    elif row.demo and not row.active:
        await control.users.switch_on_demo(row.id)
