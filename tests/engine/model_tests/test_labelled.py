"""Tests of real versions with labelled rows, above all the published case of train/serve skew."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api import Engine, LabelledTest, Target
from engine.errors import DatasetError, ModelFailure, ReadOnly, UntrustedModel
from engine.uri import TrackingUri
from tests.engine.model_tests.conftest import NAMES, heart, published_rows, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_children")]


@pytest.fixture
def engine(tested_models: TrackingUri) -> Iterator[Engine]:
    with Engine(tested_models) as engine:
        yield engine


def labelled(engine: Engine, model: str, rows: Path | None = None, version: int = 1) -> LabelledTest:
    return engine.model_tests.labelled(Target(model, version), rows)


def test_the_published_case_is_recognised(engine: Engine, tmp_path: Path) -> None:
    """13 rows, of which 5 columns are min–max scaled, sent to a model of standardised data."""
    found = labelled(engine, "scaled", write_rows(tmp_path / "served.csv", published_rows()))
    accuracy = found.metrics[0]
    assert accuracy.rate is not None
    assert accuracy.logged_rate is not None
    assert (accuracy.rate.successes, accuracy.rate.n) == (10, 13)
    assert (accuracy.logged_rate.successes, accuracy.logged_rate.n) == (56, 61)
    assert found.corrected is not None
    assert (found.corrected.successes, found.corrected.n) == (12, 13)
    assert found.is_skewed
    assert not found.differs, "so few rows prove nothing by themselves"
    assert found.verdict.startswith("Train/serve skew. 10 of 13 rows right, accuracy 0.7692 [0.497, 0.918].")
    assert "In the scale that the model takes, 12 of 13 are right." in found.verdict
    scales = [cause for cause in found.causes if cause.kind == "scale"]
    assert scales[0].text == (
        "Scale: age, trestbps, chol, thalach, oldpeak are min–max scaled, "
        "but the model takes them standardised."
    )
    assert "are as in heart.csv, but the model takes them standardised" in scales[1].text
    (labels,) = [cause for cause in found.causes if cause.kind == "labels"]
    assert labels.rows == (0, 1, 2, 3)
    assert labels.text == (
        "Labels: 4 rows of 13 have another label in heart.csv: line 2, line 3, line 4, line 5."
    )
    assert [row.name for row in found.wrong if row.corrected == row.actual] != []


def test_the_right_scale_is_no_skew(engine: Engine, tmp_path: Path) -> None:
    data = heart()
    chosen = range(0, len(data), 5)
    rows: list[dict[str, object]] = [{} for _ in chosen]
    for name in NAMES:
        values = [float(str(line[name])) for line in data]
        mean = sum(values) / len(values)
        deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
        for row, at in zip(rows, chosen, strict=True):
            value = values[at]
            row[name] = f"{(value - mean) / deviation:.6f}" if name != "target" else data[at]["target"]
    found = labelled(engine, "scaled", write_rows(tmp_path / "standardised.csv", rows))
    assert (found.causes, found.corrected, found.is_skewed) == ((), None, False)


def test_the_recorded_test_part_gives_what_the_run_logged(engine: Engine) -> None:
    found = labelled(engine, "plain")
    assert [metric.value for metric in found.metrics] == [metric.logged for metric in found.metrics]
    assert [metric.name for metric in found.metrics][:3] == [
        "accuracy",
        "class_0_precision",
        "class_0_recall",
    ]
    precision = found.metrics[1]
    assert precision.rate is not None
    assert precision.interval is not None
    assert precision.value in precision.interval
    assert all(row.predicted == row.logged for row in found.rows)
    assert (found.p_value, found.is_paired, found.is_skewed) == (1.0, True, False)
    assert found.source == "the test part of its run (61 rows of heart.csv)"
    assert "No difference." in found.verdict
    (last,) = engine.model_tests.last("plain", 1)
    assert (last.kind, last.passed) == ("labelled", True)
    assert last.text == f"{found.verdict} Rows: the test part of its run (61 rows of heart.csv)."


def test_being_right_on_training_rows_proves_nothing(engine: Engine, tmp_path: Path) -> None:
    rows = heart()
    mixed = labelled(engine, "plain", write_rows(tmp_path / "mixed.csv", rows[:40]))
    count = len(mixed.trained)
    assert 0 < count < 40
    assert mixed.unseen.n == 40 - count
    assert (
        f"{count} of the rows are in its training data, where being right proves nothing; "
        f"{mixed.unseen.successes} of the other {mixed.unseen.n} are right."
    ) in mixed.verdict
    before = engine.model_tests.last("plain", 1)
    assert (before[0].right, before[0].rows) == (mixed.unseen.successes, mixed.unseen.n)
    only = [rows[at] for at in sorted(mixed.trained)]
    trained = labelled(engine, "plain", write_rows(tmp_path / "trained.csv", only))
    assert "All of the rows are in its training data, where being right proves nothing." in trained.verdict
    assert (trained.p_value, trained.differs) == (None, False)
    assert engine.model_tests.last("plain", 1) == before, "it is no evidence for a promotion"


def test_fractions_that_mlflow_cuts_off_are_named(engine: Engine, tmp_path: Path) -> None:
    """The model takes whole numbers and scales them itself."""
    found = labelled(engine, "plain", write_rows(tmp_path / "served.csv", published_rows()))
    texts = [cause.text for cause in found.causes]
    assert (
        "Scale: age, trestbps, chol, thalach, oldpeak are min–max scaled, "
        "but the model takes them as in heart.csv."
    ) in texts
    assert (
        "Type: age, trestbps, chol, thalach have fractions, such as 0.625; "
        "the model takes long, and MLflow cuts fractions off."
    ) in texts
    assert found.corrected is not None
    assert found.corrected.successes > found.metrics[0].value * 13


def test_rows_that_the_model_refuses_are_explained_in_mlflow_s_words(engine: Engine, tmp_path: Path) -> None:
    rows = [dict(row) for row in heart()[:5]]
    rows[2]["age"] = "old"
    with pytest.raises(ModelFailure) as caught:
        labelled(engine, "plain", write_rows(tmp_path / "rows.csv", rows))
    assert caught.value.title == "The model refuses the request (HTTP 400)"
    assert "Failed to convert column age to type 'int64'" in caught.value.detail
    assert caught.value.hint == "Type: age has text, such as old; the model takes long."


def test_a_model_whose_training_data_is_gone_still_has_its_scaler(
    tested_models: TrackingUri, tmp_path: Path
) -> None:
    assert tested_models.sqlite_path is not None
    shutil.copy(tested_models.sqlite_path, tmp_path / "mlflow.db")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute('UPDATE datasets SET dataset_source = \'{"uri": "/gone/heart.csv"}\'')
    database.close()
    with Engine(TrackingUri(f"sqlite:///{tmp_path}/mlflow.db")) as engine:
        with pytest.raises(DatasetError, match="The test part of plain 1 cannot be read") as caught:
            labelled(engine, "plain")
        assert "File heart.csv not found" in caught.value.detail
        found = labelled(engine, "plain", write_rows(tmp_path / "served.csv", published_rows()))
    assert found.is_skewed
    assert found.corrected is None
    assert any(
        "the model's StandardScaler was fitted on values around" in cause.text for cause in found.causes
    )


def test_inverted_labels_are_recognised(engine: Engine, tmp_path: Path) -> None:
    rows = [dict(row) for row in heart()[::5]]
    for row in rows:
        row["target"] = 1 - int(str(row["target"]))
    found = labelled(engine, "plain", write_rows(tmp_path / "inverted.csv", rows))
    assert found.differs
    (cause,) = [cause for cause in found.causes if cause.kind == "inverted labels"]
    assert "the labels seem to be inverted" in cause.text
    assert found.verdict.startswith("Train/serve skew. ")
    assert "More than chance (p <.001)" in found.verdict


def test_a_changed_unit_is_recognised_without_knowing_it(engine: Engine, tmp_path: Path) -> None:
    rows = [dict(row) for row in heart()[::5]]
    for row in rows:
        row["chol"] = int(str(row["chol"])) * 1000
    found = labelled(engine, "plain", write_rows(tmp_path / "unit.csv", rows))
    (cause,) = found.causes
    assert cause.columns == ("chol",)
    assert "the model was trained on 126 to 564" in cause.text
    assert found.is_skewed


def test_columns_in_another_order_are_recognised_for_a_model_without_names(
    engine: Engine, tmp_path: Path
) -> None:
    rows = heart()[::5]
    assert labelled(engine, "nameless", write_rows(tmp_path / "rows.csv", rows)).causes == ()
    assert labelled(engine, "nameless").metrics[0].logged == labelled(engine, "nameless").metrics[0].value
    turned = labelled(engine, "nameless", write_rows(tmp_path / "turned.csv", rows, NAMES[::-1]))
    assert "order" in [cause.kind for cause in turned.causes]
    assert turned.is_skewed
    by_name = labelled(engine, "plain", tmp_path / "turned.csv")
    assert by_name.causes == ()


def test_labels_may_be_the_meanings_that_the_run_recorded(engine: Engine, tmp_path: Path) -> None:
    rows = [dict(row) for row in heart()[::8]]
    for row in rows:
        row["target"] = ("disease", "no disease")[int(str(row["target"]))]
    path = write_rows(tmp_path / "meanings.csv", rows, bom="\ufeff")
    coded, worded = labelled(engine, "plain", path), labelled(engine, "words", path)
    assert coded.metrics[0].value > 0.8
    assert worded.metrics[1].name == "class_disease_precision"
    assert (coded.causes, worded.causes) == ((), ())
    with pytest.raises(DatasetError, match="The labels are not those that the model predicts") as caught:
        labelled(engine, "words", write_rows(tmp_path / "numbers.csv", heart()[::8]))
    assert caught.value.detail == "Labels: 0, 1; predictions: disease, no disease."


def test_a_regression_has_an_error_instead_of_an_accuracy(engine: Engine, tmp_path: Path) -> None:
    found = labelled(engine, "pulse")
    assert found.is_regression
    r2, rmse, mae = found.metrics
    assert (r2.name, rmse.name, mae.name) == ("r2", "rmse", "mae")
    assert r2.logged == pytest.approx(r2.value)
    assert rmse.logged == pytest.approx(rmse.value)
    assert mae.logged is None
    assert (found.p_value, found.is_skewed) == (None, False)
    assert found.verdict.startswith("r2 0.")


@pytest.mark.parametrize(
    ("text", "title", "detail"),
    [
        ("", "rows.csv is empty", ""),
        ("age,target\n", "rows.csv has a header but no rows", ""),
        ("age,sex\n1,2\n", "rows.csv has no column of labels", "Columns: age, sex"),
        ("ages,target\n63,1\n", "rows.csv lacks 13 columns of the model: age, sex, cp,", "Its columns: ages"),
        ("age,target\n63,\n", "rows.csv lacks 12 columns of the model: sex,", "Its columns: age"),
    ],
)
def test_unsuitable_rows_are_one_clear_error(
    engine: Engine, tmp_path: Path, text: str, title: str, detail: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DatasetError) as caught:
        labelled(engine, "plain", path)
    assert caught.value.title.startswith(title)
    assert detail in caught.value.detail


def test_a_pickle_needs_permission_that_names_whose_it_is(tested_models: TrackingUri) -> None:
    with Engine(tested_models) as engine:
        with pytest.raises(UntrustedModel) as caught:
            labelled(engine, "pickled")
        assert caught.value.owner.endswith("'s run pickled run")
        assert caught.value.owner in caught.value.detail
        found = engine.model_tests.labelled(Target("pickled", 1), allow_code=True)
        assert not found.is_skewed
    with Engine(tested_models) as engine:
        mine, theirs = Target("plain", 1), Target("pickled", 1)
        with pytest.raises(UntrustedModel, match="pickled version 1"):
            engine.model_tests.shadow(mine, theirs, allow_code=True)
        assert engine.model_tests.shadow(mine, theirs, allow_other=True).disagreements == ()
    with Engine(tested_models, read_only=True) as engine:
        assert not labelled(engine, "plain").is_skewed
        with pytest.raises(ReadOnly):
            engine.model_tests.labelled(Target("pickled", 1), allow_code=True)
