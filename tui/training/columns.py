"""What was understood of a dataset, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import formats
from engine.text import Shown, cut, safe

if TYPE_CHECKING:
    from engine.api import ColumnProfile, DataProfile

EXAMPLE_WIDTH = 24
CLASSES = 6
"""The most classes that are listed."""
HEADS: tuple[tuple[str, bool], ...] = (
    ("column", False),
    ("type", False),
    ("role", False),
    ("missing", True),
    ("levels", True),
    ("remark", False),
    ("example", False),
)
"""The columns of the table, and whether they are right-aligned."""


def profile_table(profile: DataProfile) -> tuple[list[tuple[Shown, bool]], list[list[Shown]]]:
    """The heads and one row per column."""
    heads = [(Shown(label), right) for label, right in HEADS]
    return heads, [column_cells(column, profile.rows) for column in profile.columns]


def column_cells(column: ColumnProfile, rows: int) -> list[Shown]:
    missing = Shown("") if not column.missing else formats.count(column.missing)
    if column.missing and rows:
        missing = Shown(f"{missing} ({column.missing / rows:.0%})")
    return [
        safe(column.name),
        safe(column.type),
        safe("" if column.role == "feature" else column.role),
        missing,
        formats.count(column.levels),
        safe(column.remark),
        cut(safe(", ".join(column.example)), EXAMPLE_WIDTH),
    ]


REMARK = 5
"""The place of the remark in a row."""


def short_summary(profile: DataProfile) -> Shown:
    """`178 rows · 13 of 15 columns · 3 classes · 2 remarks`."""
    columns = len(profile.columns) + profile.hidden - 1
    used = sum(column.role == "feature" for column in profile.columns) + profile.hidden
    target = f"{len(profile.classes)} classes" if profile.classes else profile.task
    of = "" if used == columns else f"{formats.count(used)} of "
    parts = [formats.counted(profile.rows, "row"), f"{of}{formats.counted(columns, 'column')}", target]
    if profile.remarks:
        parts.append(formats.counted(len(profile.remarks), "remark"))
    return Shown(" · ".join(parts))


def summary(profile: DataProfile) -> Shown:
    """`178 rows · 13 numbers · classification, 3 classes: 1 (59), 2 (71), 3 (48)`."""
    features = [column for column in profile.columns if column.role == "feature"]
    parts = [formats.counted(profile.rows, "row")]
    for type_, noun in (("number", "number"), ("category", "category"), ("date", "date")):
        number = sum(column.type == type_ for column in features)
        plural = "categories" if type_ == "category" and number != 1 else None
        if number:
            parts.append(Shown(f"{number} {plural}") if plural else formats.counted(number, noun))
    left_out = sum(column.role == "left out" for column in profile.columns)
    if left_out:
        parts.append(Shown(f"{left_out} left out"))
    parts.append(_target(profile))
    return Shown(" · ".join(parts))


def _target(profile: DataProfile) -> Shown:
    if not profile.classes:
        return safe(profile.task)
    classes = [f"{label} ({formats.count(rows)})" for label, rows in profile.classes.items()]
    return Shown(f"{len(classes)} classes: {formats.listed(classes, CLASSES)}")


def profile_lines(profile: DataProfile) -> Sequence[Shown]:
    """The summary, then the remarks, one a line."""
    hidden = [f"{formats.counted(profile.hidden, 'further column')} not shown"] if profile.hidden else []
    return [summary(profile), *(safe(remark) for remark in (*profile.remarks, *hidden))]
