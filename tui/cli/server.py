"""`mlflow-console server`: tracking servers of this machine. `doctor`, `backup`, `restore` and `upgrade` are
modules of their own."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from engine.errors import UsageError
from engine.formats import MISSING, ago, counted, duration, listed, size
from engine.jobs import CancelToken
from engine.text import Shown, safe
from engine.uri import redact
from tui.cli.group import CommandGroup
from tui.cli.json_output import Payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Output
from tui.cli.progress import spinner, stop_signals
from tui.cli.services import STATES, log_options, print_log

if TYPE_CHECKING:
    from engine.api import Servers, ServiceStatus, StartedServer, TrackingServer

COMMANDS: dict[str, tuple[str, str]] = {
    "start": ("tui.cli.server:start", "Start a tracking server and wait until it is ready."),
    "status": ("tui.cli.server:status", "Show the tracking servers of this account."),
    "stop": ("tui.cli.server:stop", "Stop a tracking server."),
    "logs": ("tui.cli.server:logs", "Print the log of a tracking server."),
    "unit": ("tui.cli.server:unit", "Print a systemd unit that runs a tracking server."),
    "doctor": ("tui.cli.doctor:doctor", "Look for faults in a tracking store and its surroundings."),
    "backup": ("tui.cli.backup:backup", "Back up a SQLite store, while its server runs."),
    "restore": ("tui.cli.backup:restore", "Restore a backup into a new folder."),
    "upgrade": ("tui.cli.upgrade:upgrade", "Upgrade a SQLite store to the installed MLflow."),
}
"""Name → (module:attribute, summary for `--help`), in the order `--help` lists them."""

EPILOG = """
\b
Examples:
  mlflow-console server start
  mlflow-console server status --json

Run `mlflow-console server COMMAND --help` for the options of a command.
"""
NAME = "mlflow"
"""The name of a server without --name."""
LABEL_WIDTH = 11


@click.group(cls=CommandGroup, table=COMMANDS, epilog=EPILOG)
def server() -> None:
    """Run a tracking server on this machine, and look after it."""


def _servers(invocation: Invocation) -> Servers:
    from engine.api import Servers

    return Servers(read_only=invocation.read_only)


@click.command()
@click.option("--name", metavar="NAME", default=NAME, show_default=True, help="Name of the server.")
@click.option(
    "--host",
    metavar="HOST",
    envvar="MLFLOW_HOST",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "-p",
    "--port",
    metavar="PORT",
    envvar="MLFLOW_PORT",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--backend-store-uri",
    metavar="URI",
    envvar="MLFLOW_BACKEND_STORE_URI",
    default="",
    help="Database, such as sqlite:///FILE or postgresql://HOST/NAME.  [default: ./mlflow.db]",
)
@click.option(
    "--artifacts-destination",
    metavar="URI",
    envvar="MLFLOW_ARTIFACTS_DESTINATION",
    default="",
    help="Folder or store for artifacts, such as s3://BUCKET.  [default: mlartifacts beside the database]",
)
@click.option("--auth", is_flag=True, help="Require accounts and passwords (MLflow's basic-auth).")
@click.option("--insecure", is_flag=True, help="Listen to the network without --auth.")
@click.option(
    "--allowed-hosts",
    metavar="NAMES",
    envvar="MLFLOW_SERVER_ALLOWED_HOSTS",
    default="",
    help="Host names to accept besides those of this machine, separated by commas.",
)
@click.option(
    "-w",
    "--workers",
    metavar="N",
    envvar="MLFLOW_WORKERS",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Worker processes; each takes about 250 MB.",
)
@click.option("--jobs", is_flag=True, help="Run MLflow's jobs, such as scorers; takes about 1.5 GB.")
@json_option
@pass_invocation
def start(
    invocation: Invocation,
    name: str,
    host: str,
    port: int,
    backend_store_uri: str,
    artifacts_destination: str,
    auth: bool,
    insecure: bool,
    allowed_hosts: str,
    workers: int,
    jobs: bool,
    as_json: bool,
) -> None:
    """Start a tracking server and wait until it is ready: until an experiment and an artifact were
    written through it, read back, and removed.

    It is a real `mlflow server` that serves the artifacts too. It keeps running after this command,
    the terminal and the SSH session end, is restarted if it crashes, and ends with `server stop`.
    Most options can be given as MLflow's variables, such as MLFLOW_BACKEND_STORE_URI; pass a URI with
    a password in this way, because other users can read the arguments of a command.

    \b
    Examples:
      mlflow-console server start
      mlflow-console server start --backend-store-uri mlflow.db --artifacts-destination ./artifacts
      mlflow-console server start --host 0.0.0.0 --port 8080 --auth
    """
    from engine.api import ServerOptions

    if invocation.tracking_uri is not None:
        hint = "Name the database with --backend-store-uri."
        raise UsageError("--tracking-uri does not apply to a server that is started", "", hint)
    _warn_of_argument(backend_store_uri)
    options = ServerOptions(
        name=name,
        host=host,
        port=port,
        backend_store_uri=backend_store_uri,
        artifacts_destination=artifacts_destination,
        allowed_hosts=tuple(part.strip() for part in allowed_hosts.split(",") if part.strip()),
        auth=auth,
        insecure=insecure,
        workers=workers,
        jobs=jobs,
    )
    token = CancelToken()
    with stop_signals(token), spinner("Starting MLflow"):
        started = _servers(invocation).start(options, cancel=token)
    if as_json:
        payload = _payload(started.server)
        extra = {
            "left": list(started.left),
            "unchecked": started.unchecked,
            "notices": list(started.notices),
            "tunnel": started.tunnel,
            "network_url": started.network_url,
        }
        write_json({**payload, **extra})
    else:
        _show_started(Output(), started)


def _warn_of_argument(uri: str) -> None:
    source = click.get_current_context().get_parameter_source("backend_store_uri")
    if source is ParameterSource.COMMANDLINE and redact(uri) != uri:
        output = Output(err=True)
        output.text(
            "Other users of this machine can read the database's password in the arguments.", "yellow"
        )
        output.text("Give the URI in MLFLOW_BACKEND_STORE_URI instead.", "yellow")


def _show_started(output: Output, started: StartedServer) -> None:
    found, facts = started.server, started.server.facts
    output.line(
        Cell(Shown("✓ "), "green"),
        Cell(safe(f"Tracking server {found.name} is ready at {found.service.url}"), "bold"),
        Cell(Shown(f"  after {duration(started.seconds)}"), "dim"),
    )
    _show_facts(output, found)
    _pair(output, "checked", _check_of(started))
    if facts.auth:
        _show_password(output, started)
    for notice in started.notices:
        output.line(Cell(Shown("! "), "yellow"), safe(notice))
    output.line("")
    output.line(Cell(Shown("Use it from this machine:"), "dim"))
    output.line(safe(f"  export MLFLOW_TRACKING_URI={found.service.url}"))
    _show_login(output, found)
    if started.tunnel:
        output.line(Cell(Shown("From a laptop, through SSH:"), "dim"))
        output.line(safe(f"  {started.tunnel}"))
    if started.network_url:
        output.line(Cell(Shown("From other machines:"), "dim"))
        output.line(safe(f"  export MLFLOW_TRACKING_URI={started.network_url}"))


def _show_login(output: Output, found: TrackingServer) -> None:
    """What its clients set besides the URI."""
    if not found.facts.auth:
        return
    output.line("  export MLFLOW_TRACKING_USERNAME=admin")
    if file := found.facts.password_file:
        output.line(safe(f'  export MLFLOW_TRACKING_PASSWORD="$(cat {shlex.quote(file)})"'))
    else:
        output.line("  export MLFLOW_TRACKING_PASSWORD=…  # it is not kept here")


def _check_of(started: StartedServer) -> str:
    if started.unchecked:
        return f"only that it answers: {started.unchecked}"
    text = "an experiment and an artifact were written, read back and removed"
    return f"{text}, except {listed(started.left)}" if started.left else text


def _show_password(output: Output, started: StartedServer) -> None:
    if started.password:
        _pair(output, "password", f"{started.password}   of admin; shown only now", "bold")
        _pair(output, "", f"kept in {started.server.facts.password_file}")
    else:
        _pair(output, "password", _password_of(started.server))


def _password_of(found: TrackingServer) -> str:
    file = found.facts.password_file
    return f"of admin, in {file}" if file else "of admin: as it was set before; it is not kept here"


@click.command()
@click.argument("name", required=False, default="")
@json_option
@pass_invocation
def status(invocation: Invocation, name: str, as_json: bool) -> int:
    """Show the tracking servers of this account, or server NAME. The exit status is 1 if NAME is not
    serving; without NAME, if a server that was not stopped is not; or if one cannot read its store.

    \b
    Examples:
      mlflow-console server status
      mlflow-console server status mlflow --json
    """
    servers = _servers(invocation)
    found = (servers.find(name),) if name else servers.all()
    problems = [servers.store_problem(each) for each in found]
    if as_json:
        payloads = zip(found, problems, strict=True)
        write_json({"servers": [{**_payload(one), "store_problem": why or None} for one, why in payloads]})
    else:
        _show(Output(), found, problems)
    good = ("serving",) if name else ("serving", "stopped")
    return int(any(problems) or any(each.service.state not in good for each in found))


def _show(output: Output, found: Sequence[TrackingServer], problems: Sequence[str]) -> None:
    if not found:
        output.line("No tracking servers. `mlflow-console server start` starts one.")
        return
    for position, (each, problem) in enumerate(zip(found, problems, strict=True)):
        if position:
            output.line("")
        _show_server(output, each)
        if problem:
            _pair(output, "store", f"cannot be read: {problem}", "red")
    running = [each for each in found if each.service.state == "serving"]
    if running:
        output.line("")
        output.line(Cell(Shown("Open the console on it: "), "dim"))
        _show_login(output, running[0])
        output.line(safe(f"  mlflow-console --tracking-uri {running[0].service.url}"))


def _show_server(output: Output, found: TrackingServer) -> None:
    service = found.service
    glyph, style = STATES.get(service.state, ("  ", ""))
    output.line(
        Cell(Shown(glyph), style),
        Cell(safe(found.name), "bold"),
        Cell(safe(f"  {service.state}"), style),
        Cell(safe(f"  {service.url}" if service.running else "")),
    )
    if service.detail:
        _pair(output, "detail", service.detail)
    if not service.running:
        _pair(output, "start", shlex.join(found.start_words))
    if service.running:
        response = duration(found.response_seconds) if found.response_seconds is not None else "no response"
        _pair(output, "response", f"{response} for /health")
        up = duration((_now() - service.started) / 1000)
        _pair(output, "uptime", f"{up}{_restarts(service)}")
    elif service.state == "lost":  # nobody knows when it ended
        _pair(output, "started", ago(service.started, _now()))
    else:
        _pair(output, "since", ago(service.since, _now()))
    _show_facts(output, found)
    if found.facts.auth:
        _pair(output, "password", _password_of(found))


def _restarts(service: ServiceStatus) -> str:
    if not service.restarts:
        return ""
    return f", {counted(service.restarts, 'restart')}, the last {ago(service.since, _now())}"


def _show_facts(output: Output, found: TrackingServer) -> None:
    """What a server runs on and, if it runs, what it takes."""
    facts, service = found.facts, found.service
    _pair(output, "version", f"MLflow {facts.mlflow_version}")
    _pair(output, "backend", facts.backend)
    _pair(output, "artifacts", f"{facts.artifacts}, served by the server")
    _pair(output, "accounts", _accounts_of(found))
    if facts.allowed_hosts:
        names = [name for name in facts.allowed_hosts if not name.endswith(":*")]
        _pair(output, "hosts", f"answers to {listed(names, 6)}")
    if service.running:
        _pair(output, "workers", f"{facts.workers}, {size(service.memory)} in all; more with --workers N")
        off = "off: scorers and prompt optimization do not run; on with --jobs"
        _pair(output, "jobs", "on" if facts.jobs else off)
    _pair(output, "log", str(service.log))


def _accounts_of(found: TrackingServer) -> str:
    facts = found.facts
    if facts.auth:
        return f"basic-auth, in {facts.auth_database}"
    if found.is_local:
        return "none: every account of this machine can use it"
    return "none: everyone who reaches it can change and delete everything"


def _pair(output: Output, label: str, text: str, style: str = "") -> None:
    output.line(Cell(Shown(f"  {label:<{LABEL_WIDTH}}"), "dim"), Cell(safe(text) or MISSING, style))


def _now() -> int:
    return time.time_ns() // 1_000_000


def _payload(found: TrackingServer) -> Payload:
    service, facts = found.service, found.facts
    return {
        "name": found.name,
        "state": service.state,
        "detail": service.detail,
        "url": service.url if service.running else None,
        "host": service.host,
        "port": service.port,
        "mlflow_version": facts.mlflow_version,
        "backend_store_uri": facts.backend,
        "artifacts_destination": facts.artifacts,
        "auth": facts.auth,
        "auth_database": facts.auth_database or None,
        "password_file": facts.password_file or None,
        "allowed_hosts": list(facts.allowed_hosts),
        "workers": facts.workers,
        "jobs": facts.jobs,
        "started": service.started,
        "since": service.since,
        "pid": service.pid,
        "processes": list(service.processes),
        "memory": service.memory,
        "restarts": service.restarts,
        "response_seconds": found.response_seconds,
        "log": str(service.log),
    }


@click.command()
@click.argument("name", required=False, default="")
@click.option("--remove", is_flag=True, help="Also forget the server, and delete its log.")
@json_option
@pass_invocation
def stop(invocation: Invocation, name: str, remove: bool, as_json: bool) -> None:
    """Stop server NAME with all its processes; without NAME, the only one. Requests in flight are
    finished first. The database, the artifacts and the accounts stay.

    \b
    Examples:
      mlflow-console server stop
      mlflow-console server stop staging --remove --json
    """
    invocation.check_writable("Stopping a server")
    servers = _servers(invocation)
    found = servers.find(name)
    if found.service.running or not remove:
        with spinner("Stopping"):
            found = servers.stop(found.name)
    if remove:
        servers.remove(found.name)
    if as_json:
        write_json({**_payload(found), "removed": remove})
        return
    done = "removed" if remove else "has stopped"
    Output().line(Cell(Shown("✓ "), "green"), safe(f"{found.name} {done}"))


@click.command()
@click.argument("name", required=False, default="")
@log_options
@pass_invocation
def logs(invocation: Invocation, name: str, lines: int, follow: bool) -> None:
    """Print the last lines of the log of server NAME; without NAME, of the only one.

    \b
    Examples:
      mlflow-console server logs
      mlflow-console server logs mlflow --lines 20 --follow
    """
    servers = _servers(invocation)
    print_log(servers.log(name, lines), partial(servers.follow, name) if follow else None)


@click.command()
@click.argument("name", required=False, default="")
@pass_invocation
def unit(invocation: Invocation, name: str) -> None:
    """Print a systemd unit for this account that runs server NAME as it was last started; without
    NAME, the only one. The unit starts it with the machine and restarts it; `server status` and
    `server stop` work as before. The first lines of the unit say how to install it.

    \b
    Examples:
      mlflow-console server unit
      mlflow-console server unit mlflow > ~/.config/systemd/user/mlflow-console-mlflow.service
    """
    click.echo(_servers(invocation).unit(name), nl=False)
