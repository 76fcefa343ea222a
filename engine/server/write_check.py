"""The check that a new server is ready: writes an experiment and an artifact through it, reads them back, and
removes both.

It runs in the server's own process, so that it cleans up even if the console that waits for it is gone, and
because MLflow's API only moves an experiment to the trash: only the store behind the server can remove it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.server.access import ADMIN
from engine.stores.errors import from_response, translate

if TYPE_CHECKING:
    from requests import Response, Session

NAME = "mlflow-console start check"
FILE = "start-check.txt"
SECONDS = 60
ABANDONED_SECONDS = 300
"""The age of an experiment whose check must have ended."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`problem` is empty if what was written was read back; `left` names what could not be removed. Neither
    applies if the check was `skipped`, for the reason in it."""

    problem: str = ""
    left: tuple[str, ...] = ()
    skipped: str = ""


def check_writes(
    address: str,
    password: str,
    remove_experiment: Callable[[str], None],
    artifacts: Path | None,
) -> Checked:
    """Check the server at `address`. `password` is the administrator's, empty without accounts;
    `remove_experiment` removes a deleted experiment, given its id; `artifacts` is the folder in which the
    server keeps artifacts, None if they are elsewhere."""
    import requests

    with requests.Session() as session:
        session.trust_env = False  # neither proxies nor ~/.netrc: this is our own address
        session.auth = (ADMIN, password) if password else None
        session.headers["User-Agent"] = "mlflow-console"
        name = f"{NAME} {secrets.token_hex(4)}"
        server = _Server(session, address)
        try:
            _remove_abandoned(server, remove_experiment, artifacts)
            experiment = str(server.post("2.0/mlflow/experiments/create", name=name)["experiment_id"])
        except Exception as error:
            if password and getattr(error, "status", 0) == 401:
                return Checked(skipped="the password of the administrator is not known here")
            return Checked(problem=f"Cannot create an experiment: {_reason(error)}")
        artifact = f"{experiment}/{FILE}"
        problem = _round_trip(server, experiment, name, artifact)
        left = _removed(server, experiment, name, artifact, remove_experiment, artifacts)
    return Checked(problem, tuple(left))


class _Refused(Exception):
    def __init__(self, address: str, response: Response) -> None:
        error = from_response(address, response.status_code, response.text)
        super().__init__(f"{error.title}: {error.detail}" if error.detail else error.title)
        self.status = response.status_code


@dataclass(frozen=True, slots=True)
class _Server:
    session: Session
    address: str

    def post(self, path: str, **values: object) -> dict[str, Any]:
        found: dict[str, Any] = self._send("POST", path, json=values).json()
        return found

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        found: dict[str, Any] = self._send("GET", path, params=parameters).json()
        return found

    def artifact(self, method: str, path: str, content: bytes | None = None) -> bytes:
        return self._send(method, f"2.0/mlflow-artifacts/artifacts/{path}", data=content).content

    def _send(self, method: str, path: str, **content: Any) -> Response:
        url = f"{self.address}/api/{path}"
        response = self.session.request(method, url, timeout=SECONDS, **content)
        if not response.ok:
            raise _Refused(self.address, response)
        return response


def _round_trip(server: _Server, experiment: str, name: str, artifact: str) -> str:
    """Read back the experiment, write an artifact and read it back; the problem, if any."""
    content = f"{name} {secrets.token_hex(16)}".encode()
    try:
        found = server.get("2.0/mlflow/experiments/get", experiment_id=experiment)["experiment"]["name"]
        if found != name:
            return f"The experiment that was read back has the name {found!r} instead of {name!r}"
    except Exception as error:
        return f"Cannot read the experiment back: {_reason(error)}"
    try:
        server.artifact("PUT", artifact, content)
        read = server.artifact("GET", artifact)
    except Exception as error:
        return f"Cannot write an artifact and read it back: {_reason(error)}"
    return "" if read == content else "The artifact that was read back differs from what was written"


def _removed(
    server: _Server,
    experiment: str,
    name: str,
    artifact: str,
    remove_experiment: Callable[[str], None],
    artifacts: Path | None,
    *,
    is_active: bool = True,
) -> list[str]:
    """Remove everything; what is left."""
    left = []
    try:
        server.artifact("DELETE", artifact)
    except Exception as error:
        if getattr(error, "status", 0) != 404:
            left.append(f"artifact {artifact} ({_reason(error)})")
    if artifacts is not None:
        with suppress(OSError):  # it may hold what another experiment of this number left
            (artifacts / experiment).rmdir()
    try:
        if is_active:
            server.post("2.0/mlflow/experiments/delete", experiment_id=experiment)
        if server.session.auth is not None:  # whoever creates an experiment is granted its management
            grant = {"username": ADMIN, "resource_type": "experiment", "resource_id": experiment}
            server.post("3.0/mlflow/users/permissions/revoke", **grant)
        remove_experiment(experiment)
    except Exception as error:
        left.append(f"experiment {name!r} in the trash ({_reason(error)})")
    return left


def _remove_abandoned(
    server: _Server, remove_experiment: Callable[[str], None], artifacts: Path | None
) -> None:
    """Remove what checks left whose process was killed."""
    query = {"filter": f"name LIKE '{NAME} %'", "view_type": "ALL", "max_results": 100}
    before = (time.time() - ABANDONED_SECONDS) * 1000
    for found in server.post("2.0/mlflow/experiments/search", **query).get("experiments", []):
        experiment, is_active = str(found["experiment_id"]), found["lifecycle_stage"] == "active"
        if int(found["creation_time"]) < before:  # not of another server on this store, at this moment
            artifact = f"{experiment}/{FILE}"
            _removed(server, experiment, "", artifact, remove_experiment, artifacts, is_active=is_active)


def _reason(error: Exception) -> str:
    if isinstance(error, _Refused):
        return str(error)
    found = translate(error)
    return f"{found.title}: {found.detail}" if found.detail else found.title
