"""The sections on all runs: their detailed metrics, and a comparison of a few side by side."""

from __future__ import annotations

from collections.abc import Iterator

from engine.entities import Run
from engine.evidence.best import TIE_METRIC
from engine.formats import MISSING, count, counted, duration, number
from engine.report.document import Block, Column, Heading, Paragraph, Table, lined_up
from engine.report.facts import Facts
from engine.report.wording import (
    LEVEL,
    cell_of,
    interval_of,
    mark_text,
    name_of,
    short_difference,
    verdict,
)
from engine.runs.metrics import CONFUSION_COUNTS, confusion_of

MAX_COMPARED = 5
MAX_METRICS = 4


def all_runs_section(facts: Facts) -> Iterator[Block]:
    """All comparable runs, best first."""
    if facts.considered < 2:
        return
    yield Heading(2, ("All runs",))
    shown = len(facts.runs)
    intro = f"The {counted(facts.considered, 'comparable finished run')}, best first by {facts.metric}."
    if shown < facts.considered:
        total = counted(facts.considered, "comparable finished run")
        intro = f"The best {count(shown)} of {total}; `mlflow-console runs --csv` writes all."
    tested = any(found.mark for found in facts.against_best.values())
    if tested:
        intro += (
            " The last column compares each run with the first: “=” means the same value, “≈” a difference "
            "that may be chance, and “p” alone one that is more than chance (two-sided, no correction "
            "for the number of comparisons)."
        )
    yield Paragraph((intro,))
    yield _detailed(facts, tested=tested)


def _detailed(facts: Facts, *, tested: bool) -> Table:
    metrics = [name for name in facts.metrics if name != facts.metric][:MAX_METRICS]
    found = [interval_of(run, facts.metric, facts.against_best.get(run.run_id)) for run in facts.runs]
    intervals = any(interval != MISSING for interval in found)
    heads: list[str | Column] = [Column("#", numeric=True), "run", *facts.varying]
    heads.append(Column(facts.metric, numeric=True))
    if intervals:
        heads += [LEVEL]
    heads += [Column(name, numeric=True) for name in metrics]
    has_counts = any(confusion_of(run.metrics, run.tags) for run in facts.runs)
    if has_counts:
        heads.append("TP TN FP FN")
    heads.append(Column("took", numeric=True))
    if tested:
        heads.append("against the best")
    rows = []
    for at, run in enumerate(facts.runs):
        cells = [str(at + 1), name_of(run), *(run.params.get(name, "–") for name in facts.varying)]
        cells.append(number(run.metrics.get(facts.metric)))
        if intervals:
            cells.append(found[at])
        cells += [number(run.metrics.get(name)) for name in metrics]
        if has_counts:
            cells.append(" ".join(number(run.metrics.get(name)) for name in CONFUSION_COUNTS))
        cells.append(duration(run.duration))
        if tested:
            cells.append(mark_text(facts.against_best.get(run.run_id)) if at else "best")
        rows.append(cells)
    table = lined_up(heads, rows)
    return Table(table.columns, table.rows, table.caption, frozenset({0}))


def comparison_section(facts: Facts) -> Iterator[Block]:
    """A few runs side by side: the best, the best of each other value of the parameter that matters most, and
    the last."""
    runs, why = _compared(facts)
    if len(runs) < 2:
        return
    yield Heading(2, ("Comparison",))
    yield Paragraph((why,))
    yield _side_by_side(facts, runs)
    lines = []
    for run in runs[1:]:
        found = facts.against_best.get(run.run_id)
        value, best = run.metrics[facts.metric], facts.best.metrics[facts.metric]
        said = verdict(found) if found else ""
        if said and value != best:
            gap = short_difference(facts.metric, value, best)
            lines.append([name_of(run), gap, said])
    if lines:
        heads: list[str | Column] = [
            "run",
            Column(f"{facts.metric} against the best", numeric=True),
            "is the difference more than chance?",
        ]
        yield lined_up(heads, lines)


def _compared(facts: Facts) -> tuple[list[Run], str]:
    runs = list(facts.runs)
    if len(runs) <= MAX_COMPARED:
        return (
            runs,
            "All runs side by side. Differences are relative to the first; pp means percentage points.",
        )
    chosen = [facts.best]
    effects = facts.insights.effects.effects
    why = "The best run"
    if effects:
        param = effects[0].param
        seen = {facts.best.params.get(param)}
        for run in runs:
            if run.params.get(param) not in seen and len(chosen) < MAX_COMPARED - 1:
                seen.add(run.params.get(param))
                chosen.append(run)
        why += f", the best run with each other value of {param}, which matters most,"
    else:
        values = {facts.best.metrics[facts.metric]}
        for run in runs:
            if run.metrics[facts.metric] not in values and len(chosen) < MAX_COMPARED - 1:
                values.add(run.metrics[facts.metric])
                chosen.append(run)
        why += f", the next runs with another {facts.metric},"
    if runs[-1] not in chosen:
        chosen.append(runs[-1])
        why += " and the last in the ranking"
    return chosen, f"{why}. Differences are relative to the first; pp means percentage points."


def _side_by_side(facts: Facts, runs: list[Run]) -> Table:
    first, *others = runs
    heads: list[str | Column] = ["", name_of(first)]
    for run in others:
        heads += [name_of(run), Column("Δ", numeric=True)]
    rows: list[list[str]] = []
    for name in facts.varying:
        cells = [name, first.params.get(name, "–")]
        for run in others:
            cells += [run.params.get(name, "–"), ""]
        rows.append(cells)
    metrics = [
        *facts.metrics,
        *(name for name in (*CONFUSION_COUNTS, TIE_METRIC) if name not in facts.metrics),
    ]
    for name in metrics:
        if not any(name in run.metrics for run in runs):
            continue
        cells = [name, cell_of(first, name)]
        for run in others:
            mine, base = run.metrics.get(name), first.metrics.get(name)
            known = mine is not None and base is not None
            cells += [cell_of(run, name), short_difference(name, mine, base) if known else "–"]  # type: ignore[arg-type]
        rows.append(cells)
    return lined_up(heads, rows)
