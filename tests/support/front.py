"""A server in front of another one: it forwards requests, except for those that a test wants answered in
another way. Also a proxy: an absolute address in a request is forwarded to the server behind it."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.web import Answer

_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")
_FORWARD_SECONDS = 60


@dataclass
class Front:
    """`answers` are given instead of those of the server behind, by the path or its end; `headers` are added
    to every response. Requests to the paths in `silent` are never answered. `requests` are all that arrived.
    With `keeps_host`, the server behind sees the host name that the client used."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    keeps_host: bool = False

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        for changed in (self.answers, self.headers, self.silent, self.requests):
            changed.clear()
        self.keeps_host = False

    def answer(self, path: str) -> Answer | None:
        return next((answer for end, answer in self.answers.items() if path.endswith(end)), None)


@contextmanager
def in_front_of(behind: str, certificate: Path | None = None) -> Iterator[Front]:
    """A front of the server at the address `behind`, until the block ends; with a PEM file, at
    `https://localhost`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            address = urlsplit(self.path)
            front.requests.append(f"{self.command} {address.path}")
            if any(address.path.endswith(end) for end in front.silent):
                ended.wait()
                return
            answer = front.answer(address.path)
            if answer is not None:
                self._send(answer.status, answer.headers, answer.body)
                return
            server = http.client.HTTPConnection(urlsplit(behind).netloc, timeout=_FORWARD_SECONDS)
            target = address.path + (f"?{address.query}" if address.query else "")
            headers = dict(self.headers.items())
            if not front.keeps_host:
                headers["Host"] = urlsplit(behind).netloc
            server.request(self.command, target, body, headers)
            response = server.getresponse()
            self._send(response.status, dict(response.getheaders()), response.read())
            server.close()

        do_POST = do_GET

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
            dated = {"Date": self.date_time_string(), **kept, **front.headers}
            for name, value in (dated | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    front, ended = Front(server.server_port), threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield front
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
