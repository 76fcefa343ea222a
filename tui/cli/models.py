"""`mlflow-console models`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.api import RunView
from engine.entities import ModelVersion, RegisteredModel, Run
from engine.errors import StoreUnreadable, UsageError
from engine.formats import MISSING, ago, count, counted
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui.cli.json_output import Payload, model_payload, version_payload, write_json
from tui.cli.options import (
    Invocation,
    csv_option,
    filter_option,
    json_option,
    listing_options,
    output_option,
    pass_invocation,
    yes_option,
)
from tui.cli.output import Cell, Head, Output, Row, confirm_replacement
from tui.cli.selection import columns_of, filter_of, hint_for, sort_keys

if TYPE_CHECKING:
    from engine.api import Engine, RunFrame
    from engine.columns import ColumnKey

STAGE_STYLES = {"Production": "green", "Staging": "yellow", "Archived": "dim"}
EXAMPLE = "mlflow-console models heart_disease_classifier"

Versions = Mapping[str, Sequence[ModelVersion] | None]
"""By model; None where the store cannot read them because the name is not valid Unicode."""

Sources = Mapping[str, Run | None]
"""Source runs by run id; None for those that are gone."""


@click.command()
@click.argument("name", required=False)
@filter_option
@listing_options("Sort the versions by this column; repeat for more.", "List at most this many versions.")
@click.option(
    "--search", default="", metavar="TEXT", help="List only models with TEXT in their name or tags."
)
@click.option("--view", "view_name", metavar="VIEW", help="Use a view of the versions saved in the console.")
@csv_option("Export the versions to FILE as CSV, with the parameters and metrics of their source runs.")
@output_option("Export the versions to FILE, with the columns of --csv, or only those of --columns.")
@yes_option
@json_option
@pass_invocation
def models(
    invocation: Invocation,
    name: str | None,
    filter_text: str,
    sorts: Sequence[str],
    limit: int | None,
    columns: Sequence[str],
    search: str,
    view_name: str | None,
    csv_path: str | None,
    output: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """List registered models, or the versions of model NAME with the metrics of their source runs.

    Versions are filtered, sorted and exported like runs. Column names: version, stage, aliases (or alias),
    status, request, created, last_updated, user, run_name, run_id, source, description; metrics.accuracy
    and params.metric of the source run, or just accuracy; tags.x of the version.

    `owner` is the tag owner of the model or, without one, the user of its latest version. Prompts are not
    listed.

    \b
    Examples:
      mlflow-console models
      mlflow-console models heart_disease_classifier --filter "accuracy > 0.9 and stage = production"
      mlflow-console models heart_disease_classifier --filter "alias = champion" --json
      mlflow-console models heart_disease_classifier --sort accuracy:desc --csv versions.csv
    """
    file = csv_path or output
    _check(name, filter_text, sorts, limit, columns, view_name, file, search)
    if csv_path and output:
        raise UsageError("--csv and --output cannot be combined", hint="-o FILE.csv writes CSV, too.")
    if file:
        confirm_replacement(Output(err=as_json), file, yes=yes)
    uri = invocation.uri()
    with invocation.engine(uri) as engine:
        view = engine.models.saved_views(name).view(view_name) if name and view_name else RunView()
        found = engine.models.registered() if name is None else (engine.models.model(name),)
        found = tuple(model for model in found if _mentions(model, search))
        versions = {model.name: _versions(engine, model.name) for model in found}
        read = [version for group in versions.values() for version in group or ()]
        if name is None and not as_json:
            read = [group[0] for group in versions.values() if group]  # for the owners
        sources = engine.models.source_runs(read)
        logged = engine.models.logged_metrics(read, sources) if name else {}
        prompts = engine.models.prompt_count() if name is None and not as_json else None
        has_stages = as_json or not found or engine.models.without_stages(found[0].name) is None
    if name is None:
        if as_json:
            write_json({"models": [_payload(model, versions[model.name], sources) for model in found]})
        else:
            _show_models(found, versions, sources, uri, search, prompts, has_stages=has_stages)
        return
    from engine.api import version_frame

    all_versions = versions[name] or ()
    frame = version_frame(all_versions, sources, logged, has_stages=has_stages)
    view = _overridden(view, frame, filter_text, sorts, columns)
    keys = columns_of(columns, frame)
    _list_versions(found[0], all_versions, frame, sources, view, limit, keys, csv_path, output, as_json)


def _check(
    name: str | None,
    filter_text: str,
    sorts: Sequence[str],
    limit: int | None,
    columns: Sequence[str],
    view_name: str | None,
    file: str | None,
    search: str,
) -> None:
    """Raises `UsageError` for options of versions without a model, and the other way round."""
    given = {
        "--filter": filter_text,
        "--sort": sorts,
        "--limit": limit,
        "--columns": columns,
        "--view": view_name,
        "--csv or --output": file,
    }
    if name is None and (option := next((option for option, value in given.items() if value), None)):
        raise UsageError(f"{option} needs a model", "It applies to versions.", f"Example: {EXAMPLE}")
    if name is not None and search:
        raise UsageError("--search searches models", f"NAME is {name!r}.", "Use --filter for its versions.")


def _mentions(model: RegisteredModel, text: str) -> bool:
    from engine.api import mentions

    return mentions(model, text)


def _overridden(
    view: RunView, frame: RunFrame, filter_text: str, sorts: Sequence[str], columns: Sequence[str]
) -> RunView:
    """The view with the options of the command instead of its settings."""
    sort = tuple(sort_keys(sorts, frame)) or view.sort
    if chosen := columns_of(columns, frame):
        view = replace(view, columns=tuple(chosen), constants_hidden=False)
    return replace(view, filter_text=filter_text or view.filter_text, sort=sort)


def _list_versions(
    model: RegisteredModel,
    versions: Sequence[ModelVersion],
    frame: RunFrame,
    sources: Sources,
    view: RunView,
    limit: int | None,
    keys: Sequence[ColumnKey],
    csv_path: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Write the versions to the file, as JSON or as a table. `keys` are the columns the command names."""
    from engine.api import sorted_rows, versions_sheet, write_sheet

    matching = sorted_rows(frame, view.sort, filter_of(view.filter_text, frame).rows(frame))
    rows = matching[:limit]
    tally = f"{count(len(rows))} of {counted(len(frame), 'version')}"
    if file := csv_path or output:
        sheet = versions_sheet(model.name, frame, rows, keys if output and keys else None)
        write_sheet(sheet, Path(file), ".csv" if csv_path else "")
    if as_json:
        by_number = {str(version.version): version for version in versions}
        listed = [by_number[frame.run_ids[row]] for row in rows]
        write_json({"models": [_payload(model, listed, sources)]})
    elif file:
        Output().line(safe(f"{tally} written to {file}"))
    else:
        hint = hint_for(view.filter_text, frame) if not rows else ""
        _show_versions(model, frame, rows, view, tally, hint)


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


def _payload(model: RegisteredModel, versions: Sequence[ModelVersion] | None, sources: Sources) -> Payload:
    if versions is None:
        return model_payload(model, None)
    runs = [sources.get(version.run_id) for version in versions]
    metrics = [run.metrics if run else None for run in runs]
    return model_payload(model, [version_payload(v, m) for v, m in zip(versions, metrics, strict=True)])


def _show_models(
    found: Sequence[RegisteredModel],
    versions: Versions,
    sources: Sources,
    uri: TrackingUri,
    search: str,
    prompts: int | None,
    *,
    has_stages: bool,
) -> None:
    output = Output()
    if found:
        stages = [Head(Shown("Production"), right=True, keep=True), Head(Shown("Staging"), right=True)]
        heads = [
            Head(Shown("name"), keep=True, min_width=16),
            Head(Shown("versions"), right=True, keep=True),
            *(stages if has_stages else []),
            Head(Shown("aliases"), min_width=16, keep=not has_stages),
            Head(Shown("last change")),
            Head(Shown("owner")),
            Head(Shown("tags"), min_width=16),
            Head(Shown("description"), min_width=16),
        ]
        now = time.time_ns() // 1_000_000
        rows = [_model_row(m, versions[m.name], sources, now, has_stages=has_stages) for m in found]
        _note_hidden(output, output.table(heads, rows))
    elif search:
        output.line(safe(f"No registered model has {search!r} in its name or tags."))
    else:
        output.line(f"No registered models in {uri.shown}. Run `mlflow-console demo` to build an example.")
    if prompts:
        output.line(Cell(safe(f"{counted(prompts, 'prompt')} not shown: prompts share the registry"), "dim"))


def _model_row(
    model: RegisteredModel,
    versions: Sequence[ModelVersion] | None,
    sources: Sources,
    now: int,
    *,
    has_stages: bool,
) -> list[Shown]:
    from engine.api import last_change, owner_of, shown_tags, versions_in

    def holding(stage: str) -> Shown:
        return Shown(", ".join(map(str, versions_in(versions or (), stage)))) or MISSING

    return [
        safe(model.name),
        MISSING if versions is None else count(len(versions)),
        *([holding("Production"), holding("Staging")] if has_stages else []),
        safe(", ".join(f"{alias}→{number}" for alias, number in sorted(model.aliases.items()))) or MISSING,
        ago(last_change(model, versions or ()), now),
        safe(owner_of(model, versions or (), sources)) or MISSING,
        safe(", ".join(f"{key}={value}" for key, value in shown_tags(model.tags))) or MISSING,
        safe(model.description) or MISSING,
    ]


def _show_versions(
    model: RegisteredModel,
    frame: RunFrame,
    rows: Sequence[int],
    view: RunView,
    tally: str,
    hint: str,
) -> None:
    output = Output()
    output.line(Cell(safe(model.name), "bold"))
    if model.description:
        output.text(model.description)
    if not len(frame):
        output.line("No versions.")
        return
    hidden = output.table(*_version_table(frame, rows, view)) if rows else 0
    if hidden or len(rows) < len(frame):
        parts = [tally, *([f"{counted(hidden, 'column')} hidden: use --json or --columns"] if hidden else [])]
        output.line(Cell(safe(" · ".join(parts)), "dim"))
    if hint:
        output.text(safe(hint))


def show_versions(output: Output, versions: Sequence[ModelVersion], *, has_stages: bool) -> None:
    """Write a table of versions, without their source runs."""
    from engine.api import version_frame

    frame = version_frame(versions, {}, has_stages=has_stages)
    _note_hidden(output, output.table(*_version_table(frame, range(len(frame)), RunView())))


def _note_hidden(output: Output, columns: int) -> None:
    if columns:
        output.line(Cell(safe(f"{counted(columns, 'column')} hidden: use --json"), "dim"))


def _version_table(frame: RunFrame, rows: Sequence[int], view: RunView) -> tuple[list[Head], list[Row]]:
    """Versions in rows with the columns of the view, by default those of the models view and the id of the
    run."""
    from engine.api import cell_text, columns_for, default_keys, without_constants
    from engine.columns import ColumnKey

    run_id = ColumnKey("attribute", "source_run")
    at_run = [run_id if key.name == "run" and key.kind == "attribute" else key for key in default_keys(frame)]
    shown = columns_for(frame, view.columns or at_run, formats=view.formats)
    shown = without_constants(frame, view, shown, rows)
    heads = []
    metrics = 0
    for column in shown:
        key = column.key
        metrics += key.kind == "metric"
        keep = (
            bool(view.columns)
            or key.name in ("version", "stage", "aliases")
            or (metrics == 1 and key.kind == "metric")
        )
        wide = key.name in ("aliases", "description")
        heads.append(Head(column.label, right=column.numeric, keep=keep, min_width=16 if wide else 0))
    now = time.time_ns() // 1_000_000
    readers = [frame.reader(column.key) for column in shown]
    cells: list[Row] = []
    for row in rows:
        line: list[Cell] = []
        for column, read in zip(shown, readers, strict=True):
            value = read(row)
            style = STAGE_STYLES.get(str(value), "") if column.key.name == "stage" else ""
            if column.key.name == "stage":
                text = safe(value)
            elif isinstance(value, tuple):
                text = safe(", ".join(value))
            else:
                text = cell_text(column, value, now)
            line.append(Cell(text, style))
        cells.append(line)
    return heads, cells
