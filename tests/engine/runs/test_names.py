"""Short names that tell runs apart."""

from __future__ import annotations

import pytest

from engine.runs.names import run_names, unique_names


@pytest.mark.parametrize(
    ("names", "short", "pattern"),
    [
        (("knn-7-unif-auto", "knn-9-dist-auto"), ("7·unif", "9·dist"), "knn-*-*-auto"),
        (
            ("net-lr0.001-seed1", "net-lr0.01-seed2-r34"),
            ("lr0.001-seed1", "lr0.01-seed2-r34"),
            "net-*",
        ),
        (("v1.model.a", "v1.model.bb.c"), ("a", "bb.c"), "v1.model.*"),
        (("alpha", "beta"), ("alpha", "beta"), ""),
    ],
)
def test_names_lose_the_words_that_they_share(
    names: tuple[str, ...], short: tuple[str, ...], pattern: str
) -> None:
    found = run_names([(name, f"{at:032}") for at, name in enumerate(names)], 3, 20)
    assert (found.names, found.pattern) == (short, pattern)


def test_missing_and_repeated_names_get_the_beginning_of_the_id() -> None:
    runs = [("", "aaaaaaaa1"), ("x", "bbbbbbbb1"), ("x", "cccccccc1"), ("y", "dddddddd1")]
    assert unique_names(runs) == ["aaaaaaaa", "x bbbbbbbb", "x cccccccc", "y"]


def test_one_run_keeps_its_name() -> None:
    found = run_names([("knn-11-chebyshev-distance", "a" * 32)], 3, 40)
    assert (found.names, found.pattern) == (("knn-11-chebyshev-distance",), "")
