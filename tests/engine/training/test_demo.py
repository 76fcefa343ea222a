"""The demo: created once, resumed when interrupted, and safe to run again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.entities import ModelVersion
from engine.errors import Cancelled, TrainingError
from engine.jobs import CancelToken, Progress
from engine.stores import open_store
from engine.stores.mlflow.client import open_client
from engine.training import demo
from engine.training.demo import MODEL, DemoReport, run_demo
from engine.training.search.text import parse_grid
from engine.training.spec import ModelSpec
from engine.uri import TrackingUri
from tests.engine.training.conftest import runs_of, wait_until
from tests.engine.training.driver import SMALL, driven
from tests.support.demo import DemoStore, uri_of
from tests.support.server import serving
from tests.support.warm import Warm

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_children")]


def rerun(tracking: TrackingUri) -> DemoReport:
    return run_demo(tracking, on_progress=lambda _: None, cancel=CancelToken())


def versions(tracking: TrackingUri) -> tuple[ModelVersion, ...]:
    store = open_store(tracking)
    found = store.model_versions(MODEL)
    store.close()
    return found[::-1]


def test_the_report_lists_experiments_versions_and_the_best_run(demo_store: DemoStore) -> None:
    report = demo_store.report
    assert (report.trained, report.registered) == (120, 2)
    assert report.best.run.run_name == "knn-5-euclidean-uniform-auto"
    assert report.best.value == pytest.approx(56 / 61)
    assert report.lines[0] == "Experiment heart-disease: 60 trials, 60 trained now"
    assert "version 1: run knn-3-chebyshev-uniform-ball_tree, accuracy 0.7541, Archived" in report.lines[2]
    assert "version 2: run knn-5-euclidean-uniform-auto, accuracy 0.9180, Production" in report.lines[3]


def test_progress_counts_trials_and_versions(demo_store: DemoStore) -> None:
    progress = demo_store.progress
    assert {step.total for step in progress} == {122}
    done = [step.done for step in progress]
    assert done == sorted(done)
    assert set(range(122)) - {121} <= set(done)
    assert progress[-1] == Progress(122, 122, "done")
    assert any("importing MLflow" in step.note for step in progress)


def test_a_second_run_writes_nothing(demo_store: DemoStore, own_store: TrackingUri) -> None:
    before = Path(str(own_store.sqlite_path)).read_bytes()
    report = rerun(own_store)
    assert (report.trained, report.registered) == (0, 0)
    assert report.lines[0] == "Experiment heart-disease: 60 trials, all already trained"
    assert report.best == demo_store.report.best
    assert Path(str(own_store.sqlite_path)).read_bytes() == before


def test_the_operators_changes_are_kept(own_store: TrackingUri) -> None:
    client = open_client(own_store.raw)
    client.transition_model_version_stage(MODEL, "1", "Production", archive_existing_versions=True)
    client.delete_registered_model_alias(MODEL, "champion")
    assert rerun(own_store).registered == 0
    assert [(v.stage, v.aliases) for v in versions(own_store)] == [("Production", ()), ("Archived", ())]


def test_a_deleted_version_is_not_recreated(own_store: TrackingUri) -> None:
    open_client(own_store.raw).delete_model_version(MODEL, "1")
    assert rerun(own_store).registered == 0
    assert [version.version for version in versions(own_store)] == [2]


def test_a_model_of_the_same_name_is_left_alone(own_store: TrackingUri) -> None:
    client = open_client(own_store.raw)
    client.delete_registered_model(MODEL)
    client.create_registered_model(MODEL)
    run_id = runs_of(own_store, "heart-disease")[1].run_id
    client.create_model_version(MODEL, "/some/model", run_id, await_creation_for=0)
    report = rerun(own_store)
    assert report.registered == 0
    assert "not created by the demo" in report.lines[-1]
    assert [version.stage for version in versions(own_store)] == ["None"]


def test_an_unfinished_registration_is_completed(own_store: TrackingUri) -> None:
    client = open_client(own_store.raw)
    client.set_model_version_tag(MODEL, "2", "console.demo", "registering")
    client.transition_model_version_stage(MODEL, "2", "None")
    client.delete_registered_model_alias(MODEL, "champion")
    assert rerun(own_store).registered == 0
    second = versions(own_store)[1]
    assert (second.version, second.stage, second.aliases) == (2, "Production", ("champion",))


def assert_refused_while_running(tracking: TrackingUri) -> None:
    """A parent run left RUNNING, as after a power failure, blocks the demo only while its process is
    alive."""
    client = open_client(tracking.raw)
    parent = runs_of(tracking, "heart-disease")[0]
    client.update_run(parent.run_id, status="RUNNING")
    alive = [sys.executable, "-c", "import sys; sys.stdin.read()", "engine.training.worker"]
    process = subprocess.Popen(alive, stdin=subprocess.PIPE)
    client.set_tag(parent.run_id, "console.worker", f"{socket.gethostname()}:{process.pid}")
    try:
        with pytest.raises(TrainingError, match="already running"):
            rerun(tracking)
    finally:
        process.communicate()
    # The pid may belong to another program by now: this process is not a worker.
    client.set_tag(parent.run_id, "console.worker", f"{socket.gethostname()}:{os.getpid()}")


def kill_demo(warm: Warm, tracking: TrackingUri, trials: int) -> set[str]:
    """Run the small demo in a process that is killed after `trials` trials. Returns the finished runs."""
    with driven(warm, "small-demo", tracking.raw) as (driver, progress):
        next(line for line in progress if int(line) >= trials)
        driver.kill()
        driver.wait()
    wait_until(lambda: all(run.status != "RUNNING" for run in runs_of(tracking, "heart-disease")))
    return {run.run_id for run in runs_of(tracking, "heart-disease") if run.status == "FINISHED"}


def test_an_interrupted_demo_is_completed_on_a_server(
    tmp_path: Path, warm_writer: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        demo, "PUBLISHED", replace(demo.PUBLISHED, models=(ModelSpec("knn", parse_grid(SMALL)),))
    )
    monkeypatch.setattr(
        demo, "LEAK_FREE", replace(demo.LEAK_FREE, models=(ModelSpec("knn", parse_grid(SMALL)),))
    )
    with serving(uri_of(tmp_path).raw, tmp_path, warm=warm_writer) as server:
        tracking = server.uri
        first = kill_demo(warm_writer, tracking, 3)
        assert 3 <= len(first) < 20
        assert_refused_while_running(tracking)

        report = rerun(tracking)
        assert (report.trained, report.registered) == (40 - len(first), 2)
        runs = runs_of(tracking, "heart-disease")
        trials = [run for run in runs if run.parent_run_id and run.status == "FINISHED"]
        assert first <= {run.run_id for run in runs}
        assert len(trials) == len({run.run_name for run in trials}) == 20
        parents = [run for run in runs if not run.parent_run_id]
        assert [(run.status, run.metrics["trials_finished"]) for run in parents] == [("FINISHED", 20)]
        assert [(v.version, v.stage) for v in versions(tracking)] == [(1, "Archived"), (2, "Production")]
        assert (rerun(tracking).trained, rerun(tracking).registered) == (0, 0)


def test_a_cancelled_demo_raises_cancelled_and_writes_nothing(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        run_demo(uri_of(tmp_path), on_progress=lambda _: None, cancel=cancel)
    assert list(tmp_path.iterdir()) == []
