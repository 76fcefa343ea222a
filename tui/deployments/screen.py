"""The deployments view: what is served from this machine, and one service with its log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine import formats
from engine.errors import EngineError, NotFound
from engine.log import log
from engine.secrets import mask
from engine.suggestions import closest, did_you_mean
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui.commands.bindings import Command, Scope
from tui.deployments.log_pane import LogPane
from tui.deployments.operations import Operations
from tui.deployments.source import (
    LookedUp,
    Service,
    ServiceDetail,
    of_deployment,
    of_server,
    service_source,
)
from tui.screen import TICKS, VIEW, ConsoleScreen, ReadSnippets
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.scroll_pane import ScrollPane
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import Deployment, DeployOptions, Engine, ServerOptions, VersionTest
    from tui.deployments.server_dialog import WantedBackup
    from tui.dialogs.export import ExportOffer

POLL_SECONDS = 2.0
"""How often the services of this machine are asked how they are, while auto-refresh is on."""
LOG_LINES = 200
"""Lines of the log below the table."""
FULL_LOG_LINES = 5000
"""Lines of the log of one service."""
LINE_LENGTH = 2000
"""The most characters shown of a line of a log."""


class ServiceView(ConsoleScreen):
    """A view with a service that the operator can act on. Subclasses set `service` and `operations`."""

    scope: ClassVar[Scope] = "deployments"
    mode = "deployments"
    CSS_PATH = "screen.tcss"
    operations: Operations

    @property
    def service(self) -> Service | None:
        return None

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(POLL_SECONDS, self.tick)

    def why_not(self, command: Command) -> str | None:
        reason = super().why_not(command)
        if reason is None and command.scope == "deployments" and self.is_mounted:
            return self.operations.why_not(command.id, self.service)
        return reason

    # ── commands ─────────────────────────────────────────────────────────────

    def action_deploy(self, reference: str = "") -> None:
        """Ask what to deploy, suggesting `reference`, a model with or without `@ALIAS`, `/STAGE` or
        `/VERSION`; without one, the deployment under the cursor if it has ended."""
        if self.refuse("deployments.deploy"):
            return
        from tui.deployments.deploy_dialog import DeployDialog

        service = self.service
        again = None if reference or service is None or not service.has_ended else service.deployment

        def deploy(wanted: tuple[str, DeployOptions] | None) -> None:
            if wanted is not None:
                self.operations.deploy(*wanted)

        self.app.push_screen(DeployDialog(self.session, reference, again), deploy)

    def action_start_server(self) -> None:
        """Ask for the options of a server, suggesting what was refused last, else those of the server under
        the cursor if it has ended."""
        if self.refuse("deployments.server"):
            return
        from tui.deployments.server_dialog import ServerDialog, options_of

        service = self.service
        ended = None if service is None or not service.has_ended else service.server
        suggested = self.operations.refused or (None if ended is None else options_of(ended))

        def start(options: ServerOptions | None) -> None:
            self.operations.refused = None
            if options is not None:
                self.operations.start_server(options)

        self.app.push_screen(ServerDialog(self.session, suggested), start)

    def action_back_up(self) -> None:
        """Ask where to back up to the store of the server under the cursor, else the console's."""
        from tui.deployments.server_dialog import BackupDialog

        service, uri = self.service, self.session.uri
        if service is not None and service.server is not None:
            uri = TrackingUri(service.server.facts.backend if service.has_ended else service.address)

        def back_up(wanted: WantedBackup | None) -> None:
            if wanted is not None:
                self.operations.backup(uri, wanted)

        self.app.push_screen(BackupDialog(uri.shown), back_up)

    def action_show_doctor(self) -> None:
        """Check the server under the cursor, else the store of the console."""
        service = self.service
        self.examine(service.address if service is not None and service.server is not None else "")

    def examine(self, uri: str = "") -> None:
        """Check a server or store, without `uri` the store of the console."""
        from tui.deployments.doctor_screen import DoctorScreen

        self.app.push_screen(DoctorScreen(uri))

    def action_swap(self) -> None:
        if not self.refuse("deployments.swap") and self.service is not None:
            self.operations.swap(self.service)

    def swap_to(self, version: int) -> None:
        """Offer to swap to a version."""
        if not self.refuse("deployments.swap") and self.service is not None:
            self.operations.confirm_swap(self.service, version)

    def action_swap_back(self) -> None:
        if not self.refuse("deployments.back") and self.service is not None:
            self.operations.back(self.service)

    def action_stop_service(self) -> None:
        if not self.refuse("deployments.stop") and self.service is not None:
            self.operations.stop(self.service)

    def action_remove_service(self) -> None:
        if not self.refuse("deployments.remove") and self.service is not None:
            self.operations.remove(self.service)

    def action_cancel_operation(self) -> None:
        if not self.refuse("deployments.cancel"):
            self.operations.cancel()

    def action_copy_address(self) -> None:
        if not self.refuse("deployments.copy-address") and self.service is not None:
            self.copy(self.service.address)

    def snippets(self) -> ReadSnippets | None:
        from tui.deployments.offers import service_snippets

        return None if self.service is None else partial(service_snippets, self.engine, self.service)

    def action_test_service(self) -> None:
        if self.refuse("deployments.test") or self.service is None or self.service.deployment is None:
            return
        from tui.model_tests.screen import ModelTestScreen

        deployment = self.service.deployment
        self.app.push_screen(ModelTestScreen(deployment.served.model, deployment.served.version, deployment))

    def action_open_service(self) -> None:
        """Open the service with its log."""
        self._open(of_log=False)

    def action_show_log(self) -> None:
        self._open(of_log=True)

    def _open(self, *, of_log: bool) -> None:
        identifier = "deployments.show-log" if of_log else "deployments.open"
        if not self.refuse(identifier) and self.service is not None:
            self.app.push_screen(ServiceScreen(self.service, self.operations, only_log=of_log))


class DeploymentsScreen(ServiceView):
    """A table of the deployments and the tracking server of this machine, with details and the end of the
    log of the one under the cursor."""

    pane_ids = ("services", "detail-pane", "log")

    def __init__(self) -> None:
        super().__init__()
        self.services: tuple[Service, ...] = ()
        self.operations = Operations(self, self._services_changed)
        self._known: Mapping[str, LookedUp] = {}
        self._looked_up = 0.0
        """When the registry was asked what the aliases and stages name."""
        self._pending: tuple[str, Callable[[], None] | None] | None = None

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("DEPLOYMENTS", id="services-title")
        yield Table(id="services", can_mark=False, can_step_columns=False)
        with Horizontal(id="panes"):
            with ScrollPane(id="detail-pane"):
                yield ServiceDetail(id="detail")
            with Vertical(id="log-pane"):
                yield PaneTitle("LOG", id="log-title")
                yield LogPane(id="log")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#services", Table).focus()
        self.refresh_view()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.read_at is not None:
            self.refresh_view()
        wanted, self.state.to_deploy = self.state.to_deploy, ""
        if wanted:
            self.action_deploy(wanted)

    @property
    def service(self) -> Service | None:
        """The service under the cursor."""
        key = self.query_one("#services", Table).cursor_key
        return next((service for service in self.services if service.name == key), None)

    # ── reading ──────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        self._looked_up = 0.0
        self.refresh_changes()

    def refresh_changes(self) -> None:
        work = partial(read_services, self.engine, self.query_one("#services", Table).cursor_key)
        self.ask(work, self._show, group=VIEW, failed=self._unreadable)

    def _show(self, found: Found) -> None:
        self.services = tuple(map(self._with_known, found.services))
        self.session.failed_services = sum(service.is_broken for service in self.services)
        self.record_read()
        self._show_services()
        if found.name is not None and self.service is not None and self.service.name == found.name:
            self._show_log(found.name, found.log)
        if self._pending is not None:
            self._act_on_pending(*self._pending)
        if time.monotonic() - self._looked_up >= self.session.refresh_interval * TICKS:
            self._look_up()

    def _look_up(self) -> None:
        """Ask the registries, which may be slow, what the aliases and stages name now."""
        deployments = [service.deployment for service in self.services if service.deployment is not None]
        self._looked_up = time.monotonic()
        if deployments:
            self.ask(partial(look_up, self.engine, deployments), self._show_looked_up, group="registries")

    def _show_looked_up(self, found: Mapping[str, LookedUp]) -> None:
        self._known = found
        self.services = tuple(map(self._with_known, self.services))
        self._show_services()

    def _services_changed(self) -> None:
        self._show_title()
        self.refresh_changes()

    def _show_title(self) -> None:
        """How many services are in each state, after what is being done now."""
        title = self.query_one("#services-title", PaneTitle)
        title.subject = Shown("this machine, all stores")
        running = [f"{safe(name)}: {each.text}" for name, each in self.operations.running.items()]
        title.facts = Shown(" · ".join([*running, *_states(self.services)]))
        self.show_keys()

    def _with_known(self, service: Service) -> Service:
        if service.deployment is None:
            return service
        return of_deployment(service.deployment, self._known.get(service.name))

    def _unreadable(self, error: EngineError) -> None:
        if self.services:
            self.show_store_error(error)
        else:
            self.show_error_page(error)

    def _show_services(self) -> None:
        if not self.services and not self.operations.running:
            self.show_page(
                "Nothing is deployed yet",
                "A deployed model version answers requests over HTTP. It keeps running when the console is "
                "closed, and is found again here.",
                keys=[
                    ("n", "deploy a version"),
                    ("S", "start a tracking server"),
                    ("3", "models"),
                    ("q", "back"),
                ],
            )
            return
        self.hide_page()
        self._show_title()
        self._show_rows()
        if (new := self.operations.new) and self.query_one("#services", Table).move_to(new):
            self.operations.new = ""
        self._show_detail()

    @on(Table.Resized, "#services")
    def _show_rows(self) -> None:
        table = self.query_one("#services", Table)
        width = table.size.width - table.styles.scrollbar_size_vertical
        table.set_source(service_source(self.services, int(time.time() * 1000), width))

    @on(Table.RowHighlighted, "#services")
    def _moved(self) -> None:
        """Show another service, and read its log."""
        self._show_detail()
        service, title = self.service, self.query_one("#log-title", PaneTitle)
        if service is not None and title.subject != safe(service.name):
            title.subject = safe(service.name)
            self.query_one("#log", LogPane).clear()
            work = partial(read_log, self.engine, service.name, service.status.kind, LOG_LINES)
            then = partial(self._show_log, service.name)
            self.ask(work, then, group="log", failed=self.session.show_error)

    def _show_detail(self) -> None:
        self.query_one("#detail", ServiceDetail).service = self.service
        self.show_keys()

    def _show_log(self, name: str, lines: Sequence[Shown]) -> None:
        title = self.query_one("#log-title", PaneTitle)
        if title.subject == safe(name):
            self.query_one("#log", LogPane).show(lines)

    @on(Table.RowSelected, "#services")
    def _selected(self) -> None:
        self.action_open_service()

    # ── from elsewhere ───────────────────────────────────────────────────────

    def act_on(self, name: str, act: Callable[[], None] | None = None) -> None:
        """Move the cursor to a service, once it is read, and `act` on it."""
        self._pending = (name, act)
        if self.read_at is not None:
            self._act_on_pending(name, act)

    def act_on_server(self, act: Callable[[], None]) -> None:
        """Move the cursor to a tracking server, unless it is on one, and `act` on it."""
        servers = [service for service in self.services if service.server is not None]
        if servers and self.service not in servers:
            self.act_on(servers[0].name, act)
        else:
            act()

    def _act_on_pending(self, name: str, act: Callable[[], None] | None) -> None:
        self._pending = None
        if not self.query_one("#services", Table).move_to(name):
            hint = did_you_mean(safe(each) for each in closest(name, [s.name for s in self.services]))
            self.session.show_error(NotFound(f"No deployment {name!r}", hint=hint))
        elif act is not None:
            act()

    def export_offer(self) -> ExportOffer | None:
        from engine.api import file_name
        from tui.deployments.offers import services_sheet
        from tui.dialogs.export import ExportChoice, ExportOffer

        if not self.services:
            return None
        label = Shown(formats.counted(len(self.services), "service"))
        return ExportOffer(
            [ExportChoice(label, partial(services_sheet, self.services))], file_name("deployments")
        )


class ServiceScreen(ServiceView):
    """Everything about one service, with its log."""

    pane_ids = ("detail-pane", "log")

    def __init__(self, service: Service, operations: Operations, *, only_log: bool) -> None:
        """With `only_log`, the log fills the view; `z` shows the rest."""
        super().__init__()
        self._service = service
        self.operations = operations
        self._only_log = only_log

    def compose_view(self) -> ComposeResult:
        with Vertical(id="one-detail"):
            yield PaneTitle("DEPLOYMENT" if self._service.deployment else "SERVER", id="detail-title")
            with ScrollPane(id="detail-pane"):
                yield ServiceDetail(id="detail")
        with Vertical(id="one-log"):
            yield PaneTitle("LOG", id="log-title")
            yield LogPane(id="log")

    def on_mount(self) -> None:
        super().on_mount()
        for title in self.query(PaneTitle):
            title.subject = safe(self._service.name)
        self.set_focus(self.query_one("#log"))
        if self._only_log:
            self.action_toggle_zoom()
        self._show_service(self._service)
        self.refresh_view()

    @property
    def service(self) -> Service | None:
        return self._service

    def action_open_service(self) -> None:
        if self.query(".-zoomed"):
            self.action_toggle_zoom()

    def action_show_log(self) -> None:
        """Show only the log, or the rest again."""
        self.set_focus(self.query_one("#log"))
        self.action_toggle_zoom()

    def refresh_view(self) -> None:
        work = partial(read_one, self.engine, self._service)
        self.ask(work, self._show, group=VIEW)

    def _show(self, found: tuple[Service, Sequence[Shown]]) -> None:
        service, lines = found
        self.record_read()
        self._show_service(service)
        self.query_one("#log", LogPane).show(lines)
        facts = formats.counted(len(lines), "line") if len(lines) < FULL_LOG_LINES else "the last lines"
        self.query_one("#log-title", PaneTitle).facts = Shown(facts)

    def _show_service(self, service: Service) -> None:
        self._service = service
        self.query_one("#detail", ServiceDetail).service = service
        self.show_keys()


@dataclass(frozen=True, slots=True)
class Found:
    """All services, and the end of the log of the one called `name`."""

    services: tuple[Service, ...]
    name: str | None
    log: tuple[Shown, ...]


def read_services(engine: Engine, name: str | None) -> Found:
    """Runs on the bridge."""
    deployments, servers = engine.deployments.all(), engine.server.all()
    services = (*map(of_deployment, deployments), *map(of_server, servers))
    shown = next((service for service in services if service.name == name), None)
    lines = () if shown is None else read_log(engine, shown.name, shown.status.kind, LOG_LINES)
    return Found(services, name, lines)


def look_up(engine: Engine, deployments: Sequence[Deployment]) -> Mapping[str, LookedUp]:
    """What the registries say, by deployment. A store that does not answer says nothing."""
    found = {}
    for store in {each.served.tracking_uri for each in deployments}:
        of_store = [each for each in deployments if each.served.tracking_uri == store]
        try:
            for each in engine.deployments.with_newer(of_store):
                found[each.name] = LookedUp(
                    each.served.version, each.newer, last_test(engine, each), each.is_gone
                )
        except EngineError as error:
            log.info("what the deployments from a store should serve is unknown: %s", error)
    return found


def last_test(engine: Engine, deployment: Deployment) -> VersionTest | None:
    """The last test on labelled rows of what a deployment serves, if it is from the engine's store."""
    served = deployment.served
    try:
        tests = engine.model_tests.last(served.model, served.version)
    except NotFound:
        return None
    is_from_here = (test for test in tests if test.server == mask(served.tracking_uri))
    return next((test for test in is_from_here if test.kind == "labelled" and test.rows), None)


def read_log(engine: Engine, name: str, kind: str, lines: int) -> tuple[Shown, ...]:
    """The end of the log of a service; empty once its files are removed."""
    read = engine.server.log if kind == "server" else engine.deployments.log
    try:
        return tuple(safe(line, LINE_LENGTH) for line in read(name, lines))
    except NotFound:
        return ()


def read_one(engine: Engine, service: Service) -> tuple[Service, tuple[Shown, ...]]:
    """A service as it is now, and its log. Raises `NotFound`."""
    if service.server is not None:
        found = of_server(engine.server.find(service.name))
    else:
        found = of_deployment(engine.deployments.find(service.name), service.known)
    return found, read_log(engine, service.name, service.status.kind, FULL_LOG_LINES)


def _states(services: Sequence[Service]) -> Iterator[str]:
    """`2 serving`, `1 failed`"""
    states = Counter(service.status.state for service in services)
    return (f"{count} {state}" for state, count in states.items())
