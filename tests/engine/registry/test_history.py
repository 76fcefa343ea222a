"""Who had which stage or alias when, as far as an account can know."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import uuid4

import pytest

from engine.api import Engine
from engine.editing.plan import Subject, Wanted
from engine.entities import POLICY_TAG
from engine.paths import seen_folder
from engine.registry import history as module
from engine.registry.approval import decide, request
from engine.registry.history import Held, ModelHistory, history, remember
from engine.registry.promotion.apply import undo_last
from tests.support.registry import Registry, promote


@pytest.fixture(autouse=True)
def _own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "FRESH_MS", 0)


def look(registry: Registry, model: str) -> ModelHistory:
    return history(registry.store, registry.uri, model)


def held(found: ModelHistory, target: str, moment: int | None = None) -> Held:
    return next(
        each for each in found.at(found.now_ms if moment is None else moment) if each.target == target
    )


def now() -> int:
    return time.time_ns() // 1_000_000


def test_promotions_and_undos_of_this_account_are_known_to_the_moment(registry: Registry) -> None:
    model = registry.model(uuid4().hex, ["Production", "None"])
    remember(registry.uri, model, registry.store.model_versions(model))
    before = now()
    promote(registry, model, 2, stage="Production", reason="November data")
    promote(registry, model, 2, alias="champion")
    found = look(registry, model)
    assert [(e.target, e.before, e.after, e.source, e.is_exact) for e in found.events] == [
        ("@champion", (), (2,), "journal", True),
        ("Production", (1,), (2,), "journal", True),
    ]
    assert found.events[1].reason == "November data"
    assert held(found, "Production").versions == (2,)
    assert held(found, "Production", before).versions == (1,)
    assert held(found, "@champion", before).versions == ()
    assert held(found, "Production", before - 3_600_000).why == "Nothing is known from that time."


def test_a_change_by_the_web_ui_is_known_to_lie_between_two_looks(registry: Registry) -> None:
    model = registry.model(uuid4().hex, ["Production", "None"])
    first = look(registry, model)
    assert first.events == ()
    between = now() + 1
    while now() <= between:
        pass
    registry.transition(model, 2, "Production")
    registry.transition(model, 1, "Archived")
    found = look(registry, model)
    (event,) = found.events
    assert (event.before, event.after, event.by, event.source) == ((1,), (2,), "", "seen")
    assert first.now_ms - 1000 <= event.since <= between < event.until <= found.now_ms
    unknown = held(found, "Production", between)
    assert unknown.versions is None
    assert unknown.why == "It changed elsewhere around that time."
    assert held(found, "Production").versions == (2,)


def test_a_promotion_by_another_account_is_known_by_its_tags(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = registry.model(uuid4().hex, ["Production", "None"])
    look(registry, model)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "bo"))
    monkeypatch.setenv("LOGNAME", "bo")
    promote(registry, model, 2, stage="Production", reason="better recall")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "ana")
    (event,) = look(registry, model).events
    assert (event.before, event.after, event.source, event.reason) == ((1,), (2,), "tag", "better recall")
    assert event.by.startswith("bo@")
    assert event.is_exact


def test_an_own_promotion_and_a_later_change_elsewhere_are_told_apart(registry: Registry) -> None:
    model = registry.model(uuid4().hex, ["Production", "None", "None"])
    look(registry, model)
    promote(registry, model, 2, stage="Production")
    registry.transition(model, 3, "Production")
    found = look(registry, model)
    assert [(e.before, e.after, e.source) for e in found.events] == [
        ((2,), (2, 3), "seen"),
        ((1,), (2,), "journal"),
    ]


def test_what_another_account_asked_for_decided_promoted_and_undid_is_known_by_the_log_of_the_version(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = registry.model(uuid4().hex, ["Production", "None"], aliases={"champion": 1})
    registry.client.set_registered_model_tag(
        model, POLICY_TAG, '[[policy]]\ntarget = "Production"\nalias = "champion"\n'
    )
    look(registry, model)
    bo = str(tmp_path / "bo")
    monkeypatch.setenv("XDG_STATE_HOME", bo)
    monkeypatch.setenv("LOGNAME", "bo")
    request(registry.store, registry.uri, model, 2, "Production", "better recall")
    monkeypatch.setenv("LOGNAME", "ana")
    decide(registry.store, registry.uri, model, 2, approved=True, reason="tested on site")
    monkeypatch.setenv("LOGNAME", "bo")
    promote(registry, model, 2, stage="Production", reason="go")
    undo_last(registry.store, registry.uri)

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found = look(registry, model)
    assert {
        (e.target, e.before, e.after, e.source, e.is_exact, e.by.split("@")[0]) for e in found.events
    } == {
        ("Production", (2,), (1,), "tag", True, "bo"),
        ("@champion", (2,), (1,), "tag", True, "bo"),
        ("Production", (1,), (2,), "tag", True, "bo"),
        ("@champion", (1,), (2,), "tag", True, "bo"),
    }
    assert [(e.target, str(e.change), e.by, e.reason) for e in found.approvals] == [
        ("Production", "2 approved", "ana", "tested on site"),
        ("Production", "2 requested", "bo", "better recall"),
    ]
    assert found.timeline[-2:] == found.approvals

    monkeypatch.setenv("XDG_STATE_HOME", bo)
    assert {event.source for event in look(registry, model).events} == {"journal"}

    copied = registry.client.copy_model_version(f"models:/{model}/2", uuid4().hex)
    assert look(registry, copied.name).timeline == ()


def test_a_renamed_model_keeps_its_history(registry: Registry) -> None:
    model, renamed = registry.model(uuid4().hex, ["Production", "None"]), uuid4().hex
    look(registry, model)
    promote(registry, model, 2, stage="Production")
    with Engine(registry.uri) as engine:
        known = engine.models.history(model)
        for before, after in ((model, renamed), (renamed, model)):
            engine.edits.apply(engine.edits.plan([Subject("model", before)], Wanted(name=after)))
            found = engine.models.history(after)
            assert (found.events, found.known_since) == (known.events, known.known_since)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"seen": [7]}', '{"seen": [{"holders": []}]}'])
def test_damaged_notes_only_shorten_the_history(registry: Registry, text: str) -> None:
    model = registry.model(uuid4().hex, ["Production"])
    look(registry, model)
    (path,) = seen_folder().glob("*.json")
    path.write_text(text)
    assert look(registry, model).events == ()
    assert held(look(registry, model), "Production").versions == (1,)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+23:59", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"]
)
def test_a_promotion_tag_from_before_its_version_or_from_the_future_is_no_event(
    registry: Registry, at: str
) -> None:
    model = registry.model(uuid4().hex, ["None"])
    for name, value in (("by", "bo@host"), ("to", "Production"), ("at", at)):
        registry.client.set_model_version_tag(model, "1", f"mlflow_console.promoted_{name}", value)
    found = history(registry.store, registry.uri, model)
    assert found.events == ()
    assert found.known_since > 1_577_836_800_000
