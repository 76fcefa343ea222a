"""The process that sends the requests of a load test: `python -m engine.model_tests.load_worker ANSWER`.

A process of its own, so that the console's other work does not delay them. The first line of standard input
is what to send, {"url", "content_type", "body", "connections", "timeout"}. Each further line, {"rate",
"seconds"}, sends it at that rate, and is answered with one line of JSON on the descriptor `ANSWER`, after
lines {"done", "total"} that count the requests so far. The process ends when its standard input closes.

The n-th request of a test is due n / rate seconds after its start, whether earlier ones have been answered or
not, and its latency counts from then. A server that stalls delays all requests that are due meanwhile, and
all of them show it; clients that wait for an answer before they send the next request leave that out
("coordinated omission"). If all connections are busy when a request is due, it is sent as soon as one is
free. One that is still not sent at the end counts with the time that it has waited.

Quantiles are exact, from all latencies: a test has at most some hundred thousand. That needs no histogram.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import math
import os
import queue
import selectors
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.child_process import input_lines

if TYPE_CHECKING:
    from aiohttp import ClientSession

PROGRESS_SECONDS = 0.5
LEAD_SECONDS = 0.05
"""From the order to the first request."""
GRACE_SECONDS = 1.0
"""How long after its end a run still sends what was due in it."""
REFUSED, CLOSED, TIMEOUT = "connection refused", "connection closed", "no answer in time"


@dataclass(slots=True)
class Tally:
    """What happened to the requests of one run. `waits` are the latencies of good answers, and the times that
    requests without an answer waited; `late` are the delays of this process itself."""

    waits: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    unsent: int = 0
    end: float = 0.0


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all is not above; None without values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


async def send_at_rate(
    session: ClientSession, order: Mapping[str, Any], rate: float, seconds: float, answer: int
) -> dict[str, Any]:
    """Send requests at a constant rate for some seconds; the figures of the run."""
    total = max(1, round(rate * seconds))
    start = time.perf_counter() + LEAD_SECONDS
    last_chance = start + seconds + GRACE_SECONDS
    numbers, tally = itertools.count(), Tally()

    async def connection() -> None:
        while (number := next(numbers)) < total:
            due, free = start + number / rate, time.perf_counter()
            if free > last_chance:
                tally.unsent += 1
                tally.waits.append(free - due)
                continue
            if due > free:
                await asyncio.sleep(due - free)
            tally.late.append(time.perf_counter() - max(due, free))
            problem = await _send(session, order)
            tally.end = time.perf_counter()
            if problem:
                tally.errors[problem] += 1
            else:
                tally.answered += 1
            if problem in ("", TIMEOUT):
                tally.waits.append(tally.end - due)

    async def report() -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            _write(answer, {"done": tally.answered + tally.errors.total(), "total": total})

    reporting = asyncio.create_task(report())
    await asyncio.gather(*(connection() for _ in range(min(order["connections"], total))))
    reporting.cancel()
    waits, elapsed = sorted(tally.waits), max(seconds, tally.end - start)
    return {
        "rate": rate,
        "seconds": elapsed,
        "due": total,
        "answered": tally.answered,
        "errors": dict(tally.errors.most_common()),
        "unsent": tally.unsent,
        "p50": quantile(waits, 0.5),
        "p95": quantile(waits, 0.95),
        "p99": quantile(waits, 0.99),
        "longest": waits[-1] if waits else None,
        "client_late": quantile(sorted(tally.late), 0.99) or 0.0,
    }


async def _send(session: ClientSession, order: Mapping[str, Any]) -> str:
    """Send one request and read the answer; the kind of error, or an empty text."""
    import aiohttp

    try:
        async with session.post(order["url"], data=order["body"], allow_redirects=False) as response:
            await response.read()
        return "" if 200 <= response.status < 300 else f"HTTP {response.status}"
    except TimeoutError:
        return TIMEOUT
    except aiohttp.ClientConnectorError as error:
        return REFUSED if isinstance(error.os_error, ConnectionRefusedError) else "no connection"
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError):
        return CLOSED
    except aiohttp.ClientError as error:
        return type(error).__name__


async def serve(lines: Iterator[bytes], answer: int) -> None:
    """Run the orders that come, one after the other."""
    import aiohttp

    order = json.loads(next(lines))
    order["body"] = order["body"].encode()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Content-Type": order["content_type"]},
        timeout=aiohttp.ClientTimeout(total=order["timeout"]),
        auto_decompress=False,
    ) as session:
        await asyncio.gather(*(_send(session, order) for _ in range(order["connections"])))  # connect
        gc.collect()
        gc.freeze()
        gc.disable()  # a test is short; a collection would count as latency
        for line in lines:
            step = json.loads(line)
            _write(answer, await send_at_rate(session, order, step["rate"], step["seconds"], answer))
            gc.collect()


def _write(answer: int, message: Mapping[str, Any]) -> None:
    try:
        os.write(answer, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        os._exit(1)  # nobody waits for it


def _lines() -> Iterator[bytes]:
    """The lines of standard input. Its end is that of the process, also within a test."""
    received: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def receive() -> None:
        for line in input_lines():
            received.put(line)
        os._exit(0)

    threading.Thread(target=receive, name="parent", daemon=True).start()
    yield from iter(received.get, None)


def main(answer: int) -> None:
    os.set_inheritable(answer, False)
    # The usual selector waits in whole milliseconds, which would add up to one to each latency.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(_lines(), answer))


if __name__ == "__main__":
    main(int(sys.argv[1]))
