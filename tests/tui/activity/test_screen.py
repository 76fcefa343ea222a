"""The activity view, on journals written by the engine and by hand."""

from __future__ import annotations

import json
from pathlib import Path

from engine.api import Engine
from engine.journal import server_name
from engine.paths import journal_file
from tests.conftest import MlflowStore
from tests.hostile.payloads import PAYLOADS
from tests.tui.support import appears, settle, text_of
from tui.activity.screen import LIMIT, ActivityScreen
from tui.activity.source import EntryDetail
from tui.app import Console
from tui.widgets.table import Table

SIZE = (160, 40)


def write_journal(*entries: dict[str, object]) -> None:
    path = journal_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def an_entry(number: int, **changed: object) -> dict[str, object]:
    entry: dict[str, object] = {
        "entry_id": f"entry-{number}",
        "time": 1_760_000_000_000 + number,
        "user": "ada",
        "host": "gpu-3",
        "server": "sqlite:////data/mlflow.db",
        "action": "promote",
        "target": f"classifier {number} → Production",
        "before": {"version 3": "None", "stage Production": "2"},
        "after": {"version 3": "Production", "stage Production": "3"},
        "outcome": "done",
    }
    return entry | changed


async def test_an_empty_journal_explains_itself(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        assert isinstance(console.screen, ActivityScreen)
        assert "No journal entries yet" in text_of(console)
    assert not journal_file().exists()


async def test_a_new_promotion_is_shown_when_the_view_is_reopened(
    mlflow_store_copy: MlflowStore,
) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        with Engine(mlflow_store_copy.tracking) as engine:
            engine.models.promote(
                engine.models.plan_promotion("classifier", 3, stage="Production"), reason="retrained"
            )
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("6")
        assert await appears(pilot, "retrained")
        await settle(pilot)
        screen = text_of(console)
        assert "classifier 3 → Production" in screen
        assert "version 3 None → Production" in screen
        assert "version 2 Production → Archived" in screen
        assert "✓ done" in screen
        assert "retrained" in screen


async def test_a_promotion_and_a_deletion_are_reversed_from_their_entries(
    mlflow_store_copy: MlflowStore,
) -> None:
    run_id = mlflow_store_copy.runs["trial-10"]
    with Engine(mlflow_store_copy.tracking) as engine:
        engine.models.promote(engine.models.plan_promotion("classifier", 3, stage="Production"))
        engine.runs.change_lifecycle(engine.runs.plan_lifecycle([run_id], "deleted"))
        console = Console(mlflow_store_copy.tracking)
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            await pilot.press("6")
            await settle(pilot)
            await pilot.press("enter")
            await settle(pilot)
            assert "Restore 1 run?" in text_of(console)
            await pilot.press("right", "enter")
            await settle(pilot)
            assert "1 run restored" in text_of(console)
            assert engine.runs.detail(run_id).run.lifecycle_stage == "active"
            await pilot.press("G", "u")
            await settle(pilot)
            assert "version 3: stage Production → None" in text_of(console)
            await pilot.press("right", "enter")
            await settle(pilot)
            assert "↶ undone" in text_of(console)
            stages = {version.version: version.stage for version in engine.models.versions("classifier")}
            assert stages == {1: "Archived", 2: "Production", 3: "None"}
            await pilot.press("G", "enter")
            await settle(pilot)
            assert "This change has been undone already." in text_of(console)


async def test_entries_are_shown_newest_first_with_their_outcomes(mlflow_store: MlflowStore) -> None:
    outcomes = ("done", "failed", "undone", "intended")
    entries = [an_entry(at, outcome=outcome) for at, outcome in enumerate(outcomes)]
    write_journal(*entries)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        table = console.screen.query_one("#entries", Table)
        assert [table.source.row_key(row) for row in range(4)] == [f"entry-{at}" for at in (3, 2, 1, 0)]
        screen = text_of(console)
        for words in ("✓ done", "✗ failed", "↶ undone", "? unfinished"):
            assert words in screen
        assert "Interrupted, or still being applied" in screen
        await pilot.press("j")
        await settle(pilot)
        entry = console.screen.query_one(EntryDetail).entry
        assert entry is not None
        assert entry.entry_id == "entry-2"


async def test_an_interrupted_deletion_shows_what_the_store_shows_of_it(mlflow_store: MlflowStore) -> None:
    run = f"run {mlflow_store.runs['trial-10']}"
    facts = {"before": {run: "active"}, "after": {run: "deleted"}}
    server = server_name(mlflow_store.tracking)
    write_journal(an_entry(0), an_entry(1, action="delete", outcome="intended", server=server, **facts))
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        assert "0 of 1 run deleted." in text_of(console)
        await pilot.press("j")
        await settle(pilot)
        assert "0 of 1 run deleted." not in text_of(console)


async def test_the_title_says_that_older_entries_are_left_out(mlflow_store: MlflowStore) -> None:
    write_journal(*(an_entry(at) for at in range(LIMIT + 5)))
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        assert f"newest {LIMIT}" in text_of(console)


async def test_an_unreadable_journal_is_reported(mlflow_store: MlflowStore) -> None:
    journal_file().mkdir(parents=True)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        assert "Cannot read the journal" in text_of(console)


async def test_hostile_text_is_escaped(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    texts = [payload.text for payload in PAYLOADS]
    fields = ("user", "host", "server", "target", "reason", "detail")
    write_journal(*(an_entry(at, **dict.fromkeys(fields, text)) for at, text in enumerate(texts)))
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(200, 60), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        for _ in texts:
            shown = text_of(console)
            assert all(raw not in shown for p in PAYLOADS if p.name != "newline" for raw in p.raw)
            await pilot.press("j")
            await settle(pilot)


async def test_an_unfinished_sweep_may_still_be_running(mlflow_store: MlflowStore) -> None:
    here = server_name(mlflow_store.tracking)
    write_journal(an_entry(1, action="train", outcome="intended", server=here, target="60 knn trials"))
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("6")
        await settle(pilot)
        assert "by another console" not in text_of(console)  # it may be this one
        await pilot.press("u")
        await settle(pilot)
        assert "The sweep may still be running; stop it with ctrl+x in Training." in text_of(console)
