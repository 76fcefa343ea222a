"""A server without stages: detected before anything is written, and aliases are offered instead."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from engine.errors import ServerFault, StagesUnsupported, StoreRefused
from engine.journal import read_journal
from engine.registry.promotion.apply import apply_promotion, plan_promotion
from engine.stores import open_store
from engine.stores.stages import StageSupport, stages_unsupported
from engine.uri import TrackingUri
from tests.support.front import Front, in_front_of
from tests.support.registry import Registry
from tests.support.web import Answer

LATEST, TRANSITION = "registered-models/get-latest-versions", "model-versions/transition-stage"
NOT_FOUND = Answer(404, b"<!doctype html><title>404 Not Found</title>")


def refusal(message: str, code: str = "INVALID_PARAMETER_VALUE", status: int = 400) -> Answer:
    return Answer(status, json.dumps({"error_code": code, "message": message}).encode())


@pytest.fixture
def front(remote: Registry) -> Iterator[Front]:
    with in_front_of(remote.uri.raw) as front:
        yield front


ANSWERS = {
    "page not found": NOT_FOUND,
    "no endpoint": refusal("No such endpoint", "ENDPOINT_NOT_FOUND", 404),
    "not implemented": Answer(501, b"Not Implemented"),
    "Unity Catalog": refusal("Method 'get_latest_versions' is unsupported for models in the Unity Catalog."),
    "disabled": refusal("Model stages are no longer supported by this server.", "FEATURE_DISABLED"),
}


def test_a_stage_is_refused_before_anything_is_written_and_an_alias_works(
    remote: Registry, front: Front
) -> None:
    uri = TrackingUri(front.uri)
    model = remote.model("no stages", ["None", "None"])
    for name, answer in ANSWERS.items():
        front.answers[LATEST] = front.answers[TRANSITION] = answer
        store = open_store(uri)
        with pytest.raises(StagesUnsupported) as caught:
            plan_promotion(store, uri, model, 2, stage="Production")
        assert caught.value.title == "This server has no model stages", name
        assert "promote 'no stages' 2 --alias champion" in caught.value.hint
    assert not any("transition-stage" in request for request in front.requests)
    result = apply_promotion(store, uri, plan_promotion(store, uri, model, 2, alias="champion"))
    assert result.verified
    assert remote.aliases(model) == {"champion": 2}
    store.close()


def test_a_server_that_refuses_only_the_transition_is_believed_from_then_on(
    remote: Registry, front: Front
) -> None:
    front.answers[TRANSITION] = NOT_FOUND
    uri = TrackingUri(front.uri)
    store = open_store(uri)
    model = remote.model("refused transition", ["None"])
    plan = plan_promotion(store, uri, model, 1, stage="Production")
    with pytest.raises(StagesUnsupported):
        apply_promotion(store, uri, plan)
    assert remote.stages(model) == {1: "None"}
    assert read_journal(1)[0].outcome == "failed"
    with pytest.raises(StagesUnsupported, match="no model stages"):
        plan_promotion(store, uri, model, 1, stage="Production")
    store.close()


def test_a_failing_server_is_not_taken_for_one_without_stages() -> None:
    def fail(_: str) -> None:
        raise ServerFault("The server failed", "HTTP 500: no answer")

    support = StageSupport(fail)
    assert support.problem("churn") is None
    assert stages_unsupported(StoreRefused("MLflow refused the request", "Invalid stage: Prod")) is None
