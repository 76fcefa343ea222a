"""HTTP connections that are kept open between requests and shared by all threads."""

from __future__ import annotations

import threading
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

MAX_IDLE = 8
"""Maximum number of idle connections. More can be open at the same time: no thread waits for one."""


class KeepAliveAdapter(HTTPAdapter):
    """An adapter that knows whether a request reused a connection: the server may close an idle one at the
    very moment it is used again. It discards the body of a redirect, which requests would read to its end
    before it follows."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=MAX_IDLE)
        self._request = threading.local()

    @property
    def reused_connection(self) -> bool:
        """Whether this thread's last request reused a connection."""
        return not getattr(self._request, "connected", True)

    def session(self) -> Session:
        """A session that uses this adapter for all requests."""
        session = Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        self._request.connected = False
        return super().send(request, *args, **options)

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = super().build_response(req, resp)
        if response.is_redirect:
            response.raw.close()
        return response

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        if not hasattr(pool.ConnectionCls, "is_recording"):
            pool.ConnectionCls = _recording(pool.ConnectionCls, self._request)
        return pool


def _recording(kind: Any, request_state: threading.local) -> Any:
    """A subclass of the connection class `kind` that records when it connects."""

    class Connection(kind):  # type: ignore[misc]
        is_recording = True

        def connect(self) -> None:
            request_state.connected = True
            super().connect()

    return Connection
