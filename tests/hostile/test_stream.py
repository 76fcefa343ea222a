"""The check on captured bytes must itself find what it is there to find."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.hostile.payloads import PAYLOADS, Payload
from tests.hostile.stream import strays
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
def test_a_payload_written_raw_is_found(payload: Payload) -> None:
    raw = payload.text.encode("utf-8", "backslashreplace")
    assert any(f"payload {payload.name}" in stray for stray in strays(b"\x1b[2;3Htext" + raw))


def test_a_stock_widget_is_clean_of_plain_text_and_lets_an_escape_through(tmp_path: Path) -> None:
    """The reason for `safe()`: what Textual itself does with an escape sequence in its content."""

    def capture(content: str) -> bytes:
        with Terminal([sys.executable, "-c", NAIVE, content.encode().hex()], cwd=tmp_path) as terminal:
            terminal.wait_for("drawn")
            terminal.press("ctrl+q")
            assert terminal.wait_exit() == 0
            return bytes(terminal.raw)

    assert strays(capture("plain [text] 日本語 👩‍👩‍👧")) == []
    assert strays(capture("\x1b[31mPWN01")) != []
