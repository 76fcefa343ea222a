"""A writable registry for one test module, and competing consoles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.entities import ModelVersion
from engine.journal import JournalEntry, read_journal
from engine.registry.promotion.apply import PromotionResult, apply_promotion, plan_promotion
from engine.stores import open_store
from engine.stores.base import Store
from engine.uri import TrackingUri


@dataclass
class Registry:
    """A registry at `uri`, with MLflow's own client to set it up and to interfere."""

    uri: TrackingUri
    client: Any
    experiment_id: str
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = open_store(self.uri)

    def model(
        self,
        name: str,
        stages: Sequence[str],
        *,
        aliases: Mapping[str, int] | None = None,
        metrics: Sequence[Mapping[str, float]] = (),
    ) -> str:
        """A model with one version per stage, each with a finished source run."""
        self.client.create_registered_model(name)
        for index, stage in enumerate(stages):
            run = self.run(metrics[index] if index < len(metrics) else {})
            number = self.version(name, run)
            if stage != "None":
                self.transition(name, number, stage)
        for alias, number in (aliases or {}).items():
            self.client.set_registered_model_alias(name, alias, str(number))
        return name

    def run(self, metrics: Mapping[str, float] | None = None, status: str = "FINISHED") -> str:
        run_id: str = self.client.create_run(self.experiment_id).info.run_id
        for key, value in (metrics or {}).items():
            self.client.log_metric(run_id, key, value)
        if status != "RUNNING":
            self.client.set_terminated(run_id, status)
        return run_id

    def version(self, name: str, run_id: str) -> int:
        source = f"runs:/{run_id}/model"
        version = self.client.create_model_version(name, source, run_id, await_creation_for=0)
        return int(version.version)

    def transition(self, name: str, version: int, stage: str) -> None:
        self.client.transition_model_version_stage(name, str(version), stage)

    def stages(self, name: str) -> dict[int, str]:
        return {version.version: version.stage for version in self.store.model_versions(name)}

    def aliases(self, name: str) -> dict[str, int]:
        return {alias: v.version for v in self.store.model_versions(name) for alias in v.aliases}

    def tags(self, name: str, version: int) -> dict[str, str]:
        found = next(v for v in self.store.model_versions(name) if v.version == version)
        return {key: value for key, value in found.tags.items() if key.startswith("mlflow_console.")}


class InterferingStore:
    """A store in which something else changes during a read.

    `at` maps the number of a read of the model's versions (the first is 1) to a function called just before
    it returns.
    """

    def __init__(self, store: Store, at: Mapping[int, Callable[[], object]]) -> None:
        self._store = store
        self._at = at
        self._reads = 0

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        self._reads += 1
        if self._reads in self._at:
            self._at[self._reads]()
        return self._store.model_versions(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Console:
    """Another console: a process that executes one line of JSON at a time."""

    def __init__(self, uri: TrackingUri, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.rival", uri.raw],
            env={**os.environ, "XDG_STATE_HOME": str(state)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, **request: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Wait for the next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the console died: {self.finish()[1]}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def finish(self) -> tuple[str, str]:
        """Wait for the process to end. Returns the rest of its stdout and stderr."""
        out, err = self.process.communicate()
        return out, err


def promote(
    registry: Registry, model: str, version: int, reason: str = "", **target: object
) -> PromotionResult:
    plan = plan_promotion(registry.store, registry.uri, model, version, **target)  # type: ignore[arg-type]
    return apply_promotion(registry.store, registry.uri, plan, reason=reason)


def last() -> JournalEntry:
    return read_journal(1)[0]
