"""What a preview shows of a file, and how much of it is read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from engine.artifacts.picture import read_picture
from engine.artifacts.preview import MAX_BYTES, MAX_ROWS, Preview, preview, preview_of
from engine.entities import Artifact, RunDetail
from engine.stores.artifacts import ArtifactContent
from tests.support.runs import a_run


def shown(name: str, data: bytes, size: int | None = None) -> Preview:
    return preview_of(Artifact(name, is_dir=False, size=len(data) if size is None else size), data)


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 40, 40)).save(file, "PNG")
    return file.getvalue()


def test_text_is_shown_line_by_line() -> None:
    found = shown("train.log", "één\r\ntwo\n".encode())
    assert (found.kind, found.lines, found.notes) == ("text", ("één", "two"), ())


def test_json_is_indented_with_its_numbers_and_repeated_keys_as_written() -> None:
    found = shown("a.json", b'{"a":1e5,"b":[0.10,{}],"a":"x, {y}","c":[]}')
    assert found.kind == "json"
    assert found.lines == (
        "{",
        '  "a": 1e5,',
        '  "b": [',
        "    0.10,",
        "    {}",
        "  ],",
        '  "a": "x, {y}",',
        '  "c": []',
        "}",
    )


@pytest.mark.parametrize("text", [b"{broken", b"[" * 100_000])
def test_what_is_no_json_is_text_with_a_note(text: bytes) -> None:
    found = shown("a.json", text)
    assert found.kind == "text"
    assert "Not valid JSON" in found.notes[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", 'k,score\n3,"0,5"\n'), ("a.csv", "k;score\n3;0,5\n"), ("a.tsv", "k\tscore\n3\t0,5\n")],
)
def test_a_table_is_split_at_its_own_delimiter(name: str, text: str) -> None:
    found = shown(name, text.encode())
    assert (found.kind, found.rows) == ("table", (("k", "score"), ("3", "0,5")))


def test_a_long_and_wide_table_is_cut_and_says_so() -> None:
    text = "\n".join([",".join(["x"] * 150)] * (MAX_ROWS + 50))
    found = shown("a.csv", text[:MAX_BYTES].encode())
    assert len(found.rows[0]) == 100
    assert any("of 150 columns" in note for note in found.notes)
    short = shown("a.csv", b"k\n" + b"1\n" * (MAX_ROWS + 50))
    assert len(short.rows) == MAX_ROWS + 1
    assert any("50 more are not shown" in note for note in short.notes)


def test_a_ragged_table_has_rows_of_equal_length() -> None:
    assert shown("a.csv", b"a,b\n1\n1,2,3\n").rows == (("a", "b", ""), ("1", "", ""), ("1", "2", "3"))


@pytest.mark.parametrize("data", [b"\x00\x01\x02MZ" * 20, bytes(range(128, 256)), b"ab\x01\x02\x03\x04" * 9])
def test_a_binary_named_txt_is_shown_as_bytes(data: bytes) -> None:
    found = shown("notes.txt", data)
    assert found.kind == "binary"
    assert found.notes[0].startswith("Not text")
    assert found.lines[0].startswith(f"00000000  {data[:8].hex(' ')}")


def test_utf_16_and_a_character_that_is_cut_off_are_text() -> None:
    assert shown("a.txt", "naïve\n".encode("utf-16")).lines == ("naïve",)
    assert shown("a.txt", b"first\n" + "é".encode()[:1], size=10_000).lines == ("first",)


def test_an_endless_line_is_cut_and_says_so() -> None:
    found = shown("a.txt", b"x" * 50_000)
    assert len(found.lines[0]) == 10_000
    assert found.notes == ("Lines are cut after 10,000 characters.",)


def test_a_picture_is_reduced_and_keeps_its_proportions() -> None:
    found = shown("plots/roc.png", png(800, 400))
    assert found.picture is not None
    assert found.notes == ("PNG, 800 × 400 pixels",)
    small = found.picture.fitted(40, 40)
    assert (small.width, small.height) == (40, 20)
    assert small.pixel(39, 19) == (200, 40, 40)
    assert found.picture.fitted(4000, 4000).width == 800


@pytest.mark.parametrize("side", [8_000, 20_000])
def test_a_small_file_with_a_huge_picture_is_not_decoded(side: int) -> None:
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    picture, why = read_picture(file.getvalue())
    assert picture is None
    assert "too many pixels" in why


def test_what_only_claims_to_be_a_picture_is_shown_as_what_it_is() -> None:
    assert shown("a.png", b"just text\n").lines == ("just text",)
    broken = shown("a.png", png(50, 50)[:60], size=60)
    assert broken.kind == "binary"
    assert "cannot be shown" in broken.notes[0]


def test_an_mlmodel_file_begins_with_a_summary() -> None:
    text = (
        "flavors:\n  python_function: {}\n  sklearn: {}\nmlflow_version: 3.17.2\nsignature:\n"
        '  inputs: \'[{"name": "age", "type": "long"}]\'\n'
    )
    found = shown("model/MLmodel", text.encode())
    assert found.lines[:3] == (
        "flavors   python_function, sklearn",
        "inputs    age: long",
        "MLflow    3.17.2",
    )
    assert "flavors:" in found.lines
    assert shown("MLmodel", b"- no\n- model\n").lines == ("- no", "- model")


class Endless:
    """A store with one file of 10 GB, which counts what is read of it."""

    def __init__(self) -> None:
        self.read = 0

    def artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        return (Artifact("big.log", is_dir=False, size=10**10),)

    def run(self, run_id: str) -> RunDetail:
        return RunDetail(a_run(run_id))

    @contextmanager
    def open_artifact(
        self, run_id: str, path: str, *, fetch_limit: int | None = None
    ) -> Iterator[ArtifactContent]:
        def pieces() -> Iterator[bytes]:
            while True:
                self.read += 100_000
                yield b"line of a log\n" * 7143

        yield ArtifactContent(10**10, pieces())


def test_only_the_beginning_of_a_huge_file_is_read() -> None:
    store = Endless()
    found = preview(store, "a" * 32, "big.log")  # type: ignore[arg-type]
    assert store.read <= 2 * MAX_BYTES
    assert found.notes == ("The first 256.0 kB of 10.0 GB.",)
    assert found.lines[-1] == "line of a log"
