"""What is known about a service: what it runs, and how it is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from engine.services.addresses import local_address

Kind = Literal["deployment", "server"]
State = Literal[
    "starting",  # the worker is not ready yet
    "serving",
    "restarting",  # the worker ended; another one is about to start
    "swapping",  # serving, while a replacement gets ready
    "stopping",
    "stopped",
    "failed",  # gave up; the detail says why
    "lost",  # the supervisor vanished without a word: killed, or the machine was restarted
    "unresponsive",  # the supervisor runs, but does not answer
]
RUNNING: frozenset[State] = frozenset({"starting", "serving", "restarting", "swapping", "stopping"})

SOCKET, ANSWERS, PORT = "{socket}", "{answers}", "{port}"
"""Arguments of a command that its supervisor replaces: the descriptor of the listening socket, the descriptor
to answer on (engine.services.protocol), the port."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What to run. It is written to disk and shown: it must not contain secrets, which go into the
    environment.

    A command with the arguments `{socket}` and `{answers}` is a socket worker: it accepts connections on a
    socket that outlives it, and says itself when it is ready. Any other one is a program with a port of its
    own, `{port}`: it is ready when a GET of `ready_path` is answered with a status below 400.
    """

    name: str
    kind: Kind
    command: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 0
    """0: one that is free."""
    folder: str = ""
    """The command's working folder; the service's own if empty."""
    ready_path: str = "/health"
    ready_seconds: float = 180.0
    """How long a worker may take to become ready."""
    hang_seconds: float = 60.0
    """A worker that does not answer a ping, or a program a GET, for this long is restarted."""
    drain_seconds: float = 30.0
    """How long a worker may take to finish its requests before it is ended."""
    restart_seconds: float = 0.5
    """The pause before the first restart; it doubles with each further one, up to 30 s."""
    restarts: int = 5
    """The number of restarts in a row after which the service has failed."""
    steady_seconds: float = 60.0
    """A worker that served for this long counts as healthy: its end begins a new row of restarts."""
    environment: tuple[str, ...] = ()
    """Names of the variables that the command needs besides the usual ones."""
    writable: tuple[str, ...] = ()
    """Files and folders that the command writes, besides the service's own folder."""
    label: str = ""
    """What this version of it is called in its log: `version 2`."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What the kind of service wants to remember, as JSON."""

    @property
    def is_socket_worker(self) -> bool:
        return ANSWERS in self.command

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ServiceSpec:
        """Ignores fields that a newer console has written."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        for name in ("command", "environment", "writable"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """How a service is doing. Counts cover all its workers since the supervisor started; the rate and the
    latencies cover the last 60 s. Texts are not yet safe to show."""

    spec: ServiceSpec
    state: State
    host: str
    port: int
    started: int
    """When the supervisor was started, in ms since the epoch."""
    since: int
    """When it came into this state, in ms since the epoch."""
    log: Path
    detail: str = ""
    """Why it failed, or what it is waiting for."""
    pid: int | None = None
    """The supervisor's; None if it does not run."""
    processes: tuple[int, ...] = ()
    """The workers and all their descendants."""
    memory: int = 0
    """Resident memory of the supervisor and these processes, in bytes."""
    restarts: int | None = None
    requests: int | None = None
    errors: int | None = None
    rate: float | None = None
    """Requests per second. The supervisor counts: these are None if it does not run or answer."""
    p50: float | None = None
    p95: float | None = None
    """Seconds; None without requests."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the worker said about itself when it became ready."""
    previous: ServiceSpec | None = None
    """What a swap replaced, which `back` returns to."""
    last_swap: str = ""
    """What came of the last swap, once what it replaced has finished its requests."""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def kind(self) -> Kind:
        return self.spec.kind

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def url(self) -> str:
        """Where clients on this machine reach it."""
        host = local_address(self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
