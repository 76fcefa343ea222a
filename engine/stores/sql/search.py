"""Translates a run query to SQL: the conditions and the order.

Each condition means the same as in MLflow's search
(`mlflow.store.tracking.sqlalchemy_store._get_sqlalchemy_filter_clauses` in MLflow 3.17): a missing value
matches nothing, not even `!=`; a condition on datasets matches if any of a run's datasets does, each
condition independently of the others.
"""

from __future__ import annotations

import math
import sys
from typing import cast

from engine.errors import StoreRefused
from engine.stores.base import Condition, RunQuery
from engine.stores.records import CONTEXT_TAG, RUN_NAME_TAG
from engine.stores.sql.schema import Tables
from engine.text import safe

_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
_ATTRIBUTES = {
    "run_id": "runs.run_uuid",
    "status": "runs.status",
    "user_id": "runs.user_id",
    "artifact_uri": "runs.artifact_uri",
    "start_time": "runs.start_time",
    "end_time": "runs.end_time",
}
_OF_RUN = "SELECT 1 FROM {table} AS entry WHERE entry.run_uuid = runs.run_uuid AND {condition}"
_DATASET_OF_RUN = (
    "SELECT 1 FROM inputs JOIN datasets ON datasets.dataset_uuid = inputs.source_id{tags}"
    " WHERE inputs.destination_type = 'RUN' AND inputs.destination_id = runs.run_uuid AND {condition}"
)
_CONTEXT_TAGS = " JOIN input_tags ON input_tags.input_uuid = inputs.input_uuid"
_NEVER = "1 = 0"


RunPosition = tuple[int | None, str]
"""The key that orders the runs of a query: start time and id."""


class Search:
    """The runs of a query; with `after`, only those behind that sort key. `where` is a condition on `runs`,
    `order` their order, `parameters` the values bound in `where`. Raises `StoreRefused`."""

    def __init__(self, tables: Tables, query: RunQuery, after: RunPosition | None = None) -> None:
        self._dialect = tables.dialect
        self._query = query
        self._run_id = self._dialect.binary_order.format(column="runs.run_uuid")
        self.parameters: dict[str, object] = {"lifecycle": query.lifecycle}
        conditions = [self._in_experiment(tables.in_workspace), "runs.lifecycle_stage = :lifecycle"]
        conditions += [self._condition(condition) for condition in query.conditions]
        if after is not None:
            conditions.append(self._after(after))
        self.where = " AND ".join(conditions)
        direction = "ASC" if query.oldest_first else "DESC"
        self.order = f"runs.start_time IS NULL, runs.start_time {direction}, {self._run_id}"

    def _after(self, key: RunPosition) -> str:
        start_time, run_id = key[0], self._bind(key[1])
        if start_time is None:
            return f"runs.start_time IS NULL AND {self._run_id} > :{run_id}"
        start = self._bind(start_time)
        comparison = ">" if self._query.oldest_first else "<"
        return (
            f"(runs.start_time {comparison} :{start} OR runs.start_time IS NULL"
            f" OR (runs.start_time = :{start} AND {self._run_id} > :{run_id}))"
        )

    def _in_experiment(self, in_workspace: str) -> str:
        experiment_id = self._query.experiment_id
        if not (experiment_id.isascii() and experiment_id.isdigit() and int(experiment_id) < 2**63):
            return _NEVER
        self.parameters["experiment"] = int(experiment_id)
        experiment = (
            f"SELECT experiment_id FROM experiments WHERE experiment_id = :experiment AND {in_workspace}"
        )
        return f"runs.experiment_id = ({experiment})"

    def _bind(self, value: object) -> str:
        name = f"value_{len(self.parameters)}"
        self.parameters[name] = value
        return name

    def _condition(self, condition: Condition) -> str:
        if condition.kind == "dataset":
            return self._dataset(condition)
        if condition.kind == "attribute" and condition.name == "run_name":
            return self._keyed(Condition("tag", RUN_NAME_TAG, condition.operator, condition.value))
        if condition.kind == "attribute":
            return self._compared(_ATTRIBUTES[condition.name], condition)
        return self._keyed(condition)

    def _keyed(self, condition: Condition) -> str:
        """A condition on a metric, parameter or tag."""
        key = self._dialect.equal.format(column='entry."key"', name=self._bind(condition.name))
        exists = _OF_RUN.format(table=_TABLES[condition.kind], condition=key)
        if condition.operator == "IS NULL":
            return f"NOT EXISTS ({exists})"
        if condition.operator == "IS NOT NULL":
            return f"EXISTS ({exists})"
        is_metric = condition.kind == "metric"
        value = self._metric(condition) if is_metric else self._compared("entry.value", condition)
        return f"EXISTS ({exists} AND {value})"

    def _metric(self, condition: Condition) -> str:
        """NaN is stored as 0 with a flag and matches only `!=`; infinities are stored as the largest
        doubles."""
        number = float(cast(float, condition.value))
        if math.isnan(number):
            return "1 = 1" if condition.operator == "!=" else _NEVER
        largest = sys.float_info.max
        name = self._bind(max(-largest, min(largest, number)))
        comparison = f"entry.value {condition.operator} :{name}"
        if condition.operator == "!=":
            return f"({comparison} OR entry.is_nan)"
        return f"({comparison} AND NOT entry.is_nan)"

    def _dataset(self, condition: Condition) -> str:
        if condition.name != "context":
            comparison = self._compared(f"datasets.{condition.name}", condition)
            return f"EXISTS ({_DATASET_OF_RUN.format(tags='', condition=comparison)})"
        name = self._bind(CONTEXT_TAG)
        comparison = f"input_tags.name = :{name} AND {self._compared('input_tags.value', condition)}"
        return f"EXISTS ({_DATASET_OF_RUN.format(tags=_CONTEXT_TAGS, condition=comparison)})"

    def _compared(self, column: str, condition: Condition) -> str:
        """A condition on a column of strings or times."""
        operator, value, dialect = condition.operator, condition.value, self._dialect
        name = self._bind(list(value) if isinstance(value, tuple) else value)
        if isinstance(value, int | float):
            return f"{column} {operator} :{name}"
        if operator in ("IN", "NOT IN"):
            in_list = dialect.in_list.format(column=column, name=name)
            return in_list if operator == "IN" else f"NOT ({in_list})"
        if operator in ("LIKE", "ILIKE"):
            return (dialect.like if operator == "LIKE" else dialect.ilike).format(column=column, name=name)
        if operator not in ("=", "!="):
            raise StoreRefused(
                f"Text cannot be compared with {operator}",
                f"{safe(condition.name, 80)} {operator} {safe(str(value), 80)}",
            )
        equal = dialect.equal.format(column=column, name=name)
        return equal if operator == "=" else f"NOT ({equal})"
