"""Facts are typed in memory and text in the journal; old journals must stay readable."""

from __future__ import annotations

import pytest

from engine.registry.promotion.facts import (
    AliasChange,
    AliasTarget,
    CreatedAt,
    Fact,
    FactValue,
    HoldersOf,
    StageChange,
    StageOf,
    changes_between,
    facts_from_text,
    facts_to_text,
)

AS_TEXT = {
    "version 3": "Staging",
    "version 3 created": "1763800000000",
    "version 2": "gone",
    "version 4 created": "",
    "stage Production": "2, 5",
    "stage Staging": "",
    "alias champion": "2",
    "alias challenger": "",
}
FACTS: dict[Fact, FactValue] = {
    StageOf(3): "Staging",
    CreatedAt(3): 1763800000000,
    StageOf(2): None,
    CreatedAt(4): None,
    HoldersOf("Production"): (2, 5),
    HoldersOf("Staging"): (),
    AliasTarget("champion"): 2,
    AliasTarget("challenger"): None,
}


def test_facts_survive_a_round_trip_through_journal_text() -> None:
    assert facts_to_text(FACTS) == AS_TEXT
    assert facts_from_text(AS_TEXT) == FACTS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version three", "Staging"),
        ("version 3", "Retired"),
        ("version 3", ""),
        ("version 3 created", "yesterday"),
        ("stage Archived", "1"),
        ("stage Production", "2 and 5"),
        ("alias champ!on", "2"),
        ("alias champion", "two"),
        ("", ""),
    ],
)
def test_a_journal_entry_with_an_invalid_fact_is_rejected(key: str, value: str) -> None:
    assert facts_from_text({**AS_TEXT, key: value}) is None


def test_the_new_version_enters_production_before_the_old_one_leaves() -> None:
    before: dict[Fact, FactValue] = {
        StageOf(2): "Production",
        StageOf(3): "None",
        HoldersOf("Production"): (2,),
        AliasTarget("champion"): 2,
    }
    after: dict[Fact, FactValue] = {
        StageOf(2): "Archived",
        StageOf(3): "Production",
        HoldersOf("Production"): (3,),
        AliasTarget("champion"): 3,
    }
    first, *rest = changes_between(before, after)
    assert first == StageChange(3, "None", "Production")
    assert rest == [AliasChange("champion", 2, 3), StageChange(2, "Production", "Archived")]
