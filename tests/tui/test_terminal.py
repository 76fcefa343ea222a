"""The sequences that make a terminal copy, also through tmux and GNU screen."""

from __future__ import annotations

import base64
import re

import pytest

from tui.terminal import MAX_CLIPBOARD, clipboard_sequences

PLAIN = f"\x1b]52;c;{base64.b64encode(b'run 1').decode()}\x07"


def test_a_plain_terminal_gets_the_plain_sequence() -> None:
    assert clipboard_sequences("run 1", {"TERM": "xterm-256color"}) == PLAIN


@pytest.mark.parametrize("environ", [{"TMUX": "/tmp/tmux-0/default,1,0"}, {"TERM": "tmux-256color"}])
def test_tmux_gets_it_plain_and_wrapped(environ: dict[str, str]) -> None:
    wrapped = "\x1bPtmux;\x1b" + PLAIN + "\x1b\\"
    assert clipboard_sequences("run 1", environ) == PLAIN + wrapped


def test_screen_gets_it_in_strings_that_it_passes_on() -> None:
    text = "x" * 5000
    found = clipboard_sequences(text, {"STY": "1.pts-0", "TERM": "screen"}) or ""
    parts = re.findall(r"\x1bP([^\x1b]*|\x1b\][^\x1b]*)\x1b\\", found)
    assert all(len(part) <= 700 for part in parts)
    assert "".join(f"\x1bP{part}\x1b\\" for part in parts) == found
    assert "".join(parts) == f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"


def test_too_large_a_text_is_refused() -> None:
    assert clipboard_sequences("x" * (MAX_CLIPBOARD * 3 // 4), {}) is not None
    assert clipboard_sequences("x" * MAX_CLIPBOARD, {}) is None


def test_lone_surrogates_are_escaped() -> None:
    found = clipboard_sequences("x\ud800", {}) or ""
    assert base64.b64decode(found[7:-1]) == b"x\\ud800"
