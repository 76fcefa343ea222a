"""A real HTTP server on loopback with scripted responses, including faulty ones."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

MEETING_SECONDS = 20


@dataclass(frozen=True)
class Answer:
    """`length` is the announced Content-Length; None for that of the body. `cut` closes the connection before
    anything is sent. With `meeting`, the response waits until all parties are at the barrier. `drip` is the
    time between single bytes of the body, in seconds. `raw` is sent piece by piece instead of a response, at
    the same pace."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    cut: bool = False
    meeting: threading.Barrier | None = None
    drip: float = 0.0
    raw: Iterable[bytes] = ()


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Web:
    """Sends `answers` in turn, repeating the last one; records the `requests` and counts the `connections`
    that were opened."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[Answer] = [Answer()]
        self.requests: list[Request] = []
        self.connections = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def will_answer(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _send(out: BinaryIO, pieces: Iterable[bytes], seconds: float, ended: threading.Event) -> None:
    """Send the pieces with a pause after each, until the client leaves or the server ends."""
    with suppress(ConnectionError):
        for piece in pieces:
            out.write(piece)
            if ended.wait(seconds):
                return


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Web]:
    """`certificate` is a PEM file with a key, for a TLS server at `https://localhost`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with counting:
                web.connections += 1

        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            web.requests.append(Request(self.command, self.path, headers, self.rfile.read(size)))
            answer = web.next_answer()
            if answer.meeting:
                answer.meeting.wait(MEETING_SECONDS)
            if answer.cut:
                self.close_connection = True
                return
            if answer.raw:
                self.close_connection = True
                _send(self.wfile, answer.raw, answer.drip, ended)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(answer.body) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            pieces = (bytes((byte,)) for byte in answer.body) if answer.drip else (answer.body,)
            _send(self.wfile, pieces, answer.drip, ended)
            self.close_connection = length != len(answer.body)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    web, counting, ended = Web(server.server_port), threading.Lock(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
