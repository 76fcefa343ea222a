"""The section on registered versions: each version, a comparison table, and a conclusion."""

from __future__ import annotations

from collections.abc import Iterator

from engine.formats import counted, listed
from engine.report.document import (
    Block,
    Bullets,
    Column,
    Heading,
    Paragraph,
    Quote,
    Table,
    Text,
    code,
    joined,
    lined_up,
    strong,
)
from engine.report.facts import Facts, ModelFacts, VersionFacts, measured
from engine.report.wording import (
    cell_of,
    difference_text,
    mark_text,
    name_of,
    params_text,
    utc,
    value_of,
    verdict,
)
from engine.secrets import mask

MAX_DETAILED = 6
MAX_COLUMNS = 4


def versions_section(facts: Facts) -> Iterator[Block]:
    if not facts.models:
        return
    yield Heading(2, ("Registered versions",))
    for model in facts.models:
        yield Heading(3, (model.model.name,))
        if model.model.description.strip():
            yield Quote(_lines(model.model.description))
        detailed = _detailed(model)
        if len(detailed) < len(model.versions):
            total = counted(len(model.versions), "version")
            yield Paragraph(
                (f"{total}; the reference version and the newest are described; the table has all of them.",)
            )
        for found in detailed:
            yield from _version(facts, model, found)
        if len(model.versions) > 1:
            yield Heading(4, ("Comparison of the versions",))
            yield _table(facts, model)
        yield Heading(4, ("Conclusion",))
        yield Paragraph(joined(list(_conclusion(facts, model)), " "))


def _detailed(model: ModelFacts) -> list[VersionFacts]:
    newest = model.versions[-MAX_DETAILED:]
    reference = model.reference_version
    return list(newest) if reference in newest else [reference, *newest[1:]]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in mask(text).splitlines()[:20] if line.strip())


def _standing(found: VersionFacts) -> str:
    version = found.version
    stage = version.stage if version.stage != "None" else "no stage"
    aliases = f", alias {', '.join(version.aliases)}" if version.aliases else ""
    return f"{stage}{aliases}"


def _version(facts: Facts, model: ModelFacts, found: VersionFacts) -> Iterator[Block]:
    version, run = found.version, found.run
    yield Heading(4, (f"Version {version.version} – {_standing(found)}",))
    if version.description.strip():
        yield Quote(_lines(version.description))
    items: list[Text] = []
    by = f" by {version.user_id}" if version.user_id else ""
    items.append((f"Registered {utc(version.creation_time)}{by}",))
    if run is None:
        items.append(("The source run is gone; its metrics and parameters are not known",))
        yield Bullets(tuple(items))
        return
    items.append(("From run ", strong(name_of(run)), " (", code(run.run_id), ")"))
    items += [(strong(name), " ", value_of(run, name)) for name in facts.metrics[:4] if name in run.metrics]
    if run.params:
        items.append(("Parameters: ", params_text(run, sorted(run.params))))
    items += list(_observations(facts, model, found))
    yield Bullets(tuple(items))


def _observations(facts: Facts, model: ModelFacts, found: VersionFacts) -> Iterator[Text]:
    """How a version compares with the reference version, and the reference with the best run."""
    metric, run = facts.metric, found.run
    if run is None or metric not in run.metrics:
        return
    reference = model.reference_version
    if found is not reference and reference.run is not None and metric in reference.run.metrics:
        gap = difference_text(metric, run.metrics[metric], reference.run.metrics[metric])
        said = verdict(found.versus) if found.versus else ""
        against = f"version {reference.version.version}"
        if gap == "the same":
            yield (f"Observation: the same {metric} as {against}.",)
        else:
            yield (f"Observation: {metric} {gap} than {against}" + (f", {said}." if said else "."),)
    if run.run_id == facts.best.run_id:
        yield ("Observation: this is the best run of the report.",)
    elif run.run_id in {tied.run_id for tied in facts.insights.best.tied}:
        yield (f"Observation: its run is tied with the best run of the report, {name_of(facts.best)}.",)


def _table(facts: Facts, model: ModelFacts) -> Table:
    """One row per version; with few versions, one column."""
    table = _by_version(facts, model)
    if len(model.versions) > MAX_COLUMNS:
        return table
    heads = ["", *(f"version {found.version.version}" for found in model.versions)]
    rows = [[head.label, *column] for head, *column in zip(table.columns, *table.rows, strict=True)]
    return lined_up(heads, rows[1:])


def _by_version(facts: Facts, model: ModelFacts) -> Table:
    heads: list[str | Column] = ["version", "stage", "aliases", *facts.varying]
    metrics = [name for name in facts.metrics if any(v.run and name in v.run.metrics for v in model.versions)]
    heads += [name if _has_interval(model, name) else Column(name, numeric=True) for name in metrics]
    tested = any(found.versus and found.versus.mark for found in model.versions)
    if tested:
        heads.append(f"against version {model.reference}")
    rows = []
    marked = set()
    for at, found in enumerate(model.versions):
        version, run = found.version, found.run
        stage = version.stage if version.stage != "None" else "–"
        cells = [str(version.version), stage, ", ".join(version.aliases) or "–"]
        cells += [(run.params.get(name, "–") if run else "–") for name in facts.varying]
        cells += ["–" if run is None else cell_of(run, name) for name in metrics]
        if tested:
            is_reference = version.version == model.reference
            cells.append("reference" if is_reference else mark_text(found.versus))
        if version.version == model.reference:
            marked.add(at)
        rows.append(cells)
    table = lined_up(heads, rows)
    return Table(table.columns, table.rows, (), frozenset(marked))


def _has_interval(model: ModelFacts, metric: str) -> bool:
    return any(found.run and measured(found.run, metric) for found in model.versions)


def _conclusion(facts: Facts, model: ModelFacts) -> Iterator[Text]:
    reference, metric = model.reference_version, facts.metric
    role = f"Version {reference.version.version} is in {reference.version.stage}"
    if reference.version.stage == "None":
        role = f"No version is in Production; version {reference.version.version} is the newest"
    if reference.version.aliases:
        role += f" and carries the alias {listed(reference.version.aliases)}"
    yield (role + ".",)
    run = reference.run
    if run is None or metric not in run.metrics:
        return
    if run.run_id == facts.best.run_id:
        tied = len(facts.insights.best.tied)
        others = f", with {counted(tied, 'other run')} of the same {metric}" if tied else ""
        yield (f"It is the best of the {counted(facts.considered, 'run')} compared here{others}.",)
        return
    gap = difference_text(metric, facts.best.metrics[metric], run.metrics[metric])
    if gap == "the same":
        yield (
            f"Its {metric}, {cell_of(run, metric)}, is the highest found"
            if facts.direction == "higher"
            else f"Its {metric}, {cell_of(run, metric)}, is the lowest found",
            f"; the best run, {name_of(facts.best)}, has the same value. By {metric}, there is no reason to "
            f"replace it.",
        )
        return
    said = verdict(model.best) if model.best else ""
    yield (f"The best run, {name_of(facts.best)}, has a {metric} {gap}" + (f": {said}." if said else "."),)
    if model.best is not None and model.best.distinguished is False:
        yield ("That is not sufficient reason to replace the version.",)
