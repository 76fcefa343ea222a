"""What is masked in text that is shown, logged or exported."""

from __future__ import annotations

import pytest

from engine.secrets import mask


@pytest.mark.parametrize("before", ["", "uri=", "--", "1", "Error.", "see ", "a/", "'"])
def test_the_password_of_a_uri_is_masked_whatever_precedes_it(before: str) -> None:
    masked = mask(f"{before}postgresql+psycopg2://me:hidden@db/x")
    assert masked == f"{before}postgresql+psycopg2://me:***@db/x"


def test_a_word_of_a_million_letters_is_searched_once() -> None:
    word = "x" * 1_000_000  # from each letter on, it would take hours
    assert mask(word) == word
