"""A filter in MLflow's own grammar means the same here as in MLflow, on the same store.

Each filter is passed to `MlflowClient.search_runs` and to the console's evaluator with the runs of the same
database; the run ids must be equal. `DIFFERENCES` lists intended differences with their reasons.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.pushdown import pushdown
from engine.runs.frame import RunFrame
from engine.stores import open_store
from engine.stores.base import Condition, RunQuery, Store
from engine.stores.mlflow.client import ClientStore, open_client
from engine.stores.search_text import search_text
from engine.uri import TrackingUri
from tests.support import filter_store
from tests.support.filter_store import RUNS, START
from tests.support.mlflow_filters import CONDITION, FILTERS, MLFLOW_FILTER

if TYPE_CHECKING:
    from tests.conftest import MlflowStore

UNKNOWN_NAME = "a name that no run has is most likely a typo"
UNKNOWN_STATUS = "an unknown status is most likely a typo"
PYTHON_LISTS = "MLflow parses lists as Python literals, with escapes and implicit concatenation"

DIFFERENCES = (
    # (filter, whether MLflow finds runs, whether the console does (None: an error), reason)
    ("metrics.nowhere > 1", False, None, UNKNOWN_NAME),
    ("params.MY_KEY = 'x'", False, None, UNKNOWN_NAME),
    ("tags.nowhere LIKE '%'", False, None, UNKNOWN_NAME),
    ("status = 'DONE'", False, None, UNKNOWN_STATUS),
    ("status = 'finished'", False, None, UNKNOWN_STATUS),
    ("status != 'finished'", True, None, UNKNOWN_STATUS),
    ("metrics.acc > 0 metrics.loss > 0", True, None, "MLflow takes the missing word for AND"),
    ("params.metric ILIKE 'é'", False, True, "SQLite folds ASCII letters only"),
    ("metrics.acc < 1e400 AND metrics.acc > 1e308", True, False, "SQL has the largest double for +inf"),
    ("datasets.name IN ('o\\'hara')", True, False, PYTHON_LISTS),
    ("datasets.name IN ('he' 'art')", True, None, PYTHON_LISTS),
)


class Comparison:
    """The experiment as the console reads it, and MLflow's results."""

    def __init__(self, client: Any, uri: TrackingUri, experiment: str) -> None:
        self.client = client
        self.uri = uri
        self.experiment = experiment
        self.frames = {
            "sql": read(open_store(uri), experiment),
            "client": read(ClientStore(uri), experiment),
        }
        self.exact: dict[str, bool] = {}
        """For each filter checked by `check_pushed`: whether its pushed part is exact."""
        self._results: dict[str, list[str]] = {}

    def theirs(self, text: str) -> list[str]:
        """The run ids that MLflow finds. Raises MLflow's exception for an invalid filter."""
        if text not in self._results:
            found = self.client.search_runs([self.experiment], text)
            self._results[text] = [run.info.run_id for run in found]
        return self._results[text]


@pytest.fixture(scope="module")
def comparison(mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    path = tmp_path_factory.mktemp("filters") / "mlflow.db"
    shutil.copyfile(mlflow_store.path, path)
    uri = TrackingUri(f"sqlite:///{path}")
    client = open_client(uri.raw)
    return Comparison(client, uri, filter_store.build(client, path))


def read(store: Store, experiment: str, conditions: tuple[Condition, ...] = ()) -> RunFrame:
    frame, token = RunFrame.from_runs(()), None
    while True:
        page = store.runs(RunQuery(experiment, conditions), page_token=token, max_results=10)
        frame, token = frame.extended(page.runs), page.next_token
        if token is None:
            store.close()
            return frame


def ours(text: str, frame: RunFrame) -> list[str]:
    return [frame.run_ids[row] for row in compile_filter(text, frame.keys, frame).rows(frame)]


@pytest.mark.parametrize("text", dict.fromkeys(FILTERS))
def test_an_mlflow_filter_means_the_same(comparison: Comparison, text: str) -> None:
    for kind, frame in comparison.frames.items():
        assert ours(text, frame) == comparison.theirs(text), kind


def test_most_filters_match_some_but_not_all_runs(comparison: Comparison) -> None:
    counts = [len(comparison.theirs(text)) for text in FILTERS]
    assert len(comparison.frames["sql"]) == RUNS
    assert sum(0 < count < RUNS for count in counts) > 0.6 * len(counts)


@pytest.mark.parametrize(("text", "theirs", "found", "why"), DIFFERENCES)
def test_differences_from_mlflow_are_intended(
    comparison: Comparison, text: str, theirs: bool, found: bool | None, why: str
) -> None:
    assert bool(comparison.theirs(text)) == theirs
    if found is None:
        with pytest.raises(FilterError):
            ours(text, comparison.frames["sql"])
    else:
        assert bool(ours(text, comparison.frames["sql"])) == found, why


def test_a_run_without_its_name_tag_is_found_by_the_name_that_is_shown(comparison: Comparison) -> None:
    """MLflow searches the tag, which can be deleted, but shows the name of the run itself."""
    experiment = comparison.client.create_experiment("unnamed")
    run_id = comparison.client.create_run(experiment, run_name="knn").info.run_id
    comparison.client.delete_tag(run_id, "mlflow.runName")
    assert not comparison.client.search_runs([experiment], "run_name = 'knn'")
    assert ours("run_name = 'knn'", read(ClientStore(comparison.uri), experiment)) == [run_id]


# ── any MLflow filter ────────────────────────────────────────────────────────

GENERATED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@GENERATED
@given(text=MLFLOW_FILTER)
def test_any_mlflow_filter_means_the_same(comparison: Comparison, text: str) -> None:
    for frame in comparison.frames.values():
        assert ours(text, frame) == comparison.theirs(text)


# ── pushing filters down ─────────────────────────────────────────────────────

CONSOLE_FILTERS = (
    *("acc > 0.5", "acc > 0.5 or loss > 0", "acc > loss", "acc - loss > 0 and acc > 0", "knn", "not acc > 0"),
    *(
        "acc between 0 and 1",
        "acc not between 0 and 1",
        "acc between 0 and loss",
        "acc in (0.5)",
        "acc in (0, 1)",
    ),
    *("acc not in (0, 1)", "acc is nan", "acc is null", "acc != inf", "acc > -inf", "acc < 1e400"),
    *("k = 3", "k = '3'", "k = auto", "k >= 3", "k in ('3', '3.0')", "k not in ('3', '3.0')", "k in ('3')"),
    *("metric not like '%e%'", "metric ilike 'É%'", "metric ilike '%E%'", "metric ~ '^e'", "k = 'C:\\'"),
    *("metric like '%\\%'", "metric = 'line\nbreak'", "params.metric = 'x' and not params.k = 3"),
    *("status = running", "status in (finished)", "status in (finished, failed)", "status != killed"),
    *(
        "user = ''",
        "user != ada",
        "user is null",
        "name like '%e%'",
        "name = euclid and (acc > 0 or loss > 0)",
    ),
    *(f"start_time > {START + 3000.5}", "start_time > -7d", "started < -1h", f"start_time = {START}.5"),
    *(f"start_time between {START} and {START + 2000}", f"start_time not in ({START})", "duration > 1"),
    *("datasets.name in (heart, 'iris 2')", "datasets.name not in (heart)", "datasets.name is null"),
    *("datasets.context not like 'train'", "datasets.digest in (d1)", "params.nowhere is null and acc > 0"),
    *(
        "(acc > 0 and loss > 0) and k is null",
        "not not acc > 0",
        "AND acc > 0 AND",
        "lr > 0",
        "metrics.lr > 0",
    ),
    *("1 < acc", "acc > 0 and", "acc > 0 and nope > 1", "acc >", "metrics.nowhere > 1"),
)
NOW = START + 1_000_000_000


def check_pushed(comparison: Comparison, text: str) -> bool:
    """Check that MLflow and the SQL store find all matching runs for the pushed part, and no others if it is
    exact; returns whether it is. Each filter is checked once."""
    if text not in comparison.exact:
        comparison.exact[text] = _check_pushed(comparison, text)
    return comparison.exact[text]


def _check_pushed(comparison: Comparison, text: str) -> bool:
    frame = comparison.frames["sql"]
    pushed = pushdown(text, frame.keys, now=NOW)
    try:
        compiled = compile_filter(text, frame.keys, partial=True)
    except FilterError:
        assert (pushed.conditions, pushed.exact) == ((), False)
        return False
    matching = [frame.run_ids[row] for row in compiled.rows(frame, now=NOW)]
    found = comparison.theirs(search_text(pushed.conditions))
    if pushed.conditions:
        frame = read(open_store(comparison.uri), comparison.experiment, pushed.conditions)
        assert list(frame.run_ids) == found
    if pushed.exact:
        assert matching == found
    assert set(matching) <= set(found)
    return pushed.exact


@pytest.mark.parametrize("text", CONSOLE_FILTERS)
def test_the_pushed_part_finds_all_matching_runs(comparison: Comparison, text: str) -> None:
    check_pushed(comparison, text)


@pytest.mark.parametrize("text", dict.fromkeys(FILTERS))
def test_the_pushed_part_of_mlflow_filters_finds_all_matching_runs(comparison: Comparison, text: str) -> None:
    check_pushed(comparison, text)


def test_nearly_all_of_mlflows_grammar_is_pushed_down_exactly(comparison: Comparison) -> None:
    exact = [check_pushed(comparison, text) for text in FILTERS]
    assert sum(exact) > 0.9 * len(exact)


@GENERATED
@given(
    parts=st.lists(CONDITION | st.sampled_from(CONSOLE_FILTERS), min_size=1, max_size=3),
    joint=st.sampled_from([" and ", " or "]),
)
def test_the_pushed_part_of_any_joined_filter_finds_all_matching_runs(
    comparison: Comparison, parts: list[str], joint: str
) -> None:
    check_pushed(comparison, joint.join(parts))
