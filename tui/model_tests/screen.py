"""The view that tests a model version or a deployment: requests, labelled rows, two versions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine import formats
from engine.errors import EngineError, UntrustedModel, UsageError
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from tui.bridge import Relay
from tui.commands.bindings import Command, Scope
from tui.model_tests.request_pane import RequestPane
from tui.model_tests.results import (
    answer_lines,
    error_lines,
    labelled_lines,
    load_lines,
    shadow_lines,
    smoke_test_items,
)
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.lines import Lines, field
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.scroll_pane import ScrollPane

if TYPE_CHECKING:
    from engine.api import (
        Answer,
        Deployment,
        LabelledTest,
        LoadOptions,
        LoadTest,
        ModelDescription,
        Request,
        RequestTemplate,
        ShadowTest,
        SmokeTestResult,
        Target,
    )
    from engine.entities import ModelVersion
    from tui.model_tests.rows_dialog import ChosenRows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test that runs, or what came of it: `lines` lays it out for a width."""

    title: str
    lines: Callable[[int], Iterable[Content]]


class TestResults(Lines):
    """The model, its smoke test, then the outcomes of the other tests, the latest first."""

    __test__ = False  # for pytest
    DEFAULT_CSS = """
    TestResults { padding: 0 1; }
    """

    model: reactive[Shown] = reactive(Shown(""), layout=True)
    """How the model is stored, and whose it is."""
    smoke_test: reactive[SmokeTestResult | EngineError | None] = reactive(None, layout=True)
    running: reactive[str] = reactive("", layout=True)
    """What runs now, by its title."""
    note: reactive[Shown] = reactive(Shown(""), layout=True)
    """How far it is."""
    outcomes: reactive[tuple[Outcome, ...]] = reactive((), layout=True)

    def lines(self, width: int) -> list[Content]:
        lines = field("model", [Content(self.model)] if self.model else [], width)
        lines += field("smoke test", self._smoke_items(), width)
        if self.running and self.running != SMOKE:
            lines += [Content(""), _heading(self.running), Content(self.note or RUNNING[self.running])]
        for outcome in self.outcomes:
            lines += [Content(""), _heading(outcome.title), *outcome.lines(width)]
        return lines

    def _smoke_items(self) -> list[Content]:
        if self.running == SMOKE:
            return [Content(RUNNING[SMOKE])]
        if self.smoke_test is None:
            return [Content.styled("not run yet (T runs it)", "$text-muted")]
        return list(smoke_test_items(self.smoke_test))


def _heading(title: str) -> Content:
    return Content.styled(title.upper(), "bold $text-muted")


SMOKE, ANSWER, LABELLED, SHADOW, LOAD = "smoke test", "answer", "labelled rows", "two versions", "load"
RUNNING: Mapping[str, str] = {
    SMOKE: "loading the model and predicting on its input example …",
    ANSWER: "waiting for the answer …",
    LABELLED: "predicting the labelled rows …",
    SHADOW: "predicting the rows with both versions …",
    LOAD: "sending requests …",
}
"""What is shown while a test runs, by its title."""


class ModelTestScreen(ConsoleScreen):
    """Tests a version in a process of its own, or a deployment over HTTP."""

    scope: ClassVar[Scope] = "testing"
    pane_ids = ("editor", "results-pane")
    CSS_PATH = "screen.tcss"

    def __init__(
        self,
        model: str,
        version: int,
        deployment: Deployment | None = None,
        *,
        smoke_test: SmokeTestResult | EngineError | None = None,
        smoke_tested: Callable[[SmokeTestResult | EngineError], object] = lambda _: None,
    ) -> None:
        """`smoke_test` is an earlier result; `smoke_tested` is called with each new one."""
        super().__init__()
        self.model = model
        self.version = version
        self._deployment = deployment
        self._smoke_test = smoke_test
        self._smoke_tested = smoke_tested
        self._cancel = CancelToken()
        self._trusted: set[int] = set()
        """The versions whose code the operator allowed to run."""
        self.template: RequestTemplate | None = None

    @property
    def target(self) -> Target:
        from engine.api import Target

        deployment = self._deployment
        if deployment is None:
            return Target(self.model, self.version)
        return Target(self.model, self.version, deployment.service.url, deployment.name)

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("TEST", id="test-title")
        with Horizontal(id="panes"):
            yield RequestPane(id="request")
            with Vertical(id="results"):
                yield PaneTitle("RESULTS", id="results-title")
                with ScrollPane(id="results-pane"):
                    yield TestResults(id="outcomes")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        title = self.query_one("#test-title", PaneTitle)
        title.subject, title.facts, title.bright = self.target.name, Shown("reading …"), True
        self._results.smoke_test = self._smoke_test
        self.query_one("#results-pane").focus()
        self.refresh_view()

    @property
    def is_live(self) -> bool:
        return False

    def panes(self) -> list[Widget]:
        return [self._request.input, self.query_one("#results-pane")]

    @property
    def _request(self) -> RequestPane:
        return self.query_one("#request", RequestPane)

    # ── reading ──────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        """Read what the model takes, and what loading it would run. A request that was edited stays."""
        tests = self.engine.model_tests

        def read() -> tuple[RequestTemplate, ModelDescription]:
            return tests.template(self.model, self.version), tests.describe(self.model, self.version)

        self.ask(read, self._show, group=VIEW, failed=self._unreadable)

    def _show(self, found: tuple[RequestTemplate, ModelDescription]) -> None:
        template, description = found
        self.record_read()
        self.query_one("#test-title", PaneTitle).facts = Shown("")
        self._results.model = description_facts(description)
        if self.template is None:
            self.template = template
            self._request.show(template)
        self.show_keys()

    def _unreadable(self, error: EngineError) -> None:
        self.query_one("#test-title", PaneTitle).facts = Shown("")
        self.show_store_error(error)

    # ── running tests ────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        reason = super().why_not(command)
        if reason is not None or not self.is_mounted:
            return reason
        if self._results.running and command.scope == self.scope and command.id not in _WHILE_TESTING:
            return f"A test is running: {self._results.running}."
        if self._deployment is None and command.id in ("testing.measure-load", "testing.copy-curl"):
            return "It has no address: only deployments have."
        if self.template is None and command.id in ("testing.send", "testing.next-form", "testing.copy-curl"):
            return "The request has not been read yet."
        return None

    @property
    def _results(self) -> TestResults:
        return self.query_one("#outcomes", TestResults)

    def _run(
        self, title: str, versions: Collection[int], work: Callable[[], T], show: Callable[[T], object]
    ) -> None:
        """Run `work`, which loads `versions` of the model, and `show` its result. Asks first for each that
        could run arbitrary code; a yes holds while the view is open."""
        self._results.running, self._results.note = title, Shown("")
        self.query_one("#results-pane", ScrollPane).action_scroll_top()
        self.show_keys()
        check = self.engine.model_tests.check_trust
        asked: list[int] = []

        def checked() -> T:
            for version in versions:
                if version not in self._trusted:
                    asked[:] = [version]
                    check(self.model, version)
            return work()

        def shown(result: T) -> None:
            self._results.running = ""
            show(result)
            self.show_keys()

        def failed(error: EngineError) -> None:
            self._results.running = ""
            self.show_keys()
            if isinstance(error, UntrustedModel) and self.is_current and not self.session.read_only:
                again = partial(self._run, title, versions, work, show)
                self._ask_trust(title, error, asked[0], again)
            else:
                self._show_failure(title, error)

        self.ask(checked, shown, group="test", failed=failed)

    def _add(self, title: str, lines: Callable[[int], Iterable[Content]]) -> None:
        """Show an outcome, in place of the last one of the same test."""
        others = (each for each in self._results.outcomes if each.title != title)
        self._results.outcomes = (Outcome(title, lines), *others)

    def _show_failure(self, title: str, error: EngineError) -> None:
        if title == SMOKE:
            self._show_smoke_test(error)
        else:
            self._add(title, partial(error_lines, error))

    def _ask_trust(self, title: str, error: UntrustedModel, version: int, again: Callable[[], None]) -> None:
        from tui.dialogs.confirm import code_question

        def run(allowed: bool | None) -> None:
            if allowed:
                self._trusted.add(version)
                again()
            else:
                self._show_failure(title, error)

        self.app.push_screen(code_question(error, self.session.user, yes="Load it"), run)

    @property
    def _is_trusted(self) -> bool:
        return self.version in self._trusted

    @property
    def _loaded(self) -> tuple[int, ...]:
        """What a test of this target loads: nothing, if it is deployed."""
        return () if self._deployment else (self.version,)

    # ── the tests ────────────────────────────────────────────────────────────

    def action_smoke_test(self) -> None:
        if self.refuse("testing.smoke-test"):
            return

        def work() -> SmokeTestResult:
            return self.engine.models.smoke_test(self.model, self.version, allow_code=self._is_trusted)

        self._run(SMOKE, (self.version,), work, self._show_smoke_test)

    def _show_smoke_test(self, outcome: SmokeTestResult | EngineError) -> None:
        self._results.smoke_test = outcome
        self._smoke_tested(outcome)

    def action_send(self) -> None:
        if self.refuse("testing.send"):
            return
        request = self._edited_request()
        if request is None:
            return

        def work() -> Answer:
            return self.engine.model_tests.send(self.target, request, allow_code=self._is_trusted)

        def show(answer: Answer) -> None:
            self._add(ANSWER, partial(answer_lines, answer))

        self._run(ANSWER, self._loaded, work, show)

    def action_check_rows(self) -> None:
        from tui.model_tests.rows_dialog import RowsDialog

        def run(chosen: ChosenRows | None) -> None:
            if chosen is not None:
                self.check_rows(chosen)

        if not self.refuse("testing.check-rows"):
            title = f"Test {self.target.name} on labelled rows"
            self.app.push_screen(RowsDialog(title, read_only=self.session.read_only), run)

    def check_rows(self, chosen: ChosenRows) -> None:
        tests = self.engine.model_tests

        def work() -> tuple[LabelledTest, str]:
            test = tests.labelled(self.target, chosen.path, label=chosen.label, allow_code=self._is_trusted)
            return test, tests.log(test) if chosen.log else ""

        def show(found: tuple[LabelledTest, str]) -> None:
            test, run_id = found
            self._add(LABELLED, partial(labelled_lines, test))
            self._say_logged(run_id)

        self._run(LABELLED, self._loaded, work, show)

    def _say_logged(self, run_id: str) -> None:
        if run_id:
            self.session.say(f"Logged as run {run_id} in the experiment {self.model}-tests")

    def action_compare_version(self) -> None:
        if not self.refuse("testing.compare-version"):
            work = partial(self.engine.models.versions, self.model)
            self.ask(work, self._pick_version, group="versions", failed=self.session.show_error, opens=True)

    def _pick_version(self, versions: Sequence[ModelVersion]) -> None:
        from tui.model_tests.rows_dialog import RowsDialog

        others = [version for version in versions if version.version != self.version]
        if not others:
            self.session.say(f"{self.model} has no other version.", warning=True)
            return

        def run(chosen: ChosenRows | None) -> None:
            if chosen is not None:
                self.compare_version(chosen)

        title = f"Compare {self.target.name} with another version"
        self.app.push_screen(RowsDialog(title, versions=others, read_only=self.session.read_only), run)

    def compare_version(self, chosen: ChosenRows) -> None:
        from engine.api import Target

        tests, other = self.engine.model_tests, Target(self.model, chosen.version)

        def work() -> tuple[ShadowTest, str]:
            test = tests.shadow(
                self.target,
                other,
                chosen.path,
                label=chosen.label,
                allow_code=self._is_trusted,
                allow_other=chosen.version in self._trusted,
            )
            return test, tests.log(test) if chosen.log else ""

        def show(found: tuple[ShadowTest, str]) -> None:
            test, run_id = found
            self._add(SHADOW, partial(shadow_lines, test))
            self._say_logged(run_id)

        self._run(SHADOW, (*self._loaded, chosen.version), work, show)

    def action_measure_load(self) -> None:
        from tui.model_tests.load_dialog import LoadDialog

        def run(options: LoadOptions | None) -> None:
            if options is not None:
                self.measure_load(options)

        if not self.refuse("testing.measure-load"):
            self.app.push_screen(LoadDialog(self.target.name), run)

    def measure_load(self, options: LoadOptions) -> None:
        request = self._edited_request()
        if request is None:
            return
        cancel = self._cancel = CancelToken()
        relay = Relay(self.while_open(self._note))
        work = partial(
            self.engine.model_tests.load, self.target, options, request, on_progress=relay, cancel=cancel
        )

        def show(test: LoadTest) -> None:
            self._add(LOAD, partial(load_lines, test))

        self._run(LOAD, (), work, show)

    def _note(self, progress: Progress) -> None:
        self._results.note = safe(progress.note)

    def on_unmount(self) -> None:
        """A load test ends with the view that shows it."""
        self._cancel.cancel()

    def _edited_request(self) -> Request | None:
        """The request as it is now; None, with the reason shown, if it is none."""
        try:
            return self._request.request
        except UsageError as error:
            self.session.show_error(error)
            return None

    # ── the request ──────────────────────────────────────────────────────────

    def action_edit(self) -> None:
        self._request.input.focus()

    def action_next_form(self) -> None:
        if not self.refuse("testing.next-form"):
            self._request.action_next_form()

    @on(RequestPane.Sent)
    def _send_edited(self) -> None:
        self.action_send()

    @on(RequestPane.Left)
    def _leave_request(self) -> None:
        self.query_one("#results-pane").focus()

    @on(RequestPane.Refused)
    def _say_refused(self, event: RequestPane.Refused) -> None:
        self.session.show_error(event.error)

    def action_copy_curl(self) -> None:
        from engine.api import curl

        if self.refuse("testing.copy-curl"):
            return
        request = self._edited_request()
        if request is not None:
            self.copy(curl(self.target.url, request), "the curl command")


def description_facts(description: ModelDescription) -> Shown:
    """`skops · 12.1 kB · ana's run knn-7`"""
    code = description.code
    parts = [code.format, *([] if code.size is None else [formats.size(code.size)])]
    return Shown(" · ".join([*parts, safe(description.owner, 80)]))


_WHILE_TESTING = ("testing.edit", "testing.next-form", "testing.copy-curl")
"""Commands that do not wait for a running test."""
