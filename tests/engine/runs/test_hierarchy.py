"""Children under their parents, including missing parents and cycles."""

from __future__ import annotations

from hypothesis import given, strategies as st

from engine.columns import ColumnKey
from engine.entities import Run
from engine.runs.arrange import Arranged, arrange
from engine.runs.frame import RunFrame
from engine.runs.hierarchy import MAX_DEPTH
from engine.runs.sorting import SortKey
from engine.runs.view import RunView
from tests.support.runs import START, a_run

NAME = ColumnKey("attribute", "run_name")
BY_NAME = (SortKey(NAME),)


def child(run_id: str, parent: str = "", **options: object) -> Run:
    tags = {"mlflow.parentRunId": parent} if parent else {}
    return a_run(run_id, name=run_id, tags=tags, **options)  # type: ignore[arg-type]


def tree(*runs: Run, filter_text: str = "", toggled_folds: frozenset[str] = frozenset()) -> Arranged:
    view = RunView(filter_text, sort=BY_NAME, layout="tree")
    return arrange(RunFrame.from_runs(runs), view, now=START, toggled_folds=toggled_folds)


def shown(arranged: Arranged) -> list[str]:
    return [arranged.text(line, arranged.lead) for line in range(len(arranged.lines))]


SWEEP = [
    child("sweep"),
    child("t2", "sweep"),
    child("t1", "sweep"),
    child("fold", "t2"),
    child("alone"),
]


def test_children_are_listed_under_their_parents_in_order() -> None:
    arranged = tree(*SWEEP)
    assert shown(arranged) == ["  alone", "▾ sweep", "    t1", "  ▾ t2", "      fold"]
    assert [arranged.fold_of(line) for line in range(5)] == ["", "open", "", "open", ""]
    assert list(arranged.depths) == [0, 0, 1, 1, 2]


def test_a_parent_can_be_closed() -> None:
    arranged = tree(*SWEEP, toggled_folds=frozenset({"t2"}))
    assert shown(arranged) == ["  alone", "▾ sweep", "    t1", "  ▸ t2"]
    assert (arranged.line_of("fold"), arranged.fold_of(3), len(arranged.matching)) == (None, "closed", 5)
    assert shown(tree(*SWEEP, toggled_folds=frozenset({"sweep", "t2"}))) == ["  alone", "▸ sweep"]


def test_a_child_of_an_unloaded_parent_is_a_marked_root() -> None:
    frame = RunFrame.from_runs([child("t1", "sweep"), child("t2", "sweep"), child("a")], complete=False)
    view = RunView(sort=BY_NAME, layout="tree")
    early = arrange(frame, view, now=START)
    assert shown(early) == ["  a", "⤷ t1", "⤷ t2"]
    assert [early.is_orphan(line) for line in range(3)] == [False, True, True]
    assert [early.value(line, early.lead) for line in range(3)] == ["a", "t1", "t2"]
    later = arrange(frame.extended([child("sweep")]), view, now=START, before=early)
    assert shown(later) == ["  a", "▾ sweep", "    t1", "    t2"]


def test_a_child_of_a_filtered_out_parent_stays() -> None:
    arranged = tree(*SWEEP, filter_text="name ~ '^(t|fold)'")
    assert shown(arranged) == ["⤷ t1", "▾ ⤷ t2", "    fold"]


def test_a_child_of_a_filtered_out_parent_moves_to_its_grandparent() -> None:
    arranged = tree(*SWEEP, filter_text="name ~ 'sweep|fold|t1'")
    assert shown(arranged) == ["▾ sweep", "  ⤷ fold", "    t1"]
    assert [arranged.is_orphan(line) for line in range(3)] == [False, True, False]
    cycle = [child("a", "b"), child("b", "a"), child("c", "b")]
    assert shown(tree(*cycle, filter_text="name != b")) == ["▾ ⤷ a", "  ⤷ c"]


def test_runs_in_a_cycle_of_parents_are_roots() -> None:
    cycle = [child("a", "c"), child("b", "a"), child("c", "b"), child("d", "b"), child("me", "me")]
    arranged = tree(*cycle)
    assert shown(arranged) == ["⤷ a", "▾ ⤷ b", "    d", "⤷ c", "⤷ me"]
    assert [arranged.is_orphan(line) for line in range(5)] == [True, True, False, True, True]


def test_a_list_without_children_is_not_indented() -> None:
    arranged = tree(child("a"), child("b"))
    assert (shown(arranged), list(arranged.depths)) == (["a", "b"], [])


def test_indentation_has_a_maximum_depth() -> None:
    chain = [child("0"), *(child(str(n), str(n - 1)) for n in range(1, 3000))]
    arranged = tree(*chain)
    assert len(arranged.lines) == 3000
    assert max(arranged.depths) == MAX_DEPTH
    widths = {column.key: column.width for column in arranged.columns}
    assert widths[NAME] == len("name") + 2 * (MAX_DEPTH + 1)


def test_the_name_column_is_indented_at_any_position() -> None:
    metric = ColumnKey("metric", "acc")
    view = RunView(sort=BY_NAME, columns=(metric, NAME), layout="tree")
    arranged = arrange(RunFrame.from_runs(SWEEP), view, now=START)
    assert [arranged.text(1, column) for column in range(2)] == ["–", "▾ sweep"]
    without = arrange(RunFrame.from_runs(SWEEP), RunView(columns=(metric,), layout="tree"), now=START)
    assert without.text(0, 0).endswith("–")
    assert without.depths


@given(st.lists(st.integers(-1, 9), max_size=10), st.sets(st.integers(0, 9)), st.integers(0, 9))
def test_every_run_is_shown_once_unless_an_ancestor_is_closed(
    parents: list[int], closed: set[int], hidden: int
) -> None:
    runs = [child(str(n), "" if parent < 0 else str(parent)) for n, parent in enumerate(parents)]
    expanded = tree(*runs, filter_text=f"name != '{hidden}'")

    def parent_of(row: int) -> int:
        return parents[hidden] if parents[row] == hidden < len(runs) else parents[row]

    lines = list(expanded.lines)
    assert sorted(lines) == [row for row in range(len(runs)) if row != hidden]
    for line, row in enumerate(lines):
        key = expanded.key_of(line)
        assert expanded.line_of(key) == line
        depth = expanded.depths[line] if expanded.depths else 0
        if depth:
            parent = next(lines[at] for at in range(line, -1, -1) if expanded.depths[at] == depth - 1)
            assert parent == parent_of(row)
            assert expanded.is_orphan(line) is (parent != parents[row])
        else:
            assert expanded.is_orphan(line) is (parents[row] >= 0)
    collapsed = tree(*runs, filter_text=f"name != '{hidden}'", toggled_folds=frozenset(map(str, closed)))
    hidden_rows = set(lines) - set(collapsed.lines)
    assert [row for row in lines if row not in hidden_rows] == list(collapsed.lines)
    assert all(parent_of(row) in closed | hidden_rows for row in hidden_rows)
