"""Trains trials on an existing Dask cluster.

Each trial is a task that only one worker may run, and each process runs one trial at a time. So it is known
which trial a worker had that is lost or hangs, and a result counts only while its trial is expected: none is
lost or counted twice. Dask moves Python objects as pickles: whoever can reach a cluster may run code on it,
and on its clients.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, TrainingError
from engine.formats import counted
from engine.training.executors import dask_tasks
from engine.training.executors.base import Execution, Outcome
from engine.training.executors.dask_connection import (
    connected,
    in_background,
    problems,
    scheduler_address,
    within,
    without_login,
)
from engine.training.executors.dask_tasks import Recording, SharedSweep, Trained

if TYPE_CHECKING:
    from engine.training.spec import SweepSpec, Trial

ANSWER_SECONDS = 8.0
"""How long workers may take to answer before the sweep starts, or when it ends."""
POLL_SECONDS = 0.05
LOOK_SECONDS = 1.0
"""How often it is looked which workers exist."""
RESTART_SECONDS = 15.0
"""How long workers may be gone before it is worth a note: those with a nanny come back."""
WITHOUT_WORKERS_SECONDS = 300.0
"""How long a sweep waits for a worker when it has none left."""
_RESUME = "Finished trials are kept. Resume the sweep to train the rest."


@dataclass(frozen=True, slots=True)
class _Worker:
    """`threads` is how many Dask gave it; `nanny` whether another process starts it again when it ends;
    `process` its host name and pid."""

    address: str
    host: str
    threads: int
    nanny: bool
    process: tuple[str, int]


@dataclass(slots=True)
class _Flight:
    trial: Trial
    address: str
    future: Any
    started: float = field(default_factory=time.monotonic)


class DaskCluster:
    """An `Executor` of the workers of a Dask cluster, which goes on when the sweep ends.

    Connects at once; raises `UsageError` or `TrainingError` if the cluster cannot be used. `note` is called
    with what the operator should know. Workers that join later are used too; they need the versions of this
    machine. A trial that has to end costs its worker process, which its nanny starts again; without a nanny
    the worker stays busy until the trial ends by itself.
    """

    def __init__(self, execution: Execution, *, note: Callable[[str], None] = lambda _: None) -> None:
        self._note = note
        self._address = scheduler_address(execution)
        self._token = uuid.uuid4().hex
        self._client = connected(self._address)
        self._workers: dict[str, _Worker] = {}  # all that may be used, of which …
        self._ready: set[str] = set()  # … these have the data
        self._ignored: set[str] = set()
        self._preparing: dict[str, Any] = {}  # futures by address
        self._hosts: set[str] = set()  # where the data is, or on its way
        self._flights: dict[str, _Flight] = {}
        self._stuck: dict[str, Any] = {}  # futures of ended trials whose workers go on, by address
        self._lost: list[Outcome] = []
        self._arrived: queue.SimpleQueue[tuple[str, Trained | BaseException]] = queue.SimpleQueue()
        self._submitted = 0
        self._next_look = 0.0
        self._without_workers_since = math.inf
        self._is_closed = self._has_advised = self._is_waiting = False
        self._sweep: SharedSweep | None = None
        self._recording: Callable[[], Recording] | None = None
        self._folder = Path()
        try:
            self._join(strict=True)
        except BaseException:
            self._disconnect()
            raise

    # ── before the sweep ─────────────────────────────────────────────────────

    def check_server(self, uri: str) -> None:
        """Raises `TrainingError` if a worker cannot read the tracking server."""
        shown = without_login(uri)
        found = self._run(dask_tasks.reached, shown)
        for address, failure in found.items():
            if isinstance(failure, BaseException):
                raise TrainingError(f"Worker {address} failed", f"{type(failure).__name__}: {failure}")
            if failure is not None:
                detail = " — ".join(part for part in (failure.title, failure.detail) if part)
                raise TrainingError(
                    f"Worker {address} cannot record trials",
                    detail,
                    "Let this machine record them (--record-in client), or give the workers access to it.",
                )

    def share(self, folder: Path, spec: SweepSpec) -> None:
        """Begin to send the parts of the data in a folder to the workers."""
        self._folder = folder
        self._sweep = SharedSweep(self._token, spec)
        self._next_look = 0.0
        self._look()

    def wait_until_ready(self, wait: Callable[[float], bool]) -> bool:
        """True once the workers have the data, or the first of them if others take long; False as soon as
        `wait`, which waits some seconds, returns True."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while len(self._ready) < len(self._workers) and (not self._ready or time.monotonic() < deadline):
            self._look()
            if wait(0.02):
                return False
        return True

    def let_record(self, recording: Callable[[], Recording]) -> None:
        """Have the workers record the trials; `recording` is asked for with the first of them."""
        self._recording = recording

    # ── the executor ─────────────────────────────────────────────────────────

    @property
    def attempts(self) -> int:
        """As often as Dask would try a task whose workers are lost."""
        from dask import config

        return 1 + int(config.get("distributed.scheduler.allowed-failures", 3))

    @property
    def records(self) -> bool:
        return self._recording is not None

    @property
    def workers(self) -> int:
        return len(self._ready)

    @property
    def free(self) -> int:
        return len(self._idle())

    def _idle(self) -> list[str]:
        busy = {flight.address for flight in self._flights.values()} | self._stuck.keys()
        return [address for address in self._workers if address in self._ready and address not in busy]

    def submit(self, trial: Trial) -> None:
        worker = self._workers[self._idle()[0]]
        if self._sweep is not None and self._sweep.recording is None and self._recording is not None:
            self._sweep = replace(self._sweep, recording=self._recording())
        self._submitted += 1
        key = f"trial-{self._token}-{trial.index}-{self._submitted}"
        future = self._client.submit(
            dask_tasks.train,
            self._sweep,
            trial,
            worker.threads,
            key=key,
            pure=False,
            workers=[worker.address],
            allow_other_workers=False,
        )
        self._flights[key] = _Flight(trial, worker.address, future)
        future.add_done_callback(lambda done: self._fetch(key, done))

    def _fetch(self, key: str, future: Any) -> None:
        """Fetch a result in a thread of its own: the worker that has it may be lost meanwhile."""

        def fetch() -> None:
            try:
                self._arrived.put((key, future.result()))
            except BaseException as error:
                self._arrived.put((key, error))

        in_background(fetch)

    def wait(self, timeout: float) -> Sequence[Outcome]:
        self._look()
        outcomes, self._lost = self._lost, []
        if outcomes:
            timeout = 0.0
        while True:
            try:
                key, found = self._arrived.get(timeout=timeout)
            except queue.Empty:
                return outcomes
            if (flight := self._flights.get(key)) is not None and (outcome := self._outcome(key, found)):
                self._flights.pop(key, None)
                flight.future.release()
                outcomes.append(outcome)
                timeout = 0.0

    def _outcome(self, key: str, found: Trained | BaseException) -> Outcome | None:
        flight = self._flights[key]
        trial, seconds = flight.trial, time.monotonic() - flight.started
        if isinstance(found, BaseException):
            from distributed import CancelledError, KilledWorker

            if isinstance(found, KilledWorker | CancelledError | OSError):
                self._check_connection()
                return Outcome(trial, lost=f"worker {flight.address} was lost", seconds=seconds)
            return Outcome(trial, error=f"{type(found).__name__}: {found}", seconds=seconds)
        if found.failure is not None:
            raise found.failure.error()
        if found.no_data:
            self._forget_worker(flight.address)
            return Outcome(trial, lost=f"worker {flight.address} has lost the data", seconds=seconds)
        return Outcome(trial, found.evaluation, error=found.error, run_id=found.run_id, seconds=seconds)

    def end(self, trial: Trial, reason: str) -> None:
        for key, flight in list(self._flights.items()):
            if flight.trial.index == trial.index:
                self._lose(key, reason)
                if self._workers[flight.address].nanny:
                    flight.future.cancel()
                    self._ignored.add(flight.address)
                    self._forget_worker(flight.address)
                    in_background(partial(self._restart, [flight.address]))
                else:
                    self._stuck[flight.address] = flight.future
                    self._note(f"worker {flight.address} has no nanny: it stays busy until {trial.name} ends")

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        busy = [flight.address for flight in self._flights.values()]
        futures = [flight.future for flight in self._flights.values()]
        self._flights.clear()
        try:
            if self._client.status == "running":
                if futures:
                    self._client.cancel(futures)
                if self._ready:
                    self._run(dask_tasks.forget, self._token, workers=self._ready)
                self._end_processes([at for at in busy if at in self._workers and self._workers[at].nanny])
        except EngineError as error:
            self._note(f"the Dask workers were not tidied up: {error.title}")
        self._disconnect()

    def _disconnect(self) -> None:
        with contextlib.suppress(TimeoutError):
            within(ANSWER_SECONDS, lambda: self._client.close(timeout=2))

    def _end_processes(self, addresses: Sequence[str]) -> None:
        """Have workers restarted, and wait until those that train are gone."""
        if not addresses:
            return
        in_background(partial(self._restart, addresses))
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline and set(addresses) & set(self._asked(self._client.nthreads)):
            time.sleep(POLL_SECONDS)

    def _restart(self, addresses: Sequence[str]) -> None:
        try:
            self._client.restart_workers(addresses, timeout=ANSWER_SECONDS, raise_for_error=False)
        except Exception as error:
            logging.getLogger("mlflow-console").warning("Dask did not restart %s: %s", addresses, error)

    # ── workers that come and go ─────────────────────────────────────────────

    def _look(self) -> None:
        """Notice workers that are gone, have joined, or have become ready."""
        self._take_prepared()
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        self._check_connection()
        present = self._asked(self._client.nthreads)
        for address in set(self._workers) - set(present):
            self._forget_worker(address)
        self._ignored &= set(present)
        for key, flight in list(self._flights.items()):
            if flight.address not in self._workers:
                flight.future.cancel()
                self._lose(key, f"worker {flight.address} was lost")
        for address, future in list(self._stuck.items()):
            if future.done() or address not in present:
                del self._stuck[address]
        if set(present) - self._workers.keys() - self._ignored:
            self._join(strict=False)
        self._send()
        self._check_workers()

    def _check_connection(self) -> None:
        if self._client.status != "running":
            raise TrainingError("The Dask scheduler is gone", self._address, _RESUME)

    def _check_workers(self) -> None:
        if self._workers:
            self._without_workers_since, self._is_waiting = math.inf, False
            return
        self._without_workers_since = min(self._without_workers_since, time.monotonic())
        seconds = time.monotonic() - self._without_workers_since
        if seconds > RESTART_SECONDS and not self._is_waiting:
            self._is_waiting = True
            self._note("the Dask cluster has no worker left; waiting for one")
        if seconds > WITHOUT_WORKERS_SECONDS:
            raise TrainingError("The Dask cluster has no worker left", self._address, _RESUME)

    def _lose(self, key: str, reason: str) -> None:
        flight = self._flights.pop(key)
        self._lost.append(Outcome(flight.trial, lost=reason, seconds=time.monotonic() - flight.started))

    def _forget_worker(self, address: str) -> None:
        worker = self._workers.pop(address, None)
        self._ready.discard(address)
        if self._preparing.pop(address, None) is not None and worker is not None:
            self._hosts.discard(worker.host)

    def _join(self, *, strict: bool) -> None:
        """Check and use the workers that are new. With `strict`, raises `TrainingError` for one that cannot
        be used, or if the cluster has none; otherwise it is left out with a note."""
        found = self._asked(lambda: self._client.scheduler_info(n_workers=-1))["workers"]
        new = [address for address in found if address not in self._workers and address not in self._ignored]
        if not new:
            if strict:
                hint = "Start workers, such as `dask worker SCHEDULER --nworkers auto`, or scale it up."
                raise TrainingError("The Dask cluster has no workers", self._address, hint)
            return
        try:
            refused, processes = problems(self._run, new)
        except TrainingError as error:
            self._check_connection()
            if strict:
                raise
            self._note(f"workers that have joined are not used: {error.title}")
            self._ignored.update(new)
            return
        for address in new:
            if (problem := refused.get(address)) is not None:
                if strict:
                    raise problem
                self._note(f"not used: {problem.title}")
            elif processes[address] not in {worker.process for worker in self._workers.values()}:
                host, threads, nanny = (found[address].get(name) for name in ("host", "nthreads", "nanny"))
                self._workers[address] = _Worker(address, host, threads, bool(nanny), processes[address])
                continue
            self._ignored.add(address)
        joined = [address for address in new if address in self._workers]
        self._run(dask_tasks.warm_up, workers=joined, wait=False)
        self._advise()

    def _advise(self) -> None:
        threads = sum(worker.threads for worker in self._workers.values())
        if threads >= 2 * len(self._workers) and not self._has_advised:
            self._has_advised = True
            text = f"{counted(len(self._workers), 'Dask worker')} with {counted(threads, 'thread')}"
            self._note(
                f"{text}: a worker trains one trial at a time; more with `dask worker --nworkers auto`"
            )

    def _send(self) -> None:
        """Have workers fetch the data, one of each host, and others look for it."""
        if self._sweep is None:
            return
        receivers: list[str] = []
        waiting = {self._workers[address].host for address in self._preparing}
        for address, worker in self._workers.items():
            if address in self._ready or address in self._preparing:
                continue
            if worker.host not in self._hosts:
                self._hosts.add(worker.host)
                waiting.add(worker.host)
                receivers.append(address)
            elif worker.host not in waiting:
                self._preparing[address] = self._task(dask_tasks.has_data, address)
        if receivers:
            data = self._client.scatter(
                dask_tasks.packed(self._folder), workers=receivers, broadcast=True, hash=False
            )
            for address in receivers:
                self._preparing[address] = self._task(dask_tasks.receive, address, data)

    def _task(self, function: Callable[..., bool], address: str, *arguments: Any) -> Any:
        return self._client.submit(
            function, self._token, *arguments, pure=False, workers=[address], allow_other_workers=False
        )

    def _take_prepared(self) -> None:
        for address, future in list(self._preparing.items()):
            if not future.done():
                continue
            del self._preparing[address]
            self._next_look = 0.0  # others of its host may go on
            if future.status == "finished" and future.result():
                self._ready.add(address)
                continue
            worker = self._workers[address]
            self._hosts.discard(worker.host)  # send it again, to this worker or to another one
            if future.status == "error":
                error = future.exception()
                self._ignored.add(address)
                self._forget_worker(address)
                self._note(f"worker {address} is not used: it cannot keep the data ({error})")
                if not self._workers:
                    raise TrainingError("No Dask worker can keep the data", f"{address}: {error}")

    # ── requests ─────────────────────────────────────────────────────────────

    def _run(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        workers: Iterable[str] | None = None,
        wait: bool = True,
    ) -> Mapping[str, Any]:
        """What a function returns, or raises, on workers, beside whatever they do."""
        chosen = list(self._workers if workers is None else workers)
        found: Mapping[str, Any] = self._asked(
            lambda: self._client.run(function, *arguments, workers=chosen, wait=wait, on_error="return")
        )
        return found

    def _asked(self, request: Callable[[], Any]) -> Any:
        try:
            return within(ANSWER_SECONDS, request)
        except TimeoutError as error:
            detail = f"{self._address} did not answer within {ANSWER_SECONDS:.0f} s."
            raise TrainingError("The Dask cluster does not answer", detail, _RESUME) from error
        except OSError as error:
            raise TrainingError("The Dask scheduler is gone", f"{self._address}: {error}", _RESUME) from error
