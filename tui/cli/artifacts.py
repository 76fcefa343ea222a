"""`mlflow-console artifacts`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.entities import Artifact
from engine.errors import NotFound
from engine.formats import counted, size
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from tui.cli.json_output import Payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Head, Output, confirm
from tui.cli.progress import Meter, stop_signals

if TYPE_CHECKING:
    from engine.api import Download, Engine, Picture, Preview, Tree

ID_LENGTH = 32
MAX_LISTED = 2000
PICTURE_COLUMNS, PICTURE_ROWS = 100, 40
TABLE_ROWS = 200


@click.command()
@click.argument("run")
@click.argument("path", required=False, default="")
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Download PATH, or all artifacts, into this folder.",
)
@click.option(
    "-e",
    "--experiment",
    metavar="NAME",
    help="Look up RUN in this experiment: its name or the first 8 characters of its id are then enough.",
)
@yes_option
@json_option
@pass_invocation
def artifacts(
    invocation: Invocation,
    run: str,
    path: str,
    folder: Path | None,
    experiment: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """List the artifacts of RUN, print one, or download them.

    RUN is a run id, or a model version such as models:/churn/3 or models:/churn@champion. Without PATH
    or for a folder, lists files and folders with their sizes; for a file, prints its beginning (at
    most 256 kB are read), pictures as blocks. With -o, downloads to DIR: the number of files and their
    size are shown first, files are complete or absent, and existing ones are only replaced after
    asking (or with --yes). Entries that are not files, such as dangling links, are skipped: the rest is
    written, and the exit status is 1, as it is if some folders could not be listed. A model that the run
    logged is the folder with its name.

    \b
    Examples:
      mlflow-console artifacts 5f0e4b7c9d3a41f2a6b8c1d2e3f40516
      mlflow-console artifacts models:/heart_disease_classifier/2 MLmodel
      mlflow-console artifacts knn-5-euclidean plots -o plots --experiment heart-disease
    """
    with invocation.engine() as engine:
        run_id, path = _located(engine, run, path, experiment)
        if folder is not None:
            complete = _download(engine, run_id, path, folder, yes=yes, as_json=as_json)
        else:
            tree = engine.artifacts.tree(run_id, path)
            complete = not tree.errors
            if tree.root.is_dir:
                _list(run_id, tree, as_json=as_json)
            else:
                _print(run_id, engine.artifacts.preview(run_id, tree.root.path), as_json=as_json)
    return 0 if complete else 1


def _located(engine: Engine, run: str, path: str, experiment: str | None) -> tuple[str, str]:
    if run.startswith("models:"):
        run_id, folder = engine.artifacts.model_location(run)
        return run_id, "/".join(part for part in (folder, path) if part)
    if experiment is not None:
        found = engine.runs.experiment(experiment, allow_deleted=True)
        return engine.runs.resolve_run(found.experiment_id, run), path
    if len(run) < ID_LENGTH:
        try:
            engine.runs.detail(run)
        except NotFound as error:
            error.detail = f"Run ids have {ID_LENGTH} characters."
            error.hint = "With --experiment NAME, its name or the first 8 characters of its id are enough."
            raise
    return run, path


def _list(run_id: str, tree: Tree, *, as_json: bool) -> None:
    if as_json:
        entries = (_payload(artifact) for artifact in tree.artifacts)
        errors = [str(error) for error in tree.errors]
        write_json({"run_id": run_id, "artifacts": entries, "notes": list(tree.notes), "errors": errors})
        return
    output = Output()
    depth = tree.root.path.count("/") + 1 if tree.root.path else 0
    rows = [_row(artifact, depth) for artifact in tree.artifacts[:MAX_LISTED]]
    if rows:
        output.table([Head(Shown("artifact"), keep=True), Head(Shown("size"), right=True, keep=True)], rows)
    hidden = len(tree.artifacts) - len(rows)
    if hidden:
        output.line(safe(f"… and {hidden:,} more; --json lists all."))
    for note in tree.notes:
        output.text(note, "yellow")
    for error in tree.errors:
        output.text(safe(str(error)), "red")
    known = f"{counted(len(tree.files), 'file')}, {size(tree.size)}"
    if not tree.artifacts and not tree.errors:
        output.line("No artifacts.")
    elif tree.files or not tree.errors:
        rest = f" and {tree.unsized} of unknown size" if tree.unsized else ""
        output.line(safe(known + rest + (", and more that could not be listed" if tree.errors else "")))


def _row(artifact: Artifact, depth: int) -> Sequence[Cell | Shown]:
    indent = "  " * (artifact.path.count("/") - depth)
    name = safe(artifact.path.rpartition("/")[2])
    if artifact.is_dir:
        return [Cell(Shown(f"{indent}{name}/"), "bold"), Shown("")]
    if artifact.leads_out:
        from engine.api import LEADS_OUT

        return [Cell(Shown(f"{indent}{name}  {LEADS_OUT}"), "yellow"), size(artifact.size)]
    return [Shown(indent + name), size(artifact.size)]


def _payload(artifact: Artifact) -> Payload:
    return {
        "path": artifact.path,
        "is_dir": artifact.is_dir,
        "size": artifact.size,
        "leads_out": artifact.leads_out,
    }


def _print(run_id: str, found: Preview, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "run_id": run_id,
                **_payload(found.artifact),
                "kind": found.kind,
                "lines": list(found.lines),
                "rows": [list(row) for row in found.rows],
                "notes": list(found.notes),
            }
        )
        return
    output, notes = Output(), Output(err=True)
    for note in found.notes:
        notes.text(note, "yellow")
    if found.picture is not None:
        _draw(output, found.picture)
    elif found.rows:
        header, *rows = found.rows
        heads = [Head(safe(name), right=_is_numeric(rows, at)) for at, name in enumerate(header)]
        hidden = output.table(heads, [[safe(cell) for cell in row] for row in rows[:TABLE_ROWS]])
        if len(rows) > TABLE_ROWS:
            notes.line(safe(f"The first {TABLE_ROWS} of {len(rows):,} rows that were read."))
        if hidden:
            notes.line(safe(f"{counted(hidden, 'column')} did not fit."))
    for line in found.lines:
        output.line(safe(line, len(line)))


def _is_numeric(rows: Sequence[Sequence[str]], column: int) -> bool:
    from engine.formats import as_number

    cells = [row[column] for row in rows[:TABLE_ROWS] if row[column]]
    return bool(cells) and all(as_number(cell) is not None for cell in cells)


def _draw(output: Output, picture: Picture) -> None:
    from tui.widgets.half_blocks import half_blocks, shades

    columns = min(output.width or PICTURE_COLUMNS, PICTURE_COLUMNS)
    coloured = output.is_terminal and output.rich.color_system in ("256", "truecolor")
    if coloured:
        small = picture.fitted(columns, 2 * PICTURE_ROWS)
        for row in half_blocks(small):
            output.line(*(Cell(Shown(text), style) for text, style in row))
    else:
        for line in shades(picture, columns, PICTURE_ROWS):
            output.line(Shown(line))


def _download(engine: Engine, run_id: str, path: str, folder: Path, *, yes: bool, as_json: bool) -> bool:
    """Whether all was written."""
    output = Output(err=as_json)
    plan = engine.artifacts.plan_download(run_id, path, folder)
    output.line(safe(f"{plan.summary} → {folder}"))
    if plan.existing and not yes:
        for line in _existing_lines(plan):
            output.text(line, "yellow")
        confirm(output)
    token = CancelToken()
    with stop_signals(token), Meter(Shown("Downloading")) as meter:

        def show(progress: Progress) -> None:
            note = safe(f"{size(progress.done)} of {size(progress.total)}  {progress.note}")
            meter.update(progress.done, progress.total, note, line=False)

        written = engine.artifacts.download(plan, replace=bool(plan.existing), on_progress=show, cancel=token)
    if as_json:
        files = [str(target) for target in written.files]
        left_out = [{"path": artifact.path, "reason": str(error)} for artifact, error in written.left_out]
        write_json({"run_id": run_id, "files": files, "bytes": written.size, "left_out": left_out})
    else:
        output.line(safe(f"{written.summary} written to {folder}"))
    for sentence in written.sentences:
        Output(err=True).text(sentence, "yellow")
    return not written.left_out


def _existing_lines(plan: Download) -> Iterator[Shown]:
    for target in plan.existing[:8]:
        yield safe(f"{target} exists and will be replaced.")
    if len(plan.existing) > 8:
        yield safe(f"… and {len(plan.existing) - 8:,} more.")
