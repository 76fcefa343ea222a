"""Copying versions to other models, and deleting versions and models, on real stores."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from engine.api import Engine
from engine.errors import Conflict, NotFound, ReadOnly, UsageError
from engine.failpoints import STATUS, VARIABLE
from engine.registry.registration import RUN_TAG
from engine.registry.removal import plan_removal
from tests.support.registry import Registry, last
from tests.support.warm import Warm

pytestmark = pytest.mark.slow


def check_copy(registry: Registry) -> None:
    name = registry.model(uuid4().hex, ["Production"], aliases={"champion": 1})
    client = registry.client
    client.update_model_version(name, "1", "größer")
    client.set_model_version_tag(name, "1", "site", "north")
    with Engine(registry.uri) as engine:
        engine.models.request(name, 1, "Staging")
        engine.models.decide(name, 1, approved=True)
        to = f"kopie {uuid4().hex}"
        plan = engine.models.plan_copy(name, 1, to)
        assert (plan.is_new, plan.next_version, plan.tags) == (True, 1, {"site": "north"})
        copied = engine.models.copy(plan)
        (source,) = registry.store.model_versions(name)
        assert (copied.name, copied.version, copied.stage, copied.aliases) == (to, 1, "None", ())
        assert (copied.description, copied.tags, copied.run_id) == (
            "größer",
            {"site": "north"},
            source.run_id,
        )
        assert client.get_model_version_download_uri(to, "1") == client.get_model_version_download_uri(
            name, "1"
        )
        assert (last().action, last().outcome, last().target) == (
            "register",
            "done",
            f"{to} from {name}/1 as version 1",
        )
        assert engine.models.discard_registration(last()) == f"Removed version 1, model {to}"
        with pytest.raises(UsageError, match="copied to another model"):
            engine.models.plan_copy(name, 1, name)
    with Engine(registry.uri, read_only=True) as engine, pytest.raises(ReadOnly):
        engine.models.copy(plan)


def test_a_copy_has_description_and_tags_but_no_approval(registry: Registry) -> None:
    check_copy(registry)


def test_a_version_is_copied_through_a_server(remote: Registry) -> None:
    check_copy(remote)


def check_removal(registry: Registry) -> None:
    name = registry.model(uuid4().hex, ["Production", "None"], aliases={"champion": 1, "größte": 1})
    first = registry.store.model_versions(name)[1]
    registry.client.set_tag(first.run_id, RUN_TAG, f"{name}/1")
    with Engine(registry.uri) as engine:
        engine.models.versions(name)  # seen before
        plan = engine.models.plan_removal(name, 1)
        assert plan.lost == ("Version 1 is in Production and @champion and @größte.",)
        result = engine.models.remove(plan, reason="leaks")
        assert ([each.version for each in result.versions], result.notes) == ([2], ())
        assert RUN_TAG not in registry.store.run(first.run_id).run.tags
        entry = last()
        assert (entry.action, entry.outcome, entry.target) == ("version delete", "done", f"{name}/1")
        assert first.source in entry.detail
        with pytest.raises(UsageError, match="Cannot undo version delete") as refused:
            engine.models.plan_undo(entry)
        assert "register them again" in refused.value.hint

        events = {event.target: event for event in engine.models.history(name).events}
        assert (events["Production"].before, events["Production"].after) == ((1,), ())
        assert (events["@champion"].source, events["@champion"].reason) == ("journal", "leaks")
        assert events["@größte"].after == ()

        plan = engine.models.plan_removal(name)
        assert plan.lost[0].startswith("1 version, ")
        engine.models.remove(plan)
        with pytest.raises(NotFound):
            registry.store.registered_model(name)
        assert (last().action, last().target) == ("model delete", name)


def test_a_version_and_a_model_are_deleted_with_what_is_lost_in_the_journal(registry: Registry) -> None:
    check_removal(registry)


def test_they_are_deleted_through_a_server(remote: Registry) -> None:
    check_removal(remote)


def test_deployments_of_what_is_deleted_are_listed(registry: Registry) -> None:
    name = registry.model(uuid4().hex, ["None", "None"])
    serving = [("heart", 1), ("canary", 2)]
    one = plan_removal(registry.store, registry.uri, name, 1, serving)
    assert one.deployments == ("heart",)
    assert one.lost == ("Deployment heart serves it, and cannot be started anew afterwards.",)
    both = plan_removal(registry.store, registry.uri, name, None, serving)
    assert both.lost[-1].startswith("Deployment heart, canary serve its versions")


def test_what_was_promoted_after_planning_is_not_deleted(registry: Registry) -> None:
    name = registry.model(uuid4().hex, ["None"])
    with Engine(registry.uri) as engine:
        plan = engine.models.plan_removal(name, 1)
        registry.client.set_registered_model_alias(name, "champion", "1")
        with pytest.raises(Conflict, match="changed after this was planned"):
            engine.models.remove(plan)
        whole = engine.models.plan_removal(name)
        registry.version(name, registry.run())
        with pytest.raises(Conflict):
            engine.models.remove(whole)
        assert len(registry.store.model_versions(name)) == 2
    with Engine(registry.uri, read_only=True) as engine, pytest.raises(ReadOnly):
        engine.models.remove(plan)


@pytest.mark.parametrize(
    ("step", "text"), [("removal intended", "is still in the registry"), ("removal deleted", "is not in")]
)
def test_the_journal_says_what_a_killed_deletion_left(
    registry: Registry,
    tmp_path: Path,
    warm_writer: Warm,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    text: str,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    name = registry.model(uuid4().hex, ["None", "None"])
    arguments = ("--tracking-uri", registry.uri.raw, "model", "delete", name, "1")
    environment = {VARIABLE: step, "XDG_STATE_HOME": str(tmp_path)}
    done = warm_writer.run(*arguments, "--confirm", f"{name}/1", cwd=tmp_path, home=tmp_path, env=environment)
    assert done.returncode == STATUS, done.stderr
    with Engine(registry.uri) as engine:
        finding = engine.journal.finding(last())
    assert finding is not None
    assert text in finding.text
