"""Loading an experiment page by page, and keeping it up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Cancelled, ServerFault
from engine.jobs import CancelToken
from engine.runs.frame import RunFrame
from engine.runs.loading import feed as feeds
from engine.runs.loading.feed import FIRST_PAGE, RunFeed
from engine.stores import open_store
from engine.stores.base import PAGE_SIZE, Condition, RunPage, RunQuery
from engine.stores.block import RunBlock
from engine.stores.mlflow.client import open_client
from tests.conftest import MlflowStore
from tests.support.runs import a_run, canonical


class Pages:
    """A store that returns fixed pages and records the requested sizes."""

    readers = 1
    page_size = PAGE_SIZE

    def __init__(
        self, *pages: Sequence[str], total: int | None = None, on_page: Callable[[int], None] | None = None
    ):
        self.pages = pages
        self.total = total
        self.sizes: list[int] = []
        self.on_page = on_page

    def stamp(self) -> None:
        return None

    def runs(
        self, query: RunQuery, *, page_token: str | None = None, max_results: int = PAGE_SIZE
    ) -> RunPage:
        number = int(page_token or 0)
        self.sizes.append(max_results)
        if self.on_page:
            self.on_page(number)
        following = str(number + 1) if number + 1 < len(self.pages) else None
        return RunPage(RunBlock.of(map(a_run, self.pages[number])), following, self.total)


def feed_of(store: Pages, frames: list[RunFrame] | None = None, first_page: int = 2) -> RunFeed:
    on_frame = None if frames is None else frames.append
    return RunFeed(store, "1", on_frame=on_frame, first_page=first_page)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "FRAME_SECONDS", 0.0)


class TestLoading:
    def test_the_first_page_is_small_and_each_frame_is_reported(self) -> None:
        store, frames = Pages("ab", "cd", "e", total=5), list[RunFrame]()
        frame = feed_of(store, frames).load()
        assert store.sizes[0] == 2
        assert min(store.sizes[1:]) >= 100
        assert [(len(f), f.total, f.complete) for f in frames] == [
            (2, 5, False),
            (4, 5, False),
            (5, 5, False),
            (5, 5, True),
        ]
        assert frame is frames[-1]
        assert "".join(frame.run_ids) == "abcde"

    def test_frames_are_throttled_but_the_first_and_last_are_always_reported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feeds, "FRAME_SECONDS", 3600.0)
        frames = list[RunFrame]()
        feed_of(Pages("ab", "cd", "ef", "g"), frames).load()
        assert [(len(f), f.complete) for f in frames] == [(2, False), (7, False), (7, True)]

    def test_duplicate_runs_are_kept_once_and_empty_pages_do_not_end_loading(self) -> None:
        frame = feed_of(Pages("abc", "", "cd", "da", "")).load()
        assert "".join(frame.run_ids) == "abcd"
        assert frame.complete

    def test_cancelling_keeps_loaded_runs_and_loading_again_resumes(self) -> None:
        cancel, frames = CancelToken(), list[RunFrame]()
        store = Pages("ab", "cd", "ef", on_page=lambda number: cancel.cancel() if number == 1 else None)
        feed = feed_of(store, frames)
        with pytest.raises(Cancelled, match="Loading runs was cancelled"):
            feed.load(cancel)
        assert len(store.sizes) == 2
        assert len(frames[-1]) == 4
        assert not frames[-1].complete
        frame = feed.load()
        assert len(store.sizes) == 3  # pages already read are not requested again
        assert "".join(frame.run_ids) == "abcdef"
        assert frame.complete

    def test_an_error_keeps_loaded_runs_and_loading_again_resumes(self) -> None:
        def fail_once(number: int) -> None:
            if number == 1 and len(store.sizes) == 2:
                raise ServerFault("The server is gone")

        store = Pages("ab", "cd", "ef", on_page=fail_once)
        feed = feed_of(store)
        with pytest.raises(ServerFault, match="The server is gone"):
            feed.load()
        assert "".join(feed.frame.run_ids) == "ab"
        assert "".join(feed.load().run_ids) == "abcdef"

    @pytest.mark.parametrize("tokens", ["A", "AB", "ABC"])
    def test_a_store_that_repeats_pages_is_an_error(self, tokens: str) -> None:
        class RepeatingPages(Pages):
            def runs(self, query: RunQuery, **_: object) -> RunPage:
                self.sizes.append(1)
                return RunPage(RunBlock.of([a_run("a")]), tokens[len(self.sizes) % len(tokens)])

        store, frames = RepeatingPages(), list[RunFrame]()
        with pytest.raises(ServerFault, match="keeps returning the same page"):
            feed_of(store, frames).load()
        assert len(frames[-1]) == 1
        assert len(store.sizes) <= len(tokens) + 2

    def test_all_runs_of_a_real_store_are_loaded(self, mlflow_store: MlflowStore) -> None:
        store = open_store(mlflow_store.tracking)
        frames = list[RunFrame]()
        frame = RunFeed(store, mlflow_store.heart, on_frame=frames.append, first_page=5).load()
        assert [len(f) for f in frames] == [5, 27, 27]
        assert (frame.total, frame.complete) == (27, True)
        assert list(frame.newest_first()) == list(range(27))
        assert [canonical(frame.run(row)) for row in range(27)] == [
            canonical(store.run(i).run) for i in frame.run_ids
        ]
        assert len(RunFeed(store, mlflow_store.experiments["empty"]).load()) == 0

    def test_deleted_runs_have_their_own_feed(self, mlflow_store: MlflowStore) -> None:
        feed = RunFeed(open_store(mlflow_store.tracking), mlflow_store.heart, lifecycle="deleted")
        assert list(feed.load().run_ids) == [mlflow_store.runs["deleted"]]


class TestSearching:
    DISTANCE = Condition("param", "weights", "=", "distance")

    def test_a_search_loads_matching_runs_first(self, mlflow_store: MlflowStore) -> None:
        feed = RunFeed(open_store(mlflow_store.tracking), mlflow_store.heart)
        assert not feed.answers((self.DISTANCE,))
        feed.search((self.DISTANCE,))
        assert {run.params["weights"] for run in map(feed.frame.run, range(len(feed.frame)))} == {"distance"}
        assert len(feed.frame) == 12
        assert not feed.frame.complete
        assert feed.answers((self.DISTANCE,))
        assert feed.answers((self.DISTANCE, Condition("attribute", "status", "=", "FAILED")))
        assert not feed.answers(())
        frame = feed.load()
        assert (len(frame), frame.total, frame.complete) == (27, 27, True)


@pytest.fixture
def own(mlflow_store_copy: MlflowStore) -> Iterator[tuple[RunFeed, Any, MlflowStore, list[RunFrame]]]:
    """A loaded feed on a private store, MLflow's client for it, the store, and the frames reported since."""
    frames = list[RunFrame]()
    store = open_store(mlflow_store_copy.tracking)
    feed = RunFeed(store, mlflow_store_copy.heart, on_frame=frames.append)
    feed.load()
    frames.clear()
    yield feed, open_client(mlflow_store_copy.uri), mlflow_store_copy, frames
    store.close()


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


class TestRefreshing:
    def test_a_refresh_without_changes_reports_nothing(self, own: Any) -> None:
        feed, _, _, frames = own
        before = feed.frame
        assert not feed.refresh()
        assert feed.frame is before
        assert frames == []

    def test_a_refresh_finds_runs_that_started_ended_or_progressed(self, own: Any) -> None:
        feed, client, store, _ = own
        running = store.runs["running"]
        client.log_metric(running, "accuracy", 0.5)
        new = client.create_run(store.heart, run_name="new").info.run_id
        assert feed.refresh()
        frame = feed.frame
        assert frame.run(frame.row_of(running)).metrics["accuracy"] == 0.5
        assert frame.run(frame.row_of(new)).status == "RUNNING"
        assert list(frame.run_ids).index(running) == frame.row_of(running)  # rows keep their positions
        assert (len(frame), frame.total, frame.complete) == (28, 28, True)
        client.set_terminated(running, "FAILED")
        client.set_terminated(new)
        assert feed.refresh()
        assert {feed.frame.run(feed.frame.row_of(run)).status for run in (running, new)} == {
            "FAILED",
            "FINISHED",
        }
        assert not feed.refresh()

    def test_a_deleted_running_run_is_removed(self, own: Any) -> None:
        feed, client, store, frames = own
        client.delete_run(store.runs["running"])
        assert feed.refresh()
        assert store.runs["running"] not in feed.frame.run_ids
        assert (len(feed.frame), feed.frame.total) == (26, 26)
        assert frames[-1] is feed.frame

    def test_a_run_dated_in_the_future_does_not_hide_new_runs(self, own: Any) -> None:
        feed, client, store, _ = own
        client.create_run(store.heart, run_name="ahead", start_time=4_000_000_000_000)
        assert feed.refresh()
        client.create_run(store.heart, run_name="now")
        assert feed.refresh()
        assert "now" in {feed.frame.run(row).run_name for row in range(len(feed.frame))}

    def test_a_reload_finds_edits_and_deletions(self, own: Any) -> None:
        feed, client, store, _ = own
        client.set_tag(store.runs["trial-10"], "note", "good")
        client.delete_run(store.runs["trial-11"])
        assert not feed.refresh()  # no run started, ended or is running
        frame = feed.reload()
        assert frame.run(frame.row_of(store.runs["trial-10"])).tags["note"] == "good"
        assert store.runs["trial-11"] not in frame.run_ids
        assert (len(frame), frame.total) == (26, 26)

    def test_backdated_and_deleted_runs_are_found_by_the_second_refresh(self, own: Any) -> None:
        feed, client, store, _ = own
        backdated = client.create_run(store.heart, run_name="imported", start_time=1_000_000).info.run_id
        client.set_terminated(backdated, end_time=2_000_000)
        assert not feed.refresh()
        assert feed.refresh()
        assert backdated in feed.frame.run_ids
        client.delete_run(store.runs["trial-11"])
        assert not feed.refresh()
        assert feed.refresh()
        assert store.runs["trial-11"] not in feed.frame.run_ids
        assert (len(feed.frame), feed.frame.total) == (27, 27)
        assert not feed.refresh()
        client.delete_run(store.runs["trial-12"])
        client.create_run(store.heart, run_name="new")
        assert [feed.refresh() for _ in range(4)] == [True, False, True, False]
        assert store.runs["trial-12"] not in feed.frame.run_ids

    def test_a_persistent_count_mismatch_causes_only_one_reload(
        self, own: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        feed, client, store, _ = own
        page = feed._store.runs
        sizes: list[int] = []

        def one_more(*args: Any, **options: Any) -> RunPage:
            found = page(*args, **options)
            sizes.append(options["max_results"])
            return RunPage(found.runs, found.next_token, found.total + 1)

        monkeypatch.setattr(feed._store, "runs", one_more)
        for step in range(4):
            client.set_tag(store.runs["trial-10"], "step", str(step))
            feed.refresh()
        assert sizes.count(FIRST_PAGE) == 1

    def test_rows_are_kept_while_the_store_is_missing_and_updated_when_it_returns(self, own: Any) -> None:
        feed, client, store, _ = own
        away = store.path.rename(store.path.with_name("away.db"))
        for read in (feed.refresh, feed.reload):
            with pytest.raises(Exception, match="MLflow store not found"):
                read()
            assert len(feed.frame) == 27
        away.rename(store.path)
        client.create_run(store.heart, run_name="after")
        assert feed.refresh()
        assert len(feed.frame) == 28

    def test_dropped_runs_are_removed(self, own: Any) -> None:
        feed, _, store, frames = own
        feed.drop([store.runs["trial-00"], "nobody"])
        assert store.runs["trial-00"] not in feed.frame.run_ids
        assert [len(frame) for frame in frames] == [26]
