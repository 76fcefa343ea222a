"""The word that a filter ends with."""

from __future__ import annotations

import pytest

from engine.errors import FilterError
from engine.filters.cursor import search_at_end


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("knn", "knn"),
        ("knn ", "knn"),
        ("knn 7", "7"),
        ("accuracy > 0.9 and knn", "knn"),
        ("accuracy > 0.9 or not knn", "knn"),
        ("(knn)", ""),
        ('"knn"', ""),
        ("knn and", ""),
        ("status = failed", ""),
        ("accuracy is null", ""),
    ],
)
def test_a_word_at_the_end(text: str, word: str) -> None:
    assert search_at_end(text) == word


def test_a_wrong_filter_has_no_end() -> None:
    with pytest.raises(FilterError):
        search_at_end("not (a = 1 or knn")
