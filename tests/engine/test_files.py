"""Files that several processes write are replaced atomically and appended to in complete lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.files import append_line, open_private, replacing


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_replaced_atomically_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "views.toml"
    path.write_text("old")
    path.chmod(0o640)
    with replacing(path, private=True) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert mode_of(path) == 0o640
    assert os.listdir(tmp_path) == ["views.toml"]


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
