"""Load tests of scoring servers: requests at a constant rate, and the highest rate that a server keeps up
with.

`load_worker` sends the requests and says how their latencies are measured.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.child_process import messages, start_child
from engine.errors import EngineError, ModelFailure, UsageError
from engine.formats import duration, listed, number
from engine.jobs import CancelToken, OnProgress, Progress
from engine.model_files.process import model_environment
from engine.model_tests.answers import ServerScorer, Target
from engine.model_tests.requests import Request, invocations_url
from engine.services.addresses import is_loopback
from engine.text import Shown, safe

TIMEOUT_SECONDS = 10.0
"""How long a request of a load test may take."""
KEPT_SHARE = 0.95
"""A server keeps up with a rate if it answers this share of the requests in time, and …"""
MAX_ERROR_SHARE = 0.01
"""… no more than this share fails."""
STEP_SECONDS = 3.0
STEPS = 12
MAX_SATURATION_RATE = 3000.0
CLIENT_SHARE = 0.1
"""If this process itself delays requests by a larger share of their median latency, the result says so."""


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """The most that a load test may do."""

    seconds: float
    rate: float
    connections: int


HERE = LoadLimits(seconds=300, rate=5000, connections=256)
ELSEWHERE = LoadLimits(seconds=30, rate=50, connections=8)
"""For servers on other machines, which may not be the operator's to load."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`rate` in requests per second. With `saturation`, higher rates follow, until the server no longer keeps
    up. `elsewhere` allows a server on another machine."""

    seconds: float = 10.0
    rate: float = 10.0
    connections: int = 8
    saturation: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class LoadStep:
    """Requests at one rate. `due` is the number that should have been sent, `errors` counts the failed ones
    by kind, `unsent` those for which no connection was free until the end. Quantiles are in seconds, None if
    nothing was answered; `client_late` is the 99th percentile of the delay of the console's own process."""

    rate: float
    seconds: float
    due: int
    answered: int
    errors: Mapping[str, int]
    unsent: int
    p50: float | None
    p95: float | None
    p99: float | None
    longest: float | None
    client_late: float

    @property
    def achieved(self) -> float:
        """Good answers per second."""
        return self.answered / self.seconds

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def keeps_up(self) -> bool:
        return self.achieved >= KEPT_SHARE * self.rate and self.failed <= MAX_ERROR_SHARE * self.due

    @property
    def is_client_slow(self) -> bool:
        """Whether the latencies are partly those of the console's own process."""
        return self.client_late > CLIENT_SHARE * (self.p50 or 0)

    @property
    def latencies(self) -> Shown:
        """`p50 6.1 ms, p95 8.0 ms, p99 9.4 ms, max 12.0 ms`"""
        named = {"p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.longest}
        return Shown(", ".join(f"{name} {milliseconds(value)}" for name, value in named.items()))

    @property
    def problems(self) -> Shown:
        """`3 × HTTP 500`; `no errors, but 12 not sent: no connection was free`."""
        found = [f"{count:,} × {kind}" for kind, count in self.errors.items()]
        unsent = f", but {self.unsent:,} not sent: no connection was free" if self.unsent else ""
        return Shown(f"{listed(found) if found else 'no errors'}{unsent}")


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A load test that has ended. `steps` are those of the search for the highest rate, in the order they
    were made; empty if that was not asked for. `time` is when it ended, in ms since the epoch."""

    __test__ = False  # for pytest

    target: Target
    connections: int
    main: LoadStep
    steps: tuple[LoadStep, ...]
    time: int

    @property
    def passed(self) -> bool:
        return self.main.keeps_up and not self.main.failed

    @property
    def highest(self) -> LoadStep | None:
        """The highest rate that the server kept up with; None if with none."""
        kept = [step for step in (self.main, *self.steps) if step.keeps_up]
        return max(kept, key=lambda step: step.rate, default=None)

    @property
    def saturated(self) -> LoadStep | None:
        """The lowest rate that the server did not keep up with; None if with all."""
        missed = [step for step in (self.main, *self.steps) if not step.keeps_up]
        return min(missed, key=lambda step: step.rate, default=None)

    @property
    def verdict(self) -> Shown:
        """The outcome in a sentence or two."""
        step = self.main
        asked = f"{number(step.rate)} requests/s for {duration(step.seconds)}"
        kept = "kept up" if step.keeps_up else f"achieved {step.achieved:.1f}/s"
        text = f"{asked}: {kept}, {step.latencies}; {step.problems}."
        return Shown(text + (f" {self.saturation}" if self.steps else ""))

    @property
    def saturation(self) -> Shown:
        highest, missed = self.highest, self.saturated
        if missed is None:
            rate = highest.rate if highest else 0
            return Shown(f"It keeps up with {rate:g} requests/s, the highest rate that was tried.")
        achieved = max(step.achieved for step in (self.main, *self.steps))
        kept = f"keeps up with {highest.rate:g} requests/s" if highest else "keeps up with no rate tried"
        why = f" ({missed.problems})" if missed.failed or missed.unsent else ""
        return Shown(f"It {kept}, not with {missed.rate:g}{why}; it achieved {achieved:.0f} at most.")


def milliseconds(seconds: float | None) -> Shown:
    """`6.1 ms`, `1,234 ms`; `–` for None."""
    if seconds is None:
        return Shown("–")
    return Shown(f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{1000 * seconds:,.0f} ms")


def run_load(
    target: Target,
    request: Request,
    options: LoadOptions,
    *,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> LoadTest:
    """Send a request again and again to a scoring server. First once: raises `ModelFailure` with its message
    if the server refuses it, and `EngineError` if it cannot be reached. Raises `UsageError` for a server on
    another machine that was not allowed, and for more than is allowed there or here."""
    _check(target, options)
    answer = ServerScorer(target.url).send(request)
    if not answer.is_ok:
        raise ModelFailure(f"The server refuses the request (HTTP {answer.status})", answer.message)
    with closing(_Worker(target.url, request, options.connections)) as worker:
        note = f"{number(options.rate)} requests/s"
        main = worker.run(options.rate, options.seconds, note, on_progress, cancel)
        steps = tuple(_climb(worker, main, options, on_progress, cancel)) if options.saturation else ()
    return LoadTest(target, options.connections, main, steps, time.time_ns() // 1_000_000)


def _check(target: Target, options: LoadOptions) -> None:
    if not target.url:
        hint = "Name a deployment (--deployment NAME) or a server (--url URL)."
        raise UsageError("A load test needs a server", hint=hint)
    ServerScorer(target.url)  # checks the URL
    host = urlsplit(target.url).hostname or ""
    is_here = is_loopback(host)
    if not is_here and not options.elsewhere:
        raise UsageError(
            f"{safe(host, 80)} is not this machine",
            "A load test can disturb the work of others.",
            f"If the server is yours to load, add --elsewhere: {_most(ELSEWHERE)}.",
        )
    limits = HERE if is_here else ELSEWHERE
    if not (
        0 < options.seconds <= limits.seconds
        and 0 < options.rate <= limits.rate
        and 0 < options.connections <= limits.connections
    ):
        raise UsageError("That is more than a load test may do", "", f"{_most(limits)}.".capitalize())


def _most(limits: LoadLimits) -> str:
    return f"at most {limits.rate:g} requests/s on {limits.connections} connections for {limits.seconds:g} s"


def _climb(
    worker: _Worker, main: LoadStep, options: LoadOptions, on_progress: OnProgress, cancel: CancelToken
) -> Iterator[LoadStep]:
    """Twice the rate until the server does not keep up, then between the two; in at most `STEPS` steps."""
    limit = min(MAX_SATURATION_RATE, ELSEWHERE.rate if options.elsewhere else HERE.rate)
    low, high = (main.rate, None) if main.keeps_up else (0.0, main.rate)
    for number_of_step in range(STEPS):
        rate = min(limit, 2 * low) if high is None else _round((low + high) / 2)
        if (high is None and low >= limit) or (high is not None and high - low <= 0.1 * high):
            return
        note = f"step {number_of_step + 1}: {rate:.0f} requests/s"
        step = worker.run(rate, min(STEP_SECONDS, options.seconds), note, on_progress, cancel)
        yield step
        low, high = (rate, high) if step.keeps_up else (low, rate)


def _round(rate: float) -> float:
    """A rate with three digits, as it is shown."""
    return float(f"{rate:.3g}")


class _Worker:
    """The process that sends the requests."""

    def __init__(self, url: str, request: Request, connections: int) -> None:
        try:
            child = start_child(
                "engine.model_tests.load_worker", folder=None, environment=model_environment()
            )
        except OSError as error:
            raise EngineError("The load test cannot be started", str(error)) from error
        self._process, self._answers = child.process, child.answers
        # Not in the arguments: a URL may hold a password.
        self._order(
            {
                "url": invocations_url(url),
                "content_type": request.content_type,
                "body": request.body,
                "connections": connections,
                "timeout": TIMEOUT_SECONDS,
            }
        )

    def run(
        self, rate: float, seconds: float, note: str, on_progress: OnProgress, cancel: CancelToken
    ) -> LoadStep:
        """Send requests at a rate. Raises `Cancelled`."""
        on_progress(Progress(0, max(1, round(rate * seconds)), note))
        self._order({"rate": rate, "seconds": seconds})
        for message in messages(self._answers, cancel, "The load test"):
            if "done" in message:
                on_progress(Progress(message["done"], message["total"], note))
            else:
                return LoadStep(**message)
        raise EngineError("The load test ended early", f"exit status {self._process.wait()}")

    def close(self) -> None:
        os.close(self._answers)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _order(self, order: Mapping[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # reading its answers reports that
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
