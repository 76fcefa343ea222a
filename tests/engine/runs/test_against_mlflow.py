"""Sort orders and CSV exports match MLflow's on the same store. Filters are compared in
`tests/contract/test_filter_conformance.py`."""

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

from engine.columns import ColumnKey
from engine.export.runs import runs_sheet
from engine.export.writers import write_sheet
from engine.runs.frame import RunFrame, SortKey, sorted_rows
from engine.runs.loading.feed import RunFeed
from engine.stores import open_store
from engine.uri import TrackingUri

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "made_by_mlflow.py"
SEARCH_RUNS = {"NaN": "", "inf": "1.7976931348623157e+308", "-inf": "-1.7976931348623157e+308"}

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
    """MLflow's answers, and the same store read by the engine."""

    frame: RunFrame
    orders: Mapping[str, Sequence[str]]
    csv: str


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("reference")
    completed = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)],
        input=json.dumps({"orders": ORDERS}),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    answer = json.loads(completed.stdout)
    store = open_store(TrackingUri(answer["uri"]))
    frame = RunFeed(store, answer["experiment"], first_page=7).load()
    assert len(frame) == 24
    return Answers(frame, answer["orders"], answer["csv"])


@pytest.mark.parametrize("text", ORDERS)
def test_sort_orders_match_mlflow(answers: Answers, text: str) -> None:
    name, _, direction = text.replace("`", "").partition(" ")
    prefix, dot, rest = name.partition(".")
    kinds = {"metrics": "metric", "params": "param", "tags": "tag", "attributes": "attribute"}
    key = ColumnKey(kinds[prefix], rest) if dot else ColumnKey("attribute", name)  # type: ignore[arg-type]
    rows = sorted_rows(answers.frame, [SortKey(key, direction == "DESC")])
    assert [answers.frame.run_ids[row] for row in rows] == answers.orders[text]


def test_the_csv_matches_search_runs(answers: Answers, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    assert write_sheet(runs_sheet(answers.frame), path) == 24
    theirs, ours = (list(csv.DictReader(io.StringIO(text))) for text in (answers.csv, path.read_text()))
    assert set(ours[0]) == set(theirs[0])
    assert list(ours[0])[:6] == list(theirs[0])[:6]
    assert len(ours) == len(theirs)
    for mine, reference in zip(ours, theirs, strict=True):
        assert {column: _as_pandas(column, text) for column, text in mine.items()} == reference


def _as_pandas(column: str, text: str) -> str:
    """The value as pandas writes it: NaN as missing, and infinity as the largest float, as stored."""
    return SEARCH_RUNS.get(text, text) if column.startswith("metrics.") else text
