"""Pages of a query, found by the last run of the page before (a keyset): runs that start meanwhile shift
nothing, and a token is good whoever comes with it.

MLflow has no index for it: finding a page means looking at all runs. So that is done twice at
most: the first page is found by itself, to be there at once; with the second comes the order of
everything behind the first, and it is kept until the last page.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import StoreRefused
from engine.stores.base import RunPage, RunQuery
from engine.stores.sql.blocks import run_block
from engine.stores.sql.schema import Tables
from engine.stores.sql.search import Place, Search
from engine.text import safe

ORDERS_MOST = 4
"""Orders that are kept: of what is being read at the same time."""


@dataclass(frozen=True, slots=True)
class Token:
    """The end of a page: its last run, how many of the query's runs lie before the next page, and how
    many the first page counted."""

    last: Place
    read: int
    total: int

    @classmethod
    def of(cls, text: str) -> Token:
        """Raises `StoreRefused` for a text that `str` has not made."""
        try:
            start, run_id, read, total = json.loads(text)
            if isinstance(run_id, str) and all(isinstance(n, int) for n in (start or 0, read, total)):
                return cls((start, run_id), read, total)
        except (ValueError, TypeError):
            pass
        raise StoreRefused("This page token is not one of this store's", safe(text, 80))

    def __str__(self) -> str:
        return json.dumps([*self.last, self.read, self.total])


@dataclass(frozen=True, slots=True)
class Order:
    """The places of a query's runs, from the one with `first` runs before it on."""

    first: int
    places: Sequence[Place]

    def holds(self, token: Token) -> bool:
        """Whether the page that ends with the token is one of this order."""
        at = token.read - 1 - self.first
        return 0 <= at < len(self.places) and self.places[at] == token.last


class Orders:
    """The orders of the queries that are being read. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[RunQuery, Order] = {}

    def get(self, query: RunQuery, token: Token) -> Order | None:
        """The order that a page with this token is one of."""
        with self._lock:
            order = self._orders.get(query)
        return order if order is not None and order.holds(token) else None

    def keep(self, query: RunQuery, order: Order) -> None:
        with self._lock:
            self._orders.pop(query, None)
            self._orders[query] = order
            while len(self._orders) > ORDERS_MOST:
                del self._orders[next(iter(self._orders))]

    def drop(self, query: RunQuery) -> None:
        with self._lock:
            self._orders.pop(query, None)


def run_page(tables: Tables, orders: Orders, query: RunQuery, page_token: str | None, size: int) -> RunPage:
    """Raises `StoreRefused` for a token from elsewhere."""
    if page_token is None:
        read, order = 0, Order(0, _places(Search(tables, query), tables, size + 1))
        total = len(order.places) if len(order.places) <= size else _count(Search(tables, query), tables)
    else:
        token = Token.of(page_token)
        read, total = token.read, token.total
        order = orders.get(query, token) or _order_from(token, tables, query)
        orders.keep(query, order)
    begin = read - order.first
    places = order.places[begin : begin + size]
    block = run_block(tables, [run_id for _, run_id in places])
    if begin + size < len(order.places):
        return RunPage(block, str(Token(places[-1], read + len(places), total)), total)
    orders.drop(query)
    return RunPage(block, None, total)


def _order_from(token: Token, tables: Tables, query: RunQuery) -> Order:
    behind = _places(Search(tables, query, token.last), tables)
    return Order(token.read - 1, [token.last, *behind])


def _places(search: Search, tables: Tables, most: int | None = None) -> list[Place]:
    found = f"SELECT runs.start_time, runs.run_uuid FROM runs WHERE {search.where} ORDER BY {search.order}"
    limit = "" if most is None else f" LIMIT {most:d}"
    return tables.rows(found + limit, **search.parameters)


def _count(search: Search, tables: Tables) -> int:
    counted: int = tables.rows(f"SELECT count(*) FROM runs WHERE {search.where}", **search.parameters)[0][0]
    return counted
