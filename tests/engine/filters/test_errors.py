"""A filter that means nothing says what is wrong, and exactly where."""

from __future__ import annotations

import pytest

from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.lexer import MAX_LENGTH
from engine.runs.frame import RunFrame
from tests.engine.filters.support import fault
from tests.support.runs import a_run

RUNS = [
    a_run(
        "a",
        params={"n_neighbors": "5", "metric": "euclidean", "lr": "0.1", "a b": "1", "duration": "x"},
        metrics={"accuracy": 0.9, "val_accuracy": 0.8, "lr": 0.1, "train/acc": 0.9},
        tags={"mlflow.user": "ada", "took": "long"},
    )
]


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        # not finished yet
        ("accuracy >", "", "ends where a value after > should follow"),
        ("accuracy > 0.9 or", "", "ends where a condition should follow"),
        ("accuracy > 0.9 and not", "", "a condition"),
        ("accuracy between 0.1", "", "AND and the upper bound"),
        ("accuracy between 0.1 and", "", "a value after BETWEEN"),
        ("metric in (", "", "a value after ("),
        ("metric in (a", "", ", or )"),
        ("metric in (a,", "", "a value after ,"),
        ("metric in", "", "( and a list"),
        ("metric is", "", "NULL"),
        ("metric is not", "", "NULL"),
        ("metric not like", "", "a value after LIKE"),
        ("(accuracy > 0.9", "", "AND, OR or )"),
        ("metrics.accuracy", "", "metrics.accuracy is compared with nothing"),
        ("metrics.", "", "compared with nothing"),
        ("name = 'knn", "'knn", "never closed"),
        ("`accuracy", "`accuracy", "never closed"),
        ("''", "", "a condition"),
        # not a filter
        ("> 0.9", ">", "Unexpected >"),
        ("or accuracy > 0.9", "or", "Unexpected or"),
        ("accuracy > 0.9 and or lr > 1", "or", "Unexpected or"),
        ("accuracy > > 0.9", ">", "Unexpected >"),
        ("accuracy > 0.9)", ")", "Unexpected )"),
        ("()", ")", "Unexpected )"),
        ("accuracy > 0,9", ",", "Unexpected ,"),
        ("0.8 < 0.9", "0.8", "No column is compared here"),
        ("0.8 like accuracy", "like", "Arithmetic is a number, LIKE compares texts"),
        ("accuracy > 0.8 < 0.9", "<", "Unexpected <"),
        ("accuracy > 0.8 && metric = x", "&&", "Unexpected &&"),
        ("metric = big model", "model", "Unexpected model"),
        ("knn accuracy > 0.9", "accuracy", "AND or OR is missing before accuracy"),
        ("accuracy ! 0.9", "!", "Unexpected !"),
        ("'accuracy' > 0.9", "'accuracy'", "not written in single quotes"),
        ("metric = `euclidean`", "`euclidean`", "Backticks are for columns"),
        ("metric = null", "null", "Nothing compares with NULL"),
        ("metric is 5", "5", "Unexpected 5"),
        ("metrics.`accuracy", "`accuracy", "never closed"),
        ("foo.`accuracy` > 1", "foo.", "foo is no kind of column"),
        # no such column
        ("acuracy > 0.9", "acuracy", "There is no column acuracy"),
        ("lr2 > 0.9 and accuracy > 1", "lr2", "There is no column lr2"),
        ("params.accuracy > 0.9", "params.accuracy", "There is no parameter accuracy"),
        ("metrics.nope > 0.9", "metrics.nope", "There is no metric nope"),
        ("tags.nope = x", "tags.nope", "There is no tag nope"),
        ("run.nope = x", "run.nope", "There is no attribute nope"),
        ("datasets.source = 'x'", "datasets.source", "Data sets have no source"),
        ("nope is null", "nope", "There is no column nope"),
        # several columns
        ("lr > 0.05", "lr", "lr can be several columns"),
        ("duration > 10m", "duration", "duration can be several columns"),
        ("not (accuracy > 1 or took = long)", "took", "took can be several columns"),
        # a value that cannot be compared so
        ("accuracy > high", "high", "metrics.accuracy is a number; high is none"),
        ("accuracy = '0.9'", "'0.9'", "A value in quotes is text"),
        ("accuracy > nan", "nan", "NaN compares with nothing"),
        ("accuracy in (0.1, x)", "x", "metrics.accuracy is a number; x is none"),
        ("accuracy between 0.9 and 0.8", "0.8", "No value lies between 0.9 and 0.8"),
        ("accuracy not between 0.9 and 0.8", "0.8", "No value lies between 0.9 and 0.8"),
        ("start_time between -1d and -7d", "-7d", "No value lies between -1d and -7d"),
        ("attributes.duration between 1h and 10m", "10m", "No value lies between 1h and 10m"),
        ("accuracy between 0.1 and x", "x", "metrics.accuracy is a number; x is none"),
        ("accuracy like '0.9%'", "like", "metrics.accuracy is a number, LIKE compares texts"),
        ("accuracy ~ 9", "~", "metrics.accuracy is a number, ~ compares texts"),
        ("n_neighbors > '3'", "'3'", "A value in quotes is text"),
        ("n_neighbors > many", "many", "Only numbers have an order; many is none"),
        ("metric < 5", "<", "params.metric is text and has no order"),
        ("metric between 1 and 2", "metric", "params.metric is text and has no order"),
        ("run_name < 5", "<", "run_name is text and has no order"),
        ("run_name is nan", "run_name", "run_name is text"),
        ("status = runing", "runing", "There is no status runing"),
        ("status in (finished, done)", "done", "There is no status done"),
        ("status = 'finished'", "'finished'", "There is no status 'finished'"),
        ("status != 'finished'", "'finished'", "There is no status 'finished'"),
        ("status in ('FINISHED', \"Failed\")", '"Failed"', "There is no status 'Failed'"),
        ("start_time > soon", "soon", "start_time is a time; soon is none"),
        ("start_time > 7d", "7d", "start_time is a time; 7d is none"),
        ("start_time > -7y", "-7y", "start_time is a time"),
        ("start_time > 2026-13-01", "2026-13-01", "start_time is a time"),
        ("start_time > -1M", "-1M", "start_time is a time; -1M is none"),
        ("attributes.duration > ten", "ten", "duration is a duration; ten is none"),
        ("attributes.duration > 1M", "1M", "duration is a duration; 1M is none"),
        ("attributes.duration in (5S, '1H30M')", "'1H30M'", "duration is a duration; '1H30M' is none"),
        ("attributes.duration > 3parsecs", "3parsecs", "duration is a duration"),
        # arithmetic
        ("accuracy - lr", "", "This arithmetic is compared with nothing"),
        ("accuracy -", "", "ends where a column or a number should follow"),
        ("accuracy - > 1", ">", "Unexpected >"),
        ("(accuracy + val_accuracy > 1", "", "AND, OR or )"),
        ("(accuracy + val_accuracy) / 2 and", "", "compared with nothing"),
        ("accuracy - metric > 1", "metric", "params.metric is text"),
        ("accuracy - status > 1", "status", "status is text"),
        ("datasets.name * 2 > 1", "datasets.name", "datasets.name is text"),
        ("accuracy > metric", "metric", "params.metric is text"),
        ("accuracy > status", "status", "status is text"),
        ("accuracy - nope > 1", "nope", "There is no column nope"),
        ("accuracy > metrics.nope", "metrics.nope", "There is no metric nope"),
        ("accuracy > lr", "lr", "lr can be several columns"),
        ("accuracy - '0.1' > 1", "'0.1'", "A value in quotes is text"),
        ("accuracy - val_accuracy > '0.1'", "'0.1'", "A value in quotes is text"),
        ("accuracy - val_accuracy > 'x'", "'x'", "Arithmetic is a number; 'x' is none"),
        ("accuracy - val_accuracy > nan", "nan", "NaN compares with nothing"),
        ("accuracy - val_accuracy like 'x'", "like", "Arithmetic is a number, LIKE compares texts"),
        ("accuracy - val_accuracy ~ x", "~", "Arithmetic is a number, ~ compares texts"),
        ("attributes.duration * 2 > 10m + 1", "10m", "A duration is no number"),
        ("accuracy -val_accuracy > 0.1", "-val_accuracy", "Unexpected -val_accuracy"),
        ("accuracy- val_accuracy > 0.1", "accuracy-", "Unexpected accuracy-"),
        ("accuracy-val_accuracy > 0.1", "accuracy-val_accuracy", "There is no column accuracy-val_accuracy"),
        ("val_accuracy > accuracy -0.1", "-0.1", "Unexpected -0.1"),
        ("(accuracy + val_accuracy)/2 > 0.5", "/2", "Unexpected /2"),
        ("accuracy > (val_accuracy", "", "an operator or )"),
        ("accuracy > ()", ")", "Unexpected )"),
        # a pattern that means nothing
        ("metric ~ '(eu'", "(", "This ( is never closed"),
        ("metric ~ eu+*", "*", "Repeated twice"),
        ("metric ~ '*'", "*", "* repeats nothing"),
        ("metric ~ 'x[b-a]'", "[b-a]", "These characters are no range"),
        (r"metric ~ '(a)\1'", r"\1", "means nothing here"),
        ("metric ~ '(?=a)'", "(?", "Only plain groups"),
        ("metric ~ 'a{1001}'", "{1001}", "At most 1,000 times"),
        ("metric ~ '((a{99}){99}){99}'", "'((a{99}){99}){99}'", "too large"),
    ],
)
def test_the_error_points_at_the_offending_token(text: str, place: str, says: str) -> None:
    pointed, error = fault(text, RUNS)
    assert pointed == place
    assert says in error.title
    assert error.exit_status == 2


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("acuracy > 0.9", "Did you mean accuracy?"),
        ("Accuracy > 0.9", "Did you mean accuracy or val_accuracy?"),
        ("metrics.n_neighbors > 3", "Did you mean params.n_neighbors?"),
        ("neighbors > 3", "Did you mean n_neighbors?"),
        ("user_i = x", "Did you mean user_id?"),
        ("lr > 0.05", "Write one of metrics.lr, params.lr."),
        ("duration > 10m", "Write one of attributes.duration, params.duration."),
        ("status = runing", "Statuses: running."),
        ("status = x", "Statuses: running, scheduled, finished, failed, killed."),
        ("status = 'x'", "Statuses: RUNNING, SCHEDULED, FINISHED, FAILED, KILLED."),
        ("status = 'finished'", "Write 'FINISHED', or finished without quotes."),
        ("status = 'Runing'", "Write 'RUNNING', or running without quotes."),
        ("start_time > 7d", "Write -7d."),
        ("start_time > -1M", "m is a minute; a month is 30d."),
        ("start_time > 1M", "m is a minute; a month is 30d."),
        ("attributes.duration > 1M", "m is a minute; a month is 30d."),
        ("attributes.duration > 1h30M", "m is a minute; a month is 30d."),
        ("attributes.duration > 1Month", "Write 90s, 10m, 1h30m."),
        ("accuracy = '0.9'", "Write 0.9 without quotes."),
        ("accuracy > nan", "Write metrics.accuracy IS NAN."),
        ("accuracy > val_acuracy", "Did you mean val_accuracy or accuracy?"),
        ("metric = `euclidean`", "Write 'euclidean'."),
        ("digest = 'x'", "Did you mean datasets.digest?"),
        ("datasets.source = 'x'", "Data sets have name, digest, context."),
        ("accuracy-val_accuracy > 0.1", "Did you mean accuracy - val_accuracy?"),
        ("2*accuracy > 0.1", "Did you mean 2 * accuracy?"),
        ("accuracy -val_accuracy > 0.1", "Put spaces around -: names may hold it."),
        ("accuracy- val_accuracy > 0.1", "Put spaces around -: names may hold it."),
        ("(accuracy + val_accuracy)/2 > 0.5", "Put spaces around /: names may hold it."),
        (
            "attributes.duration * 2 > 10m + 1",
            "Write 600 beside durations (seconds), 600000 beside times (milliseconds).",
        ),
        (
            "end_time - start_time > 2h",
            "Write 7200 beside durations (seconds), 7200000 beside times (milliseconds).",
        ),
        (
            "val_accuracy - accuracy",
            "Go on with an operator; to look for this text in names, put it in quotes.",
        ),
        ("accuracy > 0,9", "Decimals are written with a point, lists as IN (1, 2)."),
        ("accuracy > 0.8 && lr > 1", "Write AND or OR."),
        (
            "metric = big model",
            "Here AND, OR or the end should follow. A text of several words needs quotes.",
        ),
    ],
)
def test_the_hint_says_what_to_write(text: str, hint: str) -> None:
    _, error = fault(text, RUNS)
    assert error.hint == hint


def test_names_with_special_characters_are_suggested_as_they_are_written() -> None:
    runs = [a_run("a", metrics={"a b": 1, "c`d": 1}, params={"a b": "1", "c`d": "1"})]
    _, error = fault("`a b` > 1", runs)
    assert error.hint == "Write one of metrics.`a b`, params.`a b`."
    _, error = fault('"c`d" > 1', runs)
    assert error.hint == 'Write one of metrics."c`d", params."c`d".'


def test_keys_alone_are_enough_and_then_texts_have_no_order_to_refuse() -> None:
    frame = RunFrame.from_runs(RUNS)
    assert compile_filter("metric < 5", frame.keys).rows(frame) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * 100_000, "The filter is too long"),
        ("(" * 5000, "Too many parentheses"),
        ("(" * 300 + "accuracy > 1" + ")" * 300, "Too many parentheses"),
        (" or ".join(["accuracy>1"] * 400), "Too many conditions"),
        ("metric ~ '" + "a" * 2000 + "'", "A pattern has at most 1,000 characters"),
        ("metric ~ '" + "(" * 400 + ")" * 400 + "'", "Too many groups"),
    ],
)
def test_what_is_too_large_is_refused(text: str, says: str) -> None:
    _, error = fault(text, RUNS)
    assert says in error.title


def test_much_is_still_taken() -> None:
    frame = RunFrame.from_runs(RUNS)
    many = " or ".join(["accuracy > 1"] * 249 + ["n_neighbors = 5"])
    assert compile_filter(many, frame.keys).rows(frame) == [0]
    listed = f"n_neighbors in ({', '.join(map(str, range(1500)))})"
    assert len(listed) < MAX_LENGTH
    assert compile_filter(listed, frame.keys).rows(frame) == [0]
    assert compile_filter("not " * 2000 + "accuracy > 1", frame.keys).rows(frame) == []
    assert compile_filter("(" * 40 + "accuracy < 1" + ")" * 40, frame.keys).rows(frame) == [0]


def test_a_filter_over_nothing_knows_only_attributes() -> None:
    assert compile_filter("status = failed", ()).rows(RunFrame.from_runs([])) == []
    with pytest.raises(FilterError, match="There is no column accuracy"):
        compile_filter("accuracy > 1", ())
