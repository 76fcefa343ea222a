"""Tables, JSON and the engine's public names."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from engine import api
from engine.text import Shown, cell_width, safe
from tui.cli.output import Cell, Head, Output, fitted, write_json


def heads(*specs: tuple[str, bool, int]) -> list[Head]:
    return [Head(Shown(label), keep=keep, least=least) for label, keep, least in specs]


def test_columns_that_fit_are_left_alone() -> None:
    assert fitted(heads(("a", True, 0), ("b", False, 0)), [5, 5], 12) == ([0, 1], [5, 5])


def test_a_column_that_may_be_cut_is_cut_before_another_is_left_out() -> None:
    columns, widths = fitted(heads(("a", True, 10), ("b", False, 0)), [30, 5], 20)
    assert (columns, widths) == ([0, 1], [13, 5])


def test_the_last_columns_are_left_out_first_and_what_stays_gets_their_room() -> None:
    columns, widths = fitted(heads(("a", True, 10), ("b", False, 0), ("c", False, 0)), [30, 9, 9], 30)
    assert columns == [0, 1]
    assert widths[:2] == [19, 9]


def test_a_terminal_too_narrow_for_what_must_stay_cuts_it() -> None:
    columns, widths = fitted(heads(("a", True, 0), ("b", True, 0)), [40, 20], 30)
    assert columns == [0, 1]
    assert sum(widths) + 2 <= 30


@pytest.mark.parametrize("room", range(1, 90))
def test_a_table_keeps_to_the_terminal_as_far_as_it_can(room: int) -> None:
    columns, widths = fitted(
        heads(("a", True, 12), ("b", True, 0), ("c", False, 10), ("d", False, 0)), [25, 12, 40, 7], room
    )
    length = sum(widths[c] for c in columns) + 2 * (len(columns) - 1)
    assert length <= max(room, 18)
    assert {0, 1} <= set(columns)


def test_a_table_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[Cell(safe("日本"), "green"), Shown("1")], [Shown("whole")], [Shown("x"), Shown("22")]]
    left_out = Output().table([Head(Shown("name")), Head(Shown("n"), right=True)], rows)
    lines = capsys.readouterr().out.splitlines()
    assert left_out == 0
    assert lines == ["name   n", "日本   1", "whole", "x     22"]
    assert [cell_width(line) for line in (lines[0], lines[1], lines[3])] == [8, 8, 8]


def test_what_was_not_made_safe_becomes_so(capsys: pytest.CaptureFixture[str]) -> None:
    Output().line("a\x1b[31m", Cell(Shown("b\nc")))
    Output().table([Head(Shown("h"))], [[Shown("[bold]x[/]\x07")]])
    assert capsys.readouterr().out == "a␛[31mb␊c\nh\n[bold]x[/]␇\n"


def test_json_has_no_constants_of_its_own_and_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_every_name_that_the_door_exports_exists_and_is_typed() -> None:
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


def test_importing_the_door_imports_nothing_behind_it() -> None:
    code = "import engine.api, sys; print([name for name in sys.modules if name.startswith('engine.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['engine.api']"
