"""A writable registry for one test module, and competing consoles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TextIO

from engine.entities import ModelVersion
from engine.journal import JournalEntry, read_journal
from engine.registry.promotion.apply import PromotionResult, apply_promotion, plan_promotion
from engine.registry.version_log import LOG_TAG
from engine.stores import open_store
from engine.stores.base import Store
from engine.uri import TrackingUri
from tests.support.terminal import Process
from tests.support.warm import Warm


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
        """The console's tags of a version, without its log."""
        found = next(v for v in self.store.model_versions(name) if v.version == version)
        own = {key: value for key, value in found.tags.items() if key.startswith("mlflow_console.")}
        own.pop(LOG_TAG, None)
        return own


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
    """Another console: a process that executes one line of JSON at a time; a new Python without `warm`."""

    def __init__(self, uri: TrackingUri, state: Path, warm: Warm | None = None, **environment: str) -> None:
        environment = {**os.environ, "XDG_STATE_HOME": str(state), **environment}
        self._errors = TemporaryFile("w+")  # noqa: SIM115
        requests, self._requests = _pipe()
        self._answers, answers = _pipe()
        with requests, answers:
            streams = (requests.fileno(), answers.fileno(), self._errors.fileno())
            if warm is None:
                argv = [sys.executable, "-m", "tests.support.rival", uri.raw]
                stdin, stdout, stderr = streams
                self.process: Process = subprocess.Popen(
                    argv, stdin=stdin, stdout=stdout, stderr=stderr, env=environment
                )
            else:
                self.process = warm.call(
                    "tests.support.rival:main", uri.raw, streams=streams, env=environment
                )

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.finish()
        for file in (self._answers, self._errors):
            file.close()

    def send(self, **request: object) -> None:
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()

    def receive(self) -> dict[str, Any]:
        """Wait for the next answer."""
        line = self._answers.readline()
        assert line, f"the console died: {self.finish()[1]}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def finish(self) -> tuple[str, str]:
        """Wait for the process to end. Returns the rest of its stdout and stderr."""
        self._requests.close()
        self.process.wait()
        self._errors.seek(0)
        return self._answers.read(), self._errors.read()


def _pipe() -> tuple[TextIO, TextIO]:
    reading, writing = os.pipe()
    return os.fdopen(reading), os.fdopen(writing, "w")


def promote(
    registry: Registry, model: str, version: int, reason: str = "", **target: object
) -> PromotionResult:
    plan = plan_promotion(registry.store, registry.uri, model, version, **target)  # type: ignore[arg-type]
    return apply_promotion(registry.store, registry.uri, plan, reason=reason)


def last() -> JournalEntry:
    return read_journal(1)[0]
