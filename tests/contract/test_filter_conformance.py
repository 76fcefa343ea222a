"""MLflow is the measure: what its own grammar takes means the same here, on the same store.

Each filter goes to `MlflowClient.search_runs` and to this evaluator over the runs as they are read
from the same database; the ids of the runs are compared. Where the two differ on purpose,
`DIFFERENCES` says why.
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

NOT_HERE = "a name that no run has is most likely mistyped"
NO_STATUS = "a status that there is not is most likely mistyped"
LISTS = "MLflow reads lists as Python does, with its escapes and joined texts"

DIFFERENCES = (
    # (the filter, whether MLflow finds runs, whether runs are found here; None is an error, why)
    ("metrics.nowhere > 1", False, None, NOT_HERE),
    ("params.MY_KEY = 'x'", False, None, NOT_HERE),
    ("tags.nowhere LIKE '%'", False, None, NOT_HERE),
    ("status = 'DONE'", False, None, NO_STATUS),
    ("status = 'finished'", False, None, NO_STATUS),
    ("status != 'finished'", True, None, NO_STATUS),
    ("metrics.acc > 0 metrics.loss > 0", True, None, "a word is missing: MLflow takes it for AND"),
    ("params.metric ILIKE 'é'", False, True, "SQLite folds ASCII letters only"),
    ("metrics.acc < 1e400 AND metrics.acc > 1e308", True, False, "SQL has the largest double for +inf"),
    ("datasets.name IN ('o\\'hara')", True, False, LISTS),
    ("datasets.name IN ('he' 'art')", True, None, LISTS),
)


class Asked:
    """The experiment as it is read here, and MLflow's answers."""

    def __init__(self, client: Any, uri: TrackingUri, experiment: str) -> None:
        self.client = client
        self.uri = uri
        self.experiment = experiment
        self.frames = {
            "sql": read(open_store(uri), experiment),
            "client": read(ClientStore(uri), experiment),
        }
        self._answers: dict[str, list[str]] = {}

    def theirs(self, text: str) -> list[str]:
        """Raises what MLflow raises for a text that it does not take."""
        if text not in self._answers:
            found = self.client.search_runs([self.experiment], text)
            self._answers[text] = [run.info.run_id for run in found]
        return self._answers[text]


@pytest.fixture(scope="module")
def asked(mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    path = tmp_path_factory.mktemp("filters") / "mlflow.db"
    shutil.copyfile(mlflow_store.path, path)
    uri = TrackingUri(f"sqlite:///{path}")
    client = open_client(uri.raw)
    return Asked(client, uri, filter_store.build(client, path))


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


@pytest.mark.parametrize("kind", ["sql", "client"])
@pytest.mark.parametrize("text", dict.fromkeys(FILTERS))
def test_a_filter_of_mlflow_s_means_the_same(asked: Asked, text: str, kind: str) -> None:
    assert ours(text, asked.frames[kind]) == asked.theirs(text)


def test_the_filters_tell_the_runs_apart(asked: Asked) -> None:
    counts = [len(asked.theirs(text)) for text in FILTERS]
    assert len(asked.frames["sql"]) == RUNS
    assert sum(0 < count < RUNS for count in counts) > 0.6 * len(counts)


@pytest.mark.parametrize(("text", "theirs", "found", "why"), DIFFERENCES)
def test_where_a_filter_means_something_else_it_does_so_on_purpose(
    asked: Asked, text: str, theirs: bool, found: bool | None, why: str
) -> None:
    assert bool(asked.theirs(text)) == theirs
    if found is None:
        with pytest.raises(FilterError):
            ours(text, asked.frames["sql"])
    else:
        assert bool(ours(text, asked.frames["sql"])) == found, why


def test_a_run_whose_name_tag_is_gone_is_found_by_the_name_that_is_shown(asked: Asked) -> None:
    """MLflow looks at the tag, which can be deleted, and shows the run's own name."""
    experiment = asked.client.create_experiment("unnamed")
    run_id = asked.client.create_run(experiment, run_name="knn").info.run_id
    asked.client.delete_tag(run_id, "mlflow.runName")
    assert not asked.client.search_runs([experiment], "run_name = 'knn'")
    assert ours("run_name = 'knn'", read(ClientStore(asked.uri), experiment)) == [run_id]


# ── any filter of MLflow's ───────────────────────────────────────────────────

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(text=MLFLOW_FILTER)
def test_any_filter_of_mlflow_s_means_the_same(asked: Asked, text: str) -> None:
    for frame in asked.frames.values():
        assert ours(text, frame) == asked.theirs(text)


# ── what is left to MLflow ───────────────────────────────────────────────────

OWN_FILTERS = (
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


def check_pushed(asked: Asked, text: str) -> bool:
    """That MLflow and the SQL store answer the pushed part with all runs that match, and no more
    where it is exact."""
    frame = asked.frames["sql"]
    pushed = pushdown(text, frame.keys, now=NOW)
    try:
        compiled = compile_filter(text, frame.keys, partial=True)
    except FilterError:
        assert (pushed.conditions, pushed.exact) == ((), False)
        return False
    matching = [frame.run_ids[row] for row in compiled.rows(frame, now=NOW)]
    answered = asked.theirs(search_text(pushed.conditions))
    if pushed.conditions:
        assert list(read(open_store(asked.uri), asked.experiment, pushed.conditions).run_ids) == answered
    if pushed.exact:
        assert matching == answered
    assert set(matching) <= set(answered)
    return pushed.exact


@pytest.mark.parametrize("text", OWN_FILTERS)
def test_what_is_pushed_down_selects_all_that_match(asked: Asked, text: str) -> None:
    check_pushed(asked, text)


@pytest.mark.parametrize("text", dict.fromkeys(FILTERS))
def test_filters_of_mlflow_s_are_pushed_down(asked: Asked, text: str) -> None:
    check_pushed(asked, text)


def test_nearly_all_of_mlflow_s_grammar_is_answered_by_mlflow(asked: Asked) -> None:
    exact = [check_pushed(asked, text) for text in FILTERS]
    assert sum(exact) > 0.9 * len(exact)


@SLOW
@given(
    parts=st.lists(CONDITION | st.sampled_from(OWN_FILTERS), min_size=1, max_size=3),
    joint=st.sampled_from([" and ", " or "]),
)
def test_whatever_is_joined_the_pushed_part_selects_all_that_match(
    asked: Asked, parts: list[str], joint: str
) -> None:
    check_pushed(asked, joint.join(parts))
