"""What the doctor reports: findings by group, with their severity, evidence and fix."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from engine.errors import (
    EngineError,
    ServerDenied,
    ServerFault,
    ServerTimeout,
    ServerUnreachable,
    StoreLocked,
    StoreNotFound,
    StoreOutdated,
    StoreUnreadable,
)
from engine.formats import counted
from engine.secrets import mask
from engine.stores.errors import HostRejected, LoginRequired, Untrusted
from engine.text import Shown, safe

Severity = Literal["error", "warning", "note"]
GroupName = Literal["connection", "store", "artifacts", "registry", "machine"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

OUTAGES = (ServerTimeout, ServerUnreachable)
"""The errors of a server that stops answering."""
_LIMIT = 1000
"""Characters of each text of a finding."""
_NAMES: tuple[tuple[type[EngineError], str], ...] = (
    (Untrusted, "tls-untrusted"),
    (HostRejected, "host-rejected"),
    (LoginRequired, "login-required"),
    (ServerDenied, "access-denied"),
    (ServerTimeout, "server-silent"),
    (ServerUnreachable, "server-unreachable"),
    (ServerFault, "server-failing"),
    (StoreLocked, "store-locked"),
    (StoreNotFound, "store-not-found"),
    (StoreOutdated, "schema-unsupported"),
    (StoreUnreadable, "store-unreadable"),
)
"""The names of findings that are errors of the engine, the most specific first."""


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """Something wrong, or worth knowing. `name` is for scripts and does not change: `two-in-production`.
    `command`, if not empty, is what to type into a shell for the fix."""

    name: str
    severity: Severity
    title: Shown
    evidence: Shown
    fix: Shown
    command: Shown


@dataclass(frozen=True, slots=True)
class Unchecked:
    """What was not checked, and why."""

    what: Shown
    why: Shown


@dataclass(frozen=True, slots=True)
class DoctorGroup:
    """The checks of one subject. `facts` are worth knowing even if nothing is wrong; `checked` is the number
    of checks that ran."""

    name: GroupName
    facts: tuple[Shown, ...]
    findings: tuple[DoctorFinding, ...]
    unchecked: tuple[Unchecked, ...]
    checked: int

    @property
    def worst(self) -> Severity | None:
        """The severity of the worst finding; None without findings."""
        return next((severity for severity in SEVERITIES if self.count(severity)), None)

    def count(self, severity: Severity) -> int:
        return sum(finding.severity == severity for finding in self.findings)


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All findings about the store at `uri`, which was taken from `source`. `seconds` is how long it took."""

    uri: Shown
    source: str
    groups: tuple[DoctorGroup, ...]
    seconds: float

    @property
    def findings(self) -> tuple[DoctorFinding, ...]:
        return tuple(finding for group in self.groups for finding in group.findings)

    @property
    def has_errors(self) -> bool:
        return any(group.count("error") for group in self.groups)

    @property
    def summary(self) -> Shown:
        """`1 error, 2 warnings · 24 checks · 3 not checked`."""
        counts = ((severity, sum(group.count(severity) for group in self.groups)) for severity in SEVERITIES)
        found = ", ".join(counted(count, severity) for severity, count in counts if count)
        skipped = sum(len(group.unchecked) for group in self.groups)
        parts = [found or "nothing found", counted(sum(group.checked for group in self.groups), "check")]
        return Shown(" · ".join(parts + ([f"{skipped} not checked"] if skipped else [])))


class Notes:
    """Takes down what the checks of a group find. Secrets are masked. A server that stops answering during a
    check is added to `outages`."""

    def __init__(self, name: GroupName, outages: list[EngineError]) -> None:
        self._name = name
        self._outages = outages
        self._facts: list[Shown] = []
        self._findings: list[DoctorFinding] = []
        self._unchecked: list[Unchecked] = []
        self._checked = 0

    @contextmanager
    def check(self, what: str) -> Iterator[None]:
        """One check. An error in it means that it could not be made."""
        try:
            yield
        except EngineError as error:
            if isinstance(error, OUTAGES) and error not in self._outages:
                self._outages.append(error)
            self.skip(what, ": ".join(part for part in (error.title, error.detail) if part))
        except OSError as error:
            self.skip(what, error.strerror or type(error).__name__)
        else:
            self._checked += 1

    def fact(self, text: str) -> None:
        self._facts.append(_shown(text))

    def found(
        self,
        name: str,
        severity: Severity,
        title: str,
        *,
        evidence: str,
        fix: str,
        command: str | Sequence[str] = "",
    ) -> None:
        """`command` is a line for a shell, or the words of one, which are quoted."""
        line = command if isinstance(command, str) else shlex.join(command)
        self._findings.append(
            DoctorFinding(name, severity, _shown(title), _shown(evidence), _shown(fix), _shown(line))
        )

    def failed(self, error: EngineError, *, fix: str = "", command: str | Sequence[str] = "") -> None:
        """A finding that is an error of the engine, with its hint as the fix unless another is given."""
        name = next((name for kind, name in _NAMES if isinstance(error, kind)), "store-refused")
        hint = error.hint
        if isinstance(error, ServerTimeout):  # its hint is about a timeout that is not used here
            hint = "Check the server's log, and whether it or what it depends on is overloaded."
        self.found(name, "error", error.title, evidence=error.detail, fix=fix or hint, command=command)
        self._checked += 1

    def skip(self, what: str, why: str) -> None:
        self._unchecked.append(Unchecked(_shown(what), _shown(why)))

    def group(self) -> DoctorGroup:
        findings = sorted(self._findings, key=lambda finding: SEVERITIES.index(finding.severity))
        return DoctorGroup(
            self._name, tuple(self._facts), tuple(findings), tuple(self._unchecked), self._checked
        )


def _shown(text: str) -> Shown:
    return safe(mask(text), _LIMIT)
