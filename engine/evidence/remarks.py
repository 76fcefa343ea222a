"""Insights in words: one sentence per remark, with the runs behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.columns import ColumnKey
from engine.evidence.alike import first_alike
from engine.evidence.anomalies import Drop
from engine.evidence.curves import Broken, Stalled
from engine.evidence.difference import p_text
from engine.evidence.insights import Insights
from engine.formats import count, counted, delta, duration, format_for, listed, number
from engine.runs.frame import RunFrame
from engine.text import Shown, safe

Kind = Literal["repeats", "drop", "disagreement", "curve", "plateau", "duration"]
_NAMED = 4
_NAME = ColumnKey("attribute", "run_name")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something worth a look. `run_ids` are the runs behind it; `filter_text` is a filter that selects them,
    empty if there is none but their ids. `metric` is the one whose history this is about, if any."""

    kind: Kind
    text: Shown
    run_ids: tuple[str, ...]
    filter_text: str = ""
    metric: str = ""


def remarks(frame: RunFrame, result: Insights) -> tuple[Remark, ...]:
    """What is out of line, the most important first."""
    return tuple(_all(frame, result))


def _all(frame: RunFrame, result: Insights) -> Iterator[Remark]:
    yield from _repeats(frame, result)
    yield from _disagreement(result)
    yield from (_drop(frame, result, drop) for drop in result.drops)
    yield from _broken(frame, result.curves.broken)
    yield from _stalled(frame, result.curves.stalled)
    yield from _plateau(frame, result)
    if result.long_runs:
        longest = [f"{run.run_name or run.run_id} ({duration(run.duration)})" for run in result.long_runs]
        text = safe(f"Much longer than the others: {listed(longest, _NAMED)}.")
        yield Remark("duration", text, tuple(run.run_id for run in result.long_runs))


def _repeats(frame: RunFrame, result: Insights) -> Iterator[Remark]:
    """Without an effect, there is nothing that repeated runs make look surer."""
    rows = result.best.comparable if result.effects.effects else ()
    found = [row for row, first in zip(rows, first_alike(frame, rows), strict=True) if row != first]
    if found:
        has = "has" if len(found) == 1 else "have"
        text = f"{count(len(found))} of {counted(len(rows), 'run')} {has} exactly the metrics "
        text += (
            "of another one, apart from times. Each counts as independent: effects look surer than they are."
        )
        yield Remark("repeats", Shown(text), _ids(frame, found))


def _disagreement(result: Insights) -> Iterator[Remark]:
    if (found := result.disagreement) is None:
        return
    name = found.by_cv.run_name or found.by_cv.run_id
    test = "the difference cannot be tested"
    if found.test.p_value is not None:
        judged = "more than chance" if found.test.distinguished else "may be chance"
        test = f"{judged}, p {p_text(found.test.p_value)}, {counted(found.test.n or 0, 'fold')}"
    yield Remark(
        "disagreement",
        safe(
            f"Cross-validation prefers {name}: cv_mean {number(found.value)}, against "
            f"{number(found.best_value)} of the best run by {result.best.metric} ({test})."
        ),
        (result.best.run.run_id, found.by_cv.run_id),
    )


def _drop(frame: RunFrame, result: Insights, drop: Drop) -> Remark:
    pair = " with ".join(f"{name}={value}" for name, value in drop.combination)
    readers = [(frame.reader(ColumnKey("param", name)), value) for name, value in drop.combination]
    rows = [
        row for row in result.best.comparable if all((read(row) or "–") == value for read, value in readers)
    ]
    gap = format_for([drop.mean, drop.expected])
    text = safe(
        f"{pair} is worse than both suggest: mean {number(drop.mean)} instead of {number(drop.expected)}, "
        f"{delta(drop.mean - drop.expected, gap)} (n={drop.n})."
    )
    filters = [_equals(name, value) for name, value in drop.combination]
    return Remark("drop", text, _ids(frame, rows), " AND ".join(filters) if all(filters) else "")


def _equals(param: str, value: str) -> str:
    """The filter for a value of a parameter; empty if it cannot be written."""
    if "`" in param or ("'" in value and '"' in value):
        return ""
    quote = '"' if "'" in value else "'"
    return f"params.`{param}` " + ("IS NULL" if value == "–" else f"= {quote}{value}{quote}")


def _broken(frame: RunFrame, broken: Sequence[Broken]) -> Iterator[Remark]:
    for one in broken[:_NAMED]:
        name, metric = _name(frame, one.run_id), one.metric
        if one.trouble == "diverged":
            text = f"{name}: {metric} diverged after step {count(one.step)} of {count(one.last_step)}."
        else:
            left = f"diverged after step {count(one.left_after)} and " if one.left_after is not None else ""
            text = f"{name}: {metric} {left}is {one.trouble} from step {count(one.step)}"
            text += f" of {count(one.last_step)} ({counted(one.values, 'such value')})."
        yield Remark("curve", safe(text), (one.run_id,), metric=metric)
    yield from _more(broken[_NAMED:], "history is", "histories are", "broken")


def _stalled(frame: RunFrame, stalled: Sequence[Stalled]) -> Iterator[Remark]:
    for one in stalled[:_NAMED]:
        said = f"{_name(frame, one.run_id)}: {one.metric}"
        where = f"step {count(one.step)} of {count(one.last_step)}"
        if one.lost:
            text = f"{said} was best at {where}, then became worse by {number(one.lost)}."
        else:
            gain = number(one.gain) if one.gain else "nothing"
            text = f"{said} stopped improving at {where}; the rest gained {gain}."
        yield Remark("curve", safe(text), (one.run_id,), metric=one.metric)
    yield from _more(stalled[_NAMED:], "history", "histories", "stopped improving")


def _more(rest: Sequence[Broken | Stalled], one: str, many: str, what: str) -> Iterator[Remark]:
    if rest:
        text = f"{count(len(rest))} more {one if len(rest) == 1 else many} {what}."
        yield Remark("curve", Shown(text), tuple(dict.fromkeys(found.run_id for found in rest)))


def _plateau(frame: RunFrame, result: Insights) -> Iterator[Remark]:
    if (found := result.plateau) is None:
        return
    starts = frame.reader(ColumnKey("attribute", "start_time"))
    ordered = sorted(result.best.comparable, key=lambda row: starts(row) or 0)
    last = ordered[len(ordered) - found.runs_since :]
    text = f"None of the last {counted(found.runs_since, 'run')} of {count(found.runs)} improved "
    yield Remark("plateau", safe(f"{text}{result.best.metric}."), _ids(frame, last))


def _ids(frame: RunFrame, rows: Iterable[int]) -> tuple[str, ...]:
    return tuple(frame.run_ids[row] for row in rows)


def _name(frame: RunFrame, run_id: str) -> str:
    row = frame.row_of(run_id)
    return str((row is not None and frame.reader(_NAME)(row)) or run_id)
