"""The tests of a version, on real models in real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.uri import TrackingUri
from tests.engine.model_tests.conftest import published_rows, write_rows
from tests.tui.support import appears, paste, settle, text_of
from tui.app import Console
from tui.dialogs.confirm import ConfirmDialog
from tui.model_tests.request_pane import Editor, FormField, pretty
from tui.model_tests.screen import ModelTestScreen

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_children")]

SIZE = (140, 40)


async def open_test(pilot: Pilot[None], model: str, version: int) -> ModelTestScreen:
    await settle(pilot)
    await pilot.press("colon")
    await paste(pilot, f"test {model} {version}")
    await pilot.press("enter")
    await settle(pilot)
    assert isinstance(pilot.app.screen, ModelTestScreen)
    return pilot.app.screen


async def test_a_version_is_tested_with_requests_rows_and_against_another(tested_models: TrackingUri) -> None:
    console = Console(tested_models)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await open_test(pilot, "plain", 1)
        assert '"dataframe_split"' in text_of(console), "the request is prefilled"
        assert "skops" in text_of(console)
        await pilot.press("T")
        await settle(pilot)
        assert "✓ passed 5 rows" in text_of(console)

        await pilot.press("s")
        await settle(pilot)
        assert "✓ HTTP 200" in text_of(console)
        assert '{"predictions": [' in text_of(console)

        await pilot.press("e", "ctrl+t")
        await settle(pilot)
        assert "age,sex,cp," in text_of(console), "the same rows as CSV"
        await pilot.press("ctrl+t")
        await settle(pilot)
        age = view.query(FormField).first()
        assert console.focused is age
        age.value = "old"
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "age must be of type long" in text_of(console), "the form knows the types"
        age.value = "41"
        await pilot.press("ctrl+t")
        await settle(pilot)
        assert "[41, " in view.query_one(Editor).text

        view.query_one(Editor).text = '{"dataframe_split": {"columns": ["age"], "data": [[41]]}}'
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "✗ HTTP 400" in text_of(console)
        assert "Failed to enforce schema of data" in text_of(console), "in MLflow's own words"
        await pilot.press("escape", "a", "enter")
        await settle(pilot)
        assert "55 of 61 rows right, accuracy 0.9016 [0.802, 0.954]" in text_of(console)
        assert "No difference" in text_of(console)
        await pilot.press("c", "enter")
        await settle(pilot)
        assert "better than version 2" in text_of(console)
        assert "McNemar p" in text_of(console)
        await pilot.press("y")
        await settle(pilot)
        assert "only deployments have" in text_of(console)
        await pilot.press("q")
        await settle(pilot)
        assert "✓ passed 5 rows" in text_of(console), "the models view shows the smoke test"


@pytest.mark.parametrize("size", [(100, 30), (80, 24)])
async def test_the_fields_of_the_form_show_their_values_on_small_terminals(
    tested_models: TrackingUri, size: tuple[int, int]
) -> None:
    console = Console(tested_models)
    async with console.run_test(size=size, notifications=True) as pilot:
        view = await open_test(pilot, "plain", 1)
        await pilot.press("e", "ctrl+t", "ctrl+t")
        await settle(pilot)
        widths = [field.size.width for field in view.query(FormField)]
        assert len(widths) == 13
        assert min(widths) >= 12
        assert "trestbps  " in text_of(console)
        assert "long" in text_of(console)


async def test_skew_is_named_with_its_causes_and_rows(tested_models: TrackingUri, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "served.csv", published_rows())
    console = Console(tested_models)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await open_test(pilot, "scaled", 1)
        await pilot.press("a", "shift+tab", "shift+tab", "shift+tab", "shift+tab")
        await paste(pilot, str(tmp_path / "none.csv"))
        await pilot.press("enter", "enter", "tab", "tab", "enter")
        await settle(pilot)
        assert "is not a file" in text_of(console)
        await pilot.press("shift+tab", "shift+tab", "shift+tab", "shift+tab", "ctrl+u")
        await paste(pilot, str(rows))
        await pilot.press("enter", "enter", "tab", "tab", "enter")
        await settle(pilot)
        screen = text_of(console)
        assert "Train/serve skew. 10 of 13 rows right" in screen
        assert "12 of 13 are right" in screen
        assert "min–max scaled" in screen
        assert "4 rows of 13 have another label in heart.csv" in screen
        assert "wrong row" in screen


async def test_code_of_others_runs_only_after_a_yes_that_names_them(tested_models: TrackingUri) -> None:
    console = Console(tested_models)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await open_test(pilot, "pickled", 1)
        await pilot.press("T")
        await settle(pilot)
        assert isinstance(console.screen, ConfirmDialog)
        assert "can run arbitrary code" in text_of(console)
        assert "run pickled run" in text_of(console)
        await pilot.press("enter")
        await settle(pilot)
        assert "✗ not run" in text_of(console), "Cancel is the default"
        await pilot.press("s")
        await settle(pilot)
        await pilot.press("right", "enter")
        await settle(pilot)
        assert "✓ HTTP 200" in text_of(console)
        await pilot.press("T")
        await settle(pilot)
        assert "✓ passed 5 rows" in text_of(console), "the yes holds while the view is open"


async def test_read_only_never_offers_to_run_code(tested_models: TrackingUri) -> None:
    console = Console(tested_models, read_only=True)
    async with console.run_test(size=(60, 16), notifications=True) as pilot:
        await open_test(pilot, "pickled", 1)
        await pilot.press("T")
        await settle(pilot)
        assert isinstance(console.screen, ModelTestScreen)
        assert "✗ not run" in text_of(console)
        await pilot.press("q")
        await settle(pilot)
        await open_test(pilot, "plain", 1)
        await pilot.press("T")
        assert await appears(pilot, "✓ passed")
        await pilot.press("s")
        await settle(pilot)
        assert "✓ HTTP 200" in text_of(console), "a model that brings no code may be tested"
        await pilot.press("c", "enter")
        await settle(pilot)
        assert "is better than version 2" in text_of(console)


def test_a_request_has_a_row_of_the_table_on_each_line() -> None:
    body = '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, "\\u001b[31m"], [2, null]]}}'
    assert pretty(body).splitlines() == [
        "{",
        ' "dataframe_split": {',
        '  "columns": ["a", "b"],',
        '  "data": [',
        '   [1, "\\u001b[31m"],',
        "   [2, null]",
        "  ]",
        " }",
        "}",
    ]
    assert pretty("a,b\n1,2") == "a,b\n1,2"


def test_the_editor_draws_control_characters_as_pictures() -> None:
    editor = Editor()
    editor.text = "\x1b]0;title\x07"
    assert "\x1b" not in editor.get_line(0).plain
    assert len(editor.get_line(0).plain) == len(editor.text)
