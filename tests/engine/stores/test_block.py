"""A block built by column holds the same runs, in whatever order their values arrive."""

from __future__ import annotations

import pytest

from engine.entities import DatasetRef, Run
from engine.stores.block import MAX_LIST_COLUMNS, BlockBuilder, RunBlock


def build(runs: list[Run], length: int | None, order: list[int]) -> RunBlock:
    builder = BlockBuilder(length)
    for name, values in builder.attributes.items():
        values.extend(getattr(run, name) for run in runs)
    for index in order:
        run = runs[index]
        for key, value in run.metrics.items():
            builder.metrics[key][index] = value
        for key, text in run.params.items():
            builder.params[key][index] = text
        for key, text in run.tags.items():
            builder.tags[key][index] = text
        if run.datasets:
            builder.add_datasets(index, run.datasets)
    return builder.build()


@pytest.mark.parametrize("is_known", [True, False], ids=["length known", "length unknown"])
@pytest.mark.parametrize("step", [1, -1], ids=["in order", "in reverse"])
def test_a_block_holds_the_runs_whatever_the_order_and_number_of_keys(is_known: bool, step: int) -> None:
    runs = [
        Run(
            run_id=f"r{number}",
            run_name=f"run {number}",
            experiment_id="1",
            status="FINISHED",
            start_time=number,
            end_time=None,
            metrics={"loss": float(number)} | ({"rare": 1.0} if number == 3 else {}),
            params={f"p{key}": str(key) for key in range(MAX_LIST_COLUMNS + 10)},
            tags={"half": "x"} if number % 2 else {},
            datasets=(DatasetRef("a", "1", "train"), DatasetRef("b", "2")) if number == 5 else (),
        )
        for number in range(10)
    ]
    block = build(runs, len(runs) if is_known else None, list(range(len(runs)))[::step])
    assert list(block) == runs == list(RunBlock.of(runs))
    assert block.columns["metric"]["rare"] == {3: 1.0}
    assert isinstance(block.columns["tag"]["half"], list)
    assert all(isinstance(column, list) for column in block.columns["param"].values())


def test_a_run_without_a_name_takes_it_from_its_tag() -> None:
    run = Run("r", "", "1", "FINISHED", 1, 2, tags={"mlflow.runName": "brave-ox"})
    assert RunBlock.of([run])[0].run_name == "brave-ox"
