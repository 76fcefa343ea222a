"""What the operator has selected, marked and filtered, per experiment; kept between starts per store."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.paths import state_dir

if TYPE_CHECKING:
    from engine.runs.compare import Direction
    from engine.runs.frame import SortKey


@dataclass
class View:
    """How one experiment's runs are being looked at."""

    filter_text: str = ""
    sort: tuple[SortKey, ...] = ()
    marks: frozenset[str] = frozenset()


@dataclass
class State:
    """One place for it all; widgets draw it, screens change it."""

    store: str
    experiment_id: str | None = None
    views: dict[str, View] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    baseline: str | None = None
    directions: dict[str, Direction] = field(default_factory=dict)

    def view(self, experiment_id: str) -> View:
        return self.views.setdefault(experiment_id, View())

    def load(self) -> None:
        """Take up where the operator left off; a missing or damaged file is a fresh start."""
        kept = _read(_file()).get(self.store, {})
        experiment_id = kept.get("experiment_id")
        directions = kept.get("directions")
        if isinstance(experiment_id, str) and self.experiment_id is None:
            self.experiment_id = experiment_id
        if isinstance(directions, dict):
            self.directions = {k: v for k, v in directions.items() if v in ("higher", "lower")}

    def save(self) -> None:
        """Keep what should return at the next start; a home that cannot be written loses only this."""
        path = _file()
        everything = _read(path)
        everything[self.store] = {"experiment_id": self.experiment_id, "directions": self.directions}
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(everything, indent=1), encoding="utf-8")
            fresh.replace(path)


def _file() -> Path:
    return state_dir() / "viewed.json"


def _read(path: Path) -> dict[str, dict[str, object]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
