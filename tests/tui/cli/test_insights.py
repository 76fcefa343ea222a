"""`insights`."""

from __future__ import annotations

import pytest

from tests.tui.cli.conftest import Run


def test_the_parameter_that_matters_is_named_with_its_share_and_values(on_demo: Run) -> None:
    done = on_demo("insights", "heart-disease", "--metric", "accuracy")
    assert "0.9180 [0.822, 0.964] n=61" in done.out
    assert "37 of 59 others cannot be distinguished from it" in done.out
    (line,) = [line for line in done.out.splitlines() if line.startswith("metric  ")]
    assert (
        line.index("euclidean 0.8902 ± 0.0") < line.index("manhattan") < line.index("chebyshev 0.7689 ± 0.0")
    )
    assert "No effect found: algorithm, weights." in done.out
    assert "Cross-validation prefers knn-5-manhattan" in done.out


def test_five_and_seven_neighbors_tie(on_demo: Run) -> None:
    payload = on_demo("insights", "heart-disease", "--json").json
    names = {run["run_name"] for run in (payload["best"], *payload["tied"])}
    assert {"knn-5-euclidean-uniform-auto", "knn-7-euclidean-uniform-auto"} <= names
    assert payload["effects"]["n"] == 60
    (effect,) = payload["effects"]["effects"]
    assert (effect["param"], [level["value"] for level in effect["levels"]][-1]) == ("metric", "chebyshev")
    assert effect["interval"]["low"] < effect["share"] < effect["interval"]["high"]
    assert payload["standing"]["rate"] == {"successes": 56, "n": 61}


def test_a_filter_selects_the_runs(on_demo: Run) -> None:
    payload = on_demo("insights", "heart-disease", "--filter", "metric != chebyshev", "--json").json
    assert payload["considered"] == 40


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("heart", "--metric", "nope"), "No run has the metric nope"),
        (("empty",), "No run has a metric"),
        (("heart", "--higher", "--lower"), "--higher and --lower cannot be combined"),
        (("heart", "--filter", "accuracy > 2"), "No matching runs"),
    ],
)
def test_what_cannot_be_explained_is_an_error(on_store: Run, arguments: tuple[str, ...], error: str) -> None:
    done = on_store("insights", *arguments)
    assert done.status == (2 if "--higher" in arguments else 1)
    assert error in done.err
    assert done.out == ""


def test_a_constraint_on_the_best_run_leaves_the_others_counted(on_store: Run) -> None:
    every, some = (
        on_store("insights", "heart", "--metric", "accuracy", *where).out.splitlines()
        for where in ((), ("--where", "accuracy > 0.9"))
    )
    assert every[0].endswith(" finished runs")
    assert some[0] == every[0]
    assert any("fail the constraint accuracy > 0.9" in line for line in some)
