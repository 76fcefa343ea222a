"""Styles of what widgets draw themselves, compared with those of Textual's stylesheet."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.widgets import Label

from tui import themes
from tui.widgets.ink import Inks

STYLES = {
    "color: $accent": "$accent",
    "color: $text-muted; text-style: bold": "bold $text-muted",
    "color: $border-blurred; text-style: dim": "dim $border-blurred",
    "background: $panel": "on $panel",
    "background: $block-cursor-background; color: $block-cursor-foreground": (
        "$block-cursor-foreground on $block-cursor-background"
    ),
    "background: ansi_default; color: ansi_default; text-style: reverse": (
        "reverse ansi_default on ansi_default"
    ),
    "color: $error 50%": "$error 50%",
}


class Labels(App[None]):
    CSS = "Container { background: $surface 50%; } Label { color: $foreground; }" + "".join(
        f"#c{number} {{ {rules} }}" for number, rules in enumerate(STYLES)
    )

    def compose(self) -> ComposeResult:
        with Container():
            yield Label("plain", id="plain")
            for number in range(len(STYLES)):
                yield Label("styled", id=f"c{number}")


@pytest.mark.parametrize("theme", themes.THEMES, ids=lambda theme: str(theme.name))
async def test_a_style_is_what_the_stylesheet_would_make_of_it(theme: themes.Theme) -> None:
    app = Labels()
    app.register_theme(theme)
    app.theme = theme.name
    async with app.run_test():
        inks = Inks(app.query_one("#plain"))
        assert inks.plain == app.query_one("#plain").rich_style
        for number, style in enumerate(STYLES.values()):
            assert inks.ink(style) == app.query_one(f"#c{number}").rich_style, style
