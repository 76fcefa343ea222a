"""What is under the cursor in a few lines: a run's key metrics, confusion counts and parameters, a group's
statistics."""

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
from tui.widgets.cells import fit
from tui.widgets.confusion import matrix

if TYPE_CHECKING:
    from engine.api import GroupSummary


BESIDE_NAME = 14
"""Cells of a metric that are not its name's: the value, blanks before and after it."""
SHORTEST = 8
"""Cells of a name that are shown however little room there is."""


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
            title, told, blocks = safe(subject.run_name), "enter opens", _run_blocks(subject, lines, width)
        else:
            told = f"{subject.runs}  enter {'closes' if subject.is_open else 'opens'}"
            title, blocks = subject.title, [_statistics_block(subject, width)]
        room = width - cell_width(told) - 2
        head = Content.assemble((cut(title, room), "bold"), (f"  {told}", "$text-muted"))
        return Content("\n").join([head, *_beside(blocks, lines, width)])


def _run_blocks(run: Run, lines: int, width: int) -> list[list[Content]]:
    blocks = [_metric_block(run, lines, width)]
    confusion = confusion_of(run.metrics, run.tags)
    if confusion is not None and width >= 90:
        blocks.append(matrix(confusion).split("\n"))
    return [*blocks, _param_block(run, lines, 40 if width >= 120 else 28)]


def _statistics_block(group: GroupSummary, width: int) -> list[Content]:
    """`accuracy  0.8885 ± 0.0223   0.8525 … 0.9180`, one metric below the other."""
    if not group.metrics:
        return [Content.styled("no metrics", "$text-muted")]
    widths = [max(map(cell_width, column)) for column in zip(*group.metrics, strict=True)]
    beside = sum(widths[1:]) + 11  # with what stands between them
    widths[0] = min(widths[0], max(SHORTEST, width - beside))
    rows = []
    for name, mean, *spread in group.metrics:
        std, least, most = (fit(text, cells) for text, cells in zip(spread, widths[2:], strict=True))
        told = f"  {fit(mean, widths[1], right=True)}" + (
            f" ± {std}   {least} … {most}" if any(spread) else ""
        )
        rows.append(Content.assemble((fit(name, widths[0]), "$text-muted"), told))
    return rows


def _metric_block(run: Run, lines: int, width: int) -> list[Content]:
    names = key_metrics(run.metrics, 2 * lines)
    room = max(SHORTEST, width // (1 if len(names) <= lines else 2) - BESIDE_NAME)
    cells = [(cut(safe(name), room), formats.number(run.metrics[name])) for name in names]
    if not cells:
        return [Content.styled("no metrics yet", "$text-muted")]
    return _in_columns(cells, lines, right=True)


def _param_block(run: Run, lines: int, width: int) -> list[Content]:
    cells = [(cut(safe(k), 20), cut(safe(v), width // 2)) for k, v in sorted(run.params.items())]
    if not cells:
        return [Content.styled("no parameters", "$text-muted")]
    return _in_columns(cells[: 2 * lines], lines, right=False)


def _in_columns(cells: Sequence[tuple[str, str]], lines: int, *, right: bool) -> list[Content]:
    """Name-and-value pairs in as many columns as it takes, each aligned."""
    columns = [cells[i : i + lines] for i in range(0, len(cells), lines)]
    rows: list[Content] = []
    for line in range(max(len(column) for column in columns)):
        parts: list[Content | str | tuple[str, str]] = []
        for column in columns:
            names = max(cell_width(name) for name, _ in column)
            numbers = max(cell_width(value) for _, value in column)
            name, value = column[line] if line < len(column) else ("", "")
            parts += [(fit(name, names), "$text-muted"), " ", fit(value, numbers, right=right), "   "]
        rows.append(Content.assemble(*parts))
    return rows


def _beside(blocks: list[list[Content]], lines: int, width: int) -> list[Content]:
    """Blocks side by side, spread over the width; what does not fit is left away whole."""
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
