"""`mlflow-console compare`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.errors import NotFound, UsageError
from engine.formats import counted, listed
from engine.text import Shown, cut, safe
from tui.cli.json_output import Payload, run_payload, version_payload, write_json
from tui.cli.options import (
    Invocation,
    correct_option,
    filter_option,
    json_option,
    output_option,
    pass_invocation,
    yes_option,
)
from tui.cli.output import MAX_WIDTH, Cell, Output, confirm_replacement
from tui.cli.progress import load_frame
from tui.cli.selection import filter_of, hint_for, row_of
from tui.cli.side_by_side import show_side_by_side, value_limit

if TYPE_CHECKING:
    from engine.api import CompareRow, Comparison, Correction, Direction, Engine, Versus

    Evidence = Mapping[str, Sequence[Versus]]

MAX_RUNS = 200
"""The maximum number of runs to compare."""


MAX_TESTED = 50
"""The most runs whose predictions are read to say whether they differ by more than chance."""
ID_LENGTH = 32
SHORT_IDS = (
    "These ids are incomplete. With --experiment NAME a prefix of an id is enough; "
    "`mlflow-console runs NAME --json` prints complete ids."
)


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option(
    "-e",
    "--experiment",
    metavar="NAME",
    help="Look up runs in this experiment, also by name or id prefix; without RUN, compare all its runs.",
)
@click.option(
    "-m", "--model", metavar="NAME", help="Compare versions of this model; each RUN is then a version."
)
@filter_option
@click.option("-x", "--differences", is_flag=True, help="Show only rows that differ.")
@click.option("--higher", multiple=True, metavar="METRIC", help="Higher is better for this metric.")
@click.option("--lower", multiple=True, metavar="METRIC", help="Lower is better for this metric.")
@correct_option
@output_option("Export the comparison to FILE.")
@yes_option
@json_option
@pass_invocation
def compare(
    invocation: Invocation,
    run_ids: Sequence[str],
    experiment: str | None,
    model: str | None,
    filter_text: str,
    differences: bool,
    higher: Sequence[str],
    lower: Sequence[str],
    correction: Correction,
    output: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Compare runs, or versions of a model, side by side, one column each. ★ marks the best value of each
    metric.

    Whether higher (↑) or lower (↓) is better is inferred from the metric's name; --higher and --lower
    override it. Names and values are cut to fit; JSON has them in full. "accuracy best" is the best value in
    the history of a metric, shown where it is not the last one.

    The line below the most important rate shows the confidence interval of the first run, and whether the
    others differ from it by more than chance (at most 50 runs).

    JSON: {"runs": […], "rows": [{"kind", "name", "statistic", "values", "differs", "direction", "best"}],
    "evidence": {METRIC: [{"run_id", "interval", "n", "method", "p_value", …}]}}, where "best" holds indices
    into "runs"; with --model, "versions" instead of "runs".

    \b
    Examples:
      mlflow-console compare 3f2a91c0d1e24c35a7b86f9e0d1c2b3a 77e1c0aa5f0b4c6d8e9f0a1b2c3d4e5f
      mlflow-console compare -e heart-disease --filter "accuracy > 0.91" --differences
      mlflow-console compare --model heart_disease_classifier 1 2
    """
    directions = _directions(higher, lower)
    if output:
        confirm_replacement(Output(err=as_json), output, yes=yes)
    with invocation.engine() as engine:
        if model is not None:
            comparison = _versions(engine, model, run_ids, experiment, filter_text)
        else:
            comparison = _runs(engine, run_ids, experiment, filter_text)
        evidence = _evidence(engine, comparison, correction)
    _check_metrics(comparison, directions)
    comparison = comparison.directed(directions).with_bests()
    if output:
        from engine.api import comparison_sheet, write_sheet

        written = write_sheet(comparison_sheet(comparison, differences_only=differences), Path(output))
    if as_json:
        rows = [row for row in comparison.rows if row.differs or not differences]
        write_json({**_subjects(comparison), "rows": _rows(rows), "evidence": _evidence_payload(evidence)})
    elif output:
        Output().line(safe(f"{counted(written, 'row')} written to {output}"))
    else:
        _show(Output(), comparison, differences, evidence, correction)


def _evidence(engine: Engine, comparison: Comparison, correction: Correction) -> Evidence:
    """By metric, whether the runs differ from the first by more than chance; empty for many runs, or without
    the first run."""
    runs = comparison.runs
    if not 1 < len(runs) <= MAX_TESTED or comparison.columns[0].run is None:
        return {}
    return engine.evidence.differences(runs, correction=correction)


def _evidence_payload(evidence: Evidence) -> Payload:
    return {metric: [asdict(versus) for versus in found] for metric, found in evidence.items()}


def _notes(
    comparison: Comparison, evidence: Evidence, correction: Correction
) -> dict[str, tuple[Shown, list[Shown]]]:
    """The line below the most important metric that has evidence: the interval of the first run, and whether
    the others differ from it."""
    from engine.api import key_metrics

    rows = {row.key.name: row for row in comparison.rows if row.is_metric and row.statistic == "last"}
    tested = [name for name in evidence if name in rows and rows[name].differs]
    for name in key_metrics(tested, 1):
        found = {versus.run_id: versus for versus in evidence[name]}
        first, texts = comparison.columns[0].key, []
        for column in comparison.columns:
            versus = found.get(column.run.run_id if column.run else "")
            mark = Shown("") if versus is None or column.key == first else versus.mark
            texts.append(mark or (Shown("") if versus is None else versus.range))
        sizes = {versus.n for versus in found.values() if versus.n is not None}
        parts = ["95 %", *([f"n={sizes.pop()}"] if len(sizes) == 1 else [])]
        label = Shown("  " + ", ".join([*parts, *(["Holm"] if correction == "holm" else [])]))
        return {rows[name].id: (label, texts)}
    return {}


def _show(
    output: Output, comparison: Comparison, differences: bool, evidence: Evidence, correction: Correction
) -> None:
    sections = comparison.sections(differences_only=differences)
    limit = value_limit(output, len(comparison.columns))
    names = comparison.run_names(limit, limit)
    if names.pattern:
        output.line(f"{len(comparison.columns)} runs ", Cell(cut(names.pattern, MAX_WIDTH), "dim"))
    notes = _notes(comparison, evidence, correction)
    show_side_by_side(output, sections, names.names, limit, notes)
    if notes:
        output.line(Cell(Shown("≈ the difference from the first run may be chance"), "dim"))
    elif len(comparison.runs) > MAX_TESTED:
        text = f"what may be chance is not tested: there are more than {MAX_TESTED} runs"
        output.line(Cell(Shown(text), "dim"))
    same = sum(not row.differs for row in comparison.rows)
    if differences and same:
        what = "versions" if comparison.is_of_versions else "runs"
        output.line(Cell(Shown(f"{same} of {len(comparison.rows)} rows are identical in all {what}"), "dim"))


def _subjects(comparison: Comparison) -> Payload:
    """The compared runs, or versions with the metrics of their source runs."""
    if not comparison.is_of_versions:
        return {"runs": [run_payload(run) for run in comparison.runs]}
    return {
        "versions": [
            version_payload(column.version, column.run.metrics if column.run else None)
            for column in comparison.columns
            if column.version is not None
        ]
    }


def _versions(
    engine: Engine, model: str, numbers: Sequence[str], experiment: str | None, filter_text: str
) -> Comparison:
    if experiment is not None or filter_text:
        raise UsageError("--model cannot be combined with --experiment or --filter")
    if bad := next((number for number in numbers if not number.isdecimal()), None):
        raise UsageError(f"{bad!r} is not a version number", hint="Example: compare --model churn 6 7")
    if len(set(numbers)) < 2:
        raise UsageError("At least two versions are needed", hint="Example: compare --model churn 6 7")
    found = engine.models.compare(model, dict.fromkeys(map(int, numbers)))
    return engine.runs.with_bests(engine.models.with_signatures(found).comparison())


def _runs(engine: Engine, run_ids: Sequence[str], experiment: str | None, filter_text: str) -> Comparison:
    ids = _chosen(engine, run_ids, experiment, filter_text)
    try:
        return engine.runs.with_bests(engine.runs.compare(ids))
    except NotFound as error:
        if experiment is None and any(len(run_id) < ID_LENGTH for run_id in ids):
            error.hint = SHORT_IDS
        raise


def _directions(higher: Iterable[str], lower: Iterable[str]) -> dict[str, Direction]:
    directions: dict[str, Direction] = dict.fromkeys(higher, "higher")
    for metric in lower:
        if metric in directions:
            raise UsageError(f"{metric} cannot be in both --higher and --lower")
        directions[metric] = "lower"
    return directions


def _chosen(engine: Engine, runs: Sequence[str], experiment: str | None, filter_text: str) -> list[str]:
    """The ids of the selected runs, without duplicates, in the order given."""
    if filter_text and (experiment is None or runs):
        raise UsageError("--filter needs --experiment and no run ids", hint="Drop the ids, or the filter.")
    if (runs or experiment is None) and len(set(runs)) < 2:
        hint = "Give at least two run ids, or an experiment with --experiment."
        raise UsageError("At least two runs are needed", hint=hint)
    if experiment is None:
        return list(dict.fromkeys(runs))
    found = engine.runs.experiment(experiment)
    frame = load_frame(engine, found)
    rows = [row_of(text, frame, found.name) for text in runs]
    rows = list(dict.fromkeys(rows)) if runs else filter_of(filter_text, frame).rows(frame)
    if len(rows) < 2:
        what = f"match {filter_text!r}" if filter_text else "are selected"
        detail = f"{len(rows)} of {len(frame)} runs {what}."
        hint = "Use a filter that matches more runs." if filter_text else "Give another run."
        if not rows:
            hint = hint_for(filter_text, frame) or hint
        raise NotFound("At least two runs are needed", detail, hint)
    if len(rows) > MAX_RUNS:
        raise UsageError(
            f"At most {MAX_RUNS} runs can be compared",
            f"{len(rows)} runs match.",
            "Narrow them down with --filter.",
        )
    return [frame.run_ids[row] for row in rows]


def _check_metrics(comparison: Comparison, directions: dict[str, Direction]) -> None:
    """Reject a direction for a metric that no run has: it is a typo."""
    there = [row.key.name for row in comparison.rows if row.is_metric]
    for metric in directions:
        if metric not in there:
            detail = f"Metrics: {listed(there, 12)}"
            raise NotFound(f"No run has the metric {metric}", detail, "Use a metric of these runs.")


def _rows(rows: Iterable[CompareRow]) -> list[Payload]:
    return [
        {
            "kind": row.section,
            "statistic": row.statistic,
            "name": row.key.name,
            "values": list(row.values),
            "differs": row.differs,
            "direction": row.direction,
            "best": sorted(row.best),
        }
        for row in rows
    ]
