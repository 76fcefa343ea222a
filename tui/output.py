"""Terminal output in as few bytes as possible: many operators work over a slow SSH connection.

Textual resets the style after each piece of text and sends all codes of the next one, the background
included. Where the next piece follows at once, the codes that differ are enough: half of the bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache

from textual.drivers.linux_driver import LinuxDriver

_STYLE = re.compile(r"(\x1b\[0m)?(\x1b\[\d+;\d+H)?\x1b\[([\d;]+)m")
"""The codes of a style, with a reset and a move of the cursor before them if there are any."""
_CODE = re.compile(r"[34]8;2;\d+;\d+;\d+|[34]8;5;\d+|\d+")
_RESET = "0"
_UNKNOWN = ""


class SparingDriver(LinuxDriver):
    """Sends shortened output to the terminal."""

    def write(self, data: str) -> None:
        super().write(shortened(data))


def shortened(output: str) -> str:
    """Output that looks the same without codes that are in force already."""
    current = _RESET

    def change(found: re.Match[str]) -> str:
        nonlocal current
        reset, move, style = found.groups(default="")
        before = current
        # Without a reset, a style adds to the one before it.
        current = style if reset or _RESET in (before, style) else _UNKNOWN
        return move + _change(before, style) if reset else found[0]

    return _STYLE.sub(change, output)


@lru_cache(maxsize=4096)
def _change(before: str, after: str) -> str:
    """What changes one style to another."""
    old, new = _codes(before), _codes(after)
    if before == _UNKNOWN or not old.keys() <= new.keys():
        return f"\x1b[{_RESET};{after}m"
    changed = ";".join(code for kind, code in new.items() if old.get(kind) != code)
    return f"\x1b[{changed}m" if changed else ""


def _codes(style: str) -> dict[str, str]:
    """The codes of a style: its foreground, its background, and each attribute under its own name."""
    codes = {}
    for code in _CODE.findall(style):
        number = int(code.partition(";")[0])
        if 30 <= number < 40 or 90 <= number < 98:
            codes["foreground"] = code
        elif 40 <= number < 50 or 100 <= number < 108:
            codes["background"] = code
        elif code != _RESET:
            codes[code] = code
    return codes
