"""Who had a stage or an alias of a model when, as far as this account can know."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive

from engine.api import ApprovalEvent, PromotionEvent
from engine.errors import EngineError
from engine.formats import moment
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.tasks import Tasks
from tui.widgets.lines import Lines, field, paragraph

if TYPE_CHECKING:
    from engine.api import Engine, Held, ModelHistory
    from tui.bridge import Bridge

LABEL = 21
"""Of a time and a space or two."""
SOURCES = {
    "journal": "",
    "tag": "known from its tags",
    "seen": "changed elsewhere",
}


class HistoryLines(Lines):
    """Who has what now, then the changes, newest first."""

    history: reactive[ModelHistory | EngineError | None] = reactive(None, layout=True)

    def lines(self, width: int) -> list[Content]:
        found = self.history
        if found is None:
            return [Content.styled("reading …", "$text-muted")]
        if isinstance(found, EngineError):
            return [Content.styled(safe(found.title), "$error"), Content(safe(found.detail, 400))]
        lines = [Content.styled("now", "bold")]
        for held in found.at(found.now_ms):
            lines += field(safe(held.target, LABEL - 2), _held(held), width, label_width=LABEL)
        lines += [Content(""), Content.styled("changes", "bold")]
        for event in found.timeline:
            at = moment(event.at) if isinstance(event, ApprovalEvent) else moment(event.until)
            lines += field(at, _event(event), width, label_width=LABEL)
        if not found.timeline:
            lines.append(Content("No change of a stage or an alias is known."))
        since = f"MLflow keeps no history; this account knows of changes since {moment(found.known_since)}."
        return [*lines, Content(""), *paragraph([since], width, 3, "$text-muted")]


class HistoryDialog(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "leave", show=False, id="dialog.leave"),
        Binding("down,j", "scroll(1)", show=False, id="dialog.scroll-down"),
        Binding("up,k", "scroll(-1)", show=False, id="dialog.scroll-up"),
        Binding("pagedown,ctrl+d", "scroll(10)", show=False, id="dialog.page-down"),
        Binding("pageup,ctrl+u", "scroll(-10)", show=False, id="dialog.page-up"),
    ]
    DEFAULT_CSS = """
    HistoryDialog VerticalScroll { height: auto; max-height: 100%; }
    """

    def __init__(self, engine: Engine, bridge: Bridge, model: str) -> None:
        super().__init__()
        self.title_text = f"Who had which stage of {model} when"
        self.subtitle_text = "↑ ↓ scroll · esc close"
        self._engine = engine
        self._bridge = bridge
        self._model = model

    def compose_dialog(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield HistoryLines()

    def on_mount(self) -> None:
        read = partial(self._engine.models.history, self._model)
        Tasks.of(self, self._bridge).ask(read, self._show, group="history", failed=self._show)

    def _show(self, found: ModelHistory | EngineError) -> None:
        self.query_one(HistoryLines).history = found

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False, immediate=True)


def _held(held: Held) -> list[Content]:
    items = [Content(held.holder)]
    if held.event is not None and held.versions is not None:
        items.append(Content.styled(f"since {held.event.when}", "$text-muted"))
    return items


def _event(event: PromotionEvent | ApprovalEvent) -> list[Content]:
    items = [Content(safe(f"{event.target}: {event.change}"))]
    if event.by:
        items.append(Content(safe(f"by {event.by}")))
    if isinstance(event, PromotionEvent):
        if not event.is_exact:
            items.append(Content.styled(event.when, "$warning"))
        if source := SOURCES[event.source]:
            items.append(Content.styled(source, "$text-muted"))
    if event.reason:
        items.append(Content(safe(event.reason)))
    return items
