"""The preview of a run or a group: no line wraps, however long its texts."""

from __future__ import annotations

import sqlite3

import pytest
from rich.cells import cell_len

from engine.runs.table_cells import GroupSummary
from engine.text import Shown
from tests.conftest import MlflowStore
from tests.hostile.stream import unexpected_output
from tests.support.runs import a_run
from tests.tui.support import appears, settle, text_of
from tests.tui.widgets.support import Stage
from tui.app import Console
from tui.runs.preview import RunPreview
from tui.runs.screen import RunsScreen

METRICS = {"accuracy": 0.9, "f1": 0.8, "precision": 0.7, "recall": 0.6}
NAMES = {
    "ascii": "long-run-name-" * 15,
    "wide": "名前🚀" * 60,
    "combining": "e\u0301x\u200b" * 60,
    "joined": "👩\u200d👩\u200d👧\u200d👦🇩🇪" * 40,
    "control": "a\x1b[31m\nb\t\x9b" * 30,
    "spaces": "a b " * 60,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [40, 79, 80, 140])
async def test_a_long_name_is_cut_to_one_line(name: str, width: int) -> None:
    preview = RunPreview()
    stage = Stage(preview)
    async with stage.run_test(size=(width, 5)) as pilot:
        preview.subject = a_run("a", name=NAMES[name], metrics=METRICS)
        await pilot.pause()
        lines = stage.lines()
        assert lines[0].endswith("…  enter opens")
        assert width - 4 <= cell_len(lines[0]) <= width - 1, "the full width"
        assert [line.split()[0] for line in lines[1:]] == list(METRICS)
        assert unexpected_output(stage.take_written().encode("utf-8", "surrogateescape")) == []


async def test_a_long_name_does_not_displace_the_metrics(mlflow_store_copy: MlflowStore) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:
        named = ("名前🚀\t" * 60, mlflow_store_copy.runs["trial-23"])
        database.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", named)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert isinstance(console.view, RunsScreen)
        console.view.pane.table.move_to(mlflow_store_copy.runs["trial-23"])
        assert await appears(pilot, "…  enter opens")
        lines = text_of(console).splitlines()
        at = next(at for at, line in enumerate(lines) if "enter opens" in line)
        expected = zip(lines[at + 1 : at + 4], ("accuracy", "cv_mean", "weights"), strict=True)
        assert all(name in line for line, name in expected)


async def test_a_short_name_is_not_cut() -> None:
    preview = RunPreview()
    stage = Stage(preview)
    async with stage.run_test(size=(40, 5)) as pilot:
        for name in ("trial-07", "名前 🚀"):
            preview.subject = a_run("a", name=name, metrics=METRICS)
            await pilot.pause()
            assert stage.lines()[0] == f" {name}  enter opens"


async def test_long_metrics_and_parameters_stay_on_their_lines() -> None:
    preview = RunPreview()
    stage = Stage(preview)
    wide = {f"{at} 名前🚀" + "指標" * 60: at + 0.5 for at in range(4)}
    params = dict.fromkeys(wide, "値 " * 100)
    async with stage.run_test(size=(80, 5)) as pilot:
        preview.subject = a_run("a", name="trial-07", metrics=wide, params=params)
        await pilot.pause()
        lines = stage.lines()
        assert [line.split()[0] for line in lines] == ["trial-07", "0", "1", "2", "3"]
        assert [line.split()[-1] for line in lines[1:]] == ["0.5000", "1.5000", "2.5000", "3.5000"]
        assert all(cell_len(line) <= 79 for line in lines)


async def test_a_long_group_is_cut_to_one_line() -> None:
    preview = RunPreview()
    stage = Stage(preview)
    values = Shown("0.9000"), Shown("0.1000"), Shown("0.8000"), Shown("1.0000")
    metrics = tuple((Shown(name + "指標" * 60), *values) for name in METRICS)
    group = GroupSummary(Shown("model 名前🚀" * 30), Shown("12 runs"), False, metrics)
    async with stage.run_test(size=(80, 5)) as pilot:
        preview.subject = group
        await pilot.pause()
        lines = stage.lines()
        assert lines[0].endswith("…  12 runs  enter opens")
        assert [line.split("指標")[0].strip() for line in lines[1:]] == list(METRICS)
        assert all(line.endswith("0.9000 ± 0.1000   0.8000 … 1.0000") for line in lines[1:])
