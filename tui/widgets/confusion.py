"""The confusion matrix of a two-class model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from engine.formats import count
from engine.text import cell_width, cut, safe
from tui.widgets.fit_text import fit

if TYPE_CHECKING:
    from engine.api import Confusion

LABEL_WIDTH = 16
MIN_LABEL_WIDTH = 4
_CORNERS = ("actual ↓ predicted →", "act. ↓ pred. →", "act ↓ pred →")
"""The text above the actual classes: the first that leaves enough room for the labels."""


class ConfusionMatrix(Widget):
    """Rows are actual classes, columns are predicted ones. Wrong predictions have the error colour."""

    DEFAULT_CSS = """
    ConfusionMatrix { height: 3; width: 1fr; color: $text-muted; }
    """

    def __init__(
        self,
        counts: Confusion | None = None,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._counts = counts

    def set_counts(self, counts: Confusion | None) -> None:
        """Show these counts; None clears the matrix."""
        self._counts = counts
        self.refresh(layout=True)

    def render(self) -> Content:
        return Content("") if self._counts is None else matrix(self._counts, self.size.width)


def matrix(counts: Confusion, width: int) -> Content:
    """The matrix in three lines: the predicted classes, then a line for each actual class. Labels are cut to
    fit into `width` cells."""
    names = [cut(safe(label), LABEL_WIDTH) for label in (counts.negative, counts.positive)]
    corner = next(
        (text for text in _CORNERS if _label_room(text, width) >= max(map(cell_width, names))), _CORNERS[-1]
    )
    labels = [cut(name, max(MIN_LABEL_WIDTH, _label_room(corner, width))) for name in names]
    rows = (
        (counts.true_negatives, counts.false_positives),
        (counts.false_negatives, counts.true_positives),
    )
    first = max(len(corner), *(cell_width(label) for label in labels))
    widths = [
        max(cell_width(label), *(len(count(row[column])) for row in rows))
        for column, label in enumerate(labels)
    ]
    header = "  ".join(fit(label, width, right=True) for label, width in zip(labels, widths, strict=True))
    lines = [Content(f"{fit(corner, first, right=True)}  {header}")]
    for actual, row in enumerate(rows):
        cells = [
            Content.styled(fit(count(value), widths[predicted], right=True), _ink(actual == predicted, value))
            for predicted, value in enumerate(row)
        ]
        lines.append(Content("  ").join([Content(fit(labels[actual], first, right=True)), *cells]))
    return Content("\n").join(lines)


def _label_room(corner: str, width: int) -> int:
    """The cells for the label of a column."""
    return (width - len(corner) - 4) // 2


def _ink(right: bool, value: int) -> str:
    if right:
        return "$foreground bold"
    return "$error" if value else ""
