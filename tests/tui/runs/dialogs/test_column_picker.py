"""What the dialogs for columns, sorting and groups share: search, marks, order, leaving."""

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
    """The columns with their marks, without the cursor."""
    words = [[word.replace("▌", "") for word in row] for row in rows]
    return [" ".join([word for word in row if word][: 2 if "●" in row else 1]) for row in words]


async def test_what_is_chosen_stands_first_then_the_rest_by_kind() -> None:
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
        assert stage.said()[0].endswith("2 of 8 chosen")


async def test_space_chooses_and_goes_on() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["j", "space", "space"]) as (stage, pilot):
        assert names(stage.rows())[:3] == ["● status", "● started", "name"]
        await pilot.press("g", "space", "enter")
        await pilot.pause()
        assert stage.result == (ColumnKey("attribute", "start_time"),)


async def test_what_is_chosen_is_given_another_place() -> None:
    chosen = (STATUS, NEIGHBORS, OWNER)
    async with opened(GroupDialog(chosen, CANDIDATES), ["greater_than_sign", "right", "L"]) as (stage, pilot):
        assert names(stage.rows())[:3] == ["● n_neighbors", "● owner", "● status"]
        await pilot.press("less_than_sign", "left", "H", "enter")
        await pilot.pause()
        assert stage.result == chosen


async def test_what_is_not_chosen_has_no_place() -> None:
    async with opened(GroupDialog((STATUS,), CANDIDATES), ["j", "less_than_sign"]) as (stage, pilot):
        assert "Only chosen columns can be moved; space chooses." in stage.said()
        await pilot.press("space")
        await pilot.pause()
        assert "Only" not in "\n".join(stage.said())


async def test_the_search_narrows_the_list_and_keys_are_text_in_it() -> None:
    async with opened(GroupDialog((SEED,), CANDIDATES), ["slash", "s", "t", "space", "a"]) as (stage, pilot):
        assert names(stage.rows()) == ["status", "started"]
        await pilot.press("down", "space", "enter")
        await pilot.pause()
        assert stage.result == (SEED, STATUS)


async def test_among_what_is_found_places_change_past_what_is_not() -> None:
    chosen = (NEIGHBORS, STATUS, SEED)
    keys = ["slash", *"param", "enter", "greater_than_sign"]
    async with opened(GroupDialog(chosen, CANDIDATES), keys) as (stage, pilot):
        assert names(stage.rows()) == ["● seed", "● n_neighbors"]
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == (STATUS, SEED, NEIGHBORS)


async def test_a_search_without_a_match_says_so() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["slash", "z", "z", "enter", "space"]) as (stage, pilot):
        assert "No matching columns" in "\n".join(stage.said())
        await pilot.press("less_than_sign", "d", "enter")
        await pilot.pause()
        assert stage.result == ()


async def test_escape_peels_the_search_and_then_the_dialog() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["slash", "s", "e", "e", "enter"]) as (stage, pilot):
        assert names(stage.rows()) == ["seed"]
        await pilot.press("space", "escape")
        await pilot.pause()
        assert len(stage.rows()) == 8
        await pilot.press("slash", "escape", "escape")
        await pilot.pause()
        assert stage.result is None


async def test_what_no_run_has_stays_chosen() -> None:
    gone = ColumnKey("param", "gone")
    async with opened(GroupDialog((gone, SEED), CANDIDATES), ["j", "space"]) as (stage, pilot):
        assert names(stage.rows())[0] == "● params.gone"
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == (gone,)


async def test_the_mouse_chooses() -> None:
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


async def test_the_box_is_as_high_as_its_list_and_stays_so() -> None:
    async with opened(GroupDialog((), CANDIDATES)) as (stage, pilot):
        height = len(stage.said())
        assert height < 20
        await pilot.press("slash", "z", "z")
        await pilot.pause()
        assert len(stage.said()) == height


async def test_thousands_of_columns() -> None:
    many = [Candidate(ColumnKey("metric", f"gpu/{at}"), Shown(f"gpu/{at}")) for at in range(10_000)]
    async with opened(GroupDialog((), many), ["G", "space", "slash", *"9999"]) as (stage, pilot):
        assert names(stage.rows()) == ["● gpu/9999"]
        assert stage.said()[0].endswith("1 of 10,000 chosen")
        await pilot.press("enter", "space", "enter")
        await pilot.pause()
        assert stage.result == ()


async def test_an_idle_dialog_writes_nothing() -> None:
    async with opened(GroupDialog((), CANDIDATES), ["j"]) as (stage, pilot):
        stage.take_written()
        await pilot.press("l", "z")  # keys that mean nothing here
        await pilot.pause()
        assert stage.take_written() == ""


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (20, 8)])
async def test_small_terminals(size: tuple[int, int]) -> None:
    dialog = SortDialog((), CANDIDATES)
    async with opened(dialog, ["j", "j", "j", "space", "G"], size) as (stage, pilot):
        assert all(len(line) <= size[0] for line in stage.lines())
        if size[0] >= 60:
            assert "▌" in "\n".join(stage.said())
            assert "esc leave" in "\n".join(stage.said())
        await pilot.press("enter")
        await pilot.pause()
        assert [key.key for key in cast(tuple, stage.result)] == [ACCURACY]


async def test_hostile_names_are_plain_text() -> None:
    candidates = [Candidate(ColumnKey("param", p.text), cast(Shown, p.text), numeric=True) for p in PAYLOADS]
    for dialog in (GroupDialog((LOSS,), candidates), SortDialog((), candidates)):
        async with opened(dialog, ["space", "G", "space", "less_than_sign"]) as (stage, _):
            assert unexpected_output(stage.take_written().encode("utf-8", "surrogateescape")) == []


async def test_a_hostile_name_in_a_remark_is_plain_text() -> None:
    candidates = [Candidate(ColumnKey("tag", p.text), cast(Shown, p.text)) for p in PAYLOADS]
    async with opened(ColumnsDialog(RunView(), candidates, ()), ["G", *["f", "k"] * len(candidates)]) as (
        stage,
        _,
    ):
        written = stage.take_written()
        assert "has no numbers" in written
        assert unexpected_output(written.encode("utf-8", "surrogateescape")) == []
