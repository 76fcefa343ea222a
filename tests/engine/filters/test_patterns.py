"""Regular expressions and LIKE match as in Python and SQL, in bounded time."""

from __future__ import annotations

import re
import sqlite3
import warnings
from random import Random

import pytest
from hypothesis import example, given, strategies as st

from engine.filters.like import like
from engine.filters.regex import PatternError, Regex, TooMuchWork
from tests.engine.filters.support import matching, rejected
from tests.support.runs import a_run

TEXTS = ("", "a", "ab", "aab", "knn-5-euclid", "KNN 7", "a.b", "x\ny", "naïve", "_1", "a--b", "[a]", "ſ", "K")

PATTERNS = (
    *(
        "a",
        "^a",
        "a$",
        "^a$",
        "^$",
        "a*",
        "a+b",
        "a?b",
        "(ab)+",
        "(a|b)*",
        "(?:a|ab)(?:b|)",
        "a{2}",
        "a{1,2}b",
    ),
    *(
        "a{,2}b",
        "a{0}",
        "a{2,}",
        "a{x",
        "{",
        "x{1",
        r"\d+",
        r"\w-\d",
        r"\bknn\b",
        r"\Bn",
        r"\Ak",
        r"5\Z",
        ".",
    ),
    *(
        ".b",
        "[ab]+$",
        "[^ab]",
        "[]a]",
        "[^]a]",
        "[a-c-]",
        r"[\d-]",
        r"[\]]",
        "[[]",
        "[a&&b]",
        "[a||b]",
        "[~~]",
    ),
    *(
        r"\.",
        r"\-",
        r"\[a\]",
        "(?i)knn",
        "(?i)k",
        "(?i)S",
        "(?P<x>a)b",
        "(a*)*b",
        "(a|a)*$",
        "()",
        "()*",
        "|a",
    ),
    *(
        "a||b",
        r"\u00ef",
        r"\xef",
        r"\t",
        "(^a|b)$",
        r"(\b|x)k",
        "a+?b",
        "(?:a{2}){1,2}",
        "((a?){3}){2}",
        "^*?" * 0,
    ),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_as_in_python(pattern: str) -> None:
    ours = Regex(pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = re.compile(pattern)
    for text in TEXTS:
        assert ours.found_in(text) == bool(theirs.search(text)), (pattern, text)


def _grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.tuples(parts, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
        lambda pair: f"(?:{pair[0]}){pair[1]}"
    )
    either = st.lists(parts, min_size=2, max_size=3).map(lambda many: f"({'|'.join(many)})")
    return st.one_of(repeated, either, st.lists(parts, min_size=2, max_size=3).map("".join))


ATOMS = st.sampled_from(["a", "b", "-", ".", "[ab]", "[^a]", r"\w", r"\b", r"\B", "^", r"\Z", ""])


@given(st.recursive(ATOMS, _grown, max_leaves=8), st.text("ab- ", min_size=1, max_size=8))
def test_generated_patterns_match_as_in_python(pattern: str, text: str) -> None:
    try:
        ours = Regex(pattern)
    except PatternError:
        # An anchor cannot be repeated here; Python's engine allows it in a group.
        assert re.search(r"\(\?:(\^|\\[bBZ])\)", pattern)
        return
    assert ours.found_in(text) == bool(re.search(pattern, text))


@given(st.text(max_size=40), st.text(max_size=20))
@example("\\", "")
@example("(?", "")
@example("[a-", "")
def test_an_invalid_pattern_raises_only_a_pattern_error(pattern: str, text: str) -> None:
    caught = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            Regex(pattern).found_in(text)
        except PatternError as error:
            caught = error
    if caught is not None:
        assert 0 <= caught.position <= caught.position + caught.length <= len(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(a*)*b", "(.*a){20}b", "(a?){200}a{200}b", "a*a*a*a*a*b"]
)
def test_patterns_with_catastrophic_backtracking_are_fast(pattern: str) -> None:
    assert not Regex(pattern).found_in("a" * 5000)
    assert Regex(pattern).found_in("a" * 5000 + "b")


HEAVY = "(a|b)*a(a|b){200}c"


def test_a_pattern_with_too_many_states_is_rejected_with_its_position() -> None:
    chance = Random(1)
    texts = ["".join(chance.choices("ab", k=5000)) for _ in range(50)]
    pointed, error = rejected(f"p ~ '{HEAVY}'", [a_run(text[:32], params={"p": text}) for text in texts])
    assert pointed == f"'{HEAVY}'"
    assert error.title == "This pattern takes too long"
    regex = Regex(HEAVY)
    with pytest.raises(TooMuchWork):
        any(map(regex.found_in, texts))
    regex.reset_budget()
    assert not regex.found_in("ab" * 10)


def test_a_pattern_without_brackets_needs_no_quotes() -> None:
    runs = [a_run("a", name="knn-5"), a_run("b", name="knn-x")]
    assert matching(r"name ~ ^knn-\d+$", runs) == "a"
    assert matching(r"name !~ \d", runs) == "b"


LIKES = st.text("ab%_.\\ßÉé", max_size=8)


@given(LIKES, st.text("ab%_.\\\nßÉé", max_size=12))
def test_like_matches_as_in_sqlite(pattern: str, text: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = true")
    ((found,),) = database.execute("SELECT ? LIKE ?", (text, pattern))
    assert like(pattern)(text) == bool(found)
    database.close()


@pytest.mark.parametrize(
    ("pattern", "text", "sensitive", "insensitive"),
    [
        ("KNN%", "knn-5", False, True),
        ("%É", "é", False, True),
        ("a_c", "abc", True, True),
        ("a_c", "ac", False, False),
        ("_", "", False, False),
        ("%", "", True, True),
        ("%%", "x", True, True),
        ("a%a", "a", False, False),
        ("a%b%a", "axbya", True, True),
        ("ab%ba", "aba", False, False),
    ],
)
def test_like_is_case_sensitive_and_ilike_is_not(
    pattern: str, text: str, sensitive: bool, insensitive: bool
) -> None:
    assert like(pattern)(text) is sensitive
    assert like(pattern, ignore_case=True)(text) is insensitive


def test_like_with_many_wildcards_is_fast() -> None:
    assert not like("%a" * 400 + "%b")("a" * 8000)
    assert not like("%a_" * 300 + "b")("a" * 8000)
