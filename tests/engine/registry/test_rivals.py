"""Two concurrent consoles, and one killed midway: real processes on a real store."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from engine.failpoints import STATUS, VARIABLE
from engine.journal import Finding, read_journal
from engine.registry.promotion.apply import apply_promotion, plan_promotion, plan_undo, undo_last
from engine.registry.promotion.claims import claims
from engine.registry.promotion.plan import finding
from tests.support.registry import Console, Registry, promote
from tests.support.warm import Warm

pytestmark = pytest.mark.slow

ROUNDS = 5


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def killed_after(registry: Registry, state: Path, warm: Warm, model: str, writes: int) -> None:
    """Promote version 2 in a process that is killed after `writes` writes."""
    with Console(registry.uri, state, warm) as console:
        console.receive()
        console.send(do="plan", model=model, version=2, stage="Production")
        assert len(console.receive()["changes"]) == 2
        console.send(do="apply", halt=writes)
        assert console.receive() == {"written": writes}


def test_a_promotion_killed_midway_is_finished_by_the_next_plan(
    registry: Registry, state: Path, warm_writer: Warm
) -> None:
    model = registry.model("killed", ["Production", "None"])
    killed_after(registry, state, warm_writer, model, 1)

    assert registry.stages(model) == {2: "Production", 1: "Production"}, "the former version still serves"
    entry = read_journal(1)[0]
    assert (entry.outcome, entry.target) == ("intended", "killed 2 → Production")
    found = Finding("1 of 2 changes made: version 2: stage None → Production.", "mlflow-console undo")
    assert finding(registry.store, entry) == found

    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    assert [str(change) for change in plan.changes] == ["version 1: stage Production → Archived"]
    assert plan.warnings[:2] == (
        "Version 2 is already in stage Production: only the other versions would be archived.",
        "Versions 1 and 2 are in stage Production: models:/killed/Production loads version 2.",
    )
    assert "killed 2 → Production, started " in plan.warnings[2]
    assert "has no recorded outcome: it was interrupted" in plan.warnings[2]

    assert apply_promotion(registry.store, registry.uri, plan).verified
    assert registry.stages(model) == {2: "Production", 1: "Archived"}
    again = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    assert not any("no recorded outcome" in warning for warning in again.warnings)


def test_an_interrupted_promotion_can_be_undone(registry: Registry, state: Path, warm_writer: Warm) -> None:
    model = registry.model("killed and undone", ["Production", "None"])
    killed_after(registry, state, warm_writer, model, 1)
    result = undo_last(registry.store, registry.uri)
    assert [str(change) for change in result.plan.changes] == ["version 2: stage Production → None"]
    assert registry.stages(model) == {2: "None", 1: "Production"}
    assert [entry.outcome for entry in read_journal()] == ["done", "undone"]


def test_of_two_users_who_promote_at_once_one_wins_and_the_other_is_told_who(
    registry: Registry, tmp_path: Path, warm_writer: Warm
) -> None:
    """Two users share no lock."""
    model = registry.model("race", ["Production", "None", "None"])
    with (
        Console(registry.uri, tmp_path / "ana", warm_writer) as ana,
        Console(registry.uri, tmp_path / "bo", warm_writer) as bo,
    ):
        assert ana.receive() == bo.receive() == {"ready": True}
        for _ in range(ROUNDS):
            for number, stage in ((1, "Production"), (2, "None"), (3, "None")):
                registry.transition(model, number, stage)
            errors = race(model, ana, bo)
            assert sorted(registry.stages(model).values()) == ["Archived", "None", "Production"]
            assert sorted(bool(error) for error in errors) == [False, True]
            winner = 2 if not errors[0] else 3
            assert registry.stages(model)[winner] == "Production"
            assert f"version {winner} was promoted by " in "".join(errors)
    assert claims(registry.store.model_versions(model)) == []


PROMOTING = {
    "claimed": (0, ""),
    "intended": (0, "intended"),
    "wrote 1": (1, "intended"),
    "wrote 2": (2, "intended"),
    "tagged": (2, "intended"),
    "verified": (2, "intended"),
    "recorded": (2, "done"),
    "released": (2, "done"),
}
"""The steps of a promotion at which it is killed: changes made by then, and the outcome in the journal."""
STAGES = [
    {1: "Production", 2: "None", 3: "None"},
    {1: "Production", 2: "Production", 3: "None"},
    {1: "Archived", 2: "Production", 3: "None"},
]
"""After 0, 1 and 2 changes of promoting version 2."""


def killed_at(registry: Registry, state: Path, warm: Warm, model: str, step: str) -> None:
    """Promote version 2, or undo that, in a process that ends at a step."""
    with Console(registry.uri, state, warm, **{VARIABLE: step}) as console:
        console.receive()
        if step.startswith("promote"):
            console.send(do="plan", model=model, version=2, stage="Production")
        else:
            console.send(do="plan undo")
        console.receive()
        console.send(do="apply")
        assert console.process.wait() == STATUS


@pytest.mark.parametrize("step", PROMOTING)
def test_a_promotion_killed_at_any_step_can_be_undone_and_blocks_nobody(
    registry: Registry, state: Path, warm_writer: Warm, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, outcome = PROMOTING[step]
    model = registry.model(f"killed, {step}", ["Production", "None", "None"])
    killed_at(registry, state, warm_writer, model, f"promote {step}")
    assert registry.stages(model) == STAGES[made]
    assert [entry.outcome for entry in read_journal()] == [outcome] * bool(outcome)

    if made:
        undo_last(registry.store, registry.uri)
        assert registry.stages(model) == STAGES[0]
        killed_at(registry, state, warm_writer, model, f"promote {step}")
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "of another account"))
    plan = plan_promotion(registry.store, registry.uri, model, 3, stage="Production")
    assert any("has not finished" in warning for warning in plan.warnings) == (step != "released")
    assert apply_promotion(registry.store, registry.uri, plan).verified
    assert [n for n, stage in registry.stages(model).items() if stage == "Production"] == [3]
    assert claims(registry.store.model_versions(model)) == []


@pytest.mark.parametrize("step", ["wrote 1", "wrote 2"])
def test_an_undo_killed_midway_is_finished_or_reversed(
    registry: Registry, state: Path, warm_writer: Warm, step: str
) -> None:
    for goes_on in (True, False):
        model = registry.model(f"undo killed, {step}, {goes_on}", ["Production", "None", "None"])
        apply_promotion(
            registry.store,
            registry.uri,
            plan_promotion(registry.store, registry.uri, model, 2, stage="Production"),
        )
        killed_at(registry, state, warm_writer, model, f"undo {step}")
        undo = read_journal(1)[0]
        assert (undo.action, undo.outcome) == ("undo", "intended")
        if step == "wrote 1":
            assert list(registry.stages(model).values()).count("Production") == 2
            assert f"reverse it with `undo {undo.entry_id}`" in finding(registry.store, undo).text
        if step == "wrote 1" and goes_on:
            undo_last(registry.store, registry.uri)
        if not goes_on:
            apply_promotion(registry.store, registry.uri, plan_undo(registry.store, registry.uri, undo))
        assert registry.stages(model) == STAGES[0 if goes_on else 2]


def test_two_consoles_of_one_user_promote_one_after_the_other(
    registry: Registry, tmp_path: Path, warm_writer: Warm
) -> None:
    model = registry.model("turns", ["Production", "None", "None"])
    with (
        Console(registry.uri, tmp_path, warm_writer) as one,
        Console(registry.uri, tmp_path, warm_writer) as two,
    ):
        assert one.receive() == two.receive() == {"ready": True}
        for _ in range(ROUNDS):
            for number, stage in ((1, "Production"), (2, "None"), (3, "None")):
                registry.transition(model, number, stage)
            errors = race(model, one, two)
            stages = registry.stages(model)
            assert sorted(stages.values()) == ["Archived", "None", "Production"]
            assert sorted(bool(error) for error in errors) == [False, True]
            assert "has changed since the promotion was planned" in "".join(errors)


def race(model: str, one: Console, two: Console) -> list[str]:
    """Both plan on the same registry, then both apply. Returns their errors."""
    for console, version in ((one, 2), (two, 3)):
        console.send(do="plan", model=model, version=version, stage="Production")
    for console in (one, two):
        assert len(console.receive()["changes"]) == 2
    for console in (one, two):
        console.send(do="apply")
    return [console.receive()["error"] for console in (one, two)]


def test_malformed_claims_are_ignored(registry: Registry) -> None:
    model = registry.model(uuid4().hex, ["None", "None"])
    for name, at in (("a", "Infinity"), ("b", "[]"), ("c", "{}")):
        text = f'{{"target": "Staging", "by": "x", "at": {at}, "space": "", "pid": 1, "started": 0}}'
        registry.client.set_model_version_tag(model, "1", f"mlflow_console.claim.{name}", text)
    promote(registry, model, 2, stage="Staging")
    assert registry.stages(model) == {1: "None", 2: "Staging"}
