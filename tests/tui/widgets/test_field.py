"""Pasting into an input: the entire text arrives, as one line."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from tests.conftest import MlflowStore
from tests.tui.models.support import go_to, open_promotion
from tests.tui.support import appears, settle
from tests.tui.widgets.support import Stage
from tui.app import Console
from tui.runs.screen import RunsScreen
from tui.widgets.controls import Field

SIZE = (140, 40)


@pytest.mark.parametrize(
    ("pasted", "shown"),
    [
        ("a > 0.5\nand b < 0.3", "a > 0.5 and b < 0.3"),
        ("a > 0.5\r\nand b < 0.3", "a > 0.5 and b < 0.3"),
        ("a > 0.5\rand b < 0.3", "a > 0.5 and b < 0.3"),
        ("\n\n a > 0.5\n\t\n  \nand\tb\n\n", " a > 0.5 and b"),
        ("one\x0btwo\x85three\u2028four", "one two three four"),
        ("\x1b[31mred\x1b[0m\x07 名前\u200b", "[31mred[0m 名前\u200b"),
        ("  as it was  ", "  as it was  "),
        ("\n\r\n\t", ""),
        ("x" * 100_000 + "\n" + " " * 100_000 + "y", "x" * 100_000 + " " * 100_001 + "y"),
    ],
)
async def test_pasted_lines_are_joined_into_one(pasted: str, shown: str) -> None:
    field = Field()
    async with Stage(field).run_test(size=(40, 3)) as pilot:
        field.focus()
        pilot.app.post_message(events.Paste(pasted))
        await pilot.pause()
        assert field.value == shown
        assert field.cursor_position == len(shown)


async def test_a_paste_goes_to_the_cursor_or_replaces_the_selection() -> None:
    field = Field()
    async with Stage(field).run_test(size=(40, 3)) as pilot:
        field.focus()
        await pilot.press("a", "c", "left")
        pilot.app.post_message(events.Paste("1\n2"))
        await pilot.pause()
        assert field.value == "a1 2c"
        await pilot.press("shift+home")
        pilot.app.post_message(events.Paste("x\ny"))
        await pilot.pause()
        assert field.value == "x yc"


async def test_a_filter_pasted_in_two_lines_applies_as_one(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        console.post_message(events.Paste("accuracy > 0.8\nand accuracy < 0.85\n"))
        assert await appears(pilot, "/ accuracy > 0.8 and accuracy < 0.85")
        assert await appears(pilot, "4 of 27")
        assert isinstance(console.view, RunsScreen)
        table = console.view.pane.table
        names = [table.source.cell(row, 0) for row in range(table.source.row_count)]
        assert sorted(names) == [f"trial-{number}" for number in range(11, 15)]


async def test_a_reason_pasted_in_two_lines_is_kept_complete(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        dialog.query_one("#reason").focus()
        await pilot.pause()
        console.post_message(events.Paste("retrained\non the new data"))
        await settle(pilot)
        assert dialog.query_one("#reason", Input).value == "retrained on the new data"


async def test_text_beyond_the_edge_is_marked() -> None:
    long, short, empty = Field(), Field(), Field(placeholder="type a long sentence here")
    stage = Stage(long, short, empty)
    async with stage.run_test(size=(12, 4)) as pilot:
        long.value, short.value = "abcdefghij" * 3, "abc"
        stage.set_focus(None)
        await pilot.pause()
        assert stage.lines()[:3] == ["abcdefghija…", "abc", "type a long…"]
        long.focus()
        await pilot.press("end")
        await pilot.pause()
        assert "…" not in stage.lines()[0]
        stage.set_focus(short)
        await pilot.pause()
        assert stage.lines()[0] == "abcdefghija…"
