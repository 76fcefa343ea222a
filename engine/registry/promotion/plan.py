"""Plans of promotions and undos: what would change, without writing anything."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from engine.entities import STAGES, ModelVersion, Run, Stage
from engine.errors import PromotionError, StagesUnsupported, StoreError, UsageError
from engine.evidence.difference import verdict, versus
from engine.evidence.version_tests import VersionTest, last_tests
from engine.formats import counted
from engine.journal import Finding, JournalEntry, check_writable, journal_entries, server_name
from engine.registry.promotion.claims import claims
from engine.registry.promotion.concerns import Proposal, interrupted_promotion, warnings
from engine.registry.promotion.facts import (
    AliasChange,
    AliasTarget,
    Change,
    CreatedAt,
    Fact,
    Facts,
    FactValue,
    HoldersOf,
    StageChange,
    StageOf,
    after_changes,
    alias_problem,
    changes_between,
    differences,
    facts_from_text,
    has_taken_effect,
    read_facts,
)
from engine.registry.promotion.policy import Gate, Policy, gates, policies_of
from engine.runs.metrics import primary_metric
from engine.stores.records import find_version
from engine.stores.references import source_run
from engine.text import Shown, safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.runs.compare import Comparison
    from engine.stores.base import Store

ACTIVE: tuple[Stage, ...] = ("Staging", "Production")
"""The stages meant for one version at a time: promoting to them archives the version they hold."""

ALIAS_FOR: Mapping[str, str] = {"Production": "champion", "Staging": "challenger"}
"""The aliases that stand for stages where there are none, as in MLflow's own guide to Unity Catalog."""
NO_EVIDENCE = Shown("")
_AGAIN = "MLflow restores no versions. The journal has their sources: register them again from their runs."
_INSTEAD = {
    "delete": "`mlflow-console restore` restores runs.",
    "restore": "`mlflow-console delete` deletes runs.",
    "version delete": _AGAIN,
    "model delete": _AGAIN,
    "policy": "The journal has the policy before it: `mlflow-console policy MODEL --set FILE`.",
}
"""What to do about journal entries that cannot be undone, by action."""


@dataclass(frozen=True, slots=True)
class PromotionPlan:
    """What will change in one registered model, and the state that the plan depends on.

    `target` is a stage or an alias, by `kind`. `holders` are the other versions that hold it now (empty for
    the stages None and Archived, which any number of versions may hold). `comparison` has the source runs of
    the holders first and the candidate's last; missing runs are left out, and without the candidate's run it
    is None. `evidence` says in a sentence whether the candidate differs from the first holder by more than
    chance; empty without a metric that both have. `tests` are the last ones that this account made of the
    candidate, newest first. `changes` are in the order of writing. `seen` is the state
    that was read, `after` the state to reach. `undoes` is the id of the journal entry that the plan undoes,
    empty for a promotion. `gates` are those of the policies that apply; with `confirm` one of them wants
    the name of the model to be typed. `has_stages` says whether the registry has stages.
    """

    model: str
    candidate: ModelVersion
    kind: Literal["stage", "alias"]
    target: str
    holders: tuple[ModelVersion, ...]
    comparison: Comparison | None
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    server: Shown
    archive_existing: bool
    seen: Facts = field(repr=False)
    after: Facts = field(repr=False)
    undoes: str = ""
    evidence: Shown = NO_EVIDENCE
    tests: tuple[VersionTest, ...] = ()
    gates: tuple[Gate, ...] = ()
    confirm: bool = False
    has_stages: bool = True

    @property
    def grounds(self) -> str:
        """What the promotion could go by, for the journal: the evidence and the last tests."""
        tests = [f"{test.title}: {test.text}" for test in self.tests]
        return " ".join([*([self.evidence] if self.evidence else []), *tests])

    @property
    def blocking(self) -> tuple[Gate, ...]:
        """The gates of a policy that are not passed: the promotion needs force."""
        return tuple(gate for gate in self.gates if gate.state != "passed")

    @property
    def targets(self) -> tuple[str, ...]:
        """The stages and aliases whose holders change: `Production`, `@champion`."""
        found: dict[str, None] = {self.target_name: None}
        for change in self.changes:
            if isinstance(change, AliasChange):
                found[f"@{change.alias}"] = None
            else:
                found |= {stage: None for stage in (change.before, change.after) if stage in ACTIVE}
        return tuple(found)

    @property
    def is_noop(self) -> bool:
        return not self.changes

    @property
    def target_name(self) -> str:
        """The target as people write it: `Production`, `@champion`."""
        return f"@{self.target}" if self.kind == "alias" else self.target


def plan_promotion(
    store: Store,
    uri: TrackingUri,
    model: str,
    version: int,
    *,
    stage: str | None = None,
    alias: str | None = None,
    archive_existing: bool = True,
) -> PromotionPlan:
    """Plan to give `version` a stage (case-insensitive) or an alias: exactly one of the two.

    Raises `UsageError` for an unknown stage or an invalid alias, `NotFound` for a missing model or version,
    `StagesUnsupported` for a stage in a registry without stages, `StoreError`.
    """
    kind, target = _target(stage, alias)
    versions = store.model_versions(model)
    candidate = find_version(versions, model, version)
    no_stages = store.stages.problem(model)
    if no_stages is not None and kind == "stage":
        raise _instead_of_stage(no_stages, candidate, target)
    policies, problems = _policies(store, model, f"@{target}" if kind == "alias" else target)
    goal = _goal(kind, target, policies)
    if no_stages is not None:
        goal = _Goal(None, goal.alias)
    holders = _holders(versions, candidate, goal)
    leaving = tuple(v for v in holders if v.stage == goal.stage) if archive_existing else ()
    seen = read_facts(versions, _facts(candidate, leaving, goal))
    after = read_facts(after_changes(versions, _requested_changes(candidate, leaving, goal)), seen)
    sources = {v.version: source_run(store, v.run_id) for v in (*holders, candidate)}
    runs = {version: None if found is None else found.run for version, found in sources.items()}
    changes = changes_between(seen, after)
    tests = last_tests(server_name(uri), candidate)
    compared = _comparison(runs)
    proposal = Proposal(model, candidate, kind, target, holders, versions, changes, runs, compared, tests)
    return PromotionPlan(
        model=model,
        candidate=candidate,
        kind=kind,
        target=target,
        holders=holders,
        comparison=proposal.comparison,
        changes=changes,
        warnings=warnings(proposal)
        + interrupted_promotion(server_name(uri), model)
        + tuple(f"{claim} and has not finished." for claim in claims(versions)),
        server=uri.shown,
        archive_existing=archive_existing,
        seen=seen,
        after=after,
        evidence=_evidence(store, proposal),
        tests=tests,
        gates=(*problems, *gates(store, uri, proposal, policies)) if changes else (),
        confirm=any(policy.confirm for policy in policies),
        has_stages=no_stages is None,
    )


def plan_undo(store: Store, uri: TrackingUri, entry: JournalEntry | None = None) -> PromotionPlan:
    """Plan to undo a promotion recorded in the journal: that of `entry`, or the latest one in this store that
    has not been undone. For an interrupted promotion, undo the part that took effect. An interrupted undo is
    finished if it is the latest entry, and reversed if it is `entry`.

    Raises `PromotionError` if there is none, or if the registry has changed since; `UsageError` for an entry
    of another kind.
    """
    server = server_name(uri)
    if entry is not None:
        if entry.action not in ("promote", "undo"):
            title = f"Cannot undo {entry.action} {safe(entry.target, 200)}"
            raise UsageError(title, hint=_INSTEAD.get(entry.action, ""))
        is_open = entry.outcome != "undone" if entry.action == "promote" else _is_interrupted_undo(entry)
        plan = _inverse(store, uri, entry) if entry.server == server and is_open else None
        if plan is None:
            raise PromotionError("Nothing to undo", f"Nothing of {entry.target} is left in the registry.")
        return plan
    for entry in journal_entries(server=server):
        plan = None
        if entry.action == "promote" and entry.outcome != "undone":
            plan = _inverse(store, uri, entry)
        elif _is_interrupted_undo(entry):
            plan = _rest(store, uri, entry)
        if plan is not None:
            return plan
    check_writable()
    raise PromotionError(
        "Nothing to undo",
        f"The journal has no promotion on {server} left to undo.",
        "`mlflow-console journal` lists the changes made from this machine. To reverse a promotion made "
        "elsewhere, promote the version you want.",
    )


def finding(store: Store, entry: JournalEntry) -> Finding:
    """What the registry shows of an unfinished promotion or undo. Raises `NotFound` if the model no longer
    exists, `StoreError`."""
    changes = recorded_changes(entry)
    versions = store.model_versions(entry.model)
    made = [str(change) for change in changes if has_taken_effect(change, versions)]
    if not made:
        return Finding("The registry shows none of its changes.")
    text = f"{len(made)} of {counted(len(changes), 'change')} made: {'; '.join(made)}."
    if entry.action == "promote":
        return Finding(text, "mlflow-console undo")
    if len(made) == len(changes):
        return Finding(text)
    return Finding(f"{text} Finish it, or reverse it with `undo {entry.entry_id}`.", "mlflow-console undo")


def recorded_changes(entry: JournalEntry) -> tuple[Change, ...]:
    """The changes of a journalled promotion or undo, in the order of writing; none if it is damaged."""
    before, after = facts_from_text(entry.before), facts_from_text(entry.after)
    return changes_between(before, after) if before is not None and after is not None else ()


def _is_interrupted_undo(entry: JournalEntry) -> bool:
    return (entry.action, entry.outcome) == ("undo", "intended")


def _inverse(store: Store, uri: TrackingUri, entry: JournalEntry) -> PromotionPlan | None:
    """The plan that undoes `entry`, None if none of it took effect."""
    found = _found_after(store, entry)
    if found is None:
        return None
    versions, seen = found
    made = [change for change in recorded_changes(entry) if seen[change.fact] == change.after]
    wanted: dict[Fact, FactValue] = {change.fact: change.before for change in made}
    changes = changes_between({fact: seen[fact] for fact in wanted}, wanted)
    return _undoing(store, uri, entry, versions, seen, changes, entry.entry_id) if changes else None


def _rest(store: Store, uri: TrackingUri, undo: JournalEntry) -> PromotionPlan | None:
    """The plan that finishes an interrupted undo, None if it has made none of its changes or all of them."""
    found = _found_after(store, undo)
    if found is None:
        return None
    versions, seen = found
    changes = recorded_changes(undo)
    missing = tuple(change for change in changes if seen[change.fact] != change.after)
    if not 0 < len(missing) < len(changes):
        return None
    return _undoing(store, uri, undo, versions, seen, missing, undo.undoes)


def _found_after(
    store: Store, entry: JournalEntry
) -> tuple[tuple[ModelVersion, ...], dict[Fact, FactValue]] | None:
    """The versions of the entry's model, and what its facts are now; None for a damaged entry. Raises
    `PromotionError` if the registry has changed since."""
    after = facts_from_text(entry.after)
    changes = recorded_changes(entry)
    if after is None or not changes:
        return None
    versions = store.model_versions(entry.model)
    seen = read_facts(versions, after)
    if entry.outcome == "intended":
        moved_on = any(seen[change.fact] not in (change.before, change.after) for change in changes)
    else:
        moved_on = seen != after
    is_gone = any(isinstance(fact, StageOf) and stage is None for fact, stage in seen.items())
    if moved_on or is_gone:
        raise PromotionError(
            f"The registry has changed since {entry.target}",
            differences(after, seen, "after that promotion"),
            "Promote the version you want instead.",
        )
    return versions, seen


def _undoing(
    store: Store,
    uri: TrackingUri,
    entry: JournalEntry,
    versions: Sequence[ModelVersion],
    seen: Facts,
    changes: tuple[Change, ...],
    undoes: str,
) -> PromotionPlan:
    """The plan of an undo: `changes` to the model of `entry`."""
    candidate = find_version(versions, entry.model, entry.version)
    after = read_facts(after_changes(versions, changes), seen)
    moved = any(isinstance(change, StageChange) for change in changes)
    alias = "" if moved else next((fact.alias for fact in seen if isinstance(fact, AliasTarget)), "")
    return PromotionPlan(
        model=entry.model,
        candidate=candidate,
        kind="alias" if alias else "stage",
        target=alias or str(after.get(StageOf(entry.version), candidate.stage)),
        holders=(),
        comparison=None,
        changes=changes,
        warnings=(),
        server=uri.shown,
        archive_existing=False,
        seen=seen,
        after=after,
        undoes=undoes,
        has_stages=store.stages.problem(entry.model) is None,
    )


def _instead_of_stage(error: StagesUnsupported, version: ModelVersion, stage: str) -> StagesUnsupported:
    """The error with the command that sets the alias which stands for the stage."""
    alias = ALIAS_FOR.get(stage, "")
    model = shlex.quote(version.name)
    hint = (
        f"Use an alias: `mlflow-console promote {model} {version.version} --alias {alias}`."
        if alias
        else "Use aliases: a version without one is neither in production nor being tested."
    )
    return StagesUnsupported(error.title, error.detail, hint)


def target_name(text: str) -> str:
    """A stage or an alias as people write it: `production`, `@champion`. Raises `UsageError`."""
    is_alias = text.startswith("@")
    _, name = _target(None if is_alias else text, text[1:] if is_alias else None)
    return f"@{name}" if is_alias else name


def _target(stage: str | None, alias: str | None) -> tuple[Literal["stage", "alias"], str]:
    if (stage is None) == (alias is None):
        raise UsageError("A promotion needs either a stage or an alias", hint="Give exactly one of the two.")
    if stage is not None:
        for known in STAGES:
            if known.lower() == stage.lower():
                return "stage", known
        raise UsageError(f"Unknown stage {stage!r}", hint=f"Use one of {', '.join(STAGES)}.")
    if problem := alias_problem(alias or ""):
        title, _, hint = problem.partition(": ")
        raise UsageError(title, hint=f"{hint[:1].upper()}{hint[1:]}.")
    return "alias", alias or ""


@dataclass(frozen=True, slots=True)
class _Goal:
    """What the candidate is to have: a stage, an alias, or both if a policy keeps them in step."""

    stage: Stage | None
    alias: str


def _policies(store: Store, model: str, target: str) -> tuple[tuple[Policy, ...], tuple[Gate, ...]]:
    """The policies that apply to a target, and a gate for those that cannot be read."""
    try:
        found = policies_of(store.registered_model(model))
    except UsageError as error:
        return (), (Gate("policy", "inconclusive", f"{error.title}: {error.detail}"),)
    return tuple(policy for policy in found if policy.applies_to([target])), ()


def _goal(kind: str, target: str, policies: Sequence[Policy]) -> _Goal:
    pair = next((policy for policy in policies if policy.alias), None)
    stage = pair.target if pair is not None else "" if kind == "alias" else target
    alias = pair.alias if pair is not None else target if kind == "alias" else ""
    return _Goal(next((known for known in STAGES if known == stage), None), alias)


def _holders(
    versions: Sequence[ModelVersion], candidate: ModelVersion, goal: _Goal
) -> tuple[ModelVersion, ...]:
    """The other versions that hold the stage or the alias, newest first, as `models:/NAME/STAGE` resolves."""
    return tuple(
        version
        for version in versions
        if version.version != candidate.version
        and (goal.alias in version.aliases or (goal.stage in ACTIVE and version.stage == goal.stage))
    )


def _facts(candidate: ModelVersion, leaving: Sequence[ModelVersion], goal: _Goal) -> list[Fact]:
    """The facts that the plan depends on: a change in any of them is a conflict."""
    facts: list[Fact] = [StageOf(candidate.version), CreatedAt(candidate.version)]
    if goal.alias:
        facts.append(AliasTarget(goal.alias))
    if goal.stage is not None:
        stages = [stage for stage in ACTIVE if stage in (goal.stage, candidate.stage)]
        facts += [*(StageOf(v.version) for v in leaving), *map(HoldersOf, stages)]
    return facts


def _requested_changes(candidate: ModelVersion, leaving: Sequence[ModelVersion], goal: _Goal) -> list[Change]:
    changes: list[Change] = []
    if goal.stage is not None:
        changes.append(StageChange(candidate.version, candidate.stage, goal.stage))
        changes += [StageChange(version.version, goal.stage, "Archived") for version in leaving]
    if goal.alias:
        changes.append(AliasChange(goal.alias, None, candidate.version))
    return changes


def _evidence(store: Store, proposal: Proposal) -> Shown:
    """The candidate against the first holder with a source run, by the metric that ranks versions."""
    candidate = proposal.runs.get(proposal.candidate.version)
    for holder in proposal.holders:
        run = proposal.runs.get(holder.version)
        metric = None if run is None else primary_metric(run.metrics)
        if candidate is None or run is None or metric is None:
            continue
        try:
            reference, this = versus(store, [run, candidate], metric)
        except StoreError as error:
            return safe(f"cannot be read: {error.title}")
        return verdict(metric, this, reference, f"version {holder.version}")
    return NO_EVIDENCE


def _comparison(runs: dict[int, Run | None]) -> Comparison | None:
    """`runs` by version number, the candidate last."""
    from engine.runs.compare import compare

    *_, candidate = runs.values()
    return compare([run for run in runs.values() if run is not None]) if candidate is not None else None
