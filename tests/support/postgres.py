"""A real PostgreSQL server for tests, from any installed package."""

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
class Postgres:
    """A server on loopback with the superuser `USER` and `PASSWORD`."""

    port: int

    def uri(
        self, database: str, *, driver: str = "+psycopg2", user: str = USER, password: str = PASSWORD
    ) -> str:
        account = f"{user}:{quote(password, safe='')}"
        return f"postgresql{driver}://{account}@{LOOPBACK}:{self.port}/{database}"

    def execute(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Execute statements as the superuser, each in its own transaction; returns the rows of the last
        one."""
        import psycopg2

        connection = psycopg2.connect(
            host=LOOPBACK, port=self.port, user=USER, password=PASSWORD, dbname=database
        )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def is_ready(self) -> bool:
        import psycopg2

        try:
            self.execute("postgres", "SELECT 1")
        except psycopg2.OperationalError:
            return False
        return True


def programs() -> Path | None:
    """The folder of the server's programs: the newest Debian package's, else the one in PATH."""
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders = sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    in_path = shutil.which("postgres")
    if in_path is not None:
        folders.append(Path(in_path).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def serving(programs: Path) -> Iterator[Postgres]:
    """A new server, until the block ends."""
    with place("postgres", "nobody") as here:
        password, data = here.folder / "password", here.folder / "data"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        access = ["-U", USER, "-A", "scram-sha-256", f"--pwfile={password}"]
        here.run(programs / "initdb", "-D", data, "-E", "UTF8", "--locale=C.UTF-8", *access)
        settings = {"listen_addresses": LOOPBACK, "port": here.port, "fsync": "off"}
        settings["unix_socket_directories"] = ""
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = Postgres(here.port)
        command = [programs / "postgres", "-D", data, *options]
        with here.running(command, server.is_ready, signal.SIGINT):  # ends at once, despite open connections
            yield server
