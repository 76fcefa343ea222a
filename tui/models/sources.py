"""The table of registered models, and how stages, aliases and source runs are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from engine import formats
from engine.api import OWNER_TAG, last_change, owner_of, shown_tags, versions_in
from engine.entities import ModelVersion, RegisteredModel, Run, Stage
from engine.text import Shown, cell_width, safe
from tui.widgets.table import CellStyle, FirstWord, TableColumn, TextRow, TextSource

STAGE_GLYPHS: Mapping[Stage, str] = {"None": "–", "Staging": "◐", "Production": "●", "Archived": "○"}
STAGE_COLOURS: Mapping[Stage, str] = {
    "None": "$text-muted",
    "Staging": "$warning",
    "Production": "$success",
    "Archived": "$text-muted",
}
UNREAD = Shown("…")
BESIDE_NAME = 17
"""Cells of the models table not available to the name: gutter, gaps, two narrow numbers."""
NUMBERS_FROM = 40
"""The width from which the models table has columns beside the name."""

Sources = Mapping[str, Run | None]
"""Source runs by id; None for a missing run. Runs not read yet have no entry."""
Registry = Mapping[str, Sequence[ModelVersion]]
"""Versions by model name, newest first. Models not read yet have no entry."""


def stage_text(stage: Stage) -> Shown:
    """`● Production`"""
    return safe(f"{STAGE_GLYPHS.get(stage, '?')} {stage}")


def alias_text(aliases: Iterable[str]) -> Shown:
    """`@champion @blue`"""
    return safe(" ".join(f"@{alias}" for alias in sorted(aliases)))


def model_source(
    models: Sequence[RegisteredModel], registry: Registry, width: int, sources: Sources, now: int
) -> TextSource:
    """One row per model: its name, number of versions, the ones in Production and Staging, the latest one,
    its aliases, last change, owner and tags. The name leaves room for the numbers within `width` cells; where
    there is little room, it is the only column."""
    rows = [_model_row(model, registry.get(model.name), sources, now) for model in models]
    cells = [[row.cells[at] for row in rows] for at in range(9)]
    if width < NUMBERS_FROM:
        return TextSource([_column("name", "name", cells[0], minimum=8)], rows)
    columns = [
        replace(_column("name", "name", cells[0], minimum=8, maximum=max(8, width - BESIDE_NAME)), keep=True),
        _column("versions", "vers", cells[1], numeric=True),
        _column("production", "prod", cells[2], numeric=True, maximum=10),
        _column("staging", "stag", cells[3], numeric=True, maximum=10),
        _column("latest", "latest", cells[4], numeric=True),
        _column("aliases", "aliases", cells[5], maximum=40),
        _column("changed", "changed", cells[6]),
        _column("owner", "owner", cells[7], maximum=24),
        _column("tags", "tags", cells[8], maximum=40),
    ]
    return TextSource(columns, rows)


def _model_row(
    model: RegisteredModel, versions: Sequence[ModelVersion] | None, sources: Sources, now: int
) -> TextRow:
    total = model.version_count if versions is None else len(versions)

    def holding(stage: Stage) -> Shown:
        if versions is None:
            return UNREAD
        return Shown(", ".join(map(str, versions_in(versions, stage)))) or formats.MISSING

    latest = max((version.version for version in versions or ()), default=None)
    aliases = [f"{alias}→{version}" for alias, version in model.aliases.items()]
    production, staging = holding("Production"), holding("Staging")
    cells = (
        safe(model.name),
        UNREAD if total is None else formats.count(total),
        production,
        staging,
        UNREAD if versions is None else formats.MISSING if latest is None else safe(latest),
        alias_text(aliases) or formats.MISSING,
        formats.ago(last_change(model, versions or ()), now),
        safe(owner_of(model, versions or (), sources)) or formats.MISSING,
        safe(" · ".join(f"{key} {value}" for key, value in shown_tags(model.tags) if key != OWNER_TAG))
        or formats.MISSING,
    )
    styles: dict[int, CellStyle | FirstWord] = {5: "muted"}
    if production not in (UNREAD, formats.MISSING):
        styles[2] = "good"
    if staging not in (UNREAD, formats.MISSING):
        styles[3] = "warning"
    return TextRow(model.name, cells, styles)


def source_text(version: ModelVersion, sources: Sources) -> tuple[Shown, CellStyle | None]:
    """The source run of a version, or why it is missing."""
    if not version.run_id:
        return Shown("no run"), "muted"
    if version.run_id not in sources:
        return UNREAD, "muted"
    run = sources[version.run_id]
    if run is None:
        return Shown("✗ run missing"), "warning"
    if run.lifecycle_stage == "deleted":
        return safe(f"✗ deleted {run.run_name}"), "warning"
    return safe(run.run_name), None


def _column(
    key: str,
    label: str,
    cells: Sequence[Shown],
    *,
    numeric: bool = False,
    minimum: int = 1,
    maximum: int = 60,
) -> TableColumn:
    """A column as wide as its widest cell, up to `maximum`; wider if there is room."""
    shown = safe(label)
    natural = max([cell_width(shown), minimum, *(cell_width(cell) for cell in cells)])
    return TableColumn(key, shown, min(maximum, natural), numeric=numeric, full_width=min(natural, 60))
