"""The tables of registered models and their versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from engine import formats
from engine.api import decision_of, key_metrics, request_of
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
_CELL_STYLES: Mapping[Stage, CellStyle] = {
    "None": "muted",
    "Staging": "warning",
    "Production": "good",
    "Archived": "muted",
}

METRICS_SHOWN = 5
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


def asked_text(version: ModelVersion) -> Shown:
    """The promotion that was requested: `→ Production?`, approved: `→ Production ✓`; else nothing."""
    asked, decision = request_of(version), decision_of(version)
    if asked is None or (decision is not None and not decision.approved):
        return Shown("")
    return safe(f"→ {asked.target}{'?' if decision is None else ' ✓'}")


def alias_text(aliases: Iterable[str]) -> Shown:
    """`@champion @blue`"""
    return safe(" ".join(f"@{alias}" for alias in sorted(aliases)))


def model_source(models: Sequence[RegisteredModel], registry: Registry, width: int) -> TextSource:
    """One row per model: its name, number of versions, the ones in Production, its aliases. The name leaves
    room for the numbers within `width` cells; where there is little room, it is the only column."""
    rows = [_model_row(model, registry.get(model.name)) for model in models]
    names = [row.cells[0] for row in rows]
    if width < NUMBERS_FROM:
        return TextSource([_column("name", "name", names, minimum=8)], rows)
    columns = [
        replace(_column("name", "name", names, minimum=8, maximum=max(8, width - BESIDE_NAME)), keep=True),
        _column("versions", "vers", [row.cells[1] for row in rows], numeric=True),
        _column("production", "prod", [row.cells[2] for row in rows], numeric=True, maximum=10),
        _column("aliases", "aliases", [row.cells[3] for row in rows], maximum=40),
    ]
    return TextSource(columns, rows)


def _model_row(model: RegisteredModel, versions: Sequence[ModelVersion] | None) -> TextRow:
    total = model.version_count if versions is None else len(versions)
    if versions is None:
        production = UNREAD
    else:
        held = [str(v.version) for v in versions if v.stage == "Production"]
        production = Shown(", ".join(held)) if held else formats.MISSING
    aliases = [f"{alias}→{version}" for alias, version in model.aliases.items()]
    cells = (
        safe(model.name),
        UNREAD if total is None else formats.count(total),
        production,
        alias_text(aliases) or formats.MISSING,
    )
    styles: dict[int, CellStyle] = {3: "muted"}
    if production not in (UNREAD, formats.MISSING):
        styles[2] = "good"
    return TextRow(model.name, cells, styles)


def version_source(versions: Sequence[ModelVersion], sources: Sources, now: int) -> TextSource:
    """One row per version: stage, aliases, key metrics of its source run, user and creation time."""
    runs = [sources.get(version.run_id) for version in versions]
    names = key_metrics({n for run in runs if run is not None for n in run.metrics}, METRICS_SHOWN)
    metrics = [[None if run is None else run.metrics.get(name) for run in runs] for name in names]
    number_formats = [formats.format_for(column) for column in metrics]
    rows = []
    for at, version in enumerate(versions):
        run_text, run_style = source_text(version, sources)
        cells = [
            safe(version.version),
            Shown(f"{stage_text(version.stage)} {asked_text(version)}".rstrip()),
            alias_text(version.aliases) or formats.MISSING,
            *(fmt(column[at]) for fmt, column in zip(number_formats, metrics, strict=True)),
            formats.ago(version.creation_time, now),
            safe(version.user_id) or formats.MISSING,
            run_text,
            first_line(version.description) or formats.MISSING,
        ]
        styles: dict[int, CellStyle | FirstWord] = {1: FirstWord(_CELL_STYLES.get(version.stage, "muted"))}
        if version.aliases:
            styles[2] = "accent"
        for position, column in enumerate(metrics, start=3):
            if not formats.is_finite(column[at]):
                styles[position] = "bad"
        if run_style is not None:
            styles[len(cells) - 2] = run_style
        rows.append(TextRow(str(version.version), cells, styles))
    return TextSource(_version_columns(names, rows), rows)


def _version_columns(metrics: Sequence[str], rows: Sequence[TextRow]) -> list[TableColumn]:
    heads = ["version", "stage", "aliases", *metrics, "created", "by", "run", "description"]
    cells = [[row.cells[at] for row in rows] for at in range(len(heads))]
    last = len(metrics) + 3
    columns = [
        _column("version", "version", cells[0], numeric=True),
        _column("stage", "stage", cells[1], maximum=32),
        _column("aliases", "aliases", cells[2], maximum=24),
    ]
    for at, name in enumerate(metrics, start=3):
        columns.append(_column(f"metrics.{name}", name, cells[at], numeric=True, maximum=18))
    columns += [
        _column("created", "created", cells[last]),
        _column("by", "by", cells[last + 1], maximum=16),
        _column("run", "run", cells[last + 2], maximum=24),
        _column("description", "description", cells[last + 3], maximum=40),
    ]
    return columns


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


def first_line(text: str) -> Shown:
    return safe(next((line.strip() for line in text.splitlines() if line.strip()), ""))


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
