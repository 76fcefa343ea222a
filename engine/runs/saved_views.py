"""The views of one experiment's runs that were saved under a name."""

from __future__ import annotations

from pathlib import Path

from engine.errors import NotFound
from engine.runs.view_file import ViewFile
from engine.runs.views import RunView
from engine.text import short_name


class SavedViews:
    """Those of an experiment, by its name, in a store. Every method raises `EngineError` for a file of views
    that cannot be read or written."""

    def __init__(self, file: ViewFile, store: str, experiment: str) -> None:
        self._file = file
        self._store = store
        self._experiment = experiment

    def names(self) -> tuple[str, ...]:
        """In the order of the file."""
        return self._file.names(self._store, self._experiment)

    def view(self, name: str) -> RunView:
        """Raises `NotFound`, naming what there is."""
        found = self._file.load(self._store, self._experiment, name)
        if found is None:
            raise self._missing(name)
        return found

    def save(self, name: str, view: RunView) -> Path:
        """Keep a view under a name, which may have been another's; where it is kept."""
        self._file.save(self._store, self._experiment, name, view)
        return self._file.path

    def delete(self, name: str) -> None:
        """Raises `NotFound`."""
        if not self._file.delete(self._store, self._experiment, name):
            raise self._missing(name)

    def _missing(self, name: str) -> NotFound:
        there = ", ".join(map(short_name, self.names())) or "none"
        hint = "`:view save NAME` saves the present one."
        title = f"There is no view {short_name(name)!r} of {short_name(self._experiment)}"
        return NotFound(title, f"Saved are: {there}", hint)
