"""The hostile store, built once, and a console on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.payloads import build_store
from tests.hostile.stream import unexpected_output
from tests.support.console import open_console
from tests.support.shared import Shared
from tests.support.terminal import Terminal


@pytest.fixture(scope="session")
def hostile_store(shared: Shared) -> str:
    """The tracking URI of a database full of payloads. Read-only."""
    return shared.made("hostile-store", build_store)


@pytest.fixture
def hostile_console(hostile_store: str, home: Path, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Open a console on the hostile store. Afterwards it must still respond to a key and exit with 0, and
    only plain text and Textual's own sequences may have reached the terminal."""
    opened: list[Terminal] = []

    def open_hostile(*arguments: str, cols: int = 200, rows: int = 50) -> Terminal:
        arguments = ("--tracking-uri", hostile_store, *arguments)
        opened.append(open_console(*arguments, cwd=tmp_path, home=home, cols=cols, rows=rows))
        return opened[-1]

    yield open_hostile
    for terminal in opened:
        with terminal:
            terminal.press("ctrl+c")
            assert terminal.wait_exit() == 0
            assert unexpected_output(bytes(terminal.raw)) == []
