"""`mlflow-console models`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from engine.entities import ModelVersion, RegisteredModel
from engine.errors import NotFound
from engine.text import Shown, safe, safe_lines
from engine.uri import TrackingUri
from engine.values import MISSING, ago, count, format_for
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output, write_json
from tui.cli.payloads import model_payload, version_payload

if TYPE_CHECKING:
    from engine.api import Engine

STAGE_STYLES = {"Production": "green", "Staging": "yellow", "Archived": "dim"}

Versions = Mapping[str, Sequence[ModelVersion]]
Metrics = Mapping[str, Mapping[str, float]]


@click.command()
@click.argument("name", required=False)
@json_option
@pass_invocation
def models(invocation: Invocation, name: str | None, as_json: bool) -> None:
    """List registered models, or the versions of the model NAME with the metrics of their runs.

    \b
    Example:
      mlflow-console models
      mlflow-console models heart_disease_classifier --json
    """
    uri = invocation.uri()
    with invocation.engine(uri) as engine:
        found = _chosen(engine.models(), name)
        versions = {model.name: engine.versions(model.name) for model in found}
        metrics = _metrics(engine, versions) if name is not None or as_json else {}
    if as_json:
        write_json({"models": [_payload(model, versions[model.name], metrics) for model in found]})
    elif name is None:
        _show_models(found, versions, uri)
    else:
        _show_versions(found[0], versions[name], metrics)
