"""Saved views, stored by name in an editable TOML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from engine.errors import EngineError, NotFound, UsageError
from engine.files import (
    FOREIGN_LINK_HINT,
    ForeignLink,
    check_link,
    locked,
    open_private,
    read_private,
    replacing,
)
from engine.runs.saved import toml
from engine.runs.saved.plain import view_from_plain, view_to_plain
from engine.runs.view import RunView
from engine.text import short_name

LOCK_SECONDS = 5.0
"""How long a change waits for another console to finish its change."""

Subject = Literal["experiment", "model"]
"""What a view shows: the runs of an experiment, or the versions of a registered model."""
_PERMISSIONS_HINT = "Fix its permissions, or set XDG_CONFIG_HOME to a readable and writable folder."


class ViewFile:
    """The views of experiments, or those of models, in a file that holds both. They are identified by store
    (as shown), the name of the experiment or model, and the name of the view.

    An invalid view is an error only when it is loaded. Saving and deleting keep comments and other manual
    edits. Every method raises `UsageError` if the file is not valid TOML, `EngineError` if it cannot be read
    or written.
    """

    def __init__(self, path: Path, of: Subject = "experiment") -> None:
        self.path = path
        self._of = of
        self._identity = ("store", of, "name")

    def names(self, store: str, subject: str) -> tuple[str, ...]:
        """The names of the views of an experiment or model, in file order."""
        views = [entry for entry in self._entries(self._text()) if self._belongs_to(entry, store, subject)]
        return tuple(dict.fromkeys(entry["name"] for entry in views))

    def load(self, store: str, subject: str, name: str) -> RunView | None:
        """The view with that name (the last, if there are two) or None. Raises `UsageError` if it is
        invalid."""
        entries = self._entries(self._text())
        indexes = self._indexes(entries, store, subject, name)
        if indexes:
            plain = {key: value for key, value in entries[indexes[-1]].items() if key not in self._identity}
            try:
                return view_from_plain(plain, of_versions=self._of == "model")
            except UsageError as error:
                detail = f"{error.title}: {error.hint}" if error.hint else error.title
                hint = f"Fix it in {self.path}, or save the view again."
                raise UsageError(f"View {short_name(name)} is invalid", detail, hint) from error
        unnamed = [number for number, entry in enumerate(entries, 1) if not _is_identified(entry)]
        if unnamed:
            raise UsageError(
                f"View {short_name(name)} not found",
                f"{self.path}: view {unnamed[0]} lacks a store, a name, or an experiment or model",
                "Set all three to strings, as in the other views.",
            )
        return None

    def save(self, store: str, subject: str, name: str, view: RunView) -> None:
        """Save a view under a name, replacing any view with that name."""
        if not name.strip():
            raise UsageError("A view needs a name", hint="Name it after what it shows.")
        identity = dict(zip(self._identity, (store, subject, name), strict=True))
        entry = {**identity, **view_to_plain(view)}

        def changed(text: str) -> str:
            indexes = self._indexes(self._entries(text), store, subject, name)
            return toml.with_entry(text, entry, indexes[-1] if indexes else None)

        self._change(changed)

    def delete(self, store: str, subject: str, name: str) -> bool:
        """Delete a view. Returns False if there is none with that name."""
        if name not in self.names(store, subject):
            return False

        def changed(text: str) -> str:
            return toml.without_entries(text, self._indexes(self._entries(text), store, subject, name))

        self._change(changed)
        return True

    def _belongs_to(self, entry: Any, store: str, subject: str) -> bool:
        return _is_identified(entry) and (entry["store"], entry.get(self._of)) == (store, subject)

    def _indexes(self, entries: list[Any], store: str, subject: str, name: str) -> list[int]:
        return [
            index
            for index, entry in enumerate(entries)
            if self._belongs_to(entry, store, subject) and entry["name"] == name
        ]

    def _entries(self, text: str) -> list[Any]:
        try:
            return toml.entries(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise self._damaged(str(error)) from error

    def _text(self) -> str:
        try:
            return read_private(self.path).decode("utf-8")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise self._damaged(f"not UTF-8 (at line {line})") from error
        except OSError as error:
            raise EngineError(
                "Saved views cannot be read", _detail(self.path, error), _hint(error)
            ) from error

    def _damaged(self, what: str) -> UsageError:
        return UsageError(
            "The saved views file is damaged",
            f"{self.path}: {what}",
            "Fix that line, or move the file away to start a new one.",
        )

    def _change(self, changed: Callable[[str], str]) -> None:
        """Replace the text with `changed(text)`, with exclusive access to the file."""
        try:
            check_link(self.path)
            target = Path(os.path.realpath(self.path))  # keep symbolic links
            with _locked(target.with_suffix(".lock")):
                content = changed(self._text()).encode("utf-8")
                with replacing(target, private=not target.exists()) as file:  # keeps chosen permissions
                    file.write(content)
        except UnicodeEncodeError as error:
            raise UsageError(
                "The view cannot be saved",
                "One of its names contains an incomplete character",
                "Remove that column.",
            ) from error
        except TimeoutError as error:
            hint = "Wait until it has finished, then try again."
            raise EngineError("Another console is changing the saved views", str(self.path), hint) from error
        except OSError as error:
            raise EngineError(
                "Saved views cannot be written", _detail(self.path, error), _hint(error)
            ) from error


def _is_identified(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    has_subject = any(isinstance(entry.get(subject), str) for subject in get_args(Subject))
    return has_subject and all(isinstance(entry.get(key), str) for key in ("store", "name"))


def _detail(path: Path, error: OSError) -> str:
    return f"{path}: {error.strerror or error}"


def _hint(error: OSError) -> str:
    return FOREIGN_LINK_HINT if isinstance(error, ForeignLink) else _PERMISSIONS_HINT


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file, created if missing. Raises `TimeoutError`, `OSError`."""
    with open_private(path) as descriptor, locked(descriptor, LOCK_SECONDS):
        yield


class SavedViews:
    """The saved views of one experiment or model, by name. Every method raises `EngineError` if the file
    cannot be read or written."""

    def __init__(self, file: ViewFile, store: str, subject: str) -> None:
        self._file = file
        self._store = store
        self._subject = subject

    def names(self) -> tuple[str, ...]:
        """The names, in file order."""
        return self._file.names(self._store, self._subject)

    def view(self, name: str) -> RunView:
        """The view with that name. Raises `NotFound`, listing the saved views."""
        found = self._file.load(self._store, self._subject, name)
        if found is None:
            raise self._missing(name)
        return found

    def save(self, name: str, view: RunView) -> Path:
        """Save a view under a name, replacing any other. Returns the path of the file."""
        self._file.save(self._store, self._subject, name, view)
        return self._file.path

    def delete(self, name: str) -> None:
        """Raises `NotFound`."""
        if not self._file.delete(self._store, self._subject, name):
            raise self._missing(name)

    def _missing(self, name: str) -> NotFound:
        names = ", ".join(map(short_name, self.names())) or "none"
        hint = "`:view save NAME` saves the current view."
        title = f"View {short_name(name)!r} not found in {short_name(self._subject)}"
        return NotFound(title, f"Saved views: {names}", hint)
