"""The models view: registered models and their versions; promote, undo and test."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.entities import ModelVersion, RegisteredModel
from engine.errors import EngineError, NotFound, StagesUnsupported
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.bridge import Relay
from tui.commands.bindings import Command, Scope, command
from tui.models.approval import Approval, is_waiting
from tui.models.batches import read_each
from tui.models.model_pane import ModelPane
from tui.models.promoting import Promoting
from tui.models.removal import Removal
from tui.models.source_runs import SourceRuns
from tui.models.sources import source_text
from tui.models.unavailable import why_not_on_version
from tui.models.version_detail import VersionDetail, VersionFacts
from tui.runs.arranging import Arranging
from tui.runs.pane import Rows, RunPane
from tui.runs.saved_views import SavedViewCommands
from tui.runs.session import RunSession, SessionChange
from tui.screen import VIEW, ConsoleScreen, ReadSnippets, compare_reason
from tui.state import ComparedVersions
from tui.widgets.empty import EmptyState
from tui.widgets.scroll_pane import ScrollPane
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import Policy, RunFrame, SmokeTestResult
    from tui.dialogs.export import ExportOffer
    from tui.run.screen import KnownRun

T = TypeVar("T")

VERSIONS = Rows(
    "versions",
    "VERSIONS",
    "accuracy > 0.9 and alias = champion",
    (Shown("No versions yet"), Shown("Register a run's model under this name.")),
)
READING = (Shown("reading …"),)
VERSIONS_UNREADABLE = (Shown("Could not read the versions; press r to retry"),)


class ModelsScreen(ConsoleScreen):
    """Models on the left, the selected model's versions on the right, the selected version's details
    below."""

    scope: ClassVar[Scope] = "models"
    mode = "models"
    pane_ids = ("models", "versions", "detail-pane")
    CSS_PATH = "screen.tcss"

    versions: RunSession
    _arranging: Arranging

    def __init__(self) -> None:
        super().__init__()
        self.models: tuple[RegisteredModel, ...] = ()
        self.model: str | None = None
        self.registry: dict[str, tuple[ModelVersion, ...]] = {}
        self._runs = SourceRuns(self, self._show_sources)
        self.smoke_tests: dict[tuple[str, int], SmokeTestResult | EngineError] = {}
        self.policies: dict[str, tuple[Policy, ...] | EngineError] = {}
        self.no_stages: StagesUnsupported | None = None
        """What a registry without stages says."""
        self._reading_models = CancelToken()
        self._pending_target: tuple[str, int | None] | None = None

    def compose_view(self) -> ComposeResult:
        self.versions = RunSession(self.engine, self.session.bridge, self.tasks, self._versions_changed)
        self._arranging = Arranging(self, self.versions, lambda: self.pane)
        with Horizontal(id="panes"):
            yield ModelPane(id="models-pane")
            yield RunPane(self.versions, of=VERSIONS, id="versions-pane")
        with ScrollPane(id="detail-pane"):
            yield VersionDetail(id="detail")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.pane.table.focus()
        self.refresh_view()

    @property
    def pane(self) -> RunPane:
        return self.query_one("#versions-pane", RunPane)

    @property
    def model_pane(self) -> ModelPane:
        return self.query_one("#models-pane", ModelPane)

    def on_screen_resume(self) -> None:
        """Show the version that another view has registered."""
        super().on_screen_resume()
        new, self.state.registered = self.state.registered, None
        if new is None:
            return
        self.session.say(f"Registered {new.model} version {new.version}; u in Activity (6) undoes")
        self.show_model(new.model, new.version)
        if new.promotes:
            self._promoting.open(new.model, new.version)

    @property
    def version(self) -> ModelVersion | None:
        """The version under the cursor."""
        key = self.pane.table.cursor_key
        versions = self.registry.get(self.model or "", ())
        return next((v for v in versions if str(v.version) == key), None)

    # ── reading ──────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        self._runs.expire()
        self._read_models(self._show_models)
        show = self.model_pane.show_prompts
        self.ask(self.engine.models.prompt_count, show, group="prompts", failed=lambda _: show(None))

    def refresh_changes(self) -> None:
        """Read the versions of the models that have changed and of the one under the cursor."""
        self._runs.expire(unfinished=True)
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

        def show_all(found: Mapping[str, tuple[ModelVersion, ...] | None]) -> None:
            show(found)
            self._runs.read_owners(self.registry.values())

        names = [model.name for model in models if changed is None or model.name in changed]
        relay = Relay(self.while_open(show))
        self.ask(
            partial(read_each, self.engine.models.versions, names, token, relay), show_all, group="registry"
        )

    def _show_model_rows(self, found: Mapping[str, tuple[ModelVersion, ...]]) -> None:
        self.registry.update(found)
        has_stages = self.no_stages is None
        self.model_pane.show(self.models, self.registry, self._runs.known, has_stages=has_stages)

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
            self.pane.begin(name, self.state.model(name))
            self.versions.begin(self.state.model(name))
            self._show_versions()
        work = partial(self.engine.models.versions, name)
        done = partial(self._set_versions, name)
        self.ask(work, done, group="versions", failed=self._versions_failed)

    def _set_versions(self, name: str, versions: tuple[ModelVersion, ...]) -> None:
        self._show_model_rows({name: versions})
        self.record_read()
        pending = self._pending_target
        if pending is not None and pending[0] == name and pending[1] not in {v.version for v in versions}:
            self._pending_target = None  # it does not exist
        self._show_versions()
        self._runs.read(versions)

        def show_policies(found: tuple[Policy, ...] | EngineError) -> None:
            self.policies[name] = found
            self._show_detail()

        def show_no_stages(error: StagesUnsupported | None) -> None:
            if (self.no_stages is None) != (error is None):
                self.no_stages = error
                self._show_sources()

        work = partial(self.engine.models.policies, name)
        self.ask(work, show_policies, group="policies", failed=show_policies)
        self.ask(partial(self.engine.models.without_stages, name), show_no_stages, group="stages")

    def _versions_failed(self, error: EngineError) -> None:
        self.show_store_error(error)
        self.pane.table.set_empty_text(VERSIONS_UNREADABLE)

    def _show_sources(self) -> None:
        """Draw the models and the versions again, with what else is known of them."""
        self._show_model_rows({})
        self._show_versions()

    def _show_versions(self) -> None:
        """Show what is known of the model's versions and their source runs."""
        from engine.api import version_frame

        model, versions = self.model, self.registry.get(self.model or "")

        def show(frame: RunFrame) -> None:
            if model == self.model:
                self.versions.show_frame(frame)

        if versions is None:
            self.pane.table.set_empty_text(READING)
        else:
            known, logged = dict(self._runs.known), dict(self._runs.logged)
            has_stages = self.no_stages is None
            work = partial(version_frame, versions, known, logged, has_stages=has_stages)
            self.ask(work, show, group="frame")
        self._show_detail()

    def _versions_changed(self, change: SessionChange) -> None:
        if not self.is_running or self.session.leaving:  # the widgets may be gone
            return
        self.pane.update(change)
        if change == "rows":
            self._go_to_pending()
            self._show_detail()
        elif change == "marks":
            self.show_keys()

    def _go_to_pending(self) -> None:
        """Move the cursor to the requested version; a filter that hides it is cleared."""
        pending, arranged = self._pending_target, self.versions.arranged
        if pending is None or pending[0] != self.model or arranged is None:
            return
        if self.pane.table.move_to(str(pending[1])):
            self._pending_target = None
        elif arranged.frame.row_of(str(pending[1])) is not None and self.versions.is_filtered:
            self.pane.clear_filter()

    def _show_detail(self) -> None:
        version, facts = self.version, None
        if version is not None:
            key = _key(version)
            facts = VersionFacts(
                version,
                self._runs.known.get(version.run_id),
                source_text(version, self._runs.known),
                self.smoke_tests.get(key),
                next((m for m in self.models if m.name == version.name), None),
                self.policies.get(version.name, ()),
                self.no_stages,
            )
        self.query_one("#detail", VersionDetail).facts = facts
        self.show_keys()

    # ── the cursor ───────────────────────────────────────────────────────────

    @on(ModelPane.Found)
    @on(Table.RowHighlighted, "#models")
    def _show_highlighted_model(self, event: ModelPane.Found | Table.RowHighlighted) -> None:
        if event.key != self.model:
            self._read_versions(event.key)

    @on(Table.RowSelected, "#models")
    def _go_to_versions(self) -> None:
        self.pane.table.focus()

    @on(RunPane.Highlighted)
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
        table = self.model_pane.table
        if table.source.row_of(name) is None and any(model.name == name for model in self.models):
            self.model_pane.close_search()
        if not table.move_to(name):
            return False
        self._pending_target = None if version is None else (name, version)
        self._read_versions(name)
        return True

    # ── the table of versions ────────────────────────────────────────────────

    def peel(self) -> bool:
        if self.model_pane.is_searching:
            self.model_pane.close_search()
        elif self.versions.view.filter_text:
            self.pane.clear_filter()
        elif self.versions.state.marks:
            self.versions.set_marks(frozenset())
        else:
            return False
        return True

    def action_open_filter(self) -> None:
        """Filter the versions; in the list of models, search it."""
        if self.refuse("models.open-filter"):
            return
        if self.model_pane.table.has_focus:
            self.model_pane.open_search()
        else:
            self.pane.filter_bar.open()

    def action_sort_column(self) -> None:
        if not self.refuse("models.sort-column"):
            self.pane.sort_by_column()

    def action_pick_sort(self) -> None:
        if not self.refuse("models.pick-sort"):
            self._arranging.pick_sort()

    def action_pick_columns(self) -> None:
        if not self.refuse("models.pick-columns"):
            self._arranging.pick_columns()

    @property
    def saved_views(self) -> SavedViewCommands | None:
        """The saved views of the selected model's versions."""
        if self.model is None:
            return None
        saved = self.engine.models.saved_views(self.model)
        return SavedViewCommands(self, saved, self.pane.show_view)

    def action_pick_view(self) -> None:
        if not self.refuse("models.pick-view") and self.saved_views is not None:
            self.saved_views.pick()

    def action_toggle_constants(self) -> None:
        self._arranging.toggle_constants()

    def action_widen_column(self, cells: int) -> None:
        self.pane.widen_column(cells)

    def action_chart_metric(self) -> None:
        """Chart the metric of the focused column, or the usual one, over the marked versions, else over those
        shown."""
        from tui.models.chart_dialog import open_chart

        metric = self.pane.focused_metric()
        if not self.refuse("models.chart-metric") and self.model is not None and metric is not None:
            open_chart(self, self.versions, self.model, metric)

    # ── commands ─────────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        if command.scope == "models":
            version, sources = self.version if self.is_mounted else None, self._runs.known
            if reason := why_not_on_version(command, self.model, version, sources):
                return reason
        if command.id == "models.compare-marked":
            return compare_reason(len(self.versions.state.marks), "versions")
        if command.id == "models.chart-metric" and self.pane.focused_metric() is None:
            return "No version has a metric."
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

        return KnownRun(version.run_id, self._runs.known.get(version.run_id), self.read_at)

    def _step_run(self, by: int) -> KnownRun | None:
        """The source run of the next version that has one."""
        with_run = {str(v.version) for v in self.registry.get(self.model or "", ()) if v.run_id}
        moved = self.pane.table.step_row(by, with_run.__contains__)
        return None if moved is None or self.version is None else self._known_run(self.version)

    def action_compare_marked(self) -> None:
        if self.refuse("models.compare-marked") or self.model is None:
            return
        marks = self.versions.state.marks
        self.state.compared = ComparedVersions(self.model, tuple(sorted(map(int, marks))))
        self.run_worker(self.session.show_mode("compare"))

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
        arranged, marks = self.versions.arranged, self.versions.state.marks
        return models_offer(self.models, self.registry, self.model, arranged, marks)

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
            self._promoting.open(*_key(self.version))

    def promote(self, model: str, version: int, target: str) -> None:
        """Open the promotion dialog for a version and a stage or alias. Only the dialog can start the
        write."""
        reason = super().why_not(command("models.promote"))
        if reason is not None:
            self.session.say(reason, warning=True)
            return
        if not self._go_to(model, version):
            self._pending_target = (model, version)
        self._promoting.open(model, version, target)

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
    def _promoting(self) -> Promoting:
        return Promoting(self, self.smoke_tests, self.refresh_view)

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
            self._promoting.undo()


def _key(version: ModelVersion) -> tuple[str, int]:
    return version.name, version.version
