"""Quitting the console while the engine still sends values."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.uri import TrackingUri
from tests.tui.support import settle
from tui.app import Console

pytestmark = pytest.mark.slow


async def test_values_are_dropped_once_the_console_is_quitting(tmp_path: Path) -> None:
    console = Console(TrackingUri(f"sqlite:///{tmp_path / 'none.db'}"))
    received: list[int] = []
    async with console.run_test() as pilot:
        await settle(pilot)
        receive = console.view.while_open(received.append)
        receive(1)
        await pilot.press("ctrl+c")
        receive(2)
    receive(3)
    assert received == [1]
