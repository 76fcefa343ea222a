"""The versions of a model as rows of a frame, so that they are filtered, sorted and shown like runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from types import MappingProxyType

from engine.columns import VERSION_ATTRIBUTES, ColumnKind, Value
from engine.entities import ModelVersion, RegisteredModel, Run
from engine.registry.approval import decision_of, request_of
from engine.runs.frame import RunFrame
from engine.runs.loading.by_id import known_runs
from engine.stores.base import Store
from engine.stores.block import Block, BlockBuilder, RunBlock
from engine.stores.references import logged_model_id

Sources = Mapping[str, Run | None]
"""Source runs by id; None for a missing run. Runs not read yet have no entry."""

LoggedMetrics = Mapping[str, Mapping[str, float]]
"""The metrics of logged models by model id, and by metric."""

OWNER_TAG = "owner"
"""The tag of a registered model that names its owner: MLflow itself has none."""


def version_frame(
    versions: Iterable[ModelVersion],
    sources: Sources,
    logged: LoggedMetrics = MappingProxyType({}),
    *,
    has_stages: bool = True,
) -> RunFrame:
    """The versions, newest first, with the parameters and metrics of their source runs, the `logged` metrics
    of their logged models that their runs do not have, and their own tags.
    The row of a version has its number, as text, as its run id. In a registry without stages (`has_stages`),
    no version has one."""
    rows = sorted(versions, key=lambda version: -version.version)
    builder = BlockBuilder(len(rows))
    attributes: dict[str, list[Value]] = {name: [] for name in VERSION_ATTRIBUTES}
    for at, version in enumerate(rows):
        run = sources.get(version.run_id)
        known = (
            version.version,
            version.stage if has_stages else None,
            asked(version),
            version.aliases or None,
            version.status,
            version.creation_time,
            version.last_updated_time,
            creator(version, sources) or None,
            source_name(version, sources),
            run.run_name if run is not None else None,
            version.run_id or None,
            version.source or None,
            version.description or None,
        )
        for values, value in zip(attributes.values(), known, strict=True):
            values.append(value)
        own = run.metrics if run is not None else {}
        for key, number in {**logged.get(logged_model_id(version), {}), **own}.items():
            builder.metrics[key][at] = number
        if run is not None:
            for key, text in run.params.items():
                builder.params[key][at] = intern(text)
        for key, text in version.tags.items():
            builder.tags[key][at] = intern(text)
    for name, values in builder.attributes.items():
        values.extend(attributes.get(name, [""] * len(rows)))
    builder.attributes["run_id"] = [str(version.version) for version in rows]
    block = builder.build()
    columns: dict[ColumnKind, Mapping[str, Block]] = {**block.columns}
    columns["attribute"] = {**block.columns["attribute"], **attributes}
    return RunFrame.from_runs(RunBlock(len(rows), columns), total=len(rows))


def asked(version: ModelVersion) -> str | None:
    """The promotion that was requested: `→ Production?`, approved: `→ Production ✓`."""
    request, decision = request_of(version), decision_of(version)
    if request is None or (decision is not None and not decision.approved):
        return None
    return f"→ {request.target}{'?' if decision is None else ' ✓'}"


def creator(version: ModelVersion, sources: Sources) -> str:
    """The user of the version; where the store records none, that of its source run."""
    run = sources.get(version.run_id)
    return version.user_id or (run.user_id if run is not None else "")


def source_name(version: ModelVersion, sources: Sources) -> str | None:
    """The name of the source run, or what is wrong with it; None for a version without one."""
    if not version.run_id:
        return None
    if version.run_id not in sources:
        return "…"
    run = sources[version.run_id]
    if run is None:
        return "✗ run missing"
    return f"✗ deleted {run.run_name}" if run.lifecycle_stage == "deleted" else run.run_name


def source_runs(store: Store, versions: Iterable[ModelVersion]) -> dict[str, Run | None]:
    """The source runs of versions, with few requests."""
    return known_runs(store, list(dict.fromkeys(v.run_id for v in versions if v.run_id)))


def logged_metrics(store: Store, versions: Iterable[ModelVersion], sources: Sources) -> LoggedMetrics:
    """The metrics of the logged models of versions, with few requests: usually one. A version without a known
    run has its logged model looked for in all experiments."""
    of_models = {model_id: version for version in versions if (model_id := logged_model_id(version))}
    if not of_models:
        return {}
    runs = [sources.get(version.run_id) for version in of_models.values()]
    homes = dict.fromkeys(run.experiment_id for run in runs if run is not None)
    if None in runs:
        homes |= dict.fromkeys(experiment.experiment_id for experiment in store.experiments())
    return store.logged_metrics(list(of_models), list(homes))


def versions_in(versions: Iterable[ModelVersion], stage: str) -> list[int]:
    """The versions in a stage, latest first."""
    return sorted((version.version for version in versions if version.stage == stage), reverse=True)


def owner_of(model: RegisteredModel, versions: Sequence[ModelVersion], sources: Sources) -> str:
    """The tag `owner` of a model or, without one, the user of its latest version, which is then named:
    `ana (version 3)`. Empty if nobody is known."""
    if owner := model.tags.get(OWNER_TAG, ""):
        return owner
    latest = max(versions, key=lambda version: version.version, default=None)
    user = creator(latest, sources) if latest is not None else ""
    return f"{user} (version {latest.version})" if latest is not None and user else ""


def last_change(model: RegisteredModel, versions: Iterable[ModelVersion]) -> int | None:
    """When the model or one of its versions was last changed."""
    times = [model.last_updated_time, *(version.last_updated_time for version in versions)]
    return max((at for at in times if at is not None), default=None)


def shown_tags(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """The tags that are neither MLflow's nor the console's own, by name."""
    return sorted((k, v) for k, v in tags.items() if not k.startswith(("mlflow.", "mlflow_console.")))


def mentions(model: RegisteredModel, text: str) -> bool:
    """Whether a model has a text in its name, an alias or its tags, ignoring case."""
    parts = (model.name, *model.aliases, *(part for tag in shown_tags(model.tags) for part in tag))
    return any(text.casefold() in part.casefold() for part in parts)
