"""Buttons of a dialog: an extra key press confirms nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from textual.content import Content

from engine.entities import ModelVersion
from engine.registry.approval import REQUEST_TAG, Request
from engine.stores import open_store
from tests.conftest import MlflowStore
from tests.tui.runs.dialogs.support import opened
from tests.tui.support import appears, settle
from tui.app import Console
from tui.dialogs.confirm import ConfirmDialog
from tui.models.approval import AnswerDialog
from tui.training.sweep_dialog import SweepDialog

BACK = ("left", "up")
ON = ("right", "down")


def delete() -> ConfirmDialog:
    return ConfirmDialog("Delete 1 run?", [Content("trial-20")], yes="Delete")


@pytest.mark.parametrize("back", BACK)
async def test_moving_back_stops_at_the_first_button(back: str) -> None:
    async with opened(delete(), [back]) as (stage, pilot):
        assert any("[ Cancel ]" in line for line in stage.lines())
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result is None


@pytest.mark.parametrize("on", ON)
async def test_moving_forward_stops_at_the_last_button(on: str) -> None:
    async with opened(delete(), [on, on]) as (stage, pilot):
        assert any("[ Delete ]" in line for line in stage.lines())
        await pilot.press("enter")
        await pilot.pause()
        assert stage.result is True


async def test_a_sentence_typed_on_the_buttons_confirms_nothing() -> None:
    async with opened(delete(), [*"hello", "space", *"jkl", "enter"]) as (stage, _):
        assert stage.result is None


@pytest.mark.parametrize("back", BACK)
async def test_moving_back_leaves_the_last_button(back: str) -> None:
    async with opened(delete(), ["right", back, "enter"]) as (stage, _):
        assert stage.result is None


@pytest.mark.parametrize(
    ("tabs", "result"), [(("tab",), True), (("tab", "tab"), None), (("shift+tab",), True)]
)
async def test_tab_wraps(tabs: tuple[str, ...], result: bool | None) -> None:
    async with opened(delete(), [*tabs, "enter"]) as (stage, _):
        assert stage.result is result


async def test_text_that_does_not_fit_scrolls_and_the_keys_say_so() -> None:
    text = [Content(f"line {at} {'of many words ' * 9}") for at in range(20)]
    async with opened(ConfirmDialog("Long?", text, yes="Yes"), size=(80, 24)) as (stage, pilot):
        await pilot.pause()
        seen = "".join(stage.lines())
        assert "PgUp PgDn scroll" in seen
        assert "[ Cancel ]" in seen
        for _ in range(4):
            await pilot.press("pagedown")
            seen += "".join(stage.lines())
        assert all(f"line {at} " in seen for at in range(20))
        assert "[ Cancel ]" in "".join(stage.lines())
        for _ in range(4):
            await pilot.press("pageup")
        assert "line 0 " in "".join(stage.lines())
        await pilot.press("right", "enter")
    assert stage.result is True
    async with opened(delete(), size=(80, 24)) as (stage, pilot):
        assert "PgUp" not in "".join(stage.lines())


async def test_a_long_reason_of_a_request_is_read_in_full() -> None:
    words = [f"word{at}" for at in range(300)]
    asked = Request("1", "Production", "ana", 0, " ".join(words), 0)
    version = ModelVersion("churn", 7, tags={REQUEST_TAG: json.dumps(asdict(asked))})
    async with opened(AnswerDialog(version, "here"), size=(80, 24)) as (stage, pilot):
        seen = " ".join(stage.text_lines())
        for _ in range(9):
            assert "Cancel      Answer" in " ".join(stage.lines())
            await pilot.press("pagedown")
            seen += " ".join(stage.text_lines())
        assert "PgUp PgDn scroll · enter on Answer records it · esc cancel" in "".join(stage.lines())
    assert [word for word in words if word not in seen.split()] == []


def active(store: MlflowStore) -> set[str]:
    """Names of the active runs."""
    opened_store = open_store(store.tracking)
    runs = {name: opened_store.run(run_id).run for name, run_id in store.runs.items()}
    return {name for name, run in runs.items() if run.lifecycle_stage == "active"}


async def test_left_and_enter_cancel_a_deletion(mlflow_store_copy: MlflowStore) -> None:
    before = active(mlflow_store_copy)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await pilot.press("space", "D")
        assert await appears(pilot, "Delete 1 run?")
        await pilot.press("left", "enter")
        await settle(pilot)
        assert not isinstance(console.screen, ConfirmDialog)
    assert active(mlflow_store_copy) == before


async def test_up_stops_at_the_first_field_of_the_sweep_dialog(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await pilot.press("4", "n")
        assert await appears(pilot, "New sweep")
        dialog = console.screen
        assert isinstance(dialog, SweepDialog)
        await pilot.press("up")
        assert dialog.focused is dialog.query_one("#data")
        await pilot.press("shift+tab", "down")
        assert dialog.focused is dialog.query_one("#submit")
