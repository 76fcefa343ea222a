"""HTTP connections that are kept open between requests and shared by all threads."""

from __future__ import annotations

import io
import socket
import ssl
import threading
from http.client import HTTPResponse
from typing import Any, cast

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from engine.stores.rest.deadline import Deadline

MAX_IDLE = 8
"""Maximum number of idle connections. More can be open at the same time: no thread waits for one."""


class KeepAliveAdapter(HTTPAdapter):
    """An adapter that knows whether a request reused a connection: the server may close an idle one at the
    very moment it is used again. It discards the body of a redirect, which requests would read to its end
    before it follows, and keeps to the deadline of a response from its first byte on."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=MAX_IDLE)
        self._request = threading.local()

    @property
    def reused_connection(self) -> bool:
        """Whether this thread's last request reused a connection."""
        return not getattr(self._request, "connected", True)

    @property
    def certificate_ends(self) -> float | None:
        """When the certificate that this thread's last connection verified expires, in seconds since the
        epoch."""
        ends = getattr(self._request, "certificate", {}).get("notAfter")
        return ssl.cert_time_to_seconds(ends) if ends else None

    def set_deadline(self, deadline: Deadline) -> None:
        """Read the responses to this thread's next request only until the deadline."""
        self._request.deadline = deadline

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
    """A subclass of the connection class `kind` that records when it connects, and whose responses keep to
    the deadline."""

    class Response(HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            self.fp = io.BufferedReader(_Limited(self.fp.detach(), request_state.deadline))

    class Connection(kind):  # type: ignore[misc]
        is_recording = True
        response_class = Response

        def connect(self) -> None:
            request_state.connected = True
            super().connect()
            if isinstance(self.sock, ssl.SSLSocket):
                request_state.certificate = self.sock.getpeercert() or {}

    return Connection


class _Limited(io.RawIOBase):
    """What a socket receives until the deadline. Each read ends in time, but a server can send any number of
    lines, and each of them byte by byte. Raises `DeadlinePassed`."""

    def __init__(self, received: io.RawIOBase, deadline: Deadline) -> None:
        self._received = received
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._deadline.check()
        size: int | None = cast(Any, self._received).readinto(buffer)
        self._deadline.received(size or 0)
        return size

    def fileno(self) -> int:
        return self._received.fileno()

    def close(self) -> None:
        self._received.close()
        super().close()
