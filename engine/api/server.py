"""Tracking servers of this machine, and the stores behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ReadOnly
from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from engine.server.backup.backup import Backup
    from engine.server.backup.restore import Restored
    from engine.server.doctor.findings import DoctorReport
    from engine.server.options import ServerOptions
    from engine.server.records import StartedServer, TrackingServer
    from engine.server.upgrade.upgrade import Rehearsal, Upgraded, UpgradePlan
    from engine.uri import TrackingUri


class Servers:
    """Tracking servers: those that this account runs on this machine, and checks of any other. Needs no open
    store: a server may be started in an empty folder.

    `name` is that of a server of this account; empty for the only one.
    """

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only

    def start(self, options: ServerOptions, *, cancel: CancelToken | None = None) -> StartedServer:
        """Start a server and wait until an experiment and an artifact were written through it, read back and
        removed. Raises `UsageError`, `StoreError`, `ServiceError` or `Cancelled`; then nothing runs."""
        self._check_writable("Starting a server")
        from engine.server.servers import start

        return start(options, cancel or CancelToken())

    def check(self, options: ServerOptions) -> None:
        """Raise what `start` would, as far as that can be said without starting anything."""
        from engine.server.servers import check

        check(options)

    def all(self) -> tuple[TrackingServer, ...]:
        """All servers of this account, by name."""
        from engine.server.servers import all_servers

        return all_servers()

    def find(self, name: str = "") -> TrackingServer:
        """Raises `NotFound`, and `UsageError` if the name is empty and there are several."""
        from engine.server.servers import status

        return status(name)

    def store_problem(self, server: TrackingServer) -> str:
        """Why a running server cannot read its store; empty if it can, or does not answer at all."""
        from engine.server.servers import store_problem

        return store_problem(server)

    def stop(self, name: str = "") -> TrackingServer:
        """End a server with all its processes; it keeps its log and its accounts. Raises as `find`, and
        `ServiceError`."""
        self._check_writable("Stopping a server")
        from engine.server.servers import stop

        return stop(name)

    def remove(self, name: str) -> None:
        """Forget a server that does not run, and its log. Its database, artifacts and accounts stay. Raises
        as `stop`."""
        self._check_writable("Removing a server")
        from engine.server.servers import remove

        remove(name)

    def log(self, name: str = "", lines: int = 100) -> list[str]:
        """The last lines of its log. Raises as `find`."""
        from engine.services.service_log import tail

        return tail(self.find(name).service.log, lines)

    def follow(self, name: str, cancel: CancelToken) -> Iterator[str]:
        """The lines of its log as they are written, until cancelled. Raises as `find`."""
        from engine.services.service_log import follow

        return follow(self.find(name).service.log, cancel)

    def unit(self, name: str = "") -> str:
        """A systemd unit that runs a server as it was last started. Raises as `find`."""
        from engine.services.unit import unit

        return unit(self.find(name).service.spec)

    def doctor(
        self, uri: TrackingUri, source: str, on_group: Callable[[str], object] = lambda _: None
    ) -> DoctorReport:
        """Examine the store at `uri`, and what surrounds it, for faults; `source` says where the URI comes
        from. Changes nothing. `on_group` is called with the name of each group of checks before it begins.
        Takes seconds at most, also for a server that does not answer."""
        from engine.server.doctor.doctor import examine

        return examine(uri, source, on_group=on_group)

    def backup(
        self,
        uri: TrackingUri,
        output: Path,
        *,
        artifacts: bool = False,
        destination: str | None = None,
        auth: Path | None = None,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> Backup:
        """Back up a SQLite store, while its server runs, to a new folder or `.tar` file; with `artifacts`,
        also those in local folders. `destination` is where its server keeps artifacts, `auth` its database of
        accounts, by default the one beside the store. Leaves nothing behind if it fails."""
        from engine.server.backup.backup import backup

        return backup(
            uri,
            output,
            artifacts=artifacts,
            destination=destination,
            auth=auth,
            on_progress=on_progress,
            cancel=cancel or CancelToken(),
        )

    def restore(
        self,
        backup: Path,
        target: Path,
        *,
        relocations: Sequence[tuple[Path, Path]] = (),
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> Restored:
        """Restore a backup into a new folder. Artifacts that the backup holds are found there afterwards;
        `relocations` are other folders, as (old, new), that the restored database shall name. Leaves nothing
        behind if it fails."""
        from engine.server.backup.restore import restore

        self._check_writable("Restoring a backup")
        return restore(
            backup,
            target,
            relocations=relocations,
            on_progress=on_progress,
            cancel=cancel or CancelToken(),
        )

    def needs_upgrade(self, uri: TrackingUri) -> bool:
        """Whether a SQLite store has an older schema than the installed MLflow. Raises as
        `rehearse_upgrade`."""
        from engine.server.upgrade.upgrade import needs_upgrade

        return needs_upgrade(uri)

    def rehearse_upgrade(
        self, uri: TrackingUri, *, on_progress: OnProgress = no_progress, cancel: CancelToken | None = None
    ) -> Rehearsal:
        """Upgrade a copy of a SQLite store to the schema of the installed MLflow, compare it with the store,
        and remove it. Changes nothing. Raises `EngineError`, also if the upgrade fails."""
        from engine.server.upgrade.upgrade import rehearse

        return rehearse(uri, on_progress=on_progress, cancel=cancel or CancelToken())

    def plan_upgrade(
        self,
        uri: TrackingUri,
        backup_to: Path | None = None,
        *,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> UpgradePlan:
        """A rehearsal, and who has the store open. `backup_to` is where the backup will be, by default a new
        folder beside the store. Raises as `rehearse_upgrade`."""
        from engine.server.upgrade.upgrade import plan_upgrade

        self._check_writable("Upgrading a store")
        return plan_upgrade(uri, backup_to, on_progress=on_progress, cancel=cancel or CancelToken())

    def upgrade(
        self,
        plan: UpgradePlan,
        *,
        confirmed: str,
        accept_differences: bool = False,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> Upgraded:
        """Back up and upgrade a store. `confirmed` is the plan's name, typed by the operator. Differences
        that the rehearsal found must be accepted. An error in the upgrade itself says how to go back."""
        from engine.server.upgrade.upgrade import upgrade

        self._check_writable("Upgrading a store")
        return upgrade(
            plan,
            confirmed=confirmed,
            accept_differences=accept_differences,
            on_progress=on_progress,
            cancel=cancel or CancelToken(),
        )

    def _check_writable(self, action: str) -> None:
        """Raises `ReadOnly` when the engine is read-only. `action` begins its title: "Starting a server"."""
        if self._read_only:
            raise ReadOnly(action, "The console was started with --read-only.")
