"""What the words after `:` do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.api import column_named
from engine.errors import EngineError, FilterError, UsageError
from engine.text import safe
from tui.commands.bindings import Command
from tui.dialogs.commands import TYPED_COMMANDS
from tui.models.screen import ModelsScreen
from tui.runs.screen import RunsScreen
from tui.screen import current_view
from tui.session import SessionApp

if TYPE_CHECKING:
    from engine.api import RunFrame
    from engine.columns import ColumnKey


def completions(app: SessionApp, word: str, argument: str) -> Sequence[str]:
    """What the argument of `word` can become, best first."""
    runs = _runs_screen(app)
    if runs is None:
        return []
    if word == "runs":
        names = [safe(e.name) for e in runs.experiments.experiments]
        return [name for name in names if argument.lower() in name.lower()][:50]
    columns = runs.runs.columns
    if word in ("sort", "best", "group"):
        kind = {"best": ("metric",), "group": ("param", "tag", "dataset")}.get(word, _SORTED)
        names = [safe(c.key.name) for c in columns if c.key.kind in kind]
        return [name for name in names if name.startswith(argument)][:50]
    if word == "layout":
        return [name for name in _LAYOUTS if name.startswith(argument)]
    if word == "view":
        return [name for name in _view_offers(runs) if name.startswith(argument)]
    return []


def _view_offers(runs: RunsScreen) -> list[str]:
    """What can follow `:view`."""
    if runs.experiment is None:
        return []
    with suppress(EngineError):  # told when one is opened
        names = [safe(name) for name in runs.engine.runs.saved_views(runs.experiment.name).names()]
        return [*names, "save ", *(f"delete {name}" for name in names)]
    return ["save "]


async def execute(app: SessionApp, line: str) -> None:
    """Do what was typed. Raises `UsageError` for a word that means nothing."""
    word, _, argument = line.strip().partition(" ")
    argument = argument.strip()
    command = next((c for c in TYPED_COMMANDS if c.word == word), None)
    if command is None:
        near = ", ".join(c.word for c in TYPED_COMMANDS if c.word.startswith(word[:1])) or "help"
        raise UsageError(f"There is no command {word!r}", f"Similar: {near}", "`:help` lists the keys.")
    special = _SPECIAL.get(word)
    if special is not None:
        await special(app, argument)
    else:
        await press(app, command)


async def press(app: SessionApp, command: Command) -> None:
    """Do a command as its key would, in the view that it belongs to."""
    if command.scope not in ("app", current_view(app).scope) and command.scope in app.MODES:
        await app.session.show_mode(command.scope)
    view = current_view(app)
    targets = {"app": app, "table": app.focused or view, "plot": app.focused or view}
    await app.run_action(command.action, targets.get(command.scope, view))


async def _runs(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = _runs_screen(app)
    if screen is None or not argument:
        return
    called = [
        (name, e) for e in screen.experiments.experiments for name in (e.name, safe(e.name), e.experiment_id)
    ]
    meant = [(name, e) for name, e in called if argument == name or argument.startswith(name + " ")]
    if not meant:
        raise UsageError(f"There is no experiment {argument!r}", "", "Tab completes the names.")
    name, chosen = max(meant, key=lambda pair: len(pair[0]))
    screen.show_experiment(chosen)
    rest = argument[len(name) :].strip()
    if rest:
        screen.pane.apply_filter(rest)


async def _filter(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := _runs_screen(app)) is not None:
        screen.pane.apply_filter(argument)


async def _sort(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = _runs_screen(app)
    if screen is None or screen.runs.frame is None:
        return
    if not argument:
        screen.action_sort_column()
        return
    name, way = _split_way(argument)
    screen.pane.sort_by(_column(name, screen.runs.frame), _WAYS[way])


def _split_way(argument: str) -> tuple[str, str]:
    """`accuracy desc` and `accuracy:desc`."""
    for way in _WAYS:
        if way and argument.lower().endswith((f" {way}", f":{way}")):
            return argument[: -len(way) - 1], way
    return argument, ""


def _column(name: str, frame: RunFrame) -> ColumnKey:
    try:
        return column_named(name.strip(), frame.keys)
    except FilterError as error:  # its place in a filter means nothing here
        raise UsageError(error.title, "", error.hint or "Tab lists the columns.") from error


async def _layout(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = _runs_screen(app)
    if screen is None:
        return
    if not argument:
        screen.action_step_layout()
    elif argument in _LAYOUTS:
        if argument == "groups" and not screen.runs.view.group_by:
            screen.action_pick_groups()
        else:
            screen.runs.change_view(layout=argument)
    else:
        raise UsageError(f"There is no layout {argument!r}", "", f"Layouts: {', '.join(_LAYOUTS)}.")


async def _group(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = _runs_screen(app)
    if screen is None or screen.runs.frame is None:
        return
    if not argument:
        screen.action_pick_groups()
        return
    frame = screen.runs.frame
    screen.group_by(tuple(_column(name, frame) for name in argument.split(",") if name.strip()))


async def _view(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = _runs_screen(app)
    if screen is None or screen.experiment is None:
        return
    views, experiment = screen.saved_views, screen.experiment
    verb, _, name = argument.partition(" ")
    if not argument:
        views.pick(experiment)
    elif verb in ("save", "delete"):
        name = name.strip()
        if not name:
            raise UsageError(f"`:view {verb}` needs a name", "", f"`:view {verb} NAME`")
        views.save(experiment, name, screen.runs.view) if verb == "save" else views.delete(experiment, name)
    else:
        views.open(experiment, argument)


async def _best(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := _runs_screen(app)) is not None:
        screen.action_show_best(argument)


async def _export(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := _runs_screen(app)) is not None:
        screen.action_export_csv(argument)


async def _models(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("models")
    view = current_view(app)
    if argument and isinstance(view, ModelsScreen):
        view.show_model(argument)


async def _promote(app: SessionApp, argument: str) -> None:
    parts = argument.rsplit(maxsplit=2)
    if len(parts) != 3 or not parts[1].isdigit():
        raise UsageError(
            "`:promote` takes a model, a version and a stage or alias", "", "`:promote churn 7 Production`"
        )
    await app.session.show_mode("models")
    view = current_view(app)
    if isinstance(view, ModelsScreen):
        view.promote(parts[0], int(parts[1]), parts[2])


async def _picture(app: SessionApp, argument: str) -> None:
    await app.run_action(("", "save_picture", (argument,)))


_SORTED = ("attribute", "metric", "param")
_LAYOUTS = ("flat", "tree", "groups")
_WAYS = {"": None, "asc": False, "desc": True}

_SPECIAL = {
    "runs": _runs,
    "filter": _filter,
    "sort": _sort,
    "layout": _layout,
    "group": _group,
    "view": _view,
    "best": _best,
    "export": _export,
    "models": _models,
    "promote": _promote,
    "picture": _picture,
}


def _runs_screen(app: SessionApp) -> RunsScreen | None:
    stack = app.get_screen_stack("runs") if "runs" in app.MODES else []
    return next((screen for screen in stack if isinstance(screen, RunsScreen)), None)
