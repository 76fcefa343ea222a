"""The tracking store that every facet of the engine works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ReadOnly
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """Where to read and write, and whether writing is allowed."""

    uri: TrackingUri
    store: Store
    read_only: bool

    def check_writable(self, action: str) -> None:
        """Raises `ReadOnly` when the engine is read-only. `action` begins its title: "Promoting"."""
        if self.read_only:
            raise ReadOnly(action, "The console was started with --read-only.")
