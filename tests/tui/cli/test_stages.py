"""Commands that want a stage of a server without stages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.api import Engine
from tests.conftest import MlflowServer, MlflowStore
from tests.support.front import in_front_of
from tests.support.web import Answer
from tests.tui.cli.conftest import Run
from tui.cli.output import Output
from tui.cli.promote import show_result


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


def test_what_is_shown_of_a_version_leaves_stages_out(
    run: Run,
    mlflow_server: MlflowServer,
    mlflow_store_copy: MlflowStore,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with in_front_of(mlflow_server.uri) as front:
        front.answers["registered-models/get-latest-versions"] = Answer(404, b"<title>404 Not Found</title>")
        uri = ("--tracking-uri", front.uri)
        for command in ("lineage", "classifier", "3"), ("compare", "--model", "classifier", "2", "3"):
            described = run(*uri, *command)
            assert "alias" in described.out
            assert "stage" not in described.out.lower()
    with Engine(mlflow_store_copy.tracking) as engine:
        plan = engine.models.plan_promotion("classifier", 3, alias="best")
        result = engine.models.promote(replace(plan, has_stages=False))
    show_result(Output(), result)
    shown = capsys.readouterr().out
    assert "best, " in shown
    assert "stage" not in shown.lower()
    assert "Production" not in shown
