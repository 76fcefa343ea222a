"""`mlflow-console server backup` and `server restore`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.formats import duration, size
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from tui.cli.json_output import Payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Output
from tui.cli.progress import Meter, stop_signals

if TYPE_CHECKING:
    from engine.api import Manifest, Restored


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=click.Path(path_type=Path),
    default=".",
    help="A new folder, a new file that ends in .tar or .tar.gz, or an existing folder for a backup that is"
    " named after the time.  [default: the current folder]",
)
@click.option("--artifacts", is_flag=True, help="Include the artifacts that are in local folders.")
@click.option(
    "--artifacts-destination",
    "destination",
    metavar="DIR",
    help="Where the store's server keeps its artifacts, as it was started.",
)
@click.option(
    "--auth-db",
    "auth",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The database of the server's accounts.  [default: basic_auth.db beside the store, if it exists]",
)
@json_option
@pass_invocation
def backup(
    invocation: Invocation,
    output: Path,
    artifacts: bool,
    destination: str | None,
    auth: Path | None,
    as_json: bool,
) -> int:
    """Back up a SQLite store, while its server runs.

    Copies the database of --tracking-uri consistently, and checks the copy: SQLite's integrity check,
    and the rows of every table. The database of accounts is included if there is one. Artifacts are
    included only with --artifacts, except those in remote storage; the output says what is in the
    backup and what is not. manifest.json in it lists all files with their checksums. A backup is
    either complete or not there, never replaces anything, and is readable only by its owner.

    For PostgreSQL and MySQL, prints the command that backs them up.

    \b
    Examples:
      mlflow-console --tracking-uri sqlite:///mlflow.db server backup -o backups
      mlflow-console server backup --artifacts -o mlflow.tar.gz
      mlflow-console server backup --artifacts --artifacts-destination mlartifacts --json
    """
    from engine.api import Servers

    servers = Servers(read_only=invocation.read_only)
    with running("Backing up", in_bytes=True) as (show, token):
        made = servers.backup(
            invocation.uri(),
            output,
            artifacts=artifacts,
            destination=destination,
            auth=auth,
            on_progress=show,
            cancel=token,
        )
    if as_json:
        write_json({"path": str(made.path), "seconds": made.seconds, **_payload(made.manifest)})
        return 0
    _show_done(made.path, size(made.manifest.size), made.seconds, made.sentences)
    return 0


@click.command()
@click.argument("backup", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--relocate",
    "relocations",
    nargs=2,
    multiple=True,
    metavar="OLD NEW",
    type=click.Path(path_type=Path),
    help="In the restored database, replace the artifact folder OLD with NEW. May be repeated.",
)
@json_option
@pass_invocation
def restore(
    invocation: Invocation,
    backup: Path,
    target: Path,
    relocations: Sequence[tuple[Path, Path]],
    as_json: bool,
) -> int:
    """Restore BACKUP into the new folder TARGET.

    Checks the backup's checksums, copies it, and checks the copy and its databases again. TARGET must
    not exist, or be an empty folder: an existing store is never changed. If the backup holds
    artifacts, the restored database points to the restored ones. Otherwise it still points to the old
    places, and the output names them; --relocate changes them.

    \b
    Examples:
      mlflow-console server restore backups/mlflow-backup-2026-11-29T172349Z restored
      mlflow-console server restore mlflow.tar.gz /srv/mlflow --relocate /old/mlruns /srv/mlruns
    """
    from engine.api import Servers

    servers = Servers(read_only=invocation.read_only)
    with running("Restoring", in_bytes=True) as (show, token):
        done = servers.restore(backup, target, relocations=relocations, on_progress=show, cancel=token)
    if as_json:
        write_json(
            {
                "path": str(done.folder),
                "tracking_uri": done.uri.raw,
                "seconds": done.seconds,
                "moved": done.moved,
                "elsewhere": [{"folder": str(folder), "locations": rows} for folder, rows in done.elsewhere],
                **_payload(done.manifest),
            }
        )
        return 0
    _show_done(done.folder, size(done.manifest.size), done.seconds, done.sentences)
    output = Output()
    output.line(safe(f"Open it:  mlflow-console --tracking-uri {shlex.quote(done.uri.raw)}"))
    output.line(safe(f"Serve it: {_serve_command(done)}"))
    return 0


def _serve_command(restored: Restored) -> str:
    words = ["mlflow-console", "server", "start", "--backend-store-uri", restored.uri.raw]
    if restored.served_folder is not None:
        words += ["--artifacts-destination", str(restored.served_folder)]
    if restored.has_accounts:
        words.append("--auth")
    return shlex.join(words)


@contextmanager
def running(
    title: str, *, in_bytes: bool = False
) -> Iterator[tuple[Callable[[Progress], None], CancelToken]]:
    """Shows progress on a terminal, with sizes if it is `in_bytes`; a signal cancels the token."""
    token = CancelToken()
    with stop_signals(token), Meter(Shown(title)) as meter:

        def show(progress: Progress) -> None:
            known = (
                f"{size(progress.done)} of {size(progress.total)}  " if in_bytes and progress.total else ""
            )
            meter.update(progress.done, progress.total, safe(known + progress.note), line=False)

        yield show, token


def _show_done(path: Path, total: Shown, seconds: float, sentences: Sequence[Shown]) -> None:
    output = Output()
    output.line(Cell(Shown("✓ "), "green"), safe(f"{path}  {total}, {duration(seconds)}"))
    for sentence in sentences:
        attention = "ot included" in sentence or "still point" in sentence
        output.text(sentence, "yellow" if attention else "")


def _payload(manifest: Manifest) -> Payload:
    return {
        "made": manifest.made,
        "mlflow": manifest.mlflow,
        "databases": [asdict(database) for database in manifest.databases],
        "artifacts": {
            "included": bool(manifest.folders),
            "files": len(manifest.artifacts),
            "bytes": manifest.artifact_size,
            "folders": [asdict(folder) for folder in manifest.folders],
        },
        "left_out": [asdict(left) for left in manifest.left_out],
    }
