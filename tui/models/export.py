"""What the models view can export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from engine import formats
from engine.api import Sheet, file_name, records_sheet
from engine.columns import Value
from engine.entities import ModelVersion, RegisteredModel
from engine.secrets import mask
from engine.text import Shown, safe
from tui.dialogs.export import ExportChoice, ExportOffer
from tui.models.sources import Registry, Sources


def models_offer(
    models: Sequence[RegisteredModel], registry: Registry, sources: Sources, model: str | None
) -> ExportOffer:
    """The versions of the selected model with the parameters and metrics of their source runs; all registered
    models."""
    versions = registry.get(model or "", ())
    choices = []
    if versions:
        label = f"{formats.counted(len(versions), 'version')} of {safe(model or '')}, with their source runs"
        choices.append(ExportChoice(Shown(label), partial(_versions_sheet, versions, sources)))
    label = formats.counted(len(models), "registered model")
    choices.append(ExportChoice(Shown(label), partial(_models_sheet, models, registry)))
    return ExportOffer(choices, file_name(model or "models", default="models"))


def _versions_sheet(versions: Sequence[ModelVersion], sources: Sources) -> Sheet:
    records: list[Mapping[str, Value]] = []
    for version in versions:
        run = sources.get(version.run_id)
        record: dict[str, Value] = {
            "model": version.name,
            "version": version.version,
            "stage": version.stage,
            "aliases": " ".join(version.aliases) or None,
            "created": version.creation_time,
            "last_updated": version.last_updated_time,
            "user": version.user_id or None,
            "run_id": version.run_id or None,
            "run_name": run.run_name if run else None,
            "source": mask(version.source),
            "description": version.description or None,
        }
        if run is not None:
            record |= {f"params.{name}": value for name, value in sorted(run.params.items())}
            record |= {f"metrics.{name}": value for name, value in sorted(run.metrics.items())}
        record |= {f"tags.{name}": value for name, value in sorted(version.tags.items())}
        records.append(record)
    return records_sheet(
        "version",
        records,
        {
            "model": "text",
            "version": "any",
            "stage": "text",
            "aliases": "text",
            "created": "time",
            "last_updated": "time",
        },
    )


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
