"""Arranging runs: columns, sort order, tree, groups, saved views, deleted runs."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev

from textual.pilot import Pilot

from engine.stores import open_store
from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of, title_facts
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
    """Run a command line."""
    await console.run_line(text)
    await settle(pilot)


class TestColumns:
    async def test_hidden_columns_stay_hidden_after_a_restart(self, mlflow_store: MlflowStore) -> None:
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

    async def test_x_toggles_constant_columns(self, mlflow_store: MlflowStore) -> None:
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

    async def test_columns_can_be_widened_and_narrowed(self, mlflow_store: MlflowStore) -> None:
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
    async def test_runs_are_sorted_by_several_keys_from_a_dialog(self, mlflow_store: MlflowStore) -> None:
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
            values = [
                (run.params.get("weights", "~"), float(run.params.get("n_neighbors", "inf"))) for run in runs
            ]
            assert values == sorted(values)
            assert "weights ↑" in text_of(console)


class TestTree:
    async def test_children_are_listed_below_their_parents_and_fold(self, mlflow_store: MlflowStore) -> None:
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

    async def test_a_child_whose_parent_is_filtered_out_is_marked(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "layout tree")
            await line(pilot, console, "filter trial-1")
            assert shown(console)[0] == "⤷ trial-19"
            assert len(shown(console)) == 10

    async def test_the_title_says_when_no_run_has_a_parent(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "layout tree")
            await line(pilot, console, "filter status = failed")
            assert "no run has a parent" not in text_of(console)
            await line(pilot, console, "filter running")
            assert "1 of 27 · tree: no run has a parent" in text_of(console)


class TestGroups:
    async def test_groups_show_statistics_of_their_runs(self, mlflow_store: MlflowStore) -> None:
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

    async def test_the_preview_shows_the_group_under_the_cursor(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await line(pilot, console, "group weights,metric")
            pane(console).table.cursor_row = shown(console).index("▸ uniform")
            assert await appears(pilot, "weights uniform · metric euclidean  12 runs  enter opens")
            accuracy = [0.7 + index / 100 for index in range(0, 24, 2)]
            statistics = (
                f"{mean(accuracy):.4f} ± {stdev(accuracy):.4f}   {accuracy[0]:.4f} … {accuracy[-1]:.4f}"
            )
            assert statistics in text_of(console)
            await pilot.press("enter")
            assert await appears(pilot, "12 runs  enter closes")
            pane(console).table.cursor_row = shown(console).index("▸ –")
            assert await appears(pilot, "weights – · metric –  3 runs")
            assert "±" not in text_of(console)

    async def test_groups_can_be_opened_marked_and_sorted(self, mlflow_store: MlflowStore) -> None:
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

    async def test_leaving_the_groups_scrolls_to_the_first_column(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=(80, 30)) as pilot:
            await settle(pilot)
            await line(pilot, console, "group weights")
            assert pane(console).table.focus_column("params.weights")
            await pilot.press("t")
            await settle(pilot)
            assert "status" in header(console)

    async def test_columns_to_group_by_are_chosen_in_a_dialog(self, mlflow_store: MlflowStore) -> None:
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
    async def test_the_sort_command_accepts_its_documented_forms(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            for typed, expected in (
                ("sort accuracy desc", "sorted accuracy ↓"),
                ("sort accuracy:asc", "sorted accuracy ↑"),
                ("sort accuracy:DESC", "sorted accuracy ↓"),
                ("sort", "sorted name ↑"),
                ("sort", "sorted name ↓"),
            ):
                await line(pilot, console, typed)
                await settle(pilot)
                assert expected in text_of(console), typed
            await line(pilot, console, "sort acuracy desc")
            assert await appears(pilot, "Unknown column acuracy")
            assert "sorted name ↓" in text_of(console)


class TestSavedViews:
    async def test_a_view_is_saved_opened_and_deleted_by_name(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            await line(pilot, console, "filter accuracy > 0.8")
            await line(pilot, console, "sort accuracy desc")
            await line(pilot, console, "view save best ones")
            assert await appears(pilot, "Saved view best ones")
            await line(pilot, console, "filter trial-0")
            await line(pilot, console, "sort run_name")
            await line(pilot, console, "view best ones")
            assert "sorted accuracy ↓" in title_facts(console)
            assert "accuracy > 0.8" in text_of(console)
            assert shown(console)[0] == "trial-23"
            await line(pilot, console, "view save")
            assert await appears(pilot, "needs a name")
            await line(pilot, console, "view nothing like it")
            assert await appears(pilot, "View 'nothing like it' not found")
            await line(pilot, console, "view delete best ones")
            await line(pilot, console, "view best ones")
            assert await appears(pilot, "Saved views: none")

    async def test_the_file_is_human_readable(
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
    async def test_runs_are_deleted_listed_and_restored(self, mlflow_store_copy: MlflowStore) -> None:
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
            assert await appears(pilot, "26 of 26")
            await settle(pilot)
            assert store.run(victim).run.lifecycle_stage == "deleted"
            assert "trial-20" not in "".join(shown(console))
            await line(pilot, console, "deleted")
            assert "DELETED RUNS" in text_of(console)
            assert set(shown(console)) == {"trial-20", "deleted"}
            await line(pilot, console, "deleted")  # and back: from the cached feed
            assert "26 of 26" in title_facts(console)
            await line(pilot, console, "deleted")
            pane(console).table.move_to(victim)
            await pilot.press("D")
            assert await appears(pilot, "Restore 1 run?")
            await pilot.press("right", "enter")
            assert await appears(pilot, "1 of 1")
            await settle(pilot)
            assert store.run(victim).run.lifecycle_stage == "active"
            await line(pilot, console, "deleted")
            assert "27 of 27" in title_facts(console)

    async def test_an_empty_list_of_deleted_runs_says_so(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking)
        async with console.run_test(size=SIZE) as pilot:
            await settle(pilot)
            empty = next(e for e in view(console).experiments.experiments if e.name == "Default")
            view(console).show_experiment(empty)
            await settle(pilot)
            assert "No runs yet" in text_of(console)
            assert "4 to train a sweep" in text_of(console)
            for key in ("w", "slash", "s", "S", "C", "ctrl+g", "B"):
                await pilot.press(key)
                await settle(pilot)
                assert console.screen is view(console), key
            assert view(console).runs.view.sort == ()
            await line(pilot, console, "deleted")
            assert "No deleted runs" in text_of(console)
            await pilot.press("escape")
            await settle(pilot)
            assert "DELETED" not in text_of(console)
            assert "No runs yet" in text_of(console)
            await line(pilot, console, "runs gone")  # a deleted experiment
            for _ in range(2):
                assert await appears(pilot, "DELETED RUNS  gone")
                assert set(shown(console)) == {"lost"}
                await pilot.press("r")
                await settle(pilot)
            await pilot.press("escape")
            await settle(pilot)
            assert "DELETED" not in text_of(console)

    async def test_read_only_mode_refuses_with_the_reason(self, mlflow_store: MlflowStore) -> None:
        console = Console(mlflow_store.tracking, read_only=True)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            await pilot.press("D")
            assert await appears(pilot, "--read-only")
            assert "Delete 1 run?" not in text_of(console)
