"""Searches by Optuna, an optional package: each trial follows from the scores of those before."""

from __future__ import annotations

import importlib.util
import random
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.training.search.base import Dropped
from engine.training.search.grid import ModelGrid, checked_grids, fresh_point
from engine.training.spec import Range, SweepSpec, Task, Trial, Value

if TYPE_CHECKING:
    import optuna

_ATTEMPTS = 20
"""Proposals of combinations that were proposed before, until a random one is drawn instead."""
_MODEL = "model"


class OptunaSearch:
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
        self._proposed: list[set[tuple[Value, ...]]] = [set() for _ in self._grids]
        self._numbers: dict[int, int] = {}

    @property
    def total(self) -> int:
        return self._wanted + len(self._baseline)

    @property
    def exhausted(self) -> bool:
        return self._asked >= self.total

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        return ()

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
        import optuna

        if (number := self._numbers.get(trial.index)) is None:
            return
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
                values = {f"{which}.{name}": _coded(grid, name, value) for name, value in point.items()}
                return {_MODEL: which, **values}
        return {}


def _coded(grid: ModelGrid, name: str, value: Value) -> Any:
    choices = grid.choices[name]
    return value if isinstance(choices, Range) else choices.index(value)
