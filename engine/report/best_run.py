"""The section on the best run: highlights, metrics per class, confusion matrix, parameters."""

from __future__ import annotations

from collections.abc import Iterator

from engine.evidence.best import TIE_METRIC
from engine.evidence.difference import chance
from engine.formats import counted, duration, number
from engine.report.classes import confusion_blocks, per_class_blocks
from engine.report.document import (
    Block,
    Bullets,
    Column,
    Heading,
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
    ranked_value,
    short_time,
    utc,
)
from engine.runs.metrics import CONFUSION_COUNTS, FOLD_METRIC
from engine.secrets import mask


def best_run_section(facts: Facts) -> Iterator[Block]:
    run = facts.best
    title = "Best run" if facts.considered > 1 else "The run"
    yield Heading(2, (f"{title}: {name_of(run)}",))
    yield Heading(3, ("Key highlights",))
    yield Bullets(tuple(_highlights(facts)))
    classes = classes_of(run)
    yield from per_class_blocks(run)
    yield from confusion_blocks(run)
    yield from _parameters(facts)
    yield from _other_metrics(facts, classes)
    yield from _origin(facts)


def _highlights(facts: Facts) -> Iterator[Text]:
    best, standing, run = facts.insights.best, facts.insights.standing, facts.best
    yield (
        strong(facts.metric),
        " ",
        ranked_value(run, facts.metric, facts.against_best.get(run.run_id)),
        f"; {facts.direction} is better.",
    )
    if best.tied:
        others = counted(len(best.tied), "other run")
        names = listing([name_of(tied) for tied in best.tied])
        yield (
            f"Tied with {others}, which {'has' if len(best.tied) == 1 else 'have'} the same {facts.metric}: ",
            *names,
            f". Ranked first by: {best.tie_break}.",
        )
    if best.runner_up is not None:
        behind = difference_text(facts.metric, best.runner_up.metrics[facts.metric], best.value)
        value = ranked_value(best.runner_up, facts.metric, facts.against_best.get(best.runner_up.run_id))
        yield ("The runner-up is ", strong(name_of(best.runner_up)), f", {value}: {behind}.")
    if facts.considered > 1:
        yield (f"{chance(best, standing)}",)
    if best.common is not None:
        yield (f"{best.common.sentence}",)
    yield from _cross_validation(facts)
    seconds = run.metrics.get("training_time")
    took = f"The run took {duration(run.duration)}"
    yield (f"{took}, training {short_time(seconds)} of it." if seconds is not None else f"{took}.",)


def _cross_validation(facts: Facts) -> Iterator[Text]:
    """How the test value compares with that of cross-validation, where both are there."""
    run, found, folds = facts.best, measured(facts.best, facts.metric), facts.cross_validation
    mean = run.metrics.get(TIE_METRIC)
    if mean is None or facts.metric == TIE_METRIC or found is None:
        return
    spread, (rate, test) = run.metrics.get("cv_std"), found
    text = f"Cross-validation gives {number(mean)}"
    if folds is not None and folds.interval is not None:
        text += f" ({LEVEL} {interval_text(folds.interval)}, {counted(folds.n or 0, 'fold')})"
    elif spread is not None:
        text += f" with a standard deviation of {number(spread)} between folds"
    if mean in test:
        yield (f"{text}, which lies within the {LEVEL} of the test value (n={rate.n}).",)
        return
    side = "below" if mean < rate.value else "above"
    gap = f"{100 * abs(rate.value - mean):.1f} percentage points"
    text += f": {gap} {side} the test value and outside its {LEVEL}"
    if folds is not None and folds.interval is not None:
        overlap = folds.interval.low <= test.high and test.low <= folds.interval.high
        text += f" ({interval_text(test)}, n={rate.n}), {'although' if overlap else 'and'} the two intervals "
        text += "overlap" if overlap else "do not overlap"
    else:
        text += f" ({interval_text(test)}, n={rate.n})"
    yield (
        f"{text}. On new data, expect a value closer to that of cross-validation: the best of "
        f"{counted(facts.considered, 'run')} on one test set is partly lucky.",
    )


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
