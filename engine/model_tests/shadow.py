"""Two versions on the same rows: where they disagree, and whether one is better by more than chance."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import ModelFailure
from engine.evidence.difference import p_text
from engine.evidence.statistics import ALPHA, Rate, mcnemar
from engine.formats import counted
from engine.model_tests.answers import Scorer, Target, predict_rows
from engine.model_tests.labelled import comparable, is_regression, single_prediction, trained_text
from engine.model_tests.rows import Recorded, Rows
from engine.model_tests.skew import trained_rows
from engine.text import Shown


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A row that the two predict differently. `actual` is empty without labels. Raw texts; `position` is that
    of the row among all."""

    position: int
    name: str
    actual: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class ShadowTest:
    """The outcome. `run_id` is the source run of the first. `first_right` and `second_right` are None without
    labels, or for values of a regression, and so is `p_value`: the exact one of McNemar, from the rows that
    only one gets right. `trained` are the positions of rows that one of them was trained on: they count in
    none of these. The seconds are how long the predictions took."""

    first: Target
    second: Target
    run_id: str
    source: Shown
    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] = field(repr=False)
    disagreements: tuple[Disagreement, ...]
    first_right: Rate | None
    second_right: Rate | None
    p_value: float | None
    trained: frozenset[int]
    first_seconds: float
    second_seconds: float
    time: int

    @property
    def only_first(self) -> int:
        """How many rows only the first gets right."""
        return _only(self.disagreements, self.trained)[0]

    @property
    def only_second(self) -> int:
        return _only(self.disagreements, self.trained)[1]

    @property
    def differs(self) -> bool:
        """Whether one is better than the other by more than chance."""
        return self.p_value is not None and self.p_value < ALPHA

    @property
    def is_worse(self) -> bool:
        """Whether the first is worse than the second by more than chance."""
        return self.differs and self.only_first < self.only_second

    @property
    def is_better(self) -> bool:
        return self.differs and not self.is_worse

    @property
    def names(self) -> tuple[Shown, Shown]:
        """Short ones for two versions of one model."""
        if self.first.model == self.second.model and not (self.first.url or self.second.url):
            return Shown(f"version {self.first.version}"), Shown(f"version {self.second.version}")
        return self.first.name, self.second.name

    @property
    def verdict(self) -> Shown:
        """The outcome in a few sentences."""
        first, second = self.names
        total, differ = len(self.values), len(self.disagreements)
        disagree = f"disagree on {differ} of {counted(total, 'row')}"
        head = f"V{first[1:]}" if first.startswith("version ") else first  # names stay as they are
        if self.trained:
            disagree += f". {trained_text(len(self.trained), total, 'the training data of one or both')}"
        if not differ:
            return Shown(f"{head} and {second} agree on {counted(total, 'row')}.")
        if self.first_right is None or self.second_right is None or self.p_value is None:
            return Shown(f"{head} and {second} {disagree}.")
        p = f"McNemar p {p_text(self.p_value)}"
        if self.differs:
            word = "worse" if self.is_worse else "better"
            said = f"{head} is {word} than {second} by more than chance ({p})"
        else:
            said = f"{head} cannot be told from {second} ({p})"
        rights = f"{self.first_right.successes} against {self.second_right.successes}"
        right = f"{rights} of {self.first_right.n} right"
        return Shown(f"{said}: {right}. They {disagree}.")


def run_shadow(
    first: tuple[Target, Scorer],
    second: tuple[Target, Scorer],
    rows: Rows,
    recorded: Recorded,
    other: Recorded | None,
) -> ShadowTest:
    """Predict the rows with both. `recorded` is that of the first, `other` that of the second, None if it is
    not known. Raises `ModelFailure`, `DatasetError`."""
    predictions: list[tuple[str, ...]] = []
    seconds: list[float] = []
    for target, scorer in (first, second):
        try:
            raw, taken = predict_rows(scorer, rows.columns, rows.values)
        except ModelFailure as error:
            raise ModelFailure(f"{target.name}: {error.title}", error.detail, error.hint) from error
        predictions.append(tuple(map(single_prediction, raw)))
        seconds.append(taken)
    labels = comparable(rows.labels, (*predictions[0], *predictions[1]), recorded.meanings)
    one, two = predictions
    disagreements = tuple(
        Disagreement(at, rows.names[at], labels[at] if labels else "", one[at], two[at])
        for at in range(len(one))
        if one[at] != two[at]
    )
    rates: tuple[Rate | None, Rate | None] = (None, None)
    p_value = None
    trained = _trained(rows, recorded, other) if labels else frozenset()
    if labels and len(trained) < len(labels) and not is_regression(labels, (*one, *two)):
        unseen = [at for at in range(len(labels)) if at not in trained]
        rates = (_rate(labels, one, unseen), _rate(labels, two, unseen))
        p_value = mcnemar(*_only(disagreements, trained))
    return ShadowTest(
        first=first[0],
        second=second[0],
        run_id="" if recorded.run is None else recorded.run.run_id,
        source=rows.source,
        columns=rows.columns,
        values=rows.values,
        disagreements=disagreements,
        first_right=rates[0],
        second_right=rates[1],
        p_value=p_value,
        trained=trained,
        first_seconds=seconds[0],
        second_seconds=seconds[1],
        time=time.time_ns() // 1_000_000,
    )


def _only(disagreements: Sequence[Disagreement], trained: frozenset[int]) -> tuple[int, int]:
    """How many rows only the first and only the second gets right, without those in training data."""
    found = [each for each in disagreements if each.position not in trained]
    return sum(each.actual == each.first for each in found), sum(each.actual == each.second for each in found)


def _trained(rows: Rows, recorded: Recorded, other: Recorded | None) -> frozenset[int]:
    """The rows that one of the two was trained on. The test part of a run was held back from it, and from
    another run with the same test part."""
    held_back = recorded.training.test_rows if rows.logged and recorded.training else None
    found: frozenset[int] = frozenset()
    for each in (recorded, other):
        if each is not None and each.training is not None and each.training.test_rows != held_back:
            found |= trained_rows(rows, each)
    return found


def _rate(labels: Sequence[str], predicted: Sequence[str], at: Sequence[int]) -> Rate:
    return Rate(sum(labels[position] == predicted[position] for position in at), len(at))
