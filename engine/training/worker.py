"""The process that trains: `python -m engine.training.worker EVENTS`.

`EVENTS` is the number of a file descriptor that answers are written to. Commands arrive on
standard input and answers leave as lines of JSON:

    {"uri": …}                                     first: the tracking store
    {"sweep": spec, "id": …, "only": …, "resumed": …}   train; answers events, then `done`
    {"register": plan}                             register models; answers `done`
    {"cancel": true}                               end the trial at hand, keep the finished ones, leave

    {"event": …} · {"done": …} · {"error": {"kind", "title", "detail", "hint"}}

The end of standard input (the parent is gone, however it went) and SIGTERM, SIGINT and SIGHUP
mean the same as `cancel`. Standard output and error are the log.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError, TrainingError
from engine.jobs import CancelToken
from engine.training.events import SweepEvent, SweepPreparing, to_json

SERVER_LANES = 4

Command = Mapping[str, Any]


def main(events: int) -> int:
    os.set_inheritable(events, False)
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
    cancel = CancelToken()

    def leave(*_: object) -> None:
        cancel.cancel()
        commands.put(None)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    threading.Thread(target=_listen, args=(commands, leave), name="commands", daemon=True).start()
    worker = Worker(events, cancel)
    while not cancel.cancelled and (command := commands.get()) is not None:
        try:
            worker.obey(command)
        except EngineError as error:
            worker.tell_error(error)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            detail = f"{type(error).__name__}: {error}"
            worker.tell_error(TrainingError("The training process failed", detail))
    return 0


def _listen(commands: queue.SimpleQueue[Command | None], leave: Any) -> None:
    """Not through `sys.stdin`: a thread inside it cannot be left alone at exit."""
    rest = b""
    while chunk := os.read(0, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if "cancel" in command:
                leave()
            else:
                commands.put(command)
    leave()


class Worker:
    """Obeys one command after the other on one tracking store."""

    def __init__(self, events: int, cancel: CancelToken) -> None:
        self._events = events
        self._cancel = cancel
        self._telling = threading.Lock()
        self._uri = ""
        self._client: Any = None

    def obey(self, command: Command) -> None:
        """Raises `EngineError` for what the parent must hear of."""
        if "uri" in command:
            self._uri = command["uri"]
        elif "sweep" in command:
            self._sweep(command)
            self._tell_line(json.dumps({"done": None}))
        elif "register" in command:
            from engine.training.registration import register

            self._tell_line(json.dumps({"done": register(self._opened(), command["register"])}))

    def emit(self, event: SweepEvent) -> None:
        self._tell_line(to_json(event))

    def tell_error(self, error: EngineError) -> None:
        told = {"kind": type(error).__name__, "title": error.title}
        told |= {"detail": error.detail, "hint": error.hint}
        self._tell_line(json.dumps({"error": told}))

    def _tell_line(self, line: str) -> None:
        data = line.encode() + b"\n"
        with self._telling:
            try:
                while data:
                    data = data[os.write(self._events, data) :]
            except BrokenPipeError:
                self._cancel.cancel()

    def _opened(self) -> Any:
        """The client, opened the first time it is needed. Its store is MLflow's global one as well:
        registering a logged model looks it up there."""
        if self._client is None:
            from engine.stores.mlflow.client import open_client
            from engine.training.recorder import writing

            self.emit(SweepPreparing("importing mlflow and opening the store"))
            with writing():
                self._client = open_client(self._uri)
                import mlflow

                mlflow.set_tracking_uri(self._uri)
        return self._client

    def _sweep(self, command: Command) -> None:
        from engine.training.datasets import read_dataset
        from engine.training.sweep import SweepSpec, trials

        spec = SweepSpec.from_json(command["sweep"])
        every = trials(spec)
        only = range(len(every)) if command["only"] is None else set(command["only"])
        chosen = [trial for trial in every if trial.index in only]
        self.emit(SweepPreparing(f"reading {spec.dataset.file.name}"))
        dataset = read_dataset(spec.dataset)
        client = self._opened()
        self.emit(SweepPreparing("importing scikit-learn"))
        # What the first trial would otherwise import, and be timed with.

        from engine.training.recipes import split
        from engine.training.recorder import Recorder, kill_leftovers
        from engine.training.runner import Runner

        parts = split(dataset, spec)
        recorder = Recorder(client, spec, dataset, parts, command["id"])
        recorder.warm_up()
        if self._cancel.cancelled:
            return
        lanes = SERVER_LANES if self._uri.startswith("http") else 1
        runner = Runner(recorder, spec, parts, emit=self.emit, cancel=self._cancel, lanes=lanes)
        try:
            if command["resumed"]:
                kill_leftovers(client, spec.experiment, command["id"])
            self.emit(runner.run(chosen, command["resumed"]))
        except Exception:
            # Once more only: if the store is still the trouble, nothing can be marked.
            try:
                kill_leftovers(client, spec.experiment, command["id"])
            except EngineError as error:
                print(f"Unfinished runs stay RUNNING: {error}", file=sys.stderr)  # noqa: T201
            raise


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
