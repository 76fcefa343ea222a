"""`Y`: the copy menu."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle
from tui.app import Console
from tui.dialogs.copy import CopyDialog
from tui.terminal import MAX_CLIPBOARD
from tui.widgets.controls import Field


async def test_names_addresses_and_code_are_copied_or_written(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(mlflow_store.tracking)
    special = mlflow_store.runs["special"]
    async with console.run_test(size=(120, 34), notifications=True) as pilot:
        await settle(pilot)
        console.screen.query_one("#runs").move_to(special)  # type: ignore[attr-defined]
        await pilot.press("Y")
        assert await appears(pilot, "Copy from run special")
        assert isinstance(console.screen, CopyDialog)
        assert await appears(pilot, f"runs:/{special}/")
        await pilot.press("j", "enter")
        assert await appears(pilot, "Copied special")
        assert console.clipboard == "special"
        await pilot.press("Y")
        await settle(pilot)
        await pilot.press("k", "enter")
        assert await appears(pilot, "Copied Python (")
        assert console.clipboard.startswith("import mlflow\n")
        await pilot.press("Y")
        await settle(pilot)
        await pilot.press("k", "w")
        assert console.screen.query_one(Field).value == "python.py"
        await pilot.press("enter")
        assert await appears(pilot, "Wrote python.py")
        assert Path("python.py").read_text() == console.clipboard + "\n"
        await pilot.press("Y")
        await settle(pilot)
        await pilot.press("k", "w", "enter")
        assert await appears(pilot, "python.py exists; press enter again")
        await pilot.press("escape", "escape", "3")
        await settle(pilot)
        await pilot.press("Y")
        assert await appears(pilot, "models:/classifier@challenger")
        await pilot.press("escape")
        console.view.copy("x" * MAX_CLIPBOARD)
        assert await appears(pilot, "more than terminals can copy")
        assert console.clipboard.startswith("import mlflow\n")
        console.session.state.compared = (special, mlflow_store.runs["trial-10"])
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("Y")
        assert await appears(pilot, "Move to a run or version first")
