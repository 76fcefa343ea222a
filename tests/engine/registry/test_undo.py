"""Undoing promotions."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import PromotionError, StoreError
from engine.journal import read_journal
from engine.paths import journal_file
from engine.registry.promotion.apply import apply_promotion, plan_promotion, undo_last
from engine.registry.version_log import LOG_TAG
from tests.support.registry import InterferingStore, Registry, promote


def test_undo_restores_every_stage(registry: Registry) -> None:
    model = registry.model("undo", ["Production", "Staging"])
    done = promote(registry, model, 2, stage="Production")
    result = undo_last(registry.store, registry.uri)

    assert registry.stages(model) == {2: "Staging", 1: "Production"}
    assert [str(change) for change in result.plan.changes] == [
        "version 1: stage Archived → Production",
        "version 2: stage Production → Staging",
    ]
    undo, promotion = read_journal()
    assert (undo.action, undo.outcome, undo.undoes) == ("undo", "done", done.entry_id)
    assert promotion.outcome == "undone"
    assert (
        undo.reason == "undo: version 1: stage Archived → Production; version 2: stage Production → Staging"
    )


def test_undo_restores_the_tags_of_the_version(registry: Registry) -> None:
    model = registry.model("undo tags", ["Production", "None"])
    registry.client.set_model_version_tag(model, "2", "owner", "ada")
    promote(registry, model, 2, "first try", stage="Staging")
    before = registry.tags(model, 2)
    promote(registry, model, 2, "better by far", stage="Production")
    assert registry.tags(model, 2) != before

    undo_last(registry.store, registry.uri)
    assert registry.tags(model, 2) == before, "as it was before the promotion"
    assert undo_last(registry.store, registry.uri).notes == ()
    assert registry.tags(model, 2) == {}
    found = next(v for v in registry.store.model_versions(model) if v.version == 2)
    assert set(found.tags) == {"owner", LOG_TAG}, "only the log keeps what was undone"


def test_undo_of_an_alias_restores_the_tags_too(registry: Registry) -> None:
    model = registry.model("undo alias tags", ["None"])
    promote(registry, model, 1, alias="champion")
    assert registry.tags(model, 1)
    undo_last(registry.store, registry.uri)
    assert registry.tags(model, 1) == {}


def test_a_second_undo_reverses_the_promotion_before(registry: Registry) -> None:
    model = registry.model("undo twice", ["Production", "None", "None"])
    promote(registry, model, 2, stage="Production")
    promote(registry, model, 3, stage="Production")
    undo_last(registry.store, registry.uri)
    assert registry.stages(model) == {3: "None", 2: "Production", 1: "Archived"}
    undo_last(registry.store, registry.uri)
    assert registry.stages(model) == {3: "None", 2: "None", 1: "Production"}
    with pytest.raises(PromotionError, match="Nothing to undo"):
        undo_last(registry.store, registry.uri)


def test_undo_of_an_alias_moves_it_back(registry: Registry) -> None:
    model = registry.model("undo alias", ["None", "None"], aliases={"champion": 1})
    promote(registry, model, 2, alias="champion")
    promote(registry, model, 2, alias="fresh")
    undo_last(registry.store, registry.uri)
    assert registry.aliases(model) == {"champion": 2}
    undo_last(registry.store, registry.uri)
    assert registry.aliases(model) == {"champion": 1}


def test_undo_is_refused_if_the_registry_has_changed(registry: Registry) -> None:
    model = registry.model("moved on", ["Production", "None", "None"])
    promote(registry, model, 2, stage="Production")
    registry.transition(model, 3, "Production")
    before = registry.stages(model)
    with pytest.raises(PromotionError) as caught:
        undo_last(registry.store, registry.uri)
    assert caught.value.title == "The registry has changed since moved on 2 → Production"
    assert caught.value.detail == "Production: version 2 after that promotion, versions 2, 3 now"
    assert registry.stages(model) == before


def test_undo_only_reverses_promotions_in_the_same_store(registry: Registry, tmp_path: Path) -> None:
    from engine.uri import TrackingUri

    model = registry.model("here", ["None"])
    promote(registry, model, 1, stage="Production")
    with pytest.raises(PromotionError, match="Nothing to undo"):
        undo_last(registry.store, TrackingUri(f"sqlite:///{tmp_path}/other.db"))
    assert registry.stages(model) == {1: "Production"}


def test_undo_skips_a_failed_promotion(registry: Registry) -> None:
    model = registry.model("failed before", ["None", "None"], aliases={"champion": 1})
    promote(registry, model, 2, alias="champion")
    plan = plan_promotion(registry.store, registry.uri, model, 1, alias="fresh")

    def away() -> None:
        registry.client.delete_registered_model_alias(model, "fresh")

    with pytest.raises(PromotionError):
        apply_promotion(InterferingStore(registry.store, {3: away}), registry.uri, plan)  # type: ignore[arg-type]
    undo_last(registry.store, registry.uri)
    assert registry.aliases(model) == {"champion": 1}


def test_undo_reverses_what_took_effect_of_a_promotion_with_unknown_outcome(registry: Registry) -> None:
    model = registry.model("open end", ["Production", "None"])
    plan = plan_promotion(registry.store, registry.uri, model, 2, stage="Production")

    def fail() -> None:
        raise StoreError("The store is away")

    with pytest.raises(PromotionError, match="Promotion outcome unknown"):
        apply_promotion(InterferingStore(registry.store, {3: fail}), registry.uri, plan)  # type: ignore[arg-type]
    assert registry.stages(model) == {2: "Production", 1: "Archived"}
    assert undo_last(registry.store, registry.uri).verified
    assert registry.stages(model) == {2: "None", 1: "Production"}


def test_undo_skips_a_promotion_that_never_took_effect(registry: Registry) -> None:
    model = registry.model("passed over", ["None", "None"], aliases={"champion": 1})
    promote(registry, model, 2, alias="champion")
    plan = plan_promotion(registry.store, registry.uri, model, 1, stage="Staging")

    def revert_and_fail() -> None:
        registry.transition(model, 1, "None")
        raise StoreError("The store is away")

    with pytest.raises(PromotionError, match="Promotion outcome unknown"):
        apply_promotion(InterferingStore(registry.store, {3: revert_and_fail}), registry.uri, plan)  # type: ignore[arg-type]
    undo_last(registry.store, registry.uri)
    assert registry.aliases(model) == {"champion": 1}


def test_undo_ignores_a_tampered_journal_entry(registry: Registry) -> None:
    model = registry.model("tampered", ["None"])
    promote(registry, model, 1, stage="Staging")
    text = journal_file().read_text()
    journal_file().write_text(text.replace('"version 1":"None"', '"version 1":"Nowhere"'))
    with pytest.raises(PromotionError, match="Nothing to undo"):
        undo_last(registry.store, registry.uri)
    assert registry.stages(model) == {1: "Staging"}
