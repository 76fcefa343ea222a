"""Every error that the engine raises on purpose.

EngineError
├── UsageError            the request itself makes no sense (exit status 2)
│   ├── FilterError       a filter that means nothing; knows the offending place
│   ├── GridError         a sweep grid that the estimator cannot take
│   └── UriError          a tracking URI that cannot be read
├── StoreError            the tracking store cannot answer
│   ├── StoreNotFound     there is no store at this place (yet)
│   ├── StoreUnreadable   it is there, but it is not an MLflow store
│   ├── StoreLocked       another process holds it
│   ├── StoreOutdated     its schema is older (or newer) than we can read
│   ├── StoreRefused      MLflow itself refused the request
│   ├── ServerUnreachable nobody answers at the address
│   ├── ServerTimeout     somebody is there, but does not answer in time
│   ├── ServerDenied      401 or 403
│   └── ServerFault       5xx, or an answer that is not MLflow's
├── NotFound              no such experiment, run, model, version
├── DatasetError          data that cannot be trained on
├── TrainingError         a sweep or a trial that failed
├── WriteError            a write that was refused or did not take; no journal can be kept of it
│   ├── PromotionError    a promotion, or taking one back
│   └── ReadOnly          writes are switched off
└── Cancelled             the operator stopped it
"""

from __future__ import annotations


class EngineError(Exception):
    """What went wrong (`title`), the facts (`detail`), and what to do (`hint`).

    All three are plain text and may quote the outside world: pass them through
    `engine.text.safe()` before they reach a screen.
    """

    exit_status = 1

    def __init__(self, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return " — ".join(part for part in (self.title, self.detail, self.hint) if part)


class UsageError(EngineError):
    exit_status = 2


class FilterError(UsageError):
    """A filter that means nothing.

    `position` is the offset of the offending token in the filter text, in
    characters; `length` is the token's length (0 at the end of the text).
    """

    def __init__(self, title: str, position: int, length: int = 0, hint: str = "") -> None:
        super().__init__(title, f"at character {position + 1}", hint)
        self.position = position
        self.length = length


class GridError(UsageError): ...


class UriError(UsageError): ...


class StoreError(EngineError): ...


class StoreNotFound(StoreError): ...


class StoreUnreadable(StoreError): ...


class StoreLocked(StoreError): ...


class StoreOutdated(StoreError): ...


class StoreRefused(StoreError): ...


class ServerUnreachable(StoreError): ...


class ServerTimeout(StoreError): ...


class ServerDenied(StoreError): ...


class ServerFault(StoreError): ...


class NotFound(EngineError): ...


class DatasetError(EngineError): ...


class TrainingError(EngineError): ...


class WriteError(EngineError): ...


class PromotionError(WriteError): ...


class ReadOnly(WriteError):
    def __init__(self, what: str, why: str) -> None:
        hint = "Start the console without --read-only to allow writes."
        super().__init__(f"{what} is disabled", why, hint)


class Cancelled(EngineError):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was cancelled")
