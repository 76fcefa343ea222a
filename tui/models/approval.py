"""Requesting the promotion of a version, and approving or rejecting what was requested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.content import Content

from engine.api import decision_of, request_of
from engine.entities import ModelVersion
from engine.formats import moment
from engine.text import safe, safe_lines
from tui.dialogs.form import FormDialog
from tui.dialogs.text import DialogText
from tui.screen import ConsoleScreen

CONVENTION = "A convention among consoles, by tags of the version: MLflow itself enforces nothing."
ANSWERS = (("", "choose …"), ("approve", "approve"), ("reject", "reject"))


def is_waiting(version: ModelVersion) -> bool:
    """Whether a promotion was requested, and nobody has answered."""
    return request_of(version) is not None and decision_of(version) is None


@dataclass(frozen=True, slots=True)
class Asked:
    """A promotion to ask for: to a stage, or to an alias as `@ALIAS`."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request."""

    action: Literal["approve", "reject"]
    reason: str


class RequestDialog(FormDialog[Asked]):
    """Dismissed with what to ask for."""

    subtitle_text = "tab next field · enter on Request asks for it · esc cancel"
    yes: ClassVar[str] = "Request"

    def __init__(self, version: ModelVersion, server: str, *, target: str = "") -> None:
        super().__init__()
        self.title_text = f"Request a promotion of {version.name} {version.version} · {server}"
        self._version = version
        self._target = target

    def compose_fields(self) -> ComposeResult:
        yield from self.text_row(
            "target", "to", self._target, "Production, Staging, or an alias as @champion"
        )
        yield from self.text_row("reason", "reason", "", "others see it")

    def on_mount(self) -> None:
        self.query_one("#target").focus()
        before = request_of(self._version)
        if before is not None and decision_of(self._version) is not None:
            self.show_message(f"Replaces the request for {before.target}, {decision_of(self._version)}.")
        else:
            self.show_message(CONVENTION)

    def submit(self) -> None:
        if target := self.text("target"):
            self.dismiss(Asked(target, self.text("reason")))
        else:
            self.show_message("Type a stage, or an alias as @ALIAS.", is_error=True)


class AnswerDialog(FormDialog[Answered]):
    """Dismissed with the answer to the request that waits on a version."""

    subtitle_text = "tab next field · enter on Answer records it · esc cancel"
    yes: ClassVar[str] = "Answer"

    def __init__(self, version: ModelVersion, server: str, *, action: str = "") -> None:
        """`action` is suggested: approve or reject."""
        super().__init__()
        asked = request_of(version)
        target = asked.target if asked is not None else ""
        self.title_text = f"Promotion of {version.name} {version.version} → {target} · {server}"
        self._version = version
        self._action = action

    def compose_fields(self) -> ComposeResult:
        if (asked := request_of(self._version)) is not None:
            yield DialogText(
                [
                    Content(safe(f"Requested by {asked.by} on {moment(asked.at)}")),
                    *(Content(line) for line in safe_lines(asked.reason)),
                ]
            )
        yield from self.select_row("answer", "answer", sorted(ANSWERS, key=lambda a: a[0] != self._action))
        yield from self.text_row("reason", "reason", "", "others see it")

    def on_mount(self) -> None:
        self.query_one("#answer").focus()
        self.show_message(CONVENTION)

    def submit(self) -> None:
        reason = self.text("reason")
        match self.chosen("answer"):
            case "approve":
                self.dismiss(Answered("approve", reason))
            case "reject" if not reason.strip():
                self.query_one("#reason").focus()
                self.show_message("Say why you reject it.", is_error=True)
            case "reject":
                self.dismiss(Answered("reject", reason))
            case _:
                self.show_message("Choose whether to approve or reject it.", is_error=True)


class Approval:
    """Asks for a request or an answer and writes it. Calls `changed` with the name of the model."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[str], None]) -> None:
        self._screen = screen
        self._changed = changed

    def request(self, version: ModelVersion, target: str = "") -> None:
        """Request a promotion; `target` is suggested."""
        engine = self._screen.engine

        def write(asked: Asked | None) -> None:
            if asked is not None:
                name, number = version.name, version.version
                work = partial(engine.models.request, name, number, asked.target, reason=asked.reason)
                self._record(work, f"Requested: {name} {number} → {asked.target}")

        self._screen.app.push_screen(RequestDialog(version, engine.uri.shown, target=target), write)

    def answer(self, version: ModelVersion, action: str = "") -> None:
        """Answer the request that waits on a version; `action` is suggested: approve or reject."""
        engine = self._screen.engine
        name, number = version.name, version.version
        if not is_waiting(version):
            self._screen.session.say(f"No request waits on {name} {number}.", warning=True)
            return

        def write(answered: Answered | None) -> None:
            if answered is not None:
                approved = answered.action == "approve"
                work = partial(engine.models.decide, name, number, approved=approved, reason=answered.reason)
                said = "Approved: P promotes it" if approved else "Rejected"
                self._record(work, f"{said} ({name} {number})")

        self._screen.app.push_screen(AnswerDialog(version, engine.uri.shown, action=action), write)

    def _record(self, work: Callable[[], ModelVersion], said: str) -> None:
        def show(version: ModelVersion) -> None:
            self._changed(version.name)
            self._screen.session.say(said)

        self._screen.ask(work, show, group="approval", failed=self._screen.session.show_error)
