"""What a plan shows before anything is written."""

from __future__ import annotations

import math
from dataclasses import replace
from uuid import uuid4

import pytest

from engine.entities import POLICY_TAG
from engine.errors import NotFound, UsageError
from engine.journal import read_journal
from engine.registry.promotion.plan import PromotionPlan, plan_promotion
from tests.support.registry import Registry


def plan_of(registry: Registry, model: str, version: int, **target: object) -> PromotionPlan:
    return plan_promotion(registry.store, registry.uri, model, version, **target)  # type: ignore[arg-type]


def changes_of(plan: PromotionPlan) -> list[str]:
    return [str(change) for change in plan.changes]


def test_a_stage_plan_lists_the_holder_and_every_change(registry: Registry) -> None:
    model = registry.model("churn", ["Archived", "Production", "None"], metrics=[{"accuracy": 0.9}] * 3)
    plan = plan_of(registry, model, 3, stage="Production")

    assert changes_of(plan) == [
        "version 3: stage None → Production",
        "version 2: stage Production → Archived",
    ]
    assert [holder.version for holder in plan.holders] == [2]
    assert plan.candidate.version == 3
    assert (plan.kind, plan.target, plan.model, plan.is_noop) == ("stage", "Production", "churn", False)
    assert plan.server == registry.uri.shown
    assert plan.warnings == ()
    assert plan.comparison is not None
    run_ids = [run.run_id for run in plan.comparison.runs]
    assert run_ids == [plan.holders[0].run_id, plan.candidate.run_id]
    assert read_journal() == (), "planning writes nothing"


def test_a_plan_says_whether_the_candidate_differs_by_more_than_chance(registry: Registry) -> None:
    close = [{"accuracy": value, "example_count": 100.0} for value in (0.9, 0.91, 0.5)]
    model = registry.model("close", ["Production", "None", "None"], metrics=close)
    better, worse = (plan_of(registry, model, version, stage="Production").evidence for version in (2, 3))
    assert better.startswith(
        "accuracy 0.9100 against 0.9000 of version 1: may be chance (unpaired interval, p .81, n=100)"
    )
    assert worse == (
        "accuracy 0.5000 against 0.9000 of version 1: more than chance (unpaired interval, p <.001, n=100)"
    )
    assert plan_of(registry, model, 2, stage="Archived").evidence == ""


def test_archiving_can_be_turned_off(registry: Registry) -> None:
    model = registry.model("declined", ["Production", "None"])
    plan = plan_of(registry, model, 2, stage="Production", archive_existing=False)
    assert changes_of(plan) == ["version 2: stage None → Production"]
    assert plan.warnings == (
        "Versions 1 and 2 will be in stage Production: models:/declined/Production will load version 2.",
    )


def test_an_alias_plan_moves_the_alias(registry: Registry) -> None:
    model = registry.model("moving", ["None", "None"], aliases={"champion": 1})
    plan = plan_of(registry, model, 2, alias="champion")
    assert changes_of(plan) == ["alias champion 1 → 2"]
    assert [holder.version for holder in plan.holders] == [1]

    new = plan_of(registry, model, 2, alias="émile-2")
    assert changes_of(new) == ["alias émile-2 – → 2"]
    assert new.holders == ()


@pytest.mark.parametrize("given", ["production", "PRODUCTION", "Production"])
def test_stage_names_are_case_insensitive(registry: Registry, given: str) -> None:
    model = registry.model(f"case {given}", ["None"])
    assert plan_of(registry, model, 1, stage=given).target == "Production"


def test_an_unknown_stage_error_lists_the_four_stages(registry: Registry) -> None:
    with pytest.raises(UsageError) as caught:
        plan_of(registry, "classifier", 1, stage="Prod")
    assert "Prod" in caught.value.title
    assert "None, Staging, Production, Archived" in caught.value.hint


@pytest.mark.parametrize("alias", ["", " ", "a b", "a/b", "a@b", "champion\n", "x" * 256, "a:b"])
def test_an_invalid_alias_is_rejected(registry: Registry, alias: str) -> None:
    with pytest.raises(UsageError, match="Invalid alias"):
        plan_of(registry, "classifier", 1, alias=alias)


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V12"])
def test_a_reserved_alias_is_rejected(registry: Registry, alias: str) -> None:
    with pytest.raises(UsageError, match="reserved"):
        plan_of(registry, "classifier", 1, alias=alias)


@pytest.mark.parametrize("alias", ["1", "v", "v1a", "Champion", "émile", "x" * 255, "_-"])
def test_mlflow_accepts_every_alias_that_a_plan_accepts(registry: Registry, alias: str) -> None:
    plan_of(registry, "classifier", 1, alias=alias)
    registry.client.set_registered_model_alias("classifier", alias, "1")


@pytest.mark.parametrize("target", [{}, {"stage": "Production", "alias": "champion"}])
def test_a_plan_needs_exactly_one_target(registry: Registry, target: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="either a stage or an alias"):
        plan_of(registry, "classifier", 1, **target)


def test_a_missing_version_or_model_is_not_found(registry: Registry) -> None:
    model = registry.model("short", ["None", "None"])
    with pytest.raises(NotFound) as caught:
        plan_of(registry, model, 7, stage="Production")
    assert caught.value.title == "Version 7 of 'short' not found"
    assert caught.value.detail == "Versions: 2, 1"
    with pytest.raises(NotFound):
        plan_of(registry, "nobody's", 1, stage="Production")


def test_a_plan_without_changes_is_a_noop(registry: Registry) -> None:
    model = registry.model("settled", ["Production"], aliases={"champion": 1})
    for target in ({"stage": "Production"}, {"alias": "champion"}):
        plan = plan_of(registry, model, 1, **target)
        assert plan.is_noop
        assert any("no change needed" in warning for warning in plan.warnings)


def test_several_versions_in_production_are_reported_and_archived(registry: Registry) -> None:
    model = registry.model("crowd", ["Production", "Production", "None"])
    plan = plan_of(registry, model, 1, stage="Production")
    assert changes_of(plan) == ["version 2: stage Production → Archived"]
    assert plan.warnings == (
        "Version 1 is already in stage Production: only the other versions would be archived.",
        "Versions 1 and 2 are in stage Production: models:/crowd/Production loads version 2.",
    )
    assert changes_of(plan_of(registry, model, 3, stage="Production")) == [
        "version 3: stage None → Production",
        "version 1: stage Production → Archived",
        "version 2: stage Production → Archived",
    ]


def test_archiving_the_last_production_version_warns(registry: Registry) -> None:
    model = registry.model("last", ["Production", "None"])
    plan = plan_of(registry, model, 1, stage="archived")
    assert changes_of(plan) == ["version 1: stage Production → Archived"]
    assert plan.holders == ()
    assert plan.warnings == (
        "Version 1 is the only one in Production: models:/last/Production will no longer resolve.",
    )


def test_an_archived_version_keeps_its_alias_with_a_warning(registry: Registry) -> None:
    model = registry.model("alias kept", ["Production", "None"], aliases={"champion": 1})
    plan = plan_of(registry, model, 2, stage="Production")
    assert plan.warnings == ("Version 1 keeps the alias champion when archived.",)
    demoted = plan_of(registry, model, 1, stage="Archived")
    assert "Version 1 keeps the alias champion when archived." in demoted.warnings
    policy = '[[policy]]\ntarget = "Production"\nalias = "champion"\n'
    registry.client.set_registered_model_tag(model, POLICY_TAG, policy)
    assert plan_of(registry, model, 2, stage="Production").warnings == ()


def test_an_alias_on_an_archived_version_warns(registry: Registry) -> None:
    model = registry.model("alias on archived", ["Archived"])
    assert plan_of(registry, model, 1, alias="champion").warnings == ("Version 1 is archived.",)


@pytest.mark.parametrize(
    ("metrics", "warning"),
    [
        (
            [{"accuracy": 0.918}, {"accuracy": 0.754}],
            "is worse on accuracy: 0.7540 against 0.9180 for version 1.",
        ),
        ([{"accuracy": 0.918}, {"accuracy": 0.918}], None),
        ([{"rmse": 2.0}, {"rmse": 3.0}], "is worse on rmse: 3 against 2 for version 1."),
        ([{"rmse": 3.0}, {"rmse": 2.0}], None),
        (
            [{"accuracy": 0.9}, {"accuracy": math.nan}],
            "is worse on accuracy: NaN against 0.9000 for version 1.",
        ),
        ([{"accuracy": 0.9}, {}], "has no accuracy; version 1 has 0.9000."),
        ([{"odd": 1.0, "even": 2.0}, {"odd": 0.0, "even": 0.0}], None),
    ],
)
def test_a_candidate_with_a_worse_primary_metric_warns(
    registry: Registry, metrics: list[dict[str, float]], warning: str | None
) -> None:
    model = registry.model(uuid4().hex, ["Production", "None"], metrics=metrics)
    plan = plan_of(registry, model, 2, stage="Production")
    assert plan.warnings == ((f"Version 2 {warning}",) if warning else ())


@pytest.mark.parametrize(
    ("status", "warning"),
    [
        ("FAILED", "failed"),
        ("KILLED", "was killed"),
        ("RUNNING", "has not finished"),
    ],
)
def test_a_source_run_that_did_not_finish_warns(registry: Registry, status: str, warning: str) -> None:
    model = registry.model(f"run {status}", [])
    version = registry.version(model, registry.run(status=status))
    assert plan_of(registry, model, version, stage="Staging").warnings == (
        f"The source run of version 1 {warning}.",
    )


def test_deleted_and_missing_source_runs_warn(registry: Registry) -> None:
    model = registry.model("orphans", ["Production", "None"])
    holder, candidate = reversed(registry.store.model_versions(model))
    registry.client.delete_run(candidate.run_id)
    plan = plan_of(registry, model, 2, stage="Production")
    assert plan.warnings == ("The source run of version 2 is deleted.",)
    assert plan.comparison is not None

    registry.client.create_model_version(model, candidate.source, None, await_creation_for=0)
    plan = plan_of(registry, model, 3, stage="Production")
    assert plan.warnings == ("Version 3 has no source run, so it cannot be compared.",)
    assert plan.comparison is None
    assert holder.run_id


def test_a_version_that_is_not_ready_warns(registry: Registry) -> None:
    """Only other MLflow backends create such versions, so the test alters the store's answer."""
    model = registry.model("pending", ["None"])

    class Pending:
        def model_versions(self, name: str) -> object:
            return tuple(
                replace(version, status="PENDING_REGISTRATION")
                for version in registry.store.model_versions(name)
            )

        run = registry.store.run
        registered_model = registry.store.registered_model
        stages = registry.store.stages

    plan = plan_promotion(Pending(), registry.uri, model, 1, stage="Staging")  # type: ignore[arg-type]
    assert plan.warnings == ("Version 1 is not ready: its status is PENDING_REGISTRATION.",)
