"""Commands that want a stage of a server without stages."""

from __future__ import annotations

from tests.conftest import MlflowServer
from tests.support.front import in_front_of
from tests.support.web import Answer
from tests.tui.cli.conftest import Run


def test_a_stage_is_refused_with_the_alias_as_the_hint(run: Run, mlflow_server: MlflowServer) -> None:
    with in_front_of(mlflow_server.uri) as front:
        front.answers["registered-models/get-latest-versions"] = Answer(404, b"<title>404 Not Found</title>")
        uri = ("--tracking-uri", front.uri)
        rows = run(*uri, "models").table
        assert rows[0][:3] == ["name", "versions", "aliases"]
        assert ["classifier", "3", "challenger→3, champion→2, fresh→3"] in [row[:3] for row in rows]
        assert run(*uri, "models", "classifier").table[2][:2] == ["version", "aliases"]
        promoted = run(*uri, "promote", "classifier", "3", "--stage", "Production", "--yes")
        assert promoted.status == 1
        assert "This server has no model stages" in promoted.err
        assert "`mlflow-console promote classifier 3 --alias champion`" in promoted.err
        special = mlflow_server.store.runs["special"]
        registered = run(*uri, "register", "classifier", "--run", special, "--to", "Staging", "--yes")
        assert registered.status == 1
        assert "Nothing was registered. Use `--alias champion`" in registered.err
        assert not any(request.startswith("POST") and "create" in request for request in front.requests)
