"""MLflow is the measure: the same filters, orders and CSV columns on the same store."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.errors import FilterError
from engine.query import compile_filter
from engine.query.keys import ColumnKey
from engine.runs.export import write_csv
from engine.runs.feed import RunFeed
from engine.runs.frame import RunFrame, SortKey, sorted_rows
from engine.stores import open_store
from engine.uri import TrackingUri

SCRIPT = Path(__file__).parent / "made_by_mlflow.py"
START = 1_760_000_000_000
SEARCH_RUNS = {"NaN": "", "inf": "1.7976931348623157e+308", "-inf": "-1.7976931348623157e+308"}

FILTERS = (
    # metrics
    *(
        "metrics.acc > 0.5",
        "metrics.acc >= 0.5",
        "metrics.acc < 0.9",
        "metrics.acc <= 0.9",
        "metrics.acc = 0.9",
    ),
    *("metrics.acc != 0.9", "metric.acc > -1", "metrics.acc > .5", "metrics.loss = 0", "metrics.loss != 0"),
    *("metrics.loss < 1e-3", "metrics.loss >= 0", "metrics.loss > -2", "metrics.`train/acc` = 0.25"),
    *('metrics."val acc" > 100000', "metrics.acc>0.5", "metrics.acc > 1.0e3"),
    # parameters and tags
    *("params.metric = 'euclidean'", 'params.metric = "euclidean"', "param.metric != 'euclidean'"),
    *("parameter.metric LIKE 'euclid%'", "parameters.metric ILIKE 'EUCLID%'", "params.metric LIKE '%n'"),
    *(
        "params.metric LIKE 'a_c'",
        "params.metric LIKE '100%'",
        "params.metric like '%a%'",
        "params.metric LIKE '%'",
    ),
    *(
        "params.metric ILIKE 'NA%VE'",
        "params.k = '3'",
        "params.k != '3'",
        "params.k = ''",
        "params.k LIKE '_'",
    ),
    *(
        'params.quoted = "it\'s"',
        "params.both = 'it''s'",
        "params.quoted = 'it''s'",
        "params.double = 'say \"hi\"'",
    ),
    *(
        "params.`my key` = 'x'",
        "params.\"a/b\" = 'y'",
        "params.`line` LIKE 'one%two'",
        "params.comma = 'a,b'",
    ),
    *("params.lr IS NULL", "params.lr IS NOT NULL", "params.nowhere IS NULL", "params.nowhere IS NOT NULL"),
    *(
        "tags.team = 'red'",
        "tag.team != 'red'",
        "tags.team ILIKE 'RED'",
        "tags.x.y = 'z'",
        "tags.`x.y` = 'z'",
    ),
    *("tags.`mlflow.parentRunId` IS NULL", "tags.mlflow.parentRunId IS NOT NULL", "tags.mlflow.user = 'ada'"),
    # attributes
    *(
        "status = 'FINISHED'",
        "attributes.status != 'FINISHED'",
        "attr.status = 'RUNNING'",
        "status LIKE 'F%'",
    ),
    *(
        "run.status ILIKE 'k%'",
        "run_name = 'knn-0'",
        "attributes.run_name LIKE 'knn%'",
        "run_name ILIKE 'knn%'",
    ),
    *(
        "`run name` LIKE '%1'",
        "attributes.`Run name` = 'KNN 1'",
        "run_name LIKE 'svm_%'",
        "run_name != 'knn-0'",
    ),
    *("user_id = 'bo'", "attribute.user_id != 'bo'", "artifact_uri LIKE '%/artifacts'", "run_id != 'x'"),
    *(f"start_time > {START + 3000}", f"attributes.start_time <= {START}", f"start_time = {START + 2001}"),
    *(f"created >= {START + 9000}", f"attributes.Created < {START + 1000}", f"start_time != {START}"),
    *(f"end_time > {START + 5000}", "end_time != 5", f"attributes.end_time <= {START + 2000}"),
    # joined
    *(
        "metrics.acc > 0.5 AND params.metric = 'euclidean'",
        "metrics.acc > 0.5 and metrics.loss > 0 and tags.team = 'red'",
    ),
    *("params.metric LIKE '%a%' AND params.metric != 'abc' AND status = 'FINISHED'", ""),
    *("params.lr IS NOT NULL AND tags.team IS NULL", "metrics.acc\n>\t0.5"),
)

ORDERS = (
    *("metrics.acc DESC", "metrics.acc ASC", "metrics.loss DESC", "metrics.loss", "metrics.`train/acc` DESC"),
    *("params.metric ASC", "params.metric DESC", "tags.team DESC", "attributes.run_name ASC", "status DESC"),
    *(
        "attributes.start_time ASC",
        "start_time DESC",
        "end_time DESC",
        "user_id ASC",
        "attributes.run_id DESC",
    ),
)


@dataclass(frozen=True)
class Answers:
    """What MLflow answered, and the same store read by us."""

    frame: RunFrame
    filters: Mapping[str, Sequence[str] | None]
    orders: Mapping[str, Sequence[str]]
    csv: str


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("asked")
    made = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)],
        input=json.dumps({"filters": FILTERS, "orders": ORDERS}),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    store = open_store(TrackingUri(told["uri"], "--tracking-uri"))
    frame = RunFeed(store, told["experiment"], first_page=7).load()
    assert len(frame) == 24
    return Answers(frame, told["filters"], told["orders"], told["csv"])


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_of_mlflow_s_means_the_same(answers: Answers, text: str) -> None:
    theirs = answers.filters[text]
    assert theirs is not None, "MLflow does not take this filter"
    rows = compile_filter(text, answers.frame.keys, answers.frame).rows(answers.frame)
    assert [answers.frame.run_ids[row] for row in rows] == theirs


def test_the_filters_tell_the_runs_apart(answers: Answers) -> None:
    counts = [len(found or ()) for found in answers.filters.values()]
    assert sum(0 < count < 24 for count in counts) > 60


@pytest.mark.parametrize("text", ORDERS)
def test_an_order_of_mlflow_s_is_the_same(answers: Answers, text: str) -> None:
    name, _, direction = text.replace("`", "").partition(" ")
    prefix, dot, rest = name.partition(".")
    kinds = {"metrics": "metric", "params": "param", "tags": "tag", "attributes": "attribute"}
    key = ColumnKey(kinds[prefix], rest) if dot else ColumnKey("attribute", name)  # type: ignore[arg-type]
    rows = sorted_rows(answers.frame, [SortKey(key, direction == "DESC")])
    assert [answers.frame.run_ids[row] for row in rows] == answers.orders[text]


def test_names_that_nobody_has_are_errors_and_not_silence(answers: Answers) -> None:
    for text in ("metrics.Acc > 0.5", "params.K = '3'"):
        with pytest.raises(FilterError, match="Did you mean"):
            compile_filter(text, answers.frame.keys)


def test_the_csv_is_what_search_runs_writes(answers: Answers, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    assert write_csv(answers.frame, path) == 24
    theirs, ours = (list(csv.DictReader(io.StringIO(text))) for text in (answers.csv, path.read_text()))
    assert set(ours[0]) == set(theirs[0])
    assert list(ours[0])[:6] == list(theirs[0])[:6]
    assert len(ours) == len(theirs)
    for mine, reference in zip(ours, theirs, strict=True):
        assert {column: _as_pandas(column, text) for column, text in mine.items()} == reference


def _as_pandas(column: str, text: str) -> str:
    """pandas writes NaN and missing alike, and the database keeps the largest number for infinity."""
    return SEARCH_RUNS.get(text, text) if column.startswith("metrics.") else text
