"""Tracking servers of this machine, and the stores behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.errors import ReadOnly

if TYPE_CHECKING:
    from engine.server.doctor.findings import DoctorReport
    from engine.uri import TrackingUri


class Servers:
    """Tracking servers: those that this account runs on this machine, and checks of any other. Needs no open
    store: a server may be started in an empty folder."""

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only

    def doctor(
        self, uri: TrackingUri, source: str, on_group: Callable[[str], object] = lambda _: None
    ) -> DoctorReport:
        """Examine the store at `uri`, and what surrounds it, for faults; `source` says where the URI comes
        from. Changes nothing. `on_group` is called with the name of each group of checks before it begins.
        Takes seconds at most, also for a server that does not answer."""
        from engine.server.doctor.doctor import examine

        return examine(uri, source, on_group=on_group)

    def _check_writable(self, action: str) -> None:
        """Raises `ReadOnly` when the engine is read-only. `action` begins its title: "Starting a server"."""
        if self._read_only:
            raise ReadOnly(action, "The console was started with --read-only.")
