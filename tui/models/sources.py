"""The table of registered models, and how stages, aliases and source runs are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from engine import formats
from engine.api import OWNER_TAG, last_change, owner_of, shown_tags, versions_in
from engine.entities import ModelVersion, RegisteredModel, Run, Stage
from engine.text import Shown, cell_width, safe
from tui.widgets.table import CellStyle, TableColumn, TextRow, TextSource

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
    models: Sequence[RegisteredModel],
    registry: Registry,
    width: int,
    sources: Sources,
    now: int,
    *,
    has_stages: bool = True,
) -> TextSource:
    """One row per model: its name, number of versions, the ones in Production and Staging, the latest one,
    its aliases, last change, owner and tags. The name leaves room for the numbers within `width` cells; where
    there is little room, it is the only column. In a registry without stages (`has_stages`), the aliases
    stand in their place."""
    known = [_model_cells(model, registry.get(model.name), sources, now) for model in models]
    holders = ["production", "staging", "latest", "aliases"] if has_stages else ["aliases", "latest"]
    shown = ["name"]
    if width >= NUMBERS_FROM:
        shown += ["versions", *holders, "changed", "owner", "tags"]
    columns = [_model_column(key, [cells[key] for cells in known], width) for key in shown]
    rows = [
        TextRow(model.name, [cells[key] for key in shown], _model_styles(cells, shown))
        for model, cells in zip(models, known, strict=True)
    ]
    return TextSource(columns, rows)


def _model_column(key: str, cells: Sequence[Shown], width: int) -> TableColumn:
    match key:
        case "name" if width < NUMBERS_FROM:
            return _column("name", "name", cells, minimum=8)
        case "name":
            most = max(8, width - BESIDE_NAME)
            return replace(_column("name", "name", cells, minimum=8, maximum=most), keep=True)
        case "versions":
            return _column(key, "vers", cells, numeric=True)
        case "production" | "staging":
            return _column(key, key[:4], cells, numeric=True, maximum=10)
        case "aliases" | "tags":
            return _column(key, key, cells, maximum=40)
        case "owner":
            return _column(key, key, cells, maximum=24)
    return _column(key, key, cells, numeric=key == "latest")


def _model_styles(cells: Mapping[str, Shown], shown: Sequence[str]) -> Mapping[int, CellStyle]:
    styles: dict[str, CellStyle] = {"aliases": "muted"}
    if cells["production"] not in (UNREAD, formats.MISSING):
        styles["production"] = "good"
    if cells["staging"] not in (UNREAD, formats.MISSING):
        styles["staging"] = "warning"
    return {at: styles[key] for at, key in enumerate(shown) if key in styles}


def _model_cells(
    model: RegisteredModel, versions: Sequence[ModelVersion] | None, sources: Sources, now: int
) -> Mapping[str, Shown]:
    total = model.version_count if versions is None else len(versions)

    def holding(stage: Stage) -> Shown:
        if versions is None:
            return UNREAD
        return Shown(", ".join(map(str, versions_in(versions, stage)))) or formats.MISSING

    latest = max((version.version for version in versions or ()), default=None)
    aliases = [f"{alias}→{version}" for alias, version in model.aliases.items()]
    tags = " · ".join(f"{key} {value}" for key, value in shown_tags(model.tags) if key != OWNER_TAG)
    return {
        "name": safe(model.name),
        "versions": UNREAD if total is None else formats.count(total),
        "production": holding("Production"),
        "staging": holding("Staging"),
        "latest": UNREAD if versions is None else formats.MISSING if latest is None else safe(latest),
        "aliases": alias_text(aliases) or formats.MISSING,
        "changed": formats.ago(last_change(model, versions or ()), now),
        "owner": safe(owner_of(model, versions or (), sources)) or formats.MISSING,
        "tags": safe(tags) or formats.MISSING,
    }


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
