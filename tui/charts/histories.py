"""The histories of metrics, overlaid: the axis, smoothing, and more points where the operator zooms in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from engine import formats
from engine.api import XAxis, curves, points_for, run_names, unique_names
from engine.errors import EngineError
from engine.text import Shown, cell_width, cut, safe
from tui.charts.pane import ChartPane
from tui.charts.subject import MAX_CURVES
from tui.widgets.plot import Plot, Series, SeriesKind, XKind, prepare

if TYPE_CHECKING:
    from engine.api import Curves, History, Refined, Sheet
    from engine.entities import Run
    from tui.charts.subject import ChartSubject

NAME_LIMIT = 24
"""The most cells of a run's name where names leave words out."""
MARGIN = 0.25
"""How much more is read on each side of the visible range, as a share of it, so that panning has points."""
AXIS_KINDS: dict[XAxis, tuple[XKind, str]] = {
    "step": ("step", "step"),
    "relative": ("seconds", "time since start"),
    "wall": ("moment", "time"),
}
"""The kind of x and its name, by axis."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The histories of the runs that still exist."""

    runs: tuple[Run, ...]
    histories: tuple[History, ...]
    points: int
    """The most points asked for per history."""

    @property
    def is_sampled(self) -> bool:
        """Whether any history has more points."""
        return any(history.is_sampled for history in self.histories)

    @property
    def has_curves(self) -> bool:
        """Whether any history has more than one step."""
        return any(history.has_steps for history in self.histories)


class HistoryPane(ChartPane):
    """A curve for each metric of each run."""

    is_history = True

    _subject: ChartSubject | None = None
    _loaded = Loaded((), (), 0)
    _pattern = Shown("")
    """The words that the names of the runs in the legend leave out."""
    _shown: tuple[History, ...] = ()
    """The histories with more points in the visible range."""
    _fine: tuple[float, float] | None = None
    """The range of x in which no point is missing from `_shown`."""
    _is_refining = _must_refine = False
    """Whether more points are being read, and whether the range in view has changed since: a held key starts
    one read after the other."""
    _axis: XAxis = "step"
    """The axis that is drawn."""

    def compose(self) -> ComposeResult:
        yield Plot(id="plot", empty_text=Shown("reading …"))

    @property
    def plot(self) -> Plot:
        return self.query_one(Plot)

    # ── reading ──────────────────────────────────────────────────────────────

    @property
    def _points(self) -> int:
        return points_for(self.app.size.width, smooth=bool(self.settings.weight))

    @property
    def _must_read_again(self) -> bool:
        """Whether the width or smoothing needs another number of points."""
        if not self._loaded.is_sampled:
            return False
        missing = self._points - self._loaded.points
        return missing != 0 if self.settings.weight else missing > 0

    def load(self, subject: ChartSubject) -> Loaded:
        prepare()
        runs, points = self.engine.charts.current(subject.runs), self._points
        return Loaded(runs, self.engine.charts.histories(runs, subject.metrics, points=points), points)

    def reload(self, subject: ChartSubject) -> Loaded:
        """Read only the histories of runs that were unfinished."""
        before, points = self._loaded, self._points
        if subject is not self._subject or self._must_read_again:
            return self.load(subject)
        runs = self.engine.charts.current(before.runs)
        finished = {run.run_id for run in before.runs if run.is_finished}
        changing = [run for run in runs if run.run_id not in finished]
        fresh = self.engine.charts.histories(changing, subject.metrics, points=points)
        known = {(h.run.run_id, h.metric): h for h in before.histories if h.run.run_id in finished}
        known |= {(h.run.run_id, h.metric): h for h in fresh}
        names = [(run.run_id, metric) for run in runs for metric in subject.metrics]
        return Loaded(runs, tuple(known[name] for name in names if name in known), points)

    def show(self, subject: ChartSubject, loaded: Loaded) -> None:
        is_refresh = subject is self._subject
        self._subject, self._loaded, self._fine = subject, loaded, None
        if is_refresh and self._shown and self.plot.shown_range is not None:
            self._refine()  # what is shown stays until the new points are there
            return
        self._shown = loaded.histories
        self._draw()
        self._refine()

    @on(Plot.RangeShown)
    def _range_shown(self, event: Plot.RangeShown) -> None:
        event.stop()
        self._refine()

    def on_resize(self) -> None:
        """Read more points for a wider chart."""
        if self._must_read_again:
            self._read_all_again()

    def _refine(self) -> None:
        """Read more points of the visible range, unless they are at hand."""
        if self._must_read_again:
            self._read_all_again()
            return
        shown, coarse = self.plot.shown_range, self._loaded.histories
        if shown is None:
            if self._shown is not coarse:
                self._shown, self._fine = coarse, None
                self._draw()
            return
        low, high = shown
        if self._fine is not None and self._fine[0] <= low and high <= self._fine[1]:
            return
        if not self._loaded.is_sampled:
            if self._shown is not coarse:
                self._shown = coarse
                self._draw()
            return
        if self._is_refining:
            self._must_refine = True
            return
        self._is_refining = True
        room = MARGIN * (high - low)
        wanted, axis = (low - room, high + room), self.settings.axis
        points = round(self._points * (1 + 2 * MARGIN))
        work = partial(self.engine.charts.refined, coarse, axis, *wanted, points=points)
        self.ask(work, partial(self._show_refined, coarse, axis, wanted), group="range", failed=self._failed)

    def _read_all_again(self) -> None:
        """Read as many points as the width and the smoothing now need."""
        if self._is_refining or self._subject is None:
            self._must_refine = True
            return
        self._is_refining = True
        work, show = partial(self.load, self._subject), partial(self._show_all, self._subject)
        self.ask(work, show, group="range", failed=self._failed)

    def _show_all(self, subject: ChartSubject, loaded: Loaded) -> None:
        if subject is self._subject:
            self.show(subject, loaded)
        self._end_refining()

    def _show_refined(
        self, coarse: tuple[History, ...], axis: XAxis, wanted: tuple[float, float], found: Refined
    ) -> None:
        is_current = coarse is self._loaded.histories and axis == self.settings.axis
        if is_current and self.plot.shown_range is not None:
            self._shown = found.histories
            self._fine = wanted if found.is_complete else None
            self._draw()
        self._end_refining()

    def _end_refining(self) -> None:
        """Read the range that has come into view meanwhile."""
        self._is_refining = False
        if self._must_refine:
            self._must_refine = False
            self._refine()

    def _failed(self, error: EngineError) -> None:
        """The coarse points stay. If the store is gone, the next refresh reports it."""
        self._end_refining()

    # ── drawing ──────────────────────────────────────────────────────────────

    def draw(self) -> None:
        """Once the points that smoothing needs have been read."""
        if self._must_read_again:
            self._read_all_again()
            self.post_message(self.Changed())
        else:
            self._draw()

    def _draw(self) -> None:
        if self.settings.axis != self._axis:
            self._axis = self.settings.axis
            self._shown, self._fine = self._loaded.histories, None
        kind, label = AXIS_KINDS[self._axis]
        plot = self.plot
        plot.set_empty_text(Shown("no history of this metric in these runs"))
        plot.set_series([self._series(h, name) for h, name in self._named()], x_kind=kind, x_label=label)
        self.post_message(self.Changed())

    def _named(self) -> list[tuple[History, Shown]]:
        """The histories with their labels: the run's name, the metric's, or both, whichever differ. Names
        that would fill the legend lose the words that they share."""
        runs = {h.run.run_id: h.run for h in self._shown}
        pairs = [(run.run_name, run.run_id) for run in runs.values()]
        names = [safe(name) for name in unique_names(pairs)]
        self._pattern = Shown("")
        if len(names) > 1 and sum(map(cell_width, names)) > self.size.width:
            short = run_names(pairs, 0, NAME_LIMIT)
            names, self._pattern = list(short.names), short.pattern
        by_run = dict(zip(runs, names, strict=True))
        several_metrics = len({h.metric for h in self._shown}) > 1
        named = []
        for h in self._shown:
            parts = [by_run[h.run.run_id]] if len(runs) > 1 or not several_metrics else []
            named.append((h, Shown(" ".join([*parts, *([safe(h.metric)] if several_metrics else [])]))))
        return named

    def _series(self, history: History, label: Shown) -> Series:
        steps = None if self.settings.axis == "step" else history.steps
        kind: SeriesKind = "line" if len(history.values) > 1 else "scatter"
        xs = history.xs(self.settings.axis)
        if not self.settings.weight or kind == "scatter":
            return Series(label, xs, history.values, kind, steps=steps)
        return Series(label, xs, history.smoothed(self.settings.weight), kind, history.values, steps)

    def exported(self) -> Curves | None:
        if self._subject is None or not self._shown:
            return None
        return curves(
            self._shown,
            self._subject.metrics,
            self._axis,
            experiment=self._subject.title,
            runs=len(self._subject.rows),
            smooth=self.settings.weight,
            log=self.plot.is_log,
            log_x=self.plot.is_log_x,
            within=self.plot.shown_range,
        )

    def sheet(self, subject: ChartSubject) -> Sheet:
        return self.engine.runs.histories_sheet(self._loaded.runs, subject.metrics)

    @property
    def run_alone(self) -> Shown:
        names = {h.run.run_id: safe(h.run_name) for h in self._shown}
        return next(iter(names.values())) if len(names) == 1 else Shown("")

    @property
    def facts(self) -> Shown:
        subject = self._subject
        if subject is None:
            return Shown("")
        parts = []
        drawn, asked = len({h.run.run_id for h in self._shown}), len(subject.rows)
        if asked > 1:
            some = "" if drawn == asked else f" of {formats.count(asked)}"
            most = f" (at most {MAX_CURVES})" if asked > MAX_CURVES else ""
            parts.append(f"{formats.count(drawn)}{some} runs{most}")
        if gone := min(asked, MAX_CURVES) - len(self._loaded.runs):
            parts.append(f"{formats.counted(gone, 'run')} no longer there")
        counts = [h.count for h in self._loaded.histories]
        if None in counts:
            parts.append("sampled by the server")
        elif counts:
            parts.append(formats.counted(sum(count or 0 for count in counts), "point"))
        if spoiled := [h for h in self._loaded.histories if h.nans]:
            nans = "NaN" if None in counts else f"{formats.count(sum(h.nans for h in spoiled))} NaN"
            names = {h.run.run_id: safe(h.run.run_name) for h in spoiled}
            only = cut(next(iter(names.values())), NAME_LIMIT)
            where = only if len(names) == 1 else formats.counted(len(names), "run")
            parts.append(f"{nans} in {where}" if asked > 1 else nans)
        if self.settings.weight:
            about = " (approximate)" if any(h.is_sampled for h in self._shown) else ""
            parts.append(
                "reading …" if self._must_read_again else f"smoothed {self.settings.weight:g}{about}"
            )
        if self._pattern:
            parts.append(f"names {self._pattern}")
        return Shown(" · ".join(parts))
