"""`mlflow-console insights`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from engine.entities import Experiment
from engine.errors import NotFound
from engine.formats import counted, format_for, listed, number
from engine.text import Shown, safe
from tui.cli.json_output import Payload, run_payload, write_json
from tui.cli.options import (
    Invocation,
    chosen_direction,
    evidence_options,
    filter_option,
    json_option,
    metric_options,
    pass_invocation,
)
from tui.cli.output import Cell, Head, Output, Row
from tui.cli.progress import load_frame
from tui.cli.selection import filter_of, hint_for, usual_metric

if TYPE_CHECKING:
    from engine.api import Correction, Direction, Effect, Effects, Forest, Insights, Remark


@click.command()
@click.argument("experiment")
@metric_options("Explain")
@evidence_options
@filter_option
@click.option("--forest", "with_forest", is_flag=True, help="Also fit a random forest (takes a few seconds).")
@json_option
@pass_invocation
def insights(
    invocation: Invocation,
    experiment: str,
    metric: str | None,
    higher: bool,
    lower: bool,
    where: str,
    correction: Correction,
    filter_text: str,
    with_forest: bool,
    as_json: bool,
) -> None:
    """Say what the runs of EXPERIMENT (name or id) show about a metric.

    The best run and how many others cannot be distinguished from it; the share of the variance that each
    parameter explains, with a 95 % interval, and which of its values beat others; combinations of
    parameters that fall short; histories that diverged or stopped improving; and whether the sweep
    stopped improving. Only comparable finished runs count, as for `best`; only the best run must meet
    --where. An effect is listed if an F-test corrected for the number of parameters finds it at 0.01.
    It is an effect among these runs: on other test rows they may rank differently.

    \b
    Examples:
      mlflow-console insights heart-disease --metric accuracy
      mlflow-console insights heart-disease --where "class_1_recall >= 0.9" --correct holm
      mlflow-console insights heart-disease --metric cv_mean --filter "n_neighbors > 3" --forest --json
    """
    direction = chosen_direction(higher, lower)
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment)
        frame = load_frame(engine, found)
        rows = filter_of(filter_text, frame).rows(frame) if filter_text.strip() else None
        if rows is not None and not len(rows):
            raise NotFound("No matching runs", filter_text, hint_for(filter_text, frame))
        result = engine.evidence.insights(
            frame,
            metric or usual_metric(frame),
            direction,
            rows,
            where=filter_of(where, frame) if where.strip() else None,
            correction=correction,
        )
        remarks = engine.evidence.remarks(frame, result)
        forest = engine.evidence.forest(frame, result.best) if with_forest else None
    if as_json:
        write_json(_payload(result, remarks, forest))
    else:
        _show(Output(), found, result, remarks, forest)


def _show(
    output: Output,
    experiment: Experiment,
    result: Insights,
    remarks: Sequence[Remark],
    forest: Forest | None,
) -> None:
    from engine.api import chance

    best, standing, effects = result.best, result.standing, result.effects
    what = f"{experiment.name}: {best.metric}, {best.direction} is better"
    output.line(Cell(safe(what), "bold"), Shown(f"  {counted(len(best.comparable), 'finished run')}"))
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
    for sentence in filter(None, (*best.sentences, chance(best, standing))):
        output.text(sentence)
    output.line()
    output.line(Cell(Shown("EFFECTS"), "dim"))
    _show_effects(output, effects, best.direction)
    if forest is not None:
        output.text(_forest(forest))
    if remarks:
        output.line()
        output.line(Cell(Shown("WORTH A LOOK"), "dim"))
        for remark in remarks:
            output.text(remark.text)


def _show_effects(output: Output, effects: Effects, direction: Direction) -> None:
    found = [*effects.effects, *effects.interactions]
    if effects.why_not:
        output.text(safe(f"Cannot be examined: {effects.why_not}."))
    elif found:
        heads = [
            Head(Shown("parameter"), keep=True, min_width=12),
            Head(Shown("explains"), right=True, keep=True),
            Head(Shown("95 % interval")),
            Head(Shown("mean ± standard deviation of each value"), keep=True, min_width=24),
        ]
        output.table(heads, [_effect(effect) for effect in found])
        for effect in effects.effects:
            if ranking := effect.ranking(direction):
                output.text(safe(f"{effect.param}: {ranking}."))
    named = {name for effect in found for name in (effect.param, effect.other)}
    without = [name for name in effects.tested if name not in named]
    if without and not effects.why_not:
        output.text(safe(f"No effect found: {listed(without)}."))
    others = {name: why for name, why in effects.skipped.items() if why != "one value"}
    if others:
        output.text(
            safe("Not examined: " + "; ".join(f"{name} ({why})" for name, why in others.items()) + ".")
        )


def _forest(forest: Forest) -> Shown:
    if forest.why_not:
        return safe(f"Forest: {forest.why_not}.")
    parts = ", ".join(f"{one.param} {_percent(one.share)}" for one in forest.importances)
    explained = f"explains {_percent(forest.share)} of the variance of unseen runs"
    return safe(f"Forest (n={forest.n}): {parts}, with others included; it {explained}.")


def _effect(effect: Effect) -> Row:
    form = format_for(level.mean for level in effect.levels)
    means = ", ".join(
        f"{level.value} {form(level.mean)} ± {form(level.spread)} (n={level.n})" for level in effect.levels
    )
    return [
        safe(f"{effect.param} × {effect.other}" if effect.other else effect.param),
        _percent(effect.share),
        Shown(f"{_percent(effect.interval.low)} to {_percent(effect.interval.high)}"),
        safe(means) if means else effect.departure,
    ]


def _percent(share: float) -> Shown:
    return Shown(f"{100 * share:.1f} %")


def _payload(result: Insights, remarks: Sequence[Remark], forest: Forest | None) -> Payload:
    best, effects = result.best, asdict(result.effects)
    del effects["residuals"]
    return {
        "metric": best.metric,
        "direction": best.direction,
        "considered": best.considered,
        "left_out": [*best.left_out, *map(str, best.apart)],
        "where": best.where,
        "best": run_payload(best.run),
        "value": best.value,
        "tied": [run_payload(run) for run in best.tied],
        "margin": best.margin,
        "common": None if best.common is None else asdict(best.common),
        "standing": None if result.standing is None else asdict(result.standing),
        "effects": effects,
        "forest": None if forest is None else asdict(forest),
        "drops": [asdict(drop) for drop in result.drops],
        "disagreement": None
        if result.disagreement is None
        else {
            "by_cv": run_payload(result.disagreement.by_cv),
            "value": result.disagreement.value,
            "best_value": result.disagreement.best_value,
            "p_value": result.disagreement.test.p_value,
        },
        "curves": asdict(result.curves),
        "long_runs": [run_payload(run) for run in result.long_runs],
        "plateau": None if result.plateau is None else asdict(result.plateau),
        "remarks": [asdict(remark) for remark in remarks],
    }
