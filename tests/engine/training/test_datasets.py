"""Reading a dataset: accepted formats, and the error for each bad file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import DatasetError
from engine.training.datasets import Dataset, DatasetSpec, read_dataset, read_table

GOOD = "a,b,y\n" + "".join(f"{i},{i * i / 4},{i % 2}\n" for i in range(12))


def read(tmp_path: Path, text: str | bytes, target: str = "y") -> Dataset:
    path = tmp_path / "some.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_dataset(DatasetSpec(str(path), target))


def error_for(tmp_path: Path, text: str | bytes, target: str = "y") -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        read(tmp_path, text, target)
    return caught.value


def test_the_embedded_data_has_303_rows_and_two_classes() -> None:
    heart = read_dataset(DatasetSpec())
    assert (heart.rows, len(heart.names), heart.classes) == (303, 13, (0, 1))
    assert (heart.labels.count(1), heart.labels.count(0)) == (165, 138)
    assert heart.meanings == {0: "disease", 1: "no disease"}
    assert heart.features().shape == (303, 13)


def test_a_copy_of_the_embedded_data_keeps_its_meanings(tmp_path: Path) -> None:
    raw = DatasetSpec().file.read_bytes()
    assert read(tmp_path, raw, "target").meanings
    assert not read(tmp_path, raw, "sex").meanings
    assert not read(tmp_path, raw + b"63,1,3,145,233,1,0,150,0,2.3,0,0,1,1\n", "target").meanings


def test_features_and_labels_are_read_with_their_types(tmp_path: Path) -> None:
    data = read(tmp_path, GOOD)
    assert data.names == ("a", "b")
    assert [str(kind) for kind in data.features().dtypes] == ["int64", "float64"]
    assert list(data.columns[1][:4]) == [0.0, 0.25, 1.0, 2.25]
    assert data.labels[:3] == (0, 1, 0)
    assert not data.meanings


def test_labels_are_text_or_whole_numbers(tmp_path: Path) -> None:
    text = "".join(f"{i},{i},{('no', 'yes', 'may be')[i % 3]}\n" for i in range(12))
    assert read(tmp_path, "a,b,y\n" + text).classes == ("may be", "no", "yes")
    text = "".join(f"{i},{i},{i % 3 + 1}.0\n" for i in range(12))
    assert read(tmp_path, "a,b,y\n" + text).classes == (1, 2, 3)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + GOOD, id="byte order mark"),
        pytest.param(GOOD.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(GOOD.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(GOOD.replace(",", " , "), id="blanks"),
        pytest.param(GOOD.replace("a,b,y", '"a","b","y"'), id="quotes"),
        pytest.param(GOOD.rstrip("\n"), id="no last end of line"),
    ],
)
def test_csv_variants_read_the_same(tmp_path: Path, text: str) -> None:
    data = read(tmp_path, text)
    assert (data.names, data.rows) == (("a", "b"), 12)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"File gone\.csv not found") as caught:
        read_dataset(DatasetSpec(str(tmp_path / "gone.csv")))
    assert "Check the path" in caught.value.hint


def test_folders_pipes_and_invalid_paths_are_rejected(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path, tmp_path / "pipe.csv", tmp_path / ("x" * 300), Path("a\0b")):
        with pytest.raises(DatasetError):
            read_dataset(DatasetSpec(str(path)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text(GOOD)
    path.chmod(0)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_dataset(DatasetSpec(str(path), "y"))


@pytest.mark.parametrize(
    ("text", "title", "detail"),
    [
        ("", "some.csv is empty", ""),
        (" \n\n", "some.csv is empty", ""),
        ("a,b,y\n", "has a header but no rows", ""),
        ("a,b,y\n1,2,0\n3,4,1\n", "has too few rows", "2 rows;"),
        (b"PK\x03\x04\x00\x00\x08" + bytes(range(128, 192)), "is not a CSV file", "binary data"),
        (GOOD.encode() + b"caf\xe9,1,2\n", "is not UTF-8 text", "line 14"),
        (GOOD.replace("a,b,y", "a,a,y"), "duplicate column names", "Duplicates: a"),
        (GOOD.replace("a,b,y", ",b,y"), "Column 1 of some.csv has no name", "Header: (no name), b, y"),
        (GOOD + "1,2\n", "has rows of different lengths", "Line 14 has 2 fields, but the header has 3."),
        (GOOD + "1,2,0,4\n", "has rows of different lengths", "Line 14 has 4 fields"),
        (GOOD.replace("3,2.25,1", "3,warm,1"), "Column 'b' of some.csv contains text", "Line 5: 'warm'"),
        (
            GOOD.replace("3,2.25,1", f"3,{'x' * 99},1"),
            "Column 'b' of some.csv contains text",
            f"Line 5: '{'x' * 79}…'",
        ),
        (GOOD.replace("3,2.25,1", "3,1_000,1"), "Column 'b' of some.csv contains text", "Line 5: '1_000'"),
        (GOOD.replace("3,2.25,1", "3,,1"), "has missing values", "1 of 12 rows, the first on line 5"),
        (GOOD.replace("3,2.25,1", "3,?,1"), "has missing values", "columns: b (1)"),
        (GOOD.replace("3,2.25,1", "3,NaN,1"), "has missing values", "columns: b (1)"),
        (GOOD.replace("3,2.25,1", "3,2.25,"), "has missing values", "columns: y (1)"),
        (GOOD.replace("3,2.25,1", "3,2.25,nan"), "has missing values", "columns: y (1)"),
        (GOOD.replace("3,2.25,1", "3,inf,1"), "has a number that is too large", "Line 5: 'inf'"),
        (GOOD.replace("3,2.25,1", f"3,{'9' * 400},1"), "has a number that is too large", "Line 5: '999"),
        (GOOD.replace("3,2.25,1", "3,1e200,1"), "has a number that is too large", "Line 5: '1e200'"),
        (GOOD.replace("3,2.25,1", f"3,2.25,{'9' * 400}"), "is continuous", "very large"),
        (GOOD.replace("3,2.25,1", "3,2.25,0.5"), "is continuous", "'0.5'"),
        ("a,y\n" + "1,1\n" * 12, "has only one class", "All 12 rows have y = 1."),
        (
            "a,y\n" + "".join(f"1,{i}\n" for i in range(12)),
            "has too many classes",
            "12 distinct labels in 12 rows; the maximum is 6.",
        ),
        ("y\n" + "1\n0\n" * 6, "has no columns besides the target", ""),
        (GOOD + '"' + "x" * 200_000 + '",1,0\n', "is not a CSV file", "field larger"),
    ],
)
def test_bad_files_are_rejected_with_detail_and_hint(
    tmp_path: Path, text: str | bytes, title: str, detail: str
) -> None:
    error = error_for(tmp_path, text)
    assert title in error.title
    assert detail in error.detail
    assert error.hint


def test_an_unknown_target_lists_the_columns(tmp_path: Path) -> None:
    error = error_for(tmp_path, GOOD, target="z")
    assert error.title == "Unknown column 'z' in some.csv"
    assert "a, b, y" in error.detail


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
def test_another_delimiter_than_the_comma_is_named(tmp_path: Path, mark: str, name: str) -> None:
    for target in (f"a{mark}b{mark}y", "y"):
        error = error_for(tmp_path, GOOD.replace(",", mark), target=target)
        assert error.title == f"some.csv is separated by {name}"
        assert "Save it with commas" in error.hint
    decimals = tmp_path / "decimals.csv"
    decimals.write_text(f"a{mark}y\n1,5{mark}0\n")
    with pytest.raises(DatasetError, match=f"is separated by {name}"):
        read_table(decimals)


def test_reading_imports_no_heavy_libraries(run_python: object) -> None:
    code = "from engine.training.datasets import *; read_dataset(DatasetSpec()); import sys; "
    code += "print([m for m in ('numpy', 'pandas', 'sklearn', 'mlflow') if m in sys.modules])"
    assert run_python(code) == "[]\n"  # type: ignore[operator]
