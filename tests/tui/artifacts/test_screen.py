"""The tree of artifacts: folders open in place, files show their beginning, downloads ask first."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.entities import Artifact
from engine.errors import StoreUnreadable
from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.artifacts.screen import ArtifactsScreen
from tui.artifacts.source import table_source, tree_source
from tui.run.screen import KnownRun, RunScreen
from tui.widgets.table import Table


async def test_artifacts_are_browsed_previewed_and_downloaded(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(120, 34), notifications=True) as pilot:
        await settle(pilot)
        await console.push_screen(RunScreen(KnownRun(mlflow_store.runs["special"])))
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        screen = console.screen
        assert isinstance(screen, ArtifactsScreen)
        assert "▸ plots/" in text_of(console)
        tree = screen.query_one("#tree", Table)
        tree.move_to("plots")
        await pilot.press("enter")
        await settle(pilot)
        assert "▾ plots/" in text_of(console)
        tree.move_to("notes.txt")
        await pilot.press("enter")
        assert await appears(pilot, "text, 9 B")
        tree.move_to("plots/roc.txt")
        await pilot.press("y")
        assert console.clipboard == f"runs:/{mlflow_store.runs['special']}/plots/roc.txt"
        tree.move_to("plots")
        await pilot.press("w")
        await settle(pilot)
        assert "Download plots" in text_of(console)
        assert "2 files, 35 B" in text_of(console)
        await pilot.press("enter")
        await settle(pilot)
        assert (tmp_path / "plots" / "deep" / "points.json").is_file()
        await pilot.press("w", "enter")
        await settle(pilot)
        assert "2 files would be replaced" in text_of(console)
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert isinstance(console.screen, RunScreen)
        await console.run_line(f"artifacts {mlflow_store.runs['special']} model/MLmodel")
        await settle(pilot)
        assert "MLflow model" in text_of(console)
        assert "flavors" in text_of(console)


def test_storage_that_cannot_be_reached_says_so_in_its_place() -> None:
    from engine.artifacts.tree import Listing

    link = Artifact("out", is_dir=False, leads_out=True)
    plots = Listing("", (Artifact("plots", is_dir=True), Artifact("a.txt", is_dir=False, size=4), link))
    error = StoreUnreadable("Cannot list the artifacts", "Connection refused", "Try again.")
    source = tree_source({"": plots, "plots": error}, {"plots"})
    lines = [source.cell(row, 0) for row in range(source.row_count)]
    assert lines == [
        "▾ plots/",
        "    ✗ Cannot list the artifacts",
        "    Connection refused",
        "    Try again.",
        "  a.txt",
        "  out  link out of the artifacts, not opened",
    ]


def test_names_and_cells_are_shown_safely() -> None:
    from engine.artifacts.tree import Listing

    listing = Listing("", (Artifact("[red]\x1b[31mx", is_dir=False, size=1),), notes=())
    source = tree_source({"": listing}, set())
    assert source.cell(0, 0) == "  [red]␛[31mx"
    table = table_source([["a\x1b", "n"], ["[b]\x07", "1"]])
    assert table.columns[0].label == "a␛"
    assert table.cell(0, 0) == "[b]␇"
    assert table.columns[1].numeric


def test_a_table_with_a_header_alone_has_columns_and_no_rows() -> None:
    table = table_source([["a", "b"]])
    assert [column.label for column in table.columns] == ["a", "b"]
    assert table.row_count == 0
