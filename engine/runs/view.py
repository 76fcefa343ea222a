"""Run views: the display settings of an experiment's runs, which can be saved under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.columns import ColumnKey
from engine.runs.sorting import SortKey

RunLayout = Literal["flat", "tree", "groups"]
"""A flat list; children under their parents; runs grouped by configuration."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A filter, a sort order, a choice of columns and a layout.

    `columns` are exactly the columns shown, in order; empty for the defaults. `widths` (cells) and `formats`
    (names in `engine.formats.FORMATS`) hold only manual changes. `constants_hidden` hides columns whose shown
    values are all equal. `group_by` are the columns whose values define a group, for the layout `groups`; in
    other layouts, sort keys have the default statistic.
    """

    filter_text: str = ""
    sort: tuple[SortKey, ...] = ()
    columns: tuple[ColumnKey, ...] = ()
    widths: Mapping[ColumnKey, int] = field(default_factory=dict)
    formats: Mapping[ColumnKey, str] = field(default_factory=dict)
    constants_hidden: bool = False
    layout: RunLayout = "flat"
    group_by: tuple[ColumnKey, ...] = ()

    def __post_init__(self) -> None:
        if not self.is_grouped and any(key.statistic != "mean" for key in self.sort):
            object.__setattr__(self, "sort", tuple(SortKey(key.key, key.descending) for key in self.sort))

    @property
    def is_grouped(self) -> bool:
        """Whether runs are grouped: the layout is `groups`, with something to group by."""
        return self.layout == "groups" and bool(self.group_by)
