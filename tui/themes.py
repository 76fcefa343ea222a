"""The themes: the only place with literal colours."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

# Its dark greys are almost without colour: in 256 colours, more saturated ones turn into teal or black.
DARK = Theme(
    name="console-dark",
    primary="#6fa8dc",
    accent="#6fa8dc",
    secondary="#8a93a3",
    success="#7fb685",
    warning="#d6a95c",
    error="#dd7878",
    foreground="#d3d7de",
    background="#14171b",
    surface="#191c20",
    panel="#21262c",
    dark=True,
    variables={
        # Textual's defaults are "auto" colours, which turn pure white or black in styled text.
        "text-muted": "#8a93a3",
        "text-disabled": "#5b6571",
        "block-cursor-background": "#30363f",
        "block-cursor-foreground": "#eef1f5",
        "block-cursor-text-style": "none",
        "input-selection-background": "#6fa8dc 35%",
        "border": "#3b424c",
        "border-blurred": "#2c323a",
        "scrollbar": "#3b424c",
        "scrollbar-hover": "#4a5563",
        "scrollbar-active": "#6fa8dc",
        "scrollbar-background": "#191c20",
        "scrollbar-corner-color": "#191c20",
    },
)

LIGHT = Theme(
    name="console-light",
    primary="#2a6db0",
    accent="#2a6db0",
    secondary="#66707d",
    success="#3c7a45",
    warning="#966a12",
    error="#b03a3a",
    foreground="#20262e",
    background="#fbfbf9",
    surface="#f4f4f1",
    panel="#e8e9e6",
    dark=False,
    variables={
        "text-muted": "#66707d",
        "text-disabled": "#a3a9b1",
        "block-cursor-background": "#dbe6f2",
        "block-cursor-foreground": "#10151b",
        "block-cursor-text-style": "none",
        "border": "#b9bec5",
        "border-blurred": "#d3d6da",
        "scrollbar": "#c3c8ce",
        "scrollbar-background": "#f4f4f1",
    },
)

_ANSI = BUILTIN_THEMES["ansi-dark"]
ANSI = replace(
    _ANSI,
    name="console-ansi",
    accent="ansi_cyan",  # green is for what succeeded
    variables=_ANSI.variables | {"border": "ansi_bright_black", "border-blurred": "ansi_bright_black"},
)
"""For terminals with at most 16 colours: uses the terminal's palette."""

MONOCHROME = replace(
    DARK, name="console-monochrome", **dict.fromkeys(("success", "warning", "error"), DARK.foreground)
)
"""For `NO_COLOR`: Textual turns colours into greys, in which what is best or wrong would be dimmer."""

THEMES = (DARK, LIGHT, ANSI, MONOCHROME)
