"""A query in SQL: which runs are meant, and in which order.

Each condition means what MLflow's own search makes of it
(`mlflow.store.tracking.sqlalchemy_store._get_sqlalchemy_filter_clauses` of MLflow 3.17): it is met by
a value that is there, so a missing one meets nothing, `!=` included; conditions on data sets are met
by any of a run's data sets, each condition by its own.
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
_OF_RUN = "SELECT 1 FROM {table} AS held WHERE held.run_uuid = runs.run_uuid AND {condition}"
_DATASET_OF_RUN = (
    "SELECT 1 FROM inputs JOIN datasets ON datasets.dataset_uuid = inputs.source_id{tags}"
    " WHERE inputs.destination_type = 'RUN' AND inputs.destination_id = runs.run_uuid AND {condition}"
)
_CONTEXT_TAGS = " JOIN input_tags ON input_tags.input_uuid = inputs.input_uuid"
_NEVER = "1 = 0"


Place = tuple[int | None, str]
"""Where in a query's order a run is: what its place follows from, start time and id."""


class Search:
    """The runs that a query means, with `after` only those behind that place: `where` is a condition on
    `runs`, `order` their order, and `parameters` what is bound in both. Raises `StoreRefused`."""

    def __init__(self, tables: Tables, query: RunQuery, after: Place | None = None) -> None:
        self._dialect = tables.dialect
        self._query = query
        self._run_id = self._dialect.exact_order.format(column="runs.run_uuid")
        self.parameters: dict[str, object] = {"lifecycle": query.lifecycle}
        conditions = [self._experiment(tables.here), "runs.lifecycle_stage = :lifecycle"]
        conditions += [self._condition(condition) for condition in query.conditions]
        if after is not None:
            conditions.append(self._behind(after))
        self.where = " AND ".join(conditions)
        direction = "ASC" if query.oldest_first else "DESC"
        self.order = f"runs.start_time IS NULL, runs.start_time {direction}, {self._run_id}"

    def _behind(self, place: Place) -> str:
        run_id = self._bound(place[1])
        if place[0] is None:
            return f"runs.start_time IS NULL AND {self._run_id} > :{run_id}"
        start = self._bound(place[0])
        beyond = ">" if self._query.oldest_first else "<"
        return (
            f"(runs.start_time {beyond} :{start} OR runs.start_time IS NULL"
            f" OR (runs.start_time = :{start} AND {self._run_id} > :{run_id}))"
        )

    def _experiment(self, here: str) -> str:
        number = self._query.experiment_id
        if not (number.isascii() and number.isdigit() and int(number) < 2**63):
            return _NEVER
        self.parameters["experiment"] = int(number)
        of_here = f"SELECT experiment_id FROM experiments WHERE experiment_id = :experiment AND {here}"
        return f"runs.experiment_id = ({of_here})"

    def _bound(self, value: object) -> str:
        name = f"value_{len(self.parameters)}"
        self.parameters[name] = value
        return name

    def _condition(self, condition: Condition) -> str:
        if condition.kind == "dataset":
            return self._dataset(condition)
        if condition.kind == "attribute" and condition.name == "run_name":
            return self._held(Condition("tag", RUN_NAME_TAG, condition.operator, condition.value))
        if condition.kind == "attribute":
            return self._compared(_ATTRIBUTES[condition.name], condition)
        return self._held(condition)

    def _held(self, condition: Condition) -> str:
        """A condition on a metric, parameter or tag."""
        key = self._dialect.equal.format(column='held."key"', name=self._bound(condition.name))
        presence = _OF_RUN.format(table=_TABLES[condition.kind], condition=key)
        if condition.operator == "IS NULL":
            return f"NOT EXISTS ({presence})"
        if condition.operator == "IS NOT NULL":
            return f"EXISTS ({presence})"
        is_metric = condition.kind == "metric"
        value = self._metric(condition) if is_metric else self._compared("held.value", condition)
        return f"EXISTS ({presence} AND {value})"

    def _metric(self, condition: Condition) -> str:
        """NaN is kept as 0 beside a flag and meets only `!=`; infinities as the largest doubles."""
        number = float(cast(float, condition.value))
        if math.isnan(number):
            return "1 = 1" if condition.operator == "!=" else _NEVER
        most = sys.float_info.max
        name = self._bound(max(-most, min(most, number)))
        compared = f"held.value {condition.operator} :{name}"
        if condition.operator == "!=":
            return f"({compared} OR held.is_nan)"
        return f"({compared} AND NOT held.is_nan)"

    def _dataset(self, condition: Condition) -> str:
        if condition.name != "context":
            compared = self._compared(f"datasets.{condition.name}", condition)
            return f"EXISTS ({_DATASET_OF_RUN.format(tags='', condition=compared)})"
        name = self._bound(CONTEXT_TAG)
        compared = f"input_tags.name = :{name} AND {self._compared('input_tags.value', condition)}"
        return f"EXISTS ({_DATASET_OF_RUN.format(tags=_CONTEXT_TAGS, condition=compared)})"

    def _compared(self, column: str, condition: Condition) -> str:
        """A condition on a column of texts or times."""
        operator, value, dialect = condition.operator, condition.value, self._dialect
        name = self._bound(list(value) if isinstance(value, tuple) else value)
        if isinstance(value, int | float):
            return f"{column} {operator} :{name}"
        if operator in ("IN", "NOT IN"):
            among = dialect.among.format(column=column, name=name)
            return among if operator == "IN" else f"NOT ({among})"
        if operator in ("LIKE", "ILIKE"):
            return (dialect.like if operator == "LIKE" else dialect.ilike).format(column=column, name=name)
        if operator not in ("=", "!="):
            raise StoreRefused(
                "A text has no order", f"{safe(condition.name, 80)} {operator} {safe(str(value), 80)}"
            )
        equal = dialect.equal.format(column=column, name=name)
        return equal if operator == "=" else f"NOT ({equal})"
