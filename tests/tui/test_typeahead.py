"""Keys that arrive in one piece, as over a slow line, do what they do one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.keys import key_to_character
from textual.pilot import Pilot

from tests.conftest import MlflowStore
from tests.tui.support import settle, text_of
from tui.app import Console

pytestmark = pytest.mark.slow

SIZE = (120, 36)
PIECES = {
    "into another view and back": ["2", "1", "j", "j"],
    "into a view and about in it": ["3", "j", "l", "j", "1", "k"],
    "into a run and out of it": ["j", "enter", "escape", "j", "space"],
    "a filter and into its rows": ["slash", *"start_time>0", "enter", "j", "j", "space", "k"],
    "a command line": ["colon", *"sort", "space", *"accuracy", "enter"],
    "help and out of it": ["j", "question_mark", "escape", "j", "space"],
    "a dialog with a table": ["C", "j", "j", "escape", "j", "space"],
    "the best run and back": ["j", "B", "escape", "j", "space"],
    "several keys to sort by": ["S", "j", "space", "escape", "j", "space"],
    "many rows": [*"jjjjjjjjkkvjjjjV", "g"],
}


async def at_rest(pilot: Pilot[None]) -> list[str]:
    """The screen when nothing on it changes any more: filters wait for a pause in typing, previews for
    a cursor that rests."""
    console = pilot.app
    assert isinstance(console, Console)
    seen, same = "", 0
    while same < 20:
        await pilot.pause(0.02)
        await settle(pilot)
        before, seen = seen, text_of(console)
        same = same + 1 if seen == before else 0
    return [line for line in seen.splitlines() if "read " not in line]


@pytest.mark.parametrize("what", PIECES)
async def test_one_piece_is_one_key_after_the_other(
    mlflow_store: MlflowStore, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screens = []
    for way in ("one by one", "in one piece"):
        for kept in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(kept, str(tmp_path / way / kept))
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            for key in PIECES[what]:
                if way == "in one piece":
                    console.post_message(Key(key, key_to_character(key)))
                else:
                    await pilot.press(key)
                    await settle(pilot)
            screens.append(await at_rest(pilot))
    assert screens[0] == screens[1]
