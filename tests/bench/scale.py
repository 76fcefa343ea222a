"""Any number of runs: what the console takes for them, against what the bare driver takes.

    .venv/bin/python tests/bench/scale.py [--runs 10000 100000] [--server 10000] [--repeat 3]

Stores are made through MLflow's own schema (`stores.py`): 12 metrics, 8 parameters and 4 tags a run.
The console runs on a pseudo-terminal of 140 × 40 cells; times go from a key, or from its first paint, to
the byte that completes what is waited for. Beside it run in the same call: the bare SELECTs of the
same data with `fetchall` through the same driver; `mlflow.search_runs`; a stock DataTable filled with
the same cells; against a server with four workers a bare request of 100 runs, a bare loop over pages
of 1,000, and `MlflowClient.search_runs`. Each figure is the median of some repeats. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.stores import EXPERIMENT, make_store
from tests.support.console import COMMAND, environment
from tests.support.server import serving
from tests.support.terminal import Terminal

WATCHED = Path(__file__).with_name("watched.py")
PEERS = Path(__file__).with_name("peers.py")
SIZE = {"cols": 140, "rows": 40}
PATIENCE = 600.0


@dataclass(frozen=True)
class Figure:
    """One line of the table. `goal` is as the issue of the house has it."""

    work: str
    value: str
    ratio: str
    goal: str


FIGURES: list[Figure] = []


def told(work: str, value: str, ratio: str = "", goal: str = "") -> None:
    FIGURES.append(Figure(work, value, ratio, goal))
    print(f"  {work:<66}{value:>16}  {ratio:<34} {goal}", flush=True)


def ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def peer(name: str, uri: str, experiment_id: str, repeat: int) -> float:
    """The median seconds of a way of `peers.py`, in a separate process."""
    done = subprocess.run(
        [sys.executable, str(PEERS), name, uri, experiment_id, str(repeat)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


class Session:
    """The console on a terminal, and what its keys cost."""

    def __init__(
        self, uri: str, folder: Path, runs: int, *, refresh: float = 0, watched: bool = True
    ) -> None:
        """Without being `watched` nothing but the console itself uses CPU."""
        self._watched = watched
        self._report = folder / "report.json"
        self._whole = f"{runs:,} of {runs:,}"
        home = folder / "home"
        home.mkdir(exist_ok=True)
        for kept in home.rglob("viewed.json"):
            kept.unlink()
        argv = [sys.executable, str(WATCHED), str(self._report), str(refresh), uri]
        if not watched:
            argv = [str(COMMAND), "--tracking-uri", uri, "--refresh", str(refresh)]
        self.terminal = Terminal(argv, env=environment(home, TERM="xterm-256color"), cwd=folder, **SIZE)

    def arrival(self) -> float:
        """When the last bytes came, in seconds since the start."""
        return self.terminal.arrivals[-1][1]

    def until(self, holds: Callable[[], bool], what: str) -> float:
        self.terminal.wait_until(holds, what, PATIENCE)
        return self.arrival()

    def painted(self) -> float:
        """Seconds to the first paint."""
        return self.until(lambda: bool(self.terminal.text.strip()), "a first paint")

    def open(self) -> tuple[float, float, float]:
        """Seconds to the first paint, from there to the first rows, from there to all rows in the table."""
        screen = self.terminal
        paint = self.painted()
        first = self.until(lambda: "run-" in screen.text, "first rows")
        if self._watched:
            os.kill(screen.pid, signal.SIGUSR1)  # the views are imported: now it loads
        whole = self.until(self._is_whole, "all rows")
        return paint, first - paint, whole - paint

    def _is_whole(self) -> bool:
        text = self.terminal.text
        return self._whole in text and "loaded" not in text

    def open_again(self) -> tuple[float, float]:
        """Seconds from Enter on the experiment to its first rows, and to all of them in the table."""
        screen = self.terminal
        screen.press("h")
        screen.wait_quiet(0.3)
        began = screen.clock
        screen.press("enter")
        self.until(lambda: not self._is_whole(), "another load")
        first = self.until(lambda: " loaded" in screen.text or self._is_whole(), "first rows")
        return first - began, self.until(self._is_whole, "all rows") - began

    def key(self, key: str, holds: Callable[[], bool], what: str) -> float:
        """Seconds from a key to the screen that it leads to."""
        self.terminal.wait_quiet(0.3)
        began = self.terminal.clock
        self.terminal.press(key)
        return self.until(holds, what) - began

    def cpu(self) -> float:
        """Seconds of CPU that the process has used, all threads."""
        tasks = Path(f"/proc/{self.terminal.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def cpu_of(self, keys: Sequence[str], times: int) -> float:
        """Seconds of CPU that one of these keys takes, pressed in turn."""
        self.terminal.wait_quiet(0.5)
        before = self.cpu()
        for turn in range(times):
            self.terminal.press(keys[turn % len(keys)])
            self.terminal.wait_quiet(0.03)
        return (self.cpu() - before) / times

    def resident(self) -> float:
        """Megabytes that the process holds now."""
        pages = int(Path(f"/proc/{self.terminal.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def report(self) -> dict[str, float]:
        """The longest pause of the event loop in ms since the first rows, and the peak in MB."""
        self._report.unlink(missing_ok=True)
        os.kill(self.terminal.pid, signal.SIGUSR2)
        self.terminal.wait_until(
            lambda: self._report.exists() and self._report.stat().st_size > 0, "a report"
        )
        found: dict[str, float] = json.loads(self._report.read_text())
        return found

    def leave(self) -> None:
        self.terminal.press("ctrl+q")
        self.terminal.wait_exit()
        self.terminal.close()


def local(folder: Path, runs: int, repeat: int) -> None:
    path = folder / f"{runs}.db"
    experiment_id = make_store(path, runs)
    uri = f"sqlite:///{path}"
    print(f"{runs:,} runs from sqlite")
    opened: list[tuple[float, float, float]] = []
    bare, again = [], []
    for _ in range(repeat):
        bare.append(peer("bare", uri, experiment_id, 1))
        session = Session(uri, folder, runs, watched=False)
        opened.append(session.open())
        again.append(session.open_again())
        session.leave()
    session = Session(uri, folder, runs)
    session.open()
    session.open_again()
    left, resident = session.report(), session.resident()
    session.leave()
    selects = statistics.median(bare)
    first, started = (statistics.median(times[place] for times in opened) for place in (1, 2))
    whole = statistics.median(times[1] for times in again)
    told("bare SELECTs with fetchall", ms(selects))
    told("first rows, from the first paint", ms(first), "", "≤ 1 s" if runs >= 100_000 else "")
    told(
        "open the experiment, key to all rows in the table",
        ms(whole),
        f"{whole / selects:.1f} × the bare SELECTs",
        "≤ 3 ×",
    )
    told(
        "start the console, first paint to all rows",
        ms(started),
        f"{started / selects:.1f} × the bare SELECTs",
    )
    told("longest pause of the event loop while loading", f"{left['stall']:.0f} ms", "", "≤ 50 ms")
    told(
        "resident when loaded (peak)",
        f"{resident:.0f} MB ({left['peak']:.0f})",
        "",
        "≤ 150 MB" if runs <= 10_000 else "≤ 400 MB",
    )
    if runs <= 10_000:
        theirs = peer("search_runs", uri, experiment_id, 1)
        told(
            "mlflow.search_runs, imports not counted",
            ms(theirs),
            f"{theirs / whole:.0f} × the console",
            "≥ 20 ×",
        )
        table = peer("data_table", uri, experiment_id, 1)
        told("a stock DataTable filled with the same cells", ms(table), f"{table / whole:.1f} × the console")
    keys(uri, folder, runs)


def keys(uri: str, folder: Path, runs: int) -> None:
    """What keys cost when everything is loaded."""
    session = Session(uri, folder, runs, refresh=1, watched=False)
    screen = session.terminal
    session.open()
    for _ in range(4):
        screen.press("L")  # to a metric's column
    told("cursor step", f"{1000 * session.cpu_of('jk', 60):.1f} ms of CPU", "", "≤ 5 ms")
    told("page down", f"{1000 * session.cpu_of(['pagedown'], 30):.1f} ms of CPU", "", "≤ 20 ms")
    told(
        "sort by a metric, key to frame",
        ms(session.key("s", lambda: "sorted accuracy" in screen.text, "sorted")),
        "",
        "≤ 100 ms",
    )
    told(
        "the other way round", ms(session.key("s", lambda: "↑" in screen.lines[1], "sorted")), "", "≤ 100 ms"
    )
    screen.press("/")
    screen.wait_for("metric = euclidean")
    screen.type("accuracy > 0.")
    screen.wait_for(f"{runs:,} match")
    told(
        "filter by a metric, last character to frame",
        ms(
            session.key(
                "9", lambda: " match" in screen.text and f"{runs:,} match" not in screen.text, "filtered"
            )
        ),
        "",
        "≤ 150 ms",
    )
    screen.press("enter")
    idle = screen.bytes_while_idle(1)
    idle = screen.bytes_while_idle(10)
    told("written in 10 s of idling, auto-refresh every second", f"{len(idle)} bytes", "", "0")
    session.leave()


def remote(folder: Path, runs: int, repeat: int) -> None:
    path = folder / "served.db"
    experiment_id = make_store(path, runs)
    print(f"{runs:,} runs from a server with four workers")
    with serving(f"sqlite:///{path}", folder, workers=4) as server:
        uri = server.uri.raw
        for _ in range(3):
            peer("request", uri, experiment_id, 8)  # every worker has answered before
        opened, again, request, loop = [], [], [], []
        for _ in range(repeat):
            request.append(peer("request", uri, experiment_id, 5))
            loop.append(peer("loop", uri, experiment_id, 1))
            session = Session(uri, folder, runs, watched=False)
            opened.append(session.open())
            again.append(session.open_again())
            session.leave()
        session = Session(uri, folder, runs)
        session.open()
        session.open_again()
        left = session.report()
        session.leave()
        first, whole = (statistics.median(times[place] for times in again) for place in (0, 1))
        started = statistics.median(times[2] for times in opened)
        one, pages = statistics.median(request), statistics.median(loop)
        told("one bare request of 100 runs", ms(one))
        told(
            "open the experiment, key to first rows",
            ms(first),
            f"{first / one:.1f} × the bare request",
            "≤ 1.2 ×",
        )
        told("a bare loop over pages of 1,000", ms(pages))
        told(
            "open the experiment, key to all rows in the table",
            ms(whole),
            f"{whole / pages:.2f} × the bare loop",
            "≤ 0.6 ×",
        )
        told(
            "start the console, first paint to all rows",
            ms(started),
            f"{started / pages:.2f} × the bare loop",
        )
        theirs = peer("client", uri, experiment_id, 1)
        told(
            "MlflowClient.search_runs, pages of 1,000",
            ms(theirs),
            f"{theirs / whole:.1f} × the console",
            "> 1 ×",
        )
        told("longest pause of the event loop while loading", f"{left['stall']:.0f} ms", "", "≤ 50 ms")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--runs", type=int, nargs="*", default=[10_000, 100_000])
    reader.add_argument("--server", type=int, default=10_000, help="runs behind the server; 0: none")
    reader.add_argument("--repeat", type=int, default=3)
    asked = reader.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlflow-console-bench-") as scratch:
        for runs in asked.runs:
            local(Path(scratch), runs, asked.repeat)
        if asked.server:
            remote(Path(scratch), asked.server, asked.repeat)
    print("\n| work | figure | ratio | goal |\n|---|---|---|---|")
    for figure in FIGURES:
        print(f"| {figure.work} | {figure.value} | {figure.ratio} | {figure.goal} |")
    print(f"\n{time.monotonic() - began:.0f} s in all; experiment {EXPERIMENT!r}")


if __name__ == "__main__":
    main()
