"""The engine of mlflow-console: everything that touches MLflow, and no user interface.

What a user interface needs beside `engine.api.Engine` is named here and imported when it is
asked for: importing `engine` itself imports nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.evidence.best import BestRun
    from engine.filters.compiler import Filter, compile_filter
    from engine.filters.names import column_named
    from engine.journal import JournalEntry
    from engine.registry.promotion.apply import Change, PromotionPlan, PromotionResult
    from engine.registry.smoke_test import ProbeResult
    from engine.run_lifecycle.apply import LifecyclePlan, LifecycleResult
    from engine.runs.compare import CompareRow, Comparison, Direction, direction_of
    from engine.runs.frame import ColumnKey, RunFrame, SortKey, sorted_rows
    from engine.runs.metrics import key_metrics
    from engine.runs.table_columns import Column, cell_text, columns_for, default_keys
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
    "engine.filters.compiler": ("Filter", "compile_filter"),
    "engine.filters.names": ("column_named",),
    "engine.registry.promotion.apply": ("Change", "PromotionPlan", "PromotionResult"),
    "engine.runs.table_columns": ("Column", "cell_text", "columns_for", "default_keys"),
    "engine.runs.compare": ("CompareRow", "Comparison", "Direction", "direction_of"),
    "engine.runs.frame": ("ColumnKey", "RunFrame", "SortKey", "sorted_rows"),
    "engine.evidence.best": ("BestRun",),
    "engine.runs.metrics": ("key_metrics",),
    "engine.registry.smoke_test": ("ProbeResult",),
    "engine.run_lifecycle.apply": ("LifecyclePlan", "LifecycleResult"),
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
