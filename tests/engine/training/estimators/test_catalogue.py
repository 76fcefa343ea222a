"""The catalogue compared with scikit-learn, and estimators by dotted name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import pytest

from engine.errors import GridError
from engine.training.estimators import ESTIMATORS, Estimator, check_values, estimator
from engine.training.spec import TASKS, Task

CASES = [(chosen, task) for chosen in ESTIMATORS.values() for task in TASKS if task in chosen.tasks]
by_name = pytest.mark.parametrize(("chosen", "task"), CASES, ids=lambda value: getattr(value, "key", value))


def test_the_catalogue_has_the_usual_estimators_for_each_task() -> None:
    keys = {task: {each.key for each in ESTIMATORS.values() if task in each.tasks} for task in TASKS}
    both = {"knn", "random_forest", "hist_gradient_boosting", "decision_tree", "ridge", "dummy"}
    assert keys["classification"] == both | {"logistic_regression", "svc", "naive_bayes"}
    assert keys["regression"] == both | {"svr", "lasso", "elastic_net"}


@by_name
def test_default_grids_are_small_and_valid(chosen: Estimator, task: Task) -> None:
    grid = chosen.default_grid(task)
    assert chosen.key == "dummy" or 4 <= math.prod(map(len, grid.values())) <= 60
    for name, values in grid.items():
        check_values(chosen, name, values, task)


def test_an_estimator_for_the_other_task_names_those_for_this_one() -> None:
    with pytest.raises(GridError) as caught:
        estimator("lasso").check_task("classification")
    assert caught.value.title == "Lasso is not for classification"
    assert "logistic_regression" in caught.value.detail


def test_values_with_bounds_flags_and_words_are_checked() -> None:
    svc, forest = estimator("svc"), estimator("random_forest")
    check_values(svc, "gamma", ("scale", 0.1))
    check_values(forest, "bootstrap", (True, False))
    for chosen, name, value in (
        (svc, "C", 0),
        (svc, "gamma", "huge"),
        (forest, "bootstrap", 1),
        (estimator("elastic_net"), "l1_ratio", 1.5),
    ):
        with pytest.raises(GridError, match=f"{name} cannot be") as caught:
            check_values(chosen, name, (value,))
        assert name in caught.value.hint
    with pytest.raises(GridError, match="Unknown parameter 'class_weight'"):
        check_values(forest, "class_weight", ("balanced",), "regression")


@pytest.mark.parametrize(
    "name",
    [
        *("numpy.array", "os.system", "sklearn.Ridge", "sklearn..Ridge", "sklearn.svm.svc"),
        *("sklearn.svm._classes.SVC", "sklearn.svm.SVC()", "sklearnx.svm.SVC"),
    ],
)
def test_names_outside_scikit_learn_are_no_estimators(name: str) -> None:
    with pytest.raises(GridError, match="is not a scikit-learn estimator"):
        estimator(name)


def test_an_unknown_key_lists_the_known_ones() -> None:
    with pytest.raises(GridError, match="Unknown estimator 'oracle'") as caught:
        estimator("oracle")
    assert "knn, logistic_regression" in caught.value.detail


def test_listing_the_catalogue_imports_no_scikit_learn(run_python: Callable[[str], str]) -> None:
    code = """
import sys
from engine.training.estimators import estimator
estimator("sklearn.neural_network.MLPClassifier"), estimator("ridge").default_grid("regression")
print({"sklearn", "pandas", "numpy", "mlflow"} & set(sys.modules))
"""
    assert run_python(code).strip() == "set()"


@pytest.mark.slow  # imports scikit-learn
@by_name
def test_parameters_and_defaults_match_scikit_learn(chosen: Estimator, task: Task) -> None:
    from engine.training.estimators.dotted import estimator_class

    found = estimator_class(chosen.module, chosen.class_name(task), task)
    theirs = {name: parameter.default for name, parameter in inspect.signature(found).parameters.items()}
    ours = {parameter.name: parameter.default for parameter in chosen.parameters_for(task)}
    assert ours == {name: value for name, value in theirs.items() if name in ours}
    assert set(chosen.logged) | set(chosen.naming) <= set(ours)
    constraints = found._parameter_constraints
    for parameter in chosen.parameters_for(task):
        check_constraints(parameter.name, constraints[parameter.name], found.__name__, *parameter.choices)
        if parameter.optional:
            check_constraints(parameter.name, constraints[parameter.name], found.__name__, None)
        if parameter.kind in ("integer", "number") and parameter.minimum > -math.inf and not parameter.above:
            check_constraints(
                parameter.name, constraints[parameter.name], found.__name__, int(parameter.minimum)
            )


def check_constraints(name: str, constraints: list[object], owner: str, *values: object) -> None:
    """Fails for values that scikit-learn refuses."""
    from sklearn.utils._param_validation import validate_parameter_constraints

    for value in values:
        validate_parameter_constraints({name: constraints}, {name: value}, owner)


@pytest.mark.slow  # imports scikit-learn
def test_random_estimators_start_from_the_seed_and_other_classes_are_refused() -> None:
    assert estimator("random_forest").build({}, "regression", 7).random_state == 7
    assert estimator("random_forest").build({"random_state": 1}, "regression", 7).random_state == 1
    mlp = estimator("sklearn.neural_network.MLPClassifier")
    assert mlp.trial_name({"alpha": 0.1}) == "MLPClassifier-alpha=0.1"
    built = mlp.build({"hidden_layer_sizes": 5}, "classification", 7)
    assert (built.hidden_layer_sizes, built.random_state) == (5, 7)
    with pytest.raises(GridError, match="Unknown parameter 'alhpa'") as caught:
        mlp.build({"alhpa": 1}, "classification")
    assert caught.value.hint == "Did you mean alpha?"
    for name, reason in (
        ("sklearn.neural_network.MLPRegressor", "MLPRegressor is a regressor"),
        ("sklearn.decomposition.PCA", "is not a scikit-learn estimator"),
        ("sklearn.neural_network.Nothing", "is not a scikit-learn estimator"),
        ("sklearn.nothing.MLPClassifier", "is not a scikit-learn estimator"),
        ("sklearn.utils.Bunch", "is not a scikit-learn estimator"),
        ("sklearn.ensemble.VotingClassifier", "VotingClassifier cannot be built"),
    ):
        with pytest.raises(GridError, match=reason):
            estimator(name).build({}, "classification")
