"""A promotion plan: the current versions of the target, the candidate, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from engine import formats
from engine.api import AliasChange
from engine.entities import ModelVersion, Run
from engine.errors import EngineError
from engine.text import Shown, cell_width, safe
from tui.model_tests.results import smoke_test_items
from tui.models.sources import STAGE_COLOURS, STAGE_GLYPHS, alias_text, stage_text
from tui.widgets.fit_text import fit
from tui.widgets.lines import Lines, field, paragraph

if TYPE_CHECKING:
    from engine.api import Change, CompareRow, Comparison, PromotionPlan, SmokeTestResult

LABEL = 19
NAME_WIDTH = 24
VALUE_WIDTH = 22
HOLDERS_SHOWN = 3
MAX_LINES = 20
"""Of a gate or a warning."""
BEST = "★"
GATE_MARKS = {"passed": ("✓", "$success"), "failed": ("✗", "$error"), "inconclusive": ("?", "$warning")}


class PlanView(Lines):
    """The upper part of the promotion dialog: the facts to decide by."""

    plan: reactive[PromotionPlan | None] = reactive(None, layout=True)
    smoke_test: reactive[SmokeTestResult | EngineError | None] = reactive(None, layout=True)
    now: int = 0
    """When the dialog was opened, in milliseconds since the epoch."""

    def lines(self, width: int) -> list[Content]:
        plan = self.plan
        if plan is None:
            return []
        runs = {run.run_id: run for run in plan.comparison.runs} if plan.comparison else {}
        lines = self._holders(plan, width)
        lines += field("candidate", self._version(plan.candidate, runs), width, label_width=LABEL)
        lines += self._gates(plan, width)
        for warning in plan.warnings:
            for at, line in enumerate(paragraph([safe(warning)], width - 2, MAX_LINES)):
                lines.append(Content.assemble(("  " if at else "! ", "$warning"), line))
        lines += self._test(width)
        if plan.evidence:
            said = paragraph([plan.evidence], max(8, width - LABEL), 3)
            lines += field("evidence", said, width, label_width=LABEL)
        if plan.comparison is not None:
            lines += [Content(""), *comparison_lines(plan, plan.comparison, width)]
        return lines

    def _gates(self, plan: PromotionPlan, width: int) -> list[Content]:
        lines: list[Content] = []
        for gate in plan.gates:
            mark, colour = GATE_MARKS[gate.state]
            for at, line in enumerate(
                paragraph([safe(f"{gate.name}: {gate.evidence}")], width - 2, MAX_LINES)
            ):
                lines.append(Content.assemble(("  " if at else f"{mark} ", colour), line))
        return lines

    def _holders(self, plan: PromotionPlan, width: int) -> list[Content]:
        label = f"now {'' if plan.kind == 'alias' else 'in '}{safe(plan.target_name, 15)}"
        if not plan.holders:
            if plan.kind == "stage" and plan.target not in ("Staging", "Production"):
                return []
            own = plan.target in (plan.candidate.stage, *plan.candidate.aliases)
            return field(label, [Content("this version" if own else "no version")], width, label_width=LABEL)
        runs = {run.run_id: run for run in plan.comparison.runs} if plan.comparison else {}
        lines: list[Content] = []
        for holder in plan.holders[:HOLDERS_SHOWN]:
            items = self._version(holder, runs, stage=plan.kind == "alias")
            lines += field("" if lines else label, items, width, label_width=LABEL)
        if (rest := len(plan.holders) - HOLDERS_SHOWN) > 0:
            lines += field("", [Content(f"and {rest} more versions")], width, label_width=LABEL)
        return lines

    def _version(self, version: ModelVersion, runs: dict[str, Run], *, stage: bool = True) -> list[Content]:
        items = [Content.styled(f"version {version.version}", "bold")]
        if stage and version.stage != "None":
            items.append(Content.styled(stage_text(version.stage), STAGE_COLOURS.get(version.stage, "")))
        if version.aliases:
            items.append(Content.styled(alias_text(version.aliases), "$accent"))
        run = runs.get(version.run_id)
        if run is not None:
            by = f" by {safe(run.user_id)}" if run.user_id else ""
            items.append(Content(f"run {safe(run.run_name, 40)}"))
            items.append(Content(f"trained {formats.ago(run.start_time, self.now)}{by}"))
        return items

    def _test(self, width: int) -> list[Content]:
        tests = () if self.plan is None else self.plan.tests
        items: list[Content] = [] if self.smoke_test is None else list(smoke_test_items(self.smoke_test))
        if not items and not tests:
            items.append(Content("not tested yet (press T in the models view)"))
        lines = field("test", items, width, label_width=LABEL)
        for test in tests:
            mark = ("✓ ", "$success") if test.passed else ("✗ ", "$error")
            name = f"{'' if test.kind == 'labelled' else f'{test.kind}, '}{formats.ago(test.time, self.now)}"
            said = paragraph([safe(test.text)], max(8, width - LABEL - 2), 3)
            shown = [Content.assemble(mark, Content.styled(name, "bold")), *said]
            lines += field("" if lines else "test", shown, width, label_width=LABEL)
        return lines


@dataclass(frozen=True, slots=True)
class _Column:
    """A version in the table: the position of its run in the comparison, and the width of its values."""

    position: int
    heading: Shown
    width: int


def _columns(plan: PromotionPlan, comparison: Comparison, rows: Sequence[CompareRow]) -> list[_Column]:
    """The holders to show, and the candidate at the end."""
    columns = []
    positions = list(enumerate(comparison.runs))
    for version in (*plan.holders, plan.candidate):
        match = next((at for at in positions if at[1].run_id == version.run_id), None)
        if match is not None:
            positions.remove(match)
            heading = safe(f"version {version.version}")
            texts = [row.texts[match[0]] for row in rows]
            width = min(VALUE_WIDTH, max(map(cell_width, (heading, *texts))))
            columns.append(_Column(match[0], heading, width))
    return [*columns[:-1][:HOLDERS_SHOWN], *columns[-1:]]


def comparison_lines(plan: PromotionPlan, comparison: Comparison, width: int) -> list[Content]:
    """One line for each metric and parameter, the most important first. The best value of a metric has a
    star; the last column shows how far the candidate is from the first holder."""
    rows = comparison.by_importance()
    columns = _columns(plan, comparison, rows)
    name_width = min(NAME_WIDTH, max([8, *(cell_width(row.label()) for row in rows)]))
    while len(columns) > 1 and name_width + sum(column.width + 3 for column in columns) + 10 > width:
        columns.pop(len(columns) - 2 if len(columns) > 2 else 0)
    heading = "   ".join(fit(column.heading, column.width, right=True) for column in columns)
    lines = [Content.styled(f"{' ' * name_width}   {heading}", "$text-muted")]
    return lines + [_comparison_line(row, columns, name_width) for row in rows]


def _comparison_line(row: CompareRow, columns: Sequence[_Column], name_width: int) -> Content:
    parts: list[Content | str | tuple[str, str]] = [
        (fit(row.label(name_width), name_width), "$text-muted"),
        "   ",
    ]
    for column in columns:
        best = column.position in row.best
        finite = formats.is_finite(row.values[column.position])
        style = "$success bold" if best else "" if finite else "$error"
        parts.append((fit(row.texts[column.position], column.width, right=True), style))
        parts.append((f" {BEST} " if best else "   ", style))
    if len(columns) > 1:
        delta = row.deltas(columns[0].position)[columns[-1].position]
        if delta is not None:
            colour = {True: "$success", False: "$error", None: "$text-muted"}[delta.better]
            parts.append((delta.text, colour))
        elif not row.is_metric and row.differs:
            parts.append(("≠", "$text-muted"))
    return Content.assemble(*parts)


def change_text(change: Change) -> Content:
    """`version 3  – None → ● Production`, `@champion  version 2 → version 3`."""
    if isinstance(change, AliasChange):
        alias = safe(change.alias, 40)
        before = f"version {change.before}" if change.before else "nowhere"
        after = f"version {change.after}" if change.after else "nowhere"
        return Content.assemble((f"@{alias}", "$accent"), f" {safe(before)} → {safe(after)}")
    parts: list[str | tuple[str, str]] = [(f"version {change.version} ", "bold")]
    for word, arrow in ((change.before, " → "), (change.after, "")):
        glyph = next((glyph for stage, glyph in STAGE_GLYPHS.items() if stage == word), "")
        colour = next((colour for stage, colour in STAGE_COLOURS.items() if stage == word), "")
        parts += [(f"{glyph} {safe(word)}".strip(), colour), arrow]
    return Content.assemble(*parts)
