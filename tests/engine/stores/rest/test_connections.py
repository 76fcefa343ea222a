"""The number of requests to a server, and of connections used for them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from engine.errors import Cancelled, EngineError, ServerFault, StoreRefused
from engine.stores import open_store
from engine.stores.base import RunQuery, Store
from engine.stores.rest import transport
from engine.stores.rest.store import RestStore
from engine.uri import TrackingUri
from tests.support.web import Answer, Web

EMPTY = Answer(body=b'{"experiments": []}')
CUT = Answer(cut=True)
HALF = Answer(200, b'{"experiments": [', length=5000)


@pytest.fixture
def store(web: Web) -> Iterator[Store]:
    opened = open_store(TrackingUri(web.uri))
    yield opened
    opened.close()


@pytest.fixture
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@contextmanager
def threads(count: int, work: Callable[[], object]) -> Iterator[list[object]]:
    """Run `work` on `count` threads; yields the list of what they return or raise, complete at the end of the
    block."""
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(work())
        except EngineError as error:
            outcomes.append(error)

    running = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in running:
        thread.start()
    yield outcomes
    for thread in running:
        thread.join(20)
        assert not thread.is_alive()


class TestConnections:
    def test_requests_in_turn_share_one_connection(self, web: Web, store: Store) -> None:
        web.will_answer(EMPTY)
        for _ in range(20):
            store.experiments()
        assert (len(web.requests), web.connections) == (20, 1)
        assert all(request.headers["connection"] == "keep-alive" for request in web.requests)

    def test_threads_use_one_connection_each_and_reuse_them(self, web: Web, store: Store) -> None:
        readers = RestStore.readers
        for _ in range(3):
            web.will_answer(Answer(body=EMPTY.body, meeting=threading.Barrier(readers)))
            with threads(readers, store.experiments) as answers:
                pass
            assert answers == [()] * readers
        web.will_answer(EMPTY)
        with threads(readers, lambda: [store.experiments() for _ in range(10)]):
            pass
        assert (len(web.requests), web.connections) == (13 * readers, readers)

    def test_more_threads_than_idle_connections_do_not_wait(self, web: Web, store: Store) -> None:
        web.will_answer(Answer(body=EMPTY.body, meeting=threading.Barrier(20)))
        with threads(20, store.experiments) as answers:
            pass
        assert answers == [()] * 20
        assert web.connections == 20

    def test_a_server_error_keeps_the_connection(self, web: Web, store: Store) -> None:
        web.will_answer(Answer(500, b"no"), EMPTY)
        with pytest.raises(ServerFault):
            store.experiments()
        store.experiments()
        assert web.connections == 1

    @pytest.mark.usefixtures("one_attempt")
    def test_an_idle_connection_that_the_server_closed_is_replaced(self, web: Web, store: Store) -> None:
        web.will_answer(EMPTY, CUT, EMPTY)
        assert store.experiments() == ()
        assert store.experiments() == (), "with a single attempt"
        assert (len(web.requests), web.connections) == (3, 2)

    @pytest.mark.usefixtures("one_attempt")
    def test_a_new_connection_that_breaks_counts_as_an_attempt(self, web: Web, store: Store) -> None:
        web.will_answer(EMPTY, CUT)
        store.experiments()
        with pytest.raises(ServerFault, match="without a response"):
            store.experiments()
        assert len(web.requests) == 3


class TestCompression:
    def test_a_compressed_response_is_requested_and_read(self, web: Web, store: Store) -> None:
        body = gzip.compress(b'{"runs": [{"info": {"run_id": "a", "experiment_id": "1"}}]}')
        web.will_answer(Answer(200, body, {"Content-Encoding": "gzip"}))
        assert store.runs(RunQuery("1")).runs.run_ids == ["a"]
        assert "gzip" in web.requests[0].headers["accept-encoding"]

    def test_a_response_wrongly_marked_as_compressed_is_an_error(self, web: Web, store: Store) -> None:
        web.will_answer(Answer(200, b"{}", {"Content-Encoding": "gzip"}))
        with pytest.raises(ServerFault, match="did not respond like an MLflow server"):
            store.experiments()


class TestAttempts:
    @pytest.mark.parametrize(
        "answer", [Answer(429), Answer(502), Answer(503), Answer(504), CUT, HALF], ids=lambda a: a.status
    )
    def test_a_transient_failure_is_retried(self, web: Web, store: Store, answer: Answer) -> None:
        web.will_answer(answer, EMPTY)
        assert store.experiments() == ()
        assert len(web.requests) == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 501])
    def test_a_refused_request_is_not_retried(self, web: Web, store: Store, status: int) -> None:
        web.will_answer(Answer(status))
        with pytest.raises(EngineError):
            store.experiments()
        assert len(web.requests) == 1

    @pytest.mark.parametrize(("retries", "requests"), [("0", 1), ("1", 2), ("nonsense", 3), ("", 3)])
    @pytest.mark.parametrize("answer", [Answer(503), CUT, HALF], ids=["503", "cut", "half"])
    def test_the_environment_sets_the_number_of_retries(
        self,
        web: Web,
        store: Store,
        monkeypatch: pytest.MonkeyPatch,
        answer: Answer,
        retries: str,
        requests: int,
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", retries)
        web.will_answer(answer)
        with pytest.raises(ServerFault):
            store.experiments()
        assert len(web.requests) == requests

    def test_the_settings_for_mlflows_writes_do_not_apply(self, web: Web, store: Store) -> None:
        from engine.stores.mlflow.client import open_client

        open_client(web.uri)
        web.will_answer(Answer(503), Answer(503), EMPTY)
        assert store.experiments() == ()

    @pytest.mark.parametrize("when", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-5", "\u00b2"])
    @pytest.mark.parametrize("status", [429, 503])
    def test_a_short_retry_after_is_honoured(self, web: Web, store: Store, status: int, when: str) -> None:
        web.will_answer(Answer(status, headers={"Retry-After": when}), EMPTY)
        assert store.experiments() == ()

    def test_a_server_is_waited_for_as_it_asks(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        """The waits do not count as attempts: there are more than three."""
        monkeypatch.setattr(transport, "_retry_after", lambda answer: answer.status_code == 429 and 0.01)
        monkeypatch.setattr(transport, "REPORTED_SECONDS", 0.01)
        web.will_answer(*5 * [Answer(429)], EMPTY)
        waits: list[str] = []
        assert open_store(TrackingUri(web.uri), waits.append).experiments() == ()
        assert len(web.requests) == 6
        assert set(waits) == {f"{web.uri} is rate-limiting requests: waiting 0.01s"}

    def test_the_waits_of_a_request_are_limited(
        self, web: Web, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "_retry_after", lambda _: 0.01)
        monkeypatch.setattr(transport, "MAX_WAIT_SECONDS", 0.035)
        web.will_answer(Answer(429))
        with pytest.raises(StoreRefused, match="rate-limiting") as caught:
            store.experiments()
        assert len(web.requests) == 4
        assert caught.value.hint.startswith("Try again in 0.01s. ")

    @pytest.mark.parametrize("when", ["3600", "9" * 400, "Fri, 21 Oct 2095 07:28:00 GMT"])
    def test_a_long_retry_after_ends_the_attempts(self, web: Web, store: Store, when: str) -> None:
        web.will_answer(Answer(429, b"Slow down", headers={"Retry-After": when}))
        with pytest.raises(StoreRefused, match="rate-limiting"):
            store.experiments()
        assert len(web.requests) == 1

    @pytest.mark.parametrize("headers", [{}, {"Retry-After": "9"}], ids=["back-off", "Retry-After"])
    def test_closing_ends_the_pause_between_attempts(
        self, web: Web, store: Store, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "10")
        meeting = threading.Barrier(2)
        web.will_answer(Answer(503, headers=headers, meeting=meeting))
        with threads(1, store.experiments) as outcomes:
            meeting.wait(20)
            store.close()
        assert [type(outcome) for outcome in outcomes] == [Cancelled]
        assert len(web.requests) == 1
