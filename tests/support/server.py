"""A real `mlflow server` for tests that write to it or kill it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.uri import TrackingUri
from tests.support.terminal import Process
from tests.support.warm import Warm

START_SECONDS = 120
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Server:
    uri: TrackingUri
    process: Process

    def kill(self) -> None:
        """Kill the server and its workers, as in a crash."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(
    store_uri: str,
    folder: Path,
    *,
    workers: int = 1,
    warm: Warm | None = None,
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server on a store, until the block ends; `folder` receives its log and its artifacts. With `warm`,
    it need not import MLflow. `options` and environment `variables` are added."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    arguments += ["--backend-store-uri", store_uri, "--artifacts-destination", str(folder / "artifacts")]
    arguments += options
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
        "PATH": path,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **(variables or {}),
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        if warm is None:
            process: Process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", *arguments],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        else:
            streams = (output.fileno(),) * 3
            function = "tests.support.warm:serve_mlflow"
            process = warm.call(function, *arguments, streams=streams, cwd=folder, env=environment)
    server = Server(TrackingUri(f"http://127.0.0.1:{port}"), process)
    try:
        _wait_until_healthy(server, log)
        yield server
    finally:
        server.kill()


@contextmanager
def serving_uri(store_uri: str, folder: Path, warm: Warm) -> Iterator[TrackingUri]:
    """Like `serving`, but yields only the URI, for another process."""
    with serving(store_uri, folder, warm=warm) as server:
        yield server.uri


def _wait_until_healthy(server: Server, log: Path) -> None:
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        with suppress(urllib.error.URLError, OSError):
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{server.uri.raw}/health", timeout=2):
                return
        try:
            server.process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"mlflow server did not start:\n{log.read_text(errors='replace')[-4000:]}")
