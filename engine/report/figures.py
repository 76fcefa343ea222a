"""The charts of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.charts.across import ChartRequest, across, by_effect
from engine.charts.kinds import AcrossChart, ChartKind
from engine.columns import ColumnKey
from engine.errors import NotFound
from engine.evidence.best import TIE_METRIC
from engine.formats import counted
from engine.report.document import Block, Figure, Heading, Text
from engine.report.facts import Facts

Draw = Callable[[AcrossChart], tuple[str, bytes]]
"""Draws a chart as SVG and as PNG."""

MAX_BARS = 30


def draw(chart: AcrossChart) -> tuple[str, bytes]:
    from engine.charts.file import png_bytes, svg_text

    return svg_text(chart), png_bytes(chart)


def figures_section(facts: Facts, drawn: Draw = draw) -> Iterator[Block]:
    """A chart that has nothing to show is left out."""
    if facts.considered < 2:
        return
    found = list(_charts(facts))
    if not found:
        return
    yield Heading(2, ("Charts",))
    for name, caption, chart in found:
        svg, png = drawn(chart)
        yield Figure(name, caption, svg, png)


def _charts(facts: Facts) -> Iterator[tuple[str, Text, AcrossChart]]:
    metric, rows = facts.metric, list(facts.insights.best.rows)
    n = counted(facts.considered, "run")
    shown = [row for run in facts.runs[:MAX_BARS] if (row := facts.frame.row_of(run.run_id)) is not None]
    some = f"the best {len(shown)} of {n}" if len(shown) < facts.considered else n
    yield from _chart(
        facts, "per-run", (f"Runs by {metric}: {some}.",), "bar", shown, best_of=facts.considered
    )
    other = _other_metric(facts)
    if other is not None:
        caption = (f"Runs by {other} and {metric}: one point per run, n={facts.considered}.",)
        yield from _chart(facts, "against", caption, "scatter", rows, x=ColumnKey("metric", other))
    comparable = list(facts.insights.best.comparable)  # effects are those of runs that fail a constraint, too
    compared = counted(len(comparable), "run")
    effects = {effect.param for effect in facts.insights.effects.effects}
    params = _params(facts)
    for key in params:
        others = [
            name
            for pair in facts.insights.effects.interactions
            for name in (pair.param, pair.other)
            if key.name in (pair.param, pair.other) and name != key.name
        ]
        if key.name in effects:
            what = ""
        elif others:
            what = f"; it matters together with {', '.join(others)}"
        else:
            what = "; these runs show no effect of it"
        caption = (f"The effect of {key.name} on {metric}: n={compared}{what}.",)
        yield from _chart(facts, f"by-{_slug(key.name)}", caption, "box", comparable, x=key)
    if len(params) == 2:
        caption = (f"Mean {metric} by {params[0].name} and {params[1].name}: n={compared}.",)
        yield from _chart(facts, "heat-map", caption, "heat", comparable, x=params[0], y=params[1])


def _params(facts: Facts) -> list[ColumnKey]:
    """The two parameters to draw: those with effects first, then those that interact with them."""
    effects = facts.insights.effects
    found = [effect.param for effect in effects.effects]
    found += [name for effect in effects.interactions for name in (effect.param, effect.other)]
    rest = [key.name for key in by_effect(facts.frame, facts.insights.best.comparable, facts.metric)]
    return [ColumnKey("param", name) for name in dict.fromkeys((*found, *rest))][:2]


def _chart(
    facts: Facts,
    name: str,
    caption: Text,
    kind: ChartKind,
    rows: list[int],
    *,
    x: ColumnKey | None = None,
    y: ColumnKey | None = None,
    best_of: int = 0,
) -> Iterator[tuple[str, Text, AcrossChart]]:
    request = ChartRequest(
        kind,
        (facts.metric,),
        x,
        y,
        facts.experiment.name,
        directions={facts.metric: facts.direction},
        best_of=best_of,
    )
    try:
        yield name, caption, across(facts.frame, rows, request)
    except NotFound:
        return


def _other_metric(facts: Facts) -> str | None:
    """The metric that is drawn against the ranking one: cross-validation, or the next of the key metrics."""
    names = (TIE_METRIC, *facts.metrics)
    return next((name for name in names if name != facts.metric and name in facts.best.metrics), None)


def _slug(name: str) -> str:
    """A parameter's name as part of a file name."""
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in name)
    return kept.strip("-").lower()[:40] or "parameter"
