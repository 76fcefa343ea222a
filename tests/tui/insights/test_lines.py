"""The lines of the insights view, without a console."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from engine.columns import ColumnKey
from engine.evidence.insights import forest, insights
from engine.evidence.remarks import remarks
from engine.runs.frame import RunFrame
from engine.text import Shown
from tests.engine.evidence.test_insights import GRID
from tests.support.runs import START, a_run
from tui.insights.lines import Line, lines_of
from tui.insights.subject import QUOTED_IDS, BehindChart, BehindRuns, Explained, InsightSubject


def explained(*, with_forest: bool = False, accuracy: float = 0.9) -> Explained:
    """A sweep in which `max` is worse, and worst with k = 3. Its first run is the best."""
    rng = random.Random(2)
    runs = [
        a_run(
            f"r{at:02}",
            name=f"run-[{at}]",
            start=START + at,
            params={"k": k, "distance": distance, "seed": "1"},
            metrics={
                "accuracy": accuracy
                - 0.1 * (distance == "max")
                - 0.08 * (distance == "max" and k == "3")
                - 0.02 * (at > 0)
                + rng.randrange(5) / 1000,
                "example_count": 1000.0,
            },
        )
        for at, (k, distance) in enumerate(GRID)
    ]
    frame = RunFrame.from_runs([*runs, a_run("nan", metrics={"accuracy": math.nan})])
    result = insights(frame, "accuracy")
    subject = InsightSubject(Shown("trials"), frame, None, "accuracy")
    return Explained(
        subject, result, remarks(frame, result), forest(frame, result.best) if with_forest else None
    )


def shown(lines: list[Line], width: int = 120) -> str:
    return "\n".join(line.content(width).plain for line in lines)


def test_the_filter_that_hides_runs_is_named() -> None:
    found = explained()
    rows = tuple(range(30))
    subject = replace(found.subject, rows=rows, filter_text="accuracy > 0.8 AND [x]")
    lines = lines_of(replace(found, subject=subject))
    assert "excluded: 7 runs that the filter hides: accuracy > 0.8 AND [x]" in shown(lines)
    assert "filter" not in shown(lines_of(found))


def test_the_lines_hold_the_best_the_effects_and_what_to_look_at() -> None:
    lines = lines_of(explained())
    text = shown(lines)
    assert text.startswith("best       run-[0]  0.9")
    assert "n=1,000" in text
    assert "others cannot be distinguished from it (unpaired interval" in text
    assert "excluded: 1 run with NaN or infinite accuracy" in text
    assert "l1 and l2 beat max; l1 and l2 cannot be distinguished" in text.replace("l2 and l1", "l1 and l2")
    assert "distance=max with k=3 is worse than both suggest" in text
    assert "None of the last 35 runs of 36 improved accuracy." in text
    assert [line.label for line in lines if line.label] == ["best", "effects", "look at"]


def test_lines_lead_to_runs_filters_and_charts() -> None:
    lines = lines_of(explained())
    assert lines[0].behind == BehindRuns(("r00",))
    charts = [line.behind for line in lines if isinstance(line.behind, BehindChart)]
    assert list(charts[0].params) == [ColumnKey("param", "distance")]
    assert any(len(chart.params) == 2 for chart in charts), "an interaction leads to a heat map"
    (drop,) = [line.behind for line in lines if "worse than both" in line.text]
    assert isinstance(drop, BehindRuns)
    assert drop.expression == "params.`distance` = 'max' AND params.`k` = '3'"
    frame = explained().subject.frame
    from engine.filters.compiler import compile_filter

    found = compile_filter(drop.expression, frame.keys, frame).rows(frame)
    assert tuple(frame.run_ids[row] for row in found) == drop.run_ids
    assert BehindRuns(("a", "b")).expression == "run_id IN ('a', 'b')"
    assert BehindRuns(tuple("x" * (QUOTED_IDS + 1))).expression == ""


def test_lines_fit_any_width_and_are_indented_under_their_label() -> None:
    lines = lines_of(explained())
    for width in (40, 60, 76, 116, 200):
        for line in shown(lines, width).splitlines():
            assert len(line) <= width or width < 60, line
    narrow = lines[1].content(60).plain.splitlines()
    assert len(narrow) > 1
    assert all(line.startswith(" " * 11) for line in narrow)


def test_a_forest_says_why_it_knows_nothing() -> None:
    text = shown(lines_of(explained(with_forest=True)))
    assert "forest     36 runs are too few, at least 40 are needed" in text
