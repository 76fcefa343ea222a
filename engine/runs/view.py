"""How an experiment's runs are looked at: what can be saved under a name and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.columns import ColumnKey
from engine.runs.sorting import SortKey

Layout = Literal["flat", "tree", "groups"]
"""Runs one under the other; children under their parents; runs of the same configuration together."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A filter, an order, a choice of columns and a layout.

    `columns` are exactly those shown, in their order; empty for the usual ones. `widths` (cells)
    and `formats` (names of `engine.formats.FORMATS`) hold only what was changed by hand.
    `constants_hidden` leaves out columns whose shown values are all the same. `group_by` names
    the parameters and tags whose values make a group, for the layout `groups`.
    """

    filter_text: str = ""
    sort: tuple[SortKey, ...] = ()
    columns: tuple[ColumnKey, ...] = ()
    widths: Mapping[ColumnKey, int] = field(default_factory=dict)
    formats: Mapping[ColumnKey, str] = field(default_factory=dict)
    constants_hidden: bool = False
    layout: Layout = "flat"
    group_by: tuple[ColumnKey, ...] = ()

    @property
    def is_grouped(self) -> bool:
        """Whether runs stand in groups: the layout says so, and there is something to group by."""
        return self.layout == "groups" and bool(self.group_by)
