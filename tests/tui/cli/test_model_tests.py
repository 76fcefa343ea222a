"""`test` and `predict`, on models that programs of their own have logged."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from engine.uri import TrackingUri
from tests.engine.model_tests.conftest import heart, published_rows, write_rows
from tests.tui.cli.conftest import Run, on_uri

pytestmark = pytest.mark.slow


@pytest.fixture
def on_models(write: Run, tested_models: TrackingUri, tmp_path: Path) -> Run:
    """`write` on a copy of the store with models to test, whose artifacts stay where they are."""
    assert tested_models.sqlite_path is not None
    shutil.copy(tested_models.sqlite_path, tmp_path / "models.db")
    return on_uri(write, f"sqlite:///{tmp_path}/models.db")


def test_the_published_skew_is_shown_with_its_causes(on_models: Run, folder: Path) -> None:
    write_rows(folder / "served.csv", published_rows())
    done = on_models("test", "scaled/1", "served.csv", "--log")
    assert (done.status, done.err) == (1, "")
    assert "✗ Train/serve skew. 10 of 13 rows right, accuracy 0.7692 [0.497, 0.918]." in done.out
    assert "In the scale that the model takes, 12 of 13 are right." in done.out
    assert "! Scale: age, trestbps, chol, thalach, oldpeak are min–max scaled" in done.out
    assert "! Labels: 4 rows of 13 have another label in heart.csv" in done.out
    assert ["accuracy", "0.7692", "0.497 to 0.918", "10 of 13", "0.9180", "0.822 to 0.964"] in done.table
    heads = next(row for row in done.table if row[:1] == ["wrong row"])
    assert heads[:4] == ["wrong row", "actual", "predicted", "right scale"]
    assert "Logged as run " in done.out
    found = on_models("test", "scaled/1", "served.csv", "--json")
    assert (found.status, found.json["skew"], found.json["passed"]) == (1, True, False)
    assert found.json["corrected"] == {"successes": 12, "n": 13}
    assert [cause["kind"] for cause in found.json["causes"]] == ["scale", "scale", "labels"]
    assert len(found.json["rows"]) == 13
    plan = on_models("promote", "scaled", "1", "--stage", "Staging")
    assert "! Version 1 failed its last test, of " in plan.out
    assert "Train/serve skew" in plan.out


def test_a_version_is_tested_on_what_its_run_recorded(on_models: Run) -> None:
    promoted = on_models("promote", "plain", "1", "--alias", "champion", "--yes")
    assert "Version 1 has not been tested on this machine." in promoted.out
    done = on_models("test", "plain")
    assert (done.status, done.err) == (0, "")
    assert "plain 1  on the test part of its run (61 rows of heart.csv)" in done.out
    assert "✓ 55 of 61 rows right" in done.out
    worse = on_models("test", "plain/2", "--against", "plain@champion")
    assert worse.status == 1
    assert (
        "✗ Version 2 is worse than version 1 by more than chance (McNemar p .002): 42 against 55 of 61"
        in worse.out
    )
    assert ["row", "actual", "version 2", "version 1", "age"] in [row[:5] for row in worse.table]
    against = on_models("test", "plain/2", "--against", "plain@champion", "--json").json
    assert (against["row_count"], len(against["disagreements"])) == (61, 17)
    plan = on_models("promote", "plain", "2", "--alias", "champion")
    assert "Shadow test of " in plan.out
    assert "! Version 2 failed its last shadow test, of " in plan.out


def test_code_is_run_only_where_allowed_and_never_in_read_only_mode(on_models: Run) -> None:
    refused = on_models("test", "pickled/1")
    assert refused.status == 1
    assert "error: pickled version 1 can run arbitrary code" in refused.err
    assert "'s run pickled run)" in refused.err
    assert "Add --allow-code to run the code of " in refused.err
    assert on_models("test", "pickled/1", "--allow-code").status == 0
    reader = on_models("--read-only", "test", "pickled/1", "--allow-code")
    assert (reader.status, reader.out) == (1, "")
    assert "is disabled" in reader.err
    assert on_models("--read-only", "test", "plain/1").status == 0
    assert on_models("--read-only", "test", "plain/1", "--log").status == 1


def test_rows_without_the_version_that_a_url_serves_are_not_taken_for_a_model(
    on_models: Run, folder: Path
) -> None:
    write_rows(folder / "rows.csv", heart()[:2])
    refused = on_models("test", "--url", "http://127.0.0.1:9", "rows.csv")
    assert (refused.status, refused.err.splitlines()[0]) == (2, "error: rows.csv is a file, not a model")
    assert "MODEL/VERSION rows.csv" in refused.err


def test_predictions_are_written_beside_the_rows(on_models: Run, folder: Path) -> None:
    write_rows(folder / "rows.csv", heart()[:20])
    done = on_models("predict", "plain/1", "-i", "rows.csv", "-o", "out.csv")
    assert (done.status, done.out) == (0, "")
    assert done.err.startswith("20 rows predicted by plain 1 in ")
    with (folder / "out.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [{**row, "prediction": ""} for row in written] == [
        {**row, "prediction": ""} for row in heart()[:20]
    ]
    assert {row["prediction"] for row in written} == {"0", "1"}
    printed = on_models("predict", "plain/1", "-i", "rows.csv")
    assert printed.out == (folder / "out.csv").read_text()
    again = on_models("predict", "plain/1", "-i", "rows.csv", "-o", "out.csv")
    assert again.status == 2
    assert "out.csv exists and will be replaced." in again.err
    rows = on_models("predict", "plain/1", "-i", "rows.csv", "--json").json["rows"]
    assert [str(row["prediction"]) for row in rows] == [row["prediction"] for row in written]


def test_a_request_shows_the_answer_or_mlflow_s_own_message(on_models: Run, folder: Path) -> None:
    (folder / "one.json").write_text('{"dataframe_split": {"columns": ["age"], "data": [[63]]}}')
    refused = on_models("test", "plain/1", "--request", "one.json")
    assert refused.status == 1
    assert "✗ HTTP 400 from plain 1 in " in refused.out
    assert "Model is missing inputs" in refused.out
    write_rows(folder / "rows.csv", heart()[:2])
    answered = on_models("test", "plain/1", "--request", "rows.csv", "--json")
    assert (answered.status, answered.json["status"]) == (0, 200)
    assert json.loads(answered.json["body"]) == {"predictions": [1, 0]}
    shown = on_models("test", "plain/1", "--url", "http://127.0.0.1:9", "--curl")
    assert shown.out.startswith("curl -sS http://127.0.0.1:9/invocations -H 'Content-Type: application/json'")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("test",), 2, "Name a model, --deployment or --url"),
        (("test", "--deployment", "nobody"), 1, "No service is named 'nobody'"),
        (("test", "plain/1", "rows.csv", "--deployment", "x"), 2, "--deployment says the model"),
        (("test", "--url", "http://127.0.0.1:9"), 2, "A test needs a model"),
        (("test", "plain/1", "rows.csv", "--curl"), 2, "--request and --curl send one request"),
        (("test", "plain/1", "--curl"), 2, "curl needs a server"),
        (("test", "plain/1", "rows.csv"), 1, "File rows.csv not found"),
        (("test", "plain@nobody"), 1, "'plain' has no alias 'nobody'"),
        (("test", "plain/9"), 1, "Version 9 of 'plain' not found"),
        (("test", "plain/1", "--url", "http://127.0.0.1:9"), 1, "Cannot connect to http://127.0.0.1:9"),
        (("predict", "plain/1", "-i", "nothing.csv"), 1, "File nothing.csv not found"),
        (("predict", "-i", "nothing.csv"), 2, "Name a model, --deployment or --url"),
    ],
)
def test_mistakes_are_one_clear_error(
    on_models: Run, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = on_models(*arguments)
    assert (done.status, done.out) == (status, "")
    assert f"error: {message}" in done.err
