"""The operator's selections, marks and views. Part of it is saved between sessions, per store."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.api import RunView
from engine.errors import EngineError
from engine.files import read_private, replacing, set_aside
from engine.paths import state_dir

if TYPE_CHECKING:
    from engine.api import Direction
    from engine.entities import Lifecycle, Run

MAX_SAVED_VIEWS = 200
"""Experiments per store whose last view is saved, and as many models."""


@dataclass
class ExperimentState:
    """The view of one experiment. `toggled_folds` are the keys of expanded groups and collapsed parents."""

    view: RunView = field(default_factory=RunView)
    marks: frozenset[str] = frozenset()
    toggled_folds: frozenset[str] = frozenset()
    lifecycle: Lifecycle = "active"

    _other_marks: frozenset[str] = frozenset()

    def switch_lifecycle(self) -> None:
        """Switch between active and deleted runs, which have separate marks."""
        self.lifecycle = "active" if self.lifecycle == "deleted" else "deleted"
        self.marks, self._other_marks = self._other_marks, self.marks


@dataclass(frozen=True, slots=True)
class ComparedVersions:
    """Versions of one registered model, to be compared."""

    model: str
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that was just registered, and whether the operator wants to promote it."""

    model: str
    version: int
    promotes: bool


@dataclass
class State:
    """The state of a console; changed by screens and drawn by widgets."""

    store: str
    experiment_id: str | None = None
    experiments: dict[str, ExperimentState] = field(default_factory=dict)
    models: dict[str, ExperimentState] = field(default_factory=dict)
    """How the versions of each model are shown, by its name."""
    compared: tuple[str, ...] | ComparedVersions = ()
    """The ids of the compared runs, or the compared versions."""
    loaded: tuple[Run, ...] = ()
    """Compared runs as they were loaded before, at `loaded_at`; shown until they are read again."""
    loaded_at: int | None = None
    baseline: str | None = None
    registered: NewVersion | None = None
    """For the models view to show when it is opened next."""
    to_deploy: str = ""
    """The model version to offer when the deployments view is shown next, such as `heart@champion`."""
    directions: dict[str, Direction] = field(default_factory=dict)
    _views: dict[str, Any] = field(default_factory=dict)
    """The last views of experiments as they were saved, by id."""
    _model_views: dict[str, Any] = field(default_factory=dict)
    """The last views of models as they were saved, by name."""

    def model(self, name: str) -> ExperimentState:
        if name not in self.models:
            self.models[name] = ExperimentState(_last_view(self._model_views.get(name), of_versions=True))
        return self.models[name]

    def experiment(self, experiment_id: str) -> ExperimentState:
        if experiment_id not in self.experiments:
            self.experiments[experiment_id] = ExperimentState(_last_view(self._views.get(experiment_id)))
        return self.experiments[experiment_id]

    def load(self) -> str:
        """Restore the saved state. Returns a warning if the file is damaged; it is then set aside."""
        content = _read(_file())
        warning = _set_aside(_file()) if content is None else ""
        saved = (content or {}).get(self.store)
        if not isinstance(saved, dict):
            return warning
        experiment_id, directions = saved.get("experiment_id"), saved.get("directions")
        if isinstance(experiment_id, str) and self.experiment_id is None:
            self.experiment_id = experiment_id
        if isinstance(directions, dict):
            self.directions = {k: v for k, v in directions.items() if v in ("higher", "lower")}
        self._views, self._model_views = [
            views if isinstance(views, dict) else {}
            for views in (saved.get("views"), saved.get("model_views"))
        ]
        return warning

    def save(self) -> None:
        """Save the state, if the file is writable."""
        path = _file()
        everything = _read(path) or {}
        everything[self.store] = {
            "experiment_id": self.experiment_id,
            "directions": self.directions,
            "views": _plain_views(self._views, self.experiments),
            "model_views": _plain_views(self._model_views, self.models),
        }
        with contextlib.suppress(OSError), replacing(path, private=True) as file:
            file.write(json.dumps(everything, indent=1).encode())


def _last_view(plain: object, *, of_versions: bool = False) -> RunView:
    """A saved view; the default if it is missing or unreadable."""
    if isinstance(plain, dict):
        from engine.api import view_from_plain

        with contextlib.suppress(EngineError):
            return view_from_plain(plain, of_versions=of_versions)
    return RunView()


def _plain_views(saved: dict[str, Any], opened: dict[str, ExperimentState]) -> dict[str, Any]:
    """The saved views and those opened since that differ from the default, most recently opened last."""
    views = dict(saved)
    for key, state in opened.items():
        views.pop(key, None)
        if state.view != RunView():
            from engine.api import view_to_plain

            views[key] = view_to_plain(state.view)
    return dict(list(views.items())[-MAX_SAVED_VIEWS:])


def _file() -> Path:
    return state_dir() / "viewed.json"


def _read(path: Path) -> dict[str, object] | None:
    """The contents of the file; empty if it cannot be read, None if it is damaged."""
    try:
        content = json.loads(read_private(path).decode())
    except OSError:
        return {}
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _set_aside(path: Path) -> str:
    try:
        return f"{path.name} is damaged and was renamed to {set_aside(path)}. Starting with default views."
    except OSError:
        return f"{path} is damaged. Starting with default views."
