"""The filter history on real files: order, limits, damage, two consoles, an unwritable home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from engine.filters.recent import COMPACT_AT, KEPT, FilterHistory
from engine.paths import filter_history_file


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return filter_history_file()


def test_a_new_history_is_empty(path: Path) -> None:
    assert FilterHistory(path).entries() == ()
    assert not path.parent.exists(), "reading creates nothing"


def test_filters_are_returned_in_order_without_duplicates(path: Path) -> None:
    history = FilterHistory(path)
    for text in ("a > 1", " b > 2 ", "", "  ", "a > 1", "a > 1", "naïve = 'é\n\x1b\ud800'"):
        history.add(text)
    expected = ("b > 2", "a > 1", "naïve = 'é\n\x1b\ud800'")
    assert history.entries() == FilterHistory(path).entries() == expected
    assert len(path.read_text().splitlines()) == 4, "repeating the newest adds nothing"
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_consoles_share_a_file(path: Path) -> None:
    one, other = FilterHistory(path), FilterHistory(path)
    one.add("a > 1")
    other.add("b > 2")
    one.add("c > 3")
    assert one.entries() == other.entries() == ("a > 1", "b > 2", "c > 3")


def test_the_oldest_filters_are_dropped_and_the_file_stays_small(path: Path) -> None:
    history = FilterHistory(path)
    for number in range(3 * COMPACT_AT):
        history.add(f"a > {number}")
    assert history.entries() == tuple(f"a > {n}" for n in range(3 * COMPACT_AT - KEPT, 3 * COMPACT_AT))
    assert len(path.read_text().splitlines()) <= COMPACT_AT
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_damaged_lines_are_skipped(path: Path) -> None:
    path.parent.mkdir(parents=True)
    intact = [json.dumps(text).encode() for text in ("a > 1", "b > 2")]
    path.write_bytes(b"\n".join([intact[0], b"\xff\x00", b"{}", b"7", b"[" * 5000, b"", intact[1], b'"torn']))
    history = FilterHistory(path)
    assert history.entries() == ("a > 1", "b > 2")
    history.add("c > 3")
    assert FilterHistory(path).entries() == ("a > 1", "b > 2", "c > 3")


def test_an_unwritable_home_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    history = FilterHistory(tmp_path / "file" / "filters.jsonl")
    history.add("a > 1")
    history.add("b > 2")
    history.add("b > 2")
    assert history.entries() == ("a > 1", "b > 2")
    history = FilterHistory(tmp_path)
    history.add("a > 1")
    assert history.entries() == ("a > 1",)


@given(st.lists(st.text(max_size=20), max_size=20))
def test_the_last_added_filter_is_the_newest(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("history") / "filters.jsonl"
    history = FilterHistory(path)
    for text in texts:
        history.add(text)
    added = [text.strip() for text in texts if text.strip()]
    assert set(history.entries()) == set(added)
    assert list(history.entries()[-1:]) == added[-1:]
