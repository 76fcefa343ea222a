"""Decoding an object element by element gives the same result as `json.loads`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from engine.stores.rest.json_stream import read_object

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
NAMES = st.sampled_from(["runs", "next_page_token", "", 'a"b', "a\\"])
OBJECTS = st.dictionaries(NAMES, VALUES | st.lists(VALUES))


def streamed(*pieces: str) -> object:
    """The object put together from its parts; None for invalid JSON."""
    elements: list[Any] = []
    try:
        found = read_object(pieces, "runs", elements.append)
    except json.JSONDecodeError:
        return None
    return found | ({"runs": elements} if elements else {})


def loaded(text: str) -> object:
    """The same by `json.loads`, without a `runs` that is null or empty, which `streamed` cannot see."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if name != "runs" or value}


@given(OBJECTS, st.sampled_from([None, 0, 2, "\t"]))
def test_any_object_is_decoded(given: dict[str, Any], indent: int | str | None) -> None:
    if not isinstance(given.get("runs", []), list):
        given["runs"] = []
    text = json.dumps(given, indent=indent)
    assert streamed(text) == loaded(text)


@given(OBJECTS, st.sampled_from([None, 1]), st.integers(1, 7))
def test_the_text_may_be_cut_anywhere(given: dict[str, Any], indent: int | None, size: int) -> None:
    if not isinstance(given.get("runs", []), list):
        given["runs"] = []
    text = json.dumps(given, indent=indent)
    assert streamed(*(text[at : at + size] for at in range(0, len(text), size))) == loaded(text)


@pytest.mark.parametrize("number", ["-1.25e+17", "10", "1E5", "0.5e-3", "-Infinity", "NaN"])
def test_a_number_may_be_cut_anywhere(number: str) -> None:
    for at in range(len(number)):
        assert str(streamed('{"a": ' + number[:at], "", number[at:] + "}")) == str(
            loaded(f'{{"a": {number}}}')
        )


def test_text_is_dropped_once_it_is_decoded() -> None:
    element = json.dumps({"value": "x" * 1000})
    alive: list[int] = []

    class Piece(str):
        def __del__(self) -> None:
            alive.pop()

    def pieces() -> Iterator[str]:
        yield '{"runs": ['
        for number in range(100):
            alive.append(number)
            yield Piece(element + ",")
        yield element + "]}"

    most = 0

    def take(_: object) -> None:
        nonlocal most
        most = max(most, len(alive))

    read_object(pieces(), "runs", take)
    assert most < 5


@given(st.text('[]{},:"\\ \n01aertuns', max_size=40), st.data())
def test_damaged_text_is_refused(rest: str, data: st.DataObject) -> None:
    text = '{"runs": [1, {"a": []}], "b": 2}'
    index = data.draw(st.integers(0, len(text)))
    for damaged in (rest, text[:index] + rest, text[:index] + rest + text[index:]):
        try:
            assert streamed(damaged) == loaded(damaged)
        except TypeError:  # the list has become something else
            assert '"runs": [' not in damaged


def test_elements_arrive_in_order_and_before_the_end() -> None:
    taken: list[object] = []
    with pytest.raises(json.JSONDecodeError):
        read_object(['{"runs": [1, 2, 3'], "runs", taken.append)
    assert taken == [1, 2, 3]


@pytest.mark.parametrize("value", ["5", "true", '"text"', "{}"])
def test_a_field_that_is_not_a_list_is_an_error(value: str) -> None:
    with pytest.raises(TypeError, match="list"):
        read_object([f'{{"runs": {value}}}'], "runs", print)


def test_null_is_an_empty_list() -> None:
    assert read_object(['{"runs": null, "a": 1}'], "runs", pytest.fail) == {"a": 1}


def test_deep_nesting_is_an_error() -> None:
    with pytest.raises(RecursionError):
        read_object(['{"runs": [' + "[" * 100_000], "runs", print)
