"""An MLflow server, asked over its REST API without mlflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from engine.blocks import RunBlock
from engine.entities import (
    Artifact,
    DatasetInput,
    Experiment,
    LoggedModel,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    Run,
    RunDetail,
)
from engine.stores import faults, records
from engine.stores.artifacts import check_path
from engine.stores.base import PAGE, RunPage, RunQuery
from engine.stores.transport import Transport
from engine.uri import TrackingUri

_HISTORY_PAGE = 25_000
_IDS_AT_ONCE = 1000

Json = Mapping[str, Any]
Ask = Callable[[str, Mapping[str, object]], dict[str, Any]]


class RestStore:
    """An `http(s)://` store."""

    kind = "rest"
    readers = 1

    def __init__(self, uri: TrackingUri) -> None:
        self.uri = uri
        self._transport = Transport(uri)

    def stamp(self) -> object | None:
        return None

    def close(self) -> None:
        self._transport.close()

    @contextmanager
    def _understanding(self) -> Iterator[Transport]:
        """An object without the fields that MLflow sends comes from something else."""
        try:
            yield self._transport
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            detail = f"An answer lacks what it should hold: {type(error).__name__}: {error}"
            raise faults.not_mlflow(self.uri.shown, faults.scrub(detail)) from error

    def _all(self, ask: Ask, path: str, field: str, question: Mapping[str, object]) -> Iterator[Json]:
        """The objects in `field` of every page that answers a search."""
        token: str | None = None
        while True:
            page = ask(path, {**question, "page_token": token})
            yield from page.get(field, ())
            following = page.get("next_page_token")
            if not following:
                return
            if following == token:
                raise faults.not_mlflow(self.uri.shown, f"{path} sends the same page again and again")
            token = following

    # ── experiments and runs ─────────────────────────────────────────────────

    def experiments(self) -> tuple[Experiment, ...]:
        with self._understanding() as server:
            found = self._all(server.post, "experiments/search", "experiments", {"max_results": PAGE})
            return tuple(_experiment(experiment) for experiment in found)

    def newest_run(self) -> tuple[str, int] | None:
        ids = [experiment.experiment_id for experiment in self.experiments()]
        newest: list[tuple[int, str]] = []
        with self._understanding() as server:
            for start in range(0, len(ids), _IDS_AT_ONCE):
                some = ids[start : start + _IDS_AT_ONCE]
                found = server.post("runs/search", {"experiment_ids": some, "max_results": 1}).get("runs", ())
                runs = [_run(run) for run in found]
                newest += [(run.start_time, run.experiment_id) for run in runs if run.start_time is not None]
        latest = max(newest, default=None)
        return (latest[1], latest[0]) if latest else None

    def runs(self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE) -> RunPage:
        question = {
            "experiment_ids": [query.experiment_id],
            "max_results": max_results,
            "page_token": page_token,
        }
        with self._understanding() as server:
            page = server.post("runs/search", question)
            return RunPage(RunBlock.of(map(_run, page.get("runs", ()))), page.get("next_page_token") or None)

    def run(self, run_id: str) -> RunDetail:
        records.check_run_id(run_id)
        with records.missing_means(records.no_such_run(run_id)), self._understanding() as server:
            found = server.get("runs/get", {"run_id": run_id})["run"]
            given = found.get("inputs", {}).get("dataset_inputs", ())
            datasets = sorted(map(_dataset, given), key=lambda data: (data.name, data.digest))
            run = _run(found)
            return RunDetail(run, tuple(datasets), self._models(server, run))

    def _models(self, server: Transport, run: Run) -> tuple[LoggedModel, ...]:
        """The logged models whose source is the run. Servers before MLflow 3 have none."""
        question = {
            "experiment_ids": [run.experiment_id],
            "filter": f"source_run_id = '{run.run_id}'",
            "max_results": 100,
        }
        try:
            found = list(self._all(server.post, "logged-models/search", "models", question))
        except faults.NoEndpoint:
            return ()
        return tuple(map(_logged_model, found))

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        question = {"run_id": run_id, "metric_key": key, "max_results": _HISTORY_PAGE}
        with self._understanding() as server:
            found = self._all(server.get, "metrics/get-history", "metrics", question)
            points = (
                MetricPoint(
                    int(point.get("step", 0)), int(point["timestamp"]), records.metric_value(point["value"])
                )
                for point in found
            )
            return tuple(sorted(points, key=lambda point: (point.step, point.timestamp)))

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """Below the name of a model that the run logged lie the model's files too, as in MLflow."""
        records.check_run_id(run_id)
        path = check_path(path)
        name, _, rest = path.partition("/")
        with records.missing_means(records.no_such_run(run_id)), self._understanding() as server:
            question = {"run_id": run_id, "path": path}
            found = [_artifact(file) for file in self._all(server.get, "artifacts/list", "files", question)]
            models = (
                self._models(server, _run(server.get("runs/get", {"run_id": run_id})["run"])) if path else ()
            )
            model = next((model for model in models if model.name == name), None)
            if model:
                where = f"logged-models/{quote(model.model_id, safe='')}/artifacts/directories"
                files = self._all(server.get, where, "files", {"artifact_directory_path": rest})
                found += [_artifact(file, name) for file in files]
            return tuple(found)

    # ── the registry ─────────────────────────────────────────────────────────

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        with self._understanding() as server:
            found = self._all(
                server.get, "registered-models/search", "registered_models", {"max_results": PAGE}
            )
            models = (_registered_model(model) for model in found)
            return tuple(sorted(models, key=lambda model: model.name))

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        question = {"filter": records.name_filter(name), "max_results": PAGE}
        with records.missing_means(records.no_such_model(name)), self._understanding() as server:
            model = _registered_model(server.get("registered-models/get", {"name": name})["registered_model"])
            if records.is_prompt(model.tags):
                raise records.no_such_model(name)
            found = self._all(server.get, "model-versions/search", "model_versions", question)
            versions = [_model_version(version, model) for version in found if version["name"] == name]
            return tuple(sorted(versions, key=lambda version: -version.version))


def _text(found: Json, field: str) -> str:
    """Servers leave out what is empty."""
    return str(found.get(field) or "")


def _pairs(found: Json, field: str) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in found.get(field, ())}


def _experiment(found: Json) -> Experiment:
    return Experiment(
        experiment_id=found["experiment_id"],
        name=found["name"],
        artifact_location=_text(found, "artifact_location"),
        lifecycle_stage=records.lifecycle(found.get("lifecycle_stage")),
        creation_time=records.moment(found.get("creation_time")),
        last_update_time=records.moment(found.get("last_update_time")),
        tags=_pairs(found, "tags"),
    )


def _run(found: Json) -> Run:
    info, data = found["info"], found.get("data", {})
    tags = _pairs(data, "tags")
    return Run(
        run_id=info["run_id"],
        run_name=_text(info, "run_name") or tags.get(records.RUN_NAME_TAG, ""),
        experiment_id=info["experiment_id"],
        status=records.status(info.get("status")),
        start_time=records.moment(info.get("start_time")),
        end_time=records.moment(info.get("end_time")),
        user_id=_text(info, "user_id"),
        lifecycle_stage=records.lifecycle(info.get("lifecycle_stage")),
        artifact_uri=_text(info, "artifact_uri"),
        params=_pairs(data, "params"),
        metrics={m["key"]: records.metric_value(m["value"]) for m in data.get("metrics", ())},
        tags=tags,
    )


def _dataset(given: Json) -> DatasetInput:
    context = _pairs(given, "tags").get(records.CONTEXT_TAG, "")
    dataset = given["dataset"]
    return DatasetInput(dataset["name"], dataset["digest"], context, _text(dataset, "source"))


def _logged_model(found: Json) -> LoggedModel:
    info = found["info"]
    status = _text(info, "status").removeprefix("LOGGED_MODEL_").removeprefix("UPLOAD_")
    return LoggedModel(info["model_id"], info["name"], status, _text(info, "artifact_uri"))


def _artifact(found: Json, prefix: str = "") -> Artifact:
    path = f"{prefix}/{found['path']}" if prefix else found["path"]
    is_dir = bool(found.get("is_dir"))
    return Artifact(path, is_dir, None if is_dir else records.moment(found.get("file_size")))


def _registered_model(found: Json) -> RegisteredModel:
    return RegisteredModel(
        name=found["name"],
        description=_text(found, "description"),
        creation_time=records.moment(found.get("creation_timestamp")),
        last_updated_time=records.moment(found.get("last_updated_timestamp")),
        aliases={given["alias"]: int(given["version"]) for given in found.get("aliases", ())},
        tags=_pairs(found, "tags"),
    )


def _model_version(found: Json, model: RegisteredModel) -> ModelVersion:
    version = int(found["version"])
    return ModelVersion(
        name=found["name"],
        version=version,
        stage=records.stage(found.get("current_stage")),
        description=_text(found, "description"),
        run_id=_text(found, "run_id"),
        source=_text(found, "source"),
        status=_text(found, "status") or "READY",
        user_id=_text(found, "user_id"),
        creation_time=records.moment(found.get("creation_timestamp")),
        last_updated_time=records.moment(found.get("last_updated_timestamp")),
        aliases=records.aliases_of(version, model.aliases),
        tags=_pairs(found, "tags"),
    )
