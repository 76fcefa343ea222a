"""What to deploy, and where: a model, the version or the name that picks it, an address, an environment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from textual import on
from textual.app import ComposeResult
from textual.widgets import Select

from engine.errors import EngineError, NotFound
from engine.text import Shown, safe
from tui.dialogs.form import FormDialog, port_of
from tui.dialogs.pick import version_choices
from tui.tasks import Tasks
from tui.widgets.controls import Field

if TYPE_CHECKING:
    from engine.api import Deployment, DeployOptions as DeployOptions
    from engine.entities import ModelVersion, RegisteredModel
    from tui.session import Session

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ENVIRONMENTS: tuple[tuple[Literal["local", "virtualenv", "uv"], str], ...] = (
    ("local", "local: the packages of this console"),
    ("virtualenv", "virtualenv: the packages that the model asks for, installed for it"),
    ("uv", "uv: the same, installed by uv"),
)


class DeployDialog(FormDialog["tuple[str, DeployOptions]"]):
    """Dismissed with what to deploy, and how, when the operator presses Deploy. Starts nothing itself."""

    title_text = "Deploy a model version"
    subtitle_text = "tab next field · enter on Deploy starts it · esc cancel"
    yes = "Deploy"

    def __init__(self, session: Session, reference: str, again: Deployment | None = None) -> None:
        """`reference` is suggested: a model, with or without `@ALIAS`, `/STAGE` or `/VERSION`; or all of a
        deployment that has ended, to deploy it `again`."""
        super().__init__()
        self._engine = session.engine
        self._wanted = reference if again is None else f"{again.served.model}{again.served.requested}"
        self._again = again
        self._tasks = Tasks.of(self, session.bridge)
        self._suggested_name = "" if again is None else again.name
        self._allowed_host = ""

    def compose_fields(self) -> ComposeResult:
        yield from self.select_row("model", "model", ())
        yield from self.select_row("target", "serves", ())
        again = self._again
        host, port = (LOOPBACK[0], "") if again is None else (again.service.host, str(again.service.port))
        yield from self.text_row("name", "name", self._suggested_name, "the model's name")
        yield from self.text_row("host", "host", host, "an address of this machine")
        yield from self.text_row("port", "port", port, "a free one")
        yield from self.select_row("environment", "environment", ENVIRONMENTS)

    def on_mount(self) -> None:
        self.query_one("#cancel" if self._wanted else "#model").focus()
        if self._again is not None:
            self.query_one("#environment", Select).value = self._again.served.environment
            if not self._engine.deployments.is_from_here(self._again):
                title = f"{self._again.name} was deployed from another store"
                hint = "Open the console on that store to deploy it again."
                self._show_error(NotFound(title, self._again.served.tracking_uri, hint))
                return
        self._tasks.ask(
            self._engine.models.registered, self._show_models, group="models", failed=self._show_error
        )

    # ── the model and its version ────────────────────────────────────────────

    def _show_models(self, models: Sequence[RegisteredModel]) -> None:
        names = [model.name for model in models]
        if not names:
            self._show_error(NotFound("No registered models", hint="Register a run's model first."))
            return
        select = self.query_one("#model", Select)
        select.set_options([(safe(name), name) for name in names])
        if not self._wanted:
            select.value = names[0]
        elif model := self._model_named(names):
            select.value = model
        else:
            self._show_error(NotFound(f"{self._wanted} is not in this store", hint="Choose a model."))

    def _model_named(self, names: Sequence[str]) -> str:
        """The model of the suggested reference; empty if it is not among `names`."""
        if self._again is not None:
            return self._again.served.model if self._again.served.model in names else ""
        wanted = self._wanted
        return next(
            (name for name in names if wanted == name or wanted.startswith((f"{name}@", f"{name}/"))), ""
        )

    @on(Select.Changed, "#model")
    def _read_versions(self, event: Select.Changed) -> None:
        if not isinstance(event.value, str):
            return
        model = event.value
        name = self.query_one("#name", Field)
        if name.value == self._suggested_name:
            again = self._again
            is_again = again is not None and again.served.model == model
            self._suggested_name = name.value = again.name if again is not None and is_again else model
        self.query_one("#target", Select).set_options([])
        work = partial(self._engine.models.versions, model)
        self._tasks.ask(work, partial(self._show_versions, model), group="versions", failed=self._show_error)

    def _show_versions(self, model: str, versions: Sequence[ModelVersion]) -> None:
        choices = target_choices(versions)
        if not choices:
            self._show_error(NotFound(f"{model} has no versions"))
            return
        select = self.query_one("#target", Select)
        select.set_options([(text, target) for target, text in choices])
        targets = [target for target, _ in choices]
        if self._again is not None and self._again.served.model == model:
            self._select_again(self._again, choices)
            return
        wanted = self._wanted.removeprefix(model)
        select.value = wanted if wanted in targets else targets[0]
        self.show_message("")

    def _select_again(self, again: Deployment, choices: Sequence[tuple[str, Shown]]) -> None:
        """Suggest the version that was served: by its alias or stage, if that still names it."""
        served = again.served
        moving = (served.requested, moving_text(served.requested, served.version))
        target = served.requested if moving in choices else f"/{served.version}"
        if target in (known for known, _ in choices):
            self.query_one("#target", Select).value = target
            said = f"As {again.name} was deployed before."
            if target != served.requested:
                said += f" {served.requested.lstrip('/')} does not name version {served.version} any more."
            self.show_message(said)
        else:
            self._show_error(NotFound(f"Version {served.version} of {served.model} is gone"))

    def _show_error(self, error: EngineError) -> None:
        self.show_message(str(error), is_error=True)

    def submit(self) -> None:
        from engine.api import DeployOptions

        model, target = self.chosen("model"), self.chosen("target")
        port, host = port_of(self.text("port")), self.text("host") or LOOPBACK[0]
        if not model or not target:
            self.show_message("Choose a model and what to serve of it.", is_error=True)
        elif port is None:
            self.show_message("The port must be a number below 65536; empty for a free one.", is_error=True)
        elif host not in LOOPBACK and self._allowed_host != host:
            self._allowed_host = host
            warning = f"Other machines may reach {host}, and requests need no password."
            self.show_message(f"{warning} Press Deploy again to allow it.", is_error=True)
        else:
            chosen = self.chosen("environment")
            options = DeployOptions(
                name=self.text("name") or model,
                host=host,
                port=port,
                environment=next(key for key, _ in ENVIRONMENTS if key == chosen),
                processes=0 if self._again is None else self._again.served.processes,
                exposed=host not in LOOPBACK,
            )
            self.dismiss((f"{model}{target}", options))


def target_choices(versions: Sequence[ModelVersion]) -> list[tuple[str, Shown]]:
    """What of a model can be served, each with its text: the alias champion, other aliases, stages, then the
    versions."""
    aliases = sorted((alias, v.version) for v in versions for alias in v.aliases)
    aliases.sort(key=lambda found: found[0] != "champion")
    moving = [(f"@{alias}", version) for alias, version in aliases]
    for stage in ("Production", "Staging"):
        held = [v.version for v in versions if v.stage == stage]
        moving += [(f"/{stage}", max(held))] if held else []
    return [
        *((target, moving_text(target, version)) for target, version in moving),
        *((f"/{key}", text) for key, text in version_choices(versions)),
    ]


def moving_text(target: str, version: int) -> Shown:
    return safe(f"{target} → {version}")
