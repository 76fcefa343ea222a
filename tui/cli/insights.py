"""`mlflow-console insights`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from engine.entities import Experiment
from engine.errors import NotFound
from engine.formats import counted, duration, listed, number
from engine.text import Shown, safe
from tui.cli.json_output import Payload, run_payload, write_json
from tui.cli.options import (
    Invocation,
    chosen_direction,
    filter_option,
    json_option,
    metric_options,
    pass_invocation,
)
from tui.cli.output import Cell, Head, Output, Row
from tui.cli.progress import load_frame
from tui.cli.selection import filter_of, hint_for, usual_metric

if TYPE_CHECKING:
    from engine.api import Effect, Insights, RunFrame

LONG_RUNS = 5


@click.command()
@click.argument("experiment")
@metric_options("Explain")
@filter_option
@json_option
@pass_invocation
def insights(
    invocation: Invocation,
    experiment: str,
    metric: str | None,
    higher: bool,
    lower: bool,
    filter_text: str,
    as_json: bool,
) -> None:
    """Say what the runs of EXPERIMENT (name or id) show about a metric.

    The best run and how many others cannot be distinguished from it; the share of the variance that each
    parameter explains, with a 95 % interval; combinations of parameters that fall short; and whether
    the sweep stopped improving. Only comparable finished runs count, as for `best`. An effect is
    listed if an F-test corrected for the number of parameters finds it at 0.01. It is an effect among
    these runs: on other test rows they may rank differently.

    \b
    Examples:
      mlflow-console insights heart-disease --metric accuracy
      mlflow-console insights heart-disease --metric cv_mean --filter "n_neighbors > 3" --json
    """
    direction = chosen_direction(higher, lower)
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment)
        frame = load_frame(engine, found)
        rows = filter_of(filter_text, frame).rows(frame) if filter_text.strip() else None
        if rows is not None and not len(rows):
            raise NotFound("No matching runs", filter_text, hint_for(filter_text, frame))
        result = engine.evidence.insights(frame, metric or usual_metric(frame), direction, rows)
    if as_json:
        write_json(_payload(result, frame))
    else:
        _show(Output(), found, result)


def _show(output: Output, experiment: Experiment, result: Insights) -> None:
    best, standing, effects = result.best, result.standing, result.effects
    what = f"{experiment.name}: {best.metric}, {best.direction} is better"
    output.line(Cell(safe(what), "bold"), Shown(f"  {counted(best.considered, 'finished run')}"))
    for why in (*best.left_out, *map(str, best.apart)):
        output.line(Cell(safe(f"excluded: {why}"), "dim"))
    output.line()
    output.line(Cell(Shown("BEST"), "dim"))
    measured = f" {standing.measured}" if standing else ""
    output.line(
        Cell(safe(f"{best.run.run_name or best.run.run_id}  {number(best.value)}"), "green"), Shown(measured)
    )
    if best.tied:
        output.text(safe(f"Tied with {listed([run.run_name or run.run_id for run in best.tied], 4)}."))
    if standing:
        output.text(standing.sentence)
    output.line()
    output.line(Cell(Shown("EFFECTS"), "dim"))
    if effects.why_not:
        output.text(safe(f"Cannot be examined: {effects.why_not}."))
    elif effects.effects or effects.interactions:
        heads = [
            Head(Shown("parameter"), keep=True, min_width=12),
            Head(Shown("explains"), right=True, keep=True),
            Head(Shown("95 % interval")),
            Head(Shown("mean of each value"), keep=True, min_width=24),
        ]
        output.table(heads, [_effect(effect) for effect in (*effects.effects, *effects.interactions)])
    found = {
        name for effect in (*effects.effects, *effects.interactions) for name in (effect.param, effect.other)
    }
    without = [name for name in effects.tested if name not in found]
    if without and not effects.why_not:
        output.text(safe(f"No effect found: {listed(without)}."))
    others = {name: why for name, why in effects.skipped.items() if why != "one value"}
    if others:
        output.text(
            safe("Not examined: " + "; ".join(f"{name} ({why})" for name, why in others.items()) + ".")
        )
    if lines := [*_lines(result)]:
        output.line()
        output.line(Cell(Shown("WORTH A LOOK"), "dim"))
        for line in lines:
            output.text(line)


def _effect(effect: Effect) -> Row:
    means = ", ".join(f"{level.value} {number(level.mean)} (n={level.n})" for level in effect.levels)
    crossed = "the effect of each depends on the other"
    return [
        safe(f"{effect.param} × {effect.other}" if effect.other else effect.param),
        _percent(effect.share),
        Shown(f"{_percent(effect.interval.low)} to {_percent(effect.interval.high)}"),
        safe(means or crossed),
    ]


def _percent(share: float) -> Shown:
    return Shown(f"{100 * share:.1f} %")


def _lines(result: Insights) -> Iterable[Shown]:
    """What is out of line, one sentence each."""
    best = result.best
    for drop in result.drops:
        pair = " with ".join(f"{name}={value}" for name, value in drop.combination)
        yield safe(
            f"{pair} is worse than both suggest: mean {number(drop.mean)} instead of {number(drop.expected)} "
            f"(n={drop.n})."
        )
    if result.disagreement:
        other = result.disagreement
        yield safe(
            f"Cross-validation prefers {other.by_cv.run_name or other.by_cv.run_id}: cv_mean "
            f"{number(other.value)}, against {number(other.best_value)} of the best run by {best.metric}."
        )
    if result.plateau:
        yield Shown(
            f"None of the last {counted(result.plateau.runs_since, 'run')} of {result.plateau.runs} improved "
            f"{safe(best.metric)}."
        )
    if result.long_runs:
        longest = [f"{run.run_name or run.run_id} ({duration(run.duration)})" for run in result.long_runs]
        yield safe(f"Much longer than the others: {listed(longest, LONG_RUNS)}.")


def _payload(result: Insights, frame: RunFrame) -> Payload:
    best, effects = result.best, asdict(result.effects)
    del effects["residuals"]
    return {
        "metric": best.metric,
        "direction": best.direction,
        "considered": best.considered,
        "left_out": [*best.left_out, *map(str, best.apart)],
        "best": run_payload(best.run),
        "value": best.value,
        "tied": [run_payload(run) for run in best.tied],
        "standing": None if result.standing is None else asdict(result.standing),
        "effects": effects,
        "drops": [asdict(drop) for drop in result.drops],
        "disagreement": None
        if result.disagreement is None
        else {
            "by_cv": run_payload(result.disagreement.by_cv),
            "value": result.disagreement.value,
            "best_value": result.disagreement.best_value,
        },
        "long_runs": [run_payload(run) for run in result.long_runs],
        "plateau": None if result.plateau is None else asdict(result.plateau),
    }
