"""`mlflow-console test` and `mlflow-console predict`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from engine.errors import DatasetError, NotFound, UntrustedModel, UsageError
from engine.formats import MISSING, counted, duration, number
from engine.text import Shown, safe, safe_lines
from tui.cli.json_output import Payload, target_payload, write_json
from tui.cli.options import Invocation, is_interactive, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Head, Output, Row, confirm, confirm_replacement
from tui.cli.progress import spinner

if TYPE_CHECKING:
    from engine.api import (
        Answer,
        Engine,
        LabelledTest,
        Request,
        ShadowTest,
        Target,
        TestedMetric,
    )

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

ROWS_SHOWN = 20
"""How many rows of a test are listed; --json has all."""


def target_options(command: Decorated) -> Decorated:
    """`--deployment`, `--url` and `--allow-code`."""
    command = click.option(
        "--allow-code", is_flag=True, help="Load the model even if that runs code that came with it."
    )(command)
    command = click.option(
        "--url", metavar="URL", default="", help="Send requests to the scoring server at this URL."
    )(command)
    return click.option(
        "--deployment",
        metavar="NAME",
        default="",
        help="Send requests to this deployment; MODEL is what it serves.",
    )(command)


@click.command()
@click.argument("model", required=False, metavar="[MODEL[@ALIAS|/STAGE|/VERSION]]")
@click.argument("rows", required=False, metavar="[ROWS.csv]", type=click.Path(path_type=Path))
@target_options
@click.option(
    "--target", "label", default="", metavar="COLUMN", help="Column of ROWS.csv with the true labels."
)
@click.option("--against", metavar="MODEL…", help="Compare with another version on the same rows.")
@click.option(
    "--request",
    "request_file",
    metavar="FILE",
    type=click.File(encoding="utf-8-sig"),
    help="Send one request, JSON or CSV, from this file; - for standard input.",
)
@click.option("--curl", "as_curl", is_flag=True, help="Print the request as a curl command instead.")
@click.option("--log", "keep", is_flag=True, help="Log the test as a run in the experiment MODEL-tests.")
@json_option
@pass_invocation
def test(
    invocation: Invocation,
    model: str | None,
    rows: Path | None,
    deployment: str,
    url: str,
    allow_code: bool,
    label: str,
    against: str | None,
    request_file: TextIO | None,
    as_curl: bool,
    keep: bool,
    as_json: bool,
) -> int:
    """Test a version of a registered model, loaded here, deployed, or served at a URL.

    Predicts the labelled rows of ROWS.csv, or the test part that the run of the version recorded, and
    compares with what the run logged. Where the two differ by more than chance, or the rows are not what
    the model was trained on, this is train/serve skew: the usual causes are looked for and named. A
    version whose run recorded no test part answers its input example.

    MODEL alone is a running deployment of that name, else its alias champion, else its version in
    Production. The exit status is 1 if the test failed or found skew, or the version is worse than that
    of --against by more than chance.

    \b
    Examples:
      mlflow-console test heart_disease_classifier
      mlflow-console test heart_disease_classifier@champion rows.csv --target target --log
      mlflow-console test heart_disease_classifier/3 --against heart_disease_classifier@champion
      mlflow-console test --deployment heart rows.csv
      mlflow-console test heart_disease_classifier --url http://127.0.0.1:5101 --curl
      mlflow-console test --url http://127.0.0.1:5101 --request request.json --json
    """
    if deployment and rows is None and model is not None:
        rows, model = Path(model), None  # the deployment says the model
    check_target(model, deployment, url)
    _check(model, deployment, rows, against, is_request=as_curl or request_file is not None, keep=keep)
    if keep:
        invocation.check_writable("Logging a test")
    with invocation.engine() as engine:
        target = chosen_target(engine, model, deployment, url)
        if as_curl or request_file is not None:
            request = _request(engine, target, request_file)
            return _send(engine, target, request, as_curl=as_curl, allow_code=allow_code, as_json=as_json)
        other = None if against is None else chosen_target(engine, against, "", "")
        codes = {each: _may_run_code(engine, each, allow_code) for each in (target, other) if each}
        if other is not None:
            with _testing(target):
                shadow = engine.model_tests.shadow(
                    target, other, rows, label=label, allow_code=codes[target], allow_other=codes[other]
                )
            return _show_shadow(engine, shadow, keep=keep, as_json=as_json)
        try:
            with _testing(target):
                found = engine.model_tests.labelled(target, rows, label=label, allow_code=codes[target])
        except DatasetError as error:
            if rows is not None or keep:
                raise
            if not as_json:
                Output().text(f"{safe(str(error))}", "dim")
            request = _request(engine, target, None)
            return _send(engine, target, request, as_curl=False, allow_code=allow_code, as_json=as_json)
        return _show_labelled(engine, found, keep=keep, as_json=as_json)


@click.command()
@click.argument("model", required=False, metavar="[MODEL[@ALIAS|/STAGE|/VERSION]]")
@click.option(
    "-i",
    "--input",
    "source",
    metavar="FILE",
    required=True,
    help="CSV file with a header; - for standard input.",
)
@click.option(
    "-o",
    "--output",
    "destination",
    metavar="FILE",
    default="-",
    help="CSV file to write.  [default: standard output]",
)
@target_options
@yes_option
@json_option
@pass_invocation
def predict(
    invocation: Invocation,
    model: str | None,
    source: str,
    destination: str,
    deployment: str,
    url: str,
    allow_code: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Predict the rows of a CSV file with a version of a registered model, loaded here, deployed, or served
    at a URL.

    Writes the rows with a column `prediction`.

    \b
    Examples:
      mlflow-console predict heart_disease_classifier@champion -i rows.csv -o predicted.csv
      mlflow-console predict --url http://127.0.0.1:5101 -i - < rows.csv
    """
    check_target(model, deployment, url)
    if destination != "-":
        confirm_replacement(Output(err=True), destination, yes=yes)
    path = Path("standard input" if source == "-" else source)
    raw = sys.stdin.buffer.read() if source == "-" else None
    with invocation.engine() as engine:
        target = chosen_target(engine, model, deployment, url)
        code = _may_run_code(engine, target, allow_code)
        with _testing(target, "Predicting with"):
            found = engine.model_tests.predict(target, path, raw, allow_code=code)
    if as_json:
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        write_json({"target": target.name, "seconds": found.seconds, "rows": rows})
    elif destination == "-":
        _write_csv(found.csv_text())
    if destination != "-":
        from engine.api import write_text

        write_text(found.csv_text(), Path(destination))
        taken = f"{counted(len(found.rows), 'row')} predicted by {target.name} in {duration(found.seconds)}"
        Output(err=True).line(safe(f"{taken}, written to {destination}"))


def _write_csv(text: str) -> None:
    """As it is, but on a terminal, where what a model returns must not act."""
    if sys.stdout.isatty():
        text = "".join(f"{line}\n" for line in map(safe, text.splitlines()))
    sys.stdout.write(text)


def check_target(model: str | None, deployment: str, url: str) -> None:
    """Raises `UsageError` unless these name one target."""
    if deployment and (model is not None or url):
        raise UsageError(
            "--deployment says the model and where it is served", hint="Leave out MODEL and --url."
        )
    if model is None and not deployment and not url:
        raise UsageError(
            "Name a model, --deployment or --url", hint="Example: mlflow-console test churn@champion"
        )


def _check(
    model: str | None,
    deployment: str,
    rows: Path | None,
    against: str | None,
    *,
    is_request: bool,
    keep: bool,
) -> None:
    if is_request and (rows is not None or against is not None or keep):
        raise UsageError("--request and --curl send one request: without rows, --against and --log")
    if model is None and not deployment and not is_request:
        hint = "Name the version that is served there, to compare with what its run recorded."
        raise UsageError("A test needs a model", hint=hint)


def chosen_target(engine: Engine, model: str | None, deployment: str, url: str) -> Target:
    """What the argument MODEL and the options `--deployment` and `--url` name. Raises `NotFound`."""
    from engine.api import Target

    if deployment:
        return engine.model_tests.deployed(deployment)
    if model is None:
        return Target(url=url)
    if not url:
        return engine.model_tests.target(model)
    try:
        version = engine.model_tests.version(model)
    except NotFound as error:
        if not Path(model).is_file():
            raise
        hint = f"Name the version that is served there before the rows: MODEL/VERSION {safe(model, 80)}"
        raise UsageError(f"{safe(model, 80)} is a file, not a model", "", hint) from error
    return Target(version.name, version.version, url)


def _request(engine: Engine, target: Target, file: TextIO | None) -> Request:
    from engine.api import request_in

    if file is not None:
        return request_in(file.read())
    if not target.version:
        raise UsageError("Without a model, --curl needs a request", hint="Add --request FILE.")
    template = engine.model_tests.template(target.model, target.version)
    if not template.example:
        hint = "Write a request and add --request FILE."
        raise UsageError(f"{target.name} was logged without an input example to send", hint=hint)
    return template.request()


def _may_run_code(engine: Engine, target: Target, allowed: bool) -> bool:
    """Whether a version that is loaded here may run code that came with it: asks if it can, naming whose it
    is. Raises `UntrustedModel` where nobody can be asked, `Cancelled`."""
    if target.url:
        return False
    try:
        engine.model_tests.check_trust(target.model, target.version)
    except UntrustedModel as error:
        if engine.read_only or allowed:
            return allowed
        if not is_interactive():
            hint = f"{error.hint} Add --allow-code to run the code of {error.owner}."
            raise UntrustedModel(error.title, error.detail, hint, error.owner) from None
        output = Output(err=True)
        output.text(f"{error.title}. {error.detail}")
        output.text(f"Loading it runs the code of {error.owner} on this machine. {error.hint}")
        confirm(output, "Add --allow-code.", what="The test")
        return True
    return False


def _testing(target: Target, what: str = "Testing") -> AbstractContextManager[object]:
    return spinner(safe(f"{what} {target.name}"))


# ── one request ──────────────────────────────────────────────────────────────


def _send(
    engine: Engine, target: Target, request: Request, *, as_curl: bool, allow_code: bool, as_json: bool
) -> int:
    """Send a request, or show it as a command; return the exit status."""
    if as_curl:
        from engine.api import curl

        if not target.url:
            raise UsageError("curl needs a server", hint="Add --deployment NAME or --url URL.")
        click.echo(curl(target.url, request))
        return 0
    code = _may_run_code(engine, target, allow_code)
    with _testing(target):
        answer = engine.model_tests.send(target, request, allow_code=code)
    if as_json:
        write_json({"target": target.name, "passed": answer.is_ok, **asdict(answer)})
    else:
        _show_answer(Output(), target, answer)
    return 0 if answer.is_ok else 1


def _mark(failed: bool | int) -> Cell:
    return Cell(Shown("✗ "), "red") if failed else Cell(Shown("✓ "), "green")


def _show_answer(output: Output, target: Target, answer: Answer) -> None:
    output.line(
        _mark(not answer.is_ok),
        safe(f"HTTP {answer.status} from {target.name} in {duration(answer.seconds)}"),
    )
    for line in safe_lines(answer.body if answer.is_ok else answer.message):
        output.text(line)


# ── labelled rows ────────────────────────────────────────────────────────────


def _show_labelled(engine: Engine, found: LabelledTest, *, keep: bool, as_json: bool) -> int:
    run_id = engine.model_tests.log(found) if keep else ""
    status = 1 if found.is_skewed else 0
    if as_json:
        write_json(_labelled_payload(found, run_id))
        return status
    output = Output()
    output.line(Cell(found.target.name, "bold"), Cell(Shown("  on "), "dim"), found.source)
    output.marked(_mark(status), found.verdict)
    for cause in found.causes:
        output.marked(Cell(Shown("! "), "yellow"), cause.text)
    output.line()
    output.table(*_metric_table(found.metrics))
    if found.wrong and not found.is_regression:
        output.line()
        _show_wrong(output, found)
    rows = counted(len(found.rows), "row")
    output.line()
    output.line(Cell(safe(f"{rows} predicted in {duration(found.seconds)}"), "dim"))
    if run_id:
        output.line(safe(f"Logged as run {run_id} in {found.target.model}-tests."))
    return status


def _metric_table(metrics: Sequence[TestedMetric]) -> tuple[list[Head], list[Row]]:
    heads = [
        Head(Shown("metric"), keep=True),
        Head(Shown("served"), right=True, keep=True),
        Head(Shown("95 % interval")),
        Head(Shown("rows"), right=True),
        Head(Shown("logged"), right=True, keep=True),
        Head(Shown("95 % interval")),
    ]
    rows: list[Row] = [
        [
            safe(found.name),
            number(found.value),
            _interval(found.interval),
            MISSING if found.rate is None else Shown(f"{found.rate.successes} of {found.rate.n}"),
            number(found.logged),
            _interval(found.logged_interval),
        ]
        for found in metrics
    ]
    return heads, rows


def _interval(interval: Any) -> Shown:
    return MISSING if interval is None else Shown(f"{interval.low:.3f} to {interval.high:.3f}")


def _show_wrong(output: Output, found: LabelledTest) -> None:
    has_logged = any(row.logged for row in found.wrong)
    has_corrected = any(row.corrected for row in found.wrong)
    columns = {column for cause in found.causes for column in cause.columns}
    shown = [at for at, name in enumerate(found.columns) if name in columns] or range(len(found.columns))
    heads = [
        Head(Shown("wrong row"), keep=True),
        Head(Shown("actual"), keep=True),
        Head(Shown("predicted"), keep=True),
        *([Head(Shown("logged"), keep=True)] if has_logged else []),
        *([Head(Shown("right scale"), keep=True)] if has_corrected else []),
        *(Head(safe(found.columns[at], 20), right=True) for at in shown),
    ]
    rows: list[Row] = [
        [
            safe(row.name),
            safe(row.actual, 40),
            Cell(safe(row.predicted, 40), "red"),
            *([safe(row.logged, 40)] if has_logged else []),
            *([safe(row.corrected, 40)] if has_corrected else []),
            *(safe(values[at], 20) for at in shown),
        ]
        for row, values in zip(found.rows, found.values, strict=True)
        if not row.is_right
    ]
    output.table(heads, rows[:ROWS_SHOWN])
    if len(rows) > ROWS_SHOWN:
        output.line(Cell(safe(f"and {len(rows) - ROWS_SHOWN} more wrong rows: use --json"), "dim"))


def _labelled_payload(found: LabelledTest, run_id: str) -> Payload:
    return {
        "target": target_payload(found.target),
        "passed": not found.is_skewed,
        "skew": found.is_skewed,
        "verdict": found.verdict,
        "rows_from": found.source,
        "metrics": {metric.name: _metric_payload(metric) for metric in found.metrics},
        "p_value": found.p_value,
        "same_rows": found.is_paired,
        "rows_in_training": sorted(found.trained),
        "causes": [asdict(cause) for cause in found.causes],
        "corrected": None if found.corrected is None else asdict(found.corrected),
        "seconds": found.seconds,
        "time": found.time,
        "rows": [
            {**asdict(row), "values": dict(zip(found.columns, values, strict=True))}
            for row, values in zip(found.rows, found.values, strict=True)
        ],
        "logged_run": run_id,
    }


def _metric_payload(metric: TestedMetric) -> Payload:
    return {name: value for name, value in asdict(metric).items() if name != "name"}


# ── two versions ─────────────────────────────────────────────────────────────


def _show_shadow(engine: Engine, found: ShadowTest, *, keep: bool, as_json: bool) -> int:
    run_id = engine.model_tests.log(found) if keep else ""
    status = 1 if found.is_worse else 0
    if as_json:
        write_json(_shadow_payload(found, run_id))
        return status
    output = Output()
    output.line(
        Cell(found.first.name, "bold"), " against ", Cell(found.second.name, "bold"), " on ", found.source
    )
    output.marked(_mark(status), found.verdict)
    if found.disagreements:
        output.line()
        _show_disagreements(output, found)
    if run_id:
        output.line(safe(f"Logged as run {run_id} in {found.first.model}-tests."))
    return status


def _show_disagreements(output: Output, found: ShadowTest) -> None:
    has_labels = any(row.actual for row in found.disagreements)
    heads = [
        Head(Shown("row"), keep=True),
        *([Head(Shown("actual"), keep=True)] if has_labels else []),
        *(Head(name, keep=True) for name in found.names),
        *(Head(safe(name, 20), right=True) for name in found.columns),
    ]
    rows: list[Row] = [
        [
            safe(row.name),
            *([safe(row.actual, 40)] if has_labels else []),
            _guess(row.first, row.actual),
            _guess(row.second, row.actual),
            *(safe(value, 20) for value in found.values[row.position]),
        ]
        for row in found.disagreements
    ]
    output.table(heads, rows[:ROWS_SHOWN])
    if len(rows) > ROWS_SHOWN:
        output.line(Cell(safe(f"and {len(rows) - ROWS_SHOWN} more rows: use --json"), "dim"))


def _guess(predicted: str, actual: str) -> Cell:
    return Cell(safe(predicted, 40), "" if not actual else "green" if predicted == actual else "red")


def _shadow_payload(found: ShadowTest, run_id: str) -> Payload:
    return {
        "target": target_payload(found.first),
        "against": target_payload(found.second),
        "passed": not found.is_worse,
        "verdict": found.verdict,
        "rows_from": found.source,
        "row_count": len(found.values),
        "right": None if found.first_right is None else asdict(found.first_right),
        "right_against": None if found.second_right is None else asdict(found.second_right),
        "p_value": found.p_value,
        "rows_in_training": sorted(found.trained),
        "disagreements": [
            {**asdict(row), "values": dict(zip(found.columns, found.values[row.position], strict=True))}
            for row in found.disagreements
        ],
        "time": found.time,
        "logged_run": run_id,
    }
