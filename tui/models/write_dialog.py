"""A registry write in progress, and the registry's state afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from engine.api import StageChange
from engine.entities import ModelVersion
from engine.errors import EngineError
from engine.text import safe
from tui.bridge import Bridge
from tui.dialogs.base import Dialog
from tui.dialogs.text import DialogText
from tui.models.plan_view import change_text
from tui.models.sources import STAGE_COLOURS, alias_text, stage_text
from tui.widgets.lines import field

if TYPE_CHECKING:
    from engine.api import PromotionPlan, PromotionResult

MAX_VERSIONS = 12
STILL_WRITING = "The write cannot be interrupted; close the dialog when it has finished."


class WriteDialog(Dialog[bool]):
    """Applies a plan when mounted; cannot be closed during the write. Dismissed with True if the plan was
    applied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "leave", show=False, id="dialog.leave"),
        Binding("down,j", "scroll_text(1)", show=False, id="dialog.scroll-down"),
        Binding("up,k", "scroll_text(-1)", show=False, id="dialog.scroll-up"),
    ]

    def __init__(
        self,
        bridge: Bridge,
        plan: PromotionPlan,
        apply: Callable[[], PromotionResult],
        read: Callable[[], Sequence[ModelVersion]],
        *,
        activity: str,
    ) -> None:
        """`apply` applies `plan`; `read` reads the model's versions after a failure; `activity` describes the
        write: promoting, undoing."""
        super().__init__()
        self.bridge = bridge
        self.plan = plan
        self.title_text = f"{activity.capitalize()} {plan.model} {plan.candidate.version} · {plan.server}"
        self.writing = True
        self.done = False
        self._apply = apply
        self._read = read
        self._activity = activity
        self._started_at = time.monotonic()
        self._needs_import = "mlflow" not in sys.modules

    def compose_dialog(self) -> ComposeResult:
        yield DialogText(id="report")

    def on_mount(self) -> None:
        self._tick = self.set_interval(1.0, self._report_progress)
        self._report_progress()
        self.run_worker(self._write())

    async def _write(self) -> None:
        try:
            result = await self.bridge.call(self._apply)
        except EngineError as error:
            await self._report_error(error)
        else:
            self._report_result(result)

    async def _report_error(self, error: EngineError) -> None:
        """Report the error and the registry's current state, which a failed write may have changed."""
        report = [Content.styled(f"✗ {safe(error.title)}", "$error bold")]
        report += [Content(safe(part)) for part in (error.detail, error.hint) if part]
        self._show_report([*report, Content(""), Content.styled("reading the registry …", "$text-muted")])
        try:
            versions = await self.bridge.call(self._read)
        except EngineError as read_error:
            read_back = [Content(f"The registry could not be read: {safe(str(read_error))}")]
        else:
            read_back = [
                Content.styled("the registry now has", "$text-muted"),
                *_version_lines(versions, self.plan),
            ]
        self._finish([*report, Content(""), *read_back])

    def _report_result(self, result: PromotionResult) -> None:
        self.done = True
        if result.verified:
            head = Content.assemble(("✓ done", "$success bold"), " and verified; the registry now has")
        else:
            head = Content.assemble(("! not verified", "$warning bold"), "; the registry now has")
        report = [head, *_version_lines(result.versions, self.plan)]
        report += [Content.assemble(("! ", "$warning"), f"written again: {safe(t)}") for t in result.repaired]
        report += [Content.assemble(("! ", "$warning"), safe(note)) for note in result.notes]
        if result.entry_id:
            undo = "" if self.plan.undoes else "; press u in the models view to undo"
            report.append(Content.styled(f"recorded in the activity journal (6){undo}", "$text-muted"))
        self._finish(report)

    def _finish(self, report: Sequence[Content]) -> None:
        self.writing = False
        self._tick.stop()
        self._show_report(report)
        self.show_keys("enter or esc close")

    def _report_progress(self) -> None:
        seconds = int(time.monotonic() - self._started_at)
        elapsed = f" {seconds} s" if seconds else ""
        first = "importing MLflow for the first write, then " if self._needs_import else ""
        report = [Content(f"{first}{self._activity} …{elapsed}"), *map(change_text, self.plan.changes)]
        self._show_report(report)

    def _show_report(self, report: Sequence[Content]) -> None:
        self.query_one("#report", DialogText).show(report)

    def action_leave(self) -> None:
        if self.writing:
            self.notify(STILL_WRITING, severity="warning", markup=False)
        elif self.is_current:
            self.dismiss(self.done)


def _stage(version: ModelVersion) -> Content:
    return Content.styled(stage_text(version.stage), STAGE_COLOURS.get(version.stage, ""))


def _version_lines(versions: Sequence[ModelVersion], plan: PromotionPlan) -> list[Content]:
    """The versions' current stages and aliases, those affected by the plan first."""
    moved = (change.version for change in plan.changes if isinstance(change, StageChange))
    affected = {plan.candidate.version, *moved}
    first = [v for v in versions if v.version in affected]
    rest = [v for v in versions if v.version not in affected]
    lines = []
    for version in (first + rest)[:MAX_VERSIONS]:
        items = [
            *([_stage(version)] if plan.has_stages else []),
            *([Content.styled(alias_text(version.aliases), "$accent")] if version.aliases else []),
        ]
        lines += field(f"  version {version.version}", items, 200, label_width=16)
    if (left := len(versions) - MAX_VERSIONS) > 0:
        lines.append(Content.styled(f"  and {left} more versions", "$text-muted"))
    return lines
