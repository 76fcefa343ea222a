"""The kinds of charts, in the order of `t`. To add one: a `ChartPane` and an entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.text import Shown
from tui.charts.pane import Kind

if TYPE_CHECKING:
    from tui.charts.subject import ChartSubject


SAMPLED = 2000
"""How many runs decide which kind suits a parameter."""
ENOUGH = 5
"""From this many runs on average, a value of a parameter gets a box."""


def _needs_runs(subject: ChartSubject) -> str | None:
    return None if subject.rows else "There are no runs to draw."


def _needs_several_runs(subject: ChartSubject) -> str | None:
    return None if len(subject.rows) > 1 else "One run cannot be compared with others."


KINDS: tuple[Kind, ...] = (
    Kind("line", Shown("history"), "tui.charts.histories", "HistoryPane", _needs_runs),
    Kind("grid", Shown("all metrics"), "tui.charts.multiples", "MultiplesPane", _needs_runs),
    Kind("rank", Shown("ranking"), "tui.charts.across", "RankingPane", _needs_runs, is_across=True),
    Kind("bar", Shown("bars"), "tui.charts.across", "BarsPane", _needs_runs, is_across=True),
    Kind("scatter", Shown("points"), "tui.charts.across", "PointsPane", _needs_several_runs, is_across=True),
    Kind("box", Shown("box plot"), "tui.charts.across", "BoxesPane", _needs_several_runs, is_across=True),
    Kind("heat", Shown("heat map"), "tui.charts.across", "HeatPane", _needs_several_runs, is_across=True),
)
"""The first is what a chart opens with, unless its metrics have only one step in these runs: then the first
that draws across runs, if any."""


def kind_named(name: str) -> Kind:
    """Raises KeyError."""
    return {kind.name: kind for kind in KINDS}[name]


def kind_by(subject: ChartSubject) -> Kind | None:
    """The kind that suits a parameter to draw by; None without one."""
    if subject.x is None:
        return None
    if subject.y is not None:
        return kind_named("heat")
    from engine.api import is_numeric_axis, levels_of

    rows = subject.rows[:SAMPLED]
    if is_numeric_axis(subject.frame, rows, subject.x):
        return kind_named("scatter")
    levels = len(levels_of(subject.frame, rows, subject.x).labels)
    return kind_named("box" if len(rows) >= ENOUGH * max(1, levels) else "scatter")
