"""Sheets as JSON, Markdown and Parquet, and read back by pandas."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files
from engine.errors import EngineError, UsageError
from engine.export.runs import comparison_sheet, runs_sheet, shown_sheet
from engine.export.sheet import Sheet, SheetColumn, pairs_sheet, records_sheet
from engine.export.writers import FORMATS, check_format, write_sheet
from engine.runs.arrange import arrange
from engine.runs.compare import compare
from engine.runs.frame import ColumnKey, RunFrame
from engine.runs.view import RunView
from tests.support.runs import START, a_run

RUNS = [
    a_run("a", name="one", params={"p": "x|y", "lr": ""}, metrics={"m": 0.1234567, "n": 3.0}),
    a_run("b", start=START + 250, seconds=None, metrics={"m": math.nan}, tags={"t": "=1+1"}),
    a_run("c", start=None, seconds=None, metrics={"m": -math.inf}, params={"p": "line\nbreak\ud800"}),
]
SHEET = runs_sheet(RunFrame.from_runs(RUNS))


def test_pandas_reads_back_from_csv_what_it_would_have_written(tmp_path: Path) -> None:
    import pandas as pd

    sheet = runs_sheet(
        RunFrame.from_runs(
            [a_run(n, params={"k": str(i)}, metrics={"m": i / 7}) for i, n in enumerate("abc")]
        )
    )
    table = pd.DataFrame(
        {
            c.name: pd.to_datetime(c.values, unit="ms", utc=True) if c.kind == "time" else c.values
            for c in sheet.columns
        }
    )
    write_sheet(sheet, tmp_path / "ours.csv")
    table.to_csv(tmp_path / "theirs.csv", index=False)
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()
    table["params.k"] = table["params.k"].astype("int64")  # CSV has no types
    table["experiment_id"] = table["experiment_id"].astype("int64")
    for name in ("start_time", "end_time"):
        table[name] = table[name].dt.as_unit("us")
    read = pd.read_csv(tmp_path / "ours.csv", parse_dates=["start_time", "end_time"])
    pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_json_is_a_list_of_objects_with_nothing_disarmed(tmp_path: Path) -> None:
    import pandas as pd

    write_sheet(SHEET, tmp_path / "runs.json")
    first, second, third = json.loads((tmp_path / "runs.json").read_text())
    assert (first["params.lr"], first["params.p"], first["metrics.m"]) == ("", "x|y", 0.1234567)
    assert (second["params.p"], second["metrics.m"], second["tags.t"]) == (None, "NaN", "=1+1")
    assert (third["metrics.m"], third["start_time"]) == ("-Infinity", None)
    assert second["start_time"] == "2025-10-09 08:53:20.250+00:00"
    read = pd.read_json(tmp_path / "runs.json", orient="records")
    assert list(read["run_id"]) == ["a", "b", "c"]
    write_sheet(runs_sheet(RunFrame.from_runs([])), tmp_path / "none.json")
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_parquet_keeps_types_and_tells_nan_from_missing(tmp_path: Path) -> None:
    import pandas as pd
    from pyarrow import parquet

    write_sheet(SHEET, tmp_path / "runs.parquet")
    table = parquet.read_table(tmp_path / "runs.parquet")
    metric = table["metrics.m"].to_pylist()
    assert (metric[0], math.isnan(metric[1]), metric[2]) == (0.1234567, True, -math.inf)
    assert table["metrics.n"].to_pylist() == [3.0, None, None]
    assert table["params.lr"].to_pylist() == ["", None, None]
    assert table["params.p"].to_pylist() == ["x|y", None, "line\nbreak\\ud800"]
    frame = pd.read_parquet(tmp_path / "runs.parquet")
    assert str(frame["start_time"].dtype) == "datetime64[ms, UTC]"
    assert frame["start_time"][1] == pd.Timestamp("2025-10-09 08:53:20.250", tz="UTC")


def test_markdown_is_a_table_for_people(tmp_path: Path) -> None:
    frame = RunFrame.from_runs(RUNS)
    keys = [ColumnKey("param", "p"), ColumnKey("metric", "m")]
    write_sheet(runs_sheet(frame, None, keys), tmp_path / "runs.md")
    assert (tmp_path / "runs.md").read_text().splitlines() == [
        "| run_id | params.p | metrics.m |",
        "| --- | --- | ---: |",
        r"| a | x\|y | 0.1235 |",
        "| b | – | NaN |",
        r"| c | line<br>break\ud800 | -inf |",
    ]


def test_the_suffix_is_the_format(tmp_path: Path) -> None:
    assert list(FORMATS) == [".csv", ".json", ".md", ".parquet"]
    check_format(Path("RUNS.CSV"))
    with pytest.raises(UsageError, match=r"Its name ends in \.xlsx") as caught:
        write_sheet(SHEET, tmp_path / "runs.xlsx")
    assert caught.value.hint == "Use runs.csv."
    with pytest.raises(UsageError, match="no suffix"):
        check_format(Path("runs"))
    assert write_sheet(SHEET, tmp_path / "runs", ".csv") == 3


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_failed_write_leaves_nothing(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(EngineError, match="No space left"):
        write_sheet(SHEET, tmp_path / f"runs{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_is_exported_as_it_stands(tmp_path: Path) -> None:
    import pandas as pd

    one, two = (
        a_run("a", name="one", params={"k": "5"}, metrics={"m": 0.5}),
        a_run("b", name="two", params={"k": "7"}, metrics={"m": math.nan}),
    )
    write_sheet(comparison_sheet(compare([one, two]), differences_only=True), tmp_path / "c.csv")
    assert (tmp_path / "c.csv").read_text().splitlines() == [
        "kind,name,better,one,two",
        "param,k,,5,7",
        "metric,m,higher,0.5,NaN",
    ]
    write_sheet(comparison_sheet(compare([one, replace(two, run_name="one")])), tmp_path / "c.parquet")
    assert list(pd.read_parquet(tmp_path / "c.parquet").columns) == [
        "kind",
        "name",
        "better",
        "one a",
        "one b",
    ]


def test_groups_are_exported_with_their_statistics(tmp_path: Path) -> None:
    runs = [a_run(n, params={"k": k}, metrics={"m": m}) for n, k, m in (("a", "5", 1.0), ("b", "5", 2.0))]
    view = RunView(layout="groups", group_by=(ColumnKey("param", "k"),))
    sheet = shown_sheet(arrange(RunFrame.from_runs(runs), view, now=START))
    names = [column.name for column in sheet.columns]
    assert names[:2] == ["params.k", "run_count"]
    assert [column.values for column in sheet.columns[:2]] == [["5"], [2]]
    assert sheet.columns[names.index("metrics.m mean")].values == [1.5]
    assert sheet.noun == "group"


def test_small_sheets_are_made_of_pairs_and_records() -> None:
    pairs = pairs_sheet("value", "kind", [("metric", "m", 0.5), ("param", "k", "5")])
    assert [column.values for column in pairs.columns] == [("metric", "param"), ("m", "k"), (0.5, "5")]
    assert len(pairs_sheet("value", "kind", [])) == 0
    records = records_sheet("entry", [{"time": 1, "a": "x"}, {"b": 2}], {"time": "time"})
    assert [(c.name, c.kind, list(c.values)) for c in records.columns] == [
        ("time", "time", [1, None]),
        ("a", "any", ["x", None]),
        ("b", "any", [None, 2]),
    ]


def test_what_a_spreadsheet_would_run_is_disarmed_reversibly(tmp_path: Path) -> None:
    import pandas as pd

    texts = ["=1+1", "'=1", "''x", "plain", "-5", "\t=1", " @a", "x;=1", "x;'-a\n@b"]
    write_sheet(Sheet("row", (SheetColumn("text", "any", texts),)), tmp_path / "t.csv")
    read = pd.read_csv(tmp_path / "t.csv", dtype=str)["text"]
    read = read.str.replace(
        r"(?<=[;\t\r\n])'(?='*[^\S\t\r\n]*[\u200b\ufeff]*[=+\-@＝＋－＠])", "", regex=True
    )
    back = read.str.replace(r"^'('*(?:[\t\r\n]|[\s\u200b\ufeff]*[=+\-@＝＋－＠]))", r"\1", regex=True)
    assert list(back) == texts
