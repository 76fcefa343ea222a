"""Run queries find the same runs in every store as MLflow's own search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from engine.entities import DatasetRef, Run
from engine.stores.base import Condition, ConditionOperator, RunQuery, Store
from engine.stores.mlflow.client import open_client
from engine.stores.search_text import is_expressible, search_text
from tests.support.mlflow_store import MINUTE, START

if TYPE_CHECKING:
    from tests.conftest import MlflowStore

Search = Callable[[str, Sequence[str]], list[str]]

ORDER: tuple[ConditionOperator, ...] = ("=", "!=", "<", "<=", ">", ">=")

CONDITIONS = [
    *(Condition("metric", "accuracy", operator, 0.75) for operator in ORDER),
    *(Condition("metric", "nan", operator, 0.0) for operator in ORDER),
    *(Condition("metric", name, operator, 0) for name in ("up", "down") for operator in ("<", ">", "!=")),
    Condition("metric", "tiny", "<=", 1e-300),
    Condition("metric", "Accuracy", ">", 0),
    Condition("metric", "training_time", ">", -1e22),
    Condition("param", "weights", "=", "uniform"),
    Condition("param", "weights", "!=", "uniform"),
    Condition("param", "weights", "LIKE", "uni%"),
    Condition("param", "weights", "LIKE", "UNI%"),
    Condition("param", "weights", "ILIKE", "_NI%"),
    Condition("param", "weights", "IS NULL"),
    Condition("param", "weights", "IS NOT NULL"),
    Condition("param", "unknown", "IS NULL"),
    Condition("param", "unknown", "!=", "x"),
    Condition("param", "empty", "=", ""),
    Condition("param", "text", "=", "naïve – 实验"),
    Condition("param", "text", "LIKE", "%–%"),
    Condition("tag", "sweep", "=", "knn"),
    Condition("tag", "python_version", "!=", "3.10"),
    Condition("tag", "python_version", "LIKE", "3.%"),
    Condition("tag", "mlflow.user", "ILIKE", "ADA"),
    Condition("tag", "mlflow.parentRunId", "IS NULL"),
    Condition("tag", "mlflow.parentRunId", "IS NOT NULL"),
    Condition("attribute", "run_name", "=", "special"),
    Condition("attribute", "run_name", "!=", "special"),
    Condition("attribute", "run_name", "LIKE", "trial-1%"),
    Condition("attribute", "run_name", "ILIKE", "TRIAL-_3"),
    Condition("attribute", "status", "=", "FAILED"),
    Condition("attribute", "status", "!=", "FINISHED"),
    Condition("attribute", "status", "LIKE", "%I%ED"),
    Condition("attribute", "user_id", "=", "ada"),
    Condition("attribute", "user_id", "!=", "ada"),
    Condition("attribute", "artifact_uri", "LIKE", "%/artifacts"),
    *(Condition("attribute", "start_time", operator, START + 5 * MINUTE) for operator in ORDER),
    *(Condition("attribute", "end_time", operator, START + 5 * MINUTE + 1500) for operator in ORDER),
    Condition("attribute", "start_time", ">", START + 0.5),
    Condition("dataset", "name", "=", "heart.csv"),
    Condition("dataset", "name", "!=", "heart.csv"),
    Condition("dataset", "name", "LIKE", "%.csv"),
    Condition("dataset", "name", "ILIKE", "HEART%"),
    Condition("dataset", "name", "IN", ("heart.csv", "other.csv")),
    Condition("dataset", "name", "NOT IN", ("heart.csv", "held-out.csv")),
    Condition("dataset", "digest", "=", "5c1f2a"),
    Condition("dataset", "digest", "NOT IN", ("nothing",)),
    Condition("dataset", "context", "=", "training"),
    Condition("dataset", "context", "!=", "training"),
    Condition("dataset", "context", "IN", ("validation", "test")),
]

COMBINATIONS = [
    (),
    (Condition("metric", "accuracy", ">", 0.72), Condition("metric", "accuracy", "<=", 0.9)),
    (Condition("param", "weights", "=", "uniform"), Condition("metric", "cv_mean", ">", 0.75)),
    (
        Condition("tag", "mlflow.parentRunId", "IS NOT NULL"),
        Condition("attribute", "status", "!=", "FINISHED"),
    ),
    (Condition("dataset", "name", "=", "heart.csv"), Condition("dataset", "context", "=", "validation")),
    (Condition("dataset", "name", "LIKE", "h%"), Condition("metric", "nan", "!=", 3)),
    (Condition("param", "unknown", "IS NULL"), Condition("attribute", "run_name", "LIKE", "%-0_")),
]


class Searches:
    """MLflow's own searches, each made once for each database."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self._found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}

    def run_ids(self, held: MlflowStore, filter_string: str, order_by: Sequence[str]) -> list[str]:
        """The ids of the active runs that MLflow finds."""
        search = (held.uri, filter_string, tuple(order_by))
        if search not in self._found:
            if held.uri not in self._clients:
                self._clients[held.uri] = open_client(held.uri)
            runs = self._clients[held.uri].search_runs([held.heart], filter_string, order_by=list(order_by))
            self._found[search] = [run.info.run_id for run in runs]
        return self._found[search]


@pytest.fixture(scope="module")
def searches() -> Searches:
    return Searches()


@pytest.fixture
def search(held: MlflowStore, searches: Searches) -> Search:
    """The ids of the active runs that MLflow itself finds for a filter and an order."""
    return partial(searches.run_ids, held)


def found(store: Store, query: RunQuery, size: int = 1000) -> list[Run]:
    """The runs of all pages."""
    runs: list[Run] = []
    token = None
    for _ in range(50):
        page = store.runs(query, page_token=token, max_results=size)
        assert len(page.runs) <= size
        runs += page.runs
        token = page.next_token
        if token is None:
            assert page.total in (None, len(runs))
            return runs
    raise AssertionError("endless pages")


def ids(runs: Sequence[Run]) -> list[str]:
    return [run.run_id for run in runs]


@pytest.mark.parametrize(
    "conditions",
    [*((one,) for one in CONDITIONS), *COMBINATIONS],
    ids=lambda conditions: search_text(conditions) or "all",
)
def test_conditions_mean_what_mlflow_means(
    store: Store, held: MlflowStore, search: Search, conditions: tuple[Condition, ...]
) -> None:
    query = RunQuery(held.heart, conditions)
    assert ids(found(store, query)) == search(search_text(conditions), ())


def test_runs_are_found_by_id(store: Store, held: MlflowStore, search: Search) -> None:
    run_ids = tuple(held.runs[name] for name in ("trial-03", "special", "sweep", "lost", "deleted"))
    every = len(search("", ()))
    for operator, count in (("IN", 3), ("NOT IN", every - 3)):
        condition = Condition("attribute", "run_id", operator, run_ids)
        runs = ids(found(store, RunQuery(held.heart, (condition,))))
        assert runs == search(search_text([condition]), ())
        assert len(runs) == count
    for operator, value in (("=", run_ids[0]), ("!=", run_ids[0]), ("LIKE", f"{run_ids[0][:8]}%")):
        condition = Condition("attribute", "run_id", operator, value)
        runs = ids(found(store, RunQuery(held.heart, (condition,))))
        assert runs == search(search_text([condition]), ())


@pytest.mark.parametrize("size", [4, 26, 27, 1000])
def test_the_oldest_runs_come_first_on_request(
    store: Store, held: MlflowStore, search: Search, size: int
) -> None:
    runs = found(store, RunQuery(held.heart, oldest_first=True), size)
    assert ids(runs) == search("", ["attributes.start_time ASC"])
    assert [run.run_name for run in runs[:2]] == ["sweep", "trial-00"]


def test_pages_of_a_query_hold_all_its_runs(store: Store, held: MlflowStore) -> None:
    conditions = (Condition("param", "weights", "=", "uniform"),)
    for oldest_first in (False, True):
        query = RunQuery(held.heart, conditions, oldest_first=oldest_first)
        assert ids(found(store, query, 5)) == ids(found(store, query))
        assert len(found(store, query, 5)) == 12


def test_a_page_of_one_holds_the_oldest_run(store: Store, held: MlflowStore) -> None:
    page = store.runs(RunQuery(held.heart, oldest_first=True), max_results=1)
    assert [run.run_name for run in page.runs] == ["sweep"]
    assert page.next_token is not None


def test_deleted_runs_are_found_on_request(store: Store, held: MlflowStore) -> None:
    def names(*conditions: Condition) -> list[str]:
        runs = found(store, RunQuery(held.heart, conditions, lifecycle="deleted"))
        assert {run.lifecycle_stage for run in runs} <= {"deleted"}
        return [run.run_name for run in runs]

    assert names() == ["deleted"]
    assert names(Condition("metric", "accuracy", ">", 0.9)) == ["deleted"]
    assert names(Condition("metric", "accuracy", "<", 0.9)) == []


def test_runs_have_their_datasets(store: Store, held: MlflowStore) -> None:
    page = store.runs(RunQuery(held.heart))
    runs = {run.run_name: run for run in page.runs}
    assert runs["special"].datasets == (
        DatasetRef("heart.csv", "5c1f2a", "training"),
        DatasetRef("held-out.csv", "5c1f2a", "validation"),
    )
    assert runs["trial-01"].datasets == ()
    assert set(page.runs.columns["dataset"]) == {"name", "digest", "context"}
    assert store.run(held.runs["special"]).run.datasets == runs["special"].datasets


def test_a_page_holds_its_runs_by_column(store: Store, held: MlflowStore) -> None:
    block = store.runs(RunQuery(held.heart)).runs
    names = block.columns["attribute"]["run_name"]
    assert isinstance(names, list)
    special = names.index("special")
    nan = block.columns["metric"]["nan"]
    assert isinstance(nan, dict), "a mapping, since few runs have it"
    assert list(nan) == [special]
    assert math.isnan(nan[special])  # type: ignore[arg-type]
    accuracy = block.columns["metric"]["accuracy"]
    assert isinstance(accuracy, list)
    assert len(accuracy) == len(block)
    assert accuracy[special] is None


def test_mlflows_search_can_express_all_of_these_conditions() -> None:
    assert all(map(is_expressible, CONDITIONS))
