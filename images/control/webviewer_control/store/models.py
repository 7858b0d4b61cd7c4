"""Tables of control. Nothing in them is a usable secret: passwords and session secrets are hashed."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Literal

from sqlalchemy import BigInteger, Date, DateTime, Dialect, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from webviewer.db.engine import Json
from webviewer.domain.load import NodeRole

_Id = String(32)
_Name = String(64)
# Searches and orders compare code points, so PostgreSQL must not sort by a language.
_Key = String(64).with_variant(String(64, collation="C"), "postgresql")
Counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only INTEGER keys


def new_id() -> str:
    """Return an opaque id."""
    return uuid.uuid4().hex


class Instant(TypeDecorator[dt.datetime]):
    """A moment in UTC, aware on both engines: SQLite forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Store UTC. Raises ValueError for a moment without zone."""
        if value is not None and value.tzinfo is None:
            text = "moments need a zone"
            raise ValueError(text)
        return value.astimezone(dt.UTC) if value else None

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Return UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that both engines and Alembic agree on them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class AdministratorRow(Base):
    """The one administrator account."""

    __tablename__ = "administrators"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    login: Mapped[str] = mapped_column(String(32))
    password: Mapped[str] = mapped_column(Text)
    demo: Mapped[bool]
    """The password is the well-known one of the demonstration."""
    changed: Mapped[dt.datetime] = mapped_column(Instant)


class UserRow(Base):
    """A user, with the store that holds his studies."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(_Id, primary_key=True, default=new_id)
    login: Mapped[str] = mapped_column(String(32))
    login_key: Mapped[str] = mapped_column(String(32), unique=True)
    """The login in lower case: logins differ by more than case."""
    password: Mapped[str] = mapped_column(Text)
    ae_title: Mapped[str | None] = mapped_column(String(16), unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    demo: Mapped[bool] = mapped_column(default=False)
    created: Mapped[dt.datetime] = mapped_column(Instant)
    last_login: Mapped[dt.datetime | None] = mapped_column(Instant)
    store: Mapped[str] = mapped_column(_Id, default=new_id)
    storage_node: Mapped[str | None] = mapped_column(_Name, index=True)
    """Identity of the node that has the store; null before any has registered, and in one process."""
    subject: Mapped[str | None] = mapped_column(Text, unique=True)
    """Who he is to the provider of single sign-on: its address and his name there; null for a user of ours."""
    version: Mapped[int] = mapped_column(default=1)
    """Counts changes by the administrator, so that two of them do not undo each other's unseen."""


class SessionRow(Base):
    """A log-in, or one opening of a link."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(_Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret: Mapped[str] = mapped_column(_Name, unique=True)
    """SHA-256 of the cookie or bearer secret, hexadecimal."""
    created: Mapped[dt.datetime] = mapped_column(Instant)
    last_seen: Mapped[dt.datetime] = mapped_column(Instant, index=True)
    expires: Mapped[dt.datetime] = mapped_column(Instant, index=True)
    address: Mapped[str] = mapped_column(_Name)
    agent: Mapped[str] = mapped_column(String(256), default="")
    """What the browser calls itself."""
    stores: Mapped[list[str]] = mapped_column(Json, default=list)
    """Stores that a link opening may read; a user's follow from the user."""
    storage_node: Mapped[str | None] = mapped_column(_Name)
    """Identity of the node that a link opening reads at; a user's follows from the user."""
    study: Mapped[str | None] = mapped_column(_Name, index=True)
    """The one study of a link opening."""
    series: Mapped[str | None] = mapped_column(_Name)
    """The one series of a link opening; null = all of its study."""
    link: Mapped[str | None] = mapped_column(_Id, index=True)
    """Id of the link that was opened; null of typed parameters. Links and their sessions end in one transaction."""
    auditor: Mapped[bool] = mapped_column(default=False)
    """An administrator's session that may read the journals, and nothing else."""
    anonymised: Mapped[bool] = mapped_column(default=False)
    download: Mapped[bool] = mapped_column(default=False)
    seat: Mapped[str | None] = mapped_column(String(16), index=True)
    """Connection of the licence that the session holds as long as this row exists: user, link or personal; signed and
    free need none. Null of an administrator, and of whoever came while licensing was off."""


class SettingRow(Base):
    """One setting of a user; the pages decide what it means."""

    __tablename__ = "user_settings"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(_Name, primary_key=True)
    value: Mapped[Any] = mapped_column(Json)


class AdministratorSettingRow(Base):
    """One setting of the administrator's pages; he is no user."""

    __tablename__ = "administrator_settings"

    key: Mapped[str] = mapped_column(_Name, primary_key=True)
    value: Mapped[Any] = mapped_column(Json)


class ServerSettingRow(Base):
    """One setting of the server that the administrator changes on a page."""

    __tablename__ = "server_settings"

    key: Mapped[str] = mapped_column(_Name, primary_key=True)
    value: Mapped[Any] = mapped_column(Json)


class ViewportRow(Base):
    """An open viewport and what it shows; ``socket`` tells the tabs of a session apart."""

    __tablename__ = "viewports"

    socket: Mapped[str] = mapped_column(_Id, primary_key=True)
    viewport: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    study: Mapped[str] = mapped_column(_Name)
    series: Mapped[str] = mapped_column(_Name)
    view: Mapped[dict[str, Any]] = mapped_column(Json)
    changed: Mapped[dt.datetime] = mapped_column(Instant)


class PlacementRow(Base):
    """The render node that a session has. A unified server is node 0, and has no row in ``nodes``."""

    __tablename__ = "placements"

    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    node_id: Mapped[int] = mapped_column(index=True)
    expires: Mapped[dt.datetime] = mapped_column(Instant, index=True)
    """When it is given back, unless a viewport is open."""


class WaiterRow(Base):
    """A tab that waits for a render node. Who has the lower number came first."""

    __tablename__ = "waiters"

    tab: Mapped[str] = mapped_column(_Id, primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    ticket: Mapped[int] = mapped_column(BigInteger, index=True)
    expires: Mapped[dt.datetime] = mapped_column(Instant)
    """When it is taken for gone, unless its control says that it is there."""


class JournalRow(Base):
    """One event of the authorisation journal; rows outlive the users they are about."""

    __tablename__ = "journal"
    # Every order of the page is the order of an index, and every index ends in the key: pages are read from it alone.
    __table_args__ = (
        Index(None, "time", "id"),
        Index(None, "event", "time", "id"),
        Index(None, "login_key", "time", "id"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    time: Mapped[dt.datetime] = mapped_column(Instant)
    event: Mapped[str] = mapped_column(String(32))
    login: Mapped[str] = mapped_column(_Name)
    """Who did it, as he was called then; of a failed log-in the name that was tried."""
    login_key: Mapped[str] = mapped_column(_Name)
    """The login in lower case, for search and order."""
    user_id: Mapped[str | None] = mapped_column(_Id)
    details: Mapped[dict[str, Any]] = mapped_column(Json)


class AuditSealRow(Base):
    """A link of the audit's chain: it covers some entries and the link before it, and only the instance key makes it.

    The first one covers nothing. Where old entries were deleted, the last of their seals stays as a checkpoint.
    """

    __tablename__ = "audit_seals"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    time: Mapped[dt.datetime] = mapped_column(Instant)
    entries: Mapped[int]
    digest: Mapped[str] = mapped_column(_Name)
    """SHA-256 over the digests of the entries, in their order."""
    previous: Mapped[str] = mapped_column(_Name)
    """``mac`` of the link before."""
    mac: Mapped[str] = mapped_column(_Name)
    deleted: Mapped[int] = mapped_column(Counter, default=0)
    """Of a checkpoint: how many entries were deleted up to here."""
    checkpoint: Mapped[str] = mapped_column(_Name, default="")
    """Proves that this program deleted them; empty where nothing was."""


class AuditRow(Base):
    """One entry of the viewing audit: who did what to which study. Entries outlive users and studies."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "time", "id"),
        Index(None, "action", "time", "id"),
        Index(None, "login_key", "time", "id"),
        Index(None, "study", "time", "id"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    time: Mapped[dt.datetime] = mapped_column(Instant)
    action: Mapped[str] = mapped_column(String(16))
    login: Mapped[str] = mapped_column(_Name)
    login_key: Mapped[str] = mapped_column(_Name)
    user_id: Mapped[str | None] = mapped_column(_Id)
    kind: Mapped[str] = mapped_column(String(16))
    """Kind of the session: user, administrator, link or system."""
    session: Mapped[str] = mapped_column(_Name)
    link: Mapped[str] = mapped_column(_Name, default="")
    """Id of the link that it was done by; empty for a log-in."""
    address: Mapped[str] = mapped_column(_Name)
    study: Mapped[str] = mapped_column(_Name)
    """Opaque id; empty where no study is concerned."""
    subject: Mapped[dict[str, Any]] = mapped_column(Json)
    """What the study was when it happened: patient, date, modality, description."""
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    digest: Mapped[str | None] = mapped_column(_Name)
    seal_id: Mapped[int | None] = mapped_column(Counter, index=True)
    """The link that covers it; null until the next one is made."""


class NodeRow(Base):
    """A storage or render node of the cluster. ``id`` is what people call it; ``key`` is its own identity."""

    __tablename__ = "nodes"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str | None] = mapped_column(_Name, unique=True)
    """What the node calls itself; null until it has registered."""
    role: Mapped[NodeRole] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(255), unique=True)
    active: Mapped[bool]
    by_hand: Mapped[bool]
    """Entered by the administrator, and not by the node."""
    created: Mapped[dt.datetime] = mapped_column(Instant)
    last_seen: Mapped[dt.datetime | None] = mapped_column(Instant)
    version: Mapped[str] = mapped_column(_Name)
    ae_title: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(String(255))
    """Why it did not answer the last time; empty if it did."""
    draining: Mapped[bool]
    slots: Mapped[int | None]
    used: Mapped[int | None]
    series: Mapped[list[str]] = mapped_column(Json, default=list)
    """What is in a render node's memory; empty where nobody asks."""
    device: Mapped[str] = mapped_column(String(255), default="")
    """What a render node draws on; empty until it has said so."""


class LedgerRow(Base):
    """The one row of licensing. Who takes a seat or activates a licence locks it: nobody counts at the same time."""

    __tablename__ = "licence_ledger"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product: Mapped[str] = mapped_column(_Name)
    """Product code of the installation."""
    latest: Mapped[dt.datetime] = mapped_column(Instant)
    """The latest time that the clock has shown."""
    behind: Mapped[bool] = mapped_column(default=False)
    """The journal was told that the clock is behind it."""


class LicenceRow(Base):
    """A licence that was activated once. Rows stay: a key is taken once only."""

    __tablename__ = "licences"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    key: Mapped[str] = mapped_column(_Name, unique=True)
    """Number of the signed licence; ``trial`` of the trial."""
    type: Mapped[str] = mapped_column(String(16))
    issued: Mapped[dt.datetime] = mapped_column(Instant)
    ends: Mapped[dt.datetime | None] = mapped_column(Instant)
    concurrents: Mapped[int]
    link_connections: Mapped[int]
    links: Mapped[int]
    policy: Mapped[str] = mapped_column(String(16))
    activated: Mapped[dt.datetime] = mapped_column(Instant)
    active: Mapped[bool]
    """Neither replaced nor deleted; it may have ended all the same."""
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    """Whose personal key it is."""
    end_told: Mapped[bool] = mapped_column(default=False)
    """The journal was told that it has ended."""


class SignedLinkRow(Base):
    """A link that was signed: it took one of the licence's number of links, for ever."""

    __tablename__ = "signed_links"

    link: Mapped[str] = mapped_column(_Name, primary_key=True)
    licence_id: Mapped[int] = mapped_column(ForeignKey("licences.id"), index=True)
    signed: Mapped[dt.datetime] = mapped_column(Instant)


class LinkRow(Base):
    """A link to a study, with the study as it was then. Its secrets are derived, never stored.

    Columns named ``…_key`` are made for searching and sorting: no case, no diacritics, never null.
    """

    __tablename__ = "links"
    __table_args__ = (
        Index(None, "created", "id"),
        Index(None, "user_id", "created", "id"),
        Index(None, "name_key", "id"),
        Index(None, "pid_key", "id"),
        Index(None, "acc_key", "id"),
    )

    id: Mapped[str] = mapped_column(_Id, primary_key=True, default=new_id)
    secret: Mapped[str] = mapped_column(_Name, unique=True)
    """SHA-256 of the opening secret, hexadecimal."""
    generation: Mapped[int]
    """Goes into the secrets; revoking raises it."""
    copied: Mapped[bool]
    """Somebody was given the secrets of this generation."""
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    """Who made it; null = the administrator."""
    created: Mapped[dt.datetime] = mapped_column(Instant)
    storage_node: Mapped[str | None] = mapped_column(_Name)
    """Identity of the node that has the study; null in one process."""
    store: Mapped[str] = mapped_column(_Name, index=True)
    study: Mapped[str] = mapped_column(_Name, index=True)
    series: Mapped[str | None] = mapped_column(_Name)
    """The one series that it shows; null = all of the study."""
    window: Mapped[Literal["image", "mpr", "3d"]] = mapped_column(String(8))
    comment: Mapped[str] = mapped_column(Text)
    valid_until: Mapped[dt.datetime | None] = mapped_column(Instant)
    password: Mapped[str | None] = mapped_column(Text)
    """Argon2id; null = it has none."""
    opens: Mapped[int]
    max_opens: Mapped[int | None]
    gone: Mapped[bool]
    """The study was deleted."""
    uid: Mapped[str] = mapped_column(_Name)
    name: Mapped[str] = mapped_column(Text)
    pid: Mapped[str] = mapped_column(Text)
    sex: Mapped[str] = mapped_column(String(16))
    dob: Mapped[dt.date | None] = mapped_column(Date)
    mod: Mapped[list[str]] = mapped_column(Json)
    region: Mapped[str] = mapped_column(Text)
    date: Mapped[dt.datetime | None] = mapped_column(DateTime)
    """As the study has it: the clock of the hospital, without zone."""
    acc: Mapped[str] = mapped_column(Text)
    desc: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(_Key)
    pid_key: Mapped[str] = mapped_column(_Key)
    acc_key: Mapped[str] = mapped_column(_Key)
    desc_key: Mapped[str] = mapped_column(_Key)
    mod_key: Mapped[str] = mapped_column(Text)
    """Every modality between two commas."""
    region_key: Mapped[str] = mapped_column(Text)
    """Every region between two commas."""


class ApiKeyRow(Base):
    """A key of another program. It is kept sealed under the instance key, and found by an HMAC."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    """AES-GCM under a key that is made of the instance key."""
    lookup: Mapped[str] = mapped_column(_Name, unique=True)
    """HMAC-SHA256 of the key, hexadecimal."""
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """Whose rights it has; null = the administrator's."""
    description: Mapped[str] = mapped_column(Text)
    created: Mapped[dt.datetime] = mapped_column(Instant)
    last_used: Mapped[dt.datetime | None] = mapped_column(Instant)
    request: Mapped[dict[str, Any]] = mapped_column(Json)
    """What may be asked with it."""


class DownloadTicketRow(Base):
    """A study that a browser may fetch once, at an address without other credentials; it goes with its session."""

    __tablename__ = "download_tickets"

    ticket: Mapped[str] = mapped_column(_Name, primary_key=True)
    """SHA-256 of what is in the address."""
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    study: Mapped[str] = mapped_column(_Name)
    expires: Mapped[dt.datetime] = mapped_column(Instant)
