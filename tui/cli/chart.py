"""`mlflow-console chart`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from engine.errors import NotFound, UsageError
from engine.formats import counted, listed
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.options import (
    Invocation,
    chosen_direction,
    filter_option,
    json_option,
    pass_invocation,
    yes_option,
)
from tui.cli.output import Cell, Output, confirm_replacement
from tui.cli.progress import load_frame, spinner
from tui.cli.selection import column_of, filter_of, hint_for, row_of, usual_metric, words_of

if TYPE_CHECKING:
    from engine.api import Chart, ChartKind, Curves, Direction, Engine, History, RunFrame
    from engine.columns import ColumnKey
    from tui.widgets.plot.drawing import Line

KINDS = ("line", "scatter", "bar", "box", "heat", "rank", "grid")
HISTORY_X = ("step", "time", "wall")
MOST_LINES = 20
"""The most histories drawn together."""
MOST_IN_GRID = 5
"""The most runs in a grid of all metrics."""
MANY = 30
"""More runs than this are shown as a ranking rather than as bars."""

_COLOURS = ("cyan", "yellow", "green", "red", "default", "magenta")
INKS = {
    "label": "dim",
    "axis": "dim",
    "cursor": "cyan",
    "best": "bold green",
    **{f"series-{place}": colour for place, colour in enumerate(_COLOURS, 1)},
    **{f"faint-{place}": f"dim {colour}" for place, colour in enumerate(_COLOURS, 1)},
}
"""The Rich style of each ink; others have none."""

_RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Selection:
    """The runs to draw: `rows` of `frame`, and the experiment that they are from."""

    title: str
    frame: RunFrame
    rows: Sequence[int]


@dataclass(frozen=True)
class Options:
    """How to draw them."""

    metrics: tuple[str, ...]
    kind: ChartKind | Literal["grid"] | None
    x: str | None
    y: str | None
    log: bool
    smooth: float
    direction: Direction | None
    points: int
    """Per history, if it has more."""


@click.command()
@click.argument("targets", nargs=-1, metavar="EXPERIMENT|RUN_ID...")
@click.option(
    "-m",
    "--metric",
    "metrics",
    multiple=True,
    metavar="METRIC",
    help="Draw this metric; repeat for more.  [default: accuracy, or a similar metric]",
)
@click.option(
    "-k", "--kind", type=click.Choice(KINDS), help="The kind of chart.  [default: what suits the data]"
)
@click.option(
    "-x",
    "--x",
    metavar="X",
    help="The x-axis: step, time (since the start), wall (time of day), a parameter, or a metric.",
)
@click.option("--y", metavar="PARAM", help="The second parameter of a heat map.")
@click.option("--log", is_flag=True, help="Use a logarithmic y-axis (line and scatter).")
@click.option(
    "--smooth",
    type=click.FloatRange(0, 0.999),
    default=0.0,
    metavar="WEIGHT",
    help="Smooth histories by an exponential moving average, from 0 to 0.999.",
)
@click.option("--higher", is_flag=True, help="Higher is better for the first metric.")
@click.option("--lower", is_flag=True, help="Lower is better for the first metric.")
@filter_option
@click.option(
    "-e", "--experiment", metavar="NAME", help="Look up runs in this experiment, by name or id prefix."
)
@click.option(
    "--model", metavar="NAME", help="Draw the versions of this model; each argument is then a version."
)
@click.option(
    "-o", "--output", "path", metavar="FILE", help="Write the chart to FILE.png, FILE.svg or FILE.txt."
)
@yes_option
@json_option
@pass_invocation
def chart(
    invocation: Invocation,
    targets: Sequence[str],
    metrics: Sequence[str],
    kind: ChartKind | Literal["grid"] | None,
    x: str | None,
    y: str | None,
    log: bool,
    smooth: float,
    higher: bool,
    lower: bool,
    filter_text: str,
    experiment: str | None,
    model: str | None,
    path: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Draw a chart of the runs of EXPERIMENT (name or id), or of the given runs.

    Kinds: line (the history of metrics), bar and rank (a bar per run; rank adds the parameters that
    vary), scatter (a metric against a parameter or a metric), box (a metric for each value of a
    parameter), heat (the mean of a metric over two parameters), grid (the history of each metric with
    more than one step, at most 5 runs). Excluded runs are counted, with the reason.

    With --model, draw metrics over the versions of a registered model, all or those given, with the
    versions in a stage marked.

    JSON: the data of the chart, with its "kind".

    \b
    Examples:
      mlflow-console chart heart-disease --metric accuracy
      mlflow-console chart heart-disease --metric accuracy --x n_neighbors --kind box
      mlflow-console chart heart-disease --metric accuracy --x n_neighbors --y metric --kind heat
      mlflow-console chart deep --metric val_loss --filter "lr = 0.001" --smooth 0.9 -o val_loss.png
      mlflow-console chart --model heart_disease_classifier --metric accuracy -o versions.png
    """
    from engine.api import points_for
    from tui.charts.saving import save_chart
    from tui.widgets.plot.cells import FILE_WIDTH

    columns = None if path is not None or as_json else Output().width or FILE_WIDTH
    points = points_for(columns, smooth=bool(smooth))
    options = Options(tuple(metrics), kind, x, y, log, smooth, chosen_direction(higher, lower), points)

    if path is not None:
        _check_path(path)
        confirm_replacement(Output(err=as_json), path, yes=yes)
    if model is not None:
        _check_model(options, experiment)
    elif not targets:
        raise UsageError("chart needs an experiment or runs", hint="Or a model: --model NAME.")
    with invocation.engine() as engine:
        if model is not None:
            drawn: Chart = _versions(engine, model, targets, filter_text, options)
        else:
            drawn = _chart(engine, _select(engine, targets, experiment, filter_text), options)
        if path is not None:
            with spinner("Drawing"):
                save_chart(drawn, Path(path))
    if as_json:
        write_json({"kind": kind if kind == "grid" else _kind_of(drawn), **asdict(drawn)})
    elif path is not None:
        Output().line(safe(f"{drawn.caption.title} written to {path}"))
    else:
        _show(Output(), drawn)


def _check_path(path: str) -> None:
    """Raises `UsageError` for a file that a chart cannot be written to."""
    from engine.api import checked_suffix

    if path in ("", "-"):
        raise UsageError("--output needs a file name", f"--output {path}".strip(), "Example: -o chart.png")
    checked_suffix(Path(path))


# ── versions ─────────────────────────────────────────────────────────────────


def _check_model(options: Options, experiment: str | None) -> None:
    """Raises `UsageError` for options of runs."""
    given = {
        "--experiment": experiment,
        "--kind": options.kind not in (None, "line"),
        "--x": options.x,
        "--y": options.y,
        "--smooth": options.smooth,
    }
    if option := next((option for option, value in given.items() if value), None):
        hint = "Versions are drawn as a line over their numbers."
        raise UsageError(f"{option} and --model cannot be combined", "It applies to runs.", hint)


def _versions(
    engine: Engine, model: str, numbers: Sequence[str], filter_text: str, options: Options
) -> Curves:
    """The metrics over the versions of a model, or those of these numbers, that match the filter."""
    from engine.api import over_versions, unknown_metric, version_frame
    from engine.columns import ColumnKey

    versions = engine.models.versions(model)
    sources = engine.models.source_runs(versions)
    logged = engine.models.logged_metrics(versions, sources)
    has_stages = engine.models.without_stages(model) is None
    frame = version_frame(versions, sources, logged, has_stages=has_stages)
    rows = filter_of(filter_text, frame).rows(frame)
    if numbers:
        given = {_version_row(text, frame, model) for text in numbers}
        rows = [row for row in rows if row in given]
    if not rows:
        raise NotFound("No matching versions" if filter_text else f"{model} has no versions", filter_text)
    metrics = words_of(options.metrics) or [usual_metric(frame)]
    for metric in metrics:
        if ColumnKey("metric", metric) not in frame:
            raise unknown_metric(frame, rows, metric)
    drawn = over_versions(frame, rows, model, metrics, log=options.log)
    return replace(drawn, y=replace(drawn.y, direction=options.direction or drawn.y.direction))


def _version_row(text: str, frame: RunFrame, model: str) -> int:
    row = frame.row_of(text)
    if row is None:
        raise NotFound(f"{model} has no version {text}", f"It has {counted(len(frame), 'version')}")
    return row


# ── what to draw ─────────────────────────────────────────────────────────────


def _select(engine: Engine, targets: Sequence[str], experiment: str | None, filter_text: str) -> Selection:
    """The runs of an experiment, or the runs given."""
    from engine.api import filtered_name

    are_runs = experiment is not None or len(targets) > 1 or _RUN_ID.fullmatch(targets[0])
    if are_runs and filter_text:
        raise UsageError("--filter needs an experiment and no run ids", hint="Drop the ids, or the filter.")
    if experiment is not None:
        found = engine.runs.experiment(experiment)
        frame = load_frame(engine, found)
        rows = list(dict.fromkeys(row_of(text, frame, found.name) for text in targets))
        return Selection(found.name, frame, rows)
    if are_runs:
        return _given_runs(engine, targets)
    found = engine.runs.experiment(targets[0])
    frame = load_frame(engine, found, filter_text)
    rows = list(filter_of(filter_text, frame).rows(frame))
    if not rows:
        hint = hint_for(filter_text, frame) or "Use another filter or experiment."
        raise NotFound("No matching runs" if filter_text else "The experiment has no runs", filter_text, hint)
    return Selection(filtered_name(found.name, filter_text), frame, rows)


def _given_runs(engine: Engine, run_ids: Sequence[str]) -> Selection:
    from engine.api import RunFrame

    try:
        runs = [engine.runs.detail(run_id).run for run_id in dict.fromkeys(run_ids)]
    except NotFound as error:
        if any(not _RUN_ID.fullmatch(run_id) for run_id in run_ids):
            error.hint = (
                "Give one experiment, or complete run ids; with --experiment NAME, names and prefixes."
            )
        raise
    homes = list(dict.fromkeys(run.experiment_id for run in runs))
    names = [engine.runs.experiment(home, allow_deleted=True).name for home in homes]
    return Selection(listed(names, 3), RunFrame.from_runs(runs), range(len(runs)))


def _chart(engine: Engine, selection: Selection, options: Options) -> Chart:
    from engine.api import ChartRequest, across, direction_of, unknown_metric
    from engine.columns import ColumnKey

    frame, rows = selection.frame, selection.rows
    if options.kind == "grid":
        return _grid(engine, selection, options)
    metrics = tuple(words_of(options.metrics)) or (usual_metric(frame),)
    for metric in metrics:
        if ColumnKey("metric", metric) not in frame and ColumnKey("param", metric) not in frame:
            raise unknown_metric(frame, rows, metric)
    x = _column(options.x, frame)
    kind, found = options.kind or _kind_asked(selection, options, x), None
    if kind in (None, "line"):
        found = _histories(engine, selection, metrics, options)
    if kind is None:
        usual: ChartKind = "bar" if len(rows) <= MANY else "rank"
        kind = "line" if any(history.has_steps for history in found or ()) else usual
    _check(kind, options)
    if kind == "line":
        return _curves(found or (), selection, metrics, options)
    direction = options.direction or direction_of(metrics[0])
    request = ChartRequest(
        kind,
        metrics,
        x,
        None if options.y is None else column_of(options.y, frame, "--y"),
        selection.title,
        directions={metrics[0]: direction} if direction else {},
        log=options.log,
    )
    return across(frame, rows, request)


def _grid(engine: Engine, selection: Selection, options: Options) -> Chart:
    """The histories of all metrics that have more than one step, or of those asked for; system metrics
    last."""
    from engine.api import first_with_metrics

    _check("grid", options)
    frame, rows = selection.frame, selection.rows
    asked = tuple(words_of(options.metrics))
    shown = first_with_metrics(frame, rows, asked, MOST_IN_GRID) if asked else rows[:MOST_IN_GRID]
    runs = [frame.run(row) for row in shown]
    metrics = asked or sorted({name for run in runs for name in run.metrics})
    with spinner("Reading histories"):
        found = engine.charts.histories(runs, metrics, points=options.points)
    having = {history.metric for history in found if history.has_steps}
    names = sorted(having, key=lambda name: (name.startswith("system/"), name))
    if not names:
        raise NotFound("No metric of these runs has more than one step", hint="Use another kind of chart.")
    by_name = [history for name in names for history in found if history.metric == name]
    drawn = _curves(by_name, selection, names, options)
    single = len({history.metric for history in found} - having)
    notes = (f"{counted(single, 'metric')} with one step not shown",) if single else ()
    return replace(drawn, caption=replace(drawn.caption, notes=(*drawn.caption.notes, *notes)))


def _column(text: str | None, frame: RunFrame) -> ColumnKey | None:
    return None if text is None or text in HISTORY_X else column_of(text, frame, "--x")


def _check(kind: ChartKind | Literal["grid"], options: Options) -> None:
    """Raises `UsageError` for options that do not go with the kind of chart."""
    if options.y is not None and kind != "heat":
        raise UsageError("--y works only with --kind heat", f"--kind {kind}", "Use --x for the x-axis.")
    is_history = kind in ("line", "grid")
    if options.x in HISTORY_X and not is_history:
        raise UsageError(
            f"--x {options.x} works only with --kind line and grid",
            f"--kind {kind}",
            "Use a parameter or a metric.",
        )
    if is_history and options.x is not None and options.x not in HISTORY_X:
        raise UsageError("A line is drawn over step, time or wall", f"--x {options.x}", "Use --kind scatter.")
    if options.smooth and not is_history:
        raise UsageError("--smooth works only with --kind line and grid", f"--kind {kind}", "Remove it.")
    if kind in ("bar", "rank") and options.x is not None:
        raise UsageError(f"--kind {kind} has no x-axis", f"--x {options.x}", "Use scatter or box.")


def _kind_asked(selection: Selection, options: Options, x: ColumnKey | None) -> ChartKind | None:
    """The kind that suits the options; None if it depends on the histories."""
    from engine.api import kind_by

    if options.y is not None:
        return "heat"
    if x is not None:
        return kind_by(selection.frame, selection.rows, x)
    return "line" if options.x is not None or options.smooth else None


def _histories(
    engine: Engine, selection: Selection, metrics: Sequence[str], options: Options
) -> tuple[History, ...]:
    """The histories of the first runs with one of the metrics, as many points as `options` need."""
    from engine.api import first_with_metrics

    rows = first_with_metrics(selection.frame, selection.rows, metrics, MOST_LINES)
    runs = [selection.frame.run(row) for row in rows]
    with spinner("Reading histories"):
        return engine.charts.histories(runs, metrics, points=options.points)


def _curves(
    found: Sequence[History], selection: Selection, metrics: Sequence[str], options: Options
) -> Chart:
    from engine.api import curves

    axis = {"time": "relative", "wall": "wall"}.get(options.x or "", "step")
    return curves(
        found,
        metrics,
        axis,  # type: ignore[arg-type]
        experiment=selection.title,
        runs=len(selection.rows),
        smooth=options.smooth,
        log=options.log,
        direction=options.direction,
    )


# ── drawing ──────────────────────────────────────────────────────────────────


def _kind_of(drawn: Chart) -> str:
    from engine.api import Bars, Boxes, HeatMap, Scatter

    if isinstance(drawn, Bars):
        return drawn.kind
    names = {Scatter: "scatter", Boxes: "box", HeatMap: "heat"}
    return next((name for made, name in names.items() if isinstance(drawn, made)), "line")


def _show(output: Output, drawn: Chart) -> None:
    from tui.widgets.plot.cells import FILE_HEIGHT, FILE_WIDTH, drawing_of, notes_of

    width = output.width or FILE_WIDTH
    height = FILE_HEIGHT
    if output.is_terminal:
        height = max(12, min(40, shutil.get_terminal_size().lines - 4 - len(drawn.caption.notes)))
    drawing = drawing_of(drawn, width, height)
    output.line(Cell(safe(drawn.caption.title), "bold"), Cell(safe(f"  {drawn.caption.subject}"), "dim"))
    for line in (*drawing.head, *drawing.body, *drawing.foot):
        output.line(*_cells(line))
    for note in notes_of(drawn, drawing):
        output.text(note, "dim")


def _cells(line: Line) -> list[Cell]:
    return [Cell(Shown(text), INKS.get(ink, "")) for text, ink in line.pieces]
