"""Paths of the console's own files, which are never inside the tracking store."""

from __future__ import annotations

import os
from pathlib import Path


def state_dir() -> Path:
    """For the last view, the journal and the log: `$XDG_STATE_HOME/mlflow-console`."""
    given = os.environ.get("XDG_STATE_HOME", "")
    root = Path(given) if given.startswith("/") else Path.home() / ".local/state"
    return root / "mlflow-console"


def config_dir() -> Path:
    """For files that users may edit by hand: `$XDG_CONFIG_HOME/mlflow-console`."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    root = Path(given) if given.startswith("/") else Path.home() / ".config"
    return root / "mlflow-console"


def views_file() -> Path:
    """Saved views of runs."""
    return config_dir() / "views.toml"


def seen_folder() -> Path:
    """What this account has seen of the stages and aliases of models."""
    return state_dir() / "seen"


def policy_file() -> Path:
    """What must hold before a version may be promoted."""
    return config_dir() / "policy.toml"


def log_file() -> Path:
    return state_dir() / "console.log"


def journal_file() -> Path:
    return state_dir() / "journal.jsonl"


def version_tests_file() -> Path:
    """The outcomes of tests of model versions."""
    return state_dir() / "model_tests.jsonl"


def store_creation_lock() -> Path:
    """Held by the process that creates the tables of a tracking store."""
    return state_dir() / "store-creation.lock"


def filter_history_file() -> Path:
    return state_dir() / "filters.jsonl"


def heart_csv() -> Path:
    """The built-in heart-disease dataset."""
    return Path(__file__).parent / "data" / "heart.csv"
