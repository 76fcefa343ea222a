"""The model registry in MLflow's SQL schema."""

from __future__ import annotations

from collections import defaultdict

from engine.entities import ModelVersion, RegisteredModel
from engine.stores import records
from engine.stores.sql.runs import grouped
from engine.stores.sql.schema import Tables

_LIVING = f"current_stage <> '{records.DELETED_STAGE}'"


def registered_models(tables: Tables, name: str | None = None) -> tuple[RegisteredModel, ...]:
    """All models by name, or the one of that name; prompts are left out."""
    these = tables.here if name is None else f"{tables.here} AND {_is_named(tables)}"
    found = tables.rows(
        "SELECT name, description, creation_time, last_updated_time FROM registered_models"
        f" WHERE {these} ORDER BY name",
        name=name,
    )
    tags = grouped(
        tables.rows(f'SELECT name, "key", value FROM registered_model_tags WHERE {these}', name=name)
    )
    aliases: defaultdict[str, dict[str, int]] = defaultdict(dict)
    pointers = tables.rows(
        f"SELECT name, alias, version FROM registered_model_aliases WHERE {these}", name=name
    )
    for model, alias, version in pointers:
        aliases[model][alias] = version
    counts: dict[str, int] = dict(
        tables.rows(
            f"SELECT name, count(*) FROM model_versions WHERE {these} AND {_LIVING} GROUP BY name", name=name
        )
    )
    return tuple(
        RegisteredModel(
            name=model,
            description=description or "",
            creation_time=created,
            last_updated_time=updated,
            aliases=aliases.get(model, {}),
            tags=tags.get(model, {}),
            version_count=counts.get(model, 0),
        )
        for model, description, created, updated in found
        if not records.is_prompt(tags.get(model, {}))
    )


def model_versions(tables: Tables, name: str) -> tuple[ModelVersion, ...]:
    """Raises `NotFound`."""
    models = registered_models(tables, name)
    if not models:
        raise records.no_such_model(name)
    these = f"{tables.here} AND {_is_named(tables)}"
    found = tables.rows(
        "SELECT version, current_stage, description, run_id, source, status, user_id, creation_time,"
        f" last_updated_time FROM model_versions WHERE {these} AND {_LIVING}"
        " ORDER BY version DESC",
        name=name,
    )
    tags = grouped(
        tables.rows(
            f'SELECT version, "key", value FROM model_version_tags WHERE {these}',
            name=name,
        )
    )
    return tuple(
        ModelVersion(
            name=name,
            version=version,
            stage=records.stage(stage),
            description=description or "",
            run_id=run_id or "",
            source=source or "",
            status=status or "READY",
            user_id=user or "",
            creation_time=created,
            last_updated_time=updated,
            aliases=records.aliases_of(version, models[0].aliases),
            tags=tags.get(version, {}),
        )
        for version, stage, description, run_id, source, status, user, created, updated in found
    )


def _is_named(tables: Tables) -> str:
    return tables.dialect.equal.format(column="name", name="name")
