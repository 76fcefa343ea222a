"""Reads an MLflow server over its REST API, without mlflow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlsplit

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
    Run,
    RunDetail,
)
from engine.errors import NotFound, StoreRefused
from engine.stores import errors, records
from engine.stores.artifacts import ArtifactContent, Location, artifact_not_found, check_path, locations
from engine.stores.base import PAGE_SIZE, Condition, RunPage, RunQuery, Stamp
from engine.stores.history import HistoryBuilder, extremes_of, histories_of
from engine.stores.rest import messages
from engine.stores.rest.messages import Json, RunMessages
from engine.stores.rest.transport import Transport
from engine.stores.search_text import MODELS_PER_SEARCH, logged_models_filters, search_text
from engine.stores.stages import StageSupport
from engine.text import Shown
from engine.uri import TrackingUri

READERS = 4
"""MLflow's server runs four workers by default."""
_HISTORY_PAGE = 25_000
_FEWEST_POINTS, _SAMPLED_POINTS = 320, 2_500
"""Points per run to ask a server for: at least as many as MLflow's own charts, at most what it allows."""
_SAMPLED_RUNS = 5
"""Runs per request for samples: MLflow takes 100, but reads them one by one, and each must arrive in time."""
_IDS_PER_REQUEST = 1000
_VIEWS = {"active": "ACTIVE_ONLY", "deleted": "DELETED_ONLY"}
MAX_EMPTY_PAGES = 100
"""A server that filters what it has read may return some empty pages; more come from a faulty server."""
_OLDEST_FIRST = ["attributes.start_time ASC"]

Send = Callable[[str, Mapping[str, object]], dict[str, Any]]


class RestStore:
    """An `http(s)://` store."""

    kind = "rest"
    readers = READERS
    page_size = PAGE_SIZE

    def __init__(
        self,
        uri: TrackingUri,
        on_wait: Callable[[Shown], object] = lambda _: None,
        seconds: float | None = None,
    ) -> None:
        """`on_wait`, `seconds`: see `Transport`."""
        self.uri = uri
        self._transport = Transport(uri, on_wait, seconds)
        self.stages = StageSupport(self._latest_versions)

    def stamp(self) -> Stamp | None:
        return None

    def close(self) -> None:
        self._transport.close()

    @contextmanager
    def _server(self) -> Iterator[Transport]:
        """Translate errors in reading a response: without MLflow's fields, it comes from another program."""
        try:
            yield self._transport
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else "invalid fields"
            raise errors.not_mlflow(self.uri.shown, f"Unexpected response: {reason}") from error

    def _all(self, send: Send, path: str, field: str, parameters: Mapping[str, object]) -> Iterator[Json]:
        """The objects in `field` of all pages of a search."""
        token: str | None = None
        empty = 0
        while True:
            page = send(path, {**parameters, "page_token": token})
            found = page.get(field) or ()
            yield from found
            empty = 0 if found else empty + 1
            next_token = page.get("next_page_token")
            if not next_token:
                return
            if next_token == token:
                raise errors.not_mlflow(self.uri.shown, f"{path} returned the same page token twice")
            if empty == MAX_EMPTY_PAGES:
                raise errors.not_mlflow(self.uri.shown, f"{path} returned {empty} empty pages in a row")
            token = next_token

    # ── experiments and runs ─────────────────────────────────────────────────

    def experiments(self, lifecycle: Lifecycle = "active") -> tuple[Experiment, ...]:
        parameters = {"max_results": PAGE_SIZE, "view_type": _VIEWS[lifecycle]}
        with self._server() as server:
            found = self._all(server.post, "experiments/search", "experiments", parameters)
            return tuple(messages.experiment(experiment) for experiment in found)

    def newest_run(self) -> tuple[str, int] | None:
        ids = [experiment.experiment_id for experiment in self.experiments()]
        newest: list[tuple[int, str]] = []
        with self._server() as server:
            for start in range(0, len(ids), _IDS_PER_REQUEST):
                some = ids[start : start + _IDS_PER_REQUEST]
                found = server.post("runs/search", {"experiment_ids": some, "max_results": 1}).get("runs")
                runs = [messages.run(run) for run in found or ()]
                newest += [(run.start_time, run.experiment_id) for run in runs if run.start_time is not None]
        latest = max(newest, default=None)
        return (latest[1], latest[0]) if latest else None

    def runs(
        self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE_SIZE
    ) -> RunPage:
        """Raises `StoreRefused` for conditions that MLflow's grammar cannot express."""
        parameters = {
            "experiment_ids": [query.experiment_id],
            "filter": search_text(query.conditions),
            "run_view_type": _VIEWS[query.lifecycle],
            "order_by": _OLDEST_FIRST if query.oldest_first else None,
            "max_results": max_results,
            "page_token": page_token,
        }
        with self._server() as server:
            runs = RunMessages()
            page = server.post_each("runs/search", parameters, "runs", runs.add)
            return RunPage(runs.block(), page.get("next_page_token") or None)

    def run(self, run_id: str) -> RunDetail:
        records.check_run_id(run_id)
        with records.not_found_as(records.run_not_found(run_id)), self._server() as server:
            found = _run(server, run_id)
            run = messages.run(found)
            return RunDetail(run, messages.datasets(found), self._models(server, run))

    def _models(self, server: Transport, run: Run) -> tuple[LoggedModel, ...]:
        """The logged models whose source is the run. Servers before MLflow 3 do not have the endpoint."""
        parameters = {
            "experiment_ids": [run.experiment_id],
            "filter": f"source_run_id = '{run.run_id}'",
            "max_results": 100,
        }
        try:
            found = list(self._all(server.post, "logged-models/search", "models", parameters))
        except errors.NoEndpoint:
            return ()
        return tuple(map(messages.logged_model, found))

    def logged_model(self, model_id: str) -> LoggedModel:
        records.check_model_id(model_id)
        missing = records.logged_model_not_found(model_id)
        with records.not_found_as(missing), self._server() as server:
            try:
                found = server.get(f"logged-models/{model_id}", {})
            except errors.NoEndpoint as error:
                raise missing from error
            return messages.logged_model(messages.required(found, "model"))

    def logged_metrics(
        self, model_ids: Sequence[str], experiment_ids: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        points: list[records.LoggedPoint] = []
        try:
            with self._server() as server:
                for where in logged_models_filters(model_ids):
                    parameters = {
                        "experiment_ids": [*experiment_ids],
                        "filter": where,
                        "max_results": MODELS_PER_SEARCH,
                    }
                    found = self._all(server.post, "logged-models/search", "models", parameters)
                    points += [point for model in found for point in messages.logged_points(model)]
        except (errors.NoEndpoint, StoreRefused):  # before MLflow 3, or a server that knows no IN
            return {}
        return records.last_values(points)

    def metric_history(self, run_id: str, key: str) -> tuple[MetricPoint, ...]:
        parameters = {"run_id": run_id, "metric_key": key, "max_results": _HISTORY_PAGE}
        with self._server() as server:
            found = self._all(server.get, "metrics/get-history", "metrics", parameters)
            return tuple(
                sorted(map(messages.metric_point, found), key=lambda point: (point.step, point.timestamp))
            )

    def metric_histories(
        self, run_ids: Sequence[str], keys: Sequence[str], points: int, steps: tuple[int, int] | None = None
    ) -> tuple[MetricHistory, ...]:
        """Servers before MLflow 2.10 cannot sample histories: there they are read completely."""
        found: dict[tuple[str, str], MetricHistory] = {}
        try:
            for key in keys:
                for start in range(0, len(run_ids), _SAMPLED_RUNS):
                    some = run_ids[start : start + _SAMPLED_RUNS]
                    found |= {(h.run_id, h.key): h for h in self._sampled(some, key, points, steps)}
        except errors.NoEndpoint:
            return histories_of(self, run_ids, keys, points, steps)
        wanted = dict.fromkeys((run_id, key) for run_id in run_ids for key in keys)
        return tuple(found[name] for name in wanted if name in found)

    def metric_extremes(self, run_ids: Sequence[str], keys: Sequence[str]) -> tuple[MetricExtremes, ...]:
        """Histories are read only of metrics whose last step is not 0: for the others, usually all, a request
        each would be slow. So values that were all logged without a step are taken for one."""
        stepped = self._stepped_metrics(run_ids)
        with_steps = set().union(*stepped.values())
        runs = [run_id for run_id in run_ids if stepped[run_id]]
        return extremes_of(self, runs, [key for key in keys if key in with_steps])

    def _stepped_metrics(self, run_ids: Sequence[str]) -> dict[str, set[str]]:
        """The metrics of each run whose last step is not 0."""
        found: dict[str, set[str]] = {}
        with self._server() as server:
            for run_id in run_ids:
                if run_id in found:
                    continue
                found[run_id] = set()
                with suppress(NotFound):
                    first = _run(server, run_id)
                    found[run_id] = messages.stepped_metrics(first)
                    rest = tuple(other for other in run_ids if other not in found)
                    if len(rest) > 1:
                        found |= self._stepped_in(server, first["info"]["experiment_id"], rest)
        return found

    def _stepped_in(
        self, server: Transport, experiment_id: str, run_ids: tuple[str, ...]
    ) -> dict[str, set[str]]:
        """The same for the active runs of an experiment, in one request."""
        condition = Condition("attribute", "run_id", "IN", run_ids)
        parameters = {
            "experiment_ids": [experiment_id],
            "filter": search_text((condition,)),
            "max_results": len(run_ids),
        }
        found = self._all(server.post, "runs/search", "runs", parameters)
        return {run["info"]["run_id"]: messages.stepped_metrics(run) for run in found}

    def _sampled(
        self, run_ids: Sequence[str], key: str, points: int, steps: tuple[int, int] | None
    ) -> list[MetricHistory]:
        """Histories that the server samples evenly, so that a short peak may be missing."""
        most = min(max(points, _FEWEST_POINTS), _SAMPLED_POINTS)
        parameters = {"run_ids": list(run_ids), "metric_key": key, "max_results": most}
        if steps:
            parameters |= {"start_step": steps[0], "end_step": steps[1]}
        by_run = defaultdict[str, list[MetricPoint]](list)
        try:
            with self._server() as server:
                for point in server.get("metrics/get-history-bulk-interval", parameters).get("metrics") or ():
                    by_run[messages.required(point, "run_id")].append(messages.metric_point(point))
        except NotFound:  # one of the runs was deleted meanwhile
            if len(run_ids) == 1:
                return []
            return [history for run_id in run_ids for history in self._sampled([run_id], key, points, steps)]
        builders = []
        for run_id, sampled in by_run.items():
            builders.append((HistoryBuilder(run_id, key, points), len(sampled) >= most))
            builders[-1][0].add_points(sampled)
        histories = (builder.build(is_sampled=is_sampled) for builder, is_sampled in builders)
        return [history for history in histories if history is not None]

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """The files of a model that the run logged are listed under the model's name too, as in MLflow."""
        records.check_run_id(run_id)
        path = check_path(path)
        name, _, rest = path.partition("/")
        with records.not_found_as(records.run_not_found(run_id)), self._server() as server:
            parameters = {"run_id": run_id, "path": path}
            found = [
                messages.artifact(file)
                for file in self._all(server.get, "artifacts/list", "files", parameters)
            ]
            models = self._models(server, messages.run(_run(server, run_id))) if path else ()
            model = next((model for model in models if model.name == name), None)
            if model:
                where = f"logged-models/{quote(model.model_id, safe='')}/artifacts/directories"
                files = self._all(server.get, where, "files", {"artifact_directory_path": rest})
                found += [messages.artifact(file, name) for file in files]
            return tuple(found)

    @contextmanager
    def open_artifact(
        self, run_id: str, path: str, *, fetch_limit: int | None = None
    ) -> Iterator[ArtifactContent]:
        """The server sends files of any storage that it can read."""
        path = check_path(path)
        found = self._location(run_id, path)
        where, query = _address(run_id, found)
        with self._server() as server:
            try:
                with server.stream(where, query) as content:
                    yield content
            except NotFound as error:
                raise artifact_not_found(path) from error

    def _location(self, run_id: str, path: str) -> Location:
        """Where a file is, among a run's artifacts and those of its logged models."""
        *others, last = locations(self.run(run_id), path)
        if not others:
            return last
        with self._server() as server:
            files = self._model_files(server, last, last.path.rpartition("/")[0])
            return last if any(file.path == last.path for file in files) else others[0]

    def _model_files(self, server: Transport, model: Location, folder: str) -> Iterator[Artifact]:
        where = f"logged-models/{quote(model.model_id, safe='')}/artifacts/directories"
        files = self._all(server.get, where, "files", {"artifact_directory_path": folder})
        return map(messages.artifact, files)

    # ── the registry ─────────────────────────────────────────────────────────

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        with self._server() as server:
            found = self._all(
                server.get, "registered-models/search", "registered_models", {"max_results": PAGE_SIZE}
            )
            models = (messages.registered_model(model) for model in found)
            return tuple(sorted(models, key=lambda model: model.name))

    def prompt_count(self) -> int | None:
        parameters = {"filter": records.PROMPT_FILTER, "max_results": PAGE_SIZE}
        with self._server() as server:
            try:
                found = self._all(server.get, "registered-models/search", "registered_models", parameters)
                return sum(records.is_prompt(messages.registered_model(model).tags) for model in found)
            except StoreRefused:  # some registries have no prompts
                return None

    def registered_model(self, name: str) -> RegisteredModel:
        with self._server() as server:
            try:
                found = server.get("registered-models/get", {"name": name})
            except NotFound as error:
                raise records.model_not_found(name, self.registered_models()) from error
            model = messages.registered_model(messages.required(found, "registered_model"))
        if records.is_prompt(model.tags):
            raise records.prompt_found(name)
        return model

    def _latest_versions(self, name: str) -> None:
        """The latest version of each stage, an endpoint that goes with the stages."""
        with self._server() as server:
            server.get("registered-models/get-latest-versions", {"name": name})

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        parameters = {"filter": records.name_filter(name), "max_results": PAGE_SIZE}
        model = self.registered_model(name)
        with self._server() as server:
            found = self._all(server.get, "model-versions/search", "model_versions", parameters)
            versions = [
                messages.model_version(version, model) for version in found if version.get("name") == name
            ]
            return tuple(sorted(versions, key=lambda version: -version.version))


def _run(server: Transport, run_id: str) -> Json:
    found: Json = messages.required(server.get("runs/get", {"run_id": run_id}), "run")
    return found


def _address(run_id: str, found: Location) -> tuple[str, dict[str, str]]:
    """The path and the query of a file on the server. What its clients also read through it has an address of
    the API; other storage is read as by the web UI."""
    root = urlsplit(found.root)
    if root.scheme == "mlflow-artifacts" and not root.netloc:
        path = f"{root.path.strip('/')}/{found.path}"
        return f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}", {}
    if found.model_id:
        where = f"/ajax-api/2.0/mlflow/logged-models/{quote(found.model_id, safe='')}/artifacts/files"
        return where, {"artifact_file_path": found.path}
    return "/get-artifact", {"run_id": run_id, "run_uuid": run_id, "path": found.path}
