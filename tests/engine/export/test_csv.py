"""CSV export: MLflow's column names, distinct special values, atomic replacement."""

from __future__ import annotations

import csv
import io
import math
import os
import stat
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files
from engine.columns import ColumnKey
from engine.entities import DatasetRef
from engine.errors import EngineError
from engine.export.runs import file_name, runs_sheet
from engine.export.writers import write_sheet
from engine.filters.options import text_values
from engine.runs.frame import RunFrame
from engine.runs.table_columns import cell_text, columns_for
from tests.support.runs import START, a_run

RUNS = [
    a_run(
        "a", name="one", params={"p": "x", "lr": ""}, metrics={"m": 0.1}, tags={"t": 'say "hi", you\nthere'}
    ),
    a_run("b", start=START + 250, status="RUNNING", seconds=None, metrics={"m": math.nan, "i": -math.inf}),
    a_run("c", start=None, seconds=None, metrics={"m": math.inf}, params={"p": "a\rb"}),
]
FRAME = RunFrame.from_runs(RUNS)


def write_csv(frame: RunFrame, path: Path, rows: Sequence[int] | None = None) -> int:
    return write_sheet(runs_sheet(frame, rows), path)


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_columns_and_values_match_search_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    assert write_csv(FRAME, path) == 3
    header, first_line = path.read_text().split("\n")[:2]
    assert header == (
        "run_id,experiment_id,status,artifact_uri,start_time,end_time"
        ",metrics.i,metrics.m,params.lr,params.p,tags.t"
    )
    assert first_line.startswith(
        "a,1,FINISHED,mlflow-artifacts:/1/a/artifacts"
        ",2025-10-09 08:53:20.000+00:00,2025-10-09 08:53:21+00:00,"
    )
    first, second, third = read(path)
    assert first["tags.t"] == 'say "hi", you\nthere'
    assert third["params.p"] == "a\rb"
    assert (second["start_time"], second["end_time"]) == ("2025-10-09 08:53:20.250+00:00", "")
    assert third["start_time"] == ""


def test_secrets_in_addresses_are_masked(tmp_path: Path) -> None:
    uri = "wasbs://c@account.net/a?sig=SECRET"
    repository = {"mlflow.source.git.repoURL": "https://ada:hunter2@git.example/x"}
    frame = RunFrame.from_runs([replace(a_run("a", tags=repository), artifact_uri=uri)])
    write_csv(frame, tmp_path / "runs.csv")
    (row,) = read(tmp_path / "runs.csv")
    assert "SECRET" not in row["artifact_uri"]
    assert row["tags.mlflow.source.git.repoURL"] == "https://ada:***@git.example/x"
    for key in (ColumnKey("attribute", "artifact_uri"), ColumnKey("tag", "mlflow.source.git.repoURL")):
        (column,) = columns_for(frame, [key])
        value = frame.column(key)[0]
        assert cell_text(column, value, START) == row[str(key)]
        assert text_values(key, frame.distinct(key)) == [], "completion would show it"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("'=1", "''=1"),
        ("\n=1", "'\n'=1"),
        (" =1", "' =1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("＝1+1", "'＝1+1"),
        ("-0.5", "-0.5"),
        ("+1e-3", "+1e-3"),
        ("-inf", "-inf"),
        ("a=b", "a=b"),
        ("'quoted'", "'quoted'"),
        ("x;=cmd", "x;'=cmd"),
        ("x; +a;'@b;c=d", "x;' +a;''@b;c=d"),
        ("x\n=a\t-b", "x\n'=a\t'-b"),
    ],
)
def test_text_that_a_spreadsheet_would_run_is_disarmed(tmp_path: Path, text: str, cell: str) -> None:
    path = tmp_path / "runs.csv"
    write_csv(RunFrame.from_runs([a_run("a", params={"p": text}, tags={"t": text, f"a;{text}": "x"})]), path)
    (row,) = read(path)
    assert (row["params.p"], row["tags.t"]) == (cell, cell)
    assert not any(name.startswith("tags.a;=") for name in row), "names are disarmed too"


def test_datasets_are_left_out_as_in_mlflow(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    run = replace(a_run("a"), datasets=(DatasetRef("heart.csv", "5c1f2a", "training"),))
    assert write_csv(RunFrame.from_runs([run]), path) == 1
    assert "heart.csv" not in path.read_text()


def test_missing_empty_nan_and_infinite_values_stay_distinct(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    write_csv(FRAME, path)
    lines = path.read_text().split("\n")
    assert lines[1].split("+00:00,")[2].startswith(',0.1,"",x,')
    assert [row["metrics.m"] for row in read(path)] == ["0.1", "NaN", "inf"]
    assert [row["metrics.i"] for row in read(path)] == ["", "-inf", ""]


def test_rows_are_written_in_the_given_order(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    assert write_csv(FRAME, path, [2, 0]) == 2
    assert [row["run_id"] for row in read(path)] == ["c", "a"]
    assert write_csv(RunFrame.from_runs([]), path) == 0
    assert path.read_text() == "run_id,experiment_id,status,artifact_uri,start_time,end_time\n"


def test_an_existing_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    path, link = tmp_path / "runs.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_csv(FRAME, link)
    assert link.is_symlink()
    assert len(read(path)) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(EngineError) as caught:
        write_csv(FRAME, path)
    assert caught.value.title == "The file cannot be written"
    assert caught.value.detail == f"{path}: No space left on device"
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["runs.csv"]


@pytest.mark.parametrize("name", ["missing/runs.csv", "folder.csv", "\0.csv", "x" * 300 + ".csv"])
def test_an_unwritable_path_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(EngineError, match="The file cannot be written"):
        write_csv(FRAME, tmp_path / name)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    write_csv(FRAME, path)
    reader.join(10)
    assert received[0].count(b"\n") == 5
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_lone_surrogates_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    write_csv(RunFrame.from_runs([a_run("a", params={"p": "x\ud800"})]), path)
    assert read(path)[0]["params.p"] == "x\\ud800"


@pytest.mark.parametrize(
    ("experiment", "name"),
    [("heart-disease", "heart-disease.csv"), ("/Users/ana/a b", "Users_ana_a_b.csv"), ("..", "runs.csv")],
)
def test_the_file_is_named_after_the_experiment(experiment: str, name: str) -> None:
    assert file_name(experiment) == name
