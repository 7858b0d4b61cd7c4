"""Tables of the index: stores, studies, series, instances, what is quarantined and what is to be unlinked."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from webviewer.db.engine import Json

UID_LENGTH = 64
ID_LENGTH = 32
STORE_LENGTH = 64
DIGEST_LENGTH = 64
TERM_LENGTH = 64

Id = String(ID_LENGTH)
Uid = String(UID_LENGTH)
# Searches compare ranges of code points, so PostgreSQL must not sort by a language.
Key = String(TERM_LENGTH).with_variant(String(TERM_LENGTH, collation="C"), "postgresql")


def new_id() -> str:
    """Return an opaque id: never derived from a UID."""
    return uuid.uuid4().hex


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


class StoreRow(Base):
    """A set of studies with one owner."""

    __tablename__ = "stores"
    __table_args__ = (
        Index(
            "uq_stores_shared",
            "kind",
            unique=True,
            sqlite_where=text("kind = 'shared'"),
            postgresql_where=text("kind = 'shared'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(STORE_LENGTH), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    owner: Mapped[str | None] = mapped_column(String(STORE_LENGTH), index=True)
    ae_title: Mapped[str | None] = mapped_column(String(16), unique=True)


class StudyRow(Base):
    """A study of one store, with the patient's attributes as its first object gave them.

    Columns named ``…_key`` are made for searching and sorting: no case, no diacritics, never null.
    """

    __tablename__ = "studies"
    __table_args__ = (
        UniqueConstraint("store_id", "study_uid"),
        Index(None, "store_id", "date_key", "id"),
        Index(None, "store_id", "name_key", "id"),
        Index(None, "store_id", "pid_key", "id"),
        Index(None, "store_id", "acc_key", "id"),
        Index(None, "store_id", "received", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("stores.id", ondelete="CASCADE"))
    study_uid: Mapped[str] = mapped_column(Uid)
    name: Mapped[str] = mapped_column(String(400))
    pid: Mapped[str] = mapped_column(String(128))
    pid_issuer: Mapped[str] = mapped_column(String(128))
    sex: Mapped[str] = mapped_column(String(16))
    birth_date: Mapped[dt.date | None]
    age: Mapped[str] = mapped_column(String(16))
    study_time: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=False))
    accession: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(String(256))
    referrer: Mapped[str] = mapped_column(String(400))
    institution: Mapped[str] = mapped_column(String(256))
    modalities: Mapped[str] = mapped_column(String(400))
    """Comma-separated, sorted; likewise ``regions``."""
    regions: Mapped[str] = mapped_column(String(400))
    received: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    nser: Mapped[int] = mapped_column(Integer)
    ninst: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(BigInteger)
    date_key: Mapped[str] = mapped_column(Key)
    name_key: Mapped[str] = mapped_column(Key)
    pid_key: Mapped[str] = mapped_column(Key)
    acc_key: Mapped[str] = mapped_column(Key)
    birth_key: Mapped[str] = mapped_column(Key)
    description_key: Mapped[str] = mapped_column(Key)
    referrer_key: Mapped[str] = mapped_column(Key)
    institution_key: Mapped[str] = mapped_column(Key)


class TermRow(Base):
    """What a study is found by: words of names and descriptions, whole values, modalities, regions.

    One row per (field, term) turns "starts with" into a range of this table's key.
    """

    __tablename__ = "terms"
    __table_args__ = (Index(None, "study_id"),)

    store_id: Mapped[str] = mapped_column(String(STORE_LENGTH), primary_key=True)
    field: Mapped[str] = mapped_column(String(8), primary_key=True)
    term: Mapped[str] = mapped_column(Key, primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)


class SeriesRow(Base):
    """A series of a study. ``version`` changes with every change of its content."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("store_id", "series_uid"), Index(None, "study_id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("stores.id", ondelete="CASCADE"))
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    series_uid: Mapped[str] = mapped_column(Uid)
    number: Mapped[int | None] = mapped_column(Integer)
    modality: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(String(256))
    region: Mapped[str] = mapped_column(String(64))
    laterality: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(Id)
    ninst: Mapped[int] = mapped_column(Integer)
    nframes: Mapped[int] = mapped_column(Integer)
    nimages: Mapped[int] = mapped_column(Integer)
    """Instances that have a picture; 0 gives ``problem`` a meaning."""
    problem: Mapped[str] = mapped_column(String(400))
    """In English; ``why`` is the same for translation, null in rows of former releases."""
    why: Mapped[dict[str, Any] | None] = mapped_column(Json)
    technique: Mapped[dict[str, Any]] = mapped_column(Json)


class InstanceRow(Base):
    """One stored object. ``image`` and ``frames`` are the JSON texts that render reads, made once at ingest."""

    __tablename__ = "instances"
    __table_args__ = (UniqueConstraint("store_id", "sop_uid"), Index(None, "series_id"), Index(None, "digest"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("stores.id", ondelete="CASCADE"))
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), index=True)
    series_id: Mapped[str] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"))
    sop_uid: Mapped[str] = mapped_column(Uid)
    sop_class: Mapped[str] = mapped_column(Uid)
    number: Mapped[int | None] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    size: Mapped[int] = mapped_column(BigInteger)
    transfer_syntax: Mapped[str] = mapped_column(Uid)
    image: Mapped[str | None] = mapped_column(Text)
    frames: Mapped[str | None] = mapped_column(Text)
    problem: Mapped[str] = mapped_column(String(400))
    """In English; ``why`` as in :class:`SeriesRow`."""
    why: Mapped[dict[str, Any] | None] = mapped_column(Json)
    received: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))


class QuarantineRow(Base):
    """A damaged or conflicting object, kept with the reason. Its blob is shared like any other."""

    __tablename__ = "quarantine"
    __table_args__ = (Index(None, "store_id", "received"), Index(None, "digest"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("stores.id", ondelete="CASCADE"))
    received: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    source: Mapped[str] = mapped_column(String(64))
    ae_title: Mapped[str] = mapped_column(String(16), server_default="")
    """Of who sent it by C-STORE; likewise ``address``."""
    address: Mapped[str] = mapped_column(String(64), server_default="")
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    reason: Mapped[str] = mapped_column(String(400))
    """In English; ``why`` is the same for translation, null in rows of former releases."""
    why: Mapped[dict[str, Any] | None] = mapped_column(Json)


class DoomedBlobRow(Base):
    """A blob without references whose file may still exist: written in the transaction that dropped the last one."""

    __tablename__ = "doomed_blobs"

    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), primary_key=True)
