"""Runs the lines typed after `:`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.api import column_named
from engine.errors import FilterError, UsageError
from engine.suggestions import closest, did_you_mean
from engine.text import safe
from tui.charts.screen import ChartScreen
from tui.commands.bindings import COMMANDS, Command
from tui.compare.screen import CompareScreen
from tui.deployments.screen import DeploymentsScreen
from tui.dialogs.commands import TYPED_COMMANDS
from tui.models.screen import ModelsScreen
from tui.runs.screen import RunsScreen
from tui.screen import current_view
from tui.session import SessionApp
from tui.state import ComparedVersions
from tui.training.screen import TrainingScreen

if TYPE_CHECKING:
    from engine.api import RunFrame
    from engine.columns import ColumnKey


async def execute(app: SessionApp, line: str) -> None:
    """Run a line. Raises `UsageError` for an unknown command or invalid arguments."""
    word, _, argument = line.strip().partition(" ")
    argument = argument.strip()
    command = next((c for c in TYPED_COMMANDS if c.word == word), None)
    if command is None:
        similar = closest(word, [c.word for c in TYPED_COMMANDS])
        hint = did_you_mean(f"`:{name}`" for name in similar) or "Use `:help` for a list of keys."
        raise UsageError(f"Unknown command {word!r}", hint=hint)
    handler = _WITH_ARGUMENTS.get(word)
    if handler is not None:
        await handler(app, argument)
    else:
        await press(app, command)


async def press(app: SessionApp, command: Command) -> None:
    """Run a command as its key would, in the view it belongs to."""
    if command.scope not in ("app", current_view(app).scope) and command.scope in app.MODES:
        await app.session.show_mode(command.scope)
    view = current_view(app)
    target = app if command.scope == "app" else view if command.scope == view.scope else app.focused or view
    await app.run_action(command.action, target)


async def _runs(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = runs_screen(app)
    if screen is None or not argument:
        return
    names = [
        (name, e) for e in screen.experiments.experiments for name in (e.name, safe(e.name), e.experiment_id)
    ]
    matches = [(name, e) for name, e in names if argument == name or argument.startswith(name + " ")]
    if not matches:
        find = partial(screen.engine.runs.experiment, argument, allow_deleted=True)
        screen.show_experiment(await app.session.bridge.call(find))
        return
    name, experiment = max(matches, key=lambda match: len(match[0]))
    screen.show_experiment(experiment)
    rest = argument[len(name) :].strip()
    if rest:
        screen.pane.apply_filter(rest)


async def _table_screen(app: SessionApp) -> RunsScreen | ModelsScreen | None:
    """The models view if it is on screen, else the runs view, shown."""
    if isinstance(view := current_view(app), ModelsScreen):
        return view
    await app.session.show_mode("runs")
    return runs_screen(app)


async def _filter(app: SessionApp, argument: str) -> None:
    if (screen := await _table_screen(app)) is not None:
        screen.pane.apply_filter(argument)


async def _sort(app: SessionApp, argument: str) -> None:
    screen = await _table_screen(app)
    if screen is None:
        return
    frame = screen.versions.frame if isinstance(screen, ModelsScreen) else screen.runs.frame
    if frame is None:
        return
    if not argument:
        screen.action_sort_column()
        return
    name, direction = _split_direction(argument)
    screen.pane.sort_by(_column(name, frame), _DIRECTIONS[direction])


def _split_direction(argument: str) -> tuple[str, str]:
    """Split `accuracy desc` or `accuracy:desc` into column and direction."""
    for direction in _DIRECTIONS:
        if direction and argument.lower().endswith((f" {direction}", f":{direction}")):
            return argument[: -len(direction) - 1], direction
    return argument, ""


def _column(name: str, frame: RunFrame) -> ColumnKey:
    try:
        return column_named(name.strip(), frame.keys)
    except FilterError as error:  # its position is that in a filter
        raise UsageError(error.title, "", error.hint or "Tab lists the columns.") from error


async def _layout(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = runs_screen(app)
    if screen is None:
        return
    if not argument:
        screen.action_step_layout()
    elif argument in LAYOUTS:
        if argument == "groups" and not screen.runs.view.group_by:
            screen.action_pick_groups()
        else:
            screen.runs.change_view(layout=argument)
    else:
        raise UsageError(
            f"Unknown layout {argument!r}", "", f"Use {', '.join(LAYOUTS[:-1])} or {LAYOUTS[-1]}."
        )


async def _group(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    screen = runs_screen(app)
    if screen is None or screen.runs.frame is None:
        return
    if not argument:
        screen.action_pick_groups()
        return
    frame = screen.runs.frame
    screen.group_by(tuple(_column(name, frame) for name in argument.split(",") if name.strip()))


async def _view(app: SessionApp, argument: str) -> None:
    screen = await _table_screen(app)
    views = None if screen is None else screen.saved_views
    if screen is None or views is None:
        return
    verb, _, name = argument.partition(" ")
    if not argument:
        views.pick()
    elif verb in ("save", "delete"):
        name = name.strip()
        if not name:
            raise UsageError(f"`:view {verb}` needs a name", "", f"Use `:view {verb} NAME`.")
        shown = screen.versions if isinstance(screen, ModelsScreen) else screen.runs
        views.save(name, shown.view) if verb == "save" else views.delete(name)
    else:
        views.open(argument)


async def _best(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := runs_screen(app)) is not None:
        screen.action_show_best(argument)


async def _insights(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := runs_screen(app)) is not None:
        metric, _, where = argument.partition(" ")
        screen.action_show_insights(metric, where.strip())


async def _chart(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := runs_screen(app)) is not None:
        screen.action_chart_metric(argument)


async def _smooth(app: SessionApp, argument: str) -> None:
    _chart_screen(app).action_smooth(argument)


async def _limits(app: SessionApp, argument: str) -> None:
    _chart_screen(app).action_edit_limits(argument)


def _chart_screen(app: SessionApp) -> ChartScreen:
    view = current_view(app)
    if isinstance(view, ChartScreen):
        return view
    raise UsageError("No chart is open", "", "Open one with `:chart METRIC`.")


async def _export(app: SessionApp, argument: str) -> None:
    """Export what the current view shows."""
    view = current_view(app)
    if not any(command.id == f"{view.scope}.export" for command in COMMANDS):
        await app.session.show_mode("runs")
        view = current_view(app)
    await app.run_action(("", "export", (argument,)), view)


async def _models(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("models")
    view = current_view(app)
    if not argument or not isinstance(view, ModelsScreen):
        return
    known = [name for m in view.models for name in (m.name, safe(m.name)) if argument.startswith(f"{name} ")]
    name = max(known, key=len, default=argument)
    view.show_model(name)
    if rest := argument[len(name) :].strip():
        view.pane.apply_filter(rest)


async def _models_screen(app: SessionApp) -> ModelsScreen:
    """The models view, shown, without what was opened from it."""
    await app.session.show_mode("models")
    while not isinstance(view := current_view(app), ModelsScreen):
        app.pop_screen()
    return view


def _version_of(word: str, argument: str, example: str) -> tuple[str, int]:
    """The model and version in an argument. Raises `UsageError`."""
    model, _, version = argument.rpartition(" ")
    if not model.strip() or not version.isdecimal():
        raise UsageError(f"`:{word}` needs a model and a version", "", f"Example: `:{word} {example}`")
    return model.strip(), int(version)


async def _press_word(app: SessionApp, word: str) -> None:
    """Run the command with this word as its key would."""
    await press(app, next(c for c in COMMANDS if c.word == word))


async def _edit(app: SessionApp, argument: str) -> None:
    """`:edit MODEL [VERSION]`; without a model, what the current view has selected, else the runs."""
    view = current_view(app)
    if not argument:
        own = next((c for c in COMMANDS if c.id == f"{view.scope}.edit"), None)
        await press(app, own) if own is not None else await _press_word(app, "edit")
        return
    models = await _models_screen(app)
    if argument in {model.name for model in models.models} or not argument.rpartition(" ")[2].isdecimal():
        models.show_model(argument)
        if not models.refuse("models.edit"):
            models.edit(argument, None)
    else:
        name, version = _version_of("edit", argument, "churn 7")
        models.act_on("models.edit", name, version, partial(models.edit, name))


async def _register(app: SessionApp, argument: str) -> None:
    """Register the run that the current view has selected, else that of the runs view."""
    if not any(command.id == f"{current_view(app).scope}.register" for command in COMMANDS):
        await app.session.show_mode("runs")
    await app.run_action(("", "register", (argument,)), current_view(app))


async def _request(app: SessionApp, argument: str) -> None:
    if not argument:
        await _press_word(app, "request")
        return
    version, _, target = argument.rpartition(" ")
    name, number = _version_of("request", version, "churn 7 Production")
    models = await _models_screen(app)
    models.act_on("models.answer", name, number, partial(models.approval.request, target=target))


async def _answer(word: str, app: SessionApp, argument: str) -> None:
    if not argument:
        await _press_word(app, word)
        return
    name, number = _version_of(word, argument, "churn 7")
    models = await _models_screen(app)
    models.act_on("models.answer", name, number, partial(models.approval.answer, action=word))


async def _history(app: SessionApp, argument: str) -> None:
    models = await _models_screen(app)
    models.show_history(argument) if argument else models.action_show_history()


async def _lineage(app: SessionApp, argument: str) -> None:
    models = await _models_screen(app)
    if argument:
        models.show_lineage(*_version_of("lineage", argument, "churn 7"))
    else:
        models.action_show_lineage()


async def _create(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := runs_screen(app)) is not None:
        screen.action_create_experiment(argument)


async def _restore(app: SessionApp, argument: str) -> None:
    await app.session.show_mode("runs")
    if (screen := runs_screen(app)) is not None:
        screen.action_restore_experiment(argument)


async def _artifacts(app: SessionApp, argument: str) -> None:
    """Without a run, those of the run on screen, or under the cursor of the runs view."""
    from tui.artifacts.screen import ArtifactsScreen
    from tui.run.screen import RunScreen

    view = current_view(app)
    run_id, _, path = argument.partition(" ")
    if not run_id and isinstance(view, RunScreen):
        view.show_artifacts()
        return
    screen = runs_screen(app)
    if not run_id and isinstance(view, RunsScreen) and len(ids := view.pane.under_cursor()) == 1:
        (run_id,) = ids
    elif run_id and screen is not None and screen.experiment is not None and len(run_id) < 32:
        find = partial(screen.engine.runs.resolve_run_ids, screen.experiment.experiment_id, [run_id])
        (run_id,) = await app.session.bridge.call(find)
    if not run_id:
        raise UsageError("`:artifacts` needs a run", "", "Open a run first, or use `:artifacts RUN_ID`.")
    detail = await app.session.bridge.call(partial(app.session.engine.runs.detail, run_id))
    await app.push_screen(ArtifactsScreen(run_id, safe(detail.run.run_name or run_id), path.strip()))


async def _compare(app: SessionApp, argument: str) -> None:
    """`:compare` shows the compared runs; `:compare MODEL 1 2` compares versions of a model."""
    match = re.fullmatch(r"(.*?)((?:\s+\d+)+)", argument)
    versions = tuple(dict.fromkeys(map(int, match[2].split()))) if match else ()
    if argument and (match is None or len(versions) < 2):
        raise UsageError(
            "`:compare` needs a model and at least two versions",
            "",
            "Example: `:compare churn 6 7`. To compare runs, mark them and press c.",
        )
    if match is not None:
        app.session.state.compared = ComparedVersions(match[1], versions)
    await app.session.show_mode("compare")
    view = current_view(app)
    if isinstance(view, CompareScreen):
        view.show_compared()


async def _test(app: SessionApp, argument: str) -> None:
    """`:test MODEL VERSION` tests a version, `:test NAME` a deployment, `:test` what the cursor is on."""
    model, _, version = argument.rpartition(" ")
    if not argument:
        await press(app, next(c for c in COMMANDS if c.word == "test"))
    elif not model or not version.isdecimal():
        view = await _deployments_screen(app)
        view.act_on(argument, view.action_test_service)
    else:
        await app.session.show_mode("models")
        models = current_view(app)
        if isinstance(models, ModelsScreen):
            models.show_model(model.strip(), int(version))
            models.open_test(model.strip(), int(version))


async def _promote(app: SessionApp, argument: str) -> None:
    parts = argument.rsplit(maxsplit=2)
    if len(parts) != 3 or not parts[1].isdigit():
        raise UsageError(
            "`:promote` needs a model, a version and a stage or alias",
            "",
            "Example: `:promote churn 7 Production`",
        )
    await app.session.show_mode("models")
    view = current_view(app)
    if isinstance(view, ModelsScreen):
        view.promote(parts[0], int(parts[1]), parts[2])


async def _deployments_screen(app: SessionApp) -> DeploymentsScreen:
    """The deployments view, shown, without what was opened from it."""
    await app.session.show_mode("deployments")
    while not isinstance(view := current_view(app), DeploymentsScreen):
        app.pop_screen()
    return view


async def _deployments(app: SessionApp, argument: str) -> None:
    view = await _deployments_screen(app)
    if argument:
        view.act_on(argument)


async def _deploy(app: SessionApp, argument: str) -> None:
    view = await _deployments_screen(app)
    view.action_deploy(argument)


async def _swap(app: SessionApp, argument: str) -> None:
    view = await _deployments_screen(app)
    name, _, version = argument.rpartition(" ") if argument.split(" ")[-1].isdecimal() else (argument, "", "")
    if not argument:
        view.action_swap()
    elif not name:
        raise UsageError("`:swap` needs the name of a deployment", "", "Use `:swap NAME VERSION`.")
    else:
        view.act_on(name, partial(view.swap_to, int(version)) if version else view.action_swap)


async def _stop(app: SessionApp, argument: str) -> None:
    """`:stop NAME` ends a service; without a name, it does what `stop` means in the current view."""
    view = current_view(app)
    if not argument and isinstance(view, RunsScreen):
        view.action_stop_loading()
        return
    deployments = await _deployments_screen(app)
    if argument:
        deployments.act_on(argument, deployments.action_stop_service)
    else:
        deployments.action_stop_service()


async def _server(app: SessionApp, argument: str) -> None:
    """`:server` starts a tracking server; the other words act on the one under the cursor, or the first."""
    if argument not in ("", *SERVER_WORDS):
        raise UsageError(f"Unknown command `:server {argument}`", "", f"Use {', '.join(SERVER_WORDS)}.")
    view = await _deployments_screen(app)
    actions = {
        "stop": view.action_stop_service,
        "logs": view.action_show_log,
        "doctor": view.action_show_doctor,
        "backup": view.action_back_up,
    }
    if argument in actions:
        view.act_on_server(actions[argument])
    else:
        view.action_start_server()


async def _doctor(app: SessionApp, argument: str) -> None:
    """`:doctor` checks the open store, `:doctor NAME` a tracking server."""
    view = await _deployments_screen(app)
    if argument:
        view.act_on(argument, view.action_show_doctor)
    else:
        view.examine()


async def _backup(app: SessionApp, argument: str) -> None:
    await _server(app, "backup")


async def _logs(app: SessionApp, argument: str) -> None:
    view = await _deployments_screen(app)
    if argument:
        view.act_on(argument, view.action_show_log)
    else:
        view.action_show_log()


async def _training_screen(app: SessionApp) -> TrainingScreen:
    """The training view, shown, without what was opened from it."""
    await app.session.show_mode("training")
    while not isinstance(view := current_view(app), TrainingScreen):
        app.pop_screen()
    return view


async def _train(app: SessionApp, argument: str) -> None:
    """`:train FILE.yaml` and `:train run:RUN_ID`; `:train run` takes the run on screen."""
    if argument == "run":
        argument = f"run:{_run_on_screen(app)}"
    view = await _training_screen(app)
    view.open_file(argument) if argument else view.action_new_sweep()


def _run_on_screen(app: SessionApp) -> str:
    """The id of the run on screen, or under the cursor of the runs view. Raises `UsageError`."""
    from tui.run.screen import RunScreen

    view = current_view(app)
    if isinstance(view, RunScreen):
        return view.run_id
    if isinstance(view, RunsScreen) and len(ids := view.pane.under_cursor()) == 1:
        return ids[0]
    raise UsageError("No run is selected", "", "Open a run first, or use `:train run:RUN_ID`.")


async def _resume(app: SessionApp, argument: str) -> None:
    view = await _training_screen(app)
    view.resume(argument) if argument else view.action_resume_sweep()


async def _picture(app: SessionApp, argument: str) -> None:
    await app.run_action(("", "save_picture", (argument,)))


OF_VERSIONS = ("promote", "test", "edit", "request", "approve", "reject", "lineage")
"""The commands that take a model and a version."""
OF_MODELS = (*OF_VERSIONS, "models", "compare", "deploy", "register", "history")
"""The commands that take a model."""
SERVER_WORDS = ("start", "stop", "logs", "doctor", "backup")
SORT_KINDS = ("attribute", "metric", "param")
LAYOUTS = ("flat", "tree", "groups")
_DIRECTIONS = {"": None, "asc": False, "desc": True}

_WITH_ARGUMENTS: dict[str, Callable[[SessionApp, str], Awaitable[None]]] = {
    "runs": _runs,
    "filter": _filter,
    "sort": _sort,
    "layout": _layout,
    "group": _group,
    "view": _view,
    "best": _best,
    "chart": _chart,
    "insights": _insights,
    "smooth": _smooth,
    "limits": _limits,
    "export": _export,
    "lineage": _lineage,
    "create": _create,
    "restore": _restore,
    "artifacts": _artifacts,
    "models": _models,
    "compare": _compare,
    "promote": _promote,
    "edit": _edit,
    "register": _register,
    "request": _request,
    "approve": partial(_answer, "approve"),
    "reject": partial(_answer, "reject"),
    "history": _history,
    "test": _test,
    "train": _train,
    "resume": _resume,
    "picture": _picture,
    "deployments": _deployments,
    "deploy": _deploy,
    "swap": _swap,
    "stop": _stop,
    "server": _server,
    "logs": _logs,
    "doctor": _doctor,
    "backup": _backup,
}


def runs_screen(app: SessionApp) -> RunsScreen | None:
    stack = app.get_screen_stack("runs") if "runs" in app.MODES else []
    return next((screen for screen in stack if isinstance(screen, RunsScreen)), None)
