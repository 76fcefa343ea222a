"""What to copy about a run or a model version: its names and addresses, code that loads it, a request for it.

Names and addresses go into code only as quoted literals, and credentials never: the code reads them from the
environment, as MLflow does.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from engine.entities import ModelVersion, Run, RunDetail
from engine.text import safe
from engine.uri import TrackingUri

SERVED = "http://127.0.0.1:5001"
"""Where the snippets assume a model to be served."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to copy, without a line break at the end: a shell would run it as soon as it is pasted. `suffix`
    is that of a file with it."""

    label: str
    text: str
    suffix: str = ".txt"


def run_snippets(
    uri: TrackingUri, detail: RunDetail, environ: Mapping[str, str] = os.environ
) -> tuple[Snippet, ...]:
    """The id and name of a run, the addresses of its models, code that loads it, and a request for it."""
    run = detail.run
    models = [Snippet("model", f"runs:/{run.run_id}/{model.name}") for model in detail.models]
    models += [Snippet("logged model", f"models:/{model.model_id}") for model in detail.models]
    loads = [f"models:/{model.model_id}" for model in detail.models[:1]]
    request = _request(uri, "runs/get", {"run_id": run.run_id}, environ)
    return (
        Snippet("id", run.run_id),
        *([Snippet("name", _plain(run.run_name))] if run.run_name else []),
        *models,
        Snippet("Python", _python_run(uri, run, loads), ".py"),
        *([Snippet("curl", request, ".sh")] if request else []),
    )


def version_snippets(
    uri: TrackingUri, version: ModelVersion, environ: Mapping[str, str] = os.environ
) -> tuple[Snippet, ...]:
    """The name and addresses of a version, code that loads it, and requests for it and to it."""
    addresses = [f"models:/{version.name}@{alias}" for alias in sorted(version.aliases)]
    addresses.append(f"models:/{version.name}/{version.version}")
    query = {"name": version.name, "version": str(version.version)}
    request = _request(uri, "model-versions/get", query, environ)
    return (
        Snippet("name", _plain(version.name)),
        *(Snippet("address", _plain(address)) for address in addresses),
        *([Snippet("run id", version.run_id)] if version.run_id else []),
        Snippet("Python", _python_model(uri, addresses[0]), ".py"),
        *([Snippet("curl", request, ".sh")] if request else []),
        Snippet("serve", _serve(addresses[0]), ".sh"),
        Snippet("curl, served", f"# first: {_serve(addresses[0])}\n{_prediction()}", ".sh"),
    )


def _plain(text: str) -> str:
    """`text` as it is shown if it has control characters: pasted, a line break would run it."""
    return text if text.isprintable() else safe(text, len(text))


def _serve(address: str) -> str:
    return f"mlflow models serve -m {shlex.quote(_plain(address))} -p 5001"


def _header(uri: TrackingUri) -> str:
    text = "import mlflow\n\n"
    if uri.shown == uri.raw:
        return f"{text}mlflow.set_tracking_uri({uri.raw!r})\n"
    return f"{text}# The tracking URI contains credentials: set MLFLOW_TRACKING_URI.\n"


def _python_run(uri: TrackingUri, run: Run, models: list[str]) -> str:
    load = "".join(f"model = mlflow.pyfunc.load_model({address!r})\n" for address in models)
    return f"{_header(uri)}run = mlflow.get_run({run.run_id!r})\n{load}".rstrip()


def _python_model(uri: TrackingUri, address: str) -> str:
    return f"{_header(uri)}model = mlflow.pyfunc.load_model({address!r})"


def _request(uri: TrackingUri, call: str, query: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """A request to the tracking server; empty for a store that has none."""
    parts = urlsplit(uri.raw)
    if parts.scheme not in ("http", "https"):
        return ""
    host = parts.netloc.rpartition("@")[2]
    address = f"{parts.scheme}://{host}{parts.path.rstrip('/')}/api/2.0/mlflow/{call}?{urlencode(query)}"
    return f"curl -sS{_login(uri, environ)} {shlex.quote(address)}"


def _login(uri: TrackingUri, environ: Mapping[str, str]) -> str:
    """The options that log in, with names of variables in place of their values."""
    if environ.get("MLFLOW_TRACKING_TOKEN"):
        return ' -H "Authorization: Bearer $MLFLOW_TRACKING_TOKEN"'
    if environ.get("MLFLOW_TRACKING_USERNAME") or uri.shown != uri.raw:
        return ' -u "$MLFLOW_TRACKING_USERNAME:$MLFLOW_TRACKING_PASSWORD"'
    return ""


def _prediction() -> str:
    """A request to a served model with the input that MLflow logged for it."""
    return (
        f"curl -sS {SERVED}/invocations -H 'Content-Type: application/json'"
        " --data-binary @serving_input_example.json"
    )
