"""Seeing runs in another way: columns, order, tree, groups, saved views, deleted runs."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev

from textual.pilot import Pilot

from engine.stores import open_store
from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.runs.pane import RunPane
from tui.runs.screen import RunsScreen

SIZE = (140, 40)


def pane(console: Console) -> RunPane:
    return view(console).pane


def view(console: Console) -> RunsScreen:
    assert isinstance(console.view, RunsScreen)
    return console.view


def header(console: Console) -> str:
    return next(line for line in text_of(console).splitlines() if " name " in line and "status" in line)


def shown(console: Console) -> list[str]:
    """The first column's texts, top to bottom."""
    source = pane(console).table.source
    return [source.cell(row, 0) for row in range(source.row_count)]


async def line(pilot: Pilot[None], console: Console, text: str) -> None:
    """Enter a command line."""
    await console.run_line(text)
    await settle(pilot)


class TestColumns:
    async def test_hidden_ones_go_and_come_back_with_the_next_start(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            assert "started" in header(console)
            await pilot.press("C")
            assert await appears(pilot, "Columns")
            await pilot.press("slash", *"started", "enter", "space", "escape", "enter")
            await settle(pilot)
            assert "started" not in header(console)
            assert "took" in header(console)
        again = Console(mlflow_store.tracking)
        async with again.run_test(size=SIZE) as pilot:
            await settle(pilot)
            assert "started" not in header(again)

    async def test_constant_ones_are_hidden_and_shown(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=(200, 40)) as pilot:
            await settle(pilot)
            await line(pilot, console, "filter weights = uniform")
            assert "weights" in header(console)
            await pilot.press("x")
            await settle(pilot)
            assert "weights" not in header(console)
            assert "n_neighbors" in header(console)
            await pilot.press("x")
            await settle(pilot)
            assert "weights" in header(console)

    async def test_a_column_is_made_wider(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await pilot.press("L")
            width = view(console).runs.columns[1].width
            await pilot.press("greater_than_sign", "greater_than_sign")
            await settle(pilot)
            assert view(console).runs.columns[1].width == width + 4
            await pilot.press("less_than_sign")
            await settle(pilot)
            assert view(console).runs.columns[1].width == width + 2


class TestOrder:
    async def test_several_keys_are_chosen_from_a_list(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await pilot.press("S")
            assert await appears(pilot, "missing values come last")
            await pilot.press("slash", *"weights", "enter", "space")
            await pilot.press("escape", "slash", *"params.n_n", "enter", "space", "enter")
            await settle(pilot)
            assert [key.key.name for key in view(console).runs.view.sort] == ["weights", "n_neighbors"]
            frame = view(console).runs.frame
            assert frame is not None
            runs = [frame.run(row) for row in view(console).runs.matching]
            told = [
                (run.params.get("weights", "~"), float(run.params.get("n_neighbors", "inf"))) for run in runs
            ]
            assert told == sorted(told)
            assert "weights ↑" in text_of(console)


class TestTree:
    async def test_children_stand_under_their_parents_and_fold(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await pilot.press("t")
            await settle(pilot)
            names = shown(console)
            assert "▾ sweep" in names
            assert names[names.index("▾ sweep") + 1] == "    trial-23"
            pane(console).table.move_to(mlflow_store.runs["sweep"])
            await pilot.press("o")
            await settle(pilot)
            assert "▸ sweep" in shown(console)
            assert len(shown(console)) == 3
            await pilot.press("O", "O")
            await settle(pilot)

    async def test_a_child_whose_parent_is_filtered_out_says_so(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "layout tree")
            await line(pilot, console, "filter trial-1")
            assert shown(console)[0] == "⤷ trial-19"
            assert len(shown(console)) == 10

    async def test_where_no_run_has_a_parent_the_tree_says_so(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "layout tree")
            await line(pilot, console, "filter status = failed")
            assert "no run has a parent" not in text_of(console)
            await line(pilot, console, "filter running")
            assert "1 of 27 · tree: no run has a parent" in text_of(console)


class TestGroups:
    async def test_seeds_of_a_configuration_have_their_statistics(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "group weights")
            screen = text_of(console)
            assert all(word in screen for word in ("runs", "accuracy mean", "std", "min", "max"))
            assert set(shown(console)) == {"▸ distance", "▸ uniform", "▸ –"}
            at = shown(console).index("▸ distance")
            source = pane(console).table.source
            assert source.cell(at, 1) == "12"
            mean = sum(0.7 + n / 100 for n in range(1, 24, 2) if n != 7) / 11
            assert f"{mean:.4f}" in screen

    async def test_the_group_under_the_cursor_is_told_in_the_preview(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "group weights,metric")
            pane(console).table.cursor_row = shown(console).index("▸ uniform")
            assert await appears(pilot, "weights uniform · metric euclidean  12 runs  enter opens")
            accuracy = [0.7 + index / 100 for index in range(0, 24, 2)]
            told = f"{mean(accuracy):.4f} ± {stdev(accuracy):.4f}   {accuracy[0]:.4f} … {accuracy[-1]:.4f}"
            assert told in text_of(console)
            await pilot.press("enter")
            assert await appears(pilot, "12 runs  enter closes")
            pane(console).table.cursor_row = shown(console).index("▸ –")
            assert await appears(pilot, "weights – · metric –  3 runs")
            assert "±" not in text_of(console)

    async def test_a_group_opens_marks_and_sorts(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "group weights")
            table = pane(console).table
            table.cursor_row = shown(console).index("▸ distance")
            await pilot.press("enter")
            await settle(pilot)
            assert "▾ distance" in shown(console)
            assert len(shown(console)) == 3 + 12
            await pilot.press("space")
            await settle(pilot)
            marks = view(console).runs.state.marks
            assert len(marks) == 12
            assert mlflow_store.runs["trial-01"] in marks
            assert "12 marked" in text_of(console)
            await pilot.press("k", "space")
            await settle(pilot)
            assert view(console).runs.state.marks == frozenset()
            await pilot.press("j")
            await pilot.press("O")  # the run under the cursor is folded away
            await settle(pilot)
            assert pane(console).table.cursor_row == shown(console).index("▸ distance")
            table.focus_column("std of metrics.accuracy")
            await pilot.press("s")
            await settle(pilot)
            assert view(console).runs.view.sort[0].statistic == "std"

    async def test_leaving_the_groups_shows_the_table_from_its_first_column(
        self, mlflow_store: MlflowStore
    ) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=(80, 30)) as pilot:
            await settle(pilot)
            await line(pilot, console, "group weights")
            assert pane(console).table.focus_column("params.weights")
            await pilot.press("t")
            await settle(pilot)
            assert "status" in header(console)

    async def test_choosing_from_the_list(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await pilot.press("ctrl+g")
            assert await appears(pilot, "Group by")
            await pilot.press("slash", *"weights", "enter", "space", "enter")
            await settle(pilot)
            assert "▸ uniform" in shown(console)
            await pilot.press("t", "t", "t")
            await settle(pilot)
            assert "▸ uniform" in shown(console)


class TestSortLine:
    async def test_ways_to_write_it(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            for typed, told in (
                ("sort accuracy desc", "sorted accuracy ↓"),
                ("sort accuracy:asc", "sorted accuracy ↑"),
                ("sort accuracy:DESC", "sorted accuracy ↓"),
                ("sort", "sorted name ↑"),
                ("sort", "sorted name ↓"),
            ):
                await line(pilot, console, typed)
                await settle(pilot)
                assert told in text_of(console), typed
            await line(pilot, console, "sort acuracy desc")
            assert await appears(pilot, "Unknown column acuracy")
            assert "sorted name ↓" in text_of(console)


class TestSavedViews:
    async def test_a_view_is_saved_and_comes_back_by_name(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            await line(pilot, console, "filter accuracy > 0.8")
            await line(pilot, console, "sort accuracy desc")
            await line(pilot, console, "view save best ones")
            assert await appears(pilot, "Saved the view best ones")
            await line(pilot, console, "filter trial-0")
            await line(pilot, console, "sort run_name")
            await line(pilot, console, "view best ones")
            assert "sorted accuracy ↓" in text_of(console)
            assert "accuracy > 0.8" in text_of(console)
            assert shown(console)[0] == "trial-23"
            await line(pilot, console, "view save")
            assert await appears(pilot, "needs a name")
            await line(pilot, console, "view nothing like it")
            assert await appears(pilot, "View 'nothing like it' not found")
            await line(pilot, console, "view delete best ones")
            await line(pilot, console, "view best ones")
            assert await appears(pilot, "Saved views: none")

    async def test_the_file_is_for_people(
        self, mlflow_store: MlflowStore, clean_environment: dict[str, str]
    ) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "filter accuracy > 0.8")
            await line(pilot, console, "sort accuracy desc")
            await line(pilot, console, "view save mine")
        text = (Path(clean_environment["XDG_CONFIG_HOME"]) / "mlflow-console" / "views.toml").read_text()
        assert 'filter = "accuracy > 0.8"' in text
        assert "metrics.accuracy desc" in text


class TestDeletedRuns:
    async def test_delete_look_and_restore(self, mlflow_store_copy: MlflowStore) -> None:
        store = open_store(mlflow_store_copy.tracking)
        victim = mlflow_store_copy.runs["trial-20"]
        console = Console(mlflow_store_copy.tracking)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            pane(console).table.move_to(victim)
            await pilot.press("D")
            assert await appears(pilot, "Delete 1 run?")
            await pilot.press("enter")  # Cancel is the default
            await settle(pilot)
            assert store.run(victim).run.lifecycle_stage == "active"
            await pilot.press("D")
            assert await appears(pilot, "Delete 1 run?")
            await pilot.press("right", "enter")
            assert await appears(pilot, "26 of 26", 500)
            await settle(pilot)
            assert store.run(victim).run.lifecycle_stage == "deleted"
            assert "trial-20" not in "".join(shown(console))
            await line(pilot, console, "deleted")
            assert "DELETED RUNS" in text_of(console)
            assert set(shown(console)) == {"trial-20", "deleted"}
            await line(pilot, console, "deleted")  # and back: what was loaded is there at once
            assert "26 of 26" in text_of(console)
            await line(pilot, console, "deleted")
            pane(console).table.move_to(victim)
            await pilot.press("D")
            assert await appears(pilot, "Restore 1 run?")
            await pilot.press("right", "enter")
            assert await appears(pilot, "1 of 1", 500)
            await settle(pilot)
            assert store.run(victim).run.lifecycle_stage == "active"
            await line(pilot, console, "deleted")
            assert "27 of 27" in text_of(console)

    async def test_where_none_is_deleted_the_table_says_so(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            empty = next(e for e in view(console).experiments.experiments if e.name == "Default")
            view(console).show_experiment(empty)
            await settle(pilot)
            assert "No runs yet" in text_of(console)
            await line(pilot, console, "deleted")
            assert "No deleted runs" in text_of(console)

    async def test_read_only_says_so(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking, read_only=True)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            await pilot.press("D")
            assert await appears(pilot, "--read-only")
            assert "Delete 1 run?" not in text_of(console)
