"""Plans of edits: names, descriptions, tags and statuses of runs, experiments, models and versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import quote, unquote

from engine.entities import NOTE_TAG, Experiment, ModelVersion, RegisteredModel, Run, Status
from engine.errors import NotFound, UsageError
from engine.formats import count, counted, listed, number
from engine.journal import JournalEntry, journal_entries, server_name
from engine.run_lifecycle.lookup import read_runs
from engine.run_lifecycle.plan import run_label
from engine.text import Shown, safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

Kind = Literal["run", "experiment", "model", "version"]
Entity = Run | Experiment | RegisteredModel | ModelVersion

NAME, DESCRIPTION, STATUS = "name", "description", "status"
TAG = "tag "
"""Begins the field of a tag: `tag owner`."""
RESERVED = ("mlflow.", "mlflow_console.")
ENDED: tuple[Status, ...] = ("FINISHED", "FAILED", "KILLED")
MAX_JOURNALLED = 5_000
"""Edits listed in a journal entry, which is what an undo starts from."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_ABSENT, _PRESENT = "", "="


@dataclass(frozen=True, slots=True)
class Subject:
    """What is edited. `key` is a run or experiment id, a model's name, or `NAME/VERSION`."""

    kind: Kind
    key: str

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


@dataclass(frozen=True, slots=True)
class Edit:
    """One field of one subject, called `label` by people; None for a missing tag."""

    subject: Subject
    label: str
    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.label}: {self.field} {_quoted(self.before)} → {_quoted(self.after)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The new values; None and an empty mapping leave a field as it is. A tag that is None is removed.

    In the name of a run, `{name}`, `{n}` (a number from 1), `{id}`, and `{KEY}` or `{metrics.KEY}`,
    `{params.KEY}`, `{tags.KEY}` stand for what the run has."""

    name: str | None = None
    description: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class EditPlan:
    """The edits to make, and what stays as it is and why, by label. `undoes` is the id of the journal entry
    that the plan undoes."""

    edits: tuple[Edit, ...]
    untouched: tuple[tuple[str, str], ...]
    server: Shown
    undoes: str = ""

    @property
    def is_noop(self) -> bool:
        return not self.edits

    @property
    def warnings(self) -> tuple[str, ...]:
        """What cannot be undone, as sentences."""
        found = []
        if any(edit.field == STATUS for edit in self.edits):
            found.append("A status cannot be undone.")
        if len(self.edits) > MAX_JOURNALLED:
            found.append(f"The journal keeps {count(MAX_JOURNALLED)} edits: only these can be undone.")
        return tuple(found)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        return tuple(dict.fromkeys(edit.subject for edit in self.edits))

    @property
    def summary(self) -> str:
        """What changes, as text: `3 runs: a, b, c`."""
        labels = list(dict.fromkeys(edit.label for edit in self.edits))
        kinds = {subject.kind for subject in self.subjects}
        noun = kinds.pop() if len(kinds) == 1 else "thing"
        if len(labels) == 1:
            return labels[0] if noun == "version" else f"{noun} {labels[0]}"
        return f"{counted(len(labels), noun)}: {listed(labels)}"


def plan_edits(store: Store, uri: TrackingUri, subjects: Sequence[Subject], wanted: Wanted) -> EditPlan:
    """Plan to give all subjects the wanted values. Raises `UsageError` for values that cannot be written,
    `NotFound` if none of the subjects exists, `StoreError`."""
    _check(wanted, subjects)
    found = read_entities(store, subjects)
    if not found:
        raise NotFound(f"{listed([str(subject) for subject in subjects])} not found")
    edits: list[Edit] = []
    untouched = [(subject.key, "not found") for subject in subjects if subject not in found]
    for place, (subject, entity) in enumerate(found.items(), 1):
        label = label_of(entity)
        if isinstance(entity, Run | Experiment) and entity.lifecycle_stage == "deleted":
            untouched.append((label, "deleted"))
            continue
        values = _values(entity, wanted, place)
        if STATUS in values and isinstance(entity, Run) and entity.status in ENDED:
            del values[STATUS]
            reason = f"status stays {entity.status}" if values else f"has ended: {entity.status}"
            untouched.append((label, reason))
        for name, after in values.items():
            before = value_of(entity, name)
            if before != after:
                edits.append(Edit(subject, label, name, before, after))
    return EditPlan(tuple(edits), tuple(untouched), uri.shown)


def plan_undo_edits(store: Store, uri: TrackingUri, entry: JournalEntry) -> EditPlan:
    """Plan to undo the edits of a journal entry, as far as the fields are still as it left them. Raises
    `UsageError` for an entry of another kind or store, `StoreError`."""
    if entry.action != "edit" or entry.server != server_name(uri) or entry.outcome == "undone":
        raise UsageError("These edits cannot be undone", entry.target)
    wanted = recorded_edits(entry)
    found = read_entities(store, [edit.subject for edit in wanted])
    edits, untouched = [], []
    for edit in wanted:
        entity = found.get(edit.subject)
        if entity is None:
            untouched.append((edit.subject.key, "not found"))
        elif edit.field == STATUS:
            untouched.append((label_of(entity), "a run that has ended cannot be resumed"))
        elif (now := value_of(entity, edit.field)) != edit.after:
            if now != edit.before:
                untouched.append((label_of(entity), f"{edit.field} has changed since: {_quoted(now)}"))
        else:
            edits.append(Edit(edit.subject, label_of(entity), edit.field, edit.after, edit.before))
    return EditPlan(tuple(edits), tuple(untouched), uri.shown, entry.entry_id)


def read_entities(store: Store, subjects: Iterable[Subject]) -> dict[Subject, Entity]:
    """The subjects as they are now, in their order; missing ones are left out. Raises `StoreError`."""
    wanted = list(dict.fromkeys(subjects))
    runs = read_runs(store, [subject.key for subject in wanted if subject.kind == "run"])
    experiments: dict[str, Experiment] = {}
    if any(subject.kind == "experiment" for subject in wanted):
        experiments = {e.experiment_id: e for life in ("active", "deleted") for e in store.experiments(life)}
    versions: dict[str, dict[str, ModelVersion]] = {}
    found: dict[Subject, Entity] = {}
    for subject in wanted:
        entity: Entity | None
        match subject.kind:
            case "run":
                entity = runs.get(subject.key)
            case "experiment":
                entity = experiments.get(subject.key)
            case "model":
                entity = _model(store, subject.key)
            case "version":
                name = subject.key.rpartition("/")[0]
                if name not in versions:
                    versions[name] = _versions(store, name)
                entity = versions[name].get(subject.key)
        if entity is not None:
            found[subject] = entity
    return found


def current(store: Store, subject: Subject) -> Wanted:
    """The values that a subject has now: its name, description and tags, except reserved ones, and the status
    of a run that has not ended. Raises `NotFound`, `StoreError`."""
    entity = read_entities(store, [subject]).get(subject)
    if entity is None:
        raise NotFound(f"{subject} not found")
    return Wanted(
        None if isinstance(entity, ModelVersion) else value_of(entity, NAME),
        value_of(entity, DESCRIPTION) or "",
        {key: value for key, value in entity.tags.items() if not key.startswith(RESERVED)},
        entity.status if isinstance(entity, Run) and entity.status not in ENDED else None,
    )


def label_of(entity: Entity) -> str:
    match entity:
        case Run():
            return run_label(entity)
        case ModelVersion():
            return f"{entity.name} version {entity.version}"
    return entity.name


def value_of(entity: Entity, name: str) -> str | None:
    """The value of a field; None for a tag that is missing."""
    if name == NAME:
        return entity.run_name if isinstance(entity, Run) else entity.name
    if name == STATUS:
        return entity.status if isinstance(entity, Run) else None
    if name == DESCRIPTION:
        if isinstance(entity, Run | Experiment):
            return entity.tags.get(NOTE_TAG, "")
        return entity.description
    return entity.tags.get(name.removeprefix(TAG))


def fact(edit: Edit) -> str:
    """The journal's name for a field: `run 5f0e… tag owner`, `model my%20model name`."""
    return f"{edit.subject.kind} {quote(edit.subject.key, safe='/', errors='surrogatepass')} {edit.field}"


def fact_value(value: str | None) -> str:
    return _ABSENT if value is None else _PRESENT + value


def recorded_edits(entry: JournalEntry) -> list[Edit]:
    """The edits of a journal entry; damaged ones are left out."""
    return [edit for key in entry.after if (edit := _recorded(key, entry)) is not None]


def former_names(uri: TrackingUri, model: str) -> dict[str, int]:
    """The names that this account's renames took from a registered model, with the time of the last one in
    epoch milliseconds. Raises `WriteError` if the journal cannot be read."""
    name, found = model, dict[str, int]()
    for entry in journal_entries(server=server_name(uri)):
        if entry.action != "edit" or entry.outcome not in ("done", "undone"):
            continue
        for edit in recorded_edits(entry):
            if (edit.subject.kind, edit.field, edit.after) == ("model", NAME, name) and edit.before:
                name = edit.before
                found.setdefault(name, entry.time)
                break
    found.pop(model, None)
    return found


def _recorded(key: str, entry: JournalEntry) -> Edit | None:
    """The edit that a fact of the journal is about, None if it is damaged or changed nothing."""
    kind, _, rest = key.partition(" ")
    name, _, field = rest.partition(" ")
    known = field in (NAME, DESCRIPTION, STATUS) or (field.startswith(TAG) and field != TAG)
    if kind not in get_args(Kind) or not name or not known:
        return None
    before, after = (_value(facts.get(key, "")) for facts in (entry.before, entry.after))
    subject = Subject(kind, unquote(name, errors="surrogatepass"))  # type: ignore[arg-type]
    return Edit(subject, subject.key, field, before, after) if before != after else None


def _value(text: str) -> str | None:
    return None if text == _ABSENT else text.removeprefix(_PRESENT)


def _check(wanted: Wanted, subjects: Sequence[Subject]) -> None:
    for key in wanted.tags:
        if not key.strip() or key.startswith(RESERVED):
            raise UsageError(f"Tag {key!r} cannot be edited", "Its name is reserved." if key.strip() else "")
    kinds = {subject.kind for subject in subjects}
    if wanted.status is not None and (kinds != {"run"} or wanted.status not in ENDED):
        raise UsageError(f"Only runs can be set to a status: {', '.join(ENDED)}")
    if wanted.name is not None and (not wanted.name.strip() or "version" in kinds):
        raise UsageError("Versions have no name" if "version" in kinds else "A name cannot be empty")
    if wanted.name is not None and kinds != {"run"} and len(subjects) > 1:
        raise UsageError("Only runs can be renamed together")
    if wanted.name is not None and kinds == {"model"} and (wanted.tags or wanted.description is not None):
        raise UsageError("A model is renamed on its own", hint="Edit its other fields before or after.")


def _values(entity: Entity, wanted: Wanted, place: int) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    if wanted.name is not None:
        found[NAME] = _filled(wanted.name, entity, place) if isinstance(entity, Run) else wanted.name
    if wanted.description is not None:
        found[DESCRIPTION] = wanted.description
    if wanted.status is not None:
        found[STATUS] = wanted.status
    return found | {TAG + key: value for key, value in wanted.tags.items()}


def _filled(pattern: str, run: Run, place: int) -> str:
    """A pattern with what the run has. Raises `UsageError` for what it has not."""

    def value(match: re.Match[str]) -> str:
        key = match[1]
        if key in ("n", "id", NAME):
            return {"n": str(place), "id": run.run_id, NAME: run.run_name}[key]
        kind, _, name = key.partition(".")
        columns: dict[str, Mapping[str, str | float]] = {
            "params": run.params,
            "tags": run.tags,
            "metrics": run.metrics,
        }
        for texts in [columns[kind]] if kind in columns else columns.values():
            wanted = name if kind in columns else key
            if wanted in texts:
                found = texts[wanted]
                return found if isinstance(found, str) else str(number(found))
        raise UsageError(
            f"Run {run_label(run)} has no {key!r}", hint="{name}, {n}, {id}, or a parameter, metric or tag."
        )

    return _PLACEHOLDER.sub(value, pattern)


def _model(store: Store, name: str) -> RegisteredModel | None:
    try:
        return store.registered_model(name)
    except NotFound:
        return None


def _versions(store: Store, model: str) -> dict[str, ModelVersion]:
    """The versions of a model by key; none if it is missing."""
    try:
        return {f"{model}/{version.version}": version for version in store.model_versions(model)}
    except NotFound:
        return {}


def _quoted(value: str | None) -> str:
    return "–" if value is None else safe(repr(value), 80)
