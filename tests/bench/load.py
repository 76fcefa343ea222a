"""Whether a load test measures what a reference tool measures: `load-test` against wrk, on the same server.

    .venv/bin/python tests/bench/load.py [--turns 5] [--seconds 4]

wrk sends the next request when it has the answer to the last one, so it leaves out how long requests wait
that are due meanwhile. The two agree where there is nothing to leave out: this server answers each request
after a delay of its own, 20 to 120 ms whatever else it does, and the rate of the load test is about wrk's.
They run in turn, so that what else the machine does meets both. Needs wrk (Debian's package of this name).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.api import LoadOptions, Request, Target
from engine.jobs import CancelToken, no_progress
from engine.model_tests.load import run_load

CONNECTIONS = 4
SHORTEST, LONGEST = 0.020, 0.120
BODY = '{"inputs": [[1, 2, 3]]}'
SCRIPT = f"""
wrk.method = "POST"
wrk.body = '{BODY}'
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency)
  io.write(string.format("RESULT %f %f %d %d\\n", latency:percentile(50), latency:percentile(99),
    summary.requests, summary.duration))
end
"""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, each after a random delay."""
    delays = random.Random()
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            await asyncio.sleep(delays.uniform(SHORTEST, LONGEST))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Iterator[str]:
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def wrk(url: str, seconds: float, script: Path) -> tuple[float, float, float]:
    """p50 and p99 in seconds, and requests per second."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(script), f"{url}/invocations"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"RESULT (\S+) (\S+) (\d+) (\d+)", printed)
    assert found is not None, printed
    p50, p99, requests, duration = map(float, found.groups())
    return p50 / 1e6, p99 / 1e6, requests / (duration / 1e6)


def ours(url: str, seconds: float, rate: float) -> tuple[float, float]:
    """p50 and p99 in seconds. With connections to spare, as nothing may wait for one."""
    options = LoadOptions(seconds=seconds, rate=rate, connections=4 * CONNECTIONS)
    request = Request("application/json", BODY)
    step = run_load(Target(url=url), request, options, on_progress=no_progress, cancel=CancelToken()).main
    assert step.p50 is not None
    assert step.p99 is not None
    assert step.answered == step.due
    return step.p50, step.p99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        with asyncio.Runner(
            loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
        ) as runner:
            runner.run(serve())
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed (Debian's package is wrk)")
    reference, measured = [], []
    with tempfile.TemporaryDirectory() as folder, serving() as url:
        script = Path(folder) / "post.lua"
        script.write_text(SCRIPT)
        for _ in range(arguments.turns):
            p50, p99, rate = wrk(url, arguments.seconds, script)
            reference.append((p50, p99))
            measured.append(ours(url, arguments.seconds, rate))
    for at, name in enumerate(("p50", "p99")):
        theirs = statistics.median(turn[at] for turn in reference)
        own = statistics.median(turn[at] for turn in measured)
        goal = "" if name == "p50" else "  goal within 5 %"
        print(
            f"{name}  wrk {1000 * theirs:6.1f} ms  load-test {1000 * own:6.1f} ms  {own / theirs:.3f} ×{goal}"
        )


if __name__ == "__main__":
    main()
