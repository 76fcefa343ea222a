"""The outcomes of tests as text: the smoke test, an answer, labelled rows, two versions, load."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from engine import formats
from engine.api import milliseconds
from engine.errors import EngineError
from engine.text import Shown, safe, safe_lines
from tui.widgets.fit_text import fit, wrapped

if TYPE_CHECKING:
    from engine.api import (
        Answer,
        Interval,
        LabelledTest,
        LoadStep,
        LoadTest,
        ShadowTest,
        SmokeTestResult,
        TestedMetric,
    )

MAX_PREDICTIONS = 8
MAX_ROWS = 50
"""The most rows listed: wrong ones, or disagreements."""
MAX_ANSWER_LINES = 60
METRIC_WIDTH, NUMBER_WIDTH, INTERVAL_WIDTH = 20, 9, 17


def smoke_test_items(smoke_test: SmokeTestResult | EngineError) -> Iterable[Content]:
    """The result of a smoke test, or the error that prevented it."""
    if isinstance(smoke_test, EngineError):
        yield Content.assemble(("✗ not run", "$error"), f" {safe(str(smoke_test))}")
        return
    if not smoke_test.ok:
        yield Content.assemble(("✗ failed", "$error"), f" {safe(smoke_test.detail)}")
        return
    rows = formats.counted(smoke_test.rows, "row")
    predictions = ", ".join(safe(text) for text in smoke_test.predictions[:MAX_PREDICTIONS])
    more = " …" if smoke_test.rows > min(len(smoke_test.predictions), MAX_PREDICTIONS) else ""
    yield Content.assemble(("✓ passed", "$success"), f" {rows} → {predictions}{more}")
    yield Content(f"loaded in {brief(smoke_test.load_seconds)}")
    yield Content(f"predicted in {brief(smoke_test.predict_seconds)}")


def brief(seconds: float) -> Shown:
    """`4.2 ms`, `310 ms`, `1.2s`"""
    return formats.duration(seconds) if seconds >= 1 else milliseconds(seconds)


def answer_lines(answer: Answer, width: int) -> Iterator[Content]:
    """The status and how long it took, then the predictions or what MLflow says, whole."""
    style = "$success" if answer.is_ok else "$error"
    glyph = "✓" if answer.is_ok else "✗"
    yield Content.assemble((f"{glyph} HTTP {answer.status}", style), f"  {brief(answer.seconds)}")
    text = readable(answer.body) if answer.is_ok else answer.message
    yield from _limited(safe_lines(text), width, MAX_ANSWER_LINES)


def readable(body: str) -> str:
    """JSON with each prediction on a line if it is long; other text as it is."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    short = json.dumps(found, ensure_ascii=False)
    return short if len(short) <= 200 else json.dumps(found, ensure_ascii=False, indent=1)


def _limited(texts: Iterable[Shown], width: int, limit: int) -> Iterator[Content]:
    lines = [line for text in texts for line in wrapped(text, width)]
    yield from map(Content, lines[:limit])
    if len(lines) > limit:
        yield Content.styled(f"and {formats.counted(len(lines) - limit, 'line')} more", "$text-muted")


def labelled_lines(test: LabelledTest, width: int) -> Iterator[Content]:
    """The verdict, the metrics beside what the run logged, the causes, and the wrong rows."""
    yield from _verdict(test.verdict, "$error" if test.is_skewed else "$success", width)
    yield Content.styled(f"{test.source} · {brief(test.seconds)}", "$text-muted")
    yield Content("")
    heads = fit("", METRIC_WIDTH) + fit("served", NUMBER_WIDTH, right=True) + fit("", INTERVAL_WIDTH)
    yield Content.styled(heads + fit("logged", NUMBER_WIDTH, right=True), "$text-muted")
    yield from map(_metric_line, test.metrics)
    for cause in test.causes:
        yield Content("")
        style = "$error" if cause.is_skew else "$warning"
        lines = wrapped(cause.text, width - 2)
        yield Content.assemble(("! ", style), lines[0])
        yield from (Content(f"  {line}") for line in lines[1:])
    if test.wrong and not test.is_regression:
        yield Content("")
        yield from _wrong_rows(test)


def _verdict(text: Shown, style: str, width: int) -> Iterator[Content]:
    first, *rest = wrapped(text, width - 2)
    yield Content.assemble(("● ", style), (first, "bold"))
    yield from (Content.assemble("  ", (line, "bold")) for line in rest)


def _metric_line(metric: TestedMetric) -> Content:
    served = fit(formats.number(metric.value), NUMBER_WIDTH, right=True)
    logged = "" if metric.logged is None else fit(formats.number(metric.logged), NUMBER_WIDTH, right=True)
    beside = fit(_interval(metric.interval), INTERVAL_WIDTH)
    return Content.assemble(
        (fit(safe(metric.name), METRIC_WIDTH), "$text-muted"),
        served,
        (beside, "$text-muted"),
        logged,
        (_interval(metric.logged_interval), "$text-muted"),
    )


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f"  [{interval.low:.3f}, {interval.high:.3f}]"


def _wrong_rows(test: LabelledTest) -> Iterator[Content]:
    shown = test.wrong[:MAX_ROWS]
    with_logged, with_corrected = any(r.logged for r in shown), any(r.corrected for r in shown)
    heads = ["wrong row", safe(test.label) or "label", "predicted"]
    heads += ["logged"] * with_logged + ["right scale"] * with_corrected
    rows = [
        [row.name, row.actual, row.predicted, *[row.logged] * with_logged, *[row.corrected] * with_corrected]
        for row in shown
    ]
    yield from _columns(heads, rows)
    if len(test.wrong) > MAX_ROWS:
        yield Content.styled(f"and {formats.count(len(test.wrong) - MAX_ROWS)} more", "$text-muted")


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Content]:
    """Rows in columns of at most 24 cells."""
    cells = [[safe(cell, 80) for cell in row] for row in rows]
    widths = [min(24, max(map(len, column))) + 2 for column in zip(heads, *cells, strict=True)]
    yield Content.styled("".join(fit(h, w) for h, w in zip(heads, widths, strict=True)), "$text-muted")
    for row in cells:
        yield Content("".join(fit(cell, w) for cell, w in zip(row, widths, strict=True)))


def shadow_lines(test: ShadowTest, width: int) -> Iterator[Content]:
    """The verdict, and the rows on which the two disagree."""
    yield from _verdict(test.verdict, "$error" if test.is_worse else "$success", width)
    taken = f"{brief(test.first_seconds)} and {brief(test.second_seconds)}"
    yield Content.styled(f"{test.source} · {taken}", "$text-muted")
    if not test.disagreements:
        return
    yield Content("")
    labelled = any(found.actual for found in test.disagreements)
    names = [f"version {test.first.version}", f"version {test.second.version}"]
    heads = ["row", *["label"] * labelled, *names]
    shown = test.disagreements[:MAX_ROWS]
    yield from _columns(heads, [[d.name, *[d.actual] * labelled, d.first, d.second] for d in shown])
    if len(test.disagreements) > MAX_ROWS:
        yield Content.styled(f"and {formats.count(len(test.disagreements) - MAX_ROWS)} more", "$text-muted")


def load_lines(test: LoadTest, width: int) -> Iterator[Content]:
    """The verdict, and each rate with its latencies."""
    steps = (test.main, *test.steps)
    yield from _verdict(test.verdict, "$success" if test.passed else "$error", width)
    yield Content.styled(formats.counted(test.connections, "connection"), "$text-muted")
    yield Content("")
    heads = ["rate", "answered/s", "p50", "p95", "p99", "max", "errors"]
    yield from _columns(heads, [_step_cells(step) for step in steps])
    if any(step.is_client_slow for step in steps):
        yield Content("")
        text = "This machine was too busy to send all requests in time: latencies are partly its own."
        yield from (Content.styled(line, "$warning") for line in wrapped(text, width))


def _step_cells(step: LoadStep) -> Sequence[str]:
    latencies = (step.p50, step.p95, step.p99, step.longest)
    return [f"{step.rate:.4g}", f"{step.achieved:.1f}", *map(milliseconds, latencies), step.problems]


def error_lines(error: EngineError, width: int) -> Iterator[Content]:
    yield Content.styled(f"✗ {safe(error.title, 200)}", "$error")
    for part in (error.detail, error.hint):
        yield from _limited(safe_lines(part), width, MAX_ANSWER_LINES) if part else ()
