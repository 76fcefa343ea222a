"""What consoles did to a version, in the tag `mlflow_console.log` of the version.

Consoles of other accounts know promotions, undos, requests and decisions by it: the journal is each account's
own. It is compact, so that it fits into a tag of any MLflow: old records and long reasons are cut. Whoever
may write tags may write this one by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from engine.entities import ModelVersion
from engine.stores.errors import translate
from engine.text import shortened

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOG_TAG = "mlflow_console.log"
MAX_TAG = 4_500
"""Characters of the tag. MLflow before 3.0 stores at most 5,000."""
MAX_REASON = 200

Action = Literal["promote", "undo", "request", "approve", "reject"]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """`changes` are the versions that had a target (`Production`, `@champion`) before and after a promotion
    or an undo; for a request or a decision, the one target has no versions. `at` is in epoch milliseconds.
    The texts are untrusted."""

    action: Action
    by: str
    at: int
    changes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    reason: str = ""


def records_of(version: ModelVersion) -> tuple[LogRecord, ...]:
    """The records of a version, oldest first; none if the tag is missing, malformed, or of the version that
    MLflow copied this one from."""
    return _read(version.tags.get(LOG_TAG, ""), version.creation_time or 0)


def add_record(client: MlflowClient, model: str, version: int, record: LogRecord) -> tuple[str, ...]:
    """Write one more record. Returns a note on failure, which does not undo what the record is about."""
    try:
        found = client.get_model_version(model, str(version))
        created = found.creation_timestamp or 0
        records = [*_read(found.tags.get(LOG_TAG, ""), created), record]
        client.set_model_version_tag(model, str(version), LOG_TAG, _written(records, created))
    except Exception as error:
        return (f"The record for other accounts could not be written: {translate(error)}",)
    return ()


def _written(records: list[LogRecord], created: int) -> str:
    while True:
        listed = [
            [record.action, record.by, record.at, record.changes, shortened(record.reason, MAX_REASON)]
            for record in records
        ]
        text = json.dumps({"created": created, "records": listed}, separators=(",", ":"))
        if len(text) <= MAX_TAG or not records:
            return text
        records = records[1:]


def _read(text: str, created: int) -> tuple[LogRecord, ...]:
    try:
        found = json.loads(text)
        if found["created"] != created:
            return ()
        records = [
            LogRecord(
                str(action),  # type: ignore[arg-type]  # checked below
                str(by),
                int(at),
                {str(target): (_numbers(was), _numbers(now)) for target, (was, now) in changes.items()},
                str(reason),
            )
            for action, by, at, changes, reason in found["records"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return ()
    return tuple(record for record in records if record.action in get_args(Action))


def _numbers(values: object) -> tuple[int, ...]:
    if not isinstance(values, list):
        raise TypeError("not a list of versions")
    return tuple(map(int, values))
