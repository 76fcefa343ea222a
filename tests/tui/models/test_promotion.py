"""Promoting a version and undoing it: nothing is written by accident."""

from __future__ import annotations

import sqlite3

from textual.widgets import Input

from engine.api import Engine
from engine.journal import exclusive
from tests.conftest import MlflowStore
from tests.tui.models.support import MODEL, SIZE, aliases, go_to, open_models, open_promotion, registered
from tests.tui.support import settle, text_of, until
from tui.app import Console
from tui.dialogs.confirm import ConfirmDialog
from tui.models.promote_dialog import PromoteDialog
from tui.models.screen import ModelsScreen
from tui.models.write_dialog import WriteDialog
from tui.widgets.controls import TextButton
from tui.widgets.screen_lines import KeyLine

CONFIRM = ("tab", "tab", "tab", "enter")
"""From the targets past the reason and Cancel to Promote."""


def keys_of(text: str) -> list[str]:
    return [{" ": "space", ",": "comma"}.get(char, char) for char in text]


async def test_pressing_enter_at_once_promotes_nothing(mlflow_store_copy: MlflowStore) -> None:
    before = registered(mlflow_store_copy)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        focused = []
        while console.screen is dialog:
            focused.append(dialog.focused.id if dialog.focused is not None else None)
            await pilot.press("enter")
            await settle(pilot)
        assert focused == ["targets", "reason", "cancel"]
        assert console.screen is view
    assert registered(mlflow_store_copy) == before


async def test_typed_text_never_changes_the_target_and_promotes_nothing(
    mlflow_store_copy: MlflowStore,
) -> None:
    before = registered(mlflow_store_copy)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        await pilot.press("left", "tab", *keys_of("trial in staging"))
        await settle(pilot)
        assert dialog.target.label == "◐ Staging"
        assert dialog.query_one("#reason", Input).value == "trial in staging", "the first stop of the tab key"
        for button in ("targets", "cancel", "promote"):
            dialog.query_one(f"#{button}").focus()
            await pilot.press(*keys_of("hello jkl, a new model"))
            await settle(pilot)
            assert dialog.target.label == "◐ Staging"
            assert console.screen is dialog
    assert registered(mlflow_store_copy) == before


async def test_enter_twice_promotes_once(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        button = dialog.query_one("#promote", TextButton)
        button.action_press()
        button.action_press()
        await settle(pilot)
        assert isinstance(console.screen, WriteDialog)
        assert "✓ done and verified" in text_of(console)
    with Engine(mlflow_store_copy.tracking) as engine:
        assert len(engine.journal.entries()) == 1


async def test_the_dialog_shows_the_current_version_the_candidate_and_the_changes(
    mlflow_store: MlflowStore,
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        await open_promotion(pilot)
        screen = text_of(console)
        assert "now in Production" in screen
        assert "trial-10" in screen
        assert "trial-23" in screen
        accuracy = next(line for line in screen.splitlines() if "accuracy ↑" in line)
        assert accuracy.split("accuracy ↑")[1].split()[:4] == ["0.8000", "0.9300", "★", "+0.1300"]
        assert "version 3 – None → ● Production" in screen
        assert "version 2 ● Production → ○ Archived" in screen


async def test_promoting_archives_the_current_production_version_and_shows_the_result(
    mlflow_store_copy: MlflowStore,
) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        dialog.query_one("#reason", Input).value = "retrained"
        await pilot.press(*CONFIRM)
        await settle(pilot)
        assert isinstance(console.screen, WriteDialog)
        screen = text_of(console)
        assert "✓ done and verified" in screen
        stages = {v.version: v.stage for v in registered(mlflow_store_copy).values()}
        assert stages == {1: "Archived", 2: "Archived", 3: "Production"}
        assert "version 3     ● Production" in screen
        assert "version 2     ○ Archived" in screen
        await pilot.press("escape")
        await settle(pilot)
        assert console.screen is view
        assert view.version is not None
        assert (view.version.version, view.version.stage) == (3, "Production")
    with Engine(mlflow_store_copy.tracking) as engine:
        assert engine.journal.entries()[0].reason == "retrained"


async def test_the_arrow_keys_choose_the_target(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        seen = []
        for _ in range(8):
            seen.append(dialog.target.label)
            if dialog.plan is not None:
                assert dialog.plan.target == dialog.target.name
            verb = {"○ Archived": "Archive", "– None": "Unstage"}.get(dialog.target.label, "Promote")
            assert dialog.query_one("#promote", TextButton).label == verb
            assert f"{verb} {MODEL} 3" in text_of(console)
            await pilot.press("right")
            await settle(pilot)
        labels = ["– None", "◐ Staging", "● Production", "○ Archived", "@challenger", "@champion", "@fresh"]
        assert seen == [*labels[2:], "new alias …", *labels[:2]]
        assert dialog.target.label == "● Production"


async def test_an_alias_can_be_moved(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 3)
        view.promote(MODEL, 3, "@champion")
        await settle(pilot)
        assert "@champion version 2 → version 3" in text_of(console)
        await pilot.press(*CONFIRM)
        await settle(pilot)
        assert "✓ done" in text_of(console)
    assert aliases(mlflow_store_copy)["champion"] == 3
    assert registered(mlflow_store_copy)[2].stage == "Production"


async def test_a_new_alias_can_be_typed_while_a_button_has_the_focus(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 1)
        dialog = await open_promotion(pilot)
        await pilot.press("left", "left", "left")
        assert dialog.target.kind == "new"
        assert dialog.query_one("#promote", TextButton).off
        await pilot.press("h", "o", "l", "d")
        assert dialog.query_one("#alias", Input).value == "hold"
        await until(pilot, lambda: dialog.plan is not None and dialog.plan.target == "hold")
        dialog.query_one("#promote").focus()
        await pilot.press("enter")
        await settle(pilot)
    assert aliases(mlflow_store_copy)["hold"] == 1


async def test_the_command_line_opens_the_dialog_and_writes_nothing(mlflow_store_copy: MlflowStore) -> None:
    before = registered(mlflow_store_copy)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        line = f"promote {MODEL} 3 staging"
        await pilot.press("colon", *("space" if char == " " else char for char in line), "enter")
        await settle(pilot)
        dialog = console.screen
        assert isinstance(dialog, PromoteDialog)
        assert dialog.target.label == "◐ Staging"
        assert "version 3 – None → ◐ Staging" in text_of(console)
        await pilot.press("enter", "enter", "enter")
        await settle(pilot)
        assert isinstance(console.screen, ModelsScreen)
        assert console.screen.version is not None
        assert console.screen.version.version == 3
    assert registered(mlflow_store_copy) == before


async def test_many_aliases_scroll_to_the_chosen_one(mlflow_store_copy: MlflowStore) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as db:
        for number in range(30):
            row = (f"alias-{number:02d}", 1, MODEL)
            db.execute("INSERT INTO registered_model_aliases (alias, version, name) VALUES (?, ?, ?)", row)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(pilot, 1)
        await open_promotion(pilot)
        for _ in range(20):
            await pilot.press("right")
        await settle(pilot)
        screen = text_of(console)
        assert "@alias-18" in screen
        assert "‹" in screen
        assert "›" in screen


async def test_a_reserved_alias_is_refused_with_the_reason(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 1)
        view.promote(MODEL, 1, "latest")
        await settle(pilot)
        assert isinstance(console.screen, PromoteDialog)
        assert "The alias 'latest' is reserved" in text_of(console)
        assert text_of(console).count("not possible") == 1
        await pilot.press(*CONFIRM)
        await settle(pilot)
        assert isinstance(console.screen, PromoteDialog)


async def test_a_promotion_without_changes_is_disabled(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 2)
        dialog = await open_promotion(pilot)
        assert dialog.plan is not None
        assert dialog.plan.is_noop
        assert "No change needed" in text_of(console)
        await pilot.press(*CONFIRM)
        await settle(pilot)
        assert console.screen is dialog


async def test_read_only_refuses_with_the_reason(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking, read_only=True)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 3)
        usable = {c.id: enabled for c, enabled in view.query_one(KeyLine).shown}
        assert not usable["models.promote"]
        assert not usable["models.undo"]
        reason = "The console was started with --read-only."
        for press in ("P", "u", ""):
            if press:
                await pilot.press(press)
            else:
                view.promote(MODEL, 3, "Production")
            await settle(pilot)
            assert console.screen is view
            assert text_of(console).count(reason) == 1
            console.clear_notifications()
            await settle(pilot)
            assert reason not in text_of(console)


async def test_a_conflict_is_shown_and_writes_nothing(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        await open_promotion(pilot)
        with sqlite3.connect(mlflow_store_copy.path) as db:
            db.execute("UPDATE model_versions SET current_stage = 'Archived' WHERE version = 2")
            db.execute("UPDATE model_versions SET current_stage = 'Production' WHERE version = 1")
        await pilot.press(*CONFIRM)
        await settle(pilot)
        assert isinstance(console.screen, WriteDialog)
        screen = text_of(console)
        assert "has changed since the promotion was planned" in screen
        assert "Nothing was written." in screen
        assert "version 1     ● Production" in screen
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(console.screen, ModelsScreen)
    assert {v.version: v.stage for v in registered(mlflow_store_copy).values()}[3] == "None"


async def test_a_missing_version_is_reported_in_the_dialog(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 3)
        view.promote(MODEL, 9, "production")
        await settle(pilot)
        screen = text_of(console)
        assert "Version 9 of 'classifier' not found" in screen
        assert "Versions: 3, 2, 1" in screen
        await pilot.press("escape")
        for name, message in (("nothing", "model 'nothing' not found"), ("greeting", "is a prompt")):
            view.show_model(name)
            await settle(pilot)
            assert message in text_of(console)


async def test_the_dialog_cannot_be_closed_during_a_write(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        await open_promotion(pilot)
        with exclusive(5):  # another process holds the journal lock
            await pilot.press(*CONFIRM)
            dialog = console.screen
            assert isinstance(dialog, WriteDialog)
            assert dialog.writing
            await pilot.press("escape", "enter")
            assert console.screen is dialog
            while "cannot be interrupted" not in text_of(console):
                await pilot.pause()
            assert dialog.writing
        await settle(pilot)
        assert not dialog.writing
        assert "✓ done and verified" in text_of(console)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(console.screen, ModelsScreen)


async def test_undo_lists_its_changes_and_defaults_to_cancel(
    mlflow_store_copy: MlflowStore,
) -> None:
    before = {v.version: v.stage for v in registered(mlflow_store_copy).values()}
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 3)
        await open_promotion(pilot)
        await pilot.press(*CONFIRM)
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        after = {v.version: v.stage for v in registered(mlflow_store_copy).values()}
        await pilot.press("u")
        await settle(pilot)
        assert isinstance(console.screen, ConfirmDialog)
        screen = text_of(console)
        assert "version 3 ● Production → – None" in screen
        assert "version 2 ○ Archived → ● Production" in screen
        await pilot.press("enter")
        await settle(pilot)
        assert console.screen is view
        assert {v.version: v.stage for v in registered(mlflow_store_copy).values()} == after
        await pilot.press("u")
        await settle(pilot)
        await pilot.press("right", "enter")
        await settle(pilot)
        assert isinstance(console.screen, WriteDialog)
        assert "✓ done and verified" in text_of(console)
        await pilot.press("escape")
        await settle(pilot)
        assert view.version is not None
        assert view.version.stage == "None"
    assert {v.version: v.stage for v in registered(mlflow_store_copy).values()} == before


async def test_undo_without_a_promotion_says_so(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await open_models(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert console.screen is view
        assert "Nothing to undo" in text_of(console)


async def test_a_policy_that_is_not_met_needs_a_reason(mlflow_store_copy: MlflowStore) -> None:
    with Engine(mlflow_store_copy.tracking) as engine:
        engine.models.set_policy(
            MODEL, '[[policy]]\ntarget = "Production"\nconditions = ["accuracy > 0.99"]\n'
        )
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        assert "✗ accuracy > 0.99: accuracy 0.9300" in text_of(console)
        assert "a reason is needed to force it" in text_of(console)
        button = dialog.query_one("#promote", TextButton)
        assert button.label == "Promote anyway"
        button.action_press()
        await settle(pilot)
        assert console.screen is dialog, "without a reason"
        assert dialog.focused is dialog.query_one("#reason")
        await pilot.press(*keys_of("urgent"))
        button.action_press()
        await settle(pilot)
        assert "✓ done and verified" in text_of(console)
    with Engine(mlflow_store_copy.tracking) as engine:
        assert engine.journal.entries()[0].reason == "[forced: urgent. Not passed: accuracy > 0.99]"


async def test_a_protected_stage_needs_the_name_of_the_model(mlflow_store_copy: MlflowStore) -> None:
    with Engine(mlflow_store_copy.tracking) as engine:
        engine.models.set_policy(MODEL, '[[policy]]\ntarget = "Production"\nconfirm = true\n')
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 3)
        dialog = await open_promotion(pilot)
        assert f"type {MODEL}" in text_of(console)
        dialog.query_one("#promote", TextButton).action_press()
        await settle(pilot)
        assert dialog.focused is dialog.query_one("#confirm")
        await pilot.press(*keys_of(MODEL), "enter")
        assert dialog.focused is dialog.query_one("#cancel")
        dialog.query_one("#promote", TextButton).action_press()
        await settle(pilot)
        assert "✓ done and verified" in text_of(console)
