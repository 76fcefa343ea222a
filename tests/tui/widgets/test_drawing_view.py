"""A chart across runs on screen: the cursor reads values, more lines scroll, messages ask for the rest."""

from __future__ import annotations

from functools import partial

from textual.message import Message

from engine.api import ChartRequest, across
from engine.columns import ColumnKey
from engine.runs.frame import RunFrame
from engine.text import Shown
from tests.support.runs import a_run
from tests.tui.support import holds
from tests.tui.widgets.support import Stage, messages_of
from tui.widgets.plot.cells import draw_across
from tui.widgets.plot.drawing_view import DrawingView

FRAME = RunFrame.from_runs(
    a_run(
        f"id{at}",
        name=f"run-{at}",
        params={"k": str(at % 4), "w": "ab"[at % 2]},
        metrics={"acc": 0.5 + at / 100},
    )
    for at in range(40)
)


async def test_the_cursor_reads_values_scrolls_and_opens_runs() -> None:
    view = DrawingView()
    seen: list[Message] = []
    stage = Stage(view)
    async with stage.run_test(size=(70, 18), message_hook=seen.append) as pilot:
        bars = across(FRAME, range(len(FRAME)), ChartRequest("bar", ("acc",)))
        view.set_drawing(partial(draw_across, bars), [Shown("excluded: 2 runs without acc")])
        view.focus()
        await pilot.pause()
        lines = stage.lines()
        assert lines[0].split() == ["run", "acc", "↑"]
        assert lines[2].split()[0] == "run-39"
        assert lines[14].startswith(" excluded: 2 runs without acc · bars range from")
        assert lines[16].strip() == "1/40  ★ run-39  acc 0.89"
        await pilot.press("j", "down", "enter")
        assert stage.lines()[16].strip() == "3/40  run-37  acc 0.87"
        assert messages_of(seen, DrawingView.RunChosen)[-1].run_id == "id37"
        await pilot.press("G")
        assert stage.lines()[13].split()[0] == "run-0"
        assert stage.lines()[0].split() == ["run", "acc", "↑"], "the head stays in view"
        await pilot.press("ctrl+u", "k", "k")
        assert "run-8" in stage.lines()[16]
        await pilot.press("L", "plus", "0")
        assert messages_of(seen, DrawingView.ScaleToggled)
        assert [message.factor for message in messages_of(seen, DrawingView.Zoomed)] == [0.5, 0.0]
        await pilot.resize_terminal(40, 12)
        assert await holds(pilot, lambda: "run-8" in stage.lines()[-1]), "the cursor stays on its run"
        await pilot.press("g")
        assert stage.lines()[2].split()[0] == "run-39"


async def test_the_cursor_moves_between_cells_and_points() -> None:
    view = DrawingView()
    stage = Stage(view)
    async with stage.run_test(size=(70, 24)) as pilot:
        request = ChartRequest("heat", ("acc",), ColumnKey("param", "k"), ColumnKey("param", "w"))
        view.set_drawing(partial(draw_across, across(FRAME, range(len(FRAME)), request)))
        view.focus()
        await pilot.pause()
        await pilot.press("right", "down")
        assert stage.lines()[-2].strip().startswith("w b  k 1  mean acc 0.69")
        points = across(FRAME, range(len(FRAME)), ChartRequest("scatter", ("acc",), ColumnKey("param", "k")))
        view.set_drawing(partial(draw_across, points))
        await pilot.pause()
        assert "k 3" in stage.lines()[-2]
        await pilot.press("left", "left", "left")
        assert "k 0" in stage.lines()[-2]
        await pilot.press("right")
        assert "run-34  k 2" in stage.lines()[-2], "the next run in the same line"


async def test_nothing_to_draw_and_tiny_sizes_do_not_fail() -> None:
    view = DrawingView()
    stage = Stage(view)
    async with stage.run_test(size=(20, 5)) as pilot:
        view.focus()
        await pilot.press("j", "enter", "right", "G")
        bars = across(FRAME, range(len(FRAME)), ChartRequest("rank", ("acc",)))
        view.set_drawing(partial(draw_across, bars))
        await pilot.press("j", "enter", "right", "G")
        await pilot.resize_terminal(3, 1)
        await pilot.resize_terminal(60, 16)
        assert await holds(pilot, lambda: "run-0" in "\n".join(stage.lines()))
