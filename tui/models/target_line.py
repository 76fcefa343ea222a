"""The targets of a promotion: stages, existing aliases, a new alias."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from engine.entities import STAGES
from engine.text import cell_width, cut, safe
from tui.models.sources import STAGE_GLYPHS

ALIAS_WIDTH = 24
_VERBS = {"Archived": ("Archive", "archiving"), "None": ("Unstage", "unstaging")}
_PROMOTE = ("Promote", "promoting")


@dataclass(frozen=True, slots=True)
class Target:
    """A stage, an alias, or (`new`) an alias to be typed. `name` is raw."""

    kind: Literal["stage", "alias", "new"]
    name: str

    @property
    def label(self) -> str:
        if self.kind == "new":
            return "new alias …"
        if self.kind == "alias":
            return cut(safe(f"@{self.name}"), ALIAS_WIDTH)
        glyph = next(glyph for stage, glyph in STAGE_GLYPHS.items() if stage == self.name)
        return f"{glyph} {self.name}"

    @property
    def verb(self) -> str:
        """What moving a version to this target is called."""
        return _VERBS.get(self.name, _PROMOTE)[0] if self.kind == "stage" else _PROMOTE[0]

    @property
    def activity(self) -> str:
        """The verb for a move in progress."""
        return _VERBS.get(self.name, _PROMOTE)[1] if self.kind == "stage" else _PROMOTE[1]


PRODUCTION = Target("stage", "Production")
NEW_ALIAS = Target("new", "")


def targets(aliases: Iterable[str], *, stages: bool = True) -> tuple[Target, ...]:
    """The stages, if the registry has any, the aliases by name, and a new alias."""
    existing = [Target("alias", alias) for alias in sorted(set(aliases))]
    return (*(Target("stage", stage) for stage in STAGES if stages), *existing, NEW_ALIAS)


def read_target(text: str) -> Target:
    """Parse a target: a stage in any case, else an alias with or without `@`. Blank means Production."""
    text = text.strip()
    if not text:
        return PRODUCTION
    for stage in STAGES:
        if stage.lower() == text.lower():
            return Target("stage", stage)
    return Target("alias", text.removeprefix("@"))


class TargetLine(Widget, can_focus=True):
    """A row of targets, one of them chosen, in brackets while the row has the focus; scrolls when they do not
    all fit. Only arrow keys and clicks choose: a letter may belong to a sentence typed in the wrong place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "screen.step_target(-1)", show=False, id="dialog.previous-target"),
        Binding("right", "screen.step_target(1)", show=False, id="dialog.next-target"),
        Binding("enter", "app.focus_next", show=False, id="dialog.to-reason"),
    ]
    DEFAULT_CSS = """
    TargetLine { width: 1fr; height: 1; }
    """

    options: reactive[tuple[Target, ...]] = reactive(())
    chosen: reactive[Target] = reactive(PRODUCTION)

    @dataclass
    class Clicked(Message):
        target: Target

    def step(self, by: int) -> Target:
        """The target `by` steps ahead; wraps around."""
        options = self.options or (PRODUCTION,)
        index = options.index(self.chosen) if self.chosen in options else 0
        return options[(index + by) % len(options)]

    def render(self) -> Content:
        first, last = self._window()
        parts: list[Content | str | tuple[str, str]] = [("‹ " if first else "  ", "$text-muted")]
        for target in self.options[first:last]:
            parts += self._cell(target)
        parts.append(("›" if last < len(self.options) else "", "$text-muted"))
        return Content.assemble(*parts)

    def _cell(self, target: Target) -> list[str | tuple[str, str]]:
        if target == self.chosen:
            text = f"[{target.label}]" if self.has_focus else f" {target.label} "
            return [(text, "$accent bold reverse")]
        return [(f" {target.label} ", "")]

    def _width(self, target: Target) -> int:
        return cell_width(target.label) + 2

    def _window(self) -> tuple[int, int]:
        """The range of visible targets: starts at the first if the chosen one fits, else ends with it."""
        room = self.size.width - 4
        chosen = self.options.index(self.chosen) if self.chosen in self.options else 0
        first = 0
        while first < chosen and sum(self._width(t) for t in self.options[first : chosen + 1]) > room:
            first += 1
        last = first
        while (
            last < len(self.options) and sum(self._width(t) for t in self.options[first : last + 1]) <= room
        ):
            last += 1
        return first, max(last, first + 1)

    def on_click(self, event: events.Click) -> None:
        first, last = self._window()
        x = 2
        for target in self.options[first:last]:
            if x <= event.x < x + self._width(target):
                self.post_message(self.Clicked(target))
                return
            x += self._width(target)
