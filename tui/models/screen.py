"""The models view: registered models and their versions; promote, undo and test."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from engine import formats
from engine.entities import ModelVersion, RegisteredModel, Run
from engine.errors import EngineError, NotFound, StagesUnsupported
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.bridge import Relay
from tui.commands.bindings import Command, Scope, command
from tui.models.approval import Approval, is_waiting
from tui.models.removal import Removal
from tui.models.sources import model_source, source_text, version_source
from tui.models.version_detail import VersionDetail, VersionFacts
from tui.screen import VIEW, ConsoleScreen, ReadSnippets, compare_reason
from tui.state import ComparedVersions
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.scroll_pane import ScrollPane
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import Policy, PromotionPlan, SmokeTestResult
    from tui.dialogs.export import ExportOffer
    from tui.models.promote_dialog import Promotion
    from tui.run.screen import KnownRun

T = TypeVar("T")

BATCH_SECONDS = 0.2
"""How often partial results are shown."""
NO_VERSIONS = (
    Shown("No versions yet"),
    Shown("Register a run's model under this name."),
)
READING = (Shown("reading …"),)
_WITHOUT_VERSION = ("models.undo", "models.export", "models.edit", "models.delete", "models.show-history")
"""The commands that need no version."""
VERSIONS_UNREADABLE = (Shown("Could not read the versions; press r to retry"),)


class ModelsScreen(ConsoleScreen):
    """Models on the left, the selected model's versions on the right, the selected version's details
    below."""

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
        self.policies: dict[str, tuple[Policy, ...] | EngineError] = {}
        self.no_stages: StagesUnsupported | None = None
        """What a registry without stages says."""
        self._fresh_run_ids: set[str] = set()
        self._reading_models = CancelToken()
        self._reading_runs = CancelToken()
        self._pending_target: tuple[str, int | None] | None = None

    def compose_view(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Vertical(id="models-pane"):
                yield PaneTitle("MODELS", id="models-title")
                yield Table(id="models", can_mark=False)
            with Vertical(id="versions-pane"):
                yield PaneTitle("VERSIONS", id="versions-title")
                yield Table(id="versions", empty_text=READING)
        with ScrollPane(id="detail-pane"):
            yield VersionDetail(id="detail")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#versions", Table).focus()
        self.refresh_view()

    def on_screen_resume(self) -> None:
        """Show the version that another view has registered."""
        super().on_screen_resume()
        new, self.state.registered = self.state.registered, None
        if new is None:
            return
        self.session.say(f"Registered {new.model} version {new.version}; u in Activity (6) undoes")
        self.show_model(new.model, new.version)
        if new.promotes:
            self._open_promotion(new.model, new.version, "")

    @property
    def version(self) -> ModelVersion | None:
        """The version under the cursor."""
        key = self.query_one("#versions", Table).cursor_key
        versions = self.registry.get(self.model or "", ())
        return next((v for v in versions if str(v.version) == key), None)

    # ── reading ──────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        self._fresh_run_ids.clear()
        self._read_models(self._show_models)

    def refresh_changes(self) -> None:
        """Read the versions of the models that have changed and of the one under the cursor."""
        finished = {run_id for run_id, run in self.sources.items() if run is None or run.is_finished}
        self._fresh_run_ids &= finished
        known = {model.name: model for model in self.models}

        def show(models: tuple[RegisteredModel, ...]) -> None:
            changed = {m.name for m in models if m != known.get(m.name) or m.name not in self.registry}
            self._show_models(models, changed)

        self._read_models(show)

    def _read_models(self, then: Callable[[tuple[RegisteredModel, ...]], None]) -> None:
        self.ask(self.engine.models.registered, then, group=VIEW, failed=self._models_failed)

    def _show_models(
        self, models: tuple[RegisteredModel, ...], changed: Container[str] | None = None
    ) -> None:
        """Show the models, and read the versions of those that have `changed`, by default of all."""
        self.models = models
        self.registry = {m.name: self.registry[m.name] for m in models if m.name in self.registry}
        self.record_read()
        if not models:
            self.show_page(
                "No registered models yet",
                "Train a sweep and register its best run; `mlflow-console demo` does both.",
                keys=[("4", "train a sweep"), ("r", "refresh"), (":", "command line"), ("q", "back")],
            )
            self._show_no_model()
            return
        self.hide_page()
        self._show_model_rows({})
        target, self._pending_target = self._pending_target, None
        table = self.query_one("#models", Table)
        if target is None or not self._go_to(*target):
            self._read_versions(table.cursor_key or models[0].name)
        self._reading_models.cancel()
        self._reading_models = token = CancelToken()

        def show(found: Mapping[str, tuple[ModelVersion, ...] | None]) -> None:
            if not token.cancelled:
                self._show_model_rows(
                    {name: versions for name, versions in found.items() if versions is not None}
                )

        names = [model.name for model in models if changed is None or model.name in changed]
        relay = Relay(self.while_open(show))
        self.ask(
            partial(_read_each, self.engine.models.versions, names, token, relay), show, group="registry"
        )

    def _show_model_rows(self, found: Mapping[str, tuple[ModelVersion, ...]]) -> None:
        self.registry.update(found)
        table = self.query_one("#models", Table)
        table.set_source(model_source(self.models, self.registry, table.size.width))
        self.query_one("#models-title", PaneTitle).facts = formats.count(len(self.models))

    @on(Table.Resized, "#models")
    def _fit(self) -> None:
        self._show_model_rows({})

    def _models_failed(self, error: EngineError) -> None:
        if self.models:
            self.show_store_error(error)
        else:
            self.show_error_page(error)
            self._show_no_model()

    def _show_no_model(self) -> None:
        self.model = None
        self._show_detail()

    def _read_versions(self, name: str) -> None:
        """Show a model's versions: those already known at once, then the current ones."""
        if name != self.model:
            self.model = name
            self._show_versions(to_top=True)
        work = partial(self.engine.models.versions, name)
        done = partial(self._set_versions, name)
        self.ask(work, done, group="versions", failed=self._versions_failed)

    def _set_versions(self, name: str, versions: tuple[ModelVersion, ...]) -> None:
        self._show_model_rows({name: versions})
        self.record_read()
        self._show_versions()
        if self._pending_target is not None and self._pending_target[0] == name:
            self._pending_target = None  # it does not exist
        self._read_sources(versions)

        def show_policies(found: tuple[Policy, ...] | EngineError) -> None:
            self.policies[name] = found
            self._show_detail()

        def show_no_stages(error: StagesUnsupported | None) -> None:
            self.no_stages = error
            self._show_detail()

        work = partial(self.engine.models.policies, name)
        self.ask(work, show_policies, group="policies", failed=show_policies)
        self.ask(partial(self.engine.models.without_stages, name), show_no_stages, group="stages")

    def _versions_failed(self, error: EngineError) -> None:
        self.show_store_error(error)
        self.query_one("#versions", Table).set_empty_text(VERSIONS_UNREADABLE)

    def _read_sources(self, versions: tuple[ModelVersion, ...]) -> None:
        self._reading_runs.cancel()
        self._reading_runs = token = CancelToken()
        run_ids = list(
            dict.fromkeys(v.run_id for v in versions if v.run_id not in {*self._fresh_run_ids, ""})
        )

        def read_run(run_id: str) -> Run:
            return self.engine.runs.detail(run_id).run

        def show(found: Mapping[str, Run | None]) -> None:
            if not token.cancelled:
                self.sources.update(found)
                self._fresh_run_ids.update(found)
                self._show_versions()

        if run_ids:
            relay = Relay(self.while_open(show))
            self.ask(partial(_read_each, read_run, run_ids, token, relay), show, group="sources")

    def _show_versions(self, *, to_top: bool = False) -> None:
        versions = self.registry.get(self.model or "")
        table = self.query_one("#versions", Table)
        table.set_empty_text(READING if versions is None else NO_VERSIONS)
        table.set_source(version_source(versions or (), self.sources, int(time.time() * 1000)))
        if to_top:
            table.set_marks(())
        if to_top and versions:
            table.move_to(str(versions[0].version))
        pending = self._pending_target
        if pending is not None and pending[0] == self.model and table.move_to(str(pending[1])):
            self._pending_target = None
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
                next((m for m in self.models if m.name == version.name), None),
                self.policies.get(version.name, ()),
                self.no_stages,
            )
        self.query_one("#detail", VersionDetail).facts = facts
        self.show_keys()

    # ── the cursor ───────────────────────────────────────────────────────────

    @on(Table.RowHighlighted, "#models")
    def _show_highlighted_model(self, event: Table.RowHighlighted) -> None:
        if event.key != self.model:
            self._read_versions(event.key)

    @on(Table.RowSelected, "#models")
    def _go_to_versions(self) -> None:
        self.query_one("#versions", Table).focus()

    @on(Table.RowHighlighted, "#versions")
    def _show_highlighted_version(self) -> None:
        self._show_detail()

    @on(Table.RowSelected, "#versions")
    def _open_version(self) -> None:
        self.action_open_run()

    def show_model(self, name: str, version: int | None = None) -> None:
        """Move the cursor to a model and to one of its versions, once they are read. A model that is not
        listed may be new, or not exist: the store knows."""

        def failed(error: EngineError) -> None:
            self._pending_target = None
            self.session.show_error(error)

        if self._go_to(name, version):
            return
        self._pending_target = (name, version)
        if self.read_at is not None:
            find = partial(self.engine.models.model, name)
            self.ask(find, lambda _: self.refresh_view(), group="model", failed=failed)

    def _go_to(self, name: str, version: int | None) -> bool:
        table = self.query_one("#models", Table)
        if not table.move_to(name):
            return False
        self._pending_target = None if version is None else (name, version)
        self._read_versions(name)
        return True

    # ── commands ─────────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        version = self.version if self.is_mounted else None
        on_version = command.scope == "models" and command.id not in _WITHOUT_VERSION
        if on_version and version is None:
            return "No version selected."
        if command.id in ("models.edit", "models.delete", "models.show-history") and self.model is None:
            return "No model selected."
        if version is not None and command.id in ("models.open-run", "models.show-artifacts"):
            if not version.run_id:
                return "This version has no source run."
            if version.run_id in self.sources and self.sources[version.run_id] is None:
                return "The source run of this version no longer exists."
        elif version is not None and command.id == "models.compare-marked":
            return compare_reason(len(self.query_one("#versions", Table).marks), "versions")
        return super().why_not(command)

    def action_open_run(self) -> None:
        from tui.run.screen import RunScreen

        if not self.refuse("models.open-run") and self.version is not None:
            self.app.push_screen(RunScreen(self._known_run(self.version), self._step_run))

    def action_show_artifacts(self) -> None:
        """Open the files of the version's model, in those of its source run."""
        from tui.artifacts.screen import ArtifactsScreen

        if self.refuse("models.show-artifacts") or (version := self.version) is None:
            return
        subject = safe(f"{version.name} {version.version}")

        def show(location: tuple[str, str]) -> None:
            self.app.push_screen(ArtifactsScreen(location[0], subject, location[1]))

        work = partial(self.engine.artifacts.model_location, f"models:/{version.name}/{version.version}")
        self.ask(work, show, group="artifacts", failed=self.session.show_error)

    def _known_run(self, version: ModelVersion) -> KnownRun:
        from tui.run.screen import KnownRun

        return KnownRun(version.run_id, self.sources.get(version.run_id), self.read_at)

    def _step_run(self, by: int) -> KnownRun | None:
        """The source run of the next version that has one."""
        with_run = {str(v.version) for v in self.registry.get(self.model or "", ()) if v.run_id}
        moved = self.query_one("#versions", Table).step_row(by, with_run.__contains__)
        return None if moved is None or self.version is None else self._known_run(self.version)

    def action_compare_marked(self) -> None:
        if self.refuse("models.compare-marked") or self.model is None:
            return
        marks = self.query_one("#versions", Table).marks
        self.state.compared = ComparedVersions(self.model, tuple(sorted(map(int, marks))))
        self.run_worker(self.session.show_mode("compare"))

    @on(Table.MarksChanged, "#versions")
    def _show_whether_comparable(self) -> None:
        self.show_keys()

    def action_edit(self) -> None:
        """Edit the version; in the list of models, the model."""
        if self.refuse("models.edit") or self.model is None:
            return
        is_on_model = self.query_one("#models", Table).has_focus
        self.edit(self.model, None if is_on_model else self.version)

    def edit(self, model: str, version: ModelVersion | None) -> None:
        """Edit a version, or without one the model."""
        from engine.api import Subject
        from tui.editing.editing import Editing

        editing = Editing(self, self.refresh_view)
        if version is None:
            editing.start([Subject("model", model)], model)
        else:
            editing.start([Subject("version", f"{model}/{version.version}")], f"{version.version} of {model}")

    def snippets(self) -> ReadSnippets | None:
        return None if self.version is None else self.version_snippets(self.version)

    def export_offer(self) -> ExportOffer | None:
        from tui.models.export import models_offer

        if not self.models:
            return None
        return models_offer(self.models, self.registry, self.sources, self.model)

    def action_test_version(self) -> None:
        if not self.refuse("models.test-version") and self.version is not None:
            self.open_test(*_key(self.version))

    def open_test(self, model: str, version: int) -> None:
        """Open the tests of a version; what its smoke test finds is shown here, too."""
        from tui.model_tests.screen import ModelTestScreen

        key = model, version

        def record(outcome: SmokeTestResult | EngineError) -> None:
            self.smoke_tests[key] = outcome
            self._show_detail()

        tests = ModelTestScreen(*key, smoke_test=self.smoke_tests.get(key), smoke_tested=record)
        self.app.push_screen(tests)

    def action_deploy(self) -> None:
        """Offer to deploy the version in the deployments view: by its alias, if it has one, so that the
        deployment can follow it."""
        if self.refuse("models.deploy") or (version := self.version) is None:
            return
        aliases = sorted(version.aliases, key=lambda alias: alias != "champion")
        target = f"@{aliases[0]}" if aliases else f"/{version.version}"
        self.state.to_deploy = f"{version.name}{target}"
        self.run_worker(self.session.show_mode("deployments"))

    def action_promote(self) -> None:
        if not self.refuse("models.promote") and self.version is not None:
            self._open_promotion(self.version.name, self.version.version, "")

    def promote(self, model: str, version: int, target: str) -> None:
        """Open the promotion dialog for a version and a stage or alias. Only the dialog can start the
        write."""
        reason = super().why_not(command("models.promote"))
        if reason is not None:
            self.session.say(reason, warning=True)
            return
        if not self._go_to(model, version):
            self._pending_target = (model, version)
        self._open_promotion(model, version, target)

    def _open_promotion(self, model: str, version: int, target: str) -> None:
        from tui.models.promote_dialog import PromoteDialog

        def write(promotion: Promotion | None) -> None:
            if promotion is not None:
                self._write(promotion.plan, promotion.reason, dialog.target.activity, promotion.force)

        smoke_test = self.smoke_tests.get((model, version))
        dialog = PromoteDialog(
            self.engine, self.session.bridge, model, version, target=target, smoke_test=smoke_test
        )
        self.app.push_screen(dialog, write)

    def _write(self, plan: PromotionPlan, reason: str, activity: str, force: str = "") -> None:
        from tui.models.write_dialog import WriteDialog

        apply = partial(self.engine.models.promote, plan, reason=reason, force=force)
        read = partial(self.engine.models.versions, plan.model)
        dialog = WriteDialog(self.session.bridge, plan, apply, read, activity=activity)
        self.app.push_screen(dialog, lambda _: self.refresh_view())

    def action_delete(self) -> None:
        """Delete the version; in the list of models, the model."""
        if self.refuse("models.delete") or self.model is None:
            return
        is_on_model = self.query_one("#models", Table).has_focus or self.version is None
        number = None if is_on_model or self.version is None else self.version.version
        Removal(self, self.refresh_view).start(self.model, number)

    def act_on(self, command_id: str, model: str, version: int, act: Callable[[ModelVersion], None]) -> None:
        """Move the cursor to a version, read it, and `act` on it, unless the command is disabled."""

        def found(versions: tuple[ModelVersion, ...]) -> None:
            wanted = next((v for v in versions if v.version == version), None)
            if wanted is None:
                self.session.show_error(NotFound(f"{model} has no version {version}"))
            else:
                self.show_model(model, version)
                act(wanted)

        if reason := super().why_not(command(command_id)):
            self.session.say(reason, warning=True)
        else:
            work = partial(self.engine.models.versions, model)
            self.ask(work, found, group="act", failed=self.session.show_error, opens=True)

    def action_answer(self, action: str = "") -> None:
        """Answer the request that waits on the version, or without one, request a promotion. `action` is
        suggested: approve or reject."""
        if not self.refuse("models.answer") and (version := self.version) is not None:
            approval = self.approval
            approval.answer(version, action) if action or is_waiting(version) else approval.request(version)

    @property
    def approval(self) -> Approval:
        return Approval(self, self._read_versions)

    def action_show_history(self) -> None:
        if not self.refuse("models.show-history") and self.model is not None:
            self.show_history(self.model)

    def show_history(self, model: str) -> None:
        from tui.models.history_dialog import HistoryDialog

        self.app.push_screen(HistoryDialog(self.engine, self.session.bridge, model))

    def action_show_lineage(self) -> None:
        if not self.refuse("models.show-lineage") and self.version is not None:
            self.show_lineage(*_key(self.version))

    def show_lineage(self, model: str, version: int) -> None:
        from engine.api import Place
        from tui.lineage.screen import LineageScreen

        self.app.push_screen(LineageScreen(Place("version", f"{model}/{version}")))

    def action_undo(self) -> None:
        if not self.refuse("models.undo"):
            failed = self.session.show_error
            self.ask(
                self.engine.models.plan_undo, self._confirm_undo, group="undo", failed=failed, opens=True
            )

    def _confirm_undo(self, plan: PromotionPlan) -> None:
        from tui.dialogs.confirm import ConfirmDialog
        from tui.models.plan_view import change_text

        if not self.is_current:
            return
        lines = [Content(f"Undo the last promotion of {safe(plan.model)}:")]
        lines += [Content.assemble("  ", change_text(change)) for change in plan.changes]

        def write(confirmed: bool | None) -> None:
            if confirmed:
                self._write(plan, "", "undoing")

        self.app.push_screen(ConfirmDialog(f"Undo · {plan.server}", lines, yes="Undo"), write)


def _read_each(
    read: Callable[[str], T],
    keys: Iterable[str],
    token: CancelToken,
    show: Callable[[Mapping[str, T | None]], None],
) -> Mapping[str, T | None]:
    """Read one item per key; None for an item that no longer exists. Runs on the bridge, and calls `show`
    with the items so far every BATCH_SECONDS."""
    found: dict[str, T | None] = {}
    shown = time.monotonic()
    for key in keys:
        if token.cancelled:
            break
        try:
            found[key] = read(key)
        except NotFound:
            found[key] = None
        if time.monotonic() - shown > BATCH_SECONDS:
            show(dict(found))
            shown = time.monotonic()
    return found


def _key(version: ModelVersion) -> tuple[str, int]:
    return version.name, version.version


def _count(number: int, noun: str) -> Shown:
    return Shown(f"{formats.count(number)} {noun}{'s' if number != 1 else ''}")
