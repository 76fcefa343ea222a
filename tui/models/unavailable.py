"""Why a command of the models view does not apply to what is selected."""

from __future__ import annotations

from engine.entities import ModelVersion
from tui.commands.bindings import Command
from tui.models.sources import Sources

_ON_MODEL = ("models.edit", "models.delete", "models.show-history", "models.pick-view")
"""The commands that need a model and no version."""
_ON_NOTHING = ("models.open-filter", "models.undo", "models.export")
"""The commands that need neither."""
_ON_RUN = ("models.open-run", "models.show-artifacts")
"""The commands that need the source run of a version."""


def why_not_on_version(
    command: Command, model: str | None, version: ModelVersion | None, sources: Sources
) -> str | None:
    """Why the command is not available with this model and version selected; None if nothing selected stands
    in its way. `sources` are the source runs that are known."""
    if command.id in _ON_NOTHING:
        return None
    if command.id in _ON_MODEL:
        return "No model selected." if model is None else None
    if version is None:
        return "No version selected."
    if command.id in _ON_RUN:
        if not version.run_id:
            return "This version has no source run."
        if version.run_id in sources and sources[version.run_id] is None:
            return "The source run of this version no longer exists."
    return None
