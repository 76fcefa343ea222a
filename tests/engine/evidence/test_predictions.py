"""The file of per-row predictions: written, read back, and refused when it is not one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.errors import NotFound, StoreUnreadable
from engine.evidence.predictions import MAX_BYTES, MAX_FETCHED, PATH, PredictionFiles, parse, predictions_text
from engine.stores.artifacts import ArtifactContent


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
    found = PredictionFiles().of("r", tmp_path.as_uri())
    assert found is not None
    assert found.part.rows == ("30", "4", "7")
    assert found.part.actual == ("no, never", "yes", "yes")
    assert found.right == 0b010
    assert (found.part.of_class("yes"), found.part.of_class("no__never")) == (0b110, 0b001)


def test_the_order_of_rows_and_columns_does_not_matter(tmp_path: Path) -> None:
    files = PredictionFiles()
    write(tmp_path / "one", "row,actual,predicted\n1,a,a\n2,b,a\n")
    write(tmp_path / "two", "\ufeffnote,predicted,actual,row\r\nx,a,b,2\r\nx,b,a,1\r\n")
    one, two = files.of("r", str(tmp_path / "one")), files.of("r", str(tmp_path / "two"))
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
    assert files.of("r", str(tmp_path / "outside")) is not None
    assert files.of("r", str(tmp_path / "nowhere")) is None
    assert files.of("r", "") is None
    assert files.of("r", "s3://bucket/1/artifacts") is None
    for name in ("link", "pipe", "large", "folder"):
        (tmp_path / name / "evidence").mkdir(parents=True)
    (tmp_path / "link" / PATH).symlink_to(outside)
    os.mkfifo(tmp_path / "pipe" / PATH)
    (tmp_path / "folder" / PATH).mkdir()
    (tmp_path / "large" / PATH).write_text(text)
    os.truncate(tmp_path / "large" / PATH, MAX_BYTES + 1)
    for name in ("link", "pipe", "large", "folder"):
        assert files.of("r", str(tmp_path / name)) is None, name


@dataclass
class Server:
    """Has the file of every run but one, and counts how often it is asked."""

    fails: bool = False
    kind: str = "rest"
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def open_artifact(self, run_id: str, path: str, *, fetch_limit: int) -> Iterator[ArtifactContent]:
        self.asked.append(run_id)
        if self.fails:
            raise StoreUnreadable("No answer")
        if run_id == "r1":
            raise NotFound("No such artifact")
        yield ArtifactContent(None, iter([b"row,actual,predicted\n", b"1,a,a\n"]))


def test_a_server_is_asked_for_what_is_not_in_a_local_folder() -> None:
    server = Server()
    files = PredictionFiles(server)  # type: ignore[arg-type]
    found = [files.of(f"r{at}", "mlflow-artifacts:/1") is not None for at in range(MAX_FETCHED + 5)]
    assert found == [True, False, *[True] * (MAX_FETCHED - 2), *[False] * 5]
    assert len(server.asked) == MAX_FETCHED


def test_a_server_that_fails_is_not_asked_again_and_no_other_store_is() -> None:
    failing, database = Server(fails=True), Server(kind="sql")
    for store in (failing, database):
        files = PredictionFiles(store)  # type: ignore[arg-type]
        assert files.of("a", "s3://bucket") is files.of("b", "s3://bucket") is None
    assert (failing.asked, database.asked) == (["a"], [])
