"""Completion: the options at the cursor (marked |), and the resulting text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, strategies as st

from engine.columns import ColumnKey
from engine.entities import DatasetRef
from engine.filters.compiler import compile_filter
from engine.filters.completion import MAX_OPTIONS, Completion, complete
from engine.filters.lexer import MAX_LENGTH
from engine.filters.names import Names
from engine.filters.options import column, written_value
from engine.runs.frame import RunFrame
from tests.support.runs import a_run

FRAME = RunFrame.from_runs(
    [
        replace(
            a_run(
                "aa01",
                name="knn 5",
                metrics={"accuracy": 0.9, "val acc": 0.1, "lr": 1.0, "loss": math.nan},
                params={"metric": "euclid", "k": "3", "lr": "x", "order": "b a"},
                tags={"team": "it's", "mlflow.user": "ada"},
            ),
            datasets=(DatasetRef("heart", "5c1f", "train"), DatasetRef("iris", "77aa")),
        ),
        a_run(
            "aa02", name="knn 6", status="RUNNING", seconds=None, params={"metric": "Manhattan d", "k": "5"}
        ),
        a_run(
            "aa03", metrics={"accuracy": 0.8, "val_loss": 0.1}, params={"metric": "Manhattan d", "k": "auto"}
        ),
        a_run("aa04", name="svm", seconds=5000, params={"metric": "Manhattan d", "order": "C:\\"}),
    ]
)


def offered(marked: str, first: Sequence[ColumnKey] = ()) -> list[str]:
    """The options at the | in a text, without trailing spaces."""
    return [option.text.rstrip() for option in at(marked, first).options]


def at(marked: str, first: Sequence[ColumnKey] = ()) -> Completion:
    return complete(marked.replace("|", "", 1), marked.index("|"), FRAME, first=first)


@pytest.mark.parametrize(
    ("marked", "options"),
    [
        # columns: prefix matches, then substring matches
        ("acc|", ["accuracy", "`val acc`"]),
        ("ACC|", ["accuracy", "`val acc`"]),
        ("lr|", ["metrics.lr", "params.lr"]),
        (
            "metrics.|",
            ["metrics.accuracy", "metrics.loss", "metrics.lr", "metrics.`val acc`", "metrics.val_loss"],
        ),
        ("metrics.v|", ["metrics.`val acc`", "metrics.val_loss"]),
        ("metrics.`v|", ["metrics.`val acc`", "metrics.val_loss"]),
        ("metrics.`val a|cc` > 1", ["metrics.`val acc`"]),
        ("`v|", ["`val acc`", "val_loss"]),
        ("datasets.|", ["datasets.context", "datasets.digest", "datasets.name"]),
        ("tag|", ["tags."]),
        ("no|", ["NOT"]),
        ("knn te|", []),
        # operators for the column
        ("accuracy >|", [">", ">="]),
        ("accuracy !|", ["!="]),
        ("status lik|", ["LIKE", "ILIKE"]),
        ("accuracy lik|", []),
        ("accuracy i|", ["IN (", "IS NULL", "IS NOT NULL", "IS NAN", "NOT IN ("]),
        ("k b|", ["BETWEEN"]),
        ("metric b|", []),
        ("accuracy is |", ["NULL", "NOT NULL", "NAN"]),
        ("metric not i|", ["IN (", "ILIKE", "LIKE"]),
        ("metric in |", ["("]),
        # existing values, most frequent first
        ("metric = |", ["'Manhattan d'", "euclid"]),
        ("metric = e|", ["euclid"]),
        ("metric = 'm|", ["'Manhattan d'"]),
        ("metric = 'm|' and k = 1", ["'Manhattan d'"]),
        ("metric = 'm| and status = 'RUNNING'", ["'Manhattan d'"]),
        ("metric=|", ["'Manhattan d'", "euclid"]),
        ("metric =| and k = 3", ["'Manhattan d'", "euclid"]),
        ("k>=|", ["3", "5"]),
        ("accuracy>|", [">", ">="]),
        ("metric like |", ["'Manhattan d'", "'euclid'"]),
        ("metric in (|", ["'Manhattan d'", "euclid"]),
        ("metric in (euclid, m|)", ["'Manhattan d'"]),
        ("metric in (euclid |", [",", ")"]),
        ("metric ~ |", []),
        ("team = |", ['"it\'s"']),
        ("order = |", ["'b a'", "C:\\"]),
        ("status = |", ["finished", "running"]),
        ("status != R|", ["running"]),
        ("status = '|", ["'FINISHED'", "'RUNNING'"]),
        ("name = k|", ["'knn 5'", "'knn 6'"]),
        ("datasets.name = |", ["heart", "iris"]),
        ("datasets.context = |", ["train"]),
        ("k = |", ["3", "5", "auto"]),
        ("k > |", ["3", "5"]),
        ("accuracy > |", ["0.8", "0.9"]),
        ("loss > |", []),
        ("duration > |", ["1s", "83m"]),
        ("start_time > -7|", ["-7d"]),
        ("accuracy between |", ["0.8", "0.9"]),
        ("accuracy between 0 |", ["AND"]),
        ("accuracy between 0 and |", ["0.8", "0.9"]),
        ("nowhere = |", []),
        # arithmetic
        ("accuracy > v|", ["`val acc`", "val_loss"]),
        ("accuracy - val|", ["`val acc`", "val_loss"]),
        ("accuracy - t|", ["start_time", "end_time", "duration"]),
        ("accuracy - val_loss b|", ["BETWEEN"]),
        # AND and OR
        ("accuracy > 0.9 |", ["AND", "OR"]),
        ("accuracy > 0.9 o|", ["OR"]),
        ("(accuracy > 0.9 |", ["AND", "OR", ")"]),
        ("metric in (euclid) |", ["AND", "OR"]),
        ("accuracy is not null |", ["AND", "OR"]),
    ],
)
def test_options_match_the_grammar_at_the_cursor(marked: str, options: list[str]) -> None:
    assert offered(marked) == options


def test_an_empty_filter_offers_columns_with_internal_tags_last() -> None:
    everything = offered("|")
    assert everything[:3] == ["accuracy", "loss", "metrics.lr"]
    assert everything[-1] == "mlflow.user"
    assert len(everything) == len(FRAME.keys)
    assert offered("|", first=[ColumnKey("param", "k"), ColumnKey("metric", "val_loss")])[:3] == [
        "k",
        "val_loss",
        "accuracy",
    ]
    assert offered("accuracy > 0.9 and |") == everything


def accepted(marked: str, frame: RunFrame) -> list[list[int]]:
    """The matching rows for each completed value at the |."""
    text = marked.replace("|", "", 1)
    found = complete(text, marked.index("|"), frame)
    taken = (text[: found.start] + option.text + text[found.end :] for option in found.options)
    return [compile_filter(text, frame.keys, frame).rows(frame) for text in taken]


FINE = RunFrame.from_runs(
    [
        a_run("a", metrics={"acc": 0.52190476}, start=1_795_000_000_123, seconds=5025.25),
        a_run("b", metrics={"acc": 0.52194321}, start=1_795_086_400_456, seconds=5026.75),
        a_run("c", metrics={"acc": -1e-05}, start=1_795_172_800_789, seconds=0.125),
    ]
)


@pytest.mark.parametrize("marked", ["status = |", "status = '|", 'status = "fin|"', "status in ('|)"])
def test_a_completed_status_matches_its_runs(marked: str) -> None:
    taken = accepted(marked, FRAME)
    assert [0, 2, 3] in taken
    assert all(taken)


def test_a_completed_number_after_an_equals_sign_matches_its_runs() -> None:
    for name in ("acc", "duration", "start_time"):
        for marked in (f"{name} = |", f"{name} in (|)", f"{name} in (0, |)"):
            assert sorted(accepted(marked, FINE)) == [[0], [1], [2]]
        for marked in (f"{name} != |", f"{name} not in (|)"):
            assert sorted(accepted(marked, FINE)) == [[0, 1], [0, 2], [1, 2]]
    options = complete("acc = ", 6, FINE).options
    assert {option.shown for option in options} == {"0.52190476", "0.52194321", "-1e-05"}
    assert [option.text for option in complete("acc > ", 6, FINE).options] == ["0.5219 ", "-1e-05 "]
    times = complete("start_time = ", 13, FINE).options
    assert {option.shown[:2] for option in times} == {"20"}, "people read dates"


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=5))
def test_every_offered_number_matches_after_an_equals_sign(numbers: list[float]) -> None:
    frame = RunFrame.from_runs([a_run(f"r{n}", metrics={"acc": value}) for n, value in enumerate(numbers)])
    assert all(accepted("acc = |", frame))


@pytest.mark.parametrize(
    ("marked", "becomes"),
    [
        ("ac|", "accuracy |"),
        ("ac|curate > 0.5", "accuracy| > 0.5"),
        ("accuracy >| 0.5", "accuracy >| 0.5"),
        ("k = 3 and met| = x", "k = 3 and metric| = x"),
        ("metric in (eu|)", "metric in (euclid|)"),
        ("accuracy in|", "accuracy IN (|"),
        ("metr|ic.x = 1", "metric| = 1"),
    ],
)
def test_the_token_under_the_cursor_is_replaced(marked: str, becomes: str) -> None:
    found, text = at(marked), marked.replace("|", "", 1)
    before = text[: found.start] + found.options[0].text
    assert f"{before}|{text[found.end :]}" == becomes


@pytest.mark.parametrize(
    ("marked", "is_typed"),
    [
        ("metric = euclid|", True),
        ("metric = eucl|", False),
        ("accuracy > 1 and|", True),
        ("accuracy >|", False),
        ("accuracy|", True),
        ("val|", False),
        ("metric = |", False),
    ],
)
def test_what_is_already_typed_is_recognised(marked: str, is_typed: bool) -> None:
    assert at(marked).is_typed == is_typed


def test_options_have_kinds() -> None:
    kinds = {option.text.strip(): option.kind for option in at("|").options}
    assert (kinds["accuracy"], kinds["k"], kinds["team"]) == ("metric", "param", "tag")
    assert (kinds["status"], kinds["datasets.name"]) == ("attribute", "dataset")
    assert at("k = |").options[0].kind == "value"
    assert at("k |").options[0].kind == "operator"
    assert at("k = 3 |").options[0].kind == "keyword"


def test_names_and_values_are_shown_without_quotes() -> None:
    assert [option.shown for option in at("acc|").options] == ["accuracy", "val acc"]
    assert [option.shown for option in at("lr|").options] == ["metrics.lr", "params.lr"]
    assert [option.shown for option in at("team = |").options] == ["it's"]


def test_at_most_fifty_options_are_offered_and_unquotable_values_are_not() -> None:
    params = {"p": "long" * 100, "n": "line\nbreak", "q": "both ' and \"", '`"': "x"}
    frame = RunFrame.from_runs(
        [a_run("odd", params=params), *(a_run(f"r{n}", name=f"run {n}") for n in range(200))]
    )
    assert len(complete("name = ", 7, frame).options) == MAX_OPTIONS
    for name in "pnq":
        assert complete(f"{name} = ", 4, frame).options == ()
    assert not [option for option in complete("", 0, frame).options if '"' in option.text]


CURSORS = st.integers(-5, 250)


@given(st.text(max_size=200), CURSORS)
@example("a\ud800 = '", 5)
@example("metrics.`", 9)
@example("a in (" * 20, 100)
def test_any_text_and_cursor_complete_without_errors(text: str, cursor: int) -> None:
    check(text, cursor)


WORDS = st.sampled_from(
    [
        *("accuracy", "metrics.", "`val acc`", "k", "status", "datasets.name", "start_time", "'x'", "3"),
        *("=", ">", "!", "between", "in", "is", "like", "null", "and", "or", "not"),
        *("(", ")", ",", "-", "*", '"', "`", "'"),
    ]
)


@given(st.lists(WORDS, max_size=20), st.sampled_from([" ", ""]), CURSORS)
def test_any_tokens_and_cursor_complete_without_errors(words: list[str], space: str, cursor: int) -> None:
    check(space.join(words), cursor)


def check(text: str, cursor: int) -> None:
    found = complete(text, cursor, FRAME)
    assert 0 <= found.start <= found.end <= max(len(text), 0)
    assert found.start <= max(0, min(cursor, len(text))) <= found.end
    assert len(found.options) <= MAX_OPTIONS
    for option in found.options:
        assert option.text.strip()
        assert option.shown


@pytest.mark.parametrize("unit", ["a ", "(", "'", "a in (", "a - ", "`", "metrics.", "not ", "a = 'x' and "])
def test_long_texts_complete_without_errors(unit: str) -> None:
    text = (unit * MAX_LENGTH)[:MAX_LENGTH]
    check(text, len(text))
    check(text, len(text) // 2)
    assert complete(text + "x", 5, FRAME).options == ()


@given(st.text(min_size=1, max_size=12))
@example("and")
@example("a.b")
@example("metrics.x")
@example("-7d")
@example("*")
@example("C:\\")
def test_options_resolve_to_the_columns_and_values_they_show(text: str) -> None:
    runs = [a_run("yes", params={text: "1", "p": text}), a_run("no")]
    frame = RunFrame.from_runs(runs)
    names = Names(frame.keys)
    for prefixed in (False, True):
        offer = column(names, ColumnKey("param", text), prefixed=prefixed)
        if offer is not None:
            assert compile_filter(f"{offer.text} IS NOT NULL", frame.keys).rows(frame) == [0]
    value = written_value(text)
    if value is not None:
        assert 0 in compile_filter(f"params.p = {value}", frame.keys).rows(frame)
        assert 0 in compile_filter(f"params.p = {value} and params.p != 'x\"\"'", frame.keys).rows(frame)
