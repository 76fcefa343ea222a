"""The source runs of the versions on screen, read when they are not known to be up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from engine.entities import ModelVersion, Run
from tui.screen import ConsoleScreen


class SourceRuns:
    """`known` holds the runs by id, None for a missing one. Calls `changed` when more are known."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed
        self.known: dict[str, Run | None] = {}
        self._fresh: set[str] = set()

    def expire(self, *, unfinished: bool = False) -> None:
        """Read the runs again when they are needed next: all, or those that were unfinished."""
        if unfinished:
            self._fresh &= {run_id for run_id, run in self.known.items() if run is None or run.is_finished}
        else:
            self._fresh.clear()

    def read(self, versions: Iterable[ModelVersion]) -> None:
        """Read the source runs of these versions."""
        self._read([v for v in versions if v.run_id and v.run_id not in self._fresh], "sources")

    def read_owners(self, registry: Iterable[Sequence[ModelVersion]]) -> None:
        """Read the source runs of the latest versions whose user is not known."""
        latest = [versions[0] for versions in registry if versions]
        unread = [v for v in latest if v.run_id and not v.user_id and v.run_id not in self.known]
        self._read(unread, "owners")

    def _read(self, versions: Sequence[ModelVersion], group: str) -> None:
        def show(found: Mapping[str, Run | None]) -> None:
            self.known.update(found)
            self._fresh.update(found)
            self._changed()

        if versions:
            work = partial(self._screen.engine.models.source_runs, versions)
            self._screen.ask(work, show, group=group)
