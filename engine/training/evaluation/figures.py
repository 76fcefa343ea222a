"""Figures of a trial, as PNG: the confusion matrix, ROC and precision–recall curves, predicted against actual
values.

Drawn without pyplot, so that threads and processes can draw at the same time.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from engine.text import cut, safe
from engine.training.evaluation.data_split import DataSplit
from engine.training.evaluation.scores import Predicted, confusion_counts, roc_points

if TYPE_CHECKING:
    from engine.training.evaluation.curves import ValidationCurve

FOLDER = "figures"
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6b7078"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MOST_NUMBERED = 20
"""The cells of a larger confusion matrix have no numbers."""
MOST_CURVES = 7
MOST_POINTS = 5000
MOST_TICKS = 6
_AREA = (0.14, 0.14, 0.82, 0.77)
_WIDE_LABELS_AREA = (0.17, 0.14, 0.79, 0.77)
_NAMED_AREA = (0.32, 0.3, 0.63, 0.61)
"""Left, bottom, width and height of the axes within the page."""


def figure_files(split: DataSplit, found: Predicted) -> dict[str, bytes]:
    """The figures of a model by artifact path, for its predictions for the test part."""
    if split.task == "regression":
        return {f"{FOLDER}/predicted_actual.png": _png(_predicted_actual(split.test_labels, found.labels))}
    files = {f"{FOLDER}/confusion_matrix.png": _png(_confusion(split, found))}
    curves = _curve_scores(split, found)
    if curves:
        files[f"{FOLDER}/roc_curve.png"] = _png(_roc(curves))
        files[f"{FOLDER}/precision_recall_curve.png"] = _png(_precision_recall(curves))
    return files


def validation_figures(curves: Sequence[ValidationCurve], own: str) -> dict[str, bytes]:
    """The validation curves of a sweep by artifact path, at most `MOST_CURVES`."""
    files = {}
    for curve in curves[:MOST_CURVES]:
        name = f"{curve.estimator.rpartition('.')[2]}.{curve.parameter}"
        files[f"{FOLDER}/validation_curve_{name}.png"] = _png(_validation(curve, name, own))
    return files


def _validation(curve: ValidationCurve, name: str, own: str) -> Figure:
    """The means by value; the band spans the trials with a value, whose other parameters differ."""
    figure, axes = _page("Validation curve", str(safe(name)), own)
    axes.set_position(_WIDE_LABELS_AREA)
    at = {point.value: x for x, point in enumerate(curve.held_out)}
    held_out = curve.held_out
    axes.plot([at[point.value] for point in held_out], [point.mean for point in held_out], "o-", color=BLUE)
    lowest, highest = [point.lowest for point in held_out], [point.highest for point in held_out]
    axes.fill_between(range(len(held_out)), lowest, highest, color=BLUE, alpha=0.15, linewidth=0)
    seen = [point for point in curve.seen if point.value in at]
    if seen:
        axes.plot([at[point.value] for point in seen], [point.mean for point in seen], "o--", color=ORANGE)
    axes.legend(["held-out rows", "range of the trials", "training rows"][: 3 if seen else 2], frameon=False)
    step = max(1, len(held_out) // MOST_TICKS)
    axes.set_xticks(range(0, len(held_out), step))
    axes.set_xticklabels([str(cut(safe(str(point.value)), 10)) for point in held_out[::step]])
    return figure


def _page(title: str, x: str, y: str) -> tuple[Figure, Any]:
    # Fixed margins: a layout that is worked out draws everything twice.
    figure = Figure(figsize=(5, 4), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes(_AREA)
    axes.set_title(title, loc="left", weight="bold")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def _png(figure: Figure) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=90)
    return data.getvalue()


def _name(label: object) -> str:
    """A label as drawn: dollar signs would start a formula."""
    return cut(safe(label), 16).replace("$", r"\$")


def _confusion(split: DataSplit, found: Predicted) -> Figure:
    counts = confusion_counts(split.test_labels, found.labels, split.classes)
    figure, axes = _page("Confusion matrix", "Predicted", "Actual")
    image = axes.imshow(counts, cmap="Blues", vmin=0, aspect="auto")
    axes.set_position(_NAMED_AREA)
    size = len(split.classes)
    every = max(1, size // MOST_NUMBERED)
    names = [_name(label) for label in split.classes]
    axes.set_xticks(
        range(0, size, every), names[::every], rotation=90 if size * max(map(len, names)) > 30 else 0
    )
    axes.set_yticks(range(0, size, every), names[::every])
    if size > MOST_NUMBERED:
        figure.colorbar(image, label="Rows")
        return figure
    middle = counts.max() / 2
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if count > middle else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    return figure


def _curve_scores(split: DataSplit, found: Predicted) -> list[tuple[str, Any, Any]]:
    """Name, truth and score per row of each curve: of the positive class of two, else of the first classes
    against the rest. A class that is absent from the test part, or all of it, has none."""
    classes = split.classes
    if found.probabilities is not None:
        columns = range(len(classes)) if len(classes) > 2 else [len(classes) - 1]
        curves = [(classes[at], found.probabilities[:, at]) for at in columns]
    elif found.decisions is not None:
        curves = [(classes[1], found.decisions)]
    else:
        return []
    named = [(_name(label), split.test_labels == label, values) for label, values in curves]
    return [each for each in named if 0 < each[1].sum() < len(each[1]) and np.isfinite(each[2]).all()]


def _shown(curves: list[tuple[str, Any, Any]], title: str) -> str:
    """The title, with how many curves are drawn if that is not all."""
    return title if len(curves) <= MOST_CURVES else f"{title} ({MOST_CURVES} of {len(curves)} classes)"


def _roc(curves: list[tuple[str, Any, Any]]) -> Figure:
    figure, axes = _page(_shown(curves, "ROC curve"), "False positive rate", "True positive rate")
    axes.plot((0, 1), (0, 1), color=GREY, linestyle=":", linewidth=1)
    for (name, truth, values), colour in zip(curves, COLOURS, strict=False):
        false, true = roc_points(truth, values)
        axes.plot(false / false[-1], true / true[-1], color=colour, label=f"class {name}")
    axes.legend(loc="lower right", frameon=False)
    return figure


def _precision_recall(curves: list[tuple[str, Any, Any]]) -> Figure:
    figure, axes = _page(_shown(curves, "Precision–recall curve"), "Recall", "Precision")
    for (name, truth, values), colour in zip(curves, COLOURS, strict=False):
        false, true = roc_points(truth, values)
        precision = true[1:] / (true[1:] + false[1:])
        xs, ys = true / true[-1], np.append(precision[0], precision)
        axes.plot(xs, ys, color=colour, drawstyle="steps-pre", label=f"class {name}")
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(0, 1.03)
    axes.legend(loc="lower left", frameon=False)
    return figure


def _predicted_actual(actual: Any, labels: Any) -> Figure:
    figure, axes = _page("Predicted and actual", "Actual", "Predicted")
    shown = np.linspace(0, len(actual) - 1, min(MOST_POINTS, len(actual))).astype(int)
    ends = (float(actual.min()), float(actual.max()))
    axes.plot(ends, ends, color=GREY, linestyle=":", linewidth=1)
    axes.scatter(actual[shown], labels[shown], s=12, color=BLUE, alpha=0.6, linewidths=0)
    return figure
