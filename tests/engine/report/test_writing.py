"""A report is written complete or not at all, and never over files that exist."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.api import Engine
from engine.entities import Experiment
from engine.errors import EngineError, ReadOnly
from engine.report.report import Report
from engine.report.writing import location_beside, write_files
from engine.uri import TrackingUri
from tests.conftest import MlflowStore

FILES = {"report.md": b"# report\n", "charts/a.svg": b"<svg/>" * 1000, "report.html": b"<html>"}


@pytest.fixture
def report() -> Report:
    return Report(Experiment("1", "heart"), "accuracy", "a" * 32, 4, "heart: 4 runs", FILES)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()
    }


def test_all_files_are_written(report: Report, tmp_path: Path) -> None:
    assert len(write_files(report.files, tmp_path / "new" / "folder")) == 3
    assert contents(tmp_path / "new" / "folder") == FILES


def test_existing_files_are_kept_unless_they_may_be_replaced(report: Report, tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(EngineError) as raised:
        write_files(report.files, tmp_path)
    assert raised.value.title == "1 file would be replaced"
    assert contents(tmp_path) == {"report.md": b"mine"}
    write_files(report.files, tmp_path, replace=True)
    assert contents(tmp_path) == FILES


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file can grow beyond `limit` bytes."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_is_one_error_and_leaves_nothing(report: Report, tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "out"
    if exists:
        folder.mkdir()
        (folder / "report.md").write_text("mine")
    with pytest.raises(EngineError) as raised, full_disk(1000):
        write_files(report.files, folder, replace=True)
    assert raised.value.title == "The report cannot be written"
    assert folder.exists() == exists
    assert not exists or contents(folder) == {"report.md": b"mine"}


def test_a_file_in_the_way_of_a_folder_leaves_nothing_either(report: Report, tmp_path: Path) -> None:
    (tmp_path / "charts").write_text("in the way")
    with pytest.raises(EngineError, match=r"replaced|cannot be written"):
        write_files(report.files, tmp_path)
    assert contents(tmp_path) == {"charts": b"in the way"}


@pytest.mark.slow
def test_two_reports_on_one_store_differ_only_in_their_time(mlflow_store: MlflowStore) -> None:
    from engine.report.report import make_report

    with Engine(mlflow_store.tracking) as engine:
        experiment = engine.runs.experiment("heart")
        frame = engine.runs.find(experiment.experiment_id, "")
        reports = [
            make_report(engine._store, engine.uri, experiment, frame, "accuracy", made_at=made_at)
            for made_at in (1_760_000_000_000, 1_760_000_600_000)
        ]
    times = [b"2025-10-09 08:53 UTC", b"2025-10-09 09:03 UTC"]
    first, second = (
        {name: content.replace(time, b"TIME") for name, content in report.files.items()}
        for report, time in zip(reports, times, strict=True)
    )
    assert first == second
    assert reports[0].files["report.md"] != reports[1].files["report.md"]
    assert {"report.md", "report.html", "charts/per-run.svg", "charts/by-n-neighbors.png"} <= first.keys()
    for name, content in first.items():
        if name.endswith(".svg"):
            ElementTree.fromstring(content)
    page = first["report.html"].decode()
    assert page.count("data:image/svg+xml;base64,") == sum(name.endswith(".svg") for name in first)
    assert "<script" not in page


@pytest.mark.slow
def test_a_report_is_kept_as_an_artifact_of_a_new_run(
    report: Report, mlflow_store_copy: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    location = tmp_path / "artifacts" / "1"
    report = replace(report, experiment=replace(report.experiment, artifact_location=str(location)))
    with Engine(mlflow_store_copy.tracking) as engine:
        run_id = engine.reports.log(report, None)
        kept = engine.runs.detail(run_id).run
        assert engine.runs.experiment("heart-reports").experiment_id == kept.experiment_id
        assert kept.status == "FINISHED"
        tree = engine.artifacts.tree(run_id, "report")
        assert {artifact.path for artifact in tree.files} == {f"report/{name}" for name in FILES}
        assert engine.journal.entries(1)[0].action == "report"
        assert engine.journal.entries(1)[0].outcome == "done"
        assert kept.artifact_uri.startswith(f"{location}-reports/")
        again = engine.reports.log(report, run_id)
        assert again == run_id


def test_a_server_chooses_where_the_artifacts_of_a_new_experiment_go(report: Report) -> None:
    trained = replace(report.experiment, experiment_id="1", artifact_location="/home/ana/mlruns/1")
    assert location_beside(TrackingUri("sqlite:///mlflow.db"), trained, "-x") == "/home/ana/mlruns/1-x"
    assert location_beside(TrackingUri("http://127.0.0.1:5000"), trained, "-x") is None


def test_a_read_only_engine_logs_no_report(report: Report, tmp_path: Path) -> None:
    uri = TrackingUri(f"sqlite:///{tmp_path / 'none.db'}")
    with Engine(uri, read_only=True) as engine, pytest.raises(ReadOnly):
        engine.reports.log(report, None)
