"""Frames in memory: when they are freed, and when they are garbage collected."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from engine.runs.frame import RunFrame
from tests.conftest import MlflowStore
from tests.support.runs import a_run
from tests.tui.support import appears, settle
from tui import garbage_collection
from tui.app import Console
from tui.runs.screen import RunsScreen


@pytest.fixture
def held_frames(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[RunFrame]]]:
    """The non-empty frames created since, with garbage collection off: only unreferenced ones are freed."""

    def held() -> list[RunFrame]:
        return [held for held in gc.get_objects() if isinstance(held, RunFrame) and len(held)]

    monkeypatch.setattr(gc, "freeze", lambda: None)  # frozen objects are not listed by gc.get_objects()
    gc.collect()
    gc.disable()
    before = held()
    yield lambda: [frame for frame in held() if not any(frame is old for old in before)]
    gc.enable()


async def test_frames_that_are_no_longer_shown_are_freed(
    mlflow_store: MlflowStore, held_frames: Callable[[], list[RunFrame]]
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        view = console.view
        assert isinstance(view, RunsScreen)
        assert view.experiment is not None
        view.pane.apply_filter("accuracy > 0.1")
        await settle(pilot)
        view.show_experiment(view.experiment)  # as enter does in the list of experiments
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert view.runs.loader.feed is not None
        assert await appears(pilot, "of 27")
        assert held_frames() == [view.runs.loader.feed.frame]


async def test_the_last_two_experiments_stay_in_memory(
    mlflow_store: MlflowStore, held_frames: Callable[[], list[RunFrame]]
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        view = console.view
        assert isinstance(view, RunsScreen)
        first, second, third = view.experiments.experiments
        sizes = []
        for experiment in (first, second, first, third):
            view.show_experiment(experiment)
            await settle(pilot)
            assert view.runs.frame is not None
            sizes.append(len(view.runs.frame))
        assert sizes[0] == sizes[2]
        in_memory = [size for size in (sizes[0], sizes[3]) if size]
        assert sorted(map(len, held_frames())) == sorted(in_memory)


def test_full_collections_are_suspended_while_loading() -> None:
    usual = gc.get_threshold()
    with garbage_collection.young_collections_only():
        assert gc.get_threshold()[2] > 1000 * usual[2]
        with garbage_collection.young_collections_only():
            pass
        assert gc.get_threshold()[2] > 1000 * usual[2]
    assert gc.get_threshold() == usual


def test_large_frames_are_exempt_from_garbage_collection() -> None:
    few = RunFrame.from_runs(a_run(str(number)) for number in range(10))
    garbage_collection.freeze_if_large(few)
    assert any(held is few for held in gc.get_objects())
    many = few.extended(a_run(str(number)) for number in range(garbage_collection.FREEZE_FROM))
    try:
        garbage_collection.freeze_if_large(many)
        assert not any(held is many for held in gc.get_objects())
    finally:
        gc.unfreeze()
