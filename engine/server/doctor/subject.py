"""The store that is examined, and the limits beyond which something is reported."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from engine.entities import Experiment
from engine.errors import EngineError, ServerTimeout
from engine.stores import needs_mlflow_auth, open_database, open_store
from engine.stores.base import Store
from engine.stores.sql.database import Database
from engine.stores.sql.schema import Tables, tables
from engine.uri import GIVEN, TrackingUri

if TYPE_CHECKING:
    from engine.server.records import ServerFacts
    from engine.services.records import ServiceStatus

T = TypeVar("T")

LOOPBACK = ("localhost", "127.0.0.1", "::1", "")


@dataclass(frozen=True, slots=True)
class Limits:
    """When to report, and how far to look."""

    request_seconds: float = 5
    """How long a tracking server may take for one answer."""
    total_seconds: float = 60
    """After how long nothing more is read from the store."""
    group_seconds: float = 10
    """How long each of three parts may read from a slow store: runs, models, and the runs and files of
    versions."""
    clock_seconds: float = 30
    """How far clocks may differ."""
    stale_hours: float = 24
    """After how long without a sign of life a RUNNING run is stale."""
    unanalyzed_runs: int = 2000
    """From how many runs on SQLite needs statistics: a sort by a metric takes time in proportion to their
    square, about 0.2 s for so many."""
    integrity_bytes: int = 256 * 2**20
    """Up to which size a SQLite file is read as a whole to check it."""
    wal_bytes: int = 64 * 2**20
    """From which size on a write-ahead log is large."""
    full_bytes: int = 200 * 10**6
    """With less free space, a disk is full."""
    low_bytes: int = 5 * 10**9
    low_share: float = 0.05
    """With less free space, and a smaller share of the disk, space is low."""
    certificate_days: float = 14
    """How long before it expires a TLS certificate is reported."""
    examined: int = 200
    """How many experiments, models, versions and logged models are looked at, each."""


def migration(folder: Path) -> tuple[str, ...]:
    """The words of the command that copies a file store to a database."""
    return ("mlflow", "migrate-filestore", "--source", str(folder), "--target", "sqlite:///migrated.db")


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def is_writable_folder(folder: Path) -> bool:
    """Whether this account can write to a folder, or create it. Asks the system for the permission, and
    writes nothing."""
    place = nearest(folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK, effective_ids=True)


class Budget:
    """How long a part of the examination may take."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def while_left(self, items: Iterable[T]) -> Iterator[T]:
        """The items, until the time is used up."""
        for item in items:
            if time.monotonic() > self._end:
                return
            yield item


@dataclass(frozen=True)
class Subject:
    """The store at `uri`, which was taken from `source`. Close it at the end. Once its server has stopped
    answering, one of `outages` is raised by every further read: each would wait for nothing."""

    uri: TrackingUri
    source: str
    limits: Limits = field(default_factory=Limits)
    outages: list[EngineError] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def store(self) -> Store:
        self._check_usable()
        return self._store

    def _check_usable(self) -> None:
        """Raises `EngineError`s."""
        if not self.outages and time.monotonic() - self.began > self.limits.total_seconds:
            why = f"The examination has taken {self.limits.total_seconds:g} s"
            self.outages.append(ServerTimeout("The store is slow", why))
        for error in self.outages:
            raise error

    @cached_property
    def _store(self) -> Store:
        return open_store(self.uri, seconds=self.limits.request_seconds)

    @cached_property
    def experiments(self) -> tuple[Experiment, ...]:
        """The active experiments, the last changed first. Raises `EngineError`s."""
        found = self.store.experiments()
        return tuple(sorted(found, key=lambda one: -(one.last_run_time or one.last_update_time or 0)))

    @cached_property
    def database(self) -> Database | None:
        """The database of a SQL store."""
        return open_database(self.uri) if self.uri.kind == "sql" else None

    @property
    def host(self) -> str:
        """The host of a server, in lower case; empty for a file."""
        return (urlsplit(self.uri.raw).hostname or "") if self.uri.folder is None else ""

    def console(self, *words: str) -> tuple[str, ...]:
        """The words of a command of the console on this store."""
        uri = ("--tracking-uri", str(self.uri.shown)) if self.source == GIVEN else ()
        return ("mlflow-console", *uri, *words)

    @property
    def is_remote(self) -> bool:
        """Whether the address is one that other machines can reach."""
        return self.host not in LOOPBACK and not self.host.startswith("127.")

    @cached_property
    def is_here(self) -> bool:
        """Whether the server is this machine, by whatever name."""
        from engine.server.access import machine_names

        return not self.is_remote or self.host in {name.strip("[]").lower() for name in machine_names()}

    @cached_property
    def own_service(self) -> ServiceStatus | None:
        """The server that this account runs, or ran, on this machine at this address; None if its services
        cannot be listed."""
        from engine.services.control import all_services

        if self.uri.kind != "rest" or not self.is_here:
            return None
        port = urlsplit(self.uri.raw).port
        try:
            found = [service for service in all_services("server") if service.port == port]
        except EngineError:
            return None
        return next((service for service in found if service.running), found[0] if found else None)

    @property
    def own_server(self) -> ServerFacts | None:
        """What such a server runs on, while it runs."""
        from engine.server.records import ServerFacts

        service = self.own_service
        return ServerFacts.of(service.spec) if service and service.running else None

    @property
    def uses_mlflow_auth(self) -> bool:
        """Whether a tracking server can only be asked through MLflow's client."""
        return self.uri.kind == "rest" and needs_mlflow_auth()

    def read(self, read: Callable[[Tables], T]) -> T:
        """What `read` finds in the tables of a SQL store. Raises `EngineError`s."""
        assert self.database is not None
        self._check_usable()
        with self.database.snapshot() as snapshot:
            return read(tables(snapshot, self.database, self.uri.shown))

    def close(self) -> None:
        self._store.close()
        if self.database is not None:
            self.database.close()
