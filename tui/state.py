"""What the operator has selected, marked and filtered, per experiment; kept between starts per store."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.api import RunView
from engine.errors import EngineError
from engine.files import replacing
from engine.paths import state_dir

if TYPE_CHECKING:
    from engine.api import Direction
    from engine.entities import Lifecycle

KEPT_VIEWS = 200
"""Experiments of a store whose last view is kept."""


@dataclass
class ExperimentState:
    """How one experiment's runs are viewed. `toggled` are the keys of groups that are open and of parents
    that are closed."""

    view: RunView = field(default_factory=RunView)
    marks: frozenset[str] = frozenset()
    toggled: frozenset[str] = frozenset()
    lifecycle: Lifecycle = "active"

    _other_marks: frozenset[str] = frozenset()

    def switch_lifecycle(self) -> None:
        """From active to deleted runs, or back; each have marks of their own."""
        self.lifecycle = "active" if self.lifecycle == "deleted" else "deleted"
        self.marks, self._other_marks = self._other_marks, self.marks


@dataclass
class State:
    """One place for it all; widgets draw it, screens change it."""

    store: str
    experiment_id: str | None = None
    experiments: dict[str, ExperimentState] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    baseline: str | None = None
    directions: dict[str, Direction] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict)

    def experiment(self, experiment_id: str) -> ExperimentState:
        if experiment_id not in self.experiments:
            self.experiments[experiment_id] = ExperimentState(self._last_view(experiment_id))
        return self.experiments[experiment_id]

    def _last_view(self, experiment_id: str) -> RunView:
        """The view at the last start; one that can no longer be read is forgotten."""
        plain = self._kept.get(experiment_id)
        if isinstance(plain, dict):
            from engine.api import view_from_plain

            with contextlib.suppress(EngineError):
                return view_from_plain(plain)
        return RunView()

    def load(self) -> None:
        """Take up where the operator left off; a missing or damaged file is a fresh start."""
        kept = _read(_file()).get(self.store, {})
        experiment_id, directions = kept.get("experiment_id"), kept.get("directions")
        views = kept.get("views")
        if isinstance(experiment_id, str) and self.experiment_id is None:
            self.experiment_id = experiment_id
        if isinstance(directions, dict):
            self.directions = {k: v for k, v in directions.items() if v in ("higher", "lower")}
        self._kept = views if isinstance(views, dict) else {}

    def save(self) -> None:
        """Keep what should return at the next start; a home that cannot be written loses only this."""
        path = _file()
        everything = _read(path)
        everything[self.store] = {
            "experiment_id": self.experiment_id,
            "directions": self.directions,
            "views": self._plain_views(),
        }
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(path, private=True) as file:
                file.write(json.dumps(everything, indent=1).encode())

    def _plain_views(self) -> dict[str, Any]:
        """Every view that differs from the default, most recently opened last."""
        views = dict(self._kept)
        for experiment_id, state in self.experiments.items():
            views.pop(experiment_id, None)
            if state.view != RunView():
                from engine.api import view_to_plain

                views[experiment_id] = view_to_plain(state.view)
        return dict(list(views.items())[-KEPT_VIEWS:])


def _file() -> Path:
    return state_dir() / "viewed.json"


def _read(path: Path) -> dict[str, dict[str, object]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
