"""Tracking servers of this machine, and the stores behind them."""

from __future__ import annotations

from engine.errors import ReadOnly


class Servers:
    """Tracking servers: those that this account runs on this machine, and checks of any other. Needs no open
    store: a server may be started in an empty folder."""

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only

    def _check_writable(self, action: str) -> None:
        """Raises `ReadOnly` when the engine is read-only. `action` begins its title: "Starting a server"."""
        if self._read_only:
            raise ReadOnly(action, "The console was started with --read-only.")
