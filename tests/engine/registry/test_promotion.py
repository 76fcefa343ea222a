"""Promotions applied, verified, refused and repaired on a real store."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from uuid import uuid4

import pytest

from engine.errors import PromotionError, StoreError, UsageError, WriteError
from engine.journal import read_journal
from engine.paths import journal_file
from engine.registry.promotion import claims as claims_module
from engine.registry.promotion.apply import apply_promotion, plan_promotion, undo_last
from engine.registry.promotion.claims import PREFIX, Claim, claims
from tests.support.registry import InterferingStore, Registry, last, promote

# ── applying ─────────────────────────────────────────────────────────────────


def test_a_promotion_archives_the_current_version(registry: Registry) -> None:
    model = registry.model("heart", ["Production", "None"])
    result = promote(registry, model, 2, reason="retrained on November data", stage="Production")

    assert registry.stages(model) == {2: "Production", 1: "Archived"}
    assert result.verified
    assert (result.repaired, result.notes) == ((), ())
    assert {v.version: v.stage for v in result.versions} == registry.stages(model)

    entry = last()
    assert entry.entry_id == result.entry_id
    assert (entry.outcome, entry.action, entry.target) == ("done", "promote", "heart 2 → Production")
    assert (entry.before["version 2"], entry.after["version 2"]) == ("None", "Production")
    assert (entry.before["version 1"], entry.after["version 1"]) == ("Production", "Archived")
    assert (entry.before["stage Production"], entry.after["stage Production"]) == ("1", "2")
    assert entry.reason == "retrained on November data"

    tags = registry.tags(model, 2)
    assert tags["mlflow_console.promoted_by"] == f"{entry.user}@{os.uname().nodename}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", tags["mlflow_console.promoted_at"])
    assert tags["mlflow_console.from_stage"] == "None"
    assert tags["mlflow_console.reason"] == "retrained on November data"
    assert registry.tags(model, 1) == {}


def test_a_later_promotion_without_a_reason_clears_the_old_reason(registry: Registry) -> None:
    model = registry.model("reasons", ["None"])
    promote(registry, model, 1, reason="first", stage="Staging")
    promote(registry, model, 1, stage="Production")
    assert registry.tags(model, 1)["mlflow_console.reason"] == ""
    assert registry.tags(model, 1)["mlflow_console.from_stage"] == "Staging"


def test_without_archiving_both_versions_stay_in_the_stage(registry: Registry) -> None:
    model = registry.model("both", ["Production", "None"])
    result = promote(registry, model, 2, stage="Production", archive_existing=False)
    assert result.verified
    assert registry.stages(model) == {2: "Production", 1: "Production"}


def test_an_alias_promotion_moves_the_alias(registry: Registry) -> None:
    model = registry.model("alias", ["Production", "None"], aliases={"champion": 1, "steady": 1})
    result = promote(registry, model, 2, alias="champion")
    assert result.verified
    assert registry.aliases(model) == {"champion": 2, "steady": 1}
    assert registry.stages(model) == {2: "None", 1: "Production"}
    assert (last().before["alias champion"], last().after["alias champion"]) == ("1", "2")


def test_a_promotion_without_changes_writes_nothing(registry: Registry) -> None:
    model = registry.model("noop", ["Production"])
    result = promote(registry, model, 1, stage="Production")
    assert result.verified
    assert result.entry_id == ""
    assert read_journal() == ()
    assert registry.tags(model, 1) == {}


def test_a_reason_over_the_limit_is_rejected(registry: Registry) -> None:
    model = registry.model("long reason", ["None"])
    with pytest.raises(UsageError, match="5,000"):
        promote(registry, model, 1, reason="x" * 5001, stage="Production")
    assert registry.stages(model) == {1: "None"}


def test_mlflow_prints_nothing_to_the_terminal(registry: Registry, capfd: pytest.CaptureFixture[str]) -> None:
    model = registry.model("quiet", ["Production", "None"], aliases={"champion": 1})
    capfd.readouterr()
    promote(registry, model, 2, stage="Production")
    promote(registry, model, 2, alias="champion")
    undo_last(registry.store, registry.uri)
    assert capfd.readouterr() == ("", "")


# ── conflicts ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stage", "interference", "difference"),
    [
        ("Production", (2, "Production"), "Production: version 1 when planned, versions 1, 2 now"),
        ("Production", (1, "Archived"), "version 1: Production when planned, Archived now"),
        ("Production", (3, "Staging"), "version 3: None when planned, Staging now"),
        ("Staging", (2, "Staging"), "Staging: no version when planned, version 2 now"),
    ],
)
def test_a_registry_changed_since_planning_is_left_alone(
    registry: Registry, stage: str, interference: tuple[int, str], difference: str
) -> None:
    model = registry.model(uuid4().hex, ["Production", "None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 3, stage=stage)
    registry.transition(model, *interference)
    before = registry.stages(model)
    with pytest.raises(PromotionError) as caught:
        apply_promotion(registry.store, registry.uri, plan)
    assert "has changed since" in caught.value.title
    assert difference in caught.value.detail
    assert "Review the current state" in caught.value.hint
    assert registry.stages(model) == before
    assert read_journal() == ()


def test_a_change_to_other_versions_is_no_conflict(registry: Registry) -> None:
    model = registry.model("elsewhere", ["Production", "None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    registry.transition(model, 3, "Staging")
    registry.version(model, registry.run())
    assert apply_promotion(registry.store, registry.uri, plan).verified


def test_a_moved_alias_is_a_conflict(registry: Registry) -> None:
    model = registry.model("moved alias", ["None"] * 3, aliases={"champion": 1})
    plan = plan_promotion(registry.store, registry.uri, model, 2, alias="champion")
    registry.client.set_registered_model_alias(model, "champion", "3")
    with pytest.raises(PromotionError, match="alias champion: version 1 when planned, version 3 now"):
        apply_promotion(registry.store, registry.uri, plan)
    assert registry.aliases(model) == {"champion": 3}


def test_a_deleted_candidate_is_a_conflict(registry: Registry) -> None:
    model = registry.model("gone", ["Production", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    registry.client.delete_model_version(model, "2")
    with pytest.raises(PromotionError, match="version 2: None when planned, gone now"):
        apply_promotion(registry.store, registry.uri, plan)
    assert registry.stages(model) == {1: "Production"}


def test_a_model_recreated_under_the_same_name_is_a_conflict(registry: Registry) -> None:
    model = registry.model("anew", ["None"])
    plan = plan_promotion(registry.store, registry.uri, model, 1, stage="Production")
    registry.client.delete_registered_model(model)
    registry.model("anew", ["None"])
    with pytest.raises(PromotionError, match="version 1 created"):
        apply_promotion(registry.store, registry.uri, plan)


# ── interference during a promotion ──────────────────────────────────────────
# Reads by `apply_promotion`: 1 before opening the client, 2 under the lock, 3 to verify, 4 after repairs.


def test_a_holder_that_returned_to_production_is_archived_again(registry: Registry) -> None:
    model = registry.model("came back", ["Production", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    store = InterferingStore(registry.store, {3: lambda: registry.transition(model, 1, "Production")})
    result = apply_promotion(store, registry.uri, plan)  # type: ignore[arg-type]
    assert registry.stages(model) == {2: "Production", 1: "Archived"}
    assert result.repaired == ("version 1: stage Production → Archived",)
    assert last().outcome == "done"
    assert "written again" in last().detail


def test_another_version_entering_production_is_reported(registry: Registry) -> None:
    model = registry.model("intruder", ["Production", "None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    store = InterferingStore(registry.store, {3: lambda: registry.transition(model, 3, "Production")})
    with pytest.raises(PromotionError) as caught:
        apply_promotion(store, registry.uri, plan)  # type: ignore[arg-type]
    assert "outside any console" in caught.value.title
    assert "Production: version 2 as planned, versions 2, 3 now" in caught.value.detail
    assert last().outcome == "failed"
    assert last().after["stage Production"] == "2, 3", (
        "the journal records the actual state, not the intended one"
    )

    repair = plan_promotion(registry.store, registry.uri, model, 3, stage="Production")
    assert any("Versions 2 and 3 are in stage Production" in w for w in repair.warnings)
    apply_promotion(registry.store, registry.uri, repair)
    assert registry.stages(model) == {3: "Production", 2: "Archived", 1: "Archived"}


def test_an_overtaken_candidate_is_reported(registry: Registry) -> None:
    model = registry.model("overtaken", ["Production", "None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")

    def overtake() -> None:
        registry.transition(model, 3, "Production")
        registry.transition(model, 2, "Archived")

    with pytest.raises(PromotionError, match="version 2: Production as planned, Archived now"):
        apply_promotion(InterferingStore(registry.store, {3: overtake}), registry.uri, plan)  # type: ignore[arg-type]
    assert registry.stages(model) == {3: "Production", 2: "Archived", 1: "Archived"}


# ── turns among consoles ─────────────────────────────────────────────────────


def claim_of(registry: Registry, model: str, version: int, **values: object) -> None:
    """Tag a version with a claim on Production by a console on another machine."""
    claim = {"target": "Production", "by": "bo@far", "at": 1_764_000_000_000, "space": "far 1", "pid": 1}
    tag = json.dumps({**claim, "started": 0.0, **values})
    registry.client.set_model_version_tag(model, str(version), PREFIX + "f" * 32, tag)


def claims_left(registry: Registry, model: str) -> list[Claim]:
    return claims(registry.store.model_versions(model))


def test_a_promotion_waits_for_the_claim_of_another_console_and_reports_what_it_did(
    registry: Registry,
) -> None:
    model = registry.model("claimed", ["Production", "None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    claim_of(registry, model, 3)

    def finish() -> None:
        registry.transition(model, 3, "Production")
        registry.transition(model, 1, "Archived")
        for name, value in (("promoted_by", "bo@far"), ("promoted_at", "2025-11-24T16:00:00Z")):
            registry.client.set_model_version_tag(model, "3", f"mlflow_console.{name}", value)
        registry.client.delete_model_version_tag(model, "3", PREFIX + "f" * 32)

    with pytest.raises(PromotionError) as caught:
        apply_promotion(InterferingStore(registry.store, {4: finish}), registry.uri, plan)  # type: ignore[arg-type]
    assert "version 3 was promoted by bo@far at 2025-11-24T16:00:00Z" in caught.value.detail
    assert caught.value.hint.startswith("Nothing was written.")
    assert registry.stages(model) == {3: "Production", 2: "None", 1: "Archived"}
    assert claims_left(registry, model) == []
    assert read_journal() == ()


def test_a_claim_on_another_target_is_not_waited_for(registry: Registry) -> None:
    model = registry.model("claimed elsewhere", ["Production", "None", "None"])
    claim_of(registry, model, 3, target="@champion")
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    assert any(
        warning.startswith("bo@far began to promote version 3 to @champion") for warning in plan.warnings
    )
    assert apply_promotion(registry.store, registry.uri, plan).verified
    assert [claim.target for claim in claims_left(registry, model)] == ["@champion"]


@pytest.mark.parametrize("why", ["its process has ended", "nobody removes it"])
def test_an_abandoned_claim_is_taken_over(
    registry: Registry, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = registry.model(f"abandoned: {why}".replace(":", ""), ["Production", "None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    if why == "nobody removes it":
        monkeypatch.setattr(claims_module, "PATIENCE", 0.3)
        claim_of(registry, model, 3)
    else:
        claim_of(registry, model, 3, space=claims_module._space(), pid=os.getpid(), started=1.0)
    result = apply_promotion(registry.store, registry.uri, plan)
    assert "bo@far began to promote version 3 to Production" in result.notes[0]
    assert registry.stages(model) == {2: "Production", 1: "Archived", 3: "None"}
    assert claims_left(registry, model) == []


def test_a_promotion_that_was_taken_for_dead_steps_back(registry: Registry) -> None:
    model = registry.model("stalled", ["Production", "None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")

    def take_over() -> None:
        for claim in claims_left(registry, model):
            registry.client.delete_model_version_tag(model, "2", PREFIX + claim.id)
        registry.transition(model, 3, "Production")

    with pytest.raises(PromotionError, match="Another console took over") as caught:
        apply_promotion(InterferingStore(registry.store, {3: take_over}), registry.uri, plan)  # type: ignore[arg-type]
    assert caught.value.hint.startswith("Version 2 was put back.")
    assert registry.stages(model) == {3: "Production", 2: "None", 1: "Archived"}
    assert (last().outcome, last().after["stage Production"]) == ("failed", "3")


@pytest.mark.parametrize("value", ["", "[]", "{}", '{"target": 7}', "[" * 5000])
def test_a_malformed_claim_is_ignored(registry: Registry, value: str) -> None:
    model = registry.model(uuid4().hex, ["Production", "None"])
    registry.client.set_model_version_tag(model, "1", PREFIX + "a" * 32, value)
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    assert apply_promotion(registry.store, registry.uri, plan).verified


def test_a_write_refused_by_the_store_changes_nothing_and_is_recorded(registry: Registry) -> None:
    """The version is deleted at the last moment: between the second read and the write."""
    model = registry.model("refused", ["None", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, alias="champion")

    class DeletesAfterSecondRead(InterferingStore):
        def model_versions(self, name: str):  # type: ignore[no-untyped-def]
            answer = super().model_versions(name)
            if self._reads == 2:
                registry.client.delete_model_version(model, "2")
            return answer

    with pytest.raises((StoreError, PromotionError)):
        apply_promotion(DeletesAfterSecondRead(registry.store, {}), registry.uri, plan)  # type: ignore[arg-type]
    assert registry.aliases(model) == {}
    assert last().outcome == "failed"
    assert last().detail


def test_losing_the_store_leaves_the_outcome_open(registry: Registry) -> None:
    model = registry.model("went away", ["Production", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")

    def fail() -> None:
        raise StoreError("The store is away")

    with pytest.raises(PromotionError, match="Promotion outcome unknown"):
        apply_promotion(InterferingStore(registry.store, {3: fail}), registry.uri, plan)  # type: ignore[arg-type]
    assert last().outcome == "intended"
    assert "The store is away" in last().detail


# ── the journal comes first ──────────────────────────────────────────────────


def test_an_unwritable_journal_stops_the_promotion(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = registry.model("unjournalled", ["Production", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="Cannot write the journal"):
        apply_promotion(registry.store, registry.uri, plan)
    assert registry.stages(model) == {2: "None", 1: "Production"}


def test_a_full_disk_stops_the_promotion(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = registry.model("full", ["Production", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")
    (tmp_path / "mlflow-console").mkdir()
    (tmp_path / "mlflow-console" / "journal.jsonl").symlink_to("/dev/full")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(WriteError, match="No space left"):
        apply_promotion(registry.store, registry.uri, plan)
    assert registry.stages(model) == {2: "None", 1: "Production"}


def test_an_outcome_that_cannot_be_recorded_is_noted(registry: Registry) -> None:
    """The disk fills up between the intent and the outcome: the promotion still succeeds."""
    model = registry.model("filled up", ["Production", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")

    def fill() -> None:
        journal_file().rename(journal_file().with_suffix(".kept"))
        journal_file().symlink_to("/dev/full")

    result = apply_promotion(InterferingStore(registry.store, {3: fill}), registry.uri, plan)  # type: ignore[arg-type]
    assert result.verified
    assert len(result.notes) == 1
    assert "outcome could not be recorded" in result.notes[0]
    assert "No space left" in result.notes[0]
    journal_file().with_suffix(".kept").replace(journal_file())
    assert last().outcome == "intended"


def test_tags_that_cannot_be_written_are_noted(registry: Registry) -> None:
    model = registry.model("untagged", ["None"])
    result = promote(registry, model, 1, reason="a broken character: \udc80", stage="Staging")
    assert result.verified
    assert registry.stages(model) == {1: "Staging"}
    assert len(result.notes) == 1
    assert "tags of version 1 could not be written" in result.notes[0]
    assert last().outcome == "done"


# ── taking back ──────────────────────────────────────────────────────────────
