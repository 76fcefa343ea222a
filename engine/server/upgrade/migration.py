"""Runs MLflow's own `mlflow db upgrade` on a SQLite database, in a child process.

As a script it is that process: `python -m engine.server.upgrade.migration DATABASE MUST_END ANSWER`.
`MUST_END` is 1 if it goes on when its parent ends (a half-upgraded store would be worse), else 0; `ANSWER` is
the number of a file descriptor that takes lines of JSON:

    {"ready": SECONDS}    MLflow is imported, which took so long
    {"step": TEXT}        alembic's description of a migration that begins
    {"done": SECONDS}     the upgrade has succeeded, in this time
    {"failed": TEXT}      MLflow's own message
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import paths
from engine.child_process import input_lines, messages, start_child
from engine.errors import EngineError
from engine.jobs import CancelToken, OnProgress, Progress
from engine.secrets import mask
from engine.text import safe

MAX_MESSAGE = 2000


def run_upgrade(
    database: Path, migrations: int, *, must_end: bool, on_progress: OnProgress, cancel: CancelToken | None
) -> float:
    """Upgrade a database to the schema of the installed MLflow; the seconds that took, without those of
    importing MLflow. `migrations` is how many steps that has, `must_end` whether the process goes on when
    this one ends. Raises `EngineError` with MLflow's message, and `Cancelled`."""
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{database}",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    on_progress(Progress(0, migrations, "Starting MLflow"))
    try:
        child = start_child(
            "engine.server.upgrade.migration",
            str(database),
            str(int(must_end)),
            folder=database.parent,
            environment=environment,
        )
    except OSError as error:
        raise EngineError("MLflow cannot be started", str(error)) from error
    try:
        done = 0
        for message in messages(child.answers, cancel, "The rehearsal"):
            if "step" in message:
                on_progress(Progress(done, migrations, safe(message["step"], 200)))
                done += 1
            elif "failed" in message:
                raise _failed(message["failed"])
            elif "done" in message:
                return float(message["done"])
        log = f"exit status {child.process.wait()}; log: {paths.log_file()}"
        raise _failed(f"The process ended without an answer: {log}")
    finally:
        os.close(child.answers)
        if child.process.stdin is not None:
            child.process.stdin.close()
        if cancel is not None and cancel.cancelled:
            child.process.kill()
        child.process.wait()


def _failed(message: str) -> EngineError:
    return EngineError("`mlflow db upgrade` failed", safe(message, MAX_MESSAGE))


class _Steps(logging.Handler):
    """Passes on which migration begins."""

    def __init__(self, answer: int) -> None:
        super().__init__()
        self._answer = answer

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith("Running "):
            _tell(self._answer, {"step": record.getMessage()})


def _tell(answer: int, message: Mapping[str, Any]) -> None:
    try:
        os.write(answer, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:  # the parent has ended
        return


def main(database: Path, must_end: bool, answer: int) -> None:
    os.set_inheritable(answer, False)
    if not must_end:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    started = time.perf_counter()
    from mlflow.db import commands

    ready = time.perf_counter()
    _tell(answer, {"ready": ready - started})
    alembic = logging.getLogger("alembic.runtime.migration")
    alembic.addHandler(_Steps(answer))
    alembic.setLevel(logging.INFO)
    try:
        commands.main(["upgrade", f"sqlite:///{database}"], standalone_mode=False)
    except Exception as error:  # whatever a migration raises
        _tell(answer, {"failed": mask(f"{type(error).__name__}: {error}")})
        sys.exit(1)
    _tell(answer, {"done": time.perf_counter() - ready})


def _end_with_parent() -> None:
    for _ in input_lines():
        pass
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "1", int(sys.argv[3]))
