"""MLflow's own client: for every write, and for reading stores that are neither SQL nor HTTP.

mlflow is imported here (four seconds), after its output has been switched off.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import paths
from engine.entities import (
    Artifact,
    Experiment,
    Lifecycle,
    LoggedModel,
    MetricExtremes,
    MetricHistory,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    RunDetail,
)
from engine.errors import EngineError, NotFound, StoreNotFound, StoreOutdated, StoreUnreadable
from engine.files import locked, open_private
from engine.log import catch_root_log
from engine.stores import records
from engine.stores.artifacts import (
    ArtifactContent,
    Location,
    artifact_not_found,
    check_path,
    locations,
    open_file,
    too_large_to_fetch,
)
from engine.stores.base import PAGE_SIZE, RunPage, RunQuery, Stamp
from engine.stores.block import RunBlock
from engine.stores.errors import file_store_refused, store_not_found, translate, unlisted
from engine.stores.history import extremes_of, histories_of
from engine.stores.mlflow import entities
from engine.stores.mlflow.download import downloading
from engine.stores.mlflow.private import artifact_repository
from engine.stores.mlflow.revision import check_revision
from engine.stores.rest.login import DEFAULTED_VARIABLES, is_true
from engine.stores.search_text import MODELS_PER_SEARCH, logged_models_filters, search_text
from engine.stores.stages import StageSupport
from engine.uri import TrackingUri, local_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ClientStore", "import_client", "open_client", "translate"]

_QUIET = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # ERROR logs a traceback for each failed statement
}
_DEADLINES = {
    # Seconds, and no retries, because MLflow retries writes too: a create whose response got lost would be
    # executed twice.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
CREATION_SECONDS = 120
"""How long to wait while another process creates a store."""
_open_lock = threading.Lock()


def import_client(raw_uri: str) -> None:
    """Import what `open_client` needs for this store, which takes seconds. Opens nothing. Raises
    `EngineError`s."""
    with _open_lock, _importing():
        try:
            import_module("mlflow")
            if TrackingUri(raw_uri).kind == "sql":
                import_module("mlflow.store.tracking.sqlalchemy_store")
        except Exception as error:
            raise translate(error) from error


def open_client(raw_uri: str) -> MlflowClient:
    """MLflow's client for a store and its registry: silent, with short timeouts and without retries, unless
    the user's environment sets them.

    Creates a store that does not exist, or waits while another process of this account does; leaves a
    database with another schema alone. Raises `EngineError`s.
    Exceptions of the client's methods have to pass through `translate`.
    """
    with _open_lock, _importing(), ExitStack() as creating:
        try:
            import mlflow
            from mlflow import MlflowClient

            uri = TrackingUri(raw_uri)
            if not _is_complete(raw_uri):
                creating.enter_context(_creating_alone())
                with suppress(StoreNotFound):
                    check_revision(raw_uri)
            # Reads use the store's own registry, so writes must too, whatever MLFLOW_REGISTRY_URI says;
            # Databricks chooses its registry itself.
            registry = None if uri.is_databricks else uri.for_client
            if uri.folder is not None:
                # For the model of a version, MLflow's file registry opens the global tracking store.
                mlflow.set_tracking_uri(uri.folder.as_uri())
            return MlflowClient(tracking_uri=uri.for_client, registry_uri=registry)
        except Exception as error:
            raise translate(error) from error


def _is_complete(raw_uri: str) -> bool:
    """Whether a store can be used as it is; otherwise it is missing, of another schema, or being created."""
    try:
        check_revision(raw_uri)
    except (StoreNotFound, StoreUnreadable, StoreOutdated):
        return False
    return True


@contextmanager
def _creating_alone() -> Iterator[None]:
    """Keep other processes of this account from creating a store, or wait until they have: MLflow creates
    tables one after the other, and a second process would take them for those of something else."""
    with ExitStack() as held:
        with suppress(OSError):  # a `TimeoutError`, too: then the store says what is wrong
            lock = held.enter_context(open_private(paths.store_creation_lock()))
            held.enter_context(locked(lock, CREATION_SECONDS))
        yield


@contextmanager
def _importing() -> Iterator[None]:
    """Import MLflow quietly, and in two thirds of the CPU time: the garbage collector does not traverse
    what it creates, neither now nor at exit."""
    _quieten()
    if "mlflow" in sys.modules or not gc.isenabled():
        yield
        return
    atexit.register(gc.freeze)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _quieten() -> None:
    """Set the variables that MLflow reads at import."""
    ours = {name: value for name, value in (_QUIET | _DEADLINES).items() if name not in os.environ}
    if ours:
        os.environ.update(
            ours, **{DEFAULTED_VARIABLES: " ".join([os.environ.get(DEFAULTED_VARIABLES, ""), *ours])}
        )
    if "DO_NOT_TRACK" not in os.environ:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # Deprecated calls warn with their caller's module; stages and the file store are deprecated.
    warnings.filterwarnings("ignore", message=r"``mlflow\.", category=FutureWarning)


class ClientStore:
    """Any store that MLflow can open: folders, Databricks, plug-ins, SQL databases."""

    kind = "client"
    readers = 1
    page_size = PAGE_SIZE

    def __init__(self, uri: TrackingUri) -> None:
        self.uri = uri
        self.stages = StageSupport(self._latest_versions)

    def stamp(self) -> Stamp | None:
        return None

    def close(self) -> None:
        """Nothing to do: MLflow manages its connections."""

    @cached_property
    def _client(self) -> MlflowClient:
        folder = self.uri.folder
        if folder is not None:
            _check_folder(folder)
        with _open_lock, _importing():
            if folder is not None:
                from engine.stores.mlflow.file_store import reading_client

                catch_root_log()  # MLflow warns there of each folder that is no experiment, with a traceback

                return reading_client(folder)
            check_revision(self.uri.raw)  # MLflow would create a database that does not exist
        return open_client(self.uri.raw)

    @contextmanager
    def _translating(self) -> Iterator[MlflowClient]:
        try:
            yield self._client
        except Exception as error:
            raise translate(error) from error

    # ── experiments and runs ─────────────────────────────────────────────────

    def experiments(self, lifecycle: Lifecycle = "active") -> tuple[Experiment, ...]:
        with self._translating() as client:
            found = _pages(client.search_experiments, view_type=_view(lifecycle))
            return tuple(map(entities.experiment, found))

    def newest_run(self) -> tuple[str, int] | None:
        ids = [experiment.experiment_id for experiment in self.experiments()]
        with self._translating() as client:
            found = client.search_runs(ids, max_results=1) if ids else []
        newest = found[0].info if found else None
        return (newest.experiment_id, newest.start_time) if newest and newest.start_time else None

    def runs(
        self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE_SIZE
    ) -> RunPage:
        """Raises `StoreRefused` for conditions that MLflow's grammar cannot express."""
        filter_string = search_text(query.conditions)
        with self._translating() as client:
            found = client.search_runs(
                [query.experiment_id],
                filter_string,
                run_view_type=_view(query.lifecycle),
                max_results=max_results,
                order_by=["attributes.start_time ASC"] if query.oldest_first else None,
                page_token=page_token,
            )
        return RunPage(RunBlock.of(entities.run(run) for run in found), found.token or None)

    def run(self, run_id: str) -> RunDetail:
        records.check_run_id(run_id)
        with records.not_found_as(records.run_not_found(run_id)), self._translating() as client:
            run = client.get_run(run_id)
            models = _models_of(client, run)
        return RunDetail(
            entities.run(run),
            entities.datasets(run),
            tuple(entities.logged_model(model) for model in models),
        )

    def logged_model(self, model_id: str) -> LoggedModel:
        records.check_model_id(model_id)
        with (
            records.not_found_as(records.logged_model_not_found(model_id)),
            self._translating() as client,
        ):
            return entities.logged_model(client.get_logged_model(model_id))

    def logged_metrics(
        self, model_ids: Sequence[str], experiment_ids: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        from mlflow.exceptions import MlflowException

        ids, points = [*experiment_ids], []
        with self._translating() as client:
            try:
                for where in logged_models_filters(model_ids):
                    search, size = client.search_logged_models, MODELS_PER_SEARCH
                    found = _pages(search, size, experiment_ids=ids, filter_string=where)
                    points += [point for model in found for point in entities.logged_points(model)]
            except (MlflowException, NotImplementedError):  # Databricks and plug-ins
                return {}
        return records.last_values(points)

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        with self._translating() as client:
            found = client.get_metric_history(run_id, key)
        points = (MetricPoint(m.step, m.timestamp, records.metric_value(m.value)) for m in found)
        return tuple(sorted(points, key=lambda point: (point.step, point.timestamp)))

    def metric_histories(
        self, run_ids: Sequence[str], keys: Sequence[str], points: int, steps: tuple[int, int] | None = None
    ) -> tuple[MetricHistory, ...]:
        """MLflow's client reads each history completely."""
        return histories_of(self, run_ids, keys, points, steps)

    def metric_extremes(self, run_ids: Sequence[str], keys: Sequence[str]) -> tuple[MetricExtremes, ...]:
        return extremes_of(self, run_ids, keys)

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """The files of a model that the run logged are listed under the model's name too, as in MLflow."""
        records.check_run_id(run_id)
        path = check_path(path)
        name, _, rest = path.partition("/")
        with records.not_found_as(records.run_not_found(run_id)), self._translating() as client:
            run = client.get_run(run_id)
            found = [entities.artifact(info) for info in self._listed(run.info.artifact_uri, path)]
            model = (
                next((model for model in _models_of(client, run) if model.name == name), None)
                if path
                else None
            )
            if model:
                files = self._listed(model.artifact_location, rest)
                found += [entities.artifact(info, name) for info in files]
        return tuple(found)

    @contextmanager
    def open_artifact(
        self, run_id: str, path: str, *, fetch_limit: int | None = None
    ) -> Iterator[ArtifactContent]:
        """Local files are read in place; others are downloaded to a temporary folder first."""
        found, size = self._file(run_id, path := check_path(path))
        root = local_root(found.root)
        if root is not None:
            with open_file(root, found.path) as content:
                yield content
            return
        if fetch_limit is not None and size is not None and size > fetch_limit:
            raise too_large_to_fetch(path, found.root, size, fetch_limit)
        with downloading(artifact_repository(found.root, self.uri.raw), found) as pieces:
            yield ArtifactContent(size, pieces)

    def _file(self, run_id: str, path: str) -> tuple[Location, int | None]:
        """Where a file is, and its size. Raises `NotFound`."""
        folder, _, _ = path.rpartition("/")
        for location in locations(self.run(run_id), path):
            where = folder.partition("/")[2] if location.prefix else folder
            for info in self._listed(location.root, where):
                if info.path == location.path and not info.is_dir:
                    return location, info.file_size
        raise artifact_not_found(path)

    def _listed(self, location: str, path: str) -> list[Any]:
        """MLflow's infos of the files and folders directly in `path` at an artifact location."""
        try:
            return list(artifact_repository(location, self.uri.for_client).list_artifacts(path or None))
        except Exception as error:
            raise unlisted(translate(error), location) from error

    # ── the registry ─────────────────────────────────────────────────────────

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        with self._translating() as client:
            found = [
                entities.registered_model(model) for model in _pages(client.search_registered_models, 100)
            ]
        return tuple(sorted(found, key=lambda model: model.name))

    def prompt_count(self) -> int | None:
        with suppress(EngineError), self._translating() as client:  # some registries have no prompts
            found = _pages(client.search_registered_models, 100, filter_string=records.PROMPT_FILTER)
            return sum(1 for _ in found)  # the client hides the tag
        return None

    def registered_model(self, name: str) -> RegisteredModel:
        try:
            with self._translating() as client:
                model = entities.registered_model(client.get_registered_model(name))
        except NotFound as error:
            if self._is_prompt(name):
                raise records.prompt_found(name) from error
            raise records.model_not_found(name, self.registered_models()) from error
        return model

    def _is_prompt(self, name: str) -> bool:
        """Whether a name is a prompt's: MLflow finds no registered model with it."""
        with suppress(EngineError), self._translating() as client:  # some registries have no prompts
            return client.get_prompt(name) is not None
        return False

    def _latest_versions(self, name: str) -> None:
        """The latest version of each stage, a call that goes with the stages."""
        with self._translating() as client:
            client.get_latest_versions(name)

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        model = self.registered_model(name)
        with self._translating() as client:
            found = list(_pages(client.search_model_versions, 100, filter_string=records.name_filter(name)))
        versions = (entities.model_version(version, model) for version in found if version.name == name)
        return tuple(sorted(versions, key=lambda version: -version.version))


def _check_folder(folder: Path) -> None:
    """Check that this is a file store that the user allows MLflow to open. Raises `StoreError`s."""
    if folder.exists() and not folder.is_dir():
        raise StoreUnreadable("The store is not a folder", f"{folder} is a file", "Check the tracking URI.")
    if not (folder / ".trash").is_dir() and next(folder.glob("*/meta.yaml"), None) is None:
        raise store_not_found(f"{folder} contains no experiments")
    if not is_true("MLFLOW_ALLOW_FILE_STORE"):
        raise file_store_refused()


def _models_of(client: MlflowClient, run: Any) -> list[Any]:
    """The logged models whose source is the run. Databricks and plug-ins cannot search for them; there they
    come from the run's outputs."""
    from mlflow.exceptions import MlflowException

    ids, where = [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    try:
        return list(_pages(client.search_logged_models, 100, experiment_ids=ids, filter_string=where))
    except (MlflowException, NotImplementedError):
        outputs = run.outputs.model_outputs if run.outputs else ()
        return [client.get_logged_model(output.model_id) for output in outputs]


def _pages(search: Callable[..., Any], size: int = PAGE_SIZE, **arguments: Any) -> Iterator[Any]:
    """All results of an MLflow search."""
    token = None
    while True:
        page = search(max_results=size, page_token=token, **arguments)
        yield from page
        if not page.token or page.token == token:
            return
        token = page.token


def _view(lifecycle: Lifecycle) -> int:
    from mlflow.entities import ViewType

    view: int = ViewType.DELETED_ONLY if lifecycle == "deleted" else ViewType.ACTIVE_ONLY
    return view
