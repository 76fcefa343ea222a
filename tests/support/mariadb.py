"""A real MariaDB server for tests, from Debian's package; it is compatible with MySQL."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.database import LOOPBACK, PASSWORD, USER, place


@dataclass(frozen=True)
class MariaDb:
    """A server on loopback with the user `USER` and `PASSWORD`, who has all privileges, and root without a
    password."""

    port: int

    def uri(
        self, database: str, *, driver: str = "+pymysql", user: str = USER, password: str = PASSWORD
    ) -> str:
        account = f"{user}:{quote(password, safe='')}"
        return f"mysql{driver}://{account}@{LOOPBACK}:{self.port}/{database}"

    def execute(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Execute statements as root; returns the rows of the last one."""
        import pymysql

        connection = pymysql.connect(
            host=LOOPBACK, port=self.port, user="root", database=database, autocommit=True
        )
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def is_ready(self) -> bool:
        import pymysql

        try:
            self.execute("mysql", "SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True


def programs() -> tuple[Path, Path] | None:
    """(program that creates a data folder, server program), if both are installed."""
    path = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
    found = [shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd")]
    install, server = found
    return None if install is None or server is None else (Path(install), Path(server))


@contextmanager
def serving(programs: tuple[Path, Path]) -> Iterator[MariaDb]:
    """A new server, until the block ends."""
    install, daemon = programs
    with place("mysql", "nobody") as here:
        data = f"--datadir={here.folder / 'data'}"
        here.run(install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db")
        options = [f"--bind-address={LOOPBACK}", f"--port={here.port}", "--skip-name-resolve"]
        options += [f"--socket={here.folder / 'socket'}", "--character-set-server=utf8mb4"]
        server = MariaDb(here.port)
        command = [daemon, "--no-defaults", data, *options]
        with here.running(command, server.is_ready, signal.SIGTERM):
            allowed = f"GRANT ALL ON *.* TO {USER} IDENTIFIED BY '{PASSWORD}'"
            server.execute("mysql", allowed)
            yield server
