"""`mlflow-console models`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from engine.entities import ModelVersion, RegisteredModel, Run
from engine.errors import NotFound, StoreUnreadable
from engine.formats import MISSING, ago, count, counted, format_for
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui.cli.json_output import Payload, model_payload, version_payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, Row

if TYPE_CHECKING:
    from engine.api import Engine

STAGE_STYLES = {"Production": "green", "Staging": "yellow", "Archived": "dim"}

Versions = Mapping[str, Sequence[ModelVersion] | None]
"""By model; None where the store cannot read them because the name is not valid Unicode."""

Sources = Mapping[str, Run]
"""Source runs by run id, without those that are gone."""


@click.command()
@click.argument("name", required=False)
@json_option
@pass_invocation
def models(invocation: Invocation, name: str | None, as_json: bool) -> None:
    """List registered models, or the versions of model NAME with the metrics of their source runs.

    \b
    Examples:
      mlflow-console models
      mlflow-console models heart_disease_classifier --json
    """
    uri = invocation.uri()
    with invocation.engine(uri) as engine:
        found = engine.models.registered() if name is None else (engine.models.model(name),)
        versions = {model.name: _versions(engine, model.name) for model in found}
        sources = _sources(engine, versions) if name is not None or as_json else {}
    if as_json:
        write_json({"models": [_payload(model, versions[model.name], sources) for model in found]})
    elif name is None:
        _show_models(found, versions, uri)
    else:
        _show_versions(found[0], versions[name] or (), sources)


def _versions(engine: Engine, name: str) -> Sequence[ModelVersion] | None:
    try:
        return engine.models.versions(name)
    except StoreUnreadable:
        if _is_valid_unicode(name):
            raise
        return None  # one invalid name must not hide the other models


def _is_valid_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sources(engine: Engine, versions: Versions) -> Sources:
    found: dict[str, Run] = {}
    for run_id in {
        version.run_id for group in versions.values() for version in group or () if version.run_id
    }:
        with contextlib.suppress(NotFound):
            found[run_id] = engine.runs.detail(run_id).run
    return found


def _payload(model: RegisteredModel, versions: Sequence[ModelVersion] | None, sources: Sources) -> Payload:
    if versions is None:
        return model_payload(model, None)
    runs = [sources.get(version.run_id) for version in versions]
    metrics = [run.metrics if run else None for run in runs]
    return model_payload(model, [version_payload(v, m) for v, m in zip(versions, metrics, strict=True)])


def _show_models(found: Sequence[RegisteredModel], versions: Versions, uri: TrackingUri) -> None:
    output = Output()
    if not found:
        output.line(f"No registered models in {uri.shown}. Run `mlflow-console demo` to build an example.")
        return
    heads = [
        Head(Shown("name"), keep=True, min_width=16),
        Head(Shown("versions"), right=True, keep=True),
        Head(Shown("Production"), right=True, keep=True),
        Head(Shown("Staging"), right=True),
        Head(Shown("aliases"), min_width=16),
        Head(Shown("last modified")),
        Head(Shown("description"), min_width=16),
    ]
    now = time.time_ns() // 1_000_000
    _note_hidden(output, output.table(heads, [_model_row(m, versions[m.name], now) for m in found]))


def _model_row(model: RegisteredModel, versions: Sequence[ModelVersion] | None, now: int) -> list[Shown]:
    def holding(stage: str) -> Shown:
        return Shown(", ".join(str(v.version) for v in versions or () if v.stage == stage)) or MISSING

    return [
        safe(model.name),
        MISSING if versions is None else count(len(versions)),
        holding("Production"),
        holding("Staging"),
        safe(", ".join(f"{alias}→{number}" for alias, number in sorted(model.aliases.items()))) or MISSING,
        ago(model.last_updated_time, now),
        safe(model.description) or MISSING,
    ]


def _show_versions(model: RegisteredModel, versions: Sequence[ModelVersion], sources: Sources) -> None:
    output = Output()
    output.line(Cell(safe(model.name), "bold"))
    if model.description:
        output.text(model.description)
    if not versions:
        output.line("No versions.")
        return
    show_versions(output, versions, sources)


def show_versions(output: Output, versions: Sequence[ModelVersion], sources: Sources) -> None:
    """Write a table of versions."""
    _note_hidden(output, output.table(*_version_table(versions, sources)))


def _note_hidden(output: Output, columns: int) -> None:
    if columns:
        output.line(Cell(safe(f"{counted(columns, 'column')} hidden: use --json"), "dim"))


def _version_table(versions: Sequence[ModelVersion], sources: Sources) -> tuple[list[Head], list[Row]]:
    """Versions in rows, with the key metrics of their source runs. `by` falls back to the user of the
    source run where the store does not record who created the version."""
    from engine.api import key_metrics

    runs = [sources.get(version.run_id) for version in versions]
    metrics: list[Mapping[str, float]] = [run.metrics if run else {} for run in runs]
    creators = [v.user_id or (run.user_id if run else "") for v, run in zip(versions, runs, strict=True)]
    names = key_metrics({name for found in metrics for name in found})
    formats = {name: format_for([found.get(name) for found in metrics]) for name in names}
    heads = [
        Head(Shown("version"), right=True, keep=True),
        Head(Shown("stage"), keep=True),
        Head(Shown("aliases"), keep=True, min_width=16),
        *(Head(safe(name), right=True, keep=position == 0) for position, name in enumerate(names)),
        Head(Shown("created")),
        *([Head(Shown("by"))] if any(creators) else []),
        Head(Shown("run")),
        Head(Shown("description"), min_width=16),
    ]
    now = time.time_ns() // 1_000_000
    rows: list[Row] = [
        [
            safe(version.version),
            Cell(safe(version.stage), STAGE_STYLES.get(version.stage, "")),
            safe(", ".join(version.aliases)) or MISSING,
            *(formats[name](found.get(name)) for name in names),
            ago(version.creation_time, now),
            *([safe(creator) or MISSING] if any(creators) else []),
            safe(version.run_id) or MISSING,
            safe(version.description) or MISSING,
        ]
        for version, found, creator in zip(versions, metrics, creators, strict=True)
    ]
    return heads, rows
