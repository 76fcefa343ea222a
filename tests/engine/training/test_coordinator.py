"""Sweeps that go on whatever happens to a trial, and end when they should."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from engine.api import Engine
from engine.errors import TrainingError, UsageError
from engine.stores import open_store
from engine.training.control import SweepControl
from engine.training.coordinator import Plateau
from engine.training.events import (
    SweepEvent,
    SweepNote,
    SweepPaused,
    SweepResult,
    SweepStarted,
    TrialFailed,
    TrialFinished,
    TrialStarted,
)
from engine.training.executors.base import Execution
from engine.training.recorder import (
    ERROR_FILE,
    FINGERPRINT_TAG,
    PARENT_TAG,
    SPEC_FILE,
    SWEEP_FILE,
    WORKER_TAG,
)
from engine.training.spec import DataSpec, Limits, ModelSpec, SearchSpec, SweepSpec
from engine.training.sweep_file import parse_sweep
from tests.engine.training.conftest import Workshop, runs_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_children")]

ONE, TWO = Execution(workers=1), Execution(workers=2)


@pytest.fixture(scope="module")
def house_prices(tmp_path_factory: pytest.TempPathFactory) -> DataSpec:
    """A table with text, gaps and a number to predict."""
    rng = random.Random(3)
    path = tmp_path_factory.mktemp("data") / "houses.csv"
    lines = ["size;district;garden;price"]
    for _ in range(300):
        size, district = rng.uniform(40, 200), rng.choice(("north", "south", "east"))
        price = 1000 * size + 20_000 * (district == "south") + rng.gauss(0, 9000)
        garden = rng.choice(("yes", "no", ""))
        lines.append(f"{size:.1f}".replace(".", ",") + f";{district};{garden};{price:.1f}".replace(".", ","))
    path.write_text("\n".join(lines))
    return DataSpec(str(path), target="price")


def run(
    workshop: Workshop,
    spec: SweepSpec,
    execution: Execution = ONE,
    act: Callable[[SweepEvent, SweepControl], None] = lambda *_: None,
) -> tuple[SweepResult, list[SweepEvent]]:
    events: list[SweepEvent] = []
    control = SweepControl()

    def on_event(event: SweepEvent) -> None:
        events.append(event)
        act(event, control)

    result = workshop.process.sweep(spec, on_event=on_event, control=control, execution=execution)
    return result, events


def workers_of(workshop: Workshop, experiment: str) -> list[psutil.Process]:
    """The processes in which trials are trained, without loky's own helpers."""
    parent = runs_of(workshop.tracking, experiment)[0]
    coordinator = psutil.Process(int(parent.tags[WORKER_TAG].rpartition(":")[2]))
    alive = [child for child in coordinator.children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "resource_tracker" not in " ".join(child.cmdline())]


def artifact_text(workshop: Workshop, run_id: str, path: str) -> str:
    with closing(open_store(workshop.tracking)) as store, store.open_artifact(run_id, path) as content:
        return b"".join(content.pieces).decode()


def test_several_estimators_predict_a_number_from_text_and_gaps(
    workshop: Workshop, house_prices: DataSpec
) -> None:
    models = (ModelSpec("ridge", {"alpha": (0.1, 10.0)}), ModelSpec("decision_tree", {"max_depth": (3,)}))
    spec = SweepSpec("houses", house_prices, models=models, metric="root_mean_squared_error")
    result, events = run(workshop, spec, TWO)
    assert (result.finished, result.failed, result.total) == (4, 0, 4)
    started = next(event for event in events if isinstance(event, SweepStarted))
    assert (started.metric, started.lower, started.workers) == ("root_mean_squared_error", True, 2)
    parent, *trials = runs_of(workshop.tracking, "houses")
    assert [trial.params["estimator"] for trial in trials].count("ridge") == 2
    by_run = {trial.run_id: trial for trial in trials}
    best = by_run[result.best_run_id or ""]
    baseline = next(trial for trial in trials if trial.params["estimator"] == "dummy")
    error = "root_mean_squared_error_cv_mean"
    assert best.metrics[error] == min(trial.metrics[error] for trial in trials)
    assert best.metrics["r2_score"] > 0.9 > 0.1 > baseline.metrics["r2_score"]
    assert parent.metrics[f"best_{error}"] == best.metrics[error]
    with Engine(workshop.tracking) as engine:
        files = {artifact.path for artifact in engine.runs.artifacts(parent.run_id)}
        assert {SWEEP_FILE, SPEC_FILE} <= files
        assert any("figures" in artifact.path for artifact in engine.runs.artifacts(best.run_id))
        assert not any("figures" in artifact.path for artifact in engine.runs.artifacts(baseline.run_id))
    assert all(trial.tags["seed"] == "42" and trial.tags["console.version"] for trial in trials)


def test_a_worker_that_is_killed_costs_no_trial(workshop: Workshop, large_csv: DataSpec) -> None:
    killed: list[int] = []

    def kill(event: SweepEvent, _: SweepControl) -> None:
        if isinstance(event, TrialStarted) and not killed:
            victim = workers_of(workshop, "killed")[0]
            killed.append(victim.pid)
            os.kill(victim.pid, signal.SIGKILL)

    models = (ModelSpec("knn", {"n_neighbors": (3, 5, 7), "algorithm": ("brute",)}),)
    result, events = run(workshop, SweepSpec("killed", large_csv, models=models, baseline=False), ONE, kill)
    assert (result.finished, result.failed, result.killed) == (3, 0, 0)
    notes = [event.text for event in events if isinstance(event, SweepNote)]
    assert any("killed (SIGKILL)" in note and "training it again" in note for note in notes)
    trials = runs_of(workshop.tracking, "killed")[1:]
    assert [trial.status for trial in trials] == ["FINISHED"] * 3


def test_a_trial_that_hangs_is_ended_and_one_that_raises_keeps_its_traceback(
    workshop: Workshop, large_csv: DataSpec
) -> None:
    endless = {"max_iter": (10**6,), "n_iter_no_change": (10**6,), "tol": (0.0,)}
    slow = ModelSpec("sklearn.neural_network.MLPClassifier", endless)
    models = (ModelSpec("knn", {"n_neighbors": (100_000,)}), slow)
    limits = Limits(trial_timeout=5)
    spec = SweepSpec("hanging", large_csv, models=models, limits=limits)
    result, events = run(workshop, spec, TWO)
    assert (result.finished, result.failed) == (1, 2)
    failed = {event.estimator: event for event in events if isinstance(event, TrialFailed)}
    assert "trial timeout of 5" in failed["sklearn.neural_network.MLPClassifier"].message
    raised = failed["knn"]
    assert "n_neighbors" in raised.message
    assert artifact_text(workshop, raised.run_id, ERROR_FILE).startswith("Traceback")


def test_a_sweep_pauses_and_goes_on(workshop: Workshop) -> None:
    def pause(event: SweepEvent, control: SweepControl) -> None:
        if isinstance(event, TrialStarted) and event.index == 0:
            control.pause(True)
        if event == SweepPaused(True):
            control.pause(False)

    models = (ModelSpec("knn", {"n_neighbors": (3, 5, 7, 9, 11, 13)}),)
    result, events = run(workshop, SweepSpec("paused", models=models), ONE, pause)
    assert result.finished == 7
    assert [event for event in events if isinstance(event, SweepPaused)] == [
        SweepPaused(True),
        SweepPaused(False),
    ]


def test_a_sweep_ends_when_trials_no_longer_improve_on_the_best(workshop: Workshop) -> None:
    models = (ModelSpec("knn", {"n_neighbors": tuple(range(9, 60))}),)
    limits = Limits(no_improvement=4)
    result, _events = run(workshop, SweepSpec("plateau", models=models, limits=limits))
    assert 5 <= result.finished < 20
    assert not result.cancelled
    assert "did not improve on the best beyond noise" in result.summary
    parent = runs_of(workshop.tracking, "plateau")[0]
    assert parent.status == "FINISHED"


def test_a_killed_sweep_is_resumed_and_no_trial_is_logged_twice(
    workshop: Workshop, large_csv: DataSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    models = (ModelSpec("knn", {"n_neighbors": (3, 5, 7, 9, 11, 13), "algorithm": ("brute",)}),)
    spec = SweepSpec("resumed", large_csv, models=models)
    with Engine(workshop.tracking) as engine:
        seen: list[TrialFinished] = []

        def kill(event: SweepEvent) -> None:
            if not isinstance(event, TrialFinished):
                return
            seen.append(event)
            if len(seen) == 2:
                parent = runs_of(workshop.tracking, "resumed")[0]
                os.kill(int(parent.tags[WORKER_TAG].rpartition(":")[2]), signal.SIGKILL)

        with pytest.raises(TrainingError, match="died"):
            engine.training.train(spec, on_event=kill, execution=TWO)
        parent = runs_of(workshop.tracking, "resumed")[0]
        before = {r.run_id for r in runs_of(workshop.tracking, "resumed") if r.status == "FINISHED"}
        found = engine.training.resumable()
        assert [sweep.run.run_id for sweep in found] == [parent.run_id]
        assert found[0].finished == len(before)
        with pytest.raises(UsageError, match="not a sweep"):
            engine.training.resume(seen[0].run_id, on_event=lambda _: None)

        events: list[SweepEvent] = []
        result = engine.training.resume(parent.run_id[:8], on_event=events.append, execution=TWO)
        assert (result.finished, result.parent_run_id) == (7, parent.run_id)
        started = next(event for event in events if isinstance(event, SweepStarted))
        assert started.finished == len(before)
        earlier = {
            event.run_id: event for event in events if isinstance(event, TrialFinished) and event.earlier
        }
        assert set(earlier) == before
        numbers = {trial.index for trial in events if isinstance(trial, TrialFinished)}
        assert numbers == set(range(7))  # also of those that an earlier process trained
        first = next(trial for trial in seen if trial.run_id in earlier)
        assert earlier[first.run_id].index == first.index
        assert earlier[first.run_id].score == pytest.approx(first.score)
        assert engine.training.resumable() == ()
    runs = runs_of(workshop.tracking, "resumed")
    trials = [r for r in runs if PARENT_TAG in r.tags and r.status == "FINISHED"]
    assert before < {r.run_id for r in trials}
    assert len({r.tags[FINGERPRINT_TAG] for r in trials}) == len(trials) == 7
    assert runs[0].status == "FINISHED"
    assert parse_sweep(artifact_text(workshop, parent.run_id, SWEEP_FILE), tmp_path / SWEEP_FILE) == spec


def test_halving_trains_the_best_candidates_and_records_the_others(workshop: Workshop) -> None:
    models = (ModelSpec("knn", {"n_neighbors": tuple(range(1, 13))}),)
    spec = SweepSpec("halving", models=models, search=SearchSpec("halving"))
    result, events = run(workshop, spec, TWO)
    assert (result.finished, result.failed, result.total) == (13, 0, 13)
    notes = [event.text for event in events if isinstance(event, SweepNote)]
    assert sum("candidates on" in note for note in notes) == 3
    parent, *trials = runs_of(workshop.tracking, "halving")
    dropped = [trial for trial in trials if "cv_mean" not in trial.metrics]
    assert len(dropped) == 10
    assert all(trial.status == "FINISHED" and "halving_accuracy" in trial.metrics for trial in dropped)
    best = next(trial for trial in trials if trial.run_id == result.best_run_id)
    assert best.metrics["cv_mean"] == parent.metrics["best_cv_mean"]
    with Engine(workshop.tracking) as engine:
        history = engine.runs.metric_history(best.run_id, "halving_accuracy")
    assert [point.step for point in history] == [27, 80, 241]


def test_a_resumed_optuna_search_trains_as_many_trials_as_it_was_to(workshop: Workshop) -> None:
    pytest.importorskip("optuna")
    models = (ModelSpec("knn", {"n_neighbors": tuple(range(1, 60)), "weights": ("uniform", "distance")}),)
    spec = SweepSpec("optuna", models=models, search=SearchSpec("optuna", trials=24))

    def cancel(event: SweepEvent, control: SweepControl) -> None:
        if isinstance(event, TrialFinished) and event.index == 2:
            control.cancel.cancel()

    cancelled, _ = run(workshop, spec, TWO, cancel)
    assert 1 <= cancelled.finished < 25
    with Engine(workshop.tracking) as engine:
        result = engine.training.resume(cancelled.parent_run_id, on_event=lambda _: None, execution=TWO)
    assert (result.finished, result.total) == (25, 25)
    trials = [each for each in runs_of(workshop.tracking, "optuna")[1:] if each.status == "FINISHED"]
    assert len({each.tags[FINGERPRINT_TAG] for each in trials}) == len(trials) == 25


def test_noise_does_not_reset_the_count_of_trials_without_improvement() -> None:
    plateau = Plateau(5, lower=False, patience=3)
    plateau.add(0.8, (0.80, 0.82, 0.78, 0.81, 0.79))
    plateau.add(0.801, (0.85, 0.75, 0.84, 0.77, 0.80))  # higher, but not beyond noise
    plateau.add(0.79, (0.79, 0.79, 0.79, 0.79, 0.79))
    assert not plateau.reached
    plateau.add(0.9, (0.90, 0.92, 0.88, 0.91, 0.89))  # clearly higher
    for _ in range(3):
        assert not plateau.reached
        plateau.add(0.85, (0.85, 0.86, 0.85, 0.84, 0.85))
    assert plateau.reached
