"""Reads a CSV or Parquet file into typed columns, without the rows whose target is missing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from engine.errors import DatasetError
from engine.text import safe
from engine.training.data.columns import Column, check_no_total, from_series, from_text
from engine.training.data.tables import (
    MISSING,
    UNKNOWN,
    CsvTable,
    check_file,
    check_memory,
    check_names,
    file_sha256,
    open_csv,
    unreadable,
)
from engine.training.spec import DataSpec, SplitSpec

_BLOCK = 1 << 22
_CELL_BYTES = 8


@dataclass(slots=True)
class TypedTable:
    """The columns of a file, without rows whose target is missing. `target` is a chunked Arrow array of text,
    or an array of numbers. `unusable` columns hold nested values."""

    header: list[str]
    columns: dict[str, Column]
    target: Any
    declared_text: bool
    sha256: str
    dropped: int
    unusable: list[str] = field(default_factory=list)
    delimiter: str = ""
    decimal: str = ""
    encoding: str = ""


def read_table_file(
    path: Path, spec: DataSpec, split: SplitSpec, check_header: Callable[[Sequence[str]], None]
) -> TypedTable:
    """Read the columns that a sweep needs. `check_header` may refuse the names of the columns before any row
    is read. Raises `DatasetError` if the file cannot be read as CSV or Parquet, is too large for the memory,
    or a column mixes numbers with a little text."""
    check_file(path)
    read = _parquet if _is_parquet(path) else _csv
    return read(path, spec, split, check_header)


def _is_parquet(path: Path) -> bool:
    if path.suffix.lower() in (".parquet", ".pq"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError:
        return False


def _csv(
    path: Path, spec: DataSpec, split: SplitSpec, check_header: Callable[[Sequence[str]], None]
) -> TypedTable:
    csv = open_csv(path, None, spec.delimiter, spec.decimal)
    check_memory(path, csv.lines * csv.width * _CELL_BYTES)
    check_header(csv.header)
    gone = UNKNOWN if spec.types.get(spec.target) == "number" else MISSING
    held = [name for name in csv.header if name not in spec.leave_out or name in (spec.target, split.column)]
    chunks, dropped = _chunks(csv, held, spec.target, gone)
    at = csv.header.index(spec.target)

    def line_of(positions: Sequence[int]) -> list[int]:
        kept = (line for line, fields in csv.records() if fields[at] not in gone)
        rows, wanted = enumerate(kept), set(positions)
        return [line for row, line in islice(rows, max(wanted) + 1) if row in wanted]

    import pyarrow as pa

    target = pa.chunked_array(chunks.pop(spec.target), pa.string())
    columns: dict[str, Column] = {}
    for name in list(chunks) if len(target) else ():
        cells = pa.chunked_array(chunks.pop(name), pa.string())
        check_no_total(path.name, name, cells)
        columns[name] = from_text(path.name, name, cells, line_of, csv.decimal, spec.types.get(name))
    return TypedTable(
        csv.header,
        columns,
        target,
        False,
        csv.sha256,
        dropped,
        delimiter=csv.delimiter,
        decimal=csv.decimal,
        encoding=csv.encoding,
    )


def _chunks(
    csv: CsvTable, held: Iterable[str], target: str, gone: Collection[str]
) -> tuple[dict[str, list[Any]], int]:
    """The cells of the `held` columns, in Arrow arrays of text, and how many rows were dropped because their
    target is one of `gone`. Text takes less room there than the file, and ten times more in Python."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    chunks: dict[str, list[Any]] = {name: [] for name in held}
    names = [*csv.header, *("" for _ in range(csv.width - len(csv.header)))]
    numbered = [str(number) for number in range(csv.width)]
    before, dropped = csv.before, 0
    try:
        with pa.OSFile(str(csv.path)) as file:
            batches = arrow.open_csv(
                file,
                arrow.ReadOptions(
                    use_threads=False,
                    block_size=_BLOCK,
                    column_names=numbered,
                    skip_rows=csv.skipped,
                    encoding=csv.codec if csv.codec == "utf-16" else "utf8",
                ),
                arrow.ParseOptions(delimiter=csv.delimiter, newlines_in_values=True),
                arrow.ConvertOptions(
                    column_types=dict.fromkeys(numbered, pa.string()), strings_can_be_null=False
                ),
            )
            for read in batches:
                batch = read.slice(before)
                before -= len(read) - len(batch)
                batch, missing = _without_odd_rows(batch, names, target, gone)
                dropped += missing
                for name, cells in zip(names, batch.columns, strict=True):
                    if name in chunks:
                        chunks[name].append(cells)
                    elif not name and any(text for text in cells.unique().to_pylist()):
                        raise csv.no_name()
    except pa.ArrowInvalid as error:
        for _ in csv.records():  # says in which line
            pass
        raise DatasetError(
            f"{csv.path.name} is not a CSV file", safe(error, 200), "Save it again."
        ) from error
    except OSError as error:
        raise unreadable(csv.path, error) from error
    return chunks, dropped


def _without_odd_rows(
    batch: Any, names: Sequence[str], target: str, gone: Collection[str]
) -> tuple[Any, int]:
    """The rows without empty ones, repeated headers and those whose target is `gone`, and how many of the
    last were left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = pc.utf8_trim_whitespace(batch.column(names.index(target)))
    missing = pc.is_in(labels, pa.array(sorted(gone), pa.string()))
    odd = pc.or_(missing, pc.equal(labels, target))
    if not pc.any(odd).as_py():
        return batch, 0
    rows = batch.filter(odd)
    empty = header = pa.scalar(True)
    for name, cells in zip(names, map(pc.utf8_trim_whitespace, rows.columns), strict=True):
        empty = pc.and_(empty, pc.equal(cells, ""))
        header = pc.and_(header, pc.equal(cells, name))
    left_out = pc.or_(missing.filter(odd), header)
    kept = pc.replace_with_mask(pc.invert(odd), odd, pc.invert(left_out))
    return batch.filter(kept), pc.sum(missing).as_py() - (pc.sum(empty).as_py() or 0)


def _parquet(
    path: Path, spec: DataSpec, split: SplitSpec, check_header: Callable[[Sequence[str]], None]
) -> TypedTable:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            meta = file.metadata
            held = sum(meta.row_group(index).total_byte_size for index in range(meta.num_row_groups))
            header = [str(name) for name in file.schema_arrow.names]
            check_memory(path, max(held, meta.num_rows * len(header) * _CELL_BYTES))
            check_names(path, header)
            check_header(header)
            data = file.read().to_pandas(ignore_metadata=True)
    except DatasetError:
        raise
    except Exception as error:  # Arrow raises many types for a damaged file
        raise DatasetError(
            f"{path.name} is not a Parquet file", f"{safe(error, 200)}: {path}", "Write the file again."
        ) from error
    known = data[spec.target].notna()
    dropped = int((~known).sum())
    if dropped:
        data = data[known]
    if data.empty:
        return TypedTable(header, {}, [], False, "", dropped)  # refused for too few rows
    labels = data[spec.target]
    is_number = labels.dtype.kind in "iuf"
    if is_number:
        target: Any = labels.to_numpy(dtype=np.float64 if labels.dtype.kind == "f" else np.int64)
    else:
        target = pa.chunked_array([[str(value) for value in labels.tolist()]], pa.string())
    columns: dict[str, Column] = {}
    unusable: list[str] = []
    for name in header:
        if name == spec.target or (name in spec.leave_out and name != split.column):
            continue
        column = from_series(path.name, data[name], spec.types.get(name))
        if column is None:
            unusable.append(name)
        else:
            columns[name] = column
    return TypedTable(header, columns, target, not is_number, file_sha256(path), dropped, unusable)
