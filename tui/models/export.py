"""What the models view can export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine import formats
from engine.api import Sheet, file_name, records_sheet, shown_sheet, versions_sheet
from engine.columns import Value
from engine.entities import RegisteredModel
from engine.text import Shown, safe
from tui.dialogs.export import ExportChoice, ExportOffer
from tui.models.sources import Registry

if TYPE_CHECKING:
    from engine.api import Arranged


def models_offer(
    models: Sequence[RegisteredModel],
    registry: Registry,
    model: str | None,
    arranged: Arranged | None,
    marked: frozenset[str],
) -> ExportOffer:
    """The shown versions of the selected model with the parameters and metrics of their source runs, or the
    table as it stands; the marked versions; all of them; all registered models."""
    choices = []
    if arranged is not None and model is not None and len(arranged.frame):
        frame, matching = arranged.frame, [*arranged.matching]
        rows = sorted(row for key in marked if (row := frame.row_of(key)) is not None)
        shown = formats.counted(len(matching), "version")
        columns = formats.counted(len(arranged.columns), "shown column")
        offers: list[tuple[str, Sequence[int] | None]] = [
            (f"{shown} of {safe(model)}, with their source runs", matching)
        ]
        if rows:
            offers.append((f"{formats.counted(len(rows), 'marked version')}, all columns", rows))
        if len(matching) < len(frame):
            offers.append((f"all {formats.counted(len(frame), 'version')}, also those filtered out", None))
        choices = [ExportChoice(Shown(t), partial(versions_sheet, model, frame, some)) for t, some in offers]
        standing = Shown(f"the table as it stands: {shown}, {columns}")
        choices.insert(1, ExportChoice(standing, partial(shown_sheet, arranged)))
    label = formats.counted(len(models), "registered model")
    choices.append(ExportChoice(Shown(label), partial(_models_sheet, models, registry)))
    return ExportOffer(choices, file_name(model or "models", default="models"))


def _models_sheet(models: Sequence[RegisteredModel], registry: Registry) -> Sheet:
    records: list[Mapping[str, Value]] = []
    for model in models:
        versions = registry.get(model.name)
        number = model.version_count if versions is None else len(versions)
        in_production = [str(v.version) for v in versions or () if v.stage == "Production"]
        records.append(
            {
                "model": model.name,
                "versions": number,
                "production": " ".join(in_production) or None,
                "aliases": " ".join(f"{a}={v}" for a, v in model.aliases.items()) or None,
                "created": model.creation_time,
                "last_updated": model.last_updated_time,
                "description": model.description or None,
                **{f"tags.{name}": value for name, value in sorted(model.tags.items())},
            }
        )
    return records_sheet(
        "model",
        records,
        {
            "model": "text",
            "versions": "any",
            "production": "text",
            "aliases": "text",
            "created": "time",
            "last_updated": "time",
        },
    )
