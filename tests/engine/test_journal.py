"""The journal on real files: what is kept, what a torn or foreign line does, what cannot be written."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine import journal as journal
from engine.errors import WriteError
from engine.journal import JournalEntry, append, new_entry, read_journal, server_name
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


def ended(intent: JournalEntry, outcome: str, **rest: object) -> JournalEntry:
    return replace(intent, outcome=outcome, **rest)  # type: ignore[arg-type]


def test_nothing_was_written_yet(state: Path) -> None:
    assert read_journal() == ()
    assert not state.exists(), "reading makes nothing"


def test_an_entry_comes_back_as_it_was(state: Path) -> None:
    first = entry(reason="November data, \u202eodd\x1b[31m text \ud800")
    append(first)
    append(ended(first, "done"))
    second = entry("churn 2 → Staging")
    append(second)

    assert read_journal() == (second, ended(first, "done"))
    assert read_journal(1) == (second,)
    assert first.user
    assert first.host == os.uname().nodename


def test_only_the_owner_can_read_it(state: Path) -> None:
    append(entry())
    path = state / "journal.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700

    path.chmod(0o644)
    append(entry())
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_entry_that_was_taken_back_says_so(state: Path) -> None:
    done = ended(entry(), "done")
    append(done)
    undo = new_entry(URI, "undo", "churn 1 → None", undoes=done.entry_id)
    append(undo)
    assert [e.outcome for e in read_journal()] == ["intended", "done"], (
        "an undo that has not ended undid nothing"
    )
    append(ended(undo, "done"))
    assert [e.outcome for e in read_journal()] == ["done", "undone"]


def test_a_torn_last_line_is_left_out_and_healed(state: Path) -> None:
    first, second = entry(), entry("churn 2 → Production")
    append(first)
    path = state / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])

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
    ],
)
def test_a_line_that_is_no_entry_is_left_out(state: Path, line: bytes) -> None:
    first = entry()
    append(first)
    with (state / "journal.jsonl").open("ab") as file:
        file.write(line + b"\n")
    assert read_journal() == (first,)


def test_a_newer_console_may_know_more_fields(state: Path) -> None:
    first = entry()
    append(first)
    path = state / "journal.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "blue"}) + "\n")
    assert read_journal() == (first,)


def test_secrets_stay_out(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken-of-ana")
    uri = TrackingUri("http://ana:hunter2@mlflow.example:5000")
    intent = new_entry(uri, "promote", "churn 1 → Production")
    detail = "POST http://ana:hunter2@mlflow.example:5000/api?api_token=abc failed; sent t0ken-of-ana, http://[x:y@z"
    append(ended(intent, "failed", detail=detail))

    text = (state / "journal.jsonl").read_text()
    for secret in ("hunter2", "api_token=abc", "t0ken-of-ana", "x:y"):
        assert secret not in text
    assert read_journal()[0].server == "http://ana:***@mlflow.example:5000"


def test_a_database_is_named_alike_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative = TrackingUri("sqlite:///mlflow.db")
    absolute = TrackingUri(f"sqlite:///{tmp_path}/mlflow.db")
    assert server_name(relative) == server_name(absolute) == f"sqlite:///{tmp_path}/mlflow.db"


def test_a_full_disk_is_told(state: Path) -> None:
    state.mkdir()
    (state / "journal.jsonl").symlink_to("/dev/full")
    with pytest.raises(WriteError) as caught:
        append(entry())
    assert "cannot be written" in caught.value.title
    assert "No space left" in caught.value.detail
    assert "XDG_STATE_HOME" in caught.value.hint


def test_a_line_is_added_whole_or_not_at_all(state: Path) -> None:
    """A file-size limit cuts the write in the middle, as a disk that fills up does."""
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


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="cannot be written"):
        append(entry())
    with pytest.raises(WriteError, match="cannot be read"):
        read_journal()


@pytest.mark.skipif(os.getuid() == 0, reason="permissions do not hold root back")
def test_a_read_only_home_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(WriteError, match="cannot be written"):
        append(entry())
    assert read_journal() == ()
    with pytest.raises(WriteError, match="cannot be written"):
        journal.check_writable()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_folder_that_nobody_can_write_is_told_root_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert read_journal() == ()
    with pytest.raises(WriteError, match="cannot be written"):
        journal.check_writable()


def test_where_a_journal_can_be_kept_the_check_adds_no_entry(state: Path) -> None:
    journal.check_writable()
    assert not (state / "journal.jsonl").exists()


def test_two_processes_do_not_interleave(state: Path) -> None:
    code = (
        "from tests.engine.test_journal import append, entry\n"
        "for number in range(100):\n    append(entry(reason=str(number) * 3000))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]

    assert len((state / "journal.jsonl").read_bytes().splitlines()) == 200
    assert len(read_journal(None)) == 200


def test_an_append_does_not_wait_for_ever(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "APPEND_SECONDS", 0.05)
    append(entry())
    with (
        journal.open_private(state / "journal.jsonl") as descriptor,
        journal.locked(descriptor, 1),
        pytest.raises(WriteError, match="another process holds it"),
    ):
        append(entry())


def test_promotions_of_one_account_wait_for_each_other(state: Path) -> None:
    with (
        journal.exclusive(1),
        pytest.raises(WriteError, match="Another promotion is being applied"),
        journal.exclusive(0.05),
    ):
        pytest.fail("held twice")
    with journal.exclusive(0):
        pass
