"""HTTP connections that are kept between questions, for all threads."""

from __future__ import annotations

import threading
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

KEPT = 8
"""Idle connections that are kept. More may be open at once: nobody waits for one."""


class KeptConnections(HTTPAdapter):
    """Knows whether a question went out on a connection that an earlier one had opened: such a
    one may be closed by the server at the moment at which it is used again."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=KEPT)
        self._question = threading.local()

    @property
    def was_kept(self) -> bool:
        """Whether this thread's last question needed no connection of its own."""
        return not getattr(self._question, "connected", True)

    def session(self) -> Session:
        """A session whose every connection is one of these."""
        session = Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        self._question.connected = False
        return super().send(request, *args, **options)

    def get_connection_with_tls_context(self, *about: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*about, **options)
        if not hasattr(pool.ConnectionCls, "noted"):
            pool.ConnectionCls = _noting(pool.ConnectionCls, self._question)
        return pool


def _noting(kind: Any, question: threading.local) -> Any:
    """A class of connections like `kind`, which note in the thread's question that they were opened."""

    class Connection(kind):  # type: ignore[misc]
        noted = True

        def connect(self) -> None:
            question.connected = True
            super().connect()

    return Connection
