"""The section on insights: which parameters matter, the trade-off of precision and recall, what stands "
"out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.columns import ColumnKey
from engine.entities import Run
from engine.evidence.anomalies import Drop
from engine.evidence.effects import Effect
from engine.evidence.remarks import remarks
from engine.evidence.statistics import Sample
from engine.formats import MISSING, counted, format_for, listed, number
from engine.report.document import (
    Block,
    Bullets,
    Column,
    Heading,
    Paragraph,
    Table,
    Text,
    code,
    lined_up,
)
from engine.report.facts import Facts, classes_of, measured
from engine.report.repeats import diverged_runs, seeds_block
from engine.report.wording import (
    LEVEL,
    cell_of,
    difference_interval,
    difference_text,
    name_of,
    percent,
    percent_interval,
)
from engine.secrets import mask
from engine.text import safe

MAX_FRONT = 8
MAX_CLASSES = 5


def findings_section(facts: Facts) -> Iterator[Block]:
    if facts.considered < 2:
        return
    yield Heading(2, ("Key insights",))
    yield from _effects(facts)
    yield from seeds_block(facts)
    yield from _trade_offs(facts)
    if lines := tuple(_stands_out(facts)):
        yield Heading(3, ("What stands out",))
        yield Bullets(lines)


# ── parameters ───────────────────────────────────────────────────────────────


def _effects(facts: Facts) -> Iterator[Block]:
    effects, runs = facts.insights.effects, counted(facts.insights.effects.n, "run")
    yield Heading(3, ("Which parameters matter",))
    if effects.why_not:
        yield Paragraph((f"This cannot be said: {effects.why_not} (n={effects.n}).",))
        return
    if not effects.effects:
        yield Paragraph((f"No parameter has an effect on {facts.metric} that {runs} can show.",))
    for effect in effects.effects:
        yield _effect_text(facts, effect)
        yield _levels(facts, effect)
    for effect in effects.interactions:
        share = (
            f"{percent(effect.share)} of the variance ({LEVEL} {percent_interval(effect.interval)}, n={runs})"
        )
        yield Paragraph(
            (
                code(effect.param),
                " and ",
                code(effect.other),
                f" interact: together they explain a further {share}, so the effect of one depends on "
                f"the other.",
            )
        )
    found = {name for each in (*effects.effects, *effects.interactions) for name in (each.param, each.other)}
    without = [name for name in effects.tested if name not in found]
    if without and effects.effects:
        yield Paragraph(
            (f"No effect that {runs} can show: {listed(without)}. That does not prove that there is none.",)
        )
    skipped = {name: why for name, why in effects.skipped.items() if why != "one value"}
    if skipped:
        parts = "; ".join(f"{name} ({why})" for name, why in skipped.items())
        yield Paragraph((f"Not examined: {parts}.",))


def _levels(facts: Facts, effect: Effect) -> Table:
    """The mean and the spread of the metric for each value of a parameter, the best first."""
    means, spreads = [level.mean for level in effect.levels], [level.spread for level in effect.levels]
    shown = format_for([*means, *spreads])
    labels = ("runs", f"mean {facts.metric}", "standard deviation")
    heads: list[str | Column] = [effect.param, *(Column(label, numeric=True) for label in labels)]
    rows = [
        [
            level.value,
            str(level.n),
            shown(level.mean),
            MISSING if math.isnan(level.spread) else shown(level.spread),
        ]
        for level in effect.levels
    ]
    return lined_up(heads, rows)


def _effect_text(facts: Facts, effect: Effect) -> Block:
    best, worst = effect.levels[0], effect.levels[-1]
    if facts.direction == "lower":
        best, worst = worst, best
    gap = difference_text(facts.metric, best.mean, worst.mean)
    means = (Sample(level.mean, level.spread, level.n) for level in (best, worst))
    if sure := difference_interval(facts.metric, *means):
        gap += f" ({sure})"
    ranking = effect.ranking(facts.direction)
    said = f" Pair by pair (t-tests at 0.01, corrected for their number): {ranking}." if ranking else ""
    return Paragraph(
        (
            code(effect.param),
            f" explains {percent(effect.share)} of the variance of {facts.metric} ({LEVEL} "
            f"{percent_interval(effect.interval)}, n={facts.insights.effects.n} runs). With ",
            code(f"{effect.param} = {best.value}"),
            f" (n={best.n}), {facts.metric} is on average {gap} than with {worst.value} (n={worst.n}).{said}",
        )
    )


# ── precision and recall ─────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Pair:
    """The metrics of precision and recall of one class; `label` is empty if the metrics name no class."""

    precision: str
    recall: str
    label: str

    @property
    def of(self) -> str:
        return f" of {self.label}" if self.label else ""


def _trade_offs(facts: Facts) -> Iterator[Block]:
    runs = _all_runs(facts)
    blocks = [block for pair in _pairs(facts.best) for block in _trade_off(facts, runs, pair)]
    if blocks:
        yield Heading(3, ("Precision against recall",))
        listed_runs = any(isinstance(block, Table) for block in blocks)
        yield Paragraph(
            (
                "Precision says how far a prediction of a class can be trusted, recall how many rows of the "
                "class are found."
                + (" Only runs that no other run beats in both are listed." if listed_runs else ""),
            )
        )
        yield from blocks


def _pairs(run: Run) -> list[_Pair]:
    found = [
        _Pair(f"class_{c.name}_precision", f"class_{c.name}_recall", c.short)
        for c in classes_of(run)[:MAX_CLASSES]
    ]
    found.append(_Pair("precision", "recall", ""))
    return [pair for pair in found if pair.precision in run.metrics and pair.recall in run.metrics]


def _all_runs(facts: Facts) -> list[Run]:
    """All comparable runs, also those that the report does not list."""
    if len(facts.runs) == facts.considered:
        return list(facts.runs)
    return [facts.frame.run(row) for row in facts.insights.best.rows]


def _trade_off(facts: Facts, runs: Sequence[Run], pair: _Pair) -> Iterator[Block]:
    front = _front(runs, pair)
    if not front:
        return
    rows = [
        [name_of(run), cell_of(run, pair.precision), cell_of(run, pair.recall), cell_of(run, facts.metric)]
        for run in front[:MAX_FRONT]
    ]
    most = front[0]
    yield Paragraph(tuple(_trade_off_text(facts, most, pair, len(front))))
    if len(front) > 1:
        heads: list[str | Column] = ["run", f"precision{pair.of}", f"recall{pair.of}", facts.metric]
        yield lined_up(heads, rows)


def _front(runs: Sequence[Run], pair: _Pair) -> list[Run]:
    """The runs that none beats in precision and recall, the highest recall first; one for each pair of
    values."""
    scored: list[tuple[float, float, int, Run]] = []
    for at, run in enumerate(runs):
        precision, recall = run.metrics.get(pair.precision), run.metrics.get(pair.recall)
        if (
            precision is not None
            and recall is not None
            and math.isfinite(precision)
            and math.isfinite(recall)
        ):
            scored.append((-recall, -precision, at, run))
    front: list[Run] = []
    highest = -math.inf
    for _, precision, _, run in sorted(scored, key=lambda entry: entry[:3]):
        if -precision > highest:
            highest = -precision
            front.append(run)
    return front


def _trade_off_text(facts: Facts, most: Run, pair: _Pair, count: int) -> Iterator[str]:
    best = facts.best
    if count == 1 and (
        most.metrics[pair.recall] == best.metrics[pair.recall]
        and most.metrics[pair.precision] == best.metrics[pair.precision]
    ):
        precision, recall = cell_of(best, pair.precision), cell_of(best, pair.recall)
        yield f"For {pair.label or 'these runs'} there is nothing to trade: no run has a higher "
        yield f"precision or a higher recall than the best run (precision {precision}, recall {recall})."
        return
    gained = difference_text(pair.recall, most.metrics[pair.recall], best.metrics[pair.recall])
    if gained == "the same":
        yield f"The best run has the highest recall{pair.of}, {cell_of(best, pair.recall)}; "
        yield "other runs have a higher precision at a lower recall:"
        return
    yield f"The highest recall{pair.of} is {cell_of(most, pair.recall)}, by {name_of(most)}: {gained} than "
    lost = difference_text(pair.precision, most.metrics[pair.precision], best.metrics[pair.precision])
    yield f"that of the best run. Its precision{pair.of} is {cell_of(most, pair.precision)}"
    exact, base = measured(most, pair.recall), measured(best, pair.recall)
    if exact and base:
        more = exact[0].successes - base[0].successes
        yield f", {lost}. It finds {more:,} more of the {exact[0].n} rows"
    yield "." if exact and base else f", {lost}."


# ── what stands out ──────────────────────────────────────────────────────────


def _stands_out(facts: Facts) -> Iterator[Text]:
    said = remarks(facts.frame, facts.insights)
    yield from ((remark.text,) for remark in said if remark.kind == "disagreement")
    for drop in facts.insights.drops:
        yield from _drop(drop, facts.metric)
    diverged = diverged_runs(facts)
    if diverged is not None:
        yield (diverged.sentence(facts.metric),)
    yield from ((remark.text,) for remark in said if remark.kind not in ("disagreement", "drop"))
    if failed := _failed(facts):
        yield (failed,)


def _drop(drop: Drop, metric: str) -> Iterator[Text]:
    (first, one), (second, two) = drop.combination
    gap = difference_text(metric, drop.mean, drop.expected)
    yield (
        code(f"{first} = {one}"),
        " with ",
        code(f"{second} = {two}"),
        f" falls short: mean {metric} {number(drop.mean)}, {gap} than the {number(drop.expected)} that "
        f"the two promise separately (n={counted(drop.n, 'run')}).",
    )


_WORDS = re.compile(r"\s+")


def _failed(facts: Facts) -> str:
    """How many runs failed, with the errors that their tags name."""
    key = ColumnKey("attribute", "status")
    rows = [row for row, status in enumerate(facts.frame.column(key)) if status == "FAILED"]
    if not rows:
        return ""
    error = ColumnKey("tag", "error")
    read = facts.frame.reader(error) if error in facts.frame else None
    texts = {_WORDS.sub(" ", mask(str(read(row)))) for row in rows if read and read(row)}
    why = f": {listed([safe(text, 120) for text in sorted(texts)], 3)}" if texts else ""
    return f"{counted(len(rows), 'run')} failed{why}."
