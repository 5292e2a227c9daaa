"""Tables of the state store (SQLAlchemy Core). Imported when the store is first opened, never at start."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

SCHEMA_VERSION = 1

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

writes = Table(
    "writes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account", String(64), nullable=False),
    Column("service", String(32), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("target", String(200), nullable=False),
    Column("arguments_digest", String(64), nullable=False),
    Column("arguments", JSON, nullable=False),  # by allow-list, personal data masked
    Column("state", String(16), nullable=False),  # intended, sent, done, failed, unknown
    Column("summary", Text, nullable=False, default=""),
    Column("record_id", BigInteger),
    Column("approval", String(32), nullable=False),
    Column("approval_id", String(64), nullable=False, default=""),
    Column("sandbox", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("writes_by_digest", "account", "operation", "arguments_digest"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("approval_id", String(64), primary_key=True),
    Column("operation", String(64), nullable=False),
    Column("answer", String(16), nullable=False),  # yes, no
    Column("at", Float, nullable=False),
)

leads = Table(
    "leads",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("lead_id", BigInteger, primary_key=True),
    Column("data", JSON, nullable=False),
    Column("seen_at", Float, nullable=False),
)
