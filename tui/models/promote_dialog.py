"""Promotion of a model version to a stage or an alias: choose the target, review the changes, confirm."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from engine.entities import STAGES
from engine.errors import EngineError, StagesUnsupported
from engine.text import safe
from tui.bridge import Bridge
from tui.dialogs.base import Dialog
from tui.models.plan_view import LABEL, PlanView, change_text
from tui.models.target_line import NEW_ALIAS, Target, TargetLine, read_target, targets
from tui.tasks import Tasks
from tui.widgets.controls import Field, TextButton
from tui.widgets.lines import Lines, field

if TYPE_CHECKING:
    from engine.api import Engine, PromotionPlan, SmokeTestResult
    from engine.entities import ModelVersion

DEBOUNCE = 0.15
"""Pause in typing, in seconds, after which the promotion to a typed alias is planned."""
PLANNING = "Planning the changes …"
FORCED = "The policy does not allow this: a reason is needed to force it"


@dataclass(frozen=True, slots=True)
class Promotion:
    """A confirmed promotion: the plan as displayed, the reason, and why gates that are not passed do not
    count."""

    plan: PromotionPlan
    reason: str
    force: str = ""


class ChangeList(Lines):
    """The planned changes, or the error that rules them out."""

    def __init__(self) -> None:
        super().__init__(id="changes")
        self._content: tuple[Content, ...] = ()
        self._error: EngineError | None = None

    def show(self, items: Iterable[Content], error: EngineError | None = None) -> None:
        self._content, self._error = tuple(items), error
        self.refresh(layout=True)

    def lines(self, width: int) -> list[Content]:
        if self._error is None:
            return field("will change", self._content, width, label_width=LABEL)
        parts = [Content.styled(safe(self._error.title), "$error bold")]
        parts += [Content(safe(part)) for part in (self._error.detail, self._error.hint) if part]
        labels = ("not possible", *[""] * (len(parts) - 1))
        return [
            line
            for label, part in zip(labels, parts, strict=True)
            for line in field(label, [part], width, label_width=LABEL)
        ]


class PromoteDialog(Dialog[Promotion]):
    """Dismissed with a `Promotion` when the operator presses Promote. Writes nothing itself.

    ← and → choose the target. Each choice is planned on the bridge; a newer choice replaces an older one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "focus_button('cancel')", show=False, id="dialog.previous-button"),
        Binding("right", "focus_button('promote')", show=False, id="dialog.next-button"),
        Binding("down,j", "scroll_plan(1)", show=False, id="dialog.scroll-down"),
        Binding("up,k", "scroll_plan(-1)", show=False, id="dialog.scroll-up"),
        Binding("pagedown", "scroll_plan(8)", show=False, id="dialog.page-down"),
        Binding("pageup", "scroll_plan(-8)", show=False, id="dialog.page-up"),
        Binding("tab", "app.focus_next", show=False, id="dialog.next"),
        Binding("shift+tab", "app.focus_previous", show=False, id="dialog.previous"),
    ]
    CSS_PATH = "promote_dialog.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared by Screen
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def __init__(
        self,
        engine: Engine,
        bridge: Bridge,
        model: str,
        version: int,
        *,
        target: str = "",
        smoke_test: SmokeTestResult | EngineError | None = None,
    ) -> None:
        super().__init__()
        self.engine = engine
        self.bridge = bridge
        self.model = model
        self.version = version
        self.target = read_target(target)
        self.plan: PromotionPlan | None = None
        self.smoke_test = smoke_test
        self._has_stages = True
        self.subtitle_text = "← → target · ↑ ↓ scroll · tab reason and buttons · esc cancel"

    def compose_dialog(self) -> ComposeResult:
        with Horizontal(id="target-row"):
            yield Static("to", classes="label", markup=False)
            yield TargetLine(id="targets")
        yield Static(id="no-stages", markup=False)
        with Horizontal(id="alias-row"):
            yield Static("new alias", classes="label", markup=False)
            yield Field(id="alias", placeholder="letters, digits, _ and -")
        with VerticalScroll(id="plan-pane", can_focus=False):
            yield PlanView(id="plan")
        yield ChangeList()
        with Horizontal(id="reason-row"):
            yield Static("reason", classes="label", markup=False)
            yield Field(id="reason", placeholder="recorded in the journal")
        with Horizontal(id="confirm-row"):
            yield Static("to confirm", classes="label", markup=False)
            yield Field(id="confirm", placeholder=f"type {safe(self.model)}")
        with Horizontal(id="choices"):
            yield TextButton("Cancel", id="cancel")
            yield TextButton("Promote", id="promote")

    def on_mount(self) -> None:
        view = self.query_one("#plan", PlanView)
        view.now, view.smoke_test = int(time.time() * 1000), self.smoke_test
        self._show_targets(())
        self.query_one("#targets").focus()
        self.run_worker(self._read_targets(), group="aliases")
        self.choose(self.target)

    # ── the target ───────────────────────────────────────────────────────────

    async def _read_targets(self) -> None:
        """Offer the model's aliases, and its stages if the server has any. An error here is left to the plan
        to report."""

        def read() -> tuple[tuple[ModelVersion, ...], StagesUnsupported | None]:
            models = self.engine.models
            return models.versions(self.model), models.without_stages(self.model)

        try:
            versions, no_stages = await self.bridge.call(read)
        except EngineError:
            return
        if no_stages is not None:
            self._offer_aliases_only(no_stages)
        self._show_targets(alias for version in versions for alias in version.aliases)

    def _offer_aliases_only(self, error: StagesUnsupported) -> None:
        """Say that there are no stages, and choose the alias that stands for the chosen one."""
        from engine.api import ALIAS_FOR

        self._has_stages = False
        pairs = " and ".join(f"@{alias} for {stage}" for stage, alias in ALIAS_FOR.items())
        note = self.query_one("#no-stages", Static)
        note.update(Content.styled(f"! {safe(error.title)}. Use aliases: {pairs}.", "$warning"))
        note.display = True
        if self.target.kind == "stage":
            alias = ALIAS_FOR.get(self.target.name)
            self.choose(NEW_ALIAS if alias is None else Target("alias", alias))

    def _show_targets(self, aliases: Iterable[str]) -> None:
        chosen = [self.target.name] if self.target.kind == "alias" else []
        options = targets([*aliases, *chosen], stages=self._has_stages)
        self.query_one("#targets", TargetLine).options = options

    def choose(self, target: Target) -> None:
        """Choose a target and plan the promotion to it."""
        self.target = target
        self.query_one("#targets", TargetLine).chosen = target
        self.set_class(target == NEW_ALIAS, "-new-alias")
        self._name_button()
        title = f"{target.verb} {self.model} {self.version} · {self.engine.uri.shown}"
        self.query_one("#box").border_title = Content(safe(title))
        self._plan()

    def action_step_target(self, by: int) -> None:
        self.choose(self.query_one("#targets", TargetLine).step(by))

    @on(TargetLine.Clicked)
    def _click_target(self, event: TargetLine.Clicked) -> None:
        self.choose(event.target)

    @on(Input.Changed, "#alias")
    def _edit_alias(self, event: Input.Changed) -> None:
        event.stop()
        self._plan(wait=DEBOUNCE)

    def on_key(self, event: events.Key) -> None:
        """While a new alias is the target, typing outside the fields starts the alias."""
        alias = self.query_one("#alias", Input)
        if (
            self.target == NEW_ALIAS
            and isinstance(self.focused, (TextButton, TargetLine))
            and _begins_alias(event)
        ):
            event.stop()
            event.prevent_default()
            alias.focus()
            alias.insert_text_at_cursor(event.character or "")

    def action_focus_button(self, name: str) -> None:
        """Move between the buttons; elsewhere the arrow keys choose a target or move a text cursor."""
        if isinstance(self.focused, TextButton):
            self.query_one(f"#{name}").focus()

    # ── the plan ─────────────────────────────────────────────────────────────

    def _plan(self, wait: float = 0.0) -> None:
        """Plan the promotion to the chosen target after `wait` seconds; replaces a plan in progress."""
        self._set_plan(None)
        alias = (
            self.query_one("#alias", Input).value.strip() if self.target == NEW_ALIAS else self.target.name
        )
        if self.target == NEW_ALIAS and not alias:
            self.workers.cancel_group(self, "plan")
            self._show_changes([Content.styled("Type the alias", "$text-muted")])
            return
        self._show_changes([Content.styled(PLANNING, "$text-muted")])
        stage = next((s for s in STAGES if self.target == Target("stage", s)), None)
        plan = partial(
            self.engine.models.plan_promotion,
            self.model,
            self.version,
            stage=stage,
            alias=alias if stage is None else None,
        )
        tasks = Tasks.of(self, self.bridge)
        tasks.ask(plan, self._show, group="plan", failed=self._show_error, delay=wait)

    def _show_changes(self, items: Iterable[Content], error: EngineError | None = None) -> None:
        self.query_one(ChangeList).show(items, error)
        self._fit_later()

    def _set_plan(self, plan: PromotionPlan | None) -> None:
        self.plan = plan
        self._name_button()
        self.set_class(plan is not None and plan.confirm, "-confirm")
        self.query_one("#promote", TextButton).off = plan is None or plan.is_noop

    def _name_button(self) -> None:
        is_forced = self.plan is not None and self.plan.blocking
        verb = self.target.verb
        self.query_one("#promote", TextButton).label = f"{verb} anyway" if is_forced else verb

    def _show(self, plan: PromotionPlan) -> None:
        self._set_plan(plan)
        self.query_one("#plan", PlanView).plan = plan
        if plan.is_noop:
            self._show_changes([Content.styled("No change needed", "$text-muted")])
            return
        changes = [change_text(change) for change in plan.changes]
        if plan.blocking:
            changes.insert(0, Content.styled(FORCED, "$warning"))
        self._show_changes(changes)

    def _show_error(self, error: EngineError) -> None:
        self.query_one("#plan", PlanView).plan = None
        self._show_changes((), error)

    def _fit(self) -> None:
        """Limit the plan to the remaining height, so that the changes are always visible."""
        pane, box = self.query_one("#plan-pane"), self.query_one("#box")
        others = [child for child in box.children if child is not pane and child.display]
        used = sum(child.outer_size.height for child in others) + pane.styles.margin.height
        pane.styles.max_height = max(2, self.size.height - used - 2)

    @on(events.Resize)
    def _fit_later(self) -> None:
        self.call_after_refresh(self._fit)

    def action_scroll_plan(self, lines: int) -> None:
        self.query_one("#plan-pane").scroll_relative(y=lines, animate=False, immediate=True)

    # ── buttons ──────────────────────────────────────────────────────────────

    @on(Input.Submitted)
    def _leave_field(self, event: Input.Submitted) -> None:
        """Enter moves from the alias to the reason, then to the name to confirm, then to Cancel."""
        event.stop()
        follows = {"alias": "reason", "reason": "confirm" if self.has_class("-confirm") else "cancel"}
        self.query_one(f"#{follows.get(event.input.id or '', 'cancel')}").focus()

    @on(TextButton.Pressed, "#cancel")
    def _cancel(self) -> None:
        if self.is_current:
            self.action_leave()

    @on(TextButton.Pressed, "#promote")
    def _promote(self) -> None:
        if self.plan is None or self.plan.is_noop or not self.is_current:
            return
        reason, confirm = self.query_one("#reason", Input), self.query_one("#confirm", Input)
        if self.plan.confirm and confirm.value.strip() != self.model:
            confirm.focus()
        elif not self.plan.blocking:
            self.dismiss(Promotion(self.plan, reason.value.strip()))
        elif reason.value.strip():
            self.dismiss(Promotion(self.plan, "", force=reason.value.strip()))
        else:
            reason.focus()


def _begins_alias(event: events.Key) -> bool:
    return event.character is not None and (event.character.isalnum() or event.character in "_-")
