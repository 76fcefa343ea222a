"""The session behind the runs view, on a real store and without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count

import pytest

from engine.api import Engine
from engine.columns import ColumnKey
from engine.runs.sorting import SortKey
from tests.conftest import MlflowStore
from tui.bridge import Bridge
from tui.runs import loader as loader_module, session as session_module
from tui.runs.session import RunSession, SessionChange
from tui.state import ExperimentState
from tui.tasks import Tasks, Work

ACCURACY = ColumnKey("metric", "accuracy")


class Loop:
    """Runs tasks on asyncio alone; in a group, new work replaces the old."""

    def __init__(self) -> None:
        self.groups: dict[str, asyncio.Task[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, group: str | None, work: Work) -> None:
        async def run() -> None:
            await work()

        task = asyncio.ensure_future(run())
        self.tasks.add(task)
        if group is not None:
            if before := self.groups.get(group):
                before.cancel()
            self.groups[group] = task

    async def settle(self) -> None:
        """Wait until no task is left. Raises the error of a task that failed."""
        while self.tasks:
            done, self.tasks = self.tasks, set()
            for outcome in await asyncio.gather(*done, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome


class Stage:
    """A session on the `heart` experiment, and the changes it reported."""

    def __init__(self, store: MlflowStore) -> None:
        self.engine, self.loop, self.bridge = Engine(store.tracking), Loop(), Bridge()
        self.changes: list[SessionChange] = []
        tasks = Tasks(self.bridge, self.loop.start)
        self.session = RunSession(self.engine, self.bridge, tasks, self.changes.append)

    async def open(self) -> RunSession:
        experiment = self.engine.runs.experiment("heart")
        self.session.open(experiment.experiment_id, ExperimentState())
        await self.loop.settle()
        return self.session

    async def filter(self, text: str, *, typed: bool = False) -> None:
        self.session.set_view(replace(self.session.view, filter_text=text), typed=typed)
        await self.loop.settle()

    def names(self) -> list[str]:
        frame = self.session.frame
        assert frame is not None
        return [frame.run(row).run_name for row in self.session.matching]


@pytest.fixture
async def stage(mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(session_module, "SEARCH_SECONDS", 0.0)
    stage = Stage(mlflow_store)
    yield stage
    await stage.loop.settle()
    stage.engine.close()


async def test_opening_an_experiment_loads_and_arranges_all_of_its_runs(stage: Stage) -> None:
    session = await stage.open()
    assert session.loader.stage == "complete"
    assert session.frame is not None
    assert session.frame.complete
    assert len(session.matching) == len(session.frame) == 27
    assert {"frame", "rows", "read", "progress"} <= set(stage.changes)
    assert session.loader.error is None


async def test_filter_and_sort_apply_together(stage: Stage) -> None:
    session = await stage.open()
    session.change_view(sort=(SortKey(ACCURACY, True),))
    await stage.filter("accuracy > 0.9")
    assert session.frame is not None
    found = [session.frame.run(row).metrics["accuracy"] for row in session.matching]
    assert found
    assert found == sorted(found, reverse=True)
    assert min(found) > 0.9


async def test_an_invalid_filter_keeps_the_rows_and_reports_the_error(stage: Stage) -> None:
    session = await stage.open()
    await stage.filter("accuracy > 0.9", typed=True)
    kept = stage.names()
    await stage.filter("accuracy > 0.9 and nope > 1", typed=True)
    assert stage.names() == kept
    assert session.filter_error is not None
    await stage.filter("accuracy > 0.9 and loss < 100", typed=True)
    assert session.filter_error is None


async def test_a_column_name_being_typed_keeps_the_rows_until_an_operator_follows(stage: Stage) -> None:
    session = await stage.open()
    await stage.filter("accur", typed=True)
    assert session.is_unfinished
    assert len(stage.names()) == 27
    await stage.filter("accur")
    assert len(stage.names()) == 27  # applied rather than typed, but the same text: nothing changes
    await stage.filter("trial-2", typed=True)
    assert not session.is_unfinished
    assert session.last_word == "trial-2"
    assert stage.names()
    assert all("trial-2" in name for name in stage.names())


async def test_a_value_being_typed_keeps_the_rows_until_it_is_finished(stage: Stage) -> None:
    session = await stage.open()
    await stage.filter("status = failed", typed=True)
    before = stage.names()
    await stage.filter("status = failed and metric = euclid", typed=True)
    assert session.is_behind_filter
    assert stage.names() == before
    session.finish_typing()
    await stage.loop.settle()
    assert not session.is_behind_filter
    assert stage.names() == []
    assert session.hint == "Did you mean euclidean?"


async def test_the_columns_follow_the_width_of_the_screen(stage: Stage) -> None:
    session = await stage.open()

    def names() -> list[str]:
        return [column.key.name for column in session.columns]

    wide = names()
    session.set_narrow(True)
    await stage.loop.settle()
    assert names().index("accuracy") < names().index("start_time")
    session.set_narrow(False)
    await stage.loop.settle()
    assert names() == wide
    assert wide.index("accuracy") > wide.index("start_time")


async def test_only_the_last_of_several_quick_edits_is_arranged(stage: Stage) -> None:
    session = await stage.open()
    stage.changes.clear()
    for text in ("a", "ac", "accuracy > 0.9"):
        session.set_view(replace(session.view, filter_text=text), typed=True)
    await stage.loop.settle()
    assert stage.changes.count("rows") == 1
    assert session.filter is not None
    assert session.filter.text == "accuracy > 0.9"


async def test_marked_runs_are_listed_in_table_order_hidden_ones_last(stage: Stage) -> None:
    session = await stage.open()
    assert session.frame is not None
    ids = [session.frame.run_ids[row] for row in session.matching]
    await stage.filter("accuracy > 0.9")
    shown = [session.frame.run_ids[row] for row in session.matching]
    hidden = next(run_id for run_id in ids if run_id not in shown)
    session.set_marks(frozenset({hidden, *shown[:2]}))
    assert session.marked() == (*shown[:2], hidden)
    assert session.hidden(session.marked()) == 1


async def test_dropped_runs_leave_the_rows_and_the_marks(stage: Stage) -> None:
    session = await stage.open()
    assert session.frame is not None
    gone, *_ = session.frame.run_ids
    session.set_marks(frozenset({gone}))
    session.drop([gone])
    await asyncio.sleep(0)  # the feed's frame arrives on the next turn of the loop
    await stage.loop.settle()
    assert len(session.matching) == 26
    assert session.state.marks == frozenset()


async def test_reloading_after_stopping_twice_completes(stage: Stage) -> None:
    session = await stage.open()
    session.loader.reload()
    assert session.loader.stage == "reloading"
    session.loader.stop()
    session.loader.stop()
    assert session.loader.stage == "complete"
    session.loader.reload()
    await stage.loop.settle()
    assert session.loader.stage == "complete"
    assert len(session.matching) == 27


async def test_runs_shown_again_keep_the_time_when_they_were_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(1_000)
    monkeypatch.setattr(loader_module, "_now", lambda: next(clock))
    session = await stage.open()
    loader = session.loader
    read_at = loader.read_at
    session.open(stage.engine.runs.experiment("empty").experiment_id, ExperimentState())
    await stage.loop.settle()
    assert loader.read_at > read_at
    session.open(stage.engine.runs.experiment("heart").experiment_id, ExperimentState())
    assert loader.read_at == read_at, "the store has not answered yet"
    await stage.loop.settle()
    assert loader.read_at > read_at


def test_the_session_imports_no_textual() -> None:
    import subprocess
    import sys

    code = "import sys, tui.runs.session; sys.exit(any(name.startswith('textual') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
