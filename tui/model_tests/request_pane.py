"""The request of a model test, edited as JSON, as CSV, or as a form with a field for each column."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label

from engine.errors import UsageError
from engine.text import Shown, safe
from tui.commands.bindings import Scope, bindings
from tui.widgets.controls import Field, TextEditor
from tui.widgets.fit_text import fit
from tui.widgets.screen_lines import PaneTitle

if TYPE_CHECKING:
    from engine.api import Request, RequestTemplate

Form = Literal["JSON", "CSV", "form"]
LABEL_WIDTH, TYPE_WIDTH = 22, 14
MAX_FIELDS = 200
"""The most columns of a form; a model with more is asked as JSON or CSV."""


class Editor(TextEditor):
    """The text of a request."""

    scope: ClassVar[Scope] = "editor"
    DEFAULT_CSS = """
    Editor, Editor:focus { border: none; padding: 0 1; background: $background; height: 1fr; }
    Editor:focus { background: $boost; }
    """

    def __init__(self) -> None:
        super().__init__(id="editor")


class FormField(Field):
    scope: ClassVar[Scope] = "editor"


class RequestPane(Vertical):
    """The request, prefilled from the model's signature and input example."""

    scope: ClassVar[Scope] = "editor"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("editor")]
    DEFAULT_CSS = """
    RequestPane #form { height: 1fr; padding: 0 1; display: none; }
    RequestPane.-form #form { display: block; }
    RequestPane.-form #editor { display: none; }
    RequestPane .row { height: 1; }
    RequestPane .row Label { width: auto; max-width: 40%; color: $text-muted; }
    RequestPane .row .type { max-width: 30%; padding: 0 0 0 2; }
    RequestPane .row Input { width: 1fr; min-width: 8; }
    """

    @dataclass
    class Sent(Message):
        """The operator sent the request."""

    @dataclass
    class Left(Message):
        """The operator left the request."""

    @dataclass
    class Refused(Message):
        """The request cannot be shown in another form."""

        error: UsageError

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.form: Form = "JSON"
        self.template: RequestTemplate | None = None

    def compose(self) -> ComposeResult:
        yield PaneTitle("REQUEST", id="request-title")
        yield Editor()
        yield VerticalScroll(id="form", can_focus=False)

    # ── the contents ─────────────────────────────────────────────────────────

    def show(self, template: RequestTemplate) -> None:
        """Prefill the request."""
        self.template = template
        self.query_one(Editor).text = pretty(template.request().body)
        form = self.query_one("#form")
        form.remove_children()
        form.mount_all(_rows(template))
        self._show_form("JSON")

    @property
    def request(self) -> Request:
        """The request as it is now. Raises `UsageError` for one that the model cannot take: no table, or a
        value of another type."""
        from engine.api import request_in

        if self.form == "form" and self.template is not None:
            fields = zip(self.template.fields, self.query(FormField), strict=False)
            return self.template.filled({column.name: field.value for column, field in fields})
        return request_in(self.query_one(Editor).text)

    @property
    def input(self) -> Widget:
        """What to focus for editing."""
        return self.query(FormField).first() if self.form == "form" else self.query_one(Editor)

    # ── commands ─────────────────────────────────────────────────────────────

    def action_send(self) -> None:
        self.post_message(self.Sent())

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def action_next_form(self) -> None:
        """The same request in the next form: JSON, CSV, a form (its first row)."""
        had_focus = self.has_focus_within
        try:
            self._convert()
        except UsageError as error:
            self.post_message(self.Refused(error))
            return
        if had_focus:
            self.input.focus()

    def _convert(self) -> None:
        from engine.api import converted

        request = self.request
        match self.form:
            case "JSON":
                self.query_one(Editor).text = converted(request, "csv").body
                self._show_form("CSV")
            case "CSV" if self._fits_form:
                self._fill_form(request)
                self._show_form("form")
            case _:
                self.query_one(Editor).text = pretty(converted(request, "dataframe_split").body)
                self._show_form("JSON")

    @property
    def _fits_form(self) -> bool:
        return self.template is not None and 0 < len(self.template.fields) <= MAX_FIELDS

    def _fill_form(self, request: Request) -> None:
        """Fill the fields from the first row of the request; a column that it lacks stays empty."""
        from engine.api import converted

        records = json.loads(converted(request, "dataframe_records").body)["dataframe_records"]
        first = records[0] if records else {}
        assert self.template is not None
        for column, field in zip(self.template.fields, self.query(FormField), strict=False):
            value = first.get(column.name)
            field.value = "" if value is None else value if isinstance(value, str) else json.dumps(value)

    def _show_form(self, form: Form) -> None:
        self.form = form
        self.set_class(form == "form", "-form")
        title = self.query_one("#request-title", PaneTitle)
        title.facts = Shown(f"as {form}" if form != "form" else "form · one row")

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.screen.focus_next()


def _rows(template: RequestTemplate) -> Iterable[Horizontal]:
    """A row of the form for each column: its name, a field, its type. Names and types take as much as the
    longest needs."""
    shown = [(safe(field.name), safe(field.type), field.value) for field in template.fields[:MAX_FIELDS]]
    name_width = min(LABEL_WIDTH, max((cell_len(name) for name, _, _ in shown), default=0) + 2)
    type_width = min(TYPE_WIDTH, max((cell_len(type_) for _, type_, _ in shown), default=0))
    for name, type_, value in shown:
        yield Horizontal(
            Label(f"{fit(name, name_width - 2)}  ", markup=False),
            FormField(value),
            Label(fit(type_, type_width), markup=False, classes="type"),
            classes="row",
        )


def pretty(body: str) -> str:
    """JSON with a row of the table on each line; text that is not JSON as it is."""
    try:
        payload = json.loads(body)
    except ValueError:
        return body
    return _laid_out(payload, "")


def _laid_out(value: Any, indent: str) -> str:
    """Containers of containers take a line for each item; others, one line."""
    deeper = indent + " "
    if isinstance(value, dict) and any(isinstance(item, (dict, list)) for item in value.values()):
        items = [f"{deeper}{json.dumps(key)}: {_laid_out(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        items = [deeper + _laid_out(item, deeper) for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)
