"""Completion in the filter bar: the list over the rows, Tab, and late answers."""

from __future__ import annotations

from engine.filters.compiler import compile_filter
from engine.filters.completion import Completion, Option, complete
from engine.runs.frame import RunFrame
from tests.support.runs import a_run
from tests.tui.runs.filter_stage import MANY, METRICS, SIZE, FilterStage, typed


async def test_completions_overlay_the_rows_below_the_word() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "lr = 1 and a")
        rows = stage.lines()[4:]
        stage.answer(*METRICS)
        await pilot.pause()
        lines = stage.lines()
        at = lines[0].index("a", lines[0].index("and") + 1)
        assert lines[1][at - 2 :].startswith("▌ accuracy           metric ")
        assert lines[2][at:].startswith("auc ")
        assert lines[3][at:].startswith("average precision  metric ")
        assert lines[4:] == rows
        assert stage.requests()[-1] == ("lr = 1 and a", 12)


async def test_tab_and_shift_tab_cycle_through_the_completions() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "a")
        stage.answer(*METRICS)
        shown = []
        for key in ["tab", "tab", "tab", "tab", "shift+tab"]:
            await pilot.press(key)
            shown.append(stage.bar.text)
        assert shown == ["accuracy ", "auc ", "average precision ", "accuracy ", "average precision "]
        assert stage.posted == ["Edited a", *(f"Edited {text}".strip() for text in shown)]
        assert stage.requests() == [("a", 1)]
        await pilot.press(">")
        assert stage.bar.text == "average precision >"
        assert stage.requests()[-1] == ("average precision >", 19)


async def test_completing_mid_text_replaces_only_the_word() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "> 0.9")
        await pilot.press("home", "a")
        stage.answer(*METRICS)
        await pilot.press("tab")
        assert (stage.bar.text, stage.field.cursor_position) == ("accuracy > 0.9", 9)


async def test_tab_before_the_answer_inserts_the_first_completion_when_it_arrives() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "a")
        await pilot.press("tab")
        assert stage.bar.text == "a"
        stage.answer(*METRICS)
        assert stage.bar.text == "accuracy "


async def test_inserting_the_only_completion_requests_the_next() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "acc")
        stage.answer(METRICS[0])
        await pilot.press("tab")
        assert stage.requests()[-1] == ("accuracy ", 9)
        stage.answer(Option("> ", ">", "operator"), Option("< ", "<", "operator"))
        await pilot.press("tab")
        assert stage.bar.text == "accuracy > "


async def test_a_filter_can_be_built_from_completions() -> None:
    runs = [a_run("a", params={"weights": "uniform"}), a_run("b", params={"weights": "distance"})]
    frame = RunFrame.from_runs(runs)
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:

        async def tab() -> None:
            await pilot.press("tab")
            text, cursor = stage.requests()[-1]
            stage.bar.offer(text, cursor, complete(text, cursor, frame))
            await pilot.pause()

        await typed(stage, pilot, "wei")
        await tab()
        await typed(stage, pilot, "= d")
        await tab()
        assert stage.bar.text.strip() == "weights = distance"
        assert compile_filter(stage.bar.text, frame.keys).rows(frame) == [1]


async def test_an_answer_for_another_text_is_dropped() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "ac")
        stage.bar.offer("a", 1, Completion(0, 1, METRICS))
        await pilot.pause()
        assert "auc" not in "\n".join(stage.lines())
        await pilot.press("left")
        stage.bar.offer("ac", 2, Completion(0, 2, METRICS))
        await pilot.pause()
        assert "auc" not in "\n".join(stage.lines())


async def test_the_list_closes_when_its_completions_no_longer_apply() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:

        async def open_list() -> bool:
            await pilot.press("a")
            stage.answer(*METRICS)
            await pilot.pause()
            return "auc" in "\n".join(stage.lines())

        async def is_open() -> bool:
            await pilot.pause()
            return "auc" in "\n".join(stage.lines())

        await typed(stage, pilot, "a")
        for key in ("left", "home", "escape", "ctrl+u", "enter"):
            assert await open_list(), key
            await pilot.press(key)
            assert not await is_open(), key
            stage.bar.open()
            await pilot.press("end")
        assert await open_list()
        stage.field.replace("z", 0, 0)
        await pilot.pause()
        stage.answer()
        assert not await is_open()


async def test_a_long_list_shows_its_position() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "m")
        stage.answer(*MANY)
        await pilot.pause()
        lines = stage.lines()
        assert ["metric" in line for line in lines[1:10]] == [True] * 7 + [False] * 2
        assert "1–7 of 30" in lines[8]
        await pilot.press("shift+tab")
        await pilot.pause()
        assert stage.bar.text == "m29 "
        assert "▌ m29" in stage.lines()[7]
        assert "24–30 of 30" in stage.lines()[8]


async def test_a_click_inserts_a_completion_and_keeps_the_focus() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "a")
        stage.answer(*METRICS)
        await pilot.pause()
        await pilot.click(offset=(5, 2))
        await pilot.pause()
        assert stage.bar.text == "auc "
        assert stage.field.has_focus


async def test_escape_closes_the_list_then_clears_the_filter() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "a")
        stage.answer(*METRICS)
        await pilot.press("escape")
        assert stage.posted == ["Edited a"]
        await pilot.press("escape")
        await pilot.pause()
        assert stage.posted == ["Edited a", "Cleared"]


async def test_what_is_already_typed_is_inserted_by_tab_but_not_offered() -> None:
    stage = FilterStage()
    async with stage.run_test(size=SIZE, message_hook=stage.seen.append) as pilot:
        await typed(stage, pilot, "accuracy")
        answer = Completion(0, 8, METRICS[:1], is_typed=True)
        stage.bar.offer("accuracy", 8, answer)
        await pilot.pause()
        assert not any("metric" in line for line in stage.lines())
        await pilot.press("tab")
        stage.bar.offer("accuracy", 8, answer)
        assert stage.bar.text == "accuracy "
