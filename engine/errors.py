"""Every error the engine raises deliberately.

EngineError
├── UsageError            the request itself is invalid (exit status 2)
│   ├── FilterError       an invalid filter; has the position of the offending token
│   ├── GridError         a sweep grid the estimator does not accept
│   └── UriError          an invalid tracking URI
├── StoreError            the tracking store failed
│   ├── StoreNotFound     no store at this location (yet)
│   ├── StoreUnreadable   exists, but is not an MLflow store
│   ├── StoreLocked       locked by another process
│   ├── StoreOutdated     schema older (or newer) than supported
│   ├── StoreRefused      MLflow rejected the request
│   ├── ServerUnreachable nothing answers at the address
│   ├── ServerTimeout     connected, but no answer in time
│   ├── ServerDenied      401 or 403
│   └── ServerFault       5xx, or a response that is not MLflow's
├── NotFound              no such experiment, run, model, version
├── DatasetError          data unsuitable for training
├── TrainingError         a sweep or a trial that failed
├── ServiceError          a deployment or server that cannot be started, changed or stopped
├── ModelFailure          a model that cannot be read or loaded, or cannot predict
├── UntrustedModel        loading the model may run code that came with it
├── WriteError            a write was refused or not applied, or cannot be journalled
│   ├── PromotionError    promoting, or undoing a promotion
│   └── ReadOnly          writes are disabled
└── Cancelled             stopped by the operator
"""

from __future__ import annotations


class EngineError(Exception):
    """What went wrong (`title`), the facts (`detail`), and what to do (`hint`).

    All three are plain text and may contain untrusted text: pass them through
    `engine.text.safe()` before they reach a screen. `setting` is the setting of a sweep that
    the error is about, if it is about one: `split.folds`, `curves[1]`, `models[0].C`.
    """

    exit_status = 1

    def __init__(self, title: str, detail: str = "", hint: str = "", *, setting: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.hint = hint
        self.setting = setting

    def __str__(self) -> str:
        return " — ".join(part for part in (self.title, self.detail, self.hint) if part)


class UsageError(EngineError):
    exit_status = 2


class FilterError(UsageError):
    """An invalid filter.

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


class StagesUnsupported(StoreRefused):
    """The registry has no stages; aliases do what they did."""


class ServerUnreachable(StoreError): ...


class ServerTimeout(StoreError): ...


class ServerDenied(StoreError): ...


class ServerFault(StoreError): ...


class NotFound(EngineError): ...


class PromptFound(NotFound):
    """The name is that of a prompt, which is not a registered model."""


class DatasetError(EngineError):
    """Data unsuitable for training; of the settings of a sweep, its file unless another one is given."""

    def __init__(self, title: str, detail: str = "", hint: str = "", *, setting: str = "data.path") -> None:
        super().__init__(title, detail, hint, setting=setting)


class TrainingError(EngineError): ...


class ServiceError(EngineError): ...


class WriteError(EngineError): ...


class PromotionError(WriteError): ...


class GateError(PromotionError):
    """A policy does not allow the promotion."""

    exit_status = 3


class Conflict(PromotionError):
    """Someone else changed the registry at the same time."""

    exit_status = 4


class ModelFailure(EngineError): ...


class UntrustedModel(EngineError):
    """Loading the model may run code that came with it. `owner` names whose code that is (`ana's run knn-7`),
    which a question for permission has to show; untrusted text."""

    def __init__(self, title: str, detail: str = "", hint: str = "", owner: str = "") -> None:
        super().__init__(title, detail, hint)
        self.owner = owner


class ReadOnly(WriteError):
    def __init__(self, what: str, why: str) -> None:
        hint = "Start the console without --read-only to allow writes."
        super().__init__(f"{what} is disabled", why, hint)


class Cancelled(EngineError):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was cancelled")


REFUSALS = (NotFound, ServerDenied, StoreRefused)
"""Errors that concern one request, which has changed nothing; the next one may succeed."""
