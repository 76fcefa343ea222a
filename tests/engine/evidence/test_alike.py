"""Runs that cannot be compared with most others do not compete with them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.entities import Run
from engine.evidence.best import BestRun, best_run
from engine.runs.frame import RunFrame
from tests.support.runs import a_run

SWEEP = [
    a_run(f"k{k}", params={"k": str(k)}, metrics={"accuracy": 0.80 + k / 100, "f1": 0.8, "auc": 0.9})
    for k in range(1, 6)
]


def best(*runs: Run, **options: Any) -> BestRun:
    return best_run(RunFrame.from_runs(runs), "accuracy", **options)


def test_runs_of_one_kind_all_compete() -> None:
    found = best(*SWEEP)
    assert (found.run.run_id, found.considered, found.apart) == ("k5", 5, ())


def counts(**values: float) -> dict[str, float]:
    return {"accuracy": 0.95, "f1": 0.8, "auc": 0.9, **values}


@pytest.mark.parametrize(
    ("stranger", "reason"),
    [
        (
            a_run("x", params={"k": "1"}, metrics=counts(accuracy=53.8462)),
            "with accuracy on another scale (53.8462; at most 0.8500 in the others)",
        ),
        (a_run("x", params={"split": "b"}, metrics=counts()), "without the parameters of the others"),
        (a_run("x", params={"k": "1"}, metrics={"accuracy": 0.95}), "with other metrics"),
    ],
)
def test_a_run_of_another_kind_is_set_apart_with_the_reason(stranger: Run, reason: str) -> None:
    found = best(stranger, *SWEEP)
    assert (found.run.run_id, found.considered) == ("k5", 5)
    assert [(apart.rows, str(apart)) for apart in found.apart] == [((0,), f"1 run {reason}")]
    assert best(stranger, *SWEEP, any_kind=True).run.run_id == "x"


def test_runs_tested_on_another_number_of_rows_are_set_apart() -> None:
    sweep = [
        a_run(f"k{k}", params={"k": str(k)}, metrics={"accuracy": 0.8, "class_0_support": 61.0})
        for k in range(4)
    ]
    small = a_run("small", params={"k": "9"}, metrics={"accuracy": 1.0, "class_0_support": 5.0})
    found = best(small, *sweep)
    assert found.run.run_id == "k0"
    assert [str(apart) for apart in found.apart] == ["1 run tested on another number of rows"]


def test_percent_is_the_scale_where_most_runs_log_percent() -> None:
    percent = [a_run(f"p{n}", metrics={"accuracy": 90.0 + n}) for n in range(3)]
    found = best(*percent, a_run("share", metrics={"accuracy": 0.99}))
    assert found.run.run_id == "p2"
    assert [str(apart) for apart in found.apart] == [
        "1 run with accuracy on another scale (0.9900; at most 92 in the others)"
    ]


def test_values_without_a_gap_and_metrics_that_are_no_rates_have_one_scale() -> None:
    assert best(a_run("a", metrics={"accuracy": 0.9}), a_run("b", metrics={"accuracy": 1.2})).apart == ()
    losses = RunFrame.from_runs([a_run("a", metrics={"loss": 0.9}), a_run("b", metrics={"loss": 90.0})])
    assert best_run(losses, "loss").apart == ()


def test_a_run_with_a_few_parameters_or_metrics_more_or_less_competes() -> None:
    more = a_run("more", params={"k": "1", "p": "2"}, metrics=counts(extra=1.0))
    less = a_run("less", params={"k": "1"}, metrics={"accuracy": 0.9, "f1": 0.8})
    found = best(more, less, *SWEEP)
    assert (found.run.run_id, found.considered, found.apart) == ("more", 7, ())


def test_single_runs_and_pairs_are_never_set_apart_for_their_kind() -> None:
    assert best(SWEEP[0]).apart == ()
    assert best(SWEEP[0], a_run("x", params={"split": "b"}, metrics={"accuracy": 0.5})).apart == ()


def test_runs_that_were_all_tested_on_different_rows_are_not_set_apart() -> None:
    runs = [a_run(f"r{n}", metrics={"accuracy": 0.8, "class_0_support": float(n)}) for n in range(1, 4)]
    assert best(*runs).apart == ()
