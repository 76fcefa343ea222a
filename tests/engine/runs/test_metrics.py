"""Which metrics matter, which way they get better, and the counts of a binary classifier."""

from __future__ import annotations

import pytest

from engine.runs.metrics import confusion_of, direction_of, key_metrics, primary_metric

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


def test_the_primary_metric_follows_the_ranking() -> None:
    assert primary_metric(["loss", "val_accuracy", "class_1_f1"]) == "val_accuracy"
    assert primary_metric(["val_accuracy", "accuracy"]) == "accuracy"
    assert primary_metric(["test/rmse", "training_time"]) == "test/rmse"
    assert primary_metric(["revenue"]) == "revenue"
    assert primary_metric(["revenue", "training_time", "inaccuracy"]) is None
    assert primary_metric([]) is None


def test_the_usual_metric_of_a_network_is_its_validation_not_its_epoch() -> None:
    names = ["epoch", "lr", "train_acc", "train_loss", "val_acc", "zeta"]
    assert key_metrics(names) == ("val_acc", "train_acc", "train_loss", "zeta")
    assert key_metrics(["epoch", "train_loss"]) == ("train_loss",)
    assert key_metrics(["epoch"]) == ("epoch",)


def test_key_metrics_are_the_usual_ones_then_the_others_by_name() -> None:
    names = ["zeta", "class_0_support", "fit_time", "loss", "balanced_accuracy", "true_positives", "alpha"]
    assert key_metrics(names) == ("balanced_accuracy", "loss", "alpha", "zeta")
    assert key_metrics(["cv_score", "zeta"]) == ("zeta",), "the last fold says little"
    assert key_metrics(names, 1) == ("balanced_accuracy",)
    assert key_metrics(["fit_time", "class_0_support"]) == ("class_0_support", "fit_time")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "loss",
            "val_loss",
            "train/loss",
            "valLoss",
            "eval-loss",
            "log_loss",
            "logLoss",
            "Loss",
            "RMSE",
            "mae",
        ),
        *(
            "mean_absolute_error",
            "training_time",
            "latency_ms",
            "duration",
            "cv_std",
            "false_positives",
            "val.mse",
        ),
        *(
            "false_negatives",
            "perplexity",
            "brier_score",
            "false_discovery_rate",
            "top1_error",
            "p95_latency",
        ),
        *("system/gpu_memory", "fit_seconds", "WER", "trials_failed"),
    ],
)
def test_losses_errors_times_and_false_counts_are_better_lower(name: str) -> None:
    assert direction_of(name) == "lower"


@pytest.mark.parametrize(
    "name",
    [
        *("accuracy", "f1", "class_1_recall", "true_positives", "roc_auc", "r2", "cv_mean", "lossless_ratio"),
        *(
            "neg_mean_squared_error",
            "samples_per_second",
            "throughput",
            "blosser",
            "",
            "errorless",
            "epoch_accuracy",
        ),
    ],
)
def test_everything_else_is_better_higher(name: str) -> None:
    assert direction_of(name) == "higher"


@pytest.mark.parametrize(
    "name",
    [
        *("support", "class_0_support", "n_features", "num_samples", "row_count", "train/rows", "best_epoch"),
        *(
            "trials_finished",
            "lr",
            "lr-Adam",
            "learning_rate",
            "system/cpu_utilization_percentage",
            "cv_score",
        ),
    ],
)
def test_counts_learning_rates_and_fold_scores_are_neither_better_higher_nor_lower(name: str) -> None:
    assert direction_of(name) is None


def test_labels_of_classes_do_not_decide_the_direction() -> None:
    names = ("class_false_recall", "class_no_error_f1", "class_time_precision", "class_0_recall")
    assert {direction_of(name) for name in names} == {"higher"}
    assert direction_of("class_false_support") is None
    assert direction_of("log_loss_cv_mean") == "lower"
    assert direction_of("f1_macro_cv_score") is None
