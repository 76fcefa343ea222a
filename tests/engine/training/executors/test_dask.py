"""Trials on a Dask cluster: a real scheduler and workers on this machine."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError, TrainingError, UsageError
from engine.training.executors.base import Execution, Outcome
from engine.training.spec import ModelSpec, SweepSpec, Trial
from tests.support.certificates import self_signed
from tests.support.dask import Cluster, dask_cluster

pytestmark = pytest.mark.slow

SPEC = SweepSpec("heart", models=(ModelSpec("knn", {"n_neighbors": tuple(range(1, 13))}),))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    with dask_cluster(tmp_path_factory.mktemp("dask")) as started:
        yield started


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from engine.training.data.reading import read_dataset
    from engine.training.evaluation.parts import prepare
    from engine.training.evaluation.storage import save_parts

    folder = tmp_path_factory.mktemp("parts")
    prepared = prepare(read_dataset(SPEC.data), SPEC)
    save_parts(prepared, folder)
    return folder, prepared


def all_trials() -> list[Trial]:
    from engine.training.search.grid import trials

    return list(trials(SPEC, "classification"))


def connected(cluster: Cluster, workers: int) -> Any:
    """A connection once the cluster has that many workers."""
    from engine.training.executors.dask import DaskCluster

    cluster.wait_for_workers(workers)
    return DaskCluster(Execution(executor="dask", scheduler_file=str(cluster.file)))


def trained(
    executor: Any, trials: list[Trial], after: Callable[[int], None] = lambda _: None
) -> list[Outcome]:
    """The outcomes of all trials, as the coordinator asks for them; lost ones are submitted again."""
    waiting, finished = list(trials), []
    while len(finished) < len(trials):
        while waiting and executor.free:
            executor.submit(waiting.pop(0))
        for outcome in executor.wait(0.1):
            if outcome.lost:
                waiting.append(outcome.trial)
            else:
                finished.append(outcome)
                after(len(finished))
    return finished


# ── clusters that cannot be used ─────────────────────────────────────────────


@pytest.mark.parametrize(
    ("execution", "words"),
    [
        (Execution(executor="dask"), "one address, or one file"),
        (Execution(executor="dask", scheduler="tcp://h:1", scheduler_file="f"), "one address, or one file"),
        (Execution(executor="dask", scheduler_file="/no/such.json"), "No such file or directory"),
        (Execution(executor="dask", scheduler="http://localhost:1"), "http"),
    ],
)
def test_a_scheduler_has_to_be_named_well(execution: Execution, words: str) -> None:
    assert words in str(refused(execution, UsageError))


def test_a_damaged_scheduler_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    for text in ("", "[]", "{}", '{"address": 7}'):
        path.write_text(text)
        error = refused(Execution(executor="dask", scheduler_file=str(path)), UsageError)
        assert (error.title, str(path) in error.detail) == ("The scheduler file is damaged", True)


def test_a_missing_scheduler_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.executors.dask_connection.CONNECT_SECONDS", 0.5)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        error = refused(Execution(executor="dask", scheduler=address), TrainingError)
    assert error.title == "Cannot connect to the Dask scheduler"
    assert address in error.detail
    assert error.hint


def test_workers_are_sent_no_credentials() -> None:
    from engine.training.executors.dask_connection import without_login

    assert without_login("https://ana:s3cret@host:8443/mlflow") == "https://host:8443/mlflow"


def refused(execution: Execution, kind: type[EngineError]) -> EngineError:
    pytest.importorskip("distributed")
    from engine.training.executors.dask import DaskCluster

    with pytest.raises(kind) as caught:
        DaskCluster(execution)
    return caught.value


# ── trials ───────────────────────────────────────────────────────────────────


def test_a_lost_worker_costs_no_trial_and_doubles_none(cluster: Cluster, parts: Any) -> None:
    """And the metrics are those of training here."""
    from engine.training.evaluation.evaluate import evaluate

    folder, prepared = parts
    without = Execution(executor="dask", scheduler_file=str(cluster.file))
    error = refused(without, TrainingError)
    assert error.title == "The Dask cluster has no workers"
    assert error.hint

    first, _second = cluster.start_worker(), cluster.start_worker()
    executor = connected(cluster, 2)
    try:
        executor.share(folder, SPEC)
        assert executor.wait_until_ready(time_passes)

        def kill_one(count: int) -> None:
            if count == 4:
                first.kill()

        outcomes = trained(executor, all_trials(), kill_one)
        assert executor.workers == 1
    finally:
        executor.close()
    assert sorted(outcome.trial.index for outcome in outcomes) == list(range(len(all_trials())))
    assert {outcome.error for outcome in outcomes} == {""}
    for outcome in outcomes:
        assert outcome.evaluation is not None
        own = dict(evaluate(prepared, SPEC, outcome.trial).metrics)
        found = dict(outcome.evaluation.metrics)
        assert own.pop("training_time") >= 0 <= found.pop("training_time")
        assert found == own
    assert list(cluster.folder.rglob("mlflow-console-sweep-*")) == []


def time_passes(seconds: float) -> bool:
    return threading.Event().wait(seconds)


def test_workers_with_another_version_are_refused(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "mlflow_console-0.1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: mlflow-console\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TrainingError, match=r"has mlflow-console .*; this machine has 0\.1\.0") as caught:
        connected(cluster, 1)
    assert "same versions" in caught.value.hint


def test_an_encrypted_cluster_is_used_with_the_certificates_of_dasks_configuration(
    tmp_path: Path, parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    from dask import config

    pem = str(self_signed(tmp_path))
    files = {"distributed.comm.tls.ca-file": pem} | {
        f"distributed.comm.tls.{role}.{what}": pem
        for role in ("scheduler", "worker", "client")
        for what in ("cert", "key")
    }
    variables = {
        f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": value for name, value in files.items()
    }
    with dask_cluster(tmp_path, variables, "tls") as encrypted:
        encrypted.start_worker()
        assert json.loads(encrypted.file.read_text())["address"].startswith("tls://")
        plain = Execution(executor="dask", scheduler_file=str(encrypted.file))
        assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in refused(plain, TrainingError).hint
        with config.set(files):
            executor = connected(encrypted, 1)
            try:
                executor.share(parts[0], SPEC)
                assert executor.wait_until_ready(time_passes)
                (outcome,) = trained(executor, all_trials()[:1])
            finally:
                executor.close()
    assert outcome.evaluation is not None
