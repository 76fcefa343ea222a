"""The dialog for the columns to group runs by."""

from __future__ import annotations

from tests.tui.runs.dialogs.support import CANDIDATES, NEIGHBORS, OWNER, SEED, opened
from tui.runs.dialogs.group import GroupDialog

VARYING = tuple(candidate for candidate in CANDIDATES if candidate.distinct is not None)


async def test_columns_that_vary_come_first_with_their_number_of_values() -> None:
    async with opened(GroupDialog((), VARYING)) as (stage, _):
        rows = [" ".join(words).removeprefix("▌ ") for words in stage.rows()]
        assert rows == ["n_neighbors param 12", "owner tag 4", "seed param 1"]


async def test_columns_to_group_by_keep_the_order_of_choice() -> None:
    async with opened(GroupDialog((SEED,), VARYING), ["j", "space", "space", "enter"]) as (stage, _):
        assert stage.result == (SEED, NEIGHBORS, OWNER)


async def test_choosing_no_columns_turns_grouping_off() -> None:
    async with opened(GroupDialog((SEED, OWNER), VARYING), ["d", "enter"]) as (stage, _):
        assert stage.result == ()
