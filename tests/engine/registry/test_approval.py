"""Requests, approvals and rejections by two accounts, and what policies make of them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from engine.api import Engine
from engine.entities import POLICY_TAG, ModelVersion
from engine.errors import GateError, UsageError
from engine.journal import read_journal
from engine.registry.approval import DECISION_TAG, REQUEST_TAG, decide, decision_of, request, waiting
from engine.registry.promotion.apply import apply_promotion, plan_promotion, undo_last
from engine.registry.promotion.policy import Gate
from tests.support.registry import Registry, last

POLICY = '[[policy]]\ntarget = "Production"\napproval = true\n'


@pytest.fixture
def model(registry: Registry) -> str:
    name = registry.model(uuid4().hex, ["Production", "None"])
    registry.client.set_registered_model_tag(name, POLICY_TAG, POLICY)
    return name


def as_account(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("LOGNAME", name)


def gate(registry: Registry, model: str) -> Gate:
    (found,) = plan_promotion(registry.store, registry.uri, model, 2, stage="Production").gates
    return found


def decided(registry: Registry, model: str, *, approved: bool) -> ModelVersion:
    with Engine(registry.uri) as engine:
        return engine.models.decide(model, 2, approved=approved)


def version_2(registry: Registry, model: str) -> ModelVersion:
    return next(v for v in registry.store.model_versions(model) if v.version == 2)


def test_one_account_requests_and_another_approves(
    registry: Registry, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gate(registry, model) == Gate("approval", "failed", "Nobody has requested it.")
    as_account(monkeypatch, "bo")
    request(registry.store, registry.uri, model, 2, "Production", "November data")
    ((found, asked),) = waiting(registry.store.model_versions(model))
    assert (found.version, asked.by, asked.target, asked.reason) == (2, "bo", "Production", "November data")
    assert gate(registry, model).evidence.endswith(", not decided.")

    with pytest.raises(GateError, match="waits for someone else") as caught:
        decided(registry, model, approved=True)
    assert caught.value.detail == "bo requested it, and someone else has to approve it."
    decide(
        registry.store, registry.uri, model, 2, approved=True, reason=""
    )  # by hand, or with an old console
    assert gate(registry, model).evidence == "bo requested it, and someone else has to approve it."
    request(registry.store, registry.uri, model, 2, "Production", "again")
    as_account(monkeypatch, "ana")
    decide(registry.store, registry.uri, model, 2, approved=True, reason="tested on site")
    assert waiting(registry.store.model_versions(model)) == ()
    assert gate(registry, model).state == "passed"

    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    apply_promotion(registry.store, registry.uri, plan, reason="go")
    assert registry.stages(model) == {1: "Archived", 2: "Production"}
    assert last().reason.startswith("go [approved by ana on ")
    assert {REQUEST_TAG, DECISION_TAG}.isdisjoint(version_2(registry, model).tags)
    actions = [(entry.action, entry.user) for entry in read_journal()]
    assert actions[:2] == [("promote", "ana"), ("approve", "ana")]


def test_a_rejected_request_stops_the_promotion(
    registry: Registry, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_account(monkeypatch, "bo")
    request(registry.store, registry.uri, model, 2, "Production", "")
    as_account(monkeypatch, "ana")
    with pytest.raises(UsageError, match="needs a reason"):
        decide(registry.store, registry.uri, model, 2, approved=False, reason=" ")
    decide(registry.store, registry.uri, model, 2, approved=False, reason="recall too low")
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    with pytest.raises(GateError, match=r"rejected by ana .*: recall too low"):
        apply_promotion(registry.store, registry.uri, plan)
    with pytest.raises(UsageError, match="already rejected by ana"):
        decide(registry.store, registry.uri, model, 2, approved=True, reason="")


def test_only_named_accounts_may_approve(
    registry: Registry, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.client.set_registered_model_tag(model, POLICY_TAG, f'{POLICY}approvers = ["eve"]\n')
    as_account(monkeypatch, "bo")
    request(registry.store, registry.uri, model, 2, "Production", "")
    as_account(monkeypatch, "ana")
    with pytest.raises(GateError, match="waits for someone else"):
        decided(registry, model, approved=True)
    decide(registry.store, registry.uri, model, 2, approved=True, reason="")
    assert gate(registry, model).evidence == "ana is not among its approvers: eve."


def test_nothing_is_decided_without_a_request(registry: Registry, model: str) -> None:
    with pytest.raises(UsageError, match="Nobody has requested"):
        decide(registry.store, registry.uri, model, 2, approved=True, reason="")
    with pytest.raises(UsageError, match="already has Production"):
        request(registry.store, registry.uri, model, 1, "Production", "")


@pytest.mark.parametrize("tag", ["", "[]", '{"id": 7}', "[" * 5000])
def test_malformed_tags_are_no_approval(registry: Registry, model: str, tag: str) -> None:
    for name in (REQUEST_TAG, DECISION_TAG):
        registry.client.set_model_version_tag(model, "2", name, tag)
    assert decision_of(version_2(registry, model)) is None
    assert gate(registry, model).state == "failed"


def test_a_stage_and_its_alias_move_together_and_back(registry: Registry) -> None:
    model = registry.model(uuid4().hex, ["Production", "None"], aliases={"champion": 1})
    text = '[[policy]]\ntarget = "Production"\nalias = "champion"\n'
    registry.client.set_registered_model_tag(model, POLICY_TAG, text)
    for target in ({"stage": "Production"}, {"alias": "champion"}):
        plan = plan_promotion(registry.store, registry.uri, model, 2, **target)  # type: ignore[arg-type]
        assert [str(change) for change in plan.changes] == [
            "version 2: stage None → Production",
            "alias champion 1 → 2",
            "version 1: stage Production → Archived",
        ]
        assert set(plan.targets) == {"Production", "@champion"}
        apply_promotion(registry.store, registry.uri, plan)
        assert registry.stages(model) == {1: "Archived", 2: "Production"}
        assert registry.aliases(model) == {"champion": 2}
        undo_last(registry.store, registry.uri)
        assert registry.stages(model) == {1: "Production", 2: "None"}
        assert registry.aliases(model) == {"champion": 1}


def test_an_approval_does_not_hold_for_a_copy_of_the_version(
    registry: Registry, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_account(monkeypatch, "bo")
    request(registry.store, registry.uri, model, 2, "Production", "")
    as_account(monkeypatch, "ana")
    decide(registry.store, registry.uri, model, 2, approved=True, reason="")
    other = registry.model(uuid4().hex, ["None", "None"])
    registry.client.set_registered_model_tag(other, POLICY_TAG, POLICY)
    for name in (REQUEST_TAG, DECISION_TAG):  # as MLflow's own copy does
        registry.client.set_model_version_tag(other, "2", name, version_2(registry, model).tags[name])
    assert gate(registry, model).state == "passed"
    assert gate(registry, other).evidence == "Nobody has requested it."
    new = uuid4().hex
    registry.client.rename_registered_model(model, new)
    assert gate(registry, new).state == "passed"
