"""What a run shows of each class: precision, recall and F1 with what they mean, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Iterator

from engine.entities import Run
from engine.formats import counted, number
from engine.report.document import Block, Bullets, Column, Heading, Paragraph, Text, lined_up, strong
from engine.report.facts import ClassFacts, classes_of, measured
from engine.report.wording import LEVEL, bracketed, interval_text
from engine.runs.metrics import confusion_of


def per_class_blocks(run: Run) -> Iterator[Block]:
    """Precision, recall and F1 of each class that a run has metrics of, and what they mean."""
    classes = classes_of(run)
    if not classes:
        return
    yield Heading(3, ("Metrics per class",))
    heads: list[str | Column] = [
        "class",
        Column("precision", numeric=True),
        Column(LEVEL),
        Column("recall", numeric=True),
        Column(LEVEL),
        Column("F1", numeric=True),
        Column("rows", numeric=True),
    ]
    rows = []
    for found in classes:
        prefix = f"class_{found.name}"
        cells: list[str] = [found.shown]
        for measure in ("precision", "recall"):
            exact = measured(run, f"{prefix}_{measure}")
            cells.append(number(run.metrics.get(f"{prefix}_{measure}")))
            cells.append(f"{bracketed(exact[1])} n={exact[0].n}" if exact else "–")
        cells += [number(run.metrics.get(f"{prefix}_f1")), number(run.metrics.get(f"{prefix}_support"))]
        rows.append(cells)
    yield lined_up(heads, rows)
    yield Paragraph(("What they mean:",))
    yield Bullets(tuple(text for found in classes for text in _meaning(run, found)))


def _meaning(run: Run, found: ClassFacts) -> Iterator[Text]:
    prefix = f"class_{found.name}"
    parts: list[str] = []
    if precise := measured(run, f"{prefix}_precision"):
        rate, interval = precise
        parts.append(
            f"of the {rate.n} rows predicted as {found.short}, {rate.successes} are right ({LEVEL} of the "
            f"precision {interval_text(interval)}, n={rate.n})"
        )
    if recalled := measured(run, f"{prefix}_recall"):
        rate, interval = recalled
        parts.append(
            f"of the {rate.n} rows that are {found.short}, {rate.successes} were found and "
            f"{rate.n - rate.successes} missed ({LEVEL} of the recall {interval_text(interval)}, n={rate.n})"
        )
    if parts:
        yield (strong(found.shown), ": ", "; ".join(parts), ".")


def confusion_blocks(run: Run) -> Iterator[Block]:
    """The confusion matrix of a run that logged the four counts."""
    counts = confusion_of(run.metrics, run.tags)
    if counts is None:
        return
    total = counts.true_positives + counts.true_negatives + counts.false_positives + counts.false_negatives
    wrong = counts.false_positives + counts.false_negatives
    positive, negative = _class_word(counts.positive), _class_word(counts.negative)
    yield Heading(3, ("Confusion matrix",))
    heads: list[str | Column] = [
        "actual",
        Column(f"predicted {positive}", numeric=True),
        Column(f"predicted {negative}", numeric=True),
        Column("rows", numeric=True),
    ]
    tp, tn = counts.true_positives, counts.true_negatives
    fp, fn = counts.false_positives, counts.false_negatives
    rows = [
        [positive, str(tp), str(fn), str(tp + fn)],
        [negative, str(fp), str(tn), str(fp + tn)],
        ["all", str(tp + fp), str(fn + tn), str(total)],
    ]
    yield lined_up(heads, rows)
    yield Paragraph(
        (
            f"Of {total} test rows, {total - wrong} are predicted right and {wrong} wrong: {_rows(fp)} with "
            f"{negative} predicted as {positive}, and {_rows(fn)} with {positive} predicted as {negative}. "
            f"The counts take {positive} as the positive class (n={total}).",
        )
    )


def _rows(n: int) -> str:
    return counted(n, "row")


def _class_word(label: str) -> str:
    return f"class {label}" if len(label) <= 2 else label
