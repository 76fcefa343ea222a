"""The engine of mlflow-console: everything that touches MLflow, and no user interface.

What a user interface needs beside `engine.api.Engine` is named here and imported when it is
asked for: importing `engine` itself imports nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.journal import JournalEntry
    from engine.query import Filter, column_named, compile_filter
    from engine.registry.promotion import Change, PromotionPlan, PromotionResult
    from engine.runs.columns import Column, cell_text, columns_for, default_keys
    from engine.runs.compare import CompareRow, Comparison, Direction, direction_of
    from engine.runs.frame import ColumnKey, RunFrame, SortKey, sorted_rows
    from engine.runs.insights import BestRun
    from engine.runs.metrics import key_metrics
    from engine.serving.probe import ProbeResult
    from engine.tracking.lifecycle import LifecyclePlan, LifecycleResult
    from engine.training.datasets import DatasetSpec
    from engine.training.demo import DemoReport
    from engine.training.events import (
        SweepEvent,
        SweepFinished,
        SweepPreparing,
        SweepResult,
        SweepStarted,
        TrialFailed,
        TrialFinished,
        TrialKilled,
        TrialStarted,
    )
    from engine.training.sweep import (
        DEFAULT_GRID,
        Recipe,
        SweepSpec,
        experiment_for,
        grid_text,
        parse_grid,
        trials,
    )

_HOMES = {
    "engine.journal": ("JournalEntry",),
    "engine.query": ("Filter", "column_named", "compile_filter"),
    "engine.registry.promotion": ("Change", "PromotionPlan", "PromotionResult"),
    "engine.runs.columns": ("Column", "cell_text", "columns_for", "default_keys"),
    "engine.runs.compare": ("CompareRow", "Comparison", "Direction", "direction_of"),
    "engine.runs.frame": ("ColumnKey", "RunFrame", "SortKey", "sorted_rows"),
    "engine.runs.insights": ("BestRun",),
    "engine.runs.metrics": ("key_metrics",),
    "engine.serving.probe": ("ProbeResult",),
    "engine.tracking.lifecycle": ("LifecyclePlan", "LifecycleResult"),
    "engine.training.datasets": ("DatasetSpec",),
    "engine.training.demo": ("DemoReport",),
    "engine.training.events": (
        "SweepEvent",
        "SweepFinished",
        "SweepPreparing",
        "SweepResult",
        "SweepStarted",
        "TrialFailed",
        "TrialFinished",
        "TrialKilled",
        "TrialStarted",
    ),
    "engine.training.sweep": (
        "DEFAULT_GRID",
        "Recipe",
        "SweepSpec",
        "experiment_for",
        "grid_text",
        "parse_grid",
        "trials",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "DEFAULT_GRID",
    "BestRun",
    "Change",
    "Column",
    "ColumnKey",
    "CompareRow",
    "Comparison",
    "DatasetSpec",
    "DemoReport",
    "Direction",
    "Filter",
    "JournalEntry",
    "LifecyclePlan",
    "LifecycleResult",
    "ProbeResult",
    "PromotionPlan",
    "PromotionResult",
    "Recipe",
    "RunFrame",
    "SortKey",
    "SweepEvent",
    "SweepFinished",
    "SweepPreparing",
    "SweepResult",
    "SweepSpec",
    "SweepStarted",
    "TrialFailed",
    "TrialFinished",
    "TrialKilled",
    "TrialStarted",
    "cell_text",
    "column_named",
    "columns_for",
    "compile_filter",
    "default_keys",
    "direction_of",
    "experiment_for",
    "grid_text",
    "key_metrics",
    "parse_grid",
    "sorted_rows",
    "trials",
]


if not TYPE_CHECKING:  # a checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
