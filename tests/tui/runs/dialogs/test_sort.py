"""The dialog for the sort keys."""

from __future__ import annotations

from engine.runs.sorting import SortKey
from tests.tui.runs.dialogs.support import ACCURACY, CANDIDATES, LOSS, STARTED, STATUS, DialogStage, opened
from tui.runs.dialogs.sort import SortDialog

BY_TWO = (SortKey(ACCURACY, True, "std"), SortKey(LOSS))


def shown(stage: DialogStage[tuple[SortKey, ...]]) -> list[str]:
    return [" ".join(words).removeprefix("▌") for words in stage.rows() if "●" in words[0]]


async def test_the_current_sort_keys_are_listed_with_their_direction() -> None:
    async with opened(SortDialog(BY_TWO, CANDIDATES)) as (stage, pilot):
        assert shown(stage) == ["● accuracy metric ↓ descending std", "● loss metric ↑ ascending"]
        assert any("missing values come last in both directions" in line for line in stage.lines())
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == BY_TWO


async def test_space_adds_a_key_then_flips_its_direction() -> None:
    keys = ["slash", *"start", "enter", "space"]
    async with opened(SortDialog((), CANDIDATES), keys) as (stage, pilot):
        assert shown(stage) == ["● started attribute ↓ descending"]
        await pilot.press("space", "enter")
        await pilot.pause()
        assert stage.result == (SortKey(STARTED),)


async def test_keys_can_be_reordered_and_removed() -> None:
    sort = (*BY_TWO, SortKey(STATUS))
    async with opened(SortDialog(sort, CANDIDATES), ["space", "greater_than_sign"]) as (stage, pilot):
        assert [line.split()[1] for line in shown(stage)] == ["loss", "accuracy", "status"]
        await pilot.press("g", "backspace")
        await pilot.pause()
        assert [line.split()[1] for line in shown(stage)] == ["accuracy", "status"]
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == (SortKey(ACCURACY, False, "std"), SortKey(STATUS))


async def test_a_removed_key_is_added_again_with_the_default_direction() -> None:
    async with opened(SortDialog(BY_TWO, CANDIDATES), ["delete", "slash", *"accu", "enter", "space"]) as (
        stage,
        pilot,
    ):
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == (SortKey(LOSS), SortKey(ACCURACY, True))


async def test_d_removes_all_sort_keys() -> None:
    async with opened(SortDialog(BY_TWO, CANDIDATES), ["d", "backspace", "enter"]) as (stage, _):
        assert stage.result == ()


async def test_of_two_keys_for_one_column_the_first_wins() -> None:
    sort = (SortKey(LOSS, True), SortKey(LOSS))
    async with opened(SortDialog(sort, CANDIDATES), ["enter"]) as (stage, _):
        assert stage.result == (SortKey(LOSS, True),)
