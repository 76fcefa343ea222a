"""Completes the lines typed after `:`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from engine.errors import EngineError
from engine.text import safe
from tui.command_line import LAYOUTS, OF_MODELS, OF_VERSIONS, SERVER_WORDS, SORT_KINDS, runs_screen
from tui.deployments.screen import DeploymentsScreen
from tui.models.approval import is_waiting
from tui.models.screen import ModelsScreen
from tui.runs.saved_views import SavedViewCommands
from tui.screen import current_view
from tui.session import SessionApp


def completions(app: SessionApp, word: str, argument: str) -> Sequence[str]:
    """Completions of the argument of `word`, best first."""
    if word in OF_MODELS:
        return _model_completions(app, word, argument)
    if word in ("deployments", "swap", "stop", "logs", "doctor"):
        return [name for name in _service_names(app) if name.lower().startswith(argument.lower())]
    if word == "server":
        return [name for name in SERVER_WORDS if name.startswith(argument)]
    runs = runs_screen(app)
    if runs is None:
        return []
    if word == "runs":
        names = [safe(e.name) for e in runs.experiments.experiments]
        return [name for name in names if argument.lower() in name.lower()][:50]
    columns = runs.runs.columns
    if word == "chart":
        before, space, last = argument.rpartition(" ")
        names = [safe(c.key.name) for c in columns if c.key.kind in ("metric", "param")]
        return [before + space + name for name in names if name.startswith(last)][:50]
    if word in ("sort", "best", "insights", "group"):
        kind = {"best": ("metric",), "insights": ("metric",), "group": ("param", "tag", "dataset")}.get(
            word, SORT_KINDS
        )
        names = [safe(c.key.name) for c in columns if c.key.kind in kind]
        return [name for name in names if name.startswith(argument)][:50]
    if word == "layout":
        return [name for name in LAYOUTS if name.startswith(argument)]
    if word == "view":
        view = current_view(app)
        saved = (view if isinstance(view, ModelsScreen) else runs).saved_views
        return [name for name in _view_completions(saved) if name.startswith(argument)]
    return []


def _model_names(app: SessionApp) -> Sequence[str]:
    """The registered models that the models view has read."""
    with suppress(KeyError):  # not opened yet
        stack = app.get_screen_stack("models")
        return [safe(m.name) for view in stack if isinstance(view, ModelsScreen) for m in view.models]
    return []


def _model_completions(app: SessionApp, word: str, argument: str) -> Sequence[str]:
    """Completions of a model, and after its name of a version, as the models view has read them."""
    names = _model_names(app)
    model = max((name for name in names if argument.startswith(f"{name} ")), key=len, default=None)
    if model is None or word not in OF_VERSIONS:
        return [name for name in names if name.lower().startswith(argument.lower())]
    stack = app.get_screen_stack("models")
    versions = [v for view in stack if isinstance(view, ModelsScreen) for v in view.registry.get(model, ())]
    if word in ("approve", "reject"):
        versions = [v for v in versions if is_waiting(v)]
    return [text for v in versions if (text := f"{model} {v.version}").startswith(argument)]


def _service_names(app: SessionApp) -> Sequence[str]:
    """The services that the deployments view has read."""
    with suppress(KeyError):  # not opened yet
        stack = app.get_screen_stack("deployments")
        return [safe(s.name) for view in stack if isinstance(view, DeploymentsScreen) for s in view.services]
    return []


def _view_completions(saved: SavedViewCommands | None) -> list[str]:
    """Completions of `:view`."""
    if saved is None:
        return []
    with suppress(EngineError):  # reported when a view is opened
        names = [safe(name) for name in saved.names()]
        return [*names, "save ", *(f"delete {name}" for name in names)]
    return ["save "]
