"""Tables of the state store (SQLAlchemy Core). Imported when the store is first opened, never at start.

An `account` is a company's account at one service, such as `rooflink/acme`; see `leadbridge.server.services.services`.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = 9
AUDIT_HEAD = "audit_head"
AUDIT_START = "0" * 64
"""What the first row of the audit trail follows."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

service_keys = Table(
    "service_keys",
    metadata,
    Column("fingerprint", String(64), primary_key=True),  # of key and address, salted with the store's secret
    Column("service", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("subject", String(64), nullable=False),  # fingerprint of whom the token was issued to, if it says so
    Column("known_by", String(16), nullable=False),  # first, records, subject, nothing, person, upgrade
    Column("at", Float, nullable=False),
    Index("service_keys_by_service", "service"),
)

writes = Table(
    "writes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account", String(64), nullable=False),
    Column("service", String(32), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("target", String(200), nullable=False),
    Column("subject", String(200), nullable=False),  # what is changed: one lead's status, one new record
    Column("repeat_digest", String(64), nullable=False),  # the same again has the same
    Column("arguments", JSON, nullable=False),  # by allow-list, personal data masked
    Column("state", String(16), nullable=False),  # intended, sent, done, unconfirmed, failed, unknown
    Column("summary", Text, nullable=False, default=""),
    Column("record_id", BigInteger),
    Column("approval", String(32), nullable=False),
    Column("approval_id", String(64), nullable=False, default=""),
    Column("sandbox", Boolean, nullable=False),
    Column("owner", String(120), nullable=False),  # the process that sends it
    Column("lease_until", Float, nullable=False),  # after that its owner has given up, whoever it is
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("writes_by_subject", "account", "subject"),
    Index("writes_by_state", "state"),
    Index("writes_by_time", "account", "state", "created_at", "id"),
)

being_created = Table(
    "being_created",
    metadata,
    Column("write_id", BigInteger, primary_key=True, autoincrement=False),
    Column("account", String(64), nullable=False),
    Column("found_by", JSON, nullable=False),  # normalised keys
    Column("told", JSON, nullable=False),  # as it is compared; forgotten when the write failed, or after a day
)

audit = Table(
    "audit",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("event", Text, nullable=False),  # canonical JSON, without personal data
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
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

seen_prospects = Table(
    "seen_prospects",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("prospect_id", BigInteger, primary_key=True, autoincrement=False),
    Column("told", JSON, nullable=False),  # what RoofLink said
    Column("profile", Text, nullable=False),  # the same, normalised, as it is compared; empty in a row of before
    Column("standing", JSON, nullable=False),  # stage, rep, dates, next step; empty where the list was not read
    Column("deleted", Boolean, nullable=False),
    Column("listed", Boolean, nullable=False),  # read in the list's order; not only made here, or found by a filter
    Column("seen_at", Float, nullable=False),
    Index("seen_prospects_by_age", "account", "seen_at"),
)

seen_keys = Table(
    "seen_keys",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("key", String(120), primary_key=True),  # a phone, an e-mail, a house, a street, a name, normalised
    Column("prospect_id", BigInteger, primary_key=True, autoincrement=False),
    Index("seen_keys_by_prospect", "account", "prospect_id"),
)

seen_coverage = Table(
    "seen_coverage",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("rules", Integer, nullable=False),  # of normalising; rows of other rules are read again
    Column("total", Integer),  # prospects on the service, as it last said
    Column("page_rows", Integer, nullable=False),  # rows that a page has
    Column("page_seconds", Float, nullable=False),  # how long a page takes
    Column("newest_position", Integer, nullable=False),  # rows; see leadbridge.server.prospects.cursor
    Column("newest_at", Float, nullable=False),
    Column("rest_position", Integer, nullable=False),
    Column("rest_started_at", Float, nullable=False),
    Column("complete_since", Float, nullable=False),
    Column("reader", String(32), nullable=False),  # the process that reads in the background
    Column("reader_until", Float, nullable=False),
)

observations = Table(
    "observations",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("operation", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),  # filter or path; rows of other kinds are from earlier versions
    Column("name", String(120), primary_key=True),
    Column("state", String(40), nullable=False),  # ignored, missing or honoured
    Column("count", BigInteger, nullable=False),
    Column("seen_at", Float, nullable=False),
)

photo_uploads = Table(
    "photo_uploads",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("upload", String(64), primary_key=True),  # digest of job, content and name
    Column("photo_id", BigInteger, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),  # of the file's content
    Column("form", JSON, nullable=False),  # a credential, until the file is there; then the row goes
    Column("uploaded", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
)

paces = Table(
    "paces",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("state", LargeBinary, nullable=False),  # see leadbridge.server.services.rate_limiter
)
