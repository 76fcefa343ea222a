"""Creating, deleting and restoring experiments on real stores."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from engine.api import Engine
from engine.entities import Experiment
from engine.errors import ReadOnly, UsageError, WriteError
from engine.failpoints import STATUS, VARIABLE
from engine.journal import Finding
from tests.support.registry import Registry, last
from tests.support.warm import Warm

pytestmark = pytest.mark.slow


def experiment(registry: Registry, deleted_runs: int = 1, runs: int = 2) -> tuple[Experiment, list[str]]:
    """An experiment, and the ids of its runs, the deleted ones first."""
    number = registry.client.create_experiment(uuid4().hex)
    ids = [registry.client.create_run(number).info.run_id for _ in range(deleted_runs + runs)]
    for run_id in ids:
        registry.client.set_terminated(run_id)
    for run_id in ids[:deleted_runs]:
        registry.client.delete_run(run_id)
    return now(registry, number), ids


def now(registry: Registry, experiment_id: str) -> Experiment:
    known = (*registry.store.experiments(), *registry.store.experiments("deleted"))
    return next(found for found in known if found.experiment_id == experiment_id)


def lifecycles(registry: Registry, ids: list[str]) -> str:
    return " ".join(registry.store.run(run_id).run.lifecycle_stage for run_id in ids)


def check_round_trip(registry: Registry) -> None:
    with Engine(registry.uri) as engine:
        found, ids = experiment(registry)
        plan = engine.experiments.plan_delete(found)
        assert (plan.runs, plan.apart, plan.warnings) == (2, (ids[0],), ())
        assert engine.experiments.apply(plan).experiment.lifecycle_stage == "deleted"
        deletion = last()
        assert (deletion.action, deletion.outcome, deletion.target) == (
            "experiment delete",
            "done",
            found.name,
        )
        assert lifecycles(registry, ids) == "deleted deleted deleted"

        plan = engine.experiments.plan_undo(deletion)
        assert (plan.action, plan.runs, plan.apart, plan.warnings) == ("restore", 2, (ids[0],), ())
        engine.experiments.apply(plan)
        assert lifecycles(registry, ids) == "deleted active active"
        assert (
            next(e for e in engine.journal.entries() if e.entry_id == deletion.entry_id).outcome == "undone"
        )


def test_a_restored_experiment_leaves_runs_deleted_that_were_deleted_before_it(registry: Registry) -> None:
    check_round_trip(registry)


def test_the_same_holds_through_a_server(remote: Registry) -> None:
    check_round_trip(remote)


def test_a_restoration_says_when_it_cannot_know_which_runs_were_deleted_before(registry: Registry) -> None:
    with Engine(registry.uri) as engine:
        found, ids = experiment(registry)
        engine.experiments.apply(engine.experiments.plan_delete(found))
        engine.experiments.apply(engine.experiments.plan_restore(now(registry, found.experiment_id)))
        registry.client.delete_experiment(found.experiment_id)  # elsewhere
        plan = engine.experiments.plan_restore(now(registry, found.experiment_id))
        assert (plan.runs, plan.apart) == (3, ())
        assert "MLflow does not say which" in plan.warnings[0]
        engine.experiments.apply(plan)
        assert lifecycles(registry, ids) == "active active active"

        engine.experiments.apply(engine.experiments.plan_delete(now(registry, found.experiment_id)))
        registry.client.restore_experiment(found.experiment_id)
        registry.client.delete_experiment(found.experiment_id)
        plan = engine.experiments.plan_restore(now(registry, found.experiment_id))
        assert len(plan.warnings) == 1


def test_an_experiment_is_created_with_its_description_and_deleted_by_undo(registry: Registry) -> None:
    name = f"größe {uuid4().hex}"
    with Engine(registry.uri) as engine:
        plan = engine.experiments.plan_create(name, description="UCI", tags={"team": "cardio"})
        created = engine.experiments.apply(plan).experiment
        assert (created.name, created.tags["team"]) == (name, "cardio")
        assert created.tags["mlflow.note.content"] == "UCI"
        with pytest.raises(UsageError, match="exists"):
            engine.experiments.plan_create(name)
        with pytest.raises(UsageError, match="exists"):
            engine.experiments.apply(plan)
        engine.experiments.apply(engine.experiments.plan_undo(last()))
        with pytest.raises(UsageError, match="is deleted") as refused:
            engine.experiments.plan_create(name)
        assert f"experiment restore {created.experiment_id}" in refused.value.hint


def test_what_changed_after_planning_is_not_deleted(registry: Registry) -> None:
    found, _ = experiment(registry)
    with Engine(registry.uri) as engine:
        plan = engine.experiments.plan_delete(found)
        registry.client.create_run(found.experiment_id)
        with pytest.raises(WriteError, match="changed after this was planned"):
            engine.experiments.apply(plan)
        assert now(registry, found.experiment_id).lifecycle_stage == "active"
    with Engine(registry.uri, read_only=True) as engine, pytest.raises(ReadOnly):
        engine.experiments.apply(plan)


def test_a_deletion_warns_of_runs_that_have_not_finished(registry: Registry) -> None:
    found, _ = experiment(registry)
    registry.client.create_run(found.experiment_id)
    with Engine(registry.uri) as engine:
        assert engine.experiments.plan_delete(found).warnings[0].startswith("1 run not finished yet.")
        with pytest.raises(UsageError, match="default experiment"):
            engine.experiments.plan_delete(now(registry, "0"))


def test_a_restoration_killed_midway_says_which_runs_are_still_to_be_deleted_again(
    registry: Registry, tmp_path: Path, warm_writer: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found, ids = experiment(registry)
    with Engine(registry.uri) as engine:
        engine.experiments.apply(engine.experiments.plan_delete(found))
        done = warm_writer.run(
            "--tracking-uri",
            registry.uri.raw,
            "experiment",
            "restore",
            found.name,
            "--yes",
            cwd=tmp_path,
            home=tmp_path,
            env={VARIABLE: "experiment restored", "XDG_STATE_HOME": str(tmp_path)},
        )
        assert done.returncode == STATUS
        assert lifecycles(registry, ids) == "active active active"
        finding = engine.journal.finding(last())
        assert finding is not None
        assert "1 run deleted before it" in finding.text
        assert finding.command == f"mlflow-console delete {ids[0]}"


def test_a_deletion_killed_before_it_began_has_changed_nothing(
    registry: Registry, tmp_path: Path, warm_writer: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found, ids = experiment(registry)
    arguments = ("--tracking-uri", registry.uri.raw, "experiment", "delete", found.name, "--yes")
    environment = {VARIABLE: "experiment intended", "XDG_STATE_HOME": str(tmp_path)}
    done = warm_writer.run(*arguments, cwd=tmp_path, home=tmp_path, env=environment)
    assert done.returncode == STATUS, done.stderr
    with Engine(registry.uri) as engine:
        assert engine.journal.finding(last()) == Finding("The experiment is active: nothing was changed.")
    assert lifecycles(registry, ids) == "deleted active active"
