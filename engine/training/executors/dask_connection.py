"""Reaching a Dask cluster: its scheduler's address, the connection, and whether its workers can be used."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from engine.errors import TrainingError, UsageError
from engine.training.executors.base import Execution

CONNECT_SECONDS = 5

Result = TypeVar("Result")


def within(seconds: float, request: Callable[[], Result]) -> Result | None:
    """What a request returns. Raises what it raises, and `TimeoutError`; the request then goes on in its
    thread, which does not keep the process."""
    answers: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((request(), None))
        except BaseException as error:
            answers.put((None, error))

    in_background(ask)
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return answer


def in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="dask", daemon=True).start()


def scheduler_address(execution: Execution) -> str:
    """The scheduler's address, from the settings or its file. Raises `UsageError`."""
    if bool(execution.scheduler) == bool(execution.scheduler_file):
        hint = "Name its address, such as tcp://host:8786, or its scheduler file."
        raise UsageError("Dask needs a scheduler: one address, or one file", hint=hint)
    if execution.scheduler:
        return execution.scheduler
    path = Path(execution.scheduler_file).expanduser()
    hint = "Use the file that `dask scheduler --scheduler-file FILE` writes."
    try:
        address = json.loads(path.read_text())["address"]
    except OSError as error:
        raise UsageError("The scheduler file cannot be read", f"{error.strerror}: {path}", hint) from error
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError("The scheduler file is damaged", f"It names no address: {path}", hint) from error
    if not isinstance(address, str):
        raise UsageError("The scheduler file is damaged", f"It names no address: {path}", hint)
    return address


def without_login(uri: str) -> str:
    """A server's URI without user and password: workers use those of their own environment."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def connected(address: str) -> Any:
    """A client of the scheduler, with the security settings of Dask's configuration. Raises `UsageError` or
    `TrainingError`."""
    try:
        from dask import config
        from distributed import Client
    except ImportError as error:
        hint = "Install it: pip install 'mlflow-console[dask]'"
        raise UsageError("Dask is not installed", str(error), hint) from error
    for name in ("distributed", "distributed.client", "distributed.comm", "distributed.core", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is raised
    config.set({"distributed.diagnostics.computations.nframes": 0})  # do not send our source with each task
    title = "Cannot connect to the Dask scheduler"
    try:
        options = {"timeout": CONNECT_SECONDS, "set_as_default": False, "name": "mlflow-console"}
        within(CONNECT_SECONDS + 3, lambda: asyncio.run(_greet(address)))
        return within(CONNECT_SECONDS + 3, lambda: Client(address, **options))
    except OSError as error:
        reason = str(error.__cause__ or error) or "no answer"
        hint = "Is it running, and is this its address? See `dask scheduler`."
        if address.startswith("tls"):
            hint = "Is it running? Are the certificates those of this cluster? See Dask's TLS settings."
        raise TrainingError(title, f"{address}: {reason}", hint) from error
    except (TypeError, RuntimeError) as error:
        hint = "Name the certificates in Dask's configuration, as DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …"
        raise TrainingError(
            title, f"{address}: {error}", f"{hint}__CLIENT__CERT and …__CLIENT__KEY."
        ) from error
    except ValueError as error:
        hint = "An address is like tcp://host:8786 or tls://host:8786."
        raise UsageError("Invalid address of a Dask scheduler", f"{address}: {error}", hint) from error


async def _greet(address: str) -> None:
    """Connect once, and raise what a client would. A client that cannot connect blocks Dask's event loop for
    ten seconds when it is collected as garbage, and with it the next client."""
    from distributed.comm import connect
    from distributed.security import Security

    greeted = await connect(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    greeted.abort()


def problems(
    run: Callable[..., Mapping[str, Any]], addresses: Sequence[str]
) -> tuple[dict[str, TrainingError], dict[str, tuple[str, int]]]:
    """Why workers cannot be used, and the processes (host name, pid) of the others."""
    own = {name: version(name) for name in ("mlflow-console", "scikit-learn", "distributed")}
    own["Python"] = "{}.{}".format(*sys.version_info)

    def versions(names: Sequence[str]) -> dict[str, Any]:
        """Sent as code, so that it works where this package is not installed."""
        import importlib.metadata
        import os
        import platform
        import socket

        found: dict[str, Any] = {"Python": ".".join(platform.python_version_tuple()[:2])}
        for name in names:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                found[name] = ""
        return {**found, "process": (socket.gethostname(), os.getpid())}

    refused: dict[str, TrainingError] = {}
    processes: dict[str, tuple[str, int]] = {}
    for address, found in run(
        versions, [name for name in own if name != "Python"], workers=addresses
    ).items():
        if isinstance(found, BaseException):
            refused[address] = TrainingError(
                f"Worker {address} cannot be used",
                f"It could not report its versions ({type(found).__name__}: {found}).",
                f"Give it Python {own['Python']} and the packages of this machine.",
            )
            continue
        processes[address] = found["process"]
        for name, wanted in own.items():
            if found[name] != wanted:
                refused[address] = _mismatch(name, wanted, found[name], address)
                break
    return refused, processes


def _mismatch(name: str, wanted: str, found: str, address: str) -> TrainingError:
    if not found:
        return TrainingError(
            f"{name} {wanted} is not installed on worker {address}",
            hint=f"Install it in the workers' environment: pip install '{name}=={wanted}'",
        )
    return TrainingError(
        f"Worker {address} has {name} {found}; this machine has {wanted}",
        hint="Use the same versions on the client and on all workers.",
    )
