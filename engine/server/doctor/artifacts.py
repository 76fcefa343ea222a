"""The artifacts: whether the places that experiments name can be reached and written to from this machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from engine.entities import Experiment, Run
from engine.errors import EngineError
from engine.formats import count, counted, listed
from engine.server.doctor.findings import OUTAGES, Notes
from engine.server.doctor.model_folder import flaw_of_folder
from engine.server.doctor.subject import Subject, is_writable_folder, nearest
from engine.server.options import missing_package
from engine.stores.base import RunQuery
from engine.text import quoted, short_name
from engine.uri import local_root, redact

_PROXIED = ("mlflow-artifacts", "http", "https")
_SHOWN = 3


def examine(subject: Subject, notes: Notes) -> None:
    experiments: tuple[Experiment, ...] = ()
    with notes.check("the artifact locations of experiments"):
        experiments = subject.experiments
        by_kind: defaultdict[str, list[Experiment]] = defaultdict(list)
        for experiment in experiments:
            by_kind[_kind(experiment.artifact_location)].append(experiment)
        for kind, some in by_kind.items():
            notes.fact(_fact(kind, some))
    if not experiments:
        return
    relative, local = by_kind.pop("relative", []), by_kind.pop("local", [])
    if relative:
        _report_relative(relative, notes)
    if local and subject.uri.kind == "rest":
        is_serving = "mlflow-artifacts" in by_kind or subject.own_server is not None
        _report_paths_of_server(subject, local, notes, is_serving=is_serving)
    elif local:
        with notes.check("whether artifacts can be written from here"):
            _check_folders(local[: subject.limits.examined], notes)
    for kind, some in by_kind.items():
        with notes.check(f"the storage {kind}"):
            _check_storage(subject, kind, some, notes)
    if subject.database is not None:
        with notes.check("the files of logged models"):
            _check_logged_models(subject, notes)
    elif subject.uri.kind == "rest":
        with notes.check("whether the server can list artifacts"):
            _check_listing(subject, notes)
        notes.skip("writing an artifact through the server", "it would leave a file behind")


def _kind(location: str) -> str:
    """`local`, `relative`, or the scheme of other storage."""
    root = local_root(location)
    if root is not None:
        return "local" if root.is_absolute() else "relative"
    return urlsplit(location).scheme.lower() or "relative"


def _fact(kind: str, experiments: Sequence[Experiment]) -> str:
    places = {
        "local": "in local folders",
        "relative": "in relative folders",
        "mlflow-artifacts": "served by the tracking server",
    }
    return f"{counted(len(experiments), 'experiment')} {places.get(kind, f'in {kind}://')}"


def _examples(experiments: Sequence[Experiment]) -> str:
    shown = [f"{short_name(one.name)}: {redact(one.artifact_location)}" for one in experiments]
    return str(listed(shown, _SHOWN))


def _report_relative(experiments: Sequence[Experiment], notes: Notes) -> None:
    notes.found(
        "artifact-root-relative",
        "warning",
        "The place of artifacts depends on the folder that a program is started in",
        evidence=f"Relative artifact locations: {_examples(experiments)}",
        fix="MLflow cannot change the location of an experiment: create new ones with an absolute location,"
        " or let a server serve artifacts (--artifacts-destination).",
    )


def _report_paths_of_server(
    subject: Subject, experiments: Sequence[Experiment], notes: Notes, *, is_serving: bool
) -> None:
    """A server with a local --default-artifact-root makes every client write to that path on its own disk.
    One that serves artifacts has such experiments if they are older than it."""
    here = subject.is_here and all(
        is_writable_folder(root) for root in map(_root, experiments) if root is not None
    )
    notes.found(
        "artifact-root-of-server",
        "warning" if here else "error",
        "Artifacts are written to a path of the server, on whatever machine a program runs",
        evidence=f"{_examples(experiments)}. "
        + (
            "It can be written to from here; programs on other machines write to their own disks"
            if here
            else "That path cannot be written to from here, or is on another machine: programs here keep"
            " their artifacts on their own disk, or fail"
        ),
        fix="The server serves the artifacts of new experiments; MLflow cannot change the location of these."
        " For programs on other machines, create new ones."
        if is_serving
        else "Start the server without --default-artifact-root and with --artifacts-destination, so that it"
        " serves artifacts. Existing experiments keep their location.",
        command="" if is_serving else "mlflow server --artifacts-destination ./mlartifacts …",
    )


def _root(experiment: Experiment) -> Path | None:
    return local_root(experiment.artifact_location)


def _check_folders(experiments: Sequence[Experiment], notes: Notes) -> None:
    roots = [(one, root) for one in experiments if (root := _root(one)) is not None]
    refused = [(one, root) for one, root in roots if not is_writable_folder(root)]
    if refused:
        notes.found(
            "artifact-root-unwritable",
            "error",
            f"Artifacts of {counted(len(refused), 'experiment')} cannot be written from here",
            evidence="No permission, or something else is in the way:"
            f" {_examples([one for one, _ in refused])}",
            fix="Give this account access to the folder, or log through the server whose disk it is.",
            command=("ls", "-ld", str(nearest(refused[0][1]))),
        )
    lost = [pair for pair in roots if pair not in refused and pair[0].last_run_time]
    if gone := [(one, root) for one, root in lost if not root.parent.exists()]:
        notes.found(
            "artifact-root-missing",
            "warning",
            f"The artifact folders of {counted(len(gone), 'experiment')} do not exist",
            evidence="These have runs, but neither the folder nor the one above it exists:"
            f" {_examples([one for one, _ in gone])}",
            fix="Were the artifacts moved or deleted? Put them back: the paths in the store do not move with"
            " them. If no run has logged any, the first that does creates the folder.",
            command=("ls", "-ld", str(nearest(gone[0][1]))),
        )


def _check_storage(subject: Subject, kind: str, experiments: Sequence[Experiment], notes: Notes) -> None:
    if kind in _PROXIED:
        if subject.uri.kind != "rest":
            notes.skip(
                "artifacts that a tracking server serves",
                f"open the server itself: {_examples(experiments)}",
            )
        return
    if package := missing_package(kind):
        notes.found(
            "storage-package-missing",
            "error",
            f"Artifacts in {kind}:// cannot be read or written from here",
            evidence=f"The package {package} is not installed; {_examples(experiments)}",
            fix="Install it in the environment of every program that logs or loads artifacts.",
            command=("pip", "install", *package.split()),
        )
        return
    notes.skip(f"reading and writing {kind}://", "storage outside this machine is not tried")


def _check_logged_models(subject: Subject, notes: Notes) -> None:
    """The files of logged models are there from the beginning, unlike the folder of an experiment, so a
    missing folder shows that artifacts were moved or deleted."""
    limit = subject.limits.examined
    found = subject.read(
        lambda tables: (
            tables.rows(
                "SELECT name, artifact_location FROM logged_models WHERE lifecycle_stage <> 'deleted' AND"
                f" status = 2 ORDER BY creation_timestamp_ms DESC, model_id LIMIT {limit:d}"
            )
            if tables.has_logged_models
            else []
        )
    )
    local = [
        (name, root) for name, location in found if (root := local_root(location)) and root.is_absolute()
    ]
    flaws = [(name, root, flaw_of_folder(root)) for name, root in local]
    missing = [f"{short_name(name)} in {root}: {flaw}" for name, root, flaw in flaws if flaw]
    if missing:
        notes.found(
            "model-files-missing",
            "error",
            f"Files of {counted(len(missing), 'logged model')} are missing",
            evidence=f"Of the newest {count(len(local))} in local folders: {listed(missing, _SHOWN)}",
            fix="Were the artifacts moved or deleted? Put them back: the paths in the store do not move with"
            " them.",
        )


def _check_listing(subject: Subject, notes: Notes) -> None:
    run = _recent_run(subject)
    if run is None:
        notes.skip("whether the server can list artifacts", "the experiments that changed last have no runs")
        return
    try:
        subject.store.artifacts(run.run_id)
    except OUTAGES:
        raise
    except EngineError as error:
        where = redact(run.artifact_uri)
        notes.found(
            "artifacts-unreadable",
            "error",
            "The server cannot list artifacts",
            evidence=f"Of run {quoted(run.run_name or run.run_id, 60)} in {where}:"
            f" {error.detail or error.title}",
            fix="Start the server with --serve-artifacts (the default) and a destination that it can reach;"
            " its log has the reason."
            if _kind(run.artifact_uri) in _PROXIED
            else "Check in the server's log why it cannot reach that storage: credentials, packages,"
            " permissions.",
        )


def _recent_run(subject: Subject) -> Run | None:
    for experiment in subject.experiments[:_SHOWN]:
        for run in subject.store.runs(RunQuery(experiment.experiment_id), max_results=1).runs:
            return run
    return None


def locations_of(experiments: Iterable[Experiment]) -> list[Path]:
    """The local artifact folders of experiments."""
    roots = map(_root, experiments)
    return [root for root in roots if root is not None and root.is_absolute()]
