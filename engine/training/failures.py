"""Errors on their way from one process to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from engine import errors
from engine.errors import EngineError


@dataclass(frozen=True, slots=True)
class Failure:
    """An `EngineError` as plain text: its class and what it says."""

    kind: str
    title: str
    detail: str
    hint: str
    setting: str = ""

    @classmethod
    def of(cls, error: EngineError) -> Failure:
        return cls(type(error).__name__, error.title, error.detail, error.hint, error.setting)

    @classmethod
    def from_json(cls, fields: Mapping[str, str]) -> Failure:
        return cls(**fields)

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    def error(self) -> EngineError:
        """The error again; one of a class that `engine.errors` does not have becomes an `EngineError`."""
        kind = getattr(errors, self.kind, EngineError)
        error: EngineError = kind.__new__(kind)
        EngineError.__init__(error, self.title, self.detail, self.hint, setting=self.setting)
        return error
