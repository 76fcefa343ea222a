"""A model on labelled rows: what it gets right, beside what its run logged, and why the two differ."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import DatasetError, ModelFailure
from engine.evidence.classification import class_names, classification_metrics
from engine.evidence.difference import p_text
from engine.evidence.rates import ACCURACIES, rate_of
from engine.evidence.statistics import ALPHA, Interval, Rate, mcnemar, unpaired, wilson
from engine.formats import as_number, counted, listed, number
from engine.model_tests.answers import Scorer, Target, predict_rows
from engine.model_tests.rows import Recorded, Rows, label_text, translated
from engine.model_tests.skew import Cause, examine
from engine.report.wording import bracketed
from engine.text import Shown, safe

MAX_CLASSES = 50
"""With more distinct labels, numbers are taken as values of a regression."""
_REGRESSION = {
    "r2": ("r2", "r2_score"),
    "rmse": ("rmse", "root_mean_squared_error"),
    "mae": ("mae", "mean_absolute_error"),
}
_LOGGED_AS = ("{}", "test_{}", "test/{}", "eval_{}", "val_{}")
"""How runs name a metric of their test."""


@dataclass(frozen=True, slots=True)
class TestedMetric:
    """A metric of the served model on these rows, and its value in the run, None if it logged none. `rate`
    and `interval` are None for a metric that is no share of rows."""

    __test__ = False  # for pytest

    name: str
    value: float
    rate: Rate | None = None
    interval: Interval | None = None
    logged: float | None = None
    logged_rate: Rate | None = None
    logged_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class TestedRow:
    """A row with its true label and the prediction; `logged` is the prediction when the run tested the model,
    `corrected` the one for the row in the scale that the model takes; both empty if unknown. Raw texts."""

    __test__ = False

    name: str
    actual: str
    predicted: str
    logged: str = ""
    corrected: str = ""

    @property
    def is_right(self) -> bool:
        return self.actual == self.predicted


@dataclass(frozen=True, slots=True)
class LabelledTest:
    """The outcome. `metrics` starts with accuracy, or R² for a regression. `p_value` is the probability that
    the accuracy differs this much from the logged one by chance, None if that is unknown; `is_paired`: on
    the same rows. `corrected` is the accuracy in the scale that the model takes, None if the scale is right.
    `trained` are the positions of rows that the model was trained on: they count in no `p_value`. `seconds`
    is how long the predictions took, `time` when the test ended (milliseconds since the epoch)."""

    target: Target
    run_id: str
    source: Shown
    label: str
    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] = field(repr=False)
    rows: tuple[TestedRow, ...] = field(repr=False)
    metrics: tuple[TestedMetric, ...]
    causes: tuple[Cause, ...]
    p_value: float | None
    is_paired: bool
    corrected: Rate | None
    trained: frozenset[int]
    seconds: float
    time: int

    @property
    def is_regression(self) -> bool:
        return self.metrics[0].name != "accuracy"

    @property
    def differs(self) -> bool:
        """Whether the accuracy differs from the logged one by more than chance."""
        return self.p_value is not None and self.p_value < ALPHA

    @property
    def is_skewed(self) -> bool:
        return self.differs or any(cause.is_skew for cause in self.causes)

    @property
    def wrong(self) -> tuple[TestedRow, ...]:
        return tuple(row for row in self.rows if not row.is_right)

    @property
    def unseen(self) -> Rate:
        """What is right of the rows that the model was not trained on."""
        return _unseen([row.is_right for row in self.rows], self.trained)

    @property
    def verdict(self) -> Shown:
        """The outcome in a few sentences."""
        first = self.metrics[0]
        right = (
            "" if first.rate is None else f"{first.rate.successes} of {counted(first.rate.n, 'row')} right, "
        )
        said = [f"{right}{first.name} {number(first.value)}{_interval(first.interval)}"]
        if self.trained:
            unseen = self.unseen
            of_the_rest = (
                "" if self.is_regression else f"; {unseen.successes} of the other {unseen.n} are right"
            )
            seen = trained_text(len(self.trained), len(self.rows), "its training data")
            said.append(f"{seen}{of_the_rest if unseen.n else ''}")
        if first.logged is None:
            said.append("Its run logged nothing to compare with")
        else:
            rate = first.logged_rate
            then = f"{number(first.logged)}{_interval(first.logged_interval)}"
            said.append(f"Its run logged {then}{f', {rate.successes} of {rate.n}' if rate else ''}")
        if self.p_value is not None:
            chance = "more than chance" if self.differs else "the difference can be chance"
            same = first.rate is not None and self.p_value == 1.0
            said.append("No difference" if same else f"{chance.capitalize()} (p {p_text(self.p_value)})")
        if self.corrected is not None:
            right = f"{self.corrected.successes} of {self.corrected.n} are right"
            said.append(f"In the scale that the model takes, {right}")
        head = "Train/serve skew. " if self.is_skewed else ""
        return Shown(f"{head}{'. '.join(said)}.")


def run_labelled(target: Target, scorer: Scorer, rows: Rows, recorded: Recorded) -> LabelledTest:
    """Predict labelled rows and compare. Raises `ModelFailure` if the model refuses them, with MLflow's own
    message and the likely causes; `DatasetError` if labels and predictions cannot be compared."""
    examined = examine(rows, recorded, None if recorded.training else scorer.scaler())
    try:
        raw, seconds = predict_rows(scorer, rows.columns, rows.values)
    except ModelFailure as error:
        hint = " ".join(cause.text for cause in examined.causes)
        raise ModelFailure(error.title, error.detail, hint or error.hint) from error
    predicted = tuple(single_prediction(value) for value in raw)
    labels, logged = comparable(rows.labels, predicted, recorded.meanings), rows.logged
    fixed: tuple[str, ...] = ()
    if examined.corrected:
        found, _ = predict_rows(scorer, rows.columns, examined.corrected)
        fixed = tuple(single_prediction(value) for value in found)
    run = recorded.run
    run_metrics = {} if run is None else run.metrics
    causes = (*examined.causes, *_changed(rows, predicted))
    corrected: Rate | None = None
    p_value: float | None = None
    if is_regression(labels, predicted):
        metrics = _regression_metrics(labels, predicted, run_metrics)
    else:
        metrics = _class_metrics(labels, predicted, run_metrics)
        p_value = _p_value(metrics[0], labels, predicted, logged, examined.trained)
        causes += _inverted(metrics[0], labels, predicted)
        corrected = Rate(_right(labels, fixed), len(labels)) if fixed else None
    return LabelledTest(
        target=target,
        run_id="" if run is None else run.run_id,
        source=rows.source,
        label=rows.target,
        columns=rows.columns,
        values=rows.values,
        rows=tuple(
            TestedRow(name, label, guess, logged[at] if logged else "", fixed[at] if fixed else "")
            for at, (name, label, guess) in enumerate(zip(rows.names, labels, predicted, strict=True))
        ),
        metrics=metrics,
        causes=causes,
        p_value=p_value,
        is_paired=bool(logged),
        corrected=corrected,
        trained=examined.trained,
        seconds=seconds,
        time=time.time_ns() // 1_000_000,
    )


def trained_text(count: int, of: int, data: str) -> str:
    """Says how many rows are no evidence, because a model was trained on them."""
    which = "All of the rows" if count == of else f"{count} of the rows"
    verb = "is" if count == 1 < of else "are"
    return f"{which} {verb} in {data}, where being right proves nothing"


def _unseen(right: Sequence[bool], trained: frozenset[int]) -> Rate:
    """What is right of the rows that the model was not trained on."""
    found = [is_right for at, is_right in enumerate(right) if at not in trained]
    return Rate(sum(found), len(found))


def single_prediction(value: Any) -> str:
    """A prediction as text. Raises `ModelFailure` for one of several values."""
    if isinstance(value, (list, tuple, Mapping)) and len(value) != 1:
        what = listed(list(value), 8)
        raise ModelFailure("The model predicts several values per row", f"They are {what}.")
    return label_text(value)


def comparable(
    labels: Sequence[str], predicted: Sequence[str], meanings: Mapping[str, str]
) -> tuple[str, ...]:
    """The labels in the words of the predictions. Raises `DatasetError` if they have none in common."""
    found = translated(labels, predicted, meanings)
    if found is None and _are_numbers({*labels, *predicted}):
        return tuple(labels)
    if found is not None:
        return found
    raise DatasetError(
        "The labels are not those that the model predicts",
        f"Labels: {listed(sorted(set(labels)), 8)}; predictions: {listed(sorted(set(predicted)), 8)}.",
        "Write the labels as in the training data.",
    )


def _are_numbers(texts: set[str]) -> bool:
    return all(as_number(text) is not None for text in texts)


def is_regression(labels: Sequence[str], predicted: Sequence[str]) -> bool:
    texts = {*labels, *predicted}
    if not _are_numbers(texts):
        return False
    return any(not text.lstrip("+-").isdecimal() for text in texts) or len(set(labels)) > MAX_CLASSES


def _right(labels: Sequence[str], predicted: Sequence[str]) -> int:
    return sum(label == guess for label, guess in zip(labels, predicted, strict=True))


def _class_metrics(
    labels: Sequence[str], predicted: Sequence[str], logged: Mapping[str, float]
) -> tuple[TestedMetric, ...]:
    """Accuracy, then precision, recall, F1 and support of each class."""
    classes = sorted({*labels, *predicted}, key=lambda label: (as_number(label) or 0.0, label))
    metrics = classification_metrics(labels, predicted, classes)
    names = ["accuracy"]
    for name in class_names(classes):
        names += [f"{name}_{measure}" for measure in ("precision", "recall", "f1", "support")]
    rates = _rates(labels, predicted, classes)
    found = []
    for name in names:
        rate = rates.get(name)
        key = _logged_name(ACCURACIES if name == "accuracy" else (name,), logged)
        logged_rate = rate_of(logged, key) if key else None
        found.append(
            TestedMetric(
                name,
                metrics[name],
                rate,
                wilson(rate) if rate else None,
                logged[key] if key else None,
                logged_rate,
                wilson(logged_rate) if logged_rate else None,
            )
        )
    return tuple(found)


def _rates(labels: Sequence[str], predicted: Sequence[str], classes: Sequence[str]) -> dict[str, Rate]:
    """Accuracy, precision and recall as numbers of rows; without those of no rows."""
    found = {"accuracy": Rate(_right(labels, predicted), len(labels))}
    pairs = Counter(zip(labels, predicted, strict=True))
    truths, guesses = Counter(labels), Counter(predicted)
    for label, name in zip(classes, class_names(classes), strict=True):
        for measure, rows in (("precision", guesses[label]), ("recall", truths[label])):
            if rows:
                found[f"{name}_{measure}"] = Rate(pairs[label, label], rows)
    return found


def _logged_name(names: Sequence[str], logged: Mapping[str, float]) -> str:
    """What a run calls a metric; empty if it has not logged it."""
    for name in names:
        for pattern in _LOGGED_AS:
            key = pattern.format(name)
            if math.isfinite(logged.get(key, math.nan)):
                return key
    return ""


def _p_value(
    accuracy: TestedMetric,
    labels: Sequence[str],
    predicted: Sequence[str],
    logged: Sequence[str],
    trained: frozenset[int],
) -> float | None:
    """How likely the accuracy differs this much by chance: on the same rows, or on other ones."""
    if logged:
        rows = list(zip(labels, predicted, logged, strict=True))
        only_now = sum(label == now != then for label, now, then in rows)
        only_then = sum(label == then != now for label, now, then in rows)
        return mcnemar(only_now, only_then)
    unseen = _unseen([label == now for label, now in zip(labels, predicted, strict=True)], trained)
    if accuracy.logged_rate is None or not unseen.n:
        return None
    return unpaired(unseen, accuracy.logged_rate)


def _changed(rows: Rows, predicted: Sequence[str]) -> Iterator[Cause]:
    """Rows that were predicted differently when the run tested the model."""
    pairs = zip(predicted, rows.logged, strict=False)
    changed = tuple(at for at, (now, then) in enumerate(pairs) if not _is_same(now, then))
    if changed:
        text = (
            f"Predictions: {counted(len(changed), 'row')} of {len(predicted)} differ from what the run "
            "predicted: another model is served, or with other versions of its packages."
        )
        yield Cause("predictions", Shown(text), rows=changed)


def _is_same(now: str, then: str) -> bool:
    if now == then:
        return True
    numbers = as_number(now), as_number(label_text(then))
    return None not in numbers and math.isclose(numbers[0] or 0.0, numbers[1] or 0.0, rel_tol=1e-6)


def _inverted(accuracy: TestedMetric, labels: Sequence[str], predicted: Sequence[str]) -> tuple[Cause, ...]:
    """Two classes of which the wrong one is predicted more often than chance would."""
    classes = sorted({*labels, *predicted})
    if len(classes) != 2 or accuracy.interval is None or accuracy.rate is None:
        return ()
    if accuracy.interval.high >= 0.5 or (accuracy.logged is not None and accuracy.logged <= 0.5):
        return ()
    wrong = accuracy.rate.n - accuracy.rate.successes
    text = (
        f"Labels: {wrong} of {accuracy.rate.n} predictions are right if {safe(classes[0], 40)} and "
        f"{safe(classes[1], 40)} are swapped: the labels seem to be inverted."
    )
    return (Cause("inverted labels", Shown(text)),)


def _regression_metrics(
    labels: Sequence[str], predicted: Sequence[str], logged: Mapping[str, float]
) -> tuple[TestedMetric, ...]:
    """R², RMSE and MAE; R² is NaN if all labels are equal."""
    actual = [float(label) for label in labels]
    guesses = [float(guess) for guess in predicted]
    try:
        values = _errors(actual, guesses)
    except (OverflowError, ValueError):  # of infinities, and of numbers whose squares are too large
        values = dict.fromkeys(_REGRESSION, math.nan)
    found = []
    for name, value in values.items():
        key = _logged_name(_REGRESSION[name], logged)
        found.append(TestedMetric(name, value, logged=logged[key] if key else None))
    return tuple(found)


def _errors(actual: Sequence[float], predicted: Sequence[float]) -> dict[str, float]:
    errors = [guess - label for guess, label in zip(predicted, actual, strict=True)]
    mean = math.fsum(actual) / len(actual)
    squares = math.fsum(error**2 for error in errors)
    spread = math.fsum((value - mean) ** 2 for value in actual)
    return {
        "r2": 1 - squares / spread if spread else math.nan,
        "rmse": math.sqrt(squares / len(errors)),
        "mae": math.fsum(map(abs, errors)) / len(errors),
    }


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f" {bracketed(interval)}"
