"""Several readers load one experiment: every run once, for any distribution of start times."""

from __future__ import annotations

import operator
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from engine.entities import Run
from engine.errors import Cancelled, ServerFault
from engine.jobs import CancelToken
from engine.runs.loading.feed import RunFeed
from engine.stores.base import RunPage, RunQuery
from engine.stores.block import RunBlock
from tests.support.runs import START, a_run

COMPARE = {">=": operator.ge, "<=": operator.le}


class OffsetPagedStore:
    """A store with offset paging over runs with these start times, which counts requests and runs."""

    readers = 4
    page_size = 100

    def __init__(self, starts: list[int]) -> None:
        runs = [a_run(f"{number:05}", start=START + start) for number, start in enumerate(starts)]
        self.stored_runs = sorted(runs, key=lambda run: (-(run.start_time or 0), run.run_id))
        self.requests = 0
        self.runs_returned = 0
        self.lock = threading.Lock()
        self.threads: set[int] = set()

    def stamp(self) -> None:
        return None

    def _found(self, query: RunQuery) -> list[Run]:
        found = self.stored_runs
        for condition in query.conditions:
            assert condition.name == "start_time"
            holds = COMPARE[condition.operator]
            found = [run for run in found if holds(run.start_time, condition.value)]
        return sorted(found, key=lambda run: run.start_time or 0) if query.oldest_first else found

    def runs(self, query: RunQuery, *, page_token: str | None = None, max_results: int = 100) -> RunPage:
        found = self._found(query)
        first = int(page_token or 0)
        page = found[first : first + max_results]
        with self.lock:
            self.requests += 1
            self.runs_returned += len(page)
            self.threads.add(threading.get_ident())
        more = str(first + max_results) if first + max_results < len(found) else None
        return RunPage(RunBlock.of(page), more)


def load(store: OffsetPagedStore, first_page: int = 20) -> list[str]:
    frame = RunFeed(store, "1", first_page=first_page).load()  # type: ignore[arg-type]
    return sorted(frame.run_ids)


EVENLY = [1000 * number for number in range(3000)]
ONE_BURST = [0] + [40_000_000_000 + number for number in range(3000)]
SAME_TIME = [5] * 1500
TWO_BURSTS = [*range(1500), *range(10**10, 10**10 + 1500)]


@pytest.mark.parametrize("starts", [EVENLY, ONE_BURST, SAME_TIME, TWO_BURSTS, [], [7], [7, 7]])
def test_every_run_is_read_once(starts: list[int]) -> None:
    store = OffsetPagedStore(starts)
    assert load(store) == [f"{number:05}" for number in range(len(starts))]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 10**11) | st.integers(0, 30), max_size=700))
def test_every_run_is_read_once_for_any_start_times(starts: list[int]) -> None:
    assert load(OffsetPagedStore(starts)) == [f"{number:05}" for number in range(len(starts))]


@pytest.mark.parametrize("starts", [EVENLY, ONE_BURST, TWO_BURSTS])
def test_few_runs_are_read_twice(starts: list[int]) -> None:
    store = OffsetPagedStore(starts)
    load(store)
    assert store.runs_returned < 1.5 * len(starts)
    assert len(store.threads) <= store.readers


def test_a_reader_error_ends_the_load_and_the_next_load_resumes() -> None:
    class Failing(OffsetPagedStore):
        broken = True

        def runs(self, query: RunQuery, **options: object) -> RunPage:
            if self.broken and self.requests > 8:
                raise ServerFault("The server is gone")
            return super().runs(query, **options)  # type: ignore[arg-type]

    store = Failing(EVENLY)
    feed = RunFeed(store, "1")  # type: ignore[arg-type]
    with pytest.raises(ServerFault, match="The server is gone"):
        feed.load()
    assert 0 < len(feed.frame) < 3000
    store.broken = False
    before = store.runs_returned
    assert sorted(feed.load().run_ids) == [f"{number:05}" for number in range(3000)]
    assert store.runs_returned - before < 3000 + 500 - before / 2


def test_cancelling_stops_all_readers() -> None:
    cancel = CancelToken()

    class Watched(OffsetPagedStore):
        def runs(self, query: RunQuery, **options: object) -> RunPage:
            if self.requests > 6:
                cancel.cancel()
            return super().runs(query, **options)  # type: ignore[arg-type]

    store = Watched(EVENLY)
    feed = RunFeed(store, "1")  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        feed.load(cancel)
    assert len(feed.frame) < 3000
    assert len(feed.load()) == 3000


def test_without_start_times_pages_are_read_in_sequence() -> None:
    store = OffsetPagedStore([])
    store.stored_runs = [replace(a_run(f"{number:05}"), start_time=None) for number in range(500)]
    assert len(load(store)) == 500
    assert store.runs_returned == 500
