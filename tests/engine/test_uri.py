"""Tracking URIs are resolved, validated and redacted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from engine.errors import UriError
from engine.uri import TrackingUri, redact, resolve


def test_the_command_line_takes_precedence_over_the_environment_and_that_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = {"MLFLOW_TRACKING_URI": "http://there:5000/"}
    assert resolve("http://here:5000", env) == TrackingUri("http://here:5000")
    assert resolve(None, env) == TrackingUri("http://there:5000")
    assert resolve("  ", env) == TrackingUri("http://there:5000")
    assert resolve(None, {"MLFLOW_TRACKING_URI": " "}) == TrackingUri(f"sqlite:///{tmp_path}/mlflow.db")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("http://h:5000", "rest"),
        ("HTTPS://h", "rest"),
        ("sqlite:///x.db", "sql"),
        ("SQLite:////x.db", "sql"),
        ("postgresql://h/db", "sql"),
        ("postgresql+psycopg2://h/db", "sql"),
        ("POSTGRESQL+psycopg://h/db", "sql"),
        ("postgresql+asyncpg://h/db", "client"),
        ("mysql://h/db", "sql"),
        ("mysql+pymysql://h/db", "sql"),
        ("mssql+pyodbc://h/db", "client"),
        ("databricks", "client"),
        ("databricks://profile", "client"),
        ("file:///tmp/mlruns", "client"),
        ("./mlruns", "client"),
    ],
)
def test_the_scheme_determines_the_kind_of_store(raw: str, kind: str) -> None:
    assert TrackingUri(raw).kind == kind


def test_a_path_to_a_database_file_means_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert resolve("runs.db", {}).raw == f"sqlite:///{tmp_path}/runs.db"
    assert resolve("~/runs.sqlite", {}).raw == "sqlite:////home/ada/runs.sqlite"
    (tmp_path / "odd").touch()
    assert resolve("odd", {}).raw == f"sqlite:///{tmp_path}/odd"
    assert resolve("nothing-here", {}).raw == "nothing-here"
    assert resolve("~/mlruns", {}).raw == "/home/ada/mlruns"


def test_the_default_is_a_file_store_only_if_it_holds_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = TrackingUri(f"sqlite:///{tmp_path}/mlflow.db")
    for file in ("1/abc/artifacts/model/MLmodel", "models/meta.yaml", "0/tags"):
        path = tmp_path / "mlruns" / file
        path.parent.mkdir(parents=True)
        path.touch()
        assert resolve(None, {}) == database
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    (tmp_path / "mlflow.db").touch()
    assert resolve(None, {}) == TrackingUri(f"file://{tmp_path}/mlruns")


def test_the_folder_of_a_file_store_is_absolute() -> None:
    def folder(raw: str) -> Path | None:
        return TrackingUri(raw).folder

    assert folder("./mlruns") == Path.cwd() / "mlruns"
    assert folder("file:///a%20b/mlruns") == folder("/a%20b/mlruns") == Path("/a b/mlruns")
    assert folder("file://elsewhere/mlruns") is None
    assert folder("mysql+no_such_driver://h/x") is None
    assert folder("databricks") is folder("http://h/x") is folder("sqlite:///b.db") is None


def test_the_path_of_a_sqlite_database_is_absolute() -> None:
    def path(raw: str) -> Path | None:
        return TrackingUri(raw).sqlite_path

    assert path("sqlite:////a/b.db") == Path("/a/b.db")
    assert path("sqlite:///b.db?timeout=5") == Path.cwd() / "b.db"
    assert path("http://h/b.db") is None


@pytest.mark.parametrize(
    "raw",
    [
        "http://",
        "http://:5000",
        "https:///x",
        "http://[::1",
        "http://h:port",
        "http://h:99999",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
    ],
)
def test_malformed_addresses_are_usage_errors(raw: str) -> None:
    with pytest.raises(UriError) as caught:
        resolve(raw, {})
    assert caught.value.exit_status == 2
    assert caught.value.hint.startswith("Use ")


@pytest.mark.parametrize("raw", ["foo://bar", "s3://bucket/runs", "ftp:x", "foo+bar://u:s3cret@h/x"])
def test_an_unknown_scheme_is_a_usage_error(raw: str) -> None:
    with pytest.raises(UriError) as caught:
        resolve(raw, {})
    assert caught.value.exit_status == 2
    assert "sqlite:///" in caught.value.hint
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        "postgresql://h/db",
        "mysql+pymysql://h/db",
        "MSSQL+pyodbc://h/db",
        "sqlite+pysqlite:////x.db",
        "file:///tmp/mlruns",
        "databricks",
        "databricks://profile",
        "databricks-uc",
        "uc:https://h",
        "./mlruns",
    ],
)
def test_schemes_that_mlflow_opens_are_kept(raw: str) -> None:
    assert resolve(raw, {}).raw == raw


def test_a_plug_in_adds_its_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with MLflow's entry point."""
    package = tmp_path / "moon-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: moon\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[mlflow.tracking_store]\nmoon = moon:Store\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve("moon://crater", {}).kind == "client"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://h:5000/path", "http://h:5000/path"),
        ("http://ada:s3cret@h:5000", "http://ada:***@h:5000"),
        ("https://token@h", "https://***@h"),
        ("http://ada:s3:cr@et@h", "http://ada:***@h"),
        ("http://ada:se/cr#et?@h/x", "http://ada:***@h/x"),
        ("http://h:5000/a@b", "http://h:5000/a@b"),
        (
            "postgresql+psycopg2://u:1/2#3@h:5432/db?sslmode=require",
            "postgresql+psycopg2://u:***@h:5432/db?sslmode=require",
        ),
        ("http://h/?a=1&api_key=abc&Token=x;y=2", "http://h/?a=1&api_key=***&Token=***;y=2"),
        ("http://h/?sig=a%2Fb#f", "http://h/?sig=***#f"),
        ("http://h/a?path=x%3Fa%3D1%26sig%3DSECRET%26b%3D2", "http://h/a?path=x%3Fa%3D1%26sig%3D***%26b%3D2"),
        ("s3://b/x?X-Amz-Signature=abc&sigma=0.1", "s3://b/x?X-Amz-Signature=***&sigma=0.1"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Dabc", "mssql+pyodbc:///?odbc_connect=***"),
        ("sqlite:////home/a@b/c.db", "sqlite:////home/a@b/c.db"),
        ("http://[::1", "http://[::1"),
        ("databricks", "databricks"),
        ("u:s3/cret@h:1/db", "u:***@h:1/db"),
        ("https://h/x#access_token=SECRET", "https://h/x#access_token=***"),
        ("https://h/x;sig=SECRET", "https://h/x;sig=***"),
        ("https://h/token=free/x", "https://h/token=free/x"),
        ("dbfs:/x?token=SECRET", "dbfs:/x?token=***"),
        ("C:/home/a@b", "C:/home/a@b"),
        ("http://h/\x1b[31m", "http://h/␛[31m"),
        ("", ""),
    ],
)
def test_secrets_are_redacted(uri: str, shown: str) -> None:
    assert redact(uri) == shown
    assert TrackingUri(uri).shown == shown


def test_an_error_shows_no_secret() -> None:
    with pytest.raises(UriError) as caught:
        resolve("http://ada:s3cret@", {})
    assert "s3cret" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_uri_error(text: str) -> None:
    redact(text)
    redact(f"http://{text}")
    try:
        uri = resolve(f"http://{text}", {})
    except UriError:
        return
    assert uri.kind == "rest"


@given(st.text("abc/#?@:%&=", min_size=1, max_size=20))
def test_no_password_survives_redaction(password: str) -> None:
    secret = f"S3{password}S3"
    assert secret not in redact(f"postgresql://ada:{secret}@h/db")
    assert secret not in redact(f"http://ada:{secret}@h:5000/")
