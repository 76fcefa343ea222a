"""Registering trained runs as versions of a model, in the process that trains."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import NotFound
from engine.training.recorder import writing

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATE_TAG = "console.demo"
"""On a version: `registering` until everything about it is set, then `complete`. What the operator
changes about a complete version afterwards is the operator's."""
REGISTERING, COMPLETE = "registering", "complete"


@dataclass(frozen=True, slots=True)
class VersionPlan:
    """A version to make of a run's model, or (with `version`) one to complete."""

    run_id: str
    stage: str
    description: str
    alias: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class RegistrationPlan:
    """Versions of one model, in the order in which they are made."""

    model: str
    description: str
    versions: Sequence[VersionPlan]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> RegistrationPlan:
        versions = tuple(VersionPlan(**version) for version in fields["versions"])
        return cls(fields["model"], fields["description"], versions)


def register(client: MlflowClient, fields: Mapping[str, Any]) -> list[int]:
    """Carry out a plan; the numbers of its versions. Raises `EngineError`.

    The client's store must be MLflow's global tracking URI: `create_model_version` looks there.
    """
    plan = RegistrationPlan.from_json(fields)
    with warnings.catch_warnings(), writing():
        warnings.simplefilter("ignore", FutureWarning)
        _ensure_model(client, plan)
        return [_version(client, plan.model, version) for version in plan.versions]


def _ensure_model(client: MlflowClient, plan: RegistrationPlan) -> None:
    found = client.search_registered_models(f"name = '{plan.model}'", max_results=1)
    if not found:
        client.create_registered_model(plan.model, description=plan.description)


def _version(client: MlflowClient, model: str, plan: VersionPlan) -> int:
    number = plan.version if plan.version is not None else _created(client, model, plan)
    name = str(number)
    client.transition_model_version_stage(model, name, plan.stage)
    if plan.alias:
        client.set_registered_model_alias(model, plan.alias, name)
    client.set_model_version_tag(model, name, STATE_TAG, COMPLETE)
    return number


def _created(client: MlflowClient, model: str, plan: VersionPlan) -> int:
    run = client.get_run(plan.run_id)
    outputs = run.outputs.model_outputs if run.outputs else []
    if not outputs:
        raise NotFound(f"The run {plan.run_id} has logged no model")
    made = client.create_model_version(
        model,
        source=f"models:/{outputs[0].model_id}",
        run_id=plan.run_id,
        model_id=outputs[0].model_id,  # A server insists on it.
        tags={**plan.tags, STATE_TAG: REGISTERING},
        description=plan.description,
        await_creation_for=0,
    )
    return int(made.version)
