"""Converts MLflow's values to the console's, the same way for every store."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast, get_args

from engine.entities import (
    STAGES,
    DatasetInput,
    DatasetRef,
    Lifecycle,
    ModelVersion,
    RegisteredModel,
    Stage,
    Status,
)
from engine.errors import NotFound, PromptFound
from engine.formats import listed
from engine.suggestions import not_found
from engine.text import quoted, safe

PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPT_FILTER = f"tag.`{PROMPT_TAG}` = 'true'"
CONTEXT_TAG = "mlflow.data.context"
RUN_NAME_TAG = "mlflow.runName"
DELETED_STAGE = "Deleted_Internal"

ID_LENGTH = 32
"""The length of the run ids that MLflow gives."""
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")


def metric_value(value: float | str, is_nan: object = False) -> float:
    """A metric as a float. SQL stores keep ±inf as the largest double; JSON holds NaN as text."""
    if is_nan:
        return math.nan
    number = float(value)
    return math.copysign(math.inf, number) if abs(number) >= sys.float_info.max else number


@dataclass(frozen=True, slots=True)
class LoggedPoint:
    """A point of a metric of a logged model. `value` is as the store returns it; SQL stores keep NaN as
    None."""

    model_id: str
    key: str
    step: int
    timestamp: int
    value: float | str | None


def last_values(points: Iterable[LoggedPoint]) -> dict[str, dict[str, float]]:
    """The last value of each metric, by step and time, of each logged model."""
    found: dict[tuple[str, str], tuple[int, int, float]] = {}
    for point in points:
        value = math.nan if point.value is None else metric_value(point.value)
        name, last = (point.model_id, point.key), (point.step, point.timestamp, value)
        if name not in found or found[name][:2] <= last[:2]:
            found[name] = last
    models: dict[str, dict[str, float]] = {}
    for (model_id, key), (_, _, value) in found.items():
        models.setdefault(model_id, {})[key] = value
    return models


def status(value: object) -> Status:
    """One of MLflow's five; any other status, from a plug-in, counts as running."""
    return cast(Status, value) if value in get_args(Status) else "RUNNING"


def lifecycle(value: object) -> Lifecycle:
    return "deleted" if value == "deleted" else "active"


def stage(value: object) -> Stage:
    return next((known for known in STAGES if known == value), "None")


def epoch_ms(value: int | str | None) -> int | None:
    """Milliseconds since the epoch; some servers send 64-bit integers as text."""
    return None if value is None else int(value)


def dataset_order(data: DatasetInput) -> tuple[str, str, str]:
    """The key by which a run's datasets are sorted."""
    return data.name, data.digest, data.context


def dataset_refs(datasets: Iterable[DatasetInput]) -> tuple[DatasetRef, ...]:
    """The name, digest and context of each dataset."""
    return tuple(DatasetRef(data.name, data.digest, data.context) for data in datasets)


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Whether the tags mark a prompt: prompts share the registry with models."""
    return tags.get(PROMPT_TAG) == "true"


def aliases_of(version: int, aliases: Mapping[str, int]) -> tuple[str, ...]:
    """The aliases that point at a version, by name."""
    return tuple(sorted(alias for alias, number in aliases.items() if number == version))


def run_not_found(run_id: str) -> NotFound:
    hint = f"Run ids have {ID_LENGTH} characters: copy the complete id."
    if len(run_id) == ID_LENGTH:
        hint = "It may have been deleted permanently since it was listed: read the list of runs again."
    return NotFound(f"Run {safe(run_id, 80)} not found", "", hint)


def logged_model_not_found(model_id: str) -> NotFound:
    return NotFound(f"Logged model {safe(model_id, 80)} not found", "It may have been deleted.")


def is_id(text: str) -> bool:
    """Whether MLflow would accept the id of a run or logged model."""
    return _RUN_ID.fullmatch(text) is not None


def check_model_id(model_id: str) -> None:
    """Raise `NotFound` for the id of a logged model that MLflow would not accept."""
    if not is_id(model_id):
        raise logged_model_not_found(model_id)


def model_not_found(name: str, models: Iterable[RegisteredModel]) -> NotFound:
    """The error for a name that none of the registered `models` has."""
    hint = "Run `mlflow-console models` to list the registered models."
    return not_found("Registered model", name, (model.name for model in models), hint)


def prompt_found(name: str) -> PromptFound:
    hint = "Run `mlflow-console models` to list the registered models."
    return PromptFound(f"{quoted(name)} is a prompt, not a registered model", "", hint)


def find_version(versions: Sequence[ModelVersion], model: str, number: int) -> ModelVersion:
    """The version of a model with this number. Raises `NotFound`."""
    for version in versions:
        if version.version == number:
            return version
    numbers = listed([version.version for version in versions], 12)
    raise NotFound(
        f"Version {number} of {quoted(model)} not found", f"Versions: {numbers}", "Use one of these."
    )


@contextmanager
def not_found_as(error: NotFound) -> Iterator[None]:
    """Raise `error` for any `NotFound`: MLflow's wording depends on the store."""
    try:
        yield
    except NotFound as found:
        raise error from found


def check_run_id(run_id: str) -> None:
    """Raise `NotFound` for a run id that MLflow would not accept."""
    if not _RUN_ID.fullmatch(run_id):
        raise run_not_found(run_id)


def name_filter(name: str) -> str:
    """A search filter for the versions of one model. MLflow's grammar has no escapes: for a name with both
    kinds of quotes the filter is empty, and the caller picks its versions from all of them."""
    quote = next((quote for quote in "'\"" if quote not in name), None)
    return f"name = {quote}{name}{quote}" if quote else ""
