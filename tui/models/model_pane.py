"""The list of registered models, searched as one types."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from engine import formats
from engine.api import mentions
from engine.entities import RegisteredModel
from engine.text import Shown
from tui.models.sources import Registry, Sources, model_source
from tui.widgets.controls import Field
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table


class ModelPane(Widget):
    """Lists the models whose name, aliases or tags contain what is typed."""

    DEFAULT_CSS = """
    ModelPane { layout: vertical; }
    ModelPane #models { height: 1fr; }
    ModelPane #model-search { display: none; height: 1; padding: 0 1; }
    ModelPane #model-search Static { width: 2; color: $accent; }
    ModelPane Field { width: 1fr; }
    ModelPane Field:blur { background: transparent; }
    ModelPane.-searching #model-search { display: block; }
    ModelPane #prompts { display: none; height: 1; padding: 0 1; color: $text-muted; }
    ModelPane.-prompts #prompts { display: block; }
    """

    @dataclass
    class Found(Message):
        """A search has left the cursor on this model."""

        key: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._models: Sequence[RegisteredModel] = ()
        self._registry: Registry = {}
        self._sources: Sources = {}
        self._has_stages = True

    def compose(self) -> ComposeResult:
        yield PaneTitle("MODELS", id="models-title")
        with Horizontal(id="model-search", classes="always-shown"):
            yield Static("/", markup=False)
            yield Field(placeholder="name, alias or tag")
        yield Table(id="models", can_mark=False)
        yield Static("", id="prompts", classes="always-shown", markup=False)

    @property
    def table(self) -> Table:
        return self.query_one("#models", Table)

    @property
    def _search(self) -> Field:
        return self.query_one(Field)

    @property
    def is_searching(self) -> bool:
        return self.has_class("-searching")

    def show(
        self,
        models: Sequence[RegisteredModel],
        registry: Registry,
        sources: Sources,
        *,
        has_stages: bool = True,
    ) -> None:
        """Show these models; `registry` and `sources` hold what is known of their versions and runs."""
        self._models, self._registry, self._sources = models, registry, sources
        self._has_stages = has_stages
        self._draw()

    def show_prompts(self, number: int | None) -> None:
        """Say how many prompts are left out."""
        self.set_class(bool(number), "-prompts")
        self.query_one("#prompts", Static).update(f"{formats.counted(number or 0, 'prompt')} not shown")

    def open_search(self) -> None:
        self.add_class("-searching")
        self._search.focus()

    def close_search(self) -> None:
        """Show all models again."""
        self.remove_class("-searching")
        if self._search.has_focus:
            self.table.focus()
        self._search.value = ""
        self._draw()

    @on(Input.Changed)
    def _search_models(self) -> None:
        self._draw()
        if (key := self.table.cursor_key) is not None:
            self.post_message(self.Found(key))

    @on(Table.Resized)
    def _draw(self) -> None:
        text = self._search.value.strip()
        found = [model for model in self._models if mentions(model, text)]
        now = int(time.time() * 1000)
        table = self.table
        table.set_empty_text([Shown("No matching models")] if text else [])
        width, has_stages = table.size.width, self._has_stages
        table.set_source(
            model_source(found, self._registry, width, self._sources, now, has_stages=has_stages)
        )
        total = formats.count(len(self._models))
        facts = f"{formats.count(len(found))} of {total}" if text else total
        self.query_one("#models-title", PaneTitle).facts = Shown(facts)

    @on(Input.Submitted)
    def _go_to_models(self) -> None:
        if not self._search.value.strip():
            self.close_search()
        self.table.focus()
