"""Sweeps in a child process: their events, how they end, and what they leave behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import DatasetError, GridError, StoreError, StoreNotFound, TrainingError
from engine.jobs import CancelToken
from engine.stores.mlflow.client import open_client
from engine.training.control import SweepControl
from engine.training.events import (
    SweepEvent,
    SweepFinished,
    SweepPreparing,
    SweepResult,
    SweepStarted,
    TrialFailed,
    TrialFinished,
    TrialKilled,
    TrialStarted,
)
from engine.training.executors.base import Execution
from engine.training.local_process import run_sweep
from engine.training.search.text import parse_grid
from engine.training.spec import DataSpec, ModelSpec, SweepSpec
from engine.uri import TrackingUri
from tests.engine.training.conftest import Workshop, runs_of, wait_until
from tests.engine.training.driver import driven
from tests.support.warm import Warm

pytestmark = pytest.mark.slow

HOPELESS = ModelSpec("knn", {"n_neighbors": (1000, 2000)})
ONE = Execution(workers=1)
"""One trial at a time, in order."""

warm_children = pytest.mark.usefixtures("warm_children")
"""Where the start of the training process is not what is tested."""


@pytest.fixture
def slow(large_csv: DataSpec) -> SweepSpec:
    """Trials of about half a second each."""
    grid = parse_grid("n_neighbors=3,5,7,9,11,13 metric=manhattan algorithm=brute")
    return SweepSpec("slow", large_csv, models=(ModelSpec("knn", grid),), baseline=False)


def worker_pid(tracking: TrackingUri) -> int:
    parent = runs_of(tracking, "slow")[0]
    return int(parent.tags["console.worker"].rpartition(":")[2])


def statuses(tracking: TrackingUri) -> list[str]:
    """The status of the parent run, then of the trials in order of start."""
    return [run.status for run in runs_of(tracking, "slow")]


def run_until(
    tracking: TrackingUri,
    spec: SweepSpec,
    index: int,
    action: Callable[[], None],
    cancel: CancelToken | None = None,
) -> tuple[SweepResult, list[SweepEvent]]:
    """Run a sweep and call `action` when trial `index` has started."""
    events: list[SweepEvent] = []

    def on_event(event: SweepEvent) -> None:
        events.append(event)
        if event == TrialStarted(index):
            action()

    control = SweepControl(cancel)
    return run_sweep(tracking, spec, on_event=on_event, control=control, execution=ONE), events


# ── complete sweeps ──────────────────────────────────────────────────────────


def test_text_labels_are_supported_and_failed_trials_are_recorded(workshop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "colours.csv"
    rows = [f"{i % 7},{i % 5},{('red', 'green', 'dark blue')[i % 3]}" for i in range(60)]
    path.write_text("\n".join(["a,b,colour", *rows]))
    grid = parse_grid("n_neighbors=3,50 metric=euclidean,cosine algorithm=ball_tree")
    spec = SweepSpec(
        "colours",
        DataSpec(str(path), target="colour"),
        models=(ModelSpec("knn", grid),),
        baseline=False,
        run_name="mine",
    )
    events: list[SweepEvent] = []
    result = workshop.process.sweep(spec, on_event=events.append, control=SweepControl(), execution=ONE)
    assert (result.finished, result.failed, result.killed, result.cancelled) == (1, 3, 0, False)
    failed = [event for event in events if isinstance(event, TrialFailed)]
    assert [event.index for event in failed] == [1, 2, 3]
    assert "cosine" in failed[0].message
    assert "n_neighbors" in failed[1].message

    runs = {run.run_name: run for run in runs_of(workshop.tracking, "colours")}
    assert runs["mine"].status == "FINISHED"
    assert runs["mine"].metrics["trials_failed"] == 3
    good, bad = runs["knn-3-euclidean-ball_tree"], runs["knn-50-cosine-ball_tree"]
    assert (good.status, bad.status) == ("FINISHED", "FAILED")
    assert good.params["weights"] == "uniform"
    assert "class_dark_blue_f1" in good.metrics
    assert "true_positives" not in good.metrics
    assert "positive_class" not in good.tags
    assert "cosine" in bad.tags["error"]
    assert bad.metrics == {}
    assert result.best_run_id == good.run_id


def test_a_sweep_fails_if_every_trial_fails(workshop: Workshop) -> None:
    spec = SweepSpec("hopeless", models=(HOPELESS,), baseline=False)
    result = workshop.process.sweep(spec, on_event=lambda _: None, control=SweepControl(), execution=ONE)
    assert (result.finished, result.failed, result.best_run_id) == (0, 2, None)
    assert [run.status for run in runs_of(workshop.tracking, "hopeless")] == ["FAILED"] * 3


def test_a_sweep_reports_its_start_its_trials_and_its_end(workshop: Workshop) -> None:
    spec = SweepSpec("events", models=(ModelSpec("knn", parse_grid("n_neighbors=3,5")),), baseline=False)
    events: list[SweepEvent] = []
    result = workshop.process.sweep(spec, on_event=events.append, control=SweepControl(), execution=ONE)
    progress = [event for event in events if not isinstance(event, SweepPreparing)]
    kinds = [SweepStarted, TrialStarted, TrialFinished, TrialStarted, TrialFinished, SweepFinished]
    assert [type(event) for event in progress] == kinds
    started = SweepStarted(result.parent_run_id, result.experiment_id, 2, metric="accuracy")
    assert progress[0] == started
    finished = progress[2]
    assert isinstance(finished, TrialFinished)
    assert finished.params == {
        "n_neighbors": 3,
        "weights": "uniform",
        "metric": "minkowski",
        "algorithm": "auto",
    }
    recorded = dict(runs_of(workshop.tracking, "events")[1].metrics)
    recorded.pop("cv_score", None)  # a history of the folds
    assert finished.metrics == recorded


def test_secrets_stay_out_of_the_command_line(workshop: Workshop) -> None:
    spec = SweepSpec("slow", models=(ModelSpec("knn", parse_grid("n_neighbors=3")),), baseline=False)
    workshop.process.sweep(spec, on_event=lambda _: None, control=SweepControl(), execution=ONE)
    command = Path(f"/proc/{worker_pid(workshop.tracking)}/cmdline").read_bytes().split(b"\0")
    assert command[1:4] == [b"-P", b"-m", b"engine.training.worker"]
    assert len(command[4:]) == 2  # the file descriptor number and the final NUL


# ── rejected sweeps ──────────────────────────────────────────────────────────


def test_invalid_requests_start_nothing(tmp_path: Path) -> None:
    tracking = TrackingUri(f"sqlite:///{tmp_path / 'new.db'}")
    invalid: list[tuple[SweepSpec, type[Exception]]] = [
        (SweepSpec("x", models=(ModelSpec("knn", {"neighbours": (3,)}),), baseline=False), GridError),
        (SweepSpec("x", DataSpec(str(tmp_path / "gone.csv"))), DatasetError),
        (SweepSpec("x", DataSpec(target="outcome")), DatasetError),
    ]
    for spec, kind in invalid:
        with pytest.raises(kind):
            run_sweep(tracking, spec, on_event=lambda _: None, control=SweepControl(), execution=ONE)
    nowhere = TrackingUri(f"sqlite:///{tmp_path / 'no' / 'such' / 'm.db'}")
    with pytest.raises(StoreNotFound):
        run_sweep(nowhere, SweepSpec("x"), on_event=lambda _: None, control=SweepControl(), execution=ONE)
    assert list(tmp_path.iterdir()) == []


@warm_children
def test_a_file_that_is_no_database_is_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear database,\n" * 200)
    tracking = TrackingUri(f"sqlite:///{path}")
    with pytest.raises(StoreError):
        run_sweep(tracking, SweepSpec("x"), on_event=lambda _: None, control=SweepControl(), execution=ONE)
    assert path.read_text() == "Dear database,\n" * 200


def test_a_store_failure_ends_the_sweep_once(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the artifacts should go")
    client = open_client(workshop.tracking.raw)
    client.create_experiment("blocked", artifact_location=str(tmp_path / "file" / "artifacts"))
    events: list[SweepEvent] = []
    spec = SweepSpec("blocked", models=(ModelSpec("knn", parse_grid("n_neighbors=3,5,7")),), baseline=False)
    with pytest.raises(StoreError) as caught:
        workshop.process.sweep(spec, on_event=events.append, control=SweepControl(), execution=ONE)
    (parent,) = runs_of(workshop.tracking, "blocked")
    assert parent.status == "KILLED"
    assert f"train --resume {parent.run_id[:8]}" in caught.value.hint
    assert not any(isinstance(event, TrialStarted) for event in events)
    assert pending_models(workshop.tracking, "blocked") == []


# ── interrupted sweeps ───────────────────────────────────────────────────────


def assert_ended(tracking: TrackingUri, finished: int) -> None:
    """At least `finished` trials are complete, nothing is RUNNING or half-written."""
    runs = runs_of(tracking, "slow")
    ended = [run.status for run in runs]
    assert ended[0] == "KILLED"
    complete = ended.count("FINISHED")
    assert finished <= complete < 6
    assert ended[complete + 1 :] in ([], ["KILLED"])
    assert all("accuracy" in run.metrics for run in runs if run.status == "FINISHED")
    assert all(run.end_time is not None for run in runs)
    assert not any(run.metrics for run in runs[1:] if run.status == "KILLED")
    assert pending_models(tracking, "slow") == []


def pending_models(tracking: TrackingUri, name: str) -> list[str]:
    client = open_client(tracking.raw)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    models = client.search_logged_models([experiment.experiment_id])
    return [model.model_id for model in models if str(model.status) == "PENDING"]


@warm_children
def test_cancelling_keeps_finished_trials(
    own_store: TrackingUri, slow: SweepSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    relative = TrackingUri(f"sqlite:///{tmp_path.name}/mlflow.db")
    data = replace(slow.data, path=os.path.relpath(slow.data.file))
    cancel = CancelToken()
    result, events = run_until(relative, replace(slow, data=data), 1, cancel.cancel, cancel)
    assert result.finished >= 1
    assert result.cancelled
    killed = [event for event in events if isinstance(event, TrialKilled)]
    assert len(killed) == result.killed <= 1
    assert isinstance(events[-1], SweepFinished)
    assert_ended(own_store, 1)
    parent, *rest = runs_of(own_store, "slow")
    finished = [run for run in rest if run.status == "FINISHED"]
    assert parent.metrics["trials_finished"] == len(finished) == result.finished
    assert result.best_run_id == max(finished, key=lambda run: run.metrics["cv_mean"]).run_id


def test_a_sweep_cancelled_before_it_starts_writes_nothing(own_store: TrackingUri) -> None:
    cancel = CancelToken()

    def on_event(event: SweepEvent) -> None:
        assert isinstance(event, SweepPreparing)
        cancel.cancel()

    for _ in range(2):
        result = run_sweep(own_store, SweepSpec("slow"), on_event=on_event, control=SweepControl(cancel))
        assert (result.parent_run_id, result.finished, result.cancelled) == ("", 0, True)
    assert runs_of(own_store, "slow") == []


def test_a_sweep_cancelled_while_libraries_are_imported_creates_no_store(tmp_path: Path) -> None:
    cancel, notes = CancelToken(), []

    def on_event(event: SweepEvent) -> None:
        assert isinstance(event, SweepPreparing)
        notes.append(event.note)
        if event.note == "importing MLflow":
            cancel.cancel()

    uri = TrackingUri(f"sqlite:///{tmp_path / 'new.db'}")
    assert run_sweep(uri, SweepSpec("slow"), on_event=on_event, control=SweepControl(cancel)).cancelled
    assert notes[-1] == "importing MLflow"
    assert list(tmp_path.iterdir()) == []


@warm_children
def test_a_terminated_process_cleans_up(own_store: TrackingUri, slow: SweepSpec) -> None:
    result, _ = run_until(own_store, slow, 1, lambda: os.kill(worker_pid(own_store), signal.SIGTERM))
    assert result.finished >= 1
    assert result.cancelled
    assert_ended(own_store, 1)


@warm_children
def test_the_runs_of_a_killed_process_are_marked_killed(own_store: TrackingUri, slow: SweepSpec) -> None:
    with pytest.raises(TrainingError) as caught:
        run_until(own_store, slow, 1, lambda: os.kill(worker_pid(own_store), signal.SIGKILL))
    assert "SIGKILL" in caught.value.detail
    assert "console.log" in caught.value.detail
    assert "2 unfinished runs were marked KILLED" in caught.value.detail
    assert caught.value.hint
    assert_ended(own_store, 1)


def test_a_killed_parent_leaves_nothing_running(
    own_store: TrackingUri, slow: SweepSpec, warm_writer: Warm
) -> None:
    with driven(warm_writer, "sweep", own_store.raw, json.dumps(slow.to_json())) as (driver, events):
        next(line for line in events if '"TrialStarted", "index": 1' in line)
        pid = worker_pid(own_store)
        driver.kill()
        driver.wait()
    wait_until(lambda: "RUNNING" not in statuses(own_store))
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert_ended(own_store, 1)


@warm_children
def test_an_error_in_the_listener_ends_the_process(own_store: TrackingUri, slow: SweepSpec) -> None:
    def fail() -> None:
        raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="the screen is gone"):
        run_until(
            own_store, replace(slow, models=(ModelSpec("knn", parse_grid("n_neighbors=3,5")),)), 0, fail
        )
    assert "RUNNING" not in statuses(own_store)
