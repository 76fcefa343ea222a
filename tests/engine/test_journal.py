"""The journal on real files: entries, invalid lines, secrets, write errors and concurrent writers."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from engine import journal as journal, paths
from engine.errors import WriteError
from engine.journal import JournalEntry, append, new_entry, read_journal, server_name
from engine.secrets import mask
from engine.uri import TrackingUri

URI = TrackingUri("http://127.0.0.1:5000")
FACTS = {"version 1": "None", "stage Production": ""}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlflow-console"


def entry(target: str = "churn 1 → Production", **rest: object) -> JournalEntry:
    rest = {"model": "churn", "version": 1, "before": FACTS, "after": FACTS} | rest
    return new_entry(URI, "promote", target, **rest)


def with_outcome(intent: JournalEntry, outcome: str, **rest: object) -> JournalEntry:
    return replace(intent, outcome=outcome, **rest)  # type: ignore[arg-type]


def test_a_missing_journal_is_empty(state: Path) -> None:
    assert read_journal() == ()
    assert not state.exists(), "reading creates nothing"


def test_entries_are_read_back_unchanged(state: Path) -> None:
    first = entry(reason="November data, \u202eodd\x1b[31m text \ud800")
    append(first)
    append(with_outcome(first, "done"))
    second = entry("churn 2 → Staging")
    append(second)

    assert read_journal() == (second, with_outcome(first, "done"))
    assert read_journal(1) == (second,)
    assert first.user
    assert first.host == os.uname().nodename


def test_only_the_owner_can_read_the_journal(state: Path) -> None:
    append(entry())
    path = state / "journal.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700

    path.chmod(0o644)
    append(entry())
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_entry_is_undone_once_its_undo_is_done(state: Path) -> None:
    done = with_outcome(entry(), "done")
    append(done)
    undo = new_entry(URI, "undo", "churn 1 → None", undoes=done.entry_id)
    append(undo)
    assert [e.outcome for e in read_journal()] == ["intended", "done"], (
        "an unfinished undo has undone nothing"
    )
    append(with_outcome(undo, "done"))
    assert [e.outcome for e in read_journal()] == ["done", "undone"]


def test_a_truncated_last_line_is_skipped_and_closed(state: Path) -> None:
    first, second = entry(), entry("churn 2 → Production")
    append(first)
    path = state / "journal.jsonl"
    complete = path.read_bytes()
    path.write_bytes(complete + complete[: len(complete) // 2])

    assert read_journal() == (first,)
    append(second)
    assert read_journal() == (second, first)


@pytest.mark.parametrize(
    "line",
    [
        b"\x00\xff\xfe",
        b"[]",
        b"7",
        b'"text"',
        b"null",
        b"{}",
        b'{"entry_id": 3}',
        b'{"entry_id":"a","time":"now","user":"u","host":"h","server":"s","action":"promote","target":"t"}',
        b'{"entry_id":"a","time":1,"user":"u","host":"h","server":"s","action":"x","target":"t","outcome":"?"}',
        b'{"entry_id":"a","time":1,"user":"u","host":"h","server":"s","action":"x","target":"t","before":[1]}',
        b'{"entry_id":"a","time":1,"user":"u","host":"h","server":"s","action":"x","target":"t","after":{"v":"1"}}',
        b'{"entry_id":["a"],"time":1,"user":"u","host":"h","server":"s","action":"x","target":"t"}',
        b'{"entry_id":"a","time":'
        + b"9" * 400
        + b',"user":"u","host":"h","server":"s","action":"x","target":"t"}',
        b"[" * 200_000,
    ],
)
def test_invalid_lines_are_skipped(state: Path, line: bytes) -> None:
    first = entry()
    append(first)
    with (state / "journal.jsonl").open("ab") as file:
        file.write(line + b"\n")
    assert read_journal() == (first,)


def test_only_the_end_of_a_large_journal_is_read(state: Path) -> None:
    first, last = entry("churn 1 → Staging"), entry(reason="x" * 5000)
    append(first)
    path = state / "journal.jsonl"
    with path.open("ab") as file:
        file.truncate(200 * 2**30)  # sparse: reading all of it would take minutes
        file.write(b"\n")
    append(last)
    assert next(journal.journal_entries(model="churn")) == last


def test_a_large_journal_continues_in_a_new_file(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_FILE_BYTES", 2000)
    monkeypatch.setattr(journal, "OLD_FILES", 2)
    written = []
    for number in range(24):
        intent = entry(f"churn {number} → Production", reason="x" * 200)
        append(intent)
        append(with_outcome(intent, "done"))
        written.append(with_outcome(intent, "done"))

    found = {path.name: path.stat() for path in state.iterdir()}
    assert {*found} - {"journal.jsonl", "journal.head"} == {"journal.jsonl.1", "journal.jsonl.2"}
    assert all(file.st_size < 3000 for file in found.values())
    assert all(file.st_mode & 0o777 == 0o600 for file in found.values())
    kept = read_journal(None)
    assert len(kept) >= 4
    assert kept == tuple(reversed(written[-len(kept) :]))


def test_a_linked_journal_stays_linked(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = state.parent / "elsewhere.jsonl"
    state.mkdir()
    (state / "journal.jsonl").symlink_to(target)
    monkeypatch.setattr(journal, "MAX_FILE_BYTES", 1)
    first, second = entry(), entry("churn 2 → Staging")
    append(first)
    append(second)
    assert (state / "journal.jsonl").is_symlink()
    assert read_journal() == (second, first)


def test_entries_are_selected_by_server_and_model(state: Path) -> None:
    names = ("churn", "forêt", 'a "quoted" name')
    written = {name: entry(model=name) for name in names}
    for each in written.values():
        append(each)
    elsewhere = replace(entry(), entry_id="x", server="sqlite:////data/mlflow.db")
    append(elsewhere)
    for name in names:
        assert tuple(journal.journal_entries(server=str(URI.shown), model=name)) == (written[name],)
    assert tuple(journal.journal_entries(server=elsewhere.server)) == (elsewhere,)


def test_unknown_fields_of_a_newer_console_are_ignored(state: Path) -> None:
    first = entry()
    append(first)
    path = state / "journal.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "blue"}) + "\n")
    assert read_journal() == (first,)


def test_secrets_are_masked(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken-of-ana")
    uri = TrackingUri("http://ana:hunter2@mlflow.example:5000")
    intent = new_entry(uri, "promote", "churn 1 → Production")
    detail = "POST http://ana:hunter2@mlflow.example:5000/api?api_token=abc failed; sent t0ken-of-ana, http://[x:y@z"
    append(with_outcome(intent, "failed", detail=detail))

    text = (state / "journal.jsonl").read_text()
    for secret in ("hunter2", "api_token=abc", "t0ken-of-ana", "x:y"):
        assert secret not in text
    assert read_journal()[0].server == "http://ana:***@mlflow.example:5000"


@pytest.mark.parametrize(
    "quoted", ["t0ken-of-ana", "'Bearer t0ken-of-ana\\n'", "dDBrZW4tb2YtYW5h", "t0ken-of-ana\n"]
)
def test_a_secret_is_masked_however_an_error_quotes_it(quoted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken-of-ana\n")
    masked = mask(f"Invalid header: {quoted}.")
    assert "***" in masked
    assert "ana" not in masked
    assert "dDBrZW4" not in masked


def test_a_database_has_one_name_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative = TrackingUri("sqlite:///mlflow.db")
    absolute = TrackingUri(f"sqlite:///{tmp_path}/mlflow.db")
    assert server_name(relative) == server_name(absolute) == f"sqlite:///{tmp_path}/mlflow.db"


def test_a_folder_or_a_pipe_in_place_of_the_journal_is_named(state: Path) -> None:
    path = state / "journal.jsonl"
    for put, what in ((path.mkdir, "a folder"), (partial(os.mkfifo, path), "a named pipe")):
        state.mkdir(exist_ok=True)
        put()
        for use in (partial(append, entry()), read_journal, journal.check):
            with pytest.raises(WriteError) as caught:
                use()
            assert caught.value.detail == f"{path} is {what}", use
            assert "Rename or remove it" in caught.value.hint
        path.rmdir() if path.is_dir() else path.unlink()


def test_a_full_disk_is_an_error(state: Path) -> None:
    state.mkdir()
    (state / "journal.jsonl").symlink_to("/dev/full")
    with pytest.raises(WriteError) as caught:
        append(entry())
    assert "Cannot write" in caught.value.title
    assert "No space left" in caught.value.detail
    assert "XDG_STATE_HOME" in caught.value.hint


def test_an_interrupted_append_leaves_the_file_unchanged(state: Path) -> None:
    """A file size limit interrupts the write, as a disk that fills up does."""
    first = entry()
    append(first)
    path = state / "journal.jsonl"
    before = path.read_bytes()
    code = (
        "import resource, sys\n"
        "from tests.engine.test_journal import append, entry, WriteError\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 100}, {resource.RLIM_INFINITY}))\n"
        "try:\n    append(entry())\n"
        "except WriteError as error:\n    sys.exit(f'refused: {error.detail}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "refused" in done.stderr
    assert "File too large" in done.stderr
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="Cannot write the journal"):
        append(entry())
    with pytest.raises(WriteError, match="Cannot read the journal"):
        read_journal()


@pytest.mark.skipif(os.getuid() == 0, reason="root ignores permissions")
def test_a_read_only_home_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(WriteError, match="Cannot write the journal"):
        append(entry())
    assert read_journal() == ()
    with pytest.raises(WriteError, match="Cannot write the journal"):
        journal.check_writable()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_folder_that_not_even_root_can_write_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert read_journal() == ()
    with pytest.raises(WriteError, match="Cannot write the journal"):
        journal.check_writable()


def test_checking_that_the_journal_is_writable_adds_no_entry(state: Path) -> None:
    journal.check_writable()
    assert not (state / "journal.jsonl").exists()


def test_appends_of_two_processes_do_not_interleave(state: Path) -> None:
    code = (
        "from tests.engine.test_journal import append, entry\n"
        "for number in range(100):\n    append(entry(reason=str(number) * 3000))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]

    assert len((state / "journal.jsonl").read_bytes().splitlines()) == 200
    assert len(read_journal(None)) == 200


def test_an_append_waits_only_so_long(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "APPEND_SECONDS", 0.05)
    append(entry())
    with (
        journal.open_private(state / "journal.jsonl") as descriptor,
        journal.locked(descriptor, 1),
        pytest.raises(WriteError, match="locked by another process"),
    ):
        append(entry())


def test_promotions_of_one_account_exclude_each_other(state: Path) -> None:
    with (
        journal.exclusive(1),
        pytest.raises(WriteError, match="Another promotion is being applied"),
        journal.exclusive(0.05),
    ):
        pytest.fail("locked twice")
    with journal.exclusive(0):
        pass


def test_a_pipe_in_place_of_the_journal_is_refused_instead_of_waited_for(state: Path) -> None:
    file = paths.journal_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(file)
    with pytest.raises(WriteError, match="Cannot read the journal") as caught:
        read_journal()
    assert "is a named pipe" in caught.value.detail


@pytest.mark.parametrize("name", ["journal.jsonl", "journal.head", "promotion.lock"])
def test_a_link_of_another_user_is_named_with_the_advice_to_remove_it(
    state: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    append(entry())
    link, target = state / name, state / "target"
    target.write_bytes((state / "journal.jsonl").read_bytes())
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    os.lchown(link, 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)

    def promote() -> None:
        with journal.exclusive(1):
            pass

    attempts: dict[str, list[Callable[[], object]]] = {
        "journal.jsonl": [read_journal, journal.check, lambda: append(entry())],
        "journal.head": [journal.check],
        "promotion.lock": [journal.check_writable, promote],
    }
    for attempt in attempts[name]:
        with pytest.raises(WriteError, match=f"{name} is a symbolic link of another user") as caught:
            attempt()
        assert caught.value.detail == str(link)
        assert caught.value.hint.startswith("Remove the link")


class TestChecks:
    """Hashes that find changed, lost, moved and added lines."""

    @pytest.fixture
    def path(self, state: Path) -> Path:
        for version in range(1, 6):
            append(entry(f"churn {version} → Production"))
        return state / "journal.jsonl"

    def test_an_untouched_journal_has_no_faults(self, path: Path) -> None:
        assert journal.check() == journal.JournalCheck(5, 0, 0, (), has_head=True)

    @pytest.mark.parametrize(
        ("edit", "line", "what"),
        [
            (lambda a, b, c, d, e: [a, b.replace(b"churn 2", b"churn 9"), c, d, e], 3, "changed or removed"),
            (lambda a, b, c, d, e: [a, b, d, e], 3, "changed or removed"),
            (lambda a, b, c, d, e: [a, c, b, d, e], 2, "changed or removed|follow line"),
            (lambda a, b, c, d, e: [a, b, b, c, d, e], 3, "should follow line 1"),
            (lambda a, b, c, d, e: [a, b, b.replace(b"previous", b"then"), c, d, e], 3, "another program"),
            (lambda a, b, c, d, e: [b, c, d, e], 1, "lines before it were removed"),
            (lambda a, b, c, d, e: [a, b, c, d], 4, "lines after it were removed"),
            (
                lambda a, b, c, d, e: [a, b, c, d, e.replace(b"churn 5", b"churn 9")],
                5,
                "last line was changed",
            ),
            (lambda a, b, c, d, e: [], 0, "lines after it were removed"),
        ],
        ids=["changed", "removed", "moved", "doubled", "added", "first", "last", "last changed", "emptied"],
    )
    def test_a_line_that_was_tampered_with_is_found(
        self, path: Path, edit: Callable[..., list[bytes]], line: int, what: str
    ) -> None:
        path.write_bytes(b"".join(edit(*path.read_bytes().splitlines(keepends=True))))
        first = journal.check().faults[0]
        assert (first.file, first.line) == ("journal.jsonl", line)
        assert re.search(what, first.what)

    def test_a_deleted_journal_is_still_missed_after_the_next_entry(self, path: Path) -> None:
        path.unlink()
        append(entry())
        assert [fault.what for fault in journal.check().faults] == ["The lines before it were removed."]

    def test_a_line_that_is_no_entry_at_all_is_found(self, path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"hello\n")
        (fault,) = journal.check().faults
        assert fault.what.startswith("The line has no hash")

    def test_a_line_cut_off_by_a_power_cut_is_no_fault(self, path: Path) -> None:
        with path.open("ab") as file:
            file.write(b'{"entry_id":"a","ti')
        append(entry())
        found = journal.check()
        assert (found.lines, found.torn, found.faults) == (7, 1, ())

    def test_lines_of_an_older_console_are_counted(self, path: Path) -> None:
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        for line in lines:
            del line["previous"]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        append(entry())
        found = journal.check()
        assert (found.lines, found.unlinked, found.faults) == (6, 5, ())

    def test_rotation_and_dropped_files_are_no_faults(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(journal, "MAX_FILE_BYTES", 1000)
        monkeypatch.setattr(journal, "OLD_FILES", 3)
        for _ in range(20):
            append(entry())
        assert (path.parent / "journal.jsonl.3").exists()
        assert journal.check().faults == ()
        (path.parent / "journal.jsonl.2").unlink()
        assert [fault.file for fault in journal.check().faults] == ["journal.jsonl.1"]
