"""The statements that are executed on SQLite stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.stores.sql.sqlite import SqliteDatabase


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The SELECT statements executed in the block."""
    seen: list[str] = []
    original = SqliteDatabase._connect

    def connect(self: SqliteDatabase) -> sqlite3.Connection:
        connection = original(self)
        connection.set_trace_callback(lambda text: seen.append(text) if text.startswith("SELECT") else None)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "_connect", connect)
        yield seen
