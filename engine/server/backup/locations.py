"""Where the artifacts of a store are, as its database says: in local folders, behind a tracking server, or in
remote storage."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from engine.server.backup.databases import connect
from engine.uri import local_root

SERVED_SCHEME = "mlflow-artifacts"
_REFERENCES = ("runs", "models")
"""Schemes of model sources that name a run or a model, not a place."""
_NEEDS_ENCODING = re.compile(r"[%?#]")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that holds locations. `holds_files` is false for an experiment's: artifacts are written to
    the locations of runs, models and traces below it. `may_be_relative` is false for a model's source: a
    prompt has the source `dummy-source`, which is no path."""

    table: str
    column: str
    holds_files: bool = True
    may_be_relative: bool = True
    condition: str = "1 = 1"


_COLUMNS = (
    _Column("experiments", "artifact_location", holds_files=False),
    _Column("workspaces", "default_artifact_root", holds_files=False),
    _Column("workspaces", "trace_archival_location"),
    _Column("runs", "artifact_uri"),
    _Column("logged_models", "artifact_location"),
    _Column("model_versions", "source", may_be_relative=False),
    _Column("model_versions", "storage_location", may_be_relative=False),
    _Column("trace_tags", "value", condition="key = 'mlflow.artifactLocation'"),
)


@dataclass(frozen=True, slots=True)
class Locations:
    """The locations in a database, each with the number of rows that name it, by kind.

    `local` are absolute folders, `served` are paths below the artifact folder of a tracking server, `remote`
    are URIs. Artifacts are below those in `with_files`.
    """

    local: Mapping[Path, int]
    served: Mapping[str, int]
    remote: Mapping[str, int]
    with_files: frozenset[Path | str]

    @property
    def base(self) -> Path | None:
        """The deepest folder that holds all local locations; None without any."""
        parents = [str(path.parent) for path in self.local]
        return Path(os.path.commonpath(parents)) if parents else None

    def local_folders(self) -> tuple[Path, ...]:
        """The local folders with artifacts, in order, none inside another."""
        return tuple(_outermost(path for path in self.local if path in self.with_files))

    def served_folders(self) -> tuple[str, ...]:
        """The same of a tracking server."""
        paths = (Path(path) for path in self.served if path in self.with_files)
        return tuple(str(path) for path in _outermost(paths))

    def remote_roots(self) -> Mapping[str, int]:
        """The remote locations by scheme and host: `s3://bucket`, with the number of rows."""
        found: Counter[str] = Counter()
        for uri, rows in self.remote.items():
            parts = urlsplit(uri)
            found[f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"] += rows
        return found


def read_locations(database: Path, folder: Path) -> Locations:
    """The locations in a database file. Relative ones are below `folder`, where the server runs. Raises
    `sqlite3.Error`."""
    local: Counter[Path] = Counter()
    served: Counter[str] = Counter()
    remote: Counter[str] = Counter()
    with_files: set[Path | str] = set()
    with closing(connect(database)) as connection:
        for column in _present(connection):
            name = column.column
            statement = (
                f"SELECT {name}, count(*) FROM {column.table}"
                f" WHERE {column.condition} AND {name} IS NOT NULL AND {name} != '' GROUP BY {name}"
            )
            for value, rows in connection.execute(statement):
                place = _place(value, column, folder)
                match place:
                    case Path():
                        local[place] += rows
                    case _Served(path):
                        served[path] += rows
                        place = path
                    case str():
                        remote[place] += rows
                if place is not None and column.holds_files:
                    with_files.add(place)
    return Locations(local, served, remote, frozenset(with_files))


def relocate(database: Path, moves: Sequence[tuple[Path, Path]], folder: Path) -> int:
    """Replace the first of these folders that a local location is in, in every column; returns the number of
    changed values. `folder` is as in `read_locations`. Raises `sqlite3.Error`."""

    def moved(value: Any, column: _Column) -> Any:
        place = _place(value, column, folder) if isinstance(value, str) else None
        if not isinstance(place, Path):
            return value
        for old, new in moves:
            if place.is_relative_to(old):
                target = new / place.relative_to(old)
                as_uri = str(value).startswith("file:") or _NEEDS_ENCODING.search(str(target))
                return target.as_uri() if as_uri else str(target)
        return value

    changed = 0
    with closing(connect(database, "rw")) as connection, connection:
        for column in _present(connection):
            name = column.column
            connection.create_function("moved", 1, partial(moved, column=column), deterministic=True)
            changed += connection.execute(
                f"UPDATE {column.table} SET {name} = moved({name})"
                f" WHERE {column.condition} AND moved({name}) IS NOT {name}"
            ).rowcount
    return changed


@dataclass(frozen=True, slots=True)
class _Served:
    path: str


def _place(value: str, column: _Column, folder: Path) -> Path | _Served | str | None:
    """An absolute folder, a path of a tracking server, a remote URI, or None for what is no place."""
    try:
        scheme = urlsplit(value).scheme
        path = local_root(value)
        if scheme == SERVED_SCHEME:
            inside = os.path.normpath("/" + unquote(urlsplit(value).path))
            return _Served(inside.lstrip("/"))
    except ValueError:  # not a URI
        return None
    if path is not None:
        is_place = path.is_absolute() or column.may_be_relative
        return Path(os.path.normpath(folder / path)) if is_place else None
    return None if scheme in _REFERENCES else value


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    last: Path | None = None
    for path in sorted(paths):
        if last is None or not path.is_relative_to(last):
            last = path
            yield path


def _present(connection: sqlite3.Connection) -> Iterator[_Column]:
    """The columns that this schema has."""
    for column in _COLUMNS:
        names = {row[1] for row in connection.execute(f"PRAGMA table_info({column.table})")}
        if column.column in names:
            yield column
