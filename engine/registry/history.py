"""Who had a stage or an alias when, as far as this account can know.

MLflow keeps no history of stages and aliases. What is known comes from three sources:

- the journal: promotions and undos made by this account;
- the tags that consoles of other accounts left on the versions: a log of their promotions, undos, requests
  and decisions, and the last promotion of each;
- what this account has seen: each time a console reads a model's versions, it compares their stages and
  aliases with those it saw last. A difference that neither the journal nor a tag explains was made elsewhere,
  between the two looks.

Nothing is known from before the first look, and a change that was reversed between two looks is not found.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.entities import ModelVersion
from engine.files import locked, open_private, read_private, replacing
from engine.formats import MISSING, moment
from engine.journal import JournalEntry, journal_entries, server_name
from engine.log import log
from engine.paths import seen_folder
from engine.registry.promotion.facts import facts_from_text, target_changes
from engine.registry.promotion.writes import TAG_PREFIX
from engine.registry.version_log import records_of
from engine.text import Shown, safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

Holders = Mapping[str, tuple[int, ...]]
"""Versions by target (`Production`, `@champion`). A stage without versions is empty, an alias is missing."""
Source = Literal["journal", "tag", "seen"]

WATCHED = ("Production", "Staging")
CHANGING = ("promote", "undo", "version delete")
"""The journal's actions that change stages and aliases."""
MAX_STATES = 500
"""How many states of a model are remembered, the newest."""
FRESH_MS = 60_000
"""An unchanged state is written again once its time is older than this."""
CLOCK_SECONDS = 60
"""How much the clocks of two machines may differ."""
SLACK_MS: Mapping[Source, int] = {"journal": 1000, "tag": CLOCK_SECONDS * 1000}
"""How much later than a look an event may seem to be that the look has seen."""
LOCK_SECONDS = 2.0
_PAST = {"request": "requested", "approve": "approved", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class PromotionEvent:
    """A change of who holds a target. It happened at `until`, or, if this account was not there, between
    `since` and `until`; both in epoch milliseconds. `by` is empty if nobody knows."""

    target: str
    before: tuple[int, ...] | None
    after: tuple[int, ...]
    since: int
    until: int
    by: str
    source: Source
    reason: str = ""

    @property
    def is_exact(self) -> bool:
        return self.since == self.until

    @property
    def when(self) -> Shown:
        """The time, or `between TIME and TIME`."""
        if self.is_exact:
            return moment(self.until)
        return Shown(f"between {moment(self.since)} and {moment(self.until)}")

    @property
    def change(self) -> Shown:
        """`2 → 3`, with ? for what is not known."""
        before = "?" if self.before is None else _listed(self.before)
        return Shown(f"{before} → {_listed(self.after)}")


@dataclass(frozen=True, slots=True)
class ApprovalEvent:
    """A request for a promotion of `version` to `target`, or the answer to one, at a time in epoch
    milliseconds. The texts are untrusted."""

    target: str
    version: int
    action: Literal["request", "approve", "reject"]
    by: str
    at: int
    reason: str = ""

    @property
    def when(self) -> Shown:
        return moment(self.at)

    @property
    def change(self) -> Shown:
        """`3 requested`, `3 approved`."""
        return Shown(f"{self.version} {_PAST[self.action]}")


@dataclass(frozen=True, slots=True)
class Held:
    """Who held a target at some time. `versions` is None if that is not known; `why` says then what is."""

    target: str
    versions: tuple[int, ...] | None
    event: PromotionEvent | None = None
    why: str = ""

    @property
    def holder(self) -> Shown:
        """`version 3`, `no version`, or why that is not known."""
        if self.versions is None:
            return safe(self.why)
        noun = "versions" if len(self.versions) > 1 else "version"
        return Shown(f"{noun} {_listed(self.versions)}" if self.versions else "no version")


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """The events of a model and the requests and decisions about it, newest first, and who holds what `now`.
    `known_since` is the time of the oldest event or look."""

    model: str
    events: tuple[PromotionEvent, ...]
    approvals: tuple[ApprovalEvent, ...]
    now: Holders
    now_ms: int
    known_since: int

    @property
    def timeline(self) -> tuple[PromotionEvent | ApprovalEvent, ...]:
        """All of it, newest first."""

        def time_of(event: PromotionEvent | ApprovalEvent) -> tuple[int, int]:
            return (event.at,) * 2 if isinstance(event, ApprovalEvent) else (event.until, event.since)

        return tuple(sorted([*self.events, *self.approvals], key=time_of, reverse=True))

    def at(self, moment: int) -> tuple[Held, ...]:
        """Who held each target at a time, in epoch milliseconds."""
        targets = dict.fromkeys([*self.now, *(event.target for event in self.events)])
        return tuple(self._held(target, moment) for target in targets)

    def _held(self, target: str, moment: int) -> Held:
        events = [event for event in self.events if event.target == target]  # newest first
        later = [event for event in events if event.until > moment]
        earlier = next((event for event in events if event.until <= moment), None)
        if later and later[-1].since < moment:
            following = later[-1]
            return Held(target, None, following, "It changed elsewhere around that time.")
        if moment < self.known_since:
            return Held(target, None, None, "Nothing is known from that time.")
        if earlier is not None:
            return Held(target, earlier.after, earlier)
        before = later[-1].before if later else self.now.get(target, ())
        return Held(target, before, None, "" if before is not None else "It is not known who held it before.")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A state that was the same at each look from `first` to `last`."""

    holders: Holders
    first: int
    last: int


def holders_of(versions: Iterable[ModelVersion]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {stage: [] for stage in WATCHED}
    for version in sorted(versions, key=lambda version: version.version):
        if version.stage in WATCHED:
            found[version.stage].append(version.version)
        for alias in version.aliases:
            found.setdefault(f"@{alias}", []).append(version.version)
    return {target: tuple(numbers) for target, numbers in found.items()}


def remember(uri: TrackingUri, model: str, versions: Sequence[ModelVersion]) -> None:
    """Note the stages and aliases of a model as seen now. A failure is only logged."""
    now = time.time_ns() // 1_000_000
    holders = holders_of(versions)
    try:
        path = _path(uri, model)
        with open_private(path.with_suffix(".lock")) as descriptor, locked(descriptor, LOCK_SECONDS):
            states = _read(path)
            if states and states[-1].holders == holders:
                if now - states[-1].last < FRESH_MS:
                    return
                states[-1] = _Seen(holders, states[-1].first, now)
            else:
                states.append(_Seen(holders, now, now))
            record = {"server": server_name(uri), "model": model}
            with replacing(path, private=True) as file:
                seen = [asdict(state) for state in states[-MAX_STATES:]]
                file.write(json.dumps({**record, "seen": seen}, separators=(",", ":")).encode())
    except (OSError, RuntimeError) as error:
        log.warning("the stages of %s cannot be remembered: %s", model, error)


def history(
    store: Store, uri: TrackingUri, model: str, former_names: Mapping[str, int] | None = None
) -> ModelHistory:
    """Everything that is known about a model's stages and aliases. `former_names` are those that the model
    had until a time in epoch milliseconds. Raises `NotFound`, `WriteError` if the
    journal cannot be read, `StoreError`."""
    versions = store.model_versions(model)
    remember(uri, model, versions)
    created = {version.version: version.creation_time or 0 for version in versions}
    names = [(model, sys.maxsize), *(former_names or {}).items()]
    own = [
        event
        for name, until in names
        for entry in _entries(uri, name, created)
        if entry.time <= until
        for event in _journalled(entry)
    ]
    known = [*own, *_logged(own, versions)]
    states = [state for name, until in names for state in _read(_path(uri, name)) if state.first <= until]
    states.sort(key=lambda state: state.first)
    elsewhere = [event for pair in pairwise(states) for event in _unexplained(*pair, known)]
    tagged = _tagged(known, versions)
    found = [*known, *_with_names(elsewhere, tagged)]
    found += [event for event in tagged if not any(_explains(event, other) for other in elsewhere)]
    found.sort(key=lambda event: (event.until, event.since), reverse=True)
    times = [*(event.since for event in found), *(state.first for state in states[:1])]
    now = time.time_ns() // 1_000_000
    return ModelHistory(
        model, tuple(found), _approvals(versions), holders_of(versions), now, min(times, default=now)
    )


def _entries(uri: TrackingUri, model: str, created: Mapping[int, int]) -> list[JournalEntry]:
    """The promotions, undos and deletions of versions that took effect, not those of a deleted model of the
    same name."""
    found = []
    for entry in journal_entries(server=server_name(uri), model=model):
        known = entry.before.get(f"version {entry.version} created", "")
        is_same = not known or known == str(created.get(entry.version, known))
        if entry.action in CHANGING and entry.outcome in ("done", "undone", "failed") and is_same:
            found.append(entry)
    return found


def _journalled(entry: JournalEntry) -> list[PromotionEvent]:
    before, after = facts_from_text(entry.before) or {}, facts_from_text(entry.after) or {}
    by = f"{entry.user}@{entry.host}"
    return [
        PromotionEvent(target, was, now, entry.time, entry.time, by, "journal", entry.reason)
        for target, (was, now) in target_changes(before, after).items()
    ]


def _logged(own: Iterable[PromotionEvent], versions: Iterable[ModelVersion]) -> list[PromotionEvent]:
    """The promotions and undos of other accounts that the logs of the versions record."""
    known = {(event.by, event.until) for event in own}
    return [
        PromotionEvent(target, was, now, record.at, record.at, record.by, "tag", record.reason)
        for version in versions
        for record in records_of(version)
        if record.action in ("promote", "undo") and (record.by, record.at) not in known
        for target, (was, now) in record.changes.items()
    ]


def _approvals(versions: Iterable[ModelVersion]) -> tuple[ApprovalEvent, ...]:
    """The requests and decisions that the logs of the versions record, newest first."""
    found = [
        ApprovalEvent(target, version.version, record.action, record.by, record.at, record.reason)
        for version in versions
        for record in records_of(version)
        if record.action != "promote" and record.action != "undo"
        for target in record.changes
    ]
    return tuple(sorted(found, key=lambda event: event.at, reverse=True))


def _listed(versions: tuple[int, ...]) -> str:
    return ", ".join(map(str, versions)) or MISSING


def _unexplained(first: _Seen, second: _Seen, known: Iterable[PromotionEvent]) -> list[PromotionEvent]:
    """What changed between two looks and was done neither by this account nor by another console's record."""
    events = []
    between = [
        event
        for event in known
        if first.last - FRESH_MS <= event.until <= second.first + SLACK_MS[event.source]
    ]
    for target in dict.fromkeys([*first.holders, *second.holders]):
        was, now = first.holders.get(target, ()), second.holders.get(target, ())
        mine = [event for event in between if event.target == target]
        if was == now or any(event.after == now for event in mine):
            continue
        since = max([first.last, *(event.until for event in mine)])
        events.append(
            PromotionEvent(target, mine[0].after if mine else was, now, since, second.first, "", "seen")
        )
    return events


def _tagged(own: Iterable[PromotionEvent], versions: Iterable[ModelVersion]) -> list[PromotionEvent]:
    """The promotions of other accounts that tags of the versions record. One from before the version was
    created, as a copy by MLflow has, or from the future, is left out."""
    known = {(event.by, event.until // 1000) for event in own}
    latest = time.time() + CLOCK_SECONDS
    events = []
    for version in versions:
        values = {name: version.tags.get(TAG_PREFIX + name, "") for name in ("promoted_by", "promoted_at")}
        target, reason = (version.tags.get(TAG_PREFIX + name, "") for name in ("promoted_to", "reason"))
        try:
            at = int(datetime.fromisoformat(values["promoted_at"]).timestamp())
        except (ValueError, OverflowError):
            continue
        if not (version.creation_time or 0) / 1000 - CLOCK_SECONDS <= at <= latest:
            continue
        if target and values["promoted_by"] and (values["promoted_by"], at) not in known:
            time_ms = at * 1000
            events.append(
                PromotionEvent(
                    target, None, (version.version,), time_ms, time_ms, values["promoted_by"], "tag", reason
                )
            )
    return events


def _explains(tag: PromotionEvent, change: PromotionEvent) -> bool:
    return (
        tag.target == change.target
        and set(tag.after) <= set(change.after)
        and change.since - CLOCK_SECONDS * 1000 <= tag.until <= change.until + CLOCK_SECONDS * 1000
    )


def _with_names(changes: Iterable[PromotionEvent], tagged: Sequence[PromotionEvent]) -> list[PromotionEvent]:
    """The changes, with the time, name and reason of the promotion that explains each."""
    found = []
    for change in changes:
        tag = next((event for event in tagged if _explains(event, change)), None)
        found.append(change if tag is None else replace(tag, before=change.before, after=change.after))
    return found


def _path(uri: TrackingUri, model: str) -> Path:
    digest = hashlib.sha256(f"{server_name(uri)}\n{model}".encode(errors="surrogatepass")).hexdigest()[:32]
    return seen_folder() / f"{digest}.json"


def _read(path: Path) -> list[_Seen]:
    """The remembered states, oldest first; none if the file is missing or damaged."""
    try:
        found = json.loads(read_private(path))["seen"]
        return [
            _Seen(
                {str(target): tuple(map(int, numbers)) for target, numbers in state["holders"].items()},
                int(state["first"]),
                int(state["last"]),
            )
            for state in found
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("what was seen of a model cannot be read: %s", error)
        return []
