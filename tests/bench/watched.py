"""The console with a pulse: `watched.py REPORT SECONDS URI` opens it on the terminal, looking again
every so many seconds (0: never), and at SIGUSR2 writes to REPORT, as JSON, what only its own event loop
can tell.

A coroutine sleeps for `PULSE` seconds again and again; how much longer it slept is how long the loop
could not take a key. SIGUSR1 begins anew.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from tui import terminal

terminal.prepare()  # what Textual reads when it is imported

from engine.log import start_log  # noqa: E402
from engine.uri import resolve  # noqa: E402
from tui import app  # noqa: E402

PULSE = 0.002


class Watched(app.Console):
    """Notes the longest pause of its event loop."""

    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))
    report: Path
    longest = 0.0

    def on_mount(self) -> None:
        super().on_mount()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._reset)
        loop.add_signal_handler(signal.SIGUSR2, self._write_report)
        self.run_worker(self._beat(), group="pulse")

    def _reset(self) -> None:
        self.longest = 0.0

    async def _beat(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(PULSE)
            self.longest = max(self.longest, time.perf_counter() - began - PULSE)

    def _write_report(self) -> None:
        status = Path("/proc/self/status").read_text()  # getrusage tells of what was before the exec, too
        peak = int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
        self.report.write_text(json.dumps({"stall": 1000 * self.longest, "peak": peak}))


def main() -> None:
    report, refresh, uri = sys.argv[1:]
    start_log()
    sys.setswitchinterval(app.SWITCH_SECONDS)
    console = Watched(resolve(uri), refresh_seconds=float(refresh))
    console.report = Path(report)
    with terminal.exclusive_screen():
        console.run(mouse=False)


if __name__ == "__main__":
    main()
