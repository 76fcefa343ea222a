"""Checks that the stream checker itself works."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.hostile.payloads import PAYLOADS, Payload
from tests.hostile.stream import unexpected_output
from tests.support.terminal import Terminal

NAIVE = """
import sys
from rich.text import Text
from textual.app import App
from textual.widgets import Static

class Naive(App):
    def compose(self):
        yield Static(Text(bytes.fromhex(sys.argv[1]).decode("utf-8", "surrogatepass")))
        yield Static("drawn")

Naive().run()
"""


@pytest.mark.parametrize("payload", [p for p in PAYLOADS if p.raw], ids=lambda p: p.name)
def test_an_unescaped_payload_is_found(payload: Payload) -> None:
    raw = payload.text.encode("utf-8", "backslashreplace")
    assert any(f"payload {payload.name}" in item for item in unexpected_output(b"\x1b[2;3Htext" + raw))


def test_a_stock_widget_passes_escape_sequences_through(tmp_path: Path) -> None:
    """The reason for `safe()`: Textual writes escape sequences in its content to the terminal."""

    def capture(content: str) -> bytes:
        with Terminal([sys.executable, "-c", NAIVE, content.encode().hex()], cwd=tmp_path) as terminal:
            terminal.wait_for("drawn")
            terminal.press("ctrl+q")
            assert terminal.wait_exit() == 0
            return bytes(terminal.raw)

    assert unexpected_output(capture("plain [text] 日本語 👩‍👩‍👧")) == []
    assert unexpected_output(capture("\x1b[31mPWN01")) != []
