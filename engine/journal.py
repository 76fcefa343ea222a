"""The journal of writes: one JSON object per line in `paths.journal_file()`, and in the older files
`journal.jsonl.1`, `.2` and so on.

A write is recorded twice under one id: its intent before the store is changed, its outcome after. An entry
that stays `intended` was interrupted, or is still running in another console. A later line of an id replaces
the earlier one; invalid lines, such as one truncated by a power cut, are skipped.

Each line has the hash of the line before it, and `journal.head` that of the last line, so that `check` finds
lines that were changed, moved, added or removed. Anyone who may write the files can also compute the hashes:
they show damage and careless edits, not forgery.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

from engine.errors import Cancelled, EngineError, PromotionError, UsageError, WriteError
from engine.files import (
    FOREIGN_LINK_HINT,
    ForeignLink,
    append_line,
    last_line,
    lines_forwards,
    lines_from_end,
    locked,
    not_a_file,
    open_private,
    read_private,
    replacing,
    rotate,
    rotated,
)
from engine.log import log
from engine.paths import journal_file
from engine.secrets import mask
from engine.uri import TrackingUri

Outcome = Literal["intended", "done", "failed", "cancelled", "undone"]

APPEND_SECONDS = 5.0
"""How long an append waits for that of another console."""

MARK_COMMAND = "mlflow-console journal --mark-killed"
"""Ends the runs of sweeps whose training process has ended."""
MAX_REASON_LENGTH = 5000
"""Maximum characters of a reason; MLflow's own limit for a tag is far higher."""

MAX_FILE_BYTES = 4 * 1024 * 1024
"""The size at which a new file is started."""
MAX_HASHED_BYTES = 1024 * 1024
"""Of a longer line, which only another program writes, the hash covers this many bytes at its end."""
OLD_FILES = 9
"""How many older files are kept."""

_END_OF_TIME = 253_402_300_800_000
"""The first millisecond of the year 10000, which dates cannot express."""

_BEGINNING = b'{"entry_id":'
"""Of every line: what begins otherwise was not cut off, but written by another program."""
_LOCK = "promotion.lock"
_HEAD = "journal.head"
_HINT = "Fix its permissions, or set XDG_STATE_HOME to a folder that can be read and written."
_NOT_A_FILE_HINT = "Rename or remove it: the journal is a file that the console creates itself."


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One write. `time` is in milliseconds since the epoch, `server` is redacted, `action` is `promote`,
    `undo`, `register`, `request`, `approve`, `reject`, `policy`, `edit`, `version delete`, `model delete`,
    `train`, `demo`, `delete`, `restore` (of runs), `experiment create`, `experiment delete`,
    `experiment restore`, `report`, `test`, `deploy`, `swap`, `back`, `stop`, `remove` (of a deployment),
    `server start`, `server stop`, `server remove` or `server upgrade`; `target` is for display
    (`churn 3 → Production`).

    `before` and `after` are facts: the state that the write found, and the state that it left (or will leave,
    while the outcome is `intended`). `engine.registry.promotion.facts` defines those of the registry; a run's
    fact is `run ID` with the value `active` or `deleted`. `undoes` is the id of the entry that this one
    undid. A sweep's runs are in `experiment`, tagged with the entry's id; that
    of a change to an experiment is its name. `evidence` is what a promotion had
    to go by.
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
    experiment: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the store shows of an unfinished write, in a sentence, and the command that continues from there:
    finishes or reverses it. Empty if nothing is left to do."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class JournalFault:
    """A line, counted from 1 in a file named `file`, that does not follow the one before it, and why."""

    file: str
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """`lines` counts all lines of all files, `unlinked` those of consoles that recorded no hashes yet, `torn`
    those cut off by an interrupted write. Without a head, lines missing at the end would not be found."""

    lines: int
    unlinked: int
    torn: int
    faults: tuple[JournalFault, ...]
    has_head: bool


def new_entry(uri: TrackingUri, action: str, target: str, **rest: Any) -> JournalEntry:
    """An entry with the current time, user and host, and the outcome `intended`."""
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
    """Raises `UsageError` for a reason that is too long."""
    if len(reason) > MAX_REASON_LENGTH:
        raise UsageError(f"The reason is longer than {MAX_REASON_LENGTH:,} characters")


def user_name() -> str:
    """The account's name, or its number if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def server_name(uri: TrackingUri) -> str:
    """The journal's name for a store: without secrets, and the same from every folder."""
    path = uri.sqlite_path
    return f"sqlite:///{path.resolve()}" if path is not None else str(uri.shown)


def append(entry: JournalEntry) -> None:
    """Append the entry and wait until it is on disk. Raises `WriteError` if that fails; the journal is then
    unchanged."""
    masked = {name: mask(getattr(entry, name)) for name in ("server", "reason", "detail", "evidence")}
    record = asdict(entry) | masked
    path = _file()
    try:
        with _open_current(path) as descriptor:
            record["previous"] = _last_hash(path)
            line = json.dumps(record, separators=(",", ":")).encode()
            append_line(descriptor, line + b"\n")
            _write_head(path, _hash(line))
            _rotate_if_large(path, descriptor)
    except OSError as error:
        raise _unwritable(path, error) from error


def read_journal(limit: int | None = 200) -> tuple[JournalEntry, ...]:
    """The `limit` entries that changed last (None for all), newest first. Raises like `journal_entries`."""
    return tuple(sorted(islice(journal_entries(), limit), key=lambda entry: entry.time, reverse=True))


def journal_entries(**values: str) -> Iterator[JournalEntry]:
    """Entries, the last changed first, with these values of `server` or `model`. Reads only as far back as
    the caller iterates. Raises `WriteError` if a file exists but cannot be read."""
    # A quick test before the JSON is parsed. Another program may have written non-ASCII text differently.
    needles = [json.dumps(value).encode() for value in values.values() if value.isascii()]
    seen: set[str] = set()
    undone: set[str] = set()
    for line in _lines():
        entry = _from_line(line) if all(needle in line for needle in needles) else None
        if entry is None or entry.entry_id in seen:
            continue
        seen.add(entry.entry_id)
        if entry.undoes and entry.outcome == "done":
            undone.add(entry.undoes)
        if all(getattr(entry, name) == value for name, value in values.items()):
            yield replace(entry, outcome="undone") if entry.entry_id in undone else entry


def check_writable() -> None:
    """Raises `WriteError` if the journal cannot be written: a missing journal then proves nothing."""
    path = _file().with_name(_LOCK)
    try:
        with open_private(path):
            return
    except OSError as error:
        raise _unwritable(path, error) from error


class Recorded:
    """A running write; `outcome` and `detail` are recorded when it ends without an error."""

    def __init__(self, entry_id: str) -> None:
        self.entry_id = entry_id
        self.outcome: Outcome = "done"
        self.detail = ""


@contextmanager
def recorded(
    uri: TrackingUri, action: str, target: str, *, entry_id: str = "", **rest: Any
) -> Iterator[Recorded]:
    """Record a write other than a promotion: its intent before, its outcome after. With `entry_id` it goes
    on with the write of that entry. Raises `WriteError`, without running the block, if the journal cannot be
    written."""
    entry = new_entry(uri, action, target, **rest)
    if entry_id:
        entry = replace(entry, entry_id=entry_id)
    append(entry)
    write = Recorded(entry.entry_id)
    try:
        yield write
    except EngineError as error:
        append(replace(entry, outcome=outcome_of(error), detail=str(error)))
        raise
    append(replace(entry, outcome=write.outcome, detail=write.detail))


def outcome_of(error: EngineError) -> Outcome:
    """The outcome of a write that `error` ended."""
    return "cancelled" if isinstance(error, Cancelled) else "failed"


@contextmanager
def exclusive(seconds: float) -> Iterator[None]:
    """Lock out other promotions by the same account, in any process or thread.

    Raises `PromotionError` if another one holds the lock for longer than `seconds`, `WriteError` if the
    journal's folder is not writable.
    """
    path = _file().with_name(_LOCK)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(stack.enter_context(open_private(path)), seconds))
        except TimeoutError as error:
            raise PromotionError(
                "Another promotion is being applied",
                f"{path} stayed locked for {seconds:g} s",
                "Wait for the other console to finish, then try again.",
            ) from error
        except OSError as error:
            raise _unwritable(path, error) from error
        yield


@contextmanager
def _open_current(path: Path) -> Iterator[int]:
    """The journal's newest file, open and locked. Another console may rotate it before the lock is held."""
    while True:
        with open_private(path) as descriptor, locked(descriptor, APPEND_SECONDS):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                yield descriptor
                return


def _last_hash(path: Path) -> str:
    """The hash that the next line records: of the last line, or the one in the head if no line is left."""
    for file in (path, rotated(path.resolve(), 1)):
        if line := last_line(file, MAX_HASHED_BYTES):
            return _hash(line)
    return _read_head(path)


def _hash(line: bytes) -> str:
    return hashlib.sha256(line[-MAX_HASHED_BYTES:]).hexdigest()


def _read_head(path: Path) -> str:
    """The hash in the head file, empty if it is missing or not one."""
    with suppress(FileNotFoundError, UnicodeDecodeError):
        found = read_private(path.with_name(_HEAD)).decode("ascii").strip()
        return found if len(found) == 64 else ""
    return ""


def _write_head(path: Path, digest: str) -> None:
    """A failure is only logged: the entry has been written, and a head that lags behind is valid."""
    try:
        with replacing(path.with_name(_HEAD), private=True) as file:
            file.write(digest.encode() + b"\n")
    except OSError as error:
        log.warning("the journal's head cannot be written: %s", error)


def check() -> JournalCheck:
    """Read all lines and compare each with the hash in the next one. Raises `WriteError` if a file cannot be
    read."""
    path = _file()
    lines = [
        _Line(file.name, number, _hash(text), *_link(text))
        for file in _files_from_oldest(path)
        for number, text in enumerate(_forwards(file), 1)
        if text
    ]
    places = {line.digest: line for line in lines}
    faults: list[JournalFault] = []
    torn = unlinked = 0
    last = ""
    is_linked = False
    for line in lines:
        if line.is_torn:
            torn += 1
        elif line.previous is None and not is_linked:
            unlinked += 1
        elif (what := _fault(line, last, places)) and not _follows_dropped_file(line, lines, path):
            faults.append(JournalFault(line.file, line.number, what))
        is_linked = is_linked or line.previous is not None
        last = line.digest
    try:
        head = _read_head(path)
    except OSError as error:
        raise _unreadable(path.with_name(_HEAD), error) from error
    if head and head not in places:
        file, number = (lines[-1].file, lines[-1].number) if lines else (path.name, 0)
        faults.append(
            JournalFault(file, number, "The last line was changed, or lines after it were removed.")
        )
    return JournalCheck(len(lines), unlinked, torn, tuple(faults), has_head=bool(head))


@dataclass(frozen=True, slots=True)
class _Line:
    """`previous` is the hash that it has of the line before it, empty for the first line of a journal and
    None if it has none."""

    file: str
    number: int
    digest: str
    is_torn: bool
    previous: str | None


def _link(text: bytes) -> tuple[bool, str | None]:
    """Whether a line was cut off, and the hash that it has of the line before it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text.startswith(_BEGINNING), None
    previous = found.get("previous") if isinstance(found, dict) else None
    return False, previous if isinstance(previous, str) else None


def _fault(line: _Line, last: str, places: Mapping[str, _Line]) -> str:
    if line.previous is None:
        return "The line has no hash of the one before it: another program added or changed it."
    if line.previous == last:
        return ""
    if (expected := places.get(line.previous)) is not None:
        place = f"line {expected.number}" + (f" of {expected.file}" if expected.file != line.file else "")
        return f"It should follow {place}: lines were moved or added."
    if not last:
        return "The lines before it were removed."
    return "The line before it was changed or removed." if line.previous else "A journal was begun anew here."


def _follows_dropped_file(line: _Line, lines: Sequence[_Line], path: Path) -> bool:
    """Whether the line is the first of those that rotation has kept."""
    return line is lines[0] and line.file == rotated(path, OLD_FILES).name


def _files_from_oldest(path: Path) -> list[Path]:
    return [*(rotated(path.resolve(), number) for number in range(OLD_FILES, 0, -1)), path]


def _forwards(path: Path) -> Iterator[bytes]:
    try:
        yield from lines_forwards(path, MAX_HASHED_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(path, error) from error


def _lines() -> Iterator[bytes]:
    """The lines of the journal and of its older files, last first."""
    path = _file()
    for number in range(OLD_FILES + 1):
        file = rotated(path.resolve(), number) if number else path
        try:
            yield from lines_from_end(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(file, error) from error


def _rotate_if_large(path: Path, descriptor: int) -> None:
    """Start a new file once this one, open and locked, is large. A failure is only logged: the entry has been
    written."""
    try:
        if os.fstat(descriptor).st_size >= MAX_FILE_BYTES:
            rotate(path, OLD_FILES)
    except OSError as error:
        log.warning("the journal cannot be rotated: %s", error)


def _from_line(line: bytes) -> JournalEntry | None:
    """The entry in a line, None for an invalid line. Unknown fields, from a newer console, are ignored."""
    try:
        found = json.loads(line) if line.strip() else None
        known = {f.name: found[f.name] for f in fields(JournalEntry) if f.name in found} if found else {}
        entry = JournalEntry(**known)
    except (ValueError, TypeError, RecursionError):
        return None
    return entry if _is_valid(entry) else None


def _is_valid(entry: JournalEntry) -> bool:
    texts = {f.name for f in fields(entry) if f.type == "str"}
    return (
        all(isinstance(getattr(entry, name), str) for name in texts)
        and isinstance(entry.time, int)
        and 0 <= entry.time < _END_OF_TIME
        and isinstance(entry.version, int)
        and abs(entry.version) < 2**63
        and entry.outcome in get_args(Outcome)
        and _are_facts(entry.before)
        and _are_facts(entry.after)
        and entry.before.keys() == entry.after.keys()
    )


def _are_facts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(fact, str) for fact in value.values())


def _file() -> Path:
    try:
        return journal_file()
    except RuntimeError as error:  # the account has no home folder
        raise _unwritable(Path("~"), error) from error


def _unreadable(file: Path, error: OSError) -> WriteError:
    if isinstance(error, ForeignLink):
        return _foreign_link(error)
    if (obstacle := not_a_file(file)) is not None:
        return WriteError("Cannot read the journal", f"{file} is {obstacle}", _NOT_A_FILE_HINT)
    return WriteError("Cannot read the journal", f"{file}: {error.strerror or error}", _HINT)


def _foreign_link(error: ForeignLink) -> WriteError:
    path = Path(error.filename)
    return WriteError(f"{path.name} is a symbolic link of another user", str(path), FOREIGN_LINK_HINT)


def _unwritable(path: Path, error: Exception) -> WriteError:
    if isinstance(error, ForeignLink):
        return _foreign_link(error)
    if (obstacle := not_a_file(path)) is not None:
        return WriteError("Cannot write the journal", f"{path} is {obstacle}", _NOT_A_FILE_HINT)
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return WriteError(
        "Cannot write the journal",
        f"{path}: {why}",
        f"Free some disk space. {_HINT}",
    )
