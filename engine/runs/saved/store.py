"""Saved views, kept under names in a TOML file that people can read and edit."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import EngineError, NotFound, UsageError
from engine.files import locked, open_private, replacing
from engine.runs.saved import toml
from engine.runs.saved.plain import view_from_plain, view_to_plain
from engine.runs.view import RunView
from engine.text import short_name

LOCK_SECONDS = 5.0
"""How long a change waits for another console's change."""

_WHERE = ("store", "experiment", "name")
_MEND = "Fix its permissions, or set XDG_CONFIG_HOME to a folder that can be read and written."


class ViewFile:
    """The views in one file, by store (as shown), experiment (its name) and name.

    A view that cannot be read is an error only where it is asked for. Comments and whatever else a
    person wrote stay when a view is saved or deleted. Every method raises `UsageError` for a file
    that is no TOML, `EngineError` for one that cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self, store: str, experiment: str) -> tuple[str, ...]:
        """The names of an experiment's views, in the order of the file."""
        places = [entry for entry in self._entries(self._text()) if _is_of(entry, store, experiment)]
        return tuple(dict.fromkeys(entry["name"] for entry in places))

    def load(self, store: str, experiment: str, name: str) -> RunView | None:
        """The view of that name (of two, the one further down), None where there is none. Raises
        `UsageError` where it says something that is not understood."""
        entries = self._entries(self._text())
        places = _places(entries, store, experiment, name)
        if places:
            plain = {key: value for key, value in entries[places[-1]].items() if key not in _WHERE}
            try:
                return view_from_plain(plain)
            except UsageError as error:
                detail = f"{error.title}: {error.hint}" if error.hint else error.title
                hint = f"Fix it in {self.path}, or save the view again."
                raise UsageError(f"The view {short_name(name)} cannot be used", detail, hint) from error
        unnamed = [number for number, entry in enumerate(entries, 1) if not _is_placed(entry)]
        if unnamed:
            raise UsageError(
                f"There is no view {short_name(name)}",
                f"{self.path}: view {unnamed[0]} of the file has no store, experiment and name",
                "Write them as texts, as the other views have them.",
            )
        return None

    def save(self, store: str, experiment: str, name: str, view: RunView) -> None:
        """Keep a view under a name; it takes the place of the one that has it."""
        if not name.strip():
            raise UsageError("A view needs a name", hint="Name it after what it shows.")
        where = dict(zip(_WHERE, (store, experiment, name), strict=True))
        entry = {**where, **view_to_plain(view)}

        def changed(text: str) -> str:
            places = _places(self._entries(text), store, experiment, name)
            return toml.with_entry(text, entry, places[-1] if places else None)

        self._change(changed)

    def delete(self, store: str, experiment: str, name: str) -> bool:
        """Forget a view. False where there is none of that name."""
        if name not in self.names(store, experiment):
            return False

        def changed(text: str) -> str:
            return toml.without_entries(text, _places(self._entries(text), store, experiment, name))

        self._change(changed)
        return True

    def _entries(self, text: str) -> list[Any]:
        try:
            return toml.entries(text)
        except tomllib.TOMLDecodeError as error:
            raise self._damaged(str(error)) from error

    def _text(self) -> str:
        try:
            return self.path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise self._damaged(f"not UTF-8 (at line {line})") from error
        except OSError as error:
            raise EngineError("Saved views cannot be read", _told(self.path, error), _MEND) from error

    def _damaged(self, what: str) -> UsageError:
        return UsageError(
            "The file of saved views is damaged",
            f"{self.path}: {what}",
            "Fix that line, or move the file away to begin a new one.",
        )

    def _change(self, changed: Callable[[str], str]) -> None:
        """Replace the text by what `changed` makes of it, alone among all consoles."""
        try:
            target = Path(os.path.realpath(self.path))  # a link stays a link
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(target.with_suffix(".lock")):
                content = changed(self._text()).encode("utf-8")
                with replacing(target, private=True) as file:
                    file.write(content)
        except UnicodeEncodeError as error:
            raise UsageError(
                "The view cannot be saved",
                "One of its names holds half a character",
                "Leave that column out.",
            ) from error
        except TimeoutError as error:
            hint = "Wait until the other console is done, then try again."
            raise EngineError("Another console is changing the saved views", str(self.path), hint) from error
        except OSError as error:
            raise EngineError("Saved views cannot be written", _told(self.path, error), _MEND) from error


def _is_placed(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in _WHERE)


def _is_of(entry: Any, store: str, experiment: str) -> bool:
    return _is_placed(entry) and (entry["store"], entry["experiment"]) == (store, experiment)


def _places(entries: list[Any], store: str, experiment: str, name: str) -> list[int]:
    return [
        place
        for place, entry in enumerate(entries)
        if _is_of(entry, store, experiment) and entry["name"] == name
    ]


def _told(path: Path, error: OSError) -> str:
    return f"{path}: {error.strerror or error}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file, created where missing. Raises `TimeoutError`, `OSError`."""
    with open_private(path) as descriptor, locked(descriptor, LOCK_SECONDS):
        yield


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
        return NotFound(title, f"Saved views: {there}", hint)
