"""What the console hands over to the process of a server, and what that process answers: two files in the
service's folder, readable only by their owner, because one holds passwords."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.files import replacing
from engine.server.write_check import Checked

FOLDER = "server"
_SETTINGS, _ANSWER = "settings.json", "answer.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """`arguments` and `environment` are those of `mlflow server`. `address` is where the process reaches
    itself; `artifacts` the folder with the artifacts, empty if they are elsewhere. The process checks that
    writing works if `check` is set and it has not answered yet. `password` is the administrator's, empty
    without accounts."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    address: str
    artifacts: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    one_process: bool = True
    check: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """Either why the server cannot start (`title`, `detail`, `hint`), or what the check found."""

    title: str = ""
    detail: str = ""
    hint: str = ""
    checked: Checked | None = None

    @classmethod
    def failed(cls, error: EngineError) -> Answer:
        return cls(error.title, error.detail, error.hint)


def write_settings(folder: Path, settings: Settings) -> None:
    """Write the settings to a service's folder, and forget an earlier answer. Raises `OSError`."""
    _write(folder / FOLDER / _SETTINGS, asdict(settings))
    (folder / FOLDER / _ANSWER).unlink(missing_ok=True)


def read_settings(folder: Path) -> Settings:
    """Raises `OSError` and `ValueError`."""
    values = json.loads((folder / FOLDER / _SETTINGS).read_bytes())
    return Settings(**values | {"arguments": tuple(values["arguments"])})


def write_answer(folder: Path, answer: Answer) -> None:
    """Raises `OSError`."""
    _write(folder / FOLDER / _ANSWER, asdict(answer))


def read_answer(folder: Path) -> Answer | None:
    """None if the process has not answered yet."""
    try:
        values = json.loads((folder / FOLDER / _ANSWER).read_bytes())
    except (OSError, ValueError):
        return None
    checked = values.pop("checked")
    left = tuple(checked.pop("left")) if checked else ()
    return Answer(**values, checked=Checked(**checked, left=left) if checked else None)


def _write(path: Path, values: Mapping[str, Any]) -> None:
    with replacing(path, private=True) as file:
        file.write(json.dumps(values).encode())
