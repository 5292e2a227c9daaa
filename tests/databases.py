"""Looking at the database of a store behind the product's back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, NullPool, create_engine


@contextmanager
def beside(url: str) -> Iterator[Connection]:
    """A transaction on a store's database."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
