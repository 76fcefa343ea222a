"""A console without a screen, for tests with two of them: reads orders, prints answers, both JSON lines.

`plan` (model, version, stage) plans; `apply` carries the plan out and tells the error's text or none;
`apply` with `halt` stays for ever where it has written that many changes and not read them back.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

from engine.errors import EngineError
from engine.registry.promotion import writes
from engine.registry.promotion.apply import PromotionPlan, apply_promotion, plan_promotion
from engine.stores import open_store
from engine.stores.mlflow.client import open_client
from engine.uri import TrackingUri


def main(raw: str) -> None:
    uri = TrackingUri(raw, "--tracking-uri")
    store = open_store(uri)
    open_client(raw)
    plan: PromotionPlan | None = None
    say(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "plan":
            plan = plan_promotion(store, uri, order["model"], order["version"], stage=order["stage"])
            say(changes=[str(change) for change in plan.changes])
            continue
        assert plan is not None
        if "halt" in order:
            halt_after(order["halt"])
        try:
            apply_promotion(store, uri, plan, reason=order.get("reason", ""))
            say(error="")
        except EngineError as error:
            say(error=str(error))


def halt_after(count: int) -> None:
    """Announce the `count`th write and stop there, until killed."""
    write, written = writes._write, 0

    def counted(*args: Any) -> None:
        nonlocal written
        write(*args)
        written += 1
        if written == count:
            say(written=written)
            signal.pause()

    writes._write = counted


def say(**answer: object) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
