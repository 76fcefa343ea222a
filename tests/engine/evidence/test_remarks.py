"""Insights in words, with the runs behind each sentence."""

from __future__ import annotations

import math
from dataclasses import replace

from engine.entities import Run
from engine.evidence.curves import Broken, Curves, Stalled
from engine.evidence.insights import insights
from engine.evidence.remarks import Remark, remarks
from engine.runs.frame import RunFrame
from tests.engine.evidence.test_insights import GRID, noisy
from tests.support.runs import START, a_run


def remarks_of(runs: list[Run], metric: str = "accuracy", curves: Curves | None = None) -> list[Remark]:
    frame = RunFrame.from_runs(runs)
    result = insights(frame, metric)
    return [*remarks(frame, replace(result, curves=curves) if curves else result)]


def test_a_drop_names_the_combination_and_its_runs() -> None:
    runs = [
        a_run(
            f"r{at:02}", start=START - at, params={"k": k, "distance": distance}, metrics={"accuracy": value}
        )
        for at, ((k, distance), value) in enumerate(zip(GRID, noisy(1, drop=0.06), strict=True))
    ]
    drop = next(remark for remark in remarks_of(runs) if remark.kind == "drop")
    assert drop.text.startswith("distance=max with k=3 is worse than both suggest: mean 0.7")
    assert drop.text.endswith("(n=4).")
    assert drop.run_ids == ("r02", "r11", "r20", "r29")


def test_runs_with_the_metrics_of_another_one_are_counted_where_they_make_effects_look_surer() -> None:
    def sweep(effect: float) -> list[Run]:
        return [
            a_run(
                f"{k}{seed:02}{algorithm}",
                params={"k": k, "algorithm": algorithm},
                metrics={"accuracy": 0.8 + effect * (k == "5") + seed / 1000, "f1": 0.5, "fit_time": place},
            )
            for place, algorithm in enumerate(("auto", "ball_tree"))
            for k in ("3", "5")
            for seed in range(10)
        ]

    found = next(remark for remark in remarks_of(sweep(0.1)) if remark.kind == "repeats")
    assert found.text == (
        "20 of 40 runs have exactly the metrics of another one, apart from times. Each counts as "
        "independent: effects look surer than they are."
    )
    assert found.run_ids == tuple(f"{k}{seed:02}ball_tree" for k in ("3", "5") for seed in range(10))
    assert not [remark for remark in remarks_of(sweep(0.0)) if remark.kind == "repeats"], "no effect"


def test_another_winner_by_cross_validation_is_named_with_what_the_folds_say() -> None:
    runs = [
        a_run("test", name="one", metrics={"accuracy": 0.92, "cv_mean": 0.80}),
        a_run("cv", name="two", metrics={"accuracy": 0.90, "cv_mean": 0.85}),
    ]
    (found,) = remarks_of(runs)
    assert found.text == (
        "Cross-validation prefers two: cv_mean 0.8500, against 0.8000 of the best run by accuracy "
        "(the difference cannot be tested)."
    )
    assert found.run_ids == ("test", "cv")


def test_broken_and_stalled_histories_are_named_with_their_step() -> None:
    runs = [a_run(f"r{at}", name=f"net-{at}", metrics={"loss": at + 1.0}) for at in range(8)]
    curves = Curves(
        ("loss",),
        8,
        8,
        (
            Broken("r0", "loss", "NaN", 4100, 8999, 1, 2050),
            Broken("r1", "loss", "infinite", 7, 9, 2),
            Broken("r2", "loss", "diverged", 3, 1234, 0),
        ),
        tuple(Stalled(f"r{at}", "loss", 10, 100, 0.0123) for at in range(3, 8)),
    )
    found = [remark for remark in remarks_of(runs, "loss", curves) if remark.kind == "curve"]
    assert [remark.text for remark in found] == [
        "net-0: loss diverged after step 2,050 and is NaN from step 4,100 of 8,999 (1 such value).",
        "net-1: loss is infinite from step 7 of 9 (2 such values).",
        "net-2: loss diverged after step 3 of 1,234.",
        *(
            f"net-{at}: loss stopped improving at step 10 of 100; the rest gained 0.0123."
            for at in range(3, 7)
        ),
        "1 more history stopped improving.",
    ]
    assert [remark.run_ids for remark in found][-1] == ("r7",)
    level = Curves(("loss",), 8, 8, (), (Stalled("r3", "loss", 10, 100, 0.0),))
    (nothing,) = (remark for remark in remarks_of(runs, "loss", level) if remark.kind == "curve")
    assert nothing.text == "net-3: loss stopped improving at step 10 of 100; the rest gained nothing."
    worse = Curves(("loss",), 8, 8, (), (Stalled("r3", "loss", 5600, 8999, 0.0, 0.0612),))
    (found_worse,) = (remark for remark in remarks_of(runs, "loss", worse) if remark.kind == "curve")
    assert found_worse.text == "net-3: loss was best at step 5,600 of 8,999, then became worse by 0.0612."


def test_a_plateau_and_long_runs_have_their_runs() -> None:
    runs = [
        a_run(
            f"r{at:02}",
            name=f"r{at}",
            start=START + at,
            seconds=400 if at == 3 else 1 + at / 100,
            metrics={"f1": value},
        )
        for at, value in enumerate([0.5, 0.9, *[0.8] * 18])
    ]
    plateau, long = remarks_of(runs, "f1")
    assert plateau.text == "None of the last 18 runs of 20 improved f1."
    assert plateau.run_ids == tuple(f"r{at:02}" for at in range(2, 20))
    assert long == Remark("duration", "Much longer than the others: r3 (6m40s).", ("r03",))  # type: ignore[arg-type]


def test_nothing_out_of_line_has_no_remarks() -> None:
    assert (
        remarks_of([a_run("a", metrics={"accuracy": 0.5}), a_run("b", metrics={"accuracy": math.nan})]) == []
    )
