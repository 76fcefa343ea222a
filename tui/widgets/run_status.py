"""The colour of each run status, shared by the run table and the run view."""

from __future__ import annotations

from collections.abc import Mapping

from tui.widgets.table.source import CellStyle

STATUS_STYLES: Mapping[str, CellStyle] = {
    "FINISHED": "good",
    "FAILED": "bad",
    "KILLED": "warning",
    "RUNNING": "accent",
    "SCHEDULED": "muted",
}
