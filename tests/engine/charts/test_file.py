"""Charts as PNG and SVG: the same bytes for the same data, and nothing half-written."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from array import array
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from engine.charts.across import ChartRequest, across
from engine.charts.curves import curves
from engine.charts.file import checked_suffix, draw_file, png_bytes, svg_text
from engine.charts.history import History
from engine.charts.kinds import Chart
from engine.columns import ColumnKey
from engine.errors import EngineError, NotFound, UsageError
from engine.runs.frame import RunFrame
from tests.support.runs import a_run

NASTY = "a$b$ _^{x} \\frac <&> 模型 \x1b[31m \u202e"
FRAME = RunFrame.from_runs(
    a_run(
        f"{kind}{k}{seed}",
        name=f"{NASTY} {k}{seed}",
        params={"kind": kind, "k": str(k), "lr": f"{10.0**-k:g}"},
        metrics={"acc": k / 10 + seed / 100, "loss": math.nan if seed == 3 else -1.0 * seed, "far": math.inf},
    )
    for kind in ("one", NASTY)
    for k in (1, 2, 4)
    for seed in range(5)
)


def history(name: str, metric: str, values: list[float]) -> History:
    run = a_run(name, name=name)
    steps = array("q", range(len(values)))
    times = array("q", ((run.start_time or 0) + 60_000 * at for at in range(len(values))))
    nans = sum(map(math.isnan, values))
    return History(run, metric, steps, times, array("d", values), len(values), nans)


HISTORIES = [
    history("a", "loss", [1.0, 0.5, math.nan, math.nan, 0.2, math.inf, 0.1]),
    history(NASTY, "loss", [1.0, 0.7, 0.6, 0.5, 0.5, 0.5, -0.0]),
    history("c", "acc", [0.5]),
]


def charts() -> list[Chart]:
    def made(kind: str, *metrics: str, x: str | None = None, log: bool = False) -> Chart:
        rows = range(0, len(FRAME), 5 if kind in ("bar", "rank") else 1)
        key = None if x is None else ColumnKey("param", x)
        return across(FRAME, rows, ChartRequest(kind, metrics, key, experiment=NASTY, log=log))  # type: ignore[arg-type]

    return [
        made("bar", "loss", "far"),
        made("rank", "acc", "loss"),
        made("scatter", "acc", x="lr", log=True),
        made("scatter", "acc", x="kind"),
        made("box", "acc", x="kind"),
        made("heat", "loss"),
        curves(HISTORIES, ["loss", "acc"], "wall", log=True, smooth=0.5),
        curves(HISTORIES[2:], ["acc"], "relative"),
    ]


@pytest.mark.slow
def test_another_process_with_other_settings_and_another_clock_draws_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.engine.charts.test_file import charts, png_bytes, svg_text\n"
        "print(*(hashlib.sha256(svg_text(chart).encode()).hexdigest() for chart in charts()))\n"
        "print(hashlib.sha256(png_bytes(charts()[-1])).hexdigest())"
    )
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\nsvg.hashsalt: other\n")
    environment = {
        **os.environ,
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "PYTHONHASHSEED": "1",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
    }
    command = [sys.executable, "-c", code, str(Path(__file__).parents[3])]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == "", "no warning about the characters that the font lacks"
    svgs = [svg_text(chart) for chart in charts()]
    assert done.stdout.split() == [
        *(sha256(svg.encode()).hexdigest() for svg in svgs),
        sha256(png_bytes(charts()[-1])).hexdigest(),
    ]
    for svg in svgs:
        assert svg.rstrip().endswith("</svg>")
        assert "<dc:date>" not in svg


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    chart = charts()[-1]
    path = tmp_path / "chart.svg"
    path.write_text("before")
    draw_file(chart, path)
    assert path.read_text() == svg_text(chart)
    png = tmp_path / "chart.PNG"
    draw_file(chart, png)
    assert png.read_bytes() == png_bytes(chart)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["chart.PNG", "chart.svg"]
    with pytest.raises(EngineError, match="cannot be written"):
        draw_file(chart, tmp_path / "missing" / "chart.svg")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(EngineError, match="cannot be written"):
        draw_file(chart, tmp_path / "folder.svg")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    full = tmp_path / "chart.svg"
    full.symlink_to("/dev/full")
    with pytest.raises(EngineError, match="No space left on device"):
        draw_file(charts()[-1], full)


@pytest.mark.parametrize("name", ["chart.gif", "chart", "chart.png.zip", "png"])
def test_another_suffix_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match=r"\.png, \.svg or \.txt"):
        checked_suffix(Path(name))


def test_histories_say_where_they_break_and_that_points_are_missing() -> None:
    chart = curves(HISTORIES[:1], ["loss"], experiment="deep", runs=3)
    assert chart.caption.title == "loss over steps"
    assert chart.caption.subject == "deep, 1 of 3 runs: a"
    assert chart.caption.notes == ("a: 2 NaN and 1 infinite, first at step 2",)
    sampled = History(a_run("b"), "m", array("q", [0, 9]), array("q", [0, 1]), array("d", [1, 2]), 10, 0)
    notes = curves([sampled], ["m"], smooth=0.9).caption.notes
    assert notes == (
        "2 of 10 points drawn: the lowest and the highest of each interval",
        "exponential moving average of the points drawn, weight 0.9",
    )
    with pytest.raises(NotFound, match="No history of m"):
        curves([], ["m"], runs=2)


def test_each_metric_has_its_own_panel() -> None:
    chart = curves(HISTORIES, ["loss", "acc"])
    assert {metric: [c.label for c in found] for metric, found in chart.panels.items()} == {
        "loss": ["a", NASTY],
        "acc": ["c"],
    }


def test_headings_of_bars_beside_each_other_do_not_overlap() -> None:
    from matplotlib.text import Text

    from engine.charts.figures import figure_of

    metrics = ("class_1_recall", "class_1_precision", "a_metric_with_a_very_long_name")
    frame = RunFrame.from_runs(
        a_run(f"r{at}", metrics=dict.fromkeys(metrics, 0.8 + at / 100)) for at in range(4)
    )
    figure = figure_of(across(frame, range(4), ChartRequest("bar", metrics)))
    figure.draw_without_rendering()
    boxes = [
        text.get_window_extent()
        for axes in figure.axes
        for text in axes.findobj(Text)
        if isinstance(text, Text) and "better" in text.get_text()
    ]
    assert len(boxes) == 3
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert boxes[-1].x1 <= figure.bbox.x1


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.15, 30.0], {"0.2", "0.5", "1", "2", "5", "10", "20"}),
        ([0.25, 0.9], {"0.3", "0.5", "0.8"}),
        ([0.912, 0.938], {"0.92", "0.93"}),
        ([1e-6, 1.0], {"1e-06", "0.01", "1"}),
    ],
)
def test_logarithmic_axes_have_enough_labels(values: list[float], labels: set[str]) -> None:
    from engine.charts.figures import figure_of

    figure = figure_of(curves([history("a", "loss", values)], ["loss"], log=True))
    figure.draw_without_rendering()
    (panel,) = figure.axes
    low, high = panel.get_ylim()
    axis = panel.yaxis
    ticks = [*zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)]
    ticks += zip(axis.get_minorticklocs(), axis.get_minorticklabels(), strict=True)
    shown = {label.get_text() for place, label in ticks if low <= place <= high} - {""}
    assert labels <= shown
    assert len(shown) <= 10


def test_times_of_files_are_in_utc() -> None:
    chart = curves(HISTORIES, ["loss"], "wall")
    assert chart.x.label == "time (UTC)"


def test_importing_the_engine_does_not_import_matplotlib() -> None:
    code = "import sys; from engine.api import across, draw_file, curves; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch("False\n", done.stdout)
