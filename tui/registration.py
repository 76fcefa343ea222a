"""Registering the model of a run: choose the name, review, write, and go to the new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content

from engine.entities import LoggedModel, RunDetail
from engine.errors import EngineError
from engine.text import Shown, safe
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.form import FormDialog
from tui.dialogs.work import WorkDialog
from tui.screen import ConsoleScreen
from tui.state import NewVersion
from tui.tasks import Tasks
from tui.widgets.controls import TextEditor

if TYPE_CHECKING:
    from engine.api import Engine, Registered, RegistrationPlan
    from engine.jobs import CancelToken, OnProgress
    from tui.bridge import Bridge

NEW = Shown("a new model, named below")
AFTERWARDS = (("", "nothing more"), ("promote", "choose a stage or an alias for the version"))


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be registered: the run with its models, the names in the registry, a description."""

    detail: RunDetail
    names: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class ReviewedRegistration:
    """A plan that the operator has confirmed. With `promotes`, the new version is to be promoted."""

    plan: RegistrationPlan
    reason: str
    promotes: bool


class RegisterDialog(FormDialog[ReviewedRegistration]):
    """Dismissed with the plan after it was reviewed and confirmed; writes nothing itself."""

    subtitle_text = "tab next field · enter on Review shows what is created · esc cancel"
    yes: ClassVar[str] = "Review …"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - declared by Screen

    def __init__(self, engine: Engine, bridge: Bridge, offer: Offer, *, model: str = "") -> None:
        """`model` is the suggested name."""
        super().__init__()
        run = offer.detail.run
        self.title_text = f"Register the model of {run.run_name or run.run_id} · {engine.uri.shown}"
        self._engine = engine
        self._offer = offer
        self._model = model
        self._tasks = Tasks.of(self, bridge)

    def compose_fields(self) -> ComposeResult:
        offer = self._offer
        known = sorted(offer.names, key=lambda name: name != self._model)
        choices: list[tuple[str, str]] = [(name, safe(name)) for name in known]
        is_new = self._model not in ("", *known)
        yield from self.select_row(
            "model", "model", [("", NEW), *choices] if is_new else [*choices, ("", NEW)]
        )
        yield from self.text_row("name", "new name", self._model if is_new else "", "of a new model")
        if len(offer.detail.models) > 1:
            yield from self.select_row("logged", "logged model", _logged_choices(offer.detail.models))
        yield from self.editor_row("description", "description", offer.description)
        yield from self.select_row("afterwards", "afterwards", AFTERWARDS)
        yield from self.text_row("reason", "reason", "", "recorded in the journal")

    def on_mount(self) -> None:
        self.query_one("#model").focus()

    def submit(self) -> None:
        model, name = self.chosen("model"), self.text("name")
        if model and name:
            self.show_message(f"Choose “{NEW}” to use the new name, or clear it.", is_error=True)
        elif not (model or name):
            self.show_message("Type the name of the new model.", is_error=True)
        else:
            self.show_message("Planning the registration …")
            plan = partial(
                self._engine.models.plan_registration,
                model or name,
                self._offer.detail.run.run_id,
                logged=self.chosen("logged") if self.query("#logged") else "",
                description=self.query_one("#description", TextEditor).text.rstrip("\n"),
            )
            self._tasks.ask(plan, self._review, group="plan", failed=self._show_error)

    def _review(self, plan: RegistrationPlan) -> None:
        self.show_message("")
        if not self.is_current:
            return
        reviewed = ReviewedRegistration(plan, self.text("reason"), bool(self.chosen("afterwards")))

        def decide(confirmed: bool | None) -> None:
            if confirmed:
                self.dismiss(reviewed)

        self.app.push_screen(ConfirmDialog("Register a version?", _plan_lines(plan), yes="Register"), decide)

    def _show_error(self, error: EngineError) -> None:
        self.show_message(str(error), is_error=True)


def _logged_choices(models: Sequence[LoggedModel]) -> list[tuple[str, str]]:
    return [(model.model_id, safe(f"{model.name} · {model.model_id}")) for model in models]


def _plan_lines(plan: RegistrationPlan) -> list[Content]:
    new = " (new)" if plan.is_new else ""
    tags = " · ".join(f"{key} {value}" for key, value in plan.tags.items())
    lines = [
        Content.styled(safe(f"model {plan.model}{new}, probably version {plan.next_version}"), "bold"),
        Content(safe(f"from run {plan.run.run_name or plan.run.run_id}, logged model {plan.logged.name}")),
        *([Content(safe(f"tags: {tags}", 400))] if tags else []),
        Content(f"on {plan.server}"),
    ]
    if plan.existing:
        numbers = ", ".join(str(version.version) for version in plan.existing)
        lines.append(Content.styled(f"! This run is registered already, as version {numbers}", "$warning"))
    return lines


def _result_notes(registered: Registered) -> list[Content]:
    """What the operator has to read before the version is shown."""
    if not registered.note:
        return []
    version = registered.version
    return [
        Content.styled(
            safe(f"✓ {version.name} version {version.version} is registered and ready"), "$success"
        ),
        Content.styled(safe(f"! {registered.note}"), "$warning"),
    ]


class Registration:
    """Registers the model of the run that a view has selected, and shows the new version in Models."""

    def __init__(self, screen: ConsoleScreen) -> None:
        self._screen = screen

    def start(self, run_id: str, *, model: str = "") -> None:
        """`model` is the suggested name."""
        failed = self._screen.session.show_error
        open_dialog = partial(self._open, model)
        self._screen.ask(
            partial(self._read, run_id), open_dialog, group="register", failed=failed, opens=True
        )

    def _read(self, run_id: str) -> Offer:
        """Runs on the bridge. Raises `NotFound` for a run without a model."""
        engine = self._screen.engine
        detail = engine.runs.detail(run_id)
        names = tuple(model.name for model in engine.models.registered())
        first = detail.models[0].model_id if detail.models else ""
        suggested = engine.models.plan_registration("model", run_id, logged=first)
        return Offer(detail, names, suggested.description)

    def _open(self, model: str, offer: Offer) -> None:
        screen = self._screen

        def write(reviewed: ReviewedRegistration | None) -> None:
            if reviewed is not None:
                self._write(reviewed)

        dialog = RegisterDialog(screen.engine, screen.session.bridge, offer, model=model)
        screen.app.push_screen(dialog, write)

    def _write(self, reviewed: ReviewedRegistration) -> None:
        screen, plan = self._screen, reviewed.plan

        def work(_progress: OnProgress, _cancel: CancelToken) -> Registered:
            return screen.engine.models.register(plan, reason=reviewed.reason)

        def show(registered: Registered | None) -> None:
            if registered is not None:
                version = registered.version
                screen.state.registered = NewVersion(version.name, version.version, reviewed.promotes)
                screen.app.run_worker(self._show_models())

        title = f"Register {plan.model} · {plan.server}"
        dialog: WorkDialog[Registered] = WorkDialog(
            screen.session.bridge, title, work, _result_notes, can_stop=False
        )
        screen.app.push_screen(dialog, show)

    async def _show_models(self) -> None:
        session = self._screen.session
        await session.show_mode("models")
        await session.show_mode("models")  # closes what was opened from that view
