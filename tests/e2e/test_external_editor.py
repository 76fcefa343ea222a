"""The operator's editor has the terminal while it runs, and the console comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.support.console import open_console

pytestmark = pytest.mark.slow


def test_a_description_is_edited_in_the_terminal_and_the_screen_comes_back(
    mlflow_store: MlflowStore, folder: Path, home: Path
) -> None:
    editor = home / "editor"
    editor.write_text(
        '#!/bin/sh\nprintf "\\033[2J\\033[H"; echo "editing $(cat "$1")"; read line;'
        ' [ "$line" = fail ] && exit 3; echo "$line" > "$1"\n'
    )
    editor.chmod(0o755)
    uri = ("--tracking-uri", mlflow_store.uri)
    with open_console(*uri, cwd=folder, home=home, env={"EDITOR": str(editor)}) as terminal:
        terminal.wait_for("trial-23", within=60)
        terminal.press("n")
        terminal.wait_for("ctrl+o description in $EDITOR")
        terminal.press("ctrl+o")
        terminal.wait_for("editing")
        terminal.press(*"heart trials", "enter")
        terminal.wait_for("as the editor left it")
        assert "heart trials" in terminal.text
        terminal.press("escape")
        terminal.wait_gone("New experiment")
        terminal.press("3")
        terminal.wait_for("champion", within=60)
        terminal.press("e")
        terminal.wait_for("Edit version", within=60)
        terminal.press("ctrl+o")
        terminal.wait_for("editing From")
        assert "Edit version" not in terminal.text
        terminal.press(*"retrained", "enter")
        terminal.wait_for("as the editor left it")
        terminal.wait_for("VERSIONS")  # the view behind is drawn again, too
        terminal.wait_for("Edit version")
        assert "retrained" in terminal.text
        assert "editing From" not in terminal.text
        terminal.press("ctrl+o")
        terminal.wait_for("editing retrained")
        terminal.press(*"fail", "enter")
        terminal.wait_for("The editor failed")
        terminal.press("escape", "q", "q")
