"""Deleting a version or a model: what is lost, and the name typed to confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content

from engine.text import safe
from tui.dialogs.form import FormDialog
from tui.dialogs.text import DialogText
from tui.dialogs.work import WorkDialog
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import RemovalPlan, RemovalResult
    from engine.jobs import CancelToken, OnProgress


class RemovalDialog(FormDialog[str]):
    """Dismissed with the reason once the name was typed. Deletes nothing itself."""

    subtitle_text = "tab next field · enter on Delete deletes · esc cancel"
    yes: ClassVar[str] = "Delete"

    def __init__(self, plan: RemovalPlan) -> None:
        super().__init__()
        what = "the model" if plan.is_whole else "version"
        self.title_text = f"Delete {what} {plan.name}? · {plan.server}"
        self._plan = plan

    def compose_fields(self) -> ComposeResult:
        yield DialogText(list(self._lost()))
        yield from self.text_row("confirm", "to confirm", "", f"type {safe(self._plan.name)}")
        yield from self.text_row("reason", "reason", "", "recorded in the journal")

    def _lost(self) -> Iterable[Content]:
        for text in self._plan.lost:
            yield Content.styled(safe(f"! {text}", 400), "$warning")
        yield Content("MLflow cannot restore it. The run and its logged model stay.")

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    def submit(self) -> None:
        if self.text("confirm") == self._plan.name:
            self.dismiss(self.text("reason"))
        else:
            self.show_message(f"Type {self._plan.name} to confirm.", is_error=True)
            self.query_one("#confirm").focus()


class Removal:
    """Plans a deletion, has it confirmed, deletes and reports. Calls `changed` afterwards."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed

    def start(self, model: str, version: int | None) -> None:
        """Delete a version, or without one the model."""
        work = partial(self._screen.engine.models.plan_removal, model, version)
        failed = self._screen.session.show_error
        self._screen.ask(work, self._confirm, group="removal", failed=failed, opens=True)

    def _confirm(self, plan: RemovalPlan) -> None:
        def remove(reason: str | None) -> None:
            if reason is not None:
                self._remove(plan, reason)

        self._screen.app.push_screen(RemovalDialog(plan), remove)

    def _remove(self, plan: RemovalPlan, reason: str) -> None:
        screen = self._screen

        def work(_progress: OnProgress, _cancel: CancelToken) -> RemovalResult:
            return screen.engine.models.remove(plan, reason=reason)

        def report(result: RemovalResult | None) -> None:
            self._changed()
            if result is not None:
                screen.session.say(f"Deleted {plan.name}")

        title = f"Delete {plan.name} · {plan.server}"
        dialog: WorkDialog[RemovalResult] = WorkDialog(
            screen.session.bridge, title, work, _notes, can_stop=False
        )
        screen.app.push_screen(dialog, report)


def _notes(result: RemovalResult) -> list[Content]:
    return [Content(safe(note, 400)) for note in result.notes]
