"""`load-test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.web import Answer, serving
from tests.tui.cli.conftest import Run


@pytest.mark.slow
def test_the_latencies_of_a_server_are_shown_and_errors_fail_the_command(run: Run, folder: Path) -> None:
    (folder / "request.json").write_text('{"inputs": [[1]]}')
    arguments = ("--request", "request.json", "--rate", "20", "--seconds", "1", "--connections", "2")
    with serving() as web:
        done = run("load-test", "--url", web.uri, *arguments)
        assert (done.status, done.err.count("\n")) == (0, 0)
        heading, header, row = done.out.splitlines()[:3]
        assert heading == f"✓ {web.uri}  2 connections"
        assert header.split() == ["rate", "answered/s", "p50", "p95", "p99", "max", "requests", "errors"]
        assert row.split()[0] == "20/s"
        assert "no errors" in row
        found = run("load-test", "--url", web.uri, *arguments, "--json").json
        assert (found["answered"], found["errors"], found["steps"]) == (20, {}, [])

        web.will_answer(*[Answer()] * 4, Answer(503))
        failed = run("load-test", "--url", web.uri, *arguments)
        assert failed.status == 1
        assert "× HTTP 503" in failed.out
    unreachable = run("load-test", "--url", web.uri, *arguments)
    assert unreachable.status == 1
    assert "Cannot connect" in unreachable.err
    foreign = run("load-test", "--url", "http://192.0.2.1:5000", *arguments)
    assert foreign.status == 2
    assert "add --elsewhere" in foreign.err
