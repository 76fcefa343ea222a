"""The common behaviour of the column, sort and group dialogs: search, choice, order, leaving."""

from __future__ import annotations

from typing import cast

import pytest

from engine.columns import ColumnKey
from engine.runs.view import RunView
from engine.text import Shown
from tests.hostile.payloads import PAYLOADS
from tests.hostile.stream import unexpected_output
from tests.tui.runs.dialogs.support import ACCURACY, CANDIDATES, LOSS, NEIGHBORS, OWNER, SEED, STATUS, opened
from tui.runs.dialogs.column_picker import Candidate
from tui.runs.dialogs.columns import ColumnsDialog
from tui.runs.dialogs.group import GroupDialog
from tui.runs.dialogs.sort import SortDialog


def names(rows: list[list[str]]) -> list[str]:
    """The column names with their marks, without the cursor."""
    words = [[word.replace("▌", "") for word in row] for row in rows]
    return [" ".join([word for word in row if word][: 2 if "●" in row else 1]) for row in words]


async def test_chosen_columns_come_first_then_the_rest_by_kind() -> None:
    async with opened(GroupDialog((OWNER, NEIGHBORS), CANDIDATES)) as (stage, _):
        assert names(stage.rows()) == [
            "● owner",
            "● n_neighbors",
            "name",
            "status",
            "started",
            "accuracy",
            "loss",
            "seed",
        ]
        assert stage.text_lines()[0].endswith("2 of 8 chosen")


async def test_space_chooses_and_moves_to_the_next() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["j", "space", "space"]) as (stage, pilot):
        assert names(stage.rows())[:3] == ["● status", "● started", "name"]
        await pilot.press("g", "space", "enter")
        await pilot.pause()
        assert stage.result == (ColumnKey("attribute", "start_time"),)


async def test_chosen_columns_can_be_reordered() -> None:
    chosen = (STATUS, NEIGHBORS, OWNER)
    async with opened(GroupDialog(chosen, CANDIDATES), ["greater_than_sign", "right", "L"]) as (stage, pilot):
        assert names(stage.rows())[:3] == ["● n_neighbors", "● owner", "● status"]
        await pilot.press("less_than_sign", "left", "H", "enter")
        await pilot.pause()
        assert stage.result == chosen


async def test_only_chosen_columns_can_be_moved() -> None:
    async with opened(GroupDialog((STATUS,), CANDIDATES), ["j", "less_than_sign"]) as (stage, pilot):
        assert "Only chosen columns can be moved; press space to choose" in stage.text_lines()
        await pilot.press("space")
        await pilot.pause()
        assert "Only" not in "\n".join(stage.text_lines())


async def test_the_search_narrows_the_list_and_keys_are_text_in_it() -> None:
    async with opened(GroupDialog((SEED,), CANDIDATES), ["slash", "s", "t", "space", "a"]) as (stage, pilot):
        assert names(stage.rows()) == ["status", "started"]
        await pilot.press("down", "space", "enter")
        await pilot.pause()
        assert stage.result == (SEED, STATUS)


async def test_moving_within_a_search_skips_the_hidden_columns() -> None:
    chosen = (NEIGHBORS, STATUS, SEED)
    keys = ["slash", *"param", "enter", "greater_than_sign"]
    async with opened(GroupDialog(chosen, CANDIDATES), keys) as (stage, pilot):
        assert names(stage.rows()) == ["● seed", "● n_neighbors"]
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == (STATUS, SEED, NEIGHBORS)


async def test_a_search_without_matches_shows_a_message() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["slash", "z", "z", "enter", "space"]) as (stage, pilot):
        assert "No matching columns" in "\n".join(stage.text_lines())
        await pilot.press("less_than_sign", "d", "enter")
        await pilot.pause()
        assert stage.result == ()


async def test_escape_clears_the_search_then_closes_the_dialog() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["slash", "s", "e", "e", "enter"]) as (stage, pilot):
        assert names(stage.rows()) == ["seed"]
        await pilot.press("space", "escape")
        await pilot.pause()
        assert len(stage.rows()) == 8
        await pilot.press("slash", "escape", "escape")
        await pilot.pause()
        assert stage.result is None


async def test_a_chosen_column_that_no_run_has_stays_chosen() -> None:
    gone = ColumnKey("param", "gone")
    async with opened(GroupDialog((gone, SEED), CANDIDATES), ["j", "space"]) as (stage, pilot):
        assert names(stage.rows())[0] == "● params.gone"
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == (gone,)


async def test_columns_can_be_chosen_with_the_mouse() -> None:
    async with opened(GroupDialog((), CANDIDATES)) as (stage, pilot):
        lines = stage.lines()
        y = next(at for at, line in enumerate(lines) if "accuracy" in line)
        x = lines[y].index("accuracy")
        await pilot.click(offset=(x - 2, y))
        await pilot.pause()
        assert names(stage.rows())[0] == "● accuracy"
        y = next(at for at, line in enumerate(stage.lines()) if "seed" in line)
        await pilot.click(offset=(x, y), times=2)
        await pilot.pause()
        assert names(stage.rows())[:2] == ["● accuracy", "● seed"]
        assert stage.result is ...


async def test_the_dialog_keeps_its_height_while_searching() -> None:
    async with opened(GroupDialog((), CANDIDATES)) as (stage, pilot):
        height = len(stage.text_lines())
        assert height < 20
        await pilot.press("slash", "z", "z")
        await pilot.pause()
        assert len(stage.text_lines()) == height


async def test_the_list_handles_thousands_of_columns() -> None:
    many = [Candidate(ColumnKey("metric", f"gpu/{at}"), Shown(f"gpu/{at}")) for at in range(10_000)]
    async with opened(GroupDialog((), many), ["G", "space", "slash", *"9999"]) as (stage, pilot):
        assert names(stage.rows()) == ["● gpu/9999"]
        assert stage.text_lines()[0].endswith("1 of 10,000 chosen")
        await pilot.press("enter", "space", "enter")
        await pilot.pause()
        assert stage.result == ()


async def test_an_idle_dialog_writes_nothing() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["j"]) as (stage, pilot):
        await stage.drawn(pilot)
        await pilot.press("l", "z")  # keys without a binding here
        await pilot.pause()
        assert stage.take_written() == ""


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (20, 8)])
async def test_it_works_in_small_terminals(size: tuple[int, int]) -> None:
    dialog = SortDialog((), CANDIDATES)
    async with opened(dialog, ["j", "j", "j", "space", "G"], size) as (stage, pilot):
        assert all(len(line) <= size[0] for line in stage.lines())
        if size[0] >= 60:
            assert "▌" in "\n".join(stage.text_lines())
            assert "esc cancel" in "\n".join(stage.text_lines())
        await pilot.press("enter")
        await pilot.pause()
        assert [key.key for key in cast(tuple, stage.result)] == [ACCURACY]


async def test_hostile_names_are_plain_text() -> None:
    candidates = [Candidate(ColumnKey("param", p.text), cast(Shown, p.text), numeric=True) for p in PAYLOADS]
    for dialog in (GroupDialog((LOSS,), candidates), SortDialog((), candidates)):
        async with opened(dialog, ["space", "G", "space", "less_than_sign"]) as (stage, _):
            assert unexpected_output(stage.take_written().encode("utf-8", "surrogateescape")) == []


async def test_a_hostile_name_in_a_message_is_plain_text() -> None:
    candidates = [Candidate(ColumnKey("tag", p.text), cast(Shown, p.text)) for p in PAYLOADS]
    async with opened(ColumnsDialog(RunView(), candidates, ()), ["G", *["f", "k"] * len(candidates)]) as (
        stage,
        _,
    ):
        written = stage.take_written()
        assert "has no numbers" in written
        assert unexpected_output(written.encode("utf-8", "surrogateescape")) == []
