"""Writes a report into a folder, or keeps it as an artifact of a run: all of its files, or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.entities import Experiment
from engine.errors import EngineError, NotFound, WriteError
from engine.files import collecting, put_in_place
from engine.formats import counted, listed
from engine.journal import recorded
from engine.report.report import Report
from engine.text import quoted, safe

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store
    from engine.uri import TrackingUri

ARTIFACT_PATH = "report"
REPORT_OF = "console.report_of"
"""The tag of a run that holds a report: the id of the experiment that it is about."""


def existing_files(files: Iterable[str], folder: Path) -> tuple[Path, ...]:
    """Those of the files of a report that are in the folder already."""
    return tuple(path for name in files if os.path.lexists(path := folder / name))


def write_files(files: Mapping[str, bytes], folder: Path, *, replace: bool = False) -> tuple[Path, ...]:
    """Write the files of a report, each complete; on an error, none. Raises `EngineError`, also for existing
    files unless `replace`."""
    if not replace and (existing := existing_files(files, folder)):
        raise would_replace(existing)
    try:
        with collecting(folder) as collected:
            for name, content in files.items():
                path = collected / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            places = [(collected / name, folder / name) for name in files]
            put_in_place(places, folder, replace=replace)
    except FileExistsError as error:
        raise would_replace((Path(error.filename or folder),)) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        hint = "Check that the folder is writable and has free space, or choose another one."
        raise EngineError("The report cannot be written", f"{safe(folder, 200)}: {why}", hint) from error
    return tuple(folder / name for name in files)


def would_replace(existing: tuple[Path, ...]) -> EngineError:
    names = listed([path.name for path in existing], 4)
    hint = "Choose another folder, or agree to replace them (`--force` on the command line)."
    return EngineError(f"{counted(len(existing), 'file')} would be replaced", names, hint)


def log_report(store: Store, uri: TrackingUri, report: Report, run_id: str | None) -> str:
    """Keep a report as the artifact `report` of a run, or with None of a new run in an experiment of its own.
    Journalled, and verified by reading it back. Returns the run's id. Raises `NotFound` and `WriteError`."""
    if run_id is not None:
        found = store.run(run_id).run
        if found.lifecycle_stage != "active":
            raise NotFound(f"Run {quoted(run_id)} is deleted", "", "Restore it first, or use another run.")
        where = f"run {found.run_name or run_id}"
    else:
        where = f"a new run in {reports_experiment(report)}"
    what = f"report on {report.experiment.name}, {where}"

    from engine.stores.mlflow.client import open_client, translate

    with recorded(uri, "report", what, experiment=report.experiment.name) as entry:
        client = open_client(uri.raw)
        try:
            target = run_id or _new_run(client, uri, report)
            try:
                _upload(client, target, report)
            except Exception:
                if run_id is None:
                    client.set_terminated(target, "FAILED")
                raise
            if run_id is None:
                client.set_terminated(target)
        except Exception as error:
            raise translate(error) from error
        _verify(store, target, report)
        entry.detail = f"run {target}, {counted(len(report.files), 'file')}"
    return target


def reports_experiment(report: Report) -> str:
    """The experiment of reports about an experiment."""
    return f"{report.experiment.name}-reports"


def _new_run(client: MlflowClient, uri: TrackingUri, report: Report) -> str:
    location = location_beside(uri, report.experiment, "-reports")
    experiment_id = experiment_named(client, reports_experiment(report), location)
    tags: dict[str, Any] = {REPORT_OF: report.experiment.experiment_id, "mlflow.note.content": report.title}
    run = client.create_run(experiment_id, run_name=f"report {report.metric}", tags=tags)
    return str(run.info.run_id)


def experiment_named(client: MlflowClient, name: str, location: str | None) -> str:
    """The id of an experiment, which is created with its artifacts at `location` if it is missing. Raises
    `WriteError` if it is deleted, and MLflow's errors."""
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != "active":
        hint = f"Restore it: `mlflow-console experiment restore {found.experiment_id}`."
        raise WriteError(f"Experiment {quoted(name)} is deleted", "Its name is still in use.", hint)
    return str(found.experiment_id if found else client.create_experiment(name, location))


def location_beside(uri: TrackingUri, experiment: Experiment, suffix: str) -> str | None:
    """Where the artifacts of an experiment about another one go: in a database, beside those of that one, as
    MLflow's own default is a folder where the console was started. None to leave it to the store: a server
    has a place of its own, and a path of the other experiment may be one of another machine."""
    parent, _, last = experiment.artifact_location.rstrip("/").rpartition("/")
    if uri.kind != "sql" or not parent or last != experiment.experiment_id:
        return None
    if parent.startswith("mlflow-artifacts:"):
        return None
    return f"{parent}/{last}{suffix}"


def _upload(client: MlflowClient, run_id: str, report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="mlflow-console-") as name:
        for path, content in report.files.items():
            target = Path(name) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        client.log_artifacts(run_id, name, ARTIFACT_PATH)


def _verify(store: Store, run_id: str, report: Report) -> None:
    folders = {path.rpartition("/")[0] for path in report.files}
    stored = {
        artifact.path: artifact.size
        for folder in folders
        for artifact in store.artifacts(run_id, "/".join(part for part in (ARTIFACT_PATH, folder) if part))
    }
    missing = [
        path
        for path, content in report.files.items()
        if stored.get(f"{ARTIFACT_PATH}/{path}", -1) not in (None, len(content))
    ]
    if missing:
        hint = "Check the artifact storage of the experiment, then try again."
        raise WriteError("The report was not stored completely", f"Missing: {listed(missing, 4)}", hint)
