"""Loading an experiment page by page, whatever the pages do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from engine.blocks import RunBlock
from engine.errors import Cancelled, ServerFault
from engine.jobs import CancelToken
from engine.runs import load
from engine.runs.frame import RunFrame
from engine.runs.load import load_runs
from engine.stores import open_store
from engine.stores.base import PAGE, RunPage, RunQuery
from tests.conftest import MlflowStore
from tests.support.runs import a_run, told


class Pages:
    """The paging side of a store: pages in a row, and what was asked of it."""

    def __init__(
        self, *pages: Sequence[str], total: int | None = None, on_page: Callable[[int], None] | None = None
    ):
        self.pages = pages
        self.total = total
        self.sizes: list[int] = []
        self.on_page = on_page

    def runs(
        self,
        query: RunQuery,
        *,
        page_token: str | None = None,
        max_results: int = PAGE,
    ) -> RunPage:
        number = int(page_token or 0)
        self.sizes.append(max_results)
        if self.on_page:
            self.on_page(number)
        following = str(number + 1) if number + 1 < len(self.pages) else None
        return RunPage(RunBlock.of(map(a_run, self.pages[number])), following, self.total)


@pytest.fixture(autouse=True)
def every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "FRAME_SECONDS", 0.0)


def test_the_first_page_is_small_and_each_frame_is_shown() -> None:
    store, frames = Pages("ab", "cd", "e", total=5), list[RunFrame]()
    frame = load_runs(store, "1", on_frame=frames.append, first_page=2)  # type: ignore[arg-type]
    assert store.sizes == [2, PAGE, PAGE]
    assert [(len(f), f.total, f.complete) for f in frames] == [(2, 5, False), (4, 5, False), (5, 5, True)]
    assert frame is frames[-1]
    assert "".join(frame.run_ids) == "abcde"


def test_frames_are_given_in_a_rhythm_but_always_the_first_and_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load, "FRAME_SECONDS", 3600.0)
    frames = list[RunFrame]()
    load_runs(Pages("ab", "cd", "ef", "g"), "1", on_frame=frames.append)  # type: ignore[arg-type]
    assert [len(f) for f in frames] == [2, 7]


def test_a_run_on_two_pages_is_there_once_and_empty_pages_are_no_end() -> None:
    frame = load_runs(Pages("abc", "", "cd", "da", ""), "1")  # type: ignore[arg-type]
    assert "".join(frame.run_ids) == "abcd"
    assert frame.complete


def test_cancelling_keeps_what_was_loaded() -> None:
    cancel, frames = CancelToken(), list[RunFrame]()
    store = Pages("ab", "cd", "ef", on_page=lambda number: cancel.cancel() if number == 1 else None)
    with pytest.raises(Cancelled, match="Loading runs was cancelled"):
        load_runs(store, "1", on_frame=frames.append, cancel=cancel)  # type: ignore[arg-type]
    assert len(store.sizes) == 2
    assert len(frames[-1]) == 4
    assert not frames[-1].complete


def test_a_store_that_goes_in_circles_is_left() -> None:
    class Circle(Pages):
        def runs(self, experiment_id: str, **_: object) -> RunPage:  # type: ignore[override]
            return RunPage((a_run("a"),), "again")

    frames = list[RunFrame]()
    with pytest.raises(ServerFault, match="same page again and again"):
        load_runs(Circle(), "1", on_frame=frames.append)  # type: ignore[arg-type]
    assert len(frames[-1]) == 1


def test_all_runs_of_a_real_store(mlflow_store: MlflowStore) -> None:
    store = open_store(mlflow_store.tracking)
    frames = list[RunFrame]()
    frame = load_runs(store, mlflow_store.heart, on_frame=frames.append, first_page=5)
    assert [len(f) for f in frames] == [5, 27]
    assert (frame.total, frame.complete) == (27, True)
    assert list(frame.newest_first()) == list(range(27))
    assert [told(frame.run(row)) for row in range(27)] == [told(store.run(i).run) for i in frame.run_ids]
    assert len(load_runs(store, mlflow_store.experiments["empty"])) == 0
