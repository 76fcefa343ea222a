"""The interface of a kind of chart: a pane that reads its data on the bridge and draws it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual.message import Message
from textual.widget import Widget

from engine.errors import EngineError
from engine.text import Shown

if TYPE_CHECKING:
    from engine.api import Chart, Engine, Sheet, XAxis
    from engine.columns import ColumnKey
    from tui.charts.subject import ChartSubject


@dataclass(frozen=True, slots=True)
class ChartSettings:
    """How histories are drawn: the x axis, and the weight of smoothing from 0 to below 1."""

    axis: XAxis = "step"
    weight: float = 0.0


class Ask(Protocol):
    """`ConsoleScreen.ask`."""

    def __call__(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        *,
        group: str,
        failed: Callable[[EngineError], None] | None = None,
    ) -> None: ...


class ChartPane(Widget):
    """One kind of chart; abstract. The screen calls `load` on the bridge whenever the subject changes or is
    refreshed, and passes the result to `show` on the event loop."""

    is_history: ClassVar[bool] = False
    """Whether it draws histories, with an x-axis to choose and smoothing."""
    axes: ClassVar[int] = 0
    """How many columns can be chosen to draw by: one for points and boxes, two for a heat map."""
    settings = ChartSettings()
    """Set by the screen."""

    DEFAULT_CSS = """
    ChartPane { width: 1fr; height: 1fr; }
    """

    class Changed(Message):
        """`facts` has changed."""

    def __init__(self, engine: Engine, ask: Ask) -> None:
        """`ask` runs further work on the bridge, as for a part of the data that is shown in detail."""
        super().__init__()
        self.engine = engine
        self.ask = ask

    @abstractmethod
    def load(self, subject: ChartSubject) -> object:
        """Read what is drawn. Runs on the bridge; raises only `EngineError`s."""

    def reload(self, subject: ChartSubject) -> object:
        """Read again what may have changed since `load`, or everything. Runs on the bridge."""
        return self.load(subject)

    @abstractmethod
    def show(self, subject: ChartSubject, loaded: Any) -> None:
        """Draw what `load` returned."""

    def draw(self) -> None:
        """Draw again, with other settings."""

    def axis_choices(self, subject: ChartSubject) -> list[tuple[ColumnKey, Shown]]:
        """The columns to draw by, the likeliest first. Runs on the bridge."""
        return []

    def exported(self) -> Chart | None:
        """The chart as files show it; None if there is nothing to draw."""
        return None

    @abstractmethod
    def sheet(self, subject: ChartSubject) -> Sheet:
        """The data of the chart, complete, as a table. Runs on the bridge."""

    @property
    def run_alone(self) -> Shown:
        """The name of the only run that is drawn, if the chart does not show it; else empty."""
        return Shown("")

    @property
    def facts(self) -> Shown:
        """What the title says on the right: counts, scale, what was left out."""
        return Shown("")


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the table of kinds."""

    name: str
    """As on the command line: `--kind`."""
    title: Shown
    module: str
    pane: str
    """The class of its `ChartPane` in `module`, imported when it is first shown."""
    why_not: Callable[[ChartSubject], str | None]
    """Why it cannot draw a subject; None if it can."""
    is_across: bool = False
    """Whether it draws the last values of runs instead of histories."""

    def make(self, engine: Engine, ask: Ask) -> ChartPane:
        pane: ChartPane = getattr(import_module(self.module), self.pane)(engine, ask)
        return pane
