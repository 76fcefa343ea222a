"""Grid and random search: trials that follow from the sweep alone."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.errors import GridError, UsageError
from engine.training.control import BASELINE
from engine.training.estimators.catalogue import Estimator, estimator, value_problems
from engine.training.search.base import ListedSearch, Search
from engine.training.spec import MAX_TRIALS, Choices, Range, SweepSpec, Task, Trial, Value, check_settings

_ATTEMPTS = 1000
Point = tuple[Estimator, dict[str, Value]]
"""An estimator and the values of its parameters."""


@dataclass(frozen=True, slots=True)
class ModelGrid:
    """An estimator and the choices of each parameter."""

    estimator: Estimator
    choices: Mapping[str, Choices]

    @property
    def size(self) -> int | None:
        """The number of combinations, None if a range makes it infinite."""
        lists = [values for values in self.choices.values() if not isinstance(values, Range)]
        return math.prod(map(len, lists)) if len(lists) == len(self.choices) else None

    def points(self) -> Iterator[dict[str, Value]]:
        """All combinations, the last parameter varying fastest. Requires lists only."""
        lists = [values for values in self.choices.values() if not isinstance(values, Range)]
        for point in itertools.product(*lists):
            yield dict(zip(self.choices, point, strict=True))

    def draw(self, generator: random.Random) -> dict[str, Value]:
        """A random combination."""
        return {name: _draw(values, generator) for name, values in self.choices.items()}


def search_for(spec: SweepSpec, task: Task) -> Search:
    """The search that a sweep asks for. Raises `GridError` or `UsageError` as `trials` does."""
    if spec.search.method == "halving":
        from engine.training.search.halving import HalvingSearch

        return HalvingSearch(spec, task)
    if spec.search.method == "optuna":
        from engine.training.search.optuna import OptunaSearch

        return OptunaSearch(spec, task)
    return ListedSearch(trials(spec, task))


def trials(spec: SweepSpec, task: Task) -> tuple[Trial, ...]:
    """All trials of a grid or random search, or all candidates of halving, the baseline first; indexes count
    through all models.

    Raises `GridError` for an unknown estimator or parameter, missing, duplicate or invalid values, a range in
    a grid, or too many trials; `UsageError` for any other setting out of range, or another search method.
    """
    if spec.search.method == "optuna":
        raise UsageError("The trials of an Optuna search follow from their scores")
    grids, baseline = checked_grids(spec, task)
    points = _all_points(spec, grids) if spec.search.lists_all else _random_points(spec, grids)
    return tuple(
        Trial(index, chosen.key, params, chosen.trial_name(params))
        for index, (chosen, params) in enumerate(itertools.chain(baseline, points))
    )


def checked_grids(spec: SweepSpec, task: Task) -> tuple[tuple[ModelGrid, ...], tuple[Point, ...]]:
    """The models of a sweep with what is tried of each, and the baseline unless a model or the sweep makes it
    superfluous. Raises what `trials` raises."""
    check_settings(spec)
    for error in model_problems(spec, task):
        raise error
    grids = model_grids(spec, task)
    if spec.search.lists_all:
        _check_size(spec, grids)
    wanted = spec.baseline and all(grid.estimator.key != BASELINE for grid in grids)
    return grids, ((estimator(BASELINE), {}),) if wanted else ()


def planned_trials(spec: SweepSpec, task: Task) -> int:
    """The number of trials of a sweep, its baseline included. Raises like `search_for`."""
    return search_for(spec, task).total or 0


def model_grids(spec: SweepSpec, task: Task) -> tuple[ModelGrid, ...]:
    """The models of a sweep with what is tried of each; values are not checked. Raises `GridError` for an
    unknown estimator or one for another task."""
    grids = []
    for model in spec.models:
        chosen = estimator(model.estimator)
        chosen.check_task(task)
        grids.append(ModelGrid(chosen, model.params or chosen.default_grid(task)))
    return tuple(grids)


def model_problems(spec: SweepSpec, task: Task | None) -> Iterator[GridError]:
    """What is wrong with the models of a sweep: errors about `models[0].C`, a parameter of the first model,
    `models[0].C=`, its values, or `models[0].C[1]`, the second of them. Without a task, what is right for any
    task is right."""
    for at, model in enumerate(spec.models):
        setting = f"models[{at}]"
        try:
            chosen = estimator(model.estimator)
            if task is not None:
                chosen.check_task(task)
        except GridError as error:
            error.setting = setting
            yield error
            continue
        for name, choices in model.params.items():
            try:
                for inside, problem in _choice_problems(spec, chosen, name, choices, task):
                    problem.setting = f"{setting}.{name}{inside}"
                    yield problem
            except GridError as error:
                error.setting = f"{setting}.{name}"
                yield error


def check_classes(spec: SweepSpec, task: Task) -> None:
    """Check the estimators outside the catalogue, which are imported for that: in a training process. Raises
    `GridError` for one that does not exist, is not for the task or lacks a parameter."""
    for at, model in enumerate(spec.models):
        chosen, setting = estimator(model.estimator), f"models[{at}]"
        if chosen.parameters is not None:
            continue
        try:
            chosen.check_class((), task)
            setting += "."
            chosen.check_class(model.params, task)
        except GridError as error:
            error.setting = setting
            raise


def _choice_problems(
    spec: SweepSpec, chosen: Estimator, name: str, choices: Choices, task: Task | None
) -> Iterator[tuple[str, GridError]]:
    if not isinstance(choices, Range):
        for index, error in value_problems(chosen, name, choices, task):
            yield "=" if index is None else f"[{index}]", error
        return
    low, high = choices.low, choices.high
    for end, value in (("low", low), ("high", high)):
        for _, error in value_problems(chosen, name, (value,), task):
            yield f".{end}", error
    title = f"{name} has an invalid range"
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        yield "=", GridError(title, f"from {low} to {high}", "low must be below high.")
    elif choices.log and low <= 0:
        yield ".low", GridError(title, f"low is {low}", "A log range must start above 0.")
    elif spec.search.lists_all:
        title = f"{name} is a range, which a grid cannot try completely"
        detail = f"{chosen.title}: {name} from {low:g} to {high:g}"
        yield "=", GridError(title, detail, "List its values, or use random search with a number of trials.")


def _all_points(spec: SweepSpec, grids: tuple[ModelGrid, ...]) -> Iterator[Point]:
    every = ((grid.estimator, point) for grid in grids for point in grid.points())
    return itertools.islice(every, spec.search.trials)


def _check_size(spec: SweepSpec, grids: tuple[ModelGrid, ...]) -> None:
    """Counts the combinations without building them."""
    total = sum(grid.size or 0 for grid in grids)
    if spec.search.trials is None and total > MAX_TRIALS:
        largest = max(range(len(grids)), key=lambda at: grids[at].size or 0)
        raise GridError(
            f"The grid has {total:,} combinations; the limit is {MAX_TRIALS:,}",
            "; ".join(_factors(grid) for grid in grids),
            "Remove values, or use random search with a number of trials.",
            setting=f"models[{largest}].",
        )


def _factors(grid: ModelGrid) -> str:
    """Such as `KNN: n_neighbors 5 × weights 2`."""
    counts = [f"{name} {len(v):,}" for name, v in grid.choices.items() if not isinstance(v, Range)]
    return f"{grid.estimator.title}: {' × '.join(counts) or '1'}"


def _random_points(spec: SweepSpec, grids: tuple[ModelGrid, ...]) -> Iterator[Point]:
    """Each model is as likely as any other until all its combinations have been drawn."""
    generator = random.Random(spec.search.seed)
    drawn: list[set[tuple[Value, ...]]] = [set() for _ in grids]
    left = list(range(len(grids)))
    found: list[tuple[Estimator, dict[str, Value]]] = []
    while left and len(found) < (spec.search.trials or 0):
        which = generator.choice(left)
        point = fresh_point(grids[which], drawn[which], generator)
        if point is None:
            left.remove(which)
        else:
            drawn[which].add(tuple(point.values()))
            found.append((grids[which].estimator, point))
    return iter(found)


def fresh_point(
    grid: ModelGrid, drawn: set[tuple[Value, ...]], generator: random.Random
) -> dict[str, Value] | None:
    """A random combination that was not drawn before, None if there is none left."""
    size = grid.size
    if size is not None and size <= 2 * MAX_TRIALS:
        fresh = [point for point in grid.points() if tuple(point.values()) not in drawn]
        return generator.choice(fresh) if fresh else None
    for _ in range(_ATTEMPTS):
        point = grid.draw(generator)
        if tuple(point.values()) not in drawn:
            return point
    return None


def _draw(values: Choices, generator: random.Random) -> Value:
    if not isinstance(values, Range):
        return generator.choice(values)
    low, high = values.low, values.high
    whole = isinstance(low, int) and isinstance(high, int)
    if whole and not values.log:
        return generator.randint(int(low), int(high))
    if not values.log:
        return generator.uniform(low, high)
    number = min(max(math.exp(generator.uniform(math.log(low), math.log(high))), low), high)
    return round(number) if whole else number
