"""Leaving the console while the engine still has something to tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.uri import TrackingUri
from tests.tui.support import settle
from tui.app import Console

pytestmark = pytest.mark.slow


async def test_what_comes_while_the_console_is_left_is_dropped(tmp_path: Path) -> None:
    console = Console(TrackingUri(f"sqlite:///{tmp_path / 'none.db'}"))
    heard: list[int] = []
    async with console.run_test() as pilot:
        await settle(pilot)
        receive = console.view.while_open(heard.append)
        receive(1)
        await pilot.press("ctrl+c")
        receive(2)
    receive(3)
    assert heard == [1]
