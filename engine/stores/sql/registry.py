"""The model registry in MLflow's SQL schema."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from engine.entities import ModelVersion, RegisteredModel
from engine.stores import records
from engine.stores.sql.runs import group_tags
from engine.stores.sql.schema import Tables

_NOT_DELETED = f"current_stage <> '{records.DELETED_STAGE}'"


def registered_models(tables: Tables) -> tuple[RegisteredModel, ...]:
    """All registered models by name, without prompts."""
    return tuple(model for model in _entries(tables) if not records.is_prompt(model.tags))


def prompt_count(tables: Tables) -> int:
    """The number of prompts."""
    found = tables.rows(
        f"SELECT count(*) FROM registered_model_tags WHERE {tables.in_workspace}"
        ' AND "key" = :key AND value = :value',
        key=records.PROMPT_TAG,
        value="true",
    )
    return int(found[0][0])


def registered_model(tables: Tables, name: str) -> RegisteredModel:
    """Raises `NotFound`."""
    found = next(iter(_entries(tables, name)), None)
    if found is None:
        raise records.model_not_found(name, registered_models(tables))
    if records.is_prompt(found.tags):
        raise records.prompt_found(name)
    return found


def _entries(tables: Tables, name: str | None = None) -> Iterator[RegisteredModel]:
    """The registered models and prompts by name, or only the one called `name`."""
    condition = tables.in_workspace if name is None else f"{tables.in_workspace} AND {_name_equals(tables)}"
    found = tables.rows(
        "SELECT name, description, creation_time, last_updated_time FROM registered_models"
        f" WHERE {condition} ORDER BY name",
        name=name,
    )
    tags = group_tags(
        tables.rows(f'SELECT name, "key", value FROM registered_model_tags WHERE {condition}', name=name)
    )
    aliases: defaultdict[str, dict[str, int]] = defaultdict(dict)
    pointers = tables.rows(
        f"SELECT name, alias, version FROM registered_model_aliases WHERE {condition}", name=name
    )
    for model, alias, version in pointers:
        aliases[model][alias] = version
    counts: dict[str, int] = dict(
        tables.rows(
            f"SELECT name, count(*) FROM model_versions WHERE {condition} AND {_NOT_DELETED} GROUP BY name",
            name=name,
        )
    )
    for model, description, created, updated in found:
        yield RegisteredModel(
            name=model,
            description=description or "",
            creation_time=created,
            last_updated_time=updated,
            aliases=aliases.get(model, {}),
            tags=tags.get(model, {}),
            version_count=counts.get(model, 0),
        )


def model_versions(tables: Tables, name: str) -> tuple[ModelVersion, ...]:
    """Raises `NotFound`."""
    model = registered_model(tables, name)
    condition = f"{tables.in_workspace} AND {_name_equals(tables)}"
    found = tables.rows(
        "SELECT version, current_stage, description, run_id, source, status, user_id, creation_time,"
        f" last_updated_time FROM model_versions WHERE {condition} AND {_NOT_DELETED}"
        " ORDER BY version DESC",
        name=name,
    )
    tags = group_tags(
        tables.rows(
            f'SELECT version, "key", value FROM model_version_tags WHERE {condition}',
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
            aliases=records.aliases_of(version, model.aliases),
            tags=tags.get(version, {}),
        )
        for version, stage, description, run_id, source, status, user, created, updated in found
    )


def _name_equals(tables: Tables) -> str:
    return tables.dialect.equal.format(column="name", name="name")
