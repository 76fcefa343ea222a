"""Train/serve skew: how rows differ from what a model was trained on.

The scale of a column is found by its values: undone, a scaling gives values that the training data has. What
the model takes is found in the same way from its input example, so that a model that was trained on scaled
data can be distinguished from one that scales for itself.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.formats import counted, listed
from engine.model_tests.answers import FittedScaler
from engine.model_tests.requests import NUMBER_TYPES, WHOLE_TYPES
from engine.model_tests.rows import Recorded, Rows, TrainingData, translated
from engine.text import Shown
from engine.training.data.tables import MAX_MAGNITUDE

CauseKind = Literal["scale", "order", "type", "labels", "inverted labels", "predictions"]
Scaling = Literal["as recorded", "min–max scaled", "standardised"]

SAMPLE = 2000
"""About how many values of a column are looked at, evenly spread over the rows."""
MATCHED = 0.8
"""The share of a column's values that have to be values of the training data for its scale to be known."""
_ROUNDED = 2e-4
"""Scaled values are often written with four decimals: this share of the column's range is no difference."""
_FAR = 4.0
"""How far from the center of a scaler most values never are, in its spread."""
_BEYOND = 0.5
"""How far outside the range of the training data, in widths of that range, a value is not just new."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason why a model may do worse on these rows than when it was tested. `columns` and `rows`
    (positions) are those concerned. `is_skew`: the rows are not what the model was trained on; otherwise it
    is a remark on their labels, or on what is served."""

    kind: CauseKind
    text: Shown
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def is_skew(self) -> bool:
        return self.kind not in ("labels", "predictions")


@dataclass(frozen=True, slots=True)
class Scale:
    """A column's values are `(raw - center) / spread` of those in the training data."""

    scaling: Scaling
    center: float = 0.0
    spread: float = 1.0

    def raw(self, value: float) -> float:
        return value * self.spread + self.center

    def scaled(self, raw: float) -> float:
        return (raw - self.center) / self.spread


AS_RECORDED = Scale("as recorded")


@dataclass(frozen=True, slots=True)
class Examined:
    """How rows differ from the training data. `corrected` are their values in the scale that the model takes,
    empty if the scale is right or cannot be corrected. `trained` are the positions of the rows that the model
    was trained on."""

    causes: tuple[Cause, ...]
    corrected: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)
    trained: frozenset[int] = frozenset()


def examine(rows: Rows, recorded: Recorded, scaler: FittedScaler | None = None) -> Examined:
    """Look for the usual causes in the rows themselves. Without training data, they are compared with what
    the scaler of the model was fitted on, or else with its input example."""
    causes = list(_types(rows, recorded))
    training = recorded.training
    if training is None:
        far = _far_from_example(rows, recorded) if scaler is None else _far_from_scaler(rows, scaler)
        return Examined((*causes, *_order(rows, recorded), *far))
    sent, taken, unknown = _scales(rows, recorded, training)
    wrong = [name for name in sent if sent[name].scaling != taken[name].scaling]
    causes = [
        *_scale_causes(wrong, sent, taken, training),
        *_unknown_scales(unknown, rows, taken, training),
        *causes,
    ]
    known = _known_rows(rows, sent, training)
    causes += [*_order(rows, recorded), *_contradicted(rows, known, training, recorded.meanings)]
    trained = _trained(known, training) if not rows.logged else frozenset()  # which were held back
    if not wrong:
        return Examined(tuple(causes), trained=trained)
    corrected = [list(row) for row in rows.values]
    for name in wrong:
        at = rows.columns.index(name)
        for row in corrected:
            if _is_number(row[at]):
                row[at] = taken[name].scaled(sent[name].raw(row[at]))
    return Examined(tuple(causes), tuple(map(tuple, corrected)), trained)


def trained_rows(rows: Rows, recorded: Recorded) -> frozenset[int]:
    """The positions of the rows that a model was trained on, as far as that is known."""
    training = recorded.training
    if training is None:
        return frozenset()
    sent, _, _ = _scales(rows, recorded, training)
    return _trained(_known_rows(rows, sent, training), training)


def _trained(known: Mapping[int, Sequence[int]], training: TrainingData) -> frozenset[int]:
    """Without those that were held back for the test."""
    return frozenset(at for at, same in known.items() if not training.test_rows.issuperset(same))


# ── scale ────────────────────────────────────────────────────────────────────


def _scales(
    rows: Rows, recorded: Recorded, training: TrainingData
) -> tuple[dict[str, Scale], dict[str, Scale], list[str]]:
    """The scale of each column as sent and as the model takes it, and the columns with values that neither is
    known to explain. Columns that cannot be compared are in none."""
    example = recorded.template
    sent: dict[str, Scale] = {}
    taken: dict[str, Scale] = {}
    unknown: list[str] = []
    for name in rows.columns:
        known = _numbers(training.columns.get(name, ()))
        values = _numbers(rows.column(name))
        values = values[:: len(values) // SAMPLE + 1]
        if len(known) < 2 or not values or name not in example.columns:
            continue
        at = example.columns.index(name)
        scales = _candidates(training, name)
        expected = _scale_of(_numbers([row[at] for row in example.rows]), known, scales)
        if expected is None:
            continue
        found = _scale_of(values, known, scales)
        taken[name] = expected
        if found is not None:
            sent[name] = found
        elif _is_inside(values, [expected.scaled(value) for value in known]):
            sent[name] = expected
        else:
            unknown.append(name)
    return sent, taken, unknown


def _candidates(training: TrainingData, name: str) -> list[Scale]:
    """The usual scalings of a column, fitted on all rows or on the training part only."""
    column = training.columns[name]
    whole = _numbers(column)
    part = _numbers([value for at, value in enumerate(column) if at not in training.test_rows])
    found = [AS_RECORDED]
    for values in (whole, part) if len(part) not in (0, len(whole)) else (whole,):
        low, high = min(values), max(values)
        mean = math.fsum(values) / len(values)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
        if high > low:
            found += [Scale("min–max scaled", low, high - low), Scale("standardised", mean, deviation)]
    return found


def _scale_of(values: Sequence[float], known: Sequence[float], scales: Sequence[Scale]) -> Scale | None:
    """The first scale in which the most values, and at least `MATCHED` of them, are values of the training
    data."""
    ordered = sorted(set(known))
    near = _rounding(ordered)
    shares = [(_share(values, scale, ordered, near), scale) for scale in scales] if values else []
    share, best = max(shares, key=lambda found: found[0], default=(0.0, AS_RECORDED))
    if shares and shares[0][0] >= MATCHED:
        return AS_RECORDED
    return best if share >= MATCHED else None


def _is_inside(values: Sequence[float], known: Sequence[float]) -> bool:
    """Whether most values are not far outside the range of the known ones."""
    low, high = min(known), max(known)
    margin = _BEYOND * (high - low)
    return sum(low - margin <= value <= high + margin for value in values) > len(values) / 2


def _share(values: Sequence[float], scale: Scale, ordered: Sequence[float], near: float) -> float:
    """The share of values that are, with the scale undone, values of the training data."""
    found = 0
    for value in values:
        raw = scale.raw(value)
        at = bisect_left(ordered, raw - near)
        found += at < len(ordered) and ordered[at] <= raw + near
    return found / len(values)


def _scale_causes(
    wrong: Sequence[str], sent: Mapping[str, Scale], taken: Mapping[str, Scale], training: TrainingData
) -> Iterator[Cause]:
    pairs = dict.fromkeys((sent[name].scaling, taken[name].scaling) for name in wrong)
    for pair in pairs:
        columns = tuple(name for name in wrong if (sent[name].scaling, taken[name].scaling) == pair)
        is_, takes = (f"as in {training.name}" if how == "as recorded" else how for how in pair)
        verb, it = ("is", "it") if len(columns) == 1 else ("are", "them")
        text = f"Scale: {listed(columns, 20)} {verb} {is_}, but the model takes {it} {takes}."
        yield Cause("scale", Shown(text), columns)


def _unknown_scales(
    unknown: Sequence[str], rows: Rows, taken: Mapping[str, Scale], training: TrainingData
) -> Iterator[Cause]:
    for name in unknown:
        values = _numbers(rows.column(name))
        known = [taken[name].scaled(value) for value in _numbers(training.columns[name])]
        text = (
            f"Scale: {listed([name])} ranges from {min(values):.4g} to {max(values):.4g}; "
            f"the model was trained on {min(known):.4g} to {max(known):.4g}."
        )
        yield Cause("scale", Shown(text), (name,))


def _far_from_scaler(rows: Rows, scaler: FittedScaler) -> Iterator[Cause]:
    """Columns of which most values are far from what the model's own scaler was fitted on."""
    for name, (center, spread) in scaler.columns.items():
        values = _numbers(rows.column(name)) if name in rows.columns else []
        far = sum(abs(value - center) > _FAR * spread for value in values)
        if spread > 0 and far > len(values) / 2:
            text = (
                f"Scale: {listed([name])} ranges from {min(values):.4g} to {max(values):.4g}; "
                f"the model's {scaler.name} was fitted on values around {center:.4g}, spread {spread:.4g}."
            )
            yield Cause("scale", Shown(text), (name,))


def _far_from_example(rows: Rows, recorded: Recorded) -> Iterator[Cause]:
    """Columns with values far from all of the input example: all that can be said without training data."""
    example = recorded.template
    for at, name in enumerate(example.columns):
        shown = _numbers([row[at] for row in example.rows])
        values = _numbers(rows.column(name)) if name in rows.columns else []
        if len(shown) < 3 or not values:
            continue
        low, high = min(shown), max(shown)
        margin = 3 * (high - low) or 3 * abs(high) or 1.0
        outside = sum(not low - margin <= value <= high + margin for value in values)
        squeezed = high > low and len(values) > 2 and max(values) - min(values) < 0.05 * (high - low)
        if outside > len(values) / 2 or squeezed:
            text = (
                f"Scale: {listed([name])} ranges from {min(values):.4g} to {max(values):.4g}, "
                f"in the model's input example from {low:.4g} to {high:.4g}."
            )
            yield Cause("scale", Shown(text), (name,))


# ── columns, types, labels ───────────────────────────────────────────────────


def _order(rows: Rows, recorded: Recorded) -> Iterator[Cause]:
    """Another order of columns, where the model does not go by their names."""
    names = [found.name for found in recorded.template.fields]
    goes_by_name = bool(names) and not all(name.isdecimal() for name in names)
    if goes_by_name or recorded.training is None:
        return
    trained = [name for name in recorded.training.columns if name in rows.columns]
    if trained != [name for name in rows.columns if name in trained]:
        text = (
            f"Order: the columns are {listed(rows.columns, 20)}, in {recorded.training.name} "
            f"{listed(list(recorded.training.columns), 20)}; the model has no names for them."
        )
        yield Cause("order", Shown(text), rows.columns)


def _types(rows: Rows, recorded: Recorded) -> Iterator[Cause]:
    """Columns with values of another type than the signature's, which MLflow refuses or converts."""
    odd: dict[tuple[str, str], dict[str, Any]] = {}
    for found in recorded.template.fields:
        kind = found.type.removesuffix(" optional")
        if found.name not in rows.columns or kind not in (*WHOLE_TYPES, *NUMBER_TYPES):
            continue
        for value in rows.column(found.name):
            if isinstance(value, str):
                odd.setdefault(("text", kind), {}).setdefault(found.name, value)
            elif kind in WHOLE_TYPES and _is_number(value) and value != int(value):
                odd.setdefault(("fractions", kind), {}).setdefault(found.name, value)
    for (what, kind), examples in odd.items():
        # A scoring server converts JSON to the types of the signature without a word.
        cut = ", and MLflow cuts fractions off" if what == "fractions" else ""
        verb = "has" if len(examples) == 1 else "have"
        some = listed([next(iter(examples.values()))])
        text = (
            f"Type: {listed(list(examples), 20)} {verb} {what}, such as {some}; the model takes {kind}{cut}."
        )
        yield Cause("type", Shown(text), tuple(examples))


def _known_rows(rows: Rows, sent: Mapping[str, Scale], training: TrainingData) -> Mapping[int, Sequence[int]]:
    """The rows that the training data has too: their positions, each with those in the training data."""
    names = [name for name in training.columns if name in sent]
    if not names or len(names) < len(training.columns):
        return {}
    positions: dict[tuple[float, ...], list[int]] = {}
    columns = [_numbers_or_nan(training.columns[name]) for name in names]
    known = [sorted(set(_numbers(training.columns[name]))) for name in names]
    for at, values in enumerate(zip(*columns, strict=True)):
        positions.setdefault(values, []).append(at)
    places = [
        (rows.columns.index(name), sent[name], ordered, _rounding(ordered))
        for name, ordered in zip(names, known, strict=True)
    ]
    found = {}
    for position, row in enumerate(rows.values):
        key: list[float] = []
        for at, scale, ordered, near in places:
            value = row[at]
            match = _nearest(ordered, scale.raw(value), near) if _is_number(value) else None
            if match is None:
                break
            key.append(match)
        else:
            if same := positions.get(tuple(key)):
                found[position] = same
    return found


def _contradicted(
    rows: Rows, known: Mapping[int, Sequence[int]], training: TrainingData, meanings: Mapping[str, str]
) -> Iterator[Cause]:
    """Rows that the training data has too, with another label."""
    actual = translated(rows.labels, training.labels, meanings)
    if not actual:
        return
    found = [
        position
        for position, same in known.items()
        if actual[position] not in {training.labels[at] for at in same}
    ]
    if found:
        which = listed([rows.names[position] for position in found], 8)
        text = (
            f"Labels: {counted(len(found), 'row')} of {len(rows.labels)} "
            f"{'has' if len(found) == 1 else 'have'} another label in {training.name}: {which}."
        )
        yield Cause("labels", Shown(text), rows=tuple(found))


def _rounding(ordered: Sequence[float]) -> float:
    """How far from a value of the training data a rounded one may be."""
    return _ROUNDED * (ordered[-1] - ordered[0]) or 1e-9


def _nearest(ordered: Sequence[float], value: float, near: float) -> float | None:
    """The value of the training data that this one is up to rounding."""
    at = bisect_left(ordered, value)
    above = ordered[at] - value if at < len(ordered) else math.inf
    below = value - ordered[at - 1] if at else math.inf
    if min(above, below) > near:
        return None
    return ordered[at] if above <= below else ordered[at - 1]


def _is_number(value: Any) -> bool:
    """Whether a value is a number to compute with: finite, and its square too."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) <= MAX_MAGNITUDE


def _numbers(values: Sequence[Any]) -> list[float]:
    return [float(value) for value in values if _is_number(value)]


def _numbers_or_nan(values: Sequence[Any]) -> list[float]:
    return [float(value) if _is_number(value) else math.nan for value in values]
