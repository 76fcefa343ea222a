"""The run under the cursor in a few lines: its key metrics, its confusion counts, its parameters."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine import values
from engine.entities import Run
from engine.runs.metrics import confusion_of, key_metrics
from engine.text import Shown, cut, safe
from tui.widgets.cells import fit
from tui.widgets.confusion import matrix


class RunPreview(Widget):
    DEFAULT_CSS = """
    RunPreview { height: 5; padding: 0 1; }
    """

    run: reactive[Run | None] = reactive(None)

    def render(self) -> Content:
        run, width = self.run, self.size.width
        if run is None:
            return Content("")
        lines = max(1, self.size.height - 1)
        head = Content.assemble(
            (cut(safe(run.run_name), width - 12), "bold"), ("  enter opens", "$text-muted")
        )
        confusion = confusion_of(run.metrics, run.tags)
        blocks = [_metric_block(run, lines)]
        if confusion is not None and width >= 90:
            blocks.append(matrix(confusion).split("\n"))
        blocks.append(_param_block(run, lines, 40 if width >= 120 else 28))
        return Content("\n").join([head, *_beside(blocks, lines, width)])


def _metric_block(run: Run, lines: int) -> list[Content]:
    names = key_metrics(run.metrics, 2 * lines)
    cells = [(safe(name), values.number(run.metrics[name])) for name in names]
    if not cells:
        return [Content.styled("no metrics yet", "$text-muted")]
    return _in_columns(cells, lines, right=True)


def _param_block(run: Run, lines: int, width: int) -> list[Content]:
    cells = [(cut(safe(k), 20), cut(safe(v), width // 2)) for k, v in sorted(run.params.items())]
    if not cells:
        return [Content.styled("no parameters", "$text-muted")]
    return _in_columns(cells[: 2 * lines], lines, right=False)


def _in_columns(cells: list[tuple[Shown, Shown]], lines: int, *, right: bool) -> list[Content]:
    """Name-and-value pairs in as many columns as it takes, each aligned."""
    columns = [cells[i : i + lines] for i in range(0, len(cells), lines)]
    rows: list[Content] = []
    for line in range(max(len(column) for column in columns)):
        parts: list[Content | str | tuple[str, str]] = []
        for column in columns:
            names = max(len(name) for name, _ in column)
            numbers = max(len(value) for _, value in column)
            name, value = column[line] if line < len(column) else (Shown(""), Shown(""))
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
        rows.append(Content.assemble(*parts))
    return rows
