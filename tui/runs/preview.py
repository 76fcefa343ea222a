"""A preview of a run (key metrics, confusion counts, parameters) or of a group (statistics)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine import formats
from engine.api import confusion_of, key_metrics
from engine.entities import Run
from engine.text import cell_width, cut, safe
from tui.widgets.confusion import matrix
from tui.widgets.fit_text import fit

if TYPE_CHECKING:
    from engine.api import GroupSummary


METRIC_VALUE_WIDTH = 14
"""Cells for a metric's value and the gaps around it."""
MIN_NAME_WIDTH = 8


class RunPreview(Widget):
    DEFAULT_CSS = """
    RunPreview { height: 5; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    subject: reactive[Run | GroupSummary | None] = reactive(None)

    def render(self) -> Content:
        subject, width = self.subject, self.size.width
        lines = max(1, self.size.height - 1)
        if subject is None:
            return Content("")
        if isinstance(subject, Run):
            title, hint, blocks = safe(subject.run_name), "enter opens", _run_blocks(subject, lines, width)
        else:
            hint = f"{subject.runs}  enter {'closes' if subject.is_open else 'opens'}"
            title, blocks = subject.title, [_statistics_block(subject, width)]
        room = width - cell_width(hint) - 2
        head = Content.assemble((cut(title, room), "bold"), (f"  {hint}", "$text-muted"))
        return Content("\n").join([head, *_side_by_side(blocks, lines, width)])


def _run_blocks(run: Run, lines: int, width: int) -> list[list[Content]]:
    blocks = [_metric_block(run, lines, width)]
    confusion = confusion_of(run.metrics, run.tags)
    if confusion is not None and width >= 90:
        blocks.append(matrix(confusion, width).split("\n"))
    return [*blocks, _param_block(run, lines, 40 if width >= 120 else 28)]


def _statistics_block(group: GroupSummary, width: int) -> list[Content]:
    """`accuracy  0.8885 ± 0.0223   0.8525 … 0.9180`, one line per metric."""
    if not group.metrics:
        return [Content.styled("no metrics", "$text-muted")]
    widths = [max(map(cell_width, column)) for column in zip(*group.metrics, strict=True)]
    others = sum(widths[1:]) + 11  # with the separators
    widths[0] = min(widths[0], max(MIN_NAME_WIDTH, width - others))
    rows = []
    for name, mean, *spread in group.metrics:
        std, low, high = (fit(text, cells) for text, cells in zip(spread, widths[2:], strict=True))
        statistics = f"  {fit(mean, widths[1], right=True)}"
        if any(spread):
            statistics += f" ± {std}   {low} … {high}"
        rows.append(Content.assemble((fit(name, widths[0]), "$text-muted"), statistics))
    return rows


def _metric_block(run: Run, lines: int, width: int) -> list[Content]:
    names = key_metrics(run.metrics, 2 * lines)
    room = max(MIN_NAME_WIDTH, width // (1 if len(names) <= lines else 2) - METRIC_VALUE_WIDTH)
    cells = [
        (cut(safe(name), room), formats.number(value), "" if formats.is_finite(value) else "$error")
        for name, value in ((name, run.metrics[name]) for name in names)
    ]
    if not cells:
        return [Content.styled("no metrics yet", "$text-muted")]
    return _in_columns(cells, lines, right=True)


def _param_block(run: Run, lines: int, width: int) -> list[Content]:
    cells = [(cut(safe(k), 20), cut(safe(v), width // 2), "") for k, v in sorted(run.params.items())]
    if not cells:
        return [Content.styled("no parameters", "$text-muted")]
    return _in_columns(cells[: 2 * lines], lines, right=False)


def _in_columns(cells: Sequence[tuple[str, str, str]], lines: int, *, right: bool) -> list[Content]:
    """Names, values and the styles of the values, in as many aligned columns as needed."""
    columns = [cells[i : i + lines] for i in range(0, len(cells), lines)]
    rows: list[Content] = []
    for line in range(max(len(column) for column in columns)):
        parts: list[Content | str | tuple[str, str]] = []
        for column in columns:
            name_width = max(cell_width(name) for name, *_ in column)
            value_width = max(cell_width(value) for _, value, _ in column)
            name, value, style = column[line] if line < len(column) else ("", "", "")
            parts += [
                (fit(name, name_width), "$text-muted"),
                " ",
                (fit(value, value_width, right=right), style),
                "   ",
            ]
        rows.append(Content.assemble(*parts))
    return rows


def _side_by_side(blocks: list[list[Content]], lines: int, width: int) -> list[Content]:
    """Blocks side by side, spread over the width; blocks that do not fit are dropped."""
    widths = [max(line.cell_length for line in block) for block in blocks]
    while len(blocks) > 1 and sum(widths) + 4 * (len(blocks) - 1) > width:
        blocks, widths = blocks[:-1], widths[:-1]
    gap = 4 if len(blocks) < 2 else max(4, min(12, (width - sum(widths)) // (len(blocks) - 1)))
    rows = []
    for line in range(lines):
        parts: list[Content | str] = []
        for block, block_width in zip(blocks, widths, strict=True):
            cell = block[line] if line < len(block) else Content("")
            parts += [cell, " " * (block_width - cell.cell_length + gap)]
        rows.append(Content.assemble(*parts).rstrip())
    return rows
