"""Choosing what makes a group of runs."""

from __future__ import annotations

from tests.tui.runs.dialogs.support import CANDIDATES, NEIGHBORS, OWNER, SEED, opened
from tui.runs.dialogs.group import GroupDialog

VARYING = tuple(candidate for candidate in CANDIDATES if candidate.distinct is not None)


async def test_what_varies_stands_first_with_its_number_of_values() -> None:
    async with opened(GroupDialog((), VARYING)) as (stage, _):
        rows = [" ".join(words).removeprefix("▌ ") for words in stage.rows()]
        assert rows == ["n_neighbors param 12", "owner tag 4", "seed param 1"]


async def test_groups_are_chosen_in_an_order() -> None:
    async with opened(GroupDialog((SEED,), VARYING), ["j", "space", "space", "enter"]) as (stage, _):
        assert stage.result == (SEED, NEIGHBORS, OWNER)


async def test_choosing_none_means_no_groups() -> None:
    async with opened(GroupDialog((SEED, OWNER), VARYING), ["d", "enter"]) as (stage, _):
        assert stage.result == ()
