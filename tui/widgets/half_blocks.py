"""Pictures in cells: two pixels above each other as a half block, or shades where colours are missing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.api import Picture

_RAMP = " ░▒▓█"
_UPPER = "▀"


def half_blocks(picture: Picture) -> Iterator[list[tuple[str, str]]]:
    """The rows of a picture in its own size, two of its rows in one: pairs of text and Rich style."""
    for top in range(0, picture.height, 2):
        styles = []
        for x in range(picture.width):
            upper, lower = picture.pixel(x, top), picture.pixel(x, min(top + 1, picture.height - 1))
            styles.append(f"{_hex(upper)} on {_hex(lower)}")
        yield [(_UPPER * len(list(run)), style) for style, run in groupby(styles)]


def shades(picture: Picture, columns: int, rows: int) -> Iterator[str]:
    """A picture in at most `columns` × `rows` cells, darker where it is darker, in text alone."""
    small = picture.fitted(columns, 2 * rows)
    for top in range(0, small.height, 2):
        pair = [y for y in (top, top + 1) if y < small.height]
        grey = [sum(_luminance(small.pixel(x, y)) for y in pair) / len(pair) for x in range(small.width)]
        yield "".join(_RAMP[min(4, int((1 - value) * 5))] for value in grey).rstrip()


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _luminance(colour: tuple[int, int, int]) -> float:
    red, green, blue = colour
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
