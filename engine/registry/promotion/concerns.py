"""Reasons to reconsider a promotion. They only warn: what must hold is in a policy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.entities import ModelVersion, Run
from engine.errors import WriteError
from engine.formats import moment, number
from engine.journal import journal_entries
from engine.registry.promotion.facts import AliasChange, Change, StageChange
from engine.runs.metrics import direction_of, primary_metric

if TYPE_CHECKING:
    from engine.evidence.version_tests import VersionTest
    from engine.runs.compare import Comparison

_SOURCE_RUN_STATUS = {
    "FAILED": "failed",
    "KILLED": "was killed",
    "RUNNING": "has not finished",
    "SCHEDULED": "has not started",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed. `runs` are source runs by version number, None for a missing one."""

    model: str
    candidate: ModelVersion
    kind: Literal["stage", "alias"]
    target: str
    holders: tuple[ModelVersion, ...]
    versions: tuple[ModelVersion, ...]
    changes: tuple[Change, ...]
    runs: Mapping[int, Run | None]
    comparison: Comparison | None
    tests: tuple[VersionTest, ...] = ()

    def archived(self) -> tuple[ModelVersion, ...]:
        """The versions that will be archived."""
        numbers = {
            change.version
            for change in self.changes
            if isinstance(change, StageChange) and change.after == "Archived"
        }
        return tuple(version for version in self.versions if version.version in numbers)


def warnings(proposal: Proposal) -> tuple[str, ...]:
    """One sentence for each thing the operator should know before promoting."""
    return tuple(warning for concern in _CONCERNS for warning in concern(proposal))


def interrupted_promotion(server: str, model: str) -> tuple[str, ...]:
    """A warning if the model's latest promotion has no outcome, or if the journal cannot be read."""
    try:
        entries = journal_entries(server=server, model=model)
        newest = next((entry for entry in entries if entry.action in ("promote", "undo")), None)
    except WriteError as error:
        return (str(error),)
    if newest is None or newest.outcome != "intended":
        return ()
    return (
        f"{newest.target}, started {moment(newest.time)} by {newest.user}@{newest.host}, has no recorded "
        "outcome: it was interrupted or is still running. This plan starts from the current state.",
    )


def _already_promoted(proposal: Proposal) -> Iterator[str]:
    candidate = proposal.candidate
    if proposal.kind == "alias" and not proposal.changes:
        yield f"Version {candidate.version} already has the alias {proposal.target}: no change needed."
    elif proposal.kind == "stage" and candidate.stage == proposal.target:
        rest = "only the other versions would be archived" if proposal.changes else "no change needed"
        yield f"Version {candidate.version} is already in stage {proposal.target}: {rest}."


def _not_ready(proposal: Proposal) -> Iterator[str]:
    candidate = proposal.candidate
    if candidate.status != "READY":
        yield f"Version {candidate.version} is not ready: its status is {candidate.status}."
    if proposal.kind == "alias" and candidate.stage == "Archived":
        yield f"Version {candidate.version} is archived."


def _source_runs(proposal: Proposal) -> Iterator[str]:
    for version in (proposal.candidate, *proposal.holders):
        run = proposal.runs.get(version.version)
        if not version.run_id:
            yield f"Version {version.version} has no source run, so it cannot be compared."
        elif run is None:
            yield f"The source run of version {version.version} no longer exists, so it cannot be compared."
        elif run.lifecycle_stage == "deleted":
            yield f"The source run of version {version.version} is deleted."
        elif version is proposal.candidate and run.status in _SOURCE_RUN_STATUS:
            yield f"The source run of version {version.version} {_SOURCE_RUN_STATUS[run.status]}."


def _worse_metric(proposal: Proposal) -> Iterator[str]:
    candidate = proposal.runs.get(proposal.candidate.version)
    holder_runs = [(v, run) for v in proposal.holders if (run := proposal.runs.get(v.version)) is not None]
    metric = primary_metric({name for _, run in holder_runs for name in run.metrics})
    direction = None if metric is None else direction_of(metric)
    if candidate is None or metric is None or direction is None:
        return
    sign = 1 if direction == "higher" else -1
    rivals = [
        (sign * v, version, v)
        for version, run in holder_runs
        if math.isfinite(v := run.metrics.get(metric, math.nan))
    ]
    if not rivals:
        return
    _, best, value = max(rivals, key=lambda rival: rival[0])
    own, name = candidate.metrics.get(metric), f"Version {proposal.candidate.version}"
    if own is None:
        yield f"{name} has no {metric}; version {best.version} has {number(value)}."
    elif not math.isfinite(own) or sign * own < sign * value:
        values = f"{number(own)} against {number(value)} for version {best.version}"
        yield f"{name} is worse on {metric}: {values}."


def _failed_tests(proposal: Proposal) -> Iterator[str]:
    for test in proposal.tests:
        if not test.passed:
            yield f"Version {test.version} failed its last {test.name}, of {moment(test.time)}."


def _several_in_stage(proposal: Proposal) -> Iterator[str]:
    if proposal.kind == "alias" or not proposal.holders:
        return
    candidate, target = proposal.candidate, proposal.target
    now = [v.version for v in proposal.holders] + [candidate.version] * (candidate.stage == target)
    uri = f"models:/{proposal.model}/{target}"
    if len(now) > 1:
        yield f"Versions {_listed(now)} are in stage {target}: {uri} loads version {max(now)}."
    leaving = {version.version for version in proposal.archived()}
    staying = [v.version for v in proposal.holders if v.version not in leaving]
    if staying and candidate.stage != target:
        then = [*staying, candidate.version]
        yield f"Versions {_listed(then)} will be in stage {target}: {uri} will load version {max(then)}."


def _last_in_production(proposal: Proposal) -> Iterator[str]:
    candidate = proposal.candidate
    if proposal.kind == "alias" or candidate.stage != "Production" or proposal.target == "Production":
        return
    if not any(v.stage == "Production" and v.version != candidate.version for v in proposal.versions):
        yield (
            f"Version {candidate.version} is the only one in Production: "
            f"models:/{proposal.model}/Production will no longer resolve."
        )


def _aliases_kept(proposal: Proposal) -> Iterator[str]:
    moving = {change.alias for change in proposal.changes if isinstance(change, AliasChange)}
    for version in proposal.archived():
        kept = [alias for alias in version.aliases if alias not in moving]
        if kept:
            names = ", ".join(kept)
            plural = "es" if len(kept) > 1 else ""
            yield f"Version {version.version} keeps the alias{plural} {names} when archived."


def _listed(numbers: Sequence[int]) -> str:
    *others, last = (str(number) for number in sorted(numbers))
    return f"{', '.join(others)} and {last}" if others else last


_CONCERNS = (
    _already_promoted,
    _not_ready,
    _source_runs,
    _worse_metric,
    _failed_tests,
    _several_in_stage,
    _last_in_production,
    _aliases_kept,
)
