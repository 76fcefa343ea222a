"""Only harmless characters of an untrusted string reach the screen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from engine.text import LIMIT, Shown, cell_width, cut, quoted, safe, safe_lines, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("\x1b[31mred", "␛[31mred"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\nb\tc\rd\0", "a␊b␉c␍d␀"),
        ("\x7f\x9b31m", "␡�31m"),
        ("\u202eabc\u2066", "�abc�"),
        ("a\u200bb\ufeffc\u00add", "a�b�c�d"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\ud800", "�"),
        ("\u2028\u2029", "��"),
        ("\u3164\u115f\u2800\u034f", "����"),
        ("\U000e0041\U000e0101", "��"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("naïve 实验 ❤\ufe0f", "naïve 实验 ❤\ufe0f"),
        ("[/x] [bold]", "[/x] [bold]"),
    ],
)
def test_unsafe_characters_are_replaced(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_other_objects_are_shown_as_their_text() -> None:
    assert safe(7) == "7"
    assert safe(None) == "None"
    assert safe(ValueError("a\nb")) == "a␊b"


def test_a_quoted_text_shows_its_ends_and_its_cut() -> None:
    assert quoted("my model ") == "'my model '"
    assert quoted("a\nb\u202e\ud800") == r"'a\nb\u202e\ud800'"
    assert quoted("x" * 100, 5) == "'xxxx…'"
    assert shortened("12345", 5) == "12345"


def test_long_text_is_cut_with_a_mark() -> None:
    assert safe("x" * LIMIT) == "x" * LIMIT
    assert safe("x" * (LIMIT + 1)) == "x" * (LIMIT - 1) + "…"
    assert safe("abcdef", 4) == "abc…"


@given(st.text(st.characters(), max_size=60))
def test_no_character_that_acts_on_a_terminal_gets_through(text: str) -> None:
    shown = safe(text)
    assert len(shown) == len(text)
    for char in shown:
        assert char == "\u200d" or unicodedata.category(char) not in (
            "Cc",
            "Cf",
            "Cs",
            "Zl",
            "Zp",
            "Co",
            "Cn",
        )
    assert safe(shown) == shown


def test_text_is_split_into_safe_lines() -> None:
    assert safe_lines("one\r\ntwo\n\n\tthree\x1b") == ["one", "two", "", "    three␛"]
    assert safe_lines("") == [""]
    assert safe_lines("abcdef", limit=3) == ["abc", "…"]
    assert safe_lines("abc", limit=3) == ["abc"]


def test_text_is_cut_to_a_width_in_cells() -> None:
    assert cut(Shown("abc"), 3) == "abc"
    assert cut(Shown("abcd"), 3) == "ab…"
    assert cut(Shown("abcd"), 1) == "…"
    assert cut(Shown("abcd"), 0) == ""
    assert cut(Shown("模型模型"), 5) == "模型…"
    assert cut(Shown("模型模型"), 4) == "模 …"
    assert cut(Shown("❤\ufe0f❤\ufe0f"), 3) == "❤\ufe0f…"


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("模型", 4),
        ("ﬁ", 1),
        ("🚀", 2),
        ("–…✓", 3),
        ("❤", 1),
        ("❤\ufe0f", 2),
        ("👩\u200d👩\u200d👧\u200d👦", 2),
    ],
)
def test_the_width_of_text_in_cells(text: str, cells: int) -> None:
    assert cell_width(text) == cells
