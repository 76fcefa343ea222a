"""Two versions on the same rows, and what promotions make of the outcomes of tests."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api import Engine, Target
from engine.errors import ReadOnly
from engine.evidence.predictions import PATH, parse_rows
from engine.paths import heart_csv, version_tests_file
from engine.uri import TrackingUri, local_root
from tests.engine.model_tests.conftest import published_rows, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_children")]

BETTER, WORSE = Target("plain", 1), Target("plain", 2)


@pytest.fixture
def engine(tested_models: TrackingUri, tmp_path: Path) -> Iterator[Engine]:
    """On a copy of the store, whose artifacts stay where they are."""
    assert tested_models.sqlite_path is not None
    shutil.copy(tested_models.sqlite_path, tmp_path / "mlflow.db")
    with Engine(TrackingUri(f"sqlite:///{tmp_path}/mlflow.db")) as engine:
        yield engine


def test_a_shadow_test_shows_each_disagreement_and_whether_one_is_better(engine: Engine) -> None:
    found = engine.model_tests.shadow(WORSE, BETTER)
    assert len(found.values) == 61
    assert found.second_right is not None
    assert found.second_right.successes == 55
    assert found.first_right is not None
    assert found.first_right.successes == 55 + found.only_first - found.only_second
    assert len(found.disagreements) == found.only_first + found.only_second
    assert all(row.actual in (row.first, row.second) for row in found.disagreements), "there are two classes"
    assert all(row.name.startswith("row ") for row in found.disagreements)
    assert found.is_worse
    assert found.verdict == (
        "Version 2 is worse than version 1 by more than chance (McNemar p .002): 42 against 55 of 61 right. "
        "They disagree on 17 of 61 rows."
    )
    same = engine.model_tests.shadow(BETTER, BETTER)
    assert (same.disagreements, same.p_value, same.is_worse) == ((), 1.0, False)
    assert same.verdict == "Version 1 and version 1 agree on 61 rows."


def test_rows_in_the_training_data_do_not_count(engine: Engine, tmp_path: Path) -> None:
    held_back = engine.model_tests.shadow(WORSE, BETTER)
    found = engine.model_tests.shadow(WORSE, BETTER, heart_csv())
    assert len(found.values) == 303
    assert found.first_right is not None
    assert found.first_right.n == 303 - len(found.trained)
    assert 0 <= 61 - found.first_right.n <= 1, "heart.csv has one row twice"
    assert abs(found.only_second - held_back.only_second) <= 1
    assert f"{len(found.trained)} of the rows are in the training data of one or both" in found.verdict
    with heart_csv().open(newline="") as file:
        rows = list(csv.DictReader(file))
    path = write_rows(tmp_path / "trained.csv", [rows[at] for at in sorted(found.trained)])
    nothing = engine.model_tests.shadow(BETTER, WORSE, path)
    assert (nothing.p_value, nothing.differs) == (None, False)
    assert "All of the rows are in the training data of one or both" in nothing.verdict


def test_rows_without_labels_show_only_disagreements(engine: Engine, tmp_path: Path) -> None:
    with heart_csv().open(newline="") as file:
        rows = list(csv.DictReader(file))
    path = write_rows(tmp_path / "rows.csv", rows, [name for name in rows[0] if name != "target"])
    found = engine.model_tests.shadow(BETTER, WORSE, path)
    assert (len(found.values), found.p_value, found.first_right) == (303, None, None)
    assert found.disagreements
    assert {row.actual for row in found.disagreements} == {""}
    assert found.verdict == f"Version 1 and version 2 disagree on {len(found.disagreements)} of 303 rows."


def test_a_promotion_shows_and_records_the_last_tests_of_the_version(engine: Engine, tmp_path: Path) -> None:
    assert engine.models.plan_promotion("plain", 2, stage="Production").tests == ()
    engine.model_tests.labelled(WORSE)
    engine.model_tests.shadow(WORSE, BETTER)
    plan = engine.models.plan_promotion("plain", 2, stage="Production")
    assert [(test.kind, test.passed) for test in plan.tests] == [("shadow", False), ("labelled", True)]
    assert plan.tests[0].against == "plain 1"
    (other,) = engine.models.plan_promotion("plain", 1, stage="Production").tests
    assert (other.passed, other.against, other.right) == (True, "plain 2", 55), "it is about both"
    assert [(test.right, test.rows) for test in plan.tests] == [(42, 61), (42, 61)]
    assert any(warning.startswith("Version 2 failed its last shadow test, of ") for warning in plan.warnings)
    engine.models.promote(plan)
    entry = engine.journal.entries(1)[0]
    assert plan.tests[0].text in entry.evidence
    assert plan.tests[1].text in entry.evidence
    assert version_tests_file().stat().st_mode & 0o777 == 0o600


def test_a_damaged_record_of_tests_is_skipped(engine: Engine) -> None:
    engine.model_tests.labelled(BETTER)
    with version_tests_file().open("a") as file:
        file.write('{"server": 1}\nnot JSON\n[]\n\x00\n')
    assert [test.kind for test in engine.model_tests.last("plain", 1)] == ["labelled"]


def test_a_test_is_logged_as_a_run_of_its_own_outside_the_training(engine: Engine, tmp_path: Path) -> None:
    trained = {experiment.name for experiment in engine.runs.experiments()}
    found = engine.model_tests.labelled(
        Target("scaled", 1), write_rows(tmp_path / "13.csv", published_rows())
    )
    run = engine.runs.detail(engine.model_tests.log(found)).run
    assert run.status == "FINISHED"
    assert run.metrics["accuracy"] == pytest.approx(10 / 13)
    assert run.metrics["accuracy_corrected"] == pytest.approx(12 / 13)
    assert run.tags["mlflow_console.tested_model"] == "scaled"
    assert run.tags["mlflow_console.tested_version"] == "1"
    assert run.tags["mlflow_console.tested_run"] == found.run_id
    assert run.tags["mlflow_console.cause_1"].startswith("Scale: age, trestbps")
    new = {experiment.name for experiment in engine.runs.experiments()} - trained
    assert new == {"scaled-tests"}
    root = local_root(run.artifact_uri)
    assert root is not None
    assert len(parse_rows((root / PATH).read_bytes())) == 13
    shadow = engine.runs.detail(engine.model_tests.log(engine.model_tests.shadow(BETTER, WORSE))).run
    assert shadow.metrics["rows"] == 61
    assert shadow.metrics["accuracy_against"] < shadow.metrics["accuracy"]
    assert engine.journal.entries(1)[0].action == "test"
    with Engine(engine.uri, read_only=True) as reader, pytest.raises(ReadOnly):
        reader.model_tests.log(found)
