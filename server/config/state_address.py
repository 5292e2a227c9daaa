"""Where the state is kept: `LEADBRIDGE_STATE_URL` checked, made absolute, and shown without its password."""

from __future__ import annotations

import re
from pathlib import Path

from leadbridge.server.config.paths import fill_in

IN_MEMORY = "sqlite://"
_FORM = "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
_SQLITE = {"sqlite", "sqlite+pysqlite"}
_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}
_UNFILLED = re.compile(r"\$\{[\w.:-]*\}|\{\{")
_NO_LOGIN = re.compile(r"[^:]*[/?]|[^:/?]*:[0-9]+[/?]")
"""A host with a path or options: the @ behind it is within these, and no login ends there."""
_PLAIN = re.compile(r"[A-Za-z0-9._:,-]*")


def state_address(text: str) -> str:
    """The address in its one form: `sqlite://`, `sqlite:///ABSOLUTE_PATH` or `postgresql://...`.

    Raises:
        ValueError: with what is wrong and what is allowed; never with a part of the address.
    """
    scheme, _, rest = text.partition("://")
    if scheme.lower() in _SQLITE:
        return _sqlite(rest)
    if scheme.lower() in _POSTGRESQL and rest:
        return _postgresql(rest)
    raise ValueError(_FORM)


def sqlite_file(address: str) -> Path | None:
    """The file of such an address, or `None` for one in memory and for PostgreSQL."""
    path = address.removeprefix("sqlite:///")
    return None if path in {address, "", ":memory:"} else Path(path)


def description(address: str) -> str:
    """Where that is, for people. Of a PostgreSQL address only what is plainly a host and a database is shown."""
    if address.startswith("sqlite"):
        file = sqlite_file(address)
        return "in memory" if file is None else str(file)
    place = address.partition("://")[2].rpartition("@")[2].partition("?")[0]
    host, _, database = place.partition("/")
    if not _PLAIN.fullmatch(host) or not _PLAIN.fullmatch(database):
        return "PostgreSQL"
    return f"postgresql://{host.partition(':')[0]}/{database}"


def _sqlite(rest: str) -> str:
    if rest in {"", "/:memory:"}:
        return IN_MEMORY
    path = rest.removeprefix("/")
    if path == rest:
        raise ValueError("must have three slashes before the file: sqlite:///FILE")
    if not path:
        raise ValueError("has no file after sqlite:///; sqlite:// keeps the state in memory")
    if "?" in path:
        raise ValueError("must have no options after the file")
    file = Path(fill_in(path))
    if not file.is_absolute():
        raise ValueError(
            "must be an absolute path (four slashes, sqlite:////home/you/leadbridge.db, or ~): this one is relative, "
            "so it would be another store for each folder that a host starts in"
        )
    return f"sqlite:///{file}"


def _postgresql(rest: str) -> str:
    if _UNFILLED.search(rest):
        raise ValueError("has a placeholder that was not filled in")
    if not rest.isprintable() or " " in rest:
        raise ValueError("must have no blanks or line breaks")
    login, at, _ = rest.partition("@")
    if rest.count("@") > 1 or (at and _NO_LOGIN.match(login)):
        msg = "has an @, / or ? that does not belong there: in a user name or password write %40, %2F and %3F"
        raise ValueError(msg)
    return f"postgresql://{rest}"
