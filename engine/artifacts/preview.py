"""The beginning of a file as what it is: text, a table, a picture, or bytes. Reads no more than a bound."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.artifacts.picture import MAX_PICTURE_BYTES, Picture, read_picture
from engine.artifacts.tree import artifact_at
from engine.entities import Artifact
from engine.errors import StoreRefused
from engine.formats import count, counted, size
from engine.text import Shown

if TYPE_CHECKING:
    from engine.stores.base import Store

PreviewKind = Literal["text", "json", "yaml", "table", "model", "picture", "binary", "empty"]

MAX_BYTES = 256 * 1000
"""How much of a file is read for a preview."""
FETCH_BYTES = 64 * 1000 * 1000
"""The largest file that is fetched for a preview where it cannot be read in part."""
MAX_ROWS, MAX_COLUMNS, MAX_CELL = 1000, 100, 200
"""The part of a table that is shown, and the characters of a cell."""
MAX_LINE = 10_000
"""The characters of a line that are shown."""
HEX_BYTES = 1024

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_MAGIC = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\b\x1b")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file shows. `lines` are raw text, of a table the raw cells are in `rows`, the header first.
    `notes` say what is cut off or odd."""

    artifact: Artifact
    kind: PreviewKind
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    picture: Picture | None = None
    notes: tuple[Shown, ...] = ()

    @property
    def label(self) -> Shown:
        """`JSON, 812 B`."""
        return Shown(f"{_LABELS[self.kind]}, {size(self.artifact.size)}")


_LABELS: dict[PreviewKind, str] = {
    "text": "text",
    "json": "JSON",
    "yaml": "YAML",
    "table": "table",
    "model": "MLflow model",
    "picture": "picture",
    "binary": "binary",
    "empty": "empty",
}


def preview(store: Store, run_id: str, path: str) -> Preview:
    """The preview of a file. Raises `NotFound`, and `StoreError`s of storage that cannot be read."""
    artifact = artifact_at(store, run_id, path)
    if artifact.is_dir:
        raise StoreRefused("The artifact is a folder", artifact.path or "/", "Open it to see its files.")
    is_picture = artifact.path.lower().endswith(_PICTURES)
    data, total = _beginning(store, run_id, artifact.path, MAX_PICTURE_BYTES if is_picture else MAX_BYTES)
    if artifact.size is None and total is not None:
        artifact = Artifact(artifact.path, is_dir=False, size=total)
    return preview_of(artifact, data)


def preview_of(artifact: Artifact, data: bytes) -> Preview:
    """The preview of a file of which `data` is the beginning."""
    if not data:
        return Preview(artifact, "empty", notes=(Shown("The file is empty."),))
    notes: list[Shown] = []
    whole = artifact.size is not None and len(data) >= artifact.size
    if artifact.path.lower().endswith(_PICTURES) and data.startswith(_MAGIC):
        picture, why = read_picture(data) if whole else (None, "it is too large to be shown here")
        if picture is not None:
            what = f"{picture.format}, {count(picture.full_width)} × {count(picture.full_height)} pixels"
            return Preview(artifact, "picture", picture=picture, notes=(Shown(what),))
        notes.append(Shown(f"The picture cannot be shown: {why}."))
    data = data[:MAX_BYTES]
    whole = whole and len(data) == artifact.size
    text = _decoded(data, whole)
    if text is None:
        shown = min(len(data), HEX_BYTES)
        of = f" of {size(artifact.size)}" if artifact.size is not None else ""
        notes.append(Shown(f"Not text: the first {counted(shown, 'byte')}{of}."))
        return Preview(artifact, "binary", tuple(_hex_lines(data[:HEX_BYTES])), notes=tuple(notes))
    if not whole:
        of = f" of {size(artifact.size)}" if artifact.size is not None else ""
        notes.append(Shown(f"The first {size(len(data))}{of}."))
        text = text[: text.rfind("\n") + 1] or text  # not a line that is cut off
    return _of_text(artifact, text, whole, tuple(notes))


def _of_text(artifact: Artifact, text: str, whole: bool, notes: tuple[Shown, ...]) -> Preview:
    name = artifact.path.rpartition("/")[2]
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("csv", "tsv"):
        rows, cut = _table(text, "\t" if suffix == "tsv" else "")
        return Preview(artifact, "table", rows=rows, notes=(*notes, *cut))
    if name == "MLmodel":
        return Preview(artifact, "model", (*_model_summary(text), *text.splitlines()), notes=notes)
    if suffix == "json" or (suffix == "ipynb" and whole):
        indented = _indented(text) if whole else None
        if indented is not None:
            return Preview(artifact, "json", tuple(indented), notes=notes)
        if whole:
            notes = (*notes, Shown("Not valid JSON: shown as text."))
    kind: PreviewKind = "yaml" if suffix in ("yaml", "yml") else "text"
    lines = text.splitlines()
    if any(len(line) > MAX_LINE for line in lines):
        lines = [line[:MAX_LINE] for line in lines]
        notes = (*notes, Shown(f"Lines are cut after {count(MAX_LINE)} characters."))
    return Preview(artifact, kind, tuple(lines), notes=notes)


def _beginning(store: Store, run_id: str, path: str, limit: int) -> tuple[bytes, int | None]:
    """At most `limit` bytes of a file, and its size if the storage reports it."""
    data = bytearray()
    with store.open_artifact(run_id, path, fetch_limit=FETCH_BYTES) as content:
        for piece in content.pieces:
            data += piece
            if len(data) >= limit:
                break
    known = content.size if content.size is not None or len(data) >= limit else len(data)
    return bytes(data[:limit]), known


def _decoded(data: bytes, whole: bool) -> str | None:
    """The data as text; None if it is not text, whatever the file's name says."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        with suppress(UnicodeDecodeError):
            return data[: len(data) // 2 * 2].decode("utf-16")
    for drop in range(1 if whole else 4):  # a character may be cut off at the end
        try:
            text = data[: len(data) - drop].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        controls = sum(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in data)
        return text if b"\0" not in data and controls <= len(data) // 50 else None
    return None


def _hex_lines(data: bytes) -> Iterator[str]:
    """As `hexdump -C`: offset, sixteen bytes, and those that are ASCII."""
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        pairs = f"{row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}"
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{start:08x}  {pairs}  {text}"


def _indented(text: str) -> list[str] | None:
    """JSON with each element on a line of its own, numbers and repeated keys as they are written; None if it
    is not valid JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    lines, line, depth = [], "", 0
    tokens = [match[0] for match in _JSON_TOKEN.finditer(text)]
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in "{[" and following in ("}", "]"):
            line += token
        elif token in "{[":
            depth += 1
            lines.append(line + token)
            line = "  " * depth
        elif token in "}]" and line.endswith(("{", "[")):
            line += token
        elif token in "}]":
            depth -= 1
            lines.append(line)
            line = "  " * depth + token
        elif token == ",":
            lines.append(line + token)
            line = "  " * depth
        else:
            line += ": " if token == ":" else token
    return [*lines, line]


def _table(text: str, delimiter: str) -> tuple[tuple[tuple[str, ...], ...], tuple[Shown, ...]]:
    """The rows of a table, each as long as the longest, and what is left out."""
    if not delimiter:
        first = text.partition("\n")[0]
        delimiter = max(",;\t|", key=first.count) if any(mark in first for mark in ",;\t|") else ","
    rows: list[Sequence[str]] = []
    more = 0
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if len(rows) <= MAX_ROWS:
                rows.append(row)
            else:
                more += 1
    except csv.Error:  # a field longer than the csv module reads
        more += 1
    width = max(map(len, rows), default=0)
    shown = min(width, MAX_COLUMNS)
    filled = (tuple(cell[:MAX_CELL] for cell in (*row, *[""] * width)[:shown]) for row in rows)
    notes = [Shown(f"The first {count(MAX_ROWS)} rows; {count(more)} more are not shown.")] if more else []
    if width > shown:
        notes.append(Shown(f"The first {shown} of {count(width)} columns."))
    return tuple(filled), tuple(notes)


def _model_summary(text: str) -> Iterator[str]:
    """What an MLmodel file says, in a few lines; none if it is not what MLflow writes."""
    import yaml

    try:
        found = yaml.safe_load(text)
        yield f"flavors   {', '.join(map(str, found['flavors']))}"
        for name, part in (found.get("signature") or {}).items():
            if part and name in ("inputs", "outputs"):
                columns = json.loads(part)
                shown = ", ".join(f"{c.get('name', '–')}: {c['type']}" for c in columns if "type" in c)
                yield f"{name:<9} {shown or part}"
        yield f"MLflow    {found.get('mlflow_version', '–')}"
        yield ""
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return
