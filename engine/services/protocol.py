"""How a supervisor and a socket worker talk, and the worker's end of it.

The worker inherits the listening socket and a pipe to answer on; their descriptors are arguments of its
command, `{socket}` and `{answers}`. Both directions carry JSON, one object a line.

On standard input, from the supervisor:

    {"do": "accept"}    start to accept connections; sent once, after `ready`
    {"do": "drain"}     stop accepting, finish the requests in flight, answer `drained`
    {"do": "ping"}      answer `alive`, from the thread that serves requests: a hanging one is restarted
    the end of input    end at once: the supervisor has ended, or does not need the worker any more

On the pipe, from the worker:

    {"is": "ready", …}                  loaded, and answered its recorded requests; facts about itself
    {"is": "failed", "detail": …}       cannot serve, and why; the worker then ends
    {"is": "stats", "requests": n, "errors": n, "seconds": […]}
                                        about each second if it changed: the totals of this worker, and the
                                        latencies since the last message, of at most 1,000 requests
    {"is": "alive"} · {"is": "drained"}

A worker that is not accepting yet must leave the socket alone: another one may be serving on it. Standard
output and error go to the service's log. This module imports only the standard library, so that it works in
any environment.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Literal

Command = Literal["accept", "drain", "ping"]
MAX_LATENCIES = 1000


class Supervisor:
    """The supervisor as a worker sees it. Thread-safe."""

    def __init__(self, answers: int) -> None:
        """`answers` is the descriptor to answer on."""
        self._answers = answers
        self._lock = threading.Lock()
        os.set_inheritable(answers, False)

    def commands(self) -> Iterator[Command]:
        """The commands as they come; ends when the worker has to end. Blocks: run it in a thread."""
        buffer = b""
        while chunk := os.read(0, 65536):
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)["do"]

    def ready(self, **facts: Any) -> None:
        self._answer({"is": "ready", **facts})

    def failed(self, detail: str) -> None:
        self._answer({"is": "failed", "detail": detail})

    def alive(self) -> None:
        self._answer({"is": "alive"})

    def stats(self, requests: int, errors: int, seconds: Sequence[float]) -> None:
        latencies = [round(value, 6) for value in seconds[-MAX_LATENCIES:]]
        self._answer({"is": "stats", "requests": requests, "errors": errors, "seconds": latencies})

    def drained(self) -> None:
        self._answer({"is": "drained"})

    def _answer(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._answers, data) :]
            except BrokenPipeError:  # the supervisor has ended: so will the commands
                return
