"""Registering the models of runs: all of it or, killed at any step, finished or removed."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from engine.errors import NotFound, UsageError
from engine.failpoints import STATUS, VARIABLE
from engine.journal import read_journal
from engine.registry.registration import (
    REGISTERING_TAG,
    RUN_TAG,
    discard,
    finding,
    finish,
    plan_registration,
    promotions_after,
    register,
)
from tests.support.registry import Console, Registry, last, promote
from tests.support.warm import Warm

pytestmark = pytest.mark.slow


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def run_with_model(registry: Registry, *names: str) -> str:
    """A run that logged models of these names."""
    run_id = registry.run({"accuracy": 0.91, "loss": 0.2}, status="RUNNING")
    registry.client.log_param(run_id, "n_neighbors", "7")
    for name in names or ("model",):
        model = registry.client.create_logged_model(
            experiment_id=registry.experiment_id, name=name, source_run_id=run_id
        )
        registry.client.finalize_logged_model(model.model_id, "READY")
        from mlflow.entities import LoggedModelOutput

        registry.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    registry.client.set_terminated(run_id)
    return run_id


def test_a_new_model_and_its_next_version_are_registered(registry: Registry, state: Path) -> None:
    name, run_id = uuid4().hex, run_with_model(registry)
    plan = plan_registration(registry.store, registry.uri, name, run_id)
    assert (plan.is_new, plan.next_version, plan.existing) == (True, 1, ())
    version = register(registry.store, registry.uri, plan).version
    assert (version.version, version.run_id, version.status) == (1, run_id, "READY")
    assert "accuracy 0.9100" in version.description
    assert "n_neighbors 7" in version.description
    assert version.tags["accuracy"] == "0.9100"
    assert REGISTERING_TAG not in version.tags
    assert registry.store.registered_model(name).tags == {}
    assert registry.store.run(run_id).run.tags[RUN_TAG] == f"{name}/1"
    assert (last().action, last().outcome, last().version) == ("register", "done", 1)

    again = plan_registration(registry.store, registry.uri, name, run_id, description="mine")
    assert (again.is_new, again.next_version, [v.version for v in again.existing]) == (False, 2, [1])
    assert register(registry.store, registry.uri, again).version.description == "mine"
    assert discard(registry.store, registry.uri, last()) == "Removed version 2"
    first = next(entry for entry in read_journal() if entry.version == 1 and entry.action == "register")
    assert discard(registry.store, registry.uri, first) == f"Removed version 1, model {name}"
    with pytest.raises(NotFound):
        registry.store.registered_model(name)


def test_a_version_in_use_is_not_removed(registry: Registry, state: Path) -> None:
    name = uuid4().hex
    plan = plan_registration(registry.store, registry.uri, name, run_with_model(registry))
    register(registry.store, registry.uri, plan)
    registry.client.set_registered_model_alias(name, "champion", "1")
    with pytest.raises(UsageError, match="in use: champion"):
        discard(registry.store, registry.uri, last())


def test_undoing_a_registration_undoes_the_promotions_of_its_version_first(
    registry: Registry, state: Path
) -> None:
    name = registry.model(uuid4().hex, ["Production"], aliases={"champion": 1})
    plan = plan_registration(registry.store, registry.uri, name, run_with_model(registry))
    register(registry.store, registry.uri, plan)
    registered = last()
    promote(registry, name, 2, stage="Production")
    promote(registry, name, 2, alias="champion")
    assert [entry.target for entry in promotions_after(registered)] == [
        f"{name} 2 → @champion",
        f"{name} 2 → Production",
    ]
    text = discard(registry.store, registry.uri, registered)
    assert text.startswith("alias champion 2 → 1; version 1: stage Archived → Production; ")
    assert text.endswith("; Removed version 2")
    assert registry.stages(name) == {1: "Production"}
    assert registry.aliases(name) == {"champion": 1}


@pytest.mark.parametrize(
    ("model", "names", "logged", "problem"),
    [
        ("a/b", ("model",), "", "cannot be the name of a model"),
        ("churn", ("a", "b"), "", "logged 2 models"),
        ("churn", ("a",), "c", "logged no model 'c'"),
    ],
)
def test_what_cannot_be_registered_is_refused(
    registry: Registry, model: str, names: tuple[str, ...], logged: str, problem: str
) -> None:
    run_id = run_with_model(registry, *names)
    with pytest.raises((UsageError, NotFound), match=problem):
        plan_registration(registry.store, registry.uri, model, run_id, logged=logged)


def test_a_run_without_a_model_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound, match="logged no model"):
        plan_registration(registry.store, registry.uri, "churn", registry.run())


STEPS = {"intended": 0, "created model": 0, "created version": 1, "tagged run": 1, "completed": 1}
"""The steps at which a registration is killed, and the versions that exist then."""


@pytest.mark.parametrize("step", STEPS)
def test_a_registration_killed_at_any_step_is_finished_or_removed(
    registry: Registry, state: Path, warm_writer: Warm, step: str
) -> None:
    for ending in ("finish", "discard"):
        name, run_id = uuid4().hex, run_with_model(registry)
        with Console(registry.uri, state, warm_writer, **{VARIABLE: f"register {step}"}) as console:
            console.receive()
            console.send(do="register", model=name, run=run_id)
            assert console.process.wait() == STATUS
        entry = read_journal(1)[0]
        assert entry.outcome == "intended"
        text = finding(registry.store, entry).text
        if step == "intended":
            assert text == "Nothing of it is in the registry."
        elif step == "created model":
            assert text == f"The model {name} was created, without a version."
            assert discard(registry.store, registry.uri, entry) == f"Removed model {name}"
        elif step != "completed" and ending == "finish":
            assert text.startswith("Version 1 was created, but not finished")
            assert finish(registry.store, registry.uri, entry).version.version == 1
            assert REGISTERING_TAG not in registry.store.model_versions(name)[0].tags
            assert read_journal(1)[0].outcome == "done"
        elif step != "completed":
            assert discard(registry.store, registry.uri, entry) == f"Removed version 1, model {name}"


def test_a_prompts_name_and_reserved_tags_are_refused(registry: Registry, state: Path) -> None:
    name = f"prompt-{uuid4().hex}"
    registry.client.register_prompt(name, "hello")
    run_id = run_with_model(registry)
    with pytest.raises(UsageError, match="is a prompt"):
        plan_registration(registry.store, registry.uri, name, run_id)
    with pytest.raises(UsageError, match="cannot be set"):
        plan_registration(registry.store, registry.uri, "m", run_id, tags={"mlflow_console.decision": "{}"})


def test_an_undo_killed_before_the_new_model_was_removed_can_be_made_again(
    registry: Registry, state: Path, warm_writer: Warm
) -> None:
    name = uuid4().hex
    register(
        registry.store,
        registry.uri,
        plan_registration(registry.store, registry.uri, name, run_with_model(registry)),
    )
    entry = last()
    arguments = ("--tracking-uri", registry.uri.raw, "undo", entry.entry_id, "--yes")
    environment = {VARIABLE: "discard deleted version", "XDG_STATE_HOME": str(state)}
    done = warm_writer.run(*arguments, cwd=state, home=state, env=environment)
    assert done.returncode == STATUS, done.stderr
    assert registry.store.model_versions(name) == ()
    assert discard(registry.store, registry.uri, entry) == f"Removed model {name}"
    with pytest.raises(NotFound):
        registry.store.registered_model(name)
