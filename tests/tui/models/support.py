"""Shared steps of the models view's tests."""

from __future__ import annotations

from textual.pilot import Pilot

from engine.api import Engine
from engine.entities import ModelVersion
from tests.conftest import MlflowStore
from tests.tui.support import settle
from tui.app import Console
from tui.models.promote_dialog import PromoteDialog
from tui.models.screen import ModelsScreen

SIZE = (140, 40)
MODEL = "classifier"


async def open_models(pilot: Pilot[None]) -> ModelsScreen:
    """Open the models view and wait for the versions of `classifier`."""
    await settle(pilot)
    await pilot.press("3")
    await settle(pilot)
    console = pilot.app
    assert isinstance(console, Console)
    assert isinstance(console.screen, ModelsScreen)
    return console.screen


async def go_to(pilot: Pilot[None], version: int) -> ModelsScreen:
    """Open the models view and move the cursor to a version of `classifier`."""
    view = await open_models(pilot)
    view.show_model(MODEL, version)
    await settle(pilot)
    assert view.version is not None
    assert view.version.version == version
    return view


async def open_promotion(pilot: Pilot[None]) -> PromoteDialog:
    """Open the promotion dialog and wait for its first plan."""
    await pilot.press("P")
    await settle(pilot)
    assert isinstance(pilot.app.screen, PromoteDialog)
    return pilot.app.screen


def registered(store: MlflowStore) -> dict[int, ModelVersion]:
    """The versions in the registry, read by a separate engine."""
    with Engine(store.tracking) as engine:
        return {version.version: version for version in engine.models.versions(MODEL)}


def aliases(store: MlflowStore) -> dict[str, int]:
    return {alias: v.version for v in registered(store).values() for alias in v.aliases}
