"""Where the console keeps its own files (never inside the tracking store)."""

from __future__ import annotations

import os
from pathlib import Path


def _base(variable: str, fallback: str) -> Path:
    given = os.environ.get(variable, "")
    root = Path(given) if given.startswith("/") else Path.home() / fallback
    return root / "mlflow-console"


def state_dir() -> Path:
    """What was viewed last, the journal, the log: `$XDG_STATE_HOME/mlflow-console`."""
    return _base("XDG_STATE_HOME", ".local/state")


def config_dir() -> Path:
    """Settings: `$XDG_CONFIG_HOME/mlflow-console`."""
    return _base("XDG_CONFIG_HOME", ".config")


def log_file() -> Path:
    return state_dir() / "console.log"


def journal_file() -> Path:
    return state_dir() / "journal.jsonl"


def heart_csv() -> Path:
    """The embedded data set."""
    return Path(__file__).parent / "data" / "heart.csv"
