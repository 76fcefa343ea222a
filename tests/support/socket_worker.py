"""A small socket worker without MLflow: `python -m tests.support.socket_worker SOCKET ANSWERS NAME [HOW…]`.

It answers each request with its name. A request of `/die`, `/hang` or `/leave` makes it kill itself, hang or
leave a process of a session of its own behind; `/slow` takes 0.3 s, `/hold` until a file named `go` is in its
working folder; `/flood` prints `FLOOD_LINES`. HOW may say that it does not start well: `fails`, `dies`,
`once` (dies if it was started before in this folder), `waits` (until that file is there), `deaf` (never
ready).
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from engine.services.protocol import Supervisor
from engine.services.records import ANSWERS, SOCKET, ServiceSpec


def worker_spec(label: str = "one", *how: str, name: str = "heart", **fields: Any) -> ServiceSpec:
    """The spec of a service of such workers, which answer with `label`."""
    command = (sys.executable, "-P", "-m", "tests.support.socket_worker", SOCKET, ANSWERS, label, *how)
    fields = {"restart_seconds": 0.01, "label": f"version {label}", **fields}
    return ServiceSpec(name, "deployment", command, **fields)


FLOOD_LINES = 400_000


class SocketWorker:
    def __init__(self, listener: socket.socket, supervisor: Supervisor, name: str) -> None:
        self._listener = listener
        self._supervisor = supervisor
        self._name = name
        self._server: asyncio.Server | None = None
        self._requests = self._open = 0

    async def run(self, how: list[str]) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), daemon=True).start()
        if "waits" in how:
            await _wait_for_go()
        if "fails" in how:
            self._supervisor.failed("its example is not predicted")
            return
        if "dies" in how or ("once" in how and Path("started").exists()):
            print("no such module: xgboost", flush=True)  # noqa: T201
            os._exit(3)
        Path("started").touch()
        if "deaf" not in how:
            self._supervisor.ready(name=self._name)
        print(f"{self._name} is ready", flush=True)  # noqa: T201
        await asyncio.Event().wait()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for command in self._supervisor.commands():
            asyncio.run_coroutine_threadsafe(self._obey(command), loop)
        os._exit(0)

    async def _obey(self, command: str) -> None:
        if command == "ping":
            self._supervisor.alive()
        elif command == "accept":
            self._server = await asyncio.start_server(self._serve, sock=self._listener)
        elif command == "drain":
            # Closing the server would reset connections that it has accepted, but not handed over yet.
            asyncio.get_running_loop().remove_reader(self._listener)
            await asyncio.sleep(0.05)
            while self._open:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            self._supervisor.drained()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        started = time.monotonic()
        path = (await reader.readline()).split()[1].decode()
        while (await reader.readline()).strip():
            pass
        if path == "/die":
            os.kill(os.getpid(), signal.SIGKILL)
        if path == "/hang":
            time.sleep(3600)  # noqa: ASYNC251
        if path == "/leave":
            subprocess.Popen(["sleep", "3600"], start_new_session=True, stdin=subprocess.DEVNULL)  # noqa: ASYNC220
        if path == "/hold":
            print("holding", flush=True)  # noqa: T201
            await _wait_for_go()
        if path == "/flood":
            for number in range(0, FLOOD_LINES, 1000):
                print("\n".join([f"{number} flood {'x' * 80}"] * 1000), flush=True)  # noqa: T201
                await asyncio.sleep(0)
        if path == "/slow":
            await asyncio.sleep(0.3)
        body = self._name.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        self._open -= 1
        self._requests += 1
        self._supervisor.stats(self._requests, 0, [time.monotonic() - started])


async def _wait_for_go() -> None:
    while not Path("go").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def main(descriptor: str, answers: str, name: str, *how: str) -> None:
    listener = socket.socket(fileno=int(descriptor))
    listener.setblocking(False)
    await SocketWorker(listener, Supervisor(int(answers)), name).run(list(how))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
