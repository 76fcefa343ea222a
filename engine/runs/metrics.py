"""The key metrics of runs, the direction in which each improves, and the counts of a binary classifier."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower"]

_RANKED = (
    *("accuracy", "balanced_accuracy", "roc_auc", "auc", "f1", "f1_score"),
    *("class_1_recall", "class_1_precision", "class_1_f1", "cv_mean"),
    *("r2", "r2_score", "rmse", "mae", "mse", "log_loss", "val_loss", "loss"),
)
_SUPPORTING = ("_support", "_time", "_std")
FOLD_METRIC = "cv_score"
"""The metric whose steps are the scores of cross-validation's folds: its last value is that of one fold."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LOWER = frozenset(
    (
        *("loss", "losses", "error", "errors", "err", "mse", "rmse", "mae", "mape", "smape", "msle", "rmsle"),
        *("nll", "bce", "perplexity", "ppl", "brier", "ece", "kl", "divergence", "entropy", "deviance"),
        *("wer", "cer", "fid", "fpr", "fnr", "fdr", "false", "mistakes", "misses", "regret", "toxicity"),
        *("time", "seconds", "duration", "latency", "runtime", "elapsed", "delay", "cost", "memory"),
        *("std", "var", "variance", "stderr", "bpc", "aic", "bic", "failures", "failed", "hallucination"),
    )
)
_TIMES = frozenset(("time", "seconds", "duration", "latency", "runtime", "elapsed", "delay", "throughput"))
_HIGHER = frozenset(("neg", "negated", "per", "throughput", "speedup", "lossless"))
_RATES = frozenset(
    (
        "accuracy",
        "acc",
        "precision",
        "recall",
        "f1",
        "auc",
        "auroc",
        "sensitivity",
        "specificity",
        "iou",
        "dice",
    )
)
_COUNT_PREFIXES = frozenset(("n", "num", "number", "count"))
_COUNT_SUFFIXES = frozenset(
    (
        *(
            "support",
            "count",
            "counts",
            "finished",
            "size",
            "epoch",
            "epochs",
            "step",
            "steps",
            "iteration",
            "iterations",
        ),
        *("samples", "examples", "rows", "columns", "features", "tokens", "params", "parameters", "classes"),
    )
)

_HELD_OUT = frozenset(("val", "valid", "validation", "test", "eval", "dev", "holdout"))

_OF_CLASS = re.compile(r"class_.+_(precision|recall|f1|support)")
_PRECISION = re.compile(r"class_(.+)_precision")
CONFUSION_COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")


def key_metrics(names: Iterable[str], limit: int = 5) -> tuple[str, ...]:
    """The metrics to show if only a few fit: well-known ones first; then variants of them and other rates,
    such as `val_acc` and `train/loss`, those of held-out rows before those of the training; then the others
    by name. Supports, times, standard deviations, counts, epochs and folds are used only if there is nothing
    else."""
    present = set(names)
    chosen = [name for name in _RANKED if name in present]
    rest = sorted(present.difference(chosen))
    plain = [
        name
        for name in rest
        if not name.endswith(_SUPPORTING) and name not in CONFUSION_COUNTS and direction_of(name) is not None
    ]
    plain.sort(key=lambda name: (*_variant(name), name))
    return tuple((chosen + plain or rest)[:limit])


def _variant(name: str) -> tuple[int, bool]:
    """The rank of a metric among the variants of well-known ones, and whether it is not of held-out rows."""
    rank = next((at for at, usual in enumerate(_RANKED) if _is_variant(name, usual)), len(_RANKED))
    words = {word.lower() for word in _WORD.findall(name)}
    return (0 if is_rate(name) else rank), not words & _HELD_OUT


def _is_variant(name: str, usual: str) -> bool:
    return re.fullmatch(rf"(.*[_/. -])?{usual}", name, re.IGNORECASE) is not None


def primary_metric(names: Iterable[str]) -> str | None:
    """The metric that ranks versions: the first of the well-known ones, also as `val_accuracy` or
    `test/rmse`; else the only metric, if there is just one."""
    shortest_first = sorted(names, key=lambda name: (len(name), name))
    for usual in _RANKED:
        if found := next((name for name in shortest_first if _is_variant(name, usual)), None):
            return found
    return shortest_first[0] if len(shortest_first) == 1 else None


def direction_of(metric: str) -> Direction | None:
    """The direction in which a metric improves, inferred from its name: losses, errors, times and false
    counts are better lower, everything else (also `neg_mean_squared_error`, `rows_per_second`) higher.
    None for what is neither: supports and other counts (`class_0_support`, `n_features`, `epoch`), learning
    rates, most system metrics that MLflow logs, and the scores of folds: the last is not the result. The
    label in the metric of a class does not count: `class_false_recall` is better higher."""
    if metric == FOLD_METRIC or metric.endswith(f"_{FOLD_METRIC}"):
        return None
    metric = _OF_CLASS.sub(r"\1", metric)
    names = [word.lower() for word in _WORD.findall(metric)]
    words = set(names)
    if words & _HIGHER:
        return "higher"
    if words & _LOWER:
        return "lower"
    counts = bool(names) and (names[0] in _COUNT_PREFIXES or names[-1] in _COUNT_SUFFIXES)
    rate = "lr" in words or words >= {"learning", "rate"}
    return None if counts or rate or metric.startswith("system/") else "higher"


def is_measured_anew(metric: str) -> bool:
    """Whether a metric differs between runs that do exactly the same: a time, or a measure of the system."""
    words = {word.lower() for word in _WORD.findall(metric)}
    return bool(words & _TIMES) or metric.startswith("system/")


def is_rate(metric: str) -> bool:
    """Whether a metric is named like a share of 1, such as `val_accuracy` or `class_1_recall`; some log it in
    percent."""
    words = {word.lower() for word in (*_WORD.findall(metric), *re.findall(r"[A-Za-z]+\d?", metric))}
    return bool(words & _RATES) and direction_of(metric) == "higher"


@dataclass(frozen=True, slots=True)
class Confusion:
    """The counts of a binary classifier; `positive` and `negative` are the labels of the classes."""

    true_positives: int
    true_negatives: int
    false_positives: int
    false_negatives: int
    positive: str = "1"
    negative: str = "0"


def confusion_of(metrics: Mapping[str, float], tags: Mapping[str, str]) -> Confusion | None:
    """The confusion counts of a run that logged all four as whole numbers; None otherwise. The class labels
    come from tags (`positive_class` = 1, `class_1` = no disease), or else from the names of metrics
    (`class_no_precision` and `class_yes_precision`)."""
    counts = [metrics.get(name, math.nan) for name in CONFUSION_COUNTS]
    if not all(0 <= count <= 2**53 and count == int(count) for count in counts):
        return None
    positive = tags.get("positive_class", "1")
    named = {name.removeprefix("class_"): value for name, value in tags.items() if name.startswith("class_")}
    negative = next((label for label in named if label != positive), "") or _other_class(metrics, positive)
    tp, tn, fp, fn = map(int, counts)
    return Confusion(tp, tn, fp, fn, named.get(positive, positive), named.get(negative, negative))


def _other_class(metrics: Iterable[str], positive: str) -> str:
    """The other class of two with metrics per class; 0 if `positive` is not one of them. Metric names have
    `_` for characters that MLflow does not allow."""
    labels = [match[1] for name in metrics if (match := _PRECISION.fullmatch(name))]
    own = re.sub(r"[^\w.-]", "_", positive)
    return next(label for label in labels if label != own) if len(labels) == 2 and own in labels else "0"
