"""Runs made up in a line, for tests that need no store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.entities import Run, Status

START = 1_760_000_000_000
SECOND = 1000


def a_run(
    run_id: str,
    *,
    name: str = "",
    status: Status = "FINISHED",
    start: int | None = START,
    seconds: float | None = 1,
    user: str = "ada",
    params: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Run:
    """A run of experiment `1`; `seconds` is None while it has not ended."""
    end = None if start is None or seconds is None else start + int(seconds * SECOND)
    return Run(
        run_id=run_id,
        run_name=name,
        experiment_id="1",
        status=status,
        start_time=start,
        end_time=end,
        user_id=user,
        artifact_uri=f"mlflow-artifacts:/1/{run_id}/artifacts",
        params=params or {},
        metrics=metrics or {},
        tags=tags or {},
    )


def told(run: Run) -> str:
    """A run in words, the same for equal runs: NaN is NaN, and names have an order."""
    in_order = {kind: dict(sorted(getattr(run, kind).items())) for kind in ("params", "metrics", "tags")}
    return repr(replace(run, **in_order))
