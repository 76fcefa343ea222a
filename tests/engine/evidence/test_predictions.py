"""The file of per-row predictions: written, read back, and refused when it is not one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.evidence.predictions import MAX_BYTES, PATH, PredictionFiles, parse, predictions_text


def write(root: Path, text: str) -> Path:
    path = root / PATH
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_what_training_writes_is_read_back(tmp_path: Path) -> None:
    text = predictions_text(
        [30, 4, 7], ["no, never", "yes", "yes"], ["yes", "yes", "no, never"], [[0.25, 0.75]] * 3, ["a", "b"]
    )
    assert text.splitlines()[:2] == [
        "row,actual,predicted,probability_a,probability_b",
        '30,"no, never",yes,0.25,0.75',
    ]
    write(tmp_path, text)
    found = PredictionFiles().at(tmp_path.as_uri())
    assert found is not None
    assert found.part.rows == ("30", "4", "7")
    assert found.part.actual == ("no, never", "yes", "yes")
    assert found.right == 0b010
    assert (found.part.of_class("yes"), found.part.of_class("no__never")) == (0b110, 0b001)


def test_the_order_of_rows_and_columns_does_not_matter(tmp_path: Path) -> None:
    files = PredictionFiles()
    write(tmp_path / "one", "row,actual,predicted\n1,a,a\n2,b,a\n")
    write(tmp_path / "two", "\ufeffnote,predicted,actual,row\r\nx,a,b,2\r\nx,b,a,1\r\n")
    one, two = files.at(str(tmp_path / "one")), files.at(str(tmp_path / "two"))
    assert one is not None
    assert two is not None
    assert one.part is two.part
    assert (one.right, two.right) == (0b01, 0b00)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"row,actual,predicted\n",
        b"row,actual\n1,a\n",
        b"row,actual,predicted\n1,a\n",
        b"row,actual,predicted\n1,a,a\n1,b,b\n",
        b'row,actual,predicted\n1,"a,a\n',
        b"row,actual,predicted\n1,\xff,a\n",
        b"\x00\x01PNG",
    ],
    ids=[
        "empty",
        "no rows",
        "a column missing",
        "a field missing",
        "a row twice",
        "quotes",
        "UTF-8",
        "binary",
    ],
)
def test_a_file_of_another_format_counts_as_none(data: bytes) -> None:
    assert parse(data) is None


def test_only_regular_files_of_a_bounded_size_inside_the_artifacts_are_read(tmp_path: Path) -> None:
    files = PredictionFiles()
    text = "row,actual,predicted\n1,a,a\n"
    outside = write(tmp_path / "outside", text)
    assert files.at(str(tmp_path / "outside")) is not None
    assert files.at(str(tmp_path / "nowhere")) is None
    assert files.at("") is None
    assert files.at("s3://bucket/1/artifacts") is None
    for name in ("link", "pipe", "large", "folder"):
        (tmp_path / name / "evidence").mkdir(parents=True)
    (tmp_path / "link" / PATH).symlink_to(outside)
    os.mkfifo(tmp_path / "pipe" / PATH)
    (tmp_path / "folder" / PATH).mkdir()
    (tmp_path / "large" / PATH).write_text(text)
    os.truncate(tmp_path / "large" / PATH, MAX_BYTES + 1)
    for name in ("link", "pipe", "large", "folder"):
        assert files.at(str(tmp_path / name)) is None, name
