"""A headless console for tests of concurrent consoles: reads requests and prints answers as JSON lines.

`plan` (model, version, stage) and `plan undo` make a plan; `apply` applies it and answers with the error
message, if any; `apply` with `halt` stops forever after that many writes, before verification. `transition`
makes the planned change with MLflow's own call instead. `register` (model, run) registers a version.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

from engine.errors import EngineError
from engine.registry.promotion import writes
from engine.registry.promotion.apply import PromotionPlan, apply_promotion, plan_promotion, plan_undo
from engine.registry.registration import plan_registration, register
from engine.stores import open_store
from engine.stores.mlflow.client import open_client
from engine.uri import TrackingUri


def main() -> None:
    raw = sys.argv[1]
    uri = TrackingUri(raw)
    store = open_store(uri)
    open_client(raw)
    plan: PromotionPlan | None = None
    answer(ready=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "plan":
            plan = plan_promotion(store, uri, request["model"], request["version"], stage=request["stage"])
            answer(changes=[str(change) for change in plan.changes])
            continue
        if request["do"] == "plan undo":
            plan = plan_undo(store, uri)
            answer(changes=[str(change) for change in plan.changes])
            continue
        if request["do"] == "register":
            registration = plan_registration(store, uri, request["model"], request["run"])
            answer(version=register(store, uri, registration).version.version)
            continue
        assert plan is not None
        if request["do"] == "transition":
            open_client(raw).transition_model_version_stage(
                plan.model, str(plan.candidate.version), plan.target, archive_existing_versions=True
            )
            answer(error="")
            continue
        if "halt" in request:
            halt_after(request["halt"])
        try:
            apply_promotion(store, uri, plan, reason=request.get("reason", ""))
            answer(error="")
        except EngineError as error:
            answer(error=str(error))


def halt_after(count: int) -> None:
    """Announce write number `count` and stop there until killed."""
    write, written = writes._write, 0

    def counted(*args: Any) -> None:
        nonlocal written
        write(*args)
        written += 1
        if written == count:
            answer(written=written)
            signal.pause()

    writes._write = counted


def answer(**values: object) -> None:
    print(json.dumps(values), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
