"""Keys that arrive at once, as over a slow connection, have the same effect as keys pressed one by one."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.events import Key
from textual.keys import key_to_character
from textual.pilot import Pilot

from engine.api import RunFeed, RunFrame
from tests.conftest import MlflowStore
from tests.tui.support import appears, paste, settle, text_of
from tui.app import Console

pytestmark = pytest.mark.slow

SIZE = (120, 36)
KEYS = {
    "another view and back": ["2", "1", "j", "j"],
    "moving in another view": ["3", "j", "l", "j", "1", "k"],
    "a run and back": ["j", "enter", "escape", "j", "space"],
    "a filter and its rows": ["slash", *"start_time>0", "enter", "j", "j", "space", "k"],
    "a command line": ["colon", *"sort", "space", *"accuracy", "enter"],
    "help and back": ["j", "question_mark", "escape", "j", "space"],
    "a dialog with a table": ["C", "j", "j", "escape", "j", "space"],
    "the best run and back": ["j", "B", "escape", "j", "space"],
    "the sort dialog and back": ["S", "j", "space", "escape", "j", "space"],
    "many rows": [*"jjjjjjjjkkvjjjjV", "g"],
}


async def at_rest(pilot: Pilot[None]) -> list[str]:
    """The screen once it stops changing: filters wait for a pause in typing, previews for a pause in
    cursor movement."""
    console = pilot.app
    assert isinstance(console, Console)
    seen, same = "", 0
    while same < 4:
        await pilot.pause(0.1)
        await settle(pilot)
        before, seen = seen, text_of(console)
        same = same + 1 if seen == before else 0
    return [line for line in seen.splitlines() if "read " not in line]


@pytest.mark.parametrize("case", KEYS)
async def test_keys_that_arrive_at_once_act_one_by_one(
    mlflow_store: MlflowStore, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screens = []
    for mode in ("one by one", "at once"):
        for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(variable, str(tmp_path / mode / variable))
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            for key in KEYS[case]:
                if mode == "at once":
                    console.post_message(Key(key, key_to_character(key)))
                else:
                    await pilot.press(key)
                    await settle(pilot)
            screens.append(await at_rest(pilot))
    assert screens[0] == screens[1]


async def test_enter_right_after_a_command_opens_the_first_run_once_a_slow_store_has_sent_it(
    mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, may_answer = RunFeed.load, Event()

    def slow_load(feed: RunFeed, **options: Any) -> RunFrame:
        may_answer.wait(10)
        return load(feed, **options)

    console = Console(mlflow_store.tracking, experiment="empty")
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        monkeypatch.setattr(RunFeed, "load", slow_load)
        await pilot.press("colon")
        await paste(pilot, "runs heart")
        await pilot.press("enter", "enter")
        for _ in range(10):  # without waiting for rows, the key would be handled by now
            await pilot.pause()
        may_answer.set()
        assert await appears(pilot, "PARAMETERS"), text_of(console)
