"""The command table: every command has an action, and no key or word has two commands."""

from __future__ import annotations

import inspect
from collections import Counter
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from engine.errors import UsageError
from engine.uri import TrackingUri
from tests.tui.support import settle, text_of
from tui.activity.screen import ActivityScreen
from tui.app import Console, picture_file
from tui.artifacts.screen import ArtifactsScreen
from tui.charts.multiples import ChartGrid
from tui.charts.screen import ChartScreen
from tui.commands.bindings import COMMANDS, SCOPE_TITLES, VIEW_SCOPES, Command, Scope, commands
from tui.compare.screen import CompareScreen
from tui.deployments.doctor_screen import DoctorScreen
from tui.deployments.screen import DeploymentsScreen
from tui.dialogs.commands import HelpDialog
from tui.insights.screen import InsightsScreen
from tui.lineage.screen import LineageScreen
from tui.model_tests.request_pane import RequestPane
from tui.model_tests.screen import ModelTestScreen
from tui.models.screen import ModelsScreen
from tui.run.screen import RunScreen
from tui.runs.filter_bar import FilterInput
from tui.runs.screen import RunsScreen
from tui.training.screen import TrainingScreen
from tui.widgets.key_value import KeyValue
from tui.widgets.plot import Plot
from tui.widgets.plot.drawing_view import DrawingView
from tui.widgets.scroll_pane import ScrollPane
from tui.widgets.table import Table

OWNERS: dict[Scope, type[DOMNode]] = {
    "app": Console,
    "table": Table,
    "runs": RunsScreen,
    "run": RunScreen,
    "compare": CompareScreen,
    "models": ModelsScreen,
    "training": TrainingScreen,
    "testing": ModelTestScreen,
    "editor": RequestPane,
    "deployments": DeploymentsScreen,
    "doctor": DoctorScreen,
    "activity": ActivityScreen,
    "chart": ChartScreen,
    "artifacts": ArtifactsScreen,
    "insights": InsightsScreen,
    "lineage": LineageScreen,
    "plot": Plot,
    "drawing": DrawingView,
    "grid": ChartGrid,
    "pane": KeyValue,
    "filter": FilterInput,
}
RESERVED_KEYS = {"ctrl+a", "ctrl+b"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.id)
def test_every_command_has_an_action(command: Command) -> None:
    action = command.action.partition("(")[0]
    assert hasattr(OWNERS[command.scope], f"action_{action}")
    assert command.help.endswith(".")


def test_every_scope_has_an_owner_and_a_title() -> None:
    assert set(OWNERS) == set(SCOPE_TITLES)
    assert all(getattr(owner, "scope", scope) == scope for scope, owner in OWNERS.items())


@pytest.mark.parametrize("command", commands("pane"), ids=lambda c: c.id)
def test_every_pane_of_text_scrolls_with_the_same_keys(command: Command) -> None:
    for widget in (KeyValue, ScrollPane):
        assert hasattr(widget, f"action_{command.action.partition('(')[0]}")
        assert command.id in [binding.id for binding in widget.BINDINGS if isinstance(binding, Binding)]


@pytest.mark.parametrize("scope", list(OWNERS))
def test_no_key_has_two_commands_in_a_scope(scope: Scope) -> None:
    keys = Counter(key for c in commands(scope) for key in c.keys.split(","))
    assert [key for key, count in keys.items() if count > 1 and key] == []


@pytest.mark.parametrize("scope", ["runs", "compare", "models", "training", "activity", "chart"])
def test_no_view_overrides_a_key_of_tables_or_of_the_application(scope: Scope) -> None:
    own = {key for c in commands(scope) for key in c.keys.split(",") if key}
    common = {key for c in (*commands("table"), *commands("app")) for key in c.keys.split(",")}
    assert own & common == set()


def test_in_the_deployments_view_only_a_key_that_its_table_leaves_to_it_has_another_meaning() -> None:
    own = {key for c in commands("deployments") for key in c.keys.split(",") if key}
    common = {key for c in (*commands("table"), *commands("app")) for key in c.keys.split(",")}
    assert own & common == {"L"}
    assert not Table(can_step_columns=False).check_action("column_right", ())


@pytest.mark.parametrize("scope", VIEW_SCOPES)
def test_a_key_of_another_view_explains_itself(scope: Scope) -> None:
    bound = {
        binding.key: binding.action for binding in OWNERS[scope].BINDINGS if isinstance(binding, Binding)
    }
    own = {key for c in (*commands(scope), *commands("app")) for key in c.keys.split(",")}
    for other in COMMANDS:
        for key in other.keys.split(",") if other.scope in VIEW_SCOPES else ():
            assert not key or key in own or bound[key] == f"explain_key({key!r})"


def test_keys_used_by_terminals_and_multiplexers_are_not_bound() -> None:
    keys = {key for c in COMMANDS for key in c.keys.split(",")}
    assert keys & RESERVED_KEYS == set()
    assert [key for key in keys if "alt+" in key] == []


def test_command_words_are_unique() -> None:
    words = Counter(c.word for c in COMMANDS if c.word)
    assert [word for word, count in words.items() if count > 1] == []


def test_every_write_checks_for_read_only() -> None:
    assert {c.id for c in COMMANDS if c.writes} == {
        "activity.reverse",
        "compare.register",
        "deployments.back",
        "deployments.deploy",
        "deployments.remove",
        "deployments.server",
        "deployments.stop",
        "deployments.swap",
        "lineage.repair",
        "models.answer",
        "models.approve",
        "models.delete",
        "models.deploy",
        "models.edit",
        "models.promote",
        "models.reject",
        "models.undo",
        "run.edit",
        "run.register",
        "runs.change-lifecycle",
        "runs.create-experiment",
        "runs.edit",
        "runs.register",
        "runs.restore-experiment",
        "training.new-sweep",
        "training.register",
        "training.resume-sweep",
    }
    for command in COMMANDS:
        if command.writes:
            action = getattr(OWNERS[command.scope], f"action_{command.action.partition('(')[0]}")
            assert "self.refuse(" in inspect.getsource(action), command.id


def test_a_screenshot_is_a_new_svg_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    default = "mlflow-console-runs"
    for expected in ("mlflow-console-runs.svg", "mlflow-console-runs-2.svg", "mlflow-console-runs-3.svg"):
        path = picture_file("", default)
        assert path == Path(expected)
        path.touch()
    assert picture_file("a.b/c.SVG", default) == Path("a.b/c.svg")
    assert picture_file("shot", default) == Path("shot.svg")
    for name in ("a.png", "mlflow-console-runs"):
        with pytest.raises(UsageError):
            picture_file(name, default)


async def test_the_runs_view_binds_the_keys_of_the_command_table(tmp_path: object) -> None:
    console = Console(TrackingUri(f"sqlite:///{tmp_path}/none.db"))
    async with console.run_test() as pilot:
        await settle(pilot)
        bound = {binding.id for _, binding in console.screen._bindings if binding.id}
        assert {c.id for c in commands("runs") if c.keys} <= bound


async def test_views_and_commands_can_be_clicked(tmp_path: object) -> None:
    console = Console(TrackingUri(f"sqlite:///{tmp_path}/none.db"))
    async with console.run_test(size=(90, 24)) as pilot:
        await settle(pilot)
        status, *_, keys = text_of(console).splitlines()
        assert status.endswith("1 Runs  2 Cmp  3 Mod  4 Trn  5 Dep  6 Act")
        await pilot.click(offset=(keys.index("? keys") + 3, 23))
        await pilot.pause()
        assert isinstance(console.screen, HelpDialog)
        await pilot.press("escape")
        await pilot.click(offset=(status.index("3 Mod") + 4, 0))
        await settle(pilot)
        assert console.current_mode == "models"
        assert "3 Models  4 Trn" in text_of(console)
