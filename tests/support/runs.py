"""Builds runs in one line, for tests that need no store."""

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
    """A run in experiment `1`; `seconds` is None for a run that has not ended."""
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


def canonical(run: Run) -> str:
    """A run as text, the same for equal runs: NaN equals NaN, and the order of names does not matter."""
    ordered = {kind: dict(sorted(getattr(run, kind).items())) for kind in ("params", "metrics", "tags")}
    return repr(replace(run, **ordered))
