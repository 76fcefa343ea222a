"""Deploying, swapping and stopping: each is confirmed, runs in the background, and is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from textual.content import Content

from engine.errors import Cancelled, EngineError, UntrustedModel
from engine.jobs import CancelToken, OnProgress, Progress
from engine.text import Shown, safe
from tui.bridge import Relay
from tui.deployments.source import Service
from tui.screen import ConsoleScreen, current_view

if TYPE_CHECKING:
    from engine.api import Backup, Deployment, DeployOptions, ServerOptions, StartedServer, TrackingServer
    from engine.entities import ModelVersion
    from engine.uri import TrackingUri
    from tui.deployments.server_dialog import WantedBackup

T = TypeVar("T")

NEEDS_SERVICE = frozenset(
    f"deployments.{verb}"
    for verb in ("test", "swap", "back", "stop", "remove", "show-log", "open", "copy-address", "copy-menu")
)
"""Commands on the service under the cursor."""
NEEDS_DEPLOYMENT = frozenset(f"deployments.{verb}" for verb in ("test", "swap", "back"))
CHANGES = frozenset(f"deployments.{verb}" for verb in ("swap", "back", "stop", "remove"))


@dataclass
class Running:
    """An operation on a service: what is done (`swapping`), how far it is, and how to cancel it."""

    activity: str
    note: str = ""
    cancel: CancelToken = field(default_factory=CancelToken)

    @property
    def text(self) -> Shown:
        return safe(self.note) if self.note else Shown(f"{self.activity} …")


class Operations:
    """The operations on services, for all views of them. Calls `changed` whenever a service, or how far an
    operation is, may have changed. They go on while other views are open: `screen` is one that stays open."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed
        self.running: dict[str, Running] = {}
        """What is being done, by the name of the service."""
        self.new = ""
        """The name of a service that is being started, until a view has shown it."""
        self.refused: ServerOptions | None = None
        """The options of a server that did not start, until others are asked for."""

    def why_not(self, identifier: str, service: Service | None) -> str | None:
        """Why a command cannot be used on a service; None if it can."""
        if identifier == "deployments.cancel":
            return None if self.running else "Nothing is being deployed or swapped."
        if identifier not in NEEDS_SERVICE:
            return None
        if service is None:
            return "No deployment selected."
        if identifier in CHANGES and service.name in self.running:
            return f"{self.running[service.name].text} ctrl+x cancels."
        if identifier == "deployments.stop":
            return f"It is {service.status.state} already." if service.has_ended else None
        if identifier == "deployments.remove":
            return None if service.has_ended else "It runs; stop it first with x."
        if identifier in NEEDS_DEPLOYMENT:
            return _why_not_on(identifier, service)
        return None

    # ── swapping ─────────────────────────────────────────────────────────────

    def swap(self, service: Service) -> None:
        """Swap to the version that the alias or stage names now, else to one that the operator picks."""
        deployment = service.deployment
        if deployment is None:
            return
        if deployment.newer is not None:
            self.confirm_swap(service, deployment.newer)
            return
        work = partial(self._screen.engine.models.versions, deployment.served.model)
        then = partial(self._pick_version, service, deployment)
        self._screen.ask(work, then, group="versions", failed=self._screen.session.show_error, opens=True)

    def _pick_version(
        self, service: Service, deployment: Deployment, versions: Sequence[ModelVersion]
    ) -> None:
        from tui.dialogs.pick import PickDialog, version_choices

        now = deployment.served.version
        choices = version_choices(version for version in versions if version.version != now)
        if not choices:
            self._screen.session.say(f"{deployment.served.model} has no other version.", warning=True)
            return

        def swap(version: str | None) -> None:
            if version is not None:
                self.confirm_swap(service, int(version))

        title = f"Swap {service.name} from version {now} to"
        self._screen.app.push_screen(PickDialog(title, choices), swap)

    def confirm_swap(self, service: Service, version: int) -> None:
        deployment = service.deployment
        if deployment is None:
            return
        now = deployment.served.version
        lines = [
            f"{deployment.served.model}: version {now} → {version} at {service.address}",
            f"Version {version} starts beside version {now} and answers its example rows before it takes "
            "over: no request fails. b goes back.",
        ]
        title = f"Swap {service.name} to version {version}?"
        asked = None if version == deployment.newer else version
        self._confirm(title, lines, "Swap", partial(self._swap, service.name, asked))

    def _swap(self, name: str, version: int | None, *, allow_code: bool = False) -> None:
        """Without a version, to the one that its alias or stage names, which it goes on following."""
        swap = partial(self._screen.engine.deployments.swap, name, version, allow_code=allow_code)
        again = partial(self._swap, name, version, allow_code=True)

        def work(on_progress: OnProgress, cancel: CancelToken) -> Deployment:
            return swap(on_progress=on_progress, cancel=cancel)

        self._run(name, "swapping", work, swapped, untrusted=partial(self._ask_trust, "Swap", again))

    def back(self, service: Service) -> None:
        deployment = service.deployment
        if deployment is None or deployment.previous is None:
            return
        served, previous = deployment.served, deployment.previous
        lines = [
            f"{served.model}: version {served.version} → {previous} at {service.address}",
            f"Version {previous} starts and answers its example rows before it takes over: no request fails.",
        ]
        back = self._screen.engine.deployments.back

        def work(_: OnProgress, cancel: CancelToken) -> Deployment:
            return back(service.name, cancel=cancel)

        run = partial(self._run, service.name, "swapping back", work, swapped)
        self._confirm(f"Swap {service.name} back to version {previous}?", lines, "Swap back", run)

    # ── deploying ────────────────────────────────────────────────────────────

    def deploy(self, reference: str, options: DeployOptions) -> None:
        """Deploy what `MODEL@ALIAS`, `MODEL/STAGE` or `MODEL/VERSION` names."""
        deploy = partial(self._screen.engine.deployments.deploy, reference, options)
        again = partial(self.deploy, reference, replace(options, allow_code=True))

        def work(on_progress: OnProgress, cancel: CancelToken) -> Deployment:
            return deploy(on_progress=on_progress, cancel=cancel)

        self.new = options.name
        untrusted = partial(self._ask_trust, "Deploy", again)
        self._run(options.name, "deploying", work, deployed, untrusted=untrusted)

    def _ask_trust(self, yes: str, again: Callable[[], None], error: UntrustedModel) -> None:
        """Ask before a model can run arbitrary code."""
        from tui.dialogs.confirm import code_question

        screen = self._screen
        if current_view(screen.app) is not screen.app.screen:  # a dialog is open
            screen.session.show_error(error)
            return

        def run(allowed: bool | None) -> None:
            if allowed:
                again()

        screen.app.push_screen(code_question(error, screen.session.user, yes=yes), run)

    def start_server(self, options: ServerOptions) -> None:
        start = partial(self._screen.engine.server.start, options)

        def work(_: OnProgress, cancel: CancelToken) -> StartedServer:
            return start(cancel=cancel)

        self.new = options.name
        self._run(options.name, "starting", work, self._started, failed=partial(self._refuse, options))

    def _refuse(self, options: ServerOptions) -> None:
        """Keep what was asked for: the next dialog suggests it."""
        self.refused = options

    def cancel(self) -> None:
        """Cancel what was begun last."""
        if self.running:
            running = list(self.running.values())[-1]
            running.cancel.cancel()
            running.note = "cancelling …"
            self._changed()

    def _started(self, started: StartedServer) -> str:
        """Show what the operator must know: the password is shown only now."""
        from tui.deployments.server_dialog import ReportDialog, started_lines

        said = f"{started.server.name} serves at {started.server.service.url}"
        if started.password or started.left or started.unchecked or started.notices:
            self._screen.app.push_screen(ReportDialog(said, started_lines(started)))
        return said

    def backup(self, uri: TrackingUri, wanted: WantedBackup) -> None:
        back_up = partial(self._screen.engine.server.backup, uri, wanted.output, artifacts=wanted.artifacts)

        def work(on_progress: OnProgress, cancel: CancelToken) -> Backup:
            return back_up(on_progress=on_progress, cancel=cancel)

        self._run("backup", "backing up", work, self._backed_up)

    def _backed_up(self, made: Backup) -> str:
        """Show what is in the backup, and what is not."""
        from tui.deployments.server_dialog import ReportDialog

        said = f"Backed up to {made.path}"
        lines = [Content(safe(sentence, 400)) for sentence in made.sentences]
        self._screen.app.push_screen(ReportDialog(said, lines))
        return said

    # ── stopping ─────────────────────────────────────────────────────────────

    def stop(self, service: Service) -> None:
        """Ask, naming what ends."""
        status, deployment = service.status, service.deployment
        served = None if deployment is None else deployment.served
        what = "the tracking server" if served is None else f"{served.model} version {served.version}"
        count = len(status.processes)
        processes = "1 worker process" if count == 1 else f"{count} worker processes"
        lines = [f"Ends {what} at {service.address}, with {processes}."]
        if served is None:
            lines.append("Everything that uses this server loses it. Its store and artifacts stay.")
        else:
            lines.append("Requests to this address will fail from then on. The registry does not change.")
        engine = self._screen.engine
        stop = engine.server.stop if served is None else engine.deployments.stop

        def work(_: OnProgress, __: CancelToken) -> Deployment | TrackingServer:
            return stop(service.name)

        run = partial(self._run, service.name, "stopping", work, stopped)
        self._confirm(f"Stop {service.name}?", lines, "Stop", run)

    def remove(self, service: Service) -> None:
        """Forget a service that has ended."""
        lines = [f"Forgets {service.name}, and deletes its log. It does not run."]
        if service.deployment is not None:
            lines.append("The copy of the model's files that it served is deleted, too. The registry stays.")
            remove = self._screen.engine.deployments.remove
        else:
            lines.append("Its database, its artifacts and its accounts stay.")
            remove = self._screen.engine.server.remove

        def work(_: OnProgress, __: CancelToken) -> str:
            remove(service.name)
            return f"Removed {service.name}"

        run = partial(self._run, service.name, "removing", work, str)
        self._confirm(f"Remove {service.name}?", lines, "Remove", run)

    # ── the common steps ─────────────────────────────────────────────────────

    def _confirm(self, title: str, lines: Sequence[str], yes: str, run: Callable[[], None]) -> None:
        from tui.dialogs.confirm import ConfirmDialog

        def apply(confirmed: bool | None) -> None:
            if confirmed:
                run()

        text = [Content(safe(line, 400)) for line in lines]
        self._screen.app.push_screen(ConfirmDialog(title, text, yes=yes), apply)

    def _run(
        self,
        name: str,
        activity: str,
        work: Callable[[OnProgress, CancelToken], T],
        done: Callable[[T], str],
        *,
        untrusted: Callable[[UntrustedModel], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Run `work` on a service in the background; then say what `done` says of its result."""
        session = self._screen.session
        running = self.running[name] = Running(activity)

        def note(progress: Progress) -> None:
            if self.running.get(name) is running and not running.cancel.cancelled:
                running.note = progress.note
                self._changed()

        def ended() -> None:
            self.running.pop(name, None)
            self._changed()

        def report(result: T) -> None:
            ended()
            session.say(done(result))

        def fail(error: EngineError) -> None:
            ended()
            if failed is not None:
                failed()
            if isinstance(error, Cancelled):
                session.say(error.title, warning=True)
            elif untrusted is not None and isinstance(error, UntrustedModel):
                untrusted(error)
            else:
                session.show_error(error)

        call = partial(work, Relay(self._screen.while_open(note)), running.cancel)
        self._screen.ask(call, report, group=f"operation {name}", failed=fail)
        self._changed()


def _why_not_on(identifier: str, service: Service) -> str | None:
    """Why a command on deployments cannot be used on a service; None if it can."""
    deployment = service.deployment
    if deployment is None:
        return "Only for deployments: this is a tracking server."
    if service.has_ended:
        return f"It is {service.status.state}; n deploys it again."
    if identifier == "deployments.back" and deployment.previous is None:
        return "It has not been swapped: no version to go back to."
    return None


def deployed(deployment: Deployment) -> str:
    served = deployment.served
    return f"{served.model} {served.version} serves at {deployment.service.url}"


def swapped(deployment: Deployment) -> str:
    return f"{deployment.name} now serves version {deployment.served.version}"


def stopped(result: Deployment | TrackingServer) -> str:
    return f"Stopped {result.name}"
