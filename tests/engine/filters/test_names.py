"""Resolving column names in every notation that MLflow accepts."""

from __future__ import annotations

import pytest

from engine.columns import ColumnKey
from engine.filters.names import written
from engine.suggestions import closest
from tests.engine.filters.support import matching
from tests.support.runs import a_run

RUNS = [
    a_run(
        "yes",
        name="yes",
        params={"k": "5", "my key": "v", "a.b": "v", "tag.x": "v", "status": "mine", "naïve/β-1@2": "v"},
        metrics={
            "acc": 0.9,
            "train/acc": 0.9,
            "val acc": 0.9,
            "a.b.c": 0.9,
            "µ": 0.9,
            'q"q': 0.9,
            "q`q": 0.9,
        },
        tags={"mlflow.user": "v", "team": "v", "5": "v"},
    ),
    a_run("no", status="FAILED", name="no", start=None, seconds=None, user=""),
]


@pytest.mark.parametrize(
    "text",
    [
        "metrics.acc > 0.5",
        "metric.acc > 0.5",
        "METRICS.acc > 0.5",
        "params.k = 5",
        "param.k = 5",
        "parameter.k = 5",
        "parameters.k = '5'",
        "tags.team = v",
        "tag.team = v",
        "tags.mlflow.user = v",
        "tags.`mlflow.user` = 'v'",
        "mlflow.user = v",
        "attribute.run_name = yes",
        "attributes.run_name = 'yes'",
        "attr.run_name = yes",
        "run.run_name = yes",
        "attributes.`run_name` = 'yes'",
        "`run name` = 'yes'",
        "attributes.`Run Name` = 'yes'",
        "attributes.created > 0",
        "attributes.Created > 0",
        "created > 0",
        "metrics.train/acc > .5",
        "train/acc > .5",
        "metrics.`train/acc`>.5",
        "`train/acc`>.5",
        'metrics."train/acc" > .5',
        "metrics.`val acc` > 0.5",
        "`val acc` > 0.5",
        '"val acc" > 0.5',
        "`metrics`.`val acc` > 0.5",
        "`metrics`.acc > 0.5",
        "metrics.a.b.c > 0.5",
        "a.b.c > 0.5",
        "params.a.b = v",
        'params."my key" = "v"',
        "params.`my key`LIKE'v'",
        "params.tag.x = v",
        "`tag.x` = v or params.`tag.x` = v",
        "naïve/β-1@2 = v",
        "µ > 0.5",
        'metrics.`q"q` > 0.5',
        'metrics."q`q" > 0.5',
        "status = finished",
        "params.status = mine",
        "tags.5 = v",
        "`5` = v",
    ],
)
def test_the_name_resolves_to_the_column(text: str) -> None:
    assert matching(text, RUNS) == "yes"


def test_mlflow_attributes_take_precedence() -> None:
    assert matching("status = failed", RUNS) == "no"


def test_every_column_can_be_written() -> None:
    for run_key in ("params", "metrics", "tags"):
        for name in getattr(RUNS[0], run_key):
            key = ColumnKey({"params": "param", "metrics": "metric", "tags": "tag"}[run_key], name)  # type: ignore[arg-type]
            assert matching(f"{written(key)} is not null", RUNS) == "yes", written(key)


def test_quoted_values_are_parsed_as_in_mlflow() -> None:
    runs = [
        a_run("one", params={"p": "it's"}),
        a_run("two", params={"p": "it''s"}),
        a_run("back", params={"p": r"it\'s"}),
        a_run("double", params={"p": 'say "hi"'}),
        a_run("end", params={"p": "C:\\"}),
    ]
    assert matching('p = "it\'s"', runs) == "one"
    assert matching("p = 'it''s'", runs) == "two"
    assert matching(r"p = 'it\'s'", runs) == "back"
    assert matching("p = 'say \"hi\"'", runs) == "double"
    assert matching("p = 'C:\\'", runs) == "end"


def test_suggestions_start_with_the_most_similar_names() -> None:
    names = ["val_accuracy", "accuracy", "Accuracy_top", "f1", "loss"]
    assert closest("ACCURACY", names) == ["accuracy", "Accuracy_top", "val_accuracy"]
    assert closest("acuracy", names) == ["accuracy"]
    assert closest("los", names) == ["loss"]
    assert closest("zzz", names) == []
    assert closest("x" * 10_000, names * 1000) == []
