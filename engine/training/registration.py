"""Registers trained runs as model versions, in the training process."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import NotFound
from engine.stores.errors import translated_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATE_TAG = "console.demo"
"""Tag of a version: `registering` until it is fully set up, then `complete`. A complete version is never
changed again, so the operator's later edits stay."""
REGISTERING, COMPLETE = "registering", "complete"


@dataclass(frozen=True, slots=True)
class VersionPlan:
    """A version to create from a run's model or, with `version`, one to complete."""

    run_id: str
    stage: str
    description: str
    alias: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class RegistrationPlan:
    """Versions of one model, in the order of creation."""

    model: str
    description: str
    versions: Sequence[VersionPlan]
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of the model itself, written when it is created."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> RegistrationPlan:
        versions = tuple(VersionPlan(**version) for version in fields["versions"])
        return cls(fields["model"], fields["description"], versions, fields["tags"])


def register(client: MlflowClient, fields: Mapping[str, Any]) -> list[int]:
    """Apply a plan. Returns the version numbers. Raises `EngineError`.

    MLflow's global tracking URI must be the client's store: `create_model_version` reads from there.
    """
    plan = RegistrationPlan.from_json(fields)
    with warnings.catch_warnings(), translated_errors():
        warnings.simplefilter("ignore", FutureWarning)
        _ensure_model(client, plan)
        return [_complete_version(client, plan.model, version) for version in plan.versions]


def _ensure_model(client: MlflowClient, plan: RegistrationPlan) -> None:
    existing = client.search_registered_models(f"name = '{plan.model}'", max_results=1)
    if not existing:
        client.create_registered_model(plan.model, dict(plan.tags), plan.description)


def _complete_version(client: MlflowClient, model: str, plan: VersionPlan) -> int:
    number = plan.version if plan.version is not None else _create_version(client, model, plan)
    name = str(number)
    client.transition_model_version_stage(model, name, plan.stage)
    if plan.alias:
        client.set_registered_model_alias(model, plan.alias, name)
    client.set_model_version_tag(model, name, STATE_TAG, COMPLETE)
    return number


def _create_version(client: MlflowClient, model: str, plan: VersionPlan) -> int:
    run = client.get_run(plan.run_id)
    outputs = run.outputs.model_outputs if run.outputs else []
    if not outputs:
        raise NotFound(f"Run {plan.run_id} has no logged model")
    created = client.create_model_version(
        model,
        source=f"models:/{outputs[0].model_id}",
        run_id=plan.run_id,
        model_id=outputs[0].model_id,  # required by a server
        tags={**plan.tags, STATE_TAG: REGISTERING},
        description=plan.description,
        await_creation_for=0,
    )
    return int(created.version)
