"""`mlflow-console load-test`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

import click

from engine.formats import count
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from tui.cli.json_output import Payload, target_payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, Row
from tui.cli.progress import Meter, stop_signals
from tui.cli.test import check_target, chosen_target

if TYPE_CHECKING:
    from engine.api import LoadStep, LoadTest


@click.command("load-test")
@click.argument("model", required=False, metavar="[MODEL[@ALIAS|/STAGE|/VERSION]]")
@click.option(
    "--deployment",
    metavar="NAME",
    default="",
    help="Send requests to this deployment; MODEL is what it serves.",
)
@click.option("--url", metavar="URL", default="", help="Send requests to the scoring server at this URL.")
@click.option(
    "--request",
    "request_file",
    metavar="FILE",
    type=click.File(encoding="utf-8-sig"),
    help="The request, JSON or CSV; - for standard input.  [default: the model's input example]",
)
@click.option("--rate", metavar="N", type=float, default=10, show_default=True, help="Requests per second.")
@click.option(
    "--seconds", metavar="S", type=float, default=10, show_default=True, help="How long to send them."
)
@click.option(
    "--connections", metavar="N", type=int, default=8, show_default=True, help="Connections to the server."
)
@click.option("--saturation", is_flag=True, help="Then raise the rate until the server does not keep up.")
@click.option("--elsewhere", is_flag=True, help="Allow a server on another machine.")
@json_option
@pass_invocation
def load_test(
    invocation: Invocation,
    model: str | None,
    deployment: str,
    url: str,
    request_file: TextIO | None,
    rate: float,
    seconds: float,
    connections: int,
    saturation: bool,
    elsewhere: bool,
    as_json: bool,
) -> int:
    """Send a deployment, or the scoring server at a URL, requests at a constant rate.

    Shows how many were answered, errors by kind, and the latency of 50, 95, 99 and 100 % of the
    requests. Latency counts from the time when a request was due, whether earlier ones have been
    answered or not, so a server that stalls shows it. --saturation finds the highest rate that the
    server keeps up with: at least 95 % of the rate answered, at most 1 % errors.

    At most 300 s, 5,000 requests per second and 256 connections. A server on another machine is refused
    without --elsewhere, and then gets at most 50 requests per second on 8 connections for 30 s. The
    exit status is 1 if the server did not keep up with the rate, or requests failed.

    \b
    Examples:
      mlflow-console load-test --deployment heart --rate 50
      mlflow-console load-test --deployment heart --saturation --json
      mlflow-console load-test churn/3 --url http://127.0.0.1:5101 --rate 200 --seconds 30
      mlflow-console load-test --url http://127.0.0.1:5101 --request request.json
    """
    from engine.api import LoadOptions, request_in

    check_target(model, deployment, url)
    options = LoadOptions(seconds, rate, connections, saturation, elsewhere)
    request = request_in(request_file.read()) if request_file is not None else None
    token = CancelToken()
    with invocation.engine() as engine:
        target = chosen_target(engine, model, deployment, url)
        with stop_signals(token), Meter(safe(f"Load on {target.name}")) as meter:

            def show(progress: Progress) -> None:
                meter.update(progress.done, progress.total, safe(progress.note), line=False)

            found = engine.model_tests.load(target, options, request, on_progress=show, cancel=token)
    if as_json:
        write_json(_payload(found))
    else:
        _show(Output(), found)
    return 0 if found.passed else 1


def _show(output: Output, found: LoadTest) -> None:
    mark = Cell(Shown("✓ "), "green") if found.passed else Cell(Shown("✗ "), "red")
    output.line(mark, Cell(found.target.name, "bold"), Shown(f"  {found.connections} connections"))
    heads = [
        Head(Shown("rate"), right=True, keep=True),
        Head(Shown("answered/s"), right=True, keep=True),
        Head(Shown("p50"), right=True),
        Head(Shown("p95"), right=True),
        Head(Shown("p99"), right=True, keep=True),
        Head(Shown("max"), right=True),
        Head(Shown("requests"), right=True),
        Head(Shown("errors"), keep=True),
    ]
    output.table(heads, [_row(step) for step in (found.main, *found.steps)])
    if found.steps:
        output.text(found.saturation)
    if any(step.is_client_slow for step in (found.main, *found.steps)):
        output.text(
            "This machine was too busy to send all requests in time: latencies are partly its own.", "yellow"
        )


def _row(step: LoadStep) -> Row:
    from engine.api import milliseconds

    style = "" if step.keeps_up else "red"
    return [
        Shown(f"{step.rate:.4g}/s"),
        Cell(Shown(f"{step.achieved:.1f}"), style),
        milliseconds(step.p50),
        milliseconds(step.p95),
        milliseconds(step.p99),
        milliseconds(step.longest),
        count(step.due),
        Cell(step.problems, "red" if step.failed or step.unsent else ""),
    ]


def _payload(found: LoadTest) -> Payload:
    highest, saturated = found.highest, found.saturated
    return {
        "target": target_payload(found.target),
        "passed": found.passed,
        "verdict": found.verdict,
        "connections": found.connections,
        **_step(found.main),
        "steps": [_step(step) for step in found.steps],
        "highest_rate": highest.rate if found.steps and highest else None,
        "saturated_at": saturated.rate if found.steps and saturated else None,
        "time": found.time,
    }


def _step(step: LoadStep) -> Payload:
    return {**asdict(step), "achieved": step.achieved, "keeps_up": step.keeps_up}
