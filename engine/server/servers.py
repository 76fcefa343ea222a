"""Starting, inspecting and stopping the tracking servers of this account, as supervised services."""

from __future__ import annotations

import base64
import http.client
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import Cancelled, EngineError, NotFound, ServiceError, UsageError
from engine.formats import listed
from engine.jobs import CancelToken
from engine.journal import recorded
from engine.server.access import ADMIN, PASSWORD_FILE, Accounts, network_url, prepare_accounts, tunnel
from engine.server.options import (
    AUTH_DATABASE,
    ServerOptions,
    ServerPlan,
    base_environment,
    check_start,
    plan,
)
from engine.server.program import FOLDER, Settings, read_answer, write_settings
from engine.server.records import ServerFacts, StartedServer, TrackingServer
from engine.server.write_check import Checked
from engine.services import control, service_log
from engine.services.records import PORT, ServiceSpec, ServiceStatus
from engine.stores.errors import from_response
from engine.suggestions import closest, did_you_mean
from engine.text import quoted
from engine.uri import TrackingUri

READY_SECONDS = 300.0
HANG_SECONDS = 180.0
"""Slow queries can occupy all threads of a server for a while; that alone must not end it."""
CHECK_SECONDS = 90.0
HEALTH_SECONDS = 3.0
POLL_SECONDS = 0.1
_READ_PATH = "/api/2.0/mlflow/experiments/search?max_results=1"
SHOWN_LINES = 12


def start(options: ServerOptions, cancel: CancelToken) -> StartedServer:
    """Start a server and wait until it is ready. Raises `UsageError`, `StoreError` or `ServiceError` if it
    cannot start, and `Cancelled`; then nothing runs."""
    begin, started_at = time.monotonic(), time.time_ns() // 1_000_000
    is_new = _is_new(options.name)
    planned = plan(options)
    artifacts = planned.artifacts_folder
    made_folder = artifacts is not None and not artifacts.exists()
    check_start(planned)
    notices = notices_of(planned)
    claimed, kept = False, None
    try:
        with recorded(planned.backend, "server start", options.name) as entry:
            with control.claimed(options.name) as claim:
                claimed = True
                kept = _prepare(planned, claim.folder)
                spec = _spec(planned, claim.folder, kept)
                entry.detail = claim.start(spec, base_environment(), cancel=cancel).url
            checked = _checked(options.name, claim.folder, cancel)
    except EngineError as error:
        reason = _undone(error, options.name, kept, started_at, is_new=is_new) if claimed else error
        if kept is not None:
            kept.forget_unused()
        if artifacts is not None and made_folder:
            with suppress(OSError):  # it holds something
                artifacts.rmdir()
        raise reason from error
    return replace(_started(planned, kept, checked, time.monotonic() - begin), notices=notices)


def notices_of(planned: ServerPlan) -> tuple[str, ...]:
    """What a server that is about to start would share with others of this account, or replace."""
    found = []
    backend, path = planned.backend.shown, planned.backend.sqlite_path
    accounts = planned.auth_database.shown if planned.auth_database else ""
    for service in control.all_services("server"):
        facts = ServerFacts.of(service.spec)
        if service.name == planned.options.name:
            if facts.backend != backend:
                again = shlex.join(TrackingServer(service, facts).start_words)
                found.append(
                    f"{service.name} ran on {facts.backend} before. To start it on that again: {again}"
                )
            continue
        if facts.backend == backend:
            if service.running:
                found.append(f"The server {service.name}, at {service.url}, uses the same database.")
            continue
        if accounts and facts.auth_database == accounts:
            found.append(f"The server {service.name}, on {facts.backend}, has the same accounts: {accounts}.")
        if facts.artifacts == planned.shown_artifacts:
            found.append(
                f"The server {service.name}, on {facts.backend}, keeps its artifacts in the same place, where"
                " both number their experiments alike. --artifacts-destination names another place."
            )
    if path is not None and not planned.options.auth and _has_content(path.parent / AUTH_DATABASE):
        found.append(
            f"{path.parent / AUTH_DATABASE} holds accounts, but this server asks for none. --auth does."
        )
    return tuple(found)


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def check(options: ServerOptions) -> None:
    """Raises what `start` would, as far as that can be said without starting anything; leaves nothing."""
    _is_new(options.name)
    planned = plan(options)
    artifacts = planned.artifacts_folder
    made_folder = artifacts is not None and not artifacts.exists()
    try:
        check_start(planned)
    finally:
        if artifacts is not None and made_folder:
            with suppress(OSError):
                artifacts.rmdir()


def _is_new(name: str) -> bool:
    """Whether no service of this name is known. Raises `ServiceError` for that of a deployment."""
    try:
        found = control.find(name)
    except NotFound:
        return True
    if found.kind != "server":
        raise ServiceError(f"{name} is a deployment", "", "Choose another name for the server with --name.")
    return False


def _prepare(planned: ServerPlan, folder: Path) -> Accounts | None:
    """Write what the server's process needs. Raises `ServiceError` if it cannot be written."""
    options, environment, kept = planned.options, planned.environment, None
    try:
        if planned.auth_database is not None:
            kept = prepare_accounts(folder / FOLDER, planned.auth_database)
            environment |= kept.environment
        settings = Settings(
            arguments=planned.arguments,
            environment=environment,
            address=_own_address(options.host),
            artifacts=str(planned.artifacts_folder or ""),
            password=kept.password if kept else "",
            one_process=options.workers == 1 and not options.jobs,
        )
        write_settings(folder, settings)
    except OSError as error:
        hint = "Make sure that it can be written and its disk is not full."
        detail = f"{error.filename or folder}: {error.strerror or error}"
        raise ServiceError(f"{options.name} cannot be registered", detail, hint) from error
    return kept


def _own_address(host: str) -> str:
    """Where the server reaches itself, without the port."""
    reached = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]" if ":" in reached else f"http://{reached}"


def _spec(planned: ServerPlan, folder: Path, kept: Accounts | None) -> ServiceSpec:
    options = planned.options
    database = planned.backend.sqlite_path
    written = (planned.artifacts_folder, database and database.parent)
    facts = ServerFacts(
        backend=planned.backend.shown,
        artifacts=planned.shown_artifacts,
        mlflow_version=version("mlflow"),
        auth=options.auth,
        password_file=str(kept.password_file) if kept else "",
        auth_database=planned.auth_database.shown if planned.auth_database else "",
        allowed_hosts=planned.allowed_hosts,
        workers=options.workers,
        jobs=options.jobs,
    )
    return ServiceSpec(
        name=options.name,
        kind="server",
        command=(sys.executable, "-P", "-m", "engine.server.program", str(folder), PORT),
        host=options.host,
        port=options.port,
        ready_seconds=READY_SECONDS,
        hang_seconds=HANG_SECONDS,
        writable=tuple(str(path) for path in written if path is not None),
        extra=facts.to_json(),
    )


def _checked(name: str, folder: Path, cancel: CancelToken) -> Checked:
    """What the server's process found when it wrote and read. Raises `ServiceError`."""
    end = time.monotonic() + CHECK_SECONDS
    while True:
        answer = read_answer(folder)
        if answer is not None and answer.checked is not None:
            break
        if time.monotonic() > end or not control.find(name).running:
            raise ServiceError(
                f"{name} started, but did not get ready", "It did not check its store in time."
            )
        cancel.check("Starting the server")
        cancel.wait(POLL_SECONDS)
    if answer.checked.problem:
        left = f" Left behind: {listed(answer.checked.left)}." if answer.checked.left else ""
        hint = "Check the backend store and the folder for artifacts, then start it again."
        raise ServiceError(f"{name} answers, but cannot store", f"{answer.checked.problem}.{left}", hint)
    return answer.checked


def _undone(
    error: EngineError, name: str, kept: Accounts | None, started_at: int, *, is_new: bool
) -> EngineError:
    """End what was started; the reason that the server's process gave, or the end of its log."""
    try:
        found = control.find(name)
    except NotFound:
        return error
    if found.started < started_at:  # it was not registered: this is an earlier start
        return error
    answer = read_answer(control.folder(name))
    if answer is not None and answer.title:
        error = ServiceError(answer.title, answer.detail, answer.hint)
    elif answer is None and not isinstance(error, Cancelled):
        error = ServiceError(error.title, "\n".join([error.detail, *_last_lines(found)]))
    if found.running:
        control.stop(name)
    keeps_password = kept is not None and kept.password_file.is_relative_to(found.log.parent)
    if is_new and not keeps_password:
        control.remove(name)
    return error


def _last_lines(service: ServiceStatus) -> list[str]:
    """The end of its log, without what was written before it was last started."""
    lines, start = service_log.tail(service.log, SHOWN_LINES), f"supervisor: starting {service.name} on "
    starts = [number for number, line in enumerate(lines) if start in line]
    return lines[starts[-1] :] if starts else lines


def _started(planned: ServerPlan, kept: Accounts | None, checked: Checked, seconds: float) -> StartedServer:
    host = planned.options.host
    if kept is not None and checked.skipped:
        kept.password_file.unlink(missing_ok=True)  # it is not the administrator's
    server = status(planned.options.name)
    port = server.service.port
    return StartedServer(
        server,
        seconds,
        password=kept.password if kept is not None and kept.is_new and not checked.skipped else "",
        left=checked.left,
        unchecked=checked.skipped,
        tunnel=tunnel(host, port),
        network_url=network_url(host, port),
    )


def all_servers() -> tuple[TrackingServer, ...]:
    """All tracking servers of this account, by name, with their response times."""
    return tuple(_described(found) for found in control.all_services("server"))


def status(name: str) -> TrackingServer:
    """As `find`, with its response time."""
    return _described(find(name))


def server_on(database: Path) -> ServiceStatus | None:
    """The server of this account on a SQLite database, preferably one that runs; None without one."""
    for found in sorted(control.all_services("server"), key=lambda found: not found.running):
        path = TrackingUri(ServerFacts.of(found.spec).backend).sqlite_path
        if path is not None and path.resolve() == database.resolve():
            return found
    return None


def server_at(uri: TrackingUri) -> ServiceStatus | None:
    """The running server of this account that answers at an address; None without one."""
    parts = urlsplit(uri.raw)
    for found in control.all_services("server"):
        is_here = parts.hostname in ("localhost", "127.0.0.1", "::1", found.host)
        if found.running and is_here and parts.port == found.port:
            return found
    return None


def find(name: str) -> ServiceStatus:
    """The server of this name; without a name, the only one. Raises `NotFound`, and `UsageError` if there are
    several."""
    known = {found.name: found for found in control.all_services("server")}
    if name in known:
        return known[name]
    if name:
        hint = did_you_mean(closest(name, known)) or "`mlflow-console server status` lists them."
        detail = f"Tracking servers of this account: {listed(sorted(known))}"
        raise NotFound(f"Tracking server {quoted(name)} not found", detail, hint)
    if not known:
        hint = "`mlflow-console server start` starts one."
        raise NotFound("This account runs no tracking server", "", hint)
    running = [found for found in known.values() if found.running] or list(known.values())
    if len(running) > 1:
        raise UsageError("Which tracking server?", f"There are several: {listed(sorted(known))}", "Name one.")
    return running[0]


def _described(service: ServiceStatus) -> TrackingServer:
    facts = ServerFacts.of(service.spec)
    if not Path(facts.password_file).is_file():
        facts = replace(facts, password_file="")
    return TrackingServer(service, facts, _response_seconds(service.url) if service.running else None)


def store_problem(server: TrackingServer) -> str:
    """Why a running server cannot read its store; empty if it can, or does not answer at all. /health says
    nothing about that."""
    if server.response_seconds is None:
        return ""
    headers = {"User-Agent": "mlflow-console"}
    if server.facts.password_file:
        with suppress(OSError):
            login = f"{ADMIN}:{Path(server.facts.password_file).read_text().strip()}"
            headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    try:
        with _answering(server.service.url, _READ_PATH, headers) as response:
            content = response.read()
    except TimeoutError:
        return f"no answer within {HEALTH_SECONDS:g} s"
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    if response.status < 500:
        return ""
    found = from_response(server.service.url, response.status, content.decode(errors="replace"))
    return found.detail or found.title


def _response_seconds(url: str) -> float | None:
    """How long the server takes to answer /health; None if it does not."""
    begin = time.perf_counter()
    try:
        with _answering(url, "/health", {}) as response:
            response.read()
            return time.perf_counter() - begin if response.status < 400 else None
    except (OSError, http.client.HTTPException):
        return None


@contextmanager
def _answering(url: str, path: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """Raises `OSError` and `HTTPException`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=HEALTH_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()


def stop(name: str) -> TrackingServer:
    """Stop the server of this name, without a name the only one, with all its processes. It keeps its log and
    its accounts. Raises `NotFound`, `UsageError` and `ServiceError`."""
    found = find(name)
    with recorded(TrackingUri(ServerFacts.of(found.spec).backend), "server stop", found.name):
        return _described(control.stop(found.name))


def remove(name: str) -> None:
    """Forget a server that does not run, and its log. Its database, artifacts and accounts stay. Raises as
    `stop`, and `ServiceError` if the administrator's password would be lost with it."""
    found = find(name)
    password_file = Path(ServerFacts.of(found.spec).password_file)
    if password_file.is_relative_to(found.log.parent) and password_file.is_file():
        moved = shlex.join(("mv", str(password_file), f"{found.name}-{PASSWORD_FILE}"))
        raise ServiceError(
            f"{found.name} is not removed: the password of its administrator would be lost",
            f"It is only in {password_file}",
            f"Keep it elsewhere first (`{moved}`), then remove the server.",
        )
    with recorded(TrackingUri(ServerFacts.of(found.spec).backend), "server remove", found.name):
        control.remove(found.name)
