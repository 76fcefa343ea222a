"""The compare view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.conftest import MlflowStore
from tests.support.demo import uri_of
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.compare.bars import BarsSource
from tui.compare.screen import CompareScreen
from tui.compare.source import CompareSource, TransposedSource
from tui.completions import completions
from tui.run.screen import RunScreen
from tui.screen import compare_reason
from tui.state import State
from tui.widgets.table import Table

SIZE = (140, 40)


@asynccontextmanager
async def comparing(
    store: MlflowStore, *names: str, size: tuple[int, int] = SIZE
) -> AsyncIterator[tuple[Pilot[None], CompareScreen]]:
    console = Console(store.tracking)
    async with console.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        console.session.state.compared = tuple(store.runs[name] for name in names)
        await pilot.press("2")
        await settle(pilot)
        assert isinstance(console.screen, CompareScreen)
        yield pilot, console.screen


def source(screen: CompareScreen) -> CompareSource:
    assert isinstance(screen.source, CompareSource)
    return screen.source


def row(screen: CompareScreen, key: str) -> int:
    found = source(screen).row_of(key)
    assert found is not None, f"no row {key}"
    return found


def best_columns(screen: CompareScreen, key: str) -> list[int]:
    shown = source(screen)
    at = row(screen, key)
    return [c - 1 for c in range(1, len(shown.columns)) if shown.cell_style(at, c) == "good"]


async def test_each_run_has_a_column_and_differences_come_first(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-23") as (_, screen):
        shown = source(screen)
        runs = [mlflow_store.runs[name] for name in ("trial-00", "trial-23")]
        assert [c.key for c in shown.columns[1:]] == runs
        sections: dict[str, list[bool]] = {}
        for at in range(shown.row_count):
            compared = shown.compared_row(at, 0)
            if compared is not None:
                sections.setdefault(compared.section, []).append(compared.differs)
        for differs in sections.values():
            assert differs == sorted(differs, reverse=True)


async def test_x_shows_only_differences(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-23") as (pilot, screen):
        before = source(screen).row_count
        await pilot.press("x")
        await pilot.pause()
        rows = [source(screen).compared_row(at, 0) for at in range(source(screen).row_count)]
        assert all(compared.differs for compared in rows if compared is not None)
        assert len(rows) < before
        assert "differences only" in text_of(pilot.app)  # type: ignore[arg-type]


async def test_the_best_cell_follows_the_direction(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-23") as (pilot, screen):
        best = best_columns(screen, "metrics.accuracy")
        assert len(best) == 1
        assert "accuracy ↑" in text_of(pilot.app)  # type: ignore[arg-type]
        table = screen.query_one("#comparison", Table)
        table.move_to("metrics.accuracy")
        await pilot.press("o")
        await settle(pilot)
        assert best_columns(screen, "metrics.accuracy") == [1 - best[0]]
        assert "accuracy ↓" in text_of(pilot.app)  # type: ignore[arg-type]


async def test_b_sets_the_baseline(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-23") as (pilot, screen):
        at = row(screen, "metrics.accuracy")
        first = source(screen).cell(at, 2)
        await pilot.press("L", "L", "b")
        await pilot.pause()
        assert [c.key for c in source(screen).columns[1:]] == [
            mlflow_store.runs[name] for name in ("trial-23", "trial-00")
        ]
        second = source(screen).cell(at, 2)
        assert first.split()[0].lstrip("+−") == second.split()[0].lstrip("+−")
        assert first.split()[0][0] != second.split()[0][0]


async def test_a_new_comparison_opens_at_its_start(mlflow_store: MlflowStore) -> None:
    names = [f"trial-{number:02d}" for number in range(12)]
    async with comparing(mlflow_store, *names, size=(60, 16)) as (pilot, screen):
        table = screen.query_one("#comparison", Table)
        await pilot.press("G", *["L"] * 11)
        assert "› " not in text_of(pilot.app)  # type: ignore[arg-type]
        assert "trial-00 ◆" in text_of(pilot.app)  # type: ignore[arg-type]  # the baseline stays in view
        await pilot.press("q")
        await settle(pilot)
        pilot.app.session.state.compared = tuple(mlflow_store.runs[name] for name in names[3:9])  # type: ignore[attr-defined]
        await pilot.press("2")
        await settle(pilot)
        assert (table.cursor_row, table.cursor_column) == (0, 0)
        lines = text_of(pilot.app).splitlines()  # type: ignore[arg-type]
        assert "trial-03 ◆" in lines[2]
        assert "trial-04" in lines[2]


async def test_missing_and_non_finite_values_are_shown_as_such(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "special", "trial-07") as (pilot, _):
        screen = text_of(pilot.app)  # type: ignore[arg-type]
        assert "NaN" in screen
        assert "–" in screen
        assert "inf" in screen


async def test_a_missing_value_in_a_cut_column_is_not_marked_as_cut(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-23", "running", "special", size=(120, 34)) as (pilot, _):
        lines = text_of(pilot.app).splitlines()  # type: ignore[arg-type]
        accuracy = next(line for line in lines if line.strip().startswith("accuracy"))
        assert accuracy.rstrip().endswith("–")


async def test_d_removes_a_run_from_the_comparison(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-01", "trial-02") as (pilot, screen):
        await pilot.press("L", "D")
        await settle(pilot)
        assert len(source(screen).columns) == 3
        await pilot.press("D")
        assert await appears(pilot, "COMPARE  1 run ")


async def test_an_empty_comparison_says_what_to_do(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store) as (pilot, _):
        screen = text_of(pilot.app)  # type: ignore[arg-type]
        assert "Mark at least two runs" in screen
        assert "reading …" not in screen
        await pilot.press("x")
        assert await appears(pilot, "Nothing to compare yet")


async def test_a_missing_run_is_reported(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        console.session.state.compared = ("0" * 32, mlflow_store.runs["trial-00"])
        await pilot.press("2")
        await settle(pilot)
        assert await appears(pilot, "0" * 32)


async def test_without_the_store_the_marked_runs_are_compared_as_they_were_loaded(
    mlflow_store_copy: MlflowStore,
) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        table = console.screen.query_one("#runs", Table)

        async def compare(*names: str) -> None:
            await pilot.press("V", "V")  # no marks
            for name in names:
                assert table.move_to(mlflow_store_copy.runs[name])
                await pilot.press("space")
            await pilot.press("c")
            await settle(pilot)

        await compare("trial-10", "trial-11")
        assert await appears(pilot, "trial-11 ◆")
        await pilot.press("escape")
        away = mlflow_store_copy.path.rename(mlflow_store_copy.path.with_suffix(".away"))
        await compare("trial-12", "trial-13", "trial-14")
        assert await appears(pilot, "no answer since")
        screen = text_of(console)
        assert "COMPARE  3 runs" in screen
        assert "trial-13" in screen
        assert "trial-11" not in screen
        assert "accuracy ↑" in screen
        await pilot.press("L", "D")
        await settle(pilot)
        assert await appears(pilot, "COMPARE  2 runs")
        console.session.state.compared = tuple(mlflow_store_copy.runs[f"trial-{n}"] for n in (20, 21))
        await pilot.press("1", "2")
        await settle(pilot)
        assert await appears(pilot, "MLflow store not found"), text_of(console)
        assert "trial-13" not in text_of(console)  # what is not loaded does not stand for other runs
        away.rename(mlflow_store_copy.path)
        await pilot.press("r")
        await settle(pilot)
        assert await appears(pilot, "trial-20 ◆")


async def test_q_and_escape_return_to_the_runs(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-23") as (pilot, _):
        await pilot.press("q")
        await settle(pilot)
        assert pilot.app.current_mode == "runs"
        await pilot.press("2")
        await settle(pilot)
        assert pilot.app.current_mode == "compare"
        await pilot.press("escape")
        await settle(pilot)
        assert pilot.app.current_mode == "runs"


async def test_keys_change_how_the_comparison_is_shown(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-23", "trial-12") as (pilot, screen):
        table = screen.query_one("#comparison", Table)
        runs = [mlflow_store.runs[name] for name in ("trial-00", "trial-23", "trial-12")]
        table.move_to("metrics.accuracy")
        await pilot.press("s")
        assert [c.key for c in source(screen).columns[1:]] == runs, "the baseline is worst, and stays first"
        await pilot.press("L", "L", "b")
        assert [c.key for c in source(screen).columns[1:]] == [runs[1], runs[2], runs[0]]
        assert "sorted by metrics.accuracy" in text_of(pilot.app)  # type: ignore[arg-type]
        await pilot.press("percent_sign")
        assert " pp" in text_of(pilot.app)  # type: ignore[arg-type]
        await pilot.press("a")
        assert isinstance(screen.source, BarsSource)
        await pilot.press("t")
        assert isinstance(screen.source, TransposedSource)
        assert [table.source.row_key(row) for row in range(3)] == [runs[1], runs[2], runs[0]]
        await pilot.press("g", "j", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RunScreen)
        assert "trial-12" in text_of(pilot.app)  # type: ignore[arg-type]
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert "trial-00" in text_of(pilot.app)  # type: ignore[arg-type]
        await pilot.press("escape", "t", "s", "s")
        assert isinstance(screen.source, CompareSource)


async def test_a_flipped_direction_is_remembered_at_once(mlflow_store: MlflowStore) -> None:
    async with comparing(mlflow_store, "trial-00", "trial-23") as (pilot, screen):
        screen.query_one("#comparison", Table).move_to("metrics.accuracy")
        await pilot.press("o")
        state = State(pilot.app.session.state.store)  # type: ignore[attr-defined]
        state.load()
        assert state.directions == {"accuracy": "lower"}


async def test_versions_are_compared_from_the_command_line_and_from_their_marks(
    mlflow_store: MlflowStore,
) -> None:
    async with comparing(mlflow_store) as (pilot, screen):
        assert completions(pilot.app, "compare", "cla") == []  # type: ignore[arg-type]
        await pilot.app.run_line("compare classifier 2 3")  # type: ignore[attr-defined]
        await settle(pilot)
        assert await appears(pilot, "2 versions of classifier")
        assert [c.label.split()[:2] for c in source(screen).columns[1:]] == [
            ["version", "2"],
            ["version", "3"],
        ]
        assert await appears(pilot, "SIGNATURE")
        assert "@champion" in text_of(pilot.app)  # type: ignore[arg-type]
        await pilot.app.run_line("compare classifier")  # type: ignore[attr-defined]
        assert await appears(pilot, "at least two versions")
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("c")
        assert await appears(pilot, "Mark at least two versions")
        assert completions(pilot.app, "compare", "CLA") == ["classifier"]  # type: ignore[arg-type]
        await pilot.press("V", "c")
        await settle(pilot)
        assert await appears(pilot, "3 versions of")


def test_comparing_too_many_runs_is_refused() -> None:
    assert compare_reason(20_000, "runs") == "20,000 runs are marked; at most 200 can be compared."
    assert compare_reason(200, "runs") is None


@pytest.mark.slow
async def test_p_corrects_what_may_be_chance_for_the_number_of_runs(own_demo: Path) -> None:
    console = Console(uri_of(own_demo), experiment="heart-disease")
    async with console.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("space", "space", "space", "c")
        await settle(pilot)
        assert "≈ may be chance" in text_of(console)
        assert "p-values corrected" not in text_of(console)
        await pilot.press("p")
        await settle(pilot)
        assert "≈ may be chance, p-values corrected" in text_of(console)
        await pilot.press("q")
        await settle(pilot)
        await pilot.press("V", "c")
        await settle(pilot)
        await pilot.press("i", "e")
        await settle(pilot)
        assert "What may be chance is tested for up to 50 runs." in text_of(console)
