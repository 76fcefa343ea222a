"""Steps that the tests of the models view share."""

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
    """The models view, with the versions of `classifier` read."""
    await settle(pilot)
    await pilot.press("3")
    await settle(pilot)
    console = pilot.app
    assert isinstance(console, Console)
    assert isinstance(console.screen, ModelsScreen)
    return console.screen


async def go_to(pilot: Pilot[None], version: int) -> ModelsScreen:
    """The models view, with the cursor on that version of `classifier`."""
    view = await open_models(pilot)
    view.show_model(MODEL, version)
    await settle(pilot)
    assert view.version is not None
    assert view.version.version == version
    return view


async def promotion(pilot: Pilot[None]) -> PromoteDialog:
    """The dialog that P opens, with its first plan made."""
    await pilot.press("P")
    await settle(pilot)
    assert isinstance(pilot.app.screen, PromoteDialog)
    return pilot.app.screen


def registered(store: MlflowStore) -> dict[int, ModelVersion]:
    """What a console of its own reads from the registry."""
    with Engine(store.tracking) as engine:
        return {version.version: version for version in engine.models.versions(MODEL)}


def aliases(store: MlflowStore) -> dict[str, int]:
    return {alias: v.version for v in registered(store).values() for alias in v.aliases}
