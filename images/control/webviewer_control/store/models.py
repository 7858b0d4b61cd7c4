"""Tables of control. Nothing in them is a usable secret: passwords and session secrets are hashed."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from webviewer.db.engine import Json

_Id = String(32)
_Name = String(64)
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
    stores: Mapped[list[str]] = mapped_column(Json, default=list)
    """Stores that a link opening may read; a user's follow from the user."""
    anonymised: Mapped[bool] = mapped_column(default=False)
    download: Mapped[bool] = mapped_column(default=False)


class SettingRow(Base):
    """One setting of a user; the pages decide what it means."""

    __tablename__ = "user_settings"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
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


class JournalRow(Base):
    """One event of the authorisation journal; rows outlive the users they are about."""

    __tablename__ = "journal"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    time: Mapped[dt.datetime] = mapped_column(Instant, index=True)
    event: Mapped[str] = mapped_column(String(32), index=True)
    login: Mapped[str] = mapped_column(_Name, index=True)
    user_id: Mapped[str | None] = mapped_column(_Id)
    details: Mapped[dict[str, Any]] = mapped_column(Json)
