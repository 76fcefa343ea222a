"""What speaks against a promotion. A gate warns; it is the operator who decides."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.entities import ModelVersion, Run
from engine.errors import WriteError
from engine.formats import moment, number
from engine.journal import read_journal
from engine.registry.promotion.facts import Change, StageChange

if TYPE_CHECKING:
    from engine.runs.compare import Comparison

PRIMARY = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc",
    "auc",
    "f1_score",
    "f1",
    "r2_score",
    "r2",
    "rmse",
    "mae",
    "mse",
    "log_loss",
    "loss",
)
"""The metrics by which versions are judged, the first that both have; also as `val_accuracy`, `test/rmse`."""

_RUN_ENDS = {
    "FAILED": "failed",
    "KILLED": "was killed",
    "RUNNING": "has not finished",
    "SCHEDULED": "has not started",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the gates look at. `runs` are source runs by version number, None for one that is gone."""

    model: str
    candidate: ModelVersion
    kind: Literal["stage", "alias"]
    target: str
    holders: tuple[ModelVersion, ...]
    versions: tuple[ModelVersion, ...]
    changes: tuple[Change, ...]
    runs: Mapping[int, Run | None]
    comparison: Comparison | None

    def archived(self) -> tuple[ModelVersion, ...]:
        """The versions that go to Archived."""
        numbers = {
            change.version
            for change in self.changes
            if isinstance(change, StageChange) and change.after == "Archived"
        }
        return tuple(version for version in self.versions if version.version in numbers)


def warnings(proposal: Proposal) -> tuple[str, ...]:
    """One sentence for each thing that the operator should know first."""
    return tuple(warning for gate in _GATES for warning in gate(proposal))


def interrupted(server: str, model: str) -> tuple[str, ...]:
    """A warning if the newest journal entry of the model has no end, or if the journal cannot be read."""
    try:
        newest = next((e for e in read_journal(None) if e.server == server and e.model == model), None)
    except WriteError as error:
        return (str(error),)
    if newest is None or newest.outcome != "intended":
        return ()
    return (
        f"{newest.target}, begun {moment(newest.time)} by {newest.user}@{newest.host}, has no recorded end: "
        "it was interrupted, or is still running. What it left is what you see here.",
    )


def primary_metric(names: Iterable[str]) -> str | None:
    """The metric by which versions are judged; a lone one serves whatever its name."""
    there = sorted(names, key=lambda name: (len(name), name))
    for wanted in PRIMARY:
        pattern = re.compile(rf"(.*[_/. -])?{wanted}", re.IGNORECASE)
        for name in there:
            if pattern.fullmatch(name):
                return name
    return there[0] if len(there) == 1 else None


def _already_there(proposal: Proposal) -> Iterator[str]:
    candidate = proposal.candidate
    if proposal.kind == "alias" and not proposal.changes:
        yield f"Version {candidate.version} has the alias {proposal.target} already: nothing would change."
    elif proposal.kind == "stage" and candidate.stage == proposal.target:
        rest = "only the others would be archived" if proposal.changes else "nothing would change"
        yield f"Version {candidate.version} has the stage {proposal.target} already: {rest}."


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
            yield f"Version {version.version} names no source run, so it cannot be compared."
        elif run is None:
            yield f"The source run of version {version.version} is gone, so it cannot be compared."
        elif run.lifecycle_stage == "deleted":
            yield f"The source run of version {version.version} is deleted."
        elif version is proposal.candidate and run.status in _RUN_ENDS:
            yield f"The source run of version {version.version} {_RUN_ENDS[run.status]}."


def _worse(proposal: Proposal) -> Iterator[str]:
    from engine.runs.compare import direction_of

    candidate = proposal.runs.get(proposal.candidate.version)
    held = [(v, run) for v in proposal.holders if (run := proposal.runs.get(v.version)) is not None]
    metric = primary_metric({name for _, run in held for name in run.metrics})
    if candidate is None or metric is None:
        return
    sign = 1 if direction_of(metric) == "higher" else -1
    rivals = [
        (sign * v, version, v)
        for version, run in held
        if math.isfinite(v := run.metrics.get(metric, math.nan))
    ]
    if not rivals:
        return
    _, best, value = max(rivals, key=lambda rival: rival[0])
    own, name = candidate.metrics.get(metric), f"Version {proposal.candidate.version}"
    if own is None:
        yield f"{name} has no {metric}; version {best.version} has {number(value)}."
    elif not math.isfinite(own) or sign * own < sign * value:
        yield f"{name} is worse on {metric}: {number(own)} against {number(value)} of version {best.version}."


def _crowded(proposal: Proposal) -> Iterator[str]:
    if proposal.kind == "alias" or not proposal.holders:
        return
    candidate, target = proposal.candidate, proposal.target
    now = [v.version for v in proposal.holders] + [candidate.version] * (candidate.stage == target)
    uri = f"models:/{proposal.model}/{target}"
    if len(now) > 1:
        yield f"Versions {_listed(now)} all have the stage {target}: {uri} loads version {max(now)}."
    leaving = {version.version for version in proposal.archived()}
    staying = [v.version for v in proposal.holders if v.version not in leaving]
    if staying and candidate.stage != target:
        then = [*staying, candidate.version]
        yield f"Versions {_listed(then)} will all have the stage {target}: {uri} loads version {max(then)}."


def _last_in_production(proposal: Proposal) -> Iterator[str]:
    candidate = proposal.candidate
    if proposal.kind == "alias" or candidate.stage != "Production" or proposal.target == "Production":
        return
    if not any(v.stage == "Production" and v.version != candidate.version for v in proposal.versions):
        yield (
            f"Version {candidate.version} is the only one in Production: "
            f"models:/{proposal.model}/Production will load nothing."
        )


def _aliases_left(proposal: Proposal) -> Iterator[str]:
    for version in proposal.archived():
        if version.aliases:
            names = ", ".join(version.aliases)
            plural = "es" if len(version.aliases) > 1 else ""
            yield f"Version {version.version} keeps the alias{plural} {names} when it is archived."


def _listed(numbers: Sequence[int]) -> str:
    *most, last = (str(number) for number in sorted(numbers))
    return f"{', '.join(most)} and {last}" if most else last


_GATES = (_already_there, _not_ready, _source_runs, _worse, _crowded, _last_in_production, _aliases_left)
