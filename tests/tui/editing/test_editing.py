"""Editing from the views: nothing is written by accident, and what is written is undone from Activity."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from textual.pilot import Pilot
from textual.widgets import Input, Select

from engine.api import Engine, Subject
from tests.conftest import MlflowStore
from tests.hostile.payloads import PAYLOADS
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.dialogs.confirm import ConfirmDialog
from tui.editing.dialog import EditDialog, tag_changes, tags_text
from tui.models.screen import ModelsScreen
from tui.runs.screen import RunsScreen
from tui.widgets.controls import TextButton, TextEditor

SIZE = (140, 40)


async def edit_dialog(pilot: Pilot[None], *keys: str) -> EditDialog:
    await pilot.press(*keys, "e")
    await settle(pilot)
    assert isinstance(pilot.app.screen, EditDialog), text_of(pilot.app)  # type: ignore[arg-type]
    return pilot.app.screen


async def review(pilot: Pilot[None], dialog: EditDialog) -> None:
    dialog.query_one("#submit", TextButton).action_press()
    await settle(pilot)


async def confirm(pilot: Pilot[None]) -> None:
    await pilot.press("right", "enter")
    await settle(pilot)


async def test_marked_runs_are_edited_after_review_and_the_edit_is_undone_in_activity(
    mlflow_store_copy: MlflowStore,
) -> None:
    runs = [Subject("run", mlflow_store_copy.runs[name]) for name in ("trial-10", "trial-11", "running")]
    console = Console(mlflow_store_copy.tracking)
    with Engine(mlflow_store_copy.tracking) as engine:
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            view = console.screen
            assert isinstance(view, RunsScreen)
            view.runs.set_marks(frozenset(subject.key for subject in runs))
            dialog = await edit_dialog(pilot)
            assert "Edit 3 runs" in text_of(console)
            dialog.query_one("#tags", TextEditor).text = "review=yes\nno tag"
            await review(pilot, dialog)
            assert "'no tag' is no tag" in text_of(console)
            dialog.query_one("#tags", TextEditor).text = "review=yes"
            dialog.query_one("#status", Select).value = "KILLED"
            dialog.query_one("#reason", Input).value = "power cut"
            await review(pilot, dialog)
            assert isinstance(console.screen, ConfirmDialog)
            assert "running: status 'RUNNING' → 'KILLED'" in text_of(console)
            assert "not edited: trial-10: status stays FINISHED" in text_of(console)
            assert "! A status cannot be undone." in text_of(console)
            await pilot.press("enter")  # Cancel has the focus
            await settle(pilot)
            assert console.screen is dialog
            assert engine.journal.entries() == ()

            dialog.query_one("#status", Select).value = "keep"
            await review(pilot, dialog)
            assert "tag review – → 'yes'" in text_of(console)
            await confirm(pilot)
            assert "3 edits made; u in Activity (6) undoes" in text_of(console)
            assert console.screen is view
            assert all(engine.edits.current(run).tags["review"] == "yes" for run in runs)
            assert engine.journal.entries()[0].reason == "power cut"

            await pilot.press("6")
            await settle(pilot)
            await pilot.press("u")
            await settle(pilot)
            assert "Undo 3 edits?" in text_of(console)
            await confirm(pilot)
            assert await appears(pilot, "↶ undone")
            assert not any("review" in engine.edits.current(run).tags for run in runs)

            await pilot.press("1")
            await settle(pilot)
            view.runs.set_marks(frozenset({runs[-1].key}))
            dialog = await edit_dialog(pilot)
            dialog.query_one("#status", Select).value = "KILLED"
            await review(pilot, dialog)
            await confirm(pilot)
            assert "1 edit made" in text_of(console)
            assert "undoes" not in text_of(console)  # an ended run cannot be resumed


async def test_edits_that_fail_are_listed_and_escape_stops_the_rest(mlflow_store_copy: MlflowStore) -> None:
    runs = mlflow_store_copy.runs
    console = Console(mlflow_store_copy.tracking)
    with closing(sqlite3.connect(mlflow_store_copy.path, isolation_level=None)) as db:
        refused = f"WHEN NEW.run_uuid = '{runs['trial-11']}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        db.execute(f"CREATE TRIGGER refusing BEFORE INSERT ON tags {refused}")
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            view = console.screen
            assert isinstance(view, RunsScreen)
            view.runs.set_marks(frozenset({runs["trial-10"], runs["trial-11"]}))
            dialog = await edit_dialog(pilot)
            dialog.query_one("#tags", TextEditor).text = "review=yes"
            await review(pilot, dialog)
            await confirm(pilot)
            assert "1 of 2 edits made, 1 failed" in text_of(console)
            assert "trial-11: tag review – → 'yes': " in text_of(console)
            assert "`u` on its entry in Activity (6) undoes what was made." in text_of(console)
            await pilot.press("enter")
            await settle(pilot)
            assert console.screen is view

            view.runs.set_marks(frozenset(runs[f"trial-0{at}"] for at in range(5)))
            dialog = await edit_dialog(pilot)
            dialog.query_one("#tags", TextEditor).text = "review=yes"
            await review(pilot, dialog)
            db.execute("BEGIN IMMEDIATE")  # the first edit waits for this
            await pilot.press("right", "enter")
            assert await appears(pilot, "working …")
            await pilot.press("escape")
            assert await appears(pilot, "stopping …")
            db.execute("ROLLBACK")
            await settle(pilot)
            assert "1 of 5 edits made, 4 not tried" in text_of(console)


async def test_a_version_its_model_and_an_experiment_show_their_values_to_edit(
    mlflow_store_copy: MlflowStore,
) -> None:
    console = Console(mlflow_store_copy.tracking)
    with Engine(mlflow_store_copy.tracking) as engine:
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            await pilot.press("h")
            dialog = await edit_dialog(pilot)
            assert "Edit experiment heart" in text_of(console)
            assert dialog.query_one("#description", TextEditor).text == "Two\nlines"
            await pilot.press("escape", "3")
            await settle(pilot)
            view = console.screen
            assert isinstance(view, ModelsScreen)
            view.show_model("classifier", 3)
            await settle(pilot)
            dialog = await edit_dialog(pilot)
            assert not dialog.query("#name")
            assert dialog.query_one("#tags", TextEditor).text == "accuracy=0.3"
            await review(pilot, dialog)
            assert "Nothing is changed yet." in text_of(console)
            dialog.query_one("#description", TextEditor).text = "First line\nSecond line"
            dialog.query_one("#tags", TextEditor).text = "owner=ada"
            await review(pilot, dialog)
            await confirm(pilot)
            now = engine.edits.current(Subject("version", "classifier/3"))
            assert (now.description, now.tags) == ("First line\nSecond line", {"owner": "ada"})
            assert await appears(pilot, "Second line")

            await pilot.press("h")
            dialog = await edit_dialog(pilot)
            dialog.query_one("#name", Input).value = "renamed"
            dialog.query_one("#tags", TextEditor).text = ""
            await review(pilot, dialog)
            assert "A model is renamed on its own" in text_of(console)
            await pilot.press("escape")
            await settle(pilot)
        assert engine.models.model("classifier").tags == {"task": "classification"}


async def test_a_read_only_console_refuses_to_edit(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking, read_only=True)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        for keys in (("e",), ("enter", "e"), ("3", "e")):
            await settle(pilot)
            await pilot.press(*keys)
            assert await appears(pilot, "The console was started with --read-only.")
            console.clear_notifications()


def test_the_lines_of_tags_set_remove_and_leave_tags() -> None:
    now = {"a": "1", "b": "2", "long": "two\nlines", "c": "x=y"}
    assert tags_text(now) == "a=1\nb=2\nc=x=y"
    assert tag_changes("a=1\nb=2\nc=x=y", now) == {}
    texts = [payload.text for payload in PAYLOADS] + ["", " x ", "-x", "x=y", "x\x85y", "x\r\ny"]
    tags = {**dict(zip(texts, reversed(texts), strict=True)), "end": "\u2028"}
    assert tag_changes(TextEditor(tags_text(tags), id="tags").text, tags) == {}
    assert tag_changes("a = 3\n-long\nnew=\n", now) == {
        "a": "3",
        "b": None,
        "c": None,
        "long": None,
        "new": "",
    }
