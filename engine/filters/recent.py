"""Recent filters: one JSON string per line, in a file that only its owner can read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from engine.files import append_line, open_private, read_private, replacing
from engine.log import log

KEPT = 200
"""The number of filters kept."""

COMPACT_AT = 2 * KEPT
"""The number of lines at which the file is compacted."""


class FilterHistory:
    """The filters used in this and earlier consoles. Several consoles may share a file; unreadable lines are
    skipped. If the file cannot be written, this console's filters are kept in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unsaved: list[str] = []

    def entries(self) -> tuple[str, ...]:
        """At most `KEPT` distinct filters, the newest last."""
        return _newest([*self._lines(), *self._unsaved])

    def add(self, text: str) -> None:
        """Add a filter. A blank one, or a repeat of the newest, changes nothing."""
        text = text.strip()
        known = self._lines()
        if not text or [text] == (self._unsaved or known)[-1:]:
            return
        try:
            if len(known) >= COMPACT_AT:
                self._compact(known)
            self._append(text)
        except OSError as error:
            log.info("the filter history cannot be written: %s", error)
            self._unsaved = [*self._unsaved, text][-KEPT:]

    def _lines(self) -> list[str]:
        """The filters in the file, the newest last."""
        try:
            data = read_private(self._path)
        except FileNotFoundError:
            return []
        except OSError as error:
            log.info("the filter history cannot be read: %s", error)
            return []
        return [text for line in data.split(b"\n") if (text := _read(line))]

    def _append(self, text: str) -> None:
        with open_private(self._path) as descriptor:
            append_line(descriptor, _written(text), sync=False)

    def _compact(self, known: list[str]) -> None:
        """Rewrite the file atomically."""
        with replacing(self._path, private=True) as file:
            file.writelines(map(_written, _newest(known)))


def _newest(texts: Iterable[str]) -> tuple[str, ...]:
    """The last `KEPT` distinct texts, in order of last use."""
    latest = dict.fromkeys(reversed(list(texts)))
    return tuple(reversed(list(latest)[:KEPT]))


def _written(text: str) -> bytes:
    return json.dumps(text).encode() + b"\n"


def _read(line: bytes) -> str | None:
    """The filter in a line; None if it is damaged."""
    try:
        text = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return text if isinstance(text, str) else None
