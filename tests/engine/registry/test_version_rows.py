"""Versions of a model as rows: the filter language, sorting, columns and export."""

from __future__ import annotations

import pytest

from engine.api import (
    RunView,
    arrange,
    column_named,
    compile_filter,
    no_match_hint,
    parse_filter,
    version_frame,
    versions_sheet,
)
from engine.entities import ModelVersion, Run
from engine.errors import FilterError
from engine.runs.frame import RunFrame
from engine.runs.sorting import SortKey

DAY = 86_400_000
NOW = 100 * DAY


def run(name: str, accuracy: float, *, lifecycle: str = "active") -> Run:
    return Run(
        f"id-{name}",
        name,
        "1",
        "FINISHED",
        1,
        2,
        user_id="ana",
        lifecycle_stage="deleted" if lifecycle == "deleted" else "active",
        params={"k": "5"},
        metrics={"accuracy": accuracy},
    )


VERSIONS = (
    ModelVersion("m", 12, "None", run_id="id-gone", creation_time=NOW - DAY, status="PENDING_REGISTRATION"),
    ModelVersion("m", 11, "None", run_id="", creation_time=NOW - 2 * DAY),
    ModelVersion("m", 3, "Staging", "retrained", "id-c", creation_time=NOW - 20 * DAY, user_id="bo"),
    ModelVersion(
        "m", 2, "Production", run_id="id-b", creation_time=NOW - 30 * DAY, aliases=("blue", "champion")
    ),
    ModelVersion(
        "m",
        1,
        "Archived",
        run_id="id-a",
        creation_time=NOW - 40 * DAY,
        tags={"stage": "old", "team": "risk", "accuracy": "0.8"},
    ),
)
SOURCES = {
    "id-gone": None,
    "id-a": run("a", 0.8),
    "id-b": run("b", 0.9),
    "id-c": run("c", 0.95, lifecycle="deleted"),
}


@pytest.fixture(scope="module")
def frame() -> RunFrame:
    return version_frame(VERSIONS, SOURCES)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [12, 11, 3, 2, 1]),
        ("accuracy > 0.85", [3, 2]),
        ("stage = 'Production'", [2]),
        ("stage = production or stage = staging", [3, 2]),
        ("stage in (archived, Staging)", [3, 1]),
        ("alias = 'champion'", [2]),
        ("alias = @champion", [2]),
        ("aliases is null", [12, 11, 3, 1]),
        ("aliases LIKE 'bl%'", [2]),
        ("version >= 3 and version < 12", [11, 3]),
        ("version_number = 2", [2]),
        ("created > 1970-03-20", [12, 11, 3]),
        ("created > -7d", [12, 11]),
        ("status != ready", [12]),
        ("tags.stage = old", [1]),
        ("team = risk", [1]),
        ("tags.accuracy = 0.8", [1]),
        ("k = 5 and not user = bo", [2, 1]),
        ("user = bo", [3]),
        ("run_id = 'id-b'", [2]),
        ("run_name = c", [3]),
        ("run_id is null", [11]),
        ("description LIKE '%train%'", [3]),
        ("current_stage = 'None'", [12, 11]),
        ("11", [11]),
    ],
)
def test_versions_are_filtered_in_the_language_of_runs(
    frame: RunFrame, text: str, numbers: list[int]
) -> None:
    rows = compile_filter(text, frame.keys, frame).rows(frame, now=NOW)
    assert [int(frame.run_ids[row]) for row in rows] == numbers


def test_names_of_runs_are_unknown_among_versions_and_the_other_way_round(frame: RunFrame) -> None:
    for text in ("duration > 5s", "start_time > -1d", "attributes.experiment_id = 1"):
        with pytest.raises(FilterError, match="Unknown"):
            compile_filter(text, frame.keys, frame)
    runs = RunFrame.from_runs([run("a", 0.8)])
    with pytest.raises(FilterError, match="Unknown column stage"):
        compile_filter("stage = production", runs.keys, runs)
    assert column_named("user", runs.keys) == column_named("user", frame.keys)


def test_a_stage_that_no_version_has_is_explained(frame: RunFrame) -> None:
    assert "Production" in no_match_hint(parse_filter("stage = prod"), frame)
    assert no_match_hint(parse_filter("champion"), frame) == "Did you mean aliases = champion?"


def test_the_table_shows_stage_aliases_source_and_key_metrics(frame: RunFrame) -> None:
    arranged = arrange(frame, RunView(), now=NOW)
    labels = [column.label for column in arranged.columns]
    assert labels[:6] == ["version", "stage", "aliases", "status", "accuracy", "created"]
    assert labels[6:] == ["user", "run", "description", "tags.stage", "team"]
    cells = [[arranged.text(line, at) for at in range(9)] for line in range(5)]
    assert cells[0] == ["12", "– None", "–", "◐ pending", "–", "24 h ago", "–", "✗ run missing", "–"]
    assert cells[2][1:5] == ["◐ Staging", "–", "✓ ready", "0.9500"]
    assert cells[2][6:8] == ["bo", "✗ deleted c"]
    assert cells[3][1:3] == ["● Production", "@blue @champion"]
    assert cells[3][6] == "ana"  # the user of the run, where the store records none for the version
    best = (SortKey(column_named("accuracy", frame.keys), descending=True),)
    assert [frame.run_ids[row] for row in arrange(frame, RunView(sort=best), now=NOW).matching] == [
        "3",
        "2",
        "1",
        "12",
        "11",
    ]
    by_number = (SortKey(column_named("version", frame.keys)),)
    matching = arrange(frame, RunView(sort=by_number), now=NOW).matching
    assert [frame.run_ids[row] for row in matching] == ["1", "2", "3", "11", "12"]


def test_exports_have_raw_values_and_all_columns(frame: RunFrame) -> None:
    sheet = versions_sheet("m", frame, [3])
    record = {column.name: column.values[0] for column in sheet.columns}
    assert (record["model"], record["version"], record["stage"]) == ("m", 2, "Production")
    assert (record["aliases"], record["run_id"], record["run_name"]) == ("blue champion", "id-b", "b")
    assert (record["metrics.accuracy"], record["params.k"], record["tags.team"]) == (0.9, "5", None)
    assert "run" not in record
