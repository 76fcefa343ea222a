"""Promoting a version, and undoing the last promotion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from engine.errors import EngineError
from engine.text import safe
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import PromotionPlan, SmokeTestResult
    from tui.models.promote_dialog import Promotion

SmokeTests = Mapping[tuple[str, int], "SmokeTestResult | EngineError"]


class Promoting:
    """Opens the dialogs and applies what was confirmed. Calls `changed` after a write."""

    def __init__(self, screen: ConsoleScreen, smoke_tests: SmokeTests, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._smoke_tests = smoke_tests
        self._changed = changed

    def open(self, model: str, version: int, target: str = "") -> None:
        """Open the promotion dialog; `target` is suggested."""
        from tui.models.promote_dialog import PromoteDialog

        def write(promotion: Promotion | None) -> None:
            if promotion is not None:
                self._write(promotion.plan, promotion.reason, dialog.target.activity, promotion.force)

        screen = self._screen
        smoke_test = self._smoke_tests.get((model, version))
        dialog = PromoteDialog(
            screen.engine, screen.session.bridge, model, version, target=target, smoke_test=smoke_test
        )
        screen.app.push_screen(dialog, write)

    def undo(self) -> None:
        """Plan to undo this store's last promotion, and ask."""
        screen = self._screen
        failed = screen.session.show_error
        screen.ask(
            screen.engine.models.plan_undo, self._confirm_undo, group="undo", failed=failed, opens=True
        )

    def _confirm_undo(self, plan: PromotionPlan) -> None:
        from tui.dialogs.confirm import ConfirmDialog
        from tui.models.plan_view import change_text

        if not self._screen.is_current:
            return
        lines = [Content(f"Undo the last promotion of {safe(plan.model)}:")]
        lines += [Content.assemble("  ", change_text(change)) for change in plan.changes]

        def write(confirmed: bool | None) -> None:
            if confirmed:
                self._write(plan, "", "undoing")

        self._screen.app.push_screen(ConfirmDialog(f"Undo · {plan.server}", lines, yes="Undo"), write)

    def _write(self, plan: PromotionPlan, reason: str, activity: str, force: str = "") -> None:
        from tui.models.write_dialog import WriteDialog

        models = self._screen.engine.models
        apply = partial(models.promote, plan, reason=reason, force=force)
        read = partial(models.versions, plan.model)
        dialog = WriteDialog(self._screen.session.bridge, plan, apply, read, activity=activity)
        self._screen.app.push_screen(dialog, lambda _: self._changed())
