"""Searches by Optuna, an optional package: each trial follows from the scores of those before."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.training.search.base import DirectSearch
from engine.training.search.grid import ModelGrid, checked_grids, fresh_point
from engine.training.spec import Range, SweepSpec, Task, Trial, Value

if TYPE_CHECKING:
    import optuna

_ATTEMPTS = 20
"""Proposals of combinations that were proposed before, until a random one is drawn instead."""
_MODEL = "model"
_UNKNOWN = object()


class OptunaSearch(DirectSearch):
    """Proposes as many trials as the sweep asks for, none of them twice, after the baseline; fewer if the
    lists have fewer combinations. Several may be in progress at once.

    Raises what `trials` raises, and `UsageError` if Optuna is not installed; imported with the first `ask`.
    """

    def __init__(self, spec: SweepSpec, task: Task) -> None:
        if importlib.util.find_spec("optuna") is None:
            raise UsageError(
                "Search method optuna needs Optuna, which is not installed",
                hint="Install it with: pip install 'mlflow-console[optuna]'",
            )
        self._spec = spec
        self._grids, self._baseline = checked_grids(spec, task)
        sizes = [grid.size for grid in self._grids]
        most = spec.search.trials or 0
        self._wanted = most if None in sizes else min(most, sum(size or 0 for size in sizes))
        self._study: optuna.Study | None = None
        self._random = random.Random(spec.search.seed)
        self._asked = 0
        self._recalled = 0
        self._proposed: list[set[tuple[Value, ...]]] = [set() for _ in self._grids]
        self._numbers: dict[int, int] = {}

    @property
    def total(self) -> int:
        return self._wanted + len(self._baseline)

    @property
    def exhausted(self) -> bool:
        return self._asked + self._recalled >= self.total

    def recall(self, params: Mapping[str, str], score: float | None) -> None:
        found = self._recorded_point(params)
        if found is None:
            return
        which, point = found
        self._recalled += 1
        self._proposed[which].add(tuple(point.values()))
        study = self._open()
        study.enqueue_trial(self._enqueued(which, point))
        trial = study.ask()
        self._suggested(trial)
        self._tell(trial.number, score)

    def ask(self) -> Trial | None:
        if self.exhausted:
            return None
        index = self._asked
        self._asked += 1
        if index < len(self._baseline):
            chosen, params = self._baseline[index]
            return Trial(index, chosen.key, params, chosen.trial_name(params))
        number, which, point = self._fresh()
        self._numbers[index] = number
        self._proposed[which].add(tuple(point.values()))
        chosen = self._grids[which].estimator
        return Trial(index, chosen.key, point, chosen.trial_name(point))

    def tell(self, trial: Trial, score: float | None) -> None:
        if (number := self._numbers.get(trial.index)) is not None:
            self._tell(number, score)

    def _tell(self, number: int, score: float | None) -> None:
        import optuna

        if score is None:
            self._open().tell(number, state=optuna.trial.TrialState.FAIL)
        else:
            self._open().tell(number, score)

    def _open(self) -> optuna.Study:
        if self._study is None:
            import optuna

            optuna.logging.set_verbosity(optuna.logging.CRITICAL)
            seed = self._spec.search.seed
            samplers: dict[str, type[Any]] = {
                "tpe": optuna.samplers.TPESampler,
                "random": optuna.samplers.RandomSampler,
            }
            sampler = samplers[self._spec.search.sampler](seed=seed)
            self._study = optuna.create_study(sampler=sampler, direction="maximize")
        return self._study

    def _fresh(self) -> tuple[int, int, dict[str, Value]]:
        """The number of a new trial in the study, its model, and its parameters."""
        study = self._open()
        for attempt in range(_ATTEMPTS + 1):
            if attempt == _ATTEMPTS:
                study.enqueue_trial(self._drawn())
            trial = study.ask()
            which, point = self._suggested(trial)
            if tuple(point.values()) not in self._proposed[which]:
                break
            self._forget(trial)
        return trial.number, which, point

    def _suggested(self, trial: optuna.Trial) -> tuple[int, dict[str, Value]]:
        which = 0
        if len(self._grids) > 1:
            which = trial.suggest_categorical(_MODEL, range(len(self._grids)))
        grid = self._grids[which]
        point: dict[str, Value] = {}
        for name, choices in grid.choices.items():
            unique = f"{which}.{name}"
            if not isinstance(choices, Range):
                point[name] = choices[trial.suggest_categorical(unique, range(len(choices)))]
            elif isinstance(choices.low, int) and isinstance(choices.high, int):
                point[name] = trial.suggest_int(unique, choices.low, choices.high, log=choices.log)
            else:
                point[name] = trial.suggest_float(unique, choices.low, choices.high, log=choices.log)
        return which, point

    def _forget(self, trial: optuna.Trial) -> None:
        import optuna

        self._open().tell(trial, state=optuna.trial.TrialState.FAIL)

    def _drawn(self) -> dict[str, Any]:
        """A random combination that was not proposed before, as the study has it."""
        left = list(range(len(self._grids)))
        self._random.shuffle(left)
        for which in left:
            grid = self._grids[which]
            point = fresh_point(grid, self._proposed[which], self._random)
            if point is not None:
                return self._enqueued(which, point)
        return {}

    def _enqueued(self, which: int, point: Mapping[str, Value]) -> dict[str, Any]:
        grid = self._grids[which]
        values = {f"{which}.{name}": _coded(grid, name, value) for name, value in point.items()}
        return {_MODEL: which, **values} if len(self._grids) > 1 else values

    def _recorded_point(self, params: Mapping[str, str]) -> tuple[int, dict[str, Value]] | None:
        """The model and combination that a run's parameters name; None for the baseline."""
        name = params.get("estimator", self._grids[0].estimator.key)
        for which, grid in enumerate(self._grids):
            if grid.estimator.key == name:
                texts = {key: params.get(key, "") for key in grid.choices}
                point = {key: _read(grid.choices[key], text) for key, text in texts.items()}
                known = {key: value for key, value in point.items() if value is not _UNKNOWN}
                return (which, known) if len(known) == len(point) else None
        return None


def _read(choices: Sequence[Value] | Range, text: str) -> Any:
    """The value that was recorded as this text."""
    if isinstance(choices, Range):
        try:
            return type(choices.low)(text)
        except ValueError:
            return _UNKNOWN
    return next((value for value in choices if str(value) == text), _UNKNOWN)


def _coded(grid: ModelGrid, name: str, value: Value) -> Any:
    choices = grid.choices[name]
    return value if isinstance(choices, Range) else choices.index(value)
