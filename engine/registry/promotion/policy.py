"""Policies: what must hold before a version may have a stage or an alias.

A policy is TOML, in `paths.policy_file()` for this account, or in the tag `mlflow_console.policy` of the
registered model for everyone who promotes it with a console:

    [[policy]]
    model = "heart_*"            # a shell pattern; only in the file, where it may be left out
    target = "Production"        # a stage, or an alias such as "@champion"
    conditions = ["accuracy >= 0.91", "class_1_recall >= incumbent.class_1_recall - 0.01"]
    facts = ["run finished", "description", "signature"]
    max_age_days = 30
    approval = true              # of someone else than who requested it
    approvers = ["ana", "bo"]    # MLflow users or accounts; anyone if left out
    confirm = true               # the name of the model has to be typed
    alias = "champion"           # moves with the stage, and the stage with it

A condition is a filter over the candidate's source run. `incumbent.NAME` is a metric or parameter of the
version that has the target now; without one, such a condition holds. Each condition and fact is a gate that
is passed, failed or inconclusive; inconclusive is not passed. A policy that cannot be read is a gate too.
"""

from __future__ import annotations

import fnmatch
import math
import time
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine.columns import ColumnKey
from engine.entities import POLICY_TAG, STAGES, RegisteredModel, Run
from engine.errors import EngineError, FilterError, UsageError
from engine.evidence.difference import versus
from engine.evidence.version_tests import TestKind
from engine.filters.compiler import compile_filter
from engine.formats import counted, moment, number
from engine.journal import recorded
from engine.model_files.trust import describe_model
from engine.paths import policy_file
from engine.registry.approval import Request, decision_of, request_of
from engine.registry.promotion.concerns import Proposal
from engine.registry.promotion.facts import alias_problem
from engine.registry.signatures import read_signature
from engine.runs.frame import RunFrame
from engine.runs.metrics import direction_of, primary_metric
from engine.stores.errors import translated_errors
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

GateState = Literal["passed", "failed", "inconclusive"]

INCUMBENT = "incumbent."
APPROVAL = "approval"
"""The name of the gate that a request and its approval pass."""
MAX_DAYS = 100_000
_DAY = 86_400_000
_KEYS = {
    "model",
    "target",
    "alias",
    "conditions",
    "facts",
    "max_age_days",
    "approval",
    "approvers",
    "confirm",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that a policy demands, in its own words, and why it is passed or not: untrusted text."""

    name: str
    state: GateState
    evidence: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What must hold for a target of the models that match a pattern. `source` is the file, or the tag.
    `alias` is kept in step with a stage, empty for none."""

    source: str
    model: str
    target: str
    conditions: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    max_age_days: float | None = None
    approval: bool = False
    approvers: tuple[str, ...] = ()
    confirm: bool = False
    alias: str = ""

    @property
    def demands(self) -> tuple[str, ...]:
        """What must hold, for people."""
        age = () if self.max_age_days is None else (f"at most {self.max_age_days:g} days old",)
        by = f" by {' or '.join(self.approvers)}" if self.approvers else ""
        approval = (f"approval{by}",) if self.approval or self.approvers else ()
        typed = ("the model's name typed",) if self.confirm else ()
        in_step = (f"keeps @{self.alias} in step",) if self.alias else ()
        return (*self.conditions, *self.facts, *age, *approval, *typed, *in_step)

    def applies_to(self, targets: Collection[str]) -> bool:
        return self.target in targets or (bool(self.alias) and f"@{self.alias}" in targets)


def read_policies(text: str, source: str, model: str = "*") -> tuple[Policy, ...]:
    """The policies in a TOML text; `model` is that of a tag, which applies to no other. Raises `UsageError`
    that says what is wrong, and where."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(source, str(error)) from error
    except RecursionError as error:
        raise _invalid(source, "It is nested too deeply.") from error
    entries = found.get("policy")
    if set(found) - {"policy"} or not isinstance(entries, list) or not entries:
        raise _invalid(source, "It needs tables [[policy]], and nothing else.")
    return tuple(_policy(entry, f"policy {at}", source, model) for at, entry in enumerate(entries, 1))


def policies_of(model: RegisteredModel) -> tuple[Policy, ...]:
    """The policies that apply to a model: of this account, then of the model's tag. Raises `UsageError`."""
    found: list[Policy] = []
    path = policy_file()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(str(path), str(error)) from error
    if text.strip():
        found += [p for p in read_policies(text, str(path)) if fnmatch.fnmatchcase(model.name, p.model)]
    if (tag := model.tags.get(POLICY_TAG, "")).strip():
        found += read_policies(tag, f"the tag {POLICY_TAG} of {model.name}", model.name)
    return tuple(found)


def set_policy(store: Store, uri: TrackingUri, model: str, text: str) -> None:
    """Write the policy of a model for all consoles, or remove it with an empty text. The journal keeps the
    one before. Raises `UsageError` for an invalid policy, `NotFound`, `WriteError`, `StoreError`."""
    from engine.stores.mlflow.client import open_client

    if text.strip():
        read_policies(text, "the new policy", model)
    before = store.registered_model(model).tags.get(POLICY_TAG, "")
    with recorded(uri, "policy", model, model=model) as write:
        client = open_client(uri.raw)
        with translated_errors():
            if text.strip():
                client.set_registered_model_tag(model, POLICY_TAG, text)
            else:
                client.delete_registered_model_tag(model, POLICY_TAG)
        write.detail = f"before: {before}" if before else "before: none"


def gates(store: Store, uri: TrackingUri, proposal: Proposal, policies: Iterable[Policy]) -> tuple[Gate, ...]:
    """The gates of a promotion, by the policies that apply to it."""
    check = _Check(store, uri, proposal)
    return tuple(gate for policy in policies for gate in check.gates(policy))


def objection(policies: Iterable[Policy], asked: Request, by: str) -> str:
    """Why `by` may not approve a request, by the policies that apply to its target; empty if `by` may."""
    for policy in policies:
        if policy.applies_to([asked.target]):
            if policy.approval and by == asked.by:
                return f"{by} requested it, and someone else has to approve it."
            if policy.approvers and by not in policy.approvers:
                return f"{by} is not among its approvers: {', '.join(policy.approvers)}."
    return ""


class _Check:
    """Examines one proposal."""

    def __init__(self, store: Store, uri: TrackingUri, proposal: Proposal) -> None:
        self._store = store
        self._uri = uri
        self._proposal = proposal
        self._version = proposal.candidate
        self._run = proposal.runs.get(proposal.candidate.version)
        self._incumbent = next((proposal.runs.get(holder.version) for holder in proposal.holders), None)

    def gates(self, policy: Policy) -> Iterator[Gate]:
        for condition in policy.conditions:
            yield Gate(condition, *self._condition(condition))
        for fact in policy.facts:
            yield Gate(fact, *self._fact(fact))
        if (days := policy.max_age_days) is not None:
            yield Gate(f"at most {counted_days(days)} old", *self._age(days))
        if policy.approval or policy.approvers:
            yield Gate(APPROVAL, *self._approval(policy))

    def _condition(self, text: str) -> tuple[GateState, str]:
        if self._run is None:
            return "inconclusive", "The source run is missing."
        run = self._run
        if INCUMBENT in text:
            if not self._proposal.holders:
                return "passed", f"No version is in {self._proposal.target} yet."
            if self._incumbent is None:
                return "inconclusive", "The source run of the current version is missing."
            run = _beside(run, self._incumbent)
        frame = RunFrame.from_runs([run])
        try:
            compiled = compile_filter(text, frame.keys, frame)
            holds = bool(compiled.rows(frame))
        except FilterError as error:
            return "inconclusive", f"{error.title}."
        values = {key: _value(run, key) for key in compiled.keys}
        evidence = ", ".join(f"{key.name} {value or 'missing'}" for key, value in values.items())
        if not all(values.values()) or "NaN" in values.values():
            return "inconclusive", evidence
        return "passed" if holds else "failed", evidence

    def _approval(self, policy: Policy) -> tuple[GateState, str]:
        asked, decision = request_of(self._version), decision_of(self._version)
        if asked is None or not policy.applies_to([asked.target]):
            return "failed", "Nobody has requested it."
        if decision is None:
            return "failed", f"Requested by {asked.by} on {moment(asked.at)}, not decided."
        if not decision.approved:
            return "failed", str(decision)
        if why := objection([policy], asked, decision.by):
            return "failed", why
        return "passed", f"requested by {asked.by}, {decision}"

    def _fact(self, name: str) -> tuple[GateState, str]:
        """What cannot be examined is inconclusive."""
        try:
            return _FACTS[name](self)
        except EngineError as error:
            return "inconclusive", str(error)

    def _age(self, days: float) -> tuple[GateState, str]:
        started = None if self._run is None else self._run.start_time
        if started is None:
            return "inconclusive", "The source run is missing."
        age = (time.time() * 1000 - started) / _DAY
        return ("passed" if age <= days else "failed"), f"trained {counted_days(round(age, 1))} ago"

    def finished(self) -> tuple[GateState, str]:
        if self._run is None:
            return "inconclusive", "The source run is missing."
        return (
            "passed" if self._run.status == "FINISHED" else "failed"
        ), f"The source run is {self._run.status}."

    def described(self) -> tuple[GateState, str]:
        length = len(self._version.description.strip())
        return ("passed", counted(length, "character")) if length else ("failed", "It has no description.")

    def signature(self) -> tuple[GateState, str]:
        own = read_signature(self._store, self._uri, self._version, self._detail(self._version.run_id))
        if own.problem or not own.inputs:
            return "inconclusive", own.problem or "It was logged without a signature."
        if not self._proposal.holders:
            return (
                "passed",
                f"{counted(len(own.inputs), 'input')}; no version is in {self._proposal.target} yet.",
            )
        holder = self._proposal.holders[0]
        other = read_signature(self._store, self._uri, holder, self._detail(holder.run_id))
        if other.problem or not other.inputs:
            return "inconclusive", f"version {holder.version}: {other.problem or 'no signature'}"
        new = [name for name in own.inputs if name not in other.inputs and "optional" not in own.inputs[name]]
        typed = [n for n, kind in own.inputs.items() if n in other.inputs and other.inputs[n] != kind]
        if new or typed or own.outputs != other.outputs:
            names = ", ".join([*new, *typed]) or "the outputs"
            return "failed", f"It differs from version {holder.version} in {names}."
        return "passed", f"It accepts what version {holder.version} accepts."

    def smoke_tested(self) -> tuple[GateState, str]:
        return self._last_test("smoke") or ("inconclusive", "No smoke test was run on this machine.")

    def tested(self) -> tuple[GateState, str]:
        return self._last_test("labelled") or (
            "inconclusive",
            "It was not tested with labelled rows on this machine.",
        )

    def _last_test(self, kind: TestKind) -> tuple[GateState, str] | None:
        for test in self._proposal.tests:
            if test.kind == kind:
                return ("passed" if test.passed else "failed"), test.text
        return None

    def not_worse(self) -> tuple[GateState, str]:
        if not self._proposal.holders:
            return "passed", f"No version is in {self._proposal.target} yet."
        metric = None if self._incumbent is None else primary_metric(self._incumbent.metrics)
        if self._run is None or self._incumbent is None or metric is None:
            return "inconclusive", "The source runs share no metric."
        _, this = versus(self._store, [self._incumbent, self._run], metric)
        own, other = self._run.metrics.get(metric), self._incumbent.metrics[metric]
        if own is None or not math.isfinite(own):
            return "inconclusive", f"It has no {metric}."
        evidence = f"{metric} {number(own)} against {number(other)}"
        better = own >= other if direction_of(metric) != "lower" else own <= other
        if better or this.distinguished is False:
            return "passed", evidence if better else f"{evidence}, a difference that may be chance"
        if this.distinguished is None:
            return "inconclusive", f"{evidence}; whether that is more than chance cannot be tested"
        return "failed", f"{evidence}, which is more than chance"

    def format(self) -> tuple[GateState, str]:
        code = describe_model(self._uri, self._store, self._version.name, self._version.version).code
        return ("passed" if code.is_safe else "failed"), f"Stored as {code.format}. {code.reason}".strip()

    def _detail(self, run_id: str) -> Any:
        return self._store.run(run_id) if run_id else None


_FACTS: Mapping[str, Callable[[_Check], tuple[GateState, str]]] = {
    "run finished": _Check.finished,
    "description": _Check.described,
    "signature": _Check.signature,
    "smoke tested": _Check.smoke_tested,
    "tested": _Check.tested,
    "not worse": _Check.not_worse,
    "runs no code": _Check.format,
}
FACTS = tuple(_FACTS)


def _beside(run: Run, incumbent: Run) -> Run:
    """The run with the metrics and parameters of the incumbent under `incumbent.NAME`."""
    return replace(
        run,
        metrics={**run.metrics, **{INCUMBENT + name: value for name, value in incumbent.metrics.items()}},
        params={**run.params, **{INCUMBENT + name: value for name, value in incumbent.params.items()}},
    )


def _value(run: Run, key: ColumnKey) -> str:
    """Empty if the run has none. Attributes are only shown by their name."""
    if key.kind == "metric":
        value = run.metrics.get(key.name)
        return "" if value is None else str(number(value))
    if key.kind in ("param", "tag"):
        return (run.params if key.kind == "param" else run.tags).get(key.name, "")
    return str(getattr(run, key.name, "") or key.name)


def counted_days(days: float) -> str:
    return counted(int(days), "day") if days == int(days) else f"{days:g} days"


def _policy(entry: object, where: str, source: str, model: str) -> Policy:
    if not isinstance(entry, dict):
        raise _invalid(source, f"{where} is not a table.")
    if unknown := sorted(set(entry) - _KEYS):
        raise _invalid(source, f"{where}: unknown key {unknown[0]!r}. Keys: {', '.join(sorted(_KEYS))}.")
    days = entry.get("max_age_days")
    is_number = isinstance(days, int | float) and not isinstance(days, bool)
    if days is not None and not (is_number and 0 <= days <= MAX_DAYS):
        raise _invalid(source, f"{where}: max_age_days is not a number from 0 to {MAX_DAYS:,}.")
    facts = _texts(entry, "facts", where, source)
    if wrong := [fact for fact in facts if fact not in _FACTS]:
        raise _invalid(source, f"{where}: unknown fact {wrong[0]!r}. Facts: {', '.join(FACTS)}.")
    pattern = entry.get("model", model)
    if not isinstance(pattern, str):
        raise _invalid(source, f"{where}: model is not a text.")
    return Policy(
        source=source,
        model=model if model != "*" else pattern,
        target=_target(entry.get("target"), where, source),
        conditions=_texts(entry, "conditions", where, source),
        facts=facts,
        max_age_days=None if days is None else float(days),
        approval=_flag(entry, "approval", where, source),
        approvers=_texts(entry, "approvers", where, source),
        confirm=_flag(entry, "confirm", where, source),
        alias=_alias(entry, where, source),
    )


def _target(found: object, where: str, source: str) -> str:
    if isinstance(found, str) and found.startswith("@") and not alias_problem(found[1:]):
        return found
    for stage in STAGES:
        if isinstance(found, str) and found.lower() == stage.lower():
            return stage
    raise _invalid(
        source, f"{where}: target must be a stage ({', '.join(STAGES)}) or an alias such as @champion."
    )


def _texts(entry: Mapping[str, object], key: str, where: str, source: str) -> tuple[str, ...]:
    found = entry.get(key, [])
    if not isinstance(found, list) or not all(isinstance(text, str) and text.strip() for text in found):
        raise _invalid(source, f"{where}: {key} is not a list of texts.")
    return tuple(found)


def _flag(entry: Mapping[str, object], key: str, where: str, source: str) -> bool:
    found = entry.get(key, False)
    if not isinstance(found, bool):
        raise _invalid(source, f"{where}: {key} is not true or false.")
    return found


def _alias(entry: Mapping[str, object], where: str, source: str) -> str:
    found = entry.get("alias", "")
    if not isinstance(found, str) or (found and str(entry.get("target", "")).startswith("@")):
        raise _invalid(source, f"{where}: alias is the name of an alias, for a stage.")
    name = found.removeprefix("@")
    if found and (problem := alias_problem(name)):
        raise _invalid(source, f"{where}: {problem}.")
    return name


def _invalid(source: str, detail: str) -> UsageError:
    return UsageError(f"Invalid policy in {source}", detail)
