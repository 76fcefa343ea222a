"""The artifacts of a run and of the models it logged: a tree, and a preview of a file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from engine import formats
from engine.errors import EngineError
from engine.text import Shown, safe
from tui.artifacts.preview_pane import PreviewPane
from tui.artifacts.source import NOTE, table_source, tree_source
from tui.commands.bindings import Command, Scope
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table, TextSource
from tui.widgets.table.source import EMPTY

if TYPE_CHECKING:
    from engine.api import Listing, Preview


class ArtifactsScreen(ConsoleScreen):
    """Folders are read when they are opened; a file is read, up to a bound, when enter is pressed on it."""

    scope: ClassVar[Scope] = "artifacts"
    pane_ids = ("tree", "preview-text", "preview-table")
    CSS_PATH = "screen.tcss"

    def __init__(self, run_id: str, name: Shown, path: str = "") -> None:
        """`path` is a folder to open, or a file to preview."""
        super().__init__()
        self.run_id = run_id
        self._subject = name
        self._wanted = path
        self._folders: dict[str, Listing | EngineError | None] = {}
        self._open: set[str] = set()
        self._previewed = ""

    def compose_view(self) -> ComposeResult:
        with Horizontal(id="columns"):
            with Vertical(id="tree-pane"):
                yield PaneTitle("ARTIFACTS", id="tree-title")
                yield Table(id="tree", can_mark=False)
            with Vertical(id="preview-pane"):
                yield PaneTitle("PREVIEW", id="preview-title")
                yield Static("enter on a file shows its beginning", id="preview-notes", markup=False)
                yield PreviewPane(id="preview-text")
                yield Table(id="preview-table", can_mark=False)
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self.query_one("#tree-title", PaneTitle).subject = self._subject
        self.query_one("#preview-table").display = False
        self.query_one("#tree").focus()
        self.refresh_view()

    @property
    def is_live(self) -> bool:
        return False

    # ── the tree ─────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        """Read the root and the open folders again."""
        self._read("")
        for path in sorted(self._open):
            self._read(path)

    def _read(self, path: str) -> None:
        self._folders.setdefault(path, None)
        self._show_tree()
        work = partial(self.engine.artifacts.listing, self.run_id, path)
        group = f"{VIEW} {path}" if path else VIEW
        self.ask(work, partial(self._listed, path), group=group, failed=partial(self._listed, path))

    def _listed(self, path: str, found: Listing | EngineError) -> None:
        if isinstance(found, EngineError) and not path and self._folders.get("") is None:
            self._folders.pop(path, None)
            self.show_error_page(found)
            return
        self.hide_page()
        self._folders[path] = found
        if not isinstance(found, EngineError):
            self.record_read()
        self._show_tree()
        if self._wanted:
            self._open_wanted(path)
        elif not path and not self._open and not isinstance(found, EngineError):
            only = found.artifacts[0] if len(found.artifacts) == 1 else None
            if only is not None and only.is_dir:  # nothing else to choose
                self._toggle(only.path)

    def _open_wanted(self, path: str) -> None:
        """Open the folders that lead to the wanted artifact, then show it."""
        wanted, parts = self._wanted, self._wanted.split("/")
        folders = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        closed = next(
            (folder for folder in folders if self._is_folder(folder) and folder not in self._open), ""
        )
        if closed:
            self._toggle(closed)
        elif self._source_has(wanted):
            self._wanted = ""
            self.query_one("#tree", Table).move_to(wanted)
            if not self._is_folder(wanted):
                self._preview(wanted)

    def _source_has(self, path: str) -> bool:
        return tree_source(self._folders, self._open).row_of(path) is not None

    def _is_folder(self, path: str) -> bool:
        parent = self._folders.get(path.rpartition("/")[0])
        if parent is None or isinstance(parent, EngineError):
            return False
        return any(artifact.path == path and artifact.is_dir for artifact in parent.artifacts)

    def _show_tree(self) -> None:
        self.query_one("#tree", Table).set_source(tree_source(self._folders, self._open))
        found = [
            listing for listing in self._folders.values() if listing and not isinstance(listing, EngineError)
        ]
        files = [artifact for listing in found for artifact in listing.artifacts if not artifact.is_dir]
        total = formats.size(sum(file.size or 0 for file in files))
        facts = f"{formats.counted(len(files), 'file')}, {total}"
        self.query_one("#tree-title", PaneTitle).facts = Shown(facts if files else "")
        self.show_keys()

    def _toggle(self, path: str) -> None:
        if path in self._open:
            self._open.discard(path)
            self._show_tree()
        else:
            self._open.add(path)
            self._read(path)

    @property
    def path(self) -> str | None:
        """The artifact under the cursor; None on a line that is none."""
        key = self.query_one("#tree", Table).cursor_key
        return None if key is None or key.startswith(NOTE) else key

    @on(Table.RowSelected, "#tree")
    def _selected(self) -> None:
        path = self.path
        if path is None:
            return
        if self._is_folder(path):
            self._toggle(path)
        else:
            self._preview(path)

    # ── the preview ──────────────────────────────────────────────────────────

    def _preview(self, path: str) -> None:
        self._previewed = path
        title = self.query_one("#preview-title", PaneTitle)
        title.subject, title.facts = safe(path), Shown("reading …")
        failed = partial(self._preview_failed, path)
        work = partial(self._read_preview, path)
        self.ask(work, partial(self._show_preview, path), group="preview", failed=failed)

    def _read_preview(self, path: str) -> tuple[Preview, TextSource]:
        """The preview of a file, and its table; on the bridge, as large ones take a moment."""
        found = self.engine.artifacts.preview(self.run_id, path)
        return found, table_source(found.rows) if found.rows else EMPTY

    def _show_preview(self, path: str, read: tuple[Preview, TextSource]) -> None:
        if path != self._previewed:
            return
        found, table = read
        self.query_one("#preview-title", PaneTitle).facts = found.label
        self._show_contents(found.notes, found, table)

    def _preview_failed(self, path: str, error: EngineError) -> None:
        if path != self._previewed:
            return
        self.query_one("#preview-title", PaneTitle).facts = Shown("not read")
        parts = [safe(part) for part in (error.title, error.detail, error.hint) if part]
        self._show_contents(parts, None, EMPTY)

    def _show_contents(self, notes: Sequence[Shown], found: Preview | None, source: TextSource) -> None:
        self.query_one("#preview-notes", Static).update("\n".join(notes))
        self.query_one("#preview-notes").display = bool(notes)
        text, table = self.query_one("#preview-text", PreviewPane), self.query_one("#preview-table", Table)
        is_table = bool(source.columns)
        had_focus = text.has_focus or table.has_focus
        text.display, table.display = not is_table, is_table
        table.set_source(source)
        if found is None:
            text.show(())
        else:
            text.show(found.lines, found.picture, wrap=found.kind != "binary")
        if had_focus:
            (table if is_table else text).focus()

    # ── commands ─────────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        if (
            command.id in ("artifacts.copy-path", "artifacts.download")
            and self.is_mounted
            and self.path is None
        ):
            return "Select an artifact first."
        return super().why_not(command)

    @on(Table.RowHighlighted, "#tree")
    def _moved(self) -> None:
        self.show_keys()

    def action_download(self) -> None:
        if not self.refuse("artifacts.download"):
            self._download(self.path or "")

    def action_download_all(self) -> None:
        self._download("")

    def _download(self, path: str) -> None:
        from tui.artifacts.download_dialog import DownloadDialog

        def report(message: str | None) -> None:
            if message:
                self.session.say(message)

        self.app.push_screen(DownloadDialog(self.engine, self.session.bridge, self.run_id, path), report)

    def action_copy_path(self) -> None:
        if not self.refuse("artifacts.copy-path"):
            self.copy(f"runs:/{self.run_id}/{self.path}")
