"""Reading a table: accepted formats, types of columns, remarks, and the error for each bad file."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.errors import DatasetError
from engine.training.data.columns import check_prepared_size
from engine.training.data.profile import DataProfile
from engine.training.data.reading import Dataset, read_dataset
from engine.training.data.tables import check_memory
from engine.training.data.typed_table import read_table_file
from engine.training.spec import DataSpec, SplitSpec

GOOD = "a,b,y\n" + "".join(f"{i * 3},{i * i / 4},{i % 2}\n" for i in range(12))


def read(tmp_path: Path, text: str | bytes, split: SplitSpec | None = None, **settings: Any) -> Dataset:
    path = tmp_path / "some.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    spec = DataSpec(str(path), **{"target": "y", **settings})
    return read_dataset(spec, split=split or SplitSpec())


def table(rows: int, header: str, row: Any) -> str:
    return header + "\n" + "".join(row(i) + "\n" for i in range(rows))


def test_the_embedded_data_reads_as_pandas_would_read_it() -> None:
    import pandas as pd

    heart = read_dataset(DataSpec())
    plain = pd.read_csv(DataSpec().file)
    assert plain.drop(columns="target").equals(heart.frame)
    assert list(plain["target"]) == heart.labels
    assert (heart.task, heart.classes, heart.profile.remarks) == ("classification", (0, 1), ())
    assert heart.meanings == {0: "disease", 1: "no disease"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + GOOD, id="byte order mark"),
        pytest.param(GOOD.encode("utf-16"), id="UTF-16"),
        pytest.param(GOOD.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(GOOD.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(GOOD.replace(",", " , "), id="blanks"),
        pytest.param(GOOD.replace("a,b,y", '"a","b","y"'), id="quotes"),
        pytest.param(GOOD.replace(",", "\t"), id="tabs"),
        pytest.param("sep=;\r\n" + GOOD.replace(",", ";"), id="delimiter of Excel"),
        pytest.param(GOOD.replace("\n", ",,\n"), id="trailing delimiters"),
        pytest.param(",,\n" + GOOD + ",,\n , ,\n", id="empty rows"),
        pytest.param(GOOD.replace("6,1.0,0\n", "6,1.0,0\na,b,y\n"), id="repeated header"),
        pytest.param(GOOD.replace(",", "|"), id="bars"),
        pytest.param(GOOD.replace(",", ";"), id="semicolons"),
        pytest.param(GOOD.replace(",", ";").replace(".", ","), id="decimal commas"),
    ],
)
def test_csv_variants_read_the_same(tmp_path: Path, text: str | bytes) -> None:
    assert read(tmp_path, text).frame.equals(read(tmp_path, GOOD).frame)


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    import pandas as pd

    text = table(30, "a,b,when,y", lambda i: f"{i * 3},{'xyz'[i % 3]},2024-01-{i + 1:02},{i % 2}")
    plain = read(tmp_path, text)
    frame = pd.read_csv(tmp_path / "some.csv", parse_dates=["when"])
    frame.to_parquet(tmp_path / "some.parquet")
    stored = read_dataset(DataSpec(str(tmp_path / "some.parquet"), "", "y"))
    assert [str(kind) for kind in stored.frame.dtypes] == ["int64", "category", "float64"]
    assert stored.frame["when"].tolist() == plain.frame["when"].tolist()
    assert stored.frame["when"][0] == 19723
    assert (stored.labels, stored.classes) == (plain.labels, (0, 1))


def test_tables_without_a_usable_row_are_refused(tmp_path: Path) -> None:
    import pandas as pd

    pd.DataFrame({"a": [1], "y": [2]})[:0].to_parquet(tmp_path / "none.parquet")
    with pytest.raises(DatasetError, match="too few rows"):
        read_dataset(DataSpec(str(tmp_path / "none.parquet"), "", "y"))
    with pytest.raises(DatasetError, match="too few rows"):
        read(tmp_path, "a,y\n" + "1,\n" * 20)


def test_columns_that_teach_nothing_are_left_out_unless_named(tmp_path: Path) -> None:
    text = table(20, "id,name,same,none,a,y", lambda i: f"{i + 1},n{i},7,,{i * i % 7},{i % 2}")
    data = read(tmp_path, text)
    assert list(data.frame) == ["a"]
    assert data.profile.remarks == (
        "id: row numbers; left out",
        "name: unique text; left out",
        "same: constant; left out",
        "none: no values; left out",
    )
    assert list(read(tmp_path, text, use=("id", "a")).frame) == ["id", "a"]
    assert DataProfile.from_json(json.loads(json.dumps(data.profile.to_json()))) == data.profile


def test_missing_values_stay_and_rows_without_a_target_are_dropped(tmp_path: Path) -> None:
    text = table(20, "a,b,y", lambda i: f"{i * i if i % 5 else '?'},{'xy'[i % 2] if i % 4 else ''},{i % 2}")
    data = read(tmp_path, text + "1,x,\n2,y,NA\n")
    assert (len(data.labels), data.profile.remarks[0]) == (20, "2 rows dropped: y is missing")
    assert data.frame.isna().sum().tolist() == [4, 5]


@pytest.mark.parametrize(
    ("labels", "task"),
    [("no yes", "classification"), ("1.0 2.0", "classification"), ("0.5 1 2", "regression")],
)
def test_the_task_follows_from_the_target(tmp_path: Path, labels: str, task: str) -> None:
    words = labels.split()
    assert read(tmp_path, table(20, "a,y", lambda i: f"{i * i},{words[i % len(words)]}")).task == task
    many = table(60, "a,y", lambda i: f"{i * i},{i * 7}")
    assert read(tmp_path, many).task == "regression"


def test_a_rare_class_is_remarked(tmp_path: Path) -> None:
    data = read(tmp_path, table(100, "a,y", lambda i: f"{i * i},{int(i < 2)}"))
    assert data.profile.remarks == ("Imbalanced classes: 1 has 2 rows (2.0%)",)


MIXED = table(10_000, "a,y", lambda i: f"{'warm' if i in (5, 50, 500) else i * i},{i % 2}")


def test_a_little_text_in_a_numeric_column_can_be_made_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read(tmp_path, MIXED)
    assert caught.value.detail.startswith("3 rows of 10,000: line 7: 'warm'; line 52: 'warm'; line 502:")
    assert "number treats those cells as missing" in caught.value.hint
    assert read(tmp_path, MIXED, types={"a": "number"}).frame["a"].isna().sum() == 3
    assert read(tmp_path, MIXED, types={"a": "category"}, use=("a",)).frame["a"].dtype == "category"


def test_the_column_of_a_split_is_no_feature(tmp_path: Path) -> None:
    text = table(20, "when,who,a,y", lambda i: f"2024-01-{20 - i:02},{'pq'[i % 2]},{i * i},{i % 2}")
    data = read(tmp_path, text, SplitSpec("time", "when"))
    assert list(data.frame) == ["who", "a"]
    assert data.order[0] == data.order[19] + 19
    data = read(tmp_path, text, SplitSpec("group", "who"))
    assert list(data.group[:2]) == ["p", "q"]
    with pytest.raises(DatasetError, match="is text, not a time"):
        read(tmp_path, text, SplitSpec("time", "who"))


@pytest.mark.parametrize(
    ("text", "title", "detail"),
    [
        ("", "some.csv is empty", ""),
        ("a,b,y\n", "has a header but no rows", ""),
        ("a,b,y\n1,2,0\n3,4,1\n", "has too few rows", "2 rows;"),
        (b"PK\x03\x04\x00\x00\x08", "is not a CSV file", "binary data"),
        (b"PAR1 and so on", "is not a Parquet file", ""),
        (GOOD.encode() + b"caf\xe9,1,2\n", "is not UTF-8 text", "line 14"),
        (GOOD.replace("a,b,y", "a,a,y"), "duplicate column names", "Duplicates: a"),
        (GOOD.replace("a,b,y", ",b,y"), "Column 1 of some.csv has no name", "Header: (no name), b, y"),
        (GOOD + "1,2\n", "has rows of different lengths", "Line 14 has 2 fields, but the header has 3."),
        (GOOD.replace("9,2.25,1", "9,warm,1"), "Column 'b' of some.csv contains text", "line 5: 'warm'"),
        (GOOD.replace("9,2.25,1", "9,1_000,1"), "contains text", "line 5: '1_000'"),
        (GOOD.replace("9,2.25,1", "9,inf,1"), "has a number that is too large", "Line 5: 'inf'"),
        (GOOD.replace("9,2.25,1", "9,1e200,1"), "has a number that is too large", "Line 5: '1e200'"),
        ("a,y\n" + "1,1\n" * 12, "has only one class", "All 12 rows have y = 1."),
        (table(60, "a,y", lambda i: f"{i},t{i}"), "has too many classes", "60 distinct labels"),
        ("y\n" + "1\n0\n" * 6, "has no columns besides the target", ""),
        (table(12, "a,z", lambda i: f"{i},{i}"), "Unknown column 'y'", "Columns: a, z"),
        (GOOD + '1,2,"0\n1,2,1\n', "is not a CSV file", "The quote after line 13 of"),
        (
            GOOD.replace("6,1.0,0\n", "6,1.0,0,9\n").replace("y\n", "y,\n").replace(",1\n", ",1,\n"),
            "rows of different",
            "",
        ),
        (
            GOOD.replace("\n", ",\n").replace("3,0.25,1,", "3,0.25,1,9"),
            "Column 4 of some.csv has no name",
            "",
        ),
        (GOOD + '"' + "x" * 200_000 + '",1,0\n', "is not a CSV file", "field larger"),
    ],
)
def test_bad_files_are_rejected_with_detail_and_hint(
    tmp_path: Path, text: str | bytes, title: str, detail: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        read(tmp_path, text)
    assert title in caught.value.title
    assert detail in caught.value.detail
    assert caught.value.hint


def test_a_class_with_one_row_cannot_be_stratified(tmp_path: Path) -> None:
    text = table(20, "a,y", lambda i: f"{i * i},{'abc'[2 if i == 9 else i % 2]}")
    with pytest.raises(DatasetError, match="a class with one row"):
        read(tmp_path, text, SplitSpec("stratified"))


def test_a_task_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="contains text"):
        read(tmp_path, table(20, "a,y", lambda i: f"{i * i},{'ab'[i % 2]}"), task="regression")
    with pytest.raises(DatasetError, match="is continuous"):
        read(tmp_path, table(20, "a,y", lambda i: f"{i * i},{i / 3}"), task="classification")


def test_unknown_columns_suggest_close_ones(tmp_path: Path) -> None:
    text = GOOD.replace("a,b,y", "age,weight,y")
    for settings_ in ({"use": ("agee",)}, {"leave_out": ("agee",)}, {"types": {"agee": "number"}}):
        with pytest.raises(DatasetError, match="Unknown column 'agee'") as caught:
            read(tmp_path, text, **settings_)
        assert "age" in caught.value.hint


def test_a_file_larger_than_a_share_of_the_memory_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write(GOOD)
        file.truncate(max(5_000_000_000, psutil.virtual_memory().total))
    before = psutil.Process().io_counters().read_chars
    with pytest.raises(DatasetError, match="too large for this machine") as caught:
        read_dataset(DataSpec(str(path), "", "y"))
    assert psutil.Process().io_counters().read_chars - before < 1_000_000
    assert "of memory is available, and a dataset may use 10% of it" in caught.value.detail
    with pytest.raises(DatasetError, match="too large for this machine"):
        check_memory(path, 5_000_000_000, 16_000_000_000)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(GOOD) - 1), put=st.binary(max_size=6), cut=st.integers(0, 9))
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, at: int, put: bytes, cut: int) -> None:
    raw = GOOD.encode()
    with suppress(DatasetError):
        read(tmp_path, raw[:at] + put + raw[at + cut :])


def test_reading_imports_neither_sklearn_nor_mlflow(run_python: Any) -> None:
    code = "from engine.training.data.reading import *; read_dataset(DataSpec()); import sys; "
    code += "print([m for m in ('sklearn', 'mlflow') if m in sys.modules])"
    assert run_python(code) == "[]\n"


def wide(cell: Any) -> str:
    """A table whose column `a` has such cells."""
    return table(40, "a,b,y", lambda i: f"{cell(i)},{i * i % 17},{i % 2}")


@pytest.mark.parametrize(
    ("text", "title", "detail"),
    [
        ("Report 2024\n\n" + GOOD, "does not begin with a header", "'Report 2024'), line 3 has 3."),
        ("Report 2024,,\n" + GOOD, "does not begin with a header", "one name: 'Report 2024'"),
        (wide(lambda i: f"{i / 3:.1f} kg"), "'a' of some.csv looks like numbers", "line 2: '0.0 kg'"),
        (wide(lambda i: f'"1,{100 + i}.5"'), "looks like numbers", "line 2: '1,100.5'"),
        (wide(lambda i: f'"{i},5"'), "looks like numbers", "line 2: '0,5'"),
        (wide(lambda i: f"{i}%"), "looks like numbers", "line 2: '0%'"),
        (wide(lambda i: f"€ {i}"), "looks like numbers", "line 2: '€ 0'"),
        (wide(lambda i: i * i if i % 3 else "-"), "looks like numbers", "14 rows of 40: line 2: '-'"),
        (wide(lambda i: f"{i % 12 + 1}/{i % 28 + 1}/2024"), "looks like dates", "line 2: '1/1/2024'"),
        (wide(lambda i: f"shop {i % 5}") + "Total,4711,1\n", "ends with a row of totals", "'a'"),
        (GOOD.replace(",", " "), "Unknown column 'y'", "Columns: a b y"),
    ],
)
def test_what_a_spreadsheet_leaves_in_a_file_is_refused(
    tmp_path: Path, text: str, title: str, detail: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        read(tmp_path, text)
    assert title in caught.value.title
    assert detail in caught.value.detail
    assert caught.value.hint


def test_few_levels_and_dates_of_several_forms_are_what_they_seem(tmp_path: Path) -> None:
    assert read(tmp_path, wide(lambda i: f"{i % 3} rooms")).frame["a"].dtype == "category"
    form = ["2024-02-{:02}", "{:02}.02.2024", "{:02}.02.2024 00:00", "2024/02/{:02}"]
    days = read(tmp_path, wide(lambda i: form[i % 4].format(i % 28 + 1))).frame["a"].tolist()
    assert days == [19754 + i % 28 for i in range(40)]


def test_text_that_would_outgrow_the_memory_once_it_is_encoded_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "towns.csv"
    rows = [f"{row},{row % 40},town {row % 90},{row % 2}" for row in range(1000)]
    path.write_text("\n".join(["height,age,town,target", *rows]))
    table = read_table_file(path, DataSpec(str(path)), SplitSpec(), lambda _: None)
    columns = list(table.columns.values())
    check_prepared_size("towns.csv", columns, available=5 * 1000 * 52 * 8)
    with pytest.raises(DatasetError, match="too large for this machine once its text is encoded") as caught:
        check_prepared_size("towns.csv", columns, available=5 * 1000 * 52 * 8 - 10)
    assert "1,000 rows × 52 columns" in caught.value.detail
    assert "town (50)" in caught.value.detail
    check_prepared_size("towns.csv", columns[:2], available=1000)  # as large as it was read
