"""Files that several processes write are replaced atomically and appended to in complete lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import files
from engine.files import (
    append_line,
    last_line,
    lines_forwards,
    lines_from_end,
    open_private,
    read_private,
    replacing,
)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_replaced_atomically_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "views.toml"
    path.write_text("old")
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert mode_of(path) == 0o640
    assert os.listdir(tmp_path) == ["views.toml"]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1000])
def test_lines_are_read_from_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(files, "_BLOCK_BYTES", block)
    path = tmp_path / "lines"
    for data in (b"", b"\n", b"a", b"a\n", b"first\n\nthird\r\nlast"):
        path.write_bytes(data)
        assert list(lines_from_end(path)) == data.split(b"\n")[::-1]


def test_a_line_without_an_end_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 200_000)
    path = tmp_path / "lines"
    path.write_bytes(b"first\n" + b"x" * 3_000_000 + b"\nlast")
    lines = list(lines_from_end(path))
    assert (lines[0], lines[-1]) == (b"last", b"first")
    assert all(len(line) < 300_000 for line in lines)


def test_a_failed_replacement_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "views.toml"
    path.write_text("old")
    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"half of the n", "not bytes"])  # type: ignore[list-item]
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["views.toml"]


def test_a_new_private_file_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with replacing(tmp_path / "private", private=True) as file:
            file.write(b"x")
        with replacing(tmp_path / "shared") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "private") == 0o600
    assert mode_of(tmp_path / "shared") == 0o666


def test_replacing_through_a_symbolic_link_keeps_the_link(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_line_starts_on_a_new_line_after_a_truncated_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "journal.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"whole\ncut o")
    with open_private(path) as descriptor:
        append_line(descriptor, b"next\n")
    assert path.read_bytes() == b"whole\ncut o\nnext\n"
    assert mode_of(path) == 0o600


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_private_files_and_their_folders_ignore_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "journal"
    with open_private(path):
        assert mode_of(path) == 0o600
    with replacing(path.with_name("state"), private=True) as file:
        file.write(b"{}")
    assert mode_of(path.with_name("state")) == 0o600
    assert [mode_of(folder) for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]


def test_private_files_and_folders_that_others_can_access_are_closed(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o777)
    path = folder / "viewed.json"
    path.write_text("{}")
    path.chmod(0o644)
    with replacing(path, private=True) as file:
        file.write(b"[]")
    assert (mode_of(folder), mode_of(path), path.read_text()) == (0o700, 0o600, "[]")


def test_another_users_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, link = tmp_path / "target", tmp_path / "journal"
    target.write_text("theirs")
    link.symlink_to(target)
    with open_private(link) as descriptor:
        assert os.pread(descriptor, 9, 0) == b"theirs", "the owner may keep the file elsewhere"
    os.lchown(link, 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(OSError, match="another user"), open_private(link):
        pass
    with pytest.raises(OSError, match="another user"), replacing(link, private=True):
        pass
    for read in (lines_from_end, lambda path: lines_forwards(path, 99), lambda path: [last_line(path, 99)]):
        with pytest.raises(OSError, match="another user"):
            list(read(link))
    with pytest.raises(OSError, match="another user"):
        read_private(link)
    assert target.read_text() == "theirs"
