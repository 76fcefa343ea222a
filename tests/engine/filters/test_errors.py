"""Filter errors explain the problem and point at the exact token."""

from __future__ import annotations

import pytest

from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.lexer import MAX_LENGTH
from engine.runs.frame import RunFrame
from tests.engine.filters.support import rejected
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
    ("text", "token", "title"),
    [
        # not finished yet
        ("accuracy >", "", "Expected a value after >"),
        ("accuracy > 0.9 or", "", "Expected a condition"),
        ("accuracy > 0.9 and not", "", "a condition"),
        ("accuracy between 0.1", "", "AND and the upper bound"),
        ("accuracy between 0.1 and", "", "a value after BETWEEN"),
        ("metric in (", "", "a value after ("),
        ("metric in (a", "", ", or )"),
        ("metric in (a,", "", "a value after ,"),
        ("metric in", "", "a list of values in parentheses"),
        ("metric is", "", "NULL"),
        ("metric is not", "", "NULL"),
        ("metric not like", "", "a value after LIKE"),
        ("(accuracy > 0.9", "", "AND, OR or )"),
        ("metrics.accuracy", "", "metrics.accuracy needs a comparison"),
        ("metrics.", "", "metrics. needs a comparison"),
        ("name = 'knn", "'knn", "Unclosed quote '"),
        ("`accuracy", "`accuracy", "Unclosed quote `"),
        ("''", "", "a condition"),
        # not a filter
        ("> 0.9", ">", "Unexpected >"),
        ("or accuracy > 0.9", "or", "Unexpected or"),
        ("accuracy > 0.9 and or lr > 1", "or", "Unexpected or"),
        ("accuracy > > 0.9", ">", "Unexpected >"),
        ("accuracy > 0.9)", ")", "Unexpected )"),
        ("()", ")", "Unexpected )"),
        ("accuracy > 0,9", ",", "Unexpected ,"),
        ("0.8 < 0.9", "0.8", "No column in this condition"),
        ("0.8 like accuracy", "like", "LIKE needs text, not a number"),
        ("accuracy > 0.8 < 0.9", "<", "Unexpected <"),
        ("accuracy > 0.8 && metric = x", "&&", "Unexpected &&"),
        ("metric = big model", "model", "Unexpected model"),
        ("knn accuracy > 0.9", "accuracy", "Missing AND or OR before accuracy"),
        ("accuracy ! 0.9", "!", "Unexpected !"),
        ("'accuracy' > 0.9", "'accuracy'", "Single quotes are for values"),
        ("metric = `euclidean`", "`euclidean`", "Backticks are for column names"),
        ("metric = null", "null", "NULL cannot be compared"),
        ("metric is 5", "5", "Unexpected 5"),
        ("metrics.`accuracy", "`accuracy", "Unclosed quote `"),
        ("foo.`accuracy` > 1", "foo.", "Unknown prefix foo"),
        # no such column
        ("acuracy > 0.9", "acuracy", "Unknown column acuracy"),
        ("lr2 > 0.9 and accuracy > 1", "lr2", "Unknown column lr2"),
        ("params.accuracy > 0.9", "params.accuracy", "Unknown parameter accuracy"),
        ("metrics.nope > 0.9", "metrics.nope", "Unknown metric nope"),
        ("tags.nope = x", "tags.nope", "Unknown tag nope"),
        ("run.nope = x", "run.nope", "Unknown attribute nope"),
        ("datasets.source = 'x'", "datasets.source", "Unknown dataset field source"),
        ("nope is null", "nope", "Unknown column nope"),
        # several columns
        ("lr > 0.05", "lr", "lr is ambiguous"),
        ("duration > 10m", "duration", "duration is ambiguous"),
        ("not (accuracy > 1 or took = long)", "took", "took is ambiguous"),
        # a value that cannot be compared so
        ("accuracy > high", "high", "metrics.accuracy needs a number, not high"),
        ("accuracy = '0.9'", "'0.9'", "Quoted values are text"),
        ("accuracy > nan", "nan", "NaN cannot be compared"),
        ("accuracy in (0.1, x)", "x", "metrics.accuracy needs a number, not x"),
        ("accuracy between 0.9 and 0.8", "0.8", "The bounds of BETWEEN are reversed"),
        ("accuracy not between 0.9 and 0.8", "0.8", "The bounds of BETWEEN are reversed"),
        ("start_time between -1d and -7d", "-7d", "The bounds of BETWEEN are reversed"),
        ("attributes.duration between 1h and 10m", "10m", "The bounds of BETWEEN are reversed"),
        ("accuracy between 0.1 and x", "x", "metrics.accuracy needs a number, not x"),
        ("accuracy like '0.9%'", "like", "LIKE needs text; metrics.accuracy is a number"),
        ("accuracy ~ 9", "~", "~ needs text; metrics.accuracy is a number"),
        ("n_neighbors > '3'", "'3'", "Quoted values are text"),
        ("n_neighbors > many", "many", "An ordering needs a number, not many"),
        ("metric < 5", "<", "params.metric is text, not a number"),
        ("metric between 1 and 2", "metric", "params.metric is text, not a number"),
        ("run_name < 5", "<", "run_name is text, not a number"),
        ("run_name is nan", "run_name", "run_name is text"),
        ("status = runing", "runing", "Unknown status runing"),
        ("status in (finished, done)", "done", "Unknown status done"),
        ("status = 'finished'", "'finished'", "Unknown status 'finished'"),
        ("status != 'finished'", "'finished'", "Unknown status 'finished'"),
        ("status in ('FINISHED', \"Failed\")", '"Failed"', "Unknown status 'Failed'"),
        ("start_time > soon", "soon", "start_time needs a time, not soon"),
        ("start_time > 7d", "7d", "start_time needs a time, not 7d"),
        ("start_time > -7y", "-7y", "start_time needs a time"),
        ("start_time > 2026-13-01", "2026-13-01", "start_time needs a time"),
        ("start_time > -1M", "-1M", "start_time needs a time, not -1M"),
        ("attributes.duration > ten", "ten", "duration needs a duration, not ten"),
        ("attributes.duration > 1M", "1M", "duration needs a duration, not 1M"),
        ("attributes.duration in (5S, '1H30M')", "'1H30M'", "duration needs a duration, not '1H30M'"),
        ("attributes.duration > 3parsecs", "3parsecs", "duration needs a duration"),
        # arithmetic
        ("accuracy - lr", "", "This expression needs a comparison"),
        ("accuracy -", "", "Expected a column or a number"),
        ("accuracy - > 1", ">", "Unexpected >"),
        ("(accuracy + val_accuracy > 1", "", "AND, OR or )"),
        ("(accuracy + val_accuracy) / 2 and", "", "needs a comparison"),
        ("accuracy - metric > 1", "metric", "params.metric is text"),
        ("accuracy - status > 1", "status", "status is text"),
        ("datasets.name * 2 > 1", "datasets.name", "datasets.name is text"),
        ("accuracy > metric", "metric", "params.metric is text"),
        ("accuracy > status", "status", "status is text"),
        ("accuracy - nope > 1", "nope", "Unknown column nope"),
        ("accuracy > metrics.nope", "metrics.nope", "Unknown metric nope"),
        ("accuracy > lr", "lr", "lr is ambiguous"),
        ("accuracy - '0.1' > 1", "'0.1'", "Quoted values are text"),
        ("accuracy - val_accuracy > '0.1'", "'0.1'", "Quoted values are text"),
        ("accuracy - val_accuracy > 'x'", "'x'", "Arithmetic needs a number, not 'x'"),
        ("accuracy - val_accuracy > nan", "nan", "NaN cannot be compared"),
        ("accuracy - val_accuracy like 'x'", "like", "LIKE needs text, not a number"),
        ("accuracy - val_accuracy ~ x", "~", "~ needs text, not a number"),
        ("attributes.duration * 2 > 10m + 1", "10m", "10m is a duration, not a number"),
        ("accuracy -val_accuracy > 0.1", "-val_accuracy", "Unexpected -val_accuracy"),
        ("accuracy- val_accuracy > 0.1", "accuracy-", "Unexpected accuracy-"),
        ("accuracy-val_accuracy > 0.1", "accuracy-val_accuracy", "Unknown column accuracy-val_accuracy"),
        ("val_accuracy > accuracy -0.1", "-0.1", "Unexpected -0.1"),
        ("(accuracy + val_accuracy)/2 > 0.5", "/2", "Unexpected /2"),
        ("accuracy > (val_accuracy", "", "an operator or )"),
        ("accuracy > ()", ")", "Unexpected )"),
        # a pattern that means nothing
        ("metric ~ '(eu'", "(", "Unclosed ("),
        ("metric ~ eu+*", "*", "Multiple repeat"),
        ("metric ~ '*'", "*", "Nothing to repeat before *"),
        ("metric ~ 'x[b-a]'", "[b-a]", "Invalid character class"),
        (r"metric ~ '(a)\1'", r"\1", "Unsupported escape"),
        ("metric ~ '(?=a)'", "(?", "Unsupported group"),
        ("metric ~ 'a{1001}'", "{1001}", "Maximum repeat count is 1,000"),
        ("metric ~ '((a{99}){99}){99}'", "'((a{99}){99}){99}'", "too large"),
    ],
)
def test_the_error_points_at_the_offending_token(text: str, token: str, title: str) -> None:
    pointed, error = rejected(text, RUNS)
    assert pointed == token
    assert title in error.title
    assert error.exit_status == 2


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("acuracy > 0.9", "Did you mean accuracy?"),
        ("Accuracy > 0.9", "Did you mean accuracy or val_accuracy?"),
        ("metrics.n_neighbors > 3", "Did you mean params.n_neighbors?"),
        ("neighbors > 3", "Did you mean n_neighbors?"),
        ("user_i = x", "Did you mean user_id?"),
        ("lr > 0.05", "Use one of metrics.lr, params.lr."),
        ("duration > 10m", "Use one of attributes.duration, params.duration."),
        ("status = runing", "Statuses: running."),
        ("status = x", "Statuses: running, scheduled, finished, failed, killed."),
        ("status = 'x'", "Statuses: RUNNING, SCHEDULED, FINISHED, FAILED, KILLED."),
        ("status = 'finished'", "Write 'FINISHED', or finished without quotes."),
        ("status = 'Runing'", "Write 'RUNNING', or running without quotes."),
        ("start_time > 7d", "Write -7d."),
        ("start_time > -1M", "m means minutes; for a month use 30d."),
        ("start_time > 1M", "m means minutes; for a month use 30d."),
        ("attributes.duration > 1M", "m means minutes; for a month use 30d."),
        ("attributes.duration > 1h30M", "m means minutes; for a month use 30d."),
        ("attributes.duration > 1Month", "Examples: 90s, 10m, 1h30m."),
        ("accuracy = '0.9'", "Write 0.9 without quotes."),
        ("accuracy > nan", "Use metrics.accuracy IS NAN."),
        ("accuracy > val_acuracy", "Did you mean val_accuracy or accuracy?"),
        ("metric = `euclidean`", "Write 'euclidean'."),
        ("digest = 'x'", "Did you mean datasets.digest?"),
        ("datasets.source = 'x'", "Dataset fields: name, digest, context."),
        ("accuracy-val_accuracy > 0.1", "Did you mean accuracy - val_accuracy?"),
        ("2*accuracy > 0.1", "Did you mean 2 * accuracy?"),
        ("accuracy -val_accuracy > 0.1", "Put spaces around -: it can be part of a name."),
        ("accuracy- val_accuracy > 0.1", "Put spaces around -: it can be part of a name."),
        ("(accuracy + val_accuracy)/2 > 0.5", "Put spaces around /: it can be part of a name."),
        (
            "attributes.duration * 2 > 10m + 1",
            "Use 600 with durations (seconds) or 600000 with times (milliseconds).",
        ),
        (
            "end_time - start_time > 2h",
            "Use 7200 with durations (seconds) or 7200000 with times (milliseconds).",
        ),
        (
            "val_accuracy - accuracy",
            "Add a comparison such as > 0.9, or quote the text to search run names.",
        ),
        ("accuracy > 0,9", "Write decimals as 0.9 and lists as IN (1, 2)."),
        ("accuracy > 0.8 && lr > 1", "Use AND or OR."),
        ("metric = euclidean&& accuracy > 1", "Use AND or OR."),
        (
            "metric = big model",
            "Expected AND, OR or the end. Quote text with spaces.",
        ),
    ],
)
def test_the_hint_suggests_a_fix(text: str, hint: str) -> None:
    _, error = rejected(text, RUNS)
    assert error.hint == hint


def test_hints_quote_names_with_special_characters() -> None:
    runs = [a_run("a", metrics={"a b": 1, "c`d": 1}, params={"a b": "1", "c`d": "1"})]
    _, error = rejected("`a b` > 1", runs)
    assert error.hint == "Use one of metrics.`a b`, params.`a b`."
    _, error = rejected('"c`d" > 1', runs)
    assert error.hint == 'Use one of metrics."c`d", params."c`d".'


def test_without_a_table_ordering_a_text_column_is_accepted() -> None:
    frame = RunFrame.from_runs(RUNS)
    assert compile_filter("metric < 5", frame.keys).rows(frame) == []


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("x" * 100_000, "The filter is too long"),
        ("(" * 5000, "Too many nested parentheses"),
        ("(" * 300 + "accuracy > 1" + ")" * 300, "Too many nested parentheses"),
        (" or ".join(["accuracy>1"] * 400), "Too many conditions"),
        ("metric ~ '" + "a" * 2000 + "'", "Maximum pattern length is 1,000 characters"),
        ("metric ~ '" + "(" * 400 + ")" * 400 + "'", "Too many nested groups"),
    ],
)
def test_oversized_filters_are_rejected(text: str, title: str) -> None:
    _, error = rejected(text, RUNS)
    assert title in error.title


def test_filters_within_the_limits_are_accepted() -> None:
    frame = RunFrame.from_runs(RUNS)
    many = " or ".join(["accuracy > 1"] * 249 + ["n_neighbors = 5"])
    assert compile_filter(many, frame.keys).rows(frame) == [0]
    listed = f"n_neighbors in ({', '.join(map(str, range(1500)))})"
    assert len(listed) < MAX_LENGTH
    assert compile_filter(listed, frame.keys).rows(frame) == [0]
    assert compile_filter("not " * 2000 + "accuracy > 1", frame.keys).rows(frame) == []
    assert compile_filter("(" * 40 + "accuracy < 1" + ")" * 40, frame.keys).rows(frame) == [0]


def test_without_columns_only_attributes_are_known() -> None:
    assert compile_filter("status = failed", ()).rows(RunFrame.from_runs([])) == []
    with pytest.raises(FilterError, match="Unknown column accuracy"):
        compile_filter("accuracy > 1", ())
