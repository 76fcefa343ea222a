"""What rows reveal about themselves, without any model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any

import pytest
from hypothesis import given, strategies as st

from engine.entities import ModelVersion
from engine.model_tests.answers import FittedScaler
from engine.model_tests.requests import Field, RequestTemplate, inferred, request_of
from engine.model_tests.rows import Recorded, Rows, TrainingData, label_text, typed
from engine.model_tests.skew import Examined, examine
from engine.text import Shown
from tests.engine.model_tests.conftest import NAMES, heart

FEATURES = NAMES[:-1]
TEST_ROWS = frozenset(range(0, 303, 5))
Table = dict[str, list[Any]]


def data() -> Table:
    return {name: [float(str(row[name])) for row in heart()] for name in NAMES}


DATA = data()


def scaled(kind: str, rows: Sequence[int], fitted_on: Sequence[int] = range(303)) -> Table:
    """The features of some rows of heart.csv, scaled as on other rows."""
    found: Table = {}
    for name in FEATURES:
        fitted = [DATA[name][at] for at in fitted_on]
        low, spread = {
            "raw": (0.0, 1.0),
            "min–max": (min(fitted), max(fitted) - min(fitted)),
            "standard": (fmean(fitted), pstdev(fitted)),
        }[kind]
        found[name] = [(DATA[name][at] - low) / spread for at in rows]
    return found


def recorded(example: Table, training: TrainingData | None = None, type_: str = "double") -> Recorded:
    template = RequestTemplate(
        tuple(Field(name, type_) for name in example),
        tuple(example),
        tuple(zip(*example.values(), strict=True)),
    )
    return Recorded(ModelVersion("m", 1), None, template, "target", training=training)


def rows_of(table: Mapping[str, Sequence[Any]], labels: Sequence[float] = ()) -> Rows:
    values = tuple(zip(*table.values(), strict=True))
    names = tuple(f"line {at + 2}" for at in range(len(values)))
    return Rows(Shown("rows.csv"), names, tuple(table), values, "target", tuple(str(int(x)) for x in labels))


TRAINING = TrainingData(
    Shown("heart.csv"),
    {name: tuple(DATA[name]) for name in FEATURES},
    tuple(str(int(label)) for label in DATA["target"]),
    TEST_ROWS,
)
TAKES_RAW = recorded(scaled("raw", range(5)), TRAINING)
TRAINED_ON = [at for at in range(303) if at not in TEST_ROWS]
TAKES_STANDARD = recorded(scaled("standard", range(5), TRAINED_ON), TRAINING)
CHOSEN = range(7, 303, 11)


def kinds(found: Examined) -> list[str]:
    return [cause.kind for cause in found.causes]


@pytest.mark.parametrize("fitted_on", [range(303), TRAINED_ON])
def test_a_scaling_fitted_on_all_rows_or_on_the_training_part_is_recognised(fitted_on: Sequence[int]) -> None:
    found = examine(rows_of(scaled("standard", CHOSEN, fitted_on)), TAKES_RAW)
    assert kinds(found) == ["scale"]
    assert found.causes[0].text.endswith("are standardised, but the model takes them as in heart.csv.")
    corrected = list(zip(*found.corrected, strict=True))
    for name, column in zip(FEATURES, corrected, strict=True):
        assert column == pytest.approx([DATA[name][at] for at in CHOSEN])


@pytest.mark.parametrize("takes", [TAKES_RAW, TAKES_STANDARD])
@pytest.mark.parametrize("kind", ["raw", "standard"])
def test_rows_that_the_model_was_trained_on_are_recognised_also_when_scaled(
    takes: Recorded, kind: str
) -> None:
    chosen = range(40)
    found = examine(rows_of(scaled(kind, chosen)), takes)
    assert found.trained == {at for at in chosen if at not in TEST_ROWS}


def test_new_rows_and_those_held_back_for_the_test_are_not_taken_for_training_rows() -> None:
    held_back = sorted(TEST_ROWS)
    assert examine(rows_of(scaled("raw", held_back)), TAKES_RAW).trained == frozenset()
    new = scaled("raw", range(40))
    new["age"] = [age + 0.5 for age in new["age"]]
    assert examine(rows_of(new), TAKES_RAW).trained == frozenset()


def test_a_model_that_takes_standardised_rows_is_satisfied_with_them() -> None:
    assert examine(rows_of(scaled("standard", CHOSEN)), TAKES_STANDARD).causes == ()
    own = examine(rows_of(scaled("standard", CHOSEN, CHOSEN)), TAKES_STANDARD)
    assert "scale" not in kinds(own), "a scaler fitted on the rows themselves is about the same"


def test_raw_rows_are_no_standardised_ones() -> None:
    found = examine(rows_of(scaled("raw", CHOSEN)), TAKES_STANDARD)
    assert kinds(found) == ["scale"]
    assert found.causes[0].text.endswith("are as in heart.csv, but the model takes them standardised.")


def test_new_values_in_the_usual_range_are_no_skew() -> None:
    new = {name: [value + 0.37 for value in column] for name, column in scaled("raw", CHOSEN).items()}
    assert examine(rows_of(new), TAKES_RAW) == Examined(())


def test_values_far_from_the_training_are_another_scale() -> None:
    table = scaled("raw", CHOSEN) | {"age": [(at % 40 + 40) * 365.25 for at in CHOSEN]}
    (cause,) = examine(rows_of(table), TAKES_RAW).causes
    assert cause.columns == ("age",)
    assert "the model was trained on 29 to 77." in cause.text


def test_rows_with_another_label_in_the_training_data_are_found_in_any_scale() -> None:
    labels = [DATA["target"][at] for at in CHOSEN]
    labels[3], labels[8] = 1 - labels[3], 1 - labels[8]
    for kind in ("raw", "min–max", "standard"):
        found = examine(rows_of(scaled(kind, CHOSEN), labels), TAKES_RAW)
        (cause,) = [cause for cause in found.causes if cause.kind == "labels"]
        assert cause.rows == (3, 8)
        assert not cause.is_skew
    assert kinds(examine(rows_of(scaled("raw", CHOSEN)), TAKES_RAW)) == []


def test_without_training_data_the_input_example_is_what_is_known() -> None:
    takes = recorded(scaled("raw", range(5)))
    assert examine(rows_of(scaled("raw", CHOSEN)), takes).causes == ()
    found = examine(rows_of(scaled("min–max", CHOSEN)), takes)
    columns = {column for cause in found.causes for column in cause.columns}
    assert {"age", "trestbps", "chol", "thalach"} <= columns
    assert "in the model's input example from" in found.causes[0].text
    assert found.corrected == ()


def test_without_training_data_the_scaler_of_the_model_says_more() -> None:
    center = {name: (fmean(DATA[name]), pstdev(DATA[name])) for name in FEATURES}
    scaler = FittedScaler(Shown("StandardScaler"), center)
    takes = recorded(scaled("raw", range(5)))
    assert examine(rows_of(scaled("raw", CHOSEN)), takes, scaler).causes == ()
    found = examine(rows_of(scaled("min–max", CHOSEN)), takes, scaler)
    assert [cause.columns for cause in found.causes] == [("age",), ("trestbps",), ("chol",), ("thalach",)]
    assert found.causes[0].text.endswith(
        "the model's StandardScaler was fitted on values around 54.37, spread 9.067."
    )


def test_another_order_matters_to_a_model_without_names() -> None:
    table = scaled("raw", CHOSEN)
    turned = dict(reversed(table.items()))
    assert kinds(examine(rows_of(turned), TAKES_RAW)) == []
    nameless = Recorded(
        ModelVersion("m", 1),
        None,
        RequestTemplate((Field("0", "tensor double (-1, 13)"),)),
        training=TRAINING,
    )
    assert kinds(examine(rows_of(table), nameless)) == []
    (cause,) = examine(rows_of(turned), nameless).causes
    assert cause.kind == "order"
    assert cause.text.startswith("Order: the columns are thal, ca, slope, ")


def test_fractions_and_texts_where_the_model_takes_whole_numbers_are_named() -> None:
    table = scaled("raw", CHOSEN)
    table["sex"] = ["m" if value else "f" for value in table["sex"]]
    found = examine(rows_of(table), recorded(scaled("raw", range(5)), TRAINING, "long"))
    assert [cause.text for cause in found.causes] == [
        "Type: sex has text, such as m; the model takes long.",
        "Type: oldpeak has fractions, such as 1.5; the model takes long, and MLflow cuts fractions off.",
    ]


CELLS = st.one_of(
    st.sampled_from(["", "nan", "inf", "1e400", "9" * 5000, "True", "1_0", "\x1b[31m"]),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=8),
)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8), st.sampled_from(["long", "double", ""])
)
def test_no_values_are_too_strange_to_be_compared(cells: list[tuple[str, str, str]], kind: str) -> None:
    sent, known, labels = zip(*cells, strict=True)
    values = tuple((typed(kind, text),) for text in sent)
    training = TrainingData(Shown("data.csv"), {"a": tuple(map(inferred, known))}, labels)
    template = RequestTemplate((Field("a", kind),), ("a",), values[:5])
    names = tuple(map(str, range(len(cells))))
    rows = Rows(Shown("rows.csv"), names, ("a",), values, "y", tuple(map(label_text, labels)))
    found = examine(rows, Recorded(ModelVersion("m", 1), None, template, "y", training=training))
    assert all(cause.text for cause in found.causes)
    assert len(found.corrected) in (0, len(rows.values))
    body = request_of(rows.columns, rows.values, "dataframe_split").body
    assert len(json.loads(body)["dataframe_split"]["data"]) == len(rows.values)
