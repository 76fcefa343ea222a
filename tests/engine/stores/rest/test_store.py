"""Pages of runs, from MLflow's servers and from others that imitate them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from engine.entities import DatasetRef
from engine.errors import ServerFault, StoreRefused
from engine.stores.base import Condition, RunPage, RunQuery
from engine.stores.rest.store import RestStore
from engine.uri import TrackingUri
from tests.support.web import Answer, Web

LARGEST = 1.7976931348623157e308


@pytest.fixture
def store(web: Web) -> Iterator[RestStore]:
    opened = RestStore(TrackingUri(web.uri))
    yield opened
    opened.close()


def run(number: int, **data: object) -> dict[str, Any]:
    info = {"run_id": f"{number:032x}", "experiment_id": "1", "status": "FINISHED", "start_time": number}
    return {"info": info, "data": data}


def pairs(**texts: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def page(web: Web, store: RestStore, *runs: object) -> RunPage:
    """The page that the store reads from a response with these runs."""
    web.will_answer(Answer(body=json.dumps({"runs": runs, "next_page_token": "more"}).encode()))
    return store.runs(RunQuery("1"))


def last_request(web: Web) -> dict[str, Any]:
    """The body of the last request."""
    body: dict[str, Any] = json.loads(web.requests[-1].body)
    return body


class TestRequests:
    def test_a_plain_query_sends_only_what_is_needed(self, web: Web, store: RestStore) -> None:
        store.runs(RunQuery("7"), max_results=100)
        assert last_request(web) == {
            "experiment_ids": ["7"],
            "run_view_type": "ACTIVE_ONLY",
            "max_results": 100,
        }

    def test_a_query_is_sent_in_mlflows_grammar(self, web: Web, store: RestStore) -> None:
        conditions = (Condition("metric", "a b", ">", 0.5), Condition("param", "x", "IS NULL"))
        store.runs(RunQuery("7", conditions, "deleted", oldest_first=True), page_token="more")
        body = last_request(web)
        assert body["filter"] == "metrics.`a b` > 0.5 AND params.`x` IS NULL"
        assert body["run_view_type"] == "DELETED_ONLY"
        assert body["order_by"] == ["attributes.start_time ASC"]
        assert body["page_token"] == "more"

    def test_an_inexpressible_condition_is_not_sent(self, web: Web, store: RestStore) -> None:
        with pytest.raises(StoreRefused, match="does not support"):
            store.runs(RunQuery("7", (Condition("param", "x", "=", "'\""),)))
        assert web.requests == []


class TestPages:
    def test_a_complete_run_is_read(self, web: Web, store: RestStore) -> None:
        sent = run(
            5,
            metrics=[{"key": "accuracy", "value": 0.5, "timestamp": 1, "step": 0}],
            params=[*pairs(n="3"), {"key": "empty"}],
            tags=pairs(note="x"),
        )
        sent["info"] |= {"run_name": "five", "end_time": 9, "user_id": "ada", "artifact_uri": "s3://x"}
        given: list[dict[str, object]] = [{"dataset": {"name": name, "digest": "d"}} for name in ("b", "a")]
        given[0]["tags"] = pairs(**{"mlflow.data.context": "training"})
        sent["inputs"] = {"dataset_inputs": given}
        answer = page(web, store, sent)
        (found,) = answer.runs
        assert (found.run_name, found.user_id, found.artifact_uri) == ("five", "ada", "s3://x")
        assert (found.start_time, found.end_time, found.status) == (5, 9, "FINISHED")
        assert (found.metrics, found.params, found.tags) == (
            {"accuracy": 0.5},
            {"n": "3", "empty": ""},
            {"note": "x"},
        )
        assert found.datasets == (DatasetRef("a", "d"), DatasetRef("b", "d", "training"))
        assert answer.next_token == "more"

    def test_a_minimal_run_is_read(self, web: Web, store: RestStore) -> None:
        (found,) = page(web, store, {"info": {"run_id": "a", "experiment_id": "1"}}).runs
        assert (found.run_name, found.start_time, found.status) == ("", None, "RUNNING")
        assert (dict(found.metrics), dict(found.params), dict(found.tags)) == ({}, {}, {})

    def test_the_run_name_of_an_old_server_comes_from_its_tag(self, web: Web, store: RestStore) -> None:
        named = run(1, tags=pairs(**{"mlflow.runName": "old"}))
        assert [found.run_name for found in page(web, store, run(2), named).runs] == ["", "old"]

    def test_numbers_are_read_in_every_notation(self, web: Web, store: RestStore) -> None:
        values = [1, 0.25, "NaN", "Infinity", "-Infinity", LARGEST, -LARGEST, "0.5", 1e-300]
        runs = page(
            web, store, *(run(i, metrics=[{"key": "m", "value": value}]) for i, value in enumerate(values))
        ).runs
        found = [run.metrics["m"] for run in runs]
        assert [str(value) for value in found] == [
            *("1.0", "0.25", "nan", "inf", "-inf", "inf", "-inf", "0.5", "1e-300")
        ]
        assert all(isinstance(value, float) for value in found)
        late = run(1)
        late["info"] |= {"start_time": "1760000000000", "end_time": "1760000000500"}
        assert page(web, store, late).runs[0].duration == 0.5

    def test_columns_are_lists_and_rare_ones_mappings(self, web: Web, store: RestStore) -> None:
        metric = {"key": "all", "value": 1.0}
        runs = [run(i, metrics=[metric], params=pairs(half="x") if i % 2 else []) for i in range(10)]
        runs[3]["data"]["metrics"] = [metric, {"key": "rare", "value": "NaN"}]
        columns = page(web, store, *runs).runs.columns
        assert columns["metric"]["all"] == [1.0] * 10
        assert columns["param"]["half"] == [None, "x"] * 5
        rare = columns["metric"]["rare"]
        assert isinstance(rare, dict)
        assert list(rare) == [3]
        assert columns["attribute"]["start_time"] == list(range(10))
        assert columns["attribute"]["user_id"] == [None] * 10
        assert columns["dataset"] == {}

    def test_repeated_strings_are_stored_once(self, web: Web, store: RestStore) -> None:
        first, second = page(web, store, run(1, params=pairs(p="rbf!")), run(2, params=pairs(p="rbf!"))).runs
        assert first.params["p"] is second.params["p"]
        assert next(iter(page(web, store, run(3, params=pairs(p="x"))).runs[0].params)) is next(
            iter(first.params)
        )

    def test_a_response_without_runs_is_an_empty_page(self, web: Web, store: RestStore) -> None:
        web.will_answer(Answer(body=b"{}"))
        answer = store.runs(RunQuery("1"))
        assert (len(answer.runs), answer.next_token) == (0, None)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        5,
        None,
        {"info": {}},
        {"info": {"run_id": "a"}},
        {"info": {"run_id": "a", "experiment_id": 5}},
        {"info": {"run_id": "a", "experiment_id": "1", "start_time": "soon"}},
        {"info": {"run_id": "a", "experiment_id": "1", "start_time": 1e400}},
        run(1, metrics=5),
        run(1, metrics=[{"key": "m"}]),
        run(1, metrics=[{"key": "m", "value": "much"}]),
        run(1, metrics=[{"key": "m", "value": None}]),
        run(1, metrics=[{"key": "m", "value": 10**400}]),
        run(1, metrics=[{"key": 5, "value": 5.0}]),
        run(1, metrics=[{"key": ["m"], "value": 5.0}]),
        run(1, params=[{"key": "p", "value": 5}]),
        run(1, params=[{"value": "x"}]),
        run(1, params={"p": "x"}),
        run(1) | {"data": []},
        run(1) | {"inputs": {"dataset_inputs": [{"dataset": {"name": "x"}}]}},
        run(1) | {"inputs": {"dataset_inputs": [{"dataset": {"name": 5, "digest": "x"}}]}},
    ],
    ids=str,
)
def test_an_object_that_is_not_a_run_invalidates_the_page(web: Web, store: RestStore, sent: object) -> None:
    with pytest.raises(ServerFault, match="did not respond like an MLflow server"):
        page(web, store, run(0), sent)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"runs": [{}',
        b'{"runs": 5}',
        b'{"runs": []} x',
        b'{"runs": [' + b"9" * 5000 + b"]}",
        b'{"runs": [' * 50_000,
    ],
    ids=lambda body: body[:20].decode(),
)
def test_a_body_that_is_not_a_page_is_an_error(web: Web, store: RestStore, body: bytes) -> None:
    web.will_answer(Answer(body=body))
    with pytest.raises(ServerFault, match="did not respond like an MLflow server"):
        store.runs(RunQuery("1"))


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        (None, "invalid fields"),
        (run(1) | {"info": None}, "info is missing"),
        (run(1, metrics=[{"key": "m", "value": None}]), "value is missing"),
        (run(1, params=[{"key": None, "value": "x"}]), "key is missing"),
    ],
)
def test_a_missing_field_is_named_in_plain_words(
    web: Web, store: RestStore, sent: object, missing: str
) -> None:
    with pytest.raises(ServerFault) as caught:
        page(web, store, sent)
    assert caught.value.detail == f"Unexpected response: {missing}"


class TestNulls:
    """A null counts as a missing field."""

    def test_a_run_is_read(self, web: Web, store: RestStore) -> None:
        info = run(1)["info"] | dict.fromkeys(("run_name", "end_time", "user_id", "artifact_uri", "status"))
        data = {"params": [{"key": "p", "value": None}], "metrics": None, "tags": None}
        (found, empty) = page(
            web, store, {"info": info, "data": data, "inputs": None}, run(2) | {"data": None}
        ).runs
        assert (found.run_name, found.end_time, found.params, found.metrics) == ("", None, {"p": ""}, {})
        assert empty.params == {}

    @pytest.mark.parametrize("field", ["experiments", "registered_models", "models", "files", "metrics"])
    def test_a_list_is_empty(self, web: Web, store: RestStore, field: str) -> None:
        web.will_answer(Answer(body=json.dumps({field: None, "next_page_token": None}).encode()))
        assert store.experiments() == store.registered_models() == ()
        assert store.metric_history("a" * 32, "m") == store.artifacts("a" * 32) == ()

    def test_an_experiment_and_a_model_are_read(self, web: Web, store: RestStore) -> None:
        experiment = {"experiment_id": "1", "name": "x", "tags": None, "artifact_location": None}
        web.will_answer(Answer(body=json.dumps({"experiments": [experiment]}).encode()))
        assert [(found.name, found.tags) for found in store.experiments()] == [("x", {})]
        model = {"name": "m", "aliases": None, "tags": None, "description": None}
        web.will_answer(Answer(body=json.dumps({"registered_models": [model]}).encode()))
        assert [(found.name, found.aliases) for found in store.registered_models()] == [("m", {})]


def test_a_truncated_page_is_retried_then_an_error(
    web: Web, store: RestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    body = json.dumps({"runs": [run(number) for number in range(50)]}).encode()
    half = Answer(body=body[: len(body) // 2], length=len(body))
    web.will_answer(half, Answer(body=body))
    assert len(store.runs(RunQuery("1")).runs) == 50
    web.will_answer(half)
    with pytest.raises(ServerFault, match=r"was cut off|without a response"):
        store.runs(RunQuery("1"))


def test_a_history_holds_nan_and_infinity(web: Web, store: RestStore) -> None:
    points = [{"key": "m", "value": value, "timestamp": "5", "step": "2"} for value in ("NaN", LARGEST)]
    web.will_answer(Answer(body=json.dumps({"metrics": points}).encode()))
    nan, infinite = store.metric_history("a" * 32, "m")
    assert math.isnan(nan.value)
    assert (infinite.value, infinite.step, infinite.timestamp) == (math.inf, 2, 5)
