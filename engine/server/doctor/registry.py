"""The registry: stages and aliases that are ambiguous, point nowhere or lack an approval, and versions that
lost their run or their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from engine.artifacts.versions import origin_of, version_folder
from engine.entities import POLICY_TAG, ModelVersion, RegisteredModel, RunDetail
from engine.errors import EngineError, NotFound, UsageError
from engine.formats import count, counted, listed
from engine.model_files.files import MLMODEL
from engine.registry.promotion.policy import read_policies
from engine.registry.promotion.unapproved import Unapproved, unapproved
from engine.registry.signatures import read_description
from engine.server.doctor.findings import OUTAGES, Notes
from engine.server.doctor.model_folder import flaw_of, flaw_of_folder
from engine.server.doctor.subject import Budget, Subject
from engine.stores.artifacts import locations
from engine.stores.records import DELETED_STAGE
from engine.stores.sql.schema import Tables
from engine.text import short_name
from engine.uri import local_root

_UNIQUE_STAGE = "Production"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Origin:
    """A version, its source run, and what is wrong with its files. `run` is None if the run is gone or the
    version names none; `flaw` is empty if nothing is wrong, and None where that was not looked up."""

    version: ModelVersion
    run: RunDetail | None
    flaw: str | None


def examine(subject: Subject, notes: Notes) -> None:
    models: tuple[RegisteredModel, ...] = ()
    with notes.check("the registered models"):
        models = subject.store.registered_models()
        notes.fact(counted(len(models), "registered model"))
    if not models:
        return
    versions: list[ModelVersion] = []
    around: list[Unapproved] = []
    with notes.check("stages and aliases"):
        budget = Budget(subject.limits.group_seconds)
        read = 0
        suspects = subject.read(_suspects) if subject.database is not None else set()
        suspects |= {model.name for model in models if POLICY_TAG in model.tags}
        ordered = sorted(models, key=lambda model: (model.name not in suspects, _age(model)))
        for model in budget.while_left(ordered[: subject.limits.examined]):
            read += 1
            try:
                found = subject.store.model_versions(model.name)
            except OUTAGES:
                raise
            except EngineError as error:
                notes.skip(f"the versions of {short_name(model.name)}", error.title)
                continue
            _check_model(subject, model, found, notes)
            around += _unapproved(subject, model, found, notes)
            versions += found
        if read < len(models) and (subject.database is None or read < len(suspects)):
            why = f"{count(read)} of {count(len(models))} models were read, the last changed first"
            notes.skip("all stages and aliases", why)
    with notes.check("approvals"):
        _report_unapproved(subject, around, notes)
    with notes.check("the state of versions"):
        _check_states(versions, notes)
    with notes.check("the runs and files of versions"):
        _check_origins(subject, versions, notes)


def _age(model: RegisteredModel) -> int:
    return -(model.last_updated_time or 0)


def _suspects(tables: Tables) -> set[str]:
    """The models, and prompts, of a database that have several versions in Production, an alias without a
    version, a version that is not ready, or one without a run that is active."""
    here, kept = tables.in_workspace, f"current_stage <> '{DELETED_STAGE}'"
    return {
        name
        for (name,) in tables.rows(
            f"SELECT name FROM model_versions WHERE {here} AND current_stage = '{_UNIQUE_STAGE}'"
            " GROUP BY name HAVING count(*) > 1"
            f" UNION SELECT name FROM registered_model_aliases AS alias WHERE {here} AND NOT EXISTS"
            f" (SELECT 1 FROM model_versions AS version WHERE {here} AND {kept}"
            " AND version.name = alias.name AND version.version = alias.version)"
            f" UNION SELECT name FROM model_versions WHERE {here} AND {kept} AND status <> 'READY'"
            f" UNION SELECT name FROM model_versions AS version WHERE {here} AND {kept} AND run_id <> ''"
            " AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_uuid = version.run_id"
            " AND runs.lifecycle_stage = 'active')"
        )
    }


def _named(version: ModelVersion) -> str:
    roles = [
        *([version.stage] if version.stage != "None" else []),
        *(f"@{short_name(alias)}" for alias in version.aliases),
    ]
    return f"{short_name(version.name)} {version.version}" + (f" ({', '.join(roles)})" if roles else "")


def _is_in_use(version: ModelVersion) -> bool:
    """Whether programs may load it by a stage or an alias."""
    return version.stage in ("Staging", "Production") or bool(version.aliases)


def _check_model(
    subject: Subject, model: RegisteredModel, versions: Sequence[ModelVersion], notes: Notes
) -> None:
    name = short_name(model.name)
    numbers = {version.version for version in versions}
    dangling = sorted(alias for alias, number in model.aliases.items() if number not in numbers)
    if dangling:
        aliases = [f"@{short_name(alias)} points to {model.aliases[alias]}" for alias in dangling]
        existing = listed(sorted(numbers, reverse=True), _SHOWN)
        notes.found(
            "alias-without-version",
            "error",
            f"An alias of {name} points to a version that does not exist",
            evidence=f"{listed(aliases, _SHOWN)}. Versions: {existing}",
            fix="Assign the alias to a version that exists.",
            command=subject.console("promote", model.name, str(max(numbers)), "--alias", dangling[0])
            if numbers
            else "",
        )
    rivals = sorted(version.version for version in versions if version.stage == _UNIQUE_STAGE)
    if len(rivals) > 1:
        notes.found(
            "two-in-production",
            "warning",
            f"{len(rivals)} versions of {name} are in {_UNIQUE_STAGE}",
            evidence=f"Versions {listed(rivals, _SHOWN)}; models:/{name}/{_UNIQUE_STAGE} silently loads"
            f" {rivals[-1]}",
            fix="Promote the one you mean; it archives the others.",
            command=subject.console("promote", model.name, str(rivals[-1]), "--stage", _UNIQUE_STAGE),
        )


def _unapproved(
    subject: Subject, model: RegisteredModel, versions: Sequence[ModelVersion], notes: Notes
) -> tuple[Unapproved, ...]:
    """By the policy that all accounts share."""
    if not (text := model.tags.get(POLICY_TAG, "")).strip():
        return ()
    try:
        policies = read_policies(text, f"the tag {POLICY_TAG}", model.name)
    except UsageError as error:
        notes.found(
            "policy-invalid",
            "warning",
            f"The policy of {short_name(model.name)} cannot be read",
            evidence=f"{error.title}: {error.detail}",
            fix="Correct it: until then, consoles promote versions of this model only with --force.",
            command=subject.console("policy", model.name, "--set", "policy.toml"),
        )
        return ()
    return unapproved(subject.uri, versions, policies)


def _report_unapproved(subject: Subject, found: Sequence[Unapproved], notes: Notes) -> None:
    """Promotions that went round the approval that a policy demands."""
    if not found:
        return
    listing = [
        f"{short_name(one.version.name)} {one.version.version} ({one.target}): {one.why}" for one in found
    ]
    has = "version has" if len(found) == 1 else "versions have"
    notes.found(
        "promoted-without-approval",
        "warning",
        f"{len(found)} {has} a stage or an alias without the approval that a policy demands",
        evidence=listed(listing, _SHOWN),
        fix="Ask who did it. Promote an approved version instead, or take this one out and request it anew.",
        command=subject.console("history", found[0].version.name),
    )


def _check_states(versions: Sequence[ModelVersion], notes: Notes) -> None:
    unready = [version for version in versions if version.status != "READY"]
    if unready:
        states = ", ".join(
            f"{number} {status}" for status, number in Counter(v.status for v in unready).items()
        )
        notes.found(
            "version-not-ready",
            "error" if any(map(_is_in_use, unready)) else "warning",
            f"{counted(len(unready), 'version')} cannot be loaded: registration did not finish",
            evidence=f"{states}: {listed([_named(version) for version in unready], _SHOWN)}",
            fix="Register the model again from its run, then delete the unfinished version.",
        )


# ── where versions come from ─────────────────────────────────────────────────


def _check_origins(subject: Subject, versions: Sequence[ModelVersion], notes: Notes) -> None:
    """Versions that programs may load first, then the newest."""
    budget = Budget(subject.limits.group_seconds)
    ready = [version for version in versions if version.status == "READY"]
    ready.sort(key=lambda version: (not _is_in_use(version), -(version.creation_time or 0)))
    origins = [_origin(subject, one) for one in budget.while_left(ready[: subject.limits.examined])]
    if len(origins) < len(ready):
        why = (
            f"{count(len(origins))} of {count(len(ready))} versions were read: those in use, then the newest"
        )
        what = "the files of all versions" if subject.database else "the runs and files of all versions"
        notes.skip(what, why)
    unknown = sum(origin.flaw is None for origin in origins)
    if unknown:
        why = "their files are not on this machine, or their source run no longer says where they are"
        notes.skip(f"the files of {counted(unknown, 'version')}", why)
    _report_runs(subject, origins, notes)
    lost = [origin for origin in origins if origin.flaw]
    if lost:
        shown = [f"{_named(origin.version)}: {origin.flaw}" for origin in lost]
        notes.found(
            "version-files-missing",
            "error" if any(_is_in_use(origin.version) for origin in lost) else "warning",
            f"{counted(len(lost), 'version')} cannot be loaded: files are missing",
            evidence=f"{listed(shown, _SHOWN)}; the source of the first is {lost[0].version.source}",
            fix="Restore the artifacts from a backup, or promote another version and delete this one.",
        )


def _report_runs(subject: Subject, origins: Sequence[_Origin], notes: Notes) -> None:
    gone = [one.version for one in origins if one.run is None and one.version.run_id]
    if gone:
        notes.found(
            "version-run-gone",
            "warning",
            f"The source runs of {counted(len(gone), 'version')} no longer exist",
            evidence=f"{listed([_named(version) for version in gone], _SHOWN)}: parameters, metrics and data"
            " of their training are lost",
            fix="Record where they came from in their description, or register a version from a run that"
            " exists.",
        )
    deleted = [one.version for one in origins if one.run and one.run.run.lifecycle_stage == "deleted"]
    if deleted:
        notes.found(
            "version-run-deleted",
            "warning",
            f"The source runs of {counted(len(deleted), 'version')} are deleted",
            evidence=f"{listed([_named(version) for version in deleted], _SHOWN)}: `mlflow gc` would remove"
            " them for good, with their artifacts",
            fix="Restore them before anyone runs it.",
            command=subject.console("restore", *dict.fromkeys(one.run_id for one in deleted[:_SHOWN])),
        )


def _origin(subject: Subject, version: ModelVersion) -> _Origin:
    if not version.run_id:
        return _Origin(version, None, _local_flaw(subject, version))
    try:
        detail = subject.store.run(version.run_id)
    except NotFound:
        return _Origin(version, None, _local_flaw(subject, version))
    return _Origin(version, detail, _flaw(subject, version, detail))


def _local_flaw(subject: Subject, version: ModelVersion) -> str | None:
    """For a version without a run: what is wrong with the folder that its source names; None if it names none
    of this machine."""
    root = local_root(version.source)
    if root is None or not root.is_absolute() or subject.uri.kind == "rest":
        return None
    return flaw_of_folder(root)


def _flaw(subject: Subject, version: ModelVersion, detail: RunDetail) -> str | None:
    folder = version_folder(origin_of(subject.store, version), detail)
    if folder is None:
        return _local_flaw(subject, version)
    roots = [local_root(location.root) for location in locations(detail, folder)]
    if subject.uri.kind != "rest" and None in roots:
        return None
    try:
        names = {found.path.rpartition("/")[2] for found in subject.store.artifacts(version.run_id, folder)}
        path = f"{folder}/{MLMODEL}".lstrip("/")
        return flaw_of(names, partial(read_description, subject.store, version.run_id, path))
    except NotFound:
        return flaw_of((), bytes)
    except OUTAGES:
        raise
    except EngineError:
        return None
