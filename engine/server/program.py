"""The process of a tracking server: `python -P -m engine.server.program FOLDER PORT`, which the service's
supervisor starts. It is MLflow's own server; what is added is that it refuses to change the schema of a
database, says why it cannot start, and checks once that writing works.

What it runs, and what it answers, are two files in the service's folder, readable only by their owner,
because one holds passwords. The functions at the end are the only uses of the undocumented parts of MLflow's
server; `tests/engine/server/test_start.py` shows what an upgrade of MLflow broke.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from engine.errors import EngineError, ServiceError, StoreNotFound
from engine.files import replacing
from engine.server.write_check import Checked, check_writes

START_SECONDS = 300
END_SECONDS = 10
POLL_SECONDS = 0.1
FOLDER = "server"
_SETTINGS, _ANSWER = "settings.json", "answer.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """`arguments` and `environment` are those of `mlflow server`. `address` is where the process reaches
    itself; `artifacts` the folder with the artifacts, empty if they are elsewhere. The process checks that
    writing works if `check` is set and it has not answered yet. `password` is the administrator's, empty
    without accounts."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    address: str
    artifacts: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    one_process: bool = True
    check: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """Either why the server cannot start (`title`, `detail`, `hint`), or what the check found."""

    title: str = ""
    detail: str = ""
    hint: str = ""
    checked: Checked | None = None

    @classmethod
    def failed(cls, error: EngineError) -> Answer:
        return cls(error.title, error.detail, error.hint)


def write_settings(folder: Path, settings: Settings) -> None:
    """Write the settings to a service's folder, and forget an earlier answer. Raises `OSError`."""
    _write(folder / FOLDER / _SETTINGS, asdict(settings))
    (folder / FOLDER / _ANSWER).unlink(missing_ok=True)


def read_settings(folder: Path) -> Settings:
    """Raises `OSError` and `ValueError`."""
    values = json.loads((folder / FOLDER / _SETTINGS).read_bytes())
    return Settings(**values | {"arguments": tuple(values["arguments"])})


def write_answer(folder: Path, answer: Answer) -> None:
    """Raises `OSError`."""
    _write(folder / FOLDER / _ANSWER, asdict(answer))


def read_answer(folder: Path) -> Answer | None:
    """None if the process has not answered yet."""
    try:
        values = json.loads((folder / FOLDER / _ANSWER).read_bytes())
    except (OSError, ValueError):
        return None
    checked = values.pop("checked")
    left = tuple(checked.pop("left")) if checked else ()
    return Answer(**values, checked=Checked(**checked, left=left) if checked else None)


def _write(path: Path, values: Mapping[str, Any]) -> None:
    with replacing(path, private=True) as file:
        file.write(json.dumps(values).encode())


# ── the process ──────────────────────────────────────────────────────────────


def main() -> None:
    folder, port = Path(sys.argv[1]), sys.argv[2]
    settings = read_settings(folder)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # off unless the user said otherwise
    os.environ.update(settings.environment)
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    reported = _Reported()
    for name in ("mlflow.cli", "uvicorn.error"):
        logging.getLogger(name).addHandler(reported)
    try:
        _check_database(settings.environment["MLFLOW_BACKEND_STORE_URI"])
        if settings.check and read_answer(folder) is None:
            threading.Thread(target=_check, args=(folder, settings, port), daemon=True).start()
        _run(settings, port)
    except SystemExit as ended:
        if ended.code and reported.error is not None:
            _answer_failure(folder, reported.error)
        raise
    except Exception as error:
        _answer_failure(folder, error)
        raise


def _run(settings: Settings, port: str) -> None:
    run_mlflow_server((*settings.arguments, "--port", port), one_process=settings.one_process)


def _end_with_supervisor() -> None:
    """Wait for the end of standard input, then end, even if a request hangs."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_SECONDS)
    os._exit(1)


class _Reported(logging.Handler):
    """The last error that MLflow or uvicorn logged before ending the process."""

    error: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.ERROR:
            return
        found = record.exc_info[1] if record.exc_info else None
        if isinstance(found, Exception):
            self.error = found
        elif isinstance(record.msg, Exception):
            self.error = record.msg
        elif self.error is None:
            self.error = ServiceError("The server cannot start", record.getMessage())


def _check_database(uri: str) -> None:
    """Raises unless MLflow may open the database: it would upgrade an old one, which other servers and
    clients could then no longer read."""
    from engine.stores.mlflow.revision import check_revision

    try:
        check_revision(uri)
    except StoreNotFound:
        return  # MLflow creates its tables in an empty database
    except EngineError:
        raise
    except Exception as error:
        raise _translated(error, uri) from error


def _translated(error: Exception, uri: str) -> EngineError:
    from sqlalchemy import make_url
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    from engine.stores.errors import translate
    from engine.stores.sql.errors import translate as translate_database

    if isinstance(error, SQLAlchemyError) and not isinstance(error, NoSuchModuleError) and "://" in uri:
        return translate_database(error, make_url(uri))
    return translate(error)


def _answer_failure(folder: Path, error: Exception) -> None:
    from engine.stores.errors import translate

    write_answer(folder, Answer.failed(translate(error)))


def _check(folder: Path, settings: Settings, port: str) -> None:
    """Check the server once it answers, and write down what was found. It also ends without one: the thread
    does not keep the process."""
    address = f"{settings.address}:{port}"
    try:
        _wait_until_healthy(address)
        artifacts = Path(settings.artifacts) if settings.artifacts else None
        checked = check_writes(address, settings.password, remove_experiment, artifacts)
    except Exception as error:
        checked = Checked(problem=f"The check failed: {error}")
    write_answer(folder, Answer(checked=checked))


def _wait_until_healthy(address: str) -> None:
    """Raises `TimeoutError`."""
    import requests

    get = partial(requests.get, f"{address}/health", timeout=5, proxies={"http": "", "https": ""})
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if get().ok:
                return
        except requests.RequestException:
            pass
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"no answer within {START_SECONDS} s")


# ── the undocumented parts of MLflow's server ────────────────────────────────


def run_mlflow_server(arguments: Sequence[str], *, one_process: bool) -> None:
    """`mlflow server ARGUMENTS…`, which ends with `SystemExit`.

    MLflow prepares the store, then starts uvicorn in a second process, which imports MLflow again and keeps
    the memory of both. With `one_process`, this process becomes uvicorn instead, with the same arguments.
    """
    # MLflow's application looks for it when it is imported, to know that it is in a server
    import uvicorn
    import mlflow.server  # isort: skip
    import mlflow.cli

    start = mlflow.server._exec_cmd

    def become(command: Sequence[str], *, extra_env: Mapping[str, str], **rest: Any) -> Any:
        if list(command[1:3]) != ["-m", "uvicorn"]:  # another MLflow: let it have its own way
            return start(command, extra_env=extra_env, **rest)
        os.environ.update(extra_env)
        _leave_out_health_checks()
        return uvicorn.main(list(command[3:]))

    if one_process:
        mlflow.server._exec_cmd = become
    mlflow.cli.cli(["server", *arguments])


def _leave_out_health_checks() -> None:
    """Keep the supervisor's own requests out of the log."""
    logging.getLogger("uvicorn.access").addFilter(lambda record: '"GET /health ' not in record.getMessage())


def remove_experiment(experiment_id: str) -> None:
    """Remove an experiment that is in the trash, as `mlflow gc` does. MLflow's API cannot."""
    from mlflow.server.handlers import _get_tracking_store

    _get_tracking_store()._hard_delete_experiment(experiment_id)


if __name__ == "__main__":
    main()
