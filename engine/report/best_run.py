"""The section on the best run: highlights, metrics per class, confusion matrix, parameters."""

from __future__ import annotations

from collections.abc import Iterator

from engine.evidence.best import TIE_METRIC
from engine.evidence.measured import FOLD_METRIC
from engine.formats import counted, duration, number
from engine.report.document import (
    Block,
    Bullets,
    Column,
    Heading,
    Paragraph,
    Part,
    Text,
    code,
    lined_up,
    strong,
)
from engine.report.facts import ClassFacts, Facts, classes_of, measured
from engine.report.wording import (
    LEVEL,
    bracketed,
    difference_text,
    interval_text,
    listing,
    name_of,
    short_time,
    utc,
    value_of,
)
from engine.runs.metrics import CONFUSION_COUNTS, confusion_of
from engine.secrets import mask


def best_run_section(facts: Facts) -> Iterator[Block]:
    run = facts.best
    title = "Best run" if facts.considered > 1 else "The run"
    yield Heading(2, (f"{title}: {name_of(run)}",))
    yield Heading(3, ("Key highlights",))
    yield Bullets(tuple(_highlights(facts)))
    classes = classes_of(run)
    if classes:
        yield from _per_class(facts, classes)
    yield from _confusion(facts)
    yield from _parameters(facts)
    yield from _other_metrics(facts, classes)
    yield from _origin(facts)


def _highlights(facts: Facts) -> Iterator[Text]:
    best, standing, run = facts.insights.best, facts.insights.standing, facts.best
    yield (strong(facts.metric), " ", value_of(run, facts.metric), f"; {facts.direction} is better.")
    if best.tied:
        others = counted(len(best.tied), "other run")
        names = listing([name_of(tied) for tied in best.tied])
        yield (
            f"Tied with {others}, which {'has' if len(best.tied) == 1 else 'have'} the same {facts.metric}: ",
            *names,
            f". Ranked first by: {best.tie_break}.",
        )
    if best.runner_up is not None:
        second = best.runner_up.metrics[facts.metric]
        behind = difference_text(facts.metric, second, best.value)
        yield ("The runner-up is ", strong(name_of(best.runner_up)), f", {number(second)}: {behind}.")
    if standing is not None and facts.considered > 1:
        yield (f"{standing.sentence}",)
    if standing is None and facts.considered > 1:
        yield (
            f"No interval can be given: {facts.metric} is not a share of counted rows. Repeated runs "
            f"with other "
            "seeds show how much of a difference is chance.",
        )
    if best.common is not None:
        yield (f"{best.common.sentence}",)
    yield from _cross_validation(facts)
    if facts.insights.disagreement is not None:
        other = facts.insights.disagreement
        yield (
            f"By {TIE_METRIC}, another run leads: ",
            strong(name_of(other.by_cv)),
            f" with {number(other.value)}, against {number(other.best_value)} of this run.",
        )
    seconds = run.metrics.get("training_time")
    took = f"The run took {duration(run.duration)}"
    yield (f"{took}, training {short_time(seconds)} of it." if seconds is not None else f"{took}.",)


def _cross_validation(facts: Facts) -> Iterator[Text]:
    """How the test value compares with that of cross-validation, where both are there."""
    run, found = facts.best, measured(facts.best, facts.metric)
    mean = run.metrics.get(TIE_METRIC)
    if mean is None or facts.metric == TIE_METRIC or found is None:
        return
    spread = run.metrics.get("cv_std")
    text = f"Cross-validation gives {number(mean)}"
    text += f" with a standard deviation of {number(spread)} between folds" if spread is not None else ""
    rate, interval = found
    gap = f"{100 * abs(rate.value - mean):.1f} percentage points"
    if mean in interval:
        yield (f"{text}, which lies within the {LEVEL} of the test value.",)
    else:
        side = "below" if mean < rate.value else "above"
        yield (
            f"{text}: {gap} {side} the test value and outside its {LEVEL} "
            f"({interval_text(interval)}, n={rate.n}). On new data, expect a value nearer to that of "
            "cross-validation: the best of many runs on one test part is partly lucky.",
        )


def _per_class(facts: Facts, classes: tuple[ClassFacts, ...]) -> Iterator[Block]:
    run = facts.best
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
    yield Bullets(tuple(text for found in classes for text in _meaning(facts, found)))


def _meaning(facts: Facts, found: ClassFacts) -> Iterator[Text]:
    run, prefix = facts.best, f"class_{found.name}"
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


def _confusion(facts: Facts) -> Iterator[Block]:
    counts = confusion_of(facts.best.metrics, facts.best.tags)
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


def _parameters(facts: Facts) -> Iterator[Block]:
    run = facts.best
    if not run.params:
        return
    yield Heading(3, ("Parameters",))
    rows: list[list[Part]] = []
    for name, value in sorted(run.params.items()):
        tried = facts.tried.get(name, {})
        others = [f"{text} ({n})" for text, n in list(tried.items())[:12]]
        more = f" and {len(tried) - 12} more" if len(tried) > 12 else ""
        rows.append([code(name), value, ", ".join(others) + more if len(tried) > 1 else "only this value"])
    if facts.considered > 1:
        yield lined_up(["parameter", "value", "tried (runs)"], rows)
    else:
        yield lined_up(["parameter", "value"], [row[:2] for row in rows])


def _other_metrics(facts: Facts, classes: tuple[ClassFacts, ...]) -> Iterator[Block]:
    shown = {facts.metric, FOLD_METRIC, *CONFUSION_COUNTS}
    shown |= {f"class_{c.name}_{m}" for c in classes for m in ("precision", "recall", "f1", "support")}
    rest = sorted(name for name in facts.best.metrics if name not in shown and not name.startswith("system/"))
    if not rest:
        return
    yield Heading(3, ("Other metrics",))
    rows: list[list[Part]] = []
    for name in rest:
        exact = measured(facts.best, name)
        interval = f"{bracketed(exact[1])} n={exact[0].n}" if exact else "–"
        rows.append([code(name), number(facts.best.metrics[name]), interval])
    yield lined_up(["metric", Column("value", numeric=True), LEVEL], rows)


def _origin(facts: Facts) -> Iterator[Block]:
    run = facts.best
    rows: list[list[Part]] = [["run id", code(run.run_id)], ["started", utc(run.start_time)]]
    if run.user_id not in ("", "unknown"):
        rows.append(["by", run.user_id])
    if source := run.tags.get("mlflow.source.name"):
        commit = run.tags.get("mlflow.source.git.commit", "")
        rows.append(["source", mask(source) + (f", commit {commit[:8]}" if commit else "")])
    rows += [
        ["dataset", f"{data.name}, digest {data.digest}" + (f" ({data.context})" if data.context else "")]
        for data in facts.detail.datasets
    ]
    rows += [["model", f"{model.name}, models:/{model.model_id}"] for model in facts.detail.models]
    yield Heading(3, ("Origin",))
    yield lined_up(["", ""], rows)
