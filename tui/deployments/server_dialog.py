"""The settings of a new tracking server and of a backup, and what to know afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from engine.text import Shown, safe
from tui.dialogs.base import Dialog
from tui.dialogs.confirm import WrappedText
from tui.dialogs.form import FormDialog, port_of

if TYPE_CHECKING:
    from engine.api import ServerOptions as ServerOptions, StartedServer

ACCOUNTS = "accounts"
INCLUDED = "included"
ARTIFACTS = (
    ("database", "not included: only the database"),
    (INCLUDED, "included, as far as they are in local folders"),
)
LOGINS = (
    ("none", "none: whoever reaches it may read and change everything"),
    (ACCOUNTS, "accounts and passwords"),
)


@dataclass(frozen=True, slots=True)
class WantedBackup:
    """`output` is a new folder or `.tar` file, or a folder for a backup that is named after the time."""

    output: Path
    artifacts: bool


class ServerDialog(FormDialog["ServerOptions"]):
    """Dismissed with the options when the operator presses Start. Starts nothing itself."""

    title_text = "Start a tracking server"
    subtitle_text = "tab next field · enter on Start starts it · esc cancel"

    def compose_fields(self) -> ComposeResult:
        from engine.api import ServerOptions

        plain = ServerOptions()
        folder = "mlartifacts beside the store if empty"
        yield from self.text_row("name", "name", plain.name)
        yield from self.text_row("host", "host", plain.host, "an address of this machine")
        yield from self.text_row("port", "port", str(plain.port), "a free one")
        yield from self.text_row("backend", "store", "", "a database URI; mlflow.db in this folder if empty")
        yield from self.text_row("artifacts", "artifacts", "", f"a folder or URI; {folder}")
        yield from self.select_row("login", "login", LOGINS)

    def on_mount(self) -> None:
        self.query_one("#name").focus()

    def submit(self) -> None:
        from engine.api import ServerOptions

        plain, port = ServerOptions(), port_of(self.text("port"))
        if port is None:
            self.show_message("The port must be a number below 65536; empty for a free one.", is_error=True)
            return
        options = ServerOptions(
            name=self.text("name") or plain.name,
            host=self.text("host") or plain.host,
            port=port,
            backend_store_uri=self.text("backend"),
            artifacts_destination=self.text("artifacts"),
            auth=self.chosen("login") == ACCOUNTS,
        )
        self.dismiss(options)


class BackupDialog(FormDialog["WantedBackup"]):
    """Dismissed with where to back up a store to when the operator presses Back up."""

    subtitle_text = "tab next field · enter on Back up starts it · esc cancel"
    yes = "Back up"

    def __init__(self, store: Shown) -> None:
        super().__init__()
        self.title_text = f"Back up {store}"

    def compose_fields(self) -> ComposeResult:
        yield from self.text_row("output", "to", "", "this folder; a new folder, or a .tar.gz file")
        yield from self.select_row("artifacts", "artifacts", ARTIFACTS)

    def on_mount(self) -> None:
        self.query_one("#output").focus()

    def submit(self) -> None:
        output = Path(self.text("output") or ".").expanduser()
        self.dismiss(WantedBackup(output, self.chosen("artifacts") == INCLUDED))


class ReportDialog(Dialog[None]):
    """What to know once something is done, and that a message cannot hold."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "leave", show=False, id="dialog.leave")]

    def __init__(self, title: str, lines: Sequence[Content]) -> None:
        super().__init__()
        self.title_text = title
        self.subtitle_text = "enter or esc close"
        self._lines = lines

    def compose_dialog(self) -> ComposeResult:
        yield WrappedText(self._lines)


def started_lines(started: StartedServer) -> list[Content]:
    lines = []
    if started.password:
        lines += [
            Content.assemble(("account   ", "$text-muted"), "admin"),
            Content.assemble(("password  ", "$text-muted"), (safe(started.password), "bold")),
            Content("It is shown only now. Change it, and keep it; only you can read the copy in"),
            Content(safe(started.server.facts.password_file)),
        ]
    lines += [Content(f"Left behind by the check: {safe(name)}") for name in started.left]
    if started.unchecked:
        lines.append(Content(f"Writing was not checked: {safe(started.unchecked)}."))
    lines += [Content(safe(notice)) for notice in started.notices]
    if started.tunnel:
        lines += [Content(""), Content("From a laptop, it is reached with"), Content(safe(started.tunnel))]
    return lines
