"""What is known about a tracking server of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from engine.services.addresses import is_loopback
from engine.services.records import ServiceSpec, ServiceStatus


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server runs on, kept in its service's record: without secrets, not yet safe to show."""

    backend: str
    artifacts: str
    mlflow_version: str
    auth: bool = False
    password_file: str = ""
    """Holds the administrator's first password; empty without accounts, or if it is not known."""
    auth_database: str = ""
    allowed_hosts: tuple[str, ...] = ()
    workers: int = 1
    jobs: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ServerFacts:
        """Ignores what a newer console has written."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        return cls(**known | {"allowed_hosts": tuple(known.get("allowed_hosts", ()))})

    @classmethod
    def of(cls, spec: ServiceSpec) -> ServerFacts:
        return cls.from_json(spec.extra)


@dataclass(frozen=True, slots=True)
class TrackingServer:
    """A tracking server of this account, and how it is doing. `response_seconds` is how long it took to
    answer /health just now; None if it did not."""

    service: ServiceStatus
    facts: ServerFacts
    response_seconds: float | None = None

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.service.host)

    @property
    def start_words(self) -> tuple[str, ...]:
        """The words of the command that starts it again as it was last started. A password of its database
        is not among them: `***` stands for it."""
        from engine.server.access import allowed_hosts
        from engine.server.options import DEFAULT_NAME, DEFAULT_PORT, ServerOptions

        facts, host, usual = self.facts, self.service.host, ServerOptions()
        words = ["--backend-store-uri", facts.backend, "--artifacts-destination", facts.artifacts]
        if self.name != DEFAULT_NAME:
            words = ["--name", self.name, *words]
        if host != usual.host:
            words += ["--host", host]
        if self.service.port != DEFAULT_PORT:
            words += ["--port", str(self.service.port)]
        if facts.auth:
            words.append("--auth")
        elif not self.is_local:
            words.append("--insecure")
        known = allowed_hosts(host, ("localhost",)) if facts.allowed_hosts else ()
        if added := [name for name in facts.allowed_hosts if name not in known and not name.endswith(":*")]:
            words += ["--allowed-hosts", ",".join(added)]
        if facts.workers != usual.workers:
            words += ["--workers", str(facts.workers)]
        return ("mlflow-console", "server", "start", *words, *(["--jobs"] if facts.jobs else []))


@dataclass(frozen=True, slots=True)
class StartedServer:
    """A server that got ready in this time: an experiment and an artifact were written through it, read back
    and removed.

    `password` is the administrator's if it was made for this start. `left` names what the check could not
    remove, `unchecked` says why there was none. A server that only this machine can reach has a `tunnel`, the
    command that reaches it from a laptop; any other one a `network_url`. `notices` are sentences on what it
    shares with other servers, or replaced. All of these may be empty.
    """

    server: TrackingServer
    seconds: float
    password: str = ""
    left: tuple[str, ...] = ()
    unchecked: str = ""
    tunnel: str = ""
    network_url: str = ""
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"StartedServer({self.server.name!r})"
