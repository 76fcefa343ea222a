"""The dialog for the columns of the run table."""

from __future__ import annotations

from engine.columns import ColumnKey
from engine.runs.sorting import SortKey
from engine.runs.view import RunView
from tests.tui.runs.dialogs.support import ACCURACY, CANDIDATES, LOSS, NAME, SEED, STATUS, DialogStage, opened
from tui.runs.dialogs.columns import MAX_WIDTH, MIN_WIDTH, ColumnsDialog

DEFAULTS = (NAME, STATUS, ACCURACY, SEED)
VIEW = RunView(
    filter_text="lr = 1", sort=(SortKey(LOSS),), widths={STATUS: 12}, formats={ACCURACY: "percent"}
)


def row(stage: DialogStage[RunView], name: str) -> str:
    return " ".join(next(words for words in stage.rows() if name in words))


async def test_unchanged_columns_leave_the_view_unchanged() -> None:
    async with opened(ColumnsDialog(VIEW, CANDIDATES, DEFAULTS), ["enter"]) as (stage, _):
        assert stage.result == VIEW


async def test_the_name_is_always_first() -> None:
    keys = ["space", "greater_than_sign", "j", "less_than_sign"]
    async with opened(ColumnsDialog(RunView(), CANDIDATES, DEFAULTS[1:]), keys) as (stage, pilot):
        assert "name is always first" in stage.text_lines()
        assert [words[1] for words in stage.rows()][:2] == ["name", "status"]
        assert row(stage, "name") == "● name attribute auto fixed"
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == RunView()


async def test_columns_are_shown_hidden_and_moved() -> None:
    keys = ["j", "space", "greater_than_sign", "slash", *"loss", "enter", "space", "enter"]
    async with opened(ColumnsDialog(VIEW, CANDIDATES, DEFAULTS), keys) as (stage, _):
        assert isinstance(stage.result, RunView)
        assert stage.result.columns == (NAME, SEED, ACCURACY, LOSS)
        assert stage.result.sort == VIEW.sort
        assert stage.result.filter_text == "lr = 1"


async def test_widths_can_be_changed_and_reset() -> None:
    async with opened(
        ColumnsDialog(VIEW, CANDIDATES, DEFAULTS), ["j", "minus", "j", "plus", "equals_sign"]
    ) as (
        stage,
        pilot,
    ):
        assert row(stage, "status") == "● status attribute 11"
        assert row(stage, "accuracy") == "▌● accuracy metric 10 percent"
        await pilot.press("k", "0", "enter")
        await pilot.pause()
        assert isinstance(stage.result, RunView)
        assert stage.result.widths == {ACCURACY: 10}


async def test_widths_have_bounds() -> None:
    view = RunView(widths={NAME: MIN_WIDTH, STATUS: MAX_WIDTH})
    async with opened(ColumnsDialog(view, CANDIDATES, DEFAULTS), ["minus", "j", "plus", "enter"]) as (
        stage,
        _,
    ):
        assert isinstance(stage.result, RunView)
        assert stage.result.widths == view.widths


async def test_f_steps_through_the_formats_of_numeric_columns() -> None:
    async with opened(ColumnsDialog(VIEW, CANDIDATES, DEFAULTS), ["j", "f"]) as (stage, pilot):
        assert "status has no numbers to format" in stage.text_lines()
        formats = []
        for _ in range(8):
            await pilot.press(*(["j", "f"] if not formats else ["f"]))
            await pilot.pause()
            formats.append(row(stage, "accuracy").partition("auto ")[2])
        assert formats[0] == "scientific"
        assert sorted(formats) == sorted(
            ["auto", "integer", "2 decimals", "4 decimals", "6 decimals", "percent", "scientific", "raw"]
        )
        assert formats[-1] == "percent"
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == VIEW


async def test_f_replaces_an_unknown_format() -> None:
    view = RunView(formats={ACCURACY: "roman"})
    async with opened(ColumnsDialog(view, CANDIDATES, DEFAULTS), ["j", "j", "f", "enter"]) as (stage, _):
        assert isinstance(stage.result, RunView)
        assert stage.result.formats == {}


async def test_hidden_constants_are_marked() -> None:
    async with opened(ColumnsDialog(VIEW, CANDIDATES, DEFAULTS)) as (stage, pilot):
        assert row(stage, "seed") == "● seed param auto constant"
        await pilot.press("x")
        await pilot.pause()
        assert row(stage, "seed") == "● seed param auto hidden"
        assert stage.text_lines()[0].endswith("4 of 8 shown · constants hidden")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(stage.result, RunView)
        assert stage.result.constants_hidden
        assert stage.result.columns == ()


async def test_d_restores_the_defaults() -> None:
    view = RunView(columns=(NAME, LOSS), widths={LOSS: 9}, formats={LOSS: "raw"}, constants_hidden=True)
    async with opened(ColumnsDialog(view, CANDIDATES, DEFAULTS), ["d"]) as (stage, pilot):
        assert stage.text_lines()[0].endswith("4 of 8 shown")
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result == RunView()


async def test_escape_changes_nothing() -> None:
    async with opened(ColumnsDialog(VIEW, CANDIDATES, DEFAULTS), ["x", "j", "space", "escape"]) as (stage, _):
        assert stage.result is None
        assert VIEW.widths == {STATUS: 12}


async def test_a_saved_column_that_no_run_has_keeps_its_position() -> None:
    gone = ColumnKey("metric", "gone")
    view = RunView(columns=(NAME, gone, LOSS))
    async with opened(ColumnsDialog(view, CANDIDATES, DEFAULTS), ["G", "space", "enter"]) as (stage, _):
        assert isinstance(stage.result, RunView)
        assert stage.result.columns[:3] == (NAME, gone, LOSS)
