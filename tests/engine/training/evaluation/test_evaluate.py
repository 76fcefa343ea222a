"""Trials on datasets of several kinds: their parts, metrics, curves and files."""

from __future__ import annotations

import math
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import DatasetError, GridError, UsageError
from engine.evidence import predictions
from engine.runs.metrics import direction_of, primary_metric
from engine.training.estimators import ESTIMATORS, estimator
from engine.training.spec import DataSpec, Recipe, SplitMethod, SplitSpec, SweepSpec, Task
from tests.support.datasets import SPEC, heart, mixed, table, trial

# The tests import scikit-learn, and what imports it: each worker would need seconds more to collect them.
pytestmark = pytest.mark.slow

K7 = trial("knn", n_neighbors=7, metric="euclidean", weights="uniform", algorithm="auto")


def evaluated(data: Any, spec: SweepSpec = SPEC, one: Any = K7, **more: Any) -> Any:
    from engine.training.evaluation.evaluate import evaluate
    from engine.training.evaluation.parts import prepare

    return evaluate(prepare(data, spec), spec, one, **more)


def fitted(found: Any) -> Any:
    """The pipeline of an evaluation."""
    import skops.io

    return skops.io.loads(found.model.data, trusted=list(found.model.trusted))


@pytest.mark.parametrize(
    ("recipe", "params", "counts", "cv_mean"),
    [
        ("published", (7, "euclidean", "auto"), (29, 27, 2, 3), 0.8058),
        ("published", (5, "euclidean", "auto"), (29, 27, 2, 3), 0.8059),
        ("published", (3, "chebyshev", "ball_tree"), (24, 22, 7, 8), 0.7106),
        ("published", (3, "chebyshev", "auto"), (25, 22, 7, 7), 0.7147),
        ("leak-free", (7, "euclidean", "auto"), (29, 27, 2, 3), 0.8099),
        ("leak-free", (5, "euclidean", "auto"), (28, 27, 2, 4), 0.8141),
        ("leak-free", (3, "chebyshev", "ball_tree"), (25, 25, 4, 7), 0.7067),
        ("leak-free", (3, "chebyshev", "auto"), (26, 24, 5, 6), 0.7315),
    ],
)
def test_trials_reproduce_the_reference_results(
    recipe: Recipe, params: tuple[int, str, str], counts: tuple[int, ...], cv_mean: float
) -> None:
    k, metric, algorithm = params
    one = trial("knn", n_neighbors=k, metric=metric, algorithm=algorithm)
    found = evaluated(heart(), replace(SPEC, recipe=recipe), one)
    names = ("true_positives", "true_negatives", "false_positives", "false_negatives")
    assert tuple(found.metrics[name] for name in names) == counts
    assert round(found.metrics["cv_mean"], 4) == cv_mean
    assert found.score == found.metrics["cv_mean"]
    assert list(fitted(found).named_steps) == ["scaler", "classifier"]
    raw = heart().frame
    assert len(fitted(found).predict(raw)) == 303


def test_cross_validation_and_the_model_match_scikit_learn() -> None:
    from sklearn.model_selection import cross_val_score

    from engine.training.evaluation.evaluate import evaluate
    from engine.training.evaluation.parts import prepare

    for data in (heart(), mixed()):
        parts = prepare(data, SPEC)
        found = evaluate(parts, SPEC, K7)
        theirs = cross_val_score(fitted(found), parts.train, parts.train_labels, cv=5)
        assert [value for _, value in found.steps["cv_score"]] == pytest.approx(list(theirs))
        assert found.metrics["cv_std"] == pytest.approx(theirs.std())
        again = fitted(found).__class__(fitted(found).steps).fit(parts.train, parts.train_labels)
        assert fitted(found).predict(parts.test).tolist() == again.predict(parts.test).tolist()


def test_metrics_match_scikit_learn_and_have_the_names_of_mlflow() -> None:
    from sklearn import metrics as theirs

    from engine.training.evaluation.scores import Predicted, scores

    rng = np.random.default_rng(1)
    for classes in ((0, 1), ("a", "b", "c")):
        actual = rng.choice(np.asarray(classes, dtype=object if len(classes) > 2 else int), 50)
        shares = np.round(rng.dirichlet(np.ones(len(classes)), 50), 2)
        shares /= shares.sum(1, keepdims=True)
        guess = np.asarray(classes, dtype=actual.dtype)[shares.argmax(1)]
        ours = scores(actual, Predicted(guess, shares), classes)
        binary = len(classes) == 2
        for name in ("precision", "recall", "f1"):
            score = getattr(theirs, f"{name}_score")
            plain = score(actual, guess, average="binary" if binary else "weighted")
            assert ours[f"{name}_score"] == pytest.approx(plain)
            for average in ("macro", "weighted"):
                assert ours[f"{name}_{average}"] == pytest.approx(score(actual, guess, average=average))
        assert ours["balanced_accuracy"] == pytest.approx(theirs.balanced_accuracy_score(actual, guess))
        assert ours["log_loss"] == pytest.approx(theirs.log_loss(actual, shares))
        if binary:
            assert ours["roc_auc"] == pytest.approx(theirs.roc_auc_score(actual, shares[:, 1]))
            area = theirs.average_precision_score(actual, shares[:, 1])
            assert ours["precision_recall_auc"] == pytest.approx(area)
        else:
            area = theirs.roc_auc_score(actual, shares, multi_class="ovr", average="weighted")
            assert ours["roc_auc"] == pytest.approx(area)
    actual, guess = rng.normal(size=30), rng.normal(size=30)
    ours = scores(actual, Predicted(guess), ())
    for name in (
        *("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score"),
        *("max_error", "mean_absolute_percentage_error"),
    ):
        assert ours[name] == pytest.approx(getattr(theirs, name)(actual, guess))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_estimator_trains_on_text_and_gaps(task: Task, tmp_path: Path) -> None:
    """From parts that another process saved, as workers do; the model takes raw rows, unseen levels too."""
    from engine.training.evaluation.evaluate import evaluate
    from engine.training.evaluation.parts import prepare
    from engine.training.evaluation.storage import load_parts, save_parts

    data = mixed(task=task)
    save_parts(prepare(data, SPEC), tmp_path)
    parts = load_parts(tmp_path)
    assert isinstance(parts.train_matrix, np.memmap)
    strange = data.frame.head(3).assign(colour=["violet", None, "red"], age=[math.nan, 30, 40])
    others = {
        "classification": ("sklearn.neural_network.MLPClassifier", "sklearn.linear_model.SGDClassifier"),
        "regression": ("sklearn.ensemble.GradientBoostingRegressor", "sklearn.linear_model.LinearRegression"),
    }
    names = [key for key, each in ESTIMATORS.items() if task in each.tasks]
    step = {"classification": "classifier", "regression": "regressor"}[task]
    dummy = evaluate(parts, SPEC, trial("dummy")).score
    for name in (*names, *others[task]):
        grid = estimator(name).default_grid(task)
        quick = {key: 10 for key in ("n_estimators", "max_iter") if key in grid}
        found = evaluate(
            parts, SPEC, trial(name, **{key: values[-1] for key, values in grid.items()} | quick)
        )
        assert found.score > dummy or name in ("dummy", "lasso", "elastic_net"), name
        assert list(fitted(found).named_steps) == ["columns", step]
        assert len(fitted(pickle.loads(pickle.dumps(found))).predict(strange)) == 3
        assert all(map(math.isfinite, found.metrics.values())), name
        assert primary_metric(found.metrics) == ("accuracy" if task == "classification" else "cv_mean")
        assert len(predictions.parse_rows(found.files[predictions.PATH])) == len(parts.test)


def test_saved_parts_train_the_same_models(tmp_path: Path) -> None:
    from engine.training.evaluation.evaluate import evaluate
    from engine.training.evaluation.parts import prepare
    from engine.training.evaluation.storage import load_parts, save_parts

    for data, recipe in ((heart(), "published"), (heart(), "leak-free"), (mixed(), "leak-free")):
        spec = replace(SPEC, recipe=recipe)  # type: ignore[arg-type]
        parts = prepare(data, spec)
        save_parts(parts, tmp_path)
        loaded = load_parts(tmp_path)
        ours, theirs = (evaluate(each, spec, K7) for each in (parts, loaded))
        times = {"training_time": 0.0}
        assert {**ours.metrics, **times} == {**theirs.metrics, **times}
        assert ours.files == theirs.files
        assert loaded.train.dtypes.astype(str).tolist() == parts.train.dtypes.astype(str).tolist()
        assert fitted(ours).predict(data.frame).tolist() == fitted(theirs).predict(data.frame).tolist()


LOWER = {
    *("log_loss", "root_mean_squared_error", "mean_squared_error", "mean_absolute_error", "max_error"),
    *("mean_absolute_percentage_error", "false_positives", "false_negatives", "training_time", "cv_std"),
    *("log_loss_cv_mean", "log_loss_cv_std", "max_error_cv_mean", "max_error_cv_std"),
    *("train_loss", "validation_loss"),
}
NEITHER = {"class_no_support", "class_yes_support", "example_count", "cv_score"}


@pytest.mark.parametrize(("task", "metric"), [("classification", "log_loss"), ("regression", "max_error")])
def test_every_logged_metric_has_the_right_direction(task: Task, metric: str) -> None:
    spec = replace(SPEC, metric=metric, curves=("learning",), split=SplitSpec(folds=2))
    one = trial("hist_gradient_boosting", max_iter=5, early_stopping=True, min_samples_leaf=5)
    found = evaluated(mixed(task=task), spec, one)
    assert found.score == found.metrics[f"{metric}_cv_mean"] != found.metrics["cv_mean"]
    for name in {*found.metrics, *found.steps}:
        expected = "lower" if name in LOWER else None if name in NEITHER or "cv_score" in name else "higher"
        assert direction_of(name) == expected, name
    with pytest.raises(UsageError, match="cannot rank trials"):
        evaluated(mixed(task=task), replace(SPEC, metric="beauty"))


def test_curves_have_steps_and_files() -> None:
    spec = replace(SPEC, curves=("learning",))
    found = evaluated(heart(), spec, trial("hist_gradient_boosting", max_iter=12))
    assert [at for at, _ in found.steps["iteration_accuracy"]] == list(range(1, 13))
    assert found.steps["iteration_accuracy"][-1][1] == found.metrics["accuracy"]
    sizes = [at for at, _ in found.steps["learning_curve_cv_accuracy"]]
    assert sizes == sorted(set(sizes))
    assert len(sizes) == 5
    assert found.steps["learning_curve_cv_accuracy"][-1][1] == pytest.approx(found.metrics["cv_mean"])
    assert found.files["curves/learning_curve.csv"].count(b"\n") == 26
    mlp = trial("sklearn.neural_network.MLPClassifier", max_iter=7)
    found = evaluated(heart(), SPEC, mlp)
    losses = [value for _, value in found.steps["train_loss"]]
    assert len(losses) == 7
    assert losses[-1] < losses[0]
    assert any("converge" in text for text in found.warnings)
    few = evaluated(heart(), spec, trial("knn", n_neighbors=100))
    assert len(few.steps["learning_curve_train_accuracy"]) == 2


def test_estimators_that_learn_in_passes_have_a_score_for_each_of_a_bounded_number() -> None:
    sgd = evaluated(heart(), SPEC, trial("sklearn.linear_model.SGDClassifier", max_iter=6, tol=None))
    scores = sgd.steps["iteration_accuracy"]
    assert [at for at, _ in scores] == [1, 2, 3, 4, 5, 6]
    assert scores[-1][1] == pytest.approx(sgd.metrics["accuracy"], abs=0.15)
    long = evaluated(heart(), SPEC, trial("sklearn.linear_model.Perceptron", max_iter=80, tol=None))
    assert len(long.steps["iteration_accuracy"]) == 50
    price = evaluated(
        mixed(task="regression"), SPEC, trial("sklearn.linear_model.SGDRegressor", max_iter=4, tol=None)
    )
    assert len(price.steps["iteration_r2_score"]) == 4
    for without in (
        trial("sklearn.linear_model.SGDClassifier", class_weight="balanced"),
        trial("sklearn.naive_bayes.BernoulliNB"),
    ):
        assert "iteration_accuracy" not in evaluated(heart(), SPEC, without).steps


def test_a_validation_curve_groups_scores_by_value() -> None:
    from engine.training.evaluation.curves import validation_curve

    scores = [
        ({"k": 5}, 0.7),
        ({"k": 3}, 0.6),
        ({"k": 5}, 0.9),
        ({"k": None}, 0.5),
        ({"k": 3}, math.nan),
        ({}, 1),
    ]
    points = validation_curve(scores, "k")
    assert [(point.value, point.trials) for point in points] == [(3, 1), (5, 2), (None, 1)]
    assert (points[1].mean, points[1].lowest, points[1].highest) == (pytest.approx(0.8), 0.7, 0.9)


def test_validation_curves_have_steps_a_file_and_figures_for_what_varies() -> None:
    from engine.training.evaluation.curves import VALIDATION_PATH, validation_curves, validation_file
    from engine.training.evaluation.figures import validation_figures

    def one(k: str, weights: str, score: float) -> tuple[str, dict[str, str], dict[str, float]]:
        params = {"estimator": "knn", "k": k, "weights": weights, "metric": "minkowski"}
        return "knn", params, {"cv_mean": score, "cv_train_mean": score + 0.05}

    trials = [one("11", "uniform", 0.7), one("3", "uniform", 0.6), one("3", "distance", 0.8)]
    curves = validation_curves([*trials, ("ridge", {"alpha": "0.1"}, {"cv_mean": 0.5})])
    assert [(curve.estimator, curve.parameter) for curve in curves] == [("knn", "k"), ("knn", "weights")]
    steps = curves[0].steps("", "accuracy")
    assert [(step, pytest.approx(mean)) for step, mean in steps["validation_curve_k_cv_accuracy"]] == [
        (3, 0.7),
        (11, 0.7),
    ]
    assert steps["validation_curve_k_train_accuracy"][0][1] == pytest.approx(0.75)
    by_weights = curves[1].steps("knn.", "accuracy")["validation_curve_knn.weights_cv_accuracy"]
    assert [step for step, _ in by_weights] == [1, 2]  # names are numbered
    text = validation_file(curves, "accuracy")[VALIDATION_PATH].decode()
    assert text.count("\n") == 5
    assert "knn,k,3,2," in text
    assert set(validation_figures(curves, "accuracy")) == {
        "figures/validation_curve_knn.k.png",
        "figures/validation_curve_knn.weights.png",
    }


@pytest.mark.parametrize(
    ("data", "one", "names"),
    [
        (heart, K7, ("confusion_matrix", "roc_curve", "precision_recall_curve")),
        (heart, trial("svc"), ("confusion_matrix", "roc_curve", "precision_recall_curve")),
        (lambda: mixed(task="regression"), trial("ridge"), ("predicted_actual",)),
    ],
)
def test_figures_are_drawn_on_request(data: Any, one: Any, names: tuple[str, ...]) -> None:
    found = evaluated(data(), SPEC, one, figures=True)
    figures = {path: file for path, file in found.files.items() if path.startswith("figures/")}
    assert set(figures) == {f"figures/{name}.png" for name in names}
    assert all(file.startswith(b"\x89PNG") for file in figures.values())
    assert set(evaluated(data(), SPEC, one).files) == {predictions.PATH}


def test_a_sample_trains_on_fewer_rows() -> None:
    found = evaluated(heart(), SPEC, K7, sample=60)
    assert fitted(found).named_steps["classifier"].n_samples_fit_ == 60
    with pytest.raises(ValueError, match="n_neighbors"):
        evaluated(heart(), SPEC, K7, sample=5)


# ── parts ────────────────────────────────────────────────────────────────────


def split_spec(method: SplitMethod, **more: Any) -> SweepSpec:
    return replace(SPEC, split=SplitSpec(method, column="c", **more))


def test_the_latest_rows_are_the_test_part_of_a_split_by_time() -> None:
    from engine.training.evaluation.parts import prepare

    data = heart()
    order = np.random.default_rng(0).permutation(303)
    parts = prepare(replace(data, order=order), split_spec("time"))  # type: ignore[type-var]
    assert order[parts.test.index].min() > order[parts.train.index].max()
    assert len(parts.test) == 61
    for fitted, held_out in parts.folds:
        assert fitted.max() < held_out.min()
    days = order // 7
    parts = prepare(replace(data, order=days), split_spec("time"))  # type: ignore[type-var]
    assert days[parts.test.index].min() > days[parts.train.index].max()
    assert 61 <= len(parts.test) < 61 + 7
    own = days[parts.train.index]
    assert all(own[fitted].max() < own[held_out].min() for fitted, held_out in parts.folds)
    with pytest.raises(DatasetError, match="cannot be split") as caught:
        prepare(replace(data, order=order // 100), split_spec("time"))  # type: ignore[type-var]
    assert "2 distinct times in the training part, 5 folds" in caught.value.detail
    gaps = np.where(order < 3, np.nan, order)
    with pytest.raises(DatasetError, match="cannot be split by time") as caught:
        prepare(replace(data, order=gaps), split_spec("time"))  # type: ignore[type-var]
    assert "3 rows" in caught.value.detail


def test_a_model_is_saved_as_mlflow_saves_it_and_serves_gaps_and_unseen_text(tmp_path: Path) -> None:
    import mlflow.sklearn
    import pandas as pd
    import yaml

    from engine.training.evaluation.evaluate import evaluate
    from engine.training.evaluation.parts import prepare
    from engine.training.model_folder import ModelFolders
    from engine.training.payloads import signature

    parts = prepare(mixed(), SPEC)
    parts.test.iloc[:5, parts.test.columns.get_loc("colour")] = np.nan
    found = evaluate(parts, SPEC, K7)
    expected, example = signature(parts)
    assert [str(each.type) for each in expected.inputs] == [
        f"DataType.{t}" for t in ("double", "long", "string", "string")
    ]
    assert all(each.required for each in expected.inputs)
    ids = {"run_id": "a run", "model_uuid": "m-1", "model_id": "m-1", "artifact_path": "somewhere/artifacts"}
    ModelFolders(expected, example).write(tmp_path / "model", found.model, **ids)
    mlflow.sklearn.save_model(
        fitted(found),
        tmp_path / "theirs",
        mlflow_model=mlflow.models.Model(**ids),
        serialization_format="skops",
        skops_trusted_types=list(found.model.trusted),
        signature=expected,
        input_example=example,
        pip_requirements=mlflow.sklearn.get_default_pip_requirements(include_skops=True),
    )
    ours, theirs = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("model", "theirs")
    )
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} <= {"MLmodel", "model.skops"}
    mine, others = (yaml.safe_load(files["MLmodel"]) for files in (ours, theirs))
    for described, files in ((mine, ours), (others, theirs)):
        described["model_size_bytes"] -= len(files["model.skops"])
        assert re.fullmatch(r"[-\d]+ [:.\d]+", described.pop("utc_time_created"))
    assert mine == others
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    row = {"size": 0.5, "age": 30, "colour": "red", "town": "town 3"}
    changes = [{}, {"size": None}, {"colour": None}, {"town": None}, {"colour": "pink", "town": "nowhere"}]
    rows = [{**row, **change} for change in changes]
    assert set(served.predict(pd.DataFrame(rows))) <= {"yes", "no"}
    for each in rows:
        assert served.predict(pd.DataFrame([each]))[0] in ("yes", "no")
    with pytest.raises(mlflow.MlflowException, match="column age"):
        served.predict(pd.DataFrame([{**row, "age": None}]))


def test_a_split_by_group_keeps_groups_together() -> None:
    from engine.training.evaluation.parts import prepare

    group = np.arange(303) // 10
    parts = prepare(replace(heart(), group=group), split_spec("group"))  # type: ignore[type-var]
    assert not set(group[parts.train.index]) & set(group[parts.test.index])
    own = group[parts.train.index]
    assert all(not set(own[fitted]) & set(own[held_out]) for fitted, held_out in parts.folds)
    with pytest.raises(DatasetError, match="cannot be split"):
        prepare(replace(heart(), group=np.arange(303) // 152), split_spec("group"))  # type: ignore[type-var]


def test_a_stratified_split_keeps_the_shares_of_classes() -> None:
    from engine.training.evaluation.parts import prepare

    parts = prepare(heart(), split_spec("stratified"))
    assert abs(parts.test_labels.mean() - parts.train_labels.mean()) < 0.01
    with pytest.raises(UsageError, match="needs classes"):
        prepare(mixed(task="regression"), split_spec("stratified"))


def test_the_positive_class_can_be_chosen() -> None:
    spec = replace(SPEC, data=DataSpec(positive="0"))
    ours, theirs = evaluated(heart(), spec).metrics, evaluated(heart()).metrics
    assert ours["true_positives"] == theirs["true_negatives"]
    assert ours["f1_score"] == theirs["class_0_f1"]
    assert ours["roc_auc"] == pytest.approx(theirs["roc_auc"])
    with pytest.raises(UsageError, match="Unknown class 'sick'"):
        evaluated(heart(), replace(SPEC, data=DataSpec(positive="sick")))


def test_data_that_cannot_be_trained_on_is_rejected() -> None:
    rare = table(heart().frame.head(30), [int(row == 3) for row in range(30)])
    with pytest.raises(DatasetError, match="cannot be split"):
        evaluated(rare)
    with pytest.raises(DatasetError, match="cannot be split"):
        evaluated(table(heart().frame.head(4), [0, 1, 0, 1]))
    frame, row = heart().frame.head(40), range(40)
    for data, spec, reason in (
        (table(frame, [1.0] * 40, "regression"), SPEC, "'y' is the same in every row"),
        (table(frame, [math.nan, *map(float, row)][:40], "regression"), SPEC, "not a finite number"),
        (table(frame, ["rare", *"ab" * 20][:40]), split_spec("stratified"), "'rare' has one row"),
    ):
        with pytest.raises(DatasetError, match="cannot be split") as refused:
            evaluated(data, spec)
        assert reason in refused.value.detail
    with pytest.raises(UsageError, match="Recipe published needs numbers without gaps") as caught:
        evaluated(mixed(), replace(SPEC, recipe="published"))
    assert caught.value.hint == "Use recipe leak-free."


def test_a_class_absent_from_a_part_has_no_roc_curve() -> None:
    from engine.training.evaluation.parts import prepare

    frame = heart().frame.head(40)
    plain = prepare(table(frame, ["ab"[row % 2] for row in range(40)]), SPEC)
    for row, tested in ((plain.test.index[0], True), (plain.train.index[0], False)):
        labels = ["c" if at == row else "ab"[at % 2] for at in range(40)]
        found = evaluated(table(frame, labels), SPEC, trial("knn", n_neighbors=3), figures=True)
        assert found.metrics["class_c_support"] == tested
        assert ("roc_auc" in found.metrics) == tested
        assert 0 < found.metrics["balanced_accuracy"] < 1


def test_failing_parameters_raise_and_diverged_models_score_nan() -> None:
    with pytest.raises(ValueError, match="n_neighbors"):
        evaluated(heart(), SPEC, trial("knn", n_neighbors=400))
    with pytest.raises(GridError, match="Unknown parameter"):
        evaluated(heart(), SPEC, trial("knn", neighbours=3))
    no_scores = evaluated(heart(), SPEC, trial("sklearn.neighbors.NearestCentroid", metric="manhattan"))
    assert no_scores.metrics["accuracy"] > 0.5
    regression, huge = mixed(task="regression"), {"eta0": 1e300, "learning_rate": "constant"}
    with pytest.raises(ValueError, match="overflow"):
        evaluated(regression, SPEC, trial("sklearn.linear_model.SGDRegressor", **huge))
