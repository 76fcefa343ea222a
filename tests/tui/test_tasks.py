"""Answers of the engine that arrive while a screen closes."""

from __future__ import annotations

import threading

import pytest
from textual.app import App
from textual.screen import Screen

from engine.errors import NotFound
from tui.bridge import Bridge
from tui.tasks import Tasks


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("closes", [False, True])
async def test_an_answer_to_a_closing_screen_is_dropped(closes: bool, fails: bool) -> None:
    released, received, bridge = threading.Event(), [], Bridge()

    def work() -> str:
        released.wait()
        if fails:
            raise NotFound("No such run", "", "")
        return "answer"

    app: App[None] = App()
    async with app.run_test() as pilot:
        screen: Screen[None] = Screen()
        await app.push_screen(screen)
        Tasks.of(screen, bridge).ask(
            work,
            received.append,
            group="a",
            failed=lambda error: received.append(error.title),
            ended=lambda: received.append("ended"),
        )
        await pilot.pause()
        screen._pruning = closes  # as while its children are removed
        released.set()
        while "ended" not in received:
            await pilot.pause()
        screen._pruning = False
    answers = [] if closes else ["No such run" if fails else "answer"]
    assert received == [*answers, "ended"]
