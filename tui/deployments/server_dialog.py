"""The settings of a new tracking server and of a backup, and what to know afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Select

from engine.errors import EngineError
from engine.text import Shown, safe
from tui.dialogs.base import Dialog
from tui.dialogs.form import FormDialog, port_of
from tui.dialogs.text import DialogText
from tui.tasks import Tasks

if TYPE_CHECKING:
    from engine.api import ServerOptions as ServerOptions, StartedServer, TrackingServer
    from tui.session import Session

ACCOUNTS = "accounts"
INCLUDED = "included"
ARTIFACTS = (
    ("database", "not included: only the database"),
    (INCLUDED, "included, as far as they are in local folders"),
)
HIDDEN = "***"
"""What stands for a password in a URI that is shown."""
FIELD_WORDS = {
    "with --backend-store-uri": "as store",
    "with --artifacts-destination": "as artifacts",
    "with --name": "as name",
    "(--name)": "",
}
"""What the options of the command line, as errors name them, are called in the dialog."""
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

    def __init__(self, session: Session, suggested: ServerOptions | None = None) -> None:
        """`suggested` fills the fields; what of it has no field is kept."""
        from engine.api import ServerOptions

        super().__init__()
        self._engine = session.engine
        self._plain = ServerOptions()
        self._suggested = suggested or self._plain
        self._tasks = Tasks.of(self, session.bridge)

    def compose_fields(self) -> ComposeResult:
        known = self._suggested
        port = str(known.port) if known.port else ""
        folder = "mlartifacts beside the store if empty"
        store = "a database URI; mlflow.db in this folder if empty"
        yield from self.text_row("name", "name", known.name)
        yield from self.text_row("host", "host", known.host, "an address of this machine")
        yield from self.text_row("port", "port", port, "a free one")
        yield from self.text_row("backend", "store", known.backend_store_uri, store)
        yield from self.text_row(
            "artifacts", "artifacts", known.artifacts_destination, f"a folder or URI; {folder}"
        )
        yield from self.select_row("login", "login", LOGINS)

    def on_mount(self) -> None:
        self.query_one("#login", Select).value = ACCOUNTS if self._suggested.auth else "none"
        self.query_one("#name").focus()

    def submit(self) -> None:
        known, port = self._suggested, port_of(self.text("port"))
        if port is None:
            self.show_message("The port must be a number below 65536; empty for a free one.", is_error=True)
            return
        host, auth = self.text("host") or self._plain.host, self.chosen("login") == ACCOUNTS
        options = replace(
            known,
            name=self.text("name") or self._plain.name,
            host=host,
            port=port,
            backend_store_uri=self.text("backend"),
            artifacts_destination=self.text("artifacts"),
            allowed_hosts=known.allowed_hosts if host == known.host else (),
            auth=auth,
            insecure=known.insecure and not auth and host == known.host,
        )
        if HIDDEN in options.backend_store_uri + options.artifacts_destination:
            self.show_message(f"Type the password in place of {HIDDEN}: it is not kept.", is_error=True)
            return
        self.show_message("checking …")
        check = partial(self._engine.server.check, options)
        self._tasks.ask(check, partial(self._accept, options), group="check", failed=self._refuse)

    def _accept(self, options: ServerOptions, _: None) -> None:
        self.dismiss(options)

    def _refuse(self, error: EngineError) -> None:
        """Say why it cannot start, in terms of the fields; what was typed stays."""
        text = str(error)
        if "--insecure" in text:
            text = f"{error.title}: choose accounts and passwords as login, or listen on {self._plain.host}."
        for flag, words in FIELD_WORDS.items():
            text = text.replace(flag, words)
        self.show_message(text, is_error=True)


def options_of(server: TrackingServer) -> ServerOptions:
    """The options that start a server again, from any folder; a password of its store is `HIDDEN`."""
    from engine.api import ServerOptions

    service, facts = server.service, server.facts
    return ServerOptions(
        name=server.name,
        host=service.host,
        port=service.port,
        backend_store_uri=facts.backend,
        artifacts_destination=facts.artifacts,
        allowed_hosts=tuple(name for name in facts.allowed_hosts if not name.endswith(":*")),
        auth=facts.auth,
        insecure=not facts.auth and not server.is_local,
        workers=facts.workers,
        jobs=facts.jobs,
    )


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
        yield DialogText(self._lines)


def started_lines(started: StartedServer) -> list[Content]:
    lines = []
    if started.password:
        lines += [
            Content.assemble(("account   ", "$text-muted"), "admin"),
            Content.assemble(("password  ", "$text-muted"), (safe(started.password), "bold")),
            Content(
                "It is shown only now. Change it, and keep it; only you can read the copy in "
                f"{safe(started.server.facts.password_file)}"
            ),
        ]
    lines += [Content(f"Left behind by the check: {safe(name)}") for name in started.left]
    if started.unchecked:
        lines.append(Content(f"Writing was not checked: {safe(started.unchecked)}."))
    lines += [Content(safe(notice)) for notice in started.notices]
    if started.tunnel:
        lines += [Content(""), Content("From a laptop, it is reached with"), Content(safe(started.tunnel))]
    return lines
