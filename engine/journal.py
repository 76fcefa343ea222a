"""What was written from here: one JSON object a line in `paths.journal_file()`.

A write is recorded twice under one id: what is intended before the store hears of it, how it
ended afterwards. Whatever stays `intended` was interrupted, or is running in another console.
The later line of an id replaces the earlier; a line that cannot be read, such as one torn by a
power cut, is left out.
"""

from __future__ import annotations

import getpass
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from engine.errors import EngineError, PromotionError, UsageError, WriteError
from engine.files import append_line, locked, open_private
from engine.paths import journal_file
from engine.secrets import mask
from engine.uri import TrackingUri

Outcome = Literal["intended", "done", "failed", "undone"]

APPEND_SECONDS = 5.0
"""How long an append waits for another console's append."""

REASON_LIMIT = 5000
"""Characters of a reason; MLflow's own limit for a tag is far higher, a list's patience lower."""

_LOCK = "promotion.lock"
_MEND = "Fix its permissions, or set XDG_STATE_HOME to a folder that can be read and written."


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One write. `time` is epoch milliseconds, `server` is redacted, `action` is `promote`, `undo`,
    `train`, `demo`, `delete` or `restore`, `target` is for people (`churn 3 → Production`).

    `before` and `after` are facts: what the write found, and what it left (what it was to leave,
    while the outcome is `intended`). Those of the registry are as `engine.registry.promotion.facts` words
    them, a run's is `run ID`, `active` or `deleted`. `undoes` is the id of the entry that this one
    took back.
    """

    entry_id: str
    time: int
    user: str
    host: str
    server: str
    action: str
    target: str
    model: str = ""
    version: int = 0
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome = "intended"
    reason: str = ""
    detail: str = ""
    undoes: str = ""


def new_entry(uri: TrackingUri, action: str, target: str, **rest: Any) -> JournalEntry:
    """An entry of now, by this user on this host, with outcome `intended`."""
    return JournalEntry(
        entry_id=uuid.uuid4().hex,
        time=time.time_ns() // 1_000_000,
        user=user_name(),
        host=os.uname().nodename,
        server=server_name(uri),
        action=action,
        target=target,
        **rest,
    )


def check_reason(reason: str) -> None:
    """Raises `UsageError` for a reason that nobody would read."""
    if len(reason) > REASON_LIMIT:
        raise UsageError(f"The reason is longer than {REASON_LIMIT:,} characters")


def user_name() -> str:
    """The account's name, or its number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def server_name(uri: TrackingUri) -> str:
    """How the journal names a store: without secrets, and the same from every folder."""
    path = uri.sqlite_path
    return f"sqlite:///{path.resolve()}" if path is not None else str(uri.shown)


def append(entry: JournalEntry) -> None:
    """Add a line and wait until it is on the disk. Raises `WriteError` when that fails; the
    journal is then as it was."""
    clean = {"server": entry.server, "reason": entry.reason, "detail": entry.detail}
    record = asdict(entry) | {name: mask(text) for name, text in clean.items()}
    line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
    path = _file()
    try:
        with open_private(path) as descriptor, locked(descriptor, APPEND_SECONDS):
            append_line(descriptor, line)
    except OSError as error:
        raise _unwritable(path, error) from error


def read_journal(limit: int | None = 200) -> tuple[JournalEntry, ...]:
    """The newest `limit` entries (None for all), newest first. Raises `WriteError` when the file is
    there but cannot be read."""
    path = _file()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise WriteError("The journal cannot be read", f"{path}: {error.strerror or error}", _MEND) from error
    entries: dict[str, JournalEntry] = {}
    for line in data.split(b"\n"):
        entry = _from_line(line)
        if entry is not None:
            entries[entry.entry_id] = entry
    for entry in tuple(entries.values()):
        if entry.undoes in entries and entry.outcome == "done":
            entries[entry.undoes] = replace(entries[entry.undoes], outcome="undone")
    return tuple(reversed(entries.values()))[:limit]


def check_writable() -> None:
    """Raises `WriteError` where no journal can be kept: that there is none says nothing then."""
    path = _file().with_name(_LOCK)
    try:
        with open_private(path):
            return
    except OSError as error:
        raise _unwritable(path, error) from error


class Recorded:
    """A write under way; `detail` goes into the record of its end."""

    def __init__(self) -> None:
        self.detail = ""


@contextmanager
def recorded(uri: TrackingUri, action: str, target: str) -> Iterator[Recorded]:
    """Record a write that is no promotion: its intent before, its end after. Raises `WriteError` where
    the journal cannot be written; nothing is done then."""
    entry = new_entry(uri, action, target)
    append(entry)
    under_way = Recorded()
    try:
        yield under_way
    except EngineError as error:
        append(replace(entry, outcome="failed", detail=error.title))
        raise
    append(replace(entry, outcome="done", detail=under_way.detail))


@contextmanager
def exclusive(seconds: float) -> Iterator[None]:
    """Hold off every other promotion of this journal's owner, in whatever process or thread.

    Raises `PromotionError` when another one is not done within `seconds`, `WriteError` when the
    journal's folder cannot be written.
    """
    path = _file().with_name(_LOCK)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(stack.enter_context(open_private(path)), seconds))
        except TimeoutError as error:
            raise PromotionError(
                "Another promotion is being applied",
                f"{path} has been held for {seconds:g} seconds.",
                "Wait until the other console is done, then look again.",
            ) from error
        except OSError as error:
            raise _unwritable(path, error) from error
        yield


def _from_line(line: bytes) -> JournalEntry | None:
    """The entry of a line, None for a line that holds none. Fields of a newer console are left out."""
    try:
        found = json.loads(line) if line.strip() else None
        known = {f.name: found[f.name] for f in fields(JournalEntry) if f.name in found} if found else {}
        entry = JournalEntry(**known)
    except (ValueError, TypeError):
        return None
    return entry if _is_sound(entry) else None


def _is_sound(entry: JournalEntry) -> bool:
    texts = ("entry_id", "user", "host", "server", "action", "target", "model", "reason", "detail", "undoes")
    return (
        all(isinstance(getattr(entry, name), str) for name in texts)
        and isinstance(entry.time, int)
        and isinstance(entry.version, int)
        and entry.outcome in get_args(Outcome)
        and _are_facts(entry.before)
        and _are_facts(entry.after)
        and entry.before.keys() == entry.after.keys()
    )


def _are_facts(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(value, str) for value in found.values())


def _file() -> Path:
    try:
        return journal_file()
    except RuntimeError as error:  # an account without a home folder
        raise _unwritable(Path("~"), error) from error


def _unwritable(path: Path, error: Exception) -> WriteError:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return WriteError(
        "The journal cannot be written",
        f"{path}: {why}",
        f"Make room for it. {_MEND}",
    )
