"""The deployments view, on real services."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Select, Static

from engine.api import Deployment, Served, VersionTest
from engine.errors import ServiceError
from engine.journal import server_name
from engine.services import control
from engine.services.folder import ServiceFolder
from engine.services.records import ServiceStatus
from engine.serving.records import deployment_of
from engine.text import Shown
from tests.conftest import MlflowStore
from tests.engine.services.conftest import get, start
from tests.hostile.payloads import PAYLOADS
from tests.tui.deployments.conftest import deploy, deployment_spec, server_spec
from tests.tui.support import appears, paste, settle, text_of, until
from tui.app import Console
from tui.deployments.deploy_dialog import DeployDialog
from tui.deployments.doctor_screen import DoctorScreen
from tui.deployments.log_pane import LogPane
from tui.deployments.screen import DeploymentsScreen, ServiceScreen
from tui.deployments.server_dialog import BackupDialog, ServerDialog
from tui.deployments.source import (
    LookedUp,
    of_deployment,
    service_lines,
    service_source,
    short_serves,
    up_text,
)
from tui.dialogs.confirm import ConfirmDialog
from tui.widgets.controls import Field
from tui.widgets.table import Table
from tui.widgets.table.layout import GAP, GUTTER, MARGIN

pytestmark = pytest.mark.slow

SIZE = (140, 40)
ORDER = ("✗ error", "! warning", "· note", "? not checked", "✓ good")
RUNS_OF_VERSION_1 = {"fixed": "/1", "follows": "@champion"}
"""Deployments of version 1, and what they were asked to serve."""
ELSEWHERE = "http://elsewhere.example"


async def open_deployments(pilot: Pilot[None]) -> DeploymentsScreen:
    await settle(pilot)
    await pilot.press("5")
    await settle(pilot)
    assert isinstance(pilot.app.screen, DeploymentsScreen)
    return pilot.app.screen


async def type_line(pilot: Pilot[None], line: str) -> None:
    await settle(pilot)
    await pilot.press("colon")
    await paste(pilot, line)
    await pilot.press("enter")
    await settle(pilot)


def message_of(dialog: ServerDialog) -> str:
    return str(dialog.query_one("#message", Static).content)


async def test_without_a_deployment_the_view_says_what_to_do(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        await open_deployments(pilot)
        assert "Nothing is deployed yet" in text_of(console)
        assert "n   deploy a version" in text_of(console)
        assert "5 Deployments" in text_of(console)
        await pilot.press("s")
        await settle(pilot)
        assert "No deployment selected." in text_of(console)
        await type_line(pilot, "logs none")
        assert "No deployment 'none'" in text_of(console)


async def test_a_deployment_is_shown_watched_and_stopped(mlflow_store: MlflowStore) -> None:
    """The alias champion names version 2 by now."""
    status = deploy("classifier", server_name(mlflow_store.tracking))
    deploy("other", ELSEWHERE, model="churn", requested="/14", version=14)
    console = Console(mlflow_store.tracking, refresh_seconds=10)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await open_deployments(pilot)
        assert "2 serving" in text_of(console)
        assert "@champion → 1, now 2" in text_of(console)
        assert "@champion now names version 2" in text_of(console)
        assert f"127.0.0.1:{status.port}" in text_of(console)
        assert "churn/14" in text_of(console), "the model of a deployment with another name"
        assert "classifier is ready" in text_of(console), "the log of the selected service"
        with pytest.raises(OSError, match=r"closed|reset"):
            get(status, "/die")
        assert await appears(pilot, "1 restart"), text_of(console)

        await pilot.press("s")
        await settle(pilot)
        assert "Swap classifier to version 2?" in text_of(console)
        await pilot.press("enter", "b")
        await settle(pilot)
        assert "no version to go back to" in text_of(console)

        await pilot.press("x")
        await settle(pilot)
        assert isinstance(console.screen, ConfirmDialog)
        assert f"Ends classifier version 1 at {status.url}, with 1 worker process." in text_of(console)
        await pilot.press("enter")
        await settle(pilot)
        assert control.find("classifier").running, "Cancel is the default"
        control.stop("other")
        assert await appears(pilot, "○ stopped"), "another console has stopped it"
        await pilot.press("x", "right", "enter")
        await settle(pilot)
        assert not control.find("classifier").running
        assert "Stopped classifier" in text_of(console)
        await pilot.press("x")
        await settle(pilot)
        assert "It is stopped already." in text_of(console)
        await pilot.press("n")
        await settle(pilot)
        dialog = console.screen
        assert isinstance(dialog, DeployDialog)
        again = dialog.chosen("model"), dialog.chosen("target"), dialog.text("name"), dialog.text("port")
        assert again == ("classifier", "/1", "classifier", str(status.port)), "the same is offered"
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("D", "right", "enter")
        await settle(pilot)
        assert [service.name for service in view.services] == ["other"]


def test_a_long_name_of_a_model_leaves_the_version_in_view() -> None:
    texts = ("heart_disease_classifier@champion → 12", "heart_disease_classifier/12", "@a-long-alias → 2")
    assert [short_serves(Shown(text), 16) for text in texts] == [
        "heart_dise… → 12",
        "heart_diseas…/12",
        "@a-long-ali… → 2",
    ]


def test_the_columns_leave_a_cell_for_the_scrollbar() -> None:
    served = Served("heart_disease_classifier", "@champion", 2, ELSEWHERE)
    status = ServiceStatus(
        deployment_spec("hdc", ELSEWHERE), "stopped", "127.0.0.1", 38985, 0, 0, Path("log")
    )
    for width in range(60, 160):
        columns = service_source([of_deployment(Deployment(status, served))], 0, width).columns
        taken = GUTTER + MARGIN + sum(column.width for column in columns) + GAP * (len(columns) - 1)
        assert taken <= width - 1


def test_the_time_since_a_start_counts_swaps_in_and_ends_with_the_service() -> None:
    status = ServiceStatus(
        deployment_spec("a", ELSEWHERE), "serving", "127.0.0.1", 1, 0, 600_000, Path("log"), pid=1
    )
    assert up_text(status, 660_001) == "11 min"
    assert up_text(replace(status, state="failed", pid=None), 660_001) == "–"


async def test_an_alias_that_names_no_version_any_more_is_reported(
    mlflow_store: MlflowStore,
) -> None:
    deploy("classifier", server_name(mlflow_store.tracking), requested="@retired")
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await open_deployments(pilot)
        assert await appears(pilot, "@retired → 1, now none")
        assert "@retired names no version any more" in text_of(console)


async def test_the_log_follows_while_its_end_is_in_view(mlflow_store: MlflowStore) -> None:
    status = deploy("classifier", ELSEWHERE)
    with status.log.open("a") as log:
        log.writelines(f"line {number}\n" for number in range(100))
        log.write(f"{'x' * 200}\n")
        log.write("\x1b[31m red \x1b]0;title\x07\n")
    console = Console(mlflow_store.tracking, refresh_seconds=10)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        await open_deployments(pilot)
        await pilot.press("L")
        await settle(pilot)
        assert isinstance(console.screen, ServiceScreen)
        pane = console.screen.query_one(LogPane)
        assert await appears(pilot, "red")
        assert "\x1b" not in text_of(console)
        assert pane.is_at_end
        assert "serves" not in text_of(console), "the log fills the view"
        assert sum(map(len, re.findall("x{3,}", text_of(console)))) == 200, "no letter is lost"
        with status.log.open("a") as log:
            log.write("the last line\n")
        assert await appears(pilot, "the last line")
        await pilot.press("g")
        await settle(pilot)
        before = pane.max_scroll_y
        with status.log.open("a") as log:
            log.write("one more\n")
        await until(pilot, lambda: pane.max_scroll_y > before)
        assert "line 0" in text_of(console), "the lines in view stay"
        await pilot.press("L")
        await settle(pilot)
        assert "serves" in text_of(console)


async def test_a_console_that_only_reads_changes_no_service(mlflow_store: MlflowStore) -> None:
    deploy("classifier", server_name(mlflow_store.tracking))
    console = Console(mlflow_store.tracking, read_only=True)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        await open_deployments(pilot)
        for key in ("n", "s", "x", "S", "D"):
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(console.screen, DeploymentsScreen)
            assert "The console was started with --read-only." in text_of(console), key
        await pilot.press("3", "n")
        await settle(pilot)
        assert console.current_mode == "models"


async def test_what_failed_is_marked_in_every_view_and_says_why(mlflow_store: MlflowStore) -> None:
    with pytest.raises(ServiceError):
        start(deployment_spec("classifier", ELSEWHERE, "fails"))
    console = Console(mlflow_store.tracking, refresh_seconds=0.5)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        assert await appears(pilot, "5 Dep ✗1")
        await open_deployments(pilot)
        assert "✗ failed" in text_of(console)
        assert "127.0.0.1:" not in text_of(console).partition("LOG")[0].partition("address")[0]
        assert "its example is not predicted" in text_of(console)
        await pilot.press("T")
        await settle(pilot)
        assert "It is failed; n deploys it again." in text_of(console)
        await pilot.press("Y")
        await settle(pilot)
        assert "systemd unit" in text_of(console)


async def test_hostile_names_of_models_are_shown_as_plain_text(mlflow_store: MlflowStore) -> None:
    text = "".join(payload.text for payload in PAYLOADS)
    facts = {"model": text, "requested": f"@{text}", "code_owner": text, "format": text}
    deploy("classifier", ELSEWHERE, **facts)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await open_deployments(pilot)
        for key in ("enter", "q", "x", "escape"):
            assert "serving" in text_of(console) or key == "escape"
            assert all(line.isprintable() for line in text_of(console).splitlines())
            await pilot.press(key)
            await settle(pilot)


async def test_a_version_is_offered_by_its_alias_and_typing_deploys_nothing(
    mlflow_store: MlflowStore,
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await type_line(pilot, "models classifier")
        await pilot.press("n")
        await settle(pilot)
        dialog = console.screen
        assert isinstance(dialog, DeployDialog)
        assert console.current_mode == "deployments"
        model, target = dialog.chosen("model"), dialog.chosen("target")
        await pilot.press(*"champion", "space", "3", "y")
        assert (dialog.chosen("model"), dialog.chosen("target")) == (model, target)
        await pilot.press("right", "left", "enter")
        await settle(pilot)
        assert isinstance(console.screen, DeploymentsScreen)
        assert control.all_services() == []
        await type_line(pilot, "deploy classifier/2")
        dialog = console.screen
        assert isinstance(dialog, DeployDialog)
        assert (dialog.chosen("model"), dialog.chosen("target")) == ("classifier", "/2")
        dialog.query_one("#host", Field).value = "0.0.0.0"
        dialog.query_one("#submit").focus()
        await pilot.press("enter")
        await settle(pilot)
        assert "Other machines may reach 0.0.0.0" in text_of(console)
        dialog.query_one("#port", Field).value = "eighty"
        await pilot.press("enter")
        await settle(pilot)
        assert "The port must be a number" in text_of(console)
        await pilot.press("escape")
        await settle(pilot)
        assert control.all_services() == []


async def test_the_command_line_knows_the_names_of_services(mlflow_store: MlflowStore) -> None:
    deploy("classifier", ELSEWHERE)
    deploy("old", ELSEWHERE)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await open_deployments(pilot)
        await pilot.press("colon", *"stop o")
        await pilot.pause()
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert "Stop old?" in text_of(console)
        await pilot.press("escape")
        await type_line(pilot, "deployments classifier")
        assert view.service is not None
        assert view.service.name == "classifier"
        await type_line(pilot, "swap old 3")
        assert "Swap old to version 3?" in text_of(console)
        await pilot.press("escape")
        await type_line(pilot, "server restart")
        assert "Unknown command `:server restart`" in text_of(console)
        table = view.query_one("#services", Table)
        assert [c.key for c in table.source.columns][-1] == "restarts"
        await pilot.resize_terminal(60, 16)
        await settle(pilot)
        shown = [column.key for column in table.source.columns]
        assert shown[:2] == ["name", "serves"]
        assert "state" in shown
        assert "restarts" not in shown, "it does not fit"


async def test_the_store_is_backed_up_and_the_contents_are_named(
    mlflow_store_copy: MlflowStore, tmp_path: Path
) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await type_line(pilot, "server backup")
        assert "Back up sqlite://" in text_of(console)
        await paste(pilot, str(tmp_path / "backup"))
        await pilot.press("enter", "tab", "tab", "enter")
        await settle(pilot)
        assert "mlflow-console server restore" in text_of(console)
        assert (tmp_path / "backup" / "manifest.json").is_file()


async def test_the_doctor_shows_findings_with_evidence_and_fix(mlflow_store_copy: MlflowStore) -> None:
    """The store has never been analyzed, and a version of its registry has lost its run."""
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await type_line(pilot, "doctor")
        screen = console.screen
        assert isinstance(screen, DoctorScreen)
        assert "checks" in text_of(console)
        table = screen.query_one("#findings", Table)
        assert "! warning" in text_of(console)
        assert "evidence" in text_of(console)
        words = [table.source.cell(row, 0) for row in range(table.source.row_count)]
        assert words == sorted(words, key=ORDER.index)
        while screen.row is not None and not screen.row.command:
            await pilot.press("j")
        await pilot.press("y")
        await settle(pilot)
        assert "Copied" in text_of(console)


async def test_what_has_ended_is_deployed_again_as_it_was(mlflow_store: MlflowStore) -> None:
    """Not as the first model of the store, nor as the version that its alias has moved to."""
    here = server_name(mlflow_store.tracking)
    ports = {name: deploy(name, here, requested=wanted).port for name, wanted in RUNS_OF_VERSION_1.items()}
    deploy("stranger", ELSEWHERE)
    for name in (*RUNS_OF_VERSION_1, "stranger"):
        control.stop(name)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await open_deployments(pilot)
        for name, port in ports.items():
            await type_line(pilot, f"deployments {name}")
            await pilot.press("n")
            await settle(pilot)
            dialog = console.screen
            assert isinstance(dialog, DeployDialog)
            assert (dialog.chosen("model"), dialog.chosen("target")) == ("classifier", "/1")
            assert (dialog.text("name"), dialog.text("port")) == (name, str(port))
            moved = "champion does not name version 1 any more" in text_of(console)
            assert moved == (name == "follows")
            await pilot.press("escape")
        await type_line(pilot, "deployments stranger")
        await pilot.press("n")
        await settle(pilot)
        dialog = console.screen
        assert isinstance(dialog, DeployDialog)
        assert "deployed from another store" in text_of(console)
        dialog.query_one("#submit").focus()
        await pilot.press("enter")
        await settle(pilot)
        assert console.screen is dialog, "nothing is chosen"


async def test_a_stopped_server_is_started_again_as_it_was_and_refusals_keep_what_was_typed(
    mlflow_store: MlflowStore, tmp_path: Path
) -> None:
    backend, artifacts = f"sqlite:///{tmp_path}/old.db", str(tmp_path / "files")
    port = start(server_spec("old", backend, artifacts, auth=True, workers=2)).port
    control.stop("old")
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        await open_deployments(pilot)
        assert "S starts it again as it was" in text_of(console)
        await pilot.press("S")
        await settle(pilot)
        dialog = console.screen
        assert isinstance(dialog, ServerDialog)
        fields = ("name", "host", "port", "backend", "artifacts")
        known = ["old", "127.0.0.1", str(port), backend, artifacts]
        assert [dialog.text(each) for each in fields] == known
        assert dialog.chosen("login") == "accounts"
        dialog.query_one("#backend", Field).value = f"sqlite:///{tmp_path}/none/new.db"
        dialog.query_one("#submit").focus()
        await pilot.press("enter")
        assert await appears(pilot, "The folder of the database does not exist")
        assert "--" not in message_of(dialog)
        dialog.query_one("#login", Select).value = "none"
        dialog.query_one("#host", Field).value = "0.0.0.0"
        await pilot.press("enter")
        assert await appears(pilot, "Refusing to listen on 0.0.0.0")
        assert "--" not in message_of(dialog)
        assert "accounts and passwords as login" in message_of(dialog)
        assert dialog.text("backend") == f"sqlite:///{tmp_path}/none/new.db"
        assert "[ Start ]" in text_of(console), "the buttons stay in view"
        await pilot.press("escape")

        await type_line(pilot, "doctor")
        assert isinstance(console.screen, DoctorScreen)
        assert await appears(pilot, "checks")
        assert "DOCTOR  sqlite:" in text_of(console), "the open store, not the server under the cursor"
        await pilot.press("escape")
        await pilot.press("i")
        assert await appears(pilot, f"127.0.0.1:{port}")
        assert isinstance(console.screen, DoctorScreen)
        await pilot.press("escape")
        await type_line(pilot, "backup")
        assert isinstance(console.screen, BackupDialog)
        assert "Back up sqlite:" in text_of(console), "a stopped server has no address"


def test_a_test_in_process_is_not_shown_as_a_test_of_the_deployment(mlflow_store: MlflowStore) -> None:
    status = deploy("classifier", server_name(mlflow_store.tracking), requested="/1")
    found = deployment_of(status)
    served = {"server": "", "model": "classifier", "version": 1, "created": 0, "kind": "labelled"}
    outcome = {"passed": True, "text": "56 of 61 right.", "user": "ana", "right": 56, "rows": 61}
    for deployment, time, is_own in (
        ("classifier", status.started + 1, True),
        ("classifier", status.started - 1, False),
        ("", status.started + 1, False),
    ):
        test = VersionTest(**served, **outcome, time=time, deployment=deployment)  # type: ignore[arg-type]
        service = of_deployment(found, LookedUp(1, test=test))
        assert ("(tested 56/61)" in service.serves) == is_own
        detail = "\n".join(line.plain for line in service_lines(service, 100))
        assert "56 of 61 right" in detail
        assert ("the version" in detail) != is_own


async def test_many_services_leave_every_column_whole_beside_the_scroll_bar(
    mlflow_store: MlflowStore,
) -> None:
    name = "service-0"
    with pytest.raises(ServiceError):
        start(deployment_spec(name, ELSEWHERE, "fails", model="a model with a name " * 4))
    first = ServiceFolder.of(name)
    for number in range(1, 12):
        copy = ServiceFolder.of(f"service-{number}")
        copy.path.mkdir(mode=0o700)
        copy.record_file.write_text(first.record_file.read_text().replace(name, copy.name))
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        view = await open_deployments(pilot)
        assert len(view.services) == 12
        assert view.query_one("#services", Table).show_vertical_scrollbar
        heads = next(line for line in text_of(console).splitlines() if "serves" in line)
        assert "state" in heads
        assert "›" not in heads, "no column is hidden behind the edge"
