"""The estimators that a sweep can train, and their parameters.

The table is static so that grids can be checked without importing scikit-learn; a test compares it with
scikit-learn's own signatures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from engine.errors import GridError
from engine.training.estimators import dotted
from engine.training.spec import TASKS, Task, Value

ParameterKind = Literal["integer", "number", "choice", "flag"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """The values that a parameter accepts: integers or numbers from `minimum` (`above`: more than that) to
    `maximum`, true or false, or one of `choices`; also None if `optional`. `task` is the only task for which
    the estimator has it."""

    name: str
    kind: ParameterKind
    default: Value
    minimum: float = 0
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False
    above: bool = False
    task: Task | None = None

    def accepts(self, value: Value) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, str):
            return value in self.choices
        if isinstance(value, bool):
            return self.kind == "flag"
        if (self.kind == "integer" and isinstance(value, float)) or self.kind in ("choice", "flag"):
            return False
        high_enough = value > self.minimum if self.above else value >= self.minimum
        return math.isfinite(value) and high_enough and value <= self.maximum

    def requirement(self) -> str:
        """The accepted values as text."""
        texts = []
        if self.kind == "flag":
            texts.append("true or false")
        elif self.kind != "choice":
            what = "an integer" if self.kind == "integer" else "a number"
            bound = f"above {self.minimum:g}" if self.above else f"of at least {self.minimum:g}"
            texts.append(
                f"{what} {bound}{'' if self.maximum == math.inf else f' and at most {self.maximum:g}'}"
            )
        if self.choices:
            texts.append(f"one of {', '.join(self.choices)}")
        return ", or ".join(texts + ["None"] * self.optional)


@dataclass(frozen=True, slots=True)
class Estimator:
    """A scikit-learn estimator: `classifier` and `regressor` are its classes in `module`, empty without one.

    `parameters` is None for an estimator outside the catalogue, whose class checks them in the training
    process. `logged` parameters are recorded with every trial, defaults included; values of `naming`
    parameters form the trial's name, in that order. `iterations` is where a fitted estimator has its
    scores per iteration, None if it has none.
    """

    key: str
    title: str
    module: str
    classifier: str = ""
    regressor: str = ""
    parameters: tuple[Parameter, ...] | None = None
    logged: tuple[str, ...] = ()
    naming: tuple[str, ...] = ()
    grid: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    iterations: str | None = None

    @property
    def tasks(self) -> frozenset[Task]:
        """The tasks it may be for; both for an estimator outside the catalogue until its class is known."""
        return frozenset(task for task in TASKS if self.class_name(task))

    @property
    def name(self) -> str:
        return self.classifier or self.regressor

    def class_name(self, task: Task) -> str:
        return self.classifier if task == "classification" else self.regressor

    def check_task(self, task: Task) -> None:
        """Raises `GridError` if the estimator is not for the task."""
        if task not in self.tasks:
            others = ", ".join(other.key for other in ESTIMATORS.values() if task in other.tasks)
            raise GridError(
                f"{self.title} is not for {task}", f"Estimators for {task}: {others}", "Use one of these."
            )

    def parameters_for(self, task: Task | None = None) -> tuple[Parameter, ...]:
        """Those of the static table for a task, or all."""
        return tuple(each for each in self.parameters or () if task is None or each.task in (None, task))

    def parameter(self, name: str, task: Task | None = None) -> Parameter:
        """Raises `GridError` for an unknown parameter, listing the valid ones."""
        found = {each.name: each for each in self.parameters_for(task)}
        dotted.check_names(self.title, [name], list(found))
        return found[name]

    def default_grid(self, task: Task) -> dict[str, tuple[Value, ...]]:
        """The values to try of each parameter without any given; empty for the defaults alone."""
        known = {each.name: each for each in self.parameters_for(task)}
        return {
            name: tuple(value for value in values if known[name].accepts(value))
            for name, values in self.grid.items()
            if name in known
        }

    def resolved(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """The parameters to record: the logged ones, with defaults, then the others in `params`."""
        known = {name: self.parameter(name).default for name in self.logged}
        return {**known, **params}

    def trial_name(self, params: Mapping[str, Value]) -> str:
        """Such as `knn-7-euclidean-uniform-auto`; parameters outside `naming` follow as `p=3`."""
        first = self.key if self.parameters is not None else self.name
        parts = [first, *(str(params[name]) for name in self.naming if name in params)]
        parts += [f"{name}={value}" for name, value in params.items() if name not in self.naming]
        return "-".join(parts)

    def check_class(self, names: Iterable[str], task: Task) -> None:
        """Import the class. Raises `GridError` if it does not exist, is not for the task, needs more than
        plain values, or has no parameter with one of the `names`."""
        found = dotted.estimator_class(self.module, self.class_name(task), task)
        dotted.check_names(found.__name__, names, dotted.parameters(found))
        dotted.built(found, {})

    def build(
        self, params: Mapping[str, Value], task: Task = "classification", seed: int | None = None
    ) -> Any:
        """The unfitted scikit-learn estimator; an estimator that draws random numbers starts from `seed`
        unless `params` says otherwise. Imports scikit-learn. Raises `GridError` if the estimator or a
        parameter does not exist or is not for the task."""
        self.check_task(task)
        found = dotted.estimator_class(self.module, self.class_name(task), task)
        unfitted = dotted.built(found, params)
        if (
            seed is not None
            and "random_state" not in params
            and "random_state" in unfitted.get_params(deep=False)
        ):
            unfitted.set_params(random_state=seed)
        return unfitted


KNN_METRICS = (
    *("euclidean", "manhattan", "chebyshev", "minkowski", "cosine", "canberra"),
    *("braycurtis", "correlation", "sqeuclidean", "cityblock", "l1", "l2"),
)

KNN = Estimator(
    key="knn",
    title="KNN",
    module="sklearn.neighbors",
    classifier="KNeighborsClassifier",
    regressor="KNeighborsRegressor",
    parameters=(
        Parameter("n_neighbors", "integer", 5, minimum=1),
        Parameter("weights", "choice", "uniform", choices=("uniform", "distance"), optional=True),
        Parameter("metric", "choice", "minkowski", choices=KNN_METRICS),
        Parameter("algorithm", "choice", "auto", choices=("auto", "ball_tree", "kd_tree", "brute")),
        Parameter("leaf_size", "integer", 30, minimum=1),
        Parameter("p", "number", 2, minimum=1),
        Parameter("n_jobs", "integer", None, minimum=1, optional=True),
    ),
    logged=("n_neighbors", "weights", "metric", "algorithm"),
    naming=("n_neighbors", "metric", "weights", "algorithm"),
    grid={
        "n_neighbors": (3, 5, 7, 9, 11),
        "weights": ("uniform", "distance"),
        "metric": ("euclidean", "manhattan", "chebyshev"),
        "algorithm": ("auto", "ball_tree"),
    },
)

_SEED = Parameter("random_state", "integer", None, maximum=2**32 - 1, optional=True)
_JOBS = Parameter("n_jobs", "integer", None, minimum=1, optional=True)
_BALANCED = Parameter(
    "class_weight", "choice", None, choices=("balanced",), optional=True, task="classification"
)
_INTERCEPT = Parameter("fit_intercept", "flag", True)
_CLASS_CRITERION = Parameter(
    "criterion", "choice", "gini", choices=("gini", "entropy", "log_loss"), task="classification"
)
_NUMBER_CRITERION = Parameter(
    "criterion",
    "choice",
    "squared_error",
    choices=("squared_error", "absolute_error", "poisson"),
    task="regression",
)
_C = Parameter("C", "number", 1.0, above=True)


def _tolerance(default: float) -> Parameter:
    return Parameter("tol", "number", default)


def _depth(minimum: int = 1) -> Parameter:
    return Parameter("max_depth", "integer", None, minimum=minimum, optional=True)


LOGISTIC_REGRESSION = Estimator(
    key="logistic_regression",
    title="Logistic regression",
    module="sklearn.linear_model",
    classifier="LogisticRegression",
    parameters=(
        _C,
        Parameter("l1_ratio", "number", 0.0, maximum=1),
        Parameter(
            "solver",
            "choice",
            "lbfgs",
            choices=("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"),
        ),
        Parameter("max_iter", "integer", 100),
        _BALANCED,
        _INTERCEPT,
        _tolerance(1e-4),
        _SEED,
    ),
    logged=("C", "class_weight"),
    grid={"C": (0.01, 0.1, 1.0, 10.0), "class_weight": (None, "balanced")},
)

RANDOM_FOREST = Estimator(
    key="random_forest",
    title="Random forest",
    module="sklearn.ensemble",
    classifier="RandomForestClassifier",
    regressor="RandomForestRegressor",
    parameters=(
        Parameter("n_estimators", "integer", 100, minimum=1),
        _CLASS_CRITERION,
        _NUMBER_CRITERION,
        _depth(),
        Parameter("min_samples_split", "number", 2, above=True),
        Parameter("min_samples_leaf", "number", 1, above=True),
        Parameter(
            "max_features",
            "number",
            "sqrt",
            above=True,
            choices=("sqrt", "log2"),
            optional=True,
            task="classification",
        ),
        Parameter(
            "max_features",
            "number",
            1.0,
            above=True,
            choices=("sqrt", "log2"),
            optional=True,
            task="regression",
        ),
        Parameter("max_leaf_nodes", "integer", None, minimum=2, optional=True),
        Parameter("max_samples", "number", None, above=True, optional=True),
        Parameter("bootstrap", "flag", True),
        Parameter("ccp_alpha", "number", 0.0),
        _BALANCED,
        _JOBS,
        _SEED,
    ),
    logged=("n_estimators", "max_depth", "min_samples_leaf"),
    grid={"n_estimators": (100, 300), "max_depth": (None, 5, 10), "min_samples_leaf": (1, 5)},
)

HIST_GRADIENT_BOOSTING = Estimator(
    key="hist_gradient_boosting",
    title="Histogram gradient boosting",
    module="sklearn.ensemble",
    classifier="HistGradientBoostingClassifier",
    regressor="HistGradientBoostingRegressor",
    parameters=(
        Parameter("learning_rate", "number", 0.1, above=True),
        Parameter("max_iter", "integer", 100, minimum=1),
        Parameter("max_leaf_nodes", "integer", 31, minimum=2, optional=True),
        _depth(),
        Parameter("min_samples_leaf", "integer", 20, minimum=1),
        Parameter("l2_regularization", "number", 0.0),
        Parameter("max_features", "number", 1.0, above=True, maximum=1),
        Parameter("max_bins", "integer", 255, minimum=2, maximum=255),
        Parameter("early_stopping", "flag", "auto", choices=("auto",)),
        Parameter("n_iter_no_change", "integer", 10, minimum=1),
        Parameter("validation_fraction", "number", 0.1, above=True, optional=True),
        Parameter(
            "loss",
            "choice",
            "squared_error",
            choices=("squared_error", "absolute_error", "gamma", "poisson", "quantile"),
            task="regression",
        ),
        Parameter("quantile", "number", None, maximum=1, optional=True, task="regression"),
        _BALANCED,
        _tolerance(1e-7),
        _SEED,
    ),
    logged=("learning_rate", "max_iter", "max_leaf_nodes", "l2_regularization"),
    grid={
        "learning_rate": (0.03, 0.1, 0.3),
        "max_iter": (100,),
        "max_leaf_nodes": (7, 31),
        "l2_regularization": (0.0, 1.0),
    },
    iterations="staged_predict",
)

_KERNEL: tuple[Parameter, ...] = (
    _C,
    Parameter("kernel", "choice", "rbf", choices=("linear", "poly", "rbf", "sigmoid")),
    Parameter("gamma", "number", "scale", choices=("scale", "auto")),
    Parameter("degree", "integer", 3),
    Parameter("coef0", "number", 0.0, minimum=-math.inf),
    Parameter("shrinking", "flag", True),
    Parameter("max_iter", "integer", -1, minimum=-1),
    Parameter("tol", "number", 1e-3, above=True),
)

SVC = Estimator(
    key="svc",
    title="Support vector classifier",
    module="sklearn.svm",
    classifier="SVC",
    parameters=(*_KERNEL, _BALANCED, _SEED),
    logged=("C", "kernel", "gamma"),
    grid={"C": (0.1, 1.0, 10.0), "kernel": ("rbf", "linear"), "gamma": ("scale", "auto")},
)

SVR = Estimator(
    key="svr",
    title="Support vector regressor",
    module="sklearn.svm",
    regressor="SVR",
    parameters=(*_KERNEL, Parameter("epsilon", "number", 0.1)),
    logged=("C", "kernel", "gamma", "epsilon"),
    grid={"C": (0.1, 1.0, 10.0), "kernel": ("rbf", "linear"), "epsilon": (0.01, 0.1)},
)

DECISION_TREE = Estimator(
    key="decision_tree",
    title="Decision tree",
    module="sklearn.tree",
    classifier="DecisionTreeClassifier",
    regressor="DecisionTreeRegressor",
    parameters=(
        _CLASS_CRITERION,
        _NUMBER_CRITERION,
        _depth(),
        Parameter("min_samples_split", "number", 2, above=True),
        Parameter("min_samples_leaf", "number", 1, above=True),
        Parameter("max_features", "number", None, above=True, choices=("sqrt", "log2"), optional=True),
        Parameter("max_leaf_nodes", "integer", None, minimum=2, optional=True),
        Parameter("splitter", "choice", "best", choices=("best", "random")),
        Parameter("ccp_alpha", "number", 0.0),
        _BALANCED,
        _SEED,
    ),
    logged=("max_depth", "min_samples_leaf", "ccp_alpha"),
    grid={"max_depth": (None, 3, 5, 10), "min_samples_leaf": (1, 5, 20), "ccp_alpha": (0.0, 0.01)},
)

NAIVE_BAYES = Estimator(
    key="naive_bayes",
    title="Naive Bayes",
    module="sklearn.naive_bayes",
    classifier="GaussianNB",
    parameters=(Parameter("var_smoothing", "number", 1e-9),),
    logged=("var_smoothing",),
    grid={"var_smoothing": (1e-9, 1e-6, 1e-3, 0.1)},
)

RIDGE = Estimator(
    key="ridge",
    title="Ridge",
    module="sklearn.linear_model",
    classifier="RidgeClassifier",
    regressor="Ridge",
    parameters=(
        Parameter("alpha", "number", 1.0),
        Parameter(
            "solver",
            "choice",
            "auto",
            choices=("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"),
        ),
        Parameter("max_iter", "integer", None, minimum=1, optional=True),
        Parameter("positive", "flag", False),
        _BALANCED,
        _INTERCEPT,
        _tolerance(1e-4),
        _SEED,
    ),
    logged=("alpha",),
    grid={"alpha": (0.01, 0.1, 1.0, 10.0, 100.0)},
)

_PENALTY: tuple[Parameter, ...] = (
    Parameter("alpha", "number", 1.0),
    Parameter("max_iter", "integer", 1000, minimum=1),
    Parameter("positive", "flag", False),
    Parameter("selection", "choice", "cyclic", choices=("cyclic", "random")),
    _INTERCEPT,
    _tolerance(1e-4),
    _SEED,
)

LASSO = Estimator(
    key="lasso",
    title="Lasso",
    module="sklearn.linear_model",
    regressor="Lasso",
    parameters=_PENALTY,
    logged=("alpha",),
    grid={"alpha": (0.001, 0.01, 0.1, 1.0, 10.0)},
)

ELASTIC_NET = Estimator(
    key="elastic_net",
    title="Elastic net",
    module="sklearn.linear_model",
    regressor="ElasticNet",
    parameters=(*_PENALTY, Parameter("l1_ratio", "number", 0.5, maximum=1)),
    logged=("alpha", "l1_ratio"),
    grid={"alpha": (0.001, 0.01, 0.1, 1.0, 10.0), "l1_ratio": (0.1, 0.5, 0.9)},
)

DUMMY = Estimator(
    key="dummy",
    title="Dummy baseline",
    module="sklearn.dummy",
    classifier="DummyClassifier",
    regressor="DummyRegressor",
    parameters=(
        Parameter(
            "strategy",
            "choice",
            "prior",
            choices=("most_frequent", "prior", "stratified", "uniform"),
            task="classification",
        ),
        Parameter("strategy", "choice", "mean", choices=("mean", "median"), task="regression"),
        replace(_SEED, task="classification"),
    ),
)

ESTIMATORS: Mapping[str, Estimator] = {
    each.key: each
    for each in (
        *(KNN, LOGISTIC_REGRESSION, RANDOM_FOREST, HIST_GRADIENT_BOOSTING, SVC, SVR, DECISION_TREE),
        *(NAIVE_BAYES, RIDGE, LASSO, ELASTIC_NET, DUMMY),
    )
}


def estimator(name: str) -> Estimator:
    """The estimator with a key of the catalogue or a dotted name. Raises `GridError` for an unknown key,
    listing the available ones, and for a dotted name outside scikit-learn."""
    if name in ESTIMATORS:
        return ESTIMATORS[name]
    if "." in name:
        module, class_name = dotted.module_and_class(name)
        return Estimator(name, class_name, module, classifier=class_name, regressor=class_name)
    raise GridError(
        f"Unknown estimator {name!r}",
        f"Estimators: {', '.join(ESTIMATORS)}",
        "Use one of these, or the full name of another one, such as sklearn.neural_network.MLPClassifier.",
    )


def check_values(chosen: Estimator, name: str, values: Sequence[Value], task: Task | None = None) -> None:
    """Raises `GridError` for an unknown parameter, and for duplicate, invalid or no values."""
    for _, error in value_problems(chosen, name, values, task):
        raise error


def value_problems(
    chosen: Estimator, name: str, values: Sequence[Value], task: Task | None = None
) -> Iterator[tuple[int | None, GridError]]:
    """What is wrong with the values of a parameter, and with which of them, None for all. Without a task,
    values for any task are right. Raises `GridError` for an unknown parameter."""
    known: list[Parameter] = []
    if chosen.parameters is not None:
        chosen.parameter(name, task)
        known = [each for each in chosen.parameters_for(task) if each.name == name]
    needed = f"{name} must be {', or '.join(each.requirement() for each in known)}." if known else ""
    if not values:
        yield None, GridError(f"{name} has no values", hint=needed or "List at least one.")
    seen: set[Value] = set()
    for index, value in enumerate(values):
        if known and not any(each.accepts(value) for each in known):
            yield index, GridError(f"{name} cannot be {value!r}", hint=needed)
        elif value in seen:
            yield index, GridError(f"{name} lists {value!r} twice", hint="Remove one of them.")
        seen.add(value)
