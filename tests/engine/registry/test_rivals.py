"""Two concurrent consoles, and one killed midway: real processes on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.journal import Finding, read_journal
from engine.registry.promotion.apply import apply_promotion, plan_promotion, undo_last
from engine.registry.promotion.plan import finding
from tests.support.registry import Console, Registry
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


def test_concurrent_promotions_by_two_users_never_silently_leave_two_in_production(
    registry: Registry, tmp_path: Path, warm_writer: Warm
) -> None:
    """Two users share no lock. In any order, two versions left in Production are always reported."""
    model = registry.model("race", ["Production", "None", "None"])
    rounds = []
    with (
        Console(registry.uri, tmp_path / "ana", warm_writer) as ana,
        Console(registry.uri, tmp_path / "bo", warm_writer) as bo,
    ):
        assert ana.receive() == bo.receive() == {"ready": True}
        for _ in range(ROUNDS):
            for number, stage in ((1, "Production"), (2, "None"), (3, "None")):
                registry.transition(model, number, stage)
            errors = race(model, ana, bo)
            in_production = [n for n, stage in registry.stages(model).items() if stage == "Production"]
            rounds.append((in_production, errors))
    for in_production, errors in rounds:
        assert in_production, rounds
        assert len(in_production) == 1 or any(f"versions {_listed(in_production)}" in e for e in errors), (
            rounds
        )
        assert any(errors), "at least one user learns of the other promotion"


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


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
