"""What the records of tracking servers tell: the command that starts one again, what a new one shares with
others, and what is lost with them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ServiceError
from engine.journal import read_journal
from engine.server import servers
from engine.server.options import ServerOptions, plan
from engine.server.records import ServerFacts
from engine.services.folder import Record, ServiceFolder
from engine.services.records import ServiceSpec

NOW = time.time_ns() // 1_000_000


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def register(options: ServerOptions, **facts: str) -> ServiceFolder:
    """Leave the record of a server that was started with these options, and stopped."""
    planned = plan(options)
    known = ServerFacts(
        planned.backend.shown,
        planned.shown_artifacts,
        "3.17.0",
        auth=options.auth,
        auth_database=planned.auth_database.shown if planned.auth_database else "",
        allowed_hosts=planned.allowed_hosts,
        workers=options.workers,
        jobs=options.jobs,
    )
    spec = ServiceSpec(options.name, "server", ("true",), extra=replace(known, **facts).to_json())
    folder = ServiceFolder.of(options.name)
    folder.path.mkdir(parents=True)
    folder.write_record(Record(spec, None, options.host, options.port, NOW, NOW, "stopped"))
    return folder


def notices(**options: str | bool) -> tuple[str, ...]:
    return servers.notices_of(plan(ServerOptions(**options)))  # type: ignore[arg-type]


def test_a_server_is_started_again_with_the_options_that_it_had(tmp_path: Path) -> None:
    register(ServerOptions())
    usual = ("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db")
    usual += ("--artifacts-destination", f"{tmp_path}/mlartifacts")
    assert servers.status("mlflow").start_words == ("mlflow-console", "server", "start", *usual)
    register(
        ServerOptions(
            "two", "0.0.0.0", 5001, str(tmp_path / "two.db"), "s3://bucket", ("ml.example",), True, workers=2
        )
    )
    words = servers.status("two").start_words[3:]
    assert words[:6:2] == ("--name", "--backend-store-uri", "--artifacts-destination")
    assert words[1:6:2] == ("two", f"sqlite:///{tmp_path}/two.db", "s3://bucket")
    assert words[6:11] == ("--host", "0.0.0.0", "--port", "5001", "--auth")
    assert words[11:] == ("--allowed-hosts", "ml.example", "--workers", "2")


def test_a_server_that_would_share_something_or_replace_another_says_so(tmp_path: Path) -> None:
    assert notices() == ()
    register(ServerOptions("one"))
    assert notices() == ()  # it does not run
    (shared,) = notices(backend_store_uri="two.db")
    assert (
        f"The server one, on sqlite:///{tmp_path}/mlflow.db, keeps its artifacts in the same place" in shared
    )
    assert notices(backend_store_uri="two.db", artifacts_destination="other") == ()

    register(ServerOptions("guarded", backend_store_uri="three.db", artifacts_destination="3", auth=True))
    told = notices(backend_store_uri="two.db", artifacts_destination="2", auth=True)
    accounts = f"has the same accounts: sqlite:///{tmp_path}/basic_auth.db."
    assert told == (f"The server guarded, on sqlite:///{tmp_path}/three.db, {accounts}",)

    (replaced,) = notices(name="one", backend_store_uri="two.db")
    again = f"mlflow-console server start --name one --backend-store-uri sqlite:///{tmp_path}/mlflow.db"
    assert f"one ran on sqlite:///{tmp_path}/mlflow.db before. To start it on that again: {again}" in replaced

    (tmp_path / "basic_auth.db").write_bytes(b"x")
    assert "--auth" in notices()[0]
    assert len(notices(auth=True)) == 1  # the same accounts


def test_the_only_copy_of_a_password_is_not_removed_with_its_server() -> None:
    folder = ServiceFolder.of("guarded")
    file = folder.path / "server" / "admin-password"
    register(ServerOptions("guarded", auth=True), password_file=str(file))
    file.parent.mkdir()
    file.write_text("s3cret\n")
    with pytest.raises(ServiceError, match="would be lost") as caught:
        servers.remove("guarded")
    assert str(file) in caught.value.hint
    file.unlink()
    servers.remove("guarded")
    assert not folder.path.exists()
    assert [(entry.action, entry.target, entry.outcome) for entry in read_journal()] == [
        ("server remove", "guarded", "done")
    ]
