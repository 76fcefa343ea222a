"""Which metrics say most about a run, and the four counts of a binary classifier."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_FIRST = (
    "accuracy",
    "roc_auc",
    "auc",
    "f1",
    "f1_score",
    "class_1_recall",
    "class_1_precision",
    "class_1_f1",
    "cv_mean",
    "r2",
    "rmse",
    "mae",
    "val_loss",
    "loss",
)
_SUPPORTING = ("_support", "_time", "_std")
_PRECISION = re.compile(r"class_(.+)_precision")
_COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")


def key_metrics(names: Iterable[str], limit: int = 5) -> tuple[str, ...]:
    """The metrics to show where there is room for few: the usual ones first, then the others by name;
    supports, times, spreads and counts only when there is nothing else."""
    present = set(names)
    chosen = [name for name in _FIRST if name in present]
    rest = sorted(present.difference(chosen))
    plain = [
        n for n in rest if not n.endswith(_SUPPORTING) and n not in _COUNTS and not n.startswith("system/")
    ]
    return tuple((chosen + plain or rest)[:limit])


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of a binary classifier; `positive` and `negative` say what the classes are."""

    true_positives: int
    true_negatives: int
    false_positives: int
    false_negatives: int
    positive: str = "1"
    negative: str = "0"


def confusion_of(metrics: Mapping[str, float], tags: Mapping[str, str]) -> Confusion | None:
    """The confusion counts of a run that logged all four as whole numbers; None otherwise. Tags say
    what the classes are where the run has them: `positive_class` = 1, `class_1` = no disease; else the
    names of their metrics do, `class_no_precision` and `class_yes_precision`."""
    counts = [metrics.get(name, math.nan) for name in _COUNTS]
    if not all(0 <= count <= 2**53 and count == int(count) for count in counts):
        return None
    positive = tags.get("positive_class", "1")
    named = {name.removeprefix("class_"): value for name, value in tags.items() if name.startswith("class_")}
    negative = next((label for label in named if label != positive), "") or _other_class(metrics, positive)
    tp, tn, fp, fn = map(int, counts)
    return Confusion(tp, tn, fp, fn, named.get(positive, positive), named.get(negative, negative))


def _other_class(metrics: Iterable[str], positive: str) -> str:
    """The other of two classes that have metrics of their own; 0 if `positive` is not among them. In the
    names of metrics `_` stands for what MLflow does not take there."""
    labels = [match[1] for name in metrics if (match := _PRECISION.fullmatch(name))]
    own = re.sub(r"[^\w.-]", "_", positive)
    return next(label for label in labels if label != own) if len(labels) == 2 and own in labels else "0"
