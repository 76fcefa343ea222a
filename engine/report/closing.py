"""The summary at the start of a report, the next steps, and how it was made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.evidence.best import TIE_METRIC
from engine.evidence.difference import Versus
from engine.formats import as_number, count, counted, number
from engine.report.document import (
    Block,
    Bullets,
    Heading,
    Paragraph,
    Part,
    Quote,
    Text,
    code,
    joined,
    lined_up,
    strong,
)
from engine.report.facts import Facts, ModelFacts, classes_of, measured
from engine.report.repeats import diverged_runs
from engine.report.wording import (
    LEVEL,
    difference_text,
    name_of,
    percent,
    percent_interval,
    ranked_value,
    utc,
    verdict,
)
from engine.secrets import mask

if TYPE_CHECKING:
    from engine.evidence.effects import Effect


def summary_section(facts: Facts) -> Iterator[Block]:
    """What a reader who reads nothing else should know."""
    yield Paragraph(joined(list(_summary(facts)), " "))


def about_section(facts: Facts) -> Iterator[Block]:
    """What the store says about the data and the runs, in the words of who logged them."""
    items: list[Text] = [
        (f"Dataset {data.name}, digest {data.digest}" + (f" ({data.context})" if data.context else ""),)
        for data in facts.detail.datasets
    ]
    labels = [f"class {found.name} is {found.label}" for found in classes_of(facts.best) if found.label]
    if labels:
        items.append((f"Labels, from the tags of the best run: {', '.join(labels)}",))
    notes = [
        (what, note)
        for what, note in facts.notes
        if note.strip() and not any(note in other for _, other in facts.notes if other != note)
    ]
    if items or notes:
        yield Heading(2, ("About the data and the runs",))
    if items:
        yield Bullets(tuple(items))
    for what, note in notes:
        yield Paragraph((f"Description of the {what}:",))
        yield Quote(tuple(line for line in mask(note).splitlines()[:20] if line.strip()))


def _summary(facts: Facts) -> Iterator[Text]:
    found, run, metric = facts.insights, facts.best, facts.metric
    where = code(found.best.where)
    if facts.considered == 1:
        yield (
            "One finished run ",
            *(("that meets ", where, " ") if found.best.where else ()),
            "has ",
            code(metric),
            ": ",
            strong(name_of(run)),
            f", {ranked_value(run, metric, facts.against_best.get(run.run_id))}.",
        )
    else:
        yield (
            f"The best of {counted(facts.considered, 'comparable finished run')} by ",
            code(metric),
            *((" that meet ", where) if found.best.where else ()),
            " is ",
            strong(name_of(run)),
            f": {ranked_value(run, metric, facts.against_best.get(run.run_id))}.",
        )
        level = _level_sentence(facts)
        if level:
            yield (level,)
    for effect in found.effects.effects[:1]:
        yield _effect_sentence(facts, effect)
    for model in facts.models:
        yield from _model_sentence(facts, model)


def _level_sentence(facts: Facts) -> str:
    standing, tied = facts.insights.standing, len(facts.insights.best.tied)
    if standing is None or not standing.others:
        return f"It is tied with {counted(tied, 'other run')}." if tied else ""
    text = f"It is tied with {counted(tied, 'other run')}; " if tied else ""
    level = (
        f"{count(standing.level_with)} of {counted(standing.others, 'other')} cannot be distinguished from it"
    )
    level += f" ({standing.how})"
    return f"{text}{level}."


def _effect_sentence(facts: Facts, effect: Effect) -> Text:
    share = f"{percent(effect.share)} of the variance ({LEVEL} {percent_interval(effect.interval)}, "
    levels = effect.levels if facts.direction == "higher" else effect.levels[::-1]
    top = ", ".join(f"{level.value} {number(level.mean)} (n={level.n})" for level in levels[:4])
    return (
        "What matters most is ",
        code(effect.param),
        f", which explains {share}n={facts.insights.effects.n} runs); mean {facts.metric} by value: {top}.",
    )


def _model_sentence(facts: Facts, model: ModelFacts) -> Iterator[Text]:
    reference = model.reference_version
    run = reference.run
    where = f"in {reference.version.stage}" if reference.version.stage != "None" else "the newest"
    name = f"{model.model.name} version {reference.version.version}"
    if run is None or facts.metric not in run.metrics:
        yield (strong(name), f" is {where}; the {facts.metric} of its source run is not known.")
        return
    if run.run_id == facts.best.run_id:
        yield (strong(name), f" is {where}: it is this run.")
        return
    gap = difference_text(facts.metric, run.metrics[facts.metric], facts.best.metrics[facts.metric])
    if gap == "the same":
        yield (strong(name), f" is {where}, with the same {facts.metric}.")
    else:
        said = verdict(model.best) if model.best else ""
        yield (strong(name), f" is {where}: its {facts.metric} is {gap}{f', {said}' if said else ''}.")


def next_steps_section(facts: Facts) -> Iterator[Block]:
    steps = tuple(_steps(facts))
    if steps:
        yield Heading(2, ("Next steps",))
        yield Bullets(steps)


def _steps(facts: Facts) -> Iterator[Text]:
    yield from _registry_steps(facts)
    standing = facts.insights.standing
    if standing is not None and standing.more_rows:
        yield (
            f"To distinguish the best run from the closest with another {facts.metric}, test on about "
            f"{counted(standing.more_rows, 'more row')}, or choose between them by another measure: speed, "
            "simplicity, the recall of the class that matters.",
        )
    mean = facts.best.metrics.get(TIE_METRIC)
    found = measured(facts.best, facts.metric)
    if mean is not None and found is not None and mean not in found[1]:
        yield (
            f"Quote the cross-validation value ({number(mean)}) next to the test value when promising "
            f"results on new data: the best of {counted(facts.considered, 'run')} on one test set of "
            f"{found[0].n} rows is optimistic.",
        )
    edges = list(_edges(facts))
    yield from edges
    if facts.insights.plateau is not None and not edges:
        since = counted(facts.insights.plateau.runs_since, "run")
        yield (f"Stop adding trials of this kind: the last {since} did not improve {facts.metric}.",)
    if standing is not None and standing.methods.get("interval"):
        yield (
            "Log the predictions of each test row (",
            code("evidence/predictions.csv"),
            "), so that runs can be compared row by row: paired tests find smaller differences.",
        )


def _registry_steps(facts: Facts) -> Iterator[Text]:
    if not facts.models and facts.detail.models:
        yield (
            "Register the model of ",
            strong(name_of(facts.best)),
            ": no version of a registered model comes from this experiment.",
        )
    for model in facts.models:
        reference, best = model.reference_version, model.best
        if reference.run is not None and reference.run.run_id == facts.best.run_id:
            yield (f"Keep {model.model.name} version {model.reference}: it is the best run.",)
        elif best is not None and (best.equal or best.distinguished is False):
            yield (
                f"Keep {model.model.name} version {model.reference}: no run is better by more than chance"
                f"{_test_of(best)}.",
            )
        elif best is not None and best.distinguished:
            yield (
                "Register ",
                strong(name_of(facts.best)),
                f" as a version of {model.model.name} and consider promoting it: it is better than version "
                f"{model.reference} by more than chance{_test_of(best)}.",
            )


def _test_of(found: Versus) -> str:
    return f" (p = {found.p_value:.2g}, n={found.n})" if found.p_value is not None and found.n else ""


def _edges(facts: Facts) -> Iterator[Text]:
    """Numeric parameters with an effect whose best value is the lowest or the highest that was tried."""
    diverged = diverged_runs(facts)
    for effect in facts.insights.effects.effects:
        values = [as_number(text) for text in facts.tried.get(effect.param, {})]
        own = as_number(facts.best.params.get(effect.param))
        known = [value for value in values if value is not None]
        if own is None or len(known) < 3 or len(known) < len(values) or own not in (min(known), max(known)):
            continue
        side, value = "highest" if own == max(known) else "lowest", facts.best.params[effect.param]
        caution = ""
        if diverged is not None and diverged.shared.get(effect.param) == value:
            caution = f" Note that {counted(len(diverged.names), 'run')} with this value diverged."
        yield (
            "Try values of ",
            code(effect.param),
            f" beyond {value}: the best run has the {side} one that was tried.{caution}",
        )


def colophon_section(facts: Facts, made_at: int, version: str) -> Iterator[Block]:
    """The query, the store and the time, and how the numbers are to be read."""
    best = facts.insights.best
    yield Heading(2, ("How this report was made",))
    left_out = [*best.left_out, *map(str, best.apart)]
    rows: list[list[Part | Text]] = [
        ["store", code(facts.store)],
        ["experiment", f"{facts.experiment.name} (id {facts.experiment.experiment_id})"],
        ["runs", f"{facts.query}; {counted(len(facts.frame), 'run')} read"],
        [
            "compared",
            f"{counted(best.considered, 'finished run')} by {best.metric}, {best.direction} is better",
        ],
        ["excluded", "; ".join(left_out) or "none"],
        *_constraint(facts),
        ["program", f"mlflow-console {version}"],
        ["made", utc(made_at)],
    ]
    yield lined_up(["", ""], rows)
    yield Bullets(tuple(_methods(facts)))


def _constraint(facts: Facts) -> Iterator[list[Part | Text]]:
    best = facts.insights.best
    if best.where:
        failing = f"; {count(len(best.failing))} of {counted(len(best.comparable), 'comparable run')} fail it"
        yield ["constraint", (code(best.where), failing)]


def _methods(facts: Facts) -> Iterator[Text]:
    if measured(facts.best, facts.metric):
        yield (
            f"Brackets after a value are its {LEVEL} (Wilson): the range of true values that fit what was "
            "counted on n rows. They are about one run, not about the best of many.",
        )
    methods = facts.insights.standing.methods if facts.insights.standing else {}
    if methods.get("mcnemar"):
        yield (
            "Runs with predictions for the same rows are compared by the exact McNemar test, which "
            "counts the rows that only one of the two predicts right.",
        )
    if methods.get("folds"):
        yield ("Runs with scores on the same folds are compared by the corrected resampled t-test.",)
    if methods.get("interval"):
        yield ("Other rates are compared by the unpaired interval of their difference (Newcombe).",)
    if facts.insights.effects.tested and not facts.insights.effects.why_not:
        yield (
            "The share of variance of a parameter is what an additive model loses without it, with a "
            "bootstrap interval. Effects are listed if an F-test, corrected by Holm's method for the number "
            f"of parameters tested ({len(facts.insights.effects.tested)}), finds them at 0.01. They are "
            "effects among these runs; on other test rows they may differ.",
        )
    if facts.considered > 1:
        yield ("“pp” means percentage points: 0.90 is 2 pp above 0.88.",)
