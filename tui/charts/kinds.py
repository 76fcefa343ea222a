"""The kinds of charts, in the order of `t`. To add one: a `ChartPane` and an entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.text import Shown
from tui.charts.pane import Kind

if TYPE_CHECKING:
    from tui.charts.subject import ChartSubject


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
    from engine import api

    return kind_named(api.kind_by(subject.frame, subject.rows, subject.x, subject.y))
