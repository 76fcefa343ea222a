"""Shortened output, as a terminal shows it."""

from __future__ import annotations

import random

import pyte
import pytest
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.output import shortened

COLOURS = ("#ff8800", "#0088ff", "#101020", "red", "bright_blue", "default", None)
ATTRIBUTES = ("bold", "italic", "underline", "strike", "reverse")


def style(chance: random.Random) -> Style:
    chosen = {name: True for name in ATTRIBUTES if chance.random() < 0.2}
    return Style(color=chance.choice(COLOURS), bgcolor=chance.choice(COLOURS), **chosen)


def frame(chance: random.Random, system: ColorSystem) -> str:
    """Ten lines of pieces in random styles, some of them in several parts."""
    console = Console()
    console._color_system = system
    parts = []
    for _ in range(30):
        segments = [Segment(chance.choice("abc⣿é"), style(chance)) for _ in range(chance.randint(1, 12))]
        place = f"\x1b[{chance.randint(1, 10)};{chance.randint(1, 30)}H"
        parts.append(place + Strip(segments).render(console))
    return "".join(parts)


def shown(output: str) -> list[pyte.screens.Char]:
    screen = pyte.Screen(40, 10)
    pyte.Stream(screen).feed(output)
    cells = (screen.buffer[row][column] for row in range(10) for column in range(40))
    return list(cells)


@pytest.mark.parametrize("system", [ColorSystem.STANDARD, ColorSystem.EIGHT_BIT, ColorSystem.TRUECOLOR])
def test_shortened_output_looks_the_same(system: ColorSystem) -> None:
    for seed in range(50):
        output = frame(random.Random(seed), system)
        short = shortened(output)
        assert len(short) < len(output)
        assert shown(short) == shown(output)


@pytest.mark.parametrize(
    ("output", "short"),
    [
        ("\x1b[31;48;5;9ma\x1b[0m\x1b[32;48;5;9mb\x1b[0m", "\x1b[31;48;5;9ma\x1b[32mb\x1b[0m"),
        ("\x1b[2;31ma\x1b[0m\x1b[4;5H\x1b[2;31mb\x1b[0m", "\x1b[2;31ma\x1b[4;5Hb\x1b[0m"),
        ("\x1b[2;31ma\x1b[0m\x1b[1;31mb\x1b[0m", "\x1b[2;31ma\x1b[0;1;31mb\x1b[0m"),
        ("\x1b[31;42ma\x1b[0m\x1b[31mb\x1b[0m", "\x1b[31;42ma\x1b[0;31mb\x1b[0m"),
        ("\x1b[31ma\x1b[0m \x1b[31mb\x1b[0m", "\x1b[31ma\x1b[0m \x1b[31mb\x1b[0m"),
        ("\x1b[1m\x1b[31ma\x1b[0m\x1b[31mb\x1b[0m", "\x1b[1m\x1b[31ma\x1b[0;31mb\x1b[0m"),
    ],
    ids=["another colour", "the same after a move", "no longer dim", "no background", "text", "two styles"],
)
def test_only_codes_that_differ_are_sent(output: str, short: str) -> None:
    assert shortened(output) == short


def test_other_sequences_pass_unchanged() -> None:
    output = "\x1b[?2026h\x1b]52;c;YQ==\x07\x1b[2J\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\plain\x1b[?2026l"
    assert shortened(output) == output
