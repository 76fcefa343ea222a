"""The MLflow registry calls that write, made one at a time and never retried."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.entities import ModelVersion
from engine.errors import EngineError
from engine.failpoints import failpoint
from engine.journal import JournalEntry
from engine.registry.promotion.facts import Change, StageChange, StageOf
from engine.stores.errors import translate
from engine.stores.stages import stages_unsupported

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.registry.promotion.plan import PromotionPlan

TAG_PREFIX = "mlflow_console."
TAGS = ("promoted_by", "promoted_at", "promoted_to", "from_stage", "reason")


def write_all(client: MlflowClient, model: str, changes: Sequence[Change], action: str) -> EngineError | None:
    """Write the changes of a promotion or an undo (`action`) in order. Returns the error that stopped them,
    None if all succeeded."""
    # Every stage call warns that stages are deprecated, attributed to its caller: this module.
    warnings.filterwarnings("ignore", r".*transition_model_version_stage", FutureWarning)
    try:
        for number, change in enumerate(changes, 1):
            try:
                _write(client, model, change)
            except Exception as error:
                raise _of_stages(error, change) from error
            failpoint(f"{action} wrote {number}")
    except Exception as error:
        return translate(error)
    return None


def untag(client: MlflowClient, plan: PromotionPlan, previous: JournalEntry | None) -> tuple[str, ...]:
    """Undo what `tag` wrote: restore the tags of the `previous` promotion of the version, or remove them if
    there was none. Returns notes like `tag`."""
    if previous is not None:
        return tag(client, plan.model, previous)
    version = str(plan.candidate.version)
    try:
        for name in TAGS:
            if TAG_PREFIX + name in plan.candidate.tags:
                client.delete_model_version_tag(plan.model, version, TAG_PREFIX + name)
    except Exception as error:
        return (f"The tags of version {version} could not be removed: {translate(error)}",)
    return ()


def tag(client: MlflowClient, model: str, entry: JournalEntry) -> tuple[str, ...]:
    """Tag the promoted version with who promoted it, when, from which stage and why.

    Returns a note for the operator if that fails: the promotion itself has been made.
    """
    version = str(entry.version)
    when = datetime.fromtimestamp(entry.time / 1000, UTC)
    values = (
        f"{entry.user}@{entry.host}",
        when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        entry.target.rpartition(" → ")[2],
        entry.before[str(StageOf(entry.version))],
        entry.reason,
    )
    try:
        for name, value in zip(TAGS, values, strict=True):
            client.set_model_version_tag(model, version, TAG_PREFIX + name, value)
    except Exception as error:
        return (f"The tags of version {version} could not be written: {translate(error)}",)
    return ()


def promoted_by(version: ModelVersion) -> str:
    """Who last promoted the version with a console and when, by its tags; empty if nobody did."""
    by, at = (version.tags.get(TAG_PREFIX + name, "") for name in ("promoted_by", "promoted_at"))
    return f"{by} at {at}" if by and at else ""


def _of_stages(error: Exception, change: Change) -> Exception:
    """The error of a change, which for a stage may mean that the store has none."""
    found = stages_unsupported(translate(error), error) if isinstance(change, StageChange) else None
    return found or error


def _write(client: MlflowClient, model: str, change: Change) -> None:
    if isinstance(change, StageChange):
        client.transition_model_version_stage(
            model, str(change.version), change.after, archive_existing_versions=False
        )
    elif change.after is not None:
        client.set_registered_model_alias(model, change.alias, str(change.after))
    else:
        client.delete_registered_model_alias(model, change.alias)
