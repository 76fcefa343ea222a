"""The process of a tracking server: `python -P -m engine.server.program FOLDER PORT`, which the service's
supervisor starts. It is MLflow's own server; what is added is that it refuses to change the schema of a
database, says why it cannot start, and checks once that writing works."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

from engine.errors import EngineError, ServiceError, StoreNotFound
from engine.server.handover import Answer, Settings, read_answer, read_settings, write_answer
from engine.server.write_check import Checked, check_writes

START_SECONDS = 300
END_SECONDS = 10
POLL_SECONDS = 0.1


def main() -> None:
    folder, port = Path(sys.argv[1]), sys.argv[2]
    settings = read_settings(folder)
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
    from engine.server.private import run_mlflow_server

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
    from engine.server.private import remove_experiment

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


if __name__ == "__main__":
    main()
