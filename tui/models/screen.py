"""Registered models, their versions, and what is done with them: promote, test, take back."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from engine import formats
from engine.entities import ModelVersion, RegisteredModel, Run
from engine.errors import EngineError, StoreNotFound, UntrustedModel, UsageError
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.bridge import Relay
from tui.commands.bindings import Command, Scope, command
from tui.models.reading import Runs, Versions, read_registry, read_runs
from tui.models.sources import model_source, source_text, version_source
from tui.models.version_detail import VersionDetail, VersionFacts
from tui.screen import ConsoleScreen
from tui.widgets.chrome import PaneTitle
from tui.widgets.empty import EmptyState
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import PromotionPlan, SmokeTestResult
    from tui.models.promote_dialog import Promotion

NO_VERSIONS = (
    Shown("No version yet"),
    Shown("Register a run's model under this name."),
)
READING = (Shown("reading …"),)
NOT_READ = (Shown("The versions could not be read; r tries again."),)


class ModelsScreen(ConsoleScreen):
    """Left the models, right the versions of the one under the cursor, below everything about one."""

    scope: ClassVar[Scope] = "models"
    mode = "models"
    pane_ids = ("models", "versions", "detail-pane")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.models: tuple[RegisteredModel, ...] = ()
        self.model: str | None = None
        self.registry: dict[str, tuple[ModelVersion, ...]] = {}
        self.sources: dict[str, Run | None] = {}
        self.smoke_tests: dict[tuple[str, int], SmokeTestResult | EngineError] = {}
        self.smoke_testing: set[tuple[str, int]] = set()
        self._fresh: set[str] = set()
        self._reading_models = CancelToken()
        self._reading_runs = CancelToken()
        self._wanted: tuple[str, int | None] | None = None

    def compose_view(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Vertical(id="models-pane"):
                yield PaneTitle("MODELS", id="models-title")
                yield Table(id="models", fixed_columns=0)
            with Vertical(id="versions-pane"):
                yield PaneTitle("VERSIONS", id="versions-title")
                yield Table(id="versions", empty_text=READING)
        with VerticalScroll(id="detail-pane"):
            yield VersionDetail(id="detail")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#versions", Table).focus()
        self.refresh_view()

    @property
    def version(self) -> ModelVersion | None:
        """The version under the cursor."""
        key = self.query_one("#versions", Table).cursor_key
        versions = self.registry.get(self.model or "", ())
        return next((v for v in versions if str(v.version) == key), None)

    # ── reading ──────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        self._fresh.clear()
        self.ask(self.engine.models.registered, self._show_models, group="models", failed=self._no_models)

    def _show_models(self, models: tuple[RegisteredModel, ...]) -> None:
        self.models = models
        self.registry = {m.name: self.registry[m.name] for m in models if m.name in self.registry}
        self.record_read()
        self.set_class(not models, "-empty")
        if not models:
            self._show_empty(
                "No registered model yet",
                "Train a sweep and register its best run; `mlflow-console demo` does both.",
            )
            return
        self._show_model_rows({})
        wanted, self._wanted = self._wanted, None
        table = self.query_one("#models", Table)
        if wanted is None or not self._go_to(*wanted):
            self._read_versions(table.cursor_key or models[0].name)
        self._reading_models.cancel()
        self._reading_models = token = CancelToken()

        def show(found: Versions) -> None:
            if not token.cancelled:
                self._show_model_rows(found)

        names = [model.name for model in models]
        work = partial(read_registry, self.engine, names, token, Relay(self.while_open(show)))
        self.ask(work, show, group="registry")

    def _show_model_rows(self, found: Versions) -> None:
        self.registry.update(found)
        table = self.query_one("#models", Table)
        table.set_source(model_source(self.models, self.registry, table.size.width))
        self.query_one("#models-title", PaneTitle).facts = formats.count(len(self.models))

    @on(events.Resize)
    def _refit(self) -> None:
        self.call_after_refresh(self._show_model_rows, {})

    def _no_models(self, error: EngineError) -> None:
        if self.models:
            self.show_store_error(error)
            return
        self.record_read()
        if not isinstance(error, StoreNotFound):
            self.trouble = safe(error.title)
            self.show_status()
        self.add_class("-empty")
        self._show_empty(safe(error.title), safe(error.detail), safe(error.hint))

    def _show_empty(self, title: str, *lines: str) -> None:
        self.model = None
        keys = [("4", "train a sweep"), ("r", "look again"), (":", "command line"), ("q", "quit")]
        self.query_one("#empty", EmptyState).show(title, [line for line in lines if line], keys=keys)
        self._show_detail()

    def _read_versions(self, name: str) -> None:
        """Show the versions of a model: those that are known at once, then as they are now."""
        if name != self.model:
            self.model = name
            self._show_versions(to_top=True)
        work = partial(self.engine.models.versions, name)
        take = partial(self._take_versions, name)
        self.ask(work, take, group="versions", failed=self._no_versions)

    def _take_versions(self, name: str, versions: tuple[ModelVersion, ...]) -> None:
        self._show_model_rows({name: versions})
        self.record_read()
        self._show_versions()
        self._read_sources(versions)

    def _no_versions(self, error: EngineError) -> None:
        self.show_store_error(error)
        self.query_one("#versions", Table).set_empty_text(NOT_READ)

    def _read_sources(self, versions: tuple[ModelVersion, ...]) -> None:
        self._reading_runs.cancel()
        self._reading_runs = token = CancelToken()
        run_ids = list(dict.fromkeys(v.run_id for v in versions if v.run_id not in {*self._fresh, ""}))

        def show(found: Runs) -> None:
            if not token.cancelled:
                self.sources.update(found)
                self._fresh.update(found)
                self._show_versions()

        if run_ids:
            relay = Relay(self.while_open(show))
            self.ask(partial(read_runs, self.engine, run_ids, token, relay), show, group="sources")

    def _show_versions(self, *, to_top: bool = False) -> None:
        versions = self.registry.get(self.model or "")
        table = self.query_one("#versions", Table)
        table.set_empty_text(READING if versions is None else NO_VERSIONS)
        table.set_source(version_source(versions or (), self.sources, int(time.time() * 1000)))
        if to_top and versions:
            table.move_to(str(versions[0].version))
        if self._wanted is not None and self._wanted[0] == self.model and versions:
            table.move_to(str(self._wanted[1]))
            self._wanted = None
        title = self.query_one("#versions-title", PaneTitle)
        title.subject = safe(self.model or "")
        title.facts = Shown("") if versions is None else _count(len(versions), "version")
        self._show_detail()

    def _show_detail(self) -> None:
        version, facts = self.version, None
        if version is not None:
            key = _key(version)
            facts = VersionFacts(
                version,
                self.sources.get(version.run_id),
                source_text(version, self.sources),
                self.smoke_tests.get(key),
                key in self.smoke_testing,
                next((m for m in self.models if m.name == version.name), None),
            )
        self.query_one("#detail", VersionDetail).facts = facts
        self.show_keys()

    # ── what the operator does ───────────────────────────────────────────────

    @on(Table.RowHighlighted, "#models")
    def _follow_model(self, event: Table.RowHighlighted) -> None:
        if event.key != self.model:
            self._read_versions(event.key)

    @on(Table.RowSelected, "#models")
    def _go_to_versions(self) -> None:
        self.query_one("#versions", Table).focus()

    @on(Table.RowHighlighted, "#versions")
    def _follow_version(self) -> None:
        self._show_detail()

    @on(Table.RowSelected, "#versions")
    def _open_version(self) -> None:
        self.action_open_run()

    def show_model(self, name: str, version: int | None = None) -> None:
        """Bring the cursor to a model, and to one of its versions. Raises `UsageError` when it is
        known not to be there."""
        if not self._go_to(name, version):
            if self.read_at is not None:
                names = ", ".join(safe(model.name) for model in self.models[:8]) or "none"
                raise UsageError(f"There is no model {name!r}", f"Models in this store: {names}")
            self._wanted = (name, version)

    def _go_to(self, name: str, version: int | None) -> bool:
        table = self.query_one("#models", Table)
        if not table.move_to(name):
            return False
        self._wanted = None if version is None else (name, version)
        self._read_versions(name)
        return True

    def why_not(self, command: Command) -> str | None:
        version = self.version if self.is_mounted else None
        if command.scope == "models" and command.id != "models.undo" and version is None:
            return "There is no version here."
        if version is not None and command.id == "models.open-run":
            if not version.run_id:
                return "This version has no source run."
            if version.run_id in self.sources and self.sources[version.run_id] is None:
                return "The source run of this version no longer exists."
        elif version is not None and command.id == "models.test-version":
            return "This version is being tested." if _key(version) in self.smoke_testing else None
        return super().why_not(command)

    def action_open_run(self) -> None:
        from tui.run.screen import RunScreen

        if not self.refuse("models.open-run") and self.version is not None:
            self.app.push_screen(RunScreen(self.version.run_id))

    def action_test_version(self) -> None:
        if self.refuse("models.test-version") or self.version is None:
            return
        self._test(_key(self.version), allow_code=False)

    def _test(self, key: tuple[str, int], *, allow_code: bool) -> None:
        self.smoke_testing.add(key)
        self._show_detail()
        work = partial(self.engine.models.smoke_test, *key, allow_code=allow_code)
        self.ask(
            work,
            partial(self._take_smoke_test, key),
            group=f"smoke_test {key}",
            failed=partial(self._smoke_test_failed, key),
        )

    def _smoke_test_failed(self, key: tuple[str, int], error: EngineError) -> None:
        """Ask before a model may run code of its own."""
        self._take_smoke_test(key, error)
        if not isinstance(error, UntrustedModel) or not self.is_current or self.session.read_only:
            return
        from tui.dialogs.confirm import ConfirmDialog

        where = f"Loading it runs that code on this machine, as {self.session.user}."
        lines = [Content(safe(text)) for text in (error.title + ".", error.detail, where, error.hint)]

        def test(allowed: bool | None) -> None:
            if allowed:
                self._test(key, allow_code=True)

        self.app.push_screen(ConfirmDialog("Load this model?", lines, yes="Load and test"), test)

    def _take_smoke_test(self, key: tuple[str, int], outcome: SmokeTestResult | EngineError) -> None:
        self.smoke_testing.discard(key)
        self.smoke_tests[key] = outcome
        self._show_detail()
        passed = not isinstance(outcome, EngineError) and outcome.ok
        self.session.say(f"{key[0]} {key[1]}: test {'passed' if passed else 'failed'}", warning=not passed)

    def action_promote(self) -> None:
        if not self.refuse("models.promote") and self.version is not None:
            self._open_promotion(self.version.name, self.version.version, "")

    def promote(self, model: str, version: int, target: str) -> None:
        """Open the promotion dialog on a version and a stage or alias; it alone can write."""
        reason = super().why_not(command("models.promote"))
        if reason is not None:
            self.session.say(reason, warning=True)
            return
        if not self._go_to(model, version):
            self._wanted = (model, version)
        self._open_promotion(model, version, target)

    def _open_promotion(self, model: str, version: int, target: str) -> None:
        from tui.models.promote_dialog import PromoteDialog

        def write(promotion: Promotion | None) -> None:
            if promotion is not None:
                self._write(promotion.plan, promotion.reason, "promoting")

        smoke_test = self.smoke_tests.get((model, version))
        dialog = PromoteDialog(
            self.engine, self.session.bridge, model, version, target=target, smoke_test=smoke_test
        )
        self.app.push_screen(dialog, write)

    def _write(self, plan: PromotionPlan, reason: str, doing: str) -> None:
        from tui.models.write_dialog import WriteDialog

        apply = partial(self.engine.models.promote, plan, reason=reason)
        read = partial(self.engine.models.versions, plan.model)
        dialog = WriteDialog(self.session.bridge, plan, apply, read, doing=doing)
        self.app.push_screen(dialog, lambda _: self.refresh_view())

    def action_undo(self) -> None:
        if not self.refuse("models.undo"):
            told = self.session.show_error
            self.ask(self.engine.models.plan_undo, self._confirm_undo, group="undo", failed=told, opens=True)

    def _confirm_undo(self, plan: PromotionPlan) -> None:
        from tui.dialogs.confirm import ConfirmDialog
        from tui.models.plan_view import change_text

        if not self.is_current:
            return
        told = [Content(f"The last promotion of {safe(plan.model)} is taken back:")]
        told += [Content.assemble("  ", change_text(change)) for change in plan.changes]

        def write(agreed: bool | None) -> None:
            if agreed:
                self._write(plan, "", "undoing")

        self.app.push_screen(ConfirmDialog(f"Undo · {plan.server}", told, yes="Take back"), write)


def _key(version: ModelVersion) -> tuple[str, int]:
    return version.name, version.version


def _count(number: int, noun: str) -> Shown:
    return Shown(f"{formats.count(number)} {noun}{'s' if number != 1 else ''}")
