"""Charts as PNG and SVG, by matplotlib, and to files.

The same chart gives the same bytes: no date, no random ids, the font that comes with matplotlib, and none of
the user's own settings.
"""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.charts.kinds import Chart
from engine.errors import EngineError, UsageError
from engine.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".txt")
"""The files that a chart can be written to; what draws in cells makes the text."""
DPI = 150
_SETTINGS: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "svg.hashsalt": "mlflow-console",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a8f98",
    "axes.labelcolor": "#3c4149",
    "axes.titlesize": 9.0,
    "xtick.color": "#3c4149",
    "ytick.color": "#3c4149",
    "axes.axisbelow": True,
    "grid.color": "#e3e5e8",
    "grid.linewidth": 0.8,
}
_UNSUITABLE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80
_LOCK = threading.Lock()
"""matplotlib's settings belong to the process."""


def checked_suffix(path: Path) -> Literal[".png", ".svg", ".txt"]:
    """The suffix of a file for a chart. Raises `UsageError` for others."""
    suffix = path.suffix.lower()
    if suffix == ".png":
        return ".png"
    if suffix == ".svg":
        return ".svg"
    if suffix == ".txt":
        return ".txt"
    what = f"{path} ends in {path.suffix}" if path.suffix else f"{path} has no suffix"
    raise UsageError(
        "Charts are written to .png, .svg or .txt files", what, f"Example: {path.stem or 'chart'}.png"
    )


def chart_name(chart: Chart) -> str:
    """A file name for a chart: `accuracy_by_n_neighbors.png`."""
    return f"{_UNSUITABLE.sub('_', chart.caption.title).strip('._-')[:_LONGEST_NAME] or 'chart'}.png"


def png_bytes(chart: Chart) -> bytes:
    return _rendered(chart, "png")


def svg_text(chart: Chart) -> str:
    return _rendered(chart, "svg").decode()


def draw_file(chart: Chart, path: Path) -> None:
    """Write a chart to a .png or .svg file, which is replaced atomically. Raises `UsageError` for another
    suffix, `EngineError` if the file cannot be written."""
    suffix = checked_suffix(path)
    if suffix == ".txt":
        raise UsageError("A chart as text is drawn in cells", str(path), "Use save_text.")
    write_chart(png_bytes(chart) if suffix == ".png" else svg_text(chart).encode(), path)


def write_chart(content: bytes, path: Path) -> None:
    """Write a drawn chart. Raises `EngineError`."""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)  # a pipe or a device is written to, never replaced; a folder raises
            return
        with replacing(path) as file:
            file.write(content)
    except (OSError, ValueError) as error:  # ValueError: an invalid path
        why = getattr(error, "strerror", None) or str(error)
        hint = "Check that the folder exists, is writable and has free space, or choose another file."
        raise EngineError("The file cannot be written", f"{path}: {why}", hint) from error


def _rendered(chart: Chart, form: Literal["png", "svg"]) -> bytes:
    from engine.charts.figures import figure_of

    with _matplotlib():
        figure: Figure = figure_of(chart)
        buffer = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(buffer, format=form, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


@contextmanager
def _matplotlib() -> Iterator[None]:
    """matplotlib with our settings only, and without messages on stderr."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # such as that it builds its cache of fonts
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # characters that the font lacks
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_SETTINGS)
            yield
