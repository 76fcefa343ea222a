"""Load tests against real HTTP servers on loopback."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator

import psutil
import pytest

from engine.api import Engine, LoadOptions, Request, Target
from engine.errors import Cancelled, ModelFailure, ServerUnreachable, UsageError
from engine.evidence.version_tests import last_tests
from engine.jobs import CancelToken, Progress, no_progress
from engine.model_tests.keeping import keep
from engine.model_tests.load import ELSEWHERE, HERE, LoadTest, run_load
from engine.model_tests.load_worker import quantile
from tests.conftest import MlflowStore
from tests.support.web import Answer, Web, serving

REQUEST = Request("application/json", '{"inputs": [1]}')
GOOD, BAD, CUT = Answer(), Answer(500), Answer(cut=True)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def load(url: str, *, cancel: CancelToken | None = None, **options: object) -> LoadTest:
    chosen = LoadOptions(**{"seconds": 1.0, "rate": 40.0, "connections": 4, **options})  # type: ignore[arg-type]
    return run_load(Target(url=url), REQUEST, chosen, on_progress=no_progress, cancel=cancel or CancelToken())


def test_every_due_request_is_sent_once_over_a_bounded_number_of_connections(web: Web) -> None:
    found = load(web.uri)
    step = found.main
    assert (step.due, step.answered, dict(step.errors), step.unsent) == (40, 40, {}, 0)
    # One to see that the server accepts it, one to open each connection, and the test itself.
    assert len(web.requests) == 1 + 4 + 40
    assert web.connections == 1 + 4
    assert {(request.path, request.body) for request in web.requests} == {
        ("/invocations", REQUEST.body.encode())
    }
    assert step.p50 is not None
    assert step.longest is not None
    assert step.p50 <= (step.p95 or 0) <= (step.p99 or 0) <= step.longest
    assert "no errors" in found.verdict


@pytest.mark.slow
def test_a_stall_counts_for_all_requests_that_were_due_meanwhile(web: Web) -> None:
    stall = Answer(body=b"{ }", drip=0.5)  # the last byte after 1 s, and the next answer after 1.5 s
    web.will_answer(*[GOOD] * 7, stall, GOOD)
    step = load(web.uri, rate=10.0, seconds=3.0, connections=1).main
    assert (step.answered, step.unsent) == (30, 0)
    # A client that waits for each answer would see one slow request of 30: 3 %.
    assert step.longest is not None
    assert step.longest >= 1.0
    assert step.p95 is not None
    assert step.p95 >= 0.85


@pytest.mark.slow
def test_errors_are_counted_by_kind(web: Web) -> None:
    web.will_answer(*[GOOD] * 2, *[GOOD, BAD, CUT, GOOD] * 5, GOOD)  # two before the test itself
    found = load(web.uri, rate=20.0, connections=1)
    step = found.main
    assert (step.answered, dict(step.errors)) == (10, {"HTTP 500": 5, "connection closed": 5})
    assert not step.keeps_up
    assert not found.passed
    assert "5 × HTTP 500, 5 × connection closed" in found.verdict


@pytest.mark.slow
def test_the_search_ends_at_a_rate_that_the_server_does_not_keep_up_with(web: Web) -> None:
    web.will_answer(Answer(body=b"{}", drip=0.02))  # 40 ms: 25 requests/s on one connection, at most
    found = load(web.uri, rate=8.0, seconds=0.4, connections=1, saturation=True)
    assert found.steps
    assert len(found.steps) <= 12
    highest, saturated = found.highest, found.saturated
    assert saturated is not None
    assert highest is None or highest.rate < saturated.rate
    assert all(step.achieved <= 26 for step in found.steps)
    assert all(step.unsent + step.answered == step.due for step in found.steps)
    assert f"not with {saturated.rate:g}" in found.verdict


def test_a_server_that_cannot_be_loaded_is_reported_before_the_test(web: Web) -> None:
    message = json.dumps({"error_code": "BAD_REQUEST", "message": "Model is missing inputs ['age']"})
    web.will_answer(Answer(400, message.encode()))
    with pytest.raises(ModelFailure, match="HTTP 400") as caught:
        load(web.uri)
    assert caught.value.detail == "Model is missing inputs ['age']"
    web.will_answer(Answer(302, headers={"Location": "http://192.0.2.1/"}))
    with pytest.raises(ModelFailure, match="HTTP 302"):
        load(web.uri)
    assert len(web.requests) == 2
    with serving() as gone:
        pass
    with pytest.raises(ServerUnreachable):
        load(gone.uri)


@pytest.mark.parametrize(
    ("url", "options", "hint"),
    [
        ("http://192.0.2.1:5000", {}, "--elsewhere"),
        ("http://0.0.0.0:5000", {}, "--elsewhere"),
        ("http://192.0.2.1:5000", {"elsewhere": True, "rate": ELSEWHERE.rate + 1}, "At most 50 requests/s"),
        ("http://192.0.2.1:5000", {"elsewhere": True, "seconds": ELSEWHERE.seconds + 1}, "for 30 s"),
        ("http://127.0.0.1:5000", {"rate": HERE.rate + 1}, "At most 5000 requests/s"),
        ("http://127.0.0.1:5000", {"connections": HERE.connections + 1}, "on 256 connections"),
        ("http://127.0.0.1:5000", {"seconds": 0.0}, "for 300 s"),
        ("http://127.0.0.1:5000", {"rate": math.nan}, "At most 5000 requests/s"),
        ("", {}, "--deployment NAME"),
    ],
)
def test_more_than_is_allowed_is_refused(url: str, options: dict[str, object], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(url, **options)
    assert hint in caught.value.hint


@pytest.mark.slow
def test_a_cancelled_test_ends_with_its_process(web: Web) -> None:
    token = CancelToken()

    def watch(progress: Progress) -> None:
        if progress.done:
            token.cancel()

    options = LoadOptions(seconds=60, rate=20, connections=2)
    with pytest.raises(Cancelled):
        run_load(Target(url=web.uri), REQUEST, options, on_progress=watch, cancel=token)
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if "load_worker" in " ".join(child.cmdline())]
    assert len(web.requests) < 600


def test_the_input_example_is_the_request_and_the_outcome_can_be_kept(
    web: Web, mlflow_store: MlflowStore
) -> None:
    target = Target("classifier", 1, web.uri)
    with Engine(mlflow_store.tracking) as engine:
        found = engine.model_tests.load(target, LoadOptions(seconds=0.5, rate=10))
        (version,) = (each for each in engine.models.versions("classifier") if each.version == 1)
        with pytest.raises(UsageError, match="needs a request"):
            engine.model_tests.load(Target(url=web.uri), LoadOptions())
    assert {tuple(json.loads(request.body)) for request in web.requests} == {("dataframe_split",)}
    kept = keep(mlflow_store.tracking, version, found)
    assert (kept.kind, kept.passed) == ("load", True)
    assert [test.name for test in last_tests(kept.server, version)] == ["load test"]


def test_quantiles_are_those_of_numpy() -> None:
    import numpy as np

    values = sorted(random.Random(3).expovariate(100) for _ in range(1000))
    for share in (0.5, 0.95, 0.99, 1.0):
        expected = np.percentile(values, 100 * share, method="inverted_cdf")
        assert quantile(values, share) == expected
    assert quantile([], 0.5) is None
    assert quantile([1.0], 0.99) == 1.0
