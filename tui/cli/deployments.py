"""`mlflow-console deploy`, `deployments`, `swap`, `stop`, `logs`, `unit`: model versions as HTTP services."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from engine.errors import ServiceError, StoreError, UntrustedModel, UsageError
from engine.formats import MISSING, count, duration, listed, size
from engine.jobs import CancelToken, OnProgress
from engine.text import Shown, safe
from tui.cli.json_output import Payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, Row, confirm
from tui.cli.progress import spinner, stop_signals
from tui.cli.services import log_options, print_log, state_cell

if TYPE_CHECKING:
    from engine.api import Deployment, Deployments

LABEL_WIDTH = 11
TROUBLED = ("restarting", "failed", "lost", "unresponsive")
"""States whose detail says what is wrong."""

allow_code_option = click.option(
    "--allow-code",
    is_flag=True,
    help="Allow code that came with the model, such as a pickle, without asking.",
)


def _deployments(invocation: Invocation) -> Deployments:
    from engine.api import Deployments

    return Deployments(read_only=invocation.read_only)


@click.command()
@click.argument("model", metavar="MODEL[@ALIAS|/STAGE|/VERSION]")
@click.option("--name", metavar="NAME", default="", help="Name of the deployment.  [default: the model's]")
@click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "-p",
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on.  [default: a free one]",
)
@click.option(
    "--env",
    "environment",
    type=click.Choice(["local", "virtualenv", "uv"]),
    default="local",
    show_default=True,
    help="Use the packages of the console, or make an environment with those that the model requires.",
)
@click.option(
    "-w",
    "--workers",
    metavar="N",
    type=click.IntRange(1, 64),
    default=None,
    help="Processes that answer requests.  [default: 2, or 1 for a model of more than 50 MB]",
)
@click.option("--insecure", is_flag=True, help="Listen to the network, without authentication.")
@allow_code_option
@json_option
@pass_invocation
def deploy(
    invocation: Invocation,
    model: str,
    name: str,
    host: str,
    port: int,
    environment: str,
    workers: int | None,
    insecure: bool,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Serve a version of a registered model over HTTP, as `mlflow models serve` does.

    An alias or a stage is resolved once, when the deployment starts; MODEL alone stands for the alias
    champion, or else the stage Production. It is ready when the version has answered its recorded
    input example. It keeps running after this command, the terminal and the SSH session end, is
    restarted if it crashes, and ends with `stop`. Loading a model that brings code, such as a pickle,
    has to be allowed.

    \b
    Examples:
      mlflow-console deploy heart_disease_classifier@champion
      mlflow-console deploy heart_disease_classifier/2 --name canary --port 5001 --json
    """
    from engine.api import DeployOptions

    output = Output(err=as_json)
    with invocation.engine() as engine:

        def start(allowed: bool, on_progress: OnProgress, token: CancelToken) -> Deployment:
            options = DeployOptions(
                name=name,
                host=host,
                port=port,
                environment=environment,  # type: ignore[arg-type]
                processes=workers or 0,
                allow_code=allowed,
                exposed=insecure,
            )
            return engine.deployments.deploy(model, options, on_progress=on_progress, cancel=token)

        begun = time.monotonic()
        found = _with_permission(start, f"Deploying {model}", output, allow_code)
    if as_json:
        write_json(_payload(found))
        return
    _show_ready(output, found, f"ready in {duration(time.monotonic() - begun)}")


@click.command()
@json_option
@pass_invocation
def deployments(invocation: Invocation, as_json: bool) -> None:
    """List the deployments of this account, whatever store their models are from.

    `up`, requests and errors count since a deployment was started; the rate and p95, the time within
    which 95 of 100 requests are answered, cover the last minute. Errors are answers with a status of
    400 or above.

    \b
    Examples:
      mlflow-console deployments
      mlflow-console deployments --json
    """
    with invocation.engine() as engine:
        found, problems = _looked_up(engine.deployments, engine.deployments.all())
    if as_json:
        write_json({"deployments": [_payload(each) for each in found]})
        return
    output = Output()
    if not found:
        output.line("No deployments. `mlflow-console deploy MODEL@ALIAS` starts one.")
        return
    _show_table(output, found)
    for problem in problems:
        output.line(Cell(Shown("! "), "yellow"), Cell(problem))


def _looked_up(
    facet: Deployments, found: Sequence[Deployment]
) -> tuple[Sequence[Deployment], Sequence[Shown]]:
    """The deployments, with what their aliases name now where their stores say so, and why others do not."""
    looked_up = {each.name: each for each in found}
    problems = []
    following = [each for each in found if each.service.running and each.follows]
    for place in dict.fromkeys(each.served.tracking_uri for each in following):
        theirs = [each for each in following if each.served.tracking_uri == place]
        try:
            looked_up.update((each.name, each) for each in facet.with_newer(theirs))
        except StoreError as error:
            names = listed([each.name for each in theirs], 4)
            problems.append(safe(f"Cannot look up whether the aliases of {names} moved: {error.title}"))
    return tuple(looked_up.values()), problems


def _show_table(output: Output, found: Sequence[Deployment]) -> None:
    heads = [
        Head(Shown("name"), keep=True, min_width=8),
        Head(Shown("serves"), keep=True, min_width=16),
        Head(Shown("state"), keep=True),
        Head(Shown("where"), keep=True),
        Head(Shown("up"), right=True),
        Head(Shown("req/s"), right=True),
        Head(Shown("p95"), right=True),
        Head(Shown("errors"), right=True),
        Head(Shown("requests"), right=True),
        Head(Shown("memory"), right=True),
        Head(Shown("restarts"), right=True),
    ]
    hidden = output.table(heads, [_row(each) for each in found])
    if hidden:
        output.line(Cell(safe(f"{hidden} columns hidden: use --json"), "dim"))
    for each in found:
        if each.service.detail and each.service.state in TROUBLED:
            output.line(Cell(Shown("! "), "yellow"), Cell(safe(f"{each.name}: {each.service.detail}")))
        if each.service.state == "lost":
            name = shlex.quote(each.name)
            again = f"mlflow-console deploy {_arguments(each)}"
            output.line(safe(f"  start it again: {again}   give it up: mlflow-console stop {name}"))
        if each.newer is not None:
            _show_newer(output, each)
        if each.is_gone:
            gone = f"{each.name}: {each.served.model}{each.served.requested} names no version any more"
            output.line(Cell(Shown("! "), "yellow"), Cell(safe(gone)))


def _arguments(each: Deployment) -> str:
    """The arguments of `deploy` for the same deployment at the same address."""
    service, served = each.service, each.served
    words = [f"{served.model}{served.requested}", "--name", each.name, "--port", str(service.port)]
    words += ["--workers", str(served.processes)]
    words += ["--env", served.environment] if served.environment != "local" else []
    words += ["--host", service.host] if service.host != "127.0.0.1" else []
    words += ["--insecure"] if service.host not in ("127.0.0.1", "::1") else []
    return shlex.join(words)


def _row(each: Deployment) -> Row:
    service = each.service
    running = service.running
    return [
        safe(each.name),
        each.serves,
        state_cell(service.state),
        safe(service.url) if running else MISSING,
        duration(time.time() - service.started / 1000) if running else MISSING,
        MISSING if service.rate is None else Shown(f"{service.rate:.1f}"),
        duration(service.p95),
        count(service.errors),
        count(service.requests),
        size(service.memory) if running else MISSING,
        count(service.restarts),
    ]


@click.command()
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), metavar="N", help="Serve this version.")
@click.option("--back", is_flag=True, help="Serve what the last swap replaced.")
@allow_code_option
@json_option
@pass_invocation
def swap(
    invocation: Invocation, name: str, version: int | None, back: bool, allow_code: bool, as_json: bool
) -> None:
    """Let deployment NAME serve another version without a failed request: by default the one that its
    alias or stage names now.

    The new version starts beside the old one, answers its recorded input example, and takes over the
    same address; the old one finishes its requests. A version that does not get that far never serves.

    \b
    Examples:
      mlflow-console swap heart_disease_classifier
      mlflow-console swap heart_disease_classifier --back
      mlflow-console swap canary --version 3 --json
    """
    if back and version is not None:
        raise UsageError("--back and --version cannot be combined")
    invocation.check_writable("Going back" if back else "Swapping")
    output = Output(err=as_json)
    with invocation.engine() as engine:  # its tracking URI may have the password that is not kept
        facet = engine.deployments
        before = facet.find(name)

        def change(allowed: bool, on_progress: OnProgress, token: CancelToken) -> Deployment:
            if back:
                return facet.back(name, cancel=token)
            return facet.swap(name, version, allow_code=allowed, on_progress=on_progress, cancel=token)

        found = _with_permission(change, f"Swapping {name}", output, allow_code)
    if as_json:
        write_json(_payload(found))
    elif found.served.version == before.served.version and not back:
        output.line("No change needed: ", Cell(found.serves))
    else:
        _show_ready(output, found, f"was version {before.served.version}; `swap {name} --back` returns to it")


@click.command()
@click.argument("name")
@click.option("--remove", is_flag=True, help="Also delete its files and its log.")
@json_option
@pass_invocation
def stop(invocation: Invocation, name: str, remove: bool, as_json: bool) -> None:
    """Stop deployment NAME with all its processes. Requests in flight are finished first.

    \b
    Examples:
      mlflow-console stop heart_disease_classifier
      mlflow-console stop canary --remove --json
    """
    invocation.check_writable("Stopping a deployment")
    facet = _deployments(invocation)
    found = facet.find(name)
    state = found.service.state
    if state in ("stopped", "failed") and not remove:
        why = f"It is {state}: {found.service.detail}" if found.service.detail else f"It is {state}."
        hint = "Add --remove to delete what is left of it, with its files and its log."
        raise ServiceError(f"{safe(name, 80)} does not run", why, hint)
    with spinner("Stopping"):
        if found.service.running or not remove:
            found = facet.stop(name)
        if remove:
            facet.remove(name)
    if as_json:
        write_json({**_payload(found), "removed": remove})
        return
    done = "removed" if remove else "has stopped"
    Output().line(Cell(Shown("✓ "), "green"), safe(f"{found.name} {done}"))


@click.command()
@click.argument("name")
@log_options
@json_option
@pass_invocation
def logs(invocation: Invocation, name: str, lines: int, follow: bool, as_json: bool) -> None:
    """Print the last lines of the log of deployment NAME.

    \b
    Examples:
      mlflow-console logs heart_disease_classifier
      mlflow-console logs heart_disease_classifier --lines 20 --follow
    """
    facet = _deployments(invocation)
    found = facet.log(name, lines)
    if not as_json:
        print_log(found, partial(facet.follow, name) if follow else None)
    elif follow:
        raise UsageError("--follow and --json cannot be combined")
    else:
        write_json({"name": name, "lines": list(found)})


@click.command()
@click.argument("kind", type=click.Choice(["deployment", "server"]))
@click.argument("name")
@json_option
@pass_invocation
def unit(invocation: Invocation, kind: str, name: str, as_json: bool) -> None:
    """Print a unit for `systemd --user` that runs a deployment or a tracking server, so that it also
    starts with the machine.

    It is hardened: it may write only in the folders of the service. Its first lines say where to
    save it and how to enable it.

    \b
    Examples:
      mlflow-console unit deployment heart_disease_classifier
      mlflow-console unit deployment canary --json
    """
    from engine.api import Servers

    facet = Servers(read_only=invocation.read_only) if kind == "server" else _deployments(invocation)
    text = facet.unit(name)
    if as_json:
        write_json({"kind": kind, "name": name, "unit": text})
    else:
        click.echo(text, nl=False)


def _with_permission(
    act: Callable[[bool, OnProgress, CancelToken], Deployment], text: str, output: Output, allowed: bool
) -> Deployment:
    """What `act` returns; if it needs permission to run the model's code, ask for it. Raises like `act` and
    `confirm`."""
    token = CancelToken()
    try:
        with stop_signals(token), spinner(text) as on_progress:
            return act(allowed, on_progress, token)
    except UntrustedModel as error:
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(error.title), "bold"))
        output.text(error.detail)
        output.line(f"Going ahead runs the code of {safe(error.owner, 160)}, as this account.")
        confirm(output, f"Add --allow-code to run the code of {safe(error.owner, 160)}.")
    with stop_signals(token), spinner(text) as on_progress:
        return act(True, on_progress, token)


def _show_ready(output: Output, found: Deployment, remark: str) -> None:
    service, served = found.service, found.served
    output.line(
        Cell(Shown("✓ "), "green"),
        Cell(safe(f"{found.name} serves "), "bold"),
        Cell(found.serves, "bold"),
        Cell(safe(f" at {service.url}"), "bold"),
        Cell(safe(f"  {remark}"), "dim"),
    )
    if found.rows:
        _pair(output, "answered", f"the {found.rows} rows of its recorded input example")
    else:
        _pair(output, "answered", "/ping only: no input example was logged", "yellow")
    code = f", runs code of {served.code_owner}" if served.code_owner else ", runs no code of its own"
    _pair(output, "format", f"{served.format}{code}")
    _pair(output, "packages", _packages(found))
    _pair(output, "from", served.tracking_uri)
    _pair(output, "log", str(service.log))
    if found.newer is not None:
        _show_newer(output, found)
    command = f"mlflow-console test --deployment {shlex.quote(found.name)}"
    output.line(Cell(Shown("Test it: "), "dim"), safe(command))


def _packages(found: Deployment) -> str:
    served = found.served
    if served.environment != "local":
        return f"an environment of its own ({served.environment})"
    if not served.requirements:
        return "the console's, which meet the model's requirements"
    return f"the console's, which differ: {listed(served.requirements, 6)}"


def _show_newer(output: Output, found: Deployment) -> None:
    served = found.served
    moved = f"{served.model}{served.requested} names version {found.newer} now, not {served.version}"
    output.line(Cell(Shown("! "), "yellow"), Cell(safe(f"{moved}: mlflow-console swap {found.name}")))


def _pair(output: Output, label: str, text: str, style: str = "") -> None:
    output.line(Cell(Shown(f"  {label:<{LABEL_WIDTH}}"), "dim"), Cell(safe(text), style))


def _payload(found: Deployment) -> Payload:
    service, served = found.service, found.served
    return {
        "name": found.name,
        "model": served.model,
        "requested": served.requested,
        "version": served.version,
        "previous_version": found.previous,
        "newer_version": found.newer,
        "names_no_version": found.is_gone,
        "state": service.state,
        "detail": service.detail,
        "url": service.url if service.running else None,
        "host": service.host,
        "port": service.port,
        "tracking_uri": served.tracking_uri,
        "run_id": served.run_id,
        "format": served.format,
        "code_owner": served.code_owner or None,
        "environment": served.environment,
        "workers": served.processes,
        "requirements": [
            {"requirement": each.requirement, "installed": each.installed or None}
            for each in served.requirements
        ],
        "rows_answered": found.rows,
        "started": service.started,
        "since": service.since,
        "pid": service.pid,
        "processes": list(service.processes),
        "memory": service.memory,
        "restarts": service.restarts,
        "last_swap": service.last_swap or None,
        "requests": service.requests,
        "errors": service.errors,
        "requests_per_second": service.rate,
        "p50_seconds": service.p50,
        "p95_seconds": service.p95,
        "log": str(service.log),
    }
