"""The training process: `python -m engine.training.worker EVENTS`.

`EVENTS` is the file descriptor that answers are written to. Commands arrive on standard input; both are lines
of JSON:

    {"uri": …}                                     first: the tracking store
    {"sweep": spec, "id": …, "only": …, "resume_run_id": …}   train; answers events, then `done`
    {"register": plan}                             register models; answers `done`
    {"cancel": true}                               end the current trial, keep finished ones, exit

    {"event": …} · {"done": …} · {"error": {"kind", "title", "detail", "hint"}}

The end of standard input (the parent has exited) and SIGTERM, SIGINT and SIGHUP act like `cancel`. Standard
output and error go to the log.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.child_process import input_lines
from engine.errors import EngineError, TrainingError
from engine.jobs import CancelToken
from engine.training.events import SweepEvent, SweepPreparing, to_json
from engine.uri import TrackingUri

SERVER_THREADS = 4

Command = Mapping[str, Any]


def main(events: int) -> int:
    os.set_inheritable(events, False)
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
    cancel = CancelToken()

    worker = Worker(events, cancel)

    def stop(*_: object) -> None:
        worker.cancel()
        commands.put(None)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    threading.Thread(target=_listen, args=(commands, stop), name="commands", daemon=True).start()
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


def _listen(commands: queue.SimpleQueue[Command | None], stop: Any) -> None:
    for line in input_lines():
        command = json.loads(line)
        if "cancel" in command:
            stop()
        else:
            commands.put(command)
    stop()


class Worker:
    """Executes commands on one tracking store, one after the other."""

    def __init__(self, events: int, cancel: CancelToken) -> None:
        self._events = events
        self._cancel = cancel
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
        elif "register" in command:
            from engine.training.registration import register

            self._send_line(json.dumps({"done": register(self._open_client(), command["register"])}))

    def emit(self, event: SweepEvent) -> None:
        self._send_line(to_json(event))

    def send_error(self, error: EngineError) -> None:
        fields = {"kind": type(error).__name__, "title": error.title}
        fields |= {"detail": error.detail, "hint": error.hint}
        self._send_line(json.dumps({"error": fields}))

    def _send_line(self, line: str) -> None:
        data = line.encode() + b"\n"
        with self._write_lock:
            try:
                while data:
                    data = data[os.write(self._events, data) :]
            except BrokenPipeError:
                self._cancel.cancel()

    def _open_client(self) -> Any:
        """The client, opened on first use. MLflow's global tracking URI is set too, because registering a
        logged model reads from there."""
        if self._client is None:
            self.emit(SweepPreparing("importing MLflow"))
            with self._importing():
                from engine.stores.errors import translated_errors
                from engine.stores.mlflow.client import import_client, open_client

                with translated_errors():
                    import_client(self._uri)
            self.emit(SweepPreparing("opening the store"))
            with translated_errors():
                self._client = open_client(self._uri)
                import mlflow

                mlflow.set_tracking_uri(TrackingUri(self._uri).for_client)
        return self._client

    def _sweep(self, command: Command) -> None:
        from engine.training.datasets import read_dataset
        from engine.training.sweep import SweepSpec, trials

        spec = SweepSpec.from_json(command["sweep"])
        all_trials = trials(spec)
        only = range(len(all_trials)) if command["only"] is None else set(command["only"])
        chosen = [trial for trial in all_trials if trial.index in only]
        self.emit(SweepPreparing(f"reading {spec.dataset.file.name}"))
        dataset = read_dataset(spec.dataset)
        client = self._open_client()
        self.emit(SweepPreparing("importing scikit-learn"))
        with self._importing():  # here, so that the first trial's time does not include it
            from engine.training.recipes import split
            from engine.training.recorder import Recorder, kill_unfinished_runs
            from engine.training.runner import Runner

        parts = split(dataset, spec)
        recorder = Recorder(client, spec, dataset, parts, command["id"])
        recorder.warm_up()
        if self._cancel.cancelled:
            return
        threads = SERVER_THREADS if self._uri.startswith("http") else 1
        runner = Runner(recorder, spec, parts, emit=self.emit, cancel=self._cancel, threads=threads)
        try:
            if command["resume_run_id"]:
                kill_unfinished_runs(client, spec.experiment, command["id"])
            self.emit(runner.run(chosen, command["resume_run_id"]))
        except Exception:
            # One attempt: while the store is failing, nothing can be marked.
            try:
                kill_unfinished_runs(client, spec.experiment, command["id"])
            except EngineError as error:
                print(f"Unfinished runs stay RUNNING: {error}", file=sys.stderr)  # noqa: T201
            raise


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
