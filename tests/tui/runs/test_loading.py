"""Loading runs page by page from a server: first rows, stopping, resuming, refreshing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.pilot import Pilot

from tests.support.gated_server import GatedServer, gated
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.runs import session
from tui.runs.pane import RunPane
from tui.runs.screen import RunsScreen

SIZE = (140, 40)
RUNS = 2_500


@pytest.fixture
def server() -> Iterator[GatedServer]:
    with gated(RUNS) as server:
        yield server


def pane(console: Console) -> RunPane:
    return view(console).pane


def view(console: Console) -> RunsScreen:
    assert isinstance(console.view, RunsScreen)
    return console.view


async def tick(pilot: Pilot[None], console: Console) -> None:
    """Refresh, as the timer does."""
    assert isinstance(console.view, RunsScreen)
    console.view.tick()
    await settle(pilot)


async def opened(pilot: Pilot[None], console: Console) -> None:
    assert await appears(pilot, "100 loaded … ctrl+x stops")
    assert await appears(pilot, "run-2499")


async def test_the_first_page_is_usable_while_the_others_load(server: GatedServer) -> None:
    console = Console(server.uri)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        await pilot.press("j", "j", "space", "j")
        key, line = pane(console).table.cursor_key, pane(console).table.cursor_row
        server.gate.set()
        assert await appears(pilot, "2,500 of 2,500")
        await settle(pilot)
        assert "loaded" not in text_of(console)
        assert pane(console).table.cursor_key == key
        assert pane(console).table.cursor_row == line
        assert len(view(console).runs.state.marks) == 1
        assert "1 marked" in text_of(console)


async def test_rows_never_stand_under_the_name_of_another_experiment(server: GatedServer) -> None:
    console = Console(server.uri)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        await pilot.press("space")
        await pilot.press("colon", *"runs", "space", *"hidden", "enter")
        assert await appears(pilot, "RUNS  hidden")
        assert await appears(pilot, "loading …")
        screen = text_of(console)
        assert "run-2499" not in screen, "neither a row nor the preview"
        assert "reading …" in screen, "not the age of the rows before"
        assert pane(console).table.cursor_key is None
        await pilot.press("space", "enter", "y", "D")
        await pilot.pause()
        assert isinstance(console.screen, RunsScreen)
        assert view(console).runs.state.marks == frozenset()
        server.gate.set()
        assert await appears(pilot, "No runs yet")


async def test_an_experiment_that_was_never_read_has_no_time_of_reading(server: GatedServer) -> None:
    console = Console(server.uri, refresh_seconds=3600)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        await pilot.press("ctrl+x")
        server.away.set()
        await tick(pilot, console)
        assert "no answer since" in text_of(console)
        await pilot.press("colon", *"runs", "space", *"hidden", "enter")
        assert await appears(pilot, "interrupted: r resumes")
        screen = text_of(console)
        assert "RUNS  hidden" in screen
        assert "no answer since" not in screen
        assert f"{server.uri.shown} failed" in screen


async def test_a_partial_load_is_not_shown_as_the_total(server: GatedServer) -> None:
    console = Console(server.uri)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        assert "100 of 100" not in text_of(console)
        await pilot.press("slash", *"run-249")
        assert await appears(pilot, "10 match · 100 loaded … ctrl+x stops")


async def test_stopping_keeps_the_loaded_runs_and_r_resumes(server: GatedServer) -> None:
    console = Console(server.uri)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        await pilot.press("ctrl+x")
        assert await appears(pilot, "100 loaded, stopped: r resumes")
        assert "run-2499" in text_of(console)
        server.gate.set()
        await pilot.press("r")
        assert await appears(pilot, "2,500 of 2,500")


async def test_the_store_evaluates_a_filter_while_runs_load(
    server: GatedServer,
) -> None:
    console = Console(server.uri)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        pane(console).apply_filter("params.kind = 'rare'")
        assert await appears(pilot, "store · 7 match")
        assert "run-7 " in text_of(console)
        server.gate.set()
        assert await appears(pilot, "7 of 2,500")
        assert await appears(pilot, "local · 7 match")


async def test_the_store_is_not_searched_on_every_keystroke(
    server: GatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SEARCH_SECONDS", 3600.0)
    console = Console(server.uri)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        await pilot.press("ctrl+x")
        asked = len(server.asked)
        await pilot.press("slash", *"params.kind = 'rare'")
        assert await appears(pilot, "local · 1 match")
        assert len(server.asked) == asked
        await pilot.press("enter")
        assert await appears(pilot, "store · 7 match")
        assert len(server.asked) == asked + 1


async def test_a_filter_the_store_cannot_evaluate_fills_in_as_pages_arrive(server: GatedServer) -> None:
    console = Console(server.uri)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        pane(console).apply_filter("name ~ 'run-..7$' or accuracy < 0")
        assert await appears(pilot, "local · 0 match")
        server.gate.set()
        assert await appears(pilot, "local · 90 match")


async def test_auto_refresh_shows_new_and_finished_runs(server: GatedServer) -> None:
    server.gate.set()
    server.runs = server.runs[:50]
    server.runs[49]["info"].update(status="RUNNING", end_time=None)
    console = Console(server.uri, refresh_seconds=3600)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "≤ 3600 s old" in text_of(console)
        assert "◐ running" in text_of(console)
        asked = len(server.asked)
        server.add()
        server.runs[49]["info"].update(status="FAILED", end_time=server.runs[49]["info"]["start_time"] + 9)
        await tick(pilot, console)
        assert "51 of 51" in text_of(console)
        assert "✗ failed" in text_of(console)
        assert len(server.asked) - asked <= 5  # however many runs there are
        before = text_of(console)
        await tick(pilot, console)
        assert text_of(console) == before


async def test_rows_stay_while_the_server_is_down_and_refresh_when_it_returns(server: GatedServer) -> None:
    server.gate.set()
    server.runs = server.runs[:50]
    console = Console(server.uri, refresh_seconds=3600)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        server.away.set()
        await tick(pilot, console)
        assert "no answer since" in text_of(console)
        assert "50 of 50" in text_of(console)
        assert "run-49" in text_of(console)
        server.add()
        server.away.clear()
        await tick(pilot, console)
        assert "no answer since" not in text_of(console)
        assert "51 of 51" in text_of(console)


async def test_an_interrupted_load_resumes_automatically(server: GatedServer) -> None:
    console = Console(server.uri, refresh_seconds=3600)
    async with console.run_test(size=SIZE) as pilot:
        await opened(pilot, console)
        server.away.set()
        server.gate.set()  # the current request is answered, the next is not
        assert await appears(pilot, "interrupted: r resumes")
        server.away.clear()
        await tick(pilot, console)
        assert await appears(pilot, "2,500 of 2,500")
        assert "no answer since" not in text_of(console)


async def test_auto_refresh_can_be_turned_off_and_on(server: GatedServer) -> None:
    server.gate.set()
    console = Console(server.uri, refresh_seconds=3600)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("R")
        assert await appears(pilot, "Auto-refresh off")
        assert "s old" not in text_of(console)
        asked = len(server.asked)
        await tick(pilot, console)
        assert len(server.asked) == asked
        await pilot.press("R")
        assert await appears(pilot, "≤ 3600 s old")
