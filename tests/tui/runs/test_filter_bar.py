"""The filter bar: history, leaving, the note and errors."""

from __future__ import annotations

import pytest
from textual import events

from engine.errors import FilterError
from engine.filters.completion import Option
from engine.text import Shown
from tests.hostile.payloads import PAYLOADS
from tests.hostile.stream import unexpected_output
from tests.tui.runs.filter_stage import MANY, METRICS, SIZE, FilterStage, typed
from tests.tui.support import holds


async def test_up_and_down_recall_earlier_filters_and_the_draft() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        stage.bar.set_history(["lr = 1", "acc > 0.9", "draft"])
        await typed(stage, pilot, "draft")
        shown = []
        for key in ["up", "up", "up", "down", "down", "down"]:
            await pilot.press(key)
            shown.append(stage.bar.text)
        assert shown == ["acc > 0.9", "lr = 1", "lr = 1", "acc > 0.9", "draft", "draft"]
        assert stage.field.cursor_position == len("draft")
        await pilot.pause()
        assert stage.posted[-1] == "Edited draft"
        await pilot.press("down")
        await pilot.pause()
        assert stage.posted[-2:] == ["Accepted draft", "Exited"]


async def test_editing_a_recalled_filter_makes_it_the_draft() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        stage.bar.set_history(["lr = 1", "acc > 0.9"])
        stage.bar.open()
        await pilot.press("up", "up", "0", "up", "down")
        await pilot.pause()
        assert stage.bar.text == "lr = 10"
        assert stage.posted[-1] == "Edited lr = 10"


@pytest.mark.parametrize("key", ["enter", "down"])
async def test_moving_to_the_rows_accepts_the_filter(key: str) -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        stage.bar.open()
        await pilot.press(key)
        await pilot.pause()
        assert stage.posted == ["Exited"]
        await typed(stage, pilot, "a")
        await pilot.press(key)
        await pilot.pause()
        assert stage.posted == ["Exited", "Edited a", "Accepted a", "Exited"]


async def test_setting_the_text_posts_no_message() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        stage.bar.show_text("lr = 1")
        await pilot.pause()
        assert stage.lines()[0].startswith(" / lr = 1")
        stage.bar.close()
        await pilot.pause()
        assert stage.posted == []
        assert not stage.bar.display


async def test_the_note_shows_the_matches_and_where_they_were_evaluated() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE) as pilot:
        stage.bar.open()
        stage.bar.show_note(Shown("14 match"), Shown("store + local"))
        await pilot.pause()
        assert stage.lines()[0].endswith("  store + local · 14 match")
        await pilot.resize_terminal(60, 16)
        assert await holds(pilot, lambda: stage.lines()[0].endswith("euclidean           14 match"))


async def test_an_error_points_at_its_position() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "日本 = 1 and acuracy")
        stage.bar.show_error(FilterError("No acuracy", 11, 7, "accuracy?"))
        await pilot.pause()
        lines = stage.lines()
        assert lines[1].strip() == "▔▔▔▔▔▔▔ No acuracy — accuracy?"
        assert lines[1].index("▔") == lines[0].index("acuracy") + 2  # two wide characters before it
        assert lines[0].endswith("showing the previous rows")
        stage.bar.rows_shown = Shown("")
        stage.bar.show_error(FilterError("No acuracy", 11, 7, "accuracy?"))
        await pilot.pause()
        assert "previous rows" not in stage.lines()[0], "there are none"
        stage.bar.show_note(Shown("3 match"))
        await pilot.pause()
        assert "▔" not in "\n".join(stage.lines())
        assert stage.lines()[0].endswith("3 match")


async def test_a_message_stands_beside_an_error_only_at_the_end_and_keeps_its_indent() -> None:
    stage = FilterStage()
    async with stage.run_test(size=(60, 16), message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "metric = x && accuracy > 0.8")
        stage.bar.show_error(
            FilterError("Unexpected &&", 11, 2, "Expected AND, OR or the end. Use AND or OR.")
        )
        await pilot.pause()
        lines = stage.lines()
        assert lines[1].strip() == "▔▔"
        assert lines[1].index("▔") == lines[0].index("&&")
        assert lines[2:4] == ["   Unexpected && — Expected AND, OR or the end. Use AND", "   or OR."]


async def test_an_error_is_hidden_while_completions_offer_a_fix() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "lr > a")
        stage.answer(*METRICS)
        stage.bar.show_error(FilterError("No a", 5, 1))
        await pilot.pause()
        assert "No a" not in "\n".join(stage.lines())
        await pilot.press("escape")
        await pilot.pause()
        assert "▔ No a" in stage.lines()[1]
        await pilot.press("c")
        stage.answer(*METRICS)
        stage.bar.show_error(FilterError("No lr", 0, 2))
        await pilot.pause()
        assert "No lr" in stage.lines()[2]
        assert "auc" in stage.lines()[4]


async def test_enter_on_an_invalid_filter_stays_and_shows_the_error() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "lr > a")
        stage.answer(*METRICS)
        stage.bar.show_error(FilterError("No a", 5, 1))
        await pilot.press("enter")
        await pilot.press("enter")
        await pilot.pause()
        assert "▔ No a" in stage.lines()[1]
        assert stage.field.has_focus
        assert stage.posted[-1].startswith("Edited")
        await pilot.press("down")
        await pilot.pause()
        assert stage.posted[-1] == "Exited", "an invalid filter is not accepted"
        stage.bar.show_note(Shown("3 match"))
        await pilot.press("enter")
        await pilot.pause()
        assert [word.split()[0] for word in stage.posted[-2:]] == ["Accepted", "Exited"]


async def test_an_error_in_an_earlier_text_does_not_hold_back_a_corrected_one() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "lr > 1")
        stage.bar.show_error(FilterError("Nothing follows", 4), "lr >")
        await pilot.press("enter")
        await pilot.pause()
        assert stage.posted[-2:] == ["Accepted lr > 1", "Exited"]


async def test_an_unchanged_note_or_error_writes_nothing() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "lr > a")
        stage.answer(*METRICS)
        stage.bar.show_error(FilterError("No lr", 0, 2))
        await stage.drawn(pilot)
        stage.bar.show_error(FilterError("No lr", 0, 2))
        await pilot.pause()
        assert stage.take_written() == ""
        stage.bar.show_note(Shown("3 match"), Shown("local"))
        await stage.drawn(pilot)
        stage.bar.show_note(Shown("3 match"), Shown("local"))
        await pilot.pause()
        assert stage.take_written() == ""
        assert not stage.field.cursor_blink


async def test_too_long_a_paste_is_refused_and_the_text_stays() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "lr")
        stage.field.post_message(events.Paste("日x > 1 and " * 10_000))
        await pilot.pause()
        assert stage.lines()[0].endswith("showing the previous rows")
        assert (
            stage.lines()[1].strip()
            == "▔ The filter is too long — At most 10,000 characters; nothing was added."
        )
        assert stage.posted == ["Edited l", "Edited lr"]
        await pilot.press("a")
        assert stage.bar.text == "lra"


async def test_a_filter_of_100_kB_is_shown_on_one_line() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        stage.bar.show_text("日x > 1 and " * 10_000)
        stage.bar.show_error(FilterError("too long", 10_000, 90_000))
        stage.bar.open()
        await pilot.press("left")
        await pilot.pause()
        assert all(len(line) <= 80 for line in stage.lines())


async def test_hostile_completions_history_and_errors_are_plain_text() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        stage.bar.open()
        for payload in PAYLOADS:
            raw = payload.text
            stage.bar.set_history([raw])
            await pilot.press("up")
            assert stage.bar.text == raw
            stage.field.replace("a", 0, len(raw))
            await pilot.pause()
            stage.answer(Option(raw, raw, "value"))
            await pilot.press("tab")
            assert stage.bar.text == raw
            stage.bar.show_error(FilterError(raw, 0, 1, raw))
            await pilot.press("escape")
            stage.bar.show_text("")
            stage.bar.open()
        assert unexpected_output(stage.take_written().encode("utf-8", "surrogateescape")) == []


@pytest.mark.parametrize("size", [(60, 16), (20, 6), (6, 3)])
async def test_it_works_in_small_terminals(size: tuple[int, int]) -> None:
    stage = FilterStage()
    async with stage.run_test(size=size, message_hook=stage.seen.append) as pilot:
        stage.bar.show_text("a long text that is wider than the line and more and ")
        await typed(stage, pilot, "m")
        stage.answer(*MANY)
        stage.bar.show_error(FilterError("No such thing", 40, 4, "another"))
        await pilot.press("tab", "tab")
        await pilot.pause()
        assert stage.bar.text.endswith("and m1 ")
        assert all(len(line) <= size[0] for line in stage.lines())
