"""A registry write under way, and what the registry says afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive

from engine.api import StageChange
from engine.entities import ModelVersion
from engine.errors import EngineError
from engine.text import safe
from tui.bridge import Bridge
from tui.dialogs.base import Dialog
from tui.models.plan_view import change_text
from tui.models.sources import STAGE_COLOURS, alias_text, stage_text
from tui.widgets.lines import Lines, field

if TYPE_CHECKING:
    from engine.api import PromotionPlan, PromotionResult

VERSIONS_SHOWN = 12
STILL_WRITING = "Writing; this cannot be undone half-way. The dialog closes when the store answers."


class Receipt(Lines):
    """What is being done, then what came of it."""

    told: reactive[tuple[Content, ...]] = reactive((), layout=True)

    def lines(self, width: int) -> list[Content]:
        return [part for line in self.told for part in (line.wrap(max(2, width)) or [Content("")])]


class WriteDialog(Dialog[bool]):
    """Applies a plan as soon as it is shown; cannot be left while the write is under way. Dismissed
    with True when the plan took effect."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "leave", show=False, id="dialog.leave"),
        Binding("down,j,pagedown", "scroll(4)", show=False, id="dialog.scroll-down"),
        Binding("up,k,pageup", "scroll(-4)", show=False, id="dialog.scroll-up"),
    ]
    DEFAULT_CSS = """
    WriteDialog VerticalScroll { height: auto; max-height: 30; }
    """

    def __init__(
        self,
        bridge: Bridge,
        plan: PromotionPlan,
        apply: Callable[[], PromotionResult],
        read: Callable[[], Sequence[ModelVersion]],
        *,
        doing: str,
    ) -> None:
        """`apply` makes the changes of `plan`, `read` reads the model's versions after a failure;
        `doing` is the word for it: promoting, undoing."""
        super().__init__()
        self.bridge = bridge
        self.plan = plan
        self.title_text = f"{doing.capitalize()} {plan.model} {plan.candidate.version} · {plan.server}"
        self.writing = True
        self.done = False
        self._apply = apply
        self._read = read
        self._doing = doing
        self._began = time.monotonic()
        self._needs_import = "mlflow" not in sys.modules

    def compose_dialog(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Receipt(id="receipt")

    def on_mount(self) -> None:
        self._tick = self.set_interval(1.0, self._tell_progress)
        self._tell_progress()
        self.run_worker(self._write())

    async def _write(self) -> None:
        try:
            result = await self.bridge.call(self._apply)
        except EngineError as error:
            await self._fail(error)
        else:
            self._finish(result)

    async def _fail(self, error: EngineError) -> None:
        """Tell what went wrong, and what the registry says now: nothing half-done stays hidden."""
        told = [Content.styled(f"✗ {safe(error.title)}", "$error bold")]
        told += [Content(safe(part)) for part in (error.detail, error.hint) if part]
        self._tell([*told, Content(""), Content.styled("reading the registry …", "$text-muted")])
        try:
            versions = await self.bridge.call(self._read)
        except EngineError as unread:
            read_back = [Content(f"The registry could not be read: {safe(str(unread))}")]
        else:
            read_back = [
                Content.styled("the registry says now", "$text-muted"),
                *_version_lines(versions, self.plan),
            ]
        self._end([*told, Content(""), *read_back])

    def _finish(self, result: PromotionResult) -> None:
        self.done = True
        if result.verified:
            head = Content.assemble(("✓ done", "$success bold"), " and verified: the registry says")
        else:
            head = Content.assemble(("! not verified", "$warning bold"), ": the registry says")
        told = [head, *_version_lines(result.versions, self.plan)]
        told += [
            Content.assemble(("! ", "$warning"), f"written a second time: {safe(t)}") for t in result.repaired
        ]
        told += [Content.assemble(("! ", "$warning"), safe(note)) for note in result.notes]
        if result.entry_id:
            back = "" if self.plan.undoes else "; u in the models view takes it back"
            told.append(Content.styled(f"written to the activity journal (6){back}", "$text-muted"))
        self._end(told)

    def _end(self, told: Sequence[Content]) -> None:
        self.writing = False
        self._tick.stop()
        self._tell(told)
        self.query_one("#box").border_subtitle = "enter or esc closes"

    def _tell_progress(self) -> None:
        seconds = int(time.monotonic() - self._began)
        waited = f" {seconds} s" if seconds else ""
        first = "importing MLflow for the first write, then " if self._needs_import else ""
        told = [Content(f"{first}{self._doing} …{waited}"), *map(change_text, self.plan.changes)]
        self._tell(told)

    def _tell(self, told: Sequence[Content]) -> None:
        self.query_one("#receipt", Receipt).told = tuple(told)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        if self.writing:
            self.notify(STILL_WRITING, severity="warning", markup=False)
        elif self.is_current:
            self.dismiss(self.done)


def _version_lines(versions: Sequence[ModelVersion], plan: PromotionPlan) -> list[Content]:
    """The versions as they are now, those that the plan is about first."""
    moved = (change.version for change in plan.changes if isinstance(change, StageChange))
    about = {plan.candidate.version, *moved}
    first = [v for v in versions if v.version in about]
    rest = [v for v in versions if v.version not in about]
    lines = []
    for version in (first + rest)[:VERSIONS_SHOWN]:
        items = [
            Content.styled(stage_text(version.stage), STAGE_COLOURS.get(version.stage, "")),
            *([Content.styled(alias_text(version.aliases), "$accent")] if version.aliases else []),
        ]
        lines += field(f"  version {version.version}", items, 200, label_width=16)
    if (left := len(versions) - VERSIONS_SHOWN) > 0:
        lines.append(Content.styled(f"  and {left} more versions", "$text-muted"))
    return lines
