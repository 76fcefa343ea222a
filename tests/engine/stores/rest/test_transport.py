"""The errors that real network faults become, and the credentials sent to a server."""

from __future__ import annotations

import base64
import gzip
import json
import sys
import time
from collections.abc import Iterable
from itertools import chain, repeat
from pathlib import Path
from urllib.parse import quote

import pytest

from engine.errors import (
    EngineError,
    NotFound,
    ServerDenied,
    ServerFault,
    ServerTimeout,
    ServerUnreachable,
    StoreRefused,
)
from engine.stores import open_store
from engine.stores.base import RunQuery, Store
from engine.stores.rest import deadline, transport
from engine.stores.rest.store import MAX_EMPTY_PAGES
from engine.uri import TrackingUri
from tests.support.web import Answer, Web

PASSWORD = "correct-horse-battery"
EMPTY = Answer(body=b'{"experiments": []}')


def store_at(uri: str) -> Store:
    return open_store(TrackingUri(uri))


def error_from(uri: str) -> EngineError:
    store = store_at(uri)
    with pytest.raises(EngineError) as caught:
        store.experiments()
    error = caught.value
    assert error.title
    assert error.detail
    assert "\n" not in str(error)
    return error


def mlflow_error(status: int, code: str, message: str) -> Answer:
    return Answer(status, json.dumps({"error_code": code, "message": message}).encode())


class TestConnecting:
    def test_a_refused_connection_fails_at_once(self, closed_port: int) -> None:
        start = time.monotonic()
        error = error_from(f"http://127.0.0.1:{closed_port}")
        assert isinstance(error, ServerUnreachable)
        assert "refused" in error.detail
        assert f"http://127.0.0.1:{closed_port}" in error.title
        assert error.hint
        assert time.monotonic() - start < 2

    def test_an_unknown_host_is_unreachable(self) -> None:
        error = error_from("http://no-such-host.invalid:5000")
        assert isinstance(error, ServerUnreachable)
        assert "name" in error.detail

    def test_a_silent_server_times_out(self, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        start = time.monotonic()
        error = error_from(f"http://127.0.0.1:{silent_port}")
        assert isinstance(error, ServerTimeout)
        assert "1 s" in error.detail
        assert 0.9 < time.monotonic() - start < 3, "a timeout is not retried"

    def test_https_to_a_server_without_tls_is_not_secure(self, web: Web) -> None:
        error = error_from(web.uri.replace("http:", "https:"))
        assert isinstance(error, ServerUnreachable)
        assert "secure" in error.title

    def test_a_dead_proxy_is_blamed(self, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
        error = error_from("http://mlflow.invalid")
        assert isinstance(error, ServerUnreachable)
        assert "proxy" in error.detail


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "kind", "words"),
        [
            (Answer(401, b"You are not authenticated."), ServerDenied, "MLFLOW_TRACKING_USERNAME"),
            (mlflow_error(403, "PERMISSION_DENIED", "Permission denied"), ServerDenied, "Permission denied"),
            (Answer(403, b"Invalid Host header - possible DNS rebinding"), ServerDenied, "--allowed-hosts"),
            (mlflow_error(404, "RESOURCE_DOES_NOT_EXIST", "No such thing"), NotFound, "No such thing"),
            (Answer(404, b"<html>nginx</html>"), ServerFault, "HTTP 404: <html>nginx</html>"),
            (mlflow_error(400, "INVALID_PARAMETER_VALUE", "Bad filter"), StoreRefused, "Bad filter"),
            (mlflow_error(429, "REQUEST_LIMIT_EXCEEDED", "Slow down"), StoreRefused, "rate-limiting"),
            (Answer(429, b"<h1>Too many</h1>"), StoreRefused, "rate-limiting"),
            (mlflow_error(401, "X", "Closed"), ServerDenied, "requires authentication — Closed — "),
            (mlflow_error(403, "X", "Closed"), ServerDenied, "denied access — Closed — "),
            (mlflow_error(500, "X", "Closed"), ServerFault, "HTTP 500: Closed — "),
            (Answer(500, b'{"error_code": "X", "message": "Two\nlines"}'), ServerFault, "500: Two lines — "),
            (Answer(403, b'{"detail": "Not yours"}'), ServerDenied, "denied access — Not yours — "),
            (Answer(500, b"Internal Server Error"), ServerFault, "HTTP 500: Internal Server Error"),
            (Answer(500, b""), ServerFault, "HTTP 500"),
            (Answer(502, b"<h1>Bad Gateway</h1>"), ServerFault, "HTTP 502"),
            (Answer(200, b"<html><title>Sign in</title>"), ServerFault, "Sign in"),
            (Answer(200, b""), ServerFault, "The response is empty"),
            (Answer(200, b"[1, 2]"), ServerFault, "[1, 2]"),
            (Answer(200, b"\xff\xfe\x00\x1b[2J"), ServerFault, "Response: "),
            (Answer(200, b"[" * 100_000), ServerFault, "Response: "),
            (Answer(200, b'{"experiments": 5}'), ServerFault, "Unexpected response"),
            (Answer(200, b'{"experiments": [{"name": "x"}]}'), ServerFault, "experiment_id"),
            (
                Answer(200, b'{"experiments": [], "next_page_token": "t"}'),
                ServerFault,
                "same page token twice",
            ),
            (Answer(200, b'{"experiments"', length=5000), ServerFault, "was cut off"),
            (Answer(cut=True), ServerFault, "without a response"),
            (Answer(302, b"", {"Location": "/api/2.0/mlflow/loop"}), ServerFault, "redirects"),
        ],
    )
    def test_every_faulty_response_is_one_clear_error(
        self, web: Web, answer: Answer, kind: type[EngineError], words: str
    ) -> None:
        web.will_answer(answer)
        error = error_from(web.uri)
        assert type(error) is kind or isinstance(error, kind)
        assert words in str(error)
        assert "\x1b" not in str(error)
        assert len(error.detail) < 400

    def test_refused_credentials_are_not_taken_for_missing_ones(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        web.will_answer(Answer(401, b"You are not authenticated."))
        assert error_from(web.uri).title == f"{web.uri} requires authentication"
        refused = error_from(web.uri.replace("//", f"//ana:{PASSWORD}@"))
        assert refused.title.endswith("refused the user name or password")
        assert "Set MLFLOW_TRACKING_USERNAME" not in refused.hint
        assert PASSWORD not in str(refused)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", PASSWORD)
        refused = error_from(web.uri)
        assert refused.title == f"{web.uri} refused the token"
        assert PASSWORD not in str(refused)

    def test_an_error_after_a_redirect_names_the_other_server(self, web: Web, closed_port: int) -> None:
        web.will_answer(
            Answer(307, b"", {"Location": f"http://eve:s3cret@127.0.0.1:{closed_port}/x?token=s3cret"})
        )
        error = error_from(web.uri)
        assert isinstance(error, ServerUnreachable)
        assert error.title.startswith(
            f"Cannot connect to http://127.0.0.1:{closed_port} (redirected from {web.uri})"
        )
        assert "s3cret" not in str(error)

    @pytest.mark.parametrize("status", [301, 302, 308])
    @pytest.mark.parametrize("followed", [True, False])
    def test_a_server_that_has_moved_is_reported_with_its_new_address(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, status: int, followed: bool
    ) -> None:
        monkeypatch.setenv("MLFLOW_ALLOW_HTTP_REDIRECTS", str(followed).lower())
        new = f"{web.uri}/mlflow/api/2.0/mlflow/experiments/search"
        web.will_answer(Answer(status, b"", {"Location": new}), EMPTY)
        if followed and status == 308:  # keeps the method and the content
            assert store_at(web.uri).experiments() == ()
            return
        error = error_from(web.uri)
        assert error.title == f"{web.uri} has moved"
        assert error.hint == f"Use {web.uri}/mlflow as the tracking URI."

    def test_a_redirect_to_a_login_page_is_not_a_new_address(self, web: Web) -> None:
        web.will_answer(Answer(302, b"", {"Location": "/login"}), Answer(200, b"<title>Sign in</title>"))
        assert "did not respond like an MLflow server" in error_from(web.uri).title

    def test_a_missing_package_for_a_socks_proxy_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "socks", None)
        monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
        error = error_from("http://mlflow.invalid")
        assert "needs a package" in error.title
        assert "pip install 'requests[socks]'" in error.hint

    def test_a_path_prefix_is_kept(self, web: Web) -> None:
        web.will_answer(EMPTY)
        store_at(f"{web.uri}/ml/flow").experiments()
        assert web.requests[0].path == "/ml/flow/api/2.0/mlflow/experiments/search"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def authorization(web: Web, uri: str = "") -> str | None:
    """The Authorization header that the server received."""
    web.will_answer(EMPTY)
    store_at(uri or web.uri).experiments()
    return web.requests[-1].headers.get("authorization")


def write_credentials(text: str) -> None:
    folder = Path.home() / ".mlflow"
    folder.mkdir()
    (folder / "credentials").write_text(text)


class TestLimits:
    @pytest.mark.parametrize("compressed", [False, True])
    def test_a_response_that_is_too_large_is_given_up(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, compressed: bool
    ) -> None:
        monkeypatch.setattr(transport, "RESPONSE_BYTES", 2**20)
        monkeypatch.setattr(transport, "BYTES_PER_RESULT", 0)
        body = b" " * 3 * 2**20
        answer = Answer(body=body, length=10**10)
        if compressed:
            answer = Answer(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        web.will_answer(answer)
        error = error_from(web.uri)
        assert isinstance(error, ServerFault)
        assert "sent too much" in error.title
        assert "larger than 1.0 MB" in error.detail
        assert len(web.requests) == 1, "it is not asked for again"

    @pytest.mark.parametrize("followed", [True, False])
    def test_the_body_of_a_redirect_is_not_read(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, followed: bool
    ) -> None:
        monkeypatch.setenv("MLFLOW_ALLOW_HTTP_REDIRECTS", str(followed).lower())
        moved = Answer(302, b"x" * 1000, {"Location": "/there"}, length=10**10, drip=0.05)
        web.will_answer(moved, Answer(body=b'{"experiments": []}'))
        if followed:
            assert store_at(web.uri).experiments() == ()
        else:
            assert isinstance(error_from(web.uri), ServerFault)

    def test_the_limit_grows_with_the_number_of_results(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "RESPONSE_BYTES", 1000)
        web.will_answer(Answer(body=b'{"runs": []' + b" " * 2**20 + b"}"))
        server = store_at(web.uri)
        assert len(server.runs(RunQuery("1"), max_results=1000).runs) == 0
        with pytest.raises(ServerFault, match="sent too much"):
            server.runs(RunQuery("1"), max_results=1)

    def test_a_response_that_trickles_is_given_up(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "RESPONSE_FACTOR", 0.01)
        web.will_answer(Answer(body=b" " * 1000, drip=0.05))
        error = error_from(web.uri)
        assert isinstance(error, ServerFault)
        assert "sends too slowly" in error.title

    def test_a_large_response_over_a_slow_link_has_more_time(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "RESPONSE_FACTOR", 0.01)
        monkeypatch.setattr(deadline, "PROGRESS_BYTES", 10)
        web.will_answer(Answer(body=b'{"experiments": []}' + b" " * 100, drip=0.01))  # more than 1 s
        assert store_at(web.uri).experiments() == ()
        monkeypatch.setattr(transport, "MOST_FACTOR", 0.01)
        assert "sends too slowly" in error_from(web.uri).title

    @pytest.mark.parametrize(
        "raw",
        [
            repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
            chain([b"HTTP/1.1 200 OK\r\nX-Slow: "], repeat(b"x")),
            chain([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], repeat(b"0")),
        ],
        ids=["interim responses", "a header", "the size of a chunk"],
    )
    def test_a_response_that_never_gets_to_its_body_is_given_up(
        self, web: Web, raw: Iterable[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "RESPONSE_FACTOR", 0.01)
        web.will_answer(Answer(raw=raw, drip=0.01))
        error = error_from(web.uri)
        assert isinstance(error, ServerFault)
        assert "sends too slowly" in error.title
        assert len(web.requests) == 1, "it is not asked again"

    def test_empty_pages_without_end_are_given_up(self, web: Web) -> None:
        pages = [{"experiments": [], "next_page_token": str(number)} for number in range(MAX_EMPTY_PAGES + 9)]
        web.will_answer(*(Answer(body=json.dumps(page).encode()) for page in pages))
        assert "100 empty pages in a row" in error_from(web.uri).detail
        assert len(web.requests) == MAX_EMPTY_PAGES

    def test_some_empty_pages_are_read_past(self, web: Web) -> None:
        pages = [{"experiments": [], "next_page_token": str(number)} for number in range(20)]
        last = {"experiments": [{"experiment_id": "1", "name": "x"}]}
        web.will_answer(*(Answer(body=json.dumps(page).encode()) for page in (*pages, last)))
        assert [found.name for found in store_at(web.uri).experiments()] == ["x"]


class TestLogin:
    def test_no_credentials_send_no_header(self, web: Web) -> None:
        assert authorization(web) is None

    def test_a_user_and_password_take_precedence_over_a_token(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        assert authorization(web) is None, "a user without a password does not count"
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pässwörd")
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
        assert authorization(web) == basic("ada", "pässwörd")

    def test_a_token_is_sent(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
        assert authorization(web) == "Bearer t0ken"

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_a_line_break_after_a_credential_is_dropped(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken" + end)
        assert authorization(web) == "Bearer t0ken"
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada" + end)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", " 5pace " + end)
        assert authorization(web) == basic("ada", " 5pace ")

    @pytest.mark.parametrize("name", ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"])
    def test_a_credential_with_a_line_break_in_it_is_refused_without_showing_it(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv(name, "s3cret\nt0ken")
        with pytest.raises(StoreRefused) as caught:
            authorization(web)
        shown = f"{caught.value} {caught.value.detail} {caught.value.hint}"
        assert f"{name} contains a control character" in shown
        assert "s3cret" not in shown

    def test_a_token_that_a_header_cannot_hold_is_refused_without_showing_it(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret…€")
        with pytest.raises(StoreRefused) as caught:
            authorization(web)
        shown = f"{caught.value} {caught.value.detail} {caught.value.hint}"
        assert "MLFLOW_TRACKING_TOKEN contains a character" in shown
        assert "s3cret" not in shown

    def test_a_secret_in_the_query_of_the_uri_is_masked_when_the_server_repeats_it(self, web: Web) -> None:
        web.will_answer(Answer(401, b"no access for S3CRET"))
        error = error_from(f"{web.uri}/?token=S3CRET")
        assert "S3CRET" not in f"{error} {error.detail} {error.hint}"

    def test_the_environment_takes_precedence_over_the_credentials_file(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_credentials("[mlflow]\nmlflow_tracking_username = eve\nmlflow_tracking_password = 50%%-off\n")
        assert authorization(web) == basic("eve", "50%-off")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        assert authorization(web) == basic("ada", "50%-off")

    def test_credentials_in_the_uri_take_precedence(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
        assert authorization(web, web.uri.replace("://", "://ada:p%40ss@")) == basic("ada", "p@ss")

    @pytest.mark.parametrize("password", ["pässwörd", "пароль"])
    def test_credentials_are_sent_as_utf8_wherever_they_come_from(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, password: str
    ) -> None:
        for written in (password, quote(password)):
            assert authorization(web, web.uri.replace("://", f"://ada:{written}@")) == basic("ada", password)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        assert authorization(web) == basic("ada", password)
        (Path.home() / ".netrc").write_text(f"machine 127.0.0.1 login eve password {password}\n")
        assert authorization(web) == basic("eve", password)

    def test_the_workspace_is_sent(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_WORKSPACE", "team-b")
        authorization(web)
        assert web.requests[-1].headers["x-mlflow-workspace"] == "team-b"

    def test_credentials_are_chosen_as_mlflow_does(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        from mlflow import MlflowClient

        web.will_answer(EMPTY)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        write_credentials("[mlflow]\nmlflow_tracking_username = eve\nmlflow_tracking_password = pw\n")
        for name, value in (("TOKEN", "t0ken"), ("USERNAME", "ada"), ("PASSWORD", "pässwörd")):
            monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
            for uri in (web.uri, web.uri.replace("://", "://bob:secret@")):
                ours = authorization(web, uri)
                MlflowClient(uri).search_experiments()
                assert web.requests[-1].headers.get("authorization") == ours

    @pytest.mark.parametrize("text", ["no section\n", "[mlflow]\nmlflow_tracking_password = 100%\n", "\xff"])
    def test_an_invalid_credentials_file_is_an_error(self, web: Web, text: str) -> None:
        folder = Path.home() / ".mlflow"
        folder.mkdir()
        (folder / "credentials").write_bytes(text.encode("latin-1"))
        error = error_from(web.uri)
        assert isinstance(error, StoreRefused)
        assert "credentials" in error.detail
        assert "100%" not in str(error)

    def test_conflicting_tls_settings_are_refused(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem")
        assert isinstance(error_from(web.uri), StoreRefused)

    @pytest.mark.parametrize("name", ["SERVER", "CLIENT"])
    def test_a_missing_certificate_is_named(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}_CERT_PATH", "/nowhere.pem")
        error = error_from(web.uri.replace("http:", "https:"))
        assert isinstance(error, StoreRefused)
        assert "/nowhere.pem" in error.detail


class TestSecrets:
    @pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
    def test_secrets_that_a_server_sends_back_are_masked(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, status: int
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        body = f"You authorization: {basic('ada', PASSWORD)}, that is {PASSWORD}"
        web.will_answer(Answer(status, body.encode()))
        error = error_from(web.uri)
        assert "You authorization" in error.detail
        assert PASSWORD not in repr(error)
        assert basic("ada", PASSWORD).split()[1] not in str(error)

    @pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
    def test_the_password_of_an_unreachable_server_is_masked(self, host: str) -> None:
        error = error_from(f"http://ada:{PASSWORD}@{host}")
        assert PASSWORD not in str(error)

    def test_a_uri_that_a_server_sends_back_is_masked(self, web: Web) -> None:
        web.will_answer(Answer(500, f"http://ada:{PASSWORD}@host failed, {PASSWORD}".encode()))
        error = error_from(web.uri.replace("://", f"://ada:{PASSWORD}@"))
        assert PASSWORD not in str(error)
        assert "failed" in error.detail

    def test_the_repr_of_a_login_holds_no_secrets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from engine.stores.rest.login import read_login

        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", PASSWORD)
        assert PASSWORD not in repr(read_login())
