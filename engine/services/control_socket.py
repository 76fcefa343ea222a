"""The console's end of a control socket: questions to the supervisor of a service, and its answers."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import ServiceError
from engine.services.folder import ServiceFolder

CONNECT_SECONDS = 1.0
_MAX_PATH_BYTES = 100
_CREDENTIALS = struct.Struct("3i")  # process, user, group


class Connection:
    """A connection to the control socket of a supervisor. Closing it never changes what was asked for."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = b""
        credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self.pid: int = _CREDENTIALS.unpack(credentials)[0]
        """Of the process that listens."""

    def send(self, request: Mapping[str, Any]) -> None:
        with suppress(ConnectionError):  # receiving reports it
            self._socket.sendall(json.dumps(request).encode() + b"\n")

    def receive(self, seconds: float) -> Mapping[str, Any]:
        """The next answer. Raises `TimeoutError`, `ConnectionError` if the supervisor ended, and the
        `ServiceError` that it answers."""
        end = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the supervisor ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: Mapping[str, Any] = json.loads(line)
        if "error" in answer:
            raise ServiceError(**answer["error"])
        return answer

    def close(self) -> None:
        self._socket.close()


def connect(folder: ServiceFolder) -> Connection | None:
    """None if no supervisor runs. Raises `TimeoutError` if one does not take connections; `ServiceError`."""
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(CONNECT_SECONDS)
    try:
        with _short_path(folder.control) as path:
            connected.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connected.close()
        return None
    except (TimeoutError, BlockingIOError) as error:
        connected.close()
        raise TimeoutError from error
    except OSError as error:
        connected.close()
        raise ServiceError(f"The supervisor of {folder.name} cannot be asked", str(error)) from error
    return Connection(connected)


@contextmanager
def _short_path(path: Path) -> Iterator[str]:
    """The path of a socket, shortened if it is longer than the kernel takes."""
    if len(os.fsencode(path)) < _MAX_PATH_BYTES:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
