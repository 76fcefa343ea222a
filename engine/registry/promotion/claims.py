"""Claims: how consoles of other accounts and machines take turns.

MLflow has no compare-and-set and no lock that they could share. So a promotion first tags its version with a
claim on the target, then reads all versions, and goes on only if that read shows no other claim on the
target. Of two promotions, the one that reads later sees the claim of the other. When both see each other, the
one with the higher id keeps its claim; the other one withdraws and waits until no claim is left.

A claim that stays in place for `PATIENCE` seconds, or whose process no longer exists on this machine, is
abandoned: whoever waits for it removes it. A promotion that finds its own claim removed was taken for dead.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from engine.entities import ModelVersion
from engine.errors import EngineError, NotFound
from engine.formats import moment
from engine.journal import JournalEntry
from engine.log import log
from engine.stores.errors import translated_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

PREFIX = "mlflow_console.claim."
"""Followed by the claim's id: two claims on one version have two tags."""
PATIENCE = 15.0
"""Seconds after which an unchanged claim is abandoned. A promotion takes a second or two; clocks of several
machines are not compared."""
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Claim:
    """A promotion that is being applied. `version` is the version that it tags, `target` its
    targets as text, `at` the time in epoch
    milliseconds by the clock of its machine, `space` identifies the machine's process numbers."""

    id: str
    version: int
    target: str
    by: str
    at: int
    space: str
    pid: int
    started: float

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(self.target.split(", "))

    @property
    def is_dead(self) -> bool:
        """Whether its process was on this machine and has ended."""
        if self.space != _space() or not self.space:
            return False
        import psutil

        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) > 1.0
        except psutil.NoSuchProcess:
            return True
        except (psutil.Error, ValueError, OverflowError):  # no number of a process
            return False

    def __str__(self) -> str:
        return f"{self.by} began to promote version {self.version} to {self.target} at {moment(self.at)}"


@dataclass(frozen=True, slots=True)
class Turn:
    """A promotion's turn: `versions` are the model's versions as read when it began, `before` the claims that
    it waited for, `abandoned` those that it removed."""

    claim: Claim
    versions: tuple[ModelVersion, ...]
    before: tuple[Claim, ...]
    abandoned: tuple[Claim, ...]


@contextmanager
def turn(store: Store, client: MlflowClient, entry: JournalEntry, targets: Sequence[str]) -> Iterator[Turn]:
    """Wait for the turn of a promotion to these targets (`Production`, `@champion`), and hold it during the
    block. Raises `StoreError` if the claim cannot be written, with nothing left behind."""
    own = _new_claim(entry, targets)
    before: dict[str, Claim] = {}
    first_seen: dict[str, float] = {}
    abandoned: list[Claim] = []
    try:
        _write(client, entry.model, own)
        is_claimed = True
        while True:
            versions = store.model_versions(entry.model)
            rivals = [claim for claim in claims(versions, targets) if claim.id != own.id]
            if not rivals and is_claimed:
                break
            if not rivals:
                _write(client, entry.model, own)
                is_claimed = True
                continue
            now = time.monotonic()
            before |= {claim.id: claim for claim in rivals}
            gone = [c for c in rivals if c.is_dead or now - first_seen.setdefault(c.id, now) > PATIENCE]
            for claim in gone:
                _remove(client, entry.model, claim)
                abandoned.append(claim)
            if gone:
                continue
            if is_claimed and any(claim.id > own.id for claim in rivals):
                _remove(client, entry.model, own)
                is_claimed = False
            time.sleep(_POLL_SECONDS)
        yield Turn(own, versions, tuple(before.values()), tuple(abandoned))
    finally:
        try:
            _remove(client, entry.model, own)
        except EngineError as error:
            log.warning("the claim on version %d of %s was not removed: %s", own.version, entry.model, error)


def claims(versions: Sequence[ModelVersion], targets: Sequence[str] = ()) -> list[Claim]:
    """The claims on one of the targets, or on any, in tags of the versions. Malformed ones are ignored."""
    found = (
        _from_tag(name, value, version.version)
        for version in versions
        for name, value in version.tags.items()
        if name.startswith(PREFIX)
    )
    return [c for c in found if c is not None and (not targets or not c.targets.isdisjoint(targets))]


def _new_claim(entry: JournalEntry, targets: Sequence[str]) -> Claim:
    import psutil

    return Claim(
        id=entry.entry_id,
        version=entry.version,
        target=", ".join(targets),
        by=f"{entry.user}@{entry.host}",
        at=entry.time,
        space=_space(),
        pid=os.getpid(),
        started=psutil.Process().create_time(),
    )


def _space() -> str:
    """The host and the namespace of its process numbers, which containers have of their own; empty where
    that is unknown."""
    try:
        return f"{os.uname().nodename} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _write(client: MlflowClient, model: str, claim: Claim) -> None:
    values = {key: value for key, value in asdict(claim).items() if key not in ("id", "version")}
    with translated_errors():
        client.set_model_version_tag(model, str(claim.version), PREFIX + claim.id, json.dumps(values))


def _remove(client: MlflowClient, model: str, claim: Claim) -> None:
    with suppress(NotFound), translated_errors():
        client.delete_model_version_tag(model, str(claim.version), PREFIX + claim.id)


def _from_tag(name: str, value: str, version: int) -> Claim | None:
    try:
        found = json.loads(value)
        return Claim(
            id=name.removeprefix(PREFIX),
            version=version,
            target=str(found["target"]),
            by=str(found["by"]),
            at=int(found["at"]),
            space=str(found["space"]),
            pid=int(found["pid"]),
            started=float(found["started"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
