"""Policies: gates that a promotion has to pass."""

from __future__ import annotations

import math
import time
from pathlib import Path
from uuid import uuid4

import pytest

from engine.api import Engine
from engine.entities import POLICY_TAG
from engine.errors import GateError, UsageError
from engine.evidence.version_tests import VersionTest, keep_test
from engine.filters.compiler import compile_filter
from engine.journal import read_journal, server_name
from engine.paths import policy_file
from engine.registry.promotion.apply import PromotionPlan, apply_promotion, plan_promotion
from engine.registry.promotion.policy import read_policies
from engine.stores.mlflow.client import open_client
from tests.support.demo import uri_of
from tests.support.registry import Registry, last

OLD = {"accuracy": 0.91, "class_1_recall": 0.95}
NEW = {"accuracy": 0.905, "class_1_recall": 0.90, "loss": math.nan}


def policy(conditions: list[str] = [], facts: list[str] = [], **more: object) -> str:  # noqa: B006
    lines = ["[[policy]]", 'target = "Production"', f"conditions = {conditions}", f"facts = {facts}"]
    return "\n".join([*lines, *(f"{name} = {value!r}" for name, value in more.items())])


def planned(registry: Registry, text: str, stages: tuple[str, ...] = ("Production", "None")) -> PromotionPlan:
    """A plan to promote version 2 of a new model with this policy, whose version 1 is in production."""
    model = registry.model(uuid4().hex, stages, metrics=[OLD, NEW])
    registry.client.set_registered_model_tag(model, POLICY_TAG, text)
    return plan_promotion(registry.store, registry.uri, model, 2, stage="Production")


@pytest.mark.parametrize(
    ("condition", "state", "evidence"),
    [
        ("accuracy >= 0.9", "passed", "accuracy 0.9050"),
        ("accuracy > 0.91 or class_1_recall >= 0.9", "passed", "accuracy 0.9050, class_1_recall 0.9000"),
        ("accuracy >= 0.91", "failed", "accuracy 0.9050"),
        ("accuracy >= incumbent.accuracy - 0.01", "passed", "accuracy 0.9050, incumbent.accuracy 0.9100"),
        ("accuracy >= incumbent.accuracy", "failed", "accuracy 0.9050, incumbent.accuracy 0.9100"),
        ("f1 >= 0.9", "inconclusive", "f1"),
        ("loss < 1", "inconclusive", "loss NaN"),
        ("accuracy >=", "inconclusive", "Expected"),
    ],
)
def test_a_condition_is_passed_failed_or_inconclusive(
    registry: Registry, condition: str, state: str, evidence: str
) -> None:
    (gate,) = planned(registry, policy([condition])).gates
    assert (gate.name, gate.state) == (condition, state)
    assert evidence in gate.evidence


def test_without_a_version_in_the_stage_nothing_is_compared(registry: Registry) -> None:
    text = policy(["accuracy >= incumbent.accuracy"], ["not worse"])
    plan = planned(registry, text, ("None", "None"))
    assert [gate.state for gate in plan.gates] == ["passed", "passed"]
    assert plan.gates[0].evidence == "No version is in Production yet."


def test_facts_that_cannot_be_established_are_inconclusive(registry: Registry) -> None:
    names = [
        "run finished",
        "description",
        "signature",
        "tested",
        "smoke tested",
        "not worse",
        "runs no code",
    ]
    plan = planned(registry, policy(facts=names, max_age_days=30))
    assert {gate.name: gate.state for gate in plan.gates} == {
        "run finished": "passed",
        "description": "failed",
        "signature": "inconclusive",
        "tested": "inconclusive",
        "smoke tested": "inconclusive",
        "not worse": "inconclusive",
        "runs no code": "inconclusive",
        "at most 30 days old": "passed",
    }


def test_the_last_test_with_labelled_rows_counts(registry: Registry) -> None:
    plan = planned(registry, policy(facts=["tested"]))
    kept = VersionTest(
        server=server_name(registry.uri),
        model=plan.model,
        version=2,
        created=plan.candidate.creation_time or 0,
        kind="labelled",
        passed=True,
        text="56 of 61 right.",
        time=time.time_ns() // 1_000_000,
        user="ana",
    )
    keep_test(kept)
    plan = plan_promotion(registry.store, registry.uri, plan.model, 2, stage="Production")
    assert [(gate.state, gate.evidence) for gate in plan.gates] == [("passed", "56 of 61 right.")]


def test_a_gate_that_is_not_passed_stops_the_promotion_unless_it_is_forced(registry: Registry) -> None:
    plan = planned(registry, policy(["accuracy >= 0.91", "f1 > 0", "class_1_recall > 0"]))
    with pytest.raises(GateError) as caught:
        apply_promotion(registry.store, registry.uri, plan, reason="November")
    assert caught.value.exit_status == 3
    assert caught.value.detail.startswith("accuracy >= 0.91: failed, accuracy 0.9050; f1 > 0: inconclusive")
    assert registry.stages(plan.model) == {1: "Production", 2: "None"}
    assert read_journal() == ()

    apply_promotion(registry.store, registry.uri, plan, reason="November", force="the old one is broken")
    assert registry.stages(plan.model) == {1: "Archived", 2: "Production"}
    assert last().reason == ("November [forced: the old one is broken. Not passed: accuracy >= 0.91; f1 > 0]")
    assert registry.tags(plan.model, 2)["mlflow_console.reason"] == last().reason


def test_a_policy_applies_to_its_target_and_models_only(registry: Registry) -> None:
    policy_file().parent.mkdir(parents=True, exist_ok=True)
    text = '[[policy]]\nmodel = "heart*"\ntarget = "@champion"\nconditions = ["accuracy > 0"]\n'
    policy_file().write_text(text)
    try:
        for name, alias, count in (
            ("heart 1", "champion", 1),
            ("heart 2", "trial", 0),
            ("churn", "champion", 0),
        ):
            model = registry.model(name, ["None"], metrics=[OLD])
            plan = plan_promotion(registry.store, registry.uri, model, 1, alias=alias)
            assert len(plan.gates) == count, name
    finally:
        policy_file().unlink()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[policy]\n", "line 1"),
        ("[policy]\n", "It needs tables [[policy]]"),
        ('[[policy]]\ntarget = "Prod"\n', "target must be a stage"),
        ('[[policy]]\ntarget = "Staging"\nconditons = []\n', "unknown key 'conditons'"),
        ('[[policy]]\ntarget = "Staging"\nfacts = ["green"]\n', "unknown fact 'green'"),
        ('[[policy]]\ntarget = "Staging"\nconditions = "a > 1"\n', "conditions is not a list of texts"),
        ('[[policy]]\ntarget = "Staging"\nmax_age_days = "x"\n', "max_age_days is not a number"),
    ],
)
def test_a_policy_that_cannot_be_read_is_not_passed(registry: Registry, text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=r"Invalid policy in x\.toml") as caught:
        read_policies(text, "x.toml")
    assert problem in caught.value.detail
    (gate,) = planned(registry, text).gates
    assert gate.state == "inconclusive"
    assert problem in gate.evidence


def test_an_undo_needs_no_gate(registry: Registry, tmp_path: Path) -> None:
    from engine.registry.promotion.apply import undo_last

    plan = planned(registry, policy(["accuracy >= 0.91"]))
    apply_promotion(registry.store, registry.uri, plan, force="urgent")
    undo_last(registry.store, registry.uri)
    assert registry.stages(plan.model) == {1: "Production", 2: "None"}


@pytest.mark.slow
def test_the_policy_of_the_demo_passes_seven_neighbors_and_stops_chebyshev(own_demo: Path) -> None:
    uri = uri_of(own_demo)
    with Engine(uri) as engine:
        experiment = next(e for e in engine.runs.experiments() if e.name == "heart-disease")
        frame = engine.runs.feed(experiment.experiment_id).load()
        (row,) = compile_filter(
            "n_neighbors = 7 and metric = euclidean and weights = uniform and algorithm = auto", frame.keys
        ).rows(frame)
        run = engine.runs.detail(frame.run_ids[row]).run
        client = open_client(uri.raw)
        client.create_model_version(
            "heart_disease_classifier", f"runs:/{run.run_id}/model", run.run_id, await_creation_for=0
        )
        seven = engine.models.plan_promotion("heart_disease_classifier", 3, stage="Production")
        assert [gate.state for gate in seven.gates] == ["passed"] * 5
        chebyshev = engine.models.plan_promotion("heart_disease_classifier", 1, stage="Production")
        assert [gate.state for gate in chebyshev.gates] == ["failed"] * 4 + ["passed"]
        staging = engine.models.plan_promotion("heart_disease_classifier", 1, stage="Staging")
        assert [gate.name for gate in staging.blocking] == ["accuracy between 0.85 and 0.90"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (policy(max_age_days=math.nan), "max_age_days is not a number from 0"),
        (policy(max_age_days=math.inf), "max_age_days is not a number from 0"),
        (policy(max_age_days=1e300), "max_age_days is not a number from 0"),
        (policy(alias="no alias !"), "Invalid alias 'no alias !'"),
        (policy(alias="latest"), "The alias 'latest' is reserved"),
        (policy().replace("Production", "@no alias"), "target must be a stage"),
        ("x = " + "[" * 20_000, "nested too deeply"),
    ],
    ids=("NaN", "infinity", "too many days", "alias", "reserved alias", "target", "depth"),
)
def test_a_policy_that_cannot_be_met_is_a_gate_that_is_not_passed(
    registry: Registry, text: str, problem: str
) -> None:
    (gate,) = planned(registry, text).gates
    assert (gate.name, gate.state) == ("policy", "inconclusive")
    assert problem in gate.evidence
