"""Where a model version comes from: version, logged model, run, experiment, datasets and artifacts.

MLflow checks none of these links: a run or an experiment may have been deleted, a logged model too, and a
version registered without a run (MLflow's web UI and its API allow that) names none. What is missing is
said, and how to repair it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine import formats
from engine.artifacts.versions import COPIED, origin_of, version_folder
from engine.entities import Experiment, LoggedModel, ModelVersion, Run, RunDetail
from engine.errors import NotFound
from engine.secrets import mask
from engine.stores.artifacts import locations
from engine.stores.base import Condition, RunQuery
from engine.stores.records import find_version
from engine.stores.references import logged_model_id, source_run
from engine.uri import local_root

if TYPE_CHECKING:
    from engine.stores.base import Store

PlaceKind = Literal["version", "logged model", "run", "experiment", "dataset", "artifacts"]
LinkState = Literal["found", "deleted", "missing"]
Repair = Literal["", "restore run", "restore experiment", "tag version"]

SOURCE_RUN_TAG = "source_run_id"
"""The tag of a version that names its run where the version itself does not: MLflow cannot change a version's
`run_id`."""
PARENT = "parent"
MAX_READERS = 20
"""Runs listed for a dataset."""

_RUN_IN_SOURCE = re.compile(r"runs:/+([^/]+)|/([0-9a-f]{32})/artifacts(?:/|$)")


@dataclass(frozen=True, slots=True)
class Place:
    """A station's address. `key` is `NAME/VERSION`, the id of a logged model, run or experiment, the name of
    a dataset, or an artifact path; `run_id` is that of the run for the last two, and `digest` the
    dataset's."""

    kind: PlaceKind
    key: str
    run_id: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """From one station to another. `text` names it, `note` says what is wrong with it or where it is known
    from. `place` is None if the link leads nowhere."""

    label: str
    text: str
    place: Place | None
    state: LinkState = "found"
    note: str = ""
    repair: Repair = ""
    repairs: str = ""
    """The id of the run or experiment to restore, or of the run to tag the version with."""
    leads_back: bool = True
    """Whether it leads to what this station comes from; else to what comes from it."""


@dataclass(frozen=True, slots=True)
class Station:
    """One stop: what it is, and where it leads. `siblings` are the versions of the same model, itself
    included, oldest first; empty for other stations."""

    place: Place
    title: str
    facts: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    siblings: tuple[Place, ...] = ()


def read_station(store: Store, place: Place) -> Station:
    """The station at a place. Raises `NotFound`, `StoreError`."""
    match place.kind:
        case "version":
            model, _, number = place.key.rpartition("/")
            versions = store.model_versions(model)
            return _version(store, find_version(versions, model, int(number)), versions)
        case "logged model":
            return _logged_model(store, store.logged_model(place.key))
        case "run":
            return _run(store, store.run(place.key))
        case "experiment":
            return _experiment(store, place.key)
        case "dataset":
            return _dataset(store, place)
        case "artifacts":
            raise NotFound("Artifacts are opened in their own view")


def walk(store: Store, model: str, version: int) -> tuple[Station, ...]:
    """The stations from a version to the datasets of its run, as far as the links lead, without parent runs.
    Raises `NotFound` for the version itself, `StoreError`."""
    waiting = [Place("version", f"{model}/{version}")]
    seen: dict[Place, Station] = {}
    while waiting:
        place = waiting.pop(0)
        if place in seen:
            continue
        station = seen[place] = read_station(store, place)
        links = [link for link in station.links if link.leads_back and link.state != "missing"]
        links = [link for link in links if link.label != PARENT]
        waiting += [link.place for link in links if link.place and link.place.kind != "artifacts"]
    return tuple(seen.values())


# ── the stations ─────────────────────────────────────────────────────────────


def _version(store: Store, version: ModelVersion, versions: Sequence[ModelVersion]) -> Station:
    links = []
    logged: LoggedModel | None = None
    if model_id := logged_model_id(version):
        logged = _found_model(store, model_id)
        links.append(_model_link(model_id, logged))
    elif match := COPIED.fullmatch(version.source):
        links.append(_copied_link(store, match[1], int(match[2])))
    run_id, note = _run_of(version, logged)
    detail = source_run(store, run_id)
    links.append(_version_run_link(store, version, run_id, note, detail))
    links.append(_files_link(origin_of(store, version), detail))
    facts = [
        ("stage", version.stage if store.stages.problem(version.name) is None else ""),
        ("aliases", ", ".join(f"@{alias}" for alias in version.aliases)),
        ("status", version.status),
        ("created", formats.moment(version.creation_time)),
        ("by", version.user_id),
        ("source", mask(version.source)),
        ("description", version.description),
    ]
    place = Place("version", f"{version.name}/{version.version}")
    siblings = tuple(Place("version", f"{v.name}/{v.version}") for v in reversed(versions))
    return Station(
        place, f"{version.name} version {version.version}", _present(facts), tuple(links), siblings
    )


def _logged_model(store: Store, model: LoggedModel) -> Station:
    detail = source_run(store, model.run_id)
    facts = [("id", model.model_id), ("status", model.status), ("files", mask(model.artifact_location))]
    links = [_run_link(store, model.run_id, "", detail)]
    if detail is None and model.experiment_id:
        links.append(_experiment_link(store, model.experiment_id))
    if detail is not None:
        links.append(_artifacts_link(detail, model.name))
    return Station(
        Place("logged model", model.model_id), f"logged model {model.name}", _present(facts), tuple(links)
    )


def _run(store: Store, detail: RunDetail) -> Station:
    run = detail.run
    links = [_experiment_link(store, run.experiment_id)]
    if run.parent_run_id:
        links.append(_run_link(store, run.parent_run_id, "", source_run(store, run.parent_run_id), PARENT))
    links += [
        Link(
            "dataset",
            f"{data.name} · {data.digest}{f' · {data.context}' if data.context else ''}",
            Place("dataset", data.name, run.run_id, data.digest),
        )
        for data in detail.datasets
    ]
    if not detail.datasets:
        links.append(Link("dataset", "", None, "missing", "the run logged none"))
    links += [
        Link("logged model", model.name, Place("logged model", model.model_id), leads_back=False)
        for model in detail.models
    ]
    links.append(_artifacts_link(detail, ""))
    facts = [
        ("id", run.run_id),
        ("status", f"{run.status}{' · deleted' if run.lifecycle_stage == 'deleted' else ''}"),
        ("started", formats.moment(run.start_time)),
        ("took", formats.duration(run.duration)),
        ("by", run.user_id),
        ("source", mask(run.tags.get("mlflow.source.name", ""))),
        ("commit", run.tags.get("mlflow.source.git.commit", "")),
        ("parameters", ", ".join(f"{key}={value}" for key, value in sorted(run.params.items()))),
        ("metrics", ", ".join(f"{k}={formats.number(v)}" for k, v in sorted(run.metrics.items()))),
    ]
    return Station(Place("run", run.run_id), f"run {_name(run)}", _present(facts), tuple(links))


def _experiment(store: Store, experiment_id: str) -> Station:
    found = _experiment_of(store, experiment_id)
    if found is None:
        raise NotFound(f"Experiment {experiment_id} not found", "It was deleted permanently.")
    state = found.lifecycle_stage
    facts = [
        ("id", found.experiment_id),
        ("state", state),
        ("created", formats.moment(found.creation_time)),
        ("runs", "" if found.run_count is None else formats.count(found.run_count)),
        ("artifacts", mask(found.artifact_location)),
    ]
    links = []
    if state == "deleted":
        links.append(_experiment_link(store, experiment_id))
    page = store.runs(RunQuery(experiment_id, lifecycle=state), max_results=MAX_READERS)
    links += _run_links(page.runs)
    return Station(
        Place("experiment", experiment_id), f"experiment {found.name}", _present(facts), tuple(links)
    )


def _dataset(store: Store, place: Place) -> Station:
    detail = store.run(place.run_id)
    data = next((d for d in detail.datasets if (d.name, d.digest) == (place.key, place.digest)), None)
    if data is None:
        raise NotFound(f"Dataset {place.key} not found", "The run no longer names it.")
    facts = [
        ("name", data.name),
        ("digest", data.digest),
        ("used as", data.context),
        ("source", mask(data.source)),
    ]
    query = RunQuery(detail.run.experiment_id, (Condition("dataset", "digest", "=", data.digest),))
    page = store.runs(query, max_results=MAX_READERS)
    links = [_artifacts_link(detail, ""), *_run_links(page.runs)]
    return Station(place, f"dataset {data.name}", _present(facts), tuple(links))


# ── the links ────────────────────────────────────────────────────────────────


def _run_of(version: ModelVersion, logged: LoggedModel | None) -> tuple[str, str]:
    """The run of a version, and where that is known from if not from the version itself."""
    if version.run_id:
        return version.run_id, ""
    if tagged := version.tags.get(SOURCE_RUN_TAG, ""):
        return tagged, f"named by the tag {SOURCE_RUN_TAG}"
    if logged is not None and logged.run_id:
        return logged.run_id, "named by the logged model, not by the version"
    if match := _RUN_IN_SOURCE.search(version.source):
        return match[1] or match[2], "named by the source, not by the version"
    return "", ""


def _version_run_link(
    store: Store, version: ModelVersion, run_id: str, note: str, detail: RunDetail | None
) -> Link:
    if not run_id:
        return Link("run", "", None, "missing", "the version names no run, and its source names none")
    link = _run_link(store, run_id, note, detail)
    unnamed = not version.run_id and SOURCE_RUN_TAG not in version.tags
    if unnamed and link.state == "found":
        return Link("run", link.text, link.place, "found", note, "tag version", run_id)
    return link


def _run_link(store: Store, run_id: str, note: str, detail: RunDetail | None, label: str = "run") -> Link:
    if not run_id:
        return Link(label, "", None, "missing", "no run is recorded")
    place = Place("run", run_id)
    if detail is None:
        return Link(label, run_id, place, "missing", "deleted permanently: MLflow has no such run")
    run = detail.run
    if run.lifecycle_stage != "deleted":
        return Link(label, _name(run), place, "found", note)
    experiment = _experiment_of(store, run.experiment_id)
    if experiment is not None and experiment.lifecycle_stage == "deleted":
        why = "deleted with its experiment"
        return Link(label, _name(run), place, "deleted", why, "restore experiment", run.experiment_id)
    return Link(label, _name(run), place, "deleted", "the run is deleted", "restore run", run_id)


def _experiment_link(store: Store, experiment_id: str) -> Link:
    place = Place("experiment", experiment_id)
    found = _experiment_of(store, experiment_id)
    if found is None:
        return Link("experiment", experiment_id, place, "missing", "deleted permanently")
    if found.lifecycle_stage == "deleted":
        why = "the experiment is deleted"
        return Link("experiment", found.name, place, "deleted", why, "restore experiment", experiment_id)
    return Link("experiment", found.name, place)


def _model_link(model_id: str, model: LoggedModel | None) -> Link:
    place = Place("logged model", model_id)
    if model is None:
        why = "deleted: the version's files may be gone"
        return Link("logged model", model_id, place, "missing", why)
    return Link("logged model", f"{model.name} · {model_id}", place)


def _copied_link(store: Store, model: str, version: int) -> Link:
    place = Place("version", f"{model}/{version}")
    text = f"{model} version {version}"
    try:
        find_version(store.model_versions(model), model, version)
    except NotFound:
        return Link("copied from", text, place, "missing", "the version was deleted")
    return Link("copied from", text, place)


def _files_link(version: ModelVersion, detail: RunDetail | None) -> Link:
    """The files of a version's model, among those of its run; of a copy, the version it was copied from."""
    if detail is None:
        where = f"without its run, only the address is known: {mask(version.source)}"
        return Link("artifacts", "", None, "missing", where)
    folder = version_folder(version, detail)
    if folder is None:
        return Link("artifacts", mask(version.source), None, "missing", "not among the files of the run")
    return _artifacts_link(detail, folder)


def _artifacts_link(detail: RunDetail, path: str) -> Link:
    place = Place("artifacts", path, detail.run.run_id)
    roots = [(local_root(found.root), found.path) for found in locations(detail, path)]
    if not path:
        return Link("artifacts", "all files of the run", place)
    if all(root is not None and not (root / rest).exists() for root, rest in roots):
        return Link("artifacts", path, place, "missing", "no such folder on this machine")
    return Link("artifacts", path, place)


def _run_links(runs: Sequence[Run]) -> list[Link]:
    return [Link("has run", _name(run), Place("run", run.run_id), leads_back=False) for run in runs]


def _found_model(store: Store, model_id: str) -> LoggedModel | None:
    try:
        return store.logged_model(model_id)
    except NotFound:
        return None


def _experiment_of(store: Store, experiment_id: str) -> Experiment | None:
    known = (e for life in ("active", "deleted") for e in store.experiments(life))
    return next((e for e in known if e.experiment_id == experiment_id), None)


def _name(run: Run) -> str:
    return run.run_name or run.run_id


def _present(facts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((label, value) for label, value in facts if value)
