"""A console on the hostile store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.stream import unexpected_output
from tests.support.terminal import Terminal
from tests.support.warm import Warm


@pytest.fixture
def hostile_console(
    hostile_store: str, warm_writer: Warm, home: Path, tmp_path: Path
) -> Iterator[Callable[..., Terminal]]:
    """Open a console on the hostile store. Afterwards it must still respond to a key and exit with 0, and
    only plain text and Textual's own sequences may have reached the terminal."""
    opened: list[Terminal] = []

    def open_hostile(*arguments: str, cols: int = 200, rows: int = 50) -> Terminal:
        arguments = ("--tracking-uri", hostile_store, *arguments)
        opened.append(warm_writer.open(*arguments, cwd=tmp_path, home=home, cols=cols, rows=rows))
        return opened[-1]

    yield open_hostile
    for terminal in opened:
        with terminal:
            terminal.press("ctrl+c")
            assert terminal.wait_exit() == 0
            assert unexpected_output(bytes(terminal.raw)) == []
