"""The new values of an edit: a form whose plan is reviewed before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from engine.entities import Status
from engine.errors import EngineError, UsageError
from engine.formats import count, counted
from engine.text import Shown, safe
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.form import FormDialog
from tui.external_editor import in_editor
from tui.tasks import Tasks
from tui.widgets.controls import TextEditor

if TYPE_CHECKING:
    from engine.api import EditPlan, Engine, Subject, Wanted
    from tui.bridge import Bridge

MAX_LISTED = 8
"""Edits listed for review, and what stays as it is; the rest are counted."""
KEEP = "keep"
STATUSES = (
    (KEEP, "as it is"),
    ("KILLED", "KILLED: its process is dead, it was stopped"),
    ("FAILED", "FAILED: its process is dead, it went wrong"),
    ("FINISHED", "FINISHED: it is done, but did not say so"),
)
PATTERN = "unchanged if empty; {name}, {n}, {params.KEY} … stand for what each run has"


@dataclass(frozen=True, slots=True)
class ReviewedEdit:
    """A plan that the operator has confirmed."""

    plan: EditPlan
    reason: str


class EditDialog(FormDialog[ReviewedEdit]):
    """Edits one thing, whose values it shows, or many at once. Dismissed with the plan after it was reviewed
    and confirmed; writes nothing itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open_editor", show=False, priority=True, id="dialog.open-editor")
    ]
    subtitle_text = "tab next field · ctrl+o description in $EDITOR · esc cancel"
    yes: ClassVar[str] = "Review …"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - declared by Screen

    def __init__(
        self,
        engine: Engine,
        bridge: Bridge,
        subjects: Sequence[Subject],
        title: str,
        *,
        current: Wanted | None,
        hidden: int = 0,
    ) -> None:
        """`current` are the values of a single subject; `hidden` is how many of them the filter hides."""
        super().__init__()
        self.title_text = title
        self._engine = engine
        self._subjects = tuple(subjects)
        self._current = current
        self._hidden = hidden
        self._tasks = Tasks.of(self, bridge)
        self._kind = subjects[0].kind
        self._described = ""
        """The description before it is edited."""

    def compose_fields(self) -> ComposeResult:
        now = self._current
        if self._kind != "version":
            yield from self.text_row("name", "name", "" if now is None else now.name or "", PATTERN)
        described = "" if now is None else now.description or ""
        empty = "" if now is not None else "unchanged if empty"
        yield from self.editor_row("description", "description", described, empty)
        tags = "" if now is None else tags_text(now.tags)
        yield from self.editor_row("tags", "tags", tags, "KEY=VALUE sets a tag, -KEY removes it")
        if self._kind == "run" and (now is None or now.status is not None):
            yield from self.select_row("status", "status", STATUSES)
        yield from self.text_row("reason", "reason", "", "recorded in the journal")

    def on_mount(self) -> None:
        editor = self.query_one("#description", TextEditor)
        editor.focus()
        self._described = editor.text
        if unlisted := [] if self._current is None else _unlisted(self._current.tags):
            names = ", ".join(unlisted)
            self.show_message(f"Tags with several lines are not listed, and stay as they are: {names}")
        elif self._current is not None:
            self.show_message("One tag per line, as KEY=VALUE. Without its line, a tag is removed.")

    def action_open_editor(self) -> None:
        edit_description(self, "Review shows what changes.")

    # ── the plan ─────────────────────────────────────────────────────────────

    @property
    def wanted(self) -> Wanted:
        """What is to be changed, as typed. Raises `UsageError` for a line that is no tag."""
        from engine.api import Wanted

        now = self._current or Wanted()
        name = "" if self._kind == "version" else self.text("name")
        description = self.query_one("#description", TextEditor).text
        chosen = self.chosen("status") if self.query("#status") else KEEP
        return Wanted(
            name if name != (now.name or "").strip() else None,
            description.rstrip("\n") if description != self._described else None,
            tag_changes(self.query_one("#tags", TextEditor).text, now.tags),
            next((status for status in get_args(Status) if status == chosen), None),
        )

    def submit(self) -> None:
        from engine.api import Wanted

        try:
            wanted = self.wanted
        except UsageError as error:
            self._show_error(error)
            return
        if wanted == Wanted():
            self.show_message("Nothing is changed yet.", is_error=True)
            return
        self.show_message("Planning the edit …")
        plan = partial(self._engine.edits.plan, self._subjects, wanted)
        self._tasks.ask(plan, self._review, group="plan", failed=self._show_error)

    def _review(self, plan: EditPlan) -> None:
        if plan.is_noop:
            kept = "".join(f" {label}: {reason}." for label, reason in plan.untouched[:MAX_LISTED])
            self.show_message(f"No change needed.{kept}", is_error=bool(kept))
        elif self.is_current:
            self.show_message("")
            reason = self.text("reason")

            def decide(confirmed: bool | None) -> None:
                if confirmed:
                    self.dismiss(ReviewedEdit(plan, reason))

            self.app.push_screen(review_dialog(plan, hidden=self._hidden), decide)

    def _show_error(self, error: EngineError) -> None:
        self.show_message(str(error), is_error=True)


def edit_description(form: FormDialog[Any], next_step: str) -> None:
    """Edit the description of a form in the operator's editor, which has the terminal meanwhile, and say what
    comes next."""
    field = form.query_one("#description", TextEditor)
    try:
        edited = in_editor(form.app, field.text)
    except EngineError as error:
        form.show_message(str(error), is_error=True)
        return
    if edited is None:
        form.show_message("The description is unchanged.")
    else:
        field.text = edited
        form.show_message(f"The description is as the editor left it; {next_step}")
    field.focus()


def review_dialog(plan: EditPlan, *, hidden: int = 0) -> ConfirmDialog:
    """The edits, what stays as it is, and how to undo."""
    verb = "Undo" if plan.undoes else "Apply"
    lines = [Content(safe(plan.summary)), Content(f"on {plan.server}"), Content("")]
    lines += map(Content, _listed([str(edit) for edit in plan.edits]))
    kept = _listed([f"{label}: {reason}" for label, reason in plan.untouched])
    lines += [Content.styled(f"! not edited: {text}", "$warning") for text in kept]
    if hidden:
        lines.append(Content.styled(f"! The filter hides {counted(hidden, 'run')} of these", "$warning"))
    lines += [Content.styled(f"! {warning}", "$warning") for warning in plan.warnings]
    return ConfirmDialog(f"{verb} {counted(len(plan.edits), 'edit')}?", lines, yes=verb)


def result_problems(result: object) -> Sequence[Content]:
    """What of the edits failed, by row; nothing if all were made."""
    from engine.api import EditResult

    assert isinstance(result, EditResult)
    if result.complete and not result.notes:
        return ()
    texts = [f"{edit}: {error}" for edit, error in result.failed]
    lines = [Content.styled(f"! {safe(result.summary)}", "$warning bold")]
    lines += map(Content, _listed(texts))
    lines += [Content(safe(note)) for note in (*([result.stopped] if result.stopped else []), *result.notes)]
    if result.can_undo:
        lines.append(Content.styled("`u` on its entry in Activity (6) undoes what was made.", "$text-muted"))
    return lines


def _listed(texts: Sequence[str]) -> list[Shown]:
    lines = [safe(text) for text in texts[:MAX_LISTED]]
    more = len(texts) - MAX_LISTED
    return [*lines, Shown(f"and {count(more)} more")] if more > 0 else lines


def tags_text(tags: Mapping[str, str | None]) -> str:
    """Tags as lines of the form, without those that need several lines."""
    return "\n".join(f"{key}={tags[key]}" for key in sorted(tags) if key not in _unlisted(tags))


def tag_changes(text: str, now: Mapping[str, str | None]) -> dict[str, str | None]:
    """The tags that the lines of the form set, and, as None, those that they remove: by `-KEY`, or because
    their line is gone. Raises `UsageError` for another line."""
    wanted: dict[str, str | None] = dict.fromkeys(now.keys() - set(_unlisted(now)))
    for line in filter(None, (line.strip() for line in text.splitlines())):
        key, equals, value = line.partition("=")
        if equals:
            wanted[key.strip()] = value.strip()
        elif line.startswith("-"):
            wanted[line[1:].strip()] = None
        else:
            raise UsageError(f"{line!r} is no tag", hint="Write KEY=VALUE, or -KEY to remove one.")
    return {key: value for key, value in wanted.items() if now.get(key) != value}


def _unlisted(tags: Mapping[str, str | None]) -> list[str]:
    """The tags that a line cannot hold as they are."""
    return sorted(key for key, value in tags.items() if not _fits_line(key, value))


def _fits_line(key: str, value: str | None) -> bool:
    line = f"{key}={value}"
    is_plain = value is not None and key == key.strip() and value == value.strip()
    return is_plain and line.splitlines() == [line] and "=" not in key and not key.startswith("-")
