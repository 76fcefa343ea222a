"""A deployment against `mlflow models serve`: the same model, the same requests, both in turn.

    .venv/bin/python tests/bench/serving.py [--rounds 5] [--requests 10000]

The model is the demo's: a scaler and 5 neighbours on the 13 columns of the heart data, in skops, in a SQLite
store. Both have the same packages, and are started as an operator starts them, in a new process.

- Ready: from the start of the command to the first `/ping` that is answered, for the console to the end of
  `deploy`, which also answers the recorded rows.
- One connection: the median latency of requests of one row, one after the other. Eight connections: answers a
  second, each connection sending its next request when it has its answer.
  A deployment has two processes that answer; the second starts once the first does, and is waited for.
- Memory: of all processes of each, resident (RSS), and with shared pages divided among them (PSS).
- Swaps: requests at a constant 50 a second, half of them on new connections, while the versions of the
  deployment are swapped again and again; how many were not answered with a prediction.

Goals: ready 0.6 ×, latency 1 × (wish 0.6 ×), throughput 1.2 ×, memory 1.1 ×, 0 failures.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import queue
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine.paths import heart_csv

BIN = Path(sys.executable).parent
MODEL = "heart"
SENDERS = 16
RATE = 50
PROCESSES = 2
"""Those of a deployment that answer requests; the supervisor is another one."""


@dataclass
class Side:
    """What was measured of one of the two."""

    ready: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    throughput: list[float] = field(default_factory=list)
    rss: float = 0
    pss: float = 0


def log_versions(uri: str) -> None:
    """Two versions of the model, with 5 and with 7 neighbours."""
    import mlflow.sklearn
    import pandas as pd
    import skops.io
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = pd.read_csv(heart_csv()).astype(float)
    inputs, target = table.drop(columns="target"), table["target"].astype(int)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("serving")
    with mlflow.start_run():
        for neighbours in (5, 7):
            pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier(neighbours)).fit(inputs, target)
            mlflow.sklearn.log_model(
                pipeline,
                name="model",
                registered_model_name=MODEL,
                input_example=inputs[:2],
                signature=mlflow.models.infer_signature(inputs, pipeline.predict(inputs)),
                pip_requirements=["mlflow", "scikit-learn"],
                skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(pipeline)),
            )


def request_body() -> bytes:
    header, first, *_ = heart_csv().read_text().splitlines()
    columns, values = header.split(",")[:-1], [float(value) for value in first.split(",")[:-1]]
    return json.dumps({"dataframe_split": {"columns": columns, "data": [values]}}).encode()


# ── the two ──────────────────────────────────────────────────────────────────


@contextmanager
def mlflow_serve(port: int, folder: Path, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """`mlflow models serve`, until the block ends; yields its process once it answers."""
    command = [BIN / "mlflow", "models", "serve", "-m", f"models:/{MODEL}/1", "--env-manager", "local"]
    with (folder / "mlflow.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, cwd=folder, stdout=log, stderr=log
        )
    root = psutil.Process(process.pid)
    try:
        while not answers_ping(port):
            assert process.poll() is None, (folder / "mlflow.log").read_text()
            time.sleep(0.01)
        yield root
    finally:
        for each in tree(root):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


@contextmanager
def deployed(port: int, folder: Path, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """`mlflow-console deploy`, until the block ends; yields its supervisor."""
    answer = run(folder, environment, "deploy", f"{MODEL}/1", "--port", str(port), "--json")
    try:
        yield psutil.Process(answer["pid"])
    finally:
        run(folder, environment, "stop", MODEL, "--json")


def tree(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def wait_until_all_accept(supervisor: psutil.Process, port: int) -> None:
    """Wait until each process of a deployment takes connections."""
    while True:
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(16)]
        time.sleep(0.5)
        accepting = [each for each in tree(supervisor)[1:] if _is_connected(each)]
        for connection in connections:
            connection.close()
        if len(accepting) == PROCESSES:
            return


def _is_connected(process: psutil.Process) -> bool:
    return any(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections("tcp"))


def run(folder: Path, environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """The JSON that a command of the console writes."""
    command = [str(BIN / "mlflow-console"), *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def answers_ping(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ── requests ─────────────────────────────────────────────────────────────────


def latency(port: int, data: bytes, number: int = 200) -> float:
    """The median of requests on one connection, in milliseconds."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times = []
        for _ in range(number):
            started = time.perf_counter()
            connection.sendall(data)
            answer = b""
            while not is_complete(answer):
                answer += connection.recv(65536)
            times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def throughput(port: int, data: bytes, seconds: float = 2.0, connections: int = 8) -> float:
    """Answers a second."""
    with selectors.DefaultSelector() as ready:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            ready.register(connection, selectors.EVENT_READ)
            connection.sendall(data)
        started, answered = time.perf_counter(), 0
        answers: dict[object, bytes] = {}
        while time.perf_counter() - started < seconds:
            for key, _ in ready.select(1):
                connection = key.fileobj  # type: ignore[assignment]
                answers[connection] = answers.get(connection, b"") + connection.recv(65536)
                if is_complete(answers[connection]):
                    del answers[connection]
                    connection.sendall(data)
                    answered += 1
        taken = time.perf_counter() - started
        for key in list(ready.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return answered / taken


def is_complete(answer: bytes) -> bool:
    """Whether this is a whole answer, which has to be a prediction."""
    assert not answer or answer.startswith(b"HTTP/1.1 200"), answer
    return answer.endswith(b"]}")


def send_constantly(port: int, body: bytes, number: int, change: Callable[[], object]) -> list[str]:
    """Send requests at a constant rate, whatever the answers take, while `change` is called again and again;
    returns the failures."""
    failures: list[str] = []
    due: queue.SimpleQueue[float | None] = queue.SimpleQueue()
    ended = threading.Event()
    senders = [
        threading.Thread(target=_send, args=(port, body, due, failures, sender % 2 == 0))
        for sender in range(SENDERS)
    ]
    changer = threading.Thread(target=_repeat, args=(change, ended))
    for thread in (*senders, changer):
        thread.start()
    started = time.perf_counter()
    for position in range(number):
        time.sleep(max(0.0, started + position / RATE - time.perf_counter()))
        due.put(position)
    for _ in senders:
        due.put(None)
    for thread in senders:
        thread.join()
    ended.set()
    changer.join()
    return failures


def _repeat(change: Callable[[], object], ended: threading.Event) -> None:
    while not ended.is_set():
        change()


def _send(
    port: int, body: bytes, due: queue.SimpleQueue[float | None], failures: list[str], keeps: bool
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while due.get() is not None:
        try:
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200 or not answer.startswith(b'{"predictions": ['):
                failures.append(f"{response.status} {answer[:200]!r}")
        except (OSError, http.client.HTTPException) as error:
            failures.append(repr(error))
            connection.close()
        if not keeps:
            connection.close()
    connection.close()


# ── the figures ──────────────────────────────────────────────────────────────


def show(what: str, unit: str, theirs: float, ours: float, goal: str) -> None:
    print(f"{what:28} {theirs:9.2f} {ours:9.2f} {unit:6} {ours / theirs:5.2f} ×   goal {goal}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10_000, help="while versions are swapped")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlflow-console-bench-") as name:
        measure(Path(name), options.rounds, options.requests)


def measure(folder: Path, rounds: int, requests: int) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "XDG_"))},
        "HOME": str(folder),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    arguments = [
        sys.executable,
        "-c",
        "from tests.bench.serving import log_versions as l; l(__import__('sys').argv[1])",
    ]
    subprocess.run([*arguments, uri], env=environment, check=True, capture_output=True)
    body = request_body()
    headers = ("Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}")
    data = "\r\n".join(("POST /invocations HTTP/1.1", *headers, "", "")).encode() + body
    theirs, ours = Side(), Side()
    for _ in range(rounds):
        for side, serve in ((theirs, mlflow_serve), (ours, deployed)):
            started = time.perf_counter()
            with serve(free_port(), folder, environment):
                side.ready.append(time.perf_counter() - started)
    ports = free_port(), free_port()
    with (
        mlflow_serve(ports[0], folder, environment) as their_root,
        deployed(ports[1], folder, environment) as our_root,
    ):
        wait_until_all_accept(our_root, ports[1])
        for port in ports:
            throughput(port, data)  # warms up
        for _ in range(2 * rounds):
            for side, port in ((theirs, ports[0]), (ours, ports[1])):
                side.latency.append(latency(port, data))
                side.throughput.append(throughput(port, data))
        for side, root in ((theirs, their_root), (ours, our_root)):
            sizes = [process.memory_full_info() for process in tree(root)]
            side.rss, side.pss = sum(each.rss for each in sizes) / 1e6, sum(each.pss for each in sizes) / 1e6
    print(f"{'':28} {'mlflow':>9} {'console':>9}")
    show("ready", "s", statistics.median(theirs.ready), statistics.median(ours.ready), "≤ 0.6 ×")
    show(
        "1 connection, p50", "ms", statistics.median(theirs.latency), statistics.median(ours.latency), "≤ 1 ×"
    )
    show("  the best round", "ms", min(theirs.latency), min(ours.latency), "")
    show(
        "8 connections",
        "1/s",
        statistics.median(theirs.throughput),
        statistics.median(ours.throughput),
        "≥ 1.2 ×",
    )
    show("  the best round", "1/s", max(theirs.throughput), max(ours.throughput), "")
    show("memory, RSS", "MB", theirs.rss, ours.rss, "≤ 1.1 ×")
    show("memory, PSS", "MB", theirs.pss, ours.pss, "≤ 1.1 ×")
    if requests:
        swap_under_load(free_port(), folder, environment, body, requests)


def swap_under_load(port: int, folder: Path, environment: dict[str, str], body: bytes, requests: int) -> None:
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        run(folder, environment, "swap", MODEL, "--version", str(2 - swaps % 2), "--json")
        swaps += 1

    with deployed(port, folder, environment):
        failures = send_constantly(port, body, requests, swap)
    print(f"swaps at {RATE} requests/s: {len(failures)} of {requests:,} failed in {swaps} swaps   goal 0")
    for failure in failures[:5]:
        print(f"  {failure}")


if __name__ == "__main__":
    main()
