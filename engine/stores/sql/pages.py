"""Keyset pagination: a page is found by the last run of the page before, so runs that start in between shift
nothing, and a token works with any store object.

MLflow's schema has no index for this order, so finding a page scans all runs. A query needs two scans at
most: one for the first page alone, so that it arrives at once, and one for the order of all later runs, which
is cached until the last page.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import StoreRefused
from engine.stores.base import RunPage, RunQuery
from engine.stores.sql.runs import run_block
from engine.stores.sql.schema import Tables
from engine.stores.sql.search import RunPosition, Search
from engine.text import safe

MAX_ORDERS = 4
"""Cached orders: the number of queries that can be read at the same time without another scan."""


@dataclass(frozen=True, slots=True)
class Token:
    """The end of a page: the sort key of its last run, how many of the query's runs precede the next page,
    and the total that was counted with the first page."""

    last: RunPosition
    read: int
    total: int

    @classmethod
    def parse(cls, text: str) -> Token:
        """Raises `StoreRefused` for anything that is not `str()` of a token."""
        try:
            start, run_id, read, total = json.loads(text)
            if isinstance(run_id, str) and all(isinstance(n, int) for n in (start or 0, read, total)):
                return cls((start, run_id), read, total)
        except (ValueError, TypeError):
            pass
        raise StoreRefused("Invalid page token", safe(text, 80))

    def __str__(self) -> str:
        return json.dumps([*self.last, self.read, self.total])


@dataclass(frozen=True, slots=True)
class Order:
    """The sort keys of a query's runs, starting with the run that has `first` runs before it."""

    first: int
    keys: Sequence[RunPosition]

    def contains(self, token: Token) -> bool:
        """Whether the page that ends with the token is part of this order."""
        index = token.read - 1 - self.first
        return 0 <= index < len(self.keys) and self.keys[index] == token.last


class OrderCache:
    """The orders of the queries that are being read. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[RunQuery, Order] = {}

    def get(self, query: RunQuery, token: Token) -> Order | None:
        """The cached order that contains the page with this token."""
        with self._lock:
            order = self._orders.get(query)
        return order if order is not None and order.contains(token) else None

    def put(self, query: RunQuery, order: Order) -> None:
        with self._lock:
            self._orders.pop(query, None)
            self._orders[query] = order
            while len(self._orders) > MAX_ORDERS:
                del self._orders[next(iter(self._orders))]

    def drop(self, query: RunQuery) -> None:
        with self._lock:
            self._orders.pop(query, None)


def run_page(
    tables: Tables, orders: OrderCache, query: RunQuery, page_token: str | None, size: int
) -> RunPage:
    """Raises `StoreRefused` for an invalid token."""
    if page_token is None:
        read, order = 0, Order(0, _sort_keys(Search(tables, query), tables, size + 1))
        total = len(order.keys) if len(order.keys) <= size else _count(Search(tables, query), tables)
    else:
        token = Token.parse(page_token)
        read, total = token.read, token.total
        order = orders.get(query, token) or _order_after(token, tables, query)
        orders.put(query, order)
    begin = read - order.first
    keys = order.keys[begin : begin + size]
    block = run_block(tables, [run_id for _, run_id in keys])
    if begin + size < len(order.keys):
        return RunPage(block, str(Token(keys[-1], read + len(keys), total)), total)
    orders.drop(query)
    return RunPage(block, None, total)


def _order_after(token: Token, tables: Tables, query: RunQuery) -> Order:
    later = _sort_keys(Search(tables, query, token.last), tables)
    return Order(token.read - 1, [token.last, *later])


def _sort_keys(search: Search, tables: Tables, limit: int | None = None) -> list[RunPosition]:
    statement = (
        f"SELECT runs.start_time, runs.run_uuid FROM runs WHERE {search.where} ORDER BY {search.order}"
    )
    if limit is not None:
        statement += f" LIMIT {limit:d}"
    return tables.rows(statement, **search.parameters)


def _count(search: Search, tables: Tables) -> int:
    count: int = tables.rows(f"SELECT count(*) FROM runs WHERE {search.where}", **search.parameters)[0][0]
    return count
