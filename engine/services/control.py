"""Finds, starts, swaps, stops and removes the services of this account.

Whether a service runs is asked of its supervisor: who listens on the control socket is alive, and the kernel
says which process that is. Records and process ids may be stale, and a process's start time changes with the
clock.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NoReturn

from engine.child_process import with_engine
from engine.errors import Cancelled, NotFound, ServiceError
from engine.files import private_descriptor
from engine.jobs import CancelToken
from engine.log import log
from engine.services.control_socket import Connection, connect
from engine.services.folder import Record, ServiceFolder, all_folders
from engine.services.processes import (
    VARIABLE,
    kill_workers,
    mark,
    mark_of,
    resident_memory,
    supervisor_process,
    wait_for_end,
    worker_processes,
)
from engine.services.records import Kind, ServiceSpec, ServiceStatus, State
from engine.text import quoted

ANSWER_SECONDS = 2.0
"""How long supervisors may take to answer a question, all of them together."""
HANG_SECONDS = 5.0
"""A supervisor that is to stop and does not answer for this long is killed."""
STOP_SECONDS = 20.0
"""How long a supervisor may take to stop, besides draining."""
LOCK_SECONDS = 2.0
KILLED = "its supervisor did not answer, and was killed"
POLL_SECONDS = 0.1


# ── find ─────────────────────────────────────────────────────────────────────


def all_services(kind: Kind | None = None) -> list[ServiceStatus]:
    """The services of this account, by name, running or not. All supervisors are asked at once; a service
    that cannot be asked or read is left out, and logged."""
    asked = []
    for folder in all_folders():
        with _logged():
            asked.append((folder, _asked(folder)))
    end = time.monotonic() + ANSWER_SECONDS
    found = []
    for folder, connection in asked:
        with _logged():
            status = _status(folder, connection, max(0.0, end - time.monotonic()))
            if status is not None and kind in (None, status.kind):
                found.append(status)
    return _with_processes(found)


@contextmanager
def _logged() -> Iterator[None]:
    try:
        yield
    except ServiceError as error:
        log.warning("%s", error)


def find(name: str) -> ServiceStatus:
    """Raises `NotFound`, and `ServiceError` if its record cannot be read."""
    folder = ServiceFolder.of(name)
    status = _status(folder, _asked(folder), ANSWER_SECONDS)
    if status is None:
        raise NotFound(f"No service is named {quoted(name)}", str(folder.path))
    return _with_processes([status])[0]


def folder(name: str) -> Path:
    """The folder of a service, whether it exists or not. Raises `UsageError`."""
    return ServiceFolder.of(name).path


def log_file(name: str) -> Path:
    return ServiceFolder.of(name).log


Asked = Connection | Literal["busy"] | None
"""A connection on which the status was asked for; `busy` if the supervisor takes none, None if none runs."""


def _asked(folder: ServiceFolder) -> Asked:
    try:
        connection = connect(folder)
    except TimeoutError:
        return "busy"
    if connection is not None:
        connection.send({"do": "status"})
    return connection


def _status(folder: ServiceFolder, asked: Asked, seconds: float) -> ServiceStatus | None:
    """None if the service is not registered. Raises `ServiceError` if its record is needed and cannot be
    read."""
    if asked is None:
        status = _of_record(folder)
        if status is None or status.state != "lost":
            return status
        asked = _asked(folder)  # perhaps it was started just now
        if asked is None:
            return _of_record(folder)  # or ended just now
    if asked == "busy":
        return _unresponsive(folder, supervisor_process(folder.path))
    try:
        return _answered(folder, asked.receive(seconds), asked.pid)
    except TimeoutError:
        return _unresponsive(folder, asked.pid)
    except ConnectionError:  # it ended before it answered
        return _of_record(folder)
    finally:
        asked.close()


def _of_record(folder: ServiceFolder) -> ServiceStatus | None:
    """The status of a service whose supervisor does not run."""
    record = folder.record()
    if record is None:
        return None
    state: State = "lost" if record.state == "running" else record.state
    return ServiceStatus(
        spec=record.spec,
        state=state,
        host=record.host,
        port=record.port,
        started=record.started,
        since=record.since,
        log=folder.log,
        detail=_why_lost(record) if state == "lost" else record.detail,
        previous=record.previous,
    )


def _unresponsive(folder: ServiceFolder, supervisor: int | None) -> ServiceStatus | None:
    status = _of_record(folder)
    if status is None:
        return None
    detail = f"its supervisor, process {supervisor}, does not answer"
    return replace(status, state="unresponsive", detail=detail, pid=supervisor)


def _with_processes(statuses: Sequence[ServiceStatus]) -> list[ServiceStatus]:
    processes = worker_processes() if statuses else {}
    found = []
    for status in statuses:
        workers = tuple(processes.get(status.log.parent, ()))
        supervisor = () if status.pid is None else (status.pid,)
        memory = resident_memory((*supervisor, *workers))
        found.append(replace(status, processes=workers, memory=memory))
    return found


def _answered(folder: ServiceFolder, answer: Mapping[str, Any], pid: int) -> ServiceStatus:
    previous = answer["previous"]
    values = {
        **answer,
        "spec": ServiceSpec.from_json(answer["spec"]),
        "previous": ServiceSpec.from_json(previous) if previous else None,
    }
    known = {name: values[name] for name in ServiceStatus.__slots__ if name in values}
    return ServiceStatus(**known, log=folder.log, pid=pid)


def _why_lost(record: Record) -> str:
    if not record.is_of_this_machine:
        return f"it was started on {record.machine}"
    if not record.is_of_this_boot:
        return "the machine was restarted"
    return "its supervisor was killed"


# ── start ────────────────────────────────────────────────────────────────────


def start(
    spec: ServiceSpec, environment: Mapping[str, str], *, cancel: CancelToken | None = None
) -> ServiceStatus:
    """Start a service that outlives this process, and wait until it serves.

    `environment` is that of its workers; nothing of it is written to disk. Raises `ServiceError` if a service
    of this name runs, if it cannot be registered (nothing is then), or if it does not become ready (it is
    then `failed`, and its log is kept); `Cancelled`.
    """
    with claimed(spec.name) as claim:
        return claim.start(spec, environment, cancel=cancel)


class Claim:
    """The right to start a service of a name. `folder` may be filled with files for it: it is removed with
    the service, or if no service is registered by then."""

    def __init__(self, folder: ServiceFolder, lock: int) -> None:
        self._folder = folder
        self._lock = lock
        self._is_new = not folder.is_registered

    @property
    def folder(self) -> Path:
        return self._folder.path

    def start(
        self, spec: ServiceSpec, environment: Mapping[str, str], *, cancel: CancelToken | None = None
    ) -> ServiceStatus:
        """As `start`."""
        cancel = cancel or CancelToken()
        cancel.check(f"Starting {spec.name}")
        _kill_workers(self._folder)  # of a supervisor that was killed
        report = self._start_supervisor(spec, environment)
        try:
            self._wait_until_serving(report, cancel)
        finally:
            os.close(report)
        return find(spec.name)

    def _start_supervisor(self, spec: ServiceSpec, environment: Mapping[str, str]) -> int:
        """Start the supervisor, which detaches itself. Returns the descriptor of its report."""
        report, report_end = os.pipe()
        try:
            with os.fdopen(private_descriptor(self._folder.log), "ab") as output:
                process = subprocess.Popen(
                    # -P: a file in the working folder must not shadow a module.
                    [
                        *(sys.executable, "-P", "-m", "engine.services.supervisor", str(self.folder)),
                        *(str(self._lock), str(report_end)),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    pass_fds=(self._lock, report_end),
                    start_new_session=True,
                    cwd=self.folder,
                    env={**with_engine(environment), VARIABLE: mark(self.folder)},
                )
            with suppress(BrokenPipeError):  # it has ended: its report shows it
                process.communicate(json.dumps(spec.to_json()).encode())
        except OSError as error:
            os.close(report)
            raise _not_registered(self._folder, error) from error
        finally:
            os.close(report_end)
        return report

    def _wait_until_serving(self, report: int, cancel: CancelToken) -> None:
        name = self._folder.name
        is_registered = False
        for message in _messages(report):
            if message is None:
                if is_registered and cancel.cancelled:
                    self._give_up()
            elif "error" in message:
                raise ServiceError(**message["error"])
            elif message["is"] == "serving":
                return
            else:
                is_registered = True
        log_file = self._folder.log
        raise ServiceError(f"{name} did not start", "Its supervisor ended.", f"Its log is {log_file}.")

    def _give_up(self) -> NoReturn:
        stop(self._folder.name)
        if self._is_new:
            self._folder.record_file.unlink()
        raise Cancelled(f"Starting {self._folder.name}")


def _messages(descriptor: int) -> Iterator[Mapping[str, Any] | None]:
    """Lines of JSON from a pipe until its end; None whenever there is none for `POLL_SECONDS`."""
    buffer = b""
    while True:
        if not select.select([descriptor], [], [], POLL_SECONDS)[0]:
            yield None
            continue
        data = os.read(descriptor, 65536)
        if not data:
            return
        *lines, buffer = (buffer + data).split(b"\n")
        yield from map(json.loads, lines)


@contextmanager
def claimed(name: str) -> Iterator[Claim]:
    """Keep a name from being started or removed by others in the meantime. Raises `ServiceError` if a service
    of this name runs or another console has claimed it; `UsageError` for a name that cannot be one."""
    folder = ServiceFolder.of(name)
    lock = _lock(folder)
    try:
        _remove_abandoned()
        yield Claim(folder, lock)
    finally:
        if not folder.is_registered:
            with suppress(OSError):  # the next claim tries again
                folder.remove()
        os.close(lock)


def _remove_abandoned() -> None:
    """Remove what consoles left behind that were killed while they prepared a service."""
    for folder in all_folders():
        with suppress(OSError):
            if folder.lock_file.exists() and not folder.is_registered:
                lock = folder.lock(0)
                if lock is not None:
                    if not folder.is_registered:
                        folder.remove()
                    os.close(lock)


def _lock(folder: ServiceFolder) -> int:
    try:
        lock = folder.lock(0)
        if lock is None:
            status = _status(folder, _asked(folder), ANSWER_SECONDS)
            if status is not None and status.running:
                where = f"It is {status.state} on {status.url}."
                swap = ", swap the version that it serves" if status.kind == "deployment" else ""
                hint = f"Stop it first{swap}, or choose another name (--name)."
                raise ServiceError(f"{folder.name} runs already", where, hint)
            lock = folder.lock(LOCK_SECONDS)  # perhaps its supervisor is about to end
    except OSError as error:
        raise _not_registered(folder, error) from error
    if lock is None:
        title = f"{folder.name} is being started or removed"
        raise ServiceError(title, "Another console is doing that.", "Try again when it has finished.")
    return lock


def _not_registered(folder: ServiceFolder, error: OSError) -> ServiceError:
    return ServiceError(
        f"{folder.name} cannot be registered",
        f"{folder.path}: {error.strerror or error}",
        "Make sure that this folder can be written and its disk is not full.",
    )


# ── swap ─────────────────────────────────────────────────────────────────────


def swap(
    name: str,
    spec: ServiceSpec,
    environment: Mapping[str, str] | None = None,
    *,
    cancel: CancelToken | None = None,
) -> ServiceStatus:
    """Let a worker with another spec take over the port of a service once it is ready; name, kind and address
    stay. `environment` is that of the service unless given. Raises `ServiceError` if it does not become ready
    (the service then goes on as before), `NotFound`, `Cancelled`."""
    values = dict(with_engine(environment)) if environment is not None else None
    return _change(name, {"do": "swap", "spec": spec.to_json(), "environment": values}, cancel)


def back(name: str, *, cancel: CancelToken | None = None) -> ServiceStatus:
    """Swap to what the last swap replaced. Raises as `swap`."""
    return _change(name, {"do": "back"}, cancel)


def _change(name: str, request: Mapping[str, Any], cancel: CancelToken | None) -> ServiceStatus:
    folder = ServiceFolder.of(name)
    with _connected(folder) as connection:
        connection.send(request)
        while True:
            try:
                answer = connection.receive(POLL_SECONDS)
            except TimeoutError:
                if cancel is not None and cancel.cancelled:
                    with _connected(folder) as other:
                        other.send({"do": "abandon"})
                    raise Cancelled(f"Swapping {name}") from None
            else:
                return _with_processes([_answered(folder, answer, connection.pid)])[0]


@contextmanager
def _connected(folder: ServiceFolder) -> Iterator[Connection]:
    """Raises `ServiceError` if the service does not run, its supervisor takes no connection or ends."""
    try:
        connection = connect(folder)
    except TimeoutError as error:
        hint = "Stop the service: that ends also a supervisor that hangs."
        raise ServiceError(f"The supervisor of {folder.name} does not answer", hint=hint) from error
    if connection is None:
        status = find(folder.name)
        detail = f"It is {status.state}: {status.detail}" if status.detail else f"It is {status.state}."
        raise ServiceError(f"{folder.name} is not running", detail)
    try:
        yield connection
    except ConnectionError as error:
        raise ServiceError(f"The supervisor of {folder.name} ended", f"Its log is {folder.log}.") from error
    finally:
        connection.close()


# ── end ──────────────────────────────────────────────────────────────────────


def stop(name: str) -> ServiceStatus:
    """End a service with all its processes; its folder, with the record and the log, stays. Others may stop
    it at the same time. Raises `ServiceError` if it does not run, `NotFound`."""
    status = find(name)
    folder = ServiceFolder.of(name)
    if status.state == "unresponsive":  # perhaps the machine is only busy
        status = _status(folder, _asked(folder), HANG_SECONDS) or status
    detail = status.detail
    if status.state == "unresponsive" and status.pid is not None:
        _kill(folder, status.pid)
        detail = KILLED
    elif status.state != "lost":
        with _connected(folder) as connection:
            connection.send({"do": "stop"})
            try:
                connection.receive(status.spec.drain_seconds + STOP_SECONDS)
                wait_for_end(connection.pid)
                return find(name)
            except TimeoutError:
                _kill(folder, connection.pid)
                detail = KILLED
    _bury(folder, detail)
    return find(name)


def remove(name: str) -> None:
    """Delete the folder of a service that does not run. Raises `ServiceError` if it does, `NotFound`."""
    folder = ServiceFolder.of(name)
    if not folder.is_registered:
        find(name)
    lock = _lock(folder)
    try:
        _kill_workers(folder)
        folder.remove()
    except OSError as error:
        raise ServiceError(
            f"{name} cannot be removed", f"{folder.path}: {error.strerror or error}"
        ) from error
    finally:
        os.close(lock)


def _kill(folder: ServiceFolder, supervisor: int) -> None:
    """Kill a supervisor that does not answer; its workers end with it."""
    if mark_of(supervisor) == mark(folder.path):
        os.kill(supervisor, signal.SIGKILL)
        wait_for_end(supervisor)


def _bury(folder: ServiceFolder, detail: str) -> None:
    """Record the end of a service whose supervisor did not."""
    lock = _lock(folder)
    try:
        _kill_workers(folder)
        record = folder.record()
        if record is not None:
            since = time.time_ns() // 1_000_000
            folder.write_end(replace(record, state="stopped", since=since, detail=detail))
        folder.control.unlink(missing_ok=True)
    except OSError as error:
        title = f"{folder.name} has ended, but that cannot be recorded"
        raise ServiceError(title, f"{folder.path}: {error.strerror or error}") from error
    finally:
        os.close(lock)


def _kill_workers(folder: ServiceFolder) -> None:
    """Kill what a killed supervisor left behind."""
    left = kill_workers(folder.path)
    if left:
        detail = f"Processes that cannot be killed: {', '.join(map(str, left))}."
        raise ServiceError(f"Processes of {folder.name} are left", detail)
