"""Hints for filters that match no run."""

from __future__ import annotations

import pytest

from engine.filters.hints import begins_value, no_match_hint
from engine.filters.parsed import parse_filter
from engine.runs.frame import RunFrame
from tests.engine.filters.support import matching
from tests.support.runs import a_run

IDS = ("f40fa" + "0" * 27, "a1" + "0" * 30, "b2" + "0" * 30)
RUNS = [
    a_run(
        run_id,
        name=f"knn-{k}-{metric}",
        status=status,  # type: ignore[arg-type]
        user="root",
        params={"n_neighbors": k, "metric": metric, "weights": "uniform"},
        metrics={"accuracy": accuracy, "cv mean": 0.8},
        tags={"team": "blue sky"},
    )
    for run_id, k, metric, status, accuracy in (
        (IDS[0], "5", "euclidean", "FINISHED", 0.9180327868852459),
        (IDS[1], "7", "chebyshev", "FINISHED", 0.7049180327868853),
        (IDS[2], "11", "manhattan", "KILLED", 0.85),
    )
]
FRAME = RunFrame.from_runs(RUNS)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        # numbers
        ("accuracy = 0.918", "Cells show rounded numbers. Use accuracy BETWEEN 0.9175 AND 0.9185."),
        ("metrics.accuracy = 0.9180", "Use metrics.accuracy BETWEEN 0.91795 AND 0.91805."),
        ("accuracy = 0.5", "The nearest value is 0.704918."),
        ("accuracy > 0.95", "The highest accuracy is 0.918033."),
        ("accuracy < 0.1", "The lowest accuracy is 0.704918."),
        ("accuracy between 0.1 and 0.2", "accuracy ranges from 0.704918 to 0.918033."),
        ("n_neighbors > 20", "The highest n_neighbors is 11."),
        ("n_neighbors = 4", "Values of n_neighbors: 5, 7, 11."),
        # texts
        ("metric = euclidian", "Did you mean euclidean?"),
        ("metric = Euclidean", "Did you mean euclidean?"),
        ("user = Root", "Did you mean root?"),
        ("metric in (euclidian, x)", "Did you mean euclidean?"),
        ("metric = x", "Values of metric: chebyshev, euclidean, manhattan."),
        ("tags.team = blue", "Did you mean 'blue sky'?"),
        ("status = running", "Values of status: finished, killed."),
        ("id = f40fa", "Did you mean id LIKE 'f40fa%'?"),
        ("id = f40fb", "No id contains 'f40fb'."),
        ("name like knn-5", "Did you mean name LIKE '%knn-5%'?"),
        ("name like KNN-5", "Did you mean name ILIKE '%KNN-5%'?"),
        ("name like 'KNN%'", "Did you mean name ILIKE 'KNN%'?"),
        ("metric ~ Eucl", "Case matters. Did you mean metric ~ '(?i)Eucl'?"),
        ("metric ~ '^Eucl.*n$'", "Case matters. Did you mean metric ~ '(?i)^Eucl.*n$'?"),
        ("metric ~ 'zzz'", ""),
        # words
        ("weights: uniform", "Did you mean weights = uniform?"),
        ("weights:uniform", "Did you mean weights = uniform?"),
        ("metric euclidian", "Did you mean euclidean?"),
        ("accuracy 0.9", "Did you mean accuracy > 0.9?"),
        ("killed", "Did you mean status = killed?"),
        ("fail", "Did you mean status = failed?"),
        ("uniform", "Did you mean weights = uniform?"),
        ("unif", "Did you mean weights = uniform?"),
        ("zzz", "No name or ID contains 'zzz'."),
        ("weigts", "No name or ID contains 'weigts'. Did you mean weights?"),
        ("accuracy", "accuracy is a column. Add a condition, such as accuracy >= 0.85."),
        ("weights", "weights is a column. Add a condition, such as weights = uniform."),
        # the condition at fault
        ("accuracy > 0.5 and metric = euclidian", "Did you mean euclidean?"),
        ("metric = euclidian or accuracy > 2", "Did you mean euclidean?"),
        ("knn accuracy 0.9", "Did you mean accuracy > 0.9?"),
        ("metric = euclidean and n_neighbors = 7", ""),
        ("not knn", ""),
        ("accuracy - `cv mean` > 5", ""),
    ],
)
def test_a_filter_without_matches_suggests_one_with(text: str, hint: str) -> None:
    assert matching(text, RUNS) == ""
    found = no_match_hint(parse_filter(text), FRAME)
    assert found.endswith(hint)
    assert bool(found) == bool(hint)


@pytest.mark.parametrize(
    "text",
    ["accuracy BETWEEN 0.9175 AND 0.9185", "id LIKE 'f40fa%'", "name LIKE '%knn-5%'", "weights = uniform"],
)
def test_what_a_hint_suggests_matches(text: str) -> None:
    assert matching(text, RUNS)


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("weights = uni", True),
        ("accuracy > 0.5 and metric = eucl", True),
        ("accuracy = 0.918", True),
        ("name like kn", True),
        ("weights = uniform", False),
        ("weights = unx", False),
        ("weights = uni ", False),
        ("weights = 'uni'", False),
        ("accuracy > 0.9", False),
        ("not weights = uni", False),
    ],
)
def test_a_value_being_typed_is_recognised(text: str, begun: bool) -> None:
    assert begins_value(parse_filter(text), FRAME) == begun
