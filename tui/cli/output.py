"""Text output of the commands: lines, aligned tables, and the confirmation prompt.

All output is `Shown` (it has passed `engine.text.safe()`) and is never interpreted as markup. On a
terminal a table is fitted to the width; elsewhere output has no colours, and cells are cut at `MAX_WIDTH`.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import click

from engine.errors import Cancelled, UsageError
from engine.text import Shown, cell_width, safe, safe_lines
from tui.widgets.fit_text import fit, wrapped

if TYPE_CHECKING:
    from rich.console import Console

GAP = "  "
MIN_WIDTH = 8
"""Width below which no column is cut."""
MAX_WIDTH = 200
"""Width at which every column is cut with …; JSON and CSV have the complete values."""


class Cell(NamedTuple):
    """Text with a Rich style, e.g. `green` or `bold`."""

    text: Shown
    style: str = ""


Row = Sequence[Cell | Shown]
"""One cell per column; a single cell in a table of several columns is a section heading."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column header, and how the column fits a narrow terminal: first, columns with a `min_width`
    are cut down to it with …; then columns without `keep` are left out, last first; then the rest
    are cut."""

    label: Shown
    right: bool = False
    keep: bool = False
    min_width: int = 0


class Output:
    """Writes text to stdout, or with `err` to stderr."""

    def __init__(self, *, err: bool = False) -> None:
        self._stream: TextIO = sys.stderr if err else sys.stdout
        self.is_terminal = self._stream.isatty()
        self._rich: Console | None = None

    @property
    def width(self) -> int | None:
        """Width of the terminal in columns; None if the stream is not a terminal."""
        return self.rich.width if self.is_terminal else None

    @property
    def rich(self) -> Console:
        """The Rich console of this stream. Respects NO_COLOR and TERM."""
        if self._rich is None:
            from rich.console import Console

            self._rich = Console(
                file=self._stream, force_terminal=self.is_terminal, markup=False, highlight=False, emoji=False
            )
        return self._rich

    def line(self, *parts: Cell | str) -> None:
        """Write the parts on one line."""
        self._write([[_cell(part) for part in parts]])

    def text(self, text: str, style: str = "") -> None:
        """Write text of one or more lines, word-wrapped on a terminal."""
        for line in safe_lines(text):
            self._write([[Cell(Shown(part), style)] for part in wrapped(line, self.width or 0)])

    def marked(self, mark: Cell, text: str) -> None:
        """Write text of one line behind a mark, word-wrapped on a terminal; further lines are indented."""
        indent = Cell(Shown(" " * cell_width(mark.text)))
        width = 0 if self.width is None else max(1, self.width - cell_width(mark.text))
        lines = [Cell(Shown(part)) for part in wrapped(safe(text), width)]
        self._write([[indent if at else mark, line] for at, line in enumerate(lines)])

    def table(self, heads: Sequence[Head], rows: Sequence[Row]) -> int:
        """Write a header and aligned rows; return how many columns did not fit."""
        widths = _natural_widths(heads, rows)
        columns = list(range(len(heads)))
        if self.width is not None:
            columns, widths = fit_columns(heads, widths, self.width)
        self._write(self._table_lines(heads, rows, columns, widths))
        return len(heads) - len(columns)

    def _table_lines(
        self, heads: Sequence[Head], rows: Sequence[Row], columns: Sequence[int], widths: Sequence[int]
    ) -> Iterator[Sequence[Cell]]:
        yield _line([Cell(head.label, "bold") for head in heads], heads, columns, widths)
        if self.is_terminal:
            rule = sum(widths[c] for c in columns) + len(GAP) * (len(columns) - 1)
            yield [Cell(Shown("─" * rule), "dim")]
        for row in rows:
            cells = [_cell(value) for value in row]
            heading = len(row) == 1 and len(heads) > 1
            yield cells if heading else _line(cells, heads, columns, widths)

    def _write(self, lines: Iterable[Sequence[Cell]]) -> None:
        if not self.is_terminal:
            for line in lines:
                self._stream.write("".join(cell.text for cell in line).rstrip() + "\n")
            self._stream.flush()
            return
        from rich.segment import Segment, Segments
        from rich.style import Style

        segments: list[Segment] = []
        for line in lines:
            segments += [Segment(cell.text, Style.parse(cell.style) if cell.style else None) for cell in line]
            segments.append(Segment.line())
        self.rich.print(Segments(segments), soft_wrap=True, end="")


def _cell(value: Cell | str) -> Cell:
    """A safe cell, even if the caller forgot `safe()`."""
    return Cell(safe(value.text), value.style) if isinstance(value, Cell) else Cell(safe(value))


def _natural_widths(heads: Sequence[Head], rows: Sequence[Row]) -> list[int]:
    widths = [cell_width(head.label) for head in heads]
    for row in rows:
        if len(row) == len(heads):
            for column, value in enumerate(row):
                widths[column] = max(widths[column], cell_width(_cell(value).text))
    return [min(width, MAX_WIDTH) for width in widths]


def fit_columns(heads: Sequence[Head], natural: Sequence[int], room: int) -> tuple[list[int], list[int]]:
    """The columns to show, and the widths of all columns, for lines of at most `room` characters."""
    columns = list(range(len(heads)))
    minimums = [head.min_width or width for head, width in zip(heads, natural, strict=True)]
    widths = _shrink(natural, minimums, columns, room)
    for column in reversed(range(len(heads))):
        if _length(widths, columns) <= room:
            break
        if not heads[column].keep:
            columns.remove(column)
    widths = _shrink(natural, minimums, columns, room)
    return columns, _shrink(widths, [MIN_WIDTH] * len(heads), columns, room)


def _shrink(widths: Sequence[int], minimums: Sequence[int], columns: Sequence[int], room: int) -> list[int]:
    """Narrow the widest of `columns`, step by step, until a line fits or all are at their minimum."""
    shrunk = list(widths)
    while (over := _length(shrunk, columns) - room) > 0:
        shrinkable = [column for column in columns if shrunk[column] > minimums[column]]
        if not shrinkable:
            break
        widest = max(shrinkable, key=shrunk.__getitem__)
        others = max((shrunk[column] for column in shrinkable if column != widest), default=0)
        shrunk[widest] = max(minimums[widest], shrunk[widest] - over, min(others, shrunk[widest] - 1))
    return shrunk


def _length(widths: Sequence[int], columns: Sequence[int]) -> int:
    return sum(widths[column] for column in columns) + len(GAP) * (len(columns) - 1)


def _line(
    row: Sequence[Cell], heads: Sequence[Head], columns: Sequence[int], widths: Sequence[int]
) -> list[Cell]:
    line: list[Cell] = []
    for position, column in enumerate(columns):
        cell = row[column]
        text = fit(cell.text, widths[column], right=heads[column].right)
        line += [Cell(Shown(GAP if position else "")), Cell(Shown(text), cell.style)]
    return line


def check_can_ask(output: Output, hint: str) -> None:
    """Raises `UsageError` without a terminal; `hint` says how to do without the question."""
    if not (sys.stdin.isatty() and output.is_terminal):
        raise UsageError("Cannot ask for confirmation: not a terminal", "Nothing was changed.", hint)


def confirm(output: Output, hint: str = "Add --yes.", *, what: str = "The change") -> None:
    """Ask for confirmation of the plan written to `output`. Raises `UsageError` without a terminal,
    `Cancelled` (of `what`) on any answer but yes, `KeyboardInterrupt` on ctrl+c."""
    if _answer(output, "Go ahead? [y/N]: ", hint).lower() not in ("y", "yes"):
        raise Cancelled(what)


def confirm_name(output: Output, name: str, hint: str) -> str:
    """Ask the operator to type `name`, and return what was typed. Raises `UsageError` without a terminal,
    `Cancelled` for another answer, `KeyboardInterrupt` on ctrl+c."""
    if _answer(output, f"Type {safe(name)} to go ahead: ", hint) != name:
        raise Cancelled("The change")
    return name


def check_typed_name(output: Output, name: str, confirmed: str | None) -> None:
    """Raises `UsageError` or `Cancelled` unless the name is typed, here or with `--confirm`."""
    hint = f"Add --confirm {shlex.quote(name)}."
    if confirmed is None:
        confirm_name(output, name, hint)
    elif confirmed != name:
        raise UsageError(f"--confirm {confirmed!r} is not what has to be typed", hint=hint)


def _answer(output: Output, question: str, hint: str) -> str:
    check_can_ask(output, hint)
    click.echo(question, nl=False, err=True)
    answer = _read_line()
    if not answer.endswith("\n"):  # ctrl+d
        click.echo(err=True)
    return answer.strip()


def confirm_replacement(output: Output, path: str, *, yes: bool) -> None:
    """Ask before `--csv` or `-o` replaces a file. Raises like `confirm`."""
    if not yes and Path(path).is_file():
        output.text(safe(f"{path} exists and will be replaced."))
        confirm(output)


def _read_line() -> str:
    """The next line of stdin. A plain read would miss a ctrl+c that comes just before it: Python runs
    signal handlers between bytecode instructions, so not until the read returns. The wakeup file
    descriptor turns the signal into input that `select` sees."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    try:
        ready: list[object] = []
        while sys.stdin not in ready:
            ready, _, _ = select.select([sys.stdin, reading], [], [])
            if reading in ready:
                os.read(reading, 1)
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
    return sys.stdin.readline()
