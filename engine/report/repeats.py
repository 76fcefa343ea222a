"""What repeated and diverged runs say: configurations over their seeds, and values that are not finite."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import cast

from engine.columns import ColumnKey
from engine.formats import counted, format_for, is_finite, listed, number
from engine.report.document import Block, Column, Heading, Paragraph, code, joined, lined_up
from engine.report.facts import Facts

_SEED = re.compile(r"(^|[_.-])(seed|random_state|repeat|replicate)s?($|[_.-])", re.IGNORECASE)
MAX_CONFIGURATIONS = 8


def seed_params(facts: Facts) -> list[str]:
    """The parameters that only repeat a configuration."""
    return [name for name in facts.varying if _SEED.search(name)]


def seeds_block(facts: Facts) -> Iterator[Block]:
    """The configurations by their mean over seeds, if a parameter named like a seed varies."""
    seeds = seed_params(facts)
    rest = [name for name in facts.varying if name not in seeds]
    if not seeds or not rest:
        return
    readers = [facts.frame.reader(ColumnKey("param", name)) for name in rest]
    read = facts.frame.reader(ColumnKey("metric", facts.metric))
    groups: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in facts.insights.best.rows:
        groups[tuple(str(value(row) or "–") for value in readers)].append(cast(float, read(row)))
    if max(map(len, groups.values())) < 2:
        return
    sign = -1.0 if facts.direction == "higher" else 1.0
    ordered = sorted(groups.items(), key=lambda group: (sign * fmean(group[1]), group[0]))
    values, found = ordered[0]
    yield Heading(3, ("Configurations averaged over seeds",))
    what = joined([(code(f"{name} = {value}"),) for name, value in zip(rest, values, strict=True)])
    spread = f", standard deviation {stdev(found):.2g}" if len(found) > 1 else ""
    yield Paragraph(
        (
            f"Averaged over {listed(seeds)}, the best configuration is ",
            *what,
            f": mean {facts.metric} {number(fmean(found))}{spread} (n={counted(len(found), 'run')}).",
        )
    )
    labels = ("runs", f"mean {facts.metric}", "standard deviation")
    heads: list[str | Column] = [*rest, *(Column(label, numeric=True) for label in labels)]
    shown = ordered[:MAX_CONFIGURATIONS]
    means = [fmean(values) for _, values in shown]
    spreads = [stdev(values) if len(values) > 1 else None for _, values in shown]
    mean, spread_of = format_for(means), format_for([*spreads, *means])
    rows = [
        [*group, str(len(values)), mean(average), spread_of(deviation)]
        for (group, values), average, deviation in zip(shown, means, spreads, strict=True)
    ]
    more = len(ordered) - len(rows)
    yield lined_up(
        heads, rows, (f"The best {len(rows)} of {len(ordered):,} configurations.",) if more else ()
    )


@dataclass(frozen=True, slots=True)
class Diverged:
    """Finished runs whose metric is NaN or infinite, and the parameters that all of them share but the
    comparable runs do not."""

    names: tuple[str, ...]
    shared: Mapping[str, str]

    def sentence(self, metric: str) -> str:
        runs = counted(len(self.names), "run")
        text = f"{runs} ended with a {metric} that is NaN or infinite: {listed(self.names, 4)}"
        if self.shared:
            values = ", ".join(f"{name} = {value}" for name, value in self.shared.items())
            text += f"; {'all have' if len(self.names) > 1 else 'it has'} {values}"
        return f"{text}."


def diverged_runs(facts: Facts) -> Diverged | None:
    """The diverged runs among all that were read; None without any."""
    values = facts.frame.scan(ColumnKey("metric", facts.metric))
    statuses = facts.frame.column(ColumnKey("attribute", "status"))
    rows = [
        row
        for row, value in enumerate(values)
        if isinstance(value, float)
        and (math.isnan(value) or not is_finite(value))
        and statuses[row] == "FINISHED"
    ]
    if not rows:
        return None
    runs = [facts.frame.run(row) for row in rows]
    shared = {}
    for name in facts.varying:
        found = {run.params.get(name) for run in runs}
        if len(found) == 1 and (value := found.pop()) is not None and name not in seed_params(facts):
            shared[name] = value
    return Diverged(tuple(run.run_name or run.run_id for run in runs), shared)
