"""Logs of services: bounded, private, without secrets, followed across files."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.jobs import CancelToken
from engine.services.service_log import ServiceLog, follow, tail


def test_a_log_is_bounded_and_its_last_lines_span_its_files(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = ServiceLog(path, max_bytes=1000)
    for number in range(1000):
        log.write(f"line {number}".encode())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3100
    assert tail(path, 150) == [f"line {number}" for number in range(850, 1000)]
    assert tail(path, 0) == []
    assert len(tail(path, 10_000)) < 1000
    assert tail(tmp_path / "none", 5) == []


def test_followed_lines_are_complete_across_files(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = ServiceLog(path, max_bytes=200)
    log.write(b"before")
    cancel = CancelToken()
    followed = follow(path, cancel)
    found, written = [], [f"line {number}" for number in range(60)]
    for line in written:
        log.write(line.encode())
        found.append(next(followed))
    assert found == written
    assert len(list(tmp_path.iterdir())) == 3
    cancel.cancel()
    assert list(followed) == []


def test_secrets_do_not_reach_the_log_and_bytes_that_are_no_text_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct-horse")
    log = ServiceLog(tmp_path / "log")
    masked = "postgresql://me:***@db/x ***\nmore"
    assert log.write(b"postgresql://me:hidden@db/x correct-horse\nmore") == masked
    log.write(b"\xff\xfe")
    assert tail(tmp_path / "log", 5) == [*masked.split("\n"), "\\xff\\xfe"]
