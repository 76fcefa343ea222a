"""What is known about a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from engine.errors import ServiceError
from engine.services.records import ServiceSpec, ServiceStatus
from engine.stores.references import ModelReference
from engine.text import Shown, safe

Environment = Literal["local", "virtualenv", "uv"]
"""Where the packages of a deployment come from: the console's own, or an environment made for it."""


@dataclass(frozen=True, slots=True)
class RequirementDifference:
    """A requirement of the model that the environment does not meet. `installed` is empty if the package is
    missing."""

    requirement: str
    installed: str = ""

    def __str__(self) -> str:
        return f"{self.requirement} (installed: {self.installed or 'no'})"


@dataclass(frozen=True, slots=True)
class Served:
    """What a deployment serves, kept in its service's record. `tracking_uri` is without secrets, `code_owner`
    names whose code the operator allowed to run, empty for a model that brings none."""

    model: str
    requested: str
    """What was asked for: `@champion`, `/Production`, `/2`."""
    version: int
    tracking_uri: str
    run_id: str = ""
    format: str = ""
    code_owner: str = ""
    environment: Environment = "local"
    processes: int = 1
    requirements: tuple[RequirementDifference, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Served:
        """Ignores fields that a newer console has written."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        found = tuple(RequirementDifference(**each) for each in known.get("requirements", ()))
        return cls(**{**known, "requirements": found})

    @classmethod
    def of(cls, spec: ServiceSpec) -> Served:
        return cls.from_json(spec.extra)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model version as an HTTP service, and how it is doing."""

    service: ServiceStatus
    served: Served
    previous: int | None = None
    """The version that the last swap replaced; `back` returns to it."""
    newer: int | None = None
    """What `served.requested` names now, if that is another version; None also if it was not looked up."""
    is_gone: bool = False
    """Whether `served.requested` was looked up, and names no version any more."""

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def follows(self) -> bool:
        """Whether an alias or a stage was asked for, which may name another version later."""
        return ModelReference(self.served.model, self.served.requested).moves

    @property
    def serves(self) -> Shown:
        """`heart@champion → 2`, or `heart/2`."""
        reference = ModelReference(self.served.model, self.served.requested)
        return safe(f"{reference} → {self.served.version}" if reference.moves else str(reference))

    @property
    def rows(self) -> int | None:
        """How many rows of the recorded input example it answered; 0 if none was logged, None until it is
        ready."""
        rows: int | None = self.service.facts.get("rows")
        return rows

    @property
    def note(self) -> Shown:
        """What its answer to the input example does not prove."""
        return Shown("no input example was logged: it has answered /ping only" if self.rows == 0 else "")


def deployment_of(status: ServiceStatus) -> Deployment:
    """The deployment in a service. Raises `ServiceError` if its record does not describe one."""
    try:
        previous = None if status.previous is None else Served.of(status.previous).version
        return Deployment(status, Served.of(status.spec), previous)
    except (TypeError, KeyError) as error:
        title = f"The record of {status.name} does not describe a deployment"
        hint = f"If it runs, end process {status.pid}." if status.running else ""
        raise ServiceError(title, f"{status.log.parent}: {error}", hint) from error
