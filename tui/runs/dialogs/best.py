"""The best run by a metric, and the runs tied with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from engine import formats
from engine.text import Shown, cell_width, safe
from tui.dialogs.base import Dialog
from tui.widgets.fit_text import fit
from tui.widgets.scroll_pane import ScrollPane

if TYPE_CHECKING:
    from engine.api import BestRun, Standing

TIES_SHOWN = 12
NAME_WIDTH = 40
"""Maximum cells of the names of parameters and metrics."""


class BestDialog(Dialog[str]):
    """Dismissed with the best run's ID to move the cursor there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "go to the run", id="dialog.go"),
        Binding("w", "write_report", "write a report", id="dialog.report"),
        Binding("i", "show_insights", "insights", id="dialog.insights"),
    ]
    DEFAULT_CSS = """
    BestDialog ScrollPane { height: auto; }
    """

    def __init__(
        self,
        best: BestRun,
        standing: Standing | None,
        *,
        filtered: bool = False,
        write_report: Callable[[], None] = lambda: None,
        show_insights: Callable[[], None] = lambda: None,
    ) -> None:
        """`write_report` and `show_insights` are called when the operator asks for a report on these runs, or
        for insights into them."""
        super().__init__()
        self._show_insights = show_insights
        self._write_report = write_report
        self.best = best
        self._standing = standing
        self._among = "finished runs that match the filter" if filtered else "finished runs"
        self.title_text = f"Best by {best.metric} ({best.direction} is better)"
        self.subtitle_text = "enter run · i insights · w report · esc close"

    def compose_dialog(self) -> ComposeResult:
        with ScrollPane():
            yield Static(self._report(), markup=False)

    def _report(self) -> Content:
        from engine.api import chance

        best = self.best
        lines: list[Content] = [
            Content.assemble(
                (safe(best.run.run_name), "bold $accent"),
                "   ",
                (f"{safe(best.metric)} {formats.number(best.value)}", "bold"),
                f" {self._standing.measured}" if self._standing else "",
                f"   of {formats.count(best.considered)} {self._among}",
            ),
            Content.assemble((safe(best.run.run_id), "$text-muted")),
        ]
        if said := [*filter(None, (*best.sentences, chance(best, self._standing)))]:
            lines += [Content(""), *map(Content, said)]
        if best.tied:
            lines += [Content(""), Content(f"Tied with {len(best.tied)}; decided by {safe(best.tie_break)}:")]
            lines += [Content(f"  {safe(run.run_name)}") for run in best.tied[:TIES_SHOWN]]
            if len(best.tied) > TIES_SHOWN:
                lines.append(Content(f"  … and {len(best.tied) - TIES_SHOWN} more"))
        if best.left_out:
            lines.append(Content.styled(f"excluded: {safe(', '.join(best.left_out))}", "$text-muted"))
        for apart in best.apart:
            lines.append(Content.styled(safe(f"cannot be compared: {apart}"), "$warning"))
        params, metrics = sorted(best.run.params.items()), sorted(best.run.metrics.items())
        numbers = formats.aligned(value for _, value in metrics)
        lines += _pairs("parameters", [(safe(name), safe(value)) for name, value in params])
        lines += _pairs(
            "metrics", [(safe(name), text) for (name, _), text in zip(metrics, numbers, strict=True)]
        )
        return Content("\n").join(lines)

    def on_resize(self, event: events.Resize) -> None:
        """Scroll only what does not fit into the box."""
        self.query_one(ScrollPane).styles.max_height = max(1, event.size.height * 9 // 10 - 2)

    def action_go(self) -> None:
        self.dismiss(self.best.run.run_id)

    def action_write_report(self) -> None:
        self._write_report()

    def action_show_insights(self) -> None:
        self.dismiss()
        self.app.call_later(self._show_insights)


def _pairs(title: str, pairs: Sequence[tuple[Shown, Shown]]) -> list[Content]:
    """Names and values in two columns, under a title."""
    width = min(max((cell_width(name) for name, _ in pairs), default=0), NAME_WIDTH)
    rows = [Content(f"  {fit(name, width)}  {value}") for name, value in pairs]
    return [Content(""), Content.styled(title, "$text-muted"), *rows]
