"""The training process: `python -m engine.training.worker EVENTS`.

`EVENTS` is the file descriptor that answers are written to. Commands arrive on standard input; both are lines
of JSON:

    {"uri": …}                                     first: the tracking store
    {"sweep": spec, "id": …, "resume_run_id": …, "execution": …}   train; answers events, then `done`
    {"profile": spec}                              read a dataset; answers `done` with its profile
    {"register": plan}                             register models; answers `done`
    {"begin": true}                                write: the answer to `accepted`
    {"pause": true or false}                       start no further trial, or go on
    {"cancel": true}                               end the trials in progress, keep finished ones, exit

    {"event": …} · {"accepted": true} · {"done": …} · {"error": {"kind", "title", …}}

A sweep is accepted once its data, its models and the store are known to be good; it writes runs when told to
begin.

The end of standard input (the parent has exited) and SIGTERM, SIGINT and SIGHUP act like `cancel`. Standard
output and error go to the log.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from engine.child_process import input_lines
from engine.errors import EngineError, TrainingError, UsageError
from engine.training.control import SweepControl
from engine.training.coordinator import Coordinator
from engine.training.events import SweepEvent, SweepNote, SweepPreparing, to_json
from engine.training.executors.base import Execution
from engine.training.failures import Failure
from engine.training.spec import MAX_TRIALS, SweepSpec
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.training.evaluation.parts import Parts
    from engine.training.executors.base import Executor
    from engine.training.executors.dask import DaskCluster
    from engine.training.facts import DatasetFacts
    from engine.training.recorder import Recorder
    from engine.training.search.base import Search

SERVER_THREADS = 4
POLL_SECONDS = 0.05
_FOLDER = "mlflow-console-sweep-"

Command = Mapping[str, Any]


def main(events: int) -> int:
    os.set_inheritable(events, False)
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
    control = SweepControl()
    cancel = control.cancel

    worker = Worker(events, control)

    def stop(*_: object) -> None:
        worker.cancel()
        commands.put(None)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    arguments = (commands, control, worker.begin, stop)
    threading.Thread(target=_listen, args=arguments, name="commands", daemon=True).start()
    while not cancel.cancelled and (command := commands.get()) is not None:
        try:
            worker.execute(command)
        except EngineError as error:
            worker.send_error(error)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            detail = f"{type(error).__name__}: {error}"
            worker.send_error(TrainingError("The training process failed", detail))
    return 0


def _listen(
    commands: queue.SimpleQueue[Command | None],
    control: SweepControl,
    begin: threading.Event,
    stop: Callable[[], None],
) -> None:
    for line in input_lines():
        command = json.loads(line)
        if "cancel" in command:
            stop()
        elif "begin" in command:
            begin.set()
        elif "pause" in command:
            control.pause(command["pause"])
        else:
            commands.put(command)
    stop()


class Worker:
    """Executes commands on one tracking store, one after the other."""

    def __init__(self, events: int, control: SweepControl) -> None:
        self.begin = threading.Event()
        self._events = events
        self._control = control
        self._cancel = control.cancel
        self._write_lock = threading.Lock()
        self._import_lock = threading.RLock()  # a signal handler may interrupt its holder
        self._is_importing = False
        self._uri = ""
        self._client: Any = None

    def cancel(self) -> None:
        """End the current command; the whole process if it is importing, which takes seconds."""
        self._cancel.cancel()
        with self._import_lock:
            if self._is_importing:
                os._exit(0)

    @contextmanager
    def _importing(self) -> Iterator[None]:
        """For imports before anything is written."""
        with self._import_lock:
            self._is_importing = True
            if self._cancel.cancelled:
                os._exit(0)
        try:
            yield
        finally:
            with self._import_lock:
                self._is_importing = False

    def execute(self, command: Command) -> None:
        """Raises errors for the parent as `EngineError`."""
        if "uri" in command:
            self._uri = command["uri"]
        elif "sweep" in command:
            self._sweep(command)
            self._send_line(json.dumps({"done": None}))
        elif "profile" in command:
            self._send_line(json.dumps({"done": _profile(command)}))
        elif "register" in command:
            from engine.training.registration import register

            self._send_line(json.dumps({"done": register(self._open_client(), command["register"])}))

    def emit(self, event: SweepEvent) -> None:
        self._send_line(to_json(event))

    def send_error(self, error: EngineError) -> None:
        self._send_line(json.dumps({"error": Failure.of(error).to_json()}))

    def _send_line(self, line: str) -> None:
        data = line.encode() + b"\n"
        with self._write_lock:
            try:
                while data:
                    data = data[os.write(self._events, data) :]
            except BrokenPipeError:
                self._cancel.cancel()

    def _import_client(self) -> None:
        """Import MLflow, on first use; nothing is opened or created."""
        if self._client is None:
            self.emit(SweepPreparing("importing MLflow"))
            with self._importing():
                from engine.stores.errors import translated_errors
                from engine.stores.mlflow.client import import_client

                with translated_errors():
                    import_client(self._uri)

    def _open_client(self) -> Any:
        """The client, opened on first use, which creates a store that does not exist. MLflow's global
        tracking URI is set too, because registering a logged model reads from there."""
        if self._client is None:
            if "mlflow" not in sys.modules:
                self._import_client()
            from engine.stores.errors import translated_errors
            from engine.stores.mlflow.client import open_client

            self.emit(SweepPreparing("opening the store"))
            with translated_errors():
                self._client = open_client(self._uri)
                import mlflow

                mlflow.set_tracking_uri(TrackingUri(self._uri).for_client)
        return self._client

    def _sweep(self, command: Command) -> None:
        """Read the data in a process of its own while this one imports MLflow, then train. Until the data,
        the models and the search are known to be good, nothing is written."""
        spec = SweepSpec.from_json(command["sweep"])
        self.emit(SweepPreparing(f"reading {spec.data.file.name}"))
        with sweep_folder() as folder:
            from engine.training.executors.pool import ProcessPool, usable_processors

            execution = Execution.from_json(command["execution"])
            pool = ProcessPool(folder, spec)
            cluster: DaskCluster | None = None
            try:
                if execution.executor == "dask":
                    cluster = self._dask_cluster(execution)
                self._import_client()
                with self._importing():  # here, so that the first trial's time does not include it
                    from engine.training.evaluation.scores import ranking_metric
                    from engine.training.evaluation.storage import load_parts, load_split
                    from engine.training.recorder import Recorder
                    from engine.training.search.grid import search_for
                facts = pool.prepared(self._cancel.wait)
                if facts is None:
                    return
                if cluster is not None:
                    cluster.share(folder, spec)
                search = search_for(spec, facts.task)
                metric, direction = ranking_metric(spec, facts.task)
                for remark in facts.remarks:
                    self.emit(SweepNote(remark))
                recorder = Recorder(
                    self._open_client(),
                    spec,
                    facts,
                    load_split(folder),
                    command["id"],
                    metric=metric,
                    lower=direction == "lower",
                    on_wait=lambda text: self.emit(SweepNote(text)),
                    give_up=lambda: self._cancel.cancelled,
                )
                recorder.warm_up()
                executor: Executor = pool
                if cluster is None:
                    wanted = execution.workers or usable_processors()
                    pool.grow(max(1, min(wanted, search.total or MAX_TRIALS)))
                else:
                    pool.close()
                    executor = cluster
                    self._ready_workers(cluster, execution, recorder, facts)
                if self._may_begin():
                    self._train(spec, search, executor, recorder, lambda: load_parts(folder), command)
            finally:
                pool.close()
                if cluster is not None:
                    cluster.close()

    def _may_begin(self) -> bool:
        """Say that the sweep is accepted, and wait for the answer; False once it is cancelled."""
        self.begin.clear()
        self._send_line(json.dumps({"accepted": True}))
        while not self._cancel.cancelled:
            if self.begin.wait(POLL_SECONDS):
                return True
        return False

    def _dask_cluster(self, execution: Execution) -> DaskCluster:
        from engine.training.executors.dask import DaskCluster

        self.emit(SweepPreparing("connecting to the Dask cluster"))
        if execution.recorder == "workers" and not self._uri.startswith("http"):
            raise UsageError(
                "Workers cannot record trials in this store",
                f"{TrackingUri(self._uri).shown} is not a tracking server.",
                "Let this machine record them (--record-in client), or use a server.",
            )
        cluster = DaskCluster(execution, note=lambda text: self.emit(SweepNote(text)))
        try:
            if execution.recorder == "workers":
                cluster.check_server(self._uri)
        except BaseException:
            cluster.close()
            raise
        return cluster

    def _ready_workers(
        self,
        cluster: DaskCluster,
        execution: Execution,
        recorder: Recorder,
        facts: DatasetFacts,
    ) -> None:
        """Wait until the workers of a cluster have the data, and let them record, if they shall."""
        from engine.training.executors.dask_connection import without_login
        from engine.training.executors.dask_tasks import Recording

        self.emit(SweepPreparing("waiting for the Dask workers"))
        cluster.wait_until_ready(self._cancel.wait)
        if execution.recorder == "workers":
            cluster.let_record(
                lambda: Recording(
                    without_login(self._uri),
                    recorder.sweep_id,
                    recorder.experiment_id,
                    recorder.parent_run_id,
                    facts,
                    recorder.metric,
                    recorder.lower,
                    recorder.context,
                )
            )

    def _train(
        self,
        spec: SweepSpec,
        search: Search,
        executor: Executor,
        recorder: Recorder,
        parts: Callable[[], Parts],
        command: Command,
    ) -> None:
        from engine.training.recorder import kill_unfinished_runs

        coordinator = Coordinator(
            spec,
            search,
            executor,
            recorder,
            parts,
            emit=self.emit,
            control=self._control,
            threads=SERVER_THREADS if self._uri.startswith("http") else 1,
        )
        client = self._open_client()
        try:
            if command["resume_run_id"]:
                kill_unfinished_runs(client, spec.experiment, command["id"])
            self.emit(coordinator.run(command["resume_run_id"]))
        except Exception as failure:
            # One attempt: while the store is failing, nothing can be marked.
            try:
                kill_unfinished_runs(client, spec.experiment, command["id"])
            except EngineError as error:
                print(f"Unfinished runs stay RUNNING: {error}", file=sys.stderr)  # noqa: T201
                if isinstance(failure, EngineError):
                    failure.detail += "; its unfinished runs stay RUNNING until it is resumed"
            if isinstance(failure, EngineError) and recorder.parent_run_id:
                resume = f"`mlflow-console train --resume {recorder.parent_run_id[:8]}` trains the rest."
                failure.hint = f"{failure.hint} {resume}".strip()
            raise


def _profile(command: Command) -> dict[str, Any]:
    from engine.training.data.reading import read_dataset
    from engine.training.search.grid import check_classes

    spec = SweepSpec.from_json(command["profile"])
    dataset = read_dataset(spec.data, split=spec.split)
    check_classes(spec, dataset.task)
    return dataset.profile.to_json()


@contextmanager
def sweep_folder() -> Iterator[Path]:
    """A temporary folder for the data of a sweep. Folders of processes that were killed are removed first."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        pid = left.name.removeprefix(_FOLDER).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_FOLDER}{os.getpid()}-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
