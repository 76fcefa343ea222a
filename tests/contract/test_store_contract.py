"""One suite for every store, on the same data (conftest.py).

The stores are compared with each other and with MLflow's own client.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.entities import Experiment, Run
from engine.errors import Cancelled, EngineError, NotFound, StoreRefused
from engine.stores.base import RunQuery, Store
from engine.stores.mlflow.client import open_client

if TYPE_CHECKING:
    from tests.conftest import MlflowStore
    from tests.contract.conftest import Open

KINDS = ("sql", "rest", "client")
"""The stores that hold the same data under the same ids."""


def pages(store: Store, experiment_id: str, size: int) -> list[tuple[Run, ...]]:
    found, token = [], None
    for _ in range(100):
        page = store.runs(RunQuery(experiment_id), page_token=token, max_results=size)
        assert page.total in (None, 27)
        found.append(tuple(page.runs))
        token = page.next_token
        if token is None:
            return found
    raise AssertionError("endless pages")


def same(left: object, right: object) -> bool:
    """Equality with NaN equal to itself."""
    return repr(left) == repr(right)


def by_key(run: Run) -> dict[str, Any]:
    """A run with its mappings in a fixed order."""
    fields = {name: getattr(run, name) for name in Run.__slots__}
    return {name: dict(sorted(v.items())) if isinstance(v, dict) else v for name, v in fields.items()}


class TestExperiments:
    def test_active_experiments_are_listed(self, store: Store, held: MlflowStore) -> None:
        found = {experiment.name: experiment for experiment in store.experiments()}
        assert set(found) == {"Default", "heart", "empty"}
        heart = found["heart"]
        assert heart.experiment_id == held.heart
        assert heart.tags == {"owner": "ada", "mlflow.note.content": "Two\nlines"}
        assert heart.lifecycle_stage == "active"
        assert heart.creation_time is not None
        assert heart.artifact_location.endswith(f"/mlruns/{heart.experiment_id}")
        assert found["empty"].tags == {"team": "β"}

    def test_deleted_experiments_are_listed_on_request(self, store: Store, held: MlflowStore) -> None:
        (gone,) = store.experiments("deleted")
        assert (gone.name, gone.experiment_id) == ("gone", held.experiments["gone"])
        assert gone.lifecycle_stage == "deleted"
        (lost,) = store.runs(RunQuery(gone.experiment_id, lifecycle="deleted")).runs
        assert lost.run_name == "lost"

    def test_all_stores_agree(self, opened: Open) -> None:
        def results(kind: str) -> list[Experiment]:
            found = sorted(opened(kind).experiments(), key=lambda experiment: experiment.name)
            return [replace(experiment, run_count=None, last_run_time=None) for experiment in found]

        assert results("sql") == results("rest") == results("client")

    def test_a_sql_store_counts_the_runs(self, opened: Open) -> None:
        found = {experiment.name: experiment for experiment in opened("sql").experiments()}
        assert (found["heart"].run_count, found["heart"].last_run_time) == (27, 1_760_001_860_000)
        assert (found["empty"].run_count, found["empty"].last_run_time) == (0, None)
        (gone,) = opened("sql").experiments("deleted")
        assert gone.run_count == 1

    def test_the_newest_run_is_found(self, store: Store, held: MlflowStore) -> None:
        assert store.newest_run() == (held.heart, 1_760_001_860_000)


class TestRuns:
    def test_one_page_holds_all_runs(self, store: Store, held: MlflowStore) -> None:
        page = store.runs(RunQuery(held.heart))
        assert len(page.runs) == 27
        assert page.next_token is None
        assert page.total == (27 if store.kind == "sql" else None)
        assert "deleted" not in {run.run_name for run in page.runs}

    @pytest.mark.parametrize("size", [1, 4, 10, 26, 27, 1000])
    def test_pages_hold_every_run_once_newest_first(self, store: Store, held: MlflowStore, size: int) -> None:
        if store.kind != "sql" and size == 1:
            size = 2  # 27 pages from a server take too long
        runs = [run for page in pages(store, held.heart, size) for run in page]
        assert len(runs) == len({run.run_id for run in runs}) == 27
        order = [(-(run.start_time or 0), run.run_id) for run in runs]
        assert order == sorted(order)

    def test_runs_with_the_same_start_time_are_sorted_by_id(self, store: Store, held: MlflowStore) -> None:
        ids = [run.run_id for page in pages(store, held.heart, 5) for run in page]
        tied = sorted((held.runs["trial-03"], held.runs["trial-04"]))
        first = ids.index(tied[0])
        assert ids[first : first + 2] == tied

    def test_a_run_is_read_as_it_was_logged(self, store: Store, held: MlflowStore) -> None:
        runs = {run.run_name: run for run in store.runs(RunQuery(held.heart)).runs}
        trial = runs["trial-10"]
        assert trial.run_id == held.runs["trial-10"]
        assert trial.experiment_id == held.heart
        assert trial.params == {"n_neighbors": "3", "weights": "uniform", "metric": "euclidean"}
        assert trial.metrics == pytest.approx({"accuracy": 0.8, "cv_mean": 0.768125, "training_time": 0.1})
        assert trial.tags["python_version"] == "3.11"
        assert trial.parent_run_id == held.runs["sweep"]
        assert (trial.start_time, trial.duration) == (1_760_000_660_000, 1.5)
        assert (trial.user_id, trial.lifecycle_stage, trial.status) == ("ada", "active", "FINISHED")
        assert trial.artifact_uri.endswith(f"/{trial.run_id}/artifacts")
        assert runs["trial-05"].status == "FAILED"
        assert runs["trial-06"].status == "KILLED"
        assert runs["trial-07"].metrics == {}
        running = runs["running"]
        assert (running.status, running.end_time, running.duration) == ("RUNNING", None, None)

    def test_nan_and_infinities_are_floats(self, store: Store, held: MlflowStore) -> None:
        runs = {run.run_name: run for run in store.runs(RunQuery(held.heart)).runs}
        metrics = runs["special"].metrics
        assert math.isnan(metrics["nan"])
        assert (metrics["up"], metrics["down"]) == (math.inf, -math.inf)
        assert metrics["tiny"] == 1e-300
        assert runs["special"].params == {"empty": "", "text": "naïve – 实验"}

    def test_every_store_agrees_with_mlflow(self, opened: Open, mlflow_store: MlflowStore) -> None:
        query = RunQuery(mlflow_store.heart)
        results = [[by_key(run) for run in opened(kind).runs(query).runs] for kind in KINDS]
        assert same(results[0], results[1])
        assert same(results[0], results[2])
        theirs = open_client(mlflow_store.uri).search_runs([mlflow_store.heart], max_results=1000)
        for ours, found in zip(opened("sql").runs(RunQuery(mlflow_store.heart)).runs, theirs, strict=True):
            assert ours.run_id == found.info.run_id
            assert ours.params == found.data.params
            assert ours.tags == found.data.tags
            assert ours.metrics.keys() == found.data.metrics.keys()
            assert ours.duration == (
                found.info.end_time and (found.info.end_time - found.info.start_time) / 1000
            )

    def test_an_empty_experiment_has_no_runs(self, store: Store, held: MlflowStore) -> None:
        for experiment_id in (held.experiments["empty"], "987654"):
            page = store.runs(RunQuery(experiment_id))
            assert (len(page.runs), page.next_token) == (0, None)


class TestRun:
    def test_a_run_has_its_datasets_and_models(self, store: Store, held: MlflowStore) -> None:
        detail = store.run(held.runs["special"])
        assert detail.run.run_name == "special"
        assert [(data.name, data.digest, data.context, data.source) for data in detail.datasets] == [
            ("heart.csv", "5c1f2a", "training", '{"uri": "heart.csv"}'),
            ("held-out.csv", "5c1f2a", "validation", '{"uri": "held-out.csv"}'),
        ]
        (model,) = detail.models
        assert (model.model_id, model.name, model.status) == (held.model_id, "model", "READY")
        assert model.artifact_location.endswith(f"{held.model_id}/artifacts")

    def test_all_stores_agree(self, opened: Open, mlflow_store: MlflowStore) -> None:
        for name in ("special", "running", "sweep"):
            found = [opened(kind).run(mlflow_store.runs[name]) for kind in KINDS]
            assert same(by_key(found[0].run), by_key(found[1].run))
            assert same(by_key(found[0].run), by_key(found[2].run))
            assert found[0].datasets == found[1].datasets == found[2].datasets
            assert found[0].models == found[1].models == found[2].models

    def test_a_deleted_run_is_read(self, store: Store, held: MlflowStore) -> None:
        detail = store.run(held.runs["deleted"])
        assert (detail.run.lifecycle_stage, detail.run.metrics) == ("deleted", {"accuracy": 0.99})

    @pytest.mark.parametrize("run_id", ["f" * 32, "nonsense", "../../etc/passwd", "", "a b", "'", "é" * 300])
    def test_an_unknown_run_is_not_found(self, store: Store, run_id: str) -> None:
        with pytest.raises(NotFound, match=r"Run .* not found"):
            store.run(run_id)

    def test_a_history_is_sorted_by_step(self, store: Store, held: MlflowStore) -> None:
        points = store.metric_history(held.runs["special"], "loss")
        assert [(point.step, point.timestamp - 1_760_001_860_000) for point in points] == [
            (0, 0),
            (1, 1),
            (1, 3),
            (2, 2),
            (3, 4),
            (4, 5),
        ]
        values = [point.value for point in points]
        assert same(values, [1.0, 0.5, 0.55, math.nan, math.inf, 0.25])

    def test_histories_are_read_together(self, store: Store, held: MlflowStore) -> None:
        special, trial = held.runs["special"], held.runs["trial-10"]
        found = store.metric_histories([trial, "f" * 32, special], ["loss", "accuracy", "unknown"], 100)
        assert [(history.run_id, history.key) for history in found] == [
            (trial, "accuracy"),
            (special, "loss"),
        ]
        accuracy, loss = found
        assert (list(accuracy.steps), list(accuracy.values)) == ([0], [pytest.approx(0.8)])
        points = store.metric_history(special, "loss")
        assert [*loss.steps] == [point.step for point in points]
        assert [*loss.times] == [point.timestamp for point in points]
        assert same([*loss.values], [point.value for point in points])
        assert (loss.count, loss.nans, loss.is_complete) == (6, 1, True)

    def test_a_long_history_keeps_its_extremes_and_marks(self, store: Store, held: MlflowStore) -> None:
        (loss,) = store.metric_histories([held.runs["special"]], ["loss"], 4)
        assert [*loss.steps] == [0, 1, 2, 3, 4]
        assert same([*loss.values], [1.0, 0.5, math.nan, math.inf, 0.25])
        assert (loss.count, loss.is_complete) == (6, False)

    def test_a_range_of_steps_includes_both_ends(self, store: Store, held: MlflowStore) -> None:
        (loss,) = store.metric_histories([held.runs["special"]], ["loss"], 100, (1, 3))
        assert ([*loss.steps], loss.count) == ([1, 1, 2, 3], 4)
        assert store.metric_histories([held.runs["special"]], ["loss"], 100, (8, 9)) == ()

    def test_the_extremes_of_histories_leave_out_single_points(self, store: Store, held: MlflowStore) -> None:
        ids = [held.runs["special"], held.runs["trial-00"], "f" * 32]
        logged = [p.value for p in store.metric_history(held.runs["special"], "loss")]
        finite = [value for value in logged if math.isfinite(value)]
        found = store.metric_extremes(ids, ["loss", "accuracy", "unknown"])
        assert [(e.run_id, e.key, e.low, e.high) for e in found] == [
            (ids[0], "loss", min(finite), max(finite))
        ]
        assert store.metric_extremes([], ["loss"]) == ()

    def test_an_unknown_metric_has_no_history(self, store: Store, held: MlflowStore) -> None:
        assert store.metric_history(held.runs["special"], "unknown") == ()


class TestArtifacts:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("", [("notes.txt", 9), ("plots", None)]),
            ("plots", [("plots/deep", None), ("plots/roc.txt", 13)]),
            ("plots/", [("plots/deep", None), ("plots/roc.txt", 13)]),
            ("plots/deep", [("plots/deep/points.json", 22)]),
            ("notes.txt", []),
            ("missing", []),
        ],
    )
    def test_a_folder_is_listed(
        self, store: Store, held: MlflowStore, path: str, expected: Sequence[tuple[str, int | None]]
    ) -> None:
        found = store.artifacts(held.runs["special"], path)
        assert [(artifact.path, artifact.size) for artifact in found] == expected
        assert all(artifact.is_dir == (artifact.size is None) for artifact in found)

    def test_the_files_of_a_logged_model_are_listed_under_its_name(
        self, opened: Open, mlflow_store: MlflowStore
    ) -> None:
        run_id = mlflow_store.runs["special"]
        found = [opened(kind).artifacts(run_id, "model") for kind in KINDS]
        assert found[0] == found[1] == found[2]
        assert "model/MLmodel" in {artifact.path for artifact in found[0]}

    def test_a_run_without_artifacts_has_none(self, store: Store, held: MlflowStore) -> None:
        assert store.artifacts(held.runs["running"]) == ()

    @pytest.mark.parametrize("path", ["..", "../..", "/etc", "plots/../../..", "plots\\..\\.."])
    def test_paths_that_lead_out_of_the_run_are_refused(
        self, store: Store, held: MlflowStore, path: str
    ) -> None:
        with pytest.raises(StoreRefused):
            store.artifacts(held.runs["special"], path)

    def test_the_artifacts_of_an_unknown_run_are_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound, match="Run f"):
            store.artifacts("f" * 32)


class TestRegistry:
    def test_registered_models_are_listed_by_name(self, store: Store) -> None:
        models = {model.name: model for model in store.registered_models()}
        assert list(models) == ["classifier", 'it\'s "quoted"', "unused"]
        classifier = models["classifier"]
        assert classifier.aliases == {"champion": 2, "challenger": 3, "fresh": 3}
        assert (classifier.description, classifier.tags) == ("Heart disease", {"task": "classification"})
        if store.kind == "sql":
            assert [model.version_count for model in models.values()] == [3, 1, 0]

    def test_a_logged_model_names_its_run_and_experiment(self, store: Store, held: MlflowStore) -> None:
        found = store.logged_model(held.model_id)
        assert (found,) == store.run(held.runs["special"]).models
        assert (found.run_id, found.experiment_id) == (held.runs["special"], held.heart)
        for unknown in ("m-" + "0" * 32, "../m", ""):
            with pytest.raises(NotFound, match=r"Logged model .* not found"):
                store.logged_model(unknown)

    def test_the_registry_has_stages(self, store: Store) -> None:
        assert store.stages.problem("classifier") is None

    def test_model_versions_are_listed_newest_first(self, store: Store, held: MlflowStore) -> None:
        versions = store.model_versions("classifier")
        assert [(version.version, version.stage, version.aliases) for version in versions] == [
            (3, "None", ("challenger", "fresh")),
            (2, "Production", ("champion",)),
            (1, "Archived", ()),
        ]
        assert versions[1].run_id == held.runs["trial-10"]
        assert versions[1].tags == {"accuracy": "0.2"}
        assert (versions[1].description, versions[1].status) == ("From trial-10", "READY")
        assert versions[2].source == f"models:/{held.model_id}"
        assert store.model_versions("unused") == ()
        assert [version.version for version in store.model_versions('it\'s "quoted"')] == [1]

    def test_all_stores_agree(self, opened: Open) -> None:
        stores = [opened(kind) for kind in KINDS]
        for name in ("classifier", 'it\'s "quoted"'):
            found = [store.model_versions(name) for store in stores]
            assert found[0] == found[1] == found[2]
        models = [[replace(m, version_count=None) for m in store.registered_models()] for store in stores]
        assert models[0] == models[1] == models[2]

    @pytest.mark.parametrize("name", ["nothing", "", "'", "a' OR name LIKE '%"])
    def test_an_unknown_model_is_not_found(self, store: Store, name: str) -> None:
        for read in (store.registered_model, store.model_versions):
            with pytest.raises((NotFound, StoreRefused)) as caught:
                read(name)
            assert not name or caught.value.title == f"Registered model {name!r} not found"

    def test_a_missing_model_is_told_from_a_prompt_and_from_a_typo(self, store: Store) -> None:
        with pytest.raises(NotFound, match="'greeting' is a prompt, not a registered model"):
            store.registered_model("greeting")
        with pytest.raises(NotFound) as caught:
            store.model_versions("clasifier")
        assert caught.value.hint == "Did you mean 'classifier'?"

    def test_one_model_is_read_with_its_aliases(self, store: Store) -> None:
        model = store.registered_model("classifier")
        assert (model.name, model.aliases) == ("classifier", {"champion": 2, "challenger": 3, "fresh": 3})


class TestThreads:
    def test_many_threads_read_the_same(self, store: Store, held: MlflowStore) -> None:
        results: list[object] = []

        def read() -> None:
            found = store.runs(RunQuery(held.heart)).runs
            results.append(([run.run_id for run in found], store.model_versions("classifier")))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(results) == 8
        assert all(result == results[0] for result in results)

    @pytest.mark.parametrize("kind", ["sql", "rest", "postgresql", "mysql"])
    def test_a_closed_store_refuses_to_read(self, opened: Open, kind: str) -> None:
        store = opened(kind)
        assert store.experiments()
        store.close()
        with pytest.raises(Cancelled):
            store.experiments()
        store.close()

    @pytest.mark.parametrize(
        ("path", "begins", "size"),
        [
            ("notes.txt", b"", 9),
            ("plots/deep/points.json", b"", 22),
            ("model/MLmodel", b"artifact_path", None),
        ],
    )
    def test_a_file_is_read(
        self, opened: Open, mlflow_store: MlflowStore, path: str, begins: bytes, size: int | None
    ) -> None:
        read = []
        for kind in KINDS:
            with opened(kind).open_artifact(mlflow_store.runs["special"], path) as content:
                read.append(b"".join(content.pieces))
                assert content.size == len(read[-1])
        assert read[0] == read[1] == read[2]
        assert read[0].startswith(begins)
        assert size in (None, len(read[0]))

    @pytest.mark.parametrize("path", ["missing.txt", "plots/none", "model/none", "none/MLmodel"])
    def test_a_missing_file_is_not_found(self, store: Store, held: MlflowStore, path: str) -> None:
        with pytest.raises(NotFound), store.open_artifact(held.runs["special"], path) as content:
            list(content.pieces)

    def test_a_folder_is_not_read(self, store: Store, held: MlflowStore) -> None:
        with pytest.raises(EngineError), store.open_artifact(held.runs["special"], "plots") as content:
            list(content.pieces)
