"""The progress bar on a terminal of 80 columns."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from engine.text import Shown
from tui.cli.progress import Meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("title", "note"),
    [
        ("demo", "knn-11-chebyshev-distance-ball_tree with an even longer name of its own"),
        ("an-experiment-with-a-name-of-quite-some-length-indeed", "accuracy 0.9180  best 0.9180"),
        ("an-experiment-with-a-name-of-quite-some-length-indeed", "failed: " + "x" * 60),
    ],
)
def test_title_and_note_are_cut_before_the_counts(
    monkeypatch: pytest.MonkeyPatch, title: str, note: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Meter(Shown(title)) as meter:
        meter.update(67, 1240, Shown(note))
        bar = meter._bar
        assert bar is not None
        drawn = io.StringIO()
        Console(file=drawn, width=bar.console.width, color_system=None).print(bar.get_renderable())
    (line,) = drawn.getvalue().rstrip("\n").splitlines()
    assert len(line) <= 76
    assert " 67/1240 " in line
    assert "--:--" in line
    assert title[:8].rstrip() in line
    assert note[:8] in line
    if note.startswith("accuracy"):
        assert note in line
