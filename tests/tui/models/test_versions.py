"""The versions of a model as a table: filter, sort, columns, marks, export, chart; the search of models."""

from __future__ import annotations

import math
from pathlib import Path

from engine.api import over_versions, version_frame
from engine.entities import ModelVersion, Run
from tests.conftest import MlflowStore
from tests.tui.models.support import SIZE, go_to
from tests.tui.support import appears, paste, settle, text_of
from tui.app import Console
from tui.models.chart_dialog import VersionChart, version_series
from tui.models.screen import ModelsScreen
from tui.widgets.screen_lines import PaneTitle


def shown(view: ModelsScreen) -> list[str]:
    source = view.pane.table.source
    return [source.row_key(row) for row in range(source.row_count)]


async def test_versions_are_filtered_sorted_marked_and_exported_like_runs(
    mlflow_store: MlflowStore, tmp_path: Path
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 2)
        assert shown(view) == ["3", "2", "1"]
        await pilot.press("slash")
        await paste(pilot, "accuracy > 0.5 and stage = production")
        await settle(pilot)
        assert shown(view) == ["2"]
        assert "1 of 3" in view.query_one("#versions-title", PaneTitle).facts
        await pilot.press("enter", "escape")
        await settle(pilot)
        assert shown(view) == ["3", "2", "1"], "escape clears the filter"

        await pilot.press("g", "s", "s")
        await settle(pilot)
        assert shown(view) == ["1", "2", "3"]
        await pilot.press("space", "j", "space")
        await settle(pilot)
        assert len(view.versions.state.marks) == 2
        await pilot.press("w")
        await settle(pilot)
        screen = text_of(console)
        assert "3 versions of classifier, with their source runs" in screen
        assert "the table as it stands: 3 versions" in screen
        assert "2 marked versions, all columns" in screen
        await pilot.press("escape", "C")
        await settle(pilot)
        assert "tags." in text_of(console)
        await pilot.press("escape", "m")
        await settle(pilot)
        assert isinstance(console.screen, VersionChart)
        assert "over the versions of classifier" in text_of(console)
        await pilot.press("w")
        await settle(pilot)
        await paste(pilot, str(tmp_path / "chart.csv"))
        await pilot.press("enter")
        await settle(pilot)
        assert (tmp_path / "chart.csv").read_text().startswith("model,version,stage,aliases,metrics.")
        await pilot.press("escape")
        await settle(pilot)

        for line, numbers in (
            ("sort version desc", ["3", "2", "1"]),
            ("models classifier alias = champion", ["2"]),
            ("filter stage = archived", ["1"]),
        ):
            await pilot.press("colon")
            await settle(pilot)
            await paste(pilot, line)
            await pilot.press("enter")
            await settle(pilot)
            assert console.screen is view
            assert shown(view) == numbers, line
        view.show_model("classifier", 2)
        await settle(pilot)
        assert view.version is not None
        assert view.version.version == 2, "a filter that hides the version is cleared"


async def test_views_are_saved_by_name_and_the_last_one_is_restored(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 2)
        await console.run_line("filter stage = archived")
        await console.run_line("sort accuracy")
        await console.run_line("view save archived ones")
        assert await appears(pilot, "Saved view archived ones")
        await console.run_line("filter")
        await console.run_line("sort version asc")
        await settle(pilot)
        assert shown(view) == ["1", "2", "3"]
        await pilot.press("W")
        await settle(pilot)
        assert "archived ones" in text_of(console)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(view) == ["1"]
        await console.run_line("filter stage != archived")
        await console.run_line("sort version asc")
        await settle(pilot)

    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        assert shown(await go_to(pilot, 2)) == ["2", "3"], "the last view is restored"


async def test_models_are_searched_as_one_types_and_prompts_are_counted(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 2)
        assert "1 prompt not shown" in text_of(console)
        models = view.model_pane.table
        models.focus()
        await pilot.press("slash", *"UNUS")
        await settle(pilot)
        assert [models.source.row_key(row) for row in range(models.source.row_count)] == ["unused"]
        assert view.model == "unused"
        await pilot.press(*"zz")
        await settle(pilot)
        assert "No matching models" in text_of(console)
        await pilot.press("escape")
        await settle(pilot)
        assert models.source.row_count == 3
        assert models.has_focus


def test_a_version_without_the_metric_is_a_gap_and_stages_are_marked() -> None:
    def run(name: str, metrics: dict[str, float]) -> Run:
        return Run(name, name, "1", "FINISHED", 1, 2, metrics=metrics)

    versions = [
        ModelVersion("m", 1, run_id="a"),
        ModelVersion("m", 2, run_id="b"),
        ModelVersion("m", 10, "Production", run_id="c"),
    ]
    sources = {"a": run("a", {"f1": 0.5}), "b": run("b", {}), "c": run("c", {"f1": 0.7})}
    frame = version_frame(versions, sources)
    line, production = version_series(over_versions(frame, range(3), "m", ["f1"]))
    assert list(line.xs) == [1, 2, 10]
    assert (line.ys[0], math.isnan(line.ys[1]), line.ys[2]) == (0.5, True, 0.7)
    assert (production.label, list(production.xs)) == ("● Production", [10])
