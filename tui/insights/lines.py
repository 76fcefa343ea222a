"""The lines of the insights view: what they say, and what is behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from engine import formats
from engine.columns import ColumnKey
from engine.text import Shown, safe
from tui.insights.subject import Behind, BehindChart, BehindRuns, Explained
from tui.widgets.fit_text import fit, thin_bar, wrapped

if TYPE_CHECKING:
    from engine.api import Effect, Forest

LABEL = 11
BAR = 14
INTERVAL = 8
NAME = 22
"""The most cells of a parameter's name."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or more if it is wrapped. `label` names the section that begins here, else it is empty.
    `lead` is written before `text` and keeps its width when the text is wrapped."""

    label: str
    text: Shown
    style: str = ""
    lead: Content | None = None
    behind: Behind = None

    def content(self, width: int) -> Content:
        lead = self.lead or Content("")
        indent = LABEL + lead.cell_length
        below = width - indent < 24  # then the text goes under its lead
        if below:
            indent = LABEL + 2
        texts = wrapped(self.text, max(12, width - indent)) if self.text else [""]
        lines = [] if below and lead else [Content.styled(texts.pop(0), self.style)]
        first = Content.assemble((fit(self.label, LABEL), "$text-muted"), lead, *lines)
        rest = [Content.assemble(" " * indent, (text, self.style)) for text in texts]
        return Content("\n").join([first, *rest])


def lines_of(found: Explained) -> list[Line]:
    return [*_best(found), *_effects(found), *_forest(found.forest), *_remarks(found)]


def _best(found: Explained) -> Iterator[Line]:
    from engine.api import chance

    best, standing = found.result.best, found.result.standing
    measured = f"  {standing.measured}" if standing else ""
    value = f"{formats.number(best.value)}{measured}"
    name = safe(best.run.run_name or best.run.run_id)
    yield Line("best", Shown(f"{name}  {value}"), "bold $accent", behind=BehindRuns((best.run.run_id,)))
    if best.tied:
        names = formats.listed([run.run_name or run.run_id for run in best.tied], 4)
        tied = BehindRuns((best.run.run_id, *(run.run_id for run in best.tied)))
        yield Line("", Shown(f"tied with {names}; decided by {safe(best.tie_break)}"), behind=tied)
    if said := chance(best, standing):
        level = BehindRuns((best.run.run_id, *standing.level)) if standing else None
        yield Line("", said, behind=level)
    for sentence in best.sentences:
        second = best.runner_up if sentence.startswith("Runner-up:") else None
        yield Line("", sentence, behind=None if second is None else BehindRuns((second.run_id,)))
    subject = found.subject
    if subject.rows is not None and (hidden := len(subject.frame) - len(subject.rows)):
        text = f"excluded: {formats.counted(hidden, 'run')} that the filter hides: {subject.filter_text}"
        yield Line("", safe(text), "$text-muted")
    for why in (*best.left_out, *map(str, best.apart)):
        rows = next((apart.rows for apart in best.apart if str(apart) == why), ())
        excluded = tuple(found.subject.frame.run_ids[row] for row in rows)
        yield Line("", safe(f"excluded: {why}"), "$text-muted", behind=BehindRuns(excluded) if rows else None)


def _effects(found: Explained) -> Iterator[Line]:
    effects = found.result.effects
    if effects.why_not:
        yield Line("effects", safe(f"cannot be examined: {effects.why_not}"), "$text-muted")
        return
    every = [*effects.effects, *effects.interactions]
    width = min(NAME, max((len(_name(effect)) for effect in every), default=0))
    label = "effects"
    for effect in every:
        yield _effect(label, effect, width)
        label = ""
        if ranking := effect.ranking(found.result.best.direction):
            yield Line("", ranking, "bold", Content("  "), BehindChart([ColumnKey("param", effect.param)]))
    named = {name for effect in every for name in (effect.param, effect.other)}
    if without := [name for name in effects.tested if name not in named]:
        text = f"{formats.listed(without)}: no effect that {formats.counted(effects.n, 'run')} can show"
        yield Line(label, Shown(text), "$text-muted")
        label = ""
    others = {name: why for name, why in effects.skipped.items() if why != "one value"}
    if others:
        listed = formats.listed([f"{name} ({why})" for name, why in others.items()], 6)
        yield Line(label, Shown(f"not examined: {listed}"), "$text-muted")


def _effect(label: str, effect: Effect, width: int) -> Line:
    low, high = (f"{100 * bound:.0f}" for bound in (effect.interval.low, effect.interval.high))
    lead = Content.assemble(
        (fit(_name(effect), width), "bold"),
        "  ",
        (fit(thin_bar(effect.share, BAR), BAR), "$accent"),
        f" {100 * effect.share:3.0f} % {fit(f'[{low}, {high}]', INTERVAL)}  ",
    )
    params = [ColumnKey("param", name) for name in (effect.param, effect.other) if name]
    if effect.other:
        return Line(label, Shown(f"of the variance, {effect.departure}"), "", lead, BehindChart(params))
    form = formats.format_for(level.mean for level in effect.levels)
    sizes = {level.n for level in effect.levels}
    means = " · ".join(
        f"{safe(level.value)} {form(level.mean)}"
        + ("" if math.isnan(level.spread) else f" ±{form(level.spread)}")
        + ("" if len(sizes) == 1 else f" n={level.n}")
        for level in effect.levels
    )
    each = f"  n={sizes.pop()} each" if len(sizes) == 1 else ""
    return Line(label, Shown(f"of the variance: {means}{each}"), "", lead, BehindChart(params))


def _name(effect: Effect) -> Shown:
    return safe(f"{effect.param} × {effect.other}" if effect.other else effect.param)


def _forest(forest: Forest | None) -> Iterator[Line]:
    if forest is None:
        return
    if forest.why_not:
        yield Line("forest", safe(forest.why_not), "$text-muted")
        return
    parts = " · ".join(f"{safe(one.param)} {100 * one.share:.0f} %" for one in forest.importances)
    whole = f"explains {100 * forest.share:.0f} % of the variance of unseen runs, n={forest.n}"
    params = [ColumnKey("param", one.param) for one in forest.importances[:2]]
    yield Line("forest", Shown(f"{parts}, interactions included; {whole}"), behind=BehindChart(params))


def _remarks(found: Explained) -> Iterator[Line]:
    label = "look at"
    for remark in found.remarks:
        behind: Behind = BehindRuns(remark.run_ids, remark.filter_text)
        if remark.metric:
            behind = BehindChart(metric=remark.metric, run_ids=remark.run_ids)
        yield Line(label, remark.text, behind=behind)
        label = ""
    if not found.remarks:
        yield Line("look at", Shown("nothing stands out"), "$text-muted")
