"""Text fitting, the empty state, key-value panes, the confusion matrix."""

from __future__ import annotations

from functools import partial

import pytest
from rich.cells import cell_len
from textual.content import Content

from engine.runs.metrics import Confusion
from engine.text import Shown, safe
from tests.engine.filters.support import call_count
from tests.tui.widgets.support import Stage
from tui.session import RunningSweep
from tui.widgets.confusion import ConfusionMatrix, matrix
from tui.widgets.empty import EmptyState
from tui.widgets.fit_text import fit, thin_bar, wrapped
from tui.widgets.key_value import KeyValue, Pair, Section, lay_out
from tui.widgets.lines import Lines, paragraph
from tui.widgets.screen_lines import PaneTitle, StatusFacts, StatusLine

COUNTS = Confusion(27, 29, 3, 2, positive="disease", negative="no disease")
LONG = safe("a long value that goes on and on until it has to be continued in the next line")


def test_dropped_spaces_are_not_marked_as_a_cut() -> None:
    assert fit("0.9180  ", 7) == "0.9180 "
    assert fit("0.9180  ", 5, right=True) == "0.91…"


@pytest.mark.parametrize(
    "text", ["", "abc", "abcdefghijkl", "日本語の実験名前", "👩‍👩‍👧‍👦👍", "a\x1b[31mb", "\u202e\ud800"]
)
@pytest.mark.parametrize("width", range(8))
def test_fitted_text_has_exactly_the_given_width(text: str, width: int) -> None:
    for right in (False, True):
        fitted = fit(text, width, right=right)
        assert cell_len(fitted) == width
        assert fitted.replace("\u200d", "").isprintable()
    if 0 < width < cell_len(text):
        assert fit(text, width).endswith("…")


@pytest.mark.parametrize("text", [LONG, "日本語の実験名前" * 5, "x" * 50, "a b " * 20])
@pytest.mark.parametrize("width", [1, 2, 7, 20])
def test_wrapped_text_loses_nothing_but_spaces(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    if width > 1:
        assert all(cell_len(line) <= width for line in lines)


def test_wrapping_takes_time_in_proportion_to_the_text() -> None:
    short, long = (call_count(partial(wrapped, "é" * length, 1)) for length in (1000, 4000))
    assert long < 5 * short


def test_wrapped_text_breaks_at_spaces() -> None:
    assert wrapped(LONG, 24)[:2] == ["a long value that goes", "on and on until it has"]


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "━━━━"), (0.5, "━━"), (0.4, "━╸"), (0.0, ""), (-1.0, ""), (2.0, "━━━━")]
)
def test_a_thin_bar_shows_a_fraction_to_half_a_cell(share: float, text: str) -> None:
    assert thin_bar(share, 4) == text


@pytest.mark.parametrize(
    ("width", "views"),
    [
        (150, "1 Runs  2 Compare  3 Models  4 Training 23/60  5 Deployments ✗1  6 Activity"),
        (60, "1 Runs  2  3  4 23/60  5 ✗1  6"),
    ],
)
async def test_the_status_line_shows_a_running_sweep_and_failed_deployments_in_every_view(
    width: int, views: str
) -> None:
    line = StatusLine()
    stage = Stage(line)
    async with stage.run_test(size=(width, 3)) as pilot:
        sweep = RunningSweep(23, 60, Shown("heart"))
        facts = (Shown("sqlite:///mlflow.db"), Shown("ada@gpu-3"), False, Shown("read 09:00:00"), None)
        line.status = StatusFacts(*facts, {"training": sweep.label, "deployments": Shown("✗1")})
        await pilot.pause()
        assert stage.lines()[0].rstrip().endswith(views)
        line.status = StatusFacts(*facts)
        await pilot.pause()
        assert "23/60" not in stage.lines()[0]


async def test_the_empty_state_shows_title_lines_and_keys() -> None:
    class Counted(EmptyState):
        drawn = 0

        def render(self) -> Content:
            self.drawn += 1
            return super().render()

    empty = Counted()
    stage = Stage(empty)
    async with stage.run_test(size=(60, 14)) as pilot:
        shown = "Nothing to compare yet", ["Mark two runs or more."], [("1", "runs"), ("space", "mark")]
        empty.show(*shown)
        await pilot.pause()
        drawn = empty.drawn
        empty.show(*shown)
        await pilot.pause()
        assert empty.drawn == drawn, "the same contents are not drawn again"
        lines = [line for line in stage.lines() if line]
        assert [line.strip() for line in lines] == [
            "Nothing to compare yet",
            "Mark two runs or more.",
            "1   runs",
            "space   mark",
        ]
        assert lines[2].index("runs") == lines[3].index("mark")


async def test_values_wrap_beside_their_names() -> None:
    pane = KeyValue()
    stage = Stage(pane)
    async with stage.run_test(size=(40, 12)) as pilot:
        pane.focus()
        pane.show(
            [
                Section(Shown("PARAMETERS"), [Pair(Shown("k"), Shown("7")), Pair(Shown("weights"), LONG)]),
                Section(Shown("TAGS"), [], Shown("no tags")),
            ]
        )
        await pilot.pause()
        assert stage.lines()[:8] == [
            " PARAMETERS",
            " k        7",
            " weights  a long value that goes on and",
            "          on until it has to be",
            "          continued in the next line",
            "",
            " TAGS",
            " no tags",
        ]


async def test_long_values_scroll_and_keep_their_position() -> None:
    def sections(value: str) -> list[Section]:
        pairs = [Pair(Shown(f"p{at:03}"), Shown(value)) for at in range(500)]
        return [Section(Shown("PARAMETERS"), pairs)]

    pane = KeyValue(sections("1"))
    stage = Stage(pane)
    async with stage.run_test(size=(40, 12)) as pilot:
        pane.focus()
        await pilot.press("G")
        await pilot.pause()
        assert "p499" in stage.lines()[-1]
        await pilot.press("g", "j", "j", "k", "ctrl+d", "ctrl+u", "pagedown", "pageup")
        await pilot.pause()
        assert "p000" in stage.lines()[0]
        pane.show(sections("2"))
        await pilot.pause()
        assert stage.lines()[0].split() == ["p000", "2"]
        pane.show([Section(Shown("TAGS"), [])])
        await pilot.pause()
        assert stage.lines()[0].strip() == "TAGS"


async def test_the_confusion_matrix_has_labelled_rows_and_columns() -> None:
    widget = ConfusionMatrix()
    stage = Stage(widget)
    async with stage.run_test(size=(60, 5)) as pilot:
        widget.set_counts(COUNTS)
        await pilot.pause()
        assert stage.lines()[:3] == [
            "actual ↓ predicted →  no disease  disease",
            "          no disease          29        3",
            "             disease           2       27",
        ]
        widget.set_counts(None)
        await pilot.pause()
        assert "".join(stage.lines()).strip() == ""


def test_the_labels_of_a_confusion_matrix_are_cut_to_its_width() -> None:
    assert matrix(COUNTS, 38).plain.splitlines() == [
        "act. ↓ pred. →  no disease  disease",
        "    no disease          29        3",
        "       disease           2       27",
    ]
    assert matrix(COUNTS, 28).plain.splitlines()[:2] == [
        "act ↓ pred →  no di…  disea…",
        "      no di…      29       3",
    ]


def test_values_without_names_begin_where_names_would() -> None:
    section = Section(Shown("DESCRIPTION"), [Pair(Shown(""), [Shown("one"), Shown("two")])])
    lines = ["".join(text for text, _ in line).rstrip() for line in lay_out([section], 40)]
    assert lines == [" DESCRIPTION", " one", " two"]


def test_names_are_not_wrapped_while_their_values_leave_room() -> None:
    short, long = Pair(Shown("balanced_accuracy"), Shown("0.7732")), Pair(Shown("f1"), Shown("0." + "9" * 30))
    for pairs, first in (([short], " balanced_accuracy  0.7732"), ([short, long], " balanced_accur  0.7732")):
        lines = lay_out([Section(Shown("METRICS"), pairs)], 29)
        assert "".join(text for text, _ in lines[1]).rstrip() == first


async def test_a_line_that_does_not_fit_is_cut_with_a_mark() -> None:
    class Wide(Lines):
        def lines(self, width: int) -> list[Content]:
            return [Content("x" * width), Content("x" * (width + 1))]

    title, status = PaneTitle("RUNS"), StatusLine()
    title.subject, title.facts = Shown("日本語の実験名前" * 9), Shown("1,000 of 12,431 loaded")
    reading = Shown("http://127.0.0.1:5000 cannot be reached " * 3)
    status.status = StatusFacts(Shown("http://" + "日" * 60), Shown("ana"), False, Shown(""), reading)
    stage = Stage(Wide(), title, status)
    async with stage.run_test(size=(40, 6)):
        lines = stage.lines()
        assert all(cell_len(line) <= 40 for line in lines)
        assert ["…" in line for line in lines[:4]] == [True, False, True, True]
        assert lines[2] == "x" * 39 + "…"
        assert lines[3].count("…") == 2
        assert "1 Runs" in lines[0]


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (2, 3), (6, 4)])
async def test_it_works_at_small_sizes(size: tuple[int, int]) -> None:
    empty = EmptyState()
    pane = KeyValue([Section(Shown("T"), [Pair(Shown("name"), LONG)])])
    for widget in (empty, pane, ConfusionMatrix(COUNTS)):
        stage = Stage(widget)
        async with stage.run_test(size=size) as pilot:
            empty.show("Title", ["a line of text"], [("k", "does")])
            await pilot.press("j", "G")
            assert all(cell_len(line) <= size[0] for line in stage.lines())


@pytest.mark.parametrize(
    ("text", "width", "last"),
    [("aaaa bb cc", 7, "cc"), ("aaaa bb cccc", 5, "bb …"), ("a" * 30, 10, "aaaaaaaaa…")],
)
def test_a_paragraph_that_is_cut_has_one_mark_at_its_end(text: str, width: int, last: str) -> None:
    assert str(paragraph([text], width, 2)[-1]) == last
