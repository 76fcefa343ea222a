"""Requests, answers, policies and the history of a model."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Select

from engine.api import Engine, request_of
from tests.conftest import MlflowStore
from tests.tui.models.support import MODEL, SIZE, go_to, open_models, registered
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.completions import completions
from tui.editing.dialog import EditDialog
from tui.models.approval import AnswerDialog, RequestDialog
from tui.models.history_dialog import HistoryDialog
from tui.registration import RegisterDialog
from tui.widgets.controls import TextButton

POLICY = """
[[policy]]
target = "Production"
conditions = ["accuracy >= 0.91"]
approval = true
approvers = ["ana"]
"""


async def approve(pilot: Pilot[None], dialog: AnswerDialog) -> None:
    dialog.query_one("#answer", Select).value = "approve"
    dialog.query_one("#submit", TextButton).action_press()
    await settle(pilot)


async def test_a_promotion_is_requested_and_answered_and_shown_with_the_policy(
    mlflow_store_copy: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Engine(mlflow_store_copy.tracking) as engine:
        engine.models.set_policy(MODEL, POLICY)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        assert "Production · accuracy >= 0.91 · approval by ana" in text_of(console)
        await pilot.press("A")
        await settle(pilot)
        dialog = console.screen
        assert isinstance(dialog, RequestDialog)
        dialog.query_one("#target", Input).value = "Production"
        dialog.query_one("#reason", Input).value = "November data"
        dialog.query_one("#submit", TextButton).action_press()
        await settle(pilot)
        screen = text_of(console)
        assert "→ Production?" in screen
        assert "November data" in screen
        assert "waits for an answer (A approves or rejects)" in screen
        assert completions(console, "approve", f"{MODEL} ") == [f"{MODEL} 3"]

        await pilot.press("A")
        await settle(pilot)
        answer = console.screen
        assert isinstance(answer, AnswerDialog)
        answer.query_one("#submit", TextButton).action_press()
        await settle(pilot)
        assert "Choose whether to approve or reject it." in text_of(console)
        answer.query_one("#answer", Select).value = "reject"
        answer.query_one("#submit", TextButton).action_press()
        await settle(pilot)
        assert "Say why you reject it." in text_of(console)
        await approve(pilot, answer)
        assert "someone else has to approve it" in text_of(console)
        monkeypatch.setenv("LOGNAME", "ana")
        await pilot.press("A")
        await settle(pilot)
        assert isinstance(console.screen, AnswerDialog)
        await approve(pilot, console.screen)
        assert "Approved: P promotes it (classifier 3)" in text_of(console)
        assert "→ Production ✓" in text_of(console)
        assert "mlflow_console.log" not in text_of(console)
        await pilot.press("t")
        assert await appears(pilot, "Production: 3 approved · by ana")
        assert "Production: 3 requested · by " in text_of(console)
        await pilot.press("escape")
        await console.run_line(f"reject {MODEL} 3")
        assert await appears(pilot, "No request waits on classifier 3.")
    asked = request_of(registered(mlflow_store_copy)[3])
    assert asked is not None
    assert (asked.target, asked.reason) == ("Production", "November data")


async def test_the_history_says_what_is_known_of_a_model(mlflow_store_copy: MlflowStore) -> None:
    with Engine(mlflow_store_copy.tracking) as engine:
        engine.models.promote(engine.models.plan_promotion(MODEL, 3, stage="Production"), reason="retrained")
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(console.screen, HistoryDialog)
        screen = text_of(console)
        assert "Production: 2 → 3" in screen
        assert "retrained" in screen
        assert "this account knows of changes since" in screen
        await pilot.press("escape")
        await console.run_line("history no such")
        await settle(pilot)
        assert "no such" in text_of(console)


async def test_the_command_line_opens_the_dialogs_of_a_version(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await open_models(pilot)
        for line, dialog in (
            (f"edit {MODEL} 2", EditDialog),
            (f"edit {MODEL}", EditDialog),
            (f"request {MODEL} 2 @next", RequestDialog),
        ):
            await console.run_line(line)
            await settle(pilot)
            assert isinstance(console.screen, dialog), line
            await pilot.press("escape")
            await settle(pilot)
        assert view.version is not None
        assert view.version.version == 2
        for line, problem in (
            ("approve churn", "`:approve` needs a model and a version"),
            (f"edit {MODEL} 99", "has no version 99"),
            (f"approve {MODEL} 2", "No request waits on classifier 2."),
        ):
            await console.run_line(line)
            await settle(pilot)
            assert problem in text_of(console), line
        await pilot.press("1")
        await settle(pilot)
        await console.run_line("register pumps")
        await settle(pilot)
        assert isinstance(console.screen, RegisterDialog)
        assert console.screen.query_one("#name", Input).value == "pumps"
