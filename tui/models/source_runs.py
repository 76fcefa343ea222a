"""The source runs and logged models of the versions on screen, read when they are not known to be up to
date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.entities import ModelVersion, Run
from tui.screen import ConsoleScreen

Metrics = Mapping[str, Mapping[str, float]]


class SourceRuns:
    """`known` holds the runs by id, None for a missing one; `logged` the metrics of logged models by model
    id. Calls `changed` when more are known."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed
        self.known: dict[str, Run | None] = {}
        self.logged: dict[str, Mapping[str, float]] = {}
        self._fresh: set[tuple[str, str]] = set()
        """The runs and sources of the versions that have been read."""

    def expire(self, *, unfinished: bool = False) -> None:
        """Read the runs and logged models again when they are needed next: all, or those of runs that were
        unfinished."""
        if unfinished:
            finished = {run_id for run_id, run in self.known.items() if run is None or run.is_finished}
            self._fresh = {origin for origin in self._fresh if origin[0] in finished or not origin[0]}
        else:
            self._fresh.clear()

    def read(self, versions: Iterable[ModelVersion]) -> None:
        """Read the source runs of these versions and the metrics of their logged models."""
        unread = [v for v in versions if _origin(v) not in self._fresh]
        self._read([v for v in unread if v.run_id or v.source], "sources", with_metrics=True)

    def read_owners(self, registry: Iterable[Sequence[ModelVersion]]) -> None:
        """Read the source runs of the latest versions whose user is not known."""
        latest = [versions[0] for versions in registry if versions]
        unread = [v for v in latest if v.run_id and not v.user_id and v.run_id not in self.known]
        self._read(unread, "owners", with_metrics=False)

    def _read(self, versions: Sequence[ModelVersion], group: str, *, with_metrics: bool) -> None:
        models = self._screen.engine.models

        def read() -> tuple[Mapping[str, Run | None], Metrics]:
            found = models.source_runs(versions)
            return found, models.logged_metrics(versions, found) if with_metrics else {}

        def show(found: tuple[Mapping[str, Run | None], Metrics]) -> None:
            runs, logged = found
            self.known.update(runs)
            self.logged.update(logged)
            if with_metrics:
                self._fresh.update(map(_origin, versions))
            self._changed()

        if versions:
            self._screen.ask(read, show, group=group)


def _origin(version: ModelVersion) -> tuple[str, str]:
    return version.run_id, version.source
