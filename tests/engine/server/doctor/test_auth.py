"""A server with basic-auth: who signs in, what the account may do, and the database of its users."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.api import Engine, Subject as Edited, Wanted
from engine.errors import ServerDenied
from engine.registry.registration import RUN_TAG
from engine.server.doctor import connection
from engine.server.doctor.findings import Notes
from engine.server.doctor.subject import Subject
from engine.uri import TrackingUri
from tests.conftest import MlflowStore
from tests.engine.server.doctor.support import CLEAN, LIMITS, execute, finding, report_on
from tests.support.server import serving
from tests.support.warm import Warm

pytestmark = pytest.mark.slow

ADMIN, READER = "s3cret-of-the-admin", "s3cret-of-the-reader"


@dataclass(frozen=True)
class Guarded:
    """A server with basic-auth, and the database of its users."""

    uri: str
    users: Path


@pytest.fixture(scope="module")
def guarded(
    mlflow_store: MlflowStore, warm_writer: Warm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    store = folder / "mlflow.db"
    shutil.copyfile(mlflow_store.path, store)
    execute(store, *CLEAN)
    variables = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "k" * 32, "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN}
    options = ("--app-name", "basic-auth")
    with serving(
        f"sqlite:///{store}", folder, warm=warm_writer, options=options, variables=variables
    ) as server:
        body = json.dumps({"username": "reader", "password": READER}).encode()
        login = base64.b64encode(f"admin:{ADMIN}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        address = f"{server.uri.raw}/api/2.0/mlflow/users/create"
        urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=60).close()
        yield Guarded(server.uri.raw, folder / "basic_auth.db")


def as_user(monkeypatch: pytest.MonkeyPatch, user: str, password: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)


def signed_in(guarded: Guarded, monkeypatch: pytest.MonkeyPatch, user: str, password: str) -> list[str]:
    """The facts about the connection, and the names of findings, for an account."""
    as_user(monkeypatch, user, password)
    notes = Notes("connection", [])
    connection.examine(Subject(TrackingUri(guarded.uri), "a test", LIMITS), notes)
    group = notes.group()
    assert password not in str(group)
    return [*group.facts, *(found.name for found in group.findings)]


def test_the_account_is_named_with_what_it_may_do(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "requires authentication" in finding(report_on(guarded.uri), "login-required").title
    assert "signed in as admin, an administrator" in signed_in(guarded, monkeypatch, "admin", ADMIN)
    told = signed_in(guarded, monkeypatch, "reader", READER)
    assert {"signed in as reader", "account-reads-only"} <= set(told)
    assert "login-required" in signed_in(guarded, monkeypatch, "reader", "not-this-password")


def test_the_users_of_the_server_are_looked_at_beside_the_store(guarded: Guarded) -> None:
    store = TrackingUri(f"sqlite:///{guarded.users.parent / 'mlflow.db'}")
    guarded.users.chmod(0o644)
    told = finding(report_on(store), "passwords-readable")
    assert "and 2 users" in told.evidence
    guarded.users.chmod(0o600)
    assert report_on(store).findings == ()


def test_an_account_that_may_only_read_is_told_so_and_leaves_nothing_half_written(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = TrackingUri(guarded.uri)

    def state(engine: Engine) -> object:
        models = {model.name: engine.models.versions(model.name) for model in engine.models.registered()}
        runs = engine.runs.feed(engine.runs.experiment("heart").experiment_id).load()
        return engine.runs.experiments(), models, [runs.run(row).tags for row in range(len(runs))]

    as_user(monkeypatch, "admin", ADMIN)
    with Engine(uri) as engine:
        before = state(engine)
    as_user(monkeypatch, "reader", READER)
    with Engine(uri) as engine:
        promotion = engine.models.plan_promotion("classifier", 1, stage="Staging")
        with pytest.raises(ServerDenied, match="denied access"):
            engine.models.promote(promotion)
        edit = engine.edits.plan([Edited("version", "classifier/1")], Wanted(tags={"a": "b"}))
        result = engine.edits.apply(edit)
        assert [type(error) for _, error in result.failed] == [ServerDenied]
        for write in (
            lambda: engine.models.request("classifier", 1, "Staging"),
            lambda: engine.models.set_policy("classifier", '[[policy]]\ntarget = "Staging"'),
            lambda: engine.models.remove(engine.models.plan_removal("classifier", 1)),
            lambda: engine.experiments.apply(engine.experiments.plan_delete(engine.runs.experiment("heart"))),
        ):
            with pytest.raises(ServerDenied):
                write()
        assert {entry.outcome for entry in engine.journal.entries()} == {"failed"}
    as_user(monkeypatch, "admin", ADMIN)
    with Engine(uri) as engine:
        assert state(engine) == before


def test_who_may_not_change_the_run_can_register_its_model_all_the_same(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user(monkeypatch, "reader", READER)
    with Engine(TrackingUri(guarded.uri)) as engine:
        runs = engine.runs.feed(engine.runs.experiment("heart").experiment_id).load()
        run_id = next(run_id for run_id in runs.run_ids if len(engine.runs.detail(run_id).models) == 1)
        registered = engine.models.register(engine.models.plan_registration("of the reader", run_id))
        version = registered.version
        assert (version.status, version.run_id) == ("READY", run_id)
        assert RUN_TAG not in engine.runs.detail(run_id).run.tags
        entry = engine.journal.entries(1)[0]
        assert entry.outcome == "done"
        assert registered.note.startswith("The source run could not be tagged")
        assert (registered.entry_id, registered.note) == (entry.entry_id, entry.detail)
        assert engine.models.discard_registration(entry) == "Removed version 1, model of the reader"
