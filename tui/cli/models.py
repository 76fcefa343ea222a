"""`mlflow-console models`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from engine.entities import ModelVersion, RegisteredModel, Run
from engine.errors import NotFound, StoreUnreadable
from engine.formats import MISSING, ago, count, format_for, listed
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, Row, write_json
from tui.cli.payloads import Payload, model_payload, version_payload

if TYPE_CHECKING:
    from engine.api import Engine

STAGE_STYLES = {"Production": "green", "Staging": "yellow", "Archived": "dim"}

Versions = Mapping[str, Sequence[ModelVersion] | None]
"""By model; None where the store cannot be asked for them, because the name is no text."""

Sources = Mapping[str, Run]
"""Source runs by run id; one that is gone is left out."""


@click.command()
@click.argument("name", required=False)
@json_option
@pass_invocation
def models(invocation: Invocation, name: str | None, as_json: bool) -> None:
    """List registered models, or the versions of the model NAME with the metrics of their runs.

    \b
    Example:
      mlflow-console models
      mlflow-console models heart_disease_classifier --json
    """
    uri = invocation.uri()
    with invocation.engine(uri) as engine:
        found = _chosen(engine.models.registered(), name)
        versions = {model.name: _versions(engine, model.name) for model in found}
        sources = _sources(engine, versions) if name is not None or as_json else {}
    if as_json:
        write_json({"models": [_payload(model, versions[model.name], sources) for model in found]})
    elif name is None:
        _show_models(found, versions, uri)
    else:
        _show_versions(found[0], versions[name] or (), sources)


def _chosen(found: tuple[RegisteredModel, ...], name: str | None) -> tuple[RegisteredModel, ...]:
    if name is None:
        return found
    chosen = tuple(model for model in found if model.name == name)
    if not chosen:
        names = listed([model.name for model in found])
        hint = "Name one of them. `mlflow-console models` lists them all."
        raise NotFound(f"There is no registered model {name!r}", f"Models in this store: {names}", hint)
    return chosen


def _versions(engine: Engine, name: str) -> Sequence[ModelVersion] | None:
    try:
        return engine.models.versions(name)
    except StoreUnreadable:
        if _is_text(name):
            raise
        return None  # one such name must not hide all other models


def _is_text(name: str) -> bool:
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
        output.line(f"No registered models in {uri.shown}. `mlflow-console demo` registers one.")
        return
    heads = [
        Head(Shown("name"), keep=True, least=16),
        Head(Shown("versions"), right=True, keep=True),
        Head(Shown("Production"), right=True, keep=True),
        Head(Shown("Staging"), right=True),
        Head(Shown("aliases"), least=16),
        Head(Shown("changed")),
        Head(Shown("description"), least=16),
    ]
    now = time.time_ns() // 1_000_000
    _tell_left_out(output, output.table(heads, [_model_row(m, versions[m.name], now) for m in found]))


def _model_row(model: RegisteredModel, versions: Sequence[ModelVersion] | None, now: int) -> list[Shown]:
    def holding(stage: str) -> Shown:
        return Shown(", ".join(str(v.version) for v in versions or () if v.stage == stage)) or MISSING

    return [
        safe(model.name),
        MISSING if versions is None else count(len(versions)),
        holding("Production"),
        holding("Staging"),
        safe(", ".join(f"{alias}→{number}" for alias, number in sorted(model.aliases.items()))),
        ago(model.last_updated_time, now),
        safe(model.description),
    ]


def _show_versions(model: RegisteredModel, versions: Sequence[ModelVersion], sources: Sources) -> None:
    output = Output()
    output.line(Cell(safe(model.name), "bold"))
    if model.description:
        output.text(model.description)
    if not versions:
        output.line("It has no versions.")
        return
    show_versions(output, versions, sources)


def show_versions(output: Output, versions: Sequence[ModelVersion], sources: Sources) -> None:
    """A table of versions, and how many columns had no room."""
    _tell_left_out(output, output.table(*_version_table(versions, sources)))


def _tell_left_out(output: Output, left_out: int) -> None:
    if left_out:
        told = f"{left_out} more column{'' if left_out == 1 else 's'}: --json"
        output.line(Cell(safe(told), "dim"))


def _version_table(versions: Sequence[ModelVersion], sources: Sources) -> tuple[list[Head], list[Row]]:
    """Versions in rows, with the metrics that say most about their source runs, and who made them: the
    source run's user where the store does not say."""
    from engine.api import key_metrics

    runs = [sources.get(version.run_id) for version in versions]
    own: list[Mapping[str, float]] = [run.metrics if run else {} for run in runs]
    makers = [v.user_id or (run.user_id if run else "") for v, run in zip(versions, runs, strict=True)]
    names = key_metrics({name for found in own for name in found})
    formats = {name: format_for([found.get(name) for found in own]) for name in names}
    heads = [
        Head(Shown("version"), right=True, keep=True),
        Head(Shown("stage"), keep=True),
        Head(Shown("aliases"), keep=True, least=16),
        *(Head(safe(name), right=True, keep=place == 0) for place, name in enumerate(names)),
        Head(Shown("made")),
        *([Head(Shown("by"))] if any(makers) else []),
        Head(Shown("run")),
        Head(Shown("description"), least=16),
    ]
    now = time.time_ns() // 1_000_000
    rows: list[Row] = [
        [
            safe(version.version),
            Cell(safe(version.stage), STAGE_STYLES.get(version.stage, "")),
            safe(", ".join(version.aliases)),
            *(formats[name](found.get(name)) for name in names),
            ago(version.creation_time, now),
            *([safe(maker) or MISSING] if any(makers) else []),
            safe(version.run_id) or MISSING,
            safe(version.description),
        ]
        for version, found, maker in zip(versions, own, makers, strict=True)
    ]
    return heads, rows
