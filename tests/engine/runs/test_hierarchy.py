"""Children under their parents, also where parents are missing or go round in circles."""

from __future__ import annotations

from hypothesis import given, strategies as st

from engine.columns import ColumnKey
from engine.entities import Run
from engine.runs.arrange import Arranged, arrange
from engine.runs.frame import RunFrame
from engine.runs.hierarchy import DEEPEST
from engine.runs.sorting import SortKey
from engine.runs.view import RunView
from tests.support.runs import START, a_run

NAME = ColumnKey("attribute", "run_name")
BY_NAME = (SortKey(NAME),)


def child(run_id: str, parent: str = "", **told: object) -> Run:
    tags = {"mlflow.parentRunId": parent} if parent else {}
    return a_run(run_id, name=run_id, tags=tags, **told)  # type: ignore[arg-type]


def tree(*runs: Run, filter_text: str = "", toggled: frozenset[str] = frozenset()) -> Arranged:
    view = RunView(filter_text, sort=BY_NAME, layout="tree")
    return arrange(RunFrame.from_runs(runs), view, now=START, toggled=toggled)


def shown(arranged: Arranged) -> list[str]:
    return [arranged.text(line, arranged.lead) for line in range(len(arranged.lines))]


SWEEP = [
    child("sweep"),
    child("t2", "sweep"),
    child("t1", "sweep"),
    child("fold", "t2"),
    child("alone"),
]


def test_children_stand_under_their_parents_each_in_order() -> None:
    arranged = tree(*SWEEP)
    assert shown(arranged) == ["  alone", "▾ sweep", "    t1", "  ▾ t2", "      fold"]
    assert [arranged.fold_of(line) for line in range(5)] == ["", "open", "", "open", ""]
    assert list(arranged.depths) == [0, 0, 1, 1, 2]


def test_a_parent_can_be_closed() -> None:
    arranged = tree(*SWEEP, toggled=frozenset({"t2"}))
    assert shown(arranged) == ["  alone", "▾ sweep", "    t1", "  ▸ t2"]
    assert (arranged.line_of("fold"), arranged.fold_of(3), len(arranged.matching)) == (None, "closed", 5)
    assert shown(tree(*SWEEP, toggled=frozenset({"sweep", "t2"}))) == ["  alone", "▸ sweep"]


def test_a_child_whose_parent_is_not_loaded_stands_at_the_root_with_a_mark() -> None:
    frame = RunFrame.from_runs([child("t1", "sweep"), child("t2", "sweep"), child("a")], complete=False)
    view = RunView(sort=BY_NAME, layout="tree")
    early = arrange(frame, view, now=START)
    assert shown(early) == ["  a", "⤷ t1", "⤷ t2"]
    assert [early.is_orphan(line) for line in range(3)] == [False, True, True]
    assert [early.value(line, early.lead) for line in range(3)] == ["a", "t1", "t2"]
    later = arrange(frame.extended([child("sweep")]), view, now=START, before=early)
    assert shown(later) == ["  a", "▾ sweep", "    t1", "    t2"]


def test_a_child_whose_parent_does_not_pass_the_filter_stays() -> None:
    arranged = tree(*SWEEP, filter_text="name ~ '^(t|fold)'")
    assert shown(arranged) == ["⤷ t1", "▾ ⤷ t2", "    fold"]


def test_below_a_parent_that_is_filtered_out_stands_the_next_above_it() -> None:
    arranged = tree(*SWEEP, filter_text="name ~ 'sweep|fold|t1'")
    assert shown(arranged) == ["▾ sweep", "  ⤷ fold", "    t1"]
    assert [arranged.is_orphan(line) for line in range(3)] == [False, True, False]
    circle = [child("a", "b"), child("b", "a"), child("c", "b")]
    assert shown(tree(*circle, filter_text="name != b")) == ["▾ ⤷ a", "  ⤷ c"]


def test_a_run_that_is_its_own_parent_and_circles_stand_at_the_root() -> None:
    circle = [child("a", "c"), child("b", "a"), child("c", "b"), child("d", "b"), child("me", "me")]
    arranged = tree(*circle)
    assert shown(arranged) == ["⤷ a", "▾ ⤷ b", "    d", "⤷ c", "⤷ me"]
    assert [arranged.is_orphan(line) for line in range(5)] == [True, True, False, True, True]


def test_a_table_without_children_is_not_indented() -> None:
    arranged = tree(child("a"), child("b"))
    assert (shown(arranged), list(arranged.depths)) == (["a", "b"], [])


def test_a_deep_chain_is_bounded() -> None:
    chain = [child("0"), *(child(str(n), str(n - 1)) for n in range(1, 3000))]
    arranged = tree(*chain)
    assert len(arranged.lines) == 3000
    assert max(arranged.depths) == DEEPEST
    widths = {column.key: column.width for column in arranged.columns}
    assert widths[NAME] == len("name") + 2 * (DEEPEST + 1)


def test_the_name_is_indented_wherever_it_stands() -> None:
    metric = ColumnKey("metric", "acc")
    view = RunView(sort=BY_NAME, columns=(metric, NAME), layout="tree")
    arranged = arrange(RunFrame.from_runs(SWEEP), view, now=START)
    assert [arranged.text(1, column) for column in range(2)] == ["–", "▾ sweep"]
    without = arrange(RunFrame.from_runs(SWEEP), RunView(columns=(metric,), layout="tree"), now=START)
    assert without.text(0, 0).endswith("–")
    assert without.depths


@given(st.lists(st.integers(-1, 9), max_size=10), st.sets(st.integers(0, 9)), st.integers(0, 9))
def test_any_parents_show_every_run_once_unless_it_is_below_a_closed_one(
    parents: list[int], closed: set[int], hidden: int
) -> None:
    runs = [child(str(n), "" if parent < 0 else str(parent)) for n, parent in enumerate(parents)]
    everything = tree(*runs, filter_text=f"name != '{hidden}'")

    def above(row: int) -> int:
        return parents[hidden] if parents[row] == hidden < len(runs) else parents[row]

    lines = list(everything.lines)
    assert sorted(lines) == [row for row in range(len(runs)) if row != hidden]
    for line, row in enumerate(lines):
        key = everything.key_of(line)
        assert everything.line_of(key) == line
        depth = everything.depths[line] if everything.depths else 0
        if depth:
            parent = next(lines[at] for at in range(line, -1, -1) if everything.depths[at] == depth - 1)
            assert parent == above(row)
            assert everything.is_orphan(line) is (parent != parents[row])
        else:
            assert everything.is_orphan(line) is (parents[row] >= 0)
    some = tree(*runs, filter_text=f"name != '{hidden}'", toggled=frozenset(map(str, closed)))
    gone = set(lines) - set(some.lines)
    assert [row for row in lines if row not in gone] == list(some.lines)
    assert all(above(row) in closed | gone for row in gone)
