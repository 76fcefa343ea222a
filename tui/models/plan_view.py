"""A promotion plan for people: who holds the target now, the candidate, how they compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from engine import formats
from engine.api import AliasChange, key_metrics
from engine.entities import ModelVersion, Run
from engine.errors import EngineError
from engine.text import Shown, cell_width, cut, safe
from tui.models.sources import STAGE_COLOURS, STAGE_GLYPHS, alias_text, stage_text
from tui.models.version_detail import smoke_test_items
from tui.widgets.cells import fit
from tui.widgets.lines import Lines, field, paragraph

if TYPE_CHECKING:
    from engine.api import Change, CompareRow, Comparison, PromotionPlan, SmokeTestResult

LABEL = 19
NAME_WIDTH = 24
HOLDERS_SHOWN = 3
NOTHING = Shown("")
BEST = "★"
_ARROWS = {"higher": " ↑", "lower": " ↓"}


class PlanView(Lines):
    """The upper part of the promotion dialog: everything that helps to decide."""

    plan: reactive[PromotionPlan | None] = reactive(None, layout=True)
    smoke_test: reactive[SmokeTestResult | EngineError | None] = reactive(None, layout=True)
    now: int = 0
    """When the dialog was opened, epoch milliseconds."""

    def lines(self, width: int) -> list[Content]:
        plan = self.plan
        if plan is None:
            return []
        runs = {run.run_id: run for run in plan.comparison.runs} if plan.comparison else {}
        lines = self._holders(plan, width)
        lines += field("candidate", self._version(plan.candidate, runs), width, label_width=LABEL)
        for warning in plan.warnings:
            told = paragraph([safe(warning)], width - 2, 3)
            lines += [
                Content.assemble(("  " if at else "! ", "$warning"), line) for at, line in enumerate(told)
            ]
        lines += self._test(width)
        if plan.comparison is not None:
            lines += [Content(""), *comparison_lines(plan.comparison, _columns(plan), width)]
        return lines

    def _holders(self, plan: PromotionPlan, width: int) -> list[Content]:
        label = f"now {'@' if plan.kind == 'alias' else 'in '}{safe(plan.target, 14)}"
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
        if self.smoke_test is None:
            items: Iterable[Content] = [Content("not tested yet (T in the models view tests it)")]
        else:
            items = smoke_test_items(self.smoke_test)
        return field("test", items, width, label_width=LABEL)


@dataclass(frozen=True, slots=True)
class _Compared:
    """One run of the comparison: its place there and what stands above its column."""

    at: int
    head: Shown


def _columns(plan: PromotionPlan) -> list[_Compared]:
    """The comparison's runs as versions: the holders that are shown, and the candidate at the end."""
    assert plan.comparison is not None
    columns = []
    places = list(enumerate(plan.comparison.runs))
    for version in (*plan.holders, plan.candidate):
        match = next((place for place in places if place[1].run_id == version.run_id), None)
        if match is not None:
            places.remove(match)
            columns.append(_Compared(match[0], safe(f"version {version.version}")))
    return [*columns[:-1][:HOLDERS_SHOWN], *columns[-1:]]


def comparison_lines(comparison: Comparison, columns: Sequence[_Compared], width: int) -> list[Content]:
    """One line a metric or parameter, what says most first; the best metric of a line is starred, and
    the last column says how far the candidate is from the first holder."""
    table = [_cells(row, columns) for row in _in_order(comparison)]
    heads = [column.head for column in columns]
    widths = [
        min(22, max([cell_width(head), *(cell_width(line.cells[at]) for line in table)], default=0))
        for at, head in enumerate(heads)
    ]
    name_width = min(NAME_WIDTH, max([8, *(cell_width(line.name) for line in table)]))
    while len(heads) > 1 and name_width + sum(widths) + 3 * len(widths) + 10 > width:
        dropped = len(heads) - 2 if len(heads) > 2 else 0
        heads.pop(dropped)
        widths.pop(dropped)
        table = [line.without(dropped) for line in table]
    head = "   ".join(fit(text, size, right=True) for text, size in zip(heads, widths, strict=True))
    lines = [Content.styled(f"{' ' * name_width}   {head}", "$text-muted")]
    return lines + [line.content(name_width, widths) for line in table]


def _in_order(comparison: Comparison) -> list[CompareRow]:
    """Key metrics, parameters that differ, then the rest: what differs before what does not."""
    metrics = [row for row in comparison.rows if row.key.kind == "metric"]
    params = [row for row in comparison.rows if row.key.kind == "param"]
    keys = key_metrics(row.key.name for row in metrics)
    first = sorted((r for r in metrics if r.key.name in keys), key=lambda r: keys.index(r.key.name))
    first += [row for row in params if row.differs]
    rest = [row for row in (*metrics, *params) if row not in first]
    return first + sorted(rest, key=lambda row: not row.differs)


@dataclass(frozen=True, slots=True)
class _Line:
    name: Shown
    cells: tuple[Shown, ...]
    best: tuple[bool, ...]
    delta: Shown = NOTHING
    better: bool | None = None

    def without(self, at: int) -> _Line:
        keep = [place for place in range(len(self.cells)) if place != at]
        cells, best = tuple(self.cells[k] for k in keep), tuple(self.best[k] for k in keep)
        return _Line(self.name, cells, best, self.delta if len(keep) > 1 else NOTHING, self.better)

    def content(self, name_width: int, widths: Sequence[int]) -> Content:
        parts: list[Content | str | tuple[str, str]] = [(fit(self.name, name_width), "$text-muted"), "   "]
        for cell, best, width in zip(self.cells, self.best, widths, strict=True):
            style = "$success bold" if best else ""
            parts += [(fit(cell, width, right=True), style), (f" {BEST} " if best else "   ", style)]
        colour = {True: "$success", False: "$error", None: "$text-muted"}[self.better]
        parts.append((self.delta, colour))
        return Content.assemble(*parts)


def _cells(row: CompareRow, columns: Sequence[_Compared]) -> _Line:
    if row.key.kind != "metric":
        texts = tuple(_text(row.values[column.at]) for column in columns)
        mark = Shown("≠") if row.differs and len(columns) > 1 else NOTHING
        return _Line(cut(safe(row.key.name), NAME_WIDTH), texts, (False,) * len(columns), mark)
    numbers = [value if isinstance(value := row.values[c.at], (int, float)) else None for c in columns]
    fmt = formats.format_for(numbers)
    name = Shown(cut(safe(row.key.name), NAME_WIDTH - 2) + _ARROWS.get(row.direction or "", ""))
    delta, better = NOTHING, None
    if len(numbers) > 1 and numbers[0] is not None and numbers[-1] is not None:
        gap = numbers[-1] - numbers[0]
        delta = formats.delta(gap, fmt)
        if gap and row.direction is not None:
            better = (gap > 0) == (row.direction == "higher")
    return _Line(name, tuple(map(fmt, numbers)), tuple(c.at in row.best for c in columns), delta, better)


def _text(value: object) -> Shown:
    return formats.MISSING if value is None else cut(safe(value), 22)


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
