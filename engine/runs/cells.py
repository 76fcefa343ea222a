"""Growable columns, shared by all frames that grew from one another.

A column with few values is stored as a mapping, so thousands of rare metrics cost memory for their values
only, not for runs × metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from engine.columns import Value
from engine.stores.block import Block

# A mapping entry costs about as much memory as this many list items.
_SPARSE_FACTOR = 8


class Cells:
    """One column of a frame and of every frame grown from it.

    Rows past the end of `_dense`, or not in `_sparse`, are missing. A list that was handed out (`_shared`) is
    never modified. The caller holds the frames' lock.
    """

    __slots__ = ("_dense", "_shared", "_sparse")

    def __init__(self, dense: list[Value] | None = None, sparse: dict[int, Value] | None = None) -> None:
        self._dense = dense
        self._sparse: dict[int, Value] = sparse or {}
        self._shared = False

    @property
    def is_sparse(self) -> bool:
        return self._dense is None

    def value(self, row: int) -> Value:
        if self._dense is None:
            return self._sparse.get(row)
        return self._dense[row] if row < len(self._dense) else None

    def values(self, length: int) -> list[Value]:
        """The first `length` rows, as a read-only list."""
        items = self.at_least(length)
        if len(items) > length:
            return items[:length]
        self._shared = self._dense is not None
        return items

    def at_least(self, length: int) -> list[Value]:
        """At least the first `length` rows; the list may grow later."""
        if self._dense is None:
            return self._expanded(length)
        return self._dense if len(self._dense) >= length else self._writable(length)

    def reader(self, length: int) -> Callable[[int], Value]:
        """A function that maps a row below `length` to its value."""
        return self._sparse.get if self._dense is None else self.at_least(length).__getitem__

    def distinct(self, length: int) -> set[Value]:
        """The distinct values of the first `length` rows, possibly including None."""
        if self._dense is None:
            return {value for row, value in self._sparse.items() if row < length}
        return set(self._dense if len(self._dense) <= length else self._dense[:length])

    def sample(self, length: int, limit: int) -> list[Value]:
        """Up to `limit` present values, spread over the first `length` rows."""
        if self._dense is None:
            present = (value for row, value in self._sparse.items() if row < length)
            return list(islice(present, limit))
        spread = self._dense[: length : max(1, -(-length // limit))]
        return [value for value in spread if value is not None]

    def append(self, at: int, block: Block, count: int) -> None:
        """Append `block`, the values of `count` new rows starting at row `at`."""
        if self._dense is None:
            filled = len(self._sparse) + (len(block) if isinstance(block, dict) else count)
            if filled * _SPARSE_FACTOR < at + count:
                pairs = enumerate(block) if isinstance(block, list) else block.items()
                self._sparse.update((at + row, value) for row, value in pairs if value is not None)
                return
            self._dense, self._sparse = self._expanded(at), {}
        if isinstance(block, list):
            self._writable(at).extend(block)
            return
        items = self._writable(at + count)
        for row, value in block.items():
            items[at + row] = value

    def changed(self, length: int, changes: Mapping[int, Value]) -> Cells:
        """A separate copy with some rows replaced."""
        copy = self.fork(length)
        if copy._dense is None:
            copy._sparse.update(changes)
            return copy
        items = copy._writable(length)
        for row, value in changes.items():
            items[row] = value
        return copy

    def fork(self, length: int) -> Cells:
        """A separate copy of the first `length` rows."""
        if self._dense is not None:
            return Cells(self._dense[:length])
        return Cells(sparse={row: value for row, value in self._sparse.items() if row < length})

    def picked(self, rows: Sequence[int], length: int) -> Cells:
        """A separate copy of these rows among the first `length`, in this order."""
        if self._dense is not None:
            values = self.at_least(length)
            return Cells([values[row] for row in rows])
        return Cells(sparse={new: self._sparse[row] for new, row in enumerate(rows) if row in self._sparse})

    def _writable(self, length: int) -> list[Value]:
        """The list, extended to `length` rows; copied first if it was handed out."""
        items = self._dense if self._dense is not None else []
        if self._shared:
            items = items.copy()
        items.extend([None] * (length - len(items)))
        self._dense, self._shared = items, False
        return items

    def _expanded(self, length: int) -> list[Value]:
        items: list[Value] = [None] * length
        for row, value in self._sparse.items():
            if row < length:
                items[row] = value
        return items
