"""The four counts of a binary classifier, and what its classes are called."""

from __future__ import annotations

import pytest

from engine.runs.metrics import confusion_of

COUNTS = {"true_positives": 5.0, "true_negatives": 4.0, "false_positives": 1.0, "false_negatives": 2.0}


def precisions(*labels: str) -> dict[str, float]:
    return {f"class_{label}_precision": 0.5 for label in labels}


@pytest.mark.parametrize(
    ("labels", "tags", "negative", "positive"),
    [
        ((), {}, "0", "1"),
        (("no", "yes"), {"positive_class": "yes"}, "no", "yes"),
        (("1", "2"), {"positive_class": "2"}, "1", "2"),
        (("dark_blue", "very_bad"), {"positive_class": "very bad"}, "dark_blue", "very bad"),
        (("very_bad", "fine"), {"positive_class": "fine"}, "very_bad", "fine"),
        (("a", "b", "c"), {"positive_class": "c"}, "0", "c"),
        (("no", "yes"), {}, "0", "1"),
        (
            ("0", "1"),
            {"positive_class": "1", "class_0": "disease", "class_1": "no disease"},
            "disease",
            "no disease",
        ),
    ],
)
def test_the_classes_are_called_what_the_run_calls_them(
    labels: tuple[str, ...], tags: dict[str, str], negative: str, positive: str
) -> None:
    found = confusion_of(COUNTS | precisions(*labels), tags)
    assert found is not None
    assert (found.negative, found.positive) == (negative, positive)


def test_counts_that_are_not_all_whole_numbers_are_none() -> None:
    assert confusion_of({**COUNTS, "true_positives": 0.5}, {}) is None
    assert confusion_of({"true_positives": 5.0}, {}) is None
