"""What charts of histories cost: reading them from sqlite, drawing, redrawing after a zoom, bytes of a frame.

    .venv/bin/python tests/bench/chart.py [--runs 10] [--steps 100000] [--no-peers]

CPU time is the process's own, from the action to the frame as it would be written; medians over the zooms.
The frame is 120 by 40. textual-plotext and textual-plot draw the same points in the same run, if pip can
install them into a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rich.color import ColorSystem

from engine.api import Engine, History, points_for
from engine.uri import resolve
from tests.bench.stores import START, make_store
from tests.tui.widgets.support import Stage
from tui.widgets.plot import Plot, Series

SIZE = (120, 40)
PEERS = ("textual-plot", "textual-plotext")
ZOOM_KEYS = ("plus", "plus", "minus", "plus", "right")
ONE_ZOOM = ("plus", "minus", "plus")
"""Of down-sampled histories: after each zoom, the console reads more points of what is in view."""
INSERT = "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, 'loss', ?, ?, ?, 0)"


def curves(runs: int, steps: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Losses that fall, with noise; one run's rises again."""
    chance = np.random.default_rng(7)
    x = np.linspace(0, 1, steps)
    rows = [np.exp(-3 * x) * (1 + 0.1 * run) + chance.normal(0, 0.03, steps) for run in range(runs)]
    rows[-1] += np.maximum(0, x - 0.5)
    return np.array(rows)


def fill(path: Path, rows: np.ndarray[Any, Any]) -> None:
    """A store with these histories of `loss`."""
    make_store(path, len(rows), metrics=0, params=2)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        ids = [row[0] for row in connection.execute("SELECT run_uuid FROM runs ORDER BY start_time")]
        for run_id, values in zip(ids, rows, strict=True):
            connection.executemany(
                INSERT,
                ((run_id, value, START + 50 * step, step) for step, value in enumerate(values.tolist())),
            )


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the seconds of CPU."""
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def read(path: Path, steps: int) -> tuple[tuple[History, ...], tuple[History, ...]]:
    """Print what reading takes, whole and zoomed; returns the histories, and those to smooth."""
    with Engine(resolve(f"sqlite:///{path}")) as engine:
        frame = engine.runs.feed(engine.runs.experiments()[0].experiment_id).load()
        runs = [frame.run(row) for row in range(len(frame))]
        points = points_for(SIZE[0])
        found, seconds = timed(lambda: engine.charts.histories(runs, ["loss"], points=points))
        total = sum(history.count or 0 for history in found)
        kept = max(len(history.values) for history in found)
        print(f"read {len(found)} histories, {total:,} points → at most {kept} each: {seconds:.2f} s of CPU")
        quarter = (steps // 4.0, steps // 2.0)
        _, seconds = timed(lambda: engine.charts.refined(found, "step", *quarter, points=points))
        print(f"read a quarter of them more finely: {seconds:.2f} s of CPU")
        smooth = points_for(SIZE[0], smooth=True)
        return found, engine.charts.histories(runs, ["loss"], points=smooth)


def bare(path: Path) -> None:
    """Print what the bare SELECT and MLflow's client take for one run."""
    statement = (
        "SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? AND key = 'loss' ORDER BY step"
    )
    with closing(sqlite3.connect(path)) as connection:
        run_id = connection.execute("SELECT run_uuid FROM runs LIMIT 1").fetchone()[0]
        _, seconds = timed(lambda: connection.execute(statement, (run_id,)).fetchall())
    print(f"a bare SELECT with fetchall, one run: {seconds:.2f} s of CPU")
    code = (
        "import sys, time\nfrom mlflow import MlflowClient\nclient = MlflowClient(sys.argv[1])\n"
        "client.search_experiments()\nbegan = time.process_time()\n"
        "found = client.get_metric_history(sys.argv[2], 'loss')\nprint(time.process_time() - began)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{path}", run_id], capture_output=True, text=True, check=True
    )
    print(f"MlflowClient.get_metric_history, one run: {float(done.stdout.split()[0]):.2f} s of CPU")


async def draw(
    series: Sequence[Series],
    colours: ColorSystem = ColorSystem.TRUECOLOR,
    keys: Sequence[str] = ZOOM_KEYS,
) -> dict[str, float]:
    """CPU milliseconds and bytes of the first frame, and of redrawing after a zoom."""
    plot = Plot()
    stage = Stage(plot)
    stage.console._color_system = colours
    async with stage.run_test(size=SIZE) as pilot:
        plot.focus()
        await pilot.pause()

        async def act(do: Callable[[], object]) -> tuple[float, int]:
            stage.take_written()
            started = time.process_time()
            do()
            await pilot.pause()
            return (time.process_time() - started) * 1000, len(stage.take_written().encode())

        first, size = await act(lambda: plot.set_series(series, x_label="step"))
        actions = {
            "plus": plot.action_zoom_in,
            "minus": plot.action_zoom_out,
            "right": lambda: plot.action_pan(1, 0),
        }
        zooms = [await act(actions[key]) for key in keys]
        return {
            "first": first,
            "first bytes": size,
            "zoom": statistics.median(spent for spent, _ in zooms),
            "zoom bytes": statistics.median(written for _, written in zooms),
        }


def in_few_colours(curves: Sequence[tuple[str, Any, Any]]) -> dict[str, float]:
    """Drawing in 256 colours, as in most SSH sessions."""
    return asyncio.run(draw([Series(*curve) for curve in curves], ColorSystem.EIGHT_BIT, ONE_ZOOM))


def report(what: str, figures: dict[str, float], goal: float | None = None) -> None:
    limit = "" if goal is None else f" (goal ≤ {goal:g})"
    print(
        f"{what}: first frame {figures['first']:.0f} ms, {figures['first bytes'] / 1000:.1f} kB;"
        f" zoom {figures['zoom']:.1f} ms of CPU{limit}, {figures['zoom bytes'] / 1000:.1f} kB"
    )


def peers(path: Path, what: str) -> None:
    """Print the figures of the other widgets, installed into a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mlflow-console-peers-") as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, *PEERS]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{' and '.join(PEERS)} could not be installed: {done.stderr.strip().splitlines()[-1]}")
            return
        script = Path(__file__).with_name("chart_peers.py")
        for peer in PEERS:
            command = [sys.executable, str(script), peer, str(path)]
            environment = {**os.environ, "PYTHONPATH": folder}
            found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            if found.returncode:
                print(f"{peer} failed: {found.stderr.strip().splitlines()[-1]}")
            else:
                report(f"{peer}, {what}", json.loads(found.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args()
    rows = curves(given.runs, given.steps)
    what = f"{given.runs} × {given.steps:,} points"
    with tempfile.TemporaryDirectory(prefix="mlflow-console-chart-") as name:
        folder = Path(name)
        fill(folder / "mlflow.db", rows)
        histories, to_smooth = read(folder / "mlflow.db", given.steps)
        bare(folder / "mlflow.db")
        reduced = [Series(h.run_name, h.steps, h.values) for h in histories]
        asyncio.run(draw(reduced))  # imports numpy
        report("down-sampled as read", asyncio.run(draw(reduced, keys=ONE_ZOOM)))
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:  # Rich keeps codes of colours
            few = fresh.submit(in_few_colours, [(h.run_name, h.steps, h.values) for h in histories]).result()
        report("down-sampled as read, 256 colours", few)
        smoothed = [Series(h.run_name, h.steps, h.smoothed(0.9), raw=h.values) for h in to_smooth]
        report("down-sampled, smoothed, raw values behind", asyncio.run(draw(smoothed, keys=ONE_ZOOM)))
        steps = np.arange(given.steps)
        every = [Series(f"run {at}", steps, row) for at, row in enumerate(rows)]
        report(f"all {what}", asyncio.run(draw(every)), 30)
        million = curves(2, 1_000_000)[:1]
        report("a million points", asyncio.run(draw([Series("run", np.arange(1_000_000), million[0])])), 50)
        if not given.no_peers:
            for data, label in (
                (np.array([[*h.values][:400] for h in histories]), f"{given.runs} × 400 points"),
                (rows, what),
            ):
                np.save(folder / "data.npy", data)
                peers(folder / "data.npy", label)


if __name__ == "__main__":
    main()
