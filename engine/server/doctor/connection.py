"""The connection: where the URI comes from, what answers there, for whom, and with which clock."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import time
from collections import Counter
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from engine.errors import EngineError
from engine.formats import counted, duration, moment, size
from engine.server.access import ADMIN
from engine.server.doctor.findings import OUTAGES, Notes
from engine.server.doctor.subject import Subject, migration
from engine.server.records import ServerFacts, TrackingServer
from engine.stores.errors import HostRejected, LoginRequired, NoEndpoint, Untrusted, from_response
from engine.stores.mlflow.private import installed_release
from engine.stores.rest.login import read_login
from engine.stores.rest.transport import Reply, Transport
from engine.stores.sql.database import MYSQL, POSTGRESQL, Snapshot
from engine.stores.sql.schema import tables
from engine.text import quoted, safe
from engine.uri import FROM_ENVIRONMENT, redact

_VERSION = re.compile(r"\d+\.\d+(\.\w+)*")
_WRITING = ("EDIT", "MANAGE")

_GRANTEE = (
    "concat('''', left(current_user(), char_length(current_user()) - 1"
    " - char_length(substring_index(current_user(), '@', -1))), '''@''', substring_index(current_user(),"
    " '@', -1), '''')"
)
"""This account as MySQL lists grants: `'user'@'host'`."""
_MAY_INSERT = {
    POSTGRESQL: "SELECT has_table_privilege('runs', 'INSERT')",
    MYSQL: "SELECT EXISTS (SELECT 1 FROM"
    " (SELECT grantee, privilege_type FROM information_schema.user_privileges"
    " UNION SELECT grantee, privilege_type FROM information_schema.schema_privileges"
    " WHERE database() LIKE table_schema"
    " UNION SELECT grantee, privilege_type FROM information_schema.table_privileges"
    " WHERE table_schema = database() AND table_name = 'runs') AS granted WHERE privilege_type = 'INSERT'"
    f" AND grantee = {_GRANTEE})",
}
_CLOCK = {
    POSTGRESQL: "SELECT extract(epoch FROM clock_timestamp())",
    MYSQL: "SELECT unix_timestamp(now(6))",
}
_ENCRYPTED = {
    POSTGRESQL: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    MYSQL: "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
}


def examine(subject: Subject, notes: Notes) -> bool:
    """Whether the store can be read."""
    notes.fact(f"from {subject.source}")
    with notes.check("the tracking URI"):
        _check_uri(subject, notes)
    _check_stored_credentials(notes)
    if subject.uri.kind == "rest":
        return _server(subject, notes)
    if subject.uri.kind == "sql":
        return _database(subject, notes)
    return _other(subject, notes)


def _check_uri(subject: Subject, notes: Notes) -> None:
    path = subject.uri.sqlite_path or subject.uri.folder
    is_absolute = path is None or str(path) in unquote(subject.uri.raw)
    if subject.source == FROM_ENVIRONMENT and not is_absolute:
        notes.found(
            "uri-relative",
            "warning",
            "The store depends on the folder that a program is started in",
            evidence=f"MLFLOW_TRACKING_URI is {subject.uri.shown}, a relative path: here it means {path}",
            fix="Set it to an absolute path.",
            command=f"export MLFLOW_TRACKING_URI={shlex.quote(f'sqlite:///{path}')}"
            if subject.uri.sqlite_path
            else f"export MLFLOW_TRACKING_URI={shlex.quote(str(path))}",
        )


# ── a tracking server ────────────────────────────────────────────────────────


def _server(subject: Subject, notes: Notes) -> bool:
    transport = Transport(subject.uri, seconds=subject.limits.request_seconds)
    try:
        with notes.check("the credentials"):
            _check_credentials(subject, transport, notes)
        with notes.check("the proxy"):
            _check_proxy(subject, notes)
        reply = _health(subject, transport, notes)
        if reply is None:
            return False
        with notes.check("the clock of the server"):
            _check_date(subject, reply, notes)
        with notes.check("the certificate"):
            _check_certificate(subject, reply, notes)
        with notes.check("the versions of server and client"):
            _check_version(transport, notes)
        if not _answers(subject, transport, notes):
            return False
        with notes.check("what this account may do"):
            _check_account(subject, transport, notes)
        return True
    finally:
        transport.close()


def _check_stored_credentials(notes: Notes) -> None:
    path = Path.home() / ".mlflow" / "credentials"
    with notes.check("the file of credentials"):
        if path.exists() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            notes.found(
                "credentials-readable",
                "warning",
                "Other accounts of this machine can read your credentials",
                evidence=f"{path} has the mode {stat.filemode(path.stat().st_mode)}",
                fix="Make the file private.",
                command=("chmod", "600", str(path)),
            )


def _check_credentials(subject: Subject, transport: Transport, notes: Notes) -> None:
    login = read_login()
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD"))
    if bool(user) != bool(password) and not login.header.startswith("Basic"):
        given, missing = ("USERNAME", "PASSWORD") if user else ("PASSWORD", "USERNAME")
        notes.found(
            "half-credentials",
            "warning",
            "No credentials are sent: only half of them are set",
            evidence=f"MLFLOW_TRACKING_{given} is set, MLFLOW_TRACKING_{missing} is not",
            fix=f"Set MLFLOW_TRACKING_{missing} too, or unset MLFLOW_TRACKING_{given}.",
        )
    if login.header.startswith("Basic") and os.environ.get("MLFLOW_TRACKING_TOKEN"):
        notes.found(
            "token-ignored",
            "note",
            "MLFLOW_TRACKING_TOKEN is ignored",
            evidence="A user name with a password takes precedence over it",
            fix="Unset one of them.",
        )
    is_secure = subject.uri.raw.lower().startswith("https:")
    if is_secure and login.verify is False:
        notes.found(
            "tls-not-verified",
            "warning",
            "Anyone on the way can pose as the server",
            evidence="MLFLOW_TRACKING_INSECURE_TLS is set: its certificate is not verified",
            fix="Unset it, and name the server's certificate in MLFLOW_TRACKING_SERVER_CERT_PATH.",
        )
    if subject.is_remote and not is_secure and transport.has_credentials:
        notes.found(
            "credentials-in-clear",
            "warning",
            "Credentials are sent unencrypted",
            evidence=f"{subject.uri.shown} has no TLS, and requests to it carry credentials",
            fix="Put the server behind TLS and use https://, or reach it through an SSH tunnel.",
        )


def _check_proxy(subject: Subject, notes: Notes) -> None:
    from requests.utils import get_environ_proxies, select_proxy

    proxy = select_proxy(subject.uri.raw, get_environ_proxies(subject.uri.raw))
    if not proxy:
        return
    notes.fact(f"through the proxy {redact(proxy)}")
    if not subject.is_remote:
        notes.found(
            "proxy-for-loopback",
            "warning",
            "Requests to this machine go through a proxy",
            evidence=f"{subject.uri.shown} through {redact(proxy)}",
            fix="Exclude this machine from the proxy.",
            command=f'export NO_PROXY="{subject.host},$NO_PROXY"',
        )


def _health(subject: Subject, transport: Transport, notes: Notes) -> Reply | None:
    """The server's reply to a request that needs no authentication, as long as there is one."""
    try:
        reply = transport.reply("/health")
        if reply.status >= 500:
            raise from_response(transport.shown, reply.status, reply.body)
    except EngineError as error:
        service = subject.own_service if isinstance(error, OUTAGES) else None
        if isinstance(error, Untrusted):
            plain = shlex.quote(redact(f"http{subject.uri.raw[5:]}"))
            has_tls = "no TLS:" not in error.hint
            notes.failed(error, command="" if has_tls else f"export MLFLOW_TRACKING_URI={plain}")
        elif service is not None and not service.running:
            fix = f"It is your server {quoted(service.name)}, {service.state}. Start it again;"
            fix += f" `mlflow-console server logs {service.name}` may say why it ended."
            known = TrackingServer(service, ServerFacts.of(service.spec))
            notes.failed(error, fix=fix, command=known.start_words)
        elif service is not None:
            fix = f"It is your server {quoted(service.name)}, {service.state}. Its log may say why."
            notes.failed(error, fix=fix, command=("mlflow-console", "server", "logs", service.name))
        else:
            notes.failed(error)
        return None
    notes.fact(f"answers in {_taken(reply.seconds)}")
    return reply


def _taken(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else duration(seconds)


def _check_date(subject: Subject, reply: Reply, notes: Notes) -> None:
    try:
        there = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        notes.skip("the clock of the server", "its responses have no valid date")
        return
    _compare_clocks(subject, there + 0.5, notes)  # a Date header has whole seconds


def _compare_clocks(subject: Subject, there: float, notes: Notes) -> None:
    ahead = there - time.time()
    if abs(ahead) > subject.limits.clock_seconds:
        notes.found(
            "clock-skew",
            "warning",
            f"The clocks of server and client differ by {duration(abs(ahead))}",
            evidence=f"The server's clock is {'ahead' if ahead > 0 else 'behind'}:"
            f" {moment(int(there * 1000))}",
            fix="Synchronize both with NTP: start times, durations and signed requests to storage depend on"
            " it.",
            command="timedatectl status",
        )


def _check_certificate(subject: Subject, reply: Reply, notes: Notes) -> None:
    if reply.certificate_ends is None:
        return
    left = reply.certificate_ends - time.time()
    if left < subject.limits.certificate_days * 86400:
        notes.found(
            "certificate-expires",
            "warning",
            f"The server's certificate expires in {duration(left)}",
            evidence=f"It is valid until {moment(int(reply.certificate_ends * 1000))}",
            fix="Renew it before then: afterwards, clients refuse to connect.",
        )


def _check_version(transport: Transport, notes: Notes) -> None:
    reply, ours = transport.reply("/version"), installed_release()
    theirs = reply.body.strip()
    if reply.status != 200 or not _VERSION.fullmatch(theirs):
        notes.skip("the version of the server", f"/version answers with HTTP {reply.status}")
        return
    notes.fact(f"MLflow {theirs}" + ("" if theirs == ours else f", here {ours}"))
    server, client = (int(text.partition(".")[0]) for text in (theirs, ours))
    if server == client:
        return
    older = "server" if server < client else "client"
    release = min(server, client)
    notes.found(
        f"{older}-outdated",
        "warning",
        f"The {older} is MLflow {release}, the {'client' if older == 'server' else 'server'} is not",
        evidence=f"The server is MLflow {theirs}, this machine has {ours}",
        fix="Use the same major version on both: MLflow 3 logs models through endpoints that MLflow 2 lacks."
        if release == 2
        else "Use the same major version on both.",
        command=("pip", "install", f"mlflow=={theirs}"),
    )


def _answers(subject: Subject, transport: Transport, notes: Notes) -> bool:
    """Whether the server answers a request of MLflow's API."""
    try:
        if subject.uses_mlflow_auth:
            subject.store.experiments()
        else:
            transport.post("experiments/search", {"max_results": 1})
    except HostRejected as error:
        hosts = f"{subject.host},{subject.host}:*,localhost,localhost:*"
        notes.failed(
            error,
            fix="Start the server with its name in --allowed-hosts, with and without the port.",
            command=f"mlflow server --allowed-hosts '{hosts}' …",
        )
        return False
    except LoginRequired as error:
        server = subject.own_server
        if not transport.has_credentials and server and Path(server.password_file).is_file():
            login = f'MLFLOW_TRACKING_PASSWORD="$(cat {shlex.quote(server.password_file)})"'
            notes.failed(
                error,
                fix=f"It is your own server: sign in as {ADMIN}, whose first password is kept.",
                command=f"export MLFLOW_TRACKING_USERNAME={ADMIN} {login}",
            )
        elif not transport.has_credentials:
            notes.failed(error)
        else:
            notes.failed(
                error,
                fix="Check the user name and the password, or the token; the environment takes precedence"
                " over ~/.mlflow/credentials.",
            )
        return False
    except EngineError as error:
        notes.failed(error)
        return False
    return True


def _check_account(subject: Subject, transport: Transport, notes: Notes) -> None:
    if subject.uses_mlflow_auth:
        notes.skip("what this account may do", "an authentication plug-in of MLflow decides it")
        return
    try:
        user = transport.get("users/current", {})["user"]
        name, is_admin = safe(user["username"], 80), bool(user["is_admin"])
    except (NoEndpoint, KeyError, TypeError):
        _check_openness(subject, transport, notes)
        return
    if is_admin:
        notes.fact(f"signed in as {name}, an administrator")
        return
    grants = _grants(transport)
    held = ", ".join(f"{permission} on {count}" for permission, count in grants.items())
    notes.fact(f"signed in as {name}" + (f": {held}" if held else ""))
    if not any(permission in _WRITING for permission in grants):
        notes.found(
            "account-reads-only",
            "note",
            f"{name} may change nothing that exists",
            evidence=f"Permissions granted: {held or 'none'}",
            fix="Fine for reading. Ask an administrator for EDIT to train, register or promote.",
        )


def _grants(transport: Transport) -> Counter[str]:
    """The number of grants for each permission of this account. Raises `EngineError`s."""
    reply = transport.reply("/api/3.0/mlflow/users/current/permissions")
    if reply.status != 200:
        raise from_response(transport.shown, reply.status, reply.body)
    try:
        rows: list[dict[str, Any]] = json.loads(reply.body)["permissions"]
        return Counter(safe(row["permission"], 40) for row in rows)
    except (ValueError, KeyError, TypeError):
        return Counter()


def _check_openness(subject: Subject, transport: Transport, notes: Notes) -> None:
    """Without basic-auth, whoever reaches the server may do everything, unless something in front of it asks
    who they are."""
    if transport.has_credentials:
        notes.skip(
            "what this account may do", "the server has no basic-auth; what checks credentials is unknown"
        )
        return
    notes.fact("no authentication")
    if subject.is_remote:
        notes.found(
            "no-authentication",
            "warning",
            "Anyone who reaches the server may change and delete everything",
            evidence=f"{subject.uri.shown} answers without credentials, at an address of the network",
            fix="Start it with --app-name basic-auth, put it behind a proxy that asks for credentials, or"
            " bind it to loopback and use an SSH tunnel.",
        )


# ── a database, and other stores ─────────────────────────────────────────────


def _database(subject: Subject, notes: Notes) -> bool:
    assert subject.database is not None
    path = subject.uri.sqlite_path
    began = time.monotonic()
    try:
        with subject.database.snapshot() as snapshot:
            if path is None:
                taken = _taken(time.monotonic() - began)
                notes.fact(f"{_release(snapshot)} answers in {taken}")
            tables(snapshot, subject.database, subject.uri.shown)
    except EngineError as error:
        notes.failed(error)
        return False
    if path is not None:
        with notes.check("whether the file can be written"):
            _check_file(path, notes)
        return True
    for what, check in (
        ("what this account may do", _check_privileges),
        ("the clock of the server", _check_database_clock),
        ("the encryption of the connection", _check_encryption),
    ):
        with notes.check(what), subject.database.snapshot() as snapshot:
            check(subject, snapshot, notes)
    return True


def _release(snapshot: Snapshot) -> str:
    """`PostgreSQL 15.18`, `MariaDB 10.11.19`."""
    text = str(_single(snapshot, "SELECT version()"))
    name = "PostgreSQL" if snapshot.dialect is POSTGRESQL else "MariaDB" if "MariaDB" in text else "MySQL"
    number = _VERSION.search(text)
    return f"{name} {number[0]}" if number else name


def _single(snapshot: Snapshot, statement: str) -> Any:
    """The last value of a statement's first row; None without a row."""
    return next((row[-1] for row in snapshot.stream(statement)), None)


def _check_file(path: Path, notes: Notes) -> None:
    notes.fact(f"SQLite, {size(path.stat().st_size)}")
    for place, what in ((path, "the file"), (path.parent, "its folder, where SQLite keeps its journal")):
        if not os.access(place, os.W_OK, effective_ids=True):
            notes.found(
                "store-read-only",
                "warning",
                "This account can read the store, but not write to it",
                evidence=f"{place}: no permission to write to {what}",
                fix="Fine for browsing. To train, register or promote, ask its owner, or use a tracking"
                " server.",
                command=("ls", "-ld", str(path.parent), str(path)),
            )
            return


def _check_privileges(subject: Subject, snapshot: Snapshot, notes: Notes) -> None:
    if snapshot.dialect is MYSQL and _single(snapshot, "SELECT current_role()") not in (None, "NONE"):
        notes.skip("what this account may do", "it has a role, whose grants MySQL does not list")
    elif not _single(snapshot, _MAY_INSERT[snapshot.dialect]):
        notes.found(
            "store-read-only",
            "warning",
            "This account can read the store, but not write to it",
            evidence="It has no INSERT privilege on the table `runs`",
            fix="Fine for browsing. To train, register or promote, use an account with INSERT, UPDATE and"
            " DELETE.",
        )


def _check_database_clock(subject: Subject, snapshot: Snapshot, notes: Notes) -> None:
    _compare_clocks(subject, float(_single(snapshot, _CLOCK[snapshot.dialect])), notes)


def _check_encryption(subject: Subject, snapshot: Snapshot, notes: Notes) -> None:
    if subject.is_remote and not _single(snapshot, _ENCRYPTED[snapshot.dialect]):
        notes.found(
            "database-in-clear",
            "warning",
            "The connection to the database is not encrypted",
            evidence=f"{subject.uri.shown}: the server reports no TLS for this connection",
            fix="Require TLS in the tracking URI: ?sslmode=verify-full for PostgreSQL, or"
            " MLFLOW_MYSQL_SSL_CA.",
        )


def _other(subject: Subject, notes: Notes) -> bool:
    """A file store, Databricks, or a store of a plug-in."""
    try:
        experiments = subject.experiments
    except EngineError as error:
        notes.failed(error)
        return False
    with notes.check("the kind of store"):
        notes.fact(counted(len(experiments), "experiment"))
        folder = subject.uri.folder
        if folder is not None:
            notes.found(
                "file-store",
                "note",
                "MLflow no longer develops the file store",
                evidence=f"{folder} is a folder of files, which MLflow opens only with"
                " MLFLOW_ALLOW_FILE_STORE",
                fix="Migrate it to a database.",
                command=migration(folder),
            )
    return True
