"""The same transaction through a real `mlflow server`, including one that is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import PromotionError, StoreError
from engine.journal import read_journal
from engine.registry.promotion.apply import apply_promotion, plan_promotion, undo_last
from tests.support.registry import Console, InterferingStore, Registry
from tests.support.server import Server


def test_promotions_and_undos_work_over_http(remote: Registry, capfd: pytest.CaptureFixture[str]) -> None:
    model = remote.model("remote", ["Production", "None"], aliases={"champion": 1})
    capfd.readouterr()
    for target in ({"stage": "production"}, {"alias": "champion"}, {"alias": "fresh"}):
        plan = plan_promotion(remote.store, remote.uri, model, 2, **target)  # type: ignore[arg-type]
        result = apply_promotion(remote.store, remote.uri, plan)
        assert result.verified
        assert result.notes == ()
    assert remote.stages(model) == {2: "Production", 1: "Archived"}
    assert remote.aliases(model) == {"champion": 2, "fresh": 2}
    assert remote.tags(model, 2)["mlflow_console.reason"] == ""

    for _ in range(3):
        undo_last(remote.store, remote.uri)
    assert remote.stages(model) == {2: "None", 1: "Production"}
    assert remote.aliases(model) == {"champion": 1}
    assert capfd.readouterr() == ("", "")
    assert {entry.server for entry in read_journal()} == {remote.uri.shown}


def test_a_conflict_over_http_writes_nothing(remote: Registry, registry: Registry) -> None:
    model = remote.model("remote conflict", ["Production", "None", "None"])
    plan = plan_promotion(remote.store, remote.uri, model, 2, stage="Production")
    registry.transition(model, 3, "Production")
    with pytest.raises(PromotionError, match="Production: version 1 when planned, versions 1, 3 now"):
        apply_promotion(remote.store, remote.uri, plan)
    assert remote.stages(model) == {3: "Production", 2: "None", 1: "Production"}


def test_a_separate_process_prints_nothing(remote: Registry, tmp_path: Path) -> None:
    """MLflow's warnings stay silent where no test runner captures them."""
    model = remote.model("remote quiet", ["Production", "None"])
    with Console(remote.uri, tmp_path) as console:
        assert console.receive() == {"ready": True}
        console.send(do="plan", model=model, version=2, stage="Production")
        console.receive()
        console.send(do="apply", reason="quietly")
        assert console.receive() == {"error": ""}
        assert console.finish() == ("", "")
    assert remote.stages(model) == {2: "Production", 1: "Archived"}


def test_a_killed_server_leaves_the_outcome_open(
    remote: Registry, registry: Registry, server: Server
) -> None:
    """The last test here: it kills the server between the second read and the first write."""
    model = remote.model("remote death", ["Production", "None"])
    plan = plan_promotion(remote.store, remote.uri, model, 2, stage="Production")

    class KillsServerOnSecondRead(InterferingStore):
        def model_versions(self, name: str):  # type: ignore[no-untyped-def]
            answer = super().model_versions(name)
            if self._reads == 2:
                server.kill()
            return answer

    with pytest.raises(PromotionError) as caught:
        apply_promotion(KillsServerOnSecondRead(remote.store, {}), remote.uri, plan)  # type: ignore[arg-type]
    assert "Promotion outcome unknown" in caught.value.title
    assert "Cannot connect to" in caught.value.detail
    assert read_journal(1)[0].outcome == "intended"
    assert registry.stages(model) == {2: "None", 1: "Production"}
    with pytest.raises(StoreError):
        undo_last(remote.store, remote.uri)
