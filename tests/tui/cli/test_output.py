"""Tables, JSON output, and the public names of the engine."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from engine import api
from engine.runs.compare import compare
from engine.text import Shown, cell_width, safe
from tests.support.runs import a_run
from tui.cli.json_output import write_json
from tui.cli.output import MAX_WIDTH, Cell, Head, Output, fit_columns
from tui.cli.side_by_side import VALUE_LIMIT, show_side_by_side


def heads(*specs: tuple[str, bool, int]) -> list[Head]:
    return [Head(Shown(label), keep=keep, min_width=width) for label, keep, width in specs]


def test_columns_that_fit_are_unchanged() -> None:
    assert fit_columns(heads(("a", True, 0), ("b", False, 0)), [5, 5], 12) == ([0, 1], [5, 5])


def test_columns_with_a_minimum_width_are_cut_before_others_are_left_out() -> None:
    columns, widths = fit_columns(heads(("a", True, 10), ("b", False, 0)), [30, 5], 20)
    assert (columns, widths) == ([0, 1], [13, 5])


def test_the_last_columns_are_left_out_first_and_the_rest_get_their_room() -> None:
    columns, widths = fit_columns(heads(("a", True, 10), ("b", False, 0), ("c", False, 0)), [30, 9, 9], 30)
    assert columns == [0, 1]
    assert widths[:2] == [19, 9]


def test_kept_columns_are_cut_if_the_terminal_is_too_narrow() -> None:
    columns, widths = fit_columns(heads(("a", True, 0), ("b", True, 0)), [40, 20], 30)
    assert columns == [0, 1]
    assert sum(widths) + 2 <= 30


@pytest.mark.parametrize("room", range(1, 90))
def test_a_table_fits_any_width_down_to_the_minimum(room: int) -> None:
    columns, widths = fit_columns(
        heads(("a", True, 12), ("b", True, 0), ("c", False, 10), ("d", False, 0)), [25, 12, 40, 7], room
    )
    length = sum(widths[c] for c in columns) + 2 * (len(columns) - 1)
    assert length <= max(room, 18)
    assert {0, 1} <= set(columns)


def test_no_cell_widens_a_table_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table([Head(Shown("name")), Head(Shown("value"))], [[Shown("prompt"), Shown("x" * 4000)]])
    line = capsys.readouterr().out.splitlines()[1]
    assert line == "prompt  " + "x" * (MAX_WIDTH - 1) + "…"


def test_the_columns_of_a_comparison_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        a_run(f"{at}", name="net-" * 20 + f"{at}", params={"p" * 200: "x" * 6000, "k": f"{at}"})
        for at in range(3)
    ]
    comparison = compare(runs)
    show_side_by_side(Output(), comparison.sections(), comparison.run_names(VALUE_LIMIT, VALUE_LIMIT).names)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 4 * (VALUE_LIMIT + 4)
    assert lines[0].split() == ["0", "1", "2"]
    assert next(line for line in lines if line.startswith("ppp")).count("…") == 4


def test_a_table_without_a_terminal_is_complete_and_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[Cell(safe("日本"), "green"), Shown("1")], [Shown("whole")], [Shown("x"), Shown("22")]]
    left_out = Output().table([Head(Shown("name")), Head(Shown("n"), right=True)], rows)
    lines = capsys.readouterr().out.splitlines()
    assert left_out == 0
    assert lines == ["name   n", "日本   1", "whole", "x     22"]
    assert [cell_width(line) for line in (lines[0], lines[1], lines[3])] == [8, 8, 8]


def test_unsafe_text_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    Output().line("a\x1b[31m", Cell(Shown("b\nc")))
    Output().table([Head(Shown("h"))], [[Shown("[bold]x[/]\x07")]])
    assert capsys.readouterr().out == "a␛[31mb␊c\nh\n[bold]x[/]␇\n"


def test_json_is_ascii_and_strictly_valid(capsys: pytest.CaptureFixture[str]) -> None:
    write_json(
        {"a": [math.nan, math.inf, -math.inf, 0.1], "b": "\x1b\x7f\u202e\ud800é", "c": {"d": (1, None)}}
    )
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.isprintable() or out[:-1].isprintable()
    found = json.loads(out)
    assert found["a"] == ["NaN", "Infinity", "-Infinity", 0.1]
    assert found["b"] == "\x1b\x7f\u202e\ud800é"
    assert found["c"] == {"d": [1, None]}


def test_every_name_exported_by_the_api_exists_and_is_typed() -> None:
    for name in api.__all__:
        assert getattr(api, name) is not None
    assert set(api.__all__) == set(api._HOME_OF)
    tree = ast.parse(Path(api.__file__).read_text())
    typed = {
        (node.module, alias.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == {(home, name) for name, home in api._HOME_OF.items()}
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = api.no_such_name  # type: ignore[attr-defined]


def test_importing_the_api_imports_no_other_engine_module() -> None:
    code = "import engine.api, sys; print([name for name in sys.modules if name.startswith('engine.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['engine.api']"


def test_an_iterator_is_written_as_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    payload = {"runs": [{"x": math.nan, "name": "é\x7f"}, {}], "empty": [], "n": 1}
    write_json(payload)
    whole = capsys.readouterr().out
    write_json({name: iter(value) if isinstance(value, list) else value for name, value in payload.items()})
    assert capsys.readouterr().out == whole
    write_json({})
    assert capsys.readouterr().out == "{}\n"
